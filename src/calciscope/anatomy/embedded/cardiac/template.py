"""Where the vessels and valves of an average heart lie, in mm from the aorta's centre at the left main's ostium.

Textbook positions for an average adult heart: ``x`` to the patient's left, ``y`` to the back, ``z`` to the head. They
are only where a search begins and what it is held to softly.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline

Curve = NDArray[np.float64]

STEP = 2.0
# From the origin to the borders of the average heart, mm: left, right, front, back.
BORDERS = (75.0, 48.0, 52.0, 57.0)

_COURSES: dict[str, tuple[tuple[float, float, float], ...]] = {
    "lm": ((14, 6, 0), (20, 8, -1), (26, 8, -2)),
    "lad": (
        (26, 8, -2),
        (31, 3, -4),
        (36, -5, -6),
        (43, -21, -11),
        (49, -34, -18),
        (58, -42, -32),
        (66, -46, -48),
        (72, -45, -62),
    ),
    "lcx": ((26, 8, -2), (32, 11, -5), (36, 15, -8), (39, 25, -12), (41, 36, -20), (37, 44, -31), (29, 46, -43)),
    "rca": (
        (1, -14, -8),
        (-7, -19, -13),
        (-17, -22, -22),
        (-26, -18, -34),
        (-31, -6, -47),
        (-27, 10, -58),
        (-14, 25, -64),
        (2, 28, -66),
        (16, 14, -70),
        (30, -2, -72),
    ),
}
# Mean radius of each artery with its wall, mm.
RADIUS = {"lm": 2.3, "lad": 1.8, "lcx": 1.7, "rca": 1.9}
# How deep below the heart's outline in a slice an artery can run: pairs of mm from the ostium and mm of depth.
DEEPEST: dict[str, tuple[tuple[float, float], ...]] = {
    "lm": ((0.0, 60.0),),
    "lad": ((10.0, 60.0), (25.0, 9.0)),
    "lcx": ((10.0, 60.0), (25.0, 16.0)),
    "rca": ((10.0, 60.0), (30.0, 13.0), (85.0, 13.0), (105.0, 40.0)),
}
# The ring of the mitral valve: centre, radius, and the direction in which blood flows through it.
MITRAL_CENTRE = np.array((25.0, 24.0, -27.0))
MITRAL_RADIUS = 17.0
MITRAL_AXIS = np.array((0.66, -0.50, -0.56))
# Along the axis of the root from the left main's ostium: the valve's ring and the upper rim of the sinuses, mm.
VALVE_BELOW, SINUSES_ABOVE = 20.0, 6.0


@dataclass(frozen=True, slots=True)
class Size:
    """A heart against the average: factors to the left, right, front, back of the origin, and downwards."""

    left: float = 1.0
    right: float = 1.0
    front: float = 1.0
    back: float = 1.0
    down: float = 1.0

    def fitted(self, points: Curve) -> Curve:
        """Average points ``(n, 3)`` in a heart of this size."""
        x, y, z = points.T
        return np.stack(
            [x * np.where(x > 0, self.left, self.right), y * np.where(y > 0, self.back, self.front), z * self.down],
            axis=1,
        )


def courses(size: Size) -> dict[str, Curve]:
    """The arteries of a heart: ``(n, 3)`` mm, about every 2 mm, ostium first."""
    made = {}
    for name, points in _COURSES.items():
        given = np.array(points, dtype=np.float64)
        gaps = np.linalg.norm(np.diff(given, axis=0), axis=1)
        along = np.concatenate([[0.0], np.cumsum(gaps)])
        fine = np.linspace(0.0, along[-1], max(3, int(along[-1] / STEP)))
        made[name] = size.fitted(CubicSpline(along, given)(fine))
    return made


def mitral_ring(size: Size) -> Curve:
    """The back of the mitral valve's ring, from one trigone to the other, ``(n, 3)`` mm.

    Its front hangs on the aortic valve and hardly calcifies.
    """
    axis = MITRAL_AXIS / np.linalg.norm(MITRAL_AXIS)
    first = np.cross(axis, (0.0, 0.0, 1.0))
    first /= np.linalg.norm(first)
    second = np.cross(axis, first)
    aorta = -MITRAL_CENTRE
    middle = np.arctan2(aorta @ second, aorta @ first) + np.pi
    turn = (middle + np.radians(np.linspace(-115.0, 115.0, 33)))[:, None]
    return size.fitted(MITRAL_CENTRE + MITRAL_RADIUS * (np.cos(turn) * first + np.sin(turn) * second))
