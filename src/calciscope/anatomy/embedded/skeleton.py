"""The skeleton on the coarse grid, told apart from contrast."""

from __future__ import annotations

import cc3d
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from calciscope.anatomy.embedded.body import depth
from calciscope.anatomy.embedded.frame import Mask

# Cancellous bone with its cortex on a coarse grid; muscle and unenhanced organs stay below.
BONE_HU = 150.0
# Cortex: what a piece must reach somewhere to be bone.
_CORTEX_HU = 240.0
# The skeleton hangs together in pieces of at least this, ml, or this part of the largest piece in small fields of view;
_PIECE_ML = 8.0
_PIECE_PART = 0.05
# smaller pieces (a rib's tip) count if they are near one or cut by the scan's end. Stones and plaques are neither.
_LEAST_ML = 0.4
_NEAR_MM = 6.0
# Blood and organs are homogeneous: their brightest neighbour within this distance, mm, ...
_SHELL_MM = 7.0
# ... is at most this part and this many HU brighter than their mean. Marrow has a cortex around it.
_SHELL_PART = 0.22
_SHELL_HU = 45.0
# The brightest of some hundred voxels of blood lies 2.7 standard deviations of noise above its mean; what the limits
# above do not hold of that.
_NOISE_PEAK = 2.0
# A cross-section of the body at least this large, mm2, is no limb.
_TRUNK_MM2 = 20000.0
# Blood brighter than marrow, HU; how much of it, ml, makes an angiogram; the part of it that all its lumens reach.
_ANGIOGRAM_HU, _ANGIOGRAM_ML, _ANGIOGRAM_PART = 250.0, 25.0, 0.6
# Contrast that has mixed with blood stays below, even at a low voltage; the cortex of long bones lies above, HU.
_DENSEST_HU = 900.0
# The vertebral canal in cross-section, mm2, and its content, HU: cord and fluid, neither marrow nor fat.
_CANAL_MM2 = 70.0
_CANAL_HU = (-40.0, 60.0)


def find_contrast(
    hu: NDArray[np.float32],
    body: Mask,
    spacing: tuple[float, float, float],
    shells: NDArray[np.float32] | None = None,
) -> Mask:
    """Enhanced blood and organs: bright, homogeneous, thick and without a brighter shell, coarse ``(z, y, x)``.

    Marrow is homogeneous too but lies within a few mm of its cortex. Cores are grown back through whatever is about
    as bright as they are, so that the blurred rim of a vessel belongs to it. Where ``hu`` is a smoothed volume its
    cortex is blurred into the marrow: ``shells`` is the volume before, in which brighter shells are sought.
    """
    bright = (hu > 110.0) & body
    if not bright.any():
        return bright
    size = [max(3, 2 * round(_SHELL_MM / s) + 1) for s in spacing]
    top = ndimage.maximum_filter(hu, size=size)
    if shells is not None:
        # Measured against the smoothed volume, in which soft tissue is surely told.
        soft = body & (hu > 0.0) & (hu < 90.0)
        noise = 1.48 * float(np.median(np.abs(shells - hu)[soft])) if soft.any() else 0.0
        top = np.maximum(top, ndimage.maximum_filter(shells, size=size) - np.float32(_NOISE_PEAK * noise))
    mean = ndimage.uniform_filter(hu, size=3)
    floor = ndimage.minimum_filter(mean, size=3)
    core = bright & (mean < _DENSEST_HU) & (top < mean * (1.0 + _SHELL_PART) + _SHELL_HU) & (floor > 100.0)
    labels = cc3d.connected_components(core, connectivity=6)
    volumes = np.bincount(labels.ravel()) * float(np.prod(spacing)) / 1000.0
    volumes[0] = 0.0
    core = (volumes > 1.5)[labels]
    if not core.any():
        return core
    # The vessels of a limb hold too little blood; what is flat and bright there is the end of a bone.
    if float(np.median(body.sum(axis=(1, 2)))) * spacing[1] * spacing[2] >= _TRUNK_MM2:
        core |= _angiogram(hu, bright, mean, core, spacing)
    # The brightest core within reach says what a rim voxel may be blurred from.
    level = ndimage.maximum_filter(np.where(core, mean, np.float32(0)), size=size)
    rim = bright & (level > 0) & (hu < level * (1.0 + _SHELL_PART) + _SHELL_HU)
    return np.asarray(core | rim)


def _angiogram(
    hu: NDArray[np.float32], bright: Mask, mean: NDArray[np.float32], core: Mask, spacing: tuple[float, float, float]
) -> Mask:
    """What is thick and bright throughout, where much blood is brighter than marrow: lumens beside a flap or bone.

    Nothing where blood is no brighter than marrow may be.
    """
    blood = core & (mean > _ANGIOGRAM_HU)
    if float(blood.sum()) * float(np.prod(spacing)) / 1000.0 < _ANGIOGRAM_ML:
        return np.zeros_like(core)
    level = float(np.median(mean[blood]))
    # All lumens are about as bright; what is much brighter is cortex, or plaque.
    like = bright & (hu > max(_ANGIOGRAM_PART * level, _CORTEX_HU - 40.0))
    like &= hu < level * (1.0 + _SHELL_PART) + _SHELL_HU
    # Cortex and end plates are thinner than two voxels.
    thick = np.asarray(ndimage.binary_opening(like, ndimage.generate_binary_structure(3, 1)))
    labels = cc3d.connected_components(thick, connectivity=6)
    volumes = np.bincount(labels.ravel()) * float(np.prod(spacing)) / 1000.0
    volumes[0] = 0.0
    return np.asarray((volumes > 1.5)[labels])


def find_bone(hu: NDArray[np.float32], body: Mask, contrast: Mask, spacing: tuple[float, float, float]) -> Mask:
    """The skeleton, marrow included: bright pieces with a cortex and of some size that are not contrast.

    Small bright pieces (stones, plaques, phleboliths) are left out unless they are near a large one.
    """
    bright = (hu > BONE_HU) & body & ~contrast
    labels = cc3d.connected_components(bright, connectivity=18)
    stats = cc3d.statistics(labels)
    volumes = stats["voxel_counts"] * float(np.prod(spacing)) / 1000.0
    peaks = np.zeros(len(volumes), dtype=np.float32)
    np.maximum.at(peaks, labels[bright], hu[bright])
    bony = (volumes >= _LEAST_ML) & (peaks >= _CORTEX_HU)
    bony[0] = False
    large = bony & (volumes >= min(_PIECE_ML, _PIECE_PART * float(volumes[bony].max(initial=0.0))))
    bone = np.asarray(large[labels])
    small = bony & ~large
    if small.any() and bone.any():
        near = depth(~bone, spacing) <= _NEAR_MM
        near[[0, -1]] = True
        small &= np.isin(np.arange(len(small)), np.unique(labels[near]))
        bone |= small[labels]
    return fill_marrow(bone, hu, spacing)


def fill_marrow(bone: Mask, hu: NDArray[np.float32], spacing: tuple[float, float, float]) -> Mask:
    """Bone with its marrow: holes of each slice that hold marrow, closed over gaps of about 4 mm; canals stay open."""
    steps = max(1, round(2.5 / spacing[1]))
    cross = ndimage.generate_binary_structure(2, 1)
    out = bone.copy()
    for z in np.flatnonzero(bone.any(axis=(1, 2))).tolist():
        plane = np.pad(bone[z], steps, mode="edge")
        closed = ndimage.binary_closing(plane, cross, iterations=steps)[steps:-steps, steps:-steps] | bone[z]
        labels, count = ndimage.label(~closed)
        if count:
            index = np.arange(1, count + 1)
            area = np.bincount(labels.ravel(), minlength=count + 1)[1:] * spacing[1] * spacing[2]
            edge = np.unique(np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]]))
            mean = ndimage.mean(hu[z], labels, index)
            # The vertebral canal holds fluid and cord; marrow is either brighter or fatty.
            canal = (mean > _CANAL_HU[0]) & (mean < _CANAL_HU[1]) & (area > _CANAL_MM2)
            hole = (area < 2500.0) & ~canal & ~np.isin(index, edge) & (mean > -200.0)
            closed |= np.concatenate([[False], hole])[labels]
        out[z] |= closed & (hu[z] > -150.0)
    return out
