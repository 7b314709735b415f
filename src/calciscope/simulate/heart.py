"""The heart: chambers, the fat of its grooves, the pericardium, and the coronary arteries that run in the fat."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from calciscope.simulate.canvas import Canvas
from calciscope.simulate.courses import Course
from calciscope.simulate.shapes import Shape, Vector, blend, curve, ellipsoid, radii_along, tube

AXIS: Vector = (0.70, -0.52, -0.49)
VALVE: Vector = (8.0, -18.0, 446.0)
"""Centre of the aortic valve in the reference body, mm."""

# Chamber: centre, radii of its outside, wall (mm); the ventricles lie along the heart's axis.
_VENTRICLE_LEFT = ellipsoid((40, -34, 421), (32, 33, 50), AXIS)
_VENTRICLE_RIGHT = ellipsoid((12, -60, 419), (25, 34, 46), (0.80, -0.30, -0.52))
_ATRIUM_RIGHT = ellipsoid((-37, -26, 428), (24, 28, 34))
_ATRIUM_LEFT = ellipsoid((6, 10, 447), (38, 19, 25))
_OUTFLOW = ellipsoid((22, -54, 448), (16, 16, 22), (0.05, 0.35, 0.93))

# Coronary courses near the surface, mm; they are moved onto the heart's surface before use. Radii from the ostium on.
_CORONARIES: dict[str, tuple[tuple[Vector, ...], tuple[float, ...]]] = {
    "lm": (((14, -20, 459), (24, -22, 460), (33, -24, 458)), (2.3, 2.2)),
    "lad": (
        ((33, -24, 458), (42, -44, 452), (50, -64, 438), (62, -76, 420), (74, -80, 402)),
        (2.0, 1.9, 1.6, 1.3, 1.0),
    ),
    "lcx": (((33, -24, 458), (48, -8, 452), (54, 10, 440), (46, 20, 424)), (1.8, 1.7, 1.5, 1.2)),
    "rca": (
        ((-2, -32, 456), (-14, -50, 450), (-26, -62, 436), (-26, -58, 414), (-16, -36, 396), (4, -12, 392)),
        (1.9, 1.9, 1.8, 1.7, 1.5, 1.3),
    ),
}


def muscle() -> Shape:
    """The whole heart without its fat."""
    return blend([_VENTRICLE_LEFT, _VENTRICLE_RIGHT, _ATRIUM_RIGHT, _ATRIUM_LEFT, _OUTFLOW], 8.0)


def sac() -> Shape:
    """The inside of the pericardium: the heart with its fat, which fills the grooves."""
    parts = [_VENTRICLE_LEFT, _VENTRICLE_RIGHT, _ATRIUM_RIGHT, _ATRIUM_LEFT, _OUTFLOW]
    return blend([part.grow(2.5) for part in parts], 30.0)


@cache
def coronaries() -> dict[str, Course]:
    """The coronary arteries of the reference body, laid on the surface of the heart in its fat."""
    surface = muscle()
    made = {}
    for name, (points, radii) in _CORONARIES.items():
        line = curve(points, 3.0)
        size = radii_along(line, radii)
        made[f"coronary.{name}"] = Course(_settle(line, surface, size + 1.0), size, "heart")
    return made


def _settle(line: NDArray[np.float64], surface: Shape, gap: NDArray[np.float64]) -> NDArray[np.float64]:
    """Move points along the gradient until they lie ``gap`` mm outside a surface, keeping the line smooth."""

    def value(points: NDArray[np.float64]) -> NDArray[np.float64]:
        x, y, z = (points[:, k].astype(np.float32) for k in range(3))
        return surface.distance(x, y, z).astype(np.float64)

    moved = line.copy()
    for _ in range(12):
        slope = np.stack([value(moved + step) - value(moved - step) for step in np.eye(3)], axis=1) / 2
        norm = np.maximum(np.linalg.norm(slope, axis=1, keepdims=True), 0.2)
        moved -= np.clip(value(moved) - gap, -4, 4)[:, None] * slope / norm**2 * 0.7
        moved[1:-1] = 0.5 * moved[1:-1] + 0.25 * (moved[:-2] + moved[2:])
    return moved


def paint(canvas: Canvas) -> None:
    """Paint pericardium, fat, chambers and coronary arteries."""
    canvas.paint(sac().grow(1.4), "muscle", "pericardium")
    canvas.paint(sac(), "fat", "heart")
    canvas.paint(muscle(), "myocardium", "heart")
    wall = ((_VENTRICLE_LEFT, -10.0), (_VENTRICLE_RIGHT, -4.5), (_ATRIUM_RIGHT, -2.5), (_ATRIUM_LEFT, -2.5))
    for chamber, inset in (*wall, (_OUTFLOW, -3.5)):
        canvas.paint(chamber.grow(inset), "blood", "heart")
    septum = tube(np.array([(22.0, -40, 438), (52.0, -66, 404)]), 5.0, squash=(0.4, 0.4, 0.4))
    canvas.paint(septum & _VENTRICLE_LEFT, "myocardium", "heart")
    canvas.paint(_VENTRICLE_LEFT.grow(-10.0), "blood", "heart")
    for course in coronaries().values():
        canvas.paint(course.shape(0.5), "arterial_wall", "heart")
        canvas.paint(course.shape(), "blood", "heart")
