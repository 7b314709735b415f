"""Intervals of calcium scores, from the image's own noise and from where the grid happened to lie.

The truth that a score estimates is the mean score of the noise-free object over all sub-voxel positions of the grid.
The image, smoothed, is taken as the object, made a little fainter and a little brighter, and each of these objects is
redrawn many times at other positions and with fresh noise and scored again by the same rules. An object from which the
score that was seen could have come, with 95 % of its redraws about it, is a possible one, and the interval holds the
noise-free mean scores of the possible ones: the test inversion of Neyman (Neyman J. Philos Trans R Soc A 1937;236:
333-80) with simulated distributions (Efron B. Ann Stat 1979;7:1-26). Noise lifts maxima and carries voxels over the
threshold; redraws show by how much, so the interval corrects for it.

For users: see docs/measures.md#intervals.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from calciscope.measure.agatston import Stack, score
from calciscope.measure.presets import Preset, Threshold
from calciscope.measure.uncertainty.noise import Noise
from calciscope.measure.uncertainty.redraw import around, evenly, phases, redrawn, scores_apart

Interval = tuple[float, float]

# Where there is no interval.
UNKNOWN: Interval = (float("nan"), float("nan"))

# Numbers of the method below were chosen on simulated repeats; tests and the benchmark judge it on others.
# Redraws, fewer for a region of many voxels, whose score scatters little.
MOST_DRAWS, LEAST_DRAWS = 64, 32
# Voxels that are worked on, of a larger region evenly spread slices; voxels times redraws.
MOST_VOXELS, BUDGET = 12_000, 400_000
# Redraws of neighbouring strength that are taken together to estimate one mean and scatter, and the step between.
WINDOW, STEP = 20, 4
# How much fainter or brighter an object may be: by so many over the root of its voxels, within these (log scale).
# Objects beyond these are not asked about: the interval ends there at the latest, or at the score itself.
SPAN, LEAST_SPAN, MOST_SPAN = 3.0, 0.3, 0.9
# 97.5th percentile of the normal distribution: 95 % lie within so many SD.
NORMAL_95 = 1.96
# The object taken from the image keeps a share of the noise's variance, about LEFT. What noise lifts by an island's
# maximum grows like its SD, so what fresh noise adds to such an object is too little by MORE_LIFT (the idea of
# simulation-extrapolation, Cook JR, Stefanski LA. J Am Stat Assoc 1994;89:1314-28). Volume and mass take no maximum.
LEFT = 0.17
MORE_LIFT = ((1 + LEFT) ** 0.5 + LEFT**0.5, 1.0, 1.0)
# The object is known from one position of the grid. Its noise-free mean is uncertain by about this share of the SD
# between positions: less for a mass, of which a position of the grid moves little across the threshold.
ONE_POSITION = (0.5, 0.4, 0.2)
# Voxels further below the threshold than so many SD of noise, and below this share of it (two slices may have shared
# what one can hold), do not reach it unless calcium lies beside them.
FAR_SD, HALF = 4.0, 0.6
# Tissue around a deposit is taken from the lower quarter of what lies about it below the threshold: the rest is blur.
# Noise puts that quantile so many SD below the tissue's mean.
TISSUE, TISSUE_VOXELS, TISSUE_SD = 0.25, 128, 0.674


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
    The same input gives the same interval. A score that the preset does not define has no interval, ``(nan, nan)``,
    and a preset that counts voxels below the threshold has none at all: what then counts is where the outline of the
    mask was drawn, which no redraw of the image varies.
    """
    if preset.every_voxel:
        return Intervals(UNKNOWN, UNKNOWN, UNKNOWN)
    order = (stack.slice_axis, *(axis for axis in range(3) if axis != stack.slice_axis))
    image = np.asarray(hu).transpose(order)
    region = np.asarray(voxels).reshape(-1, 3)[:, order].astype(np.int64)
    spacing = stack.spacing[order[0]], stack.spacing[order[1]], stack.spacing[order[2]]
    levels = Stack(spacing, 0, stack.thickness)
    noise = noise or Noise(0.0)
    seen = score(region, image[tuple(region.T)], levels, threshold, preset)
    values = np.array([seen.agatston, seen.volume, seen.mass])
    near, share = _near(image, region, threshold, noise.sd)
    if not len(near):
        return Intervals(*((float(value), float(value)) for value in values))
    if share < 1:
        part = score(near, image[tuple(near.T)], levels, threshold, preset)
        values = np.array([part.agatston, part.volume, part.mass])
    domain = _widened(image, near, threshold)
    draws = int(np.clip(BUDGET // len(domain), LEAST_DRAWS, MOST_DRAWS))
    calcium = int((image[tuple(domain.T)] >= threshold.hu).sum())
    span = float(np.clip(SPAN / np.sqrt(max(calcium, 1)), LEAST_SPAN, MOST_SPAN))
    strength = span * (2 * evenly(draws, 7) - 1)
    tissue = _tissue(image, domain, threshold, noise.sd)
    pair = redrawn(image, domain, phases(draws), np.exp(strength), tissue, noise, spacing)
    rank = np.argsort(strength)
    ends = [
        _inverted(float(value), strength[rank], one[rank], other[rank], position, more)
        for value, one, other, position, more in zip(
            values,
            *(scores_apart(domain, one, levels, threshold, preset) for one in pair),
            ONE_POSITION,
            MORE_LIFT,
            strict=True,
        )
    ]
    totals = (seen.agatston, seen.volume, seen.mass)
    return Intervals(*(_whole(*one, share) for one in zip(totals, values, ends, strict=True)))


def _whole(total: float, part: float, ends: Interval, share: float) -> Interval:
    """Interval of the ``total`` from that of a ``part`` with this ``share`` of the voxels.

    What noise adds grows with the voxels, the scatter with their root.
    """
    low, high = ends
    if not np.isfinite(total):
        return UNKNOWN
    if share == 1:
        return max(0.0, min(low, total)), max(high, total)
    middle, half = total + ((low + high) / 2 - part) / share, (high - low) / 2 / np.sqrt(share)
    return max(0.0, min(float(middle - half), total)), max(float(middle + half), total)


def _inverted(
    value: float,
    strength: NDArray[np.float64],
    true: NDArray[np.float64],
    again: NDArray[np.float64],
    one_position: float,
    more_lift: float,
) -> Interval:
    """The noise-free means of the objects from which ``value`` could have come.

    ``strength`` ``(k,)`` ascends; ``true`` and ``again`` ``(k,)`` are the scores of the redraws without and with noise.
    """
    along = sliding_window_view(strength, WINDOW)[::STEP]
    along = along - along.mean(axis=1, keepdims=True)
    mean, position = _fitted(along, true)
    noisy, scatter = _fitted(along, again)
    # A brighter object scores more; where a window says otherwise it is by chance.
    means = np.maximum.accumulate(mean)
    least = 1e-9 + 1e-6 * abs(value)
    away = np.minimum.accumulate((value - mean - more_lift * (noisy - mean)) / np.maximum(scatter, least))
    numbers = np.arange(len(means), dtype=np.float64)
    ends = [np.interp(limit, away[::-1], numbers[::-1]) for limit in (NORMAL_95, -NORMAL_95)]
    low, high = (float(np.interp(end, numbers, means)) for end in ends)
    below, above = (one_position * float(np.interp(end, numbers, position)) for end in ends)
    return max(0.0, low - below), high + above


def _fitted(along: NDArray[np.float64], values: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and scatter about a straight line of ``values`` ``(k,)`` in every window of ``along`` ``(m, w)``."""
    windows = sliding_window_view(values, WINDOW)[::STEP]
    mean = windows.mean(axis=1)
    slope = (along * windows).sum(axis=1) / (along**2).sum(axis=1)
    rest = windows - mean[:, None] - slope[:, None] * along
    return mean, np.sqrt((rest**2).sum(axis=1) / (WINDOW - 2))


def _tissue(image: NDArray[np.number], domain: NDArray[np.int64], threshold: Threshold, sd: float) -> float:
    """Attenuation of what lies around the calcium, HU: its lower quarter, which noise alone puts below its mean."""
    some = domain[:: max(1, len(domain) // TISSUE_VOXELS)]
    near = around(image, some)
    low = near[near < threshold.hu]
    return float(np.quantile(low, TISSUE)) + TISSUE_SD * sd if len(low) else 0.0


def _near(
    image: NDArray[np.number], region: NDArray[np.int64], threshold: Threshold, sd: float
) -> tuple[NDArray[np.int64], float]:
    """Voxels of the region that a redraw could count, and their share where evenly spread slices speak for all."""
    if len(region):
        values = image[tuple(region.T)]
        region = region[values >= min(threshold.hu - FAR_SD * sd, HALF * threshold.hu)]
    every = -(-len(region) // MOST_VOXELS)
    if every <= 1:
        return region, 1.0
    slices = np.unique(region[:, 0])
    part = region[np.isin(region[:, 0], slices[min(every, len(slices)) // 2 :: every])]
    return part, len(part) / len(region)


def _widened(image: NDArray[np.number], near: NDArray[np.int64], threshold: Threshold) -> NDArray[np.int64]:
    """The voxels ``(n, 3)`` and the neighbours of their calcium that are below the threshold in the image."""
    size = np.array(image.shape, dtype=np.int64) + 2
    stride = np.array([size[1] * size[2], size[2], 1])
    keys = (near + 1) @ stride
    beside = keys[image[tuple(near.T)] >= threshold.hu]
    for step in stride:
        beside = np.unique(np.concatenate([beside - step, beside, beside + step]))
    places = np.stack(np.unravel_index(beside, tuple(size)), axis=1) - 1
    inside = np.all((places >= 0) & (places < np.array(image.shape)), axis=1)
    places, beside = places[inside], beside[inside]
    # Calcium beside the region is not its own.
    every = np.unique(np.concatenate([keys, beside[image[tuple(places.T)] < threshold.hu]]))
    return np.stack(np.unravel_index(every, tuple(size)), axis=1).astype(np.int64) - 1
