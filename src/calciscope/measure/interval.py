"""Intervals of calcium scores, from the image's own noise and from where the grid happened to lie.

The truth that a score estimates is the mean score of the noise-free object over all sub-voxel positions of the grid.
The image is taken as the object, redrawn many times at other positions and with fresh noise, and scored again by the
same rules. How far those scores lie from the mean of the noise-free ones is how far the score that was seen lies from
the truth (the bootstrap of Efron B. Ann Stat 1979;7:1-26, used as a pivot), including that noise lifts maxima and
carries voxels over the threshold.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from calciscope.measure.agatston import Stack, islands, score
from calciscope.measure.noise import Noise
from calciscope.measure.presets import Preset, Threshold
from calciscope.measure.redraw import phases, redrawn

Interval = tuple[float, float]

# Redraws: enough for the SD of a score to be right within 10 %, fewer for a region of many voxels.
MOST_DRAWS, LEAST_DRAWS = 64, 24
# Voxels times redraws that are worked on.
BUDGET = 1_500_000
# 97.5th percentile of the normal distribution: 95 % lie within so many SD.
NORMAL_95 = 1.96
# Voxels further below the threshold than so many SD of noise do not reach it, unless calcium lies beside them.
FAR_SD = 4.0


@dataclass(frozen=True, slots=True)
class Intervals:
    """95 % intervals ``(low, high)`` of the Agatston score, the volume score (mm3) and the thresholded mass (mg)."""

    agatston: Interval
    volume: Interval
    mass: Interval


def score_intervals(
    hu: NDArray[np.number],
    voxels: NDArray[np.integer],
    stack: Stack,
    threshold: Threshold,
    preset: Preset,
    noise: Noise | None,
) -> Intervals:
    """95 % intervals of the scores of a region: a deposit, a site or a label of a mask.

    ``hu`` is the whole image ``(z, y, x)``, ``voxels`` ``(n, 3)`` the indices that were scored, without repeats. The
    redraws are scored on the region and on the neighbours of its calcium that are below the threshold here, because
    at another position of the grid they could have been above. Calcium outside the region stays outside. Without
    ``noise`` the position of the grid alone counts. The interval holds the score itself and never falls below 0.
    """
    order = (stack.slice_axis, *(axis for axis in range(3) if axis != stack.slice_axis))
    image = np.asarray(hu).transpose(order)
    region = np.asarray(voxels).reshape(-1, 3)[:, order]
    levels = Stack((stack.spacing[order[0]], stack.spacing[order[1]], stack.spacing[order[2]]), 0, stack.thickness)
    noise = noise or Noise(0.0)
    seen = score(region, image[tuple(region.T)], levels, threshold, preset)
    domain = _domain(image, region, threshold, preset, noise.sd)
    values = (seen.agatston, seen.volume, seen.mass)
    if not len(domain):
        return Intervals(*((value, value) for value in values))
    draws = int(np.clip(BUDGET // len(domain), LEAST_DRAWS, MOST_DRAWS))
    clean, noisy = redrawn(image, domain, phases(draws), noise, levels.spacing)
    true = _scores(domain, clean, levels, threshold, preset).mean(axis=1)
    error = _scores(domain, noisy, levels, threshold, preset) - true[:, None]
    return Intervals(*(_around(value, one) for value, one in zip(values, error, strict=True)))


def _around(value: float, error: NDArray[np.float64]) -> Interval:
    """The values from which ``value`` could have come, if errors are like these."""
    middle, half = value - float(error.mean()), NORMAL_95 * float(error.std())
    return max(0.0, min(value, middle - half)), max(value, middle + half)


def _domain(
    image: NDArray[np.number], region: NDArray[np.integer], threshold: Threshold, preset: Preset, sd: float
) -> NDArray[np.int64]:
    """Voxels ``(n, 3)`` that are scored in a redraw."""
    if preset.below_threshold == "keep" or not len(region):
        return region.astype(np.int64)
    size = np.array(image.shape, dtype=np.int64) + 2
    stride = np.array([size[1] * size[2], size[2], 1])
    keys = (region.astype(np.int64) + 1) @ stride
    values = image[tuple(region.T)]
    calcium = keys[values >= threshold.hu]
    beside = calcium
    for step in stride:
        beside = np.unique(np.concatenate([beside - step, beside, beside + step]))
    ring = np.setdiff1d(beside, keys, assume_unique=True)
    ring = np.stack(np.unravel_index(ring, size), axis=1) - 1
    ring = ring[np.all((ring >= 0) & (ring < np.array(image.shape)), axis=1)]
    ring = ring[image[tuple(ring.T)] < threshold.hu]
    used = (values >= threshold.hu - FAR_SD * sd) | np.isin(keys, beside)
    return np.concatenate([region[used].astype(np.int64), ring])


def _scores(
    voxels: NDArray[np.int64], values: NDArray[np.floating], stack: Stack, threshold: Threshold, preset: Preset
) -> NDArray[np.float64]:
    """Agatston, volume and mass ``(3, k)`` of each column of values ``(n, k)``: draws lie apart as if in one stack."""
    draws = values.shape[1]
    if preset.below_threshold == "keep":
        which, draw = (one.ravel() for one in np.indices(values.shape))
    else:
        which, draw = np.nonzero(values >= threshold.hu)
    apart = int(np.ptp(voxels[:, 0])) + 3
    place = voxels[which] - voxels.min(axis=0)
    place[:, 0] += draw * apart
    hu = values[which, draw]
    found = islands(place, hu, stack, threshold, preset)
    unit = stack.pixel_mm2 * stack.scale(preset)
    each = found.pixels * found.factor * unit
    agatston = np.bincount(found.slices // apart, np.rint(each) if preset.rounding == "island" else each, draws)
    if preset.rounding == "total":
        agatston = np.rint(agatston)
    counted = found.counted
    volume = np.bincount(draw[counted], minlength=draws) * stack.voxel_mm3
    mass = np.bincount(draw[counted], hu[counted], draws) * stack.voxel_mm3 * threshold.mass_factor
    return np.stack([agatston, volume, mass])
