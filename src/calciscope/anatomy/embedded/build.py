"""From a volume to its frame."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from calciscope.anatomy.embedded import body as bodies
from calciscope.anatomy.embedded.frame import Frame
from calciscope.anatomy.embedded.lungs import find_airway, find_lungs
from calciscope.anatomy.embedded.regions import bowel_gas, find_regions
from calciscope.anatomy.embedded.skeleton import find_bone, find_contrast
from calciscope.anatomy.embedded.spine import spine_track
from calciscope.domain.image import Volume

# Noise of the coarse grid, HU, from which thresholds and edges no longer hold.
_NOISY = 36.0
# Smoothed until noise is below this, HU, and how often at most: a sharp kernel's noise is torn bone and torn liver.
_CALM, _OFTEN = 22.0, 3
# Fat on CT, HU.
_FAT_HU = (-150.0, -30.0)


def build(volume: Volume) -> Frame:
    """The frame of a CT volume: body, lungs, airway, skeleton, metal, fat, spine and regions.

    A volume so noisy that its blocks are too is smoothed first, and the frame holds the smoothed one. Works on any part
    of the body, cropped or whole; what is not in view is empty. Raises nothing.
    """
    geometry = volume.geometry
    factor = bodies.factors(geometry.spacing)
    factor = (
        min(factor[0], geometry.shape[0]),
        min(factor[1], geometry.shape[1]),
        min(factor[2], geometry.shape[2]),
    )
    spacing = (
        geometry.spacing[0] * factor[0],
        geometry.spacing[1] * factor[1],
        geometry.spacing[2] * factor[2],
    )
    hu = bodies.block_mean(volume.hu, factor)
    shells: NDArray[np.float32] | None = None
    if bodies.noise(hu) > _NOISY:
        shells = hu
        # Blocks did not average it out: edges are found in a smoother volume.
        for _ in range(_OFTEN):
            volume = bodies.denoised(volume, factor)
            hu = bodies.block_mean(volume.hu, factor)
            if bodies.noise(hu) < _CALM:
                break
    body = bodies.find_body(hu, bodies.outside_view(volume.hu, factor), spacing)
    metal = bodies.find_metal(volume, body, factor)
    contrast = find_contrast(hu, body, spacing, shells)
    bone = find_bone(hu, body, contrast, spacing)
    airway = find_airway(hu, body, spacing)
    spine = spine_track(hu, bone, body, airway, spacing)
    columns = np.flatnonzero(body.any(axis=(0, 1)))
    if np.isfinite(spine[:, 1]).any():
        middle = float(np.nanmedian(spine[:, 1]))
    else:
        middle = 0.5 * float(columns[0] + columns[-1]) if columns.size else 0.5 * hu.shape[2]
    left, right = find_lungs(hu, body, airway, spacing, middle)
    if bowel_gas(left | right, bone, spine, spacing):
        left, right = np.zeros_like(left), np.zeros_like(right)
    bone &= ~(left | right)
    regions = find_regions(hu, body, left | right, bone, spine, spacing, factor[0], geometry.shape[0], airway)
    # The base of the skull is no vertebra.
    for region in regions:
        if region.name == "head":
            spine[region.start // factor[0] : -(-region.stop // factor[0])] = np.nan
    return Frame(
        volume=volume,
        hu=hu,
        factor=factor,
        spacing=spacing,
        body=body,
        lung_left=left,
        lung_right=right,
        airway=airway,
        bone=bone,
        metal=metal,
        fat=np.asarray(body & (hu > _FAT_HU[0]) & (hu < _FAT_HU[1])),
        spine=spine,
        regions=regions,
    )
