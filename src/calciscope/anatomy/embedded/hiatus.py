"""Where the aorta passes through the diaphragm: at the twelfth thoracic vertebra, of which few scans show the number.

Where no vertebra is numbered, the aortic hiatus lies between the level at which the left lung leaves the aorta and the
lower end of the lungs (on real scans 6 and 55 mm below the one, 24 mm above and 37 mm below the other).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from calciscope.anatomy.embedded.frame import Frame
from calciscope.anatomy.embedded.levels import NAMES, levels
from calciscope.anatomy.embedded.track import Track

# The lung lies this close to the wall of the thoracic aorta, mm.
_BESIDE_LUNG = 12.0
# Below its full width a lung tapers to its lower end over about this length, mm.
_TAPER = 80.0
_VERTEBRA = NAMES.index("T12")
# Numbers less sure than this may be off by a vertebra.
_NUMBERED = 0.6


def thoracic(frame: Frame, trunk: Track) -> NDArray[np.bool_]:
    """For each point of the trunk, which runs upwards, whether it lies above the aortic hiatus: ``(n,)``."""
    border = _at_vertebra(frame)
    if border is None:
        border = _at_lung(frame, trunk)
    return np.asarray(trunk.points[:, 0] >= border)


def _at_vertebra(frame: Frame) -> float | None:
    """The middle of the twelfth thoracic vertebra, a coarse slice, where the vertebrae are numbered."""
    known = levels(frame)
    if known is None or known.first is None or known.confidence < _NUMBERED:
        return None
    lower = _VERTEBRA - known.first
    if not 0 <= lower < len(known.points) - 1:
        return None
    return float(known.points[lower : lower + 2, 0].mean())


def _at_lung(frame: Frame, trunk: Track) -> float:
    """Midway between the lowest place where the trunk lies against lung and the lungs' lower end, a coarse slice."""
    near = np.zeros(len(trunk), dtype=np.bool_)
    y, x = np.indices(frame.hu.shape[1:])
    for k, (point, radius) in enumerate(zip(trunk.points, trunk.radius, strict=True)):
        z = int(np.clip(round(float(point[0])), 0, frame.hu.shape[0] - 1))
        away = np.hypot((y - point[1]) * frame.spacing[1], (x - point[2]) * frame.spacing[2])
        near[k] = bool((frame.lung_left[z] & (away <= radius + _BESIDE_LUNG)).any())
    if not near.any():
        return float("inf")
    area = frame.lungs.sum(axis=(1, 2))
    lowest = int(np.flatnonzero(area)[0])
    # A view that ends within the lungs does not show their end.
    beyond = _TAPER * float(area[0]) / float(area.max()) / frame.spacing[0] if lowest == 0 else 0.0
    return 0.5 * (float(trunk.points[near, 0].min()) + lowest - beyond)
