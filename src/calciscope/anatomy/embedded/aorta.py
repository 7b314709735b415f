"""The descending and abdominal aorta: a round vessel that lies against the front and left of the spine."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from calciscope.anatomy.embedded.circles import Floats, Window, best_path, vote, window
from calciscope.anatomy.embedded.frame import Frame
from calciscope.anatomy.embedded.track import Track, blood, from_path, resized, smoothed

RADII = np.arange(5.0, 27.1, 2.0)
# Box around the vertebral body that holds any aorta beside it, mm: in front, behind, to the right, to the left.
_BOX = (95.0, 12.0, 45.0, 80.0)
# Attenuation of fat, into which bone is turned so that it has an edge against the vessel and is no disc itself.
FAT_HU = -110.0
# Reward is taken away where the centre is fat, air or water rather than blood.
_BLOOD_FLOOR = 10.0
_UNKNOWN_BLOOD = 250.0


def clip_range(blood_hu: float | None) -> tuple[float, float]:
    """The window in which edges count: from fat to a little above blood, so that plaque is no edge of its own."""
    high = _UNKNOWN_BLOOD if blood_hu is None else max(100.0, blood_hu + 70.0)
    return FAT_HU, high


def spine_track(frame: Frame) -> NDArray[np.float64]:
    """``frame.spine`` with gaps filled between vertebrae and beyond the ends for up to 40 mm; NaN elsewhere."""
    spine = frame.spine.copy()
    known = np.flatnonzero(np.isfinite(spine[:, 0]))
    if known.size < 3:
        return np.full_like(spine, np.nan)
    slices = np.arange(len(spine))
    spine = np.stack([np.interp(slices, known, spine[known, k]) for k in range(3)], axis=1)
    beyond = 40.0 / frame.spacing[0]
    spine[(slices < known[0] - beyond) | (slices > known[-1] + beyond)] = np.nan
    return spine


def without_bone(frame: Frame, box: Window, spine: NDArray[np.float64]) -> Floats:
    """The window with the skeleton, marrow included, turned into fat; calcium away from bone stays."""
    index = [
        np.clip((np.arange(n) * f + s + (f - 1) / 2) // g, 0, limit - 1).astype(int)
        for n, f, s, g, limit in zip(box.hu.shape, box.factor, box.start, frame.factor, frame.hu.shape, strict=True)
    ]
    bone = frame.bone[np.ix_(*index)]
    rows = (np.arange(bone.shape[1]) * box.factor[1] + box.start[1]) / frame.factor[1]
    columns = (np.arange(bone.shape[2]) * box.factor[2] + box.start[2]) / frame.factor[2]
    hu = box.hu.copy()
    for z, slice_index in enumerate(index[0]):
        solid = bone[z]
        row, column, radius = spine[slice_index]
        if np.isfinite(row):
            away = np.hypot((rows[:, None] - row) * frame.spacing[1], (columns[None] - column) * frame.spacing[2])
            near = away <= 1.3 * radius
            # The shell of a vertebra, open towards a disc or thinned by osteoporosis, is closed and filled.
            closed = ndimage.binary_closing(np.pad(solid & near, 3), iterations=3)[3:-3, 3:-3]
            solid = solid | ndimage.binary_fill_holes(closed) | (away <= 0.8 * radius)
        hu[z][solid] = FAT_HU
    return hu


def beside_spine(
    frame: Frame, box: Window, spine: NDArray[np.float64], radii: NDArray[np.float64], first: int
) -> Floats:
    """Cost of lying elsewhere than against the front and left of the spine, ``(radius, z, y, x)``, 0 where it fits.

    Behind the heart the aorta may lie as far to the left as beside the vertebra; below the lungs that is the psoas,
    and to the right of the midline is the vena cava.
    """
    count = box.hu.shape[0]
    rows = (np.arange(box.hu.shape[1]) * box.factor[1] + box.start[1]) / frame.factor[1]
    columns = (np.arange(box.hu.shape[2]) * box.factor[2] + box.start[2]) / frame.factor[2]
    row, column, body = (spine[first : first + count, k][:, None, None] for k in range(3))
    front = ((row - rows[None, :, None]) * frame.spacing[1]).astype(np.float32)
    left = ((columns[None, None, :] - column) * frame.spacing[2]).astype(np.float32)
    chest = np.asarray(frame.lungs[first : first + count].any(axis=(1, 2)))
    chest = np.asarray(ndimage.binary_closing(chest, iterations=3) | chest)[:, None, None]
    angle = np.degrees(np.arctan2(left, front))
    turned = np.maximum(angle - np.where(chest, 100.0, 55.0), -22.0 - angle)
    cost = 0.4 * (np.clip(turned, 0, None) / 25.0) ** 2
    away = np.hypot(front, left) - body
    costs = np.empty((len(radii), *box.hu.shape), dtype=np.float32)
    for i, radius in enumerate(radii):
        gap = away - radius
        outside = np.maximum(gap - np.where(chest, 20.0, 16.0), -12.0 - gap)
        costs[i] = cost + 0.4 * (np.clip(outside, 0, None) / 12.0) ** 2
    return costs


def fits_beside_spine(frame: Frame, track: Track) -> NDArray[np.bool_]:
    """Whether an aorta can lie at each point: in front or to the left of the vertebra, not where the cava is."""
    spine = spine_track(frame)
    index = np.clip(np.rint(track.points[:, 0]).astype(int), 0, len(spine) - 1)
    front = (spine[index, 0] - track.points[:, 1]) * frame.spacing[1]
    left = (track.points[:, 2] - spine[index, 1]) * frame.spacing[2]
    gap = np.hypot(front, left) - spine[index, 2] - track.radius
    angle = np.degrees(np.arctan2(left, front))
    return np.asarray((angle > -30.0) & (angle < 115.0) & (gap < 30.0))


def trace(frame: Frame) -> tuple[Track, float | None] | None:
    """The best track beside the whole spine in view, feet first, and the attenuation of its blood.

    Not yet judged: above the arch and below the bifurcation it follows whatever lies there. ``None`` without a spine.
    """
    spine = spine_track(frame)
    known = np.flatnonzero(np.isfinite(spine[:, 0]))
    if known.size < 3:
        return None
    first, last = int(known[0]), int(known[-1]) + 1
    per_mm = 1.0 / frame.spacing[1]
    across = 1.0 / frame.spacing[2]
    low = (first, spine[known, 0].min() - _BOX[0] * per_mm, spine[known, 1].min() - _BOX[2] * across)
    high = (last, spine[known, 0].max() + _BOX[1] * per_mm, spine[known, 1].max() + _BOX[3] * across)
    box = window(frame, low, high)
    if min(box.hu.shape[1:]) < 8:
        return None
    hu = without_bone(frame, box, spine)
    cost = beside_spine(frame, box, spine, RADII, first)
    blood_hu: float | None = None
    track = None
    # The first look, at every third slice, only learns how bright the blood is.
    for step in (3, 1):
        if len(hu[::step]) < 3:
            continue
        score, mean = vote(hu[::step], box.pixel, RADII, *clip_range(blood_hu))
        # A small ring finds support by chance more often than a large one.
        reward = score * np.minimum(1.0, np.sqrt(RADII / 12.0)).astype(np.float32)[:, None, None, None]
        reward -= cost[:, ::step]
        reward -= 0.5 * np.clip((_BLOOD_FLOOR - mean) / 40.0, 0, 1)
        if blood_hu is not None:
            # Darker than blood is no vessel; brighter may be the other lumen of a dissection or plaque.
            reward -= 0.3 * np.clip((blood_hu - mean - 20.0) / 60.0, 0, 1)
        path, _ = best_path(reward, 3 if step > 1 else 2, 0.02 if step == 1 else 0.01, 0.04)
        path[:, 0] *= step
        full = np.zeros((len(RADII), *hu.shape), dtype=np.float32) if step > 1 else score
        if step > 1:
            full[:, ::step] = score
        track = from_path(frame, box, path, full, RADII)
        sure = track.part(track.support >= np.quantile(track.support, 0.6))
        pool = blood(frame, sure, "aorta")
        blood_hu = None if pool is None else pool.mean_hu
    if track is None:
        return None
    if blood_hu is not None:
        track = resized(frame, track, blood_hu)
    return smoothed(track, 1.5), blood_hu
