"""The brain and what calcifies in its middle: a frame of its own size, front, top and midline.

No real head was at hand to check this on: every confidence stays below what a sure placement needs.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from calciscope.anatomy.embedded.frame import Frame, Mask, Part
from calciscope.anatomy.embedded.track import hull, largest

# Brain and cerebrospinal fluid without and with contrast, HU; blood and calcium in it are filled in afterwards.
_BRAIN_HU = (-10.0, 110.0)
# Volume of a brain of which most is in view, ml.
_VOLUME_ML = (500.0, 2200.0)
# A whole brain is at least this high and long, mm; from less no frame can be derived.
_LEAST_HEIGHT = 75.0
_LEAST_LENGTH = 120.0
_SURE_BRAIN = 0.75
_SURE_INSIDE = 0.55
# Centres and half-axes (left-right, front-back, height) as shares of the brain's length, from its midline, the middle
# of its length and the level below its top at which the pineal gland lies. Proportions of the normal adult brain.
_PINEAL_BELOW_TOP = 0.46
_PINEAL_BEHIND_MIDDLE = 0.07
_SHAPES: Mapping[str, tuple[tuple[float, float, float], tuple[float, float, float]]] = {
    "pineal": ((0.0, 0.0, 0.0), (0.045, 0.05, 0.05)),
    "habenula": ((0.0, -0.055, 0.01), (0.04, 0.035, 0.035)),
    "choroid_plexus_left": ((0.15, 0.10, 0.05), (0.07, 0.12, 0.11)),
    "choroid_plexus_right": ((-0.15, 0.10, 0.05), (0.07, 0.12, 0.11)),
    "basal_ganglia_left": ((0.13, -0.17, 0.05), (0.085, 0.15, 0.11)),
    "basal_ganglia_right": ((-0.13, -0.17, 0.05), (0.085, 0.15, 0.11)),
}
# Half-thickness of the falx with the sinus at its rim, mm.
_FALX = 4.0


def segment(frame: Frame, so_far: Mapping[str, tuple[Mask, float]]) -> Part:
    """``brain``, ``cerebellum``, ``falx``, ``pineal``, ``habenula``, ``choroid_plexus_*`` and ``basal_ganglia_*``."""
    if not any(region.name == "head" for region in frame.regions):
        return Part()
    brain = inside_skull(frame)
    volume = float(brain.sum() * np.prod(frame.spacing)) / 1000.0
    if not _VOLUME_ML[0] / 4 <= volume <= _VOLUME_ML[1]:
        return Part()
    masks: dict[str, tuple[Mask, float]] = {"brain": (brain, _SURE_BRAIN)}
    slices = np.flatnonzero(brain.any(axis=(1, 2)))
    top_in_view = slices[-1] < brain.shape[0] - 1
    areas = brain.sum(axis=(1, 2))
    rows = np.flatnonzero(brain[int(areas.argmax())].any(axis=1))
    length = (rows[-1] - rows[0] + 1) * frame.spacing[1]
    if not top_in_view or len(slices) * frame.spacing[0] < _LEAST_HEIGHT or length < _LEAST_LENGTH:
        return Part(masks=masks, notes=("only part of the brain is in view: its inner parts are not told apart",))
    for name, mask in _inner(frame, brain, int(slices[-1]), float(rows.mean()), float(length)).items():
        if mask.any():
            masks[name] = (mask, _SURE_INSIDE)
    return Part(masks=masks)


def inside_skull(frame: Frame) -> Mask:
    """What the skull encloses, slice by slice, without what lies below it in the neck."""
    brain = np.zeros(frame.hu.shape, dtype=np.bool_)
    soft = (frame.hu > _BRAIN_HU[0]) & (frame.hu < _BRAIN_HU[1]) & ~frame.bone
    reach = max(1, round(5.0 / frame.spacing[1]))
    for z in range(frame.hu.shape[0]):
        shell = frame.bone[z]
        if shell.sum() * frame.spacing[1] * frame.spacing[2] < 600.0:
            continue
        closed = ndimage.binary_closing(np.pad(shell, 2 * reach), iterations=reach)[
            2 * reach : -2 * reach, 2 * reach : -2 * reach
        ]
        brain[z] = ndimage.binary_fill_holes(closed) & ~shell & soft[z]
    radius = max(1, round(5.0 / frame.spacing[1]))
    plane = ndimage.iterate_structure(ndimage.generate_binary_structure(2, 1), radius)[None]
    core = largest(np.asarray(ndimage.binary_opening(brain, plane)))
    # Calcium and haemorrhage inside are brain too.
    filled = np.zeros_like(core)
    for z in np.flatnonzero(core.any(axis=(1, 2))).tolist():
        filled[z] = hull(core[z]) & ~_outer(frame.bone[z], core[z])
    return filled


def _outer(bone: Mask, core: Mask) -> Mask:
    """Bone of a slice that is not enclosed by the brain: the skull, not a calcification."""
    labels, count = ndimage.label(bone)
    if not count:
        return bone
    filled = ndimage.binary_fill_holes(core)
    within = np.asarray(ndimage.minimum(filled, labels, index=np.arange(count + 1)) > 0)
    within[0] = False
    return bone & ~within[labels]


def _inner(frame: Frame, brain: Mask, top: int, middle_row: float, length: float) -> dict[str, Mask]:
    """The parts of the brain by their usual place, ``length`` in mm as the unit."""
    midline = _midline(brain)
    level = top - _PINEAL_BELOW_TOP * length / frame.spacing[0]
    row = middle_row + _PINEAL_BEHIND_MIDDLE * length / frame.spacing[1]
    z, y, x = (np.arange(n) for n in brain.shape)
    height = ((z - level) * frame.spacing[0] / length)[:, None, None]
    back = ((y - row) * frame.spacing[1] / length)[None, :, None]
    left = (x[None, :] - midline[:, None]) * frame.spacing[2] / length
    aside = left[None]
    found: dict[str, Mask] = {}
    for name, (centre, half) in _SHAPES.items():
        distance = (
            ((aside - centre[0]) / half[0]) ** 2
            + ((back - centre[1]) / half[1]) ** 2
            + ((height - centre[2]) / half[2]) ** 2
        )
        found[name] = np.asarray(brain & (distance <= 1.0))
    deep = (back / 0.28) ** 2 + ((height - 0.03) / 0.2) ** 2 <= 1.0
    found["falx"] = np.asarray(brain & (np.abs(aside) * length <= _FALX) & ~deep & (height > -0.12))
    found["cerebellum"] = np.asarray(brain & (height < -0.12) & (back > 0.02))
    return found


def _midline(brain: Mask) -> NDArray[np.float64]:
    """Column of the midline in each row: a straight line through the middles of the rows of the whole brain."""
    shadow: Mask = np.asarray(brain.any(axis=0))
    rows = np.flatnonzero(shadow.any(axis=1))
    middles = np.array([np.flatnonzero(shadow[r])[[0, -1]].mean() for r in rows])
    wide = shadow[rows].sum(axis=1) > 0.3 * shadow.sum(axis=1).max()
    slope, start = np.polyfit(rows[wide], middles[wide], 1) if wide.sum() > 4 else (0.0, float(middles.mean()))
    return np.asarray(slope * np.arange(brain.shape[1]) + start, dtype=np.float64)
