"""The heart: chambers, the fat of its grooves, the pericardium, the root, the coronary arteries in the fat.

Every heart is the reference heart turned, tipped and sized about the top of the aortic root, with arteries that wander
from their textbook course, and with more or less fat.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from calciscope.simulate.canvas import Canvas
from calciscope.simulate.chambers import AXIS, HANGS, REFERENCE, ROOT_RADII, VALVE, WALLS, Heart, Tree, muscle, sac
from calciscope.simulate.coronary import coronaries
from calciscope.simulate.courses import Course, courses
from calciscope.simulate.shapes import Vector, curve, radii_along, tube

__all__ = [
    "AXIS",
    "REFERENCE",
    "VALVE",
    "Heart",
    "Tree",
    "coronaries",
    "drawn",
    "muscle",
    "paint",
    "sac",
    "vessels",
]

_SEPTUM: tuple[Vector, Vector] = ((22.0, -40.0, 438.0), (52.0, -66.0, 404.0))


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
def vessels(heart: Heart = REFERENCE) -> dict[str, Course]:
    """The great vessels that begin in the heart, joined to the reference body's, and the ring of the mitral valve."""
    if heart == REFERENCE:
        return {"mitral.annulus": _annulus(heart)}
    root, trunk = courses()["aorta.root"], courses()["pulmonary.trunk"]
    line = curve([heart.valve, HANGS], 4.0)
    started = trunk.points.copy()
    away = np.linspace(1.0, 0.0, len(started))[:, None]
    started += away * (heart.moved(started[:1]) - started[:1])
    wide = (heart.root * ROOT_RADII[0], heart.root * ROOT_RADII[1])
    return {
        "aorta.root": Course(line, radii_along(line, wide), root.structure),
        "pulmonary.trunk": Course(started, trunk.radii, trunk.structure),
        "mitral.annulus": _annulus(heart),
    } | _aged(heart)


def _aged(heart: Heart) -> dict[str, Course]:
    """The aorta beyond the root, wider and longer with age: its arch rises and the descending part bows out."""
    made = {}
    for name in ("aorta.ascending", "aorta.arch", "aorta.thoracic"):
        course = courses()[name]
        points, radii = course.points.copy(), course.radii * heart.aorta
        # Fixed where it begins (the root) and where it leaves the chest.
        if name == "aorta.thoracic":
            part = np.linspace(0.0, 1.0, len(points))
            bow = np.sin(np.pi * np.clip(part, 0, 1) ** 0.8)
            points[:, 0] += heart.unfold * (0.7 * bow + 0.35 * (1 - part))
            points[:, 1] += heart.unfold * 0.15 * bow
            points[:, 2] += heart.unfold * 0.6 * (1 - part)
        else:
            part = np.linspace(0.0, 1.0, len(points)) if name == "aorta.ascending" else np.ones(len(points))
            shift = np.linspace(0.0, 1.0, len(points)) if name == "aorta.arch" else np.zeros(len(points))
            points[:, 0] += heart.unfold * (0.35 * shift - 0.3 * part * (1 - shift))
            points[:, 2] += heart.unfold * 0.6 * part
            if name == "aorta.ascending":
                radii = radii * np.interp(np.linspace(0, 1, len(points)), [0, 0.4, 1], [heart.root / heart.aorta, 1, 1])
        made[name] = Course(points, radii, course.structure)
    return made


def _annulus(heart: Heart) -> Course:
    """The back of the mitral valve's ring: where left atrium and ventricle meet, away from the aorta."""
    atrium, ventricle = heart.chamber("atrium_left"), heart.chamber("ventricle_left")
    turn, rise = np.meshgrid(np.linspace(0, 2 * np.pi, 240, endpoint=False), np.linspace(-1, 1, 120))
    flat = np.sqrt(1 - rise**2)
    ball = np.stack([flat * np.cos(turn), flat * np.sin(turn), rise], axis=-1).reshape(-1, 3)
    on_atrium = heart.atrium_surface(ball)
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


def paint(canvas: Canvas, heart: Heart = REFERENCE) -> None:
    """Paint pericardium, fat, chambers and coronary arteries."""
    canvas.paint(sac(heart).grow(1.4), "muscle", "pericardium")
    canvas.paint(sac(heart), "fat", "heart")
    canvas.paint(muscle(heart), "myocardium", "heart")
    for name, wall in WALLS.items():
        canvas.paint(heart.chamber(name).grow(-wall), "blood", "heart")
    left = heart.chamber("ventricle_left")
    septum = tube(heart.moved(np.array(_SEPTUM)), 5.0 * heart.size, squash=(0.4, 0.4, 0.4))
    canvas.paint(septum & left, "myocardium", "heart")
    canvas.paint(left.grow(-10.0), "blood", "heart")
    arteries = coronaries(heart).values()
    if heart.tree is not None:
        # However lean a heart is, its arteries lie in some fat under the pericardium, but where muscle bridges them.
        for course in arteries:
            canvas.paint(course.shape(0.7 + heart.tree.gap) - muscle(heart), "fat", "heart")
    for course in arteries:
        canvas.paint(course.shape(0.5), "arterial_wall", "heart")
        canvas.paint(course.shape(), "blood", "heart")
