"""Sites of several series as one set."""

from __future__ import annotations

from dataclasses import replace

import pytest

from calciscope.domain.assessment import Validity
from calciscope.measure import measure, preset
from calciscope.measure.merge import merge
from tests.measure.make import anatomy, block, deposit, painted, placed

LAD, RCA, ARCH = "artery.coronary.lad", "artery.coronary.rca", "artery.aorta.arch"
ABDOMINAL, THORACIC = "artery.aorta.abdominal", "artery.aorta.thoracic"


def series(name, *what, blood=45.0, threshold=130.0):
    """Sites of one series: (site, first slice, HU) each."""
    found = [
        placed(replace(deposit(block(z, 10, 10, 4, 4, hu), name=f"{name}{z}", threshold=threshold), series=name), site)
        for site, z, hu in what
    ]
    return measure(found, painted(*(one.deposit for one in found)), anatomy(blood=blood), preset())


def by_site(sites):
    return {one.site: one for one in sites}


def agatston(sites, path):
    return by_site(sites)[path].measures["agatston"].value


def test_the_first_series_is_taken_as_it_is():
    sites = series("a", (LAD, 5, 250))
    assert merge((), sites) == sites


def test_another_part_of_the_body_adds_up():
    merged = merge(series("a", (LAD, 5, 250), (ABDOMINAL, 20, 350)), series("b", (ABDOMINAL, 30, 450), (RCA, 2, 150)))
    assert agatston(merged, ABDOMINAL) == 12 + 16
    site = by_site(merged)[ABDOMINAL]
    assert {one.deposit.id for one in site.placed} == {"a20", "b30"}
    assert site.deposit_agatston == {"a20": 12.0, "b30": 16.0}
    assert (site.values["count"], site.values["peak_hu"]) == (2.0, 450.0)
    assert site.measures["agatston"].validity is Validity.VALID
    total = by_site(merged)["artery.coronary"]
    assert total.rollup
    assert (total.values["agatston"], total.values["vessels"]) == (12.0, 2.0)


def test_a_parent_appears_when_two_series_together_have_its_parts():
    merged = merge(series("a", (ARCH, 5, 250)), series("b", (ABDOMINAL, 5, 350)))
    assert agatston(merged, "artery.aorta") == 20.0


@pytest.mark.parametrize("turned", [False, True])
def test_a_parent_that_owns_deposits_holds_the_parts_of_both_series_once(turned):
    a = series("a", ("artery.aorta", 5, 250), (ARCH, 9, 350))
    b = series("b", (ABDOMINAL, 25, 450), (THORACIC, 33, 150))
    merged = merge(b, a) if turned else merge(a, b)
    total = by_site(merged)["artery.aorta"]
    assert total.measures["agatston"].value == 8 + 12 + 16 + 4
    assert not total.rollup
    assert [one.deposit.id for one in total.placed] == ["a5"]


def test_a_deposit_that_two_series_can_share_is_said():
    merged = merge(series("a", (ABDOMINAL, 20, 350)), series("b", (ABDOMINAL, 21, 350)))
    measures = by_site(merged)[ABDOMINAL].measures
    assert measures["agatston"].validity is Validity.ADJUSTED
    assert "may count twice" in (measures["agatston"].why or "")
    assert measures["peak"].validity is Validity.VALID


def test_the_scoring_series_gives_the_scores_of_what_another_found():
    found = series("a", (LAD, 5, 600), (ABDOMINAL, 20, 600), blood=200.0, threshold=350.0)
    merged = merge(found, series("b", (LAD, 5, 350)), score=True)
    lad = by_site(merged)[LAD]
    assert [one.deposit.id for one in lad.placed] == ["a5"]
    assert (lad.values["agatston"], lad.values["peak_hu"]) == (12.0, 600.0)
    assert lad.measures["agatston"].validity is Validity.VALID
    assert lad.measures["agatston"].method.endswith("in series b")
    assert not lad.deposit_agatston
    assert by_site(merged)[ABDOMINAL].measures["agatston"].validity is Validity.REFUSED
    assert by_site(merged)["artery.coronary"].measures["agatston"].value == 12.0


def test_a_less_valid_score_does_not_replace():
    merged = merge(series("a", (LAD, 5, 350)), series("b", (LAD, 5, 600), blood=200.0), score=True)
    lad = by_site(merged)[LAD]
    assert (lad.values["agatston"], lad.deposit_agatston) == (12.0, {"a5": 12.0})


def test_the_volume_of_a_stone_stays_that_of_the_series_it_was_found_in():
    merged = merge(series("a", ("kidney.left", 5, 350)), series("b", ("kidney.left", 5, 900)), score=True)
    stone = by_site(merged)["kidney.left"].measures
    assert "series b" in stone["mass"].method
    assert "series b" not in stone["volume"].method


def test_what_only_the_scoring_series_shows_is_added_and_what_it_places_otherwise_is_not():
    found = series("a", (ARCH, 20, 600), blood=200.0)
    merged = merge(found, series("b", (THORACIC, 20, 350), (RCA, 5, 250)), score=True)
    assert set(by_site(merged)) == {ARCH, RCA, "artery.coronary"}


def test_attenuation_and_sizes_of_two_parts_are_pooled_and_not_summed():
    merged = by_site(merge(series("a", (ABDOMINAL, 20, 350)), series("b", (ABDOMINAL, 30, 450))))[ABDOMINAL].measures
    assert merged["mean_hu"].value == 400.0
    assert merged["sd_hu"].value == 50.0
    assert merged["median_hu"].value == 400.0
    one = by_site(series("a", (ABDOMINAL, 20, 350)))[ABDOMINAL].measures
    for name in ("diameter", "diameter_perpendicular", "diameter_craniocaudal"):
        assert merged[name].value == pytest.approx(one[name].value, rel=0.01)
    low, high = merged["agatston"].interval
    assert low <= merged["agatston"].value <= high
    assert merged["integrated_mass"].value > one["integrated_mass"].value


def test_each_deposit_keeps_its_own_numbers_when_series_are_joined():
    site = by_site(merge(series("a", (ABDOMINAL, 20, 350)), series("b", (ABDOMINAL, 30, 450))))[ABDOMINAL]
    assert set(site.deposit_numbers) == {"a20", "b30"}
    assert site.deposit_numbers["b30"].mass == pytest.approx(12.0 * 450 * 0.00075)


def test_the_scoring_series_gives_the_integrated_mass_too():
    found = series("a", (LAD, 5, 600), blood=200.0, threshold=350.0)
    lad = by_site(merge(found, series("b", (LAD, 5, 350)), score=True))[LAD].measures
    assert lad["integrated_mass"].value is not None
    assert lad["integrated_mass"].method.endswith("in series b")
