"""Cortex, medulla and sinus of a kidney: by the depth below its surface and the distance from the sinus.

Without contrast cortex and pyramids look alike, so what is neither clearly the one nor the other has no part.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage import morphology

from calciscope.anatomy.embedded.bodies import depth, distance
from calciscope.anatomy.embedded.frame import Mask

# Not annotated in scikit-image.
_HULL: Any = morphology.convex_hull_image

# The cortex is 6 to 10 mm thick: so deep below the surface all is cortex, and this far from the sinus at least, mm.
_CORTEX, _FROM_SINUS = 5.0, 7.0
# Pyramids begin this deep, mm; calyces reach this far from the fat and water of the sinus, mm.
_PYRAMIDS, _CALYCES = 8.5, 5.0
# Fat and its mixture with what it surrounds, HU; this far below the surface it is the sinus' own, mm.
_FAT, _INNER = -12.0, 6.0
# A sinus of less than this says nothing of where the calyces are, ml.
_LEAST_ML = 1.5


def split(kidney: Mask, hu: NDArray[np.float32], spacing: tuple[float, float, float]) -> dict[str, Mask]:
    """Masks ``cortex``, ``medulla`` and ``sinus`` within a kidney ``(z, y, x)``; what is not seen is left out.

    The sinus is what the kidney's outline, slice by slice, surrounds and is fat, and what lies so near to it that a
    calyx reaches there. Without a sinus there is no medulla either.
    """
    whole = kidney.copy()
    for z in np.flatnonzero(kidney.any(axis=(1, 2))).tolist():
        whole[z] = outline(kidney[z])
    deep = depth(whole, spacing)
    core = (deep > _INNER) & (ndimage.gaussian_filter(hu, 0.5) < _FAT)
    core |= (deep > _INNER) & ~kidney & (hu < _FAT)
    parts: dict[str, Mask] = {}
    if float(core.sum()) * float(np.prod(spacing)) / 1000.0 < _LEAST_ML:
        surface = kidney & (deep <= _CORTEX)
        return {"cortex": surface} if surface.any() else parts
    away = distance(core, spacing)
    parts["sinus"] = np.asarray(kidney & (away <= _CALYCES) & (deep > _CORTEX))
    parts["cortex"] = np.asarray(kidney & (deep <= _CORTEX) & (away > _FROM_SINUS))
    parts["medulla"] = np.asarray(kidney & (deep > _PYRAMIDS) & (away > _CALYCES))
    return {name: mask for name, mask in parts.items() if mask.any()}


def outline(flat: Mask) -> Mask:
    """What the outline of a slice of a kidney surrounds, its sinus too ``(y, x)``."""
    # A row of voxels has no hull.
    if not flat.any() or np.linalg.matrix_rank(_centred(flat)) < 2:
        return flat
    return np.asarray(_HULL(flat, offset_coordinates=False), dtype=np.bool_)


def _centred(flat: Mask) -> NDArray[np.float64]:
    """Positions of the voxels of a slice about their middle ``(n, 2)``: of rank 1 where they lie on one line."""
    where = np.argwhere(flat).astype(np.float64)
    return np.asarray(where - where.mean(axis=0))
