"""A knee and a shoulder, painted from their usual sizes: bones, cartilage, tendons, vessels, muscle, fat and skin.

Coordinates are mm from the middle of the joint, for a left limb: x to the side, y to the back, z up; a right one is its
mirror. Sizes are those of textbooks of anatomy and of measured bones: a femoral bicondylar width of 76 to 88 mm, a
humeral head of 19 to 27 mm radius (Iannotti 1992), a subacromial space of 9 to 10 mm, a tibiofemoral space of 5 mm.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from calciscope.domain.image import Geometry
from calciscope.simulate.canvas import Canvas
from calciscope.simulate.shapes import Shape, Vector, blend, curve, ellipsoid, half_space, plate, radii_along, tube

Path = tuple[Vector, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Limb:
    """``hu`` float32 and ``labels`` uint8 ``(z, y, x)`` on ``geometry``; ``marks`` are places in patient mm.

    ``names`` maps structures to labels, ``side`` is ``left`` or ``right``.
    """

    hu: NDArray[np.float32]
    labels: NDArray[np.uint8]
    names: Mapping[str, int]
    geometry: Geometry
    marks: Mapping[str, Vector]
    side: str


class _Painter:
    """A canvas for one side: shapes are given for the left and mirrored for the right, as large as the person."""

    def __init__(self, low: Vector, high: Vector, side: str, size: float, kvp: float, spacing: float) -> None:
        self.sign = 1.0 if side == "left" else -1.0
        if side == "right":
            low, high = (-high[0], low[1], low[2]), (-low[0], high[1], high[2])
        shape = tuple(int(np.ceil((high[k] - low[k]) * size / spacing)) for k in (2, 1, 0))
        origin = (low[0] * size, low[1] * size, low[2] * size)
        self.canvas = Canvas(
            Geometry((shape[0], shape[1], shape[2]), (spacing,) * 3, origin), (size,) * 3, kvp, contrast=False
        )
        self.size = size
        self.side = side
        self.marks: dict[str, Vector] = {}

    def at(self, point: Vector) -> Vector:
        """A point of the left limb on this side."""
        return (self.sign * point[0], point[1], point[2])

    def mark(self, name: str, point: Vector) -> None:
        """Remember a place."""
        x, y, z = self.at(point)
        self.marks[name] = (x * self.size, y * self.size, z * self.size)

    def ball(self, centre: Vector, radii: Vector, axis: Vector | None = None) -> Shape:
        """An ellipsoid."""
        return ellipsoid(self.at(centre), radii, None if axis is None else self.at(axis))

    def pipe(self, path: Path, radii: tuple[float, ...], squash: Vector = (1.0, 1.0, 1.0)) -> Shape:
        """A tube along a smooth curve."""
        line = curve([self.at(point) for point in path], 5.0)
        return tube(line, radii_along(line, radii), squash=squash)

    def done(self, rng: np.random.Generator) -> Limb:
        """The limb, its tissues roughened."""
        self.canvas.roughen(rng)
        c = self.canvas
        return Limb(
            c.hu, c.labels, MappingProxyType(c.names), c.geometry, MappingProxyType(dict(self.marks)), self.side
        )


_FEMORAL: Path = ((-34, 2, 190), (-24, 16, 130), (-10, 30, 80), (-2, 35, 35), (0, 35, 0), (2, 31, -50), (4, 28, -95))


def knee(
    rng: np.random.Generator, side: str = "left", *, size: float = 1.0, fat: float = 1.0, kvp: float = 120.0,
    spacing: float = 1.2,
) -> Limb:  # fmt: skip
    """A stretched knee with the lower thigh and the upper calf. ``size`` scales it, ``fat`` the layer under the skin.

    Marks: ``space``, ``meniscus_medial``, ``meniscus_lateral``, ``patellofemoral``, ``quadriceps``, ``patellar``,
    ``popliteal``, ``femoral``, ``muscle``, ``fat``.
    """
    p = _Painter((-88, -82, -120), (88, 98, 180), side, size, kvp, spacing)
    c = p.canvas
    inner: Path = ((0, 0, 185), (0, -2, 90), (0, -4, 30), (0, -2, -10), (0, 8, -60), (0, 12, -125))
    radii = (62.0, 55.0, 49.0, 47.0, 50.0, 50.0)
    skin = 5.0 + 5.0 * fat
    c.paint(p.pipe(inner, tuple(r + skin + 2 for r in radii)), "skin")
    c.paint(p.pipe(inner, tuple(r + skin for r in radii)), "fat", "subcutaneous_fat")
    c.paint(p.pipe(inner, radii), "muscle")
    # At the knee there are tendons and fat, not muscle: the pad under the patella, and the hollow behind.
    c.paint(p.ball((0, -22, -8), (34, 24, 24)), "fat")
    c.paint(p.ball((0, 40, 12), (24, 20, 62)), "fat")
    for path in (((-30, 34, 140), (-32, 34, 30), (-26, 24, -40)), ((30, 34, 140), (33, 36, 30), (38, 18, -25))):
        c.paint(p.pipe(path, (15.0, 8.0, 5.0)), "muscle")
    for path in (((-18, 36, 12), (-20, 44, -60), (-18, 44, -120)), ((18, 36, 12), (20, 44, -60), (18, 44, -120))):
        c.paint(p.pipe(path, (6.0, 18.0, 18.0)), "muscle")
    c.paint(p.ball((0, -10, 8), (43, 36, 26)), "joint_fluid")
    low = half_space((0, 0, 1), (0, 0, -3))
    high = half_space((0, 0, -1), (0, 0, 3.2))
    condyles = [p.ball((x, 6, 23), (17, 30, 22)) for x in (-23, 23)]
    block = [p.ball((0, -10, 28), (34, 24, 22)), p.pipe(((0, -6, 34), (0, -8, 62), (0, -9, 95)), (29.0, 20.0, 15.5))]
    femur = (blend([*condyles, *block], 8.0) - p.ball((0, 26, 8), (8.5, 20, 19))) & high
    plateau = blend([p.ball((x, 3, -24), (21, 25, 30)) for x in (-19, 19)], 10.0) & low
    tibia = plateau | p.pipe(((0, 2, -24), (0, 0, -50), (0, 0, -80)), (27.0, 19.0, 15.0))
    c.paint(femur.grow(2.2) & half_space((0, 0, 1), (0, 0, 38)), "cartilage", "cartilage")
    c.paint(plateau.grow(2.0) & half_space((0, 0, -1), (0, 0, -10)), "cartilage", "cartilage")
    for name, x in (("medial", -21.0), ("lateral", 21.0)):
        turn = np.linspace(0.35 * np.pi, 1.65 * np.pi, 9) + (0.0 if x < 0 else np.pi)
        ring = tuple((x + 15.5 * float(np.cos(t)), 3 + 18.0 * float(np.sin(t)), 0.2) for t in turn)
        c.paint(p.pipe(ring, (3.0, 3.6, 3.0), (1, 1, 1.2)), "disc", "meniscus")
        p.mark(f"meniscus_{name}", (x + (-15.5 if x < 0 else 15.5), 5, 0.2))
    c.bone(femur, "femur", 1.5, "cortical", "trabecular_dense")
    c.bone(p.pipe(((0, -9, 88), (0, -10, 130), (0, -9, 185)), (15.5, 14.0, 13.5)), "femur", 4.2, "shaft", "marrow")
    c.bone(tibia, "tibia", 1.5, "cortical", "trabecular_dense")
    c.bone(p.pipe(((0, 0, -72), (2, 0, -125)), (16.0, 13.0)), "tibia", 4.0, "shaft", "marrow")
    c.bone(p.ball((0, -24, -38), (11, 8, 14)), "tibia", 1.5, "cortical", "trabecular")
    fibula = p.ball((37, 16, -26), (10, 10, 14)) | p.pipe(((36, 17, -34), (34, 18, -125)), (6.0, 6.0))
    c.bone(fibula, "fibula", 2.2, "cortical", "marrow")
    patella = p.ball((0, -48, 30), (21, 9, 20))
    c.paint(patella.grow(2.0) & half_space((0, -1, 0), (0, -48, 0)), "cartilage", "cartilage")
    c.paint(p.pipe(((0, -47, 48), (0, -40, 80), (0, -30, 125)), (6.0, 6.0, 8.0), (0.5, 1, 1)), "muscle", "tendon")
    c.paint(p.pipe(((0, -49, 14), (0, -43, -10), (0, -32, -34)), (4.0, 3.6, 3.6), (0.4, 1, 1)), "muscle", "tendon")
    c.bone(patella, "patella", 1.4, "cortical", "trabecular_dense")
    c.paint(p.pipe(_FEMORAL, (7.0, 7.0, 6.0)), "fat")
    c.paint(p.pipe(tuple((x + 5, y + 4, z) for x, y, z in _FEMORAL), (4.5, 4.5, 4.0)), "blood", "vein")
    c.paint(p.pipe(_FEMORAL, (4.0, 3.6, 3.0)), "blood", "artery")
    for name, point in {
        "space": (22.0, 2.0, 0.2), "patellofemoral": (4.0, -36.5, 32.0), "quadriceps": (3.0, -44.5, 60.0),
        "patellar": (0.0, -46.0, 1.0), "popliteal": (3.0, 36.0, 18.0), "femoral": (-27.5, 9.0, 145.0),
        "muscle": (32.0, -26.0, 120.0), "fat": (0.0, 47.0 + 0.5 * skin + 8.0, -70.0),
    }.items():  # fmt: skip
        p.mark(name, point)
    return p.done(rng)


_AXILLARY: Path = ((-95, -30, 12), (-60, -26, -8), (-34, -12, -34), (-20, 0, -70), (-14, 4, -115), (-10, 4, -160))


def shoulder(
    rng: np.random.Generator, side: str = "left", *, size: float = 1.0, fat: float = 1.0, kvp: float = 120.0,
    spacing: float = 1.3,
) -> Limb:  # fmt: skip
    """A shoulder with the arm down, the top of the lung and three ribs beside it.

    Marks: ``joint``, ``recess``, ``supraspinatus``, ``infraspinatus``, ``subscapularis``, ``axillary``, ``node``,
    ``deltoid``.
    """
    p = _Painter((-150, -100, -150), (66, 98, 82), side, size, kvp, spacing)
    c = p.canvas
    r = 23.0
    layer = 5.0 + 6.0 * fat
    chest, lung = p.ball((-152, 4, -120), (118, 92, 150)), p.ball((-140, 2, -118), (66, 68, 106))
    upper = p.pipe(((4, 2, 6), (14, 4, -40), (18, 5, -160)), (50.0, 46.0, 42.0))
    slope = p.pipe(((-150, 24, 30), (-80, 22, 16), (-20, 8, 2)), (46.0, 44.0, 44.0))
    outline = blend([chest, upper, slope], 26.0)
    c.paint(outline.grow(layer + 2), "skin")
    c.paint(outline.grow(layer), "fat", "subcutaneous_fat")
    c.paint(outline, "muscle")
    c.paint(p.pipe(_AXILLARY, (16.0, 18.0, 20.0, 13.0, 9.0, 8.0)), "fat")
    for a, b, d in (((-30, -48, 30), (40, -40, -10), (10, -46, -90)), ((-60, 44, 10), (30, 42, 0), (10, 46, -90)),
                    ((-20, -30, 4), (-90, -40, -20), (-40, -48, -90))):  # fmt: skip
        c.paint(plate((p.at(a), p.at(b), p.at(d)), 0.9), "fascia", "muscle")
    c.paint(lung.grow(3.0), "fat")
    c.paint(lung, "lung")
    for z in (-30.0, -62.0, -94.0, -126.0):
        turn = np.linspace(-1.2, 1.4, 16)
        flat = np.sqrt(max(0.05, 1 - ((z + 118) / 110.0) ** 2))
        arc = tuple((-140 + 71 * flat * np.cos(t), 2 + 73 * flat * np.sin(t), z - 14 * np.sin(-t)) for t in turn)
        c.bone(p.pipe(arc, (3.8, 3.8), (1, 1, 0.6)), "rib", 1.3, inner="trabecular_dense")
    c.paint(p.ball((0, 0, 0), (r + 3.5,) * 3), "joint_fluid")
    c.paint(p.ball((0, 0, 0), (r + 2.0,) * 3), "cartilage", "cartilage")
    # The cuff over the head, and the gap under the acromion.
    cuff = p.ball((2, 0, 2), (r + 7.5, r + 7, r + 7.5)) - p.ball((0, 0, 0), (r + 1.0,) * 3)
    c.paint(cuff & half_space(p.at((-1, 0, 0)), p.at((-6, 0, 0))), "muscle", "tendon")
    head = p.ball((0, 0, 0), (r,) * 3)
    tubercles = p.ball((15, -1, 1), (11, 15, 18)) | p.ball((7, -19, -4), (9, 8, 12))
    top = blend([head, tubercles, p.pipe(((4, 0, -14), (10, 3, -46)), (18.0, 12.5))], 6.0)
    c.bone(top, "humerus", 1.4, "cortical", "trabecular_dense")
    c.bone(p.pipe(((9, 3, -40), (13, 4, -95), (15, 4, -160)), (12.5, 11.5, 11.0)), "humerus", 3.6, "shaft", "marrow")
    socket = p.ball((-r - 9, 3, -2), (9, 13, 18)) - p.ball((0, 0, 0), (r + 4.5,) * 3)
    neck = p.pipe(((-r - 12, 5, 0), (-r - 26, 12, 2)), (9.0, 6.0))
    c.bone(socket | neck, "scapula", 1.4, "cortical", "trabecular_dense")
    c.bone(plate((p.at((-40, 16, 10)), p.at((-100, 66, 22)), p.at((-84, 66, -118))), 2.0), "scapula", 1.3)
    c.bone(p.pipe(((-46, 20, 4), (-64, 44, -50), (-84, 64, -118)), (5.0, 4.0, 3.0)), "scapula", 1.4)
    gap = r + 17.0
    spine: Path = ((-96, 64, 20), (-50, 52, 30), (-8, 36, gap - 4), (14, 14, gap), (12, -6, gap))
    c.bone(p.pipe(spine, (4.0, 6.0, 7.0, 6.5, 6.0)), "scapula", 1.4)
    c.bone(p.pipe(((-36, 0, 14), (-34, -20, 26), (-22, -34, 16)), (7.0, 6.0, 5.5)), "scapula", 1.4)
    c.bone(p.pipe(((4, -8, gap + 1), (-50, -16, gap + 8), (-140, -34, gap - 2)), (6.5, 6.0, 7.5)), "clavicle", 1.8)
    c.paint(p.pipe(tuple((x - 4, y - 6, z - 6) for x, y, z in _AXILLARY), (5.0, 4.5)), "blood", "vein")
    c.paint(p.pipe(_AXILLARY, (4.2, 3.4)), "blood", "artery")
    for name, point in {
        "joint": (-r - 2.2, 2.0, 4.0), "recess": (-17.5, 4.0, -20.5), "supraspinatus": (9.0, -3.0, r + 3.8),
        "infraspinatus": (15.0, 15.0, 17.0), "subscapularis": (-4.0, -r - 4.0, 1.0), "axillary": (-31.0, -9.5, -38.0),
        "node": (-52.0, -12.0, -44.0), "deltoid": (30.0, -8.0, -66.0),
    }.items():  # fmt: skip
        p.mark(name, point)
    return p.done(rng)
