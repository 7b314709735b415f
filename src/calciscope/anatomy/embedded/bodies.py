"""Organs as bodies bounded by something else: cores of thick tissue, grown back to their surface."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cc3d
import edt
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from calciscope.anatomy.embedded.frame import Frame, Mask

# Half-thickness of the smallest organ that is sought by its core, mm.
_SMALLEST = 14.0


@dataclass(frozen=True, slots=True, eq=False)
class Box:
    """A part of the coarse grid."""

    low: tuple[int, int, int]
    high: tuple[int, int, int]

    @property
    def slices(self) -> tuple[slice, slice, slice]:
        """How to cut it out."""
        z, y, x = (slice(a, b) for a, b in zip(self.low, self.high, strict=True))
        return (z, y, x)

    @property
    def empty(self) -> bool:
        """Whether nothing is in it."""
        return any(a >= b for a, b in zip(self.low, self.high, strict=True))

    def put(self, part: Mask, shape: tuple[int, ...]) -> Mask:
        """A mask of the box as a mask of the whole grid."""
        whole = np.zeros(shape, dtype=np.bool_)
        whole[self.slices] = part
        return whole


@dataclass(frozen=True, slots=True, eq=False)
class Body:
    """One connected body: its mask at ``where`` in a box, volume in ml, centre (whole grid), size in mm ``(z, y, x)``.

    ``cut`` says that it reaches an end of the scan.
    """

    mask: Mask
    where: tuple[slice, ...]
    ml: float
    centre: tuple[float, float, float]
    size: tuple[float, float, float]
    cut: bool


def depth(mask: Mask, spacing: tuple[float, float, float]) -> NDArray[np.float32]:
    """Distance of each voxel of a mask from its surface, mm; the border of the grid is no surface."""
    deep = np.zeros(mask.shape, dtype=np.float32)
    box = _around(mask, (1, 1, 1))
    if box is not None:
        deep[box] = edt.edt(np.ascontiguousarray(mask[box]), anisotropy=spacing, parallel=1)
    return deep


def _around(mask: Mask, margin: tuple[int, ...]) -> tuple[slice, ...] | None:
    """The box of a mask with a margin in voxels, or ``None`` if it is empty."""
    box = []
    for axis, pad in enumerate(margin):
        there = np.flatnonzero(mask.any(axis=tuple(k for k in range(mask.ndim) if k != axis)))
        if not there.size:
            return None
        box.append(slice(max(0, int(there[0]) - pad), int(there[-1]) + 1 + pad))
    return tuple(box)


def clip(frame: Frame, low: tuple[float, float, float], high: tuple[float, float, float]) -> Box:
    """A box of the coarse grid, cut to it."""
    start = [max(0, int(np.floor(v))) for v in low]
    stop = [min(n, int(np.ceil(v)) + 1) for v, n in zip(high, frame.hu.shape, strict=True)]
    return Box((start[0], start[1], start[2]), (stop[0], stop[1], stop[2]))


def bodies(
    mask: Mask,
    deep: NDArray[np.float32],
    box: Box,
    frame: Frame,
    thickness: tuple[float, ...],
    least_ml: float,
    most_mm: tuple[float, float, float],
) -> Iterator[Body]:
    """Candidate bodies of a mask in a box: for each half-thickness in mm the cores deeper than it, grown back.

    Bodies larger than ``most_mm`` ``(z, y, x)`` are left out. Bridges to neighbours that are thinner than twice the
    half-thickness fall away. ``deep`` is :func:`depth` of the mask.
    """
    voxel_ml = float(np.prod(frame.spacing)) / 1000.0
    for level in thickness:
        cores = cc3d.connected_components(deep > level, connectivity=6)
        sizes = np.bincount(cores.ravel())
        reach = level + max(frame.spacing)
        pad = [int(np.ceil(reach / s)) for s in frame.spacing]
        # A ball keeps (1 - level / radius) cubed of its volume, and what is no ball at least a fifth of that.
        least_core = least_ml * max(0.01, 0.2 * max(0.0, 1.0 - level / _SMALLEST) ** 3)
        for label, core in enumerate(ndimage.find_objects(cores), start=1):
            if sizes[label] * voxel_ml < least_core:
                continue
            size = [(s.stop - s.start) * d + 2 * level for s, d in zip(core, frame.spacing, strict=True)]
            if any(length > limit for length, limit in zip(size, most_mm, strict=True)):
                continue
            where = tuple(
                slice(max(0, s.start - p), min(n, s.stop + p)) for s, p, n in zip(core, pad, mask.shape, strict=True)
            )
            own = cores[where] == label
            away = distance(own, frame.spacing)
            part = mask[where] & (away <= reach) & (away <= distance((cores[where] > 0) & ~own, frame.spacing))
            ml = float(part.sum()) * voxel_ml
            if ml >= least_ml:
                tight = ndimage.find_objects(part.astype(np.uint8))[0]
                exact = tuple(slice(w.start + t.start, w.start + t.stop) for w, t in zip(where, tight, strict=True))
                yield _body(part[tight], exact, ml, box, frame)


def distance(mask: Mask, spacing: tuple[float, float, float]) -> NDArray[np.float32]:
    """Distance of each voxel from a mask, mm; infinite without one."""
    if not mask.any():
        return np.full(mask.shape, np.inf, dtype=np.float32)
    return np.asarray(edt.edt(np.ascontiguousarray(~mask), anisotropy=spacing, parallel=1), dtype=np.float32)


def _body(part: Mask, where: tuple[slice, ...], ml: float, box: Box, frame: Frame) -> Body:
    local = np.array(ndimage.center_of_mass(part))
    start = np.array([s.start for s in where]) + np.array(box.low)
    z, y, x = (float(v) for v in local + start)
    size = [(s.stop - s.start) * d for s, d in zip(where, frame.spacing, strict=True)]
    cut = int(start[0]) == 0 or where[0].stop + box.low[0] == frame.hu.shape[0]
    return Body(part, where, ml, (z, y, x), (size[0], size[1], size[2]), cut)


def within(value: float, low: float, good_low: float, good_high: float, high: float) -> float:
    """1 between the good bounds, falling to 0 at the outer ones."""
    if value <= low or value >= high:
        return 0.0
    if value < good_low:
        return (value - low) / (good_low - low)
    if value > good_high:
        return (high - value) / (high - good_high)
    return 1.0


def ball(radius_mm: float, spacing: tuple[float, float, float]) -> Mask:
    """A ball as a structuring element."""
    reach = [int(radius_mm / s) for s in spacing]
    z, y, x = np.ogrid[tuple(slice(-r, r + 1) for r in reach)]
    inside = (z * spacing[0]) ** 2 + (y * spacing[1]) ** 2 + (x * spacing[2]) ** 2 <= radius_mm**2
    return np.asarray(inside, dtype=np.bool_)


def outwards(wall: Mask, middle: int) -> Mask:
    """A wall with all that lies beyond it in its rows, as seen from column ``middle``."""
    out = np.empty_like(wall)
    np.logical_or.accumulate(wall[:, :, middle:], axis=2, out=out[:, :, middle:])
    np.logical_or.accumulate(wall[:, :, :middle][:, :, ::-1], axis=2, out=out[:, :, :middle][:, :, ::-1])
    return out


def grown(mask: Mask, mm: float, spacing: tuple[float, float, float]) -> Mask:
    """A mask and everything within some mm of it, on its own grid."""
    wide = np.zeros(mask.shape, dtype=np.bool_)
    box = _around(mask, tuple(int(np.ceil(mm / s)) for s in spacing))
    if box is not None:
        wide[box] = distance(mask[box], spacing) <= mm
    return wide


def closed(mask: Mask, mm: float, spacing: tuple[float, float, float]) -> Mask:
    """A mask with gaps and dents narrower than twice some mm filled; the border of the grid does not erode it."""
    reach = [int(np.ceil(mm / s)) + 1 for s in spacing]
    padded = np.pad(mask, [(r, r) for r in reach])
    wide = grown(padded, mm, spacing)
    back = depth(wide, spacing) > mm
    return np.asarray(back[tuple(slice(r, -r) for r in reach)] | mask)
