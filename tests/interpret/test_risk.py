"""Published equations give published numbers, and are refused where they do not hold."""

import csv

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calciscope.domain.assessment import Validity
from calciscope.interpret import interpret, load, progression, risk
from calciscope.interpret.context import Inputs, complete
from tests.interpret.make import patient

KNOWLEDGE = load()


def numbers(site="artery.coronary", silent=(), **facts):
    """The measures for a finding with these inputs, in canonical units."""
    facts.setdefault("context", [])
    known = {name: float(value) if isinstance(value, int) else value for name, value in facts.items()}
    return risk.of_finding(site, complete(Inputs(known, frozenset(silent)), KNOWLEDGE), KNOWLEDGE)


# The answers of the official calculator (McClelland 2006).
OFFICIAL = [
    (55, "male", "white", 0, 0),
    (46, "female", "chinese", 35, 97),
    (62, "female", "black", 120, 91),
    (70, "male", "hispanic", 450, 84),
    (72, "male", "white", 1200, 85),
    (46, "male", "white", 45, 89),
]


@pytest.mark.parametrize(("age", "sex", "ancestry", "score", "percentile"), OFFICIAL)
def test_percentiles_are_those_of_the_official_calculator(age, sex, ancestry, score, percentile):
    found = numbers(age=age, sex=sex, ancestry=ancestry, agatston=score)["mesa_percentile"]
    assert found.value == percentile
    assert found.validity is Validity.VALID


@given(
    age=st.floats(45, 84.99), sex=st.sampled_from(["female", "male"]),
    ancestry=st.sampled_from(["white", "black", "chinese", "hispanic"]),
    scores=st.tuples(st.floats(0, 5000), st.floats(0, 5000)),
)  # fmt: skip
def test_a_higher_score_is_never_a_lower_percentile(age, sex, ancestry, scores):
    low, high = (
        numbers(age=age, sex=sex, ancestry=ancestry, agatston=score)["mesa_percentile"].value
        for score in sorted(scores)
    )
    assert 0 <= low <= high <= 99


def test_any_calcium_counts_as_one():
    few, one = (numbers(age=50, sex="female", ancestry="white", agatston=s)["mesa_percentile"].value for s in (0.3, 1))
    assert few == one > 0


@pytest.mark.parametrize("age", [44.9, 85, 30])
def test_no_percentile_outside_the_ages_of_the_table(age):
    found = numbers(age=age, sex="male", ancestry="white", agatston=50)["mesa_percentile"]
    assert found.value is None
    assert found.validity is Validity.REFUSED
    assert "is outside 45 to 85" in found.why


# A Hispanic man of 70: published test vector and what was computed with it (McClelland 2015).
@pytest.mark.parametrize(("score", "expected"), [(0, 3.06), (100, 10.4), (300, 13.8), (1000, 18.7)])
def test_mesa_risk_is_that_of_the_published_vector(score, expected):
    found = numbers(
        age=70, sex="male", ancestry="hispanic", agatston=score, systolic=130, hdl=50, total_cholesterol=190,
        context=["antihypertensive"],
    )  # fmt: skip
    assert found["mesa_chd_risk_10y"].value == expected
    assert found["mesa_chd_risk_10y_without_calcium"].value == 8.61


PERSON = {"age": 50, "systolic": 160, "total_cholesterol": 200, "hdl": 45, "egfr": 90, "body_mass_index": 35}
# The example of the authors of PREVENT: treated hypertension, diabetes, no statin, never a smoker (Khan 2024).
PREVENT = [
    ("female", {"cvd_10y": 14.7, "ascvd_10y": 9.2, "hf_10y": 8.1, "cvd_30y": 53.0, "ascvd_30y": 35.4, "hf_30y": 39.0}),
    ("male", {"cvd_10y": 16.3, "ascvd_10y": 10.2, "hf_10y": 10.6, "ascvd_30y": 34.9}),
]


@pytest.mark.parametrize(("sex", "expected"), PREVENT)
def test_prevent_is_that_of_its_authors_example(sex, expected):
    found = numbers(sex=sex, context=["antihypertensive", "diabetes"], **PERSON)
    for name, value in expected.items():
        assert found[f"prevent_{name}"].value == pytest.approx(value, abs=0.051)
        assert "base" in found[f"prevent_{name}"].method


@pytest.mark.parametrize(
    ("more", "version"),
    [
        ({}, "base"),
        ({"hba1c": 7.5}, "with HbA1c"),
        ({"urine_albumin_creatinine": 40.5}, "with urine albumin"),
        ({"hba1c": 7.5, "urine_albumin_creatinine": 40.5}, "with HbA1c and urine albumin"),
    ],
)
def test_the_fullest_version_whose_inputs_are_known_is_used(more, version):
    found = numbers(sex="female", context=["diabetes"], **PERSON, **more)["prevent_cvd_10y"]
    assert f"PREVENT, {version})" in found.method
    assert 0 < found.value < 100


def test_albumin_in_the_urine_and_sugar_raise_the_risk():
    base = {"sex": "male", "context": ["diabetes"], **PERSON}
    for name, low, high in (("urine_albumin_creatinine", 5, 500), ("hba1c", 5.5, 10)):
        less, more = (numbers(**base, **{name: value})["prevent_cvd_10y"].value for value in (low, high))
        assert less < more


def test_every_version_agrees_roughly_with_the_base_for_an_ordinary_person():
    ordinary = {**PERSON, "systolic": 120, "body_mass_index": 25, "sex": "female"}
    base = numbers(**ordinary)["prevent_cvd_10y"].value
    for more in ({"hba1c": 5.3}, {"urine_albumin_creatinine": 6.5}, {"hba1c": 5.3, "urine_albumin_creatinine": 6.5}):
        assert numbers(**ordinary, **more)["prevent_cvd_10y"].value == pytest.approx(base, rel=0.35)


@pytest.mark.parametrize(("name", "value"), [("total_cholesterol", 90), ("hdl", 101), ("systolic", 80), ("age", 28)])
def test_what_the_equation_was_not_made_for_is_refused_with_the_reason(name, value):
    found = numbers(sex="female", **{**PERSON, name: value})["prevent_ascvd_10y"]
    assert found.value is None
    assert found.validity is Validity.REFUSED
    assert f"{value} is outside" in found.why


def test_known_disease_refuses_a_risk_of_getting_it():
    found = numbers(sex="female", context=["myocardial_infarction", "heart_failure"], **PERSON)["prevent_cvd_10y"]
    assert found.value is None
    assert "myocardial infarction and heart failure is known" in found.why


def test_a_list_that_was_not_given_is_taken_for_empty_and_said():
    found = numbers(sex="female", silent=["medications"], **PERSON)["prevent_cvd_10y"]
    assert found.validity is Validity.ADJUSTED
    assert "medications not given" in found.why


def test_without_all_inputs_or_at_another_place_there_is_no_number():
    assert "prevent_cvd_10y" not in numbers(sex="female", age=50)
    assert not numbers(site="artery.coronary.lad", age=60, sex="male", ancestry="white", agatston=40)


def test_a_finding_carries_the_numbers_and_a_high_percentile_makes_it_significant():
    who = patient(("artery.coronary", {"agatston": 12.0}), age=52.0, sex="female", ancestry="white")
    (finding,) = interpret([], who, KNOWLEDGE).findings
    assert finding.measures["mesa_percentile"].value == 88.0
    assert finding.seriousness.value == "significant"
    assert finding.seriousness.reasons[0].rule == "coronary.percentile.mesa.high"
    assert not any("hoff" in reason.source for reason in finding.seriousness.reasons)


def test_every_number_is_an_input_that_rules_can_use_and_no_one_states():
    computed = {one.equation.name for one in risk.computables(KNOWLEDGE.names)}
    named = {name for name, quantity in KNOWLEDGE.labs.quantities.items() if quantity.group == "risk"}
    assert computed | set(progression.inputs_of_definitions()) == named
    for one in risk.computables(KNOWLEDGE.names):
        assert one.equation.source in KNOWLEDGE.sources


def test_the_tables_are_whole():
    with (risk.FOLDER / "mesa_percentiles.csv").open(encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    assert len(rows) == 4 * 2 * 40
    for row in rows:
        ladder = [int(row[f"p{n}"]) for n in range(1, 100)]
        assert ladder == sorted(ladder)
