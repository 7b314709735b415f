"""The body frame: what every organ finder starts from, on a coarse grid so that a trunk takes seconds.

The coarse grid is the volume averaged over whole blocks of ``factor`` voxels ``(z, y, x)``: coarse voxel ``i`` covers
volume voxels ``i * factor`` to ``(i + 1) * factor - 1``. All masks here are coarse and share ``hu``'s shape.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import wraps
from types import MappingProxyType
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from calciscope.domain.anatomy import BloodPool, Landmark, Region, Tube
from calciscope.domain.image import Volume

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Frame:
    """Body, lungs, airway, skeleton, metal and the part of the body in view.

    ``spine`` is ``(n_slices, 3)``: for each coarse slice the row and column (coarse voxels) of the vertebral body's
    centre and the radius of the body in mm, NaN where there is no vertebra in view.
    """

    volume: Volume
    hu: NDArray[np.float32]
    factor: tuple[int, int, int]
    spacing: tuple[float, float, float]
    body: Mask
    lung_left: Mask
    lung_right: Mask
    airway: Mask
    bone: Mask
    metal: Mask
    fat: Mask
    spine: NDArray[np.float64]
    regions: tuple[Region, ...]
    notes: tuple[str, ...] = ()

    @property
    def lungs(self) -> Mask:
        """Both lungs."""
        return np.asarray(self.lung_left | self.lung_right)

    def slices_in(self, *names: str) -> NDArray[np.bool_]:
        """Which coarse slices lie in any of the named regions of the body."""
        chosen = np.zeros(self.hu.shape[0], dtype=np.bool_)
        for region in self.regions:
            if region.name in names:
                chosen[region.start // self.factor[0] : -(-region.stop // self.factor[0])] = True
        return chosen

    def to_mm(self, coarse: NDArray[np.floating] | tuple[float, ...]) -> NDArray[np.float64]:
        """LPS mm of coarse indices ``(..., 3)`` as ``(z, y, x)``."""
        factor = np.array(self.factor, dtype=np.float64)
        return self.volume.geometry.to_mm(np.asarray(coarse, dtype=np.float64) * factor + (factor - 1) / 2)

    def to_coarse(self, point: NDArray[np.floating] | tuple[float, ...]) -> NDArray[np.float64]:
        """Fractional coarse index of a point in LPS mm."""
        factor = np.array(self.factor, dtype=np.float64)
        index = self.volume.geometry.to_index(point)
        return np.asarray((index - (factor - 1) / 2) / factor, dtype=np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """What one organ finder contributes: coarse masks with confidence, curves, landmarks, notes.

    ``not_bone`` is what the frame took for bone and is enhanced blood.

    Structure names are those of the TotalSegmentator class list where it has one (``aorta``, ``kidney_left``,
    ``urinary_bladder``), plain English otherwise.
    """

    masks: Mapping[str, tuple[Mask, float]] = field(default_factory=lambda: MappingProxyType({}))
    tubes: Mapping[str, Tube] = field(default_factory=lambda: MappingProxyType({}))
    landmarks: Mapping[str, Landmark] = field(default_factory=lambda: MappingProxyType({}))
    blood_pool: BloodPool | None = None
    notes: tuple[str, ...] = ()
    not_bone: Mask | None = None


_Found = TypeVar("_Found")


def once(find: Callable[[Frame], _Found]) -> Callable[[Frame], _Found]:
    """``find`` computed once for each frame and kept as long as the frame; arrays are handed out read-only."""
    kept: WeakKeyDictionary[Frame, Any] = WeakKeyDictionary()

    @wraps(find)
    def found(frame: Frame) -> _Found:
        if frame not in kept:
            value = find(frame)
            if isinstance(value, np.ndarray):
                value.setflags(write=False)
            kept[frame] = value
        return kept[frame]  # type: ignore[no-any-return]

    return found
