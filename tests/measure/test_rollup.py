"""Parents that sum the places below them, merged series, and readings: what holds for any set of sites."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from calciscope.domain.assessment import Measure, Validity
from calciscope.domain.deposit import PlacedDeposit, Placement
from calciscope.domain.measured import MeasuredSite
from calciscope.domain.site import within
from calciscope.measure import measure, preset
from calciscope.measure.gate import STRICTNESS, acquisition_rules
from calciscope.measure.mass import mass_factor
from calciscope.measure.merge import merge
from calciscope.measure.readings import reviewed
from calciscope.measure.rollup import children, combined, rollups, total
from tests.measure.make import REFERENCE, anatomy, block, deposit, painted, volume

CORONARY, AORTA, HEART = "artery.coronary", "artery.aorta", "heart"
LM, LAD, LCX, RCA = (f"{CORONARY}.{name}" for name in ("lm", "lad", "lcx", "rca"))
PLACES = [LM, LAD, RCA, CORONARY, f"{AORTA}.arch", f"{AORTA}.abdominal", AORTA, "heart.aortic_valve", "kidney.left"]
# Numbers that do not depend on what lies around a deposit: they add up exactly.
ADDING = ("agatston", "volume", "mass", "count")
VALVE, ANNULUS = "heart.aortic_valve", "heart.mitral_annulus"
ADJUSTED, REFUSED, VALID = Validity.ADJUSTED, Validity.REFUSED, Validity.VALID


def number(value, validity=VALID, why=None):
    return Measure(value=value, unit="1", method="m", preset="p", validity=validity, why=why)


def site(path, agatston=10.0, sure=0.9, mm3=10.0, **gate):
    """A site with every number that a parent takes from its parts."""
    given = dict.fromkeys(("mass", "count", "diameter", "peak"), number(2.0)) | {"volume": number(mm3)}
    measures = given | {"agatston": number(agatston, **gate)}
    values = {name: one.value for name, one in measures.items() if one.value is not None}
    return MeasuredSite(path, measures=measures, values=values, confidence=sure)


def by_path(*sites):
    return {one.site: one for one in sites}


def rolled(*sites):
    return by_path(*rollups(by_path(*sites)))


def where(name, z, path, sure=0.9, hu=350.0, others=(), rows=4, series="s1"):
    one = replace(deposit(block(z, 10, 10, rows, 4, hu), name=name), series=series)
    return PlacedDeposit(one, Placement(path, sure, "test", "test", alternatives=tuple(others)))


# One deposit each two slices, so that no two share an island.
placements = st.lists(
    st.tuples(st.sampled_from(PLACES), st.sampled_from([150.0, 250.0, 350.0, 900.0]), st.floats(0.1, 1.0)),
    min_size=1,
    max_size=9,
)


def scanned(what, series="s1", offset=1):
    found = [
        where(f"{series}-{i}", offset + 2 * i, path, sure, hu, series=series) for i, (path, hu, sure) in enumerate(what)
    ]
    return measure(found, painted(*(one.deposit for one in found)), anatomy(), preset())


@settings(max_examples=12)
@given(placements)
def test_every_parent_holds_all_that_lies_at_and_below_it(what):
    sites = by_path(*scanned(what))
    alone = {path: scanned([(p, hu, sure) for p, hu, sure in what if p == path])[0] for path, _, _ in what}
    for rule in acquisition_rules().rollups:
        parts = [one for path, one in alone.items() if within(path, rule.site)]
        if rule.site not in sites:
            assert len(parts) < rule.least
            continue
        parent = sites[rule.site]
        for name in ADDING:
            assert parent.measures[name].value == pytest.approx(sum(one.values[name] for one in parts))
        for name in ("diameter", "peak"):
            assert parent.measures[name].value == max(one.measures[name].value for one in parts)
        assert parent.rollup is (rule.site not in alone)
        assert min(one.confidence for one in parts) <= parent.confidence + 1e-6
        assert parent.confidence <= max(one.confidence for one in parts) + 1e-6


@settings(max_examples=12)
@given(placements)
def test_each_deposit_is_in_one_site_and_parents_own_none_of_their_parts(what):
    sites = scanned(what)
    owned = [one.deposit.id for each in sites for one in each.placed]
    assert sorted(owned) == sorted(f"s1-{i}" for i in range(len(what)))
    assert [one.site for one in sites] == sorted({one.site for one in sites})
    assert all(one.rollup is not bool(one.placed) for one in sites)


def owned_in_one_and_divided_in_the_other(first, second):
    """Whether one series has calcium at a parent as a whole only and the other only at its parts."""
    here, there = ({path for path, _, _ in what} for what in (first, second))
    for parent in (CORONARY, AORTA, HEART):
        divided = [any(path.startswith(parent + ".") for path in paths) for paths in (here, there)]
        whole = [parent in paths for paths in (here, there)]
        if (whole, divided) in (([True, False], [False, True]), ([False, True], [True, False])):
            return True
    return False


@settings(max_examples=12)
@given(placements, placements)
def test_two_parts_of_a_body_add_up_in_any_order(first, second):
    # The test below has this case by itself.
    assume(not owned_in_one_and_divided_in_the_other(first, second))
    a, b = scanned(first, "a", 1), scanned(second, "b", 21)
    one, other = by_path(*merge(a, b)), by_path(*merge(b, a))
    whole = by_path(*scanned([*first, *second]))
    assert one.keys() == other.keys() == whole.keys()
    for path, expected in whole.items():
        for name in ADDING:
            assert one[path].measures[name].value == pytest.approx(expected.measures[name].value), (path, name)
            assert other[path].measures[name].value == pytest.approx(expected.measures[name].value)
        assert {item.deposit.id for item in one[path].placed} == {item.deposit.id for item in other[path].placed}
        assert one[path].rollup is expected.rollup


@pytest.mark.parametrize("turned", [False, True])
def test_a_parent_seen_whole_in_one_series_and_divided_in_another_counts_each_part_once(turned):
    a, b = scanned([(f"{AORTA}.arch", 150.0, 1.0)], "a", 1), scanned([(AORTA, 150.0, 1.0)], "b", 21)
    merged = by_path(*(merge(b, a) if turned else merge(a, b)))
    assert merged[AORTA].values["agatston"] == 8.0


@pytest.mark.parametrize(("path", "least"), [(CORONARY, 1), (AORTA, 2), (HEART, 2)])
def test_a_parent_appears_from_so_many_places_on(path, least):
    parts = [site(f"{path}.{name}") for name in ("a", "b", "c")]
    for count in range(1, 4):
        assert (path in rolled(*parts[:count])) is (count >= least)


def test_what_a_parent_owns_counts_as_one_of_its_places():
    owner = rolled(site(AORTA, 5.0), site(f"{AORTA}.arch", 7.0))[AORTA]
    assert owner.values["agatston"] == 12.0
    assert owner.measures["agatston"].method == "sum of this site and the places below it"
    alone = rolled(site(AORTA, 5.0))[AORTA]
    assert (alone.values["agatston"], alone.measures["agatston"].method) == (5.0, "m")


def test_a_parent_that_holds_its_parts_already_is_left_as_it_is():
    sites = by_path(site(AORTA, 50.0), site(f"{AORTA}.arch", 7.0))
    kept = by_path(*rollups(sites, {AORTA}))
    assert kept[AORTA] is sites[AORTA]


def test_a_name_that_only_begins_alike_is_no_part():
    sites = by_path(site("heart.aortic_valve"), site("heartwood"), site(HEART))
    assert [one.site for one in children(HEART, sites)] == ["heart.aortic_valve"]


def test_one_refused_part_refuses_the_sum_and_all_that_is_computed_from_it():
    refused = site(LAD, None, validity=REFUSED, why="contrast")
    parent = rolled(refused, site(LM, 3.0, validity=ADJUSTED, why="lossy"))[CORONARY]
    for name in ("agatston", "agatston_lm_lad"):
        assert parent.measures[name].value is None
        assert parent.measures[name].validity is REFUSED
        assert set(parent.measures[name].why.split("; ")) == {"contrast", "lossy"}
        assert name not in parent.values
    assert "vessels" not in parent.values
    assert parent.values["volume"] == 20.0


def test_the_sum_of_left_main_and_lad_leaves_the_other_vessels_out():
    parent = rolled(site(LM, 3.0), site(LAD, 4.0), site(LCX, 50.0), site(RCA, 0.0))[CORONARY]
    assert parent.values["agatston_lm_lad"] == 7.0
    assert parent.measures["agatston_lm_lad"].method == "sum of LM and LAD"
    assert parent.values["vessels"] == 3.0, "a vessel without a score is not a vessel with calcium"
    assert "agatston_lm_lad" not in rolled(site(RCA))[CORONARY].values


def test_confidence_follows_the_volume_and_where_there_is_none_the_least_sure():
    sure = total(AORTA, None, [site("a", sure=1.0, mm3=30.0), site("b", sure=0.2, mm3=10.0)])
    assert sure.confidence == sure.values["confidence"] == 0.8
    assert total(AORTA, None, [site("a", sure=1.0, mm3=0.0), site("b", sure=0.2, mm3=0.0)]).confidence == 0.2


numbers = st.builds(
    lambda value, validity, why: number(None if validity is REFUSED else value, validity, why),
    st.floats(0, 1e5),
    st.sampled_from(Validity),
    st.none() | st.sampled_from(["a", "b", "a; c"]),
)


@given(st.lists(numbers, min_size=1, max_size=5))
def test_a_sum_is_as_strict_as_its_strictest_part_and_keeps_every_reason_once(parts):
    got = combined(parts, "sum", sum)
    assert got.validity is max((one.validity for one in parts), key=STRICTNESS.__getitem__)
    assert (got.value is None) is (got.validity is REFUSED)
    if got.value is not None:
        assert got.value == pytest.approx(sum(one.value for one in parts))
    reasons = got.why.split("; ") if got.why else []
    assert len(reasons) == len(set(reasons))
    assert set(reasons) == {reason for one in parts if one.why for reason in one.why.split("; ")}


def alternatives(*placed):
    sites = {one.site: one for one in measure(placed, volume(), anatomy(), preset())}
    return sites, {one.value: one.total for one in sites[VALVE].alternatives}


@given(st.floats(0.0, 1.0), st.floats(0.0, 1.0))
def test_two_readings_are_close_exactly_within_the_margin(sure, other):
    sites, _ = alternatives(where("a", 5, VALVE, sure, others=[(ANNULUS, other)]))
    assert sites[VALVE].review is (other >= sure - acquisition_rules().review.margin)
    assert bool(sites[VALVE].alternatives) is sites[VALVE].review


@settings(max_examples=12)
@given(st.lists(st.tuples(st.booleans(), st.sampled_from([150.0, 250.0, 450.0])), min_size=1, max_size=6))
def test_a_reading_moves_what_is_in_doubt_and_loses_nothing(deposits):
    doubtful = [hu for doubt, hu in deposits if doubt]
    items = [
        where(f"d{i}", 2 + 2 * i, VALVE, 0.6, hu, others=[(ANNULUS, 0.55)] if doubt else [])
        for i, (doubt, hu) in enumerate(deposits)
    ]
    sites, totals = alternatives(*items, where("there", 30, ANNULUS, hu=250.0))
    assert sites[VALVE].review is bool(doubtful)
    if doubtful:
        assert totals[VALVE] == sites[VALVE].values["agatston"]
        each = {hu: scanned([(VALVE, hu, 1.0)])[0].values["agatston"] for hu in doubtful}
        moved = sum(each[hu] for hu in doubtful)
        assert totals[ANNULUS] == pytest.approx(sites[ANNULUS].values["agatston"] + moved)


def test_review_changes_no_number_and_leaves_other_sites_as_they_were():
    found = measure([where("a", 5, VALVE), where("b", 9, "kidney.left")], volume(), anatomy(), preset())
    own = {one.site: one for one in found}
    assert reviewed(own) == own
    doubtful, _ = alternatives(where("a", 5, VALVE, others=[(ANNULUS, 0.9)]))
    assert dict(doubtful[VALVE].measures) == dict(own[VALVE].measures)


@given(st.lists(st.floats(0.0, 3.0), max_size=6))
def test_a_mass_factor_is_one_of_the_file_that_can_be_one_or_that_of_the_preset(factors):
    threshold = preset().threshold(120.0)
    lowest, highest = acquisition_rules().mass_factor_plausible
    got = mass_factor(replace(REFERENCE, mass_factors=tuple(factors)), threshold)
    usable = [one for one in factors if lowest <= one <= highest]
    assert got.gate.validity is (VALID if len(usable) == 1 else ADJUSTED)
    assert (got.gate.why is None) is (len(usable) == 1)
    if usable:
        assert got.value * 1000 == pytest.approx(sorted(usable)[len(usable) // 2])
        assert got.origin.endswith("of the file")
    else:
        assert got.value == threshold.mass_factor
        assert got.origin.endswith("of the preset")


spans = st.lists(
    st.tuples(st.floats(0, 1e4), st.floats(0, 1e3), st.floats(0, 1e3)).map(
        lambda one: Measure(
            value=one[0], unit="1", method="m", interval=(max(0.0, one[0] - one[1]), one[0] + one[2]), validity=VALID
        )
    ),
    min_size=1,
    max_size=6,
)


@given(spans)
def test_errors_of_parts_add_in_quadrature_about_the_sum(parts):
    got = combined(parts, "sum", sum)
    low, high = got.interval
    assert 0 <= low <= got.value <= high
    widths = [one.interval[1] - one.interval[0] for one in parts]
    slack = 1e-6 * (1 + got.value)
    assert max(widths) - slack <= high - low <= sum(widths) + slack
    if len(parts) == 1:
        assert got.interval == pytest.approx(parts[0].interval)
    else:
        assert "independent errors" in got.method


def test_a_sum_without_every_interval_or_with_a_refused_part_has_none():
    with_one = number(5.0).model_copy(update={"interval": (4.0, 6.0)})
    assert combined([with_one, number(2.0)], "sum", sum).interval is None
    assert combined([with_one, number(None, REFUSED, "contrast")], "sum", sum).interval is None
    assert combined([with_one, with_one], "largest", max).interval is None


def described(path, z, hu, rows=4, **numbers_):
    """A site of one block with attenuation statistics and sizes."""
    item = where(f"d{z}", z, path, hu=hu, rows=rows)
    shown = {"diameter": 5.0, "diameter_perpendicular": 3.0, "diameter_craniocaudal": 4.0, "attenuation": hu}
    shown |= {"mean_hu": hu, "sd_hu": 0.0, "median_hu": hu, **numbers_}
    return replace(
        site(path, mm3=item.deposit.volume_mm3),
        placed=(item,),
        measures={**site(path).measures, **{name: number(value) for name, value in shown.items()}},
    )


def test_attenuation_of_a_whole_is_that_of_all_its_voxels():
    arch, below = described(f"{AORTA}.arch", 3, 200.0, rows=12), described(f"{AORTA}.abdominal", 9, 800.0, rows=4)
    whole = rolled(arch, below)[AORTA]
    assert whole.measures["mean_hu"].value == pytest.approx((3 * 200 + 800) / 4)
    assert whole.measures["sd_hu"].value == pytest.approx(np.std([200.0] * 3 + [800.0]))
    assert whole.measures["median_hu"].value == 200.0
    assert whole.measures["attenuation"].value == 200.0, "of the largest deposit"
    assert "mean_hu" not in whole.values, "no rule is asked about the mean of different places"


def test_the_diameters_of_a_whole_are_those_of_one_deposit():
    flat = described(f"{AORTA}.arch", 3, 300.0, diameter=12.0, diameter_perpendicular=2.0, diameter_craniocaudal=3.0)
    tall = described(
        f"{AORTA}.thoracic", 9, 300.0, diameter=6.0, diameter_perpendicular=5.0, diameter_craniocaudal=40.0
    )
    whole = rolled(flat, tall)[AORTA].measures
    names = ("diameter", "diameter_perpendicular", "diameter_craniocaudal")
    assert [whole[name].value for name in names] == [12.0, 2.0, 3.0]


def test_lengths_add_up_and_shares_of_the_circumference_are_weighted_by_them():
    arch = described(f"{AORTA}.arch", 3, 300.0, calcified_length=30.0, circumference=20.0, circumference_largest=40.0)
    low = described(
        f"{AORTA}.abdominal", 9, 300.0, calcified_length=10.0, circumference=60.0, circumference_largest=90.0
    )
    whole = rolled(arch, low)[AORTA].measures
    assert whole["calcified_length"].value == 40.0
    assert whole["circumference"].value == pytest.approx(30.0)
    assert whole["circumference_largest"].value == 90.0
    untraced = described(f"{AORTA}.thoracic", 15, 300.0)
    partly = rolled(arch, low, untraced)[AORTA].measures
    assert not {"calcified_length", "circumference", "circumference_largest"} & partly.keys()
