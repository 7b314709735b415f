"""The aorta moved to where no fat lies in it: the votes for its disc drift aside where it has no rim of its own."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from calciscope.anatomy.embedded.circles import Floats, window
from calciscope.anatomy.embedded.frame import Frame
from calciscope.anatomy.embedded.track import Track

# Half blood and half fat, HU, and from all fat to none of it.
_HALF_HU, _RANGE_HU = -10.0, 80.0
# The disc may move this far, mm, in steps of this; what a mm^2 of it costs, as a share of fat in the disc.
_FARTHEST_MM, _STEP_MM = 9.0, 1.5
_COST = 0.00075
# The aorta moves alike over this much of its length, mm.
_ALIKE_MM = 6.0
# Grid and smoothing in the plane, mm: a dark voxel of noise is no fat.
_GRID_MM, _SMOOTHING_MM = 1.5, 1.2
# Rings of a disc on which fat is looked for, and points of each.
_RINGS, _SPOKES = 9, 24


def clear_of_fat(frame: Frame, track: Track) -> Track:
    """A track of the aorta whose discs were moved together, softly along its length, to hold as little fat as they can.

    Epicardial fat surrounds the root in front, to the right and to the left; inside of it there is blood.
    """
    if len(track) < 2:
        return track
    points = track.points.copy()
    pad = (_FARTHEST_MM + float(track.radius.max()) + 5.0) / min(frame.spacing[1:])
    z, y, x = (np.array((low, high)) for low, high in zip(points.min(axis=0), points.max(axis=0), strict=True))
    box = window(frame, (z[0], y[0] - pad, x[0] - pad), (z[1] + 1.0, y[1] + pad, x[1] + pad), _GRID_MM)
    if 0 in box.hu.shape:
        return track
    smooth = ndimage.gaussian_filter(box.hu, (0.0, _SMOOTHING_MM / box.pixel[0], _SMOOTHING_MM / box.pixel[1]))
    fat = np.clip((_HALF_HU - smooth) / _RANGE_HU + 0.5, 0.0, 1.0)
    factor = np.array(frame.factor, dtype=np.float64)
    index = box.from_volume(points * factor + (factor - 1) / 2)
    shifts = _shifts()
    cost = np.stack(
        [_fat_in_disc(fat, at, shifts, mm, box.pixel) for at, mm in zip(index, track.radius.tolist(), strict=True)]
    )
    cost = ndimage.gaussian_filter1d(cost, _ALIKE_MM / frame.spacing[0], axis=0, mode="nearest")
    best = shifts[(cost + _COST * (shifts**2).sum(axis=1)).argmin(axis=1)]
    best = ndimage.gaussian_filter1d(best, _ALIKE_MM / 2 / frame.spacing[0], axis=0, mode="nearest")
    points[:, 1:] += best / np.array(frame.spacing[1:])
    return Track(points, track.radius, track.support)


def _shifts() -> NDArray[np.float64]:
    """Moves to try, rows and columns ``(n, 2)``, mm."""
    steps = np.arange(-_FARTHEST_MM, _FARTHEST_MM + _STEP_MM / 2, _STEP_MM)
    grid = np.stack(np.meshgrid(steps, steps, indexing="ij"), axis=-1).reshape(-1, 2)
    return np.asarray(grid[np.hypot(*grid.T) <= _FARTHEST_MM])


def _fat_in_disc(
    fat: Floats, at: NDArray[np.float64], shifts: NDArray[np.float64], radius: float, pixel: tuple[float, float]
) -> NDArray[np.float64]:
    """Share of fat in the disc about ``at`` ``(z, y, x)`` of the grid after each of the moves, ``(n,)``."""
    ring = (np.arange(_RINGS) + 0.5) / _RINGS
    # Each ring is turned against the one within.
    angle = np.linspace(0.0, 2 * np.pi, _SPOKES, endpoint=False)[None] + 0.13 * np.arange(_RINGS)[:, None]
    down, across = (np.asarray(radius * ring[:, None] * f(angle)).ravel() for f in (np.sin, np.cos))
    rows = at[1] + (shifts[:, :1] + down) / pixel[0]
    columns = at[2] + (shifts[:, 1:] + across) / pixel[1]
    plane = fat[int(np.clip(round(float(at[0])), 0, len(fat) - 1))]
    seen = ndimage.map_coordinates(plane, [rows, columns], order=1, mode="nearest", output=np.float32)
    # An outer ring stands for more of the disc.
    weight = np.repeat(ring, _SPOKES)
    return np.asarray(seen @ (weight / weight.sum()), dtype=np.float64)
