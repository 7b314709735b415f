"""The shape of a set of voxels: principal diameters, sphericity, and how hollow it is."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from calciscope.domain.deposit import Shape
from calciscope.find.scene import Bool

# Gaps of a rim up to this wide are closed before its outline is filled, mm.
RIM_GAP_MM = 3.0
# A larger set is thinned for its diameters; they do not need every voxel.
_ENOUGH = 4000


def shape(voxels: NDArray[np.int32], spacing: tuple[float, float, float]) -> Shape:
    """The shape of voxels ``(n, 3)`` ``(z, y, x)``; lengths in mm.

    Diameters are the extents along the principal axes plus one voxel. The surface for the sphericity is that of the
    voxels' faces divided by 1.5, which is what a ball's faces exceed its surface by on average.
    """
    points = voxels * np.array(spacing)
    few = points[:: max(1, len(points) // _ENOUGH)]
    centred = few - few.mean(axis=0)
    size = float(np.cbrt(np.prod(spacing)))
    if len(few) > 1:
        _, axes = np.linalg.eigh(centred.T @ centred)
        along = centred @ axes
        extents = np.sort(along.max(axis=0) - along.min(axis=0)) + size
    else:
        extents = np.sort(np.array(spacing))
    local, _ = local_mask(voxels, margin=1)
    volume = len(voxels) * float(np.prod(spacing))
    surface = _faces(local, spacing) / 1.5
    ball = float(np.pi ** (1 / 3) * (6 * volume) ** (2 / 3))
    sphericity = min(1.0, ball / surface) if surface > 0 else 1.0
    return Shape(
        length=round(float(extents[-1]), 2),
        width=round(float(extents[0]), 2),
        sphericity=round(sphericity, 3),
        hollow=round(hollow(local, spacing), 3),
    )


def local_mask(voxels: NDArray[np.int32], margin: int) -> tuple[Bool, NDArray[np.int64]]:
    """A small mask that holds the voxels with a margin, and the index of its corner."""
    low = voxels.min(axis=0).astype(np.int64) - margin
    high = voxels.max(axis=0).astype(np.int64) + margin + 1
    mask = np.zeros(tuple(high - low), dtype=np.bool_)
    mask[tuple((voxels - low).T)] = True
    return mask, low


def _faces(mask: Bool, spacing: tuple[float, float, float]) -> float:
    """Area of the faces between the mask and the rest, mm2; the mask has a margin."""
    z, y, x = spacing
    areas = (y * x, z * x, z * y)
    return float(sum(np.count_nonzero(np.diff(mask, axis=axis)) * areas[axis] for axis in range(3)))


def outline(mask: Bool, spacing: tuple[float, float, float], gap_mm: float = RIM_GAP_MM) -> Bool:
    """The filled outline of a mask: gaps up to ``gap_mm`` closed in-plane, then the holes of each slice filled."""
    steps = max(1, round(gap_mm / 2 / spacing[1]))
    cross = ndimage.generate_binary_structure(2, 1)
    out = mask.copy()
    for z in np.flatnonzero(mask.any(axis=(1, 2))).tolist():
        plane = np.pad(mask[z], 2 * steps + 1)
        # Filled while it is swollen: a gap of a thin rim opens again when it is shrunk.
        plane = ndimage.binary_fill_holes(ndimage.binary_dilation(plane, cross, iterations=steps))
        plane = ndimage.binary_erosion(plane, cross, iterations=steps)
        inner = slice(2 * steps + 1, -2 * steps - 1)
        out[z] |= plane[inner, inner]
    return out


def hollow(mask: Bool, spacing: tuple[float, float, float]) -> float:
    """Share of the filled outline that is not calcium, 0 for a solid piece; dents that closing fills do not count."""
    if mask.sum() < 8:
        return 0.0
    filled = outline(mask, spacing)
    holes = filled & ~mask
    labels, count = ndimage.label(holes)
    if not count:
        return 0.0
    # A dent is open to the outside once the closing is undone; a lumen is thicker than the gap that was closed.
    sizes = np.bincount(labels.ravel())
    core = ndimage.binary_erosion(holes, ndimage.generate_binary_structure(2, 1)[None])
    deep = np.unique(labels[core])
    lumen = float(sizes[deep[deep > 0]].sum())
    return lumen / float(lumen + mask.sum())
