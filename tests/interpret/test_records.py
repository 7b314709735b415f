"""Parts of a finding as they leave: reasons, classes, deposits, and what was told beside an image."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calciscope.domain.assessment import Measure, Validity
from calciscope.domain.patient import StatedFinding
from calciscope.interpret import load
from calciscope.interpret.merge import merge
from calciscope.interpret.records import categorised, deposit_records, reason
from tests.interpret.make import compiled, measured, patient, seen

KNOWLEDGE = load()
PLACES = ["kidney.left", "ureter.left", "lung.nodule", "liver"]
SCORE = {"agatston": Measure(value=120.0, unit="1", method="m")}


def classed(scheme, value, measure="agatston"):
    return compiled(then={"category": {"scheme": scheme, "value": value, "measure": measure}})


def test_a_class_is_named_with_its_scheme_once_and_in_order():
    fired = [classed("A", "mild"), classed("B", "2"), classed("A", "mild")]
    assert categorised(SCORE, fired, {})["agatston"].category == "A mild; B 2"
    assert SCORE["agatston"].category is None


def test_rules_without_a_class_and_classes_of_absent_numbers_change_nothing():
    assert categorised(SCORE, [compiled(), classed("A", "mild", "volume")], KNOWLEDGE.labs.words) == SCORE
    refused = {"agatston": Measure(value=None, unit="1", method="m", validity=Validity.REFUSED)}
    assert categorised(refused, [classed("A", "mild")], {}) == refused


def test_a_class_that_rules_propose_on_a_scale_of_words_is_a_measure():
    words = KNOWLEDGE.labs.words
    fired = [classed("BI-RADS", "3", "birads"), classed("BI-RADS", "4B", "birads")]
    proposed = categorised({}, fired, words)["birads"]
    assert (proposed.value, proposed.category) == (4.0, "BI-RADS 3; BI-RADS 4B")
    assert "proposed" in proposed.method


def test_a_stated_class_keeps_its_place_on_the_scale_beside_a_proposed_one():
    stated = {"birads": Measure(value=2.0, unit="1", method="stated")}
    both = categorised(
        stated, [classed("BI-RADS", "2", "birads"), classed("proposed", "4B", "birads")], KNOWLEDGE.labs.words
    )
    assert (both["birads"].value, both["birads"].method) == (2.0, "stated")
    assert both["birads"].category == "BI-RADS 2; proposed 4B"


def test_words_on_a_scale_are_measures_and_other_words_are_not():
    (place,) = merge((), patient(("tendon.shoulder.left", {"mole": "c", "location": "insertion"})), KNOWLEDGE)
    assert {name: one.value for name, one in place.members[0].measures.items()} == {"mole": 3.0}


def test_a_reason_tells_only_what_its_rule_looks_at():
    told = reason(compiled(names=("age", "egfr")), {"age": 60.0, "sex": "male"})
    assert told.inputs == {"age": 60.0}
    assert told.rule == "a.rule"
    noted = reason(compiled(then={"note": "Mind the ureter."}), {})
    assert noted.statement == f"{told.statement} Mind the ureter."


@given(st.integers(1, 5), st.floats(0, 1))
def test_each_deposit_leaves_with_its_own_place_and_no_score_that_was_not_given(count, sure):
    site = seen("kidney.left", at=[(float(i), 0.0, 0.0) for i in range(count)], confidence=sure)
    records = deposit_records(site)
    assert [one.id for one in records] == [one.deposit.id for one in site.placed]
    assert [one.center_mm[0] for one in records] == list(range(count))
    assert {(one.site, one.confidence, one.agatston) for one in records} == {("kidney.left", sure, None)}


def joined(image, told):
    site = measured("kidney.left", measures={"diameter": image}, values={"diameter": image.value})
    (place,) = merge((site,), patient(("kidney.left", {"diameter": told})), KNOWLEDGE)
    return place.members[0]


@given(st.floats(0.5, 100), st.floats(0.5, 100))
def test_the_image_is_used_and_a_difference_is_said_whichever_is_larger(image, told):
    one = joined(Measure(value=image, unit="mm", method="m"), told)
    other = joined(Measure(value=told, unit="mm", method="m"), image)
    assert one.values["diameter"] == one.measures["diameter"].value == image
    assert one.measures["diameter_stated"].value == told
    disagree = ["disagrees" in site.measures["diameter_stated"].why for site in (one, other)]
    assert disagree[0] is disagree[1]
    if disagree[0]:
        assert f"{image:g} measured in the image" in one.measures["diameter_stated"].why
    assert not (image == told and disagree[0])


@given(st.lists(st.sampled_from(PLACES), max_size=6), st.lists(st.sampled_from(PLACES), unique=True, max_size=4))
def test_a_place_each_images_first_and_nothing_lost(told, imaged):
    findings = [(path, {"diameter": float(number)}) for number, path in enumerate(told)]
    places = merge([measured(path) for path in imaged], patient(*findings), KNOWLEDGE)
    assert [place.site for place in places] == list(dict.fromkeys([*imaged, *told]))
    for place in places:
        assert place.stated is (place.site in told)
        assert len(place.members) == (1 if place.site in imaged else told.count(place.site))


@given(st.lists(st.dates(date(2000, 1, 1), date(2026, 1, 1)), min_size=1, max_size=6, unique=True))
def test_the_newest_of_dated_findings_holds_in_whatever_order_they_are_told(days):
    findings = [StatedFinding("lung.nodule", {"diameter": float(day.toordinal())}, day) for day in days]
    (place,) = merge((), patient(*findings), KNOWLEDGE)
    assert [one.values["diameter"] for one in place.members] == [max(days).toordinal()]
    assert list(place.earlier) == [f"diameter_{day.isoformat()}" for day in sorted(days)[:-1]]


@pytest.mark.parametrize(("told", "disagrees"), [(8.0, False), (7.4, True), (13.3, False), (13.4, True)])
def test_a_quarter_of_the_larger_is_the_limit(told, disagrees):
    said = joined(Measure(value=10.0, unit="mm", method="m"), told).measures["diameter_stated"].why
    assert ("disagrees" in said) is disagrees
