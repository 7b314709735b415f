"""Plaque of a carotid artery low in the neck that passes for bone, because it touches the spine in one of its slices.

In the slices themselves it stands alone beside the windpipe, as a dense dot that goes on from slice to slice. Higher up
the horns of the larynx and of the hyoid bone and the styloid processes do too: there nothing is taken for plaque.
"""

from __future__ import annotations

import cc3d
import edt
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from calciscope.find.scene import Bool, Scene

# Where the artery runs; its sheath is known to this many mm.
_SHEATHS, _AROUND = "carotid_sheath_", 6.0
# The larynx begins this far above the top of the lungs where the arms are raised, mm.
_ABOVE_LUNGS = 25.0
# A plaque's largest cross-section, mm2, its least height, mm and slices, and its peak, HU: denser than the cartilage of
# the larynx and than small spongy bones.
_SECTION_MM2, _HEIGHT_MM, _SLICES, _PEAK_HU = 120.0, 8.0, 3, 900.0
# In most slices it is this far from any other bone, mm.
_APART_MM, _SHARE = 2.5, 0.7


def columns(scene: Scene, skeleton: Bool) -> list[NDArray[np.int32]]:
    """Voxels ``(n, 3)`` of each plaque of a carotid artery in the skeleton; none without a neck above lungs."""
    box = _box(scene)
    if box is None:
        return []
    sheath = np.isin(scene.labels[box], _labels(scene, _SHEATHS))
    plane = (1e6, *scene.spacing[1:])
    away: NDArray[np.float32] = edt.edt(np.ascontiguousarray(~sheath), anisotropy=plane, black_border=False)
    bone = skeleton[box]
    alone, apart = _alone(bone, away <= _AROUND, scene.spacing)
    pieces = cc3d.connected_components(alone, connectivity=26, out_dtype=np.uint32)
    found = []
    for label in range(1, int(pieces.max(initial=0)) + 1):
        voxels = np.argwhere(pieces == label)
        levels = np.unique(voxels[:, 0])
        free = np.mean([apart[z][pieces[z] == label].all() for z in levels])
        tall = len(levels) >= _SLICES and len(levels) * scene.spacing[0] >= _HEIGHT_MM
        if tall and free >= _SHARE and float(scene.hu[box][tuple(voxels.T)].max()) >= _PEAK_HU:
            found.append((voxels + np.array([part.start for part in box])).astype(np.int32))
    return found


def _alone(bone: Bool, room: Bool, spacing: tuple[float, float, float]) -> tuple[Bool, Bool]:
    """What of bone is small and within the room in its own slice, and which of it is far from other bone there."""
    alone, apart = np.zeros_like(bone), np.zeros_like(bone)
    area = spacing[1] * spacing[2]
    for z in np.flatnonzero(room.any(axis=(1, 2))).tolist():
        labels, count = ndimage.label(bone[z], np.ones((3, 3)))
        for label in range(1, count + 1):
            own = labels == label
            if own.sum() * area <= _SECTION_MM2 and room[z][own].all():
                alone[z] |= own
                others = np.ascontiguousarray((labels == 0) | own)
                if edt.edt(others, anisotropy=spacing[1:], black_border=False)[own].min() >= _APART_MM:
                    apart[z] |= own
    return alone, apart


def _labels(scene: Scene, stem: str) -> list[int]:
    return [item.label for name, item in scene.anatomy.structures.items() if name.startswith(stem)]


def _box(scene: Scene) -> tuple[slice, slice, slice] | None:
    """The sheaths up to the larynx, with a margin in which other bone shows; ``None`` without sheaths or lungs."""
    lungs, sheaths = _labels(scene, "lung_"), _labels(scene, _SHEATHS)
    if not lungs or not sheaths:
        return None
    thin = scene.labels[:, ::4, ::4]
    air = np.flatnonzero(np.isin(thin, lungs).any(axis=(1, 2)))
    where = np.argwhere(np.isin(thin, sheaths)) * np.array([1, 4, 4])
    if not air.size or not len(where):
        return None
    margin = [int(np.ceil(2 * _AROUND / mm)) + 4 for mm in scene.spacing[1:]]
    low, high = where.min(axis=0), where.max(axis=0) + 1
    top = min(int(high[0]), int(air[-1] + _ABOVE_LUNGS / scene.spacing[0]) + 1)
    if top <= low[0]:
        return None
    rows, columns = (slice(max(0, int(a) - n), int(b) + n) for a, b, n in zip(low[1:], high[1:], margin, strict=True))
    return (slice(int(low[0]), top), rows, columns)
