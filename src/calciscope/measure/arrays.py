"""Arrays of a caller as a scan and a mask, with one line where they are none."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from calciscope.domain.image import Acquisition, Geometry, Volume, slice_axis
from calciscope.domain.labels import whole_numbers
from calciscope.errors import InputError
from calciscope.measure.dense import labels_in
from calciscope.measure.labels import Labelled

# Attenuation of air: what a voxel that is not a number is taken for.
_AIR_HU = -1024


def volume_of(
    image: NDArray[Any], spacing: Sequence[float], acquisition: Acquisition, axis: int | None, *, whole: bool
) -> Volume:
    """A scan of ``image`` ``(z, y, x)`` in HU with ``spacing`` ``(z, y, x)`` in mm, slices along ``axis``.

    Without ``axis`` slices lie along the largest spacing, else along the first axis. ``whole`` brings the voxels into
    the type of a volume and takes those that are no numbers as air; without it they are read as they are, which is
    enough for scores. The caller's array is neither changed nor locked.

    Raises:
        InputError: no three axes, no real numbers, no voxels, a spacing or thickness that is not positive.
    """
    array = np.asarray(image)
    if array.ndim != 3 or not array.size:
        raise InputError(f"the image has the shape {array.shape}; give one volume (z, y, x) in HU")
    if array.dtype.kind not in "iuf":
        raise InputError(f"the image holds {array.dtype} values; give Hounsfield units as integers or floats")
    lengths = _spacing(spacing)
    if axis is not None and axis not in (0, 1, 2):
        raise InputError(f"slice_axis is 0, 1 or 2, not {axis}")
    thickness = acquisition.slice_thickness
    if thickness is not None and not (math.isfinite(thickness) and thickness > 0):
        raise InputError(f"slice_thickness must be a positive length in mm, not {thickness:g}")
    if acquisition.kvp is not None and not (math.isfinite(acquisition.kvp) and acquisition.kvp > 0):
        raise InputError(f"kvp must be a tube voltage in kV, not {acquisition.kvp:g}")
    along = slice_axis(lengths) if axis is None else axis
    made = replace(acquisition, slice_axis=along, increment=lengths[along])
    shape = (array.shape[0], array.shape[1], array.shape[2])
    values = _whole(array) if whole else array.view()
    return Volume(values, Geometry(shape, lengths), made)


def mask_of(mask: NDArray[Any], shape: tuple[int, int, int], names: Mapping[int, str] | None) -> Labelled:
    """A mask array on an image of ``shape`` with its names; flags are label 1.

    Raises:
        InputError: another shape, values that are no labels, no label at all, or one that ``names`` has not.
    """
    array = np.asarray(mask)
    if array.shape != shape:
        raise InputError(
            f"the mask has the shape {array.shape} and the image {shape}; both must be (z, y, x) of one grid"
        )
    if array.dtype != np.bool_ and array.dtype.kind not in "iu":
        try:
            array = whole_numbers(array)
        except InputError as error:
            raise InputError(f"the mask cannot be used: {error}") from error
    present = _present(array)
    if not present:
        raise InputError("the mask is empty: it holds no label, only background")
    if min(present) < 0:
        raise InputError("the mask cannot be used: it holds values below 0, so no labels; swapped with the image?")
    if names is not None and (missing := [one for one in present if one not in names]):
        few = ", ".join(map(str, missing[:5])) + (", ..." if len(missing) > 5 else "")
        raise InputError(f"{len(missing)} of {len(present)} labels of the mask have no name: {few}")
    if array.dtype.itemsize == 1 and present == [1]:
        array = array.view(np.bool_)
    return Labelled((array,), {one: str(one) if names is None else str(names[one]) for one in present})


def _present(mask: NDArray[Any]) -> list[int]:
    """Every label number, ascending; a mask of one label, as most are, is told apart in one reading."""
    if mask.dtype != np.bool_ and int(np.bitwise_or.reduce(mask, axis=None)) in (0, 1):
        return [1] if mask.any() else []
    return [int(one) for one in labels_in(mask)]


def _spacing(spacing: Sequence[float]) -> tuple[float, float, float]:
    try:
        lengths = tuple(float(one) for one in spacing)
    except (TypeError, ValueError):
        lengths = ()
    if len(lengths) != 3 or not all(math.isfinite(one) and one > 0 for one in lengths):
        raise InputError(f"spacing must be three positive lengths in mm (z, y, x), not {spacing}")
    return lengths


def _whole(array: NDArray[Any]) -> NDArray[np.int16] | NDArray[np.float32]:
    """The voxels as a volume holds them: 16-bit integers where they fit, else floats, without what is no number."""
    if array.dtype.kind == "f":
        return np.nan_to_num(array.astype(np.float32), nan=_AIR_HU, posinf=_AIR_HU, neginf=_AIR_HU)
    limits = np.iinfo(np.int16)
    if array.dtype == np.int16:
        return array.view()
    if array.min() >= limits.min and array.max() <= limits.max:
        return array.astype(np.int16)
    return array.astype(np.float32)
