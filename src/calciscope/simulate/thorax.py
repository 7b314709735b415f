"""The chest: lungs over the diaphragm with their vessels and airways, mediastinum, great vessels, thyroid."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from calciscope.simulate import heart, outline
from calciscope.simulate.canvas import Canvas
from calciscope.simulate.courses import courses
from calciscope.simulate.heart import REFERENCE, Heart
from calciscope.simulate.shapes import Array, Shape, Vector, ellipsoid, tube
from calciscope.simulate.spine import VERTEBRAE
from calciscope.simulate.wall import SIDES

# Top of each dome of the diaphragm: x, y, z; mm.
_DOME = ((-68.0, -8.0, 408.0), (70.0, -6.0, 396.0))
_VESSELS = ("aorta.root", "aorta.ascending", "aorta.arch", "aorta.thoracic", "cava.superior", "brachiocephalic",
            "brachiocephalic_vein.left", "brachiocephalic_vein.right", "carotid.left", "carotid.right",
            "subclavian.left", "subclavian.right", "pulmonary.trunk", "pulmonary.right", "pulmonary.left")  # fmt: skip


def dome(x: Array, y: Array) -> Array:
    """Height of the diaphragm over a point, mm: two domes, lower at the sides and behind, joined in the middle."""
    heights = []
    for cx, cy, cz in _DOME:
        outward = (x - np.float32(cx)) * np.float32(np.sign(cx))
        u = np.where(outward > 0, outward / 80, outward / 150)
        v = (y - np.float32(cy)) / np.where(y > cy, 92, 105).astype(np.float32)
        heights.append(np.float32(cz) - 78 * (u * u + v * v) - 22 * np.clip(u * u + v * v - 0.6, 0, None))
    return np.asarray(np.maximum(heights[0], heights[1]), dtype=np.float32)


def above_diaphragm(offset: float = 0.0) -> Shape:
    """Everything above the diaphragm moved up by ``offset`` mm."""
    reach = 1e4
    # The dome is steep at its edge, so a height difference is about twice the distance to it.
    return Shape(
        (-reach, -reach, 270.0),
        (reach, reach, reach),
        lambda x, y, z: np.asarray((dome(x, y) + np.float32(offset) - z) * np.float32(0.6), dtype=np.float32),
    )


def paint(canvas: Canvas, rng: np.random.Generator, pump: Heart = REFERENCE, rise: float = 0.0) -> None:
    """Paint the contents of the chest with a heart, over a diaphragm ``rise`` mm above the usual."""
    chest = outline.cavity().shape(280.0, 583.0).grow(-1.5) & above_diaphragm(rise)
    for name, side in SIDES:
        half = Shape((-300, -300, 0), (300, 300, 700), lambda x, y, z, s=side: np.float32(-s) * x)  # type: ignore[misc]
        canvas.paint(chest & half, "lung", f"lung_{name}")
    _trees(canvas, rng, rise)
    _mediastinum(canvas, pump, rise)
    heart.paint(canvas, pump)
    tubes = courses() | heart.vessels(pump)
    for name in _VESSELS:
        wide = name.startswith("aorta")
        canvas.hollow(tubes[name].shape(1.2 if wide else 0.6), "arterial_wall", 1.6, "blood", tubes[name].structure)
    # Where its parts meet, the wall of one must not lie across the lumen of the next.
    parts = [tubes[name] for name in _VESSELS if name.startswith("aorta")]
    line, size = (np.concatenate(column) for column in zip(*((p.points, p.radii) for p in parts), strict=True))
    canvas.paint(tube(line, size - 0.4), "blood", "aorta")
    for name in (
        "pulmonary_vein.left",
        "pulmonary_vein.left_lower",
        "pulmonary_vein.right",
        "pulmonary_vein.right_lower",
    ):
        canvas.paint(tubes[name].shape(), "blood", "pulmonary_vein")
    canvas.hollow(tubes["oesophagus"].shape(), "bowel_wall", 4.5, "chyme", "esophagus")
    canvas.paint(tube(np.array([(8.0, 25.0, 470.0), (7.5, 24.0, 478.0)]), 2.0), "gas", "esophagus")
    for name in ("trachea", "bronchus.right", "bronchus.left"):
        canvas.paint(tubes[name].shape(1.5), "airway_wall", "trachea")
    for name in ("trachea", "bronchus.right", "bronchus.left"):
        canvas.paint(tubes[name].shape(), "gas", "trachea")
    for _, side in SIDES:
        lobe = ellipsoid((side * 16, -16, 618), (9, 10, 22))
        canvas.paint(lobe - courses()["trachea"].shape(1.0, 12.0), "thyroid", "thyroid_gland")
    for x, y, z, r in (
        (-14, -2, 506, 3.5),
        (12, 4, 500, 3.0),
        (-2, 22, 488, 4.5),
        (-12, -10, 520, 3.0),
        (30, 4, 506, 3.0),
    ):
        canvas.paint(ellipsoid((x, y, z), (r, r * 0.8, r * 1.5)), "node", "mediastinal_nodes")


def _mediastinum(canvas: Canvas, pump: Heart, rise: float) -> None:
    """Fat between the lungs: round the great vessels, behind the sternum, in front of the spine, round the heart."""
    tubes = courses() | heart.vessels(pump)
    for name in (*_VESSELS, "oesophagus", "trachea", "cava.inferior"):
        lung = above_diaphragm(rise)
        canvas.paint(tubes[name].shape(4.5, 6.0) & lung, "fat", "mediastinum")
    for name in ("bronchus.left", "bronchus.right"):
        canvas.paint(tubes[name].shape(3.0), "fat", "mediastinum")
    column = np.array([(0.0, v[2] - 5, float(v[1])) for v in VERTEBRAE if v[1] > 300])
    canvas.paint(tube(column, 18.5, squash=(0.85, 1.0, 1.0)) & above_diaphragm(rise), "fat", "mediastinum")
    inside = outline.cavity().shape(280.0, 590.0)

    def sheet(x: Array, y: Array, z: Array) -> Array:
        # Wide at the root of the neck and over the great vessels, a thin sheet where the lungs meet behind the sternum.
        thin = np.interp(z, [380, 430, 500, 530, 560, 590], [10, 3, 3, 5, 14, 24]).astype(np.float32)
        wide = np.interp(z, [380, 430, 470, 500, 530, 560, 590], [16, 8, 8, 22, 31, 34, 36]).astype(np.float32)
        bulge = np.sqrt(np.clip(1 - ((y + 4) / np.float32(62)) ** 2, 0, 1))
        front = np.clip((-y - 72) / 12, 0, 1) * 8
        return np.asarray(np.abs(x - 4) - thin - wide * bulge - front, dtype=np.float32)

    middle = Shape((-60, -110, 330), (60, 70, 592), sheet)
    canvas.paint(middle & inside & above_diaphragm(rise), "fat", "mediastinum")
    pad = ellipsoid((62, -72, 398), (28, 20, 20)) | ellipsoid((-38, -70, 398), (22, 18, 16))
    canvas.paint(pad & inside & above_diaphragm(rise - 6.0), "fat", "mediastinum")
    canvas.paint(heart.sac(pump).grow(3.0), "fat", "mediastinum")


def _trees(canvas: Canvas, rng: np.random.Generator, rise: float) -> None:
    """Branching pulmonary vessels and thin bronchi that leave the hila and thin out towards the pleura."""
    chest = outline.cavity().shape(280.0, 583.0).grow(-7.0) & above_diaphragm(rise + 5.0)
    for _, side in SIDES:
        hilum = np.array([side * 50.0, 16.0, 470.0])
        for angle in np.linspace(0, 2 * np.pi, 14, endpoint=False):
            tilt = rng.uniform(0.1, 0.5)
            out = np.array([side * tilt, 0.8 * np.sin(angle), 1.1 * np.cos(angle)])
            _branch(canvas, rng, chest, hilum + rng.normal(0, 5, 3), out, 3.2, side)


def _branch(
    canvas: Canvas,
    rng: np.random.Generator,
    chest: Shape,
    start: NDArray[np.float64],
    out: NDArray[np.float64],
    radius: float,
    side: float,
) -> None:
    """One vessel, then two thinner ones from its end, until it is thin or reaches the pleura."""
    out = out / np.linalg.norm(out)
    end = start + out * rng.uniform(7, 11) * radius**0.75
    x, y, z = (np.array([v], dtype=np.float32) for v in end)
    if end[0] * side < 14 or float(chest.distance(x, y, z)[0]) > 0:
        return
    canvas.paint(tube(np.stack([start, end]), np.array([radius, radius * 0.85])), "blood", "lung_vessels")
    if radius > 1.6 and rng.random() < 0.5:
        beside = rng.normal(0, 1, 3)
        beside *= (radius + 2.2) / np.linalg.norm(beside)
        line = np.stack([start + beside, end + beside])
        canvas.paint(tube(line, radius * 0.8 + 0.7), "airway_wall", "lung_vessels")
        canvas.paint(tube(line, radius * 0.8), "gas", "lung_vessels")
    # Vessels thinner than half a voxel are left to the texture of the lung.
    if radius < max(0.75, 0.5 * canvas.geometry.spacing[2]):
        return
    for _ in range(2):
        turn = out + rng.normal(0, 0.42, 3)
        _branch(canvas, rng, chest, end, turn, radius * rng.uniform(0.7, 0.86), side)


def hilum(side: float) -> Vector:
    """Centre of a lung's hilum in the reference body, mm."""
    return (side * 50.0, 16.0, 470.0)
