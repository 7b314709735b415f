"""The body wall: skin, subcutaneous fat, muscles with the fat between them, and the table under the patient."""

from __future__ import annotations

import numpy as np

from calciscope.simulate import outline
from calciscope.simulate.canvas import Canvas
from calciscope.simulate.shapes import Array, Shape, Vector, blend, curve, ellipsoid, plate, radii_along, tube

SIDES = (("left", 1.0), ("right", -1.0))

# Course (x, y, z) and radii of the long muscles inside the wall, left side, mm; the right is its mirror.
_ERECTOR = ((20, 84, 90), (28, 66, 140), (33, 60, 200), (34, 64, 270), (32, 74, 340), (28, 83, 420), (24, 82, 500),
            (22, 72, 570), (22, 62, 630))  # fmt: skip
_PSOAS = ((27, 24, 300), (34, 23, 250), (42, 17, 200), (49, 10, 165), (58, 2, 134), (70, -10, 100), (80, -26, 55),
          (86, -30, 10), (102, -8, -45))  # fmt: skip
_QUADRATUS = ((52, 44, 300), (60, 44, 250), (70, 42, 190))
_ILIACUS = ((106, 12, 165), (100, 6, 130), (90, -8, 90), (84, -22, 50))


def mirror(points: tuple[Vector, ...] | list[Vector], side: float) -> list[Vector]:
    """Points on the left (``side`` 1) or mirrored to the right (-1)."""
    return [(side * x, y, z) for x, y, z in points]


def paint(canvas: Canvas, fat: float, sex: str = "male") -> None:
    """Paint everything outside the body cavities, and fill the cavities with fat."""
    _table(canvas, outline.skin(fat))
    skin = outline.with_thighs(outline.skin(fat).shape(), 13.0 * fat + 2.0)
    if sex == "female":
        skin = blend([skin, *(_breast(side, fat) for _, side in SIDES)], 14.0)
    muscle = outline.with_thighs(outline.muscle().shape(), 0.0)
    cavity = outline.cavity().shape()
    # Slab by slab: a distance over the whole body at once would cost as much memory as the body itself.
    depth = canvas.geometry.shape[0]
    for start in range(0, depth, 32):
        box = (slice(start, min(depth, start + 32)), slice(None), slice(None))
        outer = canvas.distance(skin, box)
        canvas.fill(box, outer, "skin")
        canvas.fill(box, outer + np.float32(2.2), "fat", "subcutaneous_fat")
        inner = canvas.distance(muscle, box)
        canvas.fill(box, inner, "muscle")
        hollow = canvas.distance(cavity, box)
        for plane, width in _planes(canvas, box, inner, hollow):
            canvas.fill(box, np.abs(plane) - np.float32(width), "fascia", "muscle")
        canvas.fill(box, hollow, "fat", "fat")
    for name, side in SIDES:
        for group, points, sizes, squash in (
            ("autochthon", _ERECTOR, (16, 24, 25, 24, 21, 19, 17, 16, 16), (0.75, 1.0, 1.0)),
            ("autochthon", _QUADRATUS, (9, 12, 10), (0.7, 1.0, 1.0)),
            ("iliopsoas", _PSOAS, (6, 15, 19, 19.5, 18.5, 17, 15, 14, 11), (1.0, 1.0, 1.0)),
            ("iliopsoas", _ILIACUS, (8, 14, 15, 12), (1.0, 1.0, 1.0)),
        ):
            line = curve(mirror(list(points), side), 8.0)
            canvas.paint(tube(line, radii_along(line, sizes), squash=squash), "muscle", f"{group}_{name}")
        _shoulder(canvas, side)
        if sex == "female":
            gland = ellipsoid((side * 74, -116, 444), (38, 9, 30)) & _breast(side, fat).grow(-6.0)
            canvas.paint(gland - outline.muscle().shape(), "gland", f"breast_{name}")
    _thigh_planes(canvas)


def _breast(side: float, fat: float) -> Shape:
    """A breast as it lies on a woman on her back."""
    return ellipsoid((side * 78, -102 - 6 * fat, 446), (58, 26 + 8 * fat, 54))


def _shoulder(canvas: Canvas, side: float) -> None:
    """Fat of the armpit, and the fat between the muscles that cover the shoulder blade."""
    armpit = tube(
        curve([(side * 128, 6, 500), (side * 128, 0, 540), (side * 120, -14, 576)], 6.0), 15.0, squash=(0.8, 1, 1)
    )
    canvas.paint(armpit, "fat", "fat")
    between = (
        ((138, 66, 470), (96, 88, 520), (150, 60, 560)),
        ((150, 30, 470), (172, 10, 540), (150, 40, 580)),
        ((110, -58, 520), (168, -30, 560), (150, -36, 610)),
        ((40, -64, 500), (120, -62, 560), (110, -74, 480)),
        ((60, 60, 590), (140, 62, 600), (90, 50, 640)),
        ((50, 20, 600), (120, 12, 600), (90, 16, 640)),
    )
    for a, b, c in between:
        first, second, third = mirror([a, b, c], side)
        canvas.paint(plate((first, second, third), 0.9), "fascia", "muscle")


def _planes(canvas: Canvas, box: tuple[slice, slice, slice], inner: Array, hollow: Array) -> list[tuple[Array, float]]:
    """Fat planes: between the three flank muscles, outside the ribs, and between the muscles of the buttock."""
    x, y, z = np.abs(canvas.x), canvas.y, canvas.z[box[0]]
    far = np.float32(99)
    flank = (z > 185) & (z < 330) & (x > 70) & (y < 45)
    chest = (z > 330) & (z < 560) & (y < 60 - (x - 60) * 0.1)
    buttock = (z > -40) & (z < 175) & (y > -60) & (x > 30)
    wavy = np.float32(3) * np.sin(x / 19 + z / 31)
    return [
        (np.where(flank, inner + 6, far), 0.3),
        (np.where(flank, inner + 11.5, far), 0.3),
        (np.where(chest, hollow - 14 - wavy * 0.3, far), 0.8),
        (np.where(chest & (z > 430), inner + 8 + wavy, far), 0.7),
        (np.where(buttock & (y > 0), inner + 21 + wavy * 2, far), 1.2),
        (np.where(buttock, inner + 40 - wavy + (y * 0.08), far), 0.9),
    ]


def _thigh_planes(canvas: Canvas) -> None:
    """Fat between the muscle groups of the thigh, as sheets that leave the femur like spokes."""
    centre, _, _ = outline.THIGH
    for _, side in SIDES:
        for angle in (0.6, 1.9, 3.1, 4.3, 5.4):
            out = (side * np.cos(angle), np.sin(angle))
            shape = _spoke((side * (centre + 20), 8.0), out, (22.0, 68.0))
            canvas.paint(shape, "fascia", "muscle")


def _spoke(hub: tuple[float, float], out: tuple[float, float], reach: tuple[float, float]) -> Shape:
    points = [(hub[0] + r * out[0], hub[1] + r * out[1]) for r in reach]
    low = (min(p[0] for p in points) - 2, min(p[1] for p in points) - 2, -100.0)
    high = (max(p[0] for p in points) + 2, max(p[1] for p in points) + 2, -22.0)

    def distance(x: Array, y: Array, z: Array) -> Array:
        dx, dy = x - np.float32(hub[0]), y - np.float32(hub[1])
        along = dx * np.float32(out[0]) + dy * np.float32(out[1])
        across = np.abs(dx * np.float32(out[1]) - dy * np.float32(out[0]) + 4 * np.sin(along / 11))
        bound = np.maximum(np.float32(reach[0]) - along, along - np.float32(reach[1]))
        return np.asarray(np.maximum(across - np.float32(0.9), np.maximum(bound, z + 22)), dtype=np.float32)

    return Shape(low, high, distance)


def _table(canvas: Canvas, skin: outline.Outline) -> None:
    """A carbon-fibre table top: a thin curved shell round foam, its hollow just under the back."""
    lowest = float(skin.at(np.array([np.pi / 2]), np.array([60.0]))[0])
    x, y = canvas.x, canvas.y
    curve_up = np.float32(lowest + 7) - np.float32(26) * (np.clip(np.abs(x) / 205, 0, 1)) ** 2
    middle = np.maximum(np.abs(y - (curve_up + 12)) - 11, np.abs(x) - 205)
    flat = middle[0]
    for k in range(canvas.geometry.shape[0]):
        box = (slice(k, k + 1), slice(None), slice(None))
        canvas.fill(box, flat[None], "table_shell", "table")
        canvas.fill(box, flat[None] + np.float32(2.0), "table", "table")
