"""Every shape of breast calcification with every distribution, against the reference and not against the rules.

BI-RADS v2025 names; categories as in the clinical reference, section E: typically benign shapes are 2, a line or a
segment is at least 4 whatever the shape, round or punctate calcium is 2 where diffuse and 3 where grouped, and the
suspicious shapes have 4A to 4C. Vascular, rod-like, suture, skin and layering calcium is the exception: it runs along
a vessel, a duct or a thread, or lies elsewhere, so that a line is what it looks like.
"""

import pytest

from calciscope.domain.patient import Patient, StatedFinding
from calciscope.interpret.interpretation import interpret
from calciscope.interpret.rules import load

BENIGN, FOLLOWED = {"2"}, {"3"}
SUSPICIOUS = {"4", "4A", "4B", "4C", "5"}
DISTRIBUTIONS = ("diffuse", "regional", "grouped", "linear", "segmental", "")
LINE = ("linear", "segmental")
EXPLAINED = ("skin", "vascular", "large rod like", "suture", "layering")
COARSE = ("coarse", "rim", "lucent centered")
SMALL = ("round", "punctate")
SUSPECT = {
    "amorphous": ({"4A", "4B"}, {"4B", "4C"}),
    "coarse heterogeneous": ({"4B"}, {"4B", "4C"}),
    "fine pleomorphic": ({"4B"}, {"4C"}),
    "fine linear branching": ({"4C"}, {"4C", "5"}),
}
LEVEL = {"2": "incidental", "3": "monitor"}


def expected(shape, distribution):
    """The categories that the reference allows."""
    if shape in EXPLAINED:
        return BENIGN
    if shape in SUSPECT:
        return SUSPECT[shape][distribution in LINE]
    if distribution in LINE:
        return SUSPICIOUS
    if shape in COARSE or distribution == "diffuse":
        return BENIGN
    if distribution == "grouped":
        return FOLLOWED
    return BENIGN | FOLLOWED


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
@pytest.mark.parametrize("shape", [*EXPLAINED, *COARSE, *SMALL, *SUSPECT])
def test_the_proposed_category_is_that_of_the_reference(shape, distribution):
    values = {"morphology": shape, **({"distribution": distribution} if distribution else {})}
    patient = Patient(age=55.0, sex="female", findings=(StatedFinding("breast.left", values),))
    (finding,) = interpret((), patient, load()).findings
    category = finding.measures["birads"].category.split()[-1]
    assert category in expected(shape, distribution)
    assert finding.seriousness.value == LEVEL.get(category, "significant")
    advice = " ".join(one.text for one in finding.advice)
    assert ("breast unit" in advice) == (category in SUSPICIOUS)
