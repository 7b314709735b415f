"""Noise of an image, measured in the image itself: how much voxels scatter and how far that scatter holds together.

Soft tissue is cut into small windows within the slices. A plane is fitted to each, which takes away slow changes of
tissue and of beam hardening; what is left is noise where the tissue is homogeneous, and noise and anatomy elsewhere.
Anatomy only ever adds, so the homogeneous windows are those at the lower peak of the distribution. The mode is taken
and not a low quantile, which would be low by chance. Estimates from local homogeneous patches after Christianson O
et al. AJR 2015;205:W93-100 (global noise level), correlation after ICRU Report 54 (1996) and Siewerdsen JH et al.
Med Phys 2002;29:2655-71.

For users: see docs/measures.md#noise.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating]

# Mean attenuation of windows that are looked at, HU: water to enhanced organs, without fat, lung, bone and calcium.
SOFT_TISSUE = (-10.0, 120.0)
# Side of a window: long enough to hold the correlation of a smooth kernel, short enough to fit into a vessel.
WINDOW_MM = 8.0
LEAST_PIXELS, MOST_PIXELS = 7, 15
# A voxel so far (HU) from its window's mean is an edge of bone, air or fat and not noise of any usable scan.
EDGE_HU = 250.0
# Slices that are looked at, evenly spread: a scan of the whole body has no more kinds of noise than these show.
SLICES = 32
# Where a place is given, windows as far from it as this (mm) speak for it, if there are enough homogeneous ones.
NEAR_MM, ENOUGH_WINDOWS = 30.0, 20
# Fewer homogeneous windows say nothing.
LEAST_WINDOWS = 3
# Where the search for the peak of log SD begins, and how wide it looks: windows of 50 to 200 pixels scatter by 5 to
# 15 % about the true SD when neighbouring pixels share noise.
START_QUANTILE, PEAK_WIDTH = 0.1, 0.1
# Less is rounding in arithmetic: an image of whole HU has either none or more, HU.
NONE_HU = 1e-3
# Below this correlation of neighbours noise is white for every practical purpose, above the other it is one value.
WHITE, SAME = 0.02, 0.98


@dataclass(frozen=True, slots=True)
class Noise:
    """Noise of an image.

    ``sd`` is its standard deviation, HU; ``in_plane_mm`` and ``between_mm`` are the distances at which the correlation
    of two voxels has fallen to 1/e within a slice and across slices, 0 where it is white. ``windows`` is how many
    windows of homogeneous tissue that rests on.
    """

    sd: float
    in_plane_mm: float = 0.0
    between_mm: float = 0.0
    windows: int = 0


def image_noise(
    hu: NDArray[np.number],
    spacing: tuple[float, float, float],
    slice_axis: int = 0,
    near: tuple[float, float, float] | None = None,
) -> Noise | None:
    """Noise of soft tissue in the image, or near a place in it; ``None`` where no homogeneous soft tissue is seen.

    ``hu`` is ``(z, y, x)`` in HU and ``spacing`` its ``(z, y, x)`` in mm; slices lie across ``slice_axis``. ``near`` is
    an index ``(z, y, x)``: the tissue around it is looked at first, because noise differs between liver and lungs.
    """
    if near is not None and (found := noise_near(hu, spacing, near, slice_axis)) is not None:
        return found
    return _noise(*_turned(hu, spacing, slice_axis))


def noise_near(
    hu: NDArray[np.number],
    spacing: tuple[float, float, float],
    near: tuple[float, float, float],
    slice_axis: int = 0,
) -> Noise | None:
    """Noise of soft tissue within 30 mm of an index ``(z, y, x)``; ``None`` where too little of it is homogeneous.

    Other arguments as for :func:`image_noise`. It takes some milliseconds, whatever the size of the image.
    """
    image, steps = _turned(hu, spacing, slice_axis)
    order = (slice_axis, *(axis for axis in range(3) if axis != slice_axis))
    place = np.array([near[axis] for axis in order], dtype=np.float64)
    reach = np.ceil(NEAR_MM / np.array(steps))
    first = np.clip(place - reach, 0, image.shape).astype(np.intp)
    last = np.clip(place + reach + 1, 0, image.shape).astype(np.intp)
    found = _noise(image[first[0] : last[0], first[1] : last[1], first[2] : last[2]], steps)
    return found if found is not None and found.windows >= ENOUGH_WINDOWS else None


def _turned(
    hu: NDArray[np.number], spacing: tuple[float, float, float], slice_axis: int
) -> tuple[NDArray[np.number], tuple[float, float, float]]:
    """The image and its spacing with slices along axis 0."""
    order = (slice_axis, *(axis for axis in range(3) if axis != slice_axis))
    return np.asarray(hu).transpose(order), (spacing[order[0]], spacing[order[1]], spacing[order[2]])


def _noise(image: NDArray[np.number], steps: tuple[float, float, float]) -> Noise | None:
    """Noise of an image whose slices lie along axis 0, ``steps`` in mm."""
    size = int(np.clip(round(WINDOW_MM / max(steps[1:])), LEAST_PIXELS, MOST_PIXELS))
    if min(image.shape[1:]) < size or not image.shape[0]:
        return None
    index, residual, spread = _windows(image, _slices(image.shape[0]), size)
    if len(index) < LEAST_WINDOWS:
        return None
    if np.median(spread) < NONE_HU:
        return Noise(0.0, windows=len(index))
    sd = _peak(spread[spread >= NONE_HU])
    even = np.flatnonzero(np.abs(np.log(np.maximum(spread, NONE_HU) / sd)) < 2 * PEAK_WIDTH)
    if len(even) < LEAST_WINDOWS:
        return None
    residual, index = residual[even], index[even]
    in_plane = (_length(_lag(residual, 1), steps[1]) + _length(_lag(residual, 2), steps[2])) / 2
    between = _length(_between(image, index, residual, size), steps[0])
    return Noise(sd, in_plane, between, len(even))


def _slices(count: int) -> NDArray[np.intp]:
    """Slices to look at, spread over the image."""
    return np.unique(np.linspace(0, count - 1, min(count, SLICES)).round().astype(np.intp))


def _projector(size: int) -> Array:
    """Orthonormal plane ``(3, size * size)``: constant, slope down, slope across."""
    line = np.linspace(-1.0, 1.0, size)
    plane = np.stack([np.ones((size, size)), *np.meshgrid(line, line, indexing="ij")]).reshape(3, -1)
    return np.asarray(plane / np.linalg.norm(plane, axis=1, keepdims=True))


def _windows(image: NDArray[np.number], slices: NDArray[np.intp], size: int) -> tuple[NDArray[np.intp], Array, Array]:
    """First corners ``(n, 3)``, residuals ``(n, size, size)`` about the plane and their SD ``(n,)``, soft tissue."""
    plane = _projector(size)
    rows, columns = (n // size * size for n in image.shape[1:])
    corners: list[NDArray[np.intp]] = []
    residuals: list[Array] = []
    for level in slices:
        part = np.asarray(image[level, :rows, :columns], dtype=np.float32)
        tiles = part.reshape(rows // size, size, columns // size, size).swapaxes(1, 2).reshape(-1, size * size)
        mean = tiles.mean(axis=1)
        soft = (mean > SOFT_TISSUE[0]) & (mean < SOFT_TISSUE[1])
        soft &= np.asarray(np.abs(tiles - mean[:, None]).max(axis=1) < EDGE_HU)
        where = np.flatnonzero(soft)
        if not len(where):
            continue
        found = tiles[where]
        residuals.append(found - (found @ plane.T) @ plane)
        across = columns // size
        corner = np.stack([np.full(len(where), level), where // across * size, where % across * size], axis=1)
        corners.append(corner.astype(np.intp))
    if not corners:
        return np.zeros((0, 3), np.intp), np.zeros((0, size, size)), np.zeros(0)
    residual = np.concatenate(residuals)
    spread = np.sqrt((residual.astype(np.float64) ** 2).sum(axis=1) / (size * size - 3))
    return np.concatenate(corners), residual.reshape(-1, size, size), spread


def _peak(spread: Array) -> float:
    """Mode of positive SDs, the lowest that many share: mean shift upwards from a low quantile of their logarithms."""
    logs = np.log(spread)
    # One of the values: between two that lie far apart nothing would have any weight.
    at = float(np.quantile(logs, START_QUANTILE, method="lower"))
    for _ in range(50):
        weight = np.exp(-0.5 * ((logs - at) / PEAK_WIDTH) ** 2)
        following = float((weight * logs).sum() / weight.sum())
        if abs(following - at) < 1e-4:
            break
        at = following
    return float(np.exp(at))


def _lag(residual: Array, axis: int) -> float:
    """Correlation of neighbours along an axis of the windows."""
    first = np.take(residual, range(residual.shape[axis] - 1), axis)
    second = np.take(residual, range(1, residual.shape[axis]), axis)
    power = np.sqrt((first**2).sum(dtype=np.float64) * (second**2).sum(dtype=np.float64))
    return float((first * second).sum(dtype=np.float64) / power) if power else 0.0


def _between(image: NDArray[np.number], index: NDArray[np.intp], residual: Array, size: int) -> float:
    """Correlation of windows with the same windows of the next slice, where that is as homogeneous."""
    inside = np.flatnonzero(index[:, 0] + 1 < image.shape[0])
    if not len(inside):
        return 0.0
    steps = np.arange(size)
    z, y, x = (index[inside, axis] for axis in range(3))
    rows, columns = y[:, None, None] + steps[:, None], x[:, None, None] + steps
    above = np.asarray(image[(z + 1)[:, None, None], rows, columns], dtype=np.float32)
    plane = _projector(size)
    raw = above.reshape(len(inside), -1)
    flat = raw - (raw @ plane.T) @ plane
    here = residual[inside].reshape(len(inside), -1)
    power, other = (here**2).sum(axis=1, dtype=np.float64), (flat**2).sum(axis=1, dtype=np.float64)
    alike = (other < power * np.exp(4 * PEAK_WIDTH)) & (other > 0)
    if not alike.any():
        return 0.0
    shared = (here[alike] * flat[alike]).sum(dtype=np.float64)
    return float(shared / np.sqrt(power[alike].sum() * other[alike].sum()))


def _length(correlation: float, step: float) -> float:
    """Distance (mm) where a Gaussian correlation falls to 1/e that has this value one ``step`` away."""
    if correlation < WHITE:
        return 0.0
    return float(step / np.sqrt(-np.log(min(correlation, SAME))))
