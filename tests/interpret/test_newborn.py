"""What is usual in adults does not speak for a newborn, at any site."""

import pytest

from calciscope.domain import site as sites
from calciscope.domain.patient import Patient, StatedFinding
from calciscope.interpret.interpretation import interpret
from calciscope.interpret.rules import load

NEWBORN = 0.01


def judged(age, *findings, **more):
    return interpret((), Patient(age=age, findings=findings, **more), load())


@pytest.mark.parametrize("values", [{}, {"diameter": 4.0}, {"diameter": 12.0}, {"location": "gluteal"}])
def test_no_granuloma_of_adults_speaks_for_a_newborn(values):
    for site in sites.paths():
        for finding in judged(NEWBORN, StatedFinding(site, values)).findings:
            said = [r.statement for r in (*finding.kind.reasons, *finding.seriousness.reasons)]
            assert not [one for one in said if "granuloma" in one and " not " not in one], site


@pytest.mark.parametrize(
    ("site", "cause"),
    [("peritoneum", "meconium peritonitis"), ("liver", "infection before birth"), ("bowel", "calcified meconium")],
)
def test_a_newborn_gets_the_causes_of_newborns(site, cause):
    (finding,) = judged(NEWBORN, StatedFinding(site)).findings
    assert finding.seriousness.value == "significant"
    assert cause in " ".join(reason.statement for reason in finding.seriousness.reasons)
    (adult,) = judged(50.0, StatedFinding(site)).findings
    assert adult.seriousness.value == "incidental"


def test_liver_and_peritoneum_together_are_meconium_peritonitis_and_urgent_with_vomiting():
    pair = (StatedFinding("liver"), StatedFinding("peritoneum"))
    calm = judged(NEWBORN, *pair)
    assert any("meconium peritonitis" in advice.text for advice in calm.advice)
    assert calm.seriousness.value == "significant"
    assert judged(NEWBORN, *pair, symptoms=("vomiting",)).seriousness.value == "urgent"


NODULE = "lung.nodule"


@pytest.mark.parametrize("pattern", ["diffuse", "central", "laminated", "popcorn"])
@pytest.mark.parametrize("diameter", [5.0, 7.0, 18.0])
@pytest.mark.parametrize("count", [1.0, 3.0])
def test_a_benign_pattern_stops_all_follow_up_whatever_the_size(pattern, diameter, count):
    values = {"pattern": pattern, "diameter": diameter, "count": count}
    (finding,) = judged(60.0, StatedFinding(NODULE, values), conditions=("current smoker",)).findings
    said = [reason.statement for reason in finding.seriousness.reasons] + [one.text for one in finding.advice]
    assert finding.seriousness.value == "incidental"
    assert not [one for one in said if "CT at" in one or "PET" in one]


@pytest.mark.parametrize("exception", [{"margin": "lobulated"}, {"margin": "spiculated"}, {"history": "nodule growth"}])
def test_an_exception_to_the_benign_patterns_brings_the_size_back(exception):
    values = {"pattern": "central", "diameter": 18.0} | {k: v for k, v in exception.items() if k == "margin"}
    history = tuple(v for k, v in exception.items() if k == "history")
    (finding,) = judged(60.0, StatedFinding(NODULE, values), history=history).findings
    assert finding.seriousness.value == "significant"
    assert any("CT at 3 months" in one.text for one in finding.advice)
