"""Where the mass factor comes from."""

from __future__ import annotations

from dataclasses import replace

import pytest

from calciscope.domain.assessment import Validity
from calciscope.measure.mass import mass_factor
from calciscope.measure.presets import preset
from tests.measure.make import REFERENCE

AT_120 = preset().threshold(120.0)


def test_a_factor_for_this_patient_is_used_as_it_is():
    got = mass_factor(replace(REFERENCE, mass_factors=(0.722048,)), AT_120)
    assert got.value == pytest.approx(0.000722048)
    assert got.gate.validity is Validity.VALID
    assert got.applied(AT_120).mass_factor == got.value
    assert got.applied(AT_120).bins == AT_120.bins


def test_factors_by_size_of_patient_give_the_middle_one_adjusted():
    got = mass_factor(replace(REFERENCE, mass_factors=(0.81, 0.74, 0.78)), AT_120)
    assert got.value == pytest.approx(0.00078)
    assert got.gate.validity is Validity.ADJUSTED
    assert "0.74 to 0.81" in (got.gate.why or "")


@pytest.mark.parametrize("factors", [(), (0.0,), (74.0, -1.0)])
def test_without_a_plausible_factor_the_preset_says_what_it_assumes(factors):
    got = mass_factor(replace(REFERENCE, mass_factors=factors), AT_120)
    assert got.value == AT_120.mass_factor
    assert got.gate.validity is Validity.ADJUSTED
    assert "0.769 mg/cm3/HU" in (got.gate.why or "")
