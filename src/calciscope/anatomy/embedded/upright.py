"""Whether the head is up: legs below the spine, lungs that taper to their tops, hips far below them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from calciscope.anatomy.embedded.frame import Frame, Mask
from calciscope.anatomy.embedded.track import hull

# Hips on both sides in cross-section, mm across and mm2.
_RING_MM, _RING_MM2 = 150.0, 2000.0
# A slice of lung, mm2.
_LUNG_MM2 = 3000.0
# Lungs this high tell where the chest is; shoulders end so far above them, and hips begin further away, mm.
_CHEST, _SHOULDERS = 40.0, 110.0
# Bone within the first of the body's middle, and beyond the second on both sides, mm; how much of it tells, mm2, how
# much of the other kind is none, and over which height it tells, mm.
_MIDDLE, _OUTSIDE, _BONE_MM2, _ALONE, _ENOUGH_MM = 30.0, 55.0, 400.0, (0.25, 0.1), 25.0
_DENSE_HU = 180.0
# Lungs surround more than this share of the body's section near their bases, and less near their tops.
_BASE_SHARE = 0.42
# The windpipe begins this far beyond the tops of the lungs, mm.
_WINDPIPE = 9.0
# The lungs taper to their tops and end below as wide as the diaphragm: what they surround this far from either end, mm,
# where the body goes on so far beyond both, mm; the tapering end surrounds this many times less (in people 0.9 to 2.7).
_FROM_END, _BEYOND, _TAPER = 30.0, 9.0, 1.5


def upside_down(frame: Frame) -> bool:
    """Whether legs lie above the spine, hips further above the lungs than any shoulder, or the lungs upside down."""
    if _legs_above(frame):
        return True
    lungs = np.flatnonzero(frame.lungs.any(axis=(1, 2)))
    if not lungs.size or np.ptp(lungs) * frame.spacing[0] < _CHEST:
        return False
    if _tapers_down(frame, int(lungs[0]), int(lungs[-1])) or _based_above(frame, lungs) or _topped_below(frame, lungs):
        return True
    above = frame.bone[int(lungs[-1] + _SHOULDERS / frame.spacing[0]) :]
    below = frame.bone[: int(lungs[0])]
    return _ring(above, frame) > 3 * max(_ring(below, frame), 1)


def midline(frame: Frame, z: int) -> NDArray[np.bool_]:
    """Which columns of a slice are near the middle of the body."""
    there = np.flatnonzero(frame.body[z].any(axis=0))
    middle = float(there.mean()) if there.size else 0.0
    return np.asarray(np.abs(np.arange(frame.body.shape[2]) - middle) * frame.spacing[2] < _MIDDLE)


def columns_and_legs(frame: Frame) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Slices with bone in the middle alone, as between ribs and hips, and with bone on both sides alone, as in legs."""
    columns, legs = np.zeros((2, len(frame.body)), dtype=np.bool_)
    mm2 = frame.spacing[1] * frame.spacing[2]
    # Noise and contrast tear holes into the skeleton; dense is dense. Between the lungs is always a spine.
    dense = frame.body & (frame.hu > _DENSE_HU)
    for z in np.flatnonzero(dense.any(axis=(1, 2)) & ~frame.lungs.any(axis=(1, 2))).tolist():
        there = np.flatnonzero(frame.body[z].any(axis=0))
        if not there.size:
            continue
        area = dense[z].sum(axis=0) * mm2
        aside = (np.arange(len(area)) - float(there.mean())) * frame.spacing[2]
        middle = float(area[np.abs(aside) < _MIDDLE].sum())
        sides = 2.0 * min(float(area[aside < -_OUTSIDE].sum()), float(area[aside > _OUTSIDE].sum()))
        columns[z] = middle > _BONE_MM2 and sides < _ALONE[0] * middle
        legs[z] = sides > _BONE_MM2 and middle < _ALONE[1] * sides
    return columns, legs


def _legs_above(frame: Frame) -> bool:
    """Whether legs lie where the head should be, as seen from the lumbar spine."""
    columns, legs = (np.flatnonzero(there) * frame.spacing[0] for there in columns_and_legs(frame))
    if min(columns.size, legs.size) * frame.spacing[0] < _ENOUGH_MM:
        return False
    return float(np.median(legs) - np.median(columns)) > _CHEST


def _based_above(frame: Frame, lungs: NDArray[np.int64]) -> bool:
    """Whether the lungs leave the scan below and end above in a wide section without a windpipe beyond: their bases."""
    area = frame.lungs.sum(axis=(1, 2)) * frame.spacing[1] * frame.spacing[2]
    beyond = frame.body[lungs[-1] + 1 :].any(axis=(1, 2)).sum() * frame.spacing[0]
    if lungs[0] > 1 or area[lungs[0]] < _LUNG_MM2 or beyond < _CHEST or frame.airway[lungs[-1] + 1 :].any():
        return False
    z = max(int(lungs[0]), int(lungs[-1]) - max(1, round(_FROM_END / frame.spacing[0])))
    return float(hull(frame.lungs[z]).sum()) > _BASE_SHARE * float(frame.body[z].sum())


def _topped_below(frame: Frame, lungs: NDArray[np.int64]) -> bool:
    """Whether the lungs end below in a narrow section with the windpipe beyond: their tops."""
    wind = np.flatnonzero(frame.airway.any(axis=(1, 2)))
    if not wind.size or (lungs[0] - wind[0]) * frame.spacing[0] < _WINDPIPE or wind.mean() > lungs.mean():
        return False
    z = min(int(lungs[-1]), int(lungs[0]) + max(1, round(_FROM_END / frame.spacing[0])))
    return float(hull(frame.lungs[z]).sum()) < _BASE_SHARE * float(frame.body[z].sum())


def _tapers_down(frame: Frame, low: int, high: int) -> bool:
    """Whether both ends of the lungs are in view and the upper one is much wider than the lower one."""
    beyond = round(_BEYOND / frame.spacing[0])
    step = max(1, round(_FROM_END / frame.spacing[0]))
    if low < beyond or high >= len(frame.body) - beyond or high - low < 3 * step:
        return False
    if not (frame.body[low - beyond].any() and frame.body[high + beyond].any()):
        return False
    below, above = (float(hull(frame.lungs[z]).sum()) for z in (low + step, high - step))
    return above > _TAPER * max(below, 1.0)


def _ring(bone: Mask, frame: Frame) -> int:
    """Slices with a wide and large section of bone on both sides: hips."""
    if not len(bone):
        return 0
    columns = np.arange(bone.shape[2]) * frame.spacing[2]
    count = 0
    for plane in bone:
        there = np.flatnonzero(plane.any(axis=0))
        area = float(plane.sum()) * frame.spacing[1] * frame.spacing[2]
        count += bool(there.size and columns[there[-1]] - columns[there[0]] > _RING_MM and area > _RING_MM2)
    return count
