"""Which factor turns HU into hydroxyapatite mass: the scanner's own where the file brings one, else the preset's."""

from __future__ import annotations

from dataclasses import dataclass, replace

from calciscope.domain.assessment import Validity
from calciscope.domain.image import Acquisition
from calciscope.measure.gate import Gate, acquisition_rules
from calciscope.measure.presets import MM3_PER_CM3, Threshold


@dataclass(frozen=True, slots=True)
class MassFactor:
    """``value`` in mg/mm3/HU, where it comes from, and what that means for the mass."""

    value: float
    origin: str
    gate: Gate

    def applied(self, threshold: Threshold) -> Threshold:
        """The threshold with this factor."""
        return replace(threshold, mass_factor=self.value)


def mass_factor(acquisition: Acquisition, threshold: Threshold) -> MassFactor:
    """The factor for this scan.

    One value is (0018,9351), for this patient; several are (0018,9352), for small to large patients, of which the
    middle one is taken, adjusted. Both are mg/cm3/HU in practice. Values outside the plausible range are not used.
    """
    lowest, highest = acquisition_rules().mass_factor_plausible
    given = sorted(value for value in acquisition.mass_factors if lowest <= value <= highest)
    if len(given) == 1:
        return MassFactor(given[0] / MM3_PER_CM3, f"factor {given[0]:g} mg/cm3/HU of the file", Gate())
    if given:
        middle = given[len(given) // 2]
        why = f"the file gives factors {given[0]:g} to {given[-1]:g} by size of patient, the middle one was used"
        return MassFactor(
            middle / MM3_PER_CM3, f"factor {middle:g} mg/cm3/HU of the file", Gate(Validity.ADJUSTED, why)
        )
    default = threshold.mass_factor * MM3_PER_CM3
    why = f"neither a phantom nor the file gives a mass factor, {default:.3g} mg/cm3/HU is assumed"
    return MassFactor(
        threshold.mass_factor, f"factor {default:.3g} mg/cm3/HU of the preset", Gate(Validity.ADJUSTED, why)
    )
