"""Whole-body numbers on real scans, against what the pictures show."""

import pytest

from tests.real.scans import NAMES, run

pytestmark = pytest.mark.real

SCORES = ("agatston", "volume", "mass", "integrated_mass", "volume_fraction_mass")


def measures(scans, name, site):
    found = {one.site: one.measures for one in run(scans, name).assessment.findings}
    return {key: one.value for key, one in found[site].items()}


@pytest.mark.parametrize(
    ("name", "site", "length", "share"),
    [
        # A plaque over 14 slices of 3 mm with three smaller ones above, a fifth to a half of the wall.
        ("abdomen-pelvis-contrast", "artery.aorta.abdominal", (45, 75), (15, 45)),
        # Specks along the outer wall of the arch, from its first to its last third.
        ("chest-coronary", "artery.aorta.arch", (35, 80), (5, 30)),
        # One plaque of 18 by 18 by 20 mm at the inner end of the arch.
        ("chest-aorta", "artery.aorta.arch", (12, 30), (8, 30)),
    ],
)
def test_calcified_length_and_circumference_are_those_of_the_picture(scans, name, site, length, share):
    found = measures(scans, name, site)
    assert length[0] <= found["calcified_length"] <= length[1]
    assert share[0] <= found["circumference"] <= share[1]
    assert found["circumference"] <= found["circumference_largest"] <= 60


def test_a_stone_has_its_three_diameters_and_its_attenuation(scans):
    found = measures(scans, "totalsegmentator/example_ct", "ureter.right")
    # Bright over 3 columns, 2 rows and 4 slices of 3 mm; its middle reaches 1,400 HU.
    assert found["diameter"] == pytest.approx(9.0, abs=1.5)
    assert found["diameter_perpendicular"] == pytest.approx(6.0, abs=1.5)
    assert found["diameter_craniocaudal"] == pytest.approx(12.0, abs=1.5)
    assert found["mean_hu"] < found["attenuation"] < found["peak"]


def test_a_gallstone_is_as_wide_as_it_is_tall(scans):
    found = measures(scans, "chest-abdomen-gallstone", "gallbladder")
    for name in ("diameter", "diameter_perpendicular", "diameter_craniocaudal"):
        assert found[name] == pytest.approx(23.0, abs=3.0)


@pytest.mark.parametrize("name", NAMES)
def test_no_scan_with_calcium_in_the_heart_or_with_contrast_or_without_a_heart_has_a_coronary_0(scans, name):
    assert not [
        one
        for one in run(scans, name).assessment.findings
        if one.site.startswith("artery.coronary") and one.measures["agatston"].value == 0.0
    ]


@pytest.mark.parametrize("name", NAMES)
def test_every_score_lies_in_its_interval(scans, name):
    for finding in run(scans, name).assessment.findings:
        for key in SCORES:
            one = finding.measures[key]
            assert (one.interval is None) is (one.value is None)
            if one.value is not None:
                low, high = one.interval
                assert 0 <= low <= one.value <= high, (finding.site, key)
