"""What the text for a patient says in cases that a textbook patient does not bring up."""

from calciscope import pipeline
from calciscope.domain.assessment import SeriesUse, Validity
from calciscope.domain.patient import Patient, StatedFinding
from calciscope.interpret.plain import for_patient
from calciscope.interpret.rules import load
from tests.interpret.make import PLACE, hospital, rule
from tests.interpret.plain.laws import BOOK, assessed, broken, plain, said
from tests.report.make import assessment as made

SAY, GRADES = BOOK.words.sentences, BOOK.words.grades


def sections(text) -> list[str]:
    return [one.id for one in text.sections]


def test_sections_stand_in_the_order_of_what_a_patient_asks():
    text = plain(("ureter.left", {"diameter": 6.0, "location": "distal"}), age=50.0, sex="male")
    assert sections(text) == ["short", "found", "next", "help", "unknown", "ask"]
    (found,) = (one for one in text.sections if one.id == "found")
    topics = list(dict.fromkeys(one.topic for one in found.sentences))
    assert topics == ["what", "amount", "meaning", "level"]


def test_numbers_stand_with_their_explanation_once():
    text = plain(("artery.coronary", {"agatston": 210.0}), ("heart.aortic_valve", {"agatston": 900.0}))
    whole = said(text)
    assert "The calcium score is 210." in whole
    assert "The calcium score is 900." in whole
    assert whole.count(BOOK.words.measures["agatston"].means) == 1


def test_a_score_between_0_and_1_is_never_0():
    assert "more than 0 and less than 1" in said(plain(("artery.coronary", {"agatston": 0.4})))


def test_a_score_of_0_is_told_as_no_calcium():
    text = plain(("artery.coronary", {"agatston": 0.0}), age=55.0, sex="female")
    assert SAY["none_at"].format(place="the arteries of the heart") in said(text, "found")
    assert "The calcium score is 0." in said(text)
    assert "help" not in sections(text)


def test_without_any_finding_it_is_no_all_clear():
    assessment = pipeline.assess([], Patient(age=40.0)).assessment
    text = for_patient(assessment, load())
    assert said(text) == SAY["nothing_given"]
    assert broken(assessment, text) == []
    contrast = SeriesUse(
        id="s1", label="CT", used=True, why="", modality="CT", slices=9, spacing_mm=(1, 1, 1), contrast="given"
    )
    empty = made(findings=(), advice=(), unknowns=(), refused=(), seriousness="none", acquisition=(contrast,))
    assert said(for_patient(empty, load())) == f"{SAY['nothing_found']} {SAY['contrast']}"


def test_what_is_urgent_for_the_whole_patient_stands_first_and_says_why():
    text = plain(("brain.pineal", {}), labs={"calcium": 14.9, "albumin": 4.0}, age=60.0, sex="male")
    first, *rest = (one.text for one in text.sections[0].sentences)
    assert first == SAY["now"]
    assert SAY["whole"] in rest
    assert "The calcium in your blood is very high. This is an emergency." in rest
    assert "Go to a hospital now." in said(text, "next")


def test_a_total_names_its_parts_with_their_numbers():
    text = plain(("artery.coronary", {"agatston": 210.0}), ("artery.coronary.lad", {"agatston": 150.0}))
    own = said(text, "found")
    assert "The calcium lies in these parts:" in own
    assert "(the calcium score is 150)" in own
    assert sections(text).count("found") == 1
    wider = plain(
        ("artery", {"extent": "moderate"}),
        ("artery.coronary", {"agatston": 210.0}),
        ("artery.coronary.lad", {"agatston": 150.0}),
    )
    assert said(wider).count("(the calcium score is 150)") == 1, "of the nearest total only"


def test_of_many_findings_the_harmless_are_listed():
    harmless = [("brain.pineal", {}), ("vein.pelvic.left", {"count": 3.0}), ("prostate", {})]
    text = plain(("ureter.left", {"diameter": 6.0}), *harmless, age=60.0, sex="male")
    (found,) = (one for one in text.sections if one.id == "found")
    (others,) = (one for one in text.sections if one.id == "others")
    assert found.site == "ureter.left"
    assert len(others.sentences) == len(harmless)
    assert "there are 3 pieces" in said(text, "others")


def test_a_part_that_is_like_its_whole_is_listed_and_one_with_a_reason_of_its_own_is_not():
    parts = [("artery.aorta", {}), ("artery.aorta.arch", {}), ("artery.aorta.thoracic", {}), ("brain.pineal", {})]
    text = plain(*parts, age=70.0, sex="male")
    assert [one.site for one in text.sections if one.id == "found"] == ["artery.aorta"]
    assert "In the arch of the aorta: " in said(text, "others")
    assert "The calcium lies in these parts" not in said(text)
    wide = [*parts[:2], ("artery.aorta.abdominal", {"diameter": 60.0, "pattern": "aneurysm"}), parts[3]]
    text = plain(*wide, age=70.0, sex="male", conditions=("abdominal aortic aneurysm",))
    assert "artery.aorta.abdominal" in [one.site for one in text.sections if one.id == "found"]


def test_of_several_pieces_the_size_is_that_of_the_largest():
    assert "It is 6 mm across" in said(plain(("kidney.left", {"diameter": 6.0})))
    several = said(plain(("kidney.left", {"diameter": 6.0, "count": 3.0})))
    assert "The largest piece is 6 mm across." in several
    assert "There are 3 pieces of calcium." in several


def test_the_same_kind_is_explained_once_and_named_again():
    ill = {"labs": {"calcium": 11.9, "albumin": 4.0, "phosphate": 7.0}, "age": 50.0, "sex": "male"}
    text = plain(("lung.left", {"pattern": "diffuse"}), ("stomach", {}), **ill)
    meaning = BOOK.kinds["metastatic"]
    assert said(text).count(meaning.says.text) == 1
    assert SAY["same"].format(kind=meaning.name) in said(text)


def test_metastatic_is_not_taken_for_cancer():
    labs = {"calcium": 11.9, "albumin": 4.0, "phosphate": 7.0}
    text = plain(("stomach", {}), labs=labs, age=50.0, sex="male")
    assert "does not mean cancer here" in said(text)


def test_between_two_kinds_both_are_named():
    assessment = assessed(("heart.aortic_valve", {"agatston": 900.0}), age=66.0, sex="male")
    (finding,) = assessment.findings
    kind = finding.kind.model_copy(update={"value": "indeterminate", "between": ("dystrophic", "metastatic")})
    changed = assessment.model_copy(update={"findings": (finding.model_copy(update={"kind": kind}),)})
    names = [BOOK.kinds[one].name for one in ("dystrophic", "metastatic")]
    assert SAY["between"].format(kinds=" or ".join(names)) in said(for_patient(changed, load()))


def test_a_place_that_is_not_sure_and_a_number_that_could_not_be_given_are_said():
    assessment = assessed(("artery.coronary", {"agatston": 210.0}))
    (finding,) = assessment.findings
    score = finding.measures["agatston"]
    refused = {"agatston": score.model_copy(update={"value": None, "validity": Validity.REFUSED, "why": "contrast"})}
    unsure = finding.model_copy(update={"confidence": 0.4, "measures": refused})
    own = said(for_patient(assessment.model_copy(update={"findings": (unsure,)}), load()))
    assert SAY["unsure"] in own
    assert "The calcium score could not be given" in own
    review = finding.model_copy(update={"review": True, "measures": {"agatston": score}})
    adjusted = review.model_copy(
        update={"measures": {"agatston": score.model_copy(update={"validity": Validity.ADJUSTED, "why": "80 kV"})}}
    )
    own = said(for_patient(assessment.model_copy(update={"findings": (adjusted,)}), load()))
    assert SAY["unclear"] in own
    assert SAY["adjusted"] in own


def test_a_rule_without_words_speaks_through_its_seriousness_and_one_with_words_by_them(tmp_path):
    advice = {"seriousness": "significant", "advice": "Discuss it in the ward's own conference."}
    patient = Patient(findings=(StatedFinding(PLACE, {}),))
    knowledge = hospital(tmp_path / "a", [rule("ward.gland", then=advice)])
    text = for_patient(
        pipeline.assess([], patient, pipeline.Options(knowledge=(tmp_path / "a",))).assessment, knowledge
    )
    assert said(text, "next") == GRADES["significant"].next
    assert f"the {PLACE}" in said(text, "short")
    own = {"because": "The ward follows each of these.", "next": "The ward team talks about it."}
    knowledge = hospital(tmp_path / "b", [rule("ward.gland", then=advice, plain=own)])
    text = for_patient(
        pipeline.assess([], patient, pipeline.Options(knowledge=(tmp_path / "b",))).assessment, knowledge
    )
    assert said(text, "next") == own["next"]
    assert own["because"] in said(text, "found")


def test_what_could_not_be_read_and_other_results_are_told():
    text = for_patient(made(), load())
    assert SAY["refused_inputs"] in said(text, "short")
    text = plain(("artery.leg.left", {}), function={"ankle_brachial_index": 0.7}, age=70.0, sex="male")
    assert "the blood pressure at the ankle against the arm: 0.7" in said(text, "found")
    text = plain(("breast.left", {"birads": "4b"}), age=50.0, sex="female")
    assert "the breast grade (BI-RADS): 4B" in said(text, "found")
    assert "BI-RADS" in [one.word for one in text.words]


def test_only_hard_words_that_stand_there_are_explained():
    text = plain(("breast.left", {"morphology": "coarse", "distribution": "grouped"}), age=50.0, sex="female")
    assert "mammogram" in [one.word for one in text.words]
    assert "ureter" not in [one.word for one in text.words]
    assert "PTH" not in [one.word for one in text.words]


def test_each_source_knows_its_rules_and_whether_it_was_checked():
    text = plain(("ureter.left", {"diameter": 6.0, "location": "distal"}))
    by_id = {one.id: one for one in text.sources}
    assert "ureter.stone.5-10mm" in by_id["preminger-2007"].rules
    status = {rule.id: rule.rule.status for rule in load().rules}
    for source in text.sources:
        if source.checked:
            assert source.rules
            assert all(status[name] != "unverified" for name in source.rules)
