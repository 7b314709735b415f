"""Outlines of the trunk: curves round the body's axis that change with height, from tables of proportions.

The reference body is a man of 175 cm lying on his back, arms raised; the axis runs through ``x = y = 0`` and ``z = 0``
is the upper border of the pubic symphysis. Proportions follow an average adult CT.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import PchipInterpolator

from calciscope.simulate.shapes import Array, Shape

TOP = 640.0
BOTTOM = -120.0
_STEP = 3.0
_BINS = 1440

# z, half width, reach to the front, reach to the back, exponent (2 is an ellipse, more is squarer); mm.
MUSCLE = (
    (-120, 158, 66, 78, 2.3),
    (-10, 160, 74, 82, 2.3),
    (30, 158, 80, 86, 2.4),
    (70, 154, 86, 86, 2.5),
    (120, 149, 92, 86, 2.5),
    (180, 142, 97, 84, 2.5),
    (220, 136, 99, 83, 2.4),
    (260, 138, 101, 85, 2.4),
    (300, 146, 103, 88, 2.4),
    (380, 156, 106, 95, 2.4),
    (440, 162, 106, 99, 2.4),
    (500, 170, 97, 100, 2.3),
    (540, 182, 82, 96, 2.2),
    (570, 188, 64, 90, 2.1),
    (600, 190, 52, 84, 2.1),
    (640, 188, 50, 80, 2.1),
)
CAVITY = (
    (-120, 12, 12, 12, 2.0),
    (-14, 14, 14, 30, 2.0),
    (8, 46, 44, 52, 2.0),
    (40, 58, 62, 70, 2.0),
    (80, 74, 76, 70, 2.0),
    (115, 108, 83, 60, 2.1),
    (160, 122, 88, 48, 2.4),
    (200, 121, 90, 50, 2.4),
    (260, 127, 93, 60, 2.4),
    (320, 138, 95, 72, 2.3),
    (380, 143, 96, 80, 2.3),
    (440, 143, 95, 83, 2.3),
    (500, 131, 84, 81, 2.2),
    (540, 106, 64, 74, 2.1),
    (562, 84, 46, 66, 2.0),
    (578, 62, 36, 56, 2.0),
    (590, 40, 32, 24, 2.0),
    (640, 34, 30, 14, 2.0),
)
# z, thickness of the fat under the skin in front, at the side and behind, mm, for a fat factor of 1.
FAT = (
    (-120, 12, 14, 16),
    (-10, 22, 26, 28),
    (60, 18, 27, 27),
    (120, 20, 24, 18),
    (220, 20, 18, 13),
    (300, 15, 15, 11),
    (440, 10, 12, 10),
    (540, 9, 12, 10),
    (640, 7, 9, 9),
)
# The thighs part below the symphysis: centre at this x, half width, front and back of each, mm.
THIGH = (84.0, 72.0, 76.0)
_PART = (-24.0, -92.0)


def levels() -> NDArray[np.float64]:
    """Heights of the rows of an outline's table, mm."""
    return np.arange(BOTTOM, TOP + _STEP / 2, _STEP)


@dataclass(frozen=True, slots=True, eq=False)
class Outline:
    """``radius`` ``(levels, 1440)``: mm from the axis in every direction (0 is left, 90 degrees the back)."""

    radius: NDArray[np.float32]

    @classmethod
    def of(cls, table: tuple[tuple[float, float, float, float, float], ...]) -> Outline:
        """From a table of half width, front, back and exponent by height."""
        rows = np.asarray(table, dtype=np.float64)
        wide, front, back, power = (PchipInterpolator(rows[:, 0], rows[:, k])(levels())[:, None] for k in range(1, 5))
        angle = np.arange(_BINS) * (2 * np.pi / _BINS)
        depth = np.where(np.sin(angle) < 0, front, back)
        curve = (np.abs(np.cos(angle) / wide) ** power + np.abs(np.sin(angle) / depth) ** power) ** (-1 / power)
        return cls(curve.astype(np.float32))

    def grown(self, front: NDArray[np.float64], side: NDArray[np.float64], back: NDArray[np.float64]) -> Outline:
        """Moved out by amounts in mm ``(levels,)`` in front, at the sides and behind."""
        angle = np.arange(_BINS) * (2 * np.pi / _BINS)
        depth = np.where(np.sin(angle) < 0, front[:, None], back[:, None])
        extra = side[:, None] * np.cos(angle) ** 2 + depth * np.sin(angle) ** 2
        return Outline((self.radius + extra).astype(np.float32))

    def at(self, angle: NDArray[np.float64], z: NDArray[np.float64]) -> NDArray[np.float64]:
        """Distance from the axis in mm at angles in radians and heights in mm."""
        row = np.clip(np.rint((z - BOTTOM) / _STEP).astype(int), 0, len(self.radius) - 1)
        column = np.rint(angle * (_BINS / (2 * np.pi))).astype(int) % _BINS
        return np.asarray(self.radius[row, column], dtype=np.float64)

    def front(self, z: float) -> float:
        """The y of the front midline at a height, mm."""
        return -float(self.at(np.array([-np.pi / 2]), np.array([z]))[0])

    def shape(self, low: float = BOTTOM, high: float = TOP) -> Shape:
        """The solid inside the outline between two heights."""
        slope = np.gradient(self.radius, 2 * np.pi / _BINS, axis=1) / self.radius
        slant = (1 / np.sqrt(1 + slope**2)).astype(np.float32)
        widest = float(self.radius.max())

        def distance(x: Array, y: Array, z: Array) -> Array:
            away = np.hypot(x, y)
            column = np.rint(np.arctan2(y, x) * np.float32(_BINS / (2 * np.pi))).astype(np.int32) % _BINS
            row = np.clip((z - np.float32(BOTTOM)) / np.float32(_STEP), 0, len(self.radius) - 1.001)
            below = row.astype(np.int32)
            part = row - below
            if column.ndim == 3 and column.shape[0] == 1 and z.shape[1:] == (1, 1):
                result = np.empty((z.shape[0], *column.shape[1:]), dtype=np.float32)
                for k in range(z.shape[0]):
                    b, p = int(below[k, 0, 0]), part[k, 0, 0]
                    line = (1 - p) * self.radius[b] + p * self.radius[b + 1]
                    result[k] = (away[0] - line[column[0]]) * slant[b][column[0]]
            else:
                line = (1 - part) * self.radius[below, column] + part * self.radius[below + 1, column]
                result = (away - line) * slant[below, column]
            outside = np.maximum(np.float32(low) - z, z - np.float32(high))
            return np.asarray(np.maximum(result, outside), dtype=np.float32)

        return Shape((-widest, -widest, low), (widest, widest, high), distance)


def with_thighs(trunk: Shape, extra: float) -> Shape:
    """A trunk outline that parts into two thighs, ``extra`` mm larger than their muscle."""
    centre, wide, deep = THIGH

    def distance(x: Array, y: Array, z: Array) -> Array:
        result = trunk.distance(x, y, z)
        part = np.clip((np.float32(_PART[0]) - z) / np.float32(_PART[0] - _PART[1]), 0, 1)
        part = part * part * (3 - 2 * part)
        low = part.ravel() > 0
        if part.ndim != 3 or not low.any():
            return result
        dx = (np.abs(x) - np.float32(centre)) / np.float32(wide + extra)
        dy = (y - np.float32(4)) / np.float32(deep + extra)
        leg = (np.hypot(dx, dy) - 1) * np.float32(wide + extra)
        result[low] = (1 - part[low]) * result[low] + part[low] * leg
        return result

    return Shape(trunk.low, trunk.high, distance)


@cache
def cavity() -> Outline:
    """Inner face of the chest, abdominal and pelvic wall."""
    return Outline.of(CAVITY)


@cache
def muscle() -> Outline:
    """Outer face of the muscles."""
    return Outline.of(MUSCLE)


def skin(fat: float) -> Outline:
    """The surface of the body for a fat factor (1 is average)."""
    rows = np.asarray(FAT, dtype=np.float64)
    front, side, back = (np.interp(levels(), rows[:, 0], rows[:, k]) * fat + 2.0 for k in (1, 2, 3))
    return muscle().grown(front, side, back)
