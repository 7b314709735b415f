"""Round cross-sections: how much each point looks like the centre of a bright disc, and paths through such points.

A vessel cut across is brighter than the fat or lung around it, with or without contrast, so the gradients on its rim
all point at its centre. Gradients are softly normalised before they vote, so that a weak rim against fat counts nearly
as much as a strong one against lung and a plaque in the wall cannot outvote the rest. The votes of all points for all
centres at one radius are one convolution, done for all slices at once in the frequency domain.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.fft
from numpy.typing import NDArray
from scipy import ndimage

from calciscope.anatomy.embedded.frame import Frame, Mask

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

# Gradient at which a vote has 70 % of its full weight. A rim of blood against fat has 30 to 60 HU/mm after smoothing,
# the noise of a smooth kernel at 2 mm about 3 to 6.
_HALF_GRADIENT = 12.0
# Smoothing before the gradient, mm: enough for the noise of thin slices, less than the radius of the smallest vessel.
_SMOOTHING = 1.6
# Weight of edges inside the disc against edges on its rim; a vessel is homogeneous, bowel and mixed tissue are not.
_INSIDE_WEIGHT = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """A box of the volume at about 2 mm in the plane, one slice for each coarse slice.

    ``hu`` is ``(z, y, x)``; ``start`` are the full-resolution indices of the corner and ``factor`` the block sizes.
    """

    hu: Floats
    start: tuple[int, int, int]
    factor: tuple[int, int, int]
    pixel: tuple[float, float]

    def to_volume(self, index: NDArray[np.floating]) -> NDArray[np.float64]:
        """Full-resolution fractional indices ``(n, 3)`` of window indices ``(z, y, x)``."""
        factor = np.array(self.factor, dtype=np.float64)
        return np.asarray(np.asarray(index) * factor + np.array(self.start) + (factor - 1) / 2, dtype=np.float64)

    def from_volume(self, index: NDArray[np.floating]) -> NDArray[np.float64]:
        """Window indices of full-resolution indices; the inverse of :meth:`to_volume`."""
        factor = np.array(self.factor, dtype=np.float64)
        return np.asarray((np.asarray(index) - np.array(self.start) - (factor - 1) / 2) / factor, dtype=np.float64)


def window(frame: Frame, low: tuple[float, float, float], high: tuple[float, float, float], mm: float = 2.0) -> Window:
    """The box from coarse index ``low`` to ``high`` ``(z, y, x)``, in blocks of about ``mm`` in the plane."""
    spacing = frame.volume.geometry.spacing
    coarse = frame.factor
    block = tuple(max(1, round(mm / spacing[axis])) for axis in (1, 2))
    factor = (coarse[0], block[0], block[1])
    start, count = [], []
    for axis in range(3):
        limit = frame.hu.shape[0] * coarse[0] if axis == 0 else frame.volume.hu.shape[axis]
        first = int(np.clip(np.floor(low[axis]) * coarse[axis], 0, limit))
        last = int(np.clip(np.ceil(high[axis]) * coarse[axis], first, limit))
        start.append(first)
        count.append((last - first) // factor[axis])
    box = frame.volume.hu[
        start[0] : start[0] + count[0] * factor[0],
        start[1] : start[1] + count[1] * factor[1],
        start[2] : start[2] + count[2] * factor[2],
    ]
    blocks = box.reshape(count[0], factor[0], count[1], factor[1], count[2], factor[2])
    hu = blocks.mean(axis=(1, 3, 5), dtype=np.float32)
    pixel = (spacing[1] * factor[1], spacing[2] * factor[2])
    return Window(hu, (start[0], start[1], start[2]), factor, pixel)


def vote(
    hu: Floats, pixel: tuple[float, float], radii: NDArray[np.float64], low: float, high: float
) -> tuple[Floats, Floats]:
    """How disc-like each point is at each radius, and the mean attenuation inside.

    ``hu`` is ``(z, y, x)``, ``pixel`` its row and column size in mm, ``radii`` in mm. Attenuation is clipped to
    ``low`` to ``high`` first. Returns ``score`` and ``mean``, both ``(radius, z, y, x)``; a perfect disc scores nearly
    1, a straight edge about 0.3, homogeneous tissue 0.
    """
    clipped = np.clip(hu, low, high)
    sigma = (0.0, _SMOOTHING / pixel[0], _SMOOTHING / pixel[1])
    smooth = ndimage.gaussian_filter(clipped, sigma, mode="nearest")
    along_y, along_x = np.gradient(smooth, pixel[0], pixel[1], axis=(1, 2))
    norm = np.sqrt(along_y**2 + along_x**2 + np.float32(_HALF_GRADIENT**2))
    along_y /= norm
    along_x /= norm
    pad = int(np.ceil(radii.max() / min(pixel))) + 1
    size = tuple(scipy.fft.next_fast_len(n + pad, real=True) for n in hu.shape[1:])
    waves_y = scipy.fft.rfft2(along_y, s=size)
    waves_x = scipy.fft.rfft2(along_x, s=size)
    waves_edge = scipy.fft.rfft2(along_y**2 + along_x**2, s=size)
    waves_hu = scipy.fft.rfft2(smooth - np.float32(low), s=size)
    rows = np.minimum(np.arange(size[0]), size[0] - np.arange(size[0]))
    rows = np.where(np.arange(size[0]) <= size[0] // 2, rows, -rows) * pixel[0]
    columns = np.minimum(np.arange(size[1]), size[1] - np.arange(size[1]))
    columns = np.where(np.arange(size[1]) <= size[1] // 2, columns, -columns) * pixel[1]
    grid_y, grid_x = np.meshgrid(rows, columns, indexing="ij")
    distance = np.hypot(grid_y, grid_x)
    shape = (len(radii), *hu.shape)
    score = np.empty(shape, dtype=np.float32)
    mean = np.empty(shape, dtype=np.float32)
    blur = max(pixel)
    for i, radius in enumerate(radii):
        ring = np.exp(-0.5 * ((distance - radius) / blur) ** 2)
        ring[distance == 0] = 0.0
        ring /= ring.sum()
        away = np.maximum(distance, 1e-6)
        # The rim's gradient points inwards: a point at offset d votes with -g.d/|d|; correlation is the conjugate.
        kernel_y = np.conj(scipy.fft.rfft2((-ring * grid_y / away).astype(np.float32)))
        kernel_x = np.conj(scipy.fft.rfft2((-ring * grid_x / away).astype(np.float32)))
        disc = (distance <= 0.7 * radius).astype(np.float32)
        disc /= disc.sum()
        kernel_disc = np.conj(scipy.fft.rfft2(disc))
        waves = waves_y * kernel_y + waves_x * kernel_x - np.float32(_INSIDE_WEIGHT) * waves_edge * kernel_disc
        score[i] = scipy.fft.irfft2(waves, s=size)[:, : hu.shape[1], : hu.shape[2]]
        mean[i] = scipy.fft.irfft2(waves_hu * kernel_disc, s=size)[:, : hu.shape[1], : hu.shape[2]]
    return score, mean + np.float32(low)


def share(mask: Mask, pixel: tuple[float, float], radii: NDArray[np.float64]) -> Floats:
    """Share of a disc of each radius (mm) around each point that is in a mask, ``(radius, z, y, x)``."""
    pad = int(np.ceil(radii.max() / min(pixel))) + 1
    size = tuple(scipy.fft.next_fast_len(n + pad, real=True) for n in mask.shape[1:])
    waves = scipy.fft.rfft2(mask.astype(np.float32), s=size)
    away = [np.minimum(np.arange(n), n - np.arange(n)) * step for n, step in zip(size, pixel, strict=True)]
    distance = np.hypot(away[0][:, None], away[1][None])
    out = np.empty((len(radii), *mask.shape), dtype=np.float32)
    for i, radius in enumerate(radii):
        disc = (distance <= radius).astype(np.float32)
        whole = scipy.fft.irfft2(waves * scipy.fft.rfft2(disc / disc.sum()), s=size)
        out[i] = whole[:, : mask.shape[1], : mask.shape[2]]
    return out


def best_path(
    reward: Floats, reach: int, slack: float, stiffness: float, entry: Floats | None = None
) -> tuple[Ints, Floats]:
    """The path from the first to the last slice with the highest sum of rewards (Viterbi).

    ``reward`` is ``(radius, z, y, x)``. From slice to slice the centre may move up to ``reach`` pixels in each
    direction at a cost of ``slack`` per squared pixel, and the radius one step at a cost of ``stiffness``. With
    ``entry`` ``(z, y, x)`` the path starts at the slice where that pays best: the sum earned before it (-inf where a
    path cannot start). Returns ``(z, radius index, row, column)`` for each slice of the path, and its rewards.
    """
    slices = reward.shape[1]
    none = np.float32(-np.inf)
    total = reward[:, 0].copy() if entry is None else reward[:, 0] + entry[0]
    back: list[tuple[NDArray[np.int8], ...]] = []
    fresh: list[NDArray[np.bool_]] = []
    for z in range(1, slices):
        total, from_radius = _step(total, 0, 1, np.float32(stiffness), squared=False)
        total, from_row = _step(total, 1, reach, np.float32(slack), squared=True)
        total, from_column = _step(total, 2, reach, np.float32(slack), squared=True)
        back.append((from_radius, from_row, from_column))
        if entry is not None:
            starts = entry[z] > total
            total = np.where(starts, entry[z], total)
            fresh.append(starts)
        total = total + reward[:, z]
    if not np.isfinite(total.max(initial=none)):
        return np.zeros((0, 4), dtype=np.int64), np.zeros(0, dtype=np.float32)
    radius, row, column = (int(i) for i in np.unravel_index(int(np.argmax(total)), total.shape))
    path = [(slices - 1, radius, row, column)]
    for z in range(slices - 1, 0, -1):
        if entry is not None and fresh[z - 1][radius, row, column]:
            break
        from_radius, from_row, from_column = back[z - 1]
        column += int(from_column[radius, row, column])
        row += int(from_row[radius, row, column])
        radius += int(from_radius[radius, row, column])
        path.append((z - 1, radius, row, column))
    found = np.array(path[::-1], dtype=np.int64)
    return found, np.asarray(reward[found[:, 1], found[:, 0], found[:, 2], found[:, 3]], dtype=np.float32)


def _step(total: Floats, axis: int, reach: int, cost: np.float32, *, squared: bool) -> tuple[Floats, NDArray[np.int8]]:
    """Best predecessor along one axis: the new totals and the offsets to it."""
    best = total.copy()
    offset = np.zeros(total.shape, dtype=np.int8)
    size = total.shape[axis]
    for move in range(-min(reach, size - 1), min(reach, size - 1) + 1):
        if move == 0:
            continue
        here = [slice(None)] * total.ndim
        there = [slice(None)] * total.ndim
        here[axis] = slice(max(0, -move), size - max(0, move))
        there[axis] = slice(max(0, move), size - max(0, -move))
        price = cost * np.float32(move * move if squared else abs(move))
        candidate = total[tuple(there)] - price
        target = best[tuple(here)]
        better = candidate > target
        np.copyto(target, candidate, where=better)
        np.copyto(offset[tuple(here)], np.int8(move), where=better)
    return best, offset
