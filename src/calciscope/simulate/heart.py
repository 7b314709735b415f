"""The heart: chambers, the fat of its grooves, the pericardium, the root, the coronary arteries in the fat.

Every heart is the reference heart turned, tipped and sized about the top of the aortic root, with arteries that wander
from their textbook course, and with more or less fat.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from calciscope.simulate.canvas import Canvas
from calciscope.simulate.courses import Course, courses
from calciscope.simulate.shapes import Shape, Vector, blend, curve, ellipsoid, radii_along, tube

AXIS: Vector = (0.70, -0.52, -0.49)
VALVE: Vector = (8.0, -18.0, 446.0)
"""Centre of the aortic valve in the reference body, mm."""

# Where the root ends and the ascending aorta begins: the heart hangs there.
_HANGS: Vector = (3.0, -24.0, 462.0)

# Chamber: centre, radii of its outside, axis (None: upright).
_CHAMBERS: dict[str, tuple[Vector, Vector, Vector | None]] = {
    "ventricle_left": ((40, -34, 421), (32, 33, 50), AXIS),
    "ventricle_right": ((12, -60, 419), (25, 34, 46), (0.80, -0.30, -0.52)),
    "atrium_right": ((-37, -26, 428), (24, 28, 34), None),
    "atrium_left": ((6, 10, 447), (38, 19, 25), None),
    "outflow": ((22, -54, 448), (16, 16, 22), (0.05, 0.35, 0.93)),
}
_WALLS = {"ventricle_left": 10.0, "ventricle_right": 4.5, "atrium_right": 2.5, "atrium_left": 2.5, "outflow": 3.5}
_SEPTUM: tuple[Vector, Vector] = ((22.0, -40.0, 438.0), (52.0, -66.0, 404.0))

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


@dataclass(frozen=True, slots=True)
class Heart:
    """One heart against the reference.

    ``turn`` (degrees about the body's axis, positive with the apex further back) and ``tip`` (degrees in the frontal
    plane, positive for a more vertical heart) place it; ``size`` is a factor, ``fat`` one of the fat on it. ``tilt``
    moves the valve (mm to the left and to the back), ``main`` is a factor of the left main's length, ``wander`` the SD
    (mm) by which the arteries leave their textbook course, drawn from ``seed``.
    """

    turn: float = 0.0
    tip: float = 0.0
    size: float = 1.0
    fat: float = 1.0
    tilt: tuple[float, float] = (0.0, 0.0)
    main: float = 1.0
    wander: float = 0.0
    seed: int = 0

    def moved(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Points ``(n, 3)`` of the reference heart in this one, mm of the reference body."""
        return np.asarray(_HANGS + self.size * ((points - _HANGS) @ self._rotation().T))

    def point(self, point: Vector) -> Vector:
        """One point of the reference heart in this one."""
        x, y, z = (float(v) for v in self.moved(np.array([point]))[0])
        return (x, y, z)

    @property
    def valve(self) -> Vector:
        """Centre of the aortic valve, mm of the reference body."""
        x, y, z = self.point(VALVE)
        return (x + self.tilt[0], y + self.tilt[1], z)

    def chamber(self, name: str) -> Shape:
        """The outside of a chamber."""
        centre, radii, axis = _CHAMBERS[name]
        turned = self._rotation() @ np.array((0.0, 0.0, 1.0) if axis is None else axis)
        a, b, c = (self.size * r for r in radii)
        upright = axis is None and not self.turn and not self.tip
        return ellipsoid(self.point(centre), (a, b, c), None if upright else (turned[0], turned[1], turned[2]))

    def _rotation(self) -> NDArray[np.float64]:
        turn, tip = np.radians(self.turn), np.radians(self.tip)
        about_z = np.array([[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1.0]])
        about_y = np.array([[np.cos(tip), 0, np.sin(tip)], [0, 1.0, 0], [-np.sin(tip), 0, np.cos(tip)]])
        return np.asarray(about_y @ about_z)


REFERENCE = Heart()


def drawn(rng: np.random.Generator) -> Heart:
    """A heart of ordinary variety."""
    return Heart(
        turn=float(np.clip(rng.normal(0, 7), -14, 14)),
        tip=float(np.clip(rng.normal(0, 6), -12, 12)),
        size=float(rng.uniform(0.92, 1.1)),
        fat=float(rng.uniform(0.7, 1.5)),
        tilt=(float(rng.normal(0, 2.5)), float(rng.normal(0, 2.5))),
        main=float(rng.uniform(0.6, 1.4)),
        wander=float(rng.uniform(1.5, 4.0)),
        seed=int(rng.integers(1 << 30)),
    )


@cache
def muscle(heart: Heart = REFERENCE) -> Shape:
    """The whole heart without its fat."""
    return blend([heart.chamber(name) for name in _CHAMBERS], 8.0)


@cache
def sac(heart: Heart = REFERENCE) -> Shape:
    """The inside of the pericardium: the heart with its fat, which fills the grooves."""
    return blend([heart.chamber(name).grow(2.5 * heart.fat) for name in _CHAMBERS], 30.0 * float(np.sqrt(heart.fat)))


@cache
def coronaries(heart: Heart = REFERENCE) -> dict[str, Course]:
    """The coronary arteries, laid on the surface of the heart in its fat."""
    surface = muscle(heart)
    rng = np.random.default_rng([heart.seed, 7])
    given = {name: heart.moved(np.array(points)) for name, (points, _) in _CORONARIES.items()}
    for points in given.values():
        points[1:] += rng.normal(0.0, heart.wander, points[1:].shape) if heart.wander else 0.0
    fork = given["lm"][0] + heart.main * (given["lm"][-1] - given["lm"][0])
    given["lm"][1] += (heart.main - 1.0) * (given["lm"][1] - given["lm"][0])
    given["lm"][-1] = given["lad"][0] = given["lcx"][0] = fork
    made = {}
    for name, (_, radii) in _CORONARIES.items():
        line = curve([(float(x), float(y), float(z)) for x, y, z in given[name]], 3.0)
        size = radii_along(line, radii)
        made[f"coronary.{name}"] = Course(_settle(line, surface, size + 1.0), size, "heart")
    return made


@cache
def vessels(heart: Heart = REFERENCE) -> dict[str, Course]:
    """The great vessels that begin in the heart, joined to the reference body's, and the ring of the mitral valve."""
    if heart == REFERENCE:
        return {"mitral.annulus": _annulus(heart)}
    root, trunk = courses()["aorta.root"], courses()["pulmonary.trunk"]
    line = curve([heart.valve, _HANGS], 4.0)
    started = trunk.points.copy()
    away = np.linspace(1.0, 0.0, len(started))[:, None]
    started += away * (heart.moved(started[:1]) - started[:1])
    return {
        "aorta.root": Course(line, radii_along(line, (15.0, 17.0)), root.structure),
        "pulmonary.trunk": Course(started, trunk.radii, trunk.structure),
        "mitral.annulus": _annulus(heart),
    }


def _annulus(heart: Heart) -> Course:
    """The back of the mitral valve's ring: where left atrium and ventricle meet, away from the aorta."""
    atrium, ventricle = heart.chamber("atrium_left"), heart.chamber("ventricle_left")
    turn, rise = np.meshgrid(np.linspace(0, 2 * np.pi, 240, endpoint=False), np.linspace(-1, 1, 120))
    flat = np.sqrt(1 - rise**2)
    ball = np.stack([flat * np.cos(turn), flat * np.sin(turn), rise], axis=-1).reshape(-1, 3)
    centre, radii, _ = _CHAMBERS["atrium_left"]
    on_atrium = heart.moved(centre + ball * radii)
    x, y, z = (on_atrium[:, k].astype(np.float32) for k in range(3))
    near = on_atrium[(np.abs(ventricle.distance(x, y, z)) < 2.0) & (atrium.distance(x, y, z) < 2.0)]
    middle = near.mean(axis=0)
    _, _, plane = np.linalg.svd(near - middle, full_matrices=False)
    angle = np.arctan2((near - middle) @ plane[1], (near - middle) @ plane[0])
    aorta = np.asarray(heart.valve) - middle
    away = np.angle(np.exp(1j * (angle - np.arctan2(aorta @ plane[1], aorta @ plane[0]))))
    bins = np.digitize(np.where(away < 0, away + 2 * np.pi, away), np.linspace(np.radians(75), np.radians(285), 13))
    line = np.array([near[bins == k].mean(axis=0) for k in range(1, 13) if (bins == k).any()])
    return Course(line, np.full(len(line), 1.6), "heart")


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


def paint(canvas: Canvas, heart: Heart = REFERENCE) -> None:
    """Paint pericardium, fat, chambers and coronary arteries."""
    canvas.paint(sac(heart).grow(1.4), "muscle", "pericardium")
    canvas.paint(sac(heart), "fat", "heart")
    canvas.paint(muscle(heart), "myocardium", "heart")
    for name, wall in _WALLS.items():
        canvas.paint(heart.chamber(name).grow(-wall), "blood", "heart")
    left = heart.chamber("ventricle_left")
    septum = tube(heart.moved(np.array(_SEPTUM)), 5.0 * heart.size, squash=(0.4, 0.4, 0.4))
    canvas.paint(septum & left, "myocardium", "heart")
    canvas.paint(left.grow(-10.0), "blood", "heart")
    for course in coronaries(heart).values():
        canvas.paint(course.shape(0.5), "arterial_wall", "heart")
        canvas.paint(course.shape(), "blood", "heart")
