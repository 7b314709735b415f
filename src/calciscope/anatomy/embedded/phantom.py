"""Whether a scan shows a phantom: a cast of plastic has an outline, but nothing that grew in it."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from calciscope.anatomy.embedded.frame import Frame, Mask

# Plastic is extruded or moulded: its outline is the same in slices this far apart, mm; the share that differs. The
# steadiest stretch of a thigh changes by a hundredth, trunks by two or more.
_APART_MM, _SAME = 20.0, 0.004
# The outline is seen: this share of its rim, at most, lies at the edge of the view. So much of it is needed, mm.
_CUT, _LEAST_MM, _LEAST_MM2 = 0.02, 30.0, 2500.0
# A chest may be wider than the view: what is in it changes by more than so many HU, over that height, in no more than
# this share of it. In a phantom with inserts 0.015 does, in the steadiest patient 0.09.
_CHANGED_HU, _CHANGED = 120.0, 0.04
# Vessels within a lung: this much brighter than its middle value, HU, and than this many spreads of its noise.
_VESSEL_HU, _SPREADS = 90.0, 4.0
# Filler of lungs is even: vessels are less than this share of it, away from its rim, in at least this many ml.
_VESSELS, _LUNG_ML, _RIM = 0.0005, 100.0, 2
# A body without lungs must be even itself: this share of all voxels within its skin has, in blocks, the same
# attenuation as its middle value, within this many HU. Fat beside muscle differs by 130 HU.
_EVEN, _EVEN_HU, _SKIN_MM = 0.9, 30.0, 8.0

NOTE = "The scan shows a phantom, no patient: it is alike throughout and nothing in it grew."


def is_phantom(frame: Frame) -> bool:
    """Whether lungs without vessels lie in a body alike throughout, or an even body has the same outline throughout.

    A patient has neither: an outline cut off by the view says nothing, noise hides what would make it a phantom, and
    lungs full of air still hold vessels. Below 30 mm of body the answer is no.
    """
    lungs = float(frame.lungs.sum()) * float(np.prod(frame.spacing)) / 1000.0
    if lungs >= _LUNG_ML:
        return _without_vessels(frame) and _alike(frame)
    return _extruded(frame) and _even(frame)


def _alike(frame: Frame) -> bool:
    """Whether slices show the same, all along."""
    there = np.flatnonzero(frame.body.sum(axis=(1, 2)) * frame.spacing[1] * frame.spacing[2] > _LEAST_MM2)
    step = max(1, round(_APART_MM / frame.spacing[0]))
    if there.size * frame.spacing[0] < _LEAST_MM or there.size <= step:
        return False
    hu, body = (part[there[0] : there[-1] + 1] for part in (np.clip(frame.hu, -1000.0, 400.0), frame.body))
    changed = [
        float((np.abs(hu[z + step] - hu[z]) > _CHANGED_HU)[body[z]].mean())
        for z in range(len(hu) - step)
        if body[z].any()
    ]
    return bool(np.median(changed) < _CHANGED)


def _extruded(frame: Frame) -> bool:
    """Whether the outline, which is in view, is the same all along."""
    sizes = frame.body.sum(axis=(1, 2)) * frame.spacing[1] * frame.spacing[2]
    there = np.flatnonzero(sizes > _LEAST_MM2)
    step = max(1, round(_APART_MM / frame.spacing[0]))
    if there.size * frame.spacing[0] < _LEAST_MM or there.size <= step:
        return False
    # Its ends are rounded off, or half a slice.
    inner = frame.body[there[0] : there[-1] + 1]
    edge = inner[:, [0, -1], :].sum() + inner[:, :, [0, -1]].sum()
    around = inner & ~ndimage.binary_erosion(inner, np.ones((1, 3, 3), dtype=bool), border_value=0)
    if float(edge) > _CUT * float(around.sum()):
        return False
    changed = [
        float((a ^ b).sum()) / float(max(1, (a | b).sum())) for a, b in zip(inner[:-step], inner[step:], strict=True)
    ]
    return bool(np.median(changed) < _SAME)


def _without_vessels(frame: Frame) -> bool:
    """Whether lungs are as even as filler."""
    core: Mask = np.asarray(ndimage.binary_erosion(frame.lungs, np.ones((3, 3, 3), dtype=bool), iterations=_RIM))
    if float(core.sum()) * float(np.prod(frame.spacing)) / 1000.0 < 0.2 * _LUNG_ML:
        return False
    values = frame.hu[core]
    middle = float(np.median(values))
    spread = 1.48 * float(np.median(np.abs(values - middle)))
    return float((values > middle + max(_VESSEL_HU, _SPREADS * spread)).mean()) < _VESSELS


def _even(frame: Frame) -> bool:
    """Whether nearly all that lies within the skin has one attenuation."""
    steps = max(1, round(_SKIN_MM / frame.spacing[1]))
    inside = ndimage.binary_erosion(frame.body, np.ones((1, 3, 3), dtype=bool), iterations=steps, border_value=0)
    if not inside.any():
        return False
    values = ndimage.uniform_filter(frame.hu, size=3)[inside]
    return float((np.abs(values - np.median(values)) < _EVEN_HU).mean()) >= _EVEN
