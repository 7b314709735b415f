"""Courses of the vessels and ducts of the reference body: where a tube runs, how wide it is, what it is called."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from calciscope.simulate.shapes import Shape, Vector, curve, radii_along, tube


@dataclass(frozen=True, slots=True, eq=False)
class Course:
    """A tube: ``points`` ``(n, 3)`` LPS mm and ``radii`` ``(n,)`` mm, with the name of the structure it belongs to."""

    points: NDArray[np.float64]
    radii: NDArray[np.float64]
    structure: str

    def shape(self, extra: float = 0.0, reach: float = 3.0) -> Shape:
        """The solid tube, ``extra`` mm wider."""
        return tube(self.points, self.radii + extra, reach=reach)

    def scaled(self, scale: Vector) -> Course:
        """The course in a patient of another size."""
        return Course(self.points * np.asarray(scale), self.radii * float(np.sqrt(scale[0] * scale[1])), self.structure)


# Name: structure, points from the heart (or kidney) outwards, radii at equal distances along it; mm, reference body.
_TABLE: dict[str, tuple[str, tuple[Vector, ...], tuple[float, ...]]] = {
    "aorta.root": ("aorta", ((8, -18, 446), (3, -24, 462)), (15, 17)),
    "aorta.ascending": ("aorta", ((3, -24, 462), (-10, -31, 484), (-12, -28, 508)), (16.5, 16.5, 16)),
    "aorta.arch": ("aorta", ((-12, -28, 508), (-2, -14, 526), (14, 8, 530), (26, 26, 514)), (16, 15, 14, 13)),
    "aorta.thoracic": (
        "aorta",
        ((26, 26, 514), (30, 33, 490), (29, 33, 450), (26, 30, 410), (18, 20, 370), (9, 3, 330)),
        (13, 12.8, 12.5, 12, 11.8, 11.5),
    ),
    "aorta.abdominal": (
        "aorta",
        ((9, 3, 330), (8, -10, 300), (9, -17, 262), (8, -18, 220), (4, -17, 182)),
        (11.5, 11, 10, 9.5, 9),
    ),
    "brachiocephalic": ("brachiocephalic_trunk", ((-4, -18, 524), (-18, -22, 552), (-30, -18, 574)), (6.5, 6, 5.5)),
    "subclavian.right": (
        "subclavian_artery_right",
        ((-30, -18, 574), (-48, -12, 590), (-85, -12, 588), (-125, -6, 592)),
        (4.5, 4.2, 4, 3.6),
    ),
    "carotid.right": (
        "common_carotid_artery_right",
        ((-30, -18, 574), (-28, -14, 596), (-27, -10, 640)),
        (4, 3.6, 3.5),
    ),
    "carotid.left": ("common_carotid_artery_left", ((6, -4, 538), (20, -12, 566), (27, -10, 640)), (4, 3.7, 3.5)),
    "subclavian.left": (
        "subclavian_artery_left",
        ((18, 14, 536), (28, 6, 570), (48, -8, 592), (85, -12, 588), (125, -6, 592)),
        (5, 4.5, 4.2, 4, 3.6),
    ),
    "coeliac": ("visceral_arteries", ((8, -16, 303), (10, -32, 302), (20, -34, 306)), (4, 3.6, 3)),
    "splenic": (
        "visceral_arteries",
        ((20, -34, 306), (36, -22, 316), (52, -14, 310), (70, 4, 322), (88, 22, 336)),
        (3, 2.9, 2.8, 2.6, 2.2),
    ),
    "mesenteric": (
        "visceral_arteries",
        ((9, -22, 290), (10, -36, 268), (4, -44, 220), (-8, -44, 180)),
        (4, 3.8, 3.2, 2),
    ),
    "renal.left": ("renal_artery_left", ((14, -12, 272), (32, 2, 272), (48, 14, 276)), (3.2, 3, 2.6)),
    "renal.right": ("renal_artery_right", ((2, -10, 270), (-26, 4, 266), (-46, 16, 262)), (3.2, 3, 2.6)),
    "iliac.left": (
        "iliac_artery_left",
        ((4, -17, 182), (18, -11, 160), (30, 0, 134), (44, -17, 98), (59, -40, 55), (72, -54, 18)),
        (6.2, 6, 5.6, 5, 4.8, 4.8),
    ),
    "iliac.right": (
        "iliac_artery_right",
        ((4, -17, 182), (-14, -11, 160), (-30, 0, 134), (-44, -17, 98), (-59, -40, 55), (-72, -54, 18)),
        (6.2, 6, 5.6, 5, 4.8, 4.8),
    ),
    "internal_iliac.left": (
        "iliac_artery_left",
        ((30, 0, 134), (44, 30, 108), (50, 44, 76), (50, 40, 50)),
        (4, 3.6, 3, 2),
    ),
    "internal_iliac.right": (
        "iliac_artery_right",
        ((-30, 0, 134), (-44, 30, 108), (-50, 44, 76), (-50, 40, 50)),
        (4, 3.6, 3, 2),
    ),
    "femoral.left": (
        "femoral_artery_left",
        ((72, -54, 18), (76, -54, -20), (80, -44, -70), (84, -30, -120)),
        (4.6, 4.4, 4, 3.8),
    ),
    "femoral.right": (
        "femoral_artery_right",
        ((-72, -54, 18), (-76, -54, -20), (-80, -44, -70), (-84, -30, -120)),
        (4.6, 4.4, 4, 3.8),
    ),
    "cava.inferior": (
        "inferior_vena_cava",
        (
            (-15, -4, 174),
            (-19, -9, 215),
            (-20, -10, 262),
            (-22, -4, 310),
            (-26, 2, 350),
            (-28, -2, 392),
            (-30, -14, 410),
        ),
        (9, 9.5, 10.5, 11, 12, 12, 12),
    ),
    "cava.superior": ("superior_vena_cava", ((-34, -18, 452), (-31, -16, 480), (-27, -19, 522)), (10, 9, 8.5)),
    "brachiocephalic_vein.left": (
        "brachiocephalic_vein_left",
        ((-27, -19, 522), (4, -36, 540), (30, -30, 556), (45, -28, 575)),
        (7.5, 7, 6.5, 6),
    ),
    "brachiocephalic_vein.right": (
        "brachiocephalic_vein_right",
        ((-27, -19, 522), (-34, -26, 545), (-42, -28, 572)),
        (8, 7, 6),
    ),
    "iliac_vein.left": (
        "iliac_vena_left",
        (
            (-15, -4, 174),
            (14, 6, 146),
            (36, 12, 124),
            (46, -4, 92),
            (54, -29, 55),
            (60, -46, 18),
            (68, -44, -30),
            (78, -30, -110),
        ),
        (8, 7.5, 6.5, 6, 6, 6, 5.5, 5),
    ),
    "iliac_vein.right": (
        "iliac_vena_right",
        (
            (-15, -4, 174),
            (-26, 6, 146),
            (-38, 14, 120),
            (-46, -4, 92),
            (-54, -29, 55),
            (-60, -46, 18),
            (-68, -44, -30),
            (-78, -30, -110),
        ),
        (8, 7.5, 6.5, 6, 6, 6, 5.5, 5),
    ),
    "renal_vein.left": (
        "renal_vein_left",
        ((-12, -16, 268), (10, -28, 270), (34, -8, 270), (50, 10, 272)),
        (5.5, 4, 5, 4.5),
    ),
    "renal_vein.right": ("renal_vein_right", ((-22, -8, 262), (-36, 2, 260), (-48, 12, 258)), (5.5, 5, 4.5)),
    "portal": (
        "portal_vein_and_splenic_vein",
        ((-44, -20, 318), (-24, -26, 300), (-8, -30, 288), (6, -40, 255), (0, -42, 215)),
        (6.5, 6.5, 6.5, 5, 4),
    ),
    "splenic_vein": (
        "portal_vein_and_splenic_vein",
        ((-8, -30, 290), (20, -24, 300), (50, -8, 306), (86, 24, 330)),
        (5.5, 4.5, 4.2, 3.5),
    ),
    "ureter.left": (
        "ureter_left",
        (
            (46, 14, 262),
            (42, 2, 235),
            (40, -6, 200),
            (38, -10, 168),
            (34, -6, 138),
            (46, 22, 105),
            (53, 40, 78),
            (44, 36, 50),
            (24, 16, 36),
            (14, 10, 33),
        ),
        (4, 2.2, 1.9, 2, 1.8, 1.9, 2, 2, 1.8, 1.6),
    ),
    "ureter.right": (
        "ureter_right",
        (
            (-46, 14, 250),
            (-42, 4, 226),
            (-41, -6, 195),
            (-39, -10, 166),
            (-36, -6, 136),
            (-46, 22, 104),
            (-53, 40, 78),
            (-44, 36, 50),
            (-24, 16, 36),
            (-14, 10, 33),
        ),
        (4, 2.2, 1.9, 2, 1.8, 1.9, 2, 2, 1.8, 1.6),
    ),
    "pulmonary.trunk": ("pulmonary_artery", ((24, -48, 456), (24, -38, 474), (20, -18, 490)), (14, 14, 13.5)),
    "pulmonary.right": (
        "pulmonary_artery",
        ((20, -18, 490), (-4, -2, 484), (-34, 4, 478), (-56, 8, 470)),
        (12, 11, 10, 7),
    ),
    "pulmonary.left": (
        "pulmonary_artery",
        ((20, -18, 490), (32, 0, 492), (48, 16, 482), (58, 22, 466)),
        (12, 11, 9.5, 7),
    ),
    "pulmonary_vein.left": ("pulmonary_vein", ((28, 14, 450), (48, 12, 456), (66, 8, 462)), (7.5, 6.5, 4.5)),
    "pulmonary_vein.left_lower": ("pulmonary_vein", ((24, 20, 444), (44, 28, 436), (62, 34, 426)), (7.5, 6.5, 4.5)),
    "pulmonary_vein.right": ("pulmonary_vein", ((-16, 12, 450), (-40, 6, 458), (-62, 0, 466)), (7.5, 6.5, 4.5)),
    "pulmonary_vein.right_lower": ("pulmonary_vein", ((-14, 20, 444), (-40, 26, 436), (-60, 34, 424)), (7.5, 6.5, 4.5)),
    "trachea": ("trachea", ((0, -14, 640), (0, -8, 600), (0, 2, 560), (2, 12, 512)), (8.5, 8.5, 8.5, 9)),
    "bronchus.right": ("trachea", ((2, 12, 512), (-20, 16, 492), (-42, 18, 474), (-54, 22, 456)), (8, 7, 6, 4)),
    "bronchus.left": ("trachea", ((2, 12, 512), (22, 18, 488), (44, 24, 474), (56, 28, 456)), (7.5, 6.5, 5.5, 4)),
    "oesophagus": (
        "esophagus",
        (
            (2, 0, 640),
            (3, 12, 590),
            (6, 21, 545),
            (8, 26, 500),
            (8, 26, 450),
            (12, 14, 400),
            (22, -4, 366),
            (38, -8, 352),
        ),
        (7, 7, 7, 7, 8, 8, 8.5, 9),
    ),
}


@cache
def courses() -> dict[str, Course]:
    """Every tube of the reference body by name."""
    made = {}
    for name, (structure, points, radii) in _TABLE.items():
        line = curve([(float(x), float(y), float(z)) for x, y, z in points], 4.0)
        made[name] = Course(line, radii_along(line, radii), structure)
    return made
