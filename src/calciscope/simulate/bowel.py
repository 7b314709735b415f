"""The hollow gut: stomach, duodenum, small bowel, colon and rectum with gas, chyme and stool."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from calciscope.simulate import outline
from calciscope.simulate.canvas import Canvas
from calciscope.simulate.shapes import Shape, Vector, blend, curve, ellipsoid, half_space, radii_along, tube

_COLON: tuple[tuple[Vector, float], ...] = (
    ((-78, -24, 118), 26), ((-92, -8, 145), 27), ((-100, 4, 180), 24), ((-100, 10, 212), 24), ((-92, -10, 236), 23),
    ((-80, -48, 232), 21), ((-48, -70, 222), 20), ((0, -76, 216), 19), ((44, -72, 232), 20), ((78, -48, 272), 20),
    ((98, -18, 304), 20), ((104, 14, 292), 17), ((108, 26, 250), 15), ((106, 24, 200), 14), ((102, 4, 160), 14),
    ((88, -16, 132), 14), ((62, -26, 112), 14), ((38, -44, 98), 14), ((6, -52, 96), 14),
    ((-22, -36, 104), 14), ((-20, -6, 116), 14), ((0, 20, 114), 14), ((2, 46, 96), 15),
    ((0, 54, 68), 17), ((0, 52, 38), 18), ((0, 44, 16), 12), ((0, 52, -6), 8),
)  # fmt: skip
_STOMACH: tuple[tuple[Vector, float], ...] = (
    ((56, 14, 374), 20), ((66, -2, 362), 25), ((68, -30, 330), 25), ((50, -54, 298), 21), ((18, -64, 284), 18),
    ((-12, -56, 290), 13), ((-26, -48, 294), 7),
)  # fmt: skip
_DUODENUM: tuple[Vector, ...] = (
    (-26, -48, 294), (-46, -34, 284), (-50, -22, 256), (-40, -18, 228), (-8, -30, 220), (22, -28, 236), (32, -36, 254),
)  # fmt: skip


def paint(canvas: Canvas, rng: np.random.Generator) -> None:
    """Paint the gut inside the abdominal cavity."""
    inside = outline.cavity().shape(-20.0, 420.0).grow(-3.0)
    _small_bowel(canvas, rng, inside)
    _duct(canvas, curve(_DUODENUM, 5.0), [12, 12, 12, 11, 11, 11, 11], "duodenum")
    _stomach(canvas)
    _colon(canvas, rng)


def _duct(canvas: Canvas, line: NDArray[np.float64], sizes: list[float], name: str) -> None:
    canvas.hollow(tube(line, radii_along(line, sizes)), "bowel_wall", 2.2, "chyme", name)


def _stomach(canvas: Canvas) -> None:
    line = curve([p for p, _ in _STOMACH], 6.0)
    shape = tube(line, radii_along(line, [r for _, r in _STOMACH]))
    inside = outline.cavity().shape(180.0, 420.0).grow(-5.0)
    canvas.hollow(shape & inside, "bowel_wall", 4.0, "chyme", "stomach")
    # Lying on the back, gas collects in front: above a level in y.
    gas = shape.grow(-4.0) & inside.grow(-3.0) & half_space((0.0, 1.0, 0.0), (0.0, -16.0, 0.0))
    canvas.paint(gas, "gas", "stomach")


def _colon(canvas: Canvas, rng: np.random.Generator) -> None:
    line = curve([p for p, _ in _COLON], 4.0)
    sizes = radii_along(line, [r for _, r in _COLON])
    arc = np.arange(len(line)) * 4.0
    # Haustra: the width swings along the colon, not along the rectum.
    sizes = sizes * np.where(line[:, 2] > 100, 1 + 0.10 * np.sin(arc / 5.2), 1.0)
    name = "colon"
    canvas.hollow(tube(line, sizes), "bowel_wall", 2.4, "stool", name)
    inner = tube(line, np.maximum(sizes - 2.4, 1.0))
    transverse = (line[:, 2] > 205) & (line[:, 1] < -30)
    for first, last in _runs(transverse):
        part = tube(line[first:last], np.maximum(sizes[first:last] - 2.6, 1.0))
        canvas.paint(part & half_space((0, 1, 0), (0, -72, 0)), "gas", name)
    for index in range(4, len(line) - 10, 2):
        # Bubbles in the stool, and larger ones that rise to the front wall.
        size = sizes[index] - 3.0
        for _ in range(3):
            offset = rng.normal(0, 0.45, 3) * size
            p = line[index] + offset * min(1.0, 0.8 * size / max(float(np.linalg.norm(offset)), 1e-3))
            radius = float(rng.uniform(1.0, 3.2))
            canvas.paint(ellipsoid((p[0], p[1], p[2]), (radius, radius, radius)) & inner, "gas", name)
        if rng.random() < 0.25:
            p = line[index] + np.array([0.0, -0.45 * size, 0.0])
            canvas.paint(ellipsoid((p[0], p[1], p[2]), (size * 0.5, size * 0.35, 5.0)), "gas", name)


def _runs(flags: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Start and stop of every run of true values longer than one."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flags.astype(np.int8), [0]])))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True) if b - a > 1]


def _small_bowel(canvas: Canvas, rng: np.random.Generator, inside: Shape) -> None:
    """Loops: a serpentine through the middle of the abdomen, shaken so that no two slices look alike."""
    points: list[Vector] = []
    direction = 1.0
    for z in np.arange(236.0, 96.0, -27.0):
        for y in (-44.0, -70.0):
            across = np.linspace(-62.0, 62.0, 5) * direction
            points.extend((float(x), y + 9 * float(np.sin(x / 17)), float(z)) for x in across)
            direction = -direction
    line = np.asarray(points) + rng.normal(0, 4.0, (len(points), 3))
    low = line[:, 2] < 130
    line[low, 0] *= 0.8
    smooth = curve([tuple(p) for p in line], 5.0)
    sizes = 10.5 + 2.2 * np.interp(
        np.arange(len(smooth)), np.arange(0, len(smooth), 9), rng.normal(0, 1, -(-len(smooth) // 9))
    )
    sizes = np.clip(sizes, 7.0, 14.0)
    keep = tube(smooth, sizes, reach=4.0) & inside
    mesentery = blend([ellipsoid((0, -40, 170), (40, 22, 70))], 1.0)
    canvas.paint(mesentery - tube(smooth, sizes + 1, reach=4.0), "fat", "fat")
    for index in range(0, len(smooth) - 1, 40):
        root = np.array([2.0, -40.0, float(np.clip(smooth[index, 2], 150, 230))])
        canvas.paint(tube(np.stack([root, smooth[index]]), np.array([2.2, 1.2])), "blood", "mesenteric_vessels")
    canvas.hollow(keep, "bowel_wall", 2.0, "chyme", "small_bowel")
    for index in rng.choice(len(smooth), size=14, replace=False):
        p = smooth[index] + np.array([0, -2.0, 0])
        canvas.paint(ellipsoid((p[0], p[1], p[2]), (6.0, 3.2, 5.0)), "gas", "small_bowel")
