"""What a cardiologist would ask of the chapters on heart and arteries."""

import re

import pytest

from calciscope.interpret import interpret, load
from tests.interpret.make import patient

KNOWLEDGE = load()
CORONARY, VALVE, LEG = "artery.coronary", "heart.aortic_valve", "artery.leg.left"
MEASURED = {
    "age": 60.0,
    "sex": "male",
    "ancestry": "white",
    "height": 178.0,
    "weight": 84.0,
    "systolic": 138.0,
    "diastolic": 82.0,
    "labs": {"total_cholesterol": 220.0, "hdl": 45.0, "egfr": 85.0},
    "conditions": ("hypertension",),
    "medications": ("ramipril",),
    "history": (),
}


def judged(site, values, guidelines="esc", **known):
    """The one finding at a site."""
    (finding,) = interpret((), patient((site, values), **known), KNOWLEDGE, guidelines=guidelines).findings
    return finding


def rules_of(finding):
    return {reason.rule for reason in finding.seriousness.reasons}


def advice_of(finding):
    return " ".join(one.text for one in finding.advice)


def others_of(finding):
    return " ".join(one.why for one in finding.seriousness.alternatives)


def test_every_edition_stands_beside_the_chosen_one_with_its_year():
    finding = judged(CORONARY, {"agatston": 150.0, "vessels": 3.0}, age=62.0, sex="male")
    said = others_of(finding)
    for edition in ("2026, unverified", "2018/2019, superseded", "2022, superseded", "1999, superseded"):
        assert f"({edition})" in said
    assert finding.measures["agatston"].category.startswith("CAC-DRS 2018 A2; CAC-DRS 2018 N3")
    assert "coronary.esc.positive" in rules_of(finding)


def test_the_risk_without_the_calcium_has_the_class_of_2026():
    finding = judged(CORONARY, {"agatston": 35.0}, **MEASURED)
    risk = finding.measures["prevent_ascvd_10y"]
    assert 5.0 <= risk.value < 10.0
    assert risk.category == "ACC/AHA 2026 intermediate risk"
    assert "coronary.mesa-risk.lowered" in rules_of(finding)


@pytest.mark.parametrize(("score", "goal", "silent"), [(35.0, "below 100", "below 70"), (300.0, "below 70", "55")])
def test_the_known_percentile_settles_the_goal_of_2026(score, goal, silent):
    advice = [one.text for one in judged(CORONARY, {"agatston": score}, "us", **MEASURED).advice if "2026" in one.text]
    assert len(advice) == 1
    assert goal in advice[0]
    assert silent not in advice[0]


def test_without_a_percentile_both_goals_are_named():
    advice = advice_of(judged(CORONARY, {"agatston": 35.0}, "us", age=60.0))
    assert "below 100 mg/dL" in advice
    assert "below 70 mg/dL" in advice


@pytest.mark.parametrize(
    "known",
    [
        {"conditions": ("type 2 diabetes",)},
        {"conditions": ("current smoker",)},
        {"conditions": ("familial hypercholesterolaemia",)},
        {"history": ("family history of premature coronary disease",)},
    ],
)
def test_a_zero_does_not_defer_treatment_for_the_exceptions(known):
    plain = judged(CORONARY, {"agatston": 0.0}, "us", age=58.0, sex="male")
    finding = judged(CORONARY, {"agatston": 0.0}, "us", age=58.0, sex="male", **known)
    assert "may be deferred" in advice_of(plain)
    assert "may be deferred" not in advice_of(finding)
    assert "coronary.zero.exceptions" in rules_of(finding)
    assert finding.seriousness.value == "none"


def test_the_warranty_of_a_zero_depends_on_sex():
    for sex, other in (("male", "women"), ("female", "men")):
        rules = rules_of(judged(CORONARY, {"agatston": 0.0}, age=58.0, sex=sex))
        assert f"coronary.warranty.{other}" not in rules
        assert any(rule.startswith("coronary.warranty.") for rule in rules)


@pytest.mark.parametrize("score", [0.0, 60.0, 900.0])
def test_known_disease_decides_and_the_tiers_of_prevention_are_silent(score):
    finding = judged(CORONARY, {"agatston": score}, "us", age=66.0, conditions=("coronary stent",))
    assert not re.search(r"ACC/AHA 20\d\d -", advice_of(finding))
    assert "known cardiovascular disease" in advice_of(finding)


@pytest.mark.parametrize(
    ("values", "level"),
    [
        ({"shemesh": 0.0}, "none"),
        ({"shemesh": 3.0}, "monitor"),
        ({"shemesh": 4.0}, "significant"),
        ({"weston": 0.0}, "none"),
        ({"weston": 8.0}, "monitor"),
        ({"weston": 9.0}, "significant"),
        ({"extent": "mild"}, "monitor"),
        ({"extent": "severe"}, "significant"),
    ],
)
def test_grades_of_an_ungated_chest_ct(values, level):
    assert judged(CORONARY, values, age=63.0).seriousness.value == level


def test_special_scores_are_used_and_not_asked_for():
    known = patient((CORONARY, {"agatston": 35.0}), age=60.0)
    assert not {"shemesh", "weston"} & {one.input for one in interpret((), known, KNOWLEDGE).unknowns}


ECHO = {"aortic_vmax": 3.2, "aortic_mean_gradient": 26.0, "aortic_valve_area": 0.8}


@pytest.mark.parametrize(
    ("function", "symptoms", "stage", "level"),
    [
        ({"aortic_vmax": 1.7}, (), "a", "incidental"),
        ({"aortic_mean_gradient": 46.0, "lvef": 62.0}, ("asymptomatic",), "c1", "significant"),
        ({"aortic_mean_gradient": 46.0, "lvef": 44.0}, ("asymptomatic",), "c2", "significant"),
        ({"aortic_mean_gradient": 46.0, "lvef": 60.0}, ("dyspnoea on exertion",), "d1", "significant"),
        ({"aortic_mean_gradient": 46.0}, ("syncope",), "d1", "urgent"),
        ({**ECHO, "lvef": 32.0, "stroke_volume_index": 27.0}, ("dyspnoea",), "d2", "significant"),
        ({**ECHO, "lvef": 64.0, "stroke_volume_index": 30.0}, ("dyspnoea",), "d3", "significant"),
    ],
)
def test_stages_of_aortic_stenosis(function, symptoms, stage, level):
    finding = judged(VALVE, {}, "us", age=77.0, sex="male", function=function, symptoms=symptoms)
    stages = {rule for rule in rules_of(finding) if rule.startswith("valve.stage.")}
    assert stages == {f"valve.stage.{stage}"}
    assert finding.seriousness.value == level


def test_a_high_calcium_score_settles_a_discordant_echocardiogram_against_the_gradient():
    function = {**ECHO, "lvef": 64.0, "stroke_volume_index": 42.0}
    known = {"age": 80.0, "sex": "female", "function": function}
    high, low = (judged(VALVE, {"agatston": score}, **known) for score in (1700.0, 500.0))
    assert (high.seriousness.value, low.seriousness.value) == ("significant", "monitor")
    assert "1 to 2 years" not in advice_of(high)
    assert "1 to 2 years" in advice_of(low)


def test_low_flow_lowers_the_score_that_counts():
    function = {"lvef": 35.0, "stroke_volume_index": 28.0}
    rules = rules_of(judged(VALVE, {"agatston": 900.0}, sex="female", age=75.0, function=function))
    assert "avc.ratio.low-flow.women" in rules


@pytest.mark.parametrize(("score", "level"), [(2.0, "incidental"), (5.0, "monitor"), (8.0, "monitor")])
def test_the_annular_score_gives_its_class(score, level):
    finding = judged("heart.mitral_annulus", {"mac_score": score}, age=80.0)
    assert finding.seriousness.value == level
    assert finding.measures["mac_score"].category.startswith("Guerrero 2020")


@pytest.mark.parametrize(
    ("site", "values", "known", "level"),
    [
        ("heart.myocardium", {}, {"function": {"lvef": 35.0}}, "significant"),
        ("heart.myocardium", {}, {"function": {"lvef": 62.0}}, "monitor"),
        ("heart.pericardium", {"extent": "severe"}, {}, "significant"),
        (LEG, {}, {"function": {"ankle_brachial_index": 0.95}}, "monitor"),
        (LEG, {}, {"function": {"ankle_brachial_index": 0.6}}, "significant"),
        (LEG, {}, {"function": {"ankle_brachial_index": 1.6}}, "monitor"),
        (LEG, {}, {"function": {"ankle_brachial_index": 1.6, "toe_brachial_index": 0.4}}, "significant"),
        (LEG, {}, {"conditions": ("diabetes",), "symptoms": ("non healing ulcer",)}, "significant"),
        ("artery.carotid.left", {}, {"symptoms": ("hemiparesis",)}, "urgent"),
        ("artery.aorta.abdominal", {}, {"conditions": ("AAA",), "symptoms": ("back pain",)}, "urgent"),
        ("artery.aorta.abdominal", {}, {"symptoms": ("back pain",)}, "monitor"),
        ("artery.aorta.abdominal", {"pattern": "rim", "diameter": 42.0}, {}, "significant"),
        ("artery.mesenteric", {}, {"conditions": ("acute mesenteric ischaemia",)}, "urgent"),
        ("artery.splenic", {"pattern": "rim", "diameter": 18.0}, {"symptoms": ("abdominal pain",)}, "urgent"),
        ("artery.splenic", {"pattern": "tram-track"}, {}, "incidental"),
    ],
)
def test_function_and_alarms_move_the_grade(site, values, known, level):
    assert judged(site, values, age=70.0, sex="male", **known).seriousness.value == level


def test_a_percentile_is_computed_for_the_whole_coronary_tree_only():
    finding = judged("artery.coronary.lad", {"agatston": 120.0}, **MEASURED)
    assert "mesa_percentile" not in finding.measures


def test_no_advice_is_given_twice():
    for site in ("artery.carotid.left", LEG, "artery.renal.left", "artery.aorta.abdominal"):
        finding = judged(site, {"extent": "moderate"}, age=70.0)
        assert advice_of(finding).count("Assess cardiovascular risk factors") == 1, site


def test_a_low_score_keeps_a_symptomatic_normal_ejection_from_being_called_severe():
    function = {**ECHO, "lvef": 64.0, "stroke_volume_index": 30.0}
    known = {"age": 80.0, "sex": "female", "function": function, "symptoms": ("dyspnoea",)}
    assert judged(VALVE, {"agatston": 500.0}, **known).seriousness.value == "monitor"
    weak = judged(VALVE, {"agatston": 500.0}, **known | {"function": {**function, "lvef": 32.0}})
    assert weak.seriousness.value == "significant"
    assert "1 to 2 years" not in advice_of(weak)
