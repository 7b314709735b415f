"""The arteries that leave the arch: brachiocephalic, left common carotid and left subclavian over their first course.

Above the arch they run up as discs in fat and beside lung, in a fixed order round the windpipe: the first in front and
to the right, the last behind and to the left. Each is the most disc-like path near where it belongs.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from calciscope.anatomy.embedded.aorta import clip_range, spine_track, without_bone
from calciscope.anatomy.embedded.circles import Floats, Window, best_path, vote, window
from calciscope.anatomy.embedded.frame import Frame
from calciscope.anatomy.embedded.track import Track, from_path, joined, smoothed

_RADII = np.arange(2.5, 9.1, 1.0)
# Pixel of the search, mm: the left carotid is three of it across.
_PIXEL = 1.4
# How far above the top of the arch they are followed, mm, and how little is too little.
_HIGH, _SHORTEST = 48.0, 12.0
# Beside the windpipe: half the box to both sides, in front and behind, mm.
_BOX = (52.0, 52.0, 34.0)
# Support below which a cross-section is no disc; over this height on average, mm.
_FAINT, _SPAN = 0.24, 12.0
# The wall of the arch round the origin of a branch, mm.
_ORIGIN = 12.0
# A branch begins this near to the wall of the arch, mm.
_FROM_ARCH = 19.0
# Room for both walls between two arteries, mm.
_BETWEEN = 2.0
# The windpipe may end below the top of the search by this much, mm; it goes straight on.
_WINDPIPE = 40.0


@dataclass(frozen=True, slots=True)
class _Branch:
    """Where a branch lies beside the middle of the windpipe at the top of the arch and 45 mm higher: left, front; mm.

    ``slack`` is how far from there it may lie for nothing, ``radius`` what it usually measures, and ``sure`` how
    certain a clear one is: each was checked on few scans. ``reach`` is how far above the arch it is followed, mm.
    """

    name: str
    low: tuple[float, float]
    high: tuple[float, float]
    slack: tuple[float, float]
    radius: tuple[float, float]
    sure: float
    reach: float


_BRANCHES = (
    _Branch("brachiocephalic_trunk", (-4.0, 17.0), (-22.0, 14.0), (10.0, 10.0), (5.0, 8.5), 0.75, 36.0),
    _Branch("subclavian_artery_left", (21.0, -5.0), (30.0, -5.0), (9.0, 12.0), (3.5, 7.0), 0.75, 45.0),
    _Branch("common_carotid_artery_left", (14.0, 11.0), (21.0, 8.0), (8.0, 10.0), (2.5, 5.0), 0.65, 36.0),
)


def trace_branches(frame: Frame, top: Track, blood_hu: float) -> dict[str, tuple[Track, float]]:
    """Tracks, feet first, and confidence of the branches of an arch by name; empty without a windpipe beside them.

    ``top`` is the arch from the ascending to the descending aorta.
    """
    spine = spine_track(frame)
    peak = int(np.argmax(top.points[:, 0]))
    first = int(np.ceil(top.points[peak, 0] + top.radius[peak] / frame.spacing[0]))
    lungs = np.flatnonzero(frame.lungs.any(axis=(1, 2)))
    if not lungs.size:
        return {}
    # Above the tops of the lungs they turn aside.
    last = min(int(first + _HIGH / frame.spacing[0]), frame.hu.shape[0], int(lungs[-1]) + 1)
    wind = windpipe(frame, first, last)
    if wind is None or (last - first) * frame.spacing[0] < _SHORTEST:
        return {}
    middle = np.median(wind, axis=0)
    low = (first, middle[0] - _BOX[1] / frame.spacing[1], middle[1] - _BOX[0] / frame.spacing[2])
    high = (last, middle[0] + _BOX[2] / frame.spacing[1], middle[1] + _BOX[0] / frame.spacing[2])
    box = window(frame, low, high, _PIXEL)
    if min(box.hu.shape) < 3 or min(box.hu.shape[1:]) < 20:
        return {}
    hu = without_bone(frame, box, spine)
    score, mean = vote(hu, box.pixel, _RADII, *clip_range(blood_hu))
    unlike = np.clip((min(blood_hu, clip_range(blood_hu)[1]) - mean - 35.0) / 60.0, 0, 1)
    reward = score - 0.4 * unlike.astype(np.float32)
    left, front = _beside(frame, box, wind)
    taken = np.zeros(box.hu.shape, dtype=np.float32)
    found: dict[str, tuple[Track, float]] = {}
    for branch in _BRANCHES:
        cost = _astray(branch, left, front, frame.spacing[0])
        sized = np.maximum(branch.radius[0] - _RADII, _RADII - branch.radius[1])
        own = reward - (cost + taken)[None] - (0.06 * np.clip(sized, 0, None))[:, None, None, None].astype(np.float32)
        path, _ = best_path(own.astype(np.float32), 3, 0.015, 0.05)
        if not len(path):
            continue
        track = smoothed(from_path(frame, box, path, score, _RADII), 1.0)
        clear = _clear(frame, track.part((track.points[:, 0] - first) * frame.spacing[0] <= branch.reach))
        if clear is None:
            continue
        track = replace(clear, radius=np.maximum(clear.radius, branch.radius[0] + 0.5))
        if not _leaves(frame, track, top):
            continue
        sure = float(np.clip(0.3 + 1.1 * np.mean(np.minimum(track.support, 0.5)), 0.0, branch.sure))
        found[branch.name] = (_rooted(frame, track, top), round(sure, 2))
        taken += _occupied(box, path[: len(clear)])
    return found


def _leaves(frame: Frame, track: Track, top: Track) -> bool:
    """Whether the lower end of a track lies at the wall of the arch: a vein that runs beside the branches does not."""
    away = np.linalg.norm((top.points - track.points[0]) * frame.spacing, axis=1) - top.radius
    return float(away.min()) <= _FROM_ARCH


def _rooted(frame: Frame, track: Track, top: Track) -> Track:
    """The branch with its origin: straight down from its lower end into the lumen of the arch."""
    over = np.hypot(*((top.points[:, 1:] - track.points[0, 1:]) * frame.spacing[1:]).T)
    depth = min(float(track.points[0, 0] - top.points[int(np.argmin(over)), 0]), _ORIGIN / frame.spacing[0])
    steps = np.arange(int(depth), 0, -1)
    if not steps.size:
        return track
    points = track.points[:1] - steps[:, None] * np.array([[1.0, 0.0, 0.0]])
    return joined(Track(points, np.full(len(steps), track.radius[0]), np.full(len(steps), track.support[0])), track)


def windpipe(frame: Frame, first: int, last: int) -> NDArray[np.float64] | None:
    """Row and column of the middle of the windpipe for coarse slices ``first`` to ``last``; ``None`` without one."""
    slices = [z for z in range(max(0, first - 6), last) if z < len(frame.airway) and frame.airway[z].any()]
    if not slices or (last - slices[-1]) * frame.spacing[0] > _WINDPIPE or slices[0] > first + 6:
        return None
    middles = np.array([np.argwhere(frame.airway[z]).mean(axis=0) for z in slices])
    where = np.arange(first, last)
    middles = ndimage.median_filter(middles, size=(5, 1), mode="nearest")
    return np.stack([np.interp(where, slices, middles[:, k]) for k in (0, 1)], axis=1)


def _beside(frame: Frame, box: Window, wind: NDArray[np.float64]) -> tuple[Floats, Floats]:
    """How far each place is to the left and in front of the windpipe, mm: ``(z, 1, x)`` and ``(z, y, 1)``."""
    rows = (np.arange(box.hu.shape[1]) * box.factor[1] + box.start[1]) / frame.factor[1]
    columns = (np.arange(box.hu.shape[2]) * box.factor[2] + box.start[2]) / frame.factor[2]
    wind = wind[: box.hu.shape[0]]
    front = (wind[:, :1] - rows[None]) * frame.spacing[1]
    left = (columns[None] - wind[:, 1:]) * frame.spacing[2]
    return left[:, None, :].astype(np.float32), front[:, :, None].astype(np.float32)


def _astray(branch: _Branch, left: Floats, front: Floats, step: float) -> Floats:
    """Cost of lying elsewhere than the branch does, ``(z, y, x)``."""
    share = np.minimum(np.arange(len(left)) * step / 45.0, 1.3)[:, None, None]
    cost = np.zeros((len(left), front.shape[1], left.shape[2]), dtype=np.float32)
    for k, off in enumerate((left, front)):
        usual = branch.low[k] + share * (branch.high[k] - branch.low[k])
        beyond = np.clip(np.abs(off - usual) - branch.slack[k], 0, None)
        cost = cost + (0.35 * (beyond / 9.0) ** 2).astype(np.float32)
    return np.asarray(cost, dtype=np.float32)


def _clear(frame: Frame, track: Track) -> Track | None:
    """The track from its lower end up to where it is no disc any more, or ``None`` where that is too little."""
    span = max(1, round(_SPAN / frame.spacing[0]))
    faint = np.flatnonzero(ndimage.uniform_filter1d(track.support, span, mode="nearest") < _FAINT)
    kept = track.part(slice(0, int(faint[0]) if faint.size else len(track)))
    return kept if len(kept) * frame.spacing[0] >= _SHORTEST else None


def _occupied(box: Window, path: NDArray[np.int64]) -> Floats:
    """Cost of lying where a branch already runs, ``(z, y, x)``."""
    cost = np.zeros(box.hu.shape, dtype=np.float32)
    y, x = np.indices(box.hu.shape[1:])
    for z, index, row, column in path.tolist():
        away = np.hypot((y - row) * box.pixel[0], (x - column) * box.pixel[1])
        cost[z] = 2.0 * (away < _RADII[index] + _BETWEEN)
    return cost
