"""The bony pelvis and the upper femora."""

from __future__ import annotations

import numpy as np

from calciscope.simulate.canvas import Canvas
from calciscope.simulate.shapes import Shape, curve, ellipsoid, radii_along, sheet, tube
from calciscope.simulate.wall import SIDES, mirror

HEAD = (86.0, 2.0, 16.0)
"""Centre of the left femoral head in the reference body, mm."""
HEAD_RADIUS = 23.5

# The left iliac wing: z, then four points (x, y) from the sacrum to the front with half the thickness at each.
_WING: tuple[tuple[float, tuple[tuple[float, float, float], ...]], ...] = (
    (44, ((68, 40, 7), (72, 28, 9), (78, 10, 10), (80, -16, 8))),
    (66, ((56, 52, 7), (68, 34, 8), (82, 6, 7), (86, -22, 8))),
    (92, ((45, 68, 7), (64, 46, 6), (88, 8, 5), (98, -28, 6))),
    (118, ((46, 76, 7), (70, 54, 5), (100, 10, 3.5), (110, -30, 5))),
    (142, ((52, 74, 6), (82, 52, 4), (110, 14, 3), (117, -24, 5))),
    (166, ((78, 58, 5), (102, 38, 4), (119, 12, 4), (123, -12, 5))),
    (184, ((98, 38, 4), (110, 26, 5), (119, 12, 5), (122, 2, 4))),
)


def paint(canvas: Canvas, prosthesis: bool = False) -> None:
    """Paint the hip bones and femora; with ``prosthesis`` the left hip is a metal one."""
    levels = np.array([row[0] for row in _WING], dtype=np.float64)
    points = np.array([row[1] for row in _WING], dtype=np.float64)
    for name, side in SIDES:
        bone = f"hip_{name}"
        lines = points[..., :2].copy()
        lines[..., 0] *= side
        canvas.bone(sheet(levels, lines, points[..., 2]), bone, 1.7, "cortical", "trabecular")
        canvas.bone(_cup(side), bone, 1.7, "cortical", "trabecular")
        for course, sizes in _RAMI:
            line = curve(mirror(list(course), side), 5.0)
            canvas.bone(tube(line, radii_along(line, sizes)), bone, 1.5, "cortical", "trabecular")
        if prosthesis and side > 0:
            _prosthesis(canvas, side)
        else:
            _femur(canvas, name, side)
    gap = tube(np.array([(0.0, -50.0, 0.0), (0.0, -44.0, -30.0)]), 9.0, squash=(4.0, 1, 1))
    canvas.paint(gap, "disc", "symphysis")


_RAMI: tuple[tuple[tuple[tuple[float, float, float], ...], tuple[float, ...]], ...] = (
    (((66, -22, 24), (42, -44, 8), (14, -51, -8)), (10, 7, 9)),
    (((12, -50, -6), (12, -46, -24)), (9, 8)),
    (((13, -44, -26), (30, -18, -42), (48, 20, -48)), (7, 5.5, 8)),
    (((74, 32, 14), (66, 42, -14), (56, 40, -42)), (11, 12, 13)),
)


def _cup(side: float) -> Shape:
    """The acetabulum: the part of a thick shell round the femoral head that faces away from the thigh."""
    centre = (side * HEAD[0], HEAD[1], HEAD[2])
    outer = ellipsoid(centre, (HEAD_RADIUS + 9, HEAD_RADIUS + 9, HEAD_RADIUS + 10))
    inner = ellipsoid(centre, (HEAD_RADIUS + 2.6,) * 3)
    shell = outer - inner
    normal = np.array([side * 0.72, -0.28, -0.62])
    normal /= np.linalg.norm(normal)
    a, b, c = (np.float32(v) for v in normal)
    offset = np.float32(normal @ np.asarray(centre) + 3.0)
    return Shape(
        shell.low,
        shell.high,
        lambda x, y, z: np.maximum(shell.distance(x, y, z), a * x + b * y + c * z - offset),
    )


def _femur(canvas: Canvas, name: str, side: float) -> None:
    bone = f"femur_{name}"
    centre = (side * HEAD[0], HEAD[1], HEAD[2])
    fluid = ellipsoid(centre, (HEAD_RADIUS + 2.6,) * 3)
    canvas.paint(fluid, "joint_fluid", "joint")
    head = ellipsoid(centre, (HEAD_RADIUS,) * 3)
    neck = tube(np.array([centre, (side * 126.0, 14.0, -14.0)]), np.array([15.0, 16.0]))
    trochanter = ellipsoid((side * 138, 20, -6), (11, 16, 20))
    lesser = ellipsoid((side * 108, 24, -46), (10, 9, 12))
    canvas.bone(head | neck | trochanter | lesser, bone, 1.5, "cortical", "trabecular_dense")
    line = curve([(side * 127, 15.0, -22.0), (side * 120, 13.0, -60.0), (side * 112, 10.0, -120.0)], 8.0)
    canvas.bone(tube(line, radii_along(line, [14.5, 13.5, 13.5])), bone, 4.5, "shaft", "marrow")
    canvas.paint(ellipsoid((side * 124, 14, -18), (13, 13, 14)), "trabecular", bone)


def _prosthesis(canvas: Canvas, side: float) -> None:
    centre = (side * HEAD[0], HEAD[1], HEAD[2])
    cup = ellipsoid(centre, (HEAD_RADIUS + 3,) * 3) - ellipsoid(centre, (HEAD_RADIUS - 1,) * 3)
    canvas.paint(ellipsoid(centre, (HEAD_RADIUS - 1,) * 3), "cartilage", "hip_implant")
    canvas.paint(cup & ellipsoid((side * 74, HEAD[1] + 2, 30), (26, 30, 28)), "metal", "hip_implant")
    _femur_shaft = curve([(side * 127, 15.0, -10.0), (side * 120, 13.0, -60.0), (side * 112, 10.0, -120.0)], 8.0)
    canvas.bone(tube(_femur_shaft, 14.5), "femur_left" if side > 0 else "femur_right", 4.5, "shaft", "marrow")
    canvas.paint(ellipsoid(centre, (14.0, 14.0, 14.0)), "metal", "hip_implant")
    stem = tube(
        np.array([centre, (side * 122.0, 14.0, -16.0), (side * 119.0, 13.0, -60.0), (side * 115.0, 11.0, -110.0)]),
        np.array([7.0, 9.0, 7.0, 5.0]),
    )
    canvas.paint(stem, "metal", "hip_implant")
