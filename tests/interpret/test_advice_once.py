"""What two rules advise is said once, with the sources of both."""

import pytest

from calciscope.domain.patient import Patient, StatedFinding
from calciscope.interpret.interpretation import interpret
from calciscope.interpret.rules import load


def advised(*sites, labs, **more):
    findings = tuple(StatedFinding(site, {"diameter": 6.0} if "kidney" in site else {}) for site in sites)
    return interpret((), Patient(age=60.0, sex="female", labs=labs, findings=findings, **more), load()).advice


@pytest.mark.parametrize(
    ("sites", "labs", "said"),
    [
        (("kidney.left",), {"calcium": 11.6}, "Have the cause of the raised calcium found"),
        (("kidney.left",), {"calcium": 11.6, "pth": 120.0}, "Confirm primary hyperparathyroidism"),
        (("stomach", "lung.left"), {"calcium": 11.6}, "Look for the mineral disorder"),
    ],
)
def test_the_cause_of_raised_calcium_is_asked_for_once(sites, labs, said):
    about = [one for one in advised(*sites, labs=labs) if "calcium" in one.text and "cause" in one.text]
    about = about or [one for one in advised(*sites, labs=labs) if one.text.startswith(said)]
    (one,) = about
    assert one.text.startswith(said)
    assert one.also
    assert one.rule not in [other.rule for other in one.also]


def test_the_same_words_of_two_rules_keep_both_rules():
    said = advised("breast.left", labs={})
    assert all(one.also == () for one in said)
    patient = Patient(findings=(StatedFinding("liver"), StatedFinding("spleen", {"diameter": 4.0})))
    (one,) = interpret((), patient, load()).advice
    assert one.site is None
    assert {one.rule, *(other.rule for other in one.also)} == {"liver.default", "liver.granuloma"}
