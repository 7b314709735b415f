"""Two readings of a place that stand close."""

from __future__ import annotations

import pytest

from calciscope.domain.deposit import PlacedDeposit, Placement
from calciscope.measure import measure, preset
from tests.measure.make import anatomy, block, deposit, volume

VALVE, ANNULUS = "heart.aortic_valve", "heart.mitral_annulus"


def at(name, z, site, sure, *others, hu=350, by=None, rows=4):
    one = deposit(block(z, 10, 10, rows, 4, hu), name=name)
    return PlacedDeposit(one, Placement(site, sure, "test", "test", alternatives=others, by=by))


def sites(*placed, blood=45.0):
    return {one.site: one for one in measure(placed, volume(), anatomy(blood=blood), preset())}


def test_a_close_second_place_is_told_with_the_total_of_either_reading():
    found = sites(at("a", 5, VALVE, 0.55, (ANNULUS, 0.5)), at("b", 9, VALVE, 0.9), at("c", 12, ANNULUS, 0.8, hu=450))
    valve = found[VALVE]
    assert valve.review
    assert [(one.value, one.total) for one in valve.alternatives] == [(VALVE, 24.0), (ANNULUS, 16.0 + 12.0)]
    assert valve.alternatives[1].why == "1 of 2 deposits can lie there, up to 50% sure"
    assert not found[ANNULUS].review


@pytest.mark.parametrize(
    "one",
    [
        at("a", 5, VALVE, 0.9, (ANNULUS, 0.3)),
        at("a", 5, VALVE, 0.5, ("heart", 0.6)),
        at("a", 5, VALVE, 0.5, (ANNULUS, 0.5), by="a person"),
    ],
    ids=["far", "only less exact", "placed by a person"],
)
def test_no_review_without_a_real_second_reading(one):
    assert not sites(one)[VALVE].review


def test_a_speck_does_not_put_a_site_in_doubt():
    speck = at("a", 5, VALVE, 0.5, (ANNULUS, 0.5), rows=1)
    large = [at(f"b{z}", z, VALVE, 0.9) for z in (9, 12, 15)]
    assert not sites(speck, *large)[VALVE].review


def test_volume_counts_where_agatston_is_refused_or_not_defined():
    enhanced = sites(at("a", 5, VALVE, 0.55, (ANNULUS, 0.5)), blood=200.0)[VALVE]
    assert [one.total for one in enhanced.alternatives] == [12.0, 12.0]
    stone = sites(at("a", 5, "ureter.left", 0.5, ("vein.pelvic.left", 0.45)))["ureter.left"]
    assert [one.total for one in stone.alternatives] == [12.0, 12.0]
    vessel = sites(at("a", 5, "artery.iliac.left", 0.5, ("vein.pelvic.left", 0.45), hu=900))["artery.iliac.left"]
    assert [one.total for one in vessel.alternatives] == [12.0, 12.0]


LCX = "artery.coronary.lcx"


def test_where_only_the_heart_is_sure_its_best_readings_are_told():
    found = sites(at("a", 5, "heart", 0.8, (LCX, 0.4), (ANNULUS, 0.3), (VALVE, 0.1)), at("c", 12, ANNULUS, 0.8, hu=450))
    heart = found["heart"]
    assert heart.review
    totals = {one.value: one.total for one in heart.alternatives}
    assert set(totals) == {"heart", LCX, ANNULUS}
    assert totals[LCX] == 12.0
    assert totals[ANNULUS] == 12.0 + 16.0


@pytest.mark.parametrize(
    "one",
    [
        at("a", 5, "heart", 0.8, (LCX, 0.1)),
        at("a", 5, "artery.coronary", 0.8, ("heart", 0.7)),
        at("a", 5, "heart", 0.8, ("lung.nodule", 0.5)),
        at("a", 5, "heart", 0.8, (LCX, 0.4), by="a person"),
        at("a", 5, VALVE, 0.8, (ANNULUS, 0.4)),
    ],
    ids=["faint", "its parent", "not of the heart", "placed by a person", "exact itself"],
)
def test_what_is_no_exact_reading_of_a_parent_is_not_told(one):
    assert not sites(one)[one.placement.site].review


RCA, ROOT = "artery.coronary.rca", "artery.aorta.root"


def test_the_total_of_the_coronary_arteries_tells_its_readings():
    found = sites(at("a", 5, RCA, 0.6, (ROOT, 0.5)), at("b", 9, RCA, 0.9), at("c", 12, "heart", 0.8, (LCX, 0.4)))
    total = found["artery.coronary"]
    assert total.review
    assert total.measures["agatston"].value == 24.0
    assert [one.total for one in total.alternatives] == [24.0, 12.0, 36.0]
    assert {one.value for one in total.alternatives} == {"artery.coronary"}
    assert ROOT in total.alternatives[1].why


def test_a_doubt_between_two_arteries_changes_no_total():
    total = sites(at("a", 5, RCA, 0.6, (LCX, 0.5)))["artery.coronary"]
    assert not total.review
