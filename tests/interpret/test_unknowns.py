"""What is not known and would change the answer: computed from waiting rules, never listed by hand."""

import pytest

from calciscope.domain.patient import Patient, StatedFinding
from calciscope.interpret import interpret, load
from calciscope.interpret.assumptions import Assumption, comparisons, spoken_concepts
from tests.interpret.make import PLACE, hospital, measured, patient, rule


def asked(knowledge, *findings, **known):
    return {one.input: one.would_change for one in interpret((), patient(*findings, **known), knowledge).unknowns}


def test_widespread_calcium_without_labs_asks_for_calcium_and_phosphate():
    found = asked(load(), ("lung", {"distribution": "diffuse"}), ("kidney.left", {}), ("stomach", {}), age=50.0)
    assert next(iter(found)) == "calcium"
    assert "phosphate" in found
    assert "raised" in found["phosphate"]
    assert "metastatic" in found["phosphate"]


def test_what_is_known_is_not_asked_for():
    labs = {"calcium": 9.4, "phosphate": 3.5, "albumin": 4.0}
    found = asked(load(), ("lung", {"distribution": "diffuse"}), ("stomach", {}), age=50.0, labs=labs)
    assert not {"calcium", "phosphate", "albumin"} & set(found)


def test_a_number_is_asked_for_with_its_limit_and_unit(tmp_path):
    knowledge = hospital(
        tmp_path, [rule("size.large", "diameter > 30.0 && diameter <= 40.0", {"seriousness": "significant"})]
    )
    found = asked(knowledge, (PLACE, {}), age=50.0)
    said = "If diameter is above 30 and at most 40 mm, calcification of the ganglion would be significant"
    assert found["diameter"] == f"{said} (now incidental)."


def test_a_state_is_asked_for_under_its_patient_file_key(tmp_path):
    knowledge = hospital(tmp_path, [rule("by.state", "magnesium_state == 'low'", {"seriousness": "urgent"})])
    assert asked(knowledge, (PLACE, {}), age=50.0)["magnesium"].startswith(
        "If magnesium is low, calcification of the ganglion would be urgent"
    )
    # The value is there, but its range depends on the age.
    assert "age" in asked(knowledge, (PLACE, {}), labs={"magnesium": 1.0})


def test_a_derived_quantity_is_asked_for_under_what_is_missing_of_it(tmp_path):
    knowledge = hospital(tmp_path, [rule("by.corrected", "corrected_calcium > 11.0", {"seriousness": "urgent"})])
    assert {"calcium", "albumin"} <= set(asked(knowledge, (PLACE, {}), age=50.0))
    found = asked(knowledge, (PLACE, {}), age=50.0, labs={"calcium": 10.0})
    assert "albumin" in found
    assert "calcium" not in found


def test_a_list_that_was_not_given_is_asked_for_and_an_empty_one_is_an_answer(tmp_path):
    knowledge = hospital(tmp_path, [rule("by.word", "'fever' in context", {"seriousness": "urgent"})])
    found = asked(knowledge, (PLACE, {}), age=50.0)
    said = "If symptoms include fever, calcification of the ganglion would be urgent (now incidental)."
    assert found["symptoms"] == said
    assert "symptoms" not in asked(knowledge, (PLACE, {}), age=50.0, symptoms=())


def test_words_of_a_finding_are_tried_as_the_examples_say_them(tmp_path):
    entry = rule(
        "by.pattern",
        "pattern.contains('shrap')",
        {"seriousness": "urgent"},
        examples=[{"given": {"pattern": "shrapnel"}, "gives": {}}],
    )
    assert asked(hospital(tmp_path, [entry]), (PLACE, {}))["pattern"].startswith("If pattern is shrapnel,")


def test_two_inputs_are_asked_for_together_only_where_one_is_not_enough(tmp_path):
    both = rule("by.both", "magnesium_state == 'low' && lvef < 30.0", {"seriousness": "urgent"})
    one = rule("by.one", "magnesium_state == 'low'", {"seriousness": "monitor"})
    knowledge = hospital(tmp_path / "a", [both, one])
    found = asked(knowledge, (PLACE, {}), age=50.0)
    assert "and magnesium is low" in found["lvef"]
    assert "monitor" in found["magnesium"]
    knowledge = hospital(tmp_path / "b", [both, {**one, "then": {"seriousness": "urgent"}}])
    assert "lvef" not in asked(knowledge, (PLACE, {}), age=50.0)


def test_what_would_change_nothing_is_not_listed(tmp_path):
    lower = rule("no.change", "lvef < 30.0", {"seriousness": "incidental"})
    old = rule("old.change", "hdl < 30.0", {"seriousness": "urgent"}, status="superseded")
    look = rule("only.look", "margin == 'fuzzy'", {"advice": "Look again."})
    found = asked(hospital(tmp_path, [lower, old, look]), (PLACE, {}), age=50.0)
    assert not {"lvef", "hdl", "margin"} & set(found)


def test_a_test_that_would_only_add_a_next_step_comes_last(tmp_path):
    step = rule("only.advice", "alp > 300.0", {"advice": "Look again."})
    level = rule("by.level", "lvef < 30.0", {"seriousness": "urgent"})
    found = asked(hospital(tmp_path, [step, level]), (PLACE, {}), age=50.0)
    assert found["alp"] == "If alkaline phosphatase is above 300 U/L, a next step would be: Look again."
    assert list(found).index("alp") > list(found).index("lvef")


def test_what_two_states_say_together_is_not_assumed_against_what_is_known():
    found = asked(load(), ("soft_tissue", {}), age=50.0, labs={"calcium": 12.0})
    assert "are normal" not in found.get("phosphate", "")


def test_what_would_change_the_advice_alone_comes_last_and_only_where_something_is_to_be_done(tmp_path):
    rules = [
        rule("the.base", "true", {"seriousness": "monitor"}),
        rule("only.advice", "alp > 300.0", {"advice": "Look again."}),
        rule("two.questions", "alp > 300.0 && hdl > 90.0", {"advice": "Look twice."}),
        rule("the.alarm", "lvef < 30.0", {"seriousness": "significant", "advice": "Look now."}),
    ]
    found = asked(hospital(tmp_path, rules), (PLACE, {}), age=50.0, symptoms=(), history=(), conditions=())
    said = "If alkaline phosphatase is above 300 U/L, a next step would be: Look again."
    assert found["alp"] == said
    assert list(found).index("lvef") < list(found).index("alp")
    assert "Look now" not in found["lvef"]
    assert "hdl" not in found
    known = asked(hospital(tmp_path, rules), (PLACE, {}), age=50.0, labs={"alp": 400.0})
    assert "Look again" not in " ".join(known.values())


def test_a_second_score_is_not_asked_for_beside_a_first():
    scored = asked(load(), ("artery.coronary", {"agatston": 80.0}), age=58.0, sex="male")
    assert "extent" not in scored
    assert "extent" in asked(load(), ("artery.coronary", {}), age=58.0, sex="male")


def test_nobody_is_asked_whether_there_is_a_number():
    found = asked(load(), ("kidney.left", {"pattern": "medullary nephrocalcinosis"}), age=34.0, sex="female")
    assert "above 0 mm" not in " ".join(found.values())


def test_a_state_is_not_told_beside_the_number_that_it_is_the_state_of():
    found = asked(load(), ("lung", {"pattern": "centrilobular"}), age=61.0, conditions=("haemodialysis",))
    assert "above 14 mg/dL" in found["calcium"]
    assert "is raised and calcium" not in found["calcium"]


def test_an_alarm_is_asked_for_before_an_all_clear(tmp_path):
    rules = [
        rule("the.base", "true", {"seriousness": "monitor"}),
        rule("alarm.first", "lvef < 30.0", {"seriousness": "significant"}),
        rule("clear.later", "hdl > 90.0", {"at_most": "incidental"}),
    ]
    found = list(asked(hospital(tmp_path, rules), (PLACE, {}), age=50.0, symptoms=(), history=(), conditions=()))
    assert found.index("lvef") < found.index("hdl")


def test_places_that_would_change_alike_are_named_together():
    found = asked(load(), ("kidney.left", {}), ("kidney.right", {}), age=50.0, symptoms=(), conditions=(), history=())
    assert "left and right kidney" in found["calcium"]


def test_inputs_are_always_keys_of_the_patient_file():
    quantities = {name for name, one in load().labs.quantities.items() if one.group != "derived"}
    keys = (
        quantities
        | set(load().labs.words)
        | {"sex", "conditions", "medications", "history", "symptoms", "blood_pressure"}
    )
    for site in (
        "artery.coronary",
        "heart.aortic_valve",
        "ureter.left",
        "breast.left",
        "brain.pineal",
        "skin",
        "lung.nodule",
    ):
        assert set(asked(load(), (site, {}))) <= keys, site


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("diameter > 5.0 && diameter <= 10.0", ((">", 5.0), ("<=", 10.0))),
        ("5.0 < diameter", ((">", 5.0),)),
        ("min_diameter > 5.0", ()),
        ("diameter == -1.5", (("==", -1.5),)),
    ],
)
def test_comparisons_are_read_from_a_condition(text, found):
    assert comparisons(text, "diameter") == found


def test_concepts_are_read_from_a_condition():
    text = "'fever' in context && ['a', 'b'].exists(c, c in context) && ['z'].exists(c, c in sites)"
    assert spoken_concepts(text) == ("fever", "a", "b")


def test_an_assumption_without_one_of_its_inputs():
    assumption = Assumption((("lvef", 30.0), ("symptoms", ("fever",))))
    assert [part.names for part in assumption.parts()] == [("symptoms",), ("lvef",)]
    assert Assumption((("lvef", 30.0),)).parts() == ()
    assert assumption.added_to({"context": ["pain"]}) == {
        "lvef": 30.0,
        "symptoms": ["fever"],
        "context": ["fever", "pain"],
    }


def test_the_patient_is_asked_about_before_the_place_and_one_question_before_two(tmp_path):
    rules = [
        rule("see.place", "margin == 'jagged'", {"seriousness": "significant"}),
        rule("ask.two", "magnesium_state == 'low' && hdl < 30.0", {"seriousness": "significant"}),
        rule("ask.lvef", "lvef < 30.0", {"seriousness": "significant"}),
    ]
    found = list(asked(hospital(tmp_path, rules), (PLACE, {}), age=50.0))
    assert found.index("lvef") < found.index("margin") < found.index("hdl")


def test_what_changes_the_overall_answer_is_asked_for_first(tmp_path):
    rules = [
        rule("worst.place", "side == 'left'", {"seriousness": "significant"}),
        rule("not.overall", "side == 'right' && lvef < 30.0", {"seriousness": "significant"}),
        rule("overall.more", "side == 'left' && hdl < 30.0", {"seriousness": "urgent"}),
    ]
    found = list(asked(hospital(tmp_path, rules), (f"{PLACE}.left", {}), (f"{PLACE}.right", {}), age=50.0))
    assert found.index("hdl") < found.index("lvef")


def test_of_a_deposit_in_an_image_only_what_can_be_seen_there_is_asked_for(tmp_path):
    rules = [
        rule("see.margin", "margin == 'spiculated'", {"seriousness": "significant"}),
        rule("see.location", "location == 'distal'", {"seriousness": "significant"}),
        rule("ask.lvef", "lvef < 30.0", {"seriousness": "significant"}),
    ]
    knowledge = hospital(tmp_path, rules)
    site = measured(PLACE, values={"diameter": 4.0})
    seen = {one.input for one in interpret((site,), patient(age=50.0), knowledge, imaged=True).unknowns}
    assert {"margin", "lvef"} <= seen
    assert "location" not in seen
    assert "location" in asked(knowledge, (PLACE, {"diameter": 4.0}), age=50.0)


def test_a_place_beside_the_stated_site_is_not_suggested():
    for site in ("brain", "skin", "soft_tissue", "testis.left", "eye.left", "joint.knee.left"):
        asked = interpret((), Patient(age=60.0, findings=(StatedFinding(site),)), load()).unknowns
        assert "location" not in [one.input for one in asked]


def test_three_answers_that_would_all_have_to_be_so_are_not_asked_for():
    asked = interpret((), Patient(age=60.0, findings=(StatedFinding("lung.left"),)), load()).unknowns
    assert not [one for one in asked if one.input in ("urate", "creatine_kinase")]
