"""A calibration phantom in the image: its rods tell how much hydroxyapatite a HU above water stands for.

A pair counts as a phantom only where all of this holds (numbers in ``knowledge/phantoms.yaml``), slice by slice:

* a disc of the rod's diameter, round in every twelfth of its outline, whose mean lies where the density puts it at this
  tube voltage and whose voxels scatter by noise alone (no sector differs from the whole);
* around it one material, the phantom's body, but for the other rod;
* a second disc at the known distance, darker than the body all around and as even as the first, of water's attenuation;
* the same in neighbouring slices: axes parallel to the table, attenuation of both rods steady along it.

An enhanced aorta is bright and nearly round, but what surrounds it is not of one material and holds no disc of water;
bone is not even; a prosthesis is far brighter.

For users: see docs/measures.md#mass-factor.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from calciscope.domain.image import Volume
from calciscope.measure.phantom.models import Limits, Phantom, phantoms
from calciscope.measure.phantom.rods import INNER, SECTOR_NOISE, SECTORS, Pair, Slice, pair_of
from calciscope.measure.presets import MM3_PER_CM3

# Looking for discs needs no finer grid than this, mm: a rod is more than ten times as wide.
COARSE_MM = 1.6
# From slice to slice a rod may move by so much (mm), and its mean change by so much (HU).
DRIFT_MM = 0.8
STEADY_HU = 9.0


@dataclass(frozen=True, slots=True)
class Rod:
    """A rod: its centre in the slices that count, as canonical indices ``(z, y, x)``, and its mean (HU) in each."""

    density: float
    centres: tuple[tuple[float, float, float], ...]
    means: tuple[float, ...]
    diameter: float

    @property
    def mean(self) -> float:
        """Mean over the slices, HU."""
        return math.fsum(self.means) / len(self.means)


@dataclass(frozen=True, slots=True)
class Calibration:
    """A phantom that was found; ``factor`` and its standard error ``error`` in mg/mm3/HU.

    ``slices`` are indices along the slice axis of the slices that count; ``noise`` is the standard deviation of a voxel
    in the calcium rod, HU.
    """

    phantom: str
    factor: float
    error: float
    calcium: Rod
    water: Rod
    slices: tuple[int, ...]
    noise: float

    @property
    def water_hu(self) -> float:
        """Attenuation of the water rod, HU."""
        return self.water.mean


def calibrate(volume: Volume) -> Calibration | None:
    """The calibration phantom in the image, or ``None`` where no pair of rods meets every condition.

    The factor is the rod's density over the difference of both rods (Hong C et al. Radiology 2002;223:474-80;
    McCollough CH et al. 2007); its standard error the larger of what the scatter between slices and the noise within
    them make of it.
    """
    found = [one for phantom in phantoms() for one in _of_phantom(volume, phantom)]
    return max(found, key=lambda one: len(one.slices), default=None)


def _of_phantom(volume: Volume, phantom: Phantom) -> Iterator[Calibration]:
    axis = volume.acquisition.slice_axis
    order = [axis, *(other for other in range(3) if other != axis)]
    hu = volume.hu.transpose(order)
    spacing = [volume.geometry.spacing[one] for one in order]
    window = phantom.expected(volume.acquisition.kvp)
    pairs = [
        pair
        for level, centre in _discs(hu, spacing, phantom, window)
        if (pair := pair_of(hu[level], level, centre, spacing, phantom, window)) is not None
    ]
    for run in _runs(pairs):
        if len(run) >= phantom.slices and len(run) * spacing[0] >= phantom.length:
            yield _calibration(_in_line(run, hu, spacing, phantom), spacing, order, phantom)


def _discs(
    hu: NDArray[np.number], spacing: Sequence[float], phantom: Phantom, window: Limits
) -> Iterator[tuple[int, tuple[float, float]]]:
    """Slices with a bright spot of a rod's size, and its centre in mm, from a coarse grid."""
    steps = [max(1, int(COARSE_MM / step)) for step in spacing[1:]]
    pixel = [step * spaced for step, spaced in zip(steps, spacing[1:], strict=True)]
    # Halfway up the faintest rod's edge from the brightest body.
    least = (phantom.water.low + window.low + phantom.body.high) / 2
    least_pixels = math.pi * (phantom.radius - 1.5) ** 2 / (pixel[0] * pixel[1])
    for level in range(hu.shape[0]):
        bright = hu[level, :: steps[0], :: steps[1]] >= least
        if np.count_nonzero(bright) < least_pixels:
            continue
        labels, _ = ndimage.label(bright)
        for place in ndimage.find_objects(labels):
            sides = [(one.stop - one.start) * size for one, size in zip(place, pixel, strict=True)]
            if all(abs(side - phantom.diameter) <= 3.0 + max(pixel) for side in sides):
                yield (
                    level,
                    (
                        (place[0].start + place[0].stop - 1) / 2 * pixel[0],
                        (place[1].start + place[1].stop - 1) / 2 * pixel[1],
                    ),
                )


def _runs(pairs: list[Pair]) -> Iterator[list[Pair]]:
    """Neighbouring slices whose rods lie in one line and keep their attenuation."""
    left = list(pairs)
    while left:
        run = [left.pop(0)]
        for one in list(left):
            if one.level == run[-1].level + 1 and _continues(run, one):
                run.append(one)
                left.remove(one)
        yield run


def _continues(run: list[Pair], one: Pair) -> bool:
    last = run[-1]
    bright = float(np.median([pair.bright for pair in run]))
    dark = float(np.median([pair.dark for pair in run]))
    return (
        math.dist(last.calcium, one.calcium) <= DRIFT_MM
        and abs(one.bright - bright) <= STEADY_HU
        and abs(one.dark - dark) <= STEADY_HU
    )


def _in_line(run: list[Pair], hu: NDArray[np.number], spacing: Sequence[float], phantom: Phantom) -> list[Pair]:
    """The pairs with the water rod on its mean axis: the darkest place of a slice is a little too dark by chance."""
    offsets = np.array([np.subtract(pair.water, pair.calcium) for pair in run]).mean(axis=0)
    placed = []
    for pair in run:
        centre = (pair.calcium[0] + float(offsets[0]), pair.calcium[1] + float(offsets[1]))
        around = Slice(hu[pair.level], centre, phantom.radius, spacing)
        dark = float(around.hu[around.distance(centre) < INNER * phantom.radius].mean())
        placed.append(replace(pair, water=centre, dark=dark))
    return placed


def _calibration(run: list[Pair], spacing: Sequence[float], order: list[int], phantom: Phantom) -> Calibration:
    contrast = np.array([pair.bright - pair.dark for pair in run])
    mean = float(contrast.mean())
    noise = float(np.mean([pair.noise for pair in run]))
    # Means of the two discs of a slice; voxels of one sector count as few.
    within = math.sqrt(2.0 / (SECTORS * len(run))) * SECTOR_NOISE * noise
    between = float(contrast.std(ddof=1)) / math.sqrt(len(run))
    factor = phantom.density / MM3_PER_CM3 / mean
    return Calibration(
        phantom=phantom.name,
        factor=factor,
        error=factor * max(within, between) / mean,
        calcium=_rod(run, True, spacing, order, phantom),
        water=_rod(run, False, spacing, order, phantom),
        slices=tuple(pair.level for pair in run),
        noise=noise,
    )


def _rod(run: list[Pair], bright: bool, spacing: Sequence[float], order: list[int], phantom: Phantom) -> Rod:
    centres = []
    for pair in run:
        row, column = pair.calcium if bright else pair.water
        place = (float(pair.level), row / spacing[1], column / spacing[2])
        canonical = [0.0, 0.0, 0.0]
        for axis, value in zip(order, place, strict=True):
            canonical[axis] = value
        centres.append((canonical[0], canonical[1], canonical[2]))
    return Rod(
        density=phantom.density if bright else 0.0,
        centres=tuple(centres),
        means=tuple(pair.bright if bright else pair.dark for pair in run),
        diameter=float(np.mean([pair.diameter for pair in run])) if bright else phantom.diameter,
    )
