"""Which factor turns HU into hydroxyapatite mass, and where it comes from.

In this order: a factor that the user gives, the scanner's for this patient (DICOM (0018,9351)), a calibration phantom
that was scanned with the patient, the middle one of the scanner's for several sizes of patient ((0018,9352)), the
preset's. Mass is the factor times volume times attenuation (Hong C et al. Radiology 2002;223:474-80); see
docs/measures.md#mass-factor.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from calciscope.domain.assessment import Validity
from calciscope.domain.image import Acquisition
from calciscope.errors import InputError
from calciscope.measure.gate import Gate, acquisition_rules
from calciscope.measure.phantom.calibration import Calibration
from calciscope.measure.presets import MM3_PER_CM3, Threshold


@dataclass(frozen=True, slots=True)
class MassFactor:
    """``value`` in mg/mm3/HU, where it comes from, and what that means for the mass.

    ``error`` is its standard error in mg/mm3/HU where that was measured, else 0; ``gate`` then says that it is assumed.
    """

    value: float
    origin: str
    gate: Gate
    error: float = 0.0

    def applied(self, threshold: Threshold) -> Threshold:
        """The threshold with this factor."""
        return replace(threshold, mass_factor=self.value)


def mass_factor(
    acquisition: Acquisition,
    threshold: Threshold,
    *,
    given: float | None = None,
    calibration: Calibration | None = None,
) -> MassFactor:
    """The factor for this scan: ``given``, else the file's one, a phantom's, the middle one of the file, the preset's.

    ``given`` may be in mg/cm3/HU or in mg/mm3/HU (:func:`given_factor`). :func:`file_factors` are those of the file:
    of several the middle one is taken, adjusted, and only where the image shows no phantom. ``calibration`` is what
    :func:`calciscope.measure.phantom.calibration.calibrate` found.

    Raises:
        InputError: ``given`` is plausible in neither unit.
    """
    if given is not None:
        value = given_factor(given)
        return MassFactor(value, f"factor {value * MM3_PER_CM3:g} mg/cm3/HU as given", Gate())
    told = file_factors(acquisition)
    if len(told) == 1:
        return MassFactor(told[0] / MM3_PER_CM3, f"factor {told[0]:g} mg/cm3/HU of the file", Gate())
    if calibration is not None:
        seen = calibration.factor * MM3_PER_CM3
        origin = f"factor {seen:.3g} mg/cm3/HU of the phantom in the image ({calibration.phantom})"
        return MassFactor(calibration.factor, origin, Gate(), calibration.error)
    if told:
        middle = told[len(told) // 2]
        why = f"the file gives factors {told[0]:g} to {told[-1]:g} by size of patient, the middle one was used"
        return MassFactor(
            middle / MM3_PER_CM3, f"factor {middle:g} mg/cm3/HU of the file", Gate(Validity.ADJUSTED, why)
        )
    default = threshold.mass_factor * MM3_PER_CM3
    why = f"neither a phantom nor the file gives a mass factor, {default:.3g} mg/cm3/HU is assumed"
    return MassFactor(
        threshold.mass_factor, f"factor {default:.3g} mg/cm3/HU of the preset", Gate(Validity.ADJUSTED, why)
    )


def file_factors(acquisition: Acquisition) -> tuple[float, ...]:
    """The plausible mass factors of the file, ascending, mg/cm3/HU as they come in practice.

    One is (0018,9351), that of this patient; several are (0018,9352), for small to large patients.
    """
    lowest, highest = acquisition_rules().mass_factor_plausible
    return tuple(sorted(value for value in acquisition.mass_factors if lowest <= value <= highest))


def wants_phantom(acquisition: Acquisition, given: float | None = None) -> bool:
    """Whether a phantom in the image would give the factor: nothing that goes before it does."""
    return given is None and len(file_factors(acquisition)) != 1


def given_factor(value: float) -> float:
    """A user's factor in mg/mm3/HU, whether it was given in that unit or in mg/cm3/HU, a thousand times as large.

    Which of both is plain: the plausible ranges lie a factor of hundreds apart (``mass_factor_plausible`` in
    ``knowledge/acquisition.yaml``, mg/cm3/HU).

    Raises:
        InputError: it is plausible in neither.
    """
    lowest, highest = acquisition_rules().mass_factor_plausible
    if math.isfinite(value):
        if lowest <= value <= highest:
            return value / MM3_PER_CM3
        # A decimal times a thousand may fall a hair beside the limit that it stands for.
        if lowest <= round(value * MM3_PER_CM3, 9) <= highest:
            return value
    raise InputError(
        f"a mass factor of {value:g} is not plausible; give {lowest:g} to {highest:g} mg/cm3/HU "
        f"or {lowest / MM3_PER_CM3:g} to {highest / MM3_PER_CM3:g} mg/mm3/HU"
    )
