"""One slice of a calibration phantom: is there a pair of rods, and what do they measure?

What must hold is listed in :mod:`calciscope.measure.phantom.calibration`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from calciscope.measure.phantom.models import Limits, Phantom

# The mean of a rod is taken this share of its radius inside, clear of partial volume.
INNER = 0.7
# The body around a rod is looked at between these shares of its radius, clear of its blur.
RING = (1.15, 1.45)
SECTORS = 12
# A sector's radius may differ so much from the rod's, mm, and by half a pixel: noise of a twelfth of the outline.
ROUND_MM = 0.5
# A sector's mean may differ from the rod's by so many HU beyond noise: cupping and scatter do that.
EVEN_HU = 12.0
# Noise of a sector's mean, in standard deviations of a voxel: neighbours are alike, so it falls slowly with the number.
SECTOR_NOISE = 0.35
# A part of the ring that lies so many standard deviations off the body is not the body.
BODY_SD = 4.0
BODY_SHARE = 0.97
# The water rod reaches into this share of the ring at most.
WATER_SHARE = 0.08
# The rods' scatter is the same noise: standard deviations agree to this factor.
SAME_NOISE = 1.5
# An image without noise still has the steps of whole HU and what the blur of an edge leaves, HU.
NOISE_STEP = 3.0
# Noise above this hides whether a rod is even, HU.
NOISE_LIMIT = 60.0


@dataclass(frozen=True, slots=True)
class Pair:
    """Both rods in one slice: centres (rows, columns) in mm, means, the calcium rod's diameter and noise."""

    level: int
    calcium: tuple[float, float]
    water: tuple[float, float]
    bright: float
    dark: float
    diameter: float
    noise: float


class Slice:
    """A slice around a place, with distances from a centre in mm."""

    def __init__(
        self, hu: NDArray[np.number], centre: tuple[float, float], reach: float, spacing: Sequence[float]
    ) -> None:
        first = [max(0, math.floor((c - reach) / s)) for c, s in zip(centre, spacing[1:], strict=True)]
        last = [math.ceil((c + reach) / s) + 1 for c, s in zip(centre, spacing[1:], strict=True)]
        cut = hu[first[0] : last[0], first[1] : last[1]]
        self.hu = np.asarray(cut, dtype=np.float64)
        self.rows = ((np.arange(cut.shape[0]) + first[0]) * spacing[1])[:, None]
        self.columns = ((np.arange(cut.shape[1]) + first[1]) * spacing[2])[None, :]
        self.pixel = spacing[1] * spacing[2]

    def distance(self, centre: tuple[float, float]) -> NDArray[np.float64]:
        """From every pixel to the centre, mm."""
        return np.asarray(np.hypot(self.rows - centre[0], self.columns - centre[1]))

    def sector(self, centre: tuple[float, float]) -> NDArray[np.intp]:
        """Which of the sectors around the centre every pixel lies in."""
        angle = np.arctan2(self.rows - centre[0], self.columns - centre[1]) / (2 * math.pi) + 0.5
        return np.asarray(np.minimum((angle * SECTORS).astype(np.intp), SECTORS - 1))


def pair_of(
    hu: NDArray[np.number],
    level: int,
    coarse: tuple[float, float],
    spacing: Sequence[float],
    phantom: Phantom,
    window: Limits,
) -> Pair | None:
    """Both rods in a slice, where the bright spot is the calcium rod of the phantom."""
    around = Slice(hu, coarse, phantom.centres + 2.0 * phantom.radius, spacing)
    centre = coarse
    for _ in range(3):
        away = around.distance(centre)
        ring = around.hu[(away > RING[0] * phantom.radius) & (away < RING[1] * phantom.radius)]
        inner = around.hu[away < INNER * phantom.radius]
        if not len(ring) or not len(inner):
            return None
        body, bright, noise = float(np.median(ring)), float(inner.mean()), max(float(inner.std()), NOISE_STEP)
        if bright - body < window.low / 2 or noise > NOISE_LIMIT:
            return None
        share = np.clip((around.hu - body) / (bright - body), -0.5, 1.5) * (away < RING[0] * phantom.radius)
        whole = float(share.sum())
        if whole <= 0:
            return None
        centre = (float((share * around.rows).sum() / whole), float((share * around.columns).sum() / whole))
    diameter = 2 * math.sqrt(whole * around.pixel / math.pi)
    if abs(diameter - phantom.diameter) > phantom.diameter_tolerance:
        return None
    if not (_round(share, around, centre, phantom) and _even(around, centre, phantom, noise)):
        return None
    off = (ring - body) / noise
    clear = float(np.mean(np.abs(off) <= BODY_SD))
    darker = float(np.mean((off < -BODY_SD) & (off >= -BODY_SD - phantom.body.high / noise)))
    if clear + min(darker, WATER_SHARE) < BODY_SHARE:
        return None
    found = _water(around, centre, body, noise, phantom)
    if found is None or not window.hold(bright - found[1]):
        return None
    return Pair(level, centre, found[0], bright, found[1], diameter, noise)


def _round(share: NDArray[np.float64], around: Slice, centre: tuple[float, float], phantom: Phantom) -> bool:
    """Whether the outline is a circle: area of every sector, partly filled pixels counted by their share."""
    area = np.bincount(around.sector(centre).ravel(), weights=share.ravel(), minlength=SECTORS) * around.pixel
    radii = np.sqrt(np.maximum(area, 0.0) * 2 * SECTORS / (2 * math.pi))
    allowed = ROUND_MM + math.sqrt(around.pixel) / 2
    return bool((np.abs(radii - phantom.radius) <= allowed).all())


def _even(around: Slice, centre: tuple[float, float], phantom: Phantom, noise: float) -> bool:
    """Whether no sector of the disc differs from the whole by more than noise and cupping do."""
    inner = around.distance(centre) < INNER * phantom.radius
    if int(inner.sum()) < 4 * SECTORS:
        return False
    sector = around.sector(centre)[inner]
    values = around.hu[inner]
    means = np.bincount(sector, weights=values, minlength=SECTORS) / np.maximum(
        np.bincount(sector, minlength=SECTORS), 1
    )
    return bool((np.abs(means - values.mean()) <= EVEN_HU + 2 * SECTOR_NOISE * noise).all())


def _water(
    around: Slice, calcium: tuple[float, float], body: float, noise: float, phantom: Phantom
) -> tuple[tuple[float, float], float] | None:
    """Centre and mean of the water rod: the darkest disc at its distance, which must then be one."""
    clear = around.distance(calcium) > RING[0] * phantom.radius
    darkest = math.inf
    centre = calcium
    for angle in np.arange(0.0, 2 * math.pi, math.radians(10)):
        place = (calcium[0] + phantom.centres * math.sin(angle), calcium[1] + phantom.centres * math.cos(angle))
        disc = around.hu[around.distance(place) < phantom.radius]
        if len(disc) and float(disc.mean()) < darkest:
            darkest, centre = float(disc.mean()), place
    if not math.isfinite(darkest):
        return None
    for _ in range(3):
        lacking = (body - around.hu) * (clear & (around.distance(centre) < RING[0] * phantom.radius))
        whole = float(lacking.sum())
        if whole <= 0:
            return None
        centre = (float((lacking * around.rows).sum() / whole), float((lacking * around.columns).sum() / whole))
    if abs(math.dist(calcium, centre) - phantom.centres) > phantom.centres_tolerance:
        return None
    away = around.distance(centre)
    inner = around.hu[away < INNER * phantom.radius]
    dark, spread = float(inner.mean()), max(float(inner.std()), NOISE_STEP)
    if not phantom.water.hold(dark) or not phantom.body.hold(body - dark):
        return None
    if not noise / SAME_NOISE <= spread <= noise * SAME_NOISE or not _even(around, centre, phantom, noise):
        return None
    # Beyond its edge the body begins again, all around.
    ring = (away > RING[0] * phantom.radius) & (away < RING[1] * phantom.radius) & clear
    sector = around.sector(centre)[ring]
    counts = np.bincount(sector, minlength=SECTORS)
    means = np.bincount(sector, weights=around.hu[ring], minlength=SECTORS) / np.maximum(counts, 1)
    seen = means[counts >= counts.max() / 3]
    off = EVEN_HU + 2 * SECTOR_NOISE * noise
    if len(seen) < SECTORS / 2 or (np.abs(seen - body) > off).any() or float(seen.mean()) - dark < phantom.body.low / 2:
        return None
    return centre, dark
