"""Where the mass factor comes from."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calciscope.domain.assessment import Validity
from calciscope.errors import InputError
from calciscope.measure.mass import given_factor, mass_factor, wants_phantom
from calciscope.measure.phantom.calibration import Calibration, Rod
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


def seen(factor: float = 0.00071, error: float = 0.000004) -> Calibration:
    rod = Rod(200.0, ((31.0, 5.0, 5.0),), (310.0,), 20.0)
    return Calibration("phantom-x", factor, error, rod, rod, (31,), 20.0)


def test_the_order_is_given_file_phantom_preset():
    file = replace(REFERENCE, mass_factors=(0.8,))
    sizes = replace(REFERENCE, mass_factors=(0.74, 0.78, 0.81))
    none = replace(REFERENCE, mass_factors=())
    assert mass_factor(file, AT_120, given=0.7, calibration=seen()).value == pytest.approx(0.0007)
    assert mass_factor(file, AT_120, calibration=seen()).value == pytest.approx(0.0008)
    assert mass_factor(sizes, AT_120, calibration=seen()).value == pytest.approx(0.00071)
    assert mass_factor(sizes, AT_120).value == pytest.approx(0.00078)
    assert mass_factor(none, AT_120, calibration=seen()).value == pytest.approx(0.00071)
    assert mass_factor(none, AT_120).value == AT_120.mass_factor


def test_a_phantom_is_looked_for_only_where_nothing_goes_before_it():
    def told(*factors):
        return replace(REFERENCE, mass_factors=factors)

    assert wants_phantom(told())
    assert wants_phantom(told(0.74, 0.78, 0.81))
    assert wants_phantom(told(0.0, 75.0))  # none of them is a factor
    assert not wants_phantom(told(0.8))
    assert not wants_phantom(told(0.0, 0.8))
    assert not wants_phantom(told(), given=0.7)


def test_each_origin_is_named():
    none = replace(REFERENCE, mass_factors=())
    assert "as given" in mass_factor(none, AT_120, given=0.7).origin
    assert "of the file" in mass_factor(REFERENCE, AT_120).origin
    phantom = mass_factor(none, AT_120, calibration=seen())
    assert "phantom-x" in phantom.origin
    assert phantom.gate.validity is Validity.VALID
    assert phantom.error == 0.000004
    assert "of the preset" in mass_factor(none, AT_120).origin


@given(st.floats(0.3, 1.5))
def test_a_given_factor_is_the_same_in_either_unit(factor):
    assert given_factor(factor) == pytest.approx(factor / 1000)
    assert given_factor(factor / 1000) == pytest.approx(factor / 1000)


@pytest.mark.parametrize("limit", [0.3, 1.5, 0.0003, 0.0015])
def test_the_limits_themselves_are_plausible(limit):
    assert given_factor(limit) in (pytest.approx(0.0003), pytest.approx(0.0015))


@pytest.mark.parametrize("value", [0.0, -0.75, 75.0, 0.02, 0.00001, float("nan"), float("inf")])
def test_a_factor_plausible_in_neither_unit_is_refused(value):
    with pytest.raises(InputError, match=r"not plausible; give 0\.3 to 1\.5 mg/cm3/HU or 0\.0003 to 0\.0015"):
        mass_factor(REFERENCE, AT_120, given=value)
