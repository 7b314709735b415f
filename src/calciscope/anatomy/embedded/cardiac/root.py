"""The aortic root and the ascending aorta inside the heart: a disc on every slice, along an axis that is tilted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from calciscope.anatomy.embedded.aorta import clip_range
from calciscope.anatomy.embedded.cardiac.clear_of_fat import clear_of_fat
from calciscope.anatomy.embedded.circles import Floats, Window, best_path, vote, window
from calciscope.anatomy.embedded.frame import Frame, Mask
from calciscope.anatomy.embedded.track import Track, from_path, resized, smoothed

RADII = np.arange(10.0, 23.1, 2.0)
# The root lies in the upper part of the heart: above this share of its height.
_LOWEST = 0.3
# Where the aorta lies between the lungs' borders (0 right, 1 left) and from the front (0) to the back (1) where it
# leaves the heart, and how far that moves from there to the valve.
_ASIDE, _FORWARD, _LOOSE, _SINKS = 0.38, 0.33, 0.14, (0.12, 0.12)
# The usual radius, mm, and how much it varies; a wider circle holds the pulmonary trunk too.
_USUAL_RADIUS, _RADIUS_VARIES = 16.0, 5.0
# From the top of the heart to the valve, mm.
_TO_VALVE = 50.0
# A track of the ascending aorta that is known already holds the path this near, mm.
_NEAR = 6.0
# The ascending aorta leaves the heart this near to its top, mm.
_TOP_MM = 40.0
# From slice to slice the axis moves up to this many mm for each mm of height.
_STEEP = 1.0
# The usual way of the root's axis for each mm towards the feet: to the back and to the left, mm; and what it costs to
# leave it by a voxel from slice to slice.
USUAL_TILT = (0.25, 0.30)
_STRAIGHT = 0.12
# Support of a disc, and the share of the upper half of the path that must have it.
_DISC, _ROUND = 0.2, 0.4


@dataclass(frozen=True, slots=True, eq=False)
class Extent:
    """The heart's borders on each coarse slice, ``(n,)`` coarse voxels, NaN where it is not in view."""

    right: NDArray[np.float64]
    left: NDArray[np.float64]
    front: NDArray[np.float64]
    back: NDArray[np.float64]


def extent(mask: Mask) -> Extent:
    """The borders of a mask ``(z, y, x)`` on each slice."""
    edges = np.full((4, len(mask)), np.nan)
    for z in np.flatnonzero(mask.any(axis=(1, 2))).tolist():
        columns, rows = np.flatnonzero(mask[z].any(axis=0)), np.flatnonzero(mask[z].any(axis=1))
        edges[:, z] = columns[0], columns[-1], rows[0], rows[-1]
    return Extent(*edges)


def blood_of(frame: Frame, heart: Mask) -> float:
    """Attenuation of the heart's contents: the median of its soft tissue, HU."""
    inside = frame.hu[heart & (frame.hu > -20.0) & (frame.hu < 600.0)]
    return float(np.median(inside)) if inside.size else 45.0


def trace_root(frame: Frame, heart: Mask, so_far: Mapping[str, tuple[Mask, float]]) -> Track | None:
    """Root and ascending aorta, feet first, or ``None`` where nothing round is found.

    ``heart`` is the heart region with the aorta in it. The path follows the most disc-like column from above the heart
    into it; below the valve it runs on in the outflow tract.
    """
    slices = np.flatnonzero(heart.any(axis=(1, 2)))
    if slices.size < 4:
        return None
    first = int(slices[0] + _LOWEST * (slices[-1] - slices[0]))
    last = int(slices[-1]) + 1
    borders = extent(heart)
    blood_hu = blood_of(frame, heart)
    pad = 12.0 / frame.spacing[1]
    low = (first, np.nanmin(borders.front) - pad, np.nanmin(borders.right) - pad)
    high = (last, np.nanmax(borders.back) + pad, np.nanmax(borders.left) + pad)
    box = window(frame, low, high)
    if box.hu.shape[0] < 4 or min(box.hu.shape[1:]) < 12:
        return None
    score, mean = vote(box.hu, box.pixel, RADII, *clip_range(blood_hu))
    reward = (score - _place_cost(frame, borders, box, so_far, int(slices[-1]))[None]).astype(np.float32)
    reward -= 0.4 * np.clip((np.abs(mean - min(blood_hu, clip_range(blood_hu)[1])) - 25.0) / 60.0, 0, 1)
    reward -= (0.06 * ((RADII - _USUAL_RADIUS) / _RADIUS_VARIES) ** 2).astype(np.float32)[:, None, None, None]
    reach = max(1, round(_STEEP * frame.spacing[0] / min(box.pixel)))
    # The path is sought in a box that leans as roots usually do: to leave that way costs, to follow it does not.
    lean = _lean(box, frame.spacing[0])
    for k, (down, across) in enumerate(lean.tolist()):
        reward[:, k] = np.roll(reward[:, k], (-down, -across), axis=(1, 2))
    path, _ = best_path(reward, reach, _STRAIGHT, 0.06)
    path[:, 2:] = (path[:, 2:] + lean[path[:, 0]]) % np.array(box.hu.shape[1:])
    track = from_path(frame, box, path, score, RADII)
    # The lower half runs on in the outflow tract, which has no rim.
    if float(np.mean(track.support[len(track) // 2 :] >= _DISC)) < _ROUND:
        return None
    return clear_of_fat(frame, smoothed(resized(frame, track, blood_hu), max(0.7, 3.5 / frame.spacing[0])))


def _lean(box: Window, height: float) -> NDArray[np.int64]:
    """Shift of each slice against the top one, rows and columns, by the usual tilt."""
    below = (box.hu.shape[0] - 1 - np.arange(box.hu.shape[0]))[:, None] * height
    return np.asarray(np.rint(below * np.array(USUAL_TILT) / np.array(box.pixel)), dtype=np.int64)


def _place_cost(
    frame: Frame, borders: Extent, box: Window, so_far: Mapping[str, tuple[Mask, float]], top: int
) -> Floats:
    """Cost of lying elsewhere than where the aorta leaves the heart, ``(z, y, x)``."""
    slices = np.arange(box.hu.shape[0]) + box.start[0] // frame.factor[0]
    rows = (np.arange(box.hu.shape[1]) * box.factor[1] + box.start[1]) / frame.factor[1]
    columns = (np.arange(box.hu.shape[2]) * box.factor[2] + box.start[2]) / frame.factor[2]
    known = np.flatnonzero(np.isfinite(borders.right))
    right, left, front, back = (
        np.interp(slices, known, edge[known])[:, None, None]
        for edge in (borders.right, borders.left, borders.front, borders.back)
    )
    sunk = np.clip((top - slices) * frame.spacing[0] / _TO_VALVE, 0.0, 1.2)[:, None, None]
    aside = (columns[None, None, :] - right) / np.maximum(left - right, 1.0) - _ASIDE - _SINKS[0] * sunk
    forward = (rows[None, :, None] - front) / np.maximum(back - front, 1.0) - _FORWARD - _SINKS[1] * sunk
    cost = np.minimum(0.1 * ((aside / _LOOSE) ** 2 + (forward / _LOOSE) ** 2), 0.8)
    if "aorta_ascending" in so_far:
        mask, certain = so_far["aorta_ascending"]
        there = np.flatnonzero(mask.any(axis=(1, 2)))
        # Its lower end is where it was lost: the upper half is sure, and a disc deep in the heart is another chamber.
        sure = max(int(np.median(there)), round(top - _TOP_MM / frame.spacing[0])) if there.size else len(mask)
        for k, z in enumerate(slices.tolist()):
            inside = np.argwhere(mask[z]) if z >= sure else np.zeros((0, 2))
            if len(inside):
                y, x = inside.mean(axis=0)
                away = np.hypot((rows[:, None] - y) * frame.spacing[1], (columns[None] - x) * frame.spacing[2])
                cost[k] = np.minimum(0.3 * certain * (away / _NEAR) ** 2, 1.0)
    return np.asarray(cost, dtype=np.float32)
