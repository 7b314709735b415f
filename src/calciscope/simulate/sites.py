"""Damaged tissue: where deposits can nucleate in a simulated body, how the damage is spread, what grows there.

Every site is a field of damage on a fine local grid, with the soft tissue that belongs to it (scar, granuloma, stone
bed) and the milieu of its growth. Positions are given on the reference body's courses and organs and follow its size.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from calciscope.simulate.body import Body
from calciscope.simulate.courses import courses
from calciscope.simulate.growth import Milieu
from calciscope.simulate.shapes import Vector

Field = NDArray[np.float32]
Local = Callable[[Body, np.random.Generator], "Damage"]


@dataclass(frozen=True, slots=True, eq=False)
class Damage:
    """Damage on a local grid: ``field`` ``(z, y, x)`` 0 to 1, voxels of ``spacing`` mm from ``origin`` (LPS).

    ``bed`` is the share of each voxel that is soft tissue of the lesion, whose attenuation is ``bed_tissue``; ``habit``
    multiplies the speed of growth.
    """

    field: Field
    spacing: float
    origin: Vector
    bed: Field | None = None
    bed_tissue: str = "scar"
    habit: Field | None = None


@dataclass(frozen=True, slots=True)
class Site:
    """A place where a deposit grows: ``site`` path, ``kind`` of calcification, what happened, how to make it.

    ``factor`` is the local factor of the ion product (urine and bile are far above serum, alkaline tissue a little);
    ``effects`` lay soft tissue where a deposit grew (a widened duct, the vein of a thrombus).
    ``motion`` is how far (mm, LPS) it moves while a slice is taken.
    """

    site: str
    kind: str
    mechanism: str
    damage: Local
    milieu: Milieu
    nuclei: int = 1
    factor: float = 1.0
    effects: tuple[Local, ...] = ()
    motion: Vector = (0.0, 0.0, 0.0)


def _axes(origin: Vector, spacing: float, shape: tuple[int, int, int]) -> tuple[Field, Field, Field]:
    x, y, z = ((origin[k] + spacing * np.arange(shape[2 - k])).astype(np.float32) for k in range(3))
    return x[None, None, :], y[None, :, None], z[:, None, None]


def _frame(low: NDArray[np.float64], high: NDArray[np.float64], spacing: float) -> tuple[Vector, tuple[int, int, int]]:
    count = np.maximum(np.ceil((high - low) / spacing).astype(int), 3)
    return (float(low[0]), float(low[1]), float(low[2])), (int(count[2]), int(count[1]), int(count[0]))


def _patchy(shape: tuple[int, int, int], spacing: float, scale: float, rng: np.random.Generator) -> Field:
    """A smooth random field of mean 0 and variance 1 with structure of ``scale`` mm."""
    smooth = ndimage.gaussian_filter(rng.standard_normal(shape, dtype=np.float32), scale / spacing)
    return np.asarray(smooth / max(float(smooth.std()), 1e-6), dtype=np.float32)


def wall(
    course: str, at: float, length: float, angle: float, span: float, depth: float = 1.2, spacing: float = 0.4
) -> Local:
    """An atheroma: a plaque in the wall of a course, ``at`` its relative position along it (0 to 1).

    ``angle`` (degrees, 0 to the patient's left or, where the vessel runs sideways, up; 90 to the back) and ``span`` say
    which part of the circumference, ``length`` and ``depth`` (mm) how long and how deep.
    """

    def make(body: Body, rng: np.random.Generator) -> Damage:
        line, radii = body.courses[course].points, body.courses[course].radii
        arc = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))])
        middle = at * arc[-1]
        near = np.flatnonzero(np.abs(arc - middle) <= length * 0.5 + 10)
        near = np.arange(max(near[0] - 1, 0), min(near[-1] + 2, len(line)))
        part, part_arc = line[near], arc[near]
        core = part[np.abs(part_arc - middle) <= length * 0.65 + 2]
        core = core if len(core) else part
        pad = float(radii[near].max()) + depth + 1.0
        origin, shape = _frame(core.min(axis=0) - pad, core.max(axis=0) + pad, spacing)
        x, y, z = _axes(origin, spacing, shape)
        nearest = np.full(shape, np.inf, dtype=np.float32)
        along = np.zeros(shape, dtype=np.float32)
        turn = np.zeros(shape, dtype=np.float32)
        radius = np.zeros(shape, dtype=np.float32)
        for k in range(len(part) - 1):
            step = part[k + 1] - part[k]
            size = float(np.linalg.norm(step))
            unit = step / size
            dx, dy, dz = (c - np.float32(p) for c, p in zip((x, y, z), part[k], strict=True))
            t = np.clip(dx * np.float32(unit[0]) + dy * np.float32(unit[1]) + dz * np.float32(unit[2]), 0, size)
            rx, ry, rz = dx - t * np.float32(unit[0]), dy - t * np.float32(unit[1]), dz - t * np.float32(unit[2])
            away = np.sqrt(rx * rx + ry * ry + rz * rz)
            closer = away < nearest
            left = np.array([1.0, 0, 0]) if abs(unit[0]) < 0.8 else np.array([0, 0, 1.0])
            u = left - (left @ unit) * unit
            u /= np.linalg.norm(u)
            v = np.cross(unit, u)
            v = -v if v[1] < 0 else v
            theta = np.arctan2(
                rx * np.float32(v[0]) + ry * np.float32(v[1]) + rz * np.float32(v[2]),
                rx * np.float32(u[0]) + ry * np.float32(u[1]) + rz * np.float32(u[2]),
            )
            nearest = np.where(closer, away, nearest)
            along = np.where(closer, t + np.float32(part_arc[k]), along)
            turn = np.where(closer, theta, turn)
            radius = np.where(closer, np.float32(np.interp(part_arc[k], arc, radii)), radius)
        bend = np.angle(np.exp(1j * (turn - np.radians(angle)))).astype(np.float32)
        half = np.radians(span) / 2
        rough = _patchy(shape, spacing, 1.6, rng)
        edge = np.clip(1.0 + 0.25 * rough, 0.5, 1.3)
        window = np.clip((edge - np.abs(bend) / half) * 3, 0, 1) * np.clip(
            (edge - np.abs(along - middle) / (length / 2)) * 3, 0, 1
        )
        layer = np.exp(-(((nearest - radius - 0.2) / (depth * 0.6)) ** 2))
        field = np.asarray(layer * window * np.clip(1.0 + 0.22 * rough, 0, 1), dtype=np.float32)
        return Damage(field / max(float(field.max()), 1e-6), spacing, origin)

    return make


def nodule(centre: Vector, radius: float, tissue: str = "scar", spacing: float = 0.4, bed: float = 1.25) -> Local:
    """Necrotic core of a granuloma: damage falls from the centre; a capsule of soft tissue surrounds it."""

    def make(body: Body, rng: np.random.Generator) -> Damage:
        away, origin, shape = _ball(body, centre, radius * bed + 2.5, spacing)
        lumpy = away * (1 + 0.09 * _patchy(shape, spacing, radius * 0.6, rng))
        field = np.clip(1.25 - lumpy / np.float32(radius), 0, 1).astype(np.float32)
        field[lumpy > radius] = 0
        return Damage(field, spacing, origin, _inside(lumpy, radius * bed, spacing), tissue)

    return make


def stone(centre: Vector, radius: float, tissue: str = "urine", spacing: float = 0.35, facets: int = 9) -> Local:
    """A stone in a cavity: growth by crystal habit, fastest along random directions, so that it has faces and edges."""

    def make(body: Body, rng: np.random.Generator) -> Damage:
        away, origin, shape = _ball(body, centre, radius * 1.35 + 1.5, spacing)
        normals = rng.normal(0, 1, (facets, 3))
        normals = np.concatenate([normals, -normals]) / np.tile(np.linalg.norm(normals, axis=1), 2)[:, None]
        depth = rng.uniform(0.75, 1.25, len(normals))
        x, y, z = _axes(origin, spacing, shape)
        middle = np.asarray(centre) * body.scale
        dx, dy, dz = (c - np.float32(p) for c, p in zip((x, y, z), middle, strict=True))
        gauge = np.full(shape, 1e-3, dtype=np.float32)
        for (a, b, c), d in zip(normals.astype(np.float32), depth.astype(np.float32), strict=True):
            np.maximum(gauge, (a * dx + b * dy + c * dz) / d, out=gauge)
        habit = np.clip(away / gauge, 0.6, 1.5).astype(np.float32)
        field = np.clip((1.3 * radius - away) / (0.3 * radius), 0, 1).astype(np.float32)
        # The crystal starts in the middle of the cavity: nucleation favours the greatest damage.
        field *= np.where(away < 1.0, 1.0, 0.8).astype(np.float32)
        return Damage(field, spacing, origin, _inside(away, radius + 1.2, spacing), tissue, habit)

    return make


def rim(centre: Vector, radius: float, depth: float = 1.1, tissue: str = "gallstone", spacing: float = 0.4) -> Local:
    """The skin of a cholesterol stone: damage in a shell only, so that a ring grows."""

    def make(body: Body, rng: np.random.Generator) -> Damage:
        away, origin, shape = _ball(body, centre, radius + depth + 2.0, spacing)
        lumpy = away * (1 + 0.035 * _patchy(shape, spacing, radius * 0.5, rng))
        field = np.exp(-(((lumpy - np.float32(radius)) / np.float32(depth)) ** 2))
        field[field < 0.2] = 0
        return Damage(field.astype(np.float32), spacing, origin, _inside(lumpy, radius + depth, spacing), tissue)

    return make


def concretion(centre: Vector, radius: float, spacing: float = 0.3, lucent: float = 0.0) -> Local:
    """A thrombus in a small vein that turns to stone in rings: a smooth ball, ``lucent`` the share of its radius that
    stays soft in the middle.
    """

    def make(body: Body, rng: np.random.Generator) -> Damage:
        away, origin, shape = _ball(body, centre, radius + 2.0, spacing)
        lumpy = away * (1 + 0.04 * _patchy(shape, spacing, radius * 0.8, rng))
        field = np.where(lumpy < radius, 0.9, 0).astype(np.float32)
        field[lumpy < 0.6] = 1.0
        field[lumpy < lucent * radius] = 0
        return Damage(field, spacing, origin, _inside(lumpy, radius + 0.8, spacing), "blood")

    return make


def scar(centre: Vector, radii: Vector, spacing: float = 0.5) -> Local:
    """Fat necrosis after an injection or injury: a flat, patchy scar."""

    def make(body: Body, rng: np.random.Generator) -> Damage:
        middle = np.asarray(centre) * body.scale
        reach = np.asarray(radii) * 1.3 + 2.0
        origin, shape = _frame(middle - reach, middle + reach, spacing)
        x, y, z = _axes(origin, spacing, shape)
        terms = [((c - np.float32(m)) / np.float32(r)) ** 2 for c, m, r in zip((x, y, z), middle, radii, strict=True)]
        gauge = np.sqrt(terms[0] + terms[1] + terms[2])
        rough = _patchy(shape, spacing, 1.8, rng)
        field = np.clip(1.15 - gauge + 0.22 * rough, 0, 1).astype(np.float32)
        field[gauge > 1] = 0
        return Damage(field, spacing, origin, np.clip((1.25 - gauge) * 4, 0, 1).astype(np.float32), "scar")

    return make


def leaflets(centre: Vector, radius: float, spacing: float = 0.4) -> Local:
    """Aortic valve: three leaflets whose bases and free edges wear out."""

    def make(body: Body, rng: np.random.Generator) -> Damage:
        middle = np.asarray(centre) * body.scale
        reach = np.array([radius + 2.0, radius + 2.0, radius + 2.0])
        origin, shape = _frame(middle - reach, middle + reach, spacing)
        x, y, z = _axes(origin, spacing, shape)
        # The valve's plane faces up, to the right and forwards.
        normal = np.array([-0.35, -0.40, 0.85])
        normal /= np.linalg.norm(normal)
        u = np.cross(normal, [0.0, 1.0, 0.0])
        u /= np.linalg.norm(u)
        v = np.cross(normal, u)
        d = [c - np.float32(m) for c, m in zip((x, y, z), middle, strict=True)]
        h, a, b = (sum(np.float32(w) * c for w, c in zip(axis, d, strict=True)) for axis in (normal, u, v))
        away, theta = np.hypot(a, b), np.arctan2(b, a)
        cusp = np.abs(np.cos(1.5 * theta))
        height = 5.0 * (away / radius) ** 2 * cusp
        sheet = np.exp(-(((h - height) / 0.9) ** 2))
        rough = _patchy(shape, spacing, 1.5, rng)
        field = sheet * np.clip(0.55 + 0.45 * rough, 0, 1) * (away < radius)
        return Damage(np.asarray(field, dtype=np.float32), spacing, origin)

    return make


def diffuse(centre: Vector, radii: Vector, spacing: float = 0.8, tissue: str | None = None) -> Local:
    """Sound tissue that secretes acid and is left alkaline: no damage, so only excess mineral makes it calcify.

    It calcifies in fluffy patches; with ``tissue`` the patches are denser than what is around them, as in the lung.
    """

    def make(body: Body, rng: np.random.Generator) -> Damage:
        middle = np.asarray(centre) * body.scale
        reach = np.asarray(radii) * 1.05 + 2 * spacing
        origin, shape = _frame(middle - reach, middle + reach, spacing)
        x, y, z = _axes(origin, spacing, shape)
        terms = [((c - np.float32(m)) / np.float32(r)) ** 2 for c, m, r in zip((x, y, z), middle, radii, strict=True)]
        gauge = np.sqrt(terms[0] + terms[1] + terms[2])
        patches = np.clip(_patchy(shape, spacing, 2.4, rng) - 0.2, 0, 1) * (gauge < 1)
        bed = None if tissue is None else np.clip(patches * 2.5, 0, 1).astype(np.float32)
        habit = patches.astype(np.float32)
        return Damage(np.zeros(shape, dtype=np.float32), spacing, origin, bed, tissue or "scar", habit)

    return make


def _ball(body: Body, centre: Vector, reach: float, spacing: float) -> tuple[Field, Vector, tuple[int, int, int]]:
    middle = np.asarray(centre) * body.scale
    origin, shape = _frame(middle - reach, middle + reach, spacing)
    x, y, z = _axes(origin, spacing, shape)
    away = np.sqrt(
        (x - np.float32(middle[0])) ** 2 + (y - np.float32(middle[1])) ** 2 + (z - np.float32(middle[2])) ** 2
    )
    return np.asarray(away, dtype=np.float32), origin, shape


def _inside(away: Field, radius: float, spacing: float) -> Field:
    return np.asarray(np.clip((radius - away) / np.float32(spacing) + 0.5, 0, 1), dtype=np.float32)


def on(course: str, at: float, offset: Vector = (0.0, 0.0, 0.0)) -> Vector:
    """A point on a course of the reference body, ``at`` its relative position (0 to 1), moved by ``offset`` mm."""
    points = courses()[course].points
    index = round(at * (len(points) - 1))
    p = points[index]
    return (float(p[0]) + offset[0], float(p[1]) + offset[1], float(p[2]) + offset[2])
