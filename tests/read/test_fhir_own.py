"""Observations that Calciscope wrote are findings again; whatever else carries such a code does no harm."""

import pytest

from calciscope.read.fhir_own import findings_of, is_own
from calciscope.read.patient import patient_of

BASE = "https://github.com/calciscope/calciscope/fhir/CodeSystem"


def concept(system, code):
    return {"coding": [{"system": f"{BASE}/{system}", "code": code}]}


def measure(name="agatston", value=12.0, code="1", site="artery.coronary", **more):
    return {
        "resourceType": "Observation", "status": "preliminary", "code": concept("measure", name),
        "bodySite": concept("site", site), "valueQuantity": {"value": value, "code": code}, **more,
    }  # fmt: skip


def words(key="morphology", text="punctate", site="breast.left", **more):
    return {
        "resourceType": "Observation", "status": "preliminary", "code": concept("concept", "finding"),
        "bodySite": concept("site", site),
        "component": [{"code": concept("component", key), "valueCodeableConcept": {"text": text}}], **more,
    }  # fmt: skip


def test_a_measure_and_words_are_told_by_place_and_day():
    told = findings_of([measure(effectiveDateTime="2026-05-04T10:00:00Z"), measure(value=3.0), words()])
    assert told == [
        {"site": "artery.coronary", "date": "2026-05-04", "agatston": "12.0"},
        {"site": "artery.coronary", "agatston": "3.0"},
        {"site": "breast.left", "morphology": "punctate"},
    ]


def test_measures_of_one_place_are_one_finding():
    told = findings_of(
        [measure("diameter", 6, "mm", "ureter.left"), measure("attenuation", 900, "[hnsf'U]", "ureter.left")]
    )
    assert told == [{"site": "ureter.left", "diameter": "6 mm", "attenuation": "900 HU"}]


def test_a_finding_without_numbers_is_one():
    assert findings_of([words(component=[])]) == [{"site": "breast.left"}]


@pytest.mark.parametrize(
    "one",
    [
        measure("mesa_percentile", 52, "{percentile}"),
        measure("no_such_measure"),
        measure(valueQuantity=None),
        measure(valueQuantity={"code": "1"}),
        measure(bodySite=None),
        measure(bodySite={"coding": [{"system": f"{BASE}/site", "code": 3}]}),
        measure(bodySite={"coding": "x"}),
        measure(resourceType="RiskAssessment"),
    ],
)
def test_what_is_computed_or_broken_is_not_told(one):
    assert findings_of([one]) == []


@pytest.mark.parametrize("key", ["site", "date", "agatston", "validity"])
def test_a_component_cannot_set_another_key(key):
    assert findings_of([words(key, "x")]) == [{"site": "breast.left"}]


@pytest.mark.parametrize("part", [None, 3, {}, {"code": 3}, {"code": concept("component", "margin")}])
def test_a_broken_component_is_no_word(part):
    assert findings_of([words(component=[part])]) == [{"site": "breast.left"}]
    assert findings_of([words(component=part)]) == [{"site": "breast.left"}]


def test_only_our_own_codes_are_ours():
    assert is_own(measure())
    assert is_own(words())
    assert not is_own({"code": {"coding": [{"system": "http://loinc.org", "code": "17861-6"}]}})
    assert not is_own({})


def test_a_place_that_does_not_exist_is_refused_and_the_rest_read():
    read = patient_of(
        {"resourceType": "Bundle", "entry": [{"resource": measure(site="kidney.middle")}, {"resource": measure()}]}
    )
    assert [one.site for one in read.patient.findings] == ["artery.coronary"]
    assert len(read.refused) == 1


def test_what_was_entered_in_error_is_not_read():
    bundle = {"resourceType": "Bundle", "entry": [{"resource": measure(status="entered-in-error")}]}
    assert patient_of(bundle).patient.findings == ()


def test_resources_beside_our_findings_are_passed_and_those_of_others_named():
    report = {"resourceType": "DiagnosticReport", "status": "final"}
    ours = {"resourceType": "Bundle", "entry": [{"resource": measure()}, {"resource": report}]}
    assert patient_of(ours).refused == ()
    others = {"resourceType": "Bundle", "entry": [{"resource": report}]}
    assert [one.input for one in patient_of(others).refused] == ["DiagnosticReport"]
