"""European and American guidelines side by side, and the workflow of discordant aortic stenosis."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calciscope.domain.assessment import Seriousness
from calciscope.interpret import interpret, load
from tests.interpret.make import fired, patient

KNOWLEDGE = load()
VALVE = "heart.aortic_valve"


def judged(site, values, guidelines="esc", **known):
    """The one finding at a site."""
    (finding,) = interpret((), patient((site, values), **known), KNOWLEDGE, guidelines=guidelines).findings
    return finding


def rules_of(finding):
    return {reason.rule for reason in finding.seriousness.reasons}


def test_between_1200_and_1300_the_two_guidelines_differ_for_women_and_both_are_shown():
    woman = {"sex": "female", "age": 77.0}
    esc = judged(VALVE, {"agatston": 1250.0}, "esc", **woman)
    us = judged(VALVE, {"agatston": 1250.0}, "us", **woman)
    assert (esc.seriousness.value, us.seriousness.value) == ("significant", "monitor")
    assert "ESC 2021 AVC severe stenosis likely" in esc.measures["agatston"].category
    assert "ACC/AHA 2020 AVC below the severe threshold" in us.measures["agatston"].category
    assert any("1300" in other.why and "2020" in other.why for other in esc.seriousness.alternatives)
    assert any("1200" in other.why and "2021" in other.why for other in us.seriousness.alternatives)


@pytest.mark.parametrize(
    ("guidelines", "spoken", "silent"),
    [("esc", "coronary.esc.positive", "coronary.acc-2026."), ("us", "coronary.acc-2026.mild", "coronary.esc.")],
)
def test_lipid_advice_is_that_of_the_chosen_guideline(guidelines, spoken, silent):
    finding = judged("artery.coronary", {"agatston": 40.0}, guidelines, age=58.0, sex="male")
    assert spoken in rules_of(finding)
    assert not any(rule.startswith(silent) for rule in rules_of(finding))
    assert finding.seriousness.alternatives


def test_a_superseded_edition_is_shown_with_its_year_and_never_decides():
    finding = judged("artery.coronary", {"agatston": 150.0}, "us", age=58.0)
    assert any("2018/2019, superseded" in other.why for other in finding.seriousness.alternatives)
    assert not any("acc-2018" in rule or "acc-2022" in rule for rule in rules_of(finding))
    assert not any("2018" in advice.text for advice in finding.advice)


@pytest.mark.parametrize(
    ("age", "esc", "us"),
    [(60.0, "surgery", "surgery"), (67.0, "surgery", "shared"), (75.0, "tavi", "shared"), (84.0, "tavi", "tavi")],
)
def test_the_choice_of_valve_follows_the_chosen_guideline(age, esc, us):
    severe = {"function": {"aortic_vmax": 4.4}, "age": age}
    assert f"valve.choice.esc-2025.{esc}" in rules_of(judged(VALVE, {}, "esc", **severe))
    found = rules_of(judged(VALVE, {}, "us", **severe))
    assert f"valve.choice.acc-2020.{us}" in found
    assert not any(rule.startswith("valve.choice.esc") for rule in found)


def test_a_question_on_which_only_one_guideline_speaks_is_decided_by_it():
    finding = judged(VALVE, {"agatston": 2400.0}, "us", sex="male", age=72.0)
    assert {"avc.us.men.severe", "avc.any-sex"} <= rules_of(finding)
    assert finding.seriousness.value == "significant"


@settings(max_examples=60, deadline=None)
@given(
    score=st.floats(0, 6000),
    age=st.floats(18, 100),
    sex=st.sampled_from(["female", "male"]),
    site=st.sampled_from(["artery.coronary", VALVE]),
    guidelines=st.sampled_from(["esc", "us"]),
    vmax=st.none() | st.floats(1.0, 6.0),
)
def test_no_rule_of_the_other_guideline_decides_a_question_that_the_chosen_one_answers(
    score, age, sex, site, guidelines, vmax
):
    function = {} if vmax is None else {"aortic_vmax": vmax}
    finding = judged(site, {"agatston": score}, guidelines, age=age, sex=sex, function=function)
    deciding = [KNOWLEDGE.get(rule) for rule in rules_of(finding)]
    chosen = {rule.question for rule in KNOWLEDGE.at(site) if rule.rule.guideline == guidelines}
    for rule in deciding:
        assert rule.rule.guideline in (None, guidelines) or rule.question not in chosen, rule.id


SMALL_AREA = {"aortic_valve_area": 0.9, "aortic_mean_gradient": 25.0}
# sex, score, what is known besides, how serious: area alone does not make a stenosis severe where velocity, gradient
# and calcium speak against it; a high score, low flow, a scarred valve or symptoms keep it from being put aside.
DISCORDANT = {
    "woman, little calcium": ("female", 500.0, {}, "monitor"),
    "woman, at the limit": ("female", 799.0, {}, "monitor"),
    "woman, indeterminate calcium": ("female", 900.0, {}, "significant"),
    "woman, much calcium": ("female", 1700.0, {}, "significant"),
    "man, little calcium": ("male", 1500.0, {}, "monitor"),
    "man, indeterminate calcium": ("male", 1700.0, {}, "significant"),
    "velocity agrees with gradient": ("female", 500.0, {"aortic_vmax": 3.2}, "monitor"),
    "velocity is severe after all": ("female", 500.0, {"aortic_vmax": 4.3}, "significant"),
    "normal flow": ("female", 900.0, {"aortic_vmax": 3.2, "stroke_volume_index": 42.0}, "monitor"),
    "normal flow, much calcium": ("female", 1700.0, {"aortic_vmax": 3.2, "stroke_volume_index": 42.0}, "significant"),
    "low flow, normal ejection": ("female", 900.0, {"stroke_volume_index": 30.0, "lvef": 60.0}, "significant"),
    "low flow, low ejection": ("female", 500.0, {"stroke_volume_index": 30.0, "lvef": 35.0}, "significant"),
}


@pytest.mark.parametrize("name", DISCORDANT)
@pytest.mark.parametrize("guidelines", ["esc", "us"])
def test_discordant_aortic_stenosis_is_integrated(name, guidelines):
    sex, score, more, level = DISCORDANT[name]
    function = {**SMALL_AREA, **more}
    finding = judged(VALVE, {"agatston": score}, guidelines, sex=sex, age=78.0, function=function)
    assert finding.seriousness.value == level
    discordant = more.get("aortic_vmax", 0.0) < 4.0
    much = "much calcium" in name  # which answers the question that the integration asks
    assert ("valve.discordant.integrate" in rules_of(finding)) == (discordant and not much)
    assert ("valve.discordant.calcium-high.women" in rules_of(finding)) == much


@pytest.mark.parametrize("word", ["bicuspid valve", "radiotherapy", "rheumatic fever"])
def test_little_calcium_does_not_reassure_in_a_valve_that_is_fibrous(word):
    finding = judged(VALVE, {"agatston": 500.0}, sex="female", age=60.0, function=SMALL_AREA, conditions=(word,))
    assert finding.seriousness.value == "significant"


@pytest.mark.parametrize("symptom", ["syncope", "angina", "heart failure"])
def test_symptoms_keep_a_discordant_valve_significant_and_make_a_severe_one_urgent(symptom):
    discordant = judged(VALVE, {"agatston": 500.0}, sex="female", function=SMALL_AREA, symptoms=(symptom,))
    assert discordant.seriousness.value == "significant"
    assert not any("within hours" in advice.text for advice in discordant.advice)
    severe = judged(VALVE, {"agatston": 1700.0}, sex="female", function=SMALL_AREA, symptoms=(symptom,))
    assert severe.seriousness.value == "urgent"
    alone = judged(VALVE, {}, sex="female", function={"aortic_valve_area": 0.8}, symptoms=(symptom,))
    assert alone.seriousness.value == "urgent"


def test_velocity_and_gradient_count_as_whichever_is_further_on():
    grades = {
        (3.2, 25.0): False,
        (4.1, 25.0): True,
        (3.2, 41.0): True,
    }
    for (vmax, gradient), severe in grades.items():
        found = fired(KNOWLEDGE, VALVE, aortic_valve_area=0.9, aortic_vmax=vmax, aortic_mean_gradient=gradient)
        assert ("valve.discordant.integrate" in found) != severe


def test_follow_up_is_advised_once_when_velocity_gradient_and_area_agree():
    function = {"aortic_vmax": 3.4, "aortic_mean_gradient": 28.0, "aortic_valve_area": 1.2}
    finding = judged(VALVE, {}, function=function)
    assert finding.seriousness.value == "monitor"
    assert sum("Repeat the echocardiogram" in advice.text for advice in finding.advice) == 1


def test_a_severe_valve_with_a_falling_ejection_fraction_or_symptoms_says_why():
    severe = {"aortic_vmax": 4.3, "lvef": 45.0}
    assert "valve.stage.c2" in rules_of(judged(VALVE, {}, function=severe))
    breathless = judged(VALVE, {}, function={"aortic_vmax": 4.3}, symptoms=("dyspnoea",))
    assert "valve.symptoms.dyspnoea" in rules_of(breathless)
    assert Seriousness(breathless.seriousness.value) is Seriousness.SIGNIFICANT
