"""Enhanced blood of the iliac arteries, told apart from bone: what hangs together with the lumen of the aorta."""

from __future__ import annotations

import cc3d
import numpy as np
from scipy import ndimage

from calciscope.anatomy.embedded.aorta import spine_track
from calciscope.anatomy.embedded.frame import Frame, Mask
from calciscope.anatomy.embedded.skeleton import BONE_HU
from calciscope.anatomy.embedded.track import Track, paint

# Blood narrower than a few voxels is darker than in the aorta, where plaque is near it brighter: this part of it.
_BLOOD = (0.6, 1.35)
# Cortex and what lies beside it within a voxel is this much brighter than the blood, HU.
_CORTEX_HU = 60.0
# The core of the aorta's lumen, mm from its wall, from which blood is followed down.
_CORE = 2.0
# Arteries that branch from the aorta lie this near to the middle of the pelvis at most, mm.
_ASIDE = 115.0
# A vessel is no thicker than this across, mm: what remains after opening by it is marrow or an organ.
_THICK = 17.0
# More bone than this is no blood of a tree of vessels: the skeleton was followed too, ml.
_MOST_ML = 120.0
# Marrow has its cortex this near in front of it, mm; in front of the vessels lie fat and bowel.
_AHEAD = 20.0
# Marrow of a vertebra lies within this part of its radius, or behind its middle within so many mm.
_BODY, _ARCH_MM = 1.1, 45.0


def arteries(frame: Frame, aorta: Track, blood_hu: float, top: float) -> Mask | None:
    """Enhanced lumens below coarse slice ``top`` that continue the aorta, rim included; ``None`` where not told.

    ``aorta`` is the track beside the spine, feet first. Cortex near a vessel parts it from the bone; where bone is as
    bright as blood throughout, so that the skeleton is followed too, nothing is told.
    """
    if blood_hu < BONE_HU:
        return None
    stop = min(frame.hu.shape[0], int(top) + 1)
    hu = frame.hu[:stop]
    low, high = _BLOOD[0] * blood_hu, _BLOOD[1] * blood_hu
    cross = ndimage.generate_binary_structure(3, 1)
    near = ndimage.maximum_filter(hu, footprint=cross)
    columns = np.abs(np.arange(hu.shape[2]) - float(np.median(aorta.points[:, 2]))) * frame.spacing[2]
    like = (hu > low) & (near < high + _CORTEX_HU) & frame.body[:stop] & (columns < _ASIDE)[None, None]
    wide = round(_THICK / (2 * frame.spacing[1]))
    seed = paint(frame, aorta.part(aorta.points[:, 0] < stop), -_CORE)[:stop] & like
    labels = cc3d.connected_components(like, connectivity=6)
    seeds = np.unique(labels[seed])
    found = np.isin(labels, seeds[seeds > 0])
    # Bone that was followed is thick where a vessel is not.
    thick = np.asarray(ndimage.binary_opening(found, np.ones((1, 2 * wide + 1, 2 * wide + 1), dtype=np.bool_)))
    found &= ~ndimage.binary_dilation(thick, cross, iterations=2)
    vertebrae = _vertebrae(frame, stop)
    found &= ~(vertebrae | _behind(frame.bone[:stop] & ~found, round(_AHEAD / frame.spacing[1])))
    ml = float((found & frame.bone[:stop]).sum()) * float(np.prod(frame.spacing)) / 1000.0
    if not found.any() or ml > _MOST_ML:
        return None
    # The blurred rim is darker than blood, but no brighter than it.
    rim = ndimage.binary_dilation(found, cross) & (hu < high)
    whole = np.zeros(frame.hu.shape, dtype=np.bool_)
    whole[:stop] = (found | rim) & ~vertebrae
    return whole


def _behind(bone: Mask, reach: int) -> Mask:
    """What has bone in front of it within so many rows."""
    out = np.zeros_like(bone)
    for step in range(1, reach + 1):
        out[:, step:] |= bone[:, :-step]
    return out


def _vertebrae(frame: Frame, stop: int) -> Mask:
    """The vertebral bodies below a slice and what lies behind them, by the track of the spine."""
    mask = np.zeros((stop, *frame.hu.shape[1:]), dtype=np.bool_)
    rows, columns = np.ogrid[: mask.shape[1], : mask.shape[2]]
    for z, (row, column, radius) in enumerate(spine_track(frame)[:stop]):
        if np.isfinite(row):
            down, aside = (rows - row) * frame.spacing[1], (columns - column) * frame.spacing[2]
            away = np.hypot(down, aside)
            mask[z] = (away < _BODY * radius) | ((down > 0) & (away < _ARCH_MM))
    return mask
