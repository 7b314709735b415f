"""The head: brain and what calcifies in it, the eyes, the arteries of the skull base, and blood in the straight sinus.

No real head was at hand to check this on: every confidence stays below what a sure placement needs.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from calciscope.anatomy.embedded.cranial.cavity import filled, inside_skull
from calciscope.anatomy.embedded.cranial.orbits import find_eyes
from calciscope.anatomy.embedded.cranial.parts import arteries, find_parts
from calciscope.anatomy.embedded.cranial.pose import find_pose
from calciscope.anatomy.embedded.cranial.sinus import straight_sinus
from calciscope.anatomy.embedded.cranial.symmetry import find_plane
from calciscope.anatomy.embedded.frame import Frame, Mask, Part

# Volume of a brain, and of the least of it from which a frame can be derived, ml.
_VOLUME_ML, _LEAST_ML = (60.0, 2300.0), 300.0
_SURE_BRAIN = 0.75
# How sure parts are where the frame is hardly and fully trusted; below the least trust they are not told apart.
_SURE_PARTS, _LEAST_TRUST = (0.5, 0.8), 0.25
_SURE_EYE = 0.8
_PARTIAL = "only part of the brain is in view: its inner parts are not told apart"
_ODD = "the head does not fit the proportions of a head: the inner parts of the brain are not told apart"


def segment(frame: Frame, so_far: Mapping[str, tuple[Mask, float]]) -> Part:
    """``brain`` with its parts, dura, ``eye_*`` and arteries; without a trusted frame ``brain`` alone."""
    if not any(region.name == "head" for region in frame.regions):
        return Part()
    core = inside_skull(frame)
    volume = float(core.sum() * np.prod(frame.spacing)) / 1000.0
    if not _VOLUME_ML[0] <= volume <= _VOLUME_ML[1]:
        return Part()
    brain = filled(frame, core)
    masks: dict[str, tuple[Mask, float]] = {"brain": (brain, _SURE_BRAIN)}
    if volume < _LEAST_ML:
        return Part(masks=masks, notes=(_PARTIAL,))
    plane = find_plane(frame, core)
    pose = find_pose(frame, core, plane) if plane is not None else None
    if pose is None or pose.trust < _LEAST_TRUST:
        return Part(masks=masks, notes=(_PARTIAL if pose is None or pose.seen < 1.0 else _ODD,))
    share = (pose.trust - _LEAST_TRUST) / (1.0 - _LEAST_TRUST)
    sure = _SURE_PARTS[0] + share * (_SURE_PARTS[1] - _SURE_PARTS[0])
    masks |= {name: (mask, round(sure, 2)) for name, mask in find_parts(frame, brain, pose).items()}
    masks |= {name: (mask, _SURE_EYE) for name, mask in find_eyes(frame, pose).items()}
    return Part(masks=masks, tubes=arteries(pose, frame, sure), blood_pool=straight_sinus(frame, pose))
