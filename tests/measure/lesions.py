"""Simulated repeats of lesions with a known true score, made without anything of the package but its scorer.

An object is drawn on a grid several times finer than the image, blurred there with the point spread function and the
slice profile, and sampled at sub-voxel offsets. The truth is the mean score of the noise-free samples over offsets;
the repeat is one offset with noise.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft, ndimage

from calciscope.measure.agatston import Stack, scores
from calciscope.measure.presets import Preset, Threshold

Array = NDArray[np.floating]
SHAPES = ("ball", "cylinder", "ellipsoid", "tube")
# Fine cells in a pixel and in a slice.
FINE = 3
DEEP = 9
BACKGROUND = 45.0
# Beyond the object: as far as blur reaches.
MARGIN_MM = 2.0
# No shape reaches further from its middle than this many sizes.
REACH = 0.77
TISSUE = (16, 64, 64)


@dataclass(frozen=True)
class Lesion:
    """One simulated lesion: how it was made, what was seen of it, and the true scores ``(agatston, volume, mass)``."""

    shape: str
    size: float
    peak: float
    noise: float
    correlated: float
    stack: Stack
    hu: NDArray[np.int16]
    mask: NDArray[np.bool_]
    truth: tuple[float, float, float]
    spread: tuple[float, float, float]
    support: NDArray[np.bool_]

    @property
    def voxels(self) -> NDArray[np.intp]:
        """Voxels of the mask, ``(n, 3)``."""
        return np.argwhere(self.mask)

    @property
    def deposit(self) -> NDArray[np.intp]:
        """Voxels from 130 HU that join the object, ``(n, 3)``: what a finder would return."""
        number, _ = ndimage.label(self.hu >= 130, structure=np.ones((3, 3, 3)))
        met = np.unique(number[self.support])
        return np.argwhere(np.isin(number, met[met > 0]))


@dataclass(frozen=True)
class Scan:
    """How a repeat is scanned: ``(z, y, x)`` mm, SD of noise (HU), its Gaussian (mm, 0 for white), SD of blur (mm)."""

    spacing: tuple[float, float, float]
    noise: float
    correlated: float
    blur: float


def any_scan(random: np.random.Generator) -> Scan:
    """Slices of 1.5 to 3 mm, pixels of 0.35 to 0.75 mm, noise of 5 to 35 HU, white or correlated."""
    pixel = float(random.uniform(0.35, 0.75))
    spacing = (float(random.choice([1.5, 2.5, 3.0])), pixel, pixel)
    noise = float(random.uniform(5, 35))
    correlated = float(random.choice([0.0, random.uniform(0.3, 0.8)]))
    return Scan(spacing, noise, correlated, float(random.uniform(0.45, 0.7)))


def lesion(
    random: np.random.Generator, rule: Preset, threshold: Threshold, shifts: int = 96, scan: Scan | None = None
) -> Lesion:
    """A lesion of random size (1 to 8 mm), attenuation (150 to 1200 HU before blur), shape and place, in any scan."""
    scan = scan or any_scan(random)
    spacing, noise, correlated = scan.spacing, scan.noise, scan.correlated
    shape = str(random.choice(SHAPES))
    size = float(random.uniform(1.0, 8.0))
    peak = float(np.exp(random.uniform(np.log(150), np.log(1200))))
    fine = imaged(shape, size, peak, scan.blur, spacing, random)
    stack = Stack(spacing)
    support = fine > BACKGROUND + 0.02 * (peak - BACKGROUND)
    offsets = random.integers(0, (DEEP, FINE, FINE), (shifts, 3))
    clean = np.stack([sampled(fine, offset) for offset in offsets])
    exact = scores_of_each(clean, stack, threshold, rule)
    inside = sampled(support, offsets[0])
    # The repeat lies in a block of tissue in which its noise can be measured.
    around = [(max(2, (n - m) // 2), max(2, (n - m + 1) // 2)) for n, m in zip(TISSUE, inside.shape, strict=True)]
    seen = np.pad(clean[0], around, constant_values=BACKGROUND)
    inside = np.pad(inside, around)
    hu = np.rint(seen + noise * noise_field(seen.shape, spacing, correlated, random)).astype(np.int16)
    mask = ndimage.binary_dilation(inside, np.ones((3, 3, 3)))
    truth, spread = tuple(exact.mean(axis=0)), tuple(exact.std(axis=0))
    return Lesion(shape, size, peak, noise, correlated, stack, hu, mask, truth, spread, inside)


def site(random: np.random.Generator, rule: Preset, threshold: Threshold) -> tuple[Scan, Array, Array, Array]:
    """Three to twelve lesions of one scan: the scan, its image, the voxels of all masks, their true scores ``(3,)``."""
    scan = any_scan(random)
    found = [lesion(random, rule, threshold, 32, scan) for _ in range(random.integers(3, 13))]
    rows, columns = (max(one.hu.shape[axis] for one in found) for axis in (1, 2))
    images = [
        np.pad(
            one.hu, ((0, 0), (0, rows - one.hu.shape[1]), (0, columns - one.hu.shape[2])), constant_values=BACKGROUND
        )
        for one in found
    ]
    # One above the other.
    below = np.cumsum([0, *(len(one) for one in images[:-1])])
    voxels = np.concatenate([one.voxels + np.array([start, 0, 0]) for one, start in zip(found, below, strict=True)])
    return scan, np.concatenate(images), voxels, np.sum([one.truth for one in found], axis=0)


def sampled(fine: Array, offset: NDArray[np.integer]) -> Array:
    """The image as a scanner samples it whose grid begins at an offset of fine cells."""
    least = [(n - step) // step for n, step in zip(fine.shape, (DEEP, FINE, FINE), strict=True)]
    z, y, x = (slice(o, o + n * s, s) for o, n, s in zip(offset, least, (DEEP, FINE, FINE), strict=True))
    return fine[z, y, x]


def scores_of_each(images: Array, stack: Stack, threshold: Threshold, rule: Preset) -> Array:
    """Agatston, volume and mass ``(k, 3)`` of each noise-free image ``(k, z, y, x)``, all of its voxels."""
    every = np.argwhere(images >= threshold.hu)
    image, places = every[:, 0], every[:, 1:].copy()
    # The images one above the other, apart by empty slices.
    places[:, 0] += image * (images.shape[1] + 2)
    found = scores(places, images[tuple(every.T)], image, stack, threshold, rule, of=np.arange(len(images)))
    return np.stack([found.agatston, found.volume, found.mass], axis=1)


def imaged(
    shape: str, size: float, peak: float, blur: float, spacing: tuple[float, ...], random: np.random.Generator
) -> Array:
    """The noise-free continuous image of the object, on the fine grid, HU."""
    step = np.array([spacing[0] / DEEP, spacing[1] / FINE, spacing[2] / FINE])
    half = np.ceil((size * REACH + MARGIN_MM + np.array(spacing)) / step).astype(int)
    axes = [(np.arange(-n, n + 1) * d).astype(np.float32) for n, d in zip(half, step, strict=True)]
    z, y, x = np.meshgrid(*axes, indexing="ij", sparse=True)
    shift = (random.uniform(-0.5, 0.5, 3) * np.array(spacing)).astype(np.float32)
    turn = np.linalg.qr(random.normal(size=(3, 3)))[0].astype(np.float32)
    u, v, w = (t[0] * (z - shift[0]) + t[1] * (y - shift[1]) + t[2] * (x - shift[2]) for t in turn)
    radius = size / 2
    soft = float(step.mean()) / 2

    def below(distance: Array, limit: float) -> Array:
        return np.clip(0.5 + (limit - distance) / (2 * soft), 0, 1)

    if shape == "ball":
        body = below(np.sqrt(u**2 + v**2 + w**2), radius)
    elif shape == "ellipsoid":
        a, b, c = radius * random.uniform(0.6, 1.4, 3)
        body = below(np.sqrt((u / a) ** 2 + (v / b) ** 2 + (w / c) ** 2) * radius, radius)
    elif shape == "cylinder":
        length = size * random.uniform(0.5, 1.3)
        body = below(np.sqrt(u**2 + v**2), radius * 0.8) * below(np.abs(w), length / 2)
    else:
        length = size * random.uniform(0.5, 1.3)
        ring = np.sqrt(u**2 + v**2)
        wall = max(0.4, 0.35 * radius)
        body = below(ring, radius) * (1 - below(ring, radius - wall)) * below(np.abs(w), length / 2)
    image = np.asarray(body, dtype=np.float32) * np.float32(peak - BACKGROUND)
    sigma = blur / step[1]
    image = ndimage.gaussian_filter(image, (0.03 * DEEP, sigma, sigma), mode="constant", truncate=3)
    image = ndimage.uniform_filter(image, (DEEP, FINE, FINE), mode="constant")
    return image + np.float32(BACKGROUND)


def noise_field(
    shape: tuple[int, ...], spacing: tuple[float, ...], correlated: float, random: np.random.Generator
) -> Array:
    """Unit noise: white, or of filtered back-projection (ramp times a Gaussian of ``correlated`` mm) in each slice."""
    field = random.normal(size=shape)
    if not correlated:
        return field
    wide = tuple(n + 32 for n in shape[1:])
    field = random.normal(size=(shape[0], *wide))
    rows, columns = (fft.fftfreq(n, d) for n, d in zip(wide, spacing[1:], strict=True))
    rho = np.hypot(rows[:, None], columns[None, :])
    gain = np.sqrt(rho + 0.02) * np.exp(-2 * (np.pi * rho * correlated) ** 2)
    gain /= np.sqrt((gain**2).mean())
    field = fft.ifft2(fft.fft2(field, axes=(1, 2)) * gain, axes=(1, 2)).real
    return field[:, 16:-16, 16:-16]
