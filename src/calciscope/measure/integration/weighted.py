"""Spatially weighted calcium score: a score without a threshold.

Every pixel counts by how likely it is to hold as much attenuation as 100 mg/cm3 of hydroxyapatite in the same image,
smoothed with its neighbours, so that faint and small deposits add to it (Liang CJ et al. BMC Med Imaging 2012;12:14).

For users: see docs/measures.md#spatially_weighted.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from calciscope.domain.assessment import Validity
from calciscope.errors import InputError
from calciscope.measure.gate import Gate
from calciscope.measure.phantom.calibration import Calibration
from calciscope.measure.presets import MM3_PER_CM3, Threshold

# A pixel and its four neighbours weigh the same.
CROSS_SHARE = 0.2
# Hydroxyapatite that the score is defined by, mg/cm3.
REFERENCE_DENSITY = 100.0


@dataclass(frozen=True, slots=True)
class Reference:
    """Attenuation of 100 mg/cm3 hydroxyapatite in an image: ``mean`` and ``sd`` in HU, and how far that holds."""

    mean: float
    sd: float
    gate: Gate


def measured_reference(values: NDArray[np.number]) -> Reference:
    """From the voxels (HU, any shape) of a rod of 100 mg/cm3: their mean and sample standard deviation.

    Raises:
        InputError: fewer than two voxels, or no spread at all.
    """
    region = np.asarray(values, dtype=np.float64)
    if region.size < 2 or float(region.std()) == 0.0:
        raise InputError("the calibration region of the spatially weighted score needs two different values or more")
    return Reference(float(region.mean()), float(region.std(ddof=1)), Gate())


def assumed_reference(threshold: Threshold, noise_hu: float) -> Reference:
    """Without such a rod: the calcium threshold at this voltage, which is published as the attenuation of 100 mg/cm3
    (McCollough CH et al. Radiology 2007;243:527-38), and the image's noise (standard deviation, HU) as its spread.

    Raises:
        InputError: the noise is not positive.
    """
    if not (math.isfinite(noise_hu) and noise_hu > 0):
        raise InputError(f"image noise is {noise_hu:g} HU; the spatially weighted score needs a positive one")
    why = (
        f"no rod of 100 mg/cm3 in the image, its attenuation is assumed as {threshold.hu:g} HU with a spread of the "
        f"image noise ({noise_hu:.0f} HU)"
    )
    return Reference(threshold.hu, noise_hu, Gate(Validity.ADJUSTED, why))


def calibrated_reference(calibration: Calibration, density: float) -> Reference:
    """From a phantom in the image whose rods hold other densities: ``density`` (mg/cm3) on the line between them.

    The spread is the noise in the calcium rod. Attenuation is linear in hydroxyapatite (McCollough 2007).

    Raises:
        InputError: the density is not positive.
    """
    if not (math.isfinite(density) and density > 0):
        raise InputError(f"a density of {density:g} mg/cm3 has no attenuation above water")
    mean = calibration.water_hu + density / MM3_PER_CM3 / calibration.factor
    return Reference(mean, calibration.noise, Gate())


def weights(image: NDArray[np.number], mean: float, sd: float) -> NDArray[np.float64]:
    """Smoothed weight of each pixel, same shape as ``image`` ``(..., y, x)``; outside the image the weight is 0.

    Raises:
        InputError: the image has no plane, or ``sd`` (HU) is not positive.
    """
    hu = np.asarray(image, dtype=np.float64)
    if hu.ndim < 2:
        raise InputError(f"the spatially weighted score needs an image of rows and columns, not {hu.ndim}-D values")
    if not (math.isfinite(sd) and sd > 0):
        raise InputError(f"the calibration has a standard deviation of {sd:g} HU; it must be positive")
    each = ndtr((hu - mean) / sd)
    smooth = each.copy()
    smooth[..., 1:, :] += each[..., :-1, :]
    smooth[..., :-1, :] += each[..., 1:, :]
    smooth[..., :, 1:] += each[..., :, :-1]
    smooth[..., :, :-1] += each[..., :, 1:]
    return np.asarray(smooth * CROSS_SHARE)


def spatially_weighted(
    image: NDArray[np.number], mean: float, sd: float, *, increment: float | None = None, reference_mm: float = 3.0
) -> float:
    """Spatially weighted score of an image ``(y, x)`` or of a stack ``(slices, y, x)``, HU; no unit.

    ``mean`` and ``sd`` (HU) are those of 100 mg/cm3 in the same image. The score is the sum of the smoothed weights
    over pixels and slices, as published for slices of one spacing; with ``increment`` (mm) it is referred to slices
    ``reference_mm`` apart, as the Agatston score is.
    """
    total = float(weights(image, mean, sd).sum())
    if increment is None:
        return total
    if not (math.isfinite(increment) and increment > 0):
        raise InputError(f"the slices are {increment:g} mm apart; the increment must be positive")
    return total * increment / reference_mm


def weighted_region(
    hu: NDArray[np.number],
    voxels: NDArray[np.integer],
    reference: Reference,
    *,
    slice_axis: int = 0,
    increment: float | None = None,
    reference_mm: float = 3.0,
) -> float:
    """Spatially weighted score of a part of an image: of the given voxels and the pixels beside them in their slices.

    ``hu`` is the whole image ``(z, y, x)`` in HU and ``voxels`` ``(n, 3)`` indices without repeats; smoothing reaches
    into what lies around, as in the whole image. ``increment`` and ``reference_mm`` (mm) as for
    :func:`spatially_weighted`. The work grows with the voxels, not with the image.

    Raises:
        InputError: as for :func:`spatially_weighted`.
    """
    if not (math.isfinite(reference.sd) and reference.sd > 0):
        raise InputError(f"the calibration has a standard deviation of {reference.sd:g} HU; it must be positive")
    if increment is not None and not (math.isfinite(increment) and increment > 0):
        raise InputError(f"the slices are {increment:g} mm apart; the increment must be positive")
    place = np.asarray(voxels, dtype=np.int64).reshape(-1, 3)
    within = _seen(_cross(place, slice_axis), hu.shape)
    summed = np.unique(np.ravel_multi_index(tuple(within.T), hu.shape))
    wanted = _cross(np.stack(np.unravel_index(summed, hu.shape), axis=1), slice_axis)
    near = _seen(wanted, hu.shape)
    values = hu[tuple(near.T)].astype(np.float64)
    total = float(ndtr((values - reference.mean) / reference.sd).sum()) * CROSS_SHARE
    return total if increment is None else total * increment / reference_mm


def _cross(place: NDArray[np.int64], slice_axis: int) -> NDArray[np.int64]:
    """Every voxel and its four neighbours in the slice, ``(5 n, 3)``."""
    steps = np.zeros((5, 3), dtype=np.int64)
    first, second = (axis for axis in range(3) if axis != slice_axis)
    steps[1, first], steps[2, first], steps[3, second], steps[4, second] = 1, -1, 1, -1
    return np.asarray((place[:, None, :] + steps[None]).reshape(-1, 3))


def _seen(place: NDArray[np.int64], shape: tuple[int, ...]) -> NDArray[np.int64]:
    """Those that lie in the image."""
    return np.asarray(place[((place >= 0) & (place < np.array(shape))).all(axis=1)])
