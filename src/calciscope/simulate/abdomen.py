"""The upper abdomen and retroperitoneum: liver, gallbladder, spleen, pancreas, adrenals, kidneys, large vessels."""

from __future__ import annotations

import numpy as np

from calciscope.simulate import outline
from calciscope.simulate.canvas import Canvas
from calciscope.simulate.courses import courses
from calciscope.simulate.shapes import Shape, Vector, blend, curve, ellipsoid, half_space, radii_along, tube
from calciscope.simulate.thorax import above_diaphragm
from calciscope.simulate.wall import SIDES

KIDNEYS: dict[str, tuple[Vector, Vector]] = {
    "left": ((63.0, 27.0, 280.0), (0.24, 0.16, 1.0)),
    "right": ((-63.0, 26.0, 266.0), (-0.24, 0.16, 1.0)),
}
"""Centre and long axis of each kidney in the reference body, mm."""
GALLBLADDER: Vector = (-52.0, -52.0, 282.0)
"""Centre of the gallbladder in the reference body, mm."""

_VESSELS = ("aorta.abdominal", "cava.inferior", "coeliac", "splenic", "mesenteric", "renal.left", "renal.right",
            "renal_vein.left", "renal_vein.right", "portal", "splenic_vein")  # fmt: skip
# Behind the domes of the diaphragm lie the lowest parts of the aorta and the oesophagus in the chest, below this; mm.
_BEHIND_DOMES = 404.0


def _below_diaphragm(gap: float, rise: float = 0.0) -> Shape:
    chest = above_diaphragm(rise - gap)
    reach = 1e4
    return Shape(
        (-reach, -reach, 0.0), (reach, reach, 412.0 + max(rise, 0.0)), lambda x, y, z: -chest.distance(x, y, z)
    )


def liver(rise: float = 0.0) -> Shape:
    """The liver: a wedge that fills the right dome, ``rise`` mm above the usual, and crosses the midline."""
    inside = outline.cavity().shape(180.0, 420.0 + max(rise, 0.0)).grow(-2.5) & _below_diaphragm(3.5, rise)
    right = ellipsoid((-72, -2, 330), (92, 98, 104), (-0.18, 0.0, 1.0))
    left = ellipsoid((8, -50, 356), (72, 40, 30), (0.1, 0.0, 1.0))
    under = half_space((0.62, -0.30, -0.72), (-52, -28, 268))
    # The spine, the crus and the right kidney's bed keep the back of the liver off the midline.
    bed = ellipsoid((-16, 52, 300), (40, 46, 72))
    whole = blend([right & under, left], 14.0) - bed
    return whole & inside


def paint(canvas: Canvas, rise: float = 0.0) -> None:
    """Paint the solid organs and vessels of the abdomen, under a diaphragm ``rise`` mm above the usual."""
    top = 420.0 + max(rise, 0.0)
    inside = outline.cavity().shape(180.0, top).grow(-2.5) & _below_diaphragm(3.5, rise)
    diaphragm = _below_diaphragm(0.0, rise) & outline.cavity().shape(285.0, top)
    box = canvas.box(diaphragm)
    canvas.fill(box, canvas.distance(diaphragm, box), "fat", "abdominal_fat")
    thin = _below_diaphragm(0.0, rise) & above_diaphragm(rise - 2.8) & outline.cavity().shape(300.0, top)
    canvas.paint(thin, "muscle", "diaphragm")
    canvas.paint(liver(rise), "liver", "liver")
    for line, radius in (
        (((-26, 2, 372), (-52, -6, 362), (-88, 0, 344)), 4.5),
        (((-26, 2, 376), (-30, -26, 366), (-46, -46, 350)), 4.0),
        (((-26, 2, 374), (0, -24, 368), (22, -44, 362)), 3.5),
        (((-44, -20, 318), (-70, -8, 322), (-100, 6, 318)), 4.5),
        (((-44, -20, 318), (-66, -40, 330), (-92, -56, 326)), 3.6),
        (((-44, -20, 318), (-20, -40, 344), (8, -54, 354)), 3.6),
    ):
        points = curve([(float(a), float(b), float(c)) for a, b, c in line], 5.0)
        canvas.paint(tube(points, radii_along(points, [radius, radius * 0.8, radius * 0.5])), "blood", "liver")
    for side, sign in SIDES:
        _kidney(canvas, side, sign)
    spleen = ellipsoid((101, 42, 338), (36, 44, 56), (0.15, -0.35, 1.0)) & inside
    hollow = ellipsoid((60, 12, 332), (24, 36, 60))
    canvas.paint(spleen - hollow, "spleen", "spleen")
    pancreas = curve(
        [(-34, -22, 262), (-26, -26, 284), (-6, -36, 294), (24, -34, 302), (52, -18, 312), (84, 10, 324)], 5
    )
    canvas.paint(tube(pancreas, radii_along(pancreas, [11, 14, 8.5, 9.5, 9, 7])), "pancreas", "pancreas")
    tubes = courses()
    behind = tubes["aorta.thoracic"].points[:, 2] < _BEHIND_DOMES
    sleeve = tube(tubes["aorta.thoracic"].points[behind], tubes["aorta.thoracic"].radii[behind] + 3.0)
    canvas.paint(sleeve, "fat", "abdominal_fat")
    for name in _VESSELS:
        wall = 1.2 if name == "aorta.abdominal" else 0.5
        canvas.hollow(tubes[name].shape(wall), "arterial_wall", wall + 0.3, "blood", tubes[name].structure)
    for side, sign in SIDES:
        gland = f"adrenal_gland_{side}"
        z = 318 if sign > 0 else 312
        x, y = (30, 10) if sign > 0 else (28, 16)
        for end in ((x + 13, y + 12, z - 8), (x + 3, y + 17, z - 6)):
            limb = np.array([(sign * x, y - 2.0, z + 4.0), (sign * end[0], float(end[1]), float(end[2]))])
            canvas.paint(tube(limb, np.array([3.2, 2.2]), squash=(1, 1, 0.3)), "adrenal", gland)
        crus = curve([(sign * 12, 4, 262), (sign * 15, 6, 300), (sign * 14, 14, 330), (sign * 10, 10, 352)], 6)
        canvas.paint(tube(crus, 4.2, squash=(1.2, 0.7, 1)), "muscle", "diaphragm")
    canvas.paint(inside & ellipsoid((0, -60, 372), (16, 18, 14)), "liver", "liver")
    _hiatus(canvas)
    _gallbladder(canvas)


def _hiatus(canvas: Canvas) -> None:
    """Aorta and oesophagus where they pass behind and through the diaphragm."""
    chest, belly, oesophagus = courses()["aorta.thoracic"], courses()["aorta.abdominal"], courses()["oesophagus"]
    gullet = oesophagus.points[:, 2] < _BEHIND_DOMES
    canvas.hollow(tube(oesophagus.points[gullet], oesophagus.radii[gullet]), "bowel_wall", 4.5, "chyme", "esophagus")
    low = chest.points[:, 2] < _BEHIND_DOMES
    canvas.paint(tube(chest.points[low], chest.radii[low] + 1.2), "arterial_wall", "aorta")
    # The lumen goes on at both ends, so that no wall is left across it.
    above, below = chest.points[:, 2] < _BEHIND_DOMES + 20, belly.points[:, 2] > belly.points[0, 2] - 20
    line = np.concatenate([chest.points[above], belly.points[below][1:]])
    size = np.concatenate([chest.radii[above], belly.radii[below][1:]])
    canvas.paint(tube(line, size - 0.4), "blood", "aorta")


def _gallbladder(canvas: Canvas) -> None:
    x, y, z = GALLBLADDER
    line = curve([(x - 4, y - 14, z - 20), (x, y, z), (x + 10, y + 16, z + 18), (x + 16, y + 20, z + 26)], 4)
    canvas.paint(tube(line, radii_along(line, [15.6, 17.2, 10, 5])), "fat", "abdominal_fat")
    canvas.hollow(tube(line, radii_along(line, [15, 16.5, 9, 3])), "bowel_wall", 1.8, "bile", "gallbladder")


def _kidney(canvas: Canvas, side: str, sign: float) -> None:
    """Parenchyma, the sinus with its fat, the pelvis and calices, and the fat round the whole."""
    centre, axis = KIDNEYS[side]
    c = np.asarray(centre)
    along = np.asarray(axis) / np.linalg.norm(axis)
    inward = np.array([-sign * 0.86, -0.5, 0.0])

    def at(u: float, v: float) -> Vector:
        p = c + u * along + v * inward
        return (float(p[0]), float(p[1]), float(p[2]))

    canvas.paint(ellipsoid(centre, (34, 32, 66), axis), "fat", "abdominal_fat")
    behind = ellipsoid((sign * 66, 44, centre[2] - 2), (36, 26, 62)) & outline.cavity().shape(180.0, 420.0)
    canvas.paint(behind, "fat", "abdominal_fat")
    body = blend([ellipsoid(at(22, 2), (27, 25, 33), axis), ellipsoid(at(-22, 2), (26, 25, 32), axis),
                  ellipsoid(at(0, -3), (25, 24, 34), axis)], 10.0)  # fmt: skip
    sinus = ellipsoid(at(0, 13), (15, 11, 28), axis) | ellipsoid(at(0, 27), (13, 10, 17), axis)
    canvas.paint(body, "kidney", f"kidney_{side}")
    canvas.paint(sinus, "sinus_fat", f"kidney_{side}")
    for u in (-24.0, -8.0, 8.0, 24.0):
        calyx = tube(np.array([at(u * 0.4, 17), at(u, 6)]), np.array([2.6, 3.4]))
        canvas.paint(calyx, "urine", f"kidney_{side}")
        for v in (-3.0,):
            canvas.paint(ellipsoid(at(u * 0.5 + 4, v + 13), (2.2, 2.2, 5.0), axis), "blood", f"kidney_{side}")
    pelvis = tube(np.array([at(8, 16), at(-2, 22), at(-10, 30)]), np.array([4.0, 5.5, 3.0]))
    canvas.paint(pelvis, "urine", f"kidney_{side}")


def calyx(side: str, level: float) -> Vector:
    """The bottom of a calyx of a kidney at ``level`` mm along its axis, in the reference body."""
    centre, axis = KIDNEYS[side]
    along = np.asarray(axis) / np.linalg.norm(axis)
    sign = 1.0 if side == "left" else -1.0
    p = np.asarray(centre) + level * along + 6.0 * np.array([-sign * 0.86, -0.5, 0.0])
    return (float(p[0]), float(p[1]), float(p[2]))
