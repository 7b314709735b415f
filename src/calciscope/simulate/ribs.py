"""The chest wall's skeleton: sloping ribs, costal cartilage, sternum, clavicles, scapulae, humeri."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from calciscope.simulate import outline
from calciscope.simulate.canvas import Canvas
from calciscope.simulate.outline import Outline
from calciscope.simulate.shapes import Vector, curve, ellipsoid, plate, radii_along, tube
from calciscope.simulate.spine import VERTEBRAE
from calciscope.simulate.wall import SIDES, mirror

# For each rib from the first: how far its bony front end lies below its head (mm), the angle of that end round the
# chest (degrees; 90 is the back midline, -90 the front), and where its cartilage meets the sternum (None: floating).
_RIBS: tuple[tuple[float, float, float | None], ...] = (
    (34, -52, 536),
    (58, -58, 506),
    (74, -60, 488),
    (88, -59, 470),
    (100, -57, 452),
    (108, -53, 436),
    (112, -47, 422),
    (112, -38, 408),
    (108, -26, 396),
    (98, -12, 384),
    (72, 12, None),
    (42, 40, None),
)


def paint(canvas: Canvas, rng: np.random.Generator, mineral: float = 1.0) -> None:
    """Paint the thoracic cage and shoulder girdle.

    Mineral in the costal cartilage varies with the generator; ``mineral`` is a factor of it, 0 for none.
    """
    wall = outline.cavity()
    heads = {v[0]: (v[1], v[2] + v[4] / 2, v[3] / 2) for v in VERTEBRAE}
    _sternum(canvas, wall)
    for number, (drop, end, meets) in enumerate(_RIBS, start=1):
        z, y, half = heads[f"T{number}"]
        for name, side in SIDES:
            line = _course(wall, (half, y, z + 6), number, drop, end)
            line[:, 0] *= side
            thick = radii_along(line, [3.4, 3.6, 3.7, 3.6, 3.6, 3.7])
            canvas.bone(tube(line, thick, squash=(1, 1, 0.55)), f"rib_{name}_{number}", 1.25, inner="trabecular_dense")
            if meets is not None:
                _cartilage(canvas, wall, line[-1], side, meets, number, rng, mineral)
    _girdle(canvas)


def _course(wall: Outline, head: Vector, number: int, drop: float, end: float) -> NDArray[np.float64]:
    """The axis of a left rib from its head to its bony end, hugging the cavity's outside."""
    start = 74.0 if number > 1 else 66.0
    angles = np.radians(np.linspace(start, end, 22))
    part = np.linspace(0, 1, 22)
    z = head[2] - 2 - drop * part**1.25
    # The first rib lies flat and inside the outline of the neck's root; the others follow the chest wall.
    away = wall.at(angles, z) + (5.5 if number > 1 else 3.0)
    arc = np.stack([away * np.cos(angles), away * np.sin(angles), z], axis=1)
    neck = np.array([[head[0] - 1, head[1] + 2, head[2]], [head[0] + 14, head[1] + 11, head[2] + 1]])
    keep = arc[:, 0] > neck[1, 0] + 8
    return curve([tuple(p) for p in np.concatenate([neck, arc[keep][:-1][::2], arc[-1:]])], 6.0)


def _cartilage(
    canvas: Canvas,
    wall: Outline,
    tip: NDArray[np.float64],
    side: float,
    meets: float,
    number: int,
    rng: np.random.Generator,
    mineral: float,
) -> None:
    """Costal cartilage from a rib's end to the sternum, rising for the lower ribs, flecked with mineral."""
    front = wall.front(max(meets, 398.0)) - 4
    last: Vector = (side * (15.0 if number < 8 else 22.0 + 9 * (number - 7)), front + (0 if number < 8 else 3), meets)
    angle = np.arctan2((tip[1] + last[1]) / 2, (tip[0] + last[0]) / 2)
    low = min(tip[2], meets) + 0.3 * (max(tip[2], meets) - min(tip[2], meets)) - (6 if number > 4 else 0)
    away = float(wall.at(np.array([angle]), np.array([low]))[0]) + 4.5
    middle = (away * float(np.cos(angle)), away * float(np.sin(angle)), low)
    line = curve([(float(tip[0]), float(tip[1]), float(tip[2])), middle, last], 4.0)
    shape = tube(line, 4.6, squash=(1, 1, 0.62))
    if number == 1:
        # The first costal cartilage turns to bone in most adults.
        canvas.bone(shape, "costal_cartilages", 1.2)
        return
    canvas.paint(shape, "cartilage", "costal_cartilages")
    # Mineral is laid down under the rind, mostly near the rib's end and more in the ribs that reach the sternum.
    places = max(3, 2 * len(line) // 3)
    count = min(places, round(mineral * (2 if number < 8 else 1)))
    for index in rng.choice(places, size=count, replace=False):
        offset = rng.normal(0, 1, 3)
        offset *= 3.2 / np.linalg.norm(offset)
        piece = line[index : index + 2] + offset
        canvas.paint(tube(piece, 1.6, squash=(1, 1, 0.6)), "trabecular_dense", "costal_cartilages")


def _sternum(canvas: Canvas, wall: Outline) -> None:
    heights = np.array([546.0, 535, 520, 506, 500, 480, 450, 420, 404])
    line = np.array([(0.0, wall.front(z) - 5.5, z) for z in heights])
    half = np.array([5.6, 6.2, 5.6, 4.8, 4.8, 5.0, 5.2, 5.0, 4.0])
    wide = tube(line[:4], half[:4], squash=(0.21, 1, 1)), tube(line[4:], half[4:], squash=(0.29, 1, 1))
    canvas.bone(wide[0], "sternum", 1.2)
    canvas.bone(wide[1], "sternum", 1.2)
    tip = np.array([(0.0, wall.front(400) - 3, 398), (0.0, wall.front(375) - 2, 372)])
    canvas.bone(tube(tip, np.array([4.0, 2.6]), squash=(0.5, 1, 1)), "sternum", 1.1)


def _girdle(canvas: Canvas) -> None:
    clavicle = [(22.0, -60.0, 552.0), (55.0, -58.0, 566.0), (95.0, -38.0, 582.0), (140.0, -8.0, 596.0)]
    blade = ((92.0, 78.0, 448.0), (72.0, 76.0, 566.0), (138.0, 40.0, 572.0))
    for name, side in SIDES:
        line = curve(mirror(clavicle, side), 6.0)
        canvas.bone(tube(line, radii_along(line, [8, 6, 5.5, 6.5])), f"clavicula_{name}", 1.8, "cortical", "marrow")
        a, b, c = mirror(list(blade), side)
        canvas.bone(plate((a, b, c), 1.6), f"scapula_{name}", 1.1)
        for edge, size in (((a, c), 4.2), ((a, b), 2.4)):
            canvas.bone(tube(np.array(edge), size), f"scapula_{name}", 1.4)
        spine = curve(mirror([(76, 78, 548), (110, 78, 568), (145, 58, 590), (160, 34, 604)], side), 6.0)
        canvas.bone(tube(spine, radii_along(spine, [3, 4, 5, 6])), f"scapula_{name}", 1.4)
        canvas.bone(
            ellipsoid((side * 142, 36, 580), (7, 12, 17))
            | tube(np.array([(side * 138, 34, 586), (side * 128, 16, 594), (side * 134, 4, 588)]), 5.5),
            f"scapula_{name}",
            1.4,
        )
        shaft = np.array([(side * 166.0, 22, 600), (side * 172, 20, 660)])
        head = ellipsoid((side * 166, 24, 592), (22, 22, 22)) | tube(shaft, np.array([18.0, 13.0]))
        canvas.bone(head, f"humerus_{name}", 1.6, "cortical", "trabecular")
