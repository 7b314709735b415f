"""Scenes that ask where: knees, shoulders, hips, breasts and chests with calcium at known places.

Every scene is a scan with a list of what lies where, made from the painted limbs and bodies and from nothing of the
finder. A place has one true site; a parent of it is right but broad.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from calciscope.domain.image import Acquisition, Geometry, Point, Volume
from calciscope.simulate import ct, hips, limbs, outline, thorax
from calciscope.simulate.body import Body, Habitus, build
from calciscope.simulate.lesions import disc, lump, mineral, streak
from calciscope.simulate.shapes import Shape, Vector, ellipsoid
from calciscope.simulate.tissue import TISSUES


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """One piece of calcium: the true ``site``, its centre (LPS mm), how far (mm) it reaches from there.

    ``voxels`` ``(n, 3)`` are those of the scan that hold it.
    """

    site: str
    name: str
    centre_mm: Point
    reach_mm: float
    voxels: NDArray[np.int32]


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """A scan and what lies where in it; ``kind`` names the scene."""

    kind: str
    seed: int
    volume: Volume
    places: tuple[Place, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Piece:
    site: str
    name: str
    shape: Shape
    density: float
    bed: Shape | None = None
    tissue: str = "scar"


KINDS = ("knee", "shoulder", "hip", "raised_arms", "breast", "chest")


def scene(seed: int, kind: str | None = None) -> Scene:
    """The scene of a seed, the same voxels each time; by default the kinds take turns."""
    chosen = KINDS[seed % len(KINDS)] if kind is None else kind
    rng = np.random.default_rng([71, seed])
    side = "left" if rng.random() < 0.5 else "right"
    if chosen in ("knee", "shoulder"):
        paint = limbs.knee if chosen == "knee" else limbs.shoulder
        limb = paint(rng, side, size=float(rng.uniform(0.92, 1.08)), fat=float(rng.uniform(0.5, 2.0)))
        pieces = _in_limb(limb, chosen, rng)
        return _scan(chosen, seed, limb.hu, limb.geometry, _some(pieces, rng, 4), rng)
    female = chosen == "breast" or rng.random() < 0.5
    habitus = Habitus(
        float(rng.uniform(155, 170) if female else rng.uniform(168, 185)), float(rng.uniform(0.92, 1.1)),
        float(rng.choice([0.6, 1.0, 1.6])), "female" if female else "male",
    )  # fmt: skip
    span = {"hip": (-60.0, 150.0), "breast": (390.0, 560.0)}.get(chosen, (385.0, 612.0))
    body = build(rng, habitus, spacing=(2.0, 1.6, 1.6), span=span)
    inside: Callable[[Body, np.random.Generator], list[_Piece]] = {
        "hip": _at_hip, "raised_arms": _at_raised_arm, "breast": _in_breast, "chest": _in_chest
    }[chosen]  # fmt: skip
    return _scan(chosen, seed, body.hu, body.geometry, _some(inside(body, rng), rng, 5), rng)


def _some(pieces: list[_Piece], rng: np.random.Generator, count: int) -> list[_Piece]:
    order = rng.permutation(len(pieces))[:count]
    return [pieces[int(k)] for k in sorted(order)]


def _scan(
    kind: str, seed: int, hu: NDArray[np.float32], geometry: Geometry, pieces: list[_Piece], rng: np.random.Generator
) -> Scene:
    thickness = float(rng.choice([1.5, 2.0, 3.0]))
    pixel = 0.75 if kind in ("knee", "shoulder") else 0.9
    noise = float(rng.uniform(8.0, 18.0))
    matrix = int(np.ceil(max(geometry.extent_mm[1:]) / pixel / 16) * 16)
    protocol = ct.Protocol(120.0, "standard", thickness, thickness, pixel, matrix, noise)
    middle = geometry.origin[0] + (geometry.extent_mm[2] - geometry.spacing[2]) / 2
    front = geometry.origin[1] + (geometry.extent_mm[1] - geometry.spacing[1]) / 2
    protocol = ct.Protocol(120.0, "standard", thickness, thickness, pixel, matrix, noise, (middle, front))
    for piece in pieces:
        if piece.bed is not None:
            _lay(hu, geometry, piece.bed, TISSUES[piece.tissue].hu)
    minerals = [mineral(piece.shape, piece.density, rng) for piece in pieces]
    image, grid = ct.scan(hu, geometry, minerals, protocol, (seed, 9))
    places = []
    for piece, grown in zip(pieces, minerals, strict=True):
        low, high = np.asarray(piece.shape.low), np.asarray(piece.shape.high)
        centre = (low + high) / 2
        reach = float(np.linalg.norm(high - low) / 2)
        places.append(
            Place(
                piece.site,
                piece.name,
                (float(centre[0]), float(centre[1]), float(centre[2])),
                reach,
                _voxels(grown, grid),
            )
        )
    acquisition = Acquisition(
        kvp=120.0, kernel=ct.KERNELS["standard"].name, slice_thickness=thickness, increment=thickness
    )
    return Scene(kind, seed, Volume(image, grid, acquisition), tuple(places))


def _voxels(grown: ct.Mineral, grid: Geometry) -> NDArray[np.int32]:
    """The voxels of a scan in which mineral lies; the nearest one where it is smaller than a voxel."""
    z, y, x = (grown.axis(k)[at] for k, at in enumerate(np.nonzero(grown.density)))
    index = np.rint(grid.to_index(np.stack([x, y, z], axis=1))).astype(np.int32)
    inside = index[((index >= 0) & (index < grid.shape)).all(axis=1)]
    return np.unique(inside, axis=0)


def _lay(hu: NDArray[np.float32], geometry: Geometry, shape: Shape, level: float) -> None:
    """Put soft tissue into a body, in place."""
    first = np.maximum(np.floor(geometry.to_index(np.asarray(shape.low))).astype(int) - 1, 0)
    last = np.minimum(np.ceil(geometry.to_index(np.asarray(shape.high))).astype(int) + 2, geometry.shape)
    if (last <= first).any():
        return
    z, y, x = (
        (geometry.origin[2 - k] + geometry.spacing[k] * np.arange(first[k], last[k])).astype(np.float32)
        for k in range(3)
    )
    away = shape.distance(x[None, None, :], y[None, :, None], z[:, None, None])
    share = np.clip(0.5 - away / np.float32(min(geometry.spacing)), 0.0, 1.0)
    box = tuple(slice(int(a), int(b)) for a, b in zip(first, last, strict=True))
    view = hu[box]
    # Bone stays: no tissue grows into it.
    share[view > 300.0] = 0.0
    view += share * (np.float32(level) - view)


def _moved(point: Vector, dx: float = 0.0, dy: float = 0.0, dz: float = 0.0) -> Vector:
    return (point[0] + dx, point[1] + dy, point[2] + dz)


def _in_limb(limb: limbs.Limb, kind: str, rng: np.random.Generator) -> list[_Piece]:
    """What may calcify in a knee or a shoulder."""
    m, side = limb.marks, limb.side
    dense = float(rng.uniform(500.0, 900.0))

    def ball(site: str, name: str, radius: float) -> _Piece:
        return _Piece(site, name, lump(m[name], radius * float(rng.uniform(0.85, 1.3)), rng), dense)

    def along(site: str, name: str) -> _Piece:
        x, y, z = m[name]
        line = np.array([(x, y, z - 7.0), (x + 0.6, y + 0.8, z), (x, y, z + 7.0)])
        return _Piece(site, name, streak(line, 1.3), dense)

    if kind == "knee":
        flat = [
            _Piece(f"joint.knee.{side}", name, disc(m[name], (0, 0, 1), 4.5, 1.3), dense)
            for name in ("meniscus_medial", "meniscus_lateral")
        ]
        return [
            *flat,
            _Piece(f"joint.knee.{side}", "space", disc(m["space"], (0, 0, 1), 5.0, 1.1), dense),
            ball(f"tendon.knee.{side}", "quadriceps", 2.6),
            ball(f"tendon.knee.{side}", "patellar", 2.4),
            along(f"artery.leg.{side}", "popliteal"),
            along(f"artery.leg.{side}", "femoral"),
            ball("soft_tissue", "muscle", 3.5),
            ball("soft_tissue", "fat", 2.5),
        ]
    return [
        ball(f"joint.shoulder.{side}", "recess", 2.4),
        ball(f"tendon.shoulder.{side}", "supraspinatus", 3.0),
        ball(f"tendon.shoulder.{side}", "infraspinatus", 3.0),
        ball(f"tendon.shoulder.{side}", "subscapularis", 2.6),
        along(f"artery.arm.{side}", "axillary"),
        _Piece(f"node.axillary.{side}", "node", lump(m["node"], 2.8, rng), dense, lump(m["node"], 5.0, rng), "node"),
        ball("soft_tissue", "deltoid", 3.5),
    ]


def _ref(body: Body, point: Vector) -> Vector:
    x, y, z = (float(p * s) for p, s in zip(point, body.scale, strict=True))
    return (x, y, z)


def _at_hip(body: Body, rng: np.random.Generator) -> list[_Piece]:
    pieces = []
    dense = float(rng.uniform(500.0, 900.0))
    for side, sign in (("left", 1.0), ("right", -1.0)):
        centre = np.array([sign * hips.HEAD[0], hips.HEAD[1], hips.HEAD[2]])
        rim = np.array([sign * 0.72, -0.1, 0.68]) * (hips.HEAD_RADIUS + 4.5) + centre
        fold = np.array([sign * 0.1, -1.0, -0.25]) * (hips.HEAD_RADIUS + 2.5) + centre
        spots: dict[str, tuple[str, Vector, float]] = {
            "labrum": (f"joint.hip.{side}", (rim[0], rim[1], rim[2]), 2.2),
            "capsule": (f"joint.hip.{side}", (fold[0], fold[1], fold[2]), 2.2),
            "gluteus": (f"tendon.hip.{side}", (sign * 145.0, 20.0, 14.0), 3.0),
            "hamstring": (f"tendon.hip.{side}", (sign * 63.0, 59.0, -24.0), 2.8),
            "thigh": ("soft_tissue", (sign * 100.0, -44.0, -48.0), 3.0),
            "injection": ("soft_tissue", (sign * 92.0, _skin_row(body, sign * 92.0, 92.0, 13.0), 92.0), 4.5),
        }
        for name, (site, point, radius) in spots.items():
            at = _ref(body, point)
            size = radius * float(rng.uniform(0.85, 1.2))
            under = lump(at, size + 3.0, rng) if name == "injection" else None
            pieces.append(_Piece(site, name, lump(at, size, rng), dense, under))
        line = body.courses[f"femoral.{side}"].points
        level = (hips.HEAD[2] - 18.0) * body.scale[2]
        nearest = line[int(np.abs(line[:, 2] - level).argmin())]
        wall = nearest + np.array([3.2, 0.0, 0.0])
        along = np.stack([wall + np.array([0.0, 0.0, dz]) for dz in (-6.0, 0.0, 6.0)])
        pieces.append(_Piece(f"artery.leg.{side}", "femoral", streak(along, 1.3), dense))
    return pieces


def _skin_row(body: Body, x: float, z: float, depth: float, back: float = 1.0) -> float:
    """The row (reference mm) that lies ``depth`` mm under the skin behind (or, ``back`` -1, in front of) a point."""
    geometry = body.geometry
    column = round((x * body.scale[0] - geometry.origin[0]) / geometry.spacing[2])
    level = round((z * body.scale[2] - geometry.origin[2]) / geometry.spacing[0])
    line = np.isin(body.labels[level, :, column], [body.names[n] for n in ("skin", "subcutaneous_fat", "muscle")])
    rows = np.flatnonzero(line)
    edge = rows[-1] if back > 0 else rows[0]
    mm = geometry.origin[1] + float(edge) * geometry.spacing[1] - back * depth
    return float(mm / body.scale[1])


def _at_raised_arm(body: Body, rng: np.random.Generator) -> list[_Piece]:
    pieces = []
    dense = float(rng.uniform(500.0, 900.0))
    for side, sign in (("left", 1.0), ("right", -1.0)):
        head = np.array([sign * 166.0, 24.0, 592.0])
        for name, away in (("front", (0.1, -1.0, 0.0)), ("side", (1.0, 0.1, 0.1)), ("behind", (0.3, 1.0, 0.1))):
            unit = np.asarray(away) * (sign, 1.0, 1.0)
            spot = head + unit / np.linalg.norm(unit) * 28.0
            at = _ref(body, (spot[0], spot[1], spot[2]))
            size = 2.6 * float(rng.uniform(0.9, 1.2))
            pieces.append(_Piece(f"tendon.shoulder.{side}", f"cuff, {name}", lump(at, size, rng), dense))
        node = _ref(body, (sign * 128.0, -2.0, 540.0))
        pieces.append(
            _Piece(f"node.axillary.{side}", "node", lump(node, 2.8, rng), dense, lump(node, 5.0, rng), "node")
        )
        pec = _ref(body, (sign * 100.0, -66.0, 540.0))
        pieces.append(_Piece("soft_tissue", "pectoral", lump(pec, 3.0, rng), dense))
    return pieces


def _in_breast(body: Body, rng: np.random.Generator) -> list[_Piece]:
    pieces = []
    dense = float(rng.uniform(400.0, 800.0))
    for side, sign in (("left", 1.0), ("right", -1.0)):
        gland = np.argwhere(body.labels == body.names.get(f"breast_{side}", -1))
        for number in range(2):
            if len(gland):
                z, y, x = gland[int(rng.integers(len(gland)))]
                point = body.geometry.to_mm(np.array([z, y, x], dtype=np.float64))
                at = (float(point[0]), float(point[1]), float(point[2]))
                size = float(rng.uniform(1.8, 3.2))
                pieces.append(_Piece(f"breast.{side}", f"gland {number}", lump(at, size, rng), dense))
        row = _skin_row(body, sign * 62.0, 470.0, 1.2, back=-1.0)
        pieces.append(_Piece("skin", "skin", lump(_ref(body, (sign * 62.0, row, 470.0)), 1.7, rng), 600.0))
        low = _skin_row(body, sign * 45.0, 430.0, 8.0)
        at = _ref(body, (sign * 45.0, low, 430.0))
        pieces.append(_Piece("soft_tissue", "fat of the back", lump(at, 2.4, rng), dense))
    return pieces


def _in_chest(body: Body, rng: np.random.Generator) -> list[_Piece]:
    pieces = []
    dense = float(rng.uniform(500.0, 900.0))
    wall = outline.cavity()
    for side, sign in (("left", 1.0), ("right", -1.0)):
        for number in range(2):
            point = (
                sign * float(rng.uniform(62, 92)), float(rng.uniform(-40, 45)), float(rng.uniform(450, 530))
            )  # fmt: skip
            at, size = _ref(body, point), float(rng.uniform(1.8, 3.6))
            pieces.append(
                _Piece("lung.nodule", f"nodule {number}", lump(at, size, rng), dense, lump(at, size + 1.5, rng), "scar")
            )
        # A plaque on the chest wall, beside and behind, and one on the dome of the diaphragm.
        angle, level = float(rng.uniform(-0.4, 0.9)), float(rng.uniform(440, 500))
        turn = angle if sign > 0 else np.pi - angle
        away = float(wall.at(np.array([turn]), np.array([level]))[0]) - 2.6
        out = (float(np.cos(turn)), float(np.sin(turn)), 0.0)
        at = _ref(body, (away * out[0], away * out[1], level))
        across = disc(at, (out[0] / body.scale[0], out[1] / body.scale[1], 0.0), 11.0, 1.9)
        pieces.append(_Piece(f"pleura.{side}", "wall plaque", across, dense, across.grow(0.8), "scar"))
        x, y = sign * float(rng.uniform(64, 80)), float(rng.uniform(-25, 12))
        z = float(thorax.dome(np.array([x], dtype=np.float32), np.array([y], dtype=np.float32))[0]) + 1.0
        flat = disc(_ref(body, (x, y, z)), (0, 0, 1), 10.0, 1.9)
        pieces.append(_Piece(f"pleura.{side}", "dome plaque", flat, dense, flat.grow(0.8), "scar"))
        hilar = _ref(body, (sign * 46.0, 20.0, 466.0))
        pieces.append(
            _Piece(f"node.hilar.{side}", "hilar node", lump(hilar, 3.0, rng), dense, lump(hilar, 5.5, rng), "node")
        )
    for name, spot in (("subcarinal", (-2.0, 22.0, 488.0)), ("right paratracheal", (-15.0, -6.0, 520.0)),
                       ("aortopulmonary", (30.0, 4.0, 506.0))):  # fmt: skip
        at = _ref(body, spot)
        pieces.append(
            _Piece("node.mediastinal", name, lump(at, 2.8, rng), dense, ellipsoid(at, (4.5, 4.0, 5.5)), "node")
        )
    return pieces
