"""What the skull encloses."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from calciscope.anatomy.embedded.frame import Frame, Mask
from calciscope.anatomy.embedded.track import hull, largest

# Brain and cerebrospinal fluid without and with contrast, HU; blood and calcium in it are filled in afterwards.
_BRAIN_HU = (-10.0, 110.0)
# The skull is denser than anything else in a head, HU: where it is thick and even it may pass for contrast.
_SKULL_HU = 250.0
# A slice of the skull holds at least this much bone, mm2.
_SHELL_MM2 = 600.0
# Sutures and foramina that are closed, and bridges of soft tissue through the base that are cut, mm.
_GAP_MM = 5.0
# Where a flap of bone is missing the outline of the rest is taken if bone is seen from its middle in this share of all
# directions, without what lies this near to the outline, mm: there is scalp.
_SEEN, _SCALP_MM = 0.6, 9.0
_RAYS = 36


def inside_skull(frame: Frame) -> Mask:
    """What the skull encloses, slice by slice, without what lies below it in the neck; coarse ``(z, y, x)``."""
    brain = np.zeros(frame.hu.shape, dtype=np.bool_)
    skull = frame.bone | (frame.body & (frame.hu > _SKULL_HU))
    soft = (frame.hu > _BRAIN_HU[0]) & (frame.hu < _BRAIN_HU[1]) & ~skull
    reach = max(1, round(_GAP_MM / frame.spacing[1]))
    area = frame.spacing[1] * frame.spacing[2]
    for z in range(frame.hu.shape[0]):
        shell = skull[z]
        if shell.sum() * area < _SHELL_MM2:
            continue
        closed = ndimage.binary_closing(np.pad(shell, 2 * reach), iterations=reach)[
            2 * reach : -2 * reach, 2 * reach : -2 * reach
        ]
        within = ndimage.binary_fill_holes(closed) & ~shell
        outline = hull(shell)
        if within.sum() < 0.5 * (outline & ~shell).sum() and seen_from_middle(shell, outline) >= _SEEN:
            steps = max(1, round(_SCALP_MM / frame.spacing[1]))
            within |= ndimage.binary_erosion(outline, iterations=steps) & ~shell
        brain[z] = within & soft[z]
    radius = max(1, round(_GAP_MM / frame.spacing[1]))
    plane = ndimage.iterate_structure(ndimage.generate_binary_structure(2, 1), radius)[None]
    return largest(np.asarray(ndimage.binary_opening(brain, plane)))


def filled(frame: Frame, core: Mask) -> Mask:
    """The cavity with the calcium and blood in it: each slice's outline without the bone around it."""
    out = np.zeros_like(core)
    skull = frame.bone | (frame.body & (frame.hu > _SKULL_HU))
    for z in np.flatnonzero(core.any(axis=(1, 2))).tolist():
        out[z] = hull(core[z]) & ~_outer(skull[z], core[z]) & (frame.hu[z] > _BRAIN_HU[0] - 40.0)
    return out


def seen_from_middle(shell: Mask, outline: Mask) -> float:
    """The share of directions from the middle of an outline in which there is bone."""
    middle = np.array(ndimage.center_of_mass(outline))
    y, x = np.nonzero(shell)
    turn = np.arctan2(y - middle[0], x - middle[1])
    return len(np.unique(np.floor((turn + np.pi) * (_RAYS / (2 * np.pi))).astype(int) % _RAYS)) / _RAYS


def _outer(bone: NDArray[np.bool_], core: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Bone of a slice that is not enclosed by the brain: the skull, not a calcification."""
    labels, count = ndimage.label(bone)
    if not count:
        return bone
    whole = ndimage.binary_fill_holes(core)
    within = np.asarray(ndimage.minimum(whole, labels, index=np.arange(count + 1)) > 0)
    within[0] = False
    return np.asarray(bone & ~within[labels])
