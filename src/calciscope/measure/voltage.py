"""The threshold of a scan: what its tube voltage and beam make of the preset's threshold, and what calibrates it.

130 HU stand for 100 mg/cm3 hydroxyapatite at 120 kV (McCollough CH et al. Radiology 2007;243:527-38). Three cases:

* the voltage has a published threshold (Nakazato R et al. 2009, Grani C et al. 2018): that one, whatever else is known,
  so that scores of several centres compare;
* it has none, or a tin filter hardens the beam: the HU of the same hydroxyapatite, where a mass factor tells it, in the
  order of :mod:`calciscope.measure.mass`: given, of the file, of a phantom in the image;
* neither: the reference threshold is kept, and the number says which way that errs.

See docs/measures.md#threshold.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

from calciscope.domain.image import Acquisition
from calciscope.measure.gate import acquisition_rules
from calciscope.measure.mass import file_factors, given_factor
from calciscope.measure.presets import MM3_PER_CM3, Preset, Threshold


class Calibrated(Protocol):
    """A phantom seen in the image (:class:`calciscope.measure.phantom.calibration.Calibration` is one)."""

    @property
    def factor(self) -> float:
        """Hydroxyapatite over attenuation above water, mg/mm3/HU."""


def threshold_of(
    preset: Preset, acquisition: Acquisition, calibration: Calibrated | None = None, given: float | None = None
) -> Threshold:
    """The preset's threshold for this scan, with what the beam and a calibration change.

    ``given`` is a user's mass factor. A preset that is defined at some voltages only refuses a tin filter as well.
    ``why`` of the result is ``None`` under reference conditions alone.

    Raises:
        InputError: a threshold rests on ``given``, which is no mass factor.
    """
    return adapted(_uncalibrated(preset, acquisition), acquisition, calibration, given)


def _uncalibrated(preset: Preset, acquisition: Acquisition) -> Threshold:
    """The published threshold, else the one that is kept with its ``equivalent``."""
    kvp = acquisition.kvp
    if kvp is None or not acquisition.tin_filter:
        return preset.threshold(kvp)
    # A voltage behind tin is none of the published ones: the beam is that of a higher voltage.
    base = preset.threshold(preset.reference_kvp)
    if preset.other_voltages == "refuse":
        return replace(base, refused=True, why=f"preset {preset.name} is not defined for a tin filter ({kvp:g} kV)")
    why = f"{base.hu:g} HU is kept at {kvp:g} kV with a tin filter, which hardens the beam, so the number reads low"
    return replace(base, why=why, equivalent=preset.equivalent)


def adapted(
    threshold: Threshold,
    acquisition: Acquisition,
    calibration: Calibrated | None = None,
    given: float | None = None,
) -> Threshold:
    """The HU of ``threshold.equivalent`` mg/cm3 hydroxyapatite instead of a threshold that is only kept.

    The order is that of :func:`calciscope.measure.mass.mass_factor`. Density bins scale with the threshold. Returns
    ``threshold`` itself where it is published, where the preset keeps it at any voltage (``equivalent`` is ``None``),
    and where nothing plausible calibrates it. The result is ``adapted`` and its ``why`` names the origin.
    """
    if threshold.equivalent is None:
        return threshold
    found = _mass_factor(acquisition, calibration, given)
    if found is None:
        return threshold
    factor, origin = found
    # Whole HU above 0, as the published ones: the rod without calcium is only as near to water as its maker came.
    hu = float(round(threshold.equivalent / (factor * MM3_PER_CM3)))
    voltage = "unknown voltage" if acquisition.kvp is None else f"{acquisition.kvp:g} kV"
    tin = " with a tin filter" if acquisition.tin_filter else ""
    why = (
        f"the threshold is {hu:g} HU, that of {threshold.equivalent:g} mg/cm3 hydroxyapatite "
        f"at {voltage}{tin} by {origin}"
    )
    return replace(
        threshold,
        hu=hu,
        bins=(hu, *(edge * hu / threshold.hu for edge in threshold.bins[1:])),
        mass_factor=factor,
        adapted=True,
        why=why,
        equivalent=None,
    )


def _mass_factor(
    acquisition: Acquisition, calibration: Calibrated | None, given: float | None
) -> tuple[float, str] | None:
    """Factor (mg/mm3/HU) and where it comes from; of several sizes of patient the middle one.

    The order is that of :func:`calciscope.measure.mass.mass_factor`, so that threshold and mass rest on one factor.
    """
    if given is not None:
        factor = given_factor(given)
        return factor, f"the mass factor {factor * MM3_PER_CM3:g} mg/cm3/HU as given"
    told = file_factors(acquisition)
    lowest, highest = acquisition_rules().mass_factor_plausible
    if len(told) != 1 and calibration is not None and lowest <= calibration.factor * MM3_PER_CM3 <= highest:
        return calibration.factor, "a phantom in the image"
    if not told:
        return None
    middle = told[len(told) // 2]
    sizes = "" if len(told) == 1 else f", the middle one of {len(told)} by size of patient"
    return middle / MM3_PER_CM3, f"the mass factor {middle:g} mg/cm3/HU of the file{sizes}"
