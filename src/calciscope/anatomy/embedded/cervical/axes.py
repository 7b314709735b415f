"""Where everything of a neck is measured from: its airway, the front of its spine, and its size."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from calciscope.anatomy.embedded.frame import Frame, Mask

Floats = NDArray[np.float64]

# An airway of the neck, mm2: windpipe, larynx or throat, not an air-filled sinus; and how far from the spine it lies,
# mm.
_AIRWAY_AREA, _OFF_MM = (40.0, 900.0), 30.0
# Half the width of the average neck where it is narrowest, mm; sizes are parts of it.
_HALF_WIDTH, _SIZES = 58.0, (0.6, 1.2)
# An airway that is seen over less than this, mm, gives no course.
_LEAST_MM = 15.0


@dataclass(frozen=True, slots=True, eq=False)
class Axes:
    """Distances in mm for each coarse voxel, as arrays that broadcast to ``(z, y, x)``.

    ``left`` and ``front`` are from the middle of the airway, ``ahead`` from the front of the vertebral bodies, ``wall``
    the radius of the airway. ``span`` says of each slice whether it belongs to the neck, ``size`` is that of the neck.
    """

    left: Floats
    front: Floats
    ahead: Floats
    wall: Floats
    span: NDArray[np.bool_]
    size: float


def find_axes(frame: Frame, start: int, stop: int) -> Axes | None:
    """The axes of a neck between two coarse slices, or ``None`` without an airway to follow."""
    centre = airway_centres(frame, start, stop)
    known = np.flatnonzero(np.isfinite(centre[:, 0]))
    if known.size * frame.spacing[0] < _LEAST_MM:
        return None
    rows, columns, radius = (np.interp(np.arange(len(centre)), known, centre[known, k]) for k in range(3))
    span = np.zeros(frame.hu.shape[0], dtype=np.bool_)
    span[max(start, int(known[0])) : min(stop, int(known[-1]) + 1)] = True
    y, x = np.arange(frame.hu.shape[1]), np.arange(frame.hu.shape[2])
    front = frame.spine[:, 0] - frame.spine[:, 2] / frame.spacing[1]
    front = np.where(np.isfinite(front), front, rows + 25.0 / frame.spacing[1])
    return Axes(
        left=((x[None] - columns[:, None]) * frame.spacing[2])[:, None, :],
        front=((rows[:, None] - y[None]) * frame.spacing[1])[:, :, None],
        ahead=((front[:, None] - y[None]) * frame.spacing[1])[:, :, None],
        wall=radius[:, None, None],
        span=span,
        size=_size(frame.body, span, frame.spacing[2]),
    )


def airway_centres(frame: Frame, start: int, stop: int) -> Floats:
    """Row, column and radius (mm) of the airway on each slice between ``start`` and ``stop``; NaN elsewhere.

    The frame's airway where it has one, else air inside the body in front of the spine near the midline.
    """
    found = np.full((frame.hu.shape[0], 3), np.nan)
    area = frame.spacing[1] * frame.spacing[2]
    for z in range(start, stop):
        air = frame.airway[z]
        if not air.any():
            air = (frame.hu[z] < -400.0) & frame.body[z] & ~frame.lungs[z]
        labels, count = ndimage.label(air)
        best, best_off = 0, np.inf
        middle = frame.spine[z, 1] if np.isfinite(frame.spine[z, 1]) else frame.hu.shape[2] / 2
        for k in range(1, count + 1):
            size = float((labels == k).sum()) * area
            off = abs(float(np.argwhere(labels == k)[:, 1].mean()) - middle) * frame.spacing[2]
            if _AIRWAY_AREA[0] <= size <= _AIRWAY_AREA[1] and off < min(best_off, _OFF_MM):
                best, best_off = k, off
        if best:
            where = np.argwhere(labels == best)
            found[z] = (*where.mean(axis=0), np.sqrt(len(where) * area / np.pi))
    return found


def _size(body: Mask, span: NDArray[np.bool_], pixel: float) -> float:
    """The size of a neck by its least width; that of the average where the field of view cuts it."""
    widths = [
        np.ptp(columns) + 1
        for plane in body[span]
        if (columns := np.flatnonzero(plane.any(axis=0))).size and columns[0] > 0 and columns[-1] < plane.shape[1] - 1
    ]
    if not widths:
        return 1.0
    return float(np.clip(np.percentile(widths, 20) * pixel / 2 / _HALF_WIDTH, *_SIZES))
