"""What age leaves in the chest: mineral in costal cartilage, outgrowths of the spine, a diaphragm at its own height."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from calciscope.simulate.canvas import Canvas
from calciscope.simulate.shapes import tube
from calciscope.simulate.spine import VERTEBRAE


@dataclass(frozen=True, slots=True)
class Chest:
    """What surrounds a heart.

    ``dome`` moves the diaphragm (mm, positive is up), ``cartilage`` is the mineral in the costal cartilages (0 none, 1
    flecks, 4 heavy), ``osteophytes`` the wear of the spine (0 to 1), drawn from ``seed``.
    """

    dome: float = 0.0
    cartilage: float = 1.0
    osteophytes: float = 0.0
    seed: int = 0


USUAL = Chest()


def outgrowths(canvas: Canvas, chest: Chest) -> None:
    """Osteophytes on the rims of the thoracic bodies: mostly in front and on the right, where no aorta beats."""
    rng = np.random.default_rng([chest.seed, 21])
    for above, below in zip(VERTEBRAE[1:], VERTEBRAE[:-1], strict=True):
        if below[1] < 300 or rng.random() > chest.osteophytes:
            continue
        level = 0.5 * (above[1] - above[5] / 2 + below[1] + below[5] / 2)
        half = (0.5 * below[3], 0.5 * below[4])
        for _ in range(int(rng.integers(1, 4))):
            # 180 degrees is the right, -90 the front.
            turn = np.radians(rng.normal(-140, 45))
            out = np.array([half[0] * np.cos(turn), half[1] * np.sin(turn)])
            reach = float(rng.uniform(1.0, 1.0 + 7.0 / np.linalg.norm(out)))
            rise = float(rng.uniform(3, 9))
            beak = np.array([
                (0.93 * out[0], below[2] + 0.93 * out[1], level - rise),
                (reach * out[0], below[2] + reach * out[1], level - 0.2 * rise),
                (reach * out[0], below[2] + reach * out[1], level + 0.2 * rise),
                (0.93 * out[0], above[2] + 0.93 * out[1], level + rise),
            ])  # fmt: skip
            # Young outgrowths do not reach across the disc.
            part = beak if rng.random() < 0.4 else beak[:2]
            canvas.bone(tube(part, float(rng.uniform(1.6, 3.2))), "osteophytes", 1.0)
