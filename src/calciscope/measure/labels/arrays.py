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
from calciscope.measure.labels.masks import Labelled
from calciscope.measure.voxels.dense import labels_in

# Attenuation of air: what a voxel that is not a number is taken for.
_AIR_HU = -1024
# Spacing of voxels in CT lies within these, mm: what lies outside is in another unit.
_PLAUSIBLE_MM = (0.01, 100.0)
# More than this share of values that are no numbers and the array is not worth repairing.
_MOST_NAN = 0.5
# So many slices tell whether an array holds Hounsfield units.
_SLICES = 16


def volume_of(
    image: NDArray[Any],
    spacing: Sequence[float] | NDArray[Any],
    acquisition: Acquisition,
    axis: int | None,
    *,
    whole: bool,
) -> Volume:
    """A scan of ``image`` ``(z, y, x)`` in HU with ``spacing`` ``(z, y, x)`` in mm, slices along ``axis``.

    Without ``axis`` slices lie along the largest spacing, else along the first axis. ``whole`` brings the voxels into
    the type of a volume; without it they are read as they are, which is enough for scores. Those that are no finite
    numbers are taken as air. What looks odd is in the notes of the acquisition. The caller's array is neither changed
    nor locked.

    Raises:
        InputError: no three axes, no real numbers, no voxels, more than half of them not finite, a spacing or
            thickness that is not positive or in another unit.
    """
    array = np.asarray(image)
    if array.ndim != 3 or not array.size:
        raise InputError(f"the image has the shape {array.shape}; give one volume (z, y, x) in HU")
    if array.dtype.kind not in "iuf":
        raise InputError(f"the image holds {array.dtype} values; give Hounsfield units as integers or floats")
    lengths = _spacing(spacing)
    if axis is not None and (not isinstance(axis, int | np.integer) or axis not in (0, 1, 2)):
        raise InputError(f"slice_axis is 0, 1 or 2, not {axis}")
    thickness = acquisition.slice_thickness
    if thickness is not None and not (math.isfinite(thickness) and thickness > 0):
        raise InputError(f"slice_thickness must be a positive length in mm, not {thickness:g}")
    along = slice_axis(lengths) if axis is None else axis
    array, notes = _finite(array)
    notes = (*_doubts(array, along if axis is None else 0), *notes)
    made = replace(acquisition, slice_axis=along, increment=lengths[along], notes=(*acquisition.notes, *notes))
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
    if names is not None and any(not isinstance(names[one], str) or not names[one].strip() for one in present):
        raise InputError("the name of a label is a text that is not empty")
    if array.dtype.itemsize == 1 and present == [1]:
        array = array.view(np.bool_)
    return Labelled((array,), {one: str(one) if names is None else names[one] for one in present})


def _present(mask: NDArray[Any]) -> list[int]:
    """Every label number, ascending; a mask of one label, as most are, is told apart in one reading."""
    slices = np.moveaxis(mask, int(np.argmax(np.abs(mask.strides))), 0)
    if mask.dtype != np.bool_ and all(int(np.bitwise_or.reduce(one, axis=None)) in (0, 1) for one in slices):
        return [1] if mask.any() else []
    return [int(one) for one in labels_in(mask)]


def _spacing(spacing: Sequence[float] | NDArray[Any]) -> tuple[float, float, float]:
    try:
        lengths = tuple(float(one) for one in spacing)
    except (TypeError, ValueError):
        lengths = ()
    if len(lengths) != 3 or not all(math.isfinite(one) and one > 0 for one in lengths):
        raise InputError(f"spacing must be three positive lengths in mm (z, y, x), not {spacing}")
    if min(lengths) < _PLAUSIBLE_MM[0] or max(lengths) > _PLAUSIBLE_MM[1]:
        raise InputError(f"spacing {spacing} is that of no CT; give it in mm, (z, y, x)")
    return lengths


def _finite(array: NDArray[Any]) -> tuple[NDArray[Any], tuple[str, ...]]:
    """The array with air for what is no finite number, a copy only where there is any, and a note of it."""
    # Its extremes tell it without an array of flags: either of them is not finite if any voxel is not.
    if array.dtype.kind != "f" or (math.isfinite(array.min()) and math.isfinite(array.max())):
        return array, ()
    bad = ~np.isfinite(array)
    count = int(np.count_nonzero(bad))
    if count > _MOST_NAN * array.size:
        raise InputError(f"{count / array.size:.0%} of the voxels of the image are not finite numbers (NaN)")
    told = f"{count} voxels of the image were not finite numbers (NaN) and were taken as air"
    return np.where(bad, array.dtype.type(_AIR_HU), array), (told,)


def _doubts(array: NDArray[Any], along: int) -> tuple[str, ...]:
    """What looks like a slip of the caller's, in words; ``along`` is the slice axis where it was concluded."""
    notes = []
    # A few slices as they lie in memory, of which the first in a CT already has air in it.
    slices = np.moveaxis(array, int(np.argmax(np.abs(array.strides))), 0)
    if all(one.min() >= 0 for one in slices[:: 1 + len(slices) // _SLICES]):
        notes.append("no voxel seems below 0, so these may be no Hounsfield units: was the rescale intercept left out?")
    if along:
        notes.append(f"slices are taken to lie along axis {along}, which has the largest spacing; spacing is (z, y, x)")
    return tuple(notes)


def _whole(array: NDArray[Any]) -> NDArray[np.int16] | NDArray[np.float32]:
    """The voxels as a volume holds them: 16-bit integers where they fit, else floats."""
    if array.dtype.kind == "f":
        # What overflows 32 bits is no attenuation either.
        with np.errstate(over="ignore"):
            return np.nan_to_num(array.astype(np.float32), nan=_AIR_HU, posinf=_AIR_HU, neginf=_AIR_HU)
    limits = np.iinfo(np.int16)
    if array.dtype == np.int16:
        return array.view()
    if array.min() >= limits.min and array.max() <= limits.max:
        return array.astype(np.int16)
    return array.astype(np.float32)
