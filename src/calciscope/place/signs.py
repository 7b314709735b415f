"""What tells a stone in a ureter from a clot in a vein: the ring and the band that an axial slice shows.

Rays run outwards from the middle of the slice on which a deposit is largest. Each leaves the calcium at half of its
height; how far it then goes through soft tissue before it meets fat is the thickness of what surrounds the deposit. A
bare edge takes some of that way too, because the image is blurred.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.special import ndtri

from calciscope.domain.deposit import Deposit
from calciscope.domain.image import Volume

# Signs are looked for in deposits of up to this length and on pixels of up to this size, mm.
_LONGEST, _PIXEL = 16.0, 1.3
_RAYS, _STEP, _BEYOND = 32, 0.25, 13.0
# Where fat begins, and what it is, HU.
_FAT, _PURE_FAT = -30.0, -100.0
# Blur of an ordinary kernel, and of a pixel as a share of its size, as standard deviations in mm.
_KERNEL, _PIXEL_BLUR = 0.6, 0.4
# A ring is this much thicker than a bare edge (the thin wall of a vein is not) and at most so thick, mm.
_RING, _THICKEST = 0.8, 4.5
# A band goes on for so long, and its neighbours end before this; it takes at most this share of the circle.
_BAND, _BAND_SHARE = 6.0, 0.3
# A fainter deposit is taken to be this bright, HU.
_LEAST_PEAK = 130.0
# The value of a sign that the image cannot show.
UNSEEN = -1.0


def signs(deposit: Deposit, volume: Volume) -> dict[str, float]:
    """Signs by name, :data:`UNSEEN` where the image cannot show them.

    ``rim`` is the share of directions with a ring of soft tissue between calcium and fat, ``bare`` the share in which
    fat touches the calcium, ``tail_mm`` the length of a single band of soft tissue that leads away (0 without one).
    """
    spacing = volume.geometry.spacing
    if deposit.shape.length > _LONGEST or max(spacing[1:]) > _PIXEL:
        return {"rim": UNSEEN, "bare": UNSEEN, "tail_mm": UNSEEN}
    lines, reach = _lines(deposit, volume)
    peaks = lines[:, : max(2, round(0.5 * deposit.shape.length / _STEP) + 2)].max(axis=1)
    sigma = float(np.hypot(_KERNEL, _PIXEL_BLUR * max(spacing[1:])))
    soft = np.array([_thickness(line, peak, reach) for line, peak in zip(lines, peaks, strict=True)])
    height = max(float(np.median(peaks)), _LEAST_PEAK) - _PURE_FAT
    blur = sigma * float(-ndtri((_FAT - _PURE_FAT) / height))
    bare = soft < blur + _RING
    return {
        "rim": float((~bare & (soft <= _THICKEST)).mean()),
        "bare": float(bare.mean()),
        "tail_mm": _band(soft),
    }


def _lines(deposit: Deposit, volume: Volume) -> tuple[NDArray[np.float32], float]:
    """Attenuation along rays ``(rays, steps)`` in the slice with most of the deposit, and their length in mm."""
    levels, counts = np.unique(deposit.voxels[:, 0], return_counts=True)
    plane = int(levels[counts.argmax()])
    here = deposit.voxels[:, 0] == plane
    weight = np.maximum(deposit.hu[here], 1.0)
    row, column = (float(np.average(deposit.voxels[here, k], weights=weight)) for k in (1, 2))
    reach = 0.5 * deposit.shape.length + _BEYOND
    steps = np.arange(0.0, reach, _STEP)
    angles = np.linspace(0.0, 2 * np.pi, _RAYS, endpoint=False)[:, None]
    spacing = volume.geometry.spacing
    pad = [int(np.ceil(reach / spacing[k])) + 1 for k in (1, 2)]
    low = [max(0, int(c) - p) for c, p in zip((row, column), pad, strict=True)]
    flat = volume.hu[plane, low[0] : int(row) + pad[0] + 2, low[1] : int(column) + pad[1] + 2].astype(np.float32)
    y = row - low[0] + np.sin(angles) * steps / spacing[1]
    x = column - low[1] + np.cos(angles) * steps / spacing[2]
    return np.asarray(ndimage.map_coordinates(flat, [y, x], order=1, mode="nearest"), dtype=np.float32), reach


def _thickness(line: NDArray[np.float32], peak: float, reach: float) -> float:
    """Soft tissue between calcium and the first fat on a ray, mm; ``reach`` where there is none."""
    top = int(line[: len(line) // 2].argmax())
    below = np.flatnonzero(line[top:] < 0.5 * peak)
    if not below.size:
        return reach
    edge = top + int(below[0])
    fat = np.flatnonzero(line[edge:] < _FAT)
    return float(fat[0]) * _STEP if fat.size else reach


def _band(soft: NDArray[np.float64]) -> float:
    """Length of the one narrow band of soft tissue among rays that meet fat soon, 0 where there is none or more."""
    on = soft >= _BAND
    share = float(on.mean())
    if not 0.0 < share <= _BAND_SHARE or np.median(soft[~on]) > _THICKEST:
        return 0.0
    # Rays in a circle: one arc has one beginning.
    arcs = int((on & ~np.roll(on, 1)).sum())
    return float(np.median(soft[on])) if arcs == 1 else 0.0
