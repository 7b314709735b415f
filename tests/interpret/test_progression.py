"""Two dated values of one site: the inputs they give, the published definitions, and what the rules say of them."""

from datetime import date

import pytest

import calciscope
from calciscope.domain.patient import Patient, StatedFinding
from calciscope.interpret import load
from calciscope.interpret.progression import data, inputs_of, verdicts, years_between


def pair(before, after, site="artery.coronary", years=3, **patient):
    return Patient(
        findings=(
            StatedFinding(site, before, date(2020, 5, 1)),
            StatedFinding(site, after, date(2020 + years, 5, 1)),
        ),
        **patient,
    )


def fired(patient):
    finding = calciscope.assess(patient=patient).findings[0]
    return {one.rule for one in finding.seriousness.reasons}, finding


def values(before, after, years=1.0):
    return {name: value for name, (value, _) in inputs_of({"agatston": before}, {"agatston": after}, years).items()}


@pytest.mark.parametrize(
    ("before", "after", "berry", "raggi"),
    [
        (0.0, 1.0, True, None),
        (0.0, 0.0, False, None),
        (50.0, 60.0, True, True),
        (50.0, 59.0, False, True),
        (100.0, 110.0, True, False),
        (100.0, 109.0, False, False),
        (400.0, 460.0, True, False),
        (400.0, 461.0, True, True),
        (400.0, 380.0, False, False),
    ],
)
def test_the_definitions_of_a_year(before, after, berry, raggi):
    said = {one.definition.name: one.progression for one in verdicts(values(before, after))}
    assert said == {"hokanson": None, "berry": berry, "raggi": raggi}


def test_the_square_root_of_the_volume_needs_no_date():
    given = {name: value for name, (value, _) in inputs_of({"volume": 100.0}, {"volume": 157.0}, None).items()}
    said = {one.definition.name: (one.progression, one.why) for one in verdicts(given)}
    assert said["hokanson"] == (True, None)
    assert said["berry"][0] is None
    assert "agatston change per year" in said["berry"][1]


def test_years_have_leap_days():
    assert years_between(date(2020, 1, 1), date(2024, 1, 1)) == pytest.approx(4.0, abs=0.001)
    assert years_between(date(2024, 1, 1), date(2020, 1, 1)) < 0


@pytest.mark.parametrize(("before", "after"), [(0.0, 9.0), (0.0, 0.0), (50.0, 81.0), (50.0, 60.0), (210.0, 420.0)])
def test_the_rules_say_what_the_definition_says(before, after):
    names, finding = fired(pair({"agatston": before}, {"agatston": after}))
    rate = finding.measures["agatston_change_per_year"].value
    assert rate == pytest.approx((after - before) / 3, rel=0.001)
    berry = next(one for one in verdicts(values(before, after, 3.0)) if one.definition.name == "berry")
    spoke = {name for name in names if name.startswith(("progression.coronary.new", "progression.coronary.berry"))}
    assert bool(spoke) == berry.progression


def test_a_statin_never_failed():
    names, finding = fired(pair({"agatston": 210.0}, {"agatston": 420.0}, medications=("statin",)))
    assert "progression.coronary.treated" in names
    said = " ".join(one.statement for one in finding.seriousness.reasons) + " ".join(a.text for a in finding.advice)
    assert "two scores do not test a treatment" in said
    for rule in load().rules:
        if rule.id.startswith("progression."):
            assert "fail" not in rule.rule.statement


def test_one_date_or_none_gives_no_change():
    undated = Patient(findings=(StatedFinding("artery.coronary", {"agatston": 90.0}),))
    assert "agatston_change" not in fired(undated)[1].measures


def test_numbers_that_contradict_each_other_on_one_date_are_not_used():
    before = StatedFinding("artery.coronary", {"agatston": 90.0}, date(2020, 1, 1))
    other = StatedFinding("artery.coronary", {"agatston": 190.0}, date(2020, 1, 1))
    now = StatedFinding("artery.coronary", {"agatston": 300.0}, date(2022, 1, 1))
    assert "agatston_change" not in fired(Patient(findings=(before, other, now)))[1].measures


def test_elsewhere_no_definition_holds():
    assert "volume_root_change" not in fired(pair({"volume": 1.0}, {"volume": 99.0}, site="kidney.left"))[1].measures


def test_everything_cites_a_source():
    known = load().sources
    entries = [*data().definitions, *data().differences, data().interscan, data().shortest_years]
    assert all(one.source in known for one in entries)
