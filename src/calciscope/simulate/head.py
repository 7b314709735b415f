"""Scans of the head: heads of varied size, tilt and coverage, with calcium at known places and what resembles it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from calciscope.domain.image import Geometry
from calciscope.simulate.body import Body, Habitus
from calciscope.simulate.canvas import Canvas
from calciscope.simulate.courses import Course
from calciscope.simulate.cranium import COURSES, Skull, paint
from calciscope.simulate.growth import Milieu
from calciscope.simulate.patient import Simulated, simulate
from calciscope.simulate.shapes import Vector, curve
from calciscope.simulate.sites import Site, nodule, scar, wall

# The box that is painted, mm from the anterior commissure along x, y and z.
_BOX = ((-100.0, 100.0), (-112.0, 128.0), (-92.0, 100.0))
_GRID = 1.5
_GRAIN = Milieu(0.0, years=12.0, density=420.0, filling=4.0, roughness=1.2)
_FLAKE = Milieu(0.0, years=12.0, density=240.0, filling=4.0, roughness=1.2)
_PLAQUE = Milieu(0.0, years=14.0, density=700.0, filling=4.0, roughness=1.3)


@dataclass(frozen=True, slots=True)
class Pose:
    """How a head lies: turned by ``yaw``, ``roll`` and ``pitch`` degrees, and what of it is scanned.

    ``low`` and ``high`` are heights in mm above the middle of the head (the anterior commissure) after turning.
    """

    yaw: float = 0.0
    roll: float = 0.0
    pitch: float = 0.0
    low: float = -72.0
    high: float = 98.0

    @property
    def matrix(self) -> NDArray[np.float64]:
        """Rotation ``(3, 3)`` from the head's axes x, y, z to the scanner's."""
        a, b, c = np.radians([self.yaw, self.roll, self.pitch])
        about_z = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]])
        about_y = np.array([[np.cos(b), 0, np.sin(b)], [0, 1, 0], [-np.sin(b), 0, np.cos(b)]])
        about_x = np.array([[1, 0, 0], [0, np.cos(c), -np.sin(c)], [0, np.sin(c), np.cos(c)]])
        return np.asarray(about_z @ about_y @ about_x)


def head_scan(
    seed: int = 1,
    *,
    thickness: float = 5.0,
    fov: float = 240.0,
    matrix: int = 512,
    noise: float = 8.0,
    kernel: str = "soft",
    contrast: bool = False,
    pose: Pose | None = None,
    skull: Skull | None = None,
    deposits: Sequence[Site] | None = None,
) -> Simulated:
    """A scan of a head; build, pose and deposits are drawn from the seed unless they are given."""
    rng = np.random.default_rng([seed, 23])
    built = drawn(rng) if skull is None else skull
    lies = posed(rng) if pose is None else pose
    body = build(rng, built, lies, contrast=contrast)
    return simulate(
        seed,
        kernel=kernel,
        thickness=thickness,
        increment=thickness,
        pixel=fov / matrix,
        matrix=matrix,
        noise=noise,
        contrast=contrast,
        deposits=places(built, lies, rng) if deposits is None else deposits,
        body=body,
    )


def drawn(rng: np.random.Generator) -> Skull:
    """A head as patients have them: children to old age, some with blood, a clip, an osteoma or a flap removed."""
    child = rng.random() < 0.15
    whole = rng.uniform(0.80, 0.93) if child else rng.normal(1.0, 0.035)
    size = tuple(float(whole * rng.normal(1.0, 0.025)) for _ in range(3))
    old = 0.0 if child else float(rng.uniform(0, 1))
    side = float(rng.choice([-1.0, 1.0]))
    what = rng.random()
    return Skull(
        size=(size[0], size[1], size[2]),
        vault=float(rng.uniform(2.5, 4.0) if child else rng.uniform(5.0, 8.5)),
        ventricles=float(rng.uniform(0.6, 0.9) if child else rng.uniform(0.7, 1.0) + 0.9 * old**2),
        atrophy=old * 0.8,
        open_side=int(side) if what < 0.08 else 0,
        bleeding=(28.0 * side, float(rng.uniform(-20, 40)), float(rng.uniform(5, 40))) if 0.1 < what < 0.3 else None,
        clip=(20.0 * side, float(rng.uniform(-15, 5)), -14.0) if 0.3 < what < 0.36 else None,
        osteoma=(45.0 * side, -40.0, 68.0) if 0.4 < what < 0.55 else None,
        aside=tuple(float(v) for v in rng.normal(0, 1.2, 3)),  # type: ignore[arg-type]
    )


def posed(rng: np.random.Generator) -> Pose:
    """Most heads lie nearly straight, one in four is turned by up to 25 degrees; one in six is cut."""
    wide = 25.0 if rng.random() < 0.25 else 8.0
    yaw, roll = rng.uniform(-wide, wide, 2)
    # Scans along the orbitomeatal line or the hard palate lean by up to 15 degrees against the commissures.
    pitch = float(np.clip(rng.uniform(-wide, wide) - 6.0, -25, 25))
    cut = rng.random()
    low = float(rng.uniform(-35, -20)) if cut < 0.09 else float(rng.uniform(-78, -55))
    high = float(rng.uniform(40, 60)) if cut > 0.92 else 98.0
    return Pose(float(yaw), float(roll), pitch, low, high)


def build(rng: np.random.Generator, skull: Skull, pose: Pose, *, contrast: bool = False) -> Body:
    """The body of a head: painted upright, then turned into its pose."""
    low = [b[0] for b in _BOX]
    shape = tuple(int(np.ceil((b[1] - b[0]) / _GRID)) for b in _BOX[::-1])
    upright = Geometry((shape[0], shape[1], shape[2]), (_GRID,) * 3, (low[0], low[1], low[2]))
    canvas = Canvas(upright, skull.size, 120.0, contrast)
    paint(canvas, rng, skull)
    canvas.roughen(rng)
    back = pose.matrix.T
    # Rows of the new grid: z from low to high, y and x over the same box.
    count = int(np.ceil((pose.high - pose.low) / _GRID))
    turned = Geometry((count, shape[1], shape[2]), (_GRID,) * 3, (low[0], low[1], pose.low))
    flip = np.eye(3)[::-1]
    matrix = flip @ back @ flip
    start = (back @ np.array(turned.origin) - np.array(upright.origin))[::-1] / _GRID
    size = turned.shape
    hu = ndimage.affine_transform(canvas.hu, matrix, start, size, order=1, cval=-1000.0, prefilter=False)
    labels = ndimage.affine_transform(canvas.labels, matrix, start, size, order=0, cval=0)
    tubes = {
        name: Course(
            curve(points, 2.0) * np.asarray(skull.size) @ pose.matrix.T, np.full(len(curve(points, 2.0)), r), name
        )
        for name, (points, r) in COURSES.items()
    }
    return Body(hu, labels, MappingProxyType(canvas.names), turned, MappingProxyType(tubes), Habitus(), 120.0, contrast)


def places(skull: Skull, pose: Pose, rng: np.random.Generator) -> tuple[Site, ...]:
    """Places of a head that calcify: the usual ones often, the others often enough to be tested."""
    off = np.asarray(skull.aside)
    made: list[Site] = []

    def at(x: float, y: float, z: float, spread: float = 1.0) -> Vector:
        point = (np.array([x, y, z]) + off + rng.normal(0, spread, 3)) * np.asarray(skull.size)
        moved = pose.matrix @ point
        return (float(moved[0]), float(moved[1]), float(moved[2]))

    def add(chance: float, site: str, what: str, centre: Vector, radius: tuple[float, float], milieu: Milieu) -> None:
        if rng.random() < chance:
            made.append(Site(site, "dystrophic", what, nodule(centre, float(rng.uniform(*radius)), "grey"), milieu, 4))

    mid = 0.6
    add(0.75, "brain.pineal", "corpora arenacea", at(0, 32, 1, mid), (2.0, 4.0), _GRAIN)
    add(0.30, "brain.habenula", "habenular commissure", at(0, 26, 3, mid), (1.3, 2.0), _GRAIN)
    add(0.20, "brain.cerebellum", "dentate nucleus", at(17, 59, -33, 1.5), (3.0, 5.0), _FLAKE)
    add(0.15, "brain.cerebellum", "dentate nucleus", at(-17, 59, -33, 1.5), (3.0, 5.0), _FLAKE)
    for side, s in (("left", 1.0), ("right", -1.0)):
        wide = 1.0 + 0.10 * (skull.ventricles - 1.0)
        add(0.6, f"brain.choroid_plexus.{side}", "glomus", at(24 * s * wide, 45, 10, 1.5), (2.5, 4.5), _GRAIN)
        add(0.3, f"brain.basal_ganglia.{side}", "globus pallidus", at(18 * s, 3, 1, 1.5), (2.5, 5.0), _FLAKE)
        add(
            0.12,
            f"eye.{side}",
            "lens or drusen",
            at(33 * s, -70 if rng.random() < 0.5 else -51, -31, 0.4),
            (1.2, 1.8),
            _GRAIN,
        )
        if rng.random() < 0.3:
            where, turn = float(rng.uniform(0.2, 0.8)), float(rng.uniform(0, 360))
            plaque = wall(f"siphon.{side}", where, 7.0, turn, 240, 1.2, 0.35)
            made.append(Site(f"artery.cerebral.{side}", "dystrophic", "atheroma of the siphon", plaque, _PLAQUE, 5))
        if rng.random() < 0.15:
            plaque = wall(f"vertebral.{side}", float(rng.uniform(0.2, 0.7)), 6.0, 0.0, 300, 1.1, 0.35)
            made.append(Site(f"artery.cerebral.{side}", "dystrophic", "atheroma", plaque, _PLAQUE, 4))
    if rng.random() < 0.4:
        # Anywhere along the falx, more often in front.
        turn = np.radians(rng.uniform(20, 150))
        y, z = 10 - 68 * np.cos(turn), 8 + 50 * np.sin(turn)
        length = rng.uniform(3, 8, 2)
        radii = (1.6, float(length[0]), float(length[1]))
        made.append(Site("brain.falx", "dystrophic", "plaque of the falx", scar(at(0, y, z, 0.4), radii), _GRAIN, 6))
    if rng.random() < 0.35:
        s = float(rng.choice([-1.0, 1.0]))
        spots = ((38, -30, 30), (45, 45, 35), (20, 80, 20), (45, 0, 40), (42, 5, -22), (30, -35, 5))
        spot = spots[int(rng.integers(len(spots)))]
        add(1.0, "brain.parenchyma", "healed granuloma", at(s * spot[0], spot[1], spot[2], 4.0), (1.5, 4.0), _FLAKE)
    return tuple(made)
