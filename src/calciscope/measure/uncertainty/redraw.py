"""What the same scan would have shown had the grid lain otherwise and the noise fallen otherwise.

The attenuation at a list of voxels is redrawn many times at once: the image about each voxel is smoothed where it is
no more than noise, interpolated at a sub-voxel offset, and noise of the measured size and correlation is added.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from calciscope.measure.agatston import Stack, scores
from calciscope.measure.presets import Preset, Threshold
from calciscope.measure.uncertainty.noise import Noise

Array = NDArray[np.float32]

# Neighbours that interpolation reaches within a slice and across slices; smoothing looks one voxel further.
REACH, DEPTH = 2, 2
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
    factors: NDArray[np.float64],
    background: float,
    noise: Noise,
    spacing: tuple[float, float, float],
) -> tuple[Array, Array]:
    """Noise-free and noisy attenuation ``(n, k)`` of the voxels in each of ``k`` redraws.

    ``hu`` is the image and ``spacing`` (mm) its voxels, slices along axis 0; ``voxels`` ``(n, 3)`` indices. In each
    redraw the grid is shifted by one of ``offsets`` ``(k, 3)``, in voxels, each within half a voxel, and what stands
    out of the ``background`` (HU) is multiplied by one of ``factors`` ``(k,)``.
    """
    weights = _weights(offsets)
    up = offsets[:, 0].astype(np.float32)
    scale = factors.astype(np.float32)
    clean = np.empty((len(voxels), len(offsets)), dtype=np.float32)
    for first in range(0, len(voxels), CHUNK):
        part = slice(first, first + CHUNK)
        excess = _smoothed(around(hu, voxels[part]), noise.sd) @ weights - np.float32(background)
        below = np.minimum(excess[:, DEPTH], 0)
        clean[part] = _moved(np.maximum(excess, 0), up) * scale + below + np.float32(background)
    return clean, clean + np.float32(noise.sd) * unit_noise(voxels, len(offsets), noise, spacing)


def phases(count: int) -> NDArray[np.float64]:
    """Offsets ``(count, 3)`` that fill the voxel about its centre evenly (bases 2, 3 and 5)."""
    return np.stack([evenly(count, base) for base in (2, 3, 5)], axis=1) - 0.5


def evenly(count: int, base: int) -> NDArray[np.float64]:
    """``count`` numbers that fill the unit interval evenly (Halton JH. Numer Math 1960;2:84-90); ``base`` is prime."""
    value, rest, digit = np.zeros(count), np.arange(1, count + 1), 1.0 / base
    while rest.any():
        value += digit * (rest % base)
        rest //= base
        digit /= base
    return value


def scores_apart(
    voxels: NDArray[np.int64], values: NDArray[np.floating], stack: Stack, threshold: Threshold, preset: Preset
) -> NDArray[np.float64]:
    """Agatston, volume (mm3) and mass (mg), ``(3, k)``, of each column of ``values`` ``(n, k)``, HU at ``voxels``.

    The columns are scored at once, as if they lay one above the other in one long stack; slices lie along axis 0.
    """
    draws = np.arange(values.shape[1])
    # Slices that a preset skips where slices overlap stay those of the image.
    every = stack.step(preset)
    apart = every * -(-(int(np.ptp(voxels[:, 0])) + 3) // every)
    if preset.every_voxel:
        which, draw = (one.ravel() for one in np.indices(values.shape))
    else:
        draw, which = np.nonzero((values >= threshold.hu).T)
    place = voxels[which]
    place[:, 0] += draw * apart
    found = scores(place, values[which, draw], draw, stack, threshold, preset, of=draws)
    each = np.stack([found.agatston, found.volume, found.mass])
    # Where a preset defines no score for a maximum between two bins, a redraw tells nothing; it is left to the others.
    known = np.isfinite(each)
    middle = np.array([one[which].mean() if which.any() else 0.0 for one, which in zip(each, known, strict=True)])
    return np.where(known, each, middle[:, None])


def around(hu: NDArray[np.number], voxels: NDArray[np.integer]) -> Array:
    """The image about each voxel, ``(n, 5, 7, 7)``; at its border the last value goes on."""
    reaches = (DEPTH, REACH + 1, REACH + 1)
    z, y, x = (
        np.clip(voxels[:, axis, None] + np.arange(-reach, reach + 1), 0, hu.shape[axis] - 1)
        for axis, reach in enumerate(reaches)
    )
    return np.asarray(hu[z[:, :, None, None], y[:, None, :, None], x[:, None, None, :]], dtype=np.float32)


def _smoothed(near: Array, sd: float) -> Array:
    """Noise taken away where it explains the scatter of a voxel and its eight neighbours, ``(n, 5, 25)``.

    The local linear minimum mean square error filter (Lee JS. IEEE Trans Pattern Anal Mach Intell 1980;2:165-8).
    """
    mean = _nine(near)
    scatter = np.maximum(_nine(near * near) - mean * mean, np.float32(1e-6))
    kept = np.maximum(scatter - np.float32(sd * sd * 8 / 9), 0) / scatter
    middle = near[:, :, 1:-1, 1:-1]
    return np.asarray((mean + kept * (middle - mean)).reshape(*near.shape[:2], -1))


def _nine(near: Array) -> Array:
    rows = near[:, :, :-2] + near[:, :, 1:-1] + near[:, :, 2:]
    return np.asarray((rows[..., :-2] + rows[..., 1:-1] + rows[..., 2:]) / np.float32(9))


def _weights(offsets: NDArray[np.float64]) -> Array:
    """Weight of every neighbour within the slice ``(25, k)``: cubic convolution.

    Keys RG. IEEE Trans Acoust Speech Signal Process 1981;29:1153-60.
    """
    far = np.abs(np.arange(-REACH, REACH + 1)[None, None, :] - offsets.T[1:, :, None])
    near = 1.5 * far**3 - 2.5 * far**2 + 1
    outer = -0.5 * far**3 + 2.5 * far**2 - 4 * far + 2
    rows, columns = np.where(far <= 1, near, np.where(far < 2, outer, 0.0))
    return np.asarray(np.einsum("kb,kc->bck", rows, columns).reshape(-1, len(offsets)), dtype=np.float32)


def _moved(excess: Array, up: Array) -> Array:
    """What slices shifted by ``up`` ``(k,)`` hold, ``(n, k)``, of an excess ``(n, 5, k)`` in five neighbouring slices.

    A slice averages over its thickness, and interpolating such averages would smear a deposit over more slices than
    it has. Each column is taken as filled: a slice holds calcium of its neighbours' attenuation in a part of its
    thickness, on the side where the neighbour holds more.
    """
    down = up < 0
    moved = np.abs(up)
    below, here, above, beyond = (np.where(down, excess[:, 4 - k], excess[:, k]) for k in (1, 2, 3, 4))
    left = here * (1 - _share(below, here, above, moved))
    return np.asarray(left + above * _share(here, above, beyond, moved))


def _share(below: Array, here: Array, above: Array, part: Array) -> Array:
    """Share of a slice's excess that lies in the lowest ``part`` of it."""
    highest = np.maximum(np.maximum(below, here), above)
    filled = np.clip(here / np.maximum(highest, np.float32(1e-3)), np.float32(1e-3), 1)
    # A slice that is no lower than its neighbours is full; another is filled from below or from above.
    empty = np.where((above > below) & (here < highest), 1 - filled, 0)
    return np.asarray(np.clip((part - empty) / filled, 0, 1))


def unit_noise(voxels: NDArray[np.integer], count: int, noise: Noise, spacing: tuple[float, float, float]) -> Array:
    """Noise of SD 1 with the correlation of ``noise`` at the voxels ``(n, 3)``, ``(n, count)``.

    Each of the ``count`` draws is another part of one field; slices lie along axis 0, ``spacing`` in mm.
    """
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
