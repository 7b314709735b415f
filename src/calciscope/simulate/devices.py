"""What surgeons and cardiologists leave in a chest: stents, leads, valves, wires, clips; metal on a fine grid."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from calciscope.simulate import outline
from calciscope.simulate.body import Body
from calciscope.simulate.chambers import Heart
from calciscope.simulate.ct import Mineral
from calciscope.simulate.shapes import Shape, Vector, curve, frame_of, tube
from calciscope.simulate.tissue import mineral_hu

Device = Callable[[Body], Sequence[Mineral]]

# Attenuation of solid metal beyond what surrounds it, HU: the scanner's scale ends far below.
_METAL_HU = 9000.0
# Edge of the boxes that a long device is cut into, mm, so that their grids stay small.
_PIECE = 30.0
KINDS = ("stent", "pacemaker", "left ventricular lead", "mechanical valve", "valve frame", "sternal wires")


def device(kind: str, heart: Heart, rng: np.random.Generator) -> Device:
    """One of ``KINDS`` in a heart, drawn from a generator. Raises :class:`KeyError` for another kind."""
    made: dict[str, Callable[[Heart, np.random.Generator], Device]] = {
        "stent": _stent,
        "pacemaker": _pacemaker,
        "left ventricular lead": _left_lead,
        "mechanical valve": _mechanical,
        "valve frame": _frame,
        "sternal wires": _wires,
    }
    return made[kind](heart, rng)


def _stent(heart: Heart, rng: np.random.Generator) -> Device:
    """A mesh tube: 10 to 30 mm in the first half of an artery, bright from its struts and hollow."""
    artery = str(rng.choice(["lad", "rca", "lcx"], p=[0.5, 0.3, 0.2]))
    length, start, share = float(rng.uniform(10, 30)), float(rng.uniform(0.05, 0.35)), float(rng.uniform(0.12, 0.28))
    seed = int(rng.integers(1 << 30))

    def make(body: Body) -> Sequence[Mineral]:
        course = body.courses[f"coronary.{artery}"]
        arc = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(course.points, axis=0), axis=1))])
        first = start * arc[-1]
        at = np.linspace(first, min(first + length, arc[-1]), max(3, int(length)))
        line = np.stack([np.interp(at, arc, course.points[:, k]) for k in range(3)], axis=1)
        mesh = tube(line, 1.75) - tube(line, 1.45)
        # Struts cover a part of the shell; what they leave free differs from place to place.
        own = np.random.default_rng(seed)
        return minerals(mesh, body, share * _METAL_HU, 0.25, lambda shape: own.uniform(0.4, 1.6, shape))

    return make


def _pacemaker(heart: Heart, rng: np.random.Generator) -> Device:
    """A lead from the upper cava through the right atrium to the apex of the right ventricle, often with a coil."""
    coil = bool(rng.random() < 0.5)
    tip = heart.moved(np.array([(46.0, -66.0, 398.0)]))[0] + rng.normal(0, 3, 3)
    atrium = heart.moved(np.array([(-36.0, -24.0, 430.0), (-10.0, -48.0, 414.0)])) + rng.normal(0, 3, (2, 3))
    line = curve([(-24.0, -20.0, 560.0), (-29.0, -17.0, 500.0), *_vectors(atrium), *_vectors(tip[None])], 2.5)

    def make(body: Body) -> Sequence[Mineral]:
        points = line * np.asarray(body.scale)
        pieces = minerals(tube(points, 0.8), body, _METAL_HU * 0.8, 0.4)
        return [*pieces, *minerals(tube(points[-18:], 1.25), body, _METAL_HU, 0.4)] if coil else pieces

    return make


def _left_lead(heart: Heart, rng: np.random.Generator) -> Device:
    """A lead through the coronary sinus, behind in the left groove, into a vein of the side wall."""
    in_heart = heart.moved(
        np.array([(-36.0, -22.0, 430.0), (-14.0, -2.0, 412.0), (14.0, 12.0, 418.0), (44.0, 22.0, 428.0),
                  (62.0, 0.0, 424.0), (68.0, -22.0, 414.0)])
    )  # fmt: skip
    line = curve([(-24.0, -20.0, 560.0), (-29.0, -17.0, 500.0), *_vectors(in_heart + rng.normal(0, 2, (6, 3)))], 2.5)
    return lambda body: minerals(tube(line * np.asarray(body.scale), 0.7), body, _METAL_HU * 0.8, 0.4)


def _ring(heart: Heart, radius: float, rises: Sequence[float]) -> list[NDArray[np.float64]]:
    """Circles round the root's axis at heights above the valve."""
    low, high = heart.root_line()
    axis = (high - low) / np.linalg.norm(high - low)
    frame = frame_of((float(axis[0]), float(axis[1]), float(axis[2])))
    turn = np.linspace(0, 2 * np.pi, 25)
    circle = np.cos(turn)[:, None] * frame[0] + np.sin(turn)[:, None] * frame[1]
    return [low + rise * axis + radius * circle for rise in rises]


def _mechanical(heart: Heart, rng: np.random.Generator) -> Device:
    """A ring of metal with two leaflets of pyrolytic carbon that stand half open."""
    radius = float(rng.uniform(9.5, 12.0)) * heart.root
    ring = _ring(heart, radius, (0.0,))[0]
    across = [np.stack([ring[k], ring[-1 - k]]) for k in (4, 5, 6, 7, 8)]

    def make(body: Body) -> Sequence[Mineral]:
        scale = np.asarray(body.scale)
        pieces = list(minerals(tube(ring * scale, 1.1), body, _METAL_HU, 0.4))
        for line in across:
            pieces += minerals(tube(line * scale, 0.5), body, 1200.0, 0.4)
        return pieces

    return make


def _frame(heart: Heart, rng: np.random.Generator) -> Device:
    """The frame of a valve implanted through a catheter: rows of struts round the valve and the root."""
    radius, rows = float(rng.uniform(9.5, 12.0)) * heart.root, int(rng.integers(3, 7))
    rings = _ring(heart, radius, [5.0 * k - 4.0 for k in range(rows)])

    def make(body: Body) -> Sequence[Mineral]:
        scale = np.asarray(body.scale)
        pieces: list[Mineral] = []
        for k, ring in enumerate(rings):
            pieces += minerals(tube(ring * scale, 0.3), body, _METAL_HU * 0.7, 0.4)
            if k:
                for j in range(0, 24, 2):
                    post = np.stack([rings[k - 1][j], ring[(j + 1) % 25]])
                    pieces += minerals(tube(post * scale, 0.25), body, _METAL_HU * 0.7, 0.4)
        return pieces

    return make


def _wires(heart: Heart, rng: np.random.Generator) -> Device:
    """Loops round the sternum after an operation, half of the time with clips along a graft to the LAD."""
    wall = outline.cavity()
    heights = np.arange(410.0, 545.0, float(rng.uniform(18, 26)))
    clips = rng.random() < 0.5
    turn = np.linspace(0, 2 * np.pi, 17)
    loops = [
        np.stack(
            [17 * np.cos(turn), wall.front(z) - 5.5 + 7 * np.sin(turn), z + 4 * np.cos(turn + rng.uniform(0, 6))],
            axis=1,
        )
        for z in heights
    ]
    graft = curve([(22.0, -84.0, 540.0), (30.0, -84.0, 480.0), heart.point((56.0, -72.0, 430.0))], 9.0)
    marks = [np.stack([p, p + rng.normal(0, 1.5, 3)]) for p in graft + rng.normal(0, 3, graft.shape)] if clips else []

    def make(body: Body) -> Sequence[Mineral]:
        scale = np.asarray(body.scale)
        pieces: list[Mineral] = []
        for line in loops:
            pieces += minerals(tube(line * scale, 0.55), body, _METAL_HU, 0.4)
        for line in marks:
            pieces += minerals(tube(line * scale, 0.5), body, _METAL_HU, 0.4)
        return pieces

    return make


def _vectors(points: NDArray[np.float64]) -> list[Vector]:
    return [(float(x), float(y), float(z)) for x, y, z in points]


def minerals(
    shape: Shape,
    body: Body,
    hu: float,
    spacing: float,
    weave: Callable[[tuple[int, ...]], NDArray[np.float64]] | None = None,
) -> list[Mineral]:
    """A solid in patient mm as attenuation of ``hu`` on fine grids, in pieces that hold something.

    The scanner adds minerals by their density, so the density is the one that attenuates as much at the body's voltage.
    """
    density = hu / mineral_hu(body.kvp)
    low, high = np.asarray(shape.low) - 2 * spacing, np.asarray(shape.high) + 2 * spacing
    edges = [np.arange(a, b, _PIECE) for a, b in zip(low, high, strict=True)]
    made = []
    count = round(_PIECE / spacing)
    for x0 in edges[0]:
        for y0 in edges[1]:
            for z0 in edges[2]:
                x, y, z = (
                    (start + spacing * np.arange(count)).astype(np.float32).reshape(form)
                    for start, form in ((x0, (1, 1, -1)), (y0, (1, -1, 1)), (z0, (-1, 1, 1)))
                )
                away = shape.distance(x, y, z)
                share = np.clip(0.5 - away / spacing, 0, 1)
                filled = np.argwhere(share > 0)
                if not len(filled):
                    continue
                first, last = filled.min(axis=0), filled.max(axis=0) + 1
                part = share[first[0] : last[0], first[1] : last[1], first[2] : last[2]] * density
                if weave is not None:
                    part = part * weave(part.shape)
                origin = (
                    float(x0 + spacing * first[2]),
                    float(y0 + spacing * first[1]),
                    float(z0 + spacing * first[0]),
                )
                made.append(Mineral(np.asarray(part, dtype=np.float32), spacing, origin))
    return made
