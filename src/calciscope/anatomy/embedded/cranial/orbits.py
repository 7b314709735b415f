"""The eyes: balls of fluid in the fat of the orbits, sought where the frame of the head has them."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from calciscope.anatomy.embedded.bodies import ball
from calciscope.anatomy.embedded.cranial.pose import Pose
from calciscope.anatomy.embedded.frame import Frame, Mask

# Where the middle of an eye usually lies in the frame of the average head: to the side, front and up; and how far from
# there it is sought, mm.
_USUAL, _SOUGHT_MM = (33.0, 62.0, -36.0), 24.0
# Vitreous and wall of the eye, HU.
_EYE_HU = (-10.0, 70.0)
# An eye is about 24 mm across; strands thinner than twice this are muscle and nerve, mm.
_STRAND_MM = 6.0
_EYE_ML = (2.5, 12.0)


def find_eyes(frame: Frame, pose: Pose) -> dict[str, Mask]:
    """``eye_left`` and ``eye_right`` where a ball of their size lies near their place."""
    found: dict[str, Mask] = {}
    for side, sign in (("left", 1.0), ("right", -1.0)):
        centre = frame.to_coarse(pose.to_patient(np.array([sign * _USUAL[0], _USUAL[1], _USUAL[2]])))
        reach = np.ceil(_SOUGHT_MM / np.array(frame.spacing)).astype(int)
        low = np.maximum(np.rint(centre).astype(int) - reach, 0)
        high = np.minimum(np.rint(centre).astype(int) + reach + 1, frame.hu.shape)
        if np.any(high - low < 3):
            continue
        box = tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
        soft = (frame.hu[box] > _EYE_HU[0]) & (frame.hu[box] < _EYE_HU[1]) & ~frame.bone[box] & frame.body[box]
        labels, count = ndimage.label(ndimage.binary_opening(soft, ball(_STRAND_MM, frame.spacing)))
        ml = np.bincount(labels.ravel(), minlength=count + 1) * float(np.prod(frame.spacing)) / 1000.0
        best, off = 0, _SOUGHT_MM
        for label in range(1, count + 1):
            middle = np.array(ndimage.center_of_mass(labels == label)) + low
            away = float(np.linalg.norm((middle - centre) * np.array(frame.spacing)))
            if _EYE_ML[0] <= ml[label] <= _EYE_ML[1] and away < off:
                best, off = label, away
        if best:
            mask = np.zeros(frame.hu.shape, dtype=np.bool_)
            # Its wall, the lens and what calcifies in them belong to it.
            mask[box] = ndimage.binary_dilation(labels == best)
            found[f"eye_{side}"] = mask
    return found
