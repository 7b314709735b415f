"""Which threshold a scan gets: published, calibrated or kept."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calciscope.domain.assessment import Validity
from calciscope.domain.image import Acquisition
from calciscope.measure import sites
from calciscope.measure.gate import acquisition_rules
from calciscope.measure.mass import mass_factor
from calciscope.measure.phantom.calibration import Calibration, Rod
from calciscope.measure.presets import preset, presets
from calciscope.measure.voltage import adapted, threshold_of
from tests.measure.make import REFERENCE, anatomy, block, deposit, placed, volume

STANDARD, FIXED, REFUSING = preset("standard"), preset("agatston-130"), preset("fqm-canon")


@dataclass(frozen=True)
class Phantom:
    """A calibration that saw this factor, mg/mm3/HU."""

    factor: float


def at(kvp, *factors, tin=False):
    return Acquisition(kvp=kvp, mass_factors=factors, tin_filter=tin)


@pytest.mark.parametrize(("kvp", "hu"), [(70.0, 207.0), (80.0, 177.0), (100.0, 147.0), (120.0, 130.0)])
def test_a_published_threshold_stays_whatever_calibrates(kvp, hu):
    for calibration in (None, Phantom(0.0009)):
        got = threshold_of(STANDARD, at(kvp, 0.9), calibration)
        assert got == STANDARD.threshold(kvp)
        assert got.hu == got.bins[0] == hu
        assert got.adapted is (kvp != 120)
        assert (got.why is None) is (kvp == 120)


@pytest.mark.parametrize(
    ("kvp", "errs"), [(130.0, "low"), (135.0, "low"), (140.0, "low"), (90.0, "high"), (110.0, "high")]
)
def test_elsewhere_130_is_kept_and_says_which_way_it_errs(kvp, errs):
    got = threshold_of(STANDARD, at(kvp))
    assert (got.hu, got.bins, got.adapted) == (130, (130, 200, 300, 400), False)
    assert got.why == f"130 HU is kept at {kvp:g} kV, so the number reads {errs}"


def test_given_file_phantom_sizes_and_keeping_come_in_this_order():
    by_phantom = threshold_of(STANDARD, at(140.0), Phantom(0.00085))
    assert by_phantom.hu == by_phantom.bins[0] == 118  # 100 mg/cm3 over 0.85 mg/cm3 a HU
    assert by_phantom.bins == pytest.approx((118, 118 * 200 / 130, 118 * 300 / 130, 118 * 400 / 130))
    assert by_phantom.mass_factor == 0.00085
    assert "118 HU, that of 100 mg/cm3 hydroxyapatite at 140 kV by a phantom in the image" in by_phantom.why
    by_file = threshold_of(STANDARD, at(140.0, 0.8), Phantom(0.00085))
    assert by_file.hu == 125
    assert "by the mass factor 0.8 mg/cm3/HU of the file" in by_file.why
    several = threshold_of(STANDARD, at(140.0, 0.9, 0.8, 0.85))
    assert several.hu == 118
    assert "the middle one of 3 by size of patient" in several.why
    seen = threshold_of(STANDARD, at(140.0, 0.9, 0.8, 0.85), Phantom(0.0008))
    assert seen.hu == 125
    assert "by a phantom in the image" in seen.why
    told = threshold_of(STANDARD, at(140.0, 0.8), Phantom(0.00085), 0.00077)
    assert told.hu == 130
    assert "by the mass factor 0.77 mg/cm3/HU as given" in told.why


@given(
    st.none() | st.floats(0.3, 1.5),
    st.lists(st.sampled_from([0.0, 0.7, 0.8, 0.85, 75.0]), max_size=3),
    st.booleans(),
)
def test_threshold_and_mass_rest_on_one_factor(told, factors, phantom):
    acquisition = at(140.0, *factors)
    rod = Rod(200.0, ((31.0, 5.0, 5.0),), (278.0,), 20.0)
    calibration = Calibration("phantom-x", 0.00072, 0.000004, rod, rod, (31,), 20.0) if phantom else None
    got = threshold_of(STANDARD, acquisition, calibration, told)
    assert mass_factor(acquisition, got, given=told, calibration=calibration).value == got.mass_factor
    nothing = told is None and not phantom and not any(0.3 <= one <= 1.5 for one in factors)
    assert got.adapted is not nothing


def test_what_is_no_mass_factor_calibrates_nothing():
    low, high = acquisition_rules().mass_factor_plausible
    for wrong in (low * 0.99, high * 1.01, -1.0, 0.0, 769.0):
        assert threshold_of(STANDARD, at(140.0, wrong)) == STANDARD.threshold(140.0)
        assert threshold_of(STANDARD, at(140.0), Phantom(wrong / 1000)) == STANDARD.threshold(140.0)


def test_tin_is_none_of_the_published_voltages():
    kept = threshold_of(STANDARD, at(100.0, tin=True))
    assert kept.hu == 130
    assert not kept.adapted
    assert kept.why == "130 HU is kept at 100 kV with a tin filter, which hardens the beam, so the number reads low"
    by_file = threshold_of(STANDARD, at(100.0, 0.8, tin=True))
    assert by_file.hu == 125
    assert "at 100 kV with a tin filter by the mass factor" in by_file.why
    assert threshold_of(REFUSING, at(100.0, tin=True)).refused
    assert threshold_of(STANDARD, at(None, 0.8, tin=True)) == STANDARD.threshold(None)


def test_presets_of_one_threshold_are_not_moved():
    for kvp in (None, 70.0, 100.0, 140.0):
        assert threshold_of(FIXED, at(kvp, 0.9), Phantom(0.0009)).hu == 130
    assert threshold_of(REFUSING, at(140.0, 0.9)).refused
    assert threshold_of(STANDARD, at(None, 0.9), Phantom(0.0009)).hu == 130


@given(
    st.sampled_from(sorted(presets())),
    st.none() | st.floats(60, 150),
    st.booleans(),
    st.none() | st.floats(0.0001, 0.002),
)
def test_whatever_is_not_the_reference_says_so_and_bins_ascend_from_the_threshold(name, kvp, tin, factor):
    rule = presets()[name]
    got = threshold_of(rule, at(kvp, tin=tin), None if factor is None else Phantom(factor))
    assert got.hu > 0
    assert not got.why or "mg/cm3" not in got.why or got.bins[0] == got.hu
    assert list(got.bins) == sorted(set(got.bins))
    reference = kvp is not None and round(kvp) == round(rule.reference_kvp) and not tin
    assert (got.why is None) is reference
    assert adapted(got, at(kvp, 0.9)) == got or got.equivalent is not None
    assert not (got.refused and got.adapted)


@given(st.floats(0.0005, 0.0014), st.floats(0.0005, 0.0014))
def test_darker_calcium_lowers_the_threshold(one, other):
    low, high = sorted((one, other))
    assert (
        adapted(STANDARD.threshold(140.0), at(140.0), Phantom(high)).hu
        <= adapted(STANDARD.threshold(140.0), at(140.0), Phantom(low)).hu
    )


@pytest.mark.parametrize(
    ("changes", "hu", "says", "score"),
    [
        ({"kvp": 100.0}, 140, "147 HU, as published for 100 kV", 0.0),
        ({"kvp": 80.0}, 270, "177 HU, as published for 80 kV", 4.0),
        ({"kvp": 70.0}, 210, "207 HU, as published for 70 kV", 4.0),
        ({"kvp": 140.0, "mass_factors": ()}, 135, "130 HU is kept at 140 kV, so the number reads low", 4.0),
        ({"kvp": 140.0, "mass_factors": (0.8,)}, 127, "125 HU, that of 100 mg/cm3", 4.0),
        ({"kvp": 100.0, "tin_filter": True}, 140, "133 HU, that of 100 mg/cm3", 4.0),
    ],
)
def test_the_number_is_adjusted_and_says_why(changes, hu, says, score):
    acquisition = replace(REFERENCE, **changes)
    spot = deposit(block(5, 9, 9, 4, 4, hu), threshold=125.0)
    (_, site) = sites.measure(
        [placed(spot, "artery.coronary.lad")], volume(acquisition=acquisition), anatomy(), STANDARD
    )
    got = site.measures["agatston"]
    assert got.value == score
    assert got.validity is Validity.ADJUSTED
    assert says in got.why
