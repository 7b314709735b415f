"""The pelvic organs: bladder, prostate or uterus, iliac and femoral vessels, ureters."""

from __future__ import annotations

import numpy as np

from calciscope.simulate.canvas import Canvas
from calciscope.simulate.courses import courses
from calciscope.simulate.shapes import Vector, ellipsoid, tube
from calciscope.simulate.wall import SIDES

BLADDER: Vector = (0.0, -22.0, 52.0)
"""Centre of the bladder in the reference body, mm."""
_VESSELS = ("iliac_vein.left", "iliac_vein.right", "iliac.left", "iliac.right", "internal_iliac.left",
            "internal_iliac.right", "femoral.left", "femoral.right")  # fmt: skip


def paint(canvas: Canvas, sex: str = "male") -> None:
    """Paint the contents of the pelvis."""
    tubes = courses()
    if sex == "female":
        canvas.paint(ellipsoid((0, 18, 74), (27, 22, 36), (0.0, -0.5, 1.0)), "uterus", "uterus")
        canvas.paint(ellipsoid((0, 16, 78), (5, 4, 22), (0.0, -0.5, 1.0)), "urine", "uterus")
        canvas.paint(tube(np.array([(0.0, 22.0, 40.0), (0.0, 10.0, 0.0)]), 8.0, squash=(0.5, 1, 1)), "muscle", "vagina")
        for _, side in SIDES:
            canvas.paint(ellipsoid((side * 38, 14, 84), (12, 10, 15)), "node", "ovary")
    else:
        canvas.paint(ellipsoid((0, 0, 8), (23, 16, 18)), "prostate", "prostate")
        canvas.paint(ellipsoid((0, -2, 10), (3, 3, 16)), "urine", "prostate")
        for _, side in SIDES:
            gland = tube(
                np.array([(side * 5.0, 17, 28), (side * 30.0, 22, 36)]), np.array([5.0, 6.0]), squash=(1, 1, 0.7)
            )
            canvas.paint(gland, "prostate", "seminal_vesicles")
    canvas.hollow(ellipsoid(BLADDER, (42, 33, 30)), "muscle", 3.0, "urine", "urinary_bladder")
    for name in _VESSELS:
        if not name.startswith("internal"):
            # The vessels that leave the pelvis run in a sleeve of fat, in front of the hip in the femoral triangle.
            below = tubes[name].points[:, 2] < 120
            line, size = tubes[name].points[below], tubes[name].radii[below]
            canvas.paint(tube(line, size + np.where(line[:, 2] < 25, 6.0, 3.5)), "fat", "fat")
    for name in _VESSELS:
        canvas.paint(tubes[name].shape(0.6), "arterial_wall", tubes[name].structure)
        canvas.paint(tubes[name].shape(-0.6), "blood", tubes[name].structure)
    for name, sign in SIDES:
        course = tubes[f"ureter.{name}"]
        canvas.hollow(course.shape(0.8), "bowel_wall", 1.4, "urine", course.structure)
        levator = tube(np.array([(sign * 46.0, 6.0, 24.0), (sign * 22.0, 34.0, -4.0)]), 4.0, squash=(1, 0.35, 1))
        canvas.paint(levator, "muscle", "muscle")
        obturator = tube(np.array([(sign * 58.0, 4.0, 34.0), (sign * 52.0, 10.0, 4.0)]), 8.0, squash=(1.2, 0.5, 0.7))
        canvas.paint(obturator, "muscle", "muscle")
        piriformis = tube(np.array([(sign * 30.0, 70.0, 66.0), (sign * 80.0, 50.0, 40.0)]), 9.0)
        canvas.paint(piriformis, "muscle", "muscle")
