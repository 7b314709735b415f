"""The tissue around a deposit: its attenuation, its noise, and how much sums over it scatter.

Arrays are ``(slices, rows, columns)`` of the surroundings of one deposit; ``pixel`` is the size of a pixel in its
slice, mm, rows first; a mask says which voxels are meant.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Pixel = tuple[float, float]

# A tissue is what keeps within so many standard deviations of its mean.
TISSUE_SD = 2.5
# A tissue that makes up this share of the shell can be what the deposit lies in.
TISSUE_SHARE = 0.25
# Below this attenuation (HU) a tissue is fat: every other soft tissue and fluid lies above it.
FAT_HU = -30.0
# Noise of neighbouring pixels is alike up to here, mm: reconstruction kernels for scoring reach no further.
CORRELATION_MM = 4.0
# Fewer background voxels than this tell no background.
LEAST_SHELL = 12
MAD_TO_SD = 1.4826
# Differences of voxels this far apart (mm) hold the whole noise twice.
NOISE_LAG_MM = 1.5
# HU are whole numbers: an image without any noise still has steps.
STEP_HU = 0.5
# Area over which noise counts as one where it cannot be measured, mm2: that of soft kernels.
GRAIN_MM2 = 1.5
# Places needed to measure how sums scatter; below it smaller squares are used.
LEAST_PLACES = 8.0
# Slices whose sums are less alike than this count as independent.
ALIKE = 0.05


@dataclass(frozen=True, slots=True)
class Spread:
    """Variance of a sum of ``n`` voxels is ``per_voxel`` times ``n``; ``places`` it was measured at."""

    per_voxel: float
    places: float


def noise_of(hu: NDArray[np.float32], shell: NDArray[np.bool_], pixel: Pixel) -> float:
    """Standard deviation of a voxel from differences across a distance where noise is no longer alike."""
    lag = max(1, round(NOISE_LAG_MM / pixel[1]))
    pairs = shell[:, :, lag:] & shell[:, :, :-lag]
    apart = (hu[:, :, lag:] - hu[:, :, :-lag])[pairs]
    if apart.size < LEAST_SHELL:
        apart = hu[shell] - np.median(hu[shell])
        return max(float(np.median(np.abs(apart))) * MAD_TO_SD, STEP_HU)
    return max(float(np.median(np.abs(apart))) * MAD_TO_SD / math.sqrt(2.0), STEP_HU)


def background_of(values: NDArray[np.float32], noise: float) -> float:
    """Mean of the tissue of the shell; of several, the most common that makes up a fair share and is no fat.

    A deposit lies in a wall or an organ with fat, air or bone beside it more often than in those.
    """
    width = noise / 2
    low = float(values.min())
    counts = np.bincount(((values - low) / width).astype(np.intp))
    # Smoothed over two and a half standard deviations, a tissue has one summit.
    density = np.convolve(counts, np.ones(5), mode="same")
    density = np.convolve(density, np.ones(3), mode="same")
    padded = np.concatenate([[0.0], density, [0.0]])
    summits = np.flatnonzero((padded[1:-1] >= padded[:-2]) & (padded[1:-1] > padded[2:]))
    within = np.convolve(counts, np.ones(2 * round(2 * TISSUE_SD) + 1), mode="same")
    fair = summits[within[summits] >= TISSUE_SHARE * values.size]
    firm = fair[low + (fair + 0.5) * width >= FAT_HU]
    start = int(firm[np.argmax(within[firm])] if len(firm) else fair[-1] if len(fair) else np.argmax(density))
    mean = low + (start + 0.5) * width
    for _ in range(6):
        inside = values[np.abs(values - mean) <= TISSUE_SD * noise]
        moved = float(inside.mean(dtype=np.float64)) if inside.size else mean
        if abs(moved - mean) < 0.01 * noise:
            return moved
        mean = moved
    return mean


def spread_of_sums(
    excess: NDArray[np.float32], tissue: NDArray[np.bool_], region: NDArray[np.bool_], pixel: Pixel
) -> Spread:
    """How much sums over places as large as the region scatter in the empty tissue around it.

    Neighbouring voxels are alike, so a sum scatters more than voxels on their own would: squares of the region's size,
    but no larger than the noise reaches, are summed all over the tissue of the shell.
    """
    slices = np.flatnonzero(region.any(axis=(1, 2)))
    deep = max(1, len(slices))
    rows, columns = pixel
    side = min(math.sqrt(float(region.sum()) / deep * rows * columns), CORRELATION_MM)
    clean = np.where(tissue, _level(excess, tissue), 0.0)
    while True:
        size = (max(1, round(side / rows)), max(1, round(side / columns)))
        full = _boxes(tissue.astype(np.float64), size) > size[0] * size[1] - 0.5
        sums = _boxes(clean, size)
        pixels = size[0] * size[1]
        places = float(full.sum()) / pixels
        if places >= LEAST_PLACES or pixels == 1:
            break
        side /= 1.5
    if not full.any():
        values = excess[tissue] if tissue.any() else excess
        return Spread(float(np.mean(np.square(values))) * grain(pixel), 1.0)
    variance = float(np.mean(np.square(sums[full])))
    per_voxel = variance / pixels
    if pixels * rows * columns < GRAIN_MM2:
        per_voxel *= grain(pixel) / pixels
    factor = 1.0
    for lag in range(1, min(deep, len(sums))):
        both = full[lag:] & full[:-lag]
        alike = float(np.mean(sums[lag:][both] * sums[:-lag][both])) / variance if both.any() and variance > 0 else 0.0
        if alike < ALIKE:
            break
        factor += 2.0 * (1.0 - lag / deep) * min(alike, 1.0)
    return Spread(per_voxel * factor, places)


def _level(excess: NDArray[np.float32], tissue: NDArray[np.bool_]) -> NDArray[np.float64]:
    """The excess without its slope across the tissue: a slope is no noise."""
    if int(tissue.sum()) < LEAST_SHELL:
        return excess.astype(np.float64)
    _, rows, columns = np.nonzero(tissue)
    terms = np.stack([np.ones(len(rows)), rows - rows.mean(), columns - columns.mean()])
    # Three unknowns: the normal equations are small, and a shell of one line leaves its other slope at zero.
    solved = np.linalg.pinv(terms @ terms.T, hermitian=True) @ (terms @ excess[tissue])
    down, across = float(solved[1]), float(solved[2])
    constant = float(solved[0]) - down * float(rows.mean()) - across * float(columns.mean())
    _, height, width = excess.shape
    return np.asarray(excess - (constant + down * np.arange(height)[:, None] + across * np.arange(width)))


def grain(pixel: Pixel) -> float:
    """Pixels whose noise is as if it were one."""
    return max(1.0, GRAIN_MM2 / (pixel[0] * pixel[1]))


def _boxes(values: NDArray[np.floating], size: tuple[int, int]) -> NDArray[np.float64]:
    """Sums over all rectangles of ``size`` within each slice."""
    total = np.zeros((values.shape[0], values.shape[1] + 1, values.shape[2] + 1))
    np.cumsum(np.cumsum(values, axis=1, dtype=np.float64), axis=2, out=total[:, 1:, 1:])
    a, b = min(size[0], values.shape[1]), min(size[1], values.shape[2])
    return np.asarray(total[:, a:, b:] - total[:, :-a, b:] - total[:, a:, :-b] + total[:, :-a, :-b])


def unevenness(
    excess: NDArray[np.float32], tissue: NDArray[np.bool_], core: NDArray[np.bool_], per_voxel: float
) -> float:
    """Variance (HU squared) of the background from direction to direction, beyond what noise explains.

    Opposite sides are taken together: a slope across the deposit cancels in the mean of the shell. Where a side is
    missing, as beside lung, each side counts on its own.
    """
    _, rows, columns = np.nonzero(tissue)
    _, y, x = np.nonzero(core)
    above, right = rows - y.mean(), columns - x.mean()
    side = (above > 0) * 4 + (right > 0) * 2 + (np.abs(above) > np.abs(right))
    counts = np.bincount(side, minlength=8).astype(np.float64)
    means = np.bincount(side, weights=excess[tissue], minlength=8) / np.maximum(counts, 1.0)
    enough = counts >= LEAST_SHELL
    # The number of a side holds its signs (4 for the row, 2 for the column): both turn for the opposite one.
    first, second = np.array([0, 1, 2, 3]), np.array([6, 7, 4, 5])
    if (enough[first] & enough[second]).all():
        means = (means[first] + means[second]) / 2
        explained = per_voxel * (1 / counts[first] + 1 / counts[second]) / 4
    elif int(enough.sum()) >= 2:
        means, explained = means[enough], per_voxel / counts[enough]
    else:
        return 0.0
    # So many means scatter themselves: what they can show by chance is not unevenness.
    chance = float(explained.mean()) * (1.0 + math.sqrt(2.0 / len(means)))
    return max(0.0, float(np.square(means).mean()) - chance)
