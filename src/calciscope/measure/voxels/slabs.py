"""Thin slices put together to the slice spacing that the Agatston score was defined on.

A slab is the mean of whole neighbouring slices: the fewest that reach the spacing asked for, nothing is interpolated.
Thin slices are noisier and show less partial volume, so that their scores read high (Ohnesorge B et al. 2002).

For users: see docs/measures.md#slices.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from calciscope.domain.image import Acquisition, Geometry, Volume
from calciscope.measure.presets import Preset

# Five slices of 0.6 mm are 3 mm also where the product falls a hair short.
_TOLERANCE = 1e-6


@dataclass(frozen=True, slots=True)
class Slabs:
    """``count`` slabs of ``each`` slices along ``axis``, from slice ``first`` on; ``slices`` are those of the stack."""

    axis: int
    slices: int
    each: int
    first: int
    count: int

    @property
    def left_out(self) -> int:
        """How many slices at the ends are in no slab."""
        return self.slices - self.count * self.each

    def grouped(self, array: NDArray[np.generic]) -> NDArray[np.generic]:
        """The slices of an array on the stack's grid by slab, ``(count, each, ...)``: a view, the axis first."""
        used = np.moveaxis(array, self.axis, 0)[self.first : self.first + self.count * self.each]
        return used.reshape(self.count, self.each, *used.shape[1:])


def slabs(volume: Volume, preset: Preset) -> Slabs | None:
    """How the slices of this volume are put together under the preset; ``None`` where they stay as they are.

    They stay where the preset averages nothing (``average_mm``), where they are not thin (neither the increment nor the
    slice thickness is below ``thin_mm``), and where one slab would not fill.

    Which slice is the first decides which slices share a slab, so the rule does not depend on the direction in which
    the stack is listed: slices that fill no slab are left out at both ends, as many at either. Where their number is
    odd, one more is left out at one end: of the two slices in question the one with the lower maximum; if these are
    equal, the next ones inwards decide, and in a stack that is the same from both ends the last one goes.
    """
    axis = volume.acquisition.slice_axis
    increment = volume.geometry.spacing[axis]
    thickness = volume.acquisition.slice_thickness or increment
    if preset.average_mm is None or preset.thin_mm is None or max(increment, thickness) >= preset.thin_mm:
        return None
    each = int(np.ceil(preset.average_mm / increment - _TOLERANCE))
    slices = volume.geometry.shape[axis]
    if each < 2 or slices < each:
        return None
    odd = slices % each
    first = odd // 2
    if odd % 2 and _brighter_last(volume.hu, axis, first):
        first += 1
    return Slabs(axis, slices, each, first, slices // each)


def _brighter_last(hu: NDArray[np.number], axis: int, first: int) -> bool:
    """Whether, from slice ``first`` from either end inwards, the first difference of maxima favours the upper end."""
    others = tuple(other for other in range(3) if other != axis)
    highest = hu.max(axis=others).astype(np.float64)
    highest = highest[first : len(highest) - first]
    differing = np.flatnonzero(highest != highest[::-1])
    return bool(len(differing) and highest[differing[0]] < highest[::-1][differing[0]])


def averaged(volume: Volume, how: Slabs) -> Volume:
    """The volume of slab means, float32; its acquisition says in ``resampled`` what was done.

    A slab of integers is summed exactly, so that turning the stack changes no digit. A slab that holds a missing slice
    counts as missing.
    """
    groups = how.grouped(volume.hu)
    kind = np.int64 if volume.hu.dtype.kind in "iu" else np.float64
    means = np.empty((how.count, *groups.shape[2:]), dtype=np.float32)
    for mean, group in zip(means, groups, strict=True):
        mean[...] = group.sum(axis=0, dtype=kind) / how.each
    return Volume(
        np.moveaxis(means, 0, how.axis), _geometry(volume.geometry, how), _acquisition(volume.acquisition, how, volume)
    )


def prepared(volume: Volume, preset: Preset) -> Volume:
    """The volume as the preset wants it: averaged where it asks for slabs and slices are thin, else as given."""
    how = slabs(volume, preset)
    return volume if how is None else averaged(volume, how)


def averaged_labels(mask: NDArray[np.integer] | NDArray[np.bool_], how: Slabs) -> NDArray[np.integer]:
    """A mask on the grid of the slabs: a voxel has the label that most of its slices carry, 0 only where all do.

    Of labels that equally many slices carry the lower number goes. ``mask`` lies on the grid of the stack.
    """
    labels = mask.astype(np.uint8) if mask.dtype == np.bool_ else mask
    groups = how.grouped(labels)
    result = np.zeros((how.count, *groups.shape[2:]), dtype=labels.dtype)
    for chosen, group in zip(result, groups, strict=True):
        if not group.any():
            continue
        most = np.zeros(chosen.shape, dtype=np.int16)
        for one in group:
            votes = np.where(one != 0, (group == one).sum(axis=0, dtype=np.int16), 0)
            better = (votes > most) | ((votes == most) & (votes > 0) & (one < chosen))
            chosen[better] = one[better]
            most[better] = votes[better]
    return np.moveaxis(result, 0, how.axis)


def _geometry(geometry: Geometry, how: Slabs) -> Geometry:
    centre = [0.0, 0.0, 0.0]
    centre[how.axis] = how.first + (how.each - 1) / 2
    shape, spacing = list(geometry.shape), list(geometry.spacing)
    shape[how.axis] = how.count
    spacing[how.axis] *= how.each
    x, y, z = geometry.to_mm((centre[0], centre[1], centre[2]))
    return replace(
        geometry,
        shape=(shape[0], shape[1], shape[2]),
        spacing=(spacing[0], spacing[1], spacing[2]),
        origin=(float(x), float(y), float(z)),
    )


def _acquisition(acquisition: Acquisition, how: Slabs, volume: Volume) -> Acquisition:
    increment = volume.geometry.spacing[how.axis]
    thickness = acquisition.slice_thickness or increment
    said = f"{how.each} slices each of {increment:g} mm were averaged to {increment * how.each:g} mm"
    if how.left_out:
        plural = "s" if how.left_out > 1 else ""
        said += f", {how.left_out} slice{plural} at the ends left out"
    missing = {(index - how.first) // how.each for index in acquisition.missing_slices}
    return replace(
        acquisition,
        increment=increment * how.each,
        slice_thickness=thickness + (how.each - 1) * increment,
        resampled="; ".join(filter(None, (acquisition.resampled, said))),
        missing_slices=tuple(sorted(index for index in missing if 0 <= index < how.count)),
    )
