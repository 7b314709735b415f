"""Patients whom nobody expects: very young, very ill, contradictory, incomplete, or with far too much said of them."""

import pytest

from calciscope.domain.assessment import Seriousness
from calciscope.domain.patient import StatedFinding
from calciscope.domain.site import paths
from calciscope.interpret import interpret, load
from tests.interpret.make import patient, seen

KNOWLEDGE = load()


def judged(*findings, guidelines="esc", **known):
    return interpret((), patient(*findings, **known), KNOWLEDGE, guidelines=guidelines)


def advice_of(result):
    return " ".join(advice.text for advice in result.advice)


def at(result, site):
    return next(one for one in result.findings if one.site == site)


def test_a_child_with_stones_is_worked_up():
    result = judged(("kidney.left", {"diameter": 4.0}), ("ureter.right", {"diameter": 4.0}), age=8.0, sex="male")
    assert at(result, "kidney.left").seriousness.value == "monitor"
    assert "metabolic work-up" in advice_of(result)
    grown = judged(("kidney.left", {"diameter": 4.0}), age=40.0)
    assert grown.seriousness is Seriousness.INCIDENTAL
    assert "metabolic work-up" not in advice_of(grown)


def test_a_newborn_is_not_told_to_stop_smoking():
    result = judged(
        ("artery.aorta.abdominal", {}),
        ("brain.basal_ganglia", {}),
        ("adrenal.left", {}),
        age=0.01,
        sex="female",
        labs={"calcium": 10.0, "phosphate": 7.0},
    )
    assert all(one.seriousness.value == "significant" for one in result.findings)
    assert "risk factors" not in advice_of(result)
    assert "genetic" in advice_of(result)
    # Phosphate of 7.0 mg/dL is normal at that age.
    assert not any("raised" in reason.statement for reason in at(result, "brain.basal_ganglia").kind.reasons)


def test_a_pregnant_woman_with_a_ring_at_the_spleen_and_a_ureteral_stone():
    result = judged(
        ("ureter.left", {"diameter": 4.0}),
        ("artery.splenic", {"pattern": "rim", "diameter": 15.0}),
        age=31.0,
        sex="female",
        conditions=("pregnancy",),
    )
    assert at(result, "ureter.left").seriousness.value == "significant"
    assert at(result, "artery.splenic").seriousness.value == "significant"
    assert "obstetrician" in advice_of(result)


def test_dialysis_and_everything():
    result = judged(
        ("lung", {"distribution": "diffuse"}),
        ("kidney.left", {}),
        ("stomach", {}),
        ("heart.aortic_valve", {"agatston": 900.0}),
        ("artery.coronary", {"agatston": 1500.0}),
        ("artery.leg.left", {}),
        ("skin", {}),
        ("eye", {}),
        age=58.0,
        sex="female",
        conditions=("dialysis", "diabetes"),
        symptoms=("skin necrosis",),
        labs={"calcium": 11.2, "phosphate": 7.9, "pth": 900.0, "albumin": 3.2},
    )
    assert result.seriousness is Seriousness.URGENT
    assert result.answer.startswith("Urgent: calciphylaxis of the skin")
    assert {at(result, site).kind.value for site in ("lung", "kidney.left", "stomach", "eye")} == {"metastatic"}
    assert {at(result, site).kind.value for site in ("artery.coronary", "heart.aortic_valve")} == {"dystrophic"}
    assert "tertiary hyperparathyroidism" in " ".join(r.statement for r in at(result, "lung").kind.reasons)
    assert len(result.advice) == len({advice.text for advice in result.advice})


def test_without_a_sex_the_valve_score_is_not_graded_and_the_sex_is_asked_for():
    result = judged(("heart.aortic_valve", {"agatston": 1500.0}), age=66.0)
    (finding,) = result.findings
    assert finding.measures["agatston"].category is None
    assert finding.seriousness.value == "monitor"
    asked = {one.input: one.would_change for one in result.unknowns}
    assert "significant" in asked["sex"]
    assert "female" in asked["sex"]


def test_ionised_calcium_decides_against_a_total_that_contradicts_it():
    labs = {"calcium": 14.8, "ionised_calcium": 1.2, "phosphate": 3.5, "pth": 30.0, "albumin": 4.0}
    result = judged(("lung", {"distribution": "diffuse"}), age=50.0, labs=labs)
    assert result.seriousness.rank < Seriousness.URGENT.rank
    assert "ionised value decides" in advice_of(result)
    true = judged(("lung", {"distribution": "diffuse"}), age=50.0, labs={**labs, "ionised_calcium": 1.9})
    assert true.seriousness is Seriousness.URGENT
    assert "disagree" not in advice_of(true)


@pytest.mark.parametrize(("pth", "cause"), [(4.0, "calcium-alkali"), (180.0, "primary hyperparathyroidism")])
def test_the_cause_of_nephrocalcinosis_follows_parathyroid_hormone(pth, cause):
    labs = {"calcium": 12.5, "phosphate": 2.8, "pth": pth, "bicarbonate": 34.0, "albumin": 4.0}
    result = judged(("kidney.left", {"pattern": "medullary nephrocalcinosis"}), age=50.0, labs=labs)
    finding = at(result, "kidney.left")
    said = " ".join(reason.statement for reason in (*finding.kind.reasons, *finding.seriousness.reasons))
    assert f"The likely cause is {'the ' if pth < 10 else ''}{cause}" in said
    if pth < 10:
        assert "kidney.stone.calcium" not in {reason.rule for reason in finding.seriousness.reasons}
        assert "Confirm primary hyperparathyroidism" not in advice_of(result)


def test_a_stone_with_raised_calcium_calls_for_its_cause():
    result = judged(("kidney.left", {"diameter": 4.0}), age=50.0, labs={"calcium": 11.4, "albumin": 4.0})
    assert result.seriousness is Seriousness.SIGNIFICANT
    assert "cause of the raised calcium" in advice_of(result)


@pytest.mark.parametrize("conditions", [(), ("alcohol misuse",), ("chronic pancreatitis",)])
@pytest.mark.parametrize("labs", [{}, {"calcium": 9.4, "phosphate": 3.4}])
def test_stones_of_the_pancreatic_duct_are_stones(conditions, labs):
    result = judged(("pancreas", {"pattern": "ductal stones"}), age=55.0, conditions=conditions, labs=labs)
    assert at(result, "pancreas").kind.value == "lithiasis"
    plain = judged(("pancreas", {}), age=55.0, conditions=conditions, labs=labs)
    assert at(plain, "pancreas").kind.value == "dystrophic"


def test_a_score_of_0_with_chest_pain_reassures_nobody():
    result = judged(
        ("artery.coronary", {"agatston": 0.0}),
        age=50.0,
        sex="male",
        symptoms=("angina",),
        conditions=("diabetes",),
    )
    (finding,) = result.findings
    assert finding.kind.value is None
    assert finding.measures["agatston"].category == "CAC-DRS 2018 A0"
    assert "does not exclude non-calcified plaque" in advice_of(result)
    assert "diabetes" in advice_of(result)


def test_forty_findings_are_all_judged_and_the_text_stays_short():
    everywhere = [StatedFinding(site, {}) for site in paths()[:40]]
    result = judged(*everywhere, age=60.0, sex="male")
    assert len(result.findings) == 40
    assert len(result.unknowns) <= 8
    assert len(result.answer) < 400
    assert all(len(one.would_change) < 500 for one in result.unknowns)


def test_a_finding_with_every_key_is_judged():
    values = {}
    for name, quantity in KNOWLEDGE.labs.quantities.items():
        if quantity.group == "finding":
            low, high = quantity.plausible
            values[name] = float(min(max(1.0, low), high))
    for name, word in KNOWLEDGE.labs.words.items():
        values[name] = word.allowed[0] if word.allowed else "something else"
    for site in ("soft_tissue", "artery.coronary", "breast.left", "skin", "kidney.left"):
        (finding,) = judged((site, dict(values)), age=50.0, sex="female").findings
        assert finding.kind.value is None or finding.kind.reasons
        assert finding.seriousness.reasons


def test_an_image_and_a_statement_that_disagree_are_both_shown():
    known = patient(("kidney.left", {"diameter": 18.0}), age=50.0)
    result = interpret((seen("kidney.left", diameter=6.0),), known, KNOWLEDGE, imaged=True)
    (finding,) = result.findings
    assert finding.measures["diameter"].value == 6.0
    assert finding.measures["diameter_stated"].value == 18.0
    assert "disagrees" in finding.measures["diameter_stated"].why
    assert finding.seriousness.value == "monitor"
    assert finding.stated


def test_urgent_calcium_alarms_even_where_no_finding_is_serious():
    result = judged(("scar", {}), age=60.0, labs={"calcium": 14.6, "albumin": 4.0})
    assert result.seriousness is Seriousness.URGENT
    assert result.answer.startswith("Urgent:")
    assert "emergency" in advice_of(result)


def test_an_alarm_that_was_capped_does_not_advise():
    result = judged(
        ("heart.aortic_valve", {"agatston": 500.0}),
        sex="female",
        age=78.0,
        symptoms=("syncope",),
        function={"aortic_valve_area": 0.9, "aortic_mean_gradient": 25.0},
    )
    assert result.seriousness is Seriousness.SIGNIFICANT
    assert "within hours" not in advice_of(result)
    assert "class I indication" not in advice_of(result)


@pytest.mark.parametrize("age", [0.01, 17.99, 45.0, 109.0, None])
@pytest.mark.parametrize(("sex", "guidelines"), [("female", "esc"), ("unknown", "us")])
def test_every_place_at_every_age_has_an_answer(age, sex, guidelines):
    result = judged(*[(site, {}) for site in paths()], age=age, sex=sex, guidelines=guidelines)
    assert len(result.findings) == len(paths())
    assert all(one.seriousness.value and one.kind.value for one in result.findings)
    assert result.seriousness.rank < Seriousness.URGENT.rank


DIALYSIS = {
    "age": 78.0,
    "sex": "female",
    "conditions": ("dialysis",),
    "labs": {"calcium": 9.4, "phosphate": 6.9, "pth": 500.0},
}


def test_a_speck_in_the_bowel_or_in_a_muscle_is_not_metastatic_because_of_dialysis():
    sites = (seen("bowel", diameter=2.5), seen("soft_tissue", diameter=4.0), seen("artery.aorta.arch"))
    result = interpret(sites, patient(**DIALYSIS), KNOWLEDGE, imaged=True)
    assert at(result, "bowel").kind.value == "indeterminate"
    assert at(result, "soft_tissue").kind.value != "metastatic"
    assert at(result, "artery.aorta.arch").kind.value == "dystrophic"
    assert result.seriousness is Seriousness.MONITOR
    widespread = (seen("soft_tissue", diameter=30.0), seen("artery.aorta.arch"), seen("lung.left"))
    result = interpret(widespread, patient(**DIALYSIS), KNOWLEDGE, imaged=True)
    assert at(result, "soft_tissue").kind.value == "metastatic"


def test_beside_an_infected_stone_nobody_is_told_to_wait():
    stone = seen("ureter.right", diameter=8.8, location="proximal")
    known = patient(age=71.0, symptoms=("fever", "flank pain"), labs={"creatinine": 2.0})
    result = interpret((stone,), known, KNOWLEDGE, imaged=True)
    assert result.seriousness is Seriousness.URGENT
    assert "drainage" in result.advice[0].text
    assert "observation" not in advice_of(result)


def test_the_cause_of_a_mineral_disorder_is_not_read_off_bowel_content():
    labs = {"calcium": 11.8, "phosphate": 2.3, "pth": 190.0, "albumin": 4.0}
    sites = (seen("bowel"), seen("pelvis"), seen("kidney.left", diameter=4.0))
    result = interpret(sites, patient(age=60.0, labs=labs), KNOWLEDGE, imaged=True)
    named = {
        one.site for one in result.findings if any("hyperparathyroidism with" in advice.text for advice in one.advice)
    }
    assert named == {"kidney.left"}


def test_normal_minerals_do_not_tell_a_stone_from_tissue():
    labs = {"calcium": 9.4, "phosphate": 3.4}
    for site in ("bowel", "abdomen", "pelvis", "unplaced"):
        result = interpret((seen(site),), patient(age=60.0, labs=labs), KNOWLEDGE, imaged=True)
        assert at(result, site).kind.value == "indeterminate"


@pytest.mark.parametrize(
    ("pattern", "level"),
    [
        ("fine linear branching", "significant"),
        ("amorphous calcifications", "significant"),
        ("milk of calcium", "incidental"),
        ("something else", "monitor"),
    ],
)
def test_the_shape_of_breast_calcium_is_understood_as_its_pattern(pattern, level):
    result = judged(("breast.left", {"pattern": pattern}), age=52.0, sex="female")
    assert result.findings[0].seriousness.value == level
    assert ("morphology" in {one.input for one in result.unknowns}) is (level == "monitor")


def test_a_stated_morphology_goes_before_the_pattern_and_no_other_site_takes_it():
    both = judged(("breast.left", {"pattern": "amorphous", "morphology": "coarse"}), age=52.0, sex="female")
    assert both.findings[0].seriousness.value == "incidental"
    lung = judged(("lung.nodule", {"pattern": "amorphous"}), age=52.0)
    assert not any("BI-RADS" in reason.statement for reason in lung.findings[0].seriousness.reasons)


def test_what_an_emergency_asks_for_comes_first():
    ill = {"labs": {"calcium": 9.1, "phosphate": 6.8, "pth": 900.0}, "conditions": ("dialysis",), "age": 67.0}
    result = judged(("skin", {"location": "thigh"}), symptoms=("painful necrotic ulcer",), **ill)
    assert result.seriousness is Seriousness.URGENT
    assert result.advice[0].site == "skin"
    assert len({one.text for one in result.advice}) == len(result.advice)


def test_an_infected_obstruction_is_not_offered_a_drug_to_wait_with():
    stone = ("ureter.left", {"diameter": 7.0, "location": "distal"})
    assert "expulsive" in advice_of(judged(stone, age=40.0, symptoms=("flank pain",)))
    septic = advice_of(judged(stone, age=40.0, symptoms=("fever",)))
    assert "expulsive" not in septic
    assert "drainage" in septic


def test_what_was_measured_or_hurts_already_is_not_asked_for():
    legs = ("artery.leg.left", {})
    measured = advice_of(judged(legs, symptoms=("claudication",), function={"ankle_brachial_index": 0.6}, age=64.0))
    assert "Measure the ankle-brachial index" not in measured
    assert "vascular" in measured
    shoulder = ("tendon.shoulder.left", {"diameter": 18.0})
    assert "if pain starts" not in advice_of(judged(shoulder, symptoms=("shoulder pain",), age=42.0))
    assert "if pain starts" in advice_of(judged(shoulder, symptoms=(), age=42.0))
    labs = {"calcium": 11.3, "albumin": 4.2, "phosphate": 2.2, "pth": 140.0}
    assert "measure parathyroid hormone" not in advice_of(
        judged(("kidney.left", {"diameter": 6.0}), labs=labs, age=58.0)
    )


@pytest.mark.parametrize(("pattern", "level"), [("Brooker III", "monitor"), ("Brooker IV", "significant")])
def test_a_brooker_class_named_as_the_pattern_is_bone(pattern, level):
    result = judged(("joint.hip.right", {"pattern": pattern}), age=30.0, conditions=("spinal cord injury",))
    assert (result.findings[0].kind.value, result.findings[0].seriousness.value) == ("ossification", level)
    assert "ferritin" not in advice_of(result)


def test_an_ageing_prostate_stays_physiological_with_normal_minerals():
    known = {"labs": {"calcium": 9.4, "phosphate": 3.4}, "age": 70.0, "sex": "male"}
    assert judged(("prostate", {}), **known).findings[0].kind.value == "physiological"
