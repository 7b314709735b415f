"""The vertebral column: bodies with a cortical shell, discs, canal, arches and processes, sacrum and coccyx."""

from __future__ import annotations

import numpy as np

from calciscope.simulate.canvas import Canvas
from calciscope.simulate.shapes import Array, Shape, Vector, curve, ellipsoid, plate, radii_along, tube
from calciscope.simulate.wall import SIDES

# Name; z and y of the centre of the body; its width, depth and height; reach of the transverse process to the side and
# of the spinous process behind the canal, and how far the tip of the latter lies below the body's centre; mm.
VERTEBRAE: tuple[tuple[str, float, float, float, float, float, float, float, float], ...] = (
    ("L5", 140, 21, 50, 34, 27, 44, 24, 10),
    ("L4", 176, 15, 48, 34, 27, 43, 29, 10),
    ("L3", 212, 13, 46, 34, 27, 46, 31, 10),
    ("L2", 248, 15, 44, 33, 27, 42, 31, 10),
    ("L1", 283, 19, 42, 32, 26, 38, 30, 10),
    ("T12", 316, 25, 41, 32, 25, 24, 26, 12),
    ("T11", 346, 31, 39, 31, 23, 26, 25, 16),
    ("T10", 374, 36, 37, 30, 22, 32, 26, 22),
    ("T9", 401, 40, 35, 30, 21, 34, 26, 26),
    ("T8", 427, 43, 33, 30, 20, 35, 27, 28),
    ("T7", 452, 45, 32, 29, 20, 35, 27, 28),
    ("T6", 476, 46, 31, 28, 19, 35, 27, 28),
    ("T5", 499, 45, 30, 26, 18, 36, 26, 26),
    ("T4", 522, 43, 29, 24, 18, 36, 26, 24),
    ("T3", 543, 40, 29, 22, 17, 36, 26, 20),
    ("T2", 564, 36, 30, 20, 17, 38, 28, 16),
    ("T1", 584, 30, 31, 18, 16, 38, 30, 12),
    ("C7", 602, 24, 28, 17, 14, 33, 32, 8),
    ("C6", 619, 19, 26, 17, 13, 28, 24, 6),
)
# z, y, half width and half depth down the sacrum and coccyx, mm.
_SACRUM = (
    (116, 36, 30, 17),
    (92, 54, 40, 14),
    (68, 68, 36, 11),
    (46, 75, 28, 9),
    (28, 77, 19, 7),
    (12, 72, 9, 5),
    (2, 63, 5, 4),
)


def body_at(z: float) -> tuple[float, float]:
    """The y of the centre and the half depth of the column at a height, mm."""
    rows = np.asarray([(v[1], v[2], v[4] / 2) for v in VERTEBRAE])
    return float(np.interp(z, rows[:, 0], rows[:, 1])), float(np.interp(z, rows[:, 0], rows[:, 2]))


def paint(canvas: Canvas, rng: np.random.Generator) -> None:
    """Paint the column; small differences between vertebrae come from the generator."""
    _canal(canvas)
    for above, below in zip(VERTEBRAE[1:], VERTEBRAE[:-1], strict=True):
        _disc(canvas, above, below)
    for name, z, y, width, depth, height, transverse, spinous, drop in VERTEBRAE:
        jitter = rng.uniform(-0.8, 0.8, 2)
        _vertebra(
            canvas,
            f"vertebrae_{name}",
            (jitter[0], y, z + jitter[1]),
            (width, depth, height),
            transverse,
            spinous,
            drop,
        )
    _sacrum(canvas)


def _canal(canvas: Canvas) -> None:
    """The spinal canal: fat, the sac with its fluid, and the cord down to L1."""
    points = curve([(0.0, 77.0, 60.0), *((0.0, v[2] + v[4] / 2 + 7.5, float(v[1])) for v in VERTEBRAE)], 8.0)
    canvas.paint(tube(points, 9.5, squash=(0.8, 1.0, 1.0)), "fat", "spinal_canal")
    sac = points[points[:, 2] > 75]
    canvas.paint(tube(sac, 7.5, squash=(0.85, 1.0, 1.0)), "urine", "spinal_canal")
    cord = points[points[:, 2] > 285]
    canvas.paint(tube(cord, 4.2, squash=(0.8, 1.0, 1.0)), "cord", "spinal_cord")


def _block(centre: Vector, size: Vector, waist: float) -> Shape:
    """A vertebral body: a kidney-shaped cylinder with a narrower waist and a flat back."""
    cx, cy, cz = (np.float32(v) for v in centre)
    rx, ry, rz = (np.float32(v / 2) for v in size)

    def distance(x: Array, y: Array, z: Array) -> Array:
        u = (z - cz) / rz
        slim = 1 - np.float32(waist) * np.clip(1 - u * u, 0, 1)
        a, b = (x - cx) / (rx * slim), (y - cy) / (ry * slim)
        around = np.sqrt(a * a + b * b + np.float32(1e-6))
        side = (around - 1) * np.minimum(rx, ry) * slim
        # The back wall is nearly flat and bulges a little less than the ellipse.
        flat = (y - cy) - ry * np.float32(0.86) * slim
        return np.asarray(np.maximum(np.maximum(side, flat), np.abs(z - cz) - rz), dtype=np.float32)

    low = (centre[0] - size[0] / 2, centre[1] - size[1] / 2, centre[2] - size[2] / 2)
    high = (centre[0] + size[0] / 2, centre[1] + size[1] / 2, centre[2] + size[2] / 2)
    return Shape(low, high, distance)


def _disc(
    canvas: Canvas,
    above: tuple[str, float, float, float, float, float, float, float, float],
    below: tuple[str, float, float, float, float, float, float, float, float],
) -> None:
    top = above[1] - above[5] / 2
    bottom = below[1] + below[5] / 2
    centre = (0.0, (above[2] + below[2]) / 2, (top + bottom) / 2)
    size = ((above[3] + below[3]) / 2 - 1, (above[4] + below[4]) / 2 - 1, top - bottom + 2.5)
    canvas.paint(_block(centre, size, -0.02), "disc", "intervertebral_discs")


def _vertebra(
    canvas: Canvas, name: str, centre: Vector, size: Vector, transverse: float, spinous: float, drop: float
) -> None:
    x, y, z = centre
    width, depth, height = size
    back = y + depth / 2 - 2
    arch = back + 18.5
    thoracic = name.startswith("vertebrae_T")
    lift = height * 0.16
    canvas.bone(_block(centre, size, 0.09), name, 0.9, "cortical_thin", "trabecular")
    tip = (x, arch + spinous * 0.85, z - drop)
    blade = plate(((x, arch - 3, z + 3), (x, arch, z - drop * 0.6 - 7), tip), 2.6)
    canvas.bone(blade | tube(np.array([(x, arch, z - 3), tip]), np.array([3.5, 4.2])), name, 1.3)
    for _, side in SIDES:
        pillar = (x + side * (width * 0.36 + 3), back + 11.5, z + lift * 0.4)
        root = (x + side * width * 0.33, back - 4, z + lift)
        joint = ellipsoid((pillar[0], pillar[1] + 1.5, z), (5.2, 5.0, height * 0.72))
        pedicle = tube(np.array([root, pillar]), np.array([4.6, 4.4]), squash=(1.15, 1.0, 0.8))
        lamina = tube(np.array([pillar, (x + side * 2, arch - 0.5, z - 5)]), 3.2, squash=(1.0, 1.0, 0.45))
        # A thoracic transverse process points backwards, a lumbar one straight to the side.
        end = (x + side * transverse, pillar[1] + (7.0 if thoracic else 0.0), z + (2.0 if thoracic else 0.0))
        wing = tube(np.array([pillar, end]), np.array([4.0, 4.2 if thoracic else 2.6]))
        canvas.bone(joint | pedicle | lamina | wing, name, 1.2)


def _sacrum(canvas: Canvas) -> None:
    rows = np.asarray(_SACRUM, dtype=np.float64)
    line = curve([(0.0, y, z) for z, y, _, _ in _SACRUM[:-1]], 5.0)
    depth = radii_along(line, list(rows[:-1, 3]))
    wide = 2.9
    centre = tube(line, depth, squash=(1 / wide, 1.0, 1.0))
    wings = [
        tube(
            np.array([(side * 18, 46, 108), (side * 40, 56, 96), (side * 34, 66, 68)]),
            np.array([15.0, 14.0, 11.0]),
            squash=(0.85, 1.1, 0.8),
        )
        for _, side in SIDES
    ]
    canvas.bone(centre | wings[0] | wings[1], "sacrum", 1.2, "cortical_thin", "trabecular")
    crest = tube(np.array([(0, 66, 104), (0, 82, 78), (0, 86, 52)]), np.array([4.0, 4.0, 3.0]), squash=(0.4, 1, 1))
    canvas.bone(crest, "sacrum", 1.2)
    for _, side in SIDES:
        wall = curve([(side * 14, 62, 104), (side * 13, 74, 80), (side * 10, 81, 56)], 5.0)
        canvas.bone(tube(wall, radii_along(wall, [6, 5.5, 4.5]), squash=(1.2, 0.7, 1)), "sacrum", 1.1)
    coccyx = tube(np.array([(0.0, y, z) for z, y, _, _ in _SACRUM[-3:]]), np.array([6.0, 4.5, 3.5]))
    canvas.bone(coccyx, "sacrum", 1.1)
    for z, y, _, _ in _SACRUM[:4]:
        for _, side in SIDES:
            hole = tube(np.array([(side * 17.0, y - 20, z - 14.0), (side * 17.0, y + 24, z - 8.0)]), 4.2)
            canvas.paint(hole, "fat", "fat")
    canal = tube(np.array([(0, 60, 112), (0, 74, 86), (0, 81, 62)]), np.array([8.0, 6.5, 5.0]), squash=(0.7, 1, 1))
    canvas.paint(canal, "fat", "spinal_canal")
