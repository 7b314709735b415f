"""The outline of the cranial cavity and the lie of the ventricles in side view, as the average adult has them.

Read off the ICBM 152 average of 152 adults (Fonov et al., Neuroimage 2011;54:313-327): mm from the origin of that
space, which lies at the anterior commissure, to the front and up.
"""

from __future__ import annotations

from functools import cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.draw import polygon2mask

Floats = NDArray[np.float64]

# In the middle: from the frontal pole over the vertex to the inner occipital protuberance, down to the foramen magnum,
# up along the clivus to the sella, and along the floor of the anterior fossa.
_MIDDLE = (
    (69, 0), (66, 20), (58, 37), (45, 52), (25, 67), (5, 74), (-20, 78), (-42, 77), (-58, 70), (-72, 60), (-85, 44),
    (-95, 24), (-101, 5), (-100, -8), (-93, -19), (-86, -28), (-84, -40), (-75, -52), (-65, -61), (-57, -72),
    (-38, -73), (-30, -62), (-18, -42), (-9, -25), (-3, -20), (8, -20), (20, -30), (40, -33), (55, -29), (65, -17),
)  # fmt: skip
# Some 25 mm to the side: the frontal lobe on the roof of the orbit, the temporal lobe, the hollow of the cerebellum.
_SIDE = (
    (70, 0), (68, 15), (60, 33), (48, 49), (30, 64), (5, 75), (-20, 78), (-45, 77), (-65, 70), (-80, 56), (-93, 36),
    (-103, 15), (-106, 0), (-101, -18), (-95, -24), (-93, -36), (-85, -51), (-68, -63), (-55, -64), (-40, -57),
    (-34, -46), (-28, -36), (-10, -44), (-2, -51), (10, -50), (19, -41), (18, -33), (28, -28), (40, -25),
    (62, -20), (67, -14),
)  # fmt: skip
# The lateral ventricle: frontal horn, body, atrium, then into the temporal horn.
_VENTRICLE = ((30, 0), (20, 10), (5, 18), (-10, 22), (-25, 24), (-36, 20), (-41, 12), (-36, 0), (-22, -10))
# Half the width of the average brain, mm, and how far to the side the second outline lies.
HALF_WIDTH, ASIDE = 70.0, 26.0
# Beyond this a distance from the ventricles says no more, mm.
_FAR_MM = 16.0
# Grid of the side views, mm, and its corners.
STEP = 2.0
_LOW, _HIGH = np.array([-150.0, -120.0]), np.array([120.0, 130.0])


@cache
def outlines() -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Signed distances in mm (negative inside) from the outline in the middle and at the side, and the distance from
    the ventricle, each ``(front, up)`` on the grid of :func:`at`."""
    shape = tuple(int(n) for n in (_HIGH - _LOW) / STEP)

    def signed(corners: tuple[tuple[int, int], ...]) -> NDArray[np.float32]:
        inside = polygon2mask(shape, (np.array(corners) - _LOW) / STEP)  # type: ignore[no-untyped-call]
        away = ndimage.distance_transform_edt(~inside) - ndimage.distance_transform_edt(inside)
        return np.asarray(STEP * away, dtype=np.float32)

    corners = np.array(_VENTRICLE, dtype=np.float64)
    line = np.concatenate([np.linspace(a, b, 12) for a, b in pairwise(corners)])
    empty = np.ones(shape, dtype=np.bool_)
    empty[tuple(np.rint((line - _LOW) / STEP).astype(int).T)] = False
    reach = np.minimum(STEP * ndimage.distance_transform_edt(empty), _FAR_MM) / _FAR_MM
    return signed(_MIDDLE), signed(_SIDE), np.asarray(reach, dtype=np.float32)


def at(image: NDArray[np.float32], points: Floats) -> Floats:
    """Values of one of :func:`outlines` at points ``(n, 2)``, mm to the front and up."""
    return np.asarray(
        ndimage.map_coordinates(image, ((points - _LOW) / STEP).T, order=1, mode="nearest"), dtype=np.float64
    )
