"""The coronary arteries: courses in the fat of the grooves, and branches that walk over the heart towards its apex.

Without a :class:`Tree` they are the four arteries of the textbook; with one they branch as in the living: right, left
or balanced dominance (about 80, 10 and 10 of 100 hearts), a left main of 2 to 20 mm, one to three diagonals and
marginals, in every third heart an intermediate branch (Angelini P. Coronary artery anomalies, 1999; Fiss DM. Normal
coronary anatomy, J Nucl Med Technol 2007;35:186-97).
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from calciscope.simulate.chambers import REFERENCE, ROOT_RADII, Heart, Tree, muscle, sac
from calciscope.simulate.courses import Course
from calciscope.simulate.shapes import Shape, Vector, curve, radii_along

Points = NDArray[np.float64]

# Courses near the surface, mm; they are moved onto the heart's surface before use. Radii from the ostium on.
_TEXTBOOK: dict[str, tuple[tuple[Vector, ...], tuple[float, ...]]] = {
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
# Where the grooves run beyond the textbook arteries: round the back to the crux, and from there below the septum.
_BACK: tuple[Vector, ...] = ((46, 20, 424), (30, 16, 412), (10, -4, 398))
_BELOW: tuple[Vector, ...] = ((6, -12, 392), (20, -28, 384), (38, -46, 382), (54, -60, 386))
_CRUX: Vector = (6.0, -12.0, 392.0)

VESSELS = ("lm", "lad", "lcx", "rca")


def artery_of(name: str) -> str:
    """The artery (lm, lad, lcx or rca) that a course's branch is counted with, such as ``coronary.lad.diagonal1``."""
    return name.split(".")[1]


@cache
def coronaries(heart: Heart = REFERENCE) -> dict[str, Course]:
    """The coronary arteries by name (``coronary.lad``, ``coronary.lad.diagonal1``, ...), laid in the heart's fat."""
    return _textbook(heart) if heart.tree is None else _branching(heart, heart.tree)


def _textbook(heart: Heart) -> dict[str, Course]:
    surface = muscle(heart)
    rng = np.random.default_rng([heart.seed, 7])
    given = {name: heart.moved(np.array(points)) for name, (points, _) in _TEXTBOOK.items()}
    for points in given.values():
        points[1:] += rng.normal(0.0, heart.wander, points[1:].shape) if heart.wander else 0.0
    fork = given["lm"][0] + heart.main * (given["lm"][-1] - given["lm"][0])
    given["lm"][1] += (heart.main - 1.0) * (given["lm"][1] - given["lm"][0])
    given["lm"][-1] = given["lad"][0] = given["lcx"][0] = fork
    made = {}
    for name, (_, radii) in _TEXTBOOK.items():
        line = curve(_vectors(given[name]), 3.0)
        size = radii_along(line, radii)
        made[f"coronary.{name}"] = Course(settled(line, surface, size + 1.0), size, "heart")
    return made


def _branching(heart: Heart, tree: Tree) -> dict[str, Course]:
    rng = np.random.default_rng([heart.seed, 8])
    size = tree.calibre
    laid: dict[str, Course] = {}

    def lay(name: str, line: Points, radii: tuple[float, ...], fixed: int = 1, bridged: bool = False) -> Points:
        """Lay a rough course in its groove; the first ``fixed`` points stay. Muscle covers the middle of a bridge."""
        fine = curve(_vectors(line), 3.0)
        wide = size * radii_along(fine, radii)
        part = np.linspace(0.0, 1.0, len(fine))
        cover = np.interp(part, [0.3, 0.4, 0.55, 0.65], [0.0, 1.0, 1.0, 0.0]) if bridged else 0.0
        moved = _in_groove(fine, heart, wide + tree.gap - cover * (2 * wide + tree.gap + 0.5), fixed)
        laid[f"coronary.{name}"] = Course(moved, wide, "heart")
        return moved

    def rough(points: Points) -> Points:
        return heart.moved(points) + rng.normal(0.0, heart.wander, points.shape)

    dominant = tree.dominance
    left, right = ostium(heart, *tree.left), ostium(heart, *tree.right)
    # The left main runs between the pulmonary trunk and the left atrium, level or a little down or forwards.
    out = np.array([1.0, rng.normal(-0.05, 0.2), rng.normal(-0.05, 0.2)])
    fork = left + tree.main * out / np.linalg.norm(out)
    lm = curve(_vectors(np.stack([left, 0.5 * (left + fork), fork])), 2.0)
    laid["coronary.lm"] = Course(lm, np.full(len(lm), 2.25 * size), "heart")

    groove = np.concatenate([fork[None], rough(np.array(_TEXTBOOK["lad"][0][1:]))])
    lad = lay("lad", _part(groove, tree.lad), (2.0, 1.9, 1.6, 1.3, 1.0), fixed=2, bridged=tree.bridge)
    around = np.array(_TEXTBOOK["lcx"][0][1:])
    around = around if dominant == "right" else np.concatenate([around, np.array(_BACK[1:])])
    lcx = lay("lcx", np.concatenate([fork[None], rough(around)]), (1.8, 1.7, 1.5, 1.2), fixed=2)
    down = np.array(_TEXTBOOK["rca"][0][1:])
    down = down[:3] if dominant == "left" else down
    rca = lay("rca", np.concatenate([right[None], rough(down)]), (1.9, 1.9, 1.8, 1.7, 1.5, 1.3), fixed=2)

    if dominant != "left":
        below = np.concatenate([rca[-1:], rough(np.array(_BELOW[1:]))])
        lay("rca.pda", below, (1.2, 1.1, 0.9))
    if dominant != "right":
        below = np.concatenate([lcx[-1:], rough(np.add(_BELOW[1:], (4.0, 4.0, 0.0)))])
        lay("lcx.pda", below, (1.2, 1.1, 0.9))
    apex = np.asarray(heart.apex)
    wide = np.array([0.75, 0.55, -0.35])

    def branch(name: str, start: Points, towards: Points, radius: float, length: float) -> None:
        line = _walk(start, towards, apex, muscle(heart), length, radius * size + tree.gap, rng)
        laid[f"coronary.{name}"] = Course(line, size * radii_along(line, (radius, 0.6 * radius)), "heart")

    for k, at in enumerate(sorted(rng.uniform(0.12, 0.65, tree.diagonals)), start=1):
        branch(f"lad.diagonal{k}", _at(lad, at), wide, 1.2, float(rng.uniform(25, 55)))
    for k, at in enumerate(sorted(rng.uniform(0.15, 0.75, tree.marginals)), start=1):
        branch(f"lcx.marginal{k}", _at(lcx, at), np.array([0.7, 0.1, -0.7]), 1.3, float(rng.uniform(25, 60)))
    for k, at in enumerate(sorted(rng.uniform(0.35, 0.75, tree.acute)), start=1):
        branch(f"rca.acute{k}", _at(rca, at), np.array([0.7, -0.4, -0.3]), 1.0, float(rng.uniform(20, 45)))
    if tree.intermediate:
        branch("lcx.intermediate", fork, wide, 1.4, float(rng.uniform(30, 55)))
    return laid


def ostium(heart: Heart, angle: float, height: float) -> Points:
    """The point of the root's wall at an angle (degrees from the left to the back) and mm above the valve."""
    low, high = heart.root_line()
    part = min(height / max(float(np.linalg.norm(high - low)), 1e-6), 1.3)
    radius = heart.root * float(np.interp(part, [0, 1], ROOT_RADII))
    turn = np.radians(angle)
    return np.asarray(low + part * (high - low) + (radius - 0.5) * np.array([np.cos(turn), np.sin(turn), 0.0]))


def _vectors(points: Points) -> list[Vector]:
    return [(float(x), float(y), float(z)) for x, y, z in points]


def _at(line: Points, part: float) -> Points:
    return np.asarray(line[round(part * (len(line) - 1))])


def _part(points: Points, share: float) -> Points:
    """The first part of a polyline, by length."""
    arc = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])
    end = min(share, 1.0) * arc[-1]
    keep = points[arc < end]
    last = np.array([[np.interp(end, arc, points[:, k]) for k in range(3)]])
    return np.concatenate([keep, last])


def _value(shape: Shape, points: Points) -> NDArray[np.float64]:
    x, y, z = (points[:, k].astype(np.float32) for k in range(3))
    return shape.distance(x, y, z).astype(np.float64)


def _slope(shape: Shape, points: Points, step: float = 1.0) -> Points:
    return np.stack(
        [_value(shape, points + step * e) - _value(shape, points - step * e) for e in np.eye(3)], axis=1
    ) / (2 * step)


def settled(line: Points, surface: Shape, gap: NDArray[np.float64]) -> Points:
    """Move points along the gradient until they lie ``gap`` mm outside a surface, keeping the line smooth."""
    moved = line.copy()
    for _ in range(12):
        slope = _slope(surface, moved)
        norm = np.maximum(np.linalg.norm(slope, axis=1, keepdims=True), 0.2)
        moved -= np.clip(_value(surface, moved) - gap, -4, 4)[:, None] * slope / norm**2 * 0.7
        moved[1:-1] = 0.5 * moved[1:-1] + 0.25 * (moved[:-2] + moved[2:])
    return moved


def _in_groove(line: Points, heart: Heart, gap: NDArray[np.float64], fixed: int) -> Points:
    """Lay a line into the nearest groove: where the heart's fat is deepest beside it, on the muscle."""
    inner, outer = muscle(heart), sac(heart)
    moved = line.copy()
    count = len(line)
    # Near its origin an artery is bound to where it comes from, so it joins the groove gradually.
    free = np.clip((np.arange(count) - fixed + 1) / 4.0, 0.0, 1.0)[:, None]
    for _ in range(14):
        depth = _slope(inner, moved, 3.0) - _slope(outer, moved, 3.0)
        along = np.gradient(moved, axis=0)
        along /= np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-6)
        depth -= (depth * along).sum(axis=1, keepdims=True) * along
        moved += free * np.clip(4.0 * depth, -1.0, 1.0)
        slope = _slope(inner, moved)
        norm = np.maximum(np.linalg.norm(slope, axis=1, keepdims=True), 0.2)
        moved -= free * np.clip(_value(inner, moved) - gap, -4, 4)[:, None] * slope / norm**2 * 0.7
        smooth = moved.copy()
        smooth[1:-1] = 0.5 * moved[1:-1] + 0.25 * (moved[:-2] + moved[2:])
        moved = moved + np.where(free > 0, 1.0, 0.0) * (smooth - moved)
    return moved


def _walk(
    start: Points, towards: Points, apex: Points, surface: Shape, length: float, gap: float, rng: np.random.Generator
) -> Points:
    """A branch that leaves in a direction and bends towards the apex, on the muscle all the way."""
    place, heading = np.asarray(start, dtype=np.float64).copy(), towards / np.linalg.norm(towards)
    line = [place.copy()]
    for _ in range(max(4, int(length / 3.0))):
        goal = apex - place
        if np.linalg.norm(goal) < 8.0:
            break
        heading = heading + 0.12 * goal / np.linalg.norm(goal) + rng.normal(0, 0.06, 3)
        normal = _slope(surface, place[None])[0]
        normal /= max(float(np.linalg.norm(normal)), 0.2)
        heading -= (heading @ normal) * normal
        heading /= max(float(np.linalg.norm(heading)), 1e-6)
        place = place + 3.0 * heading
        place = place - np.clip(float(_value(surface, place[None])[0]) - gap, -1.5, 1.5) * normal
        line.append(place.copy())
    return np.stack(line)
