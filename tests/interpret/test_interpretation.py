"""The whole room: findings with kind, seriousness, advice and sources, roll-ups, alarms and the answer."""

from dataclasses import replace

import numpy as np
import pytest

from calciscope.domain.assessment import DepositRecord, Finding, Measure, Seriousness, Validity
from calciscope.domain.deposit import Deposit, PlacedDeposit, Placement, Shape
from calciscope.interpret import interpret, load
from tests.interpret.make import PLACE, hospital, measured, patient, rule

KNOWLEDGE = load()


def find(result, site) -> Finding:
    return next(finding for finding in result.findings if finding.site == site)


def placed(site, identity="d1"):
    deposit = Deposit(
        id=identity,
        series="s1",
        voxels=np.zeros((7, 3), np.int32),
        hu=np.full(7, 420.0, np.float32),
        threshold_hu=130.0,
        background_hu=40.0,
        center_index=(3, 4, 5),
        center_mm=(1.0, 2.0, 3.0),
        extent_mm=(2.0, 2.0, 3.0),
        volume_mm3=9.0,
        shape=Shape(3.0, 2.0, 0.9, 0.0),
    )
    placement = Placement(site, 0.7, "embedded", "heart", alternatives=(("heart", 0.2),))
    return PlacedDeposit(deposit, placement)


def coronary(total=350.0):
    """A coronary roll-up and two vessels, as the measuring stage hands them over."""
    score = Measure(
        value=total, unit="1", method="agatston", preset="standard", validity=Validity.ADJUSTED, why="130 kV"
    )
    part = score.model_copy(update={"value": total / 2})
    return (
        measured("artery.coronary", rollup=True, measures={"agatston": score}, values={"agatston": total}),
        measured(
            "artery.coronary.lad",
            placed=(placed("artery.coronary.lad"),),
            measures={"agatston": part},
            values={"agatston": total / 2},
            deposit_agatston={"d1": total / 2},
            confidence=0.7,
        ),
        measured("artery.coronary.rca", measures={"agatston": part}, values={"agatston": total / 2}),
    )


def test_nothing_given_is_not_an_all_clear():
    result = interpret((), patient(age=50.0, labs={"calcium": 15.0}), KNOWLEDGE)
    assert result.findings == ()
    assert result.seriousness is Seriousness.NONE
    assert "not an all-clear" in result.answer
    assert result.unknowns == result.advice == ()


def test_an_empty_image_says_what_could_not_be_judged():
    result = interpret((), patient(), KNOWLEDGE, imaged=True, not_judged=("coronary arteries (contrast)",))
    assert result.answer == "No calcium deposit was found in what was imaged; not judged: coronary arteries (contrast)."


def test_a_score_of_zero_has_no_kind_and_is_normal():
    result = interpret((), patient(("artery.coronary", {"agatston": 0.0}), age=52.0, sex="female"), KNOWLEDGE)
    finding = find(result, "artery.coronary")
    assert finding.kind.value is None
    assert finding.kind.reasons == ()
    assert finding.seriousness.value == "none"
    assert result.seriousness is Seriousness.NONE
    assert result.answer == "Normal: no calcium is there (coronary arteries)."
    assert not result.unknowns or all("metastatic" not in one.would_change for one in result.unknowns)


def test_absent_calcium_is_no_organ_with_calcium():
    known = patient(("stomach", {}), ("lung", {"count": 0.0}), age=50.0)
    reasons = [one.rule for one in find(interpret((), known, KNOWLEDGE), "stomach").kind.reasons]
    assert "kind.multi-organ" not in reasons


def test_a_finding_carries_its_reasons_inputs_weights_and_sources():
    labs = {"calcium": 11.4, "phosphate": 8.1, "albumin": 3.9}
    known = patient(("lung", {"distribution": "diffuse"}), ("stomach", {}), age=47.0, labs=labs)
    result = interpret((), known, KNOWLEDGE)
    finding = find(result, "lung")
    assert finding.kind.value == "metastatic"
    assert finding.stated
    assert Seriousness(finding.seriousness.value).rank >= Seriousness.SIGNIFICANT.rank
    reason = next(one for one in finding.kind.reasons if one.rule == "kind.calcium.raised.normal-tissue")
    assert reason.inputs == {"calcium_state": "high", "site": "lung"}
    assert reason.weights == {"metastatic": 3.0}
    assert reason.status == "unverified"
    shown = {source.id for source in result.sources}
    every = [*finding.kind.reasons, *finding.seriousness.reasons]
    assert {one.source for one in every} <= shown
    assert any(one.rule == "metastatic.serious" for one in every)


def test_reasons_show_only_the_words_that_a_rule_looks_for():
    known = patient(("skin", {}), conditions=("haemodialysis", "gout"), symptoms=("necrotic skin ulcer",))
    finding = find(interpret((), known, KNOWLEDGE), "skin")
    assert finding.kind.value == "calciphylaxis"
    reason = next(one for one in finding.kind.reasons if one.rule == "calciphylaxis.necrosis.kidney-failure")
    assert set(reason.inputs["context"]) == {"dialysis", "ckd", "skin_necrosis"}


def test_a_total_speaks_once_and_its_parts_follow_it():
    result = interpret(coronary(), patient(age=58.0, sex="male"), KNOWLEDGE)
    total, part = find(result, "artery.coronary"), find(result, "artery.coronary.lad")
    assert total.rollup
    assert total.seriousness.value == part.seriousness.value == "significant"
    assert part.kind.value == total.kind.value == "dystrophic"
    assert total.measures["agatston"].category.startswith("CAC-DRS 2018 A3")
    assert total.measures["agatston"].validity is Validity.ADJUSTED
    assert part.measures["agatston"].category is None
    assert part.advice == ()
    assert result.answer == "Significant: dystrophic calcification of the coronary arteries (Agatston score 350)."
    texts = [advice.text for advice in result.advice]
    assert len(texts) == len(set(texts))


def test_a_part_of_a_small_total_is_not_judged_as_a_total_of_its_own():
    result = interpret(coronary(80.0), patient(age=58.0, sex="male"), KNOWLEDGE)
    assert {one.seriousness.value for one in result.findings} == {"monitor"}


def test_a_sum_is_as_serious_as_its_most_serious_part():
    sites = (
        measured("kidney", rollup=True, values={"volume": 500.0}),
        measured("kidney.left", values={"diameter": 25.0, "pattern": "staghorn"}),
        measured("kidney.right", values={"diameter": 2.0}),
    )
    result = interpret(sites, patient(age=50.0), KNOWLEDGE)
    assert find(result, "kidney").seriousness.value == find(result, "kidney.left").seriousness.value == "significant"
    assert find(result, "kidney.right").seriousness.value == "incidental"
    assert "left kidney" in result.answer


def test_deposits_become_records():
    finding = find(interpret(coronary(), patient(), KNOWLEDGE), "artery.coronary.lad")
    (record,) = finding.deposits
    assert isinstance(record, DepositRecord)
    assert (record.id, record.site, record.agatston) == ("d1", "artery.coronary.lad", 175.0)
    assert (record.center_mm, record.center_index, record.peak_hu) == ((1.0, 2.0, 3.0), (3, 4, 5), 420.0)
    assert record.alternatives[0].value == "heart"
    assert "20%" in record.alternatives[0].why
    assert finding.confidence == 0.7


def test_a_refused_measure_gets_no_class():
    refused = Measure(value=None, unit="1", method="agatston", validity=Validity.REFUSED, why="contrast")
    site = measured("artery.coronary", measures={"agatston": refused})
    finding = interpret((site,), patient(("artery.coronary", {"agatston": 450.0})), KNOWLEDGE).findings[0]
    assert finding.measures["agatston"].category is None
    assert finding.measures["agatston_stated"].value == 450.0
    assert finding.seriousness.value == "significant"


def test_severe_hypercalcaemia_is_urgent_whatever_the_site():
    known = patient(("breast.left", {"morphology": "coarse"}), age=66.0, labs={"calcium": 14.6, "albumin": 4.0})
    result = interpret((), known, KNOWLEDGE)
    assert result.seriousness is Seriousness.URGENT
    assert find(result, "breast.left").seriousness.value == "incidental"
    assert result.answer.startswith("Urgent: The corrected calcium is above 14 mg/dL; of the calcifications")
    assert result.advice[0].site is None
    assert "emergency" in result.advice[0].text


def test_an_alarm_is_said_also_where_no_calcium_is():
    known = patient(("artery.coronary", {"agatston": 0.0}), age=66.0, labs={"calcium": 14.6})
    answer = interpret((), known, KNOWLEDGE).answer
    assert answer == "Urgent: The corrected calcium is above 14 mg/dL; no calcium is there (coronary arteries)."


def test_albumin_decides_whether_calcium_is_severe():
    def level(**labs):
        return interpret(
            (), patient(("breast.left", {"morphology": "coarse"}), age=66.0, labs=labs), KNOWLEDGE
        ).seriousness

    assert level(calcium=14.6) is Seriousness.URGENT
    assert level(calcium=14.6, albumin=5.5) is Seriousness.INCIDENTAL
    assert level(calcium=13.0, albumin=2.0) is Seriousness.URGENT


def test_the_most_serious_of_several_findings_at_a_site_speaks_and_the_others_are_shown():
    known = patient(
        ("lung.nodule", {"pattern": "central", "diameter": 5.0}),
        ("lung.nodule", {"pattern": "eccentric", "diameter": 15.0, "margin": "spiculated"}),
    )
    (finding,) = interpret((), known, KNOWLEDGE).findings
    assert finding.seriousness.value == "significant"
    assert finding.measures["diameter"].value == 15.0
    assert finding.alternatives[0].why == "another finding stated at this site: central, diameter 5"


def test_guidelines_choose_who_speaks_first(tmp_path):
    rules = [
        rule("band.esc", "agatston >= 1200.0", {"seriousness": "significant"}, guideline="esc"),
        rule("band.us", "agatston >= 1300.0", {"seriousness": "urgent"}, guideline="us"),
    ]
    knowledge = hospital(tmp_path, rules)
    for chosen, score, level in (
        ("esc", 1400.0, "significant"),
        ("us", 1400.0, "urgent"),
        ("us", 1250.0, "incidental"),
    ):
        known = patient((PLACE, {"agatston": score}))
        finding = interpret((), known, knowledge, guidelines=chosen).findings[0]
        assert finding.seriousness.value == level
        assert finding.seriousness.alternatives, "the other guideline is shown beside it"


def test_advice_is_ordered_by_seriousness_and_said_once(tmp_path):
    rules = [
        rule("low.advice", "diameter < 5.0", {"seriousness": "monitor", "advice": "Repeat in a year."}),
        rule("high.advice", "diameter >= 5.0", {"seriousness": "urgent", "advice": "Act now."}),
    ]
    knowledge = hospital(tmp_path, rules)
    known = patient(
        (f"{PLACE}.left", {"diameter": 3.0}), (f"{PLACE}.right", {"diameter": 6.0}), (PLACE, {"diameter": 2.0})
    )
    result = interpret((), known, knowledge)
    assert [(one.text, one.site) for one in result.advice] == [
        ("Act now.", f"{PLACE}.right"),
        ("Repeat in a year.", None),
    ]


def test_a_stated_finding_and_the_image_are_one_finding():
    site = replace(coronary()[0], rollup=False)
    result = interpret((site,), patient(("artery.coronary", {"agatston": 20.0})), KNOWLEDGE)
    (finding,) = result.findings
    assert finding.stated
    assert finding.seriousness.value == "significant"
    assert "disagrees" in finding.measures["agatston_stated"].why


CORONARY = "dystrophic calcification of the coronary arteries"


@pytest.mark.parametrize(
    ("findings", "answer"),
    [
        ([("ureter.left", {"diameter": 4.0})], "To be monitored: lithiasis (stone) of the left ureter (4 mm)."),
        (
            [("kidney.left", {"agatston": 90.0, "diameter": 4.0})],
            "Incidental: lithiasis (stone) of the left kidney (4 mm).",
        ),
        ([("artery.coronary", {"agatston": 0.4})], f"To be monitored: {CORONARY} (Agatston score <1)."),
        ([("vein.pelvic", {"count": 4.0})], "Incidental: dystrophic calcification of the pelvic veins (4 deposits)."),
        (
            [("artery.coronary", {"agatston": 450.0}), ("vein.pelvic", {}), ("brain.pineal", {})],
            f"Significant: {CORONARY} (Agatston score 450); 2 other findings are less serious.",
        ),
        (
            [("vein.pelvic.left", {}), ("vein.pelvic.right", {}), ("brain.pineal", {})],
            "Incidental: dystrophic calcification of the left pelvic veins; "
            "1 other finding is as serious and 1 finding is less serious.",
        ),
    ],
)
def test_the_answer_names_the_most_serious_finding_first(findings, answer):
    assert interpret((), patient(*findings, age=58.0, sex="male"), KNOWLEDGE).answer == answer


def test_a_place_that_is_not_known_is_said_to_be_so():
    assert "at a place that could not be told" in interpret((measured("unplaced"),), patient(), KNOWLEDGE).answer
