"""Labels that a person or a program drew: which voxels of an image are what, on a grid of their own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import product
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from calciscope.domain.image import Geometry
from calciscope.errors import InputError

LabelArray = NDArray[np.integer]

# Voxels of one grid: no corner lies further than this share of a voxel from where the other grid has it.
SAME_GRID = 0.1
# A coordinate this close below the border between two voxels is on it: rounding of headers must not decide.
_BORDER = 1e-4
# More labels than any segmentation has; a CT stored without negative numbers has more values than these.
_MOST_LABELS = 4096
# Cosines of two axes that differ less from 0 or 1 are parallel: over 1000 voxels it makes less than one.
_PARALLEL = 1e-3


@dataclass(frozen=True, slots=True, eq=False)
class Labels:
    """Label numbers in the canonical frame; 0 is background.

    ``layers`` are arrays ``(z, y, x)`` of the shape of ``geometry``; there are several where labels overlap, and a
    number then occurs in one layer only. ``names`` holds the name of every number that occurs. ``source`` is the name
    of the file, ``notes`` say what a reader of the numbers should know.
    """

    source: str
    layers: tuple[LabelArray, ...]
    geometry: Geometry
    names: Mapping[int, str] = field(default_factory=lambda: MappingProxyType({}))
    notes: tuple[str, ...] = ()

    def fits(self, geometry: Geometry) -> bool:
        """Whether this is the grid of ``geometry``, but for rounding."""
        if self.geometry.shape != geometry.shape:
            return False
        corners = _corners(geometry.shape)
        return bool(np.abs(self.geometry.to_index(geometry.to_mm(corners)) - corners).max() <= SAME_GRID)

    def aligned(self, geometry: Geometry) -> bool:
        """Whether every voxel is one of ``geometry``, but for rounding, as those of a few slices of an image are."""
        corners = _corners(self.geometry.shape)
        at = geometry.to_index(self.geometry.to_mm(corners))
        return bool(np.abs(at - corners - np.rint(at[0] - corners[0])).max() <= SAME_GRID)

    def on(self, geometry: Geometry) -> tuple[LabelArray, ...]:
        """The layers on another grid: each voxel takes the label of the nearest one in patient coordinates.

        Outside the own grid there is background.
        """
        if self.fits(geometry):
            return self.layers
        return tuple(_nearest(layer, self.geometry, geometry) for layer in self.layers)

    def overlaps(self, geometry: Geometry) -> bool:
        """Whether the box around everything labelled shares a part with the image of ``geometry``."""
        at = self._box_in(geometry)
        if at is None:
            return False
        return bool((at.max(axis=0) > -0.5).all() and (at.min(axis=0) < np.array(geometry.shape) - 0.5).all())

    def reaches_beyond(self, geometry: Geometry) -> bool:
        """Whether labelled voxels lie outside the image of ``geometry``."""
        at = self._box_in(geometry)
        if at is None:
            return False
        # Half a voxel of the image belongs to it beyond its last centre.
        return bool((at < -0.5 - SAME_GRID).any() or (at > np.array(geometry.shape) - 0.5 + SAME_GRID).any())

    def _box_in(self, geometry: Geometry) -> NDArray[np.float64] | None:
        """Corners of the box around everything labelled as indices into another grid, ``(8, 3)``."""
        boxes = [box for layer in self.layers if (box := _box(layer)) is not None]
        if not boxes:
            return None
        low, high = np.min([box[0] for box in boxes], axis=0), np.max([box[1] for box in boxes], axis=0)
        ends = np.array(list(product(*zip(low, high, strict=True))), dtype=np.float64)
        return geometry.to_index(self.geometry.to_mm(ends))


def whole_numbers(values: NDArray[Any], most: int = _MOST_LABELS) -> LabelArray:
    """Values as label numbers in the smallest type that holds them; flags become 0 and 1.

    Raises :class:`~calciscope.errors.InputError` where they are no labels: fractions, numbers below 0, or as many
    different ones as an image has.
    """
    if values.dtype == np.bool_:
        return values.astype(np.uint8)
    if values.dtype.kind not in "iuf":
        raise InputError("it holds neither whole numbers nor flags, so no labels")
    swapped = "; were the image and the mask swapped?"
    if values.size and values.dtype.kind == "f" and not np.array_equal(values, np.rint(values)):
        raise InputError("it holds values that are not whole numbers, so no labels; give a mask of whole numbers")
    low, high = (float(values.min()), float(values.max())) if values.size else (0.0, 0.0)
    if low < 0:
        raise InputError(f"it holds values below 0, so no labels but perhaps Hounsfield units{swapped}")
    if high > np.iinfo(np.int32).max:
        raise InputError("it holds numbers too large for labels")
    small = np.uint8 if high <= np.iinfo(np.uint8).max else np.uint16 if high <= np.iinfo(np.uint16).max else np.int32
    if high > most and len(np.unique(values)) > most:
        raise InputError(f"it holds more than {most} different values, so no labels{swapped}")
    return values.astype(small, copy=False)


def told_apart(names: Mapping[int, str]) -> dict[int, str]:
    """A name for each label: its own, with its number where several share one, the number alone where it has none."""
    count = Counter(names.values())
    return {
        label: name if name and count[name] == 1 else f"{name} ({label})" if name else str(label)
        for label, name in names.items()
    }


def _corners(shape: tuple[int, int, int]) -> NDArray[np.float64]:
    return np.array(list(product(*((0.0, size - 1.0) for size in shape))))


def _box(layer: LabelArray) -> tuple[NDArray[np.intp], NDArray[np.intp]] | None:
    present = [np.flatnonzero(layer.any(axis=tuple({0, 1, 2} - {axis}))) for axis in range(3)]
    if not len(present[0]):
        return None
    return np.array([one[0] for one in present]), np.array([one[-1] for one in present])


def _nearest(layer: LabelArray, own: Geometry, geometry: Geometry) -> LabelArray:
    origin = own.to_index(geometry.to_mm((0.0, 0.0, 0.0)))
    # Row i: how far one step along axis i of the new grid goes in the own index.
    steps = np.stack([own.to_index(geometry.to_mm(tuple(np.eye(3)[i]))) - origin for i in range(3)])
    aligned = np.abs(steps - np.diag(np.diag(steps))).max() <= _PARALLEL * np.abs(np.diag(steps)).min()
    if aligned:
        places = [
            _voxel(origin[axis] + steps[axis, axis] * np.arange(geometry.shape[axis]), layer.shape[axis])
            for axis in range(3)
        ]
        inside = [place >= 0 for place in places]
        result = np.zeros(geometry.shape, dtype=layer.dtype)
        taken = layer[np.ix_(*(place[there] for place, there in zip(places, inside, strict=True)))]
        result[np.ix_(*inside)] = taken
        return result
    result = np.zeros(geometry.shape, dtype=layer.dtype)
    rows, columns = np.meshgrid(*(np.arange(size) for size in geometry.shape[1:]), indexing="ij")
    plane = rows[..., None] * steps[1] + columns[..., None] * steps[2]
    for z in range(geometry.shape[0]):
        at = origin + z * steps[0] + plane
        index = [_voxel(at[..., axis], layer.shape[axis]) for axis in range(3)]
        there = np.logical_and.reduce([one >= 0 for one in index])
        result[z][there] = layer[tuple(one[there] for one in index)]
    return result


def _voxel(at: NDArray[np.float64], size: int) -> NDArray[np.intp]:
    """The voxel that each fractional index lies in, -1 outside."""
    whole = np.floor(at + 0.5 + _BORDER).astype(np.intp)
    return np.where((whole >= 0) & (whole < size), whole, -1)
