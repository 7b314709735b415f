"""A simulated phantom: cylinders of known mass in a body, blurred and sliced as a scanner does, in correlated noise."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

FACTOR = 0.00075  # mg/mm3/HU
SUBPIXELS = 4
SUBSLICES = 6


@dataclass(frozen=True)
class Scanner:
    """Voxels ``(z, y, x)`` mm, the point spread's standard deviation (mm), noise (HU) and the body's attenuation."""

    spacing: tuple[float, float, float] = (3.0, 0.5, 0.5)
    blur: float = 0.7
    noise: float = 20.0
    body: float = 50.0
    slope: float = 0.0
    shape: tuple[int, int, int] = (9, 60, 60)


@dataclass(frozen=True)
class Cylinder:
    """Diameter and length (mm), density (mg/mm3), and its centre off the middle of the grid (mm, ``z, y, x``)."""

    diameter: float
    length: float
    density: float
    offset: tuple[float, float, float] = (0.0, 0.0, 0.0)

    @property
    def mass(self) -> float:
        """Hydroxyapatite, mg."""
        return math.pi / 4 * self.diameter**2 * self.length * self.density


def middle(scanner: Scanner) -> tuple[int, int, int]:
    """Index of the voxel in the middle."""
    z, y, x = (count // 2 for count in scanner.shape)
    return z, y, x


def noiseless(cylinders: list[Cylinder], scanner: Scanner) -> np.ndarray:
    """Attenuation without noise; what a voxel holds is averaged over fine parts of it, then blurred in the slice."""
    image = np.zeros(scanner.shape)
    centre = middle(scanner)
    fine = [
        (np.arange(count * parts) + 0.5) / parts - 0.5 - centre[axis]
        for axis, (count, parts) in enumerate(zip(scanner.shape, (SUBSLICES, SUBPIXELS, SUBPIXELS), strict=True))
    ]
    z, y, x = (one * step for one, step in zip(fine, scanner.spacing, strict=True))
    for one in cylinders:
        within = np.abs(z - one.offset[0]) <= one.length / 2
        share = within.reshape(scanner.shape[0], SUBSLICES).mean(axis=1)
        disc = (y[:, None] - one.offset[1]) ** 2 + (x[None, :] - one.offset[2]) ** 2 <= one.diameter**2 / 4
        area = disc.sum() * scanner.spacing[1] * scanner.spacing[2] / SUBPIXELS**2
        disc = disc * (math.pi / 4 * one.diameter**2 / area)
        sigma = [scanner.blur / step * SUBPIXELS for step in scanner.spacing[1:]]
        blurred = ndimage.gaussian_filter(disc, sigma)
        plane = blurred.reshape(scanner.shape[1], SUBPIXELS, scanner.shape[2], SUBPIXELS).mean(axis=(1, 3))
        # The fine slices hold the length as nearly as they divide it; the rest is scaled so that the mass is exact.
        share *= one.length / (share.sum() * scanner.spacing[0])
        image += share[:, None, None] * plane * one.density / FACTOR
    across = np.arange(scanner.shape[2]) - centre[2]
    return image + scanner.body + scanner.slope * across * scanner.spacing[2]


def noise(scanner: Scanner, random: np.random.Generator) -> np.ndarray:
    """Noise of a soft kernel: a ramp that rolls off, so that neighbours are alike and wide sums scatter less."""
    rows, columns = scanner.shape[1:]
    frequency = np.hypot(
        np.fft.fftfreq(rows, scanner.spacing[1])[:, None], np.fft.fftfreq(columns, scanner.spacing[2])[None, :]
    )
    power = np.sqrt((frequency + 0.04) * np.exp(-((frequency / 0.42) ** 2)))
    white = random.standard_normal(scanner.shape)
    made = np.fft.ifft2(np.fft.fft2(white) * power).real
    made += 0.07 * np.roll(made, 1, axis=0)
    return made / made.std() * scanner.noise


def scan(cylinders: list[Cylinder], scanner: Scanner, random: np.random.Generator) -> np.ndarray:
    """A scan in whole HU."""
    return np.rint(noiseless(cylinders, scanner) + noise(scanner, random)).astype(np.int16)


def found(image: np.ndarray, scanner: Scanner, threshold: float = 130.0) -> np.ndarray:
    """Voxels from the threshold on that hang together around the middle, ``(n, 3)``, none where there are none."""
    labels, _ = ndimage.label(image >= threshold, structure=np.ones((3, 3, 3)))
    z, y, x = middle(scanner)
    near = labels[z - 1 : z + 2, y - 2 : y + 3, x - 2 : x + 3]
    sizes = np.bincount(near.ravel())
    sizes[0] = 0
    return np.argwhere(labels == sizes.argmax()) if sizes.any() else np.zeros((0, 3), dtype=int)


def drawn(cylinder: Cylinder, scanner: Scanner, times: float = 2.0) -> np.ndarray:
    """A ball drawn by hand around the cylinder, of so many times its diameter; at least the middle voxel."""
    grid = np.indices(scanner.shape, dtype=float)
    away = [(grid[axis] - middle(scanner)[axis]) * scanner.spacing[axis] - cylinder.offset[axis] for axis in range(3)]
    ball = away[0] ** 2 + away[1] ** 2 + away[2] ** 2 <= (times * cylinder.diameter / 2) ** 2
    ball[middle(scanner)] = True
    return np.argwhere(ball)
