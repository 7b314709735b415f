"""The inner face of the ribs: what lies inside it is chest or belly, what lies outside is their wall."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from calciscope.anatomy.embedded.aorta import spine_track
from calciscope.anatomy.embedded.frame import Frame, Mask

# Seen from this far before the middle of the vertebral body the wall is all around, mm.
_BEFORE = 45.0
# Directions in which it is looked for.
_BINS = 120
# Bone this near to the middle of the vertebral body is spine, mm; ribs lie further out than that from where they are
# seen from.
_SPINE, _NEAREST = 42.0, 45.0
# Ribs are this far apart: between two of them the wall goes on, mm.
_APART = 24.0
# The last ribs end this far below the lowest slice of lung, mm: further down the bones on both sides are hip bones.
_BELOW_LUNGS = 130.0
# Half of a rib and the muscle on its inner face, mm.
_INNER_MUSCLE = 1.5
# So many directions with a rib in a slice say where the wall is; in fewer slices than this, mm, there are no ribs.
_ENOUGH, _LEAST_MM = 40, 30.0


def inside(frame: Frame) -> Mask | None:
    """Voxels inside the ribs, on the whole grid; ``None`` where no lung or too few ribs are in view.

    Below the last rib (and above the first one) the wall is taken to go straight on.
    """
    spine = spine_track(frame)
    z = np.arange(len(spine))
    known = np.isfinite(spine[:, 0])
    if not known.any():
        return None
    row, column = (np.interp(z, z[known], spine[known, k]) for k in (0, 1))
    row = row - _BEFORE / frame.spacing[1]
    wall = _wall(frame, row, column)
    if wall is None:
        return None
    y = (np.arange(frame.hu.shape[1])[None] - row[:, None]) * frame.spacing[1]
    x = (np.arange(frame.hu.shape[2])[None] - column[:, None]) * frame.spacing[2]
    within = np.zeros(frame.hu.shape, dtype=np.bool_)
    for level in z.tolist():
        away, bins = _polar(y[level][:, None], x[level][None])
        within[level] = away < wall[level][bins] - _INNER_MUSCLE
    return within


def _wall(frame: Frame, row: NDArray[np.float64], column: NDArray[np.float64]) -> NDArray[np.float32] | None:
    """How far the wall is, mm, for each slice and direction ``(z, bins)``."""
    lungs = np.flatnonzero(frame.lungs.any(axis=(1, 2)))
    if not lungs.size:
        return None
    first = max(0, round(lungs[0] - _BELOW_LUNGS / frame.spacing[0]))
    level, y, x = np.nonzero(frame.bone[first:])
    level = level + first
    up, across = (y - row[level]) * frame.spacing[1], (x - column[level]) * frame.spacing[2]
    away, bins = _polar(up, across)
    rib = (away > _NEAREST) & (np.hypot(up - _BEFORE, across) > _SPINE)
    wall = np.full((len(row), _BINS), np.inf, dtype=np.float32)
    np.minimum.at(wall, (level[rib], bins[rib]), away[rib])
    # A rib crosses a slice in one place only; its neighbours above and below tell the rest.
    size = 2 * max(1, round(0.5 * _APART / frame.spacing[0])) + 1
    wall = ndimage.minimum_filter1d(wall, size, axis=0, mode="nearest")
    seen = np.isfinite(wall).sum(axis=1) >= _ENOUGH
    if seen.sum() * frame.spacing[0] < _LEAST_MM:
        return None
    directions = np.arange(_BINS)
    for at in np.flatnonzero(seen).tolist():
        there = np.isfinite(wall[at])
        wall[at] = np.interp(directions, directions[there], wall[at][there], period=_BINS)
    nearest = ndimage.distance_transform_edt(~seen, return_distances=False, return_indices=True)[0]
    smooth = ndimage.median_filter(wall[nearest], size=(1, 5), mode="wrap")
    return np.asarray(smooth, dtype=np.float32)


def _polar(y: NDArray[np.floating], x: NDArray[np.floating]) -> tuple[NDArray[np.floating], NDArray[np.int64]]:
    """Distance and direction, the latter as a number from 0 to ``_BINS - 1``."""
    turn = np.arctan2(y, x) / (2.0 * np.pi) + 0.5
    return np.hypot(y, x), np.minimum((turn * _BINS).astype(np.int64), _BINS - 1)
