"""Hydroxyapatite mass from all the attenuation that a deposit adds to its surroundings.

A threshold loses what partial volume spreads below it and counts what blooming lifts above it. The integral of
attenuation above the background over a region that holds the whole blurred deposit depends on neither: blur moves
attenuation, it makes none (integrated intensity: Med Phys 2023, doi:10.1002/mp.16326; volume fraction: Black D, Xiao X,
Molloi S. J Med Imaging 2023;10:043502).

One rule for every deposit (:mod:`calciscope.measure.integration.region` applies it): the core are the given voxels
that stand out of the noise and reach half of the highest excess near them, which is where an edge lies in a blurred
image; the region is the core grown by the reach of the blur within the slice and by one slice each way (more where
slices are thin); the background is the tissue of the shell around. No constant depends on the deposit.

For users: see docs/measures.md#integrated_mass.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from calciscope.errors import InputError
from calciscope.measure.integration.region import Region, Spacing, region_of

# 95 % of a normal distribution lie within so many standard deviations.
NORMAL_95 = 1.959964
# A plateau needs so many voxels for its mean to tell an attenuation from noise.
PLATEAU_VOXELS = 5


@dataclass(frozen=True, slots=True)
class MassEstimate:
    """A mass with what it rests on.

    ``value`` and ``interval`` (95 %) are in mg and may be below 0 where noise outweighs a small deposit: cut off, sums
    of many would read high. ``background_hu`` is the attenuation of the tissue around, ``background_error`` its
    standard error (HU), ``noise_hu`` the standard deviation of a voxel, ``region_voxels`` how many were integrated.
    ``calcium_hu`` (HU), ``density`` (mg/mm3) and ``calcium_mm3`` describe the calcium itself, by volume fraction only,
    and are ``None`` where the deposit is too small to show a plateau. ``note`` says what widened the interval.
    """

    value: float
    interval: tuple[float, float]
    background_hu: float
    background_error: float
    noise_hu: float
    region_voxels: int
    calcium_hu: float | None = None
    density: float | None = None
    calcium_mm3: float | None = None
    note: str | None = None


def integrated_mass(
    hu: NDArray[np.number],
    voxels: NDArray[np.integer],
    spacing: Spacing,
    factor: float,
    *,
    factor_error: float = 0.0,
    others: NDArray[np.bool_] | None = None,
    slice_axis: int = 0,
) -> MassEstimate:
    """Background-corrected integrated mass of one deposit, mg of hydroxyapatite.

    ``hu`` is the whole image ``(z, y, x)`` in HU, of which only the surroundings are read; ``voxels`` ``(n, 3)`` the
    indices of a deposit, as found by a threshold or drawn generously around it; ``spacing`` ``(z, y, x)`` in mm;
    ``factor`` in mg/mm3/HU and ``factor_error`` its standard error in the same unit. ``others`` ``(z, y, x)`` marks
    what is calcium, bone or metal of something else; the deposit's own voxels may be marked in it too.

    The mass is that of hydroxyapatite added to the tissue around. Where it displaces the tissue instead, the number
    reads low by the factor times the tissue's attenuation above that of the displacing matrix (about 30 mg per cm3 for
    each 40 HU).

    Raises:
        InputError: no voxels, a spacing or factor that is not positive, or nothing around to take as background.
    """
    if not (math.isfinite(factor) and factor > 0):
        raise InputError(f"the mass factor is {factor:g} mg/mm3/HU; it must be a positive number")
    region = region_of(hu, voxels, spacing, others=others, slice_axis=slice_axis)
    return _estimate(region, _voxel_mm3(spacing), factor, factor_error)


def volume_fraction_mass(
    hu: NDArray[np.number],
    voxels: NDArray[np.integer],
    spacing: Spacing,
    factor: float,
    *,
    calcium_hu: float | None = None,
    density: float | None = None,
    factor_error: float = 0.0,
    others: NDArray[np.bool_] | None = None,
    slice_axis: int = 0,
) -> MassEstimate:
    """Volume-fraction mass of one deposit, mg: each voxel's share of calcium, times the calcium's density.

    Arguments as for :func:`integrated_mass`; ``calcium_hu`` is the attenuation of pure calcification (HU) and
    ``density`` its hydroxyapatite (mg/mm3). Without them the plateau of the deposit gives the attenuation (mean of the
    core voxels that no edge reaches) and ``factor`` times its excess over the background the density. A deposit too
    small for a plateau has no measurable density, and only its mass is told; that does not depend on the attenuation
    chosen, because density and share are inverse to each other on the line of the calibration.

    Raises:
        InputError: as for :func:`integrated_mass`, or ``calcium_hu`` does not exceed the background, or ``density``
            comes without it.
    """
    if density is not None and calcium_hu is None:
        raise InputError("a density of the calcium needs its attenuation too")
    if not (math.isfinite(factor) and factor > 0):
        raise InputError(f"the mass factor is {factor:g} mg/mm3/HU; it must be a positive number")
    region = region_of(hu, voxels, spacing, others=others, slice_axis=slice_axis)
    voxel_mm3 = _voxel_mm3(spacing)
    seen = calcium_hu
    if seen is None and len(region.plateau) >= PLATEAU_VOXELS:
        seen = float(region.plateau.mean())
    if seen is None:
        return _estimate(region, voxel_mm3, factor, factor_error)
    span = seen - region.background
    if span <= 0:
        raise InputError(f"calcium of {seen:g} HU does not exceed its background of {region.background:.0f} HU")
    used = factor * span if density is None else density
    # A given density is on no line of the caller's factor: its own slope takes the place of it.
    estimate = _estimate(region, voxel_mm3, used / span, factor_error if density is None else 0.0)
    volume = region.excess / span * voxel_mm3
    return MassEstimate(
        value=volume * used,
        interval=estimate.interval,
        background_hu=estimate.background_hu,
        background_error=estimate.background_error,
        noise_hu=estimate.noise_hu,
        region_voxels=estimate.region_voxels,
        calcium_hu=seen,
        density=used,
        calcium_mm3=volume,
        note=estimate.note,
    )


def integrated_voxels(hu: NDArray[np.number], calcium_hu: float, background_hu: float) -> float:
    """How many voxels of pure calcium explain the sum of ``hu`` (any shape, HU) over the background.

    The sum of the region less that of as many background voxels, over the contrast of calcium to background.
    """
    values = np.asarray(hu, dtype=np.float64)
    return float((values.sum() - values.size * background_hu) / (calcium_hu - background_hu))


def volume_fraction(hu: NDArray[np.number], calcium_hu: float, background_hu: float) -> float:
    """Sum of each voxel's share of calcium, in voxels; shares are not cut at 0 and 1, so that noise cancels."""
    return float(((np.asarray(hu, dtype=np.float64) - background_hu) / (calcium_hu - background_hu)).sum())


def _voxel_mm3(spacing: Spacing) -> float:
    """Volume of a voxel, multiplied in one order, so that turning the array changes no digit."""
    return math.prod(sorted(spacing))


def _estimate(region: Region, voxel_mm3: float, factor: float, factor_error: float) -> MassEstimate:
    value = region.excess * voxel_mm3 * factor
    image = region.sum_error * voxel_mm3 * factor
    calibration = region.excess * voxel_mm3 * factor_error
    half = NORMAL_95 * math.hypot(image * region.widening, calibration)
    return MassEstimate(
        value=value,
        interval=(value - half, value + half),
        background_hu=region.background,
        background_error=region.background_error,
        noise_hu=region.noise,
        region_voxels=region.voxels,
        note=region.note,
    )
