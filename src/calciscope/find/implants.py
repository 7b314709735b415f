"""Metal that is not bright enough to be told by its attenuation: frames of valves; and marks of implants for others.

Slices of 3 mm average thin struts with what lies between them, so that the frame of a valve that was implanted through
a catheter reaches 800 to 2,000 HU, as calcium does. What tells it is its form: a cage as wide as the root, mostly
hollow, in the heart.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from calciscope.domain.anatomy import Anatomy, Structure
from calciscope.find.scene import Hu
from calciscope.find.shape import shape
from calciscope.find.stents import Coronaries

# A cage: bright struts, at least as large as the smallest valve and no larger than the longest frame, mm; its surface
# is that of a ball of the same volume at most by this factor. A mineral ring is flatter, a porcelain aorta longer. The
# struts alone, brighter than this, HU, are a cage as well: noise joins plaque to wide sparse things whose bright parts
# are slim.
_FRAME_HU, _FRAME_MM3, _STRUT_HU = 800.0, 800.0, 400.0
_FRAME_WIDTH, _STRUTS_WIDTH, _FRAME_LENGTH, _CAGE = 14.0, 11.0, 70.0, 0.37

FRAME = "the frame of a valve prosthesis may be in view: it is not counted, and that valve has no calcium score"
IN_HEART = (
    "metal lies in or beside the heart (a lead, a valve, a clip or a wire): it is not counted, and calcium within "
    "12 mm of it is not told from its streaks"
)

# Names of structures that a search for calcium adds to an anatomy, and how sure it is of them. What is like a stent is
# counted all the same.
METAL, STENT, STENT_LIKE = "metal", "stent", "stent_like"
_SURE: Mapping[str, float] = MappingProxyType({METAL: 0.9, STENT: 0.7, STENT_LIKE: 0.4})


def is_frame(voxels: NDArray[np.int32], hu: NDArray[np.float32], spacing: tuple[float, float, float]) -> bool:
    """Whether a candidate's form is that of a valve's frame; ``voxels`` ``(n, 3)``, ``hu`` ``(n,)``, spacing in mm."""
    volume = len(voxels) * float(np.prod(spacing))
    if volume < _FRAME_MM3 or float(hu.max()) < _FRAME_HU:
        return False
    whole, struts = shape(voxels, spacing), shape(voxels[hu >= _STRUT_HU], spacing)
    wide = whole.width > _FRAME_WIDTH and struts.width > _STRUTS_WIDTH
    return wide and whole.length < _FRAME_LENGTH and max(whole.sphericity, struts.sphericity) < _CAGE


def frames(
    parts: Iterable[tuple[NDArray[np.int32], NDArray[np.float32]]], hu: Hu, where: Coronaries
) -> NDArray[np.bool_]:
    """The voxels ``(z, y, x)`` of the candidates (voxels and HU) that are frames in the heart."""
    mask = np.zeros(hu.shape, dtype=np.bool_)
    for voxels, values in parts:
        if is_frame(voxels, values, where.spacing) and where.beside_heart(voxels):
            mask[tuple(voxels.T)] = True
    return mask


def marked(anatomy: Anatomy, implants: Mapping[str, NDArray[np.int32]]) -> Anatomy:
    """An anatomy with implants as structures: voxels ``(n, 3)`` on the volume's grid by name.

    They lie over what was there; voxels of a name that the anatomy has already are added to it.
    """
    found = {name: voxels for name, voxels in implants.items() if len(voxels)}
    if not found:
        return anatomy
    structures = dict(anatomy.structures)
    labels = anatomy.labels
    free = max((one.label for one in structures.values()), default=0) + len(found)
    labels = labels.astype(np.uint16) if free > np.iinfo(labels.dtype).max else labels.copy()
    for name, voxels in found.items():
        if name not in structures:
            label = max((one.label for one in structures.values()), default=0) + 1
            structures[name] = Structure(name, label, _SURE[name])
        labels[tuple(voxels.T)] = structures[name].label
    return replace(anatomy, labels=labels, structures=MappingProxyType(structures))
