"""A simulated head: skull, brain with its ventricles, dura, orbits and sinuses, around the anterior commissure.

Coordinates are mm from the anterior commissure: x to the patient's left, y to the back along the line through both
commissures, z up. Sizes and places follow the stereotactic atlas of Talairach and Tournoux (1988), whose brain is 172
mm long, 136 mm wide and 118 mm high, those of the skull base Lang's measurements (Clinical Anatomy of the Head, 1983).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from calciscope.simulate.canvas import Canvas
from calciscope.simulate.shapes import (
    Array,
    Shape,
    Vector,
    blend,
    curve,
    ellipsoid,
    half_space,
    plate,
    radii_along,
    tube,
)


@dataclass(frozen=True, slots=True)
class Skull:
    """How one head differs from the next.

    ``size`` scales the whole head along x, y and z. ``vault`` is the thickness of the skull in mm, ``ventricles`` the
    calibre and ``atrophy`` (0 to 1) the width of the sulci; ``open_side`` is -1 or 1 where a flap of bone of that side
    is missing. ``aside`` (mm) is how far soft parts lie from where the atlas has them.
    """

    size: Vector = (1.0, 1.0, 1.0)
    vault: float = 6.5
    ventricles: float = 1.0
    atrophy: float = 0.3
    open_side: int = 0
    bleeding: Vector | None = None
    clip: Vector | None = None
    osteoma: Vector | None = None
    aside: Vector = (0.0, 0.0, 0.0)


def cerebrum() -> Shape:
    """Both hemispheres."""
    main = ellipsoid((0, 17, 20), (68, 86, 56)) & half_space((0, 0.10, -1), (0, -30, -15))
    lobes = [ellipsoid((41 * s, 4, -20), (22, 40, 22)) for s in (-1.0, 1.0)]
    return blend([main, *lobes], 8.0)


def hindbrain() -> Shape:
    """Cerebellum and brainstem."""
    stem = tube(
        np.array([(0, 22, -6), (0, 24, -30), (0, 34, -56), (0, 40, -84)], dtype=float), np.array([14, 15, 9, 7])
    )
    return blend([ellipsoid((0, 60, -32), (50, 34, 28)), stem], 6.0)


def ventricle(sign: float, calibre: float) -> Shape:
    """A lateral ventricle: frontal horn, body, atrium, temporal and occipital horn."""
    horn = curve(
        [(7 * sign, -30, 4), (8 * sign, -12, 13), (11 * sign, 10, 21), (18 * sign, 32, 19), (24 * sign, 45, 11)]
    )
    body = tube(horn, radii_along(horn, (2.5, 4.0, 4.0, 4.5, 6.5)) * calibre)
    tail = curve([(24 * sign, 45, 11), (33 * sign, 36, -4), (32 * sign, 8, -18)])
    lower = tube(tail, radii_along(tail, (6.0, 2.4, 1.8)) * calibre)
    back = curve([(24 * sign, 45, 11), (25 * sign, 68, 6)])
    return body | lower | tube(back, radii_along(back, (5.5, 1.2)) * calibre)


COURSES: dict[str, tuple[tuple[Vector, ...], float]] = {
    "siphon.left": (((13, 14, -38), (14, 8, -27), (13, -1, -24), (11, -5, -19), (9, 1, -14)), 2.4),
    "siphon.right": (((-13, 14, -38), (-14, 8, -27), (-13, -1, -24), (-11, -5, -19), (-9, 1, -14)), 2.4),
    "basilar": (((0, 15, -42), (0, 10, -30), (0, 8, -18)), 1.7),
    "vertebral.left": (((14, 40, -68), (9, 30, -58), (4, 20, -48), (0, 15, -42)), 1.7),
    "vertebral.right": (((-14, 40, -68), (-9, 30, -58), (-4, 20, -48), (0, 15, -42)), 1.7),
}


def paint(canvas: Canvas, rng: np.random.Generator, skull: Skull) -> None:
    """Paint a head on a canvas in the coordinates of the atlas."""
    content = blend([cerebrum(), hindbrain()], 6.0)
    cavity = content.grow(1.5 + 3.0 * skull.atrophy)
    vault = cavity.grow(skull.vault)
    _face(canvas, vault, skull)
    _bones(canvas, vault, cavity, skull)
    canvas.paint(cavity, "csf")
    _brain(canvas, rng, skull)
    _dura(canvas, cavity)
    _vessels(canvas)
    _base(canvas)
    _lesions(canvas, cavity, skull)


def _face(canvas: Canvas, vault: Shape, skull: Skull) -> None:
    head = blend([vault.grow(7.0), ellipsoid((0, -38, -62), (58, 48, 52)), ellipsoid((0, 45, -80), (55, 52, 50))], 20.0)
    canvas.paint(head, "skin")
    canvas.paint(head.grow(-2.0), "fat", "subcutaneous_fat")
    canvas.paint(head.grow(-5.0), "muscle")
    canvas.paint(ellipsoid((0, -88, -50), (14, 20, 22)), "muscle")
    face = ellipsoid((0, -42, -62), (46, 36, 30))
    canvas.bone(face, "bone", 2.0, inner="muscle")
    for sign in (-1.0, 1.0):
        canvas.bone(
            tube(np.array([(28 * sign, -60, -52), (60 * sign, -30, -46), (66 * sign, 6, -40)]), 5.0), "bone", 2.0
        )
    spine = ellipsoid((0, 26, -84), (12, 9, 16))
    canvas.bone(spine, "bone", 1.4)


def _bones(canvas: Canvas, vault: Shape, cavity: Shape, skull: Skull) -> None:
    """Two tables with diploe between them, in two thirds of the thickness, and sutures."""
    canvas.paint(vault, "shaft", "bone")
    inner = vault.grow(-0.33 * skull.vault) - cavity.grow(0.3 * skull.vault)
    canvas.paint(inner & half_space((0, 0, -1), (0, 0, 0)), "diploe", "bone")
    suture = plate(((-75, -20, 60), (75, -20, 60), (0, -10, 95)), 0.7)
    canvas.paint((suture & vault) - cavity, "scar", "bone")
    if skull.open_side:
        window = ellipsoid((70.0 * skull.open_side, 5, 30), (40, 45, 38))
        canvas.paint(window - cavity.grow(0.5), "muscle")


def _brain(canvas: Canvas, rng: np.random.Generator, skull: Skull) -> None:
    content = blend([cerebrum(), hindbrain()], 6.0)
    box = canvas.box(content)
    away = canvas.distance(content, box)
    canvas.fill(box, away, "grey", "brain")
    canvas.fill(box, away + np.float32(9.0), "white", "brain")
    # Sulci: creases that reach some 12 mm deep, wider with age.
    creases = _wrinkled(away.shape, canvas.geometry.spacing, rng)
    width = np.float32(0.10 + 0.28 * skull.atrophy)
    sulci = np.maximum((np.abs(creases) - width) * np.float32(5.0), np.float32(-12.0) - away)
    canvas.fill(box, np.maximum(sulci, away), "csf", "csf")
    off = skull.aside
    for sign in (-1.0, 1.0):
        canvas.paint(ellipsoid((24 * sign + off[0], 3 + off[1], 2 + off[2]), (9, 22, 11)), "grey", "brain")
        canvas.paint(ellipsoid((10 * sign, 16, 6), (7, 15, 9)), "grey", "brain")
        canvas.paint(plate(((40 * sign, -22, -4), (46 * sign, 20, 8), (62 * sign, 0, 0)), 0.9 + skull.atrophy), "csf")
    for sign in (-1.0, 1.0):
        canvas.paint(ventricle(sign, skull.ventricles), "csf")
    canvas.paint(ellipsoid((0, 11, 1), (1.2 + 1.4 * skull.ventricles, 14, 9)), "csf")
    canvas.paint(ellipsoid((0, 48, -30), (6, 5, 9)), "csf")
    canvas.paint(ellipsoid((0, 38 + off[1], 2 + off[2]), (9, 5, 7)), "csf")
    canvas.paint(ellipsoid((0, 2, -15), (12, 10, 5)), "csf")
    canvas.paint(ellipsoid((off[0], 32 + off[1], 1 + off[2]), (4.0, 4.5, 3.5)), "grey", "pineal")


def _wrinkled(shape: tuple[int, ...], spacing: tuple[float, float, float], rng: np.random.Generator) -> Array:
    noise = ndimage.gaussian_filter(rng.standard_normal(shape, dtype=np.float32), [7.0 / s for s in spacing])
    return np.asarray(noise / noise.std(), dtype=np.float32)


def _dura(canvas: Canvas, cavity: Shape) -> None:
    rim = ellipsoid((0, 10, -2), (400, 58, 42))
    sheet = plate(((0, -120, -10), (0, 130, -10), (0, 10, 190)), 0.9) & cavity
    canvas.paint(sheet - rim, "dura", "falx")
    for sign in (-1.0, 1.0):
        tent = plate(((0, 48, 12), (0, 92, -14), (55 * sign, 72, -24)), 0.8) | plate(
            ((0, 48, 12), (55 * sign, 72, -24), (48 * sign, 30, -22)), 0.8
        )
        canvas.paint(tent & cavity, "dura", "tentorium")
    canvas.paint(tube(np.array([(0, 48, 12), (0, 92, -14)], dtype=float), 2.0), "blood", "sinus")


def _vessels(canvas: Canvas) -> None:
    for points, radius in COURSES.values():
        canvas.paint(tube(curve(points, 2.0), radius), "blood", "artery")


def _base(canvas: Canvas) -> None:
    """Orbits with their contents, sinuses, sella, petrous bones and the way out for the spinal cord."""
    canvas.paint(tube(np.array([(0, 36, -58), (0, 42, -90)], dtype=float), 13.0), "csf", "canal")
    canvas.paint(tube(np.array([(0, 36, -58), (0, 42, -90)], dtype=float), 6.0), "white", "brainstem")
    canvas.bone(plate(((0, 12, -22), (-12, 26, -58), (12, 26, -58)), 4.5), "bone", 1.5)
    canvas.bone(plate(((-8, 10, -14), (8, 10, -14), (0, 12, -26)), 1.5), "bone", 1.4)
    canvas.bone(ellipsoid((0, -6, -33), (15, 15, 10)), "bone", 1.8, inner="air")
    canvas.paint(ellipsoid((0, 2, -20), (7, 6, 4.5)), "muscle", "pituitary")
    for sign in (-1.0, 1.0):
        canvas.bone(ellipsoid((9 * sign, -7, -15), (3, 4, 2)), "bone", 1.4)
        ridge = tube(np.array([(14 * sign, 18, -36), (36 * sign, 30, -34), (58 * sign, 42, -36)]), np.array([6, 9, 12]))
        canvas.paint(ridge, "petrous", "bone")
        for k in range(6):
            cell = ((54 + 3 * (k % 3)) * sign, 40.0 + 4 * (k // 3), -44.0 + 4 * (k % 2))
            canvas.paint(ellipsoid(cell, (1.8, 1.8, 1.8)), "air", "mastoid")
        orbit = ellipsoid((32 * sign, -50, -32), (19, 28, 18), (0.35 * sign, 1.0, 0.0))
        canvas.bone(orbit.grow(2.0) & half_space((0, -1, 0), (0, -66, 0)), "bone", 2.0, inner="fat")
        canvas.paint(ellipsoid((33 * sign, -62, -31), (16, 14, 15)), "fat", "orbit")
        canvas.paint(
            ellipsoid((33 * sign, -62, -31), (12.2, 12.2, 12.2)), "muscle", f"globe{'_left' if sign > 0 else '_right'}"
        )
        canvas.paint(ellipsoid((33 * sign, -62, -31), (11, 11, 11)), "vitreous")
        canvas.paint(ellipsoid((33 * sign, -70.5, -31), (4.5, 2.0, 4.5)), "lens")
        canvas.paint(tube(np.array([(31 * sign, -50, -31), (12 * sign, -14, -22)]), 2.2), "grey", "optic_nerve")
        canvas.bone(ellipsoid((28 * sign, -48, -64), (15, 17, 14)), "bone", 1.6, inner="air")
        canvas.bone(ellipsoid((10 * sign, -75, -10), (8, 5, 10)), "bone", 1.6, inner="air")
    canvas.bone(ellipsoid((0, -46, -34), (11, 20, 12)), "bone", 1.4, inner="air")


def _lesions(canvas: Canvas, cavity: Shape, skull: Skull) -> None:
    if skull.bleeding is not None:
        canvas.paint(ellipsoid(skull.bleeding, (15, 18, 13)) & cavity, "haematoma", "haematoma")
    if skull.clip is not None:
        x, y, z = skull.clip
        canvas.paint(tube(np.array([(x, y, z - 3), (x, y, z + 3)]), 1.2), "metal", "metal")
    if skull.osteoma is not None:
        canvas.paint(ellipsoid(skull.osteoma, (8, 8, 8)), "cortical", "bone")
