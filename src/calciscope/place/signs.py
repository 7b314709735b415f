"""What tells a stone in a ureter from a clot in a vein: the ring, the band and the middle that an axial slice shows.

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
# A ring is this much thicker than a bare edge and at most so thick, mm.
_RING, _THICKEST = 0.8, 4.5
# A band goes on for so long, and its neighbours end before this; it takes at most this share of the circle.
_BAND, _BAND_SHARE = 6.0, 0.3
# A middle is told from a rim in deposits of at least so many pixels across.
_ACROSS = 5.0
UNSEEN = -1.0


def signs(deposit: Deposit, volume: Volume) -> dict[str, float]:
    """Signs by name, :data:`UNSEEN` where the image cannot show them.

    ``rim`` is the share of directions with a ring of soft tissue between calcium and fat, ``tail_mm`` the length of a
    single band of soft tissue that leads away (0 without one), ``lucent`` how much the middle is less dense than the
    rim, as a share of it.
    """
    spacing = volume.geometry.spacing
    unseen = {"rim": UNSEEN, "tail_mm": UNSEEN, "lucent": UNSEEN}
    if deposit.shape.length > _LONGEST or max(spacing[1:]) > _PIXEL:
        return unseen
    lines, reach = _lines(deposit, volume)
    peaks = lines[:, : max(2, round(0.5 * deposit.shape.length / _STEP) + 2)].max(axis=1)
    sigma = float(np.hypot(_KERNEL, _PIXEL_BLUR * max(spacing[1:])))
    soft = np.array([_thickness(line, peak, reach) for line, peak in zip(lines, peaks, strict=True)])
    bare = sigma * float(-ndtri((_FAT - _PURE_FAT) / (max(float(np.median(peaks)), 130.0) - _PURE_FAT)))
    ring = (soft >= bare + _RING) & (soft <= _THICKEST)
    across = 2.0 * float(np.median(_edges(lines, peaks))) * _STEP / max(spacing[1:])
    middle = float(lines[:, : max(1, round(0.4 / _STEP))].mean())
    return {
        "rim": float(ring.mean()),
        "tail_mm": _band(soft),
        "lucent": max(0.0, 1.0 - middle / float(np.median(peaks))) if across >= _ACROSS else UNSEEN,
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


def _edges(lines: NDArray[np.float32], peaks: NDArray[np.float32]) -> NDArray[np.int64]:
    """Step at which each ray leaves the calcium: below half of its height for the first time after its peak."""
    found = []
    for line, peak in zip(lines, peaks, strict=True):
        top = int(line[: len(line) // 2].argmax())
        below = np.flatnonzero(line[top:] < 0.5 * peak)
        found.append(top + int(below[0]) if below.size else len(line))
    return np.array(found)


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
