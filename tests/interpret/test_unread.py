"""Words of a patient file that nothing knows are named, and the rest counts."""

import pytest

from calciscope.domain.patient import Patient, StatedFinding
from calciscope.interpret import unread
from calciscope.interpret.interpretation import interpret
from calciscope.interpret.rules import load

KNOWLEDGE = load()


def lines(site="kidney.left", where="", **values):
    finding = StatedFinding(site, values, where=where)
    return [f"{one.input}: {one.why}" for one in unread(Patient(findings=(finding,)), KNOWLEDGE)]


@pytest.mark.parametrize(
    ("key", "text", "said"),
    [
        ("pattern", "xyzzy", "'xyzzy' is not used: no rule knows it"),
        ("pattern", "moderate", "did you mean extent: moderate?"),
        ("pattern", "popcron", "did you mean popcorn?"),
        ("margin", "smoth", "did you mean smooth?"),
        ("distribution", "segmentl", "did you mean segmental?"),
        ("morphology", "amorphuos", "did you mean amorphous?"),
        ("symmetry", "crooked", "'crooked' is not used"),
        ("location", "elsewhere", "'elsewhere' is not used"),
        ("histology", "qqq", "'qqq' is not used"),
        ("pattern", "stippled and eccentric", "'stippled', 'eccentric' did not count beside the other words"),
        ("pattern", "a b c d e f g h", "and more are not used"),
    ],
)
def test_a_word_that_nothing_knows_is_named_in_one_line(key, text, said):
    (line,) = lines(**{key: text})
    assert line.startswith(f"findings[1].{key}: ")
    assert said in line


@pytest.mark.parametrize(
    ("site", "key", "text"),
    [
        ("kidney.left", "pattern", "medullary nephrocalcinosis"),
        ("lung.nodule", "pattern", "popcorn calcification"),
        ("lung", "pattern", "ground-glass"),
        ("breast.left", "pattern", "fine pleomorphic"),
        ("kidney.left", "pattern", "staghorn, no mass"),
        ("soft_tissue", "location", "gluteal"),
        ("breast.left", "morphology", "amorphous and punctate"),
        ("scar", "histology", "woven bone"),
    ],
)
def test_what_a_rule_or_the_vocabulary_knows_is_not_named(site, key, text):
    assert lines(site, **{key: text}) == []


def test_the_place_in_the_file_is_named_where_it_is_known():
    assert lines(where="findings[4]", pattern="xyzzy")[0].startswith("findings[4].pattern: ")


def test_phrases_of_lists_that_nothing_knows_are_named_with_what_may_be_meant():
    patient = Patient(conditions=("diabtes", "xyzzy", "never smoker", "sickle cell disease"), symptoms=("fever",))
    (line,) = unread(patient, KNOWLEDGE)
    assert line.input == "conditions"
    assert line.why == "'diabtes', 'xyzzy' are not used: no rule knows them; did you mean diabetes?"


def judged(site, **values):
    (finding,) = interpret((), Patient(findings=(StatedFinding(site, values),)), KNOWLEDGE).findings
    return finding


def test_a_known_word_counts_beside_an_unknown_one():
    assert judged("lung.nodule", pattern="dense popcorn").seriousness.value == "incidental"
    assert judged("lung.nodule", pattern="dense").seriousness.value == "monitor"


def test_what_is_denied_does_not_count():
    assert judged("liver", pattern="mass").seriousness.value == "significant"
    assert judged("liver", pattern="granular, no mass").seriousness.value == "incidental"
    assert judged("kidney.left", pattern="non-calcified mass").seriousness.value == "significant"
    assert judged("lung.nodule", margin="not smooth", pattern="central").seriousness.value == "incidental"


def test_values_that_cannot_all_be_right_are_listed():
    person = {"age": 60.0, "sex": "female", "findings": (StatedFinding("liver"),)}
    one = interpret((), Patient(labs={"egfr": 95.0, "creatinine": 7.0}, **person), KNOWLEDGE).contradictions
    assert [item.input for item in one] == ["labs.egfr and labs.creatinine"]
    assert one[0].why.startswith("contradict each other: ")
    assert interpret((), Patient(labs={"egfr": 60.0, "creatinine": 1.0}, **person), KNOWLEDGE).contradictions == ()
    albumin = {"calcium": 8.0, "albumin": 2.0, "corrected_calcium": 11.0}
    two = interpret((), Patient(labs=albumin, **person), KNOWLEDGE).contradictions
    assert [item.input for item in two] == ["labs.corrected_calcium and labs.calcium and labs.albumin"]
