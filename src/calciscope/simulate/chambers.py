"""The heart's chambers, its muscle and the fat in its grooves, as solids that follow one heart's build."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from calciscope.simulate.shapes import Shape, Vector, blend, ellipsoid

AXIS: Vector = (0.70, -0.52, -0.49)
VALVE: Vector = (8.0, -18.0, 446.0)
"""Centre of the aortic valve in the reference body, mm."""
HANGS: Vector = (3.0, -24.0, 462.0)
"""Where the root ends and the ascending aorta begins: the heart hangs there; mm of the reference body."""
ROOT_RADII = (15.0, 17.0)
"""Inner radii of the aortic root at the valve and at its end, mm."""

# Chamber: centre, radii of its outside, axis (None: upright).
_CHAMBERS: dict[str, tuple[Vector, Vector, Vector | None]] = {
    "ventricle_left": ((40, -34, 421), (32, 33, 50), AXIS),
    "ventricle_right": ((12, -60, 419), (25, 34, 46), (0.80, -0.30, -0.52)),
    "atrium_right": ((-37, -26, 428), (24, 28, 34), None),
    "atrium_left": ((6, 10, 447), (38, 19, 25), None),
    "outflow": ((22, -54, 448), (16, 16, 22), (0.05, 0.35, 0.93)),
}
WALLS = {"ventricle_left": 10.0, "ventricle_right": 4.5, "atrium_right": 2.5, "atrium_left": 2.5, "outflow": 3.5}
"""Thickness of the wall of each chamber, mm."""


@dataclass(frozen=True, slots=True)
class Tree:
    """How one person's coronary arteries branch; lengths in mm, angles in degrees.

    ``dominance`` (``right``, ``left`` or ``balanced``) says which artery reaches the back of the septum, ``main`` the
    length of the left main. ``left`` and ``right`` are the ostia: the angle round the root (0 is the patient's left, 90
    the back) and the height above the valve. ``diagonals``, ``marginals`` and ``acute`` count the branches of LAD, LCX
    and RCA; ``intermediate`` adds a third branch of the left main. ``lad`` is the share of the anterior groove that the
    LAD fills. ``gap`` is the fat between arteries and muscle, ``bridge`` whether muscle covers the middle of the LAD;
    ``calibre`` is a factor of all radii.
    """

    dominance: str = "right"
    main: float = 10.0
    left: tuple[float, float] = (15.0, 13.5)
    right: tuple[float, float] = (-115.0, 13.0)
    diagonals: int = 2
    marginals: int = 2
    acute: int = 1
    intermediate: bool = False
    lad: float = 1.0
    gap: float = 1.0
    bridge: bool = False
    calibre: float = 1.0


@dataclass(frozen=True, slots=True)
class Heart:
    """One heart against the reference.

    ``turn`` (degrees about the body's axis, positive with the apex further back), ``tip`` (degrees in the frontal
    plane, positive for a more vertical heart) and ``nod`` (degrees in the sagittal plane, positive with the apex
    further up) place it; ``size`` is a factor, ``fat`` one of the fat on it, ``chambers`` factors of the left and right
    ventricle, right and left atrium and outflow. ``tilt`` moves the valve (mm, left and back); ``root`` and
    ``aorta`` are factors of the width of the root and of the aorta beyond it, ``unfold`` (mm) is by how much an old
    aorta is longer. ``main`` is a factor of the left main's length, ``wander`` the SD (mm) by which the arteries leave
    their textbook course, drawn from ``seed``. With a ``tree`` the arteries branch as it says (and ``main`` of it
    holds), without one they are the four of the textbook.
    """

    turn: float = 0.0
    tip: float = 0.0
    size: float = 1.0
    fat: float = 1.0
    tilt: tuple[float, float] = (0.0, 0.0)
    main: float = 1.0
    wander: float = 0.0
    seed: int = 0
    nod: float = 0.0
    chambers: tuple[float, float, float, float, float] = (1.0, 1.0, 1.0, 1.0, 1.0)
    root: float = 1.0
    aorta: float = 1.0
    unfold: float = 0.0
    tree: Tree | None = None

    def moved(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Points ``(n, 3)`` of the reference heart in this one, mm of the reference body."""
        return np.asarray(HANGS + self.size * ((points - HANGS) @ self._rotation().T))

    def point(self, point: Vector) -> Vector:
        """One point of the reference heart in this one."""
        x, y, z = (float(v) for v in self.moved(np.array([point]))[0])
        return (x, y, z)

    @property
    def valve(self) -> Vector:
        """Centre of the aortic valve, mm of the reference body."""
        x, y, z = self.point(VALVE)
        return (x + self.tilt[0], y + self.tilt[1], z)

    @property
    def apex(self) -> Vector:
        """The tip of the left ventricle, mm of the reference body."""
        centre, radii, _ = _CHAMBERS["ventricle_left"]
        out = np.asarray(AXIS) / np.linalg.norm(AXIS) * radii[2] * self.chambers[0]
        return self.point((centre[0] + out[0], centre[1] + out[1], centre[2] + out[2]))

    def chamber(self, name: str) -> Shape:
        """The outside of a chamber."""
        centre, radii, axis = _CHAMBERS[name]
        turned = self._rotation() @ np.array((0.0, 0.0, 1.0) if axis is None else axis)
        own = self.chambers[list(_CHAMBERS).index(name)]
        a, b, c = (self.size * own * r for r in radii)
        upright = axis is None and not self.turn and not self.tip and not self.nod
        return ellipsoid(self.point(centre), (a, b, c), None if upright else (turned[0], turned[1], turned[2]))

    def atrium_surface(self, directions: NDArray[np.float64]) -> NDArray[np.float64]:
        """Points on the left atrium's outside in unit ``directions`` ``(n, 3)`` of the reference heart."""
        centre, radii, _ = _CHAMBERS["atrium_left"]
        return self.moved(np.asarray(centre) + directions * radii * self.chambers[3])

    def root_line(self) -> NDArray[np.float64]:
        """The two ends of the root's axis: the valve, and where the ascending aorta begins."""
        return np.array([self.valve, HANGS])

    def _rotation(self) -> NDArray[np.float64]:
        turn, tip, nod = np.radians(self.turn), np.radians(self.tip), np.radians(self.nod)
        about_z = np.array([[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1.0]])
        about_y = np.array([[np.cos(tip), 0, np.sin(tip)], [0, 1.0, 0], [-np.sin(tip), 0, np.cos(tip)]])
        about_x = np.array([[1.0, 0, 0], [0, np.cos(nod), np.sin(nod)], [0, -np.sin(nod), np.cos(nod)]])
        return np.asarray(about_x @ about_y @ about_z)


REFERENCE = Heart()


@cache
def muscle(heart: Heart = REFERENCE) -> Shape:
    """The whole heart without its fat."""
    return blend([heart.chamber(name) for name in _CHAMBERS], 8.0)


@cache
def sac(heart: Heart = REFERENCE) -> Shape:
    """The inside of the pericardium: the heart with its fat, which fills the grooves."""
    return blend([heart.chamber(name).grow(2.5 * heart.fat) for name in _CHAMBERS], 30.0 * float(np.sqrt(heart.fat)))
