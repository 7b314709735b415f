"""What the same scan would have shown had the grid lain otherwise and the noise fallen otherwise.

The attenuation at a list of voxels is redrawn many times at once: the image about each voxel is smoothed where it is
no more than noise, interpolated at a sub-voxel offset, and noise of the measured size and correlation is added.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from calciscope.measure.noise import Noise

Array = NDArray[np.float32]

# Neighbours that interpolation reaches within a slice and across slices; smoothing looks one voxel further.
REACH, DEPTH = 2, 1
# Noise is cut from one field that repeats itself: larger than a deposit, so that draws do not resemble each other.
FIELD = (32, 64, 64)
# Voxels whose surroundings are held in memory at a time.
CHUNK = 4096
# A fixed seed: the same image has the same interval.
SEED = 20_1990


def redrawn(
    hu: NDArray[np.number],
    voxels: NDArray[np.integer],
    offsets: NDArray[np.float64],
    noise: Noise,
    spacing: tuple[float, float, float],
) -> tuple[Array, Array]:
    """Noise-free and noisy attenuation ``(n, k)`` of the voxels with the grid shifted by each of ``k`` offsets.

    ``hu`` is the image and ``spacing`` (mm) its voxels, slices along axis 0; ``voxels`` ``(n, 3)`` indices, ``offsets``
    ``(k, 3)`` in voxels, each within half a voxel.
    """
    weights = _weights(offsets)
    clean = np.empty((len(voxels), len(offsets)), dtype=np.float32)
    for first in range(0, len(voxels), CHUNK):
        part = slice(first, first + CHUNK)
        clean[part] = _smoothed(_around(hu, voxels[part]), noise.sd) @ weights
    return clean, clean + np.float32(noise.sd) * _noise(voxels, len(offsets), noise, spacing)


def phases(count: int) -> NDArray[np.float64]:
    """Offsets ``(count, 3)`` that fill the voxel about its centre evenly (Halton 1960, bases 2, 3 and 5)."""
    number = np.arange(1, count + 1)
    columns = []
    for base in (2, 3, 5):
        value, rest, digit = np.zeros(count), number.copy(), 1.0 / base
        while rest.any():
            value += digit * (rest % base)
            rest //= base
            digit /= base
        columns.append(value - 0.5)
    return np.stack(columns, axis=1)


def _around(hu: NDArray[np.number], voxels: NDArray[np.integer]) -> Array:
    """The image about each voxel, ``(n, 3, 7, 7)``; at its border the last value goes on."""
    reaches = (DEPTH, REACH + 1, REACH + 1)
    z, y, x = (
        np.clip(voxels[:, axis, None] + np.arange(-reach, reach + 1), 0, hu.shape[axis] - 1)
        for axis, reach in enumerate(reaches)
    )
    return np.asarray(hu[z[:, :, None, None], y[:, None, :, None], x[:, None, None, :]], dtype=np.float32)


def _smoothed(around: Array, sd: float) -> Array:
    """Noise taken away where it explains the scatter of a voxel and its eight neighbours, ``(n, 75)``.

    The local linear minimum mean square error filter (Lee JS. IEEE Trans Pattern Anal Mach Intell 1980;2:165-8).
    """
    mean = _nine(around)
    scatter = np.maximum(_nine(around * around) - mean * mean, np.float32(1e-6))
    kept = np.maximum(scatter - np.float32(sd * sd * 8 / 9), 0) / scatter
    middle = around[:, :, 1:-1, 1:-1]
    return np.asarray((mean + kept * (middle - mean)).reshape(len(around), -1))


def _nine(around: Array) -> Array:
    rows = around[:, :, :-2] + around[:, :, 1:-1] + around[:, :, 2:]
    return np.asarray((rows[..., :-2] + rows[..., 1:-1] + rows[..., 2:]) / np.float32(9))


def _weights(offsets: NDArray[np.float64]) -> Array:
    """Weight of every neighbour ``(75, k)``: cubic convolution within the slice, linear across slices.

    Keys RG. IEEE Trans Acoust Speech Signal Process 1981;29:1153-60.
    """
    far = np.abs(np.arange(-REACH, REACH + 1)[None, None, :] - offsets.T[1:, :, None])
    near = 1.5 * far**3 - 2.5 * far**2 + 1
    outer = -0.5 * far**3 + 2.5 * far**2 - 4 * far + 2
    rows, columns = np.where(far <= 1, near, np.where(far < 2, outer, 0.0))
    levels = np.maximum(1 - np.abs(np.arange(-DEPTH, DEPTH + 1)[None, :] - offsets[:, :1]), 0)
    every = np.einsum("ka,kb,kc->abck", levels, rows, columns)
    return np.asarray(every.reshape(-1, len(offsets)), dtype=np.float32)


def _noise(voxels: NDArray[np.integer], count: int, noise: Noise, spacing: tuple[float, float, float]) -> Array:
    """Unit noise ``(n, count)`` at the voxels, each draw from another part of one field."""
    across, rows, columns = (
        round(length / step, 1)
        for length, step in zip((noise.between_mm, noise.in_plane_mm, noise.in_plane_mm), spacing, strict=True)
    )
    field = _field(across, rows, columns)
    start = np.random.default_rng(SEED).integers(0, FIELD, (count, 3))
    z, y, x = ((voxels[:, axis, None] + start[None, :, axis]) % FIELD[axis] for axis in range(3))
    return np.asarray(field[z, y, x])


@lru_cache(maxsize=16)
def _field(*lengths: float) -> Array:
    """Unit Gaussian noise whose correlation falls to 1/e at these lengths (voxels), without a border."""
    field = np.random.default_rng(SEED).normal(size=FIELD)
    for axis, length in enumerate(lengths):
        if length > 0:
            # Noise filtered with a Gaussian of width s has the correlation exp(-(d / 2 s)^2).
            field = ndimage.gaussian_filter1d(field, length / 2, axis=axis, mode="wrap")
    return np.asarray((field - field.mean()) / field.std(), dtype=np.float32)
