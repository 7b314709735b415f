"""Parts of the brain that calcify, in the frame of the average head and by this head's own ventricles.

Places are those of the ICBM 152 average (Fonov et al. 2011; Mai and Majtanik, Human Brain in Standard MNI Space, 2017):
mm to the left, to the front and up.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from calciscope.anatomy.embedded.cranial.pose import Pose, fluid
from calciscope.anatomy.embedded.frame import Frame, Mask
from calciscope.domain.anatomy import Tube

Floats = NDArray[np.float64]
Vector = tuple[float, float, float]

# Centre and half-axes of what is given as an ellipsoid; a left part has its mirror image on the right. They are as
# large as the part and the spread of its place from head to head together.
_MIDDLE: Mapping[str, tuple[Vector, Vector]] = {
    "pineal": ((0.0, -32.0, 0.0), (5.5, 6.5, 7.0)),
    "habenula": ((0.0, -23.0, 3.0), (4.0, 2.2, 3.5)),
}
_PAIRED: Mapping[str, tuple[tuple[Vector, Vector], ...]] = {
    "choroid_plexus": (((24.0, -41.0, 10.0), (10.0, 11.0, 12.0)),),
    "basal_ganglia": (((21.0, 0.0, 1.0), (11.0, 21.0, 12.0)), ((13.0, 12.0, 9.0), (7.0, 10.0, 8.0))),
}
# The atrium with the glomus: fluid here is its content, however large the ventricle has become.
_ATRIUM_ASIDE, _ATRIUM_FRONT, _ATRIUM_UP = (9.0, 42.0), (-66.0, -24.0), (-8.0, 30.0)
# Lower edge of the falx from the crista galli over the corpus callosum to the tentorium: front and up.
_FALX_EDGE = np.array(
    [(75, -25), (62, -14), (48, 14), (22, 36), (-10, 40), (-38, 30), (-52, 17), (-87, -18), (-110, -22)]
)
_DURA_MM = 4.0
# The tentorium in the middle falls from its apex to the inner occipital protuberance; to the sides it lies lower.
_TENT_MIDDLE = ((-87.0, -50.0), (-18.0, 16.0))
_TENT_ASIDE, _TENT_WIDTH, _TENT_FALL = -17.0, 12.0, 0.25
_TENT_FRONT = -34.0
# The cerebellum lies behind the brainstem.
_HIND_FRONT = -36.0

# Arteries of the skull base: course and radius, mm.
_ARTERIES: Mapping[str, tuple[tuple[Vector, ...], float]] = {
    "carotid_siphon_left": (((14, -14, -37), (14, -6, -31), (13, 3, -28), (11, 2, -20), (10, -3, -15)), 3.0),
    "carotid_siphon_right": (((-14, -14, -37), (-14, -6, -31), (-13, 3, -28), (-11, 2, -20), (-10, -3, -15)), 3.0),
    "basilar_artery": (((0, -10, -17), (0, -11, -30), (0, -17, -42)), 2.0),
    "vertebral_artery_left": (((1, -18, -44), (4, -23, -52), (9, -31, -62), (13, -42, -73)), 2.5),
    "vertebral_artery_right": (((-1, -18, -44), (-4, -23, -52), (-9, -31, -62), (-13, -42, -73)), 2.5),
}


def find_parts(frame: Frame, brain: Mask, pose: Pose) -> dict[str, Mask]:
    """Masks by name, coarse ``(z, y, x)``, of what of the brain is in view."""
    inside = np.argwhere(brain)
    left, front, up = pose.to_atlas(frame.to_mm(inside.astype(np.float64))).T
    wet = fluid(frame, brain)[tuple(inside.T)]
    found: dict[str, Mask] = {}

    def put(name: str, which: NDArray[np.bool_]) -> None:
        if which.any():
            mask = np.zeros(brain.shape, dtype=np.bool_)
            mask[tuple(inside[which].T)] = True
            found[name] = mask

    for name, (centre, half) in _MIDDLE.items():
        put(name, _ball(left, front, up, centre, half))
    for side, sign in (("left", 1.0), ("right", -1.0)):
        for name, shapes in _PAIRED.items():
            which = np.any([_ball(sign * left, front, up, *shape) for shape in shapes], axis=0)
            if name == "choroid_plexus":
                ventricle = wet & _within(sign * left, _ATRIUM_ASIDE)
                which |= ventricle & _within(front, _ATRIUM_FRONT) & _within(up, _ATRIUM_UP)
            put(f"{name}_{side}", which)
    tent = tentorium(left, front)
    below = (front < _HIND_FRONT) & (up < tent)
    put("cerebellum", below)
    put("tentorium", (front < _TENT_FRONT) & (np.abs(up - tent) < _DURA_MM) & (np.abs(left) > _DURA_MM))
    edge = np.interp(front, _FALX_EDGE[::-1, 0], _FALX_EDGE[::-1, 1])
    put("falx", (np.abs(left) <= _DURA_MM) & (up > edge))
    if "choroid_plexus_left" in found or "choroid_plexus_right" in found:
        for side in ("left", "right"):
            name = f"choroid_plexus_{side}"
            if name in found:
                found[name] = np.asarray(brain & ndimage.binary_dilation(found[name], iterations=1))
    return found


def tentorium(left: Floats, front: Floats) -> Floats:
    """Height of the tentorium at places, mm above the origin."""
    middle = np.interp(front, *_TENT_MIDDLE)
    away = np.abs(left)
    aside = _TENT_ASIDE - _TENT_FALL * np.maximum(away - 24.0, 0.0)
    share = np.exp(-away / _TENT_WIDTH)
    return np.asarray(share * middle + (1.0 - share) * aside)


def arteries(pose: Pose, frame: Frame, sure: float) -> dict[str, Tube]:
    """The arteries of the skull base, as far as they are in view."""
    found = {}
    last = np.array(frame.hu.shape) - 1
    for name, (points, radius) in _ARTERIES.items():
        knots = np.array(points, dtype=np.float64)
        fine = np.concatenate([np.linspace(a, b, 5)[:-1] for a, b in pairwise(knots)])
        line = pose.to_patient(np.concatenate([fine, knots[-1:]]))
        seen = np.all((frame.to_coarse(line) >= 0) & (frame.to_coarse(line) <= last), axis=1)
        if seen.sum() >= 2:
            line = line[seen]
            line = line[np.argsort(-line[:, 2], kind="stable")] if line[0, 2] < line[-1, 2] else line
            found[name] = Tube(name, line, np.full(len(line), radius), round(sure, 2))
    return found


def _ball(left: Floats, front: Floats, up: Floats, centre: Vector, half: Vector) -> NDArray[np.bool_]:
    return np.asarray(
        ((left - centre[0]) / half[0]) ** 2 + ((front - centre[1]) / half[1]) ** 2 + ((up - centre[2]) / half[2]) ** 2
        <= 1.0
    )


def _within(values: Floats, bounds: tuple[float, float]) -> NDArray[np.bool_]:
    return np.asarray((values >= bounds[0]) & (values <= bounds[1]))
