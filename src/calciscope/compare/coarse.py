"""A scan on a coarse grid for registration: quick to make, with what is not the patient taken out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import SimpleITK
from numpy.typing import NDArray
from scipy import ndimage

from calciscope.domain.image import Geometry, Volume

# SimpleITK has no type annotations.
ITK: Any = SimpleITK

AIR_HU = -1000.0
# Between these lies everything that tells anatomy; metal would else outweigh the rest.
_LOWEST, _HIGHEST = -1000, 800
# Tissue against air, and bone after averaging over a coarse voxel.
_TISSUE_HU, BONE_HU = -300.0, 180.0
_OPENING_MM = 8.0


@dataclass(frozen=True, slots=True, eq=False)
class Coarse:
    """``hu`` float32 ``(z, y, x)`` on ``geometry``, air outside the ``body``."""

    hu: NDArray[np.float32]
    body: NDArray[np.bool_]
    geometry: Geometry

    @property
    def bone(self) -> NDArray[np.bool_]:
        """Where bone fills most of a voxel."""
        return self.hu >= BONE_HU

    def image(self) -> Any:
        """The scan as a ``SimpleITK.Image``."""
        return image_of(self.hu, self.geometry)

    def points(self, mask: NDArray[np.bool_]) -> NDArray[np.float64]:
        """LPS mm ``(n, 3)`` of the voxels of a mask."""
        return self.geometry.to_mm(np.argwhere(mask))


def image_of(values: NDArray[Any], geometry: Geometry) -> Any:
    """An array ``(z, y, x)`` as a ``SimpleITK.Image`` that lies where the geometry says."""
    made = ITK.GetImageFromArray(np.ascontiguousarray(values))
    made.SetSpacing([float(step) for step in geometry.spacing[::-1]])
    made.SetOrigin([float(value) for value in geometry.origin])
    made.SetDirection([float(value) for value in geometry.direction])
    return made


def averaged(
    volume: Volume, spacing_mm: float, box: tuple[slice, slice, slice] | None = None
) -> tuple[NDArray[np.float32], Geometry]:
    """Means over blocks of about ``spacing_mm``, of a box (indices) of the volume or of all; with their geometry."""
    whole = tuple(slice(0, size) for size in volume.hu.shape)
    taken = box or whole
    start = np.array([part.start for part in taken])
    hu = volume.hu[taken]
    steps = [max(1, round(spacing_mm / step)) for step in volume.geometry.spacing]
    steps = [min(step, size) for step, size in zip(steps, hu.shape, strict=True)]
    count = [size // step for size, step in zip(hu.shape, steps, strict=True)]
    cut = hu[: count[0] * steps[0], : count[1] * steps[1], : count[2] * steps[2]]
    clipped = np.clip(cut, _LOWEST, _HIGHEST)
    means = clipped.reshape(count[0], steps[0], count[1], steps[1], count[2], steps[2]).mean(
        axis=(1, 3, 5), dtype=np.float32
    )
    x, y, z = volume.geometry.to_mm(start + (np.array(steps) - 1) / 2)
    spacing = tuple(float(s * f) for s, f in zip(volume.geometry.spacing, steps, strict=True))
    geometry = Geometry(
        (count[0], count[1], count[2]),
        (spacing[0], spacing[1], spacing[2]),
        (float(x), float(y), float(z)),
        volume.geometry.direction,
    )
    return means, geometry


def coarse(volume: Volume, spacing_mm: float) -> Coarse:
    """The scan at about ``spacing_mm`` with air for table and cushions, which do not move with the patient."""
    hu, geometry = averaged(volume, spacing_mm)
    body = _body(hu, geometry)
    return Coarse(np.where(body, hu, np.float32(AIR_HU)), body, geometry)


def _body(hu: NDArray[np.float32], geometry: Geometry) -> NDArray[np.bool_]:
    """The largest piece of tissue, and as many others as limbs may be, filled slice by slice."""
    tissue = hu > _TISSUE_HU
    steps = max(1, round(_OPENING_MM / 2 / min(geometry.spacing[1:])))
    # Within slices only: a scan may have very few.
    disc = ndimage.iterate_structure(ndimage.generate_binary_structure(2, 1), steps)[None]
    opened = ndimage.binary_opening(np.pad(tissue, ((0, 0), (steps, steps), (steps, steps)), mode="edge"), disc)
    opened = opened[:, steps:-steps, steps:-steps]
    pieces, count = ndimage.label(opened)
    if not count:
        return np.asarray(tissue, dtype=np.bool_)
    sizes = np.bincount(pieces.ravel())
    sizes[0] = 0
    kept = np.isin(pieces, np.flatnonzero(sizes >= 0.25 * sizes.max()))
    for plane in kept:
        plane[:] = ndimage.binary_fill_holes(plane)
    return np.asarray(kept, dtype=np.bool_)
