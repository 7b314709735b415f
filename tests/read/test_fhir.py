"""A FHIR bundle gives the patient that the patient file gives; what is not known is listed."""

import json
from datetime import date

import pytest

from calciscope import pipeline
from calciscope.domain.patient import Patient
from calciscope.interpret import load
from calciscope.read.fhir import _table, as_patient_file, is_fhir
from calciscope.read.patient import is_record, read_patient

BORN = date.today().replace(year=date.today().year - 62, day=1).isoformat()


def concept(system, code, text=None):
    systems = {"loinc": "http://loinc.org", "sct": "http://snomed.info/sct", "icd": "http://hl7.org/fhir/sid/icd-10-cm"}
    return {"coding": [{"system": systems[system], "code": code, **({"display": text} if text else {})}]}


def lab(code, value, unit, on="2026-05-04", **more):
    return {
        "resourceType": "Observation", "status": "final", "code": concept("loinc", code), "effectiveDateTime": on,
        "valueQuantity": {"value": value, "unit": unit, "system": "http://unitsofmeasure.org", "code": unit}, **more,
    }  # fmt: skip


def condition(system, code, text=None, state="active", **more):
    return {
        "resourceType": "Condition", "code": concept(system, code, text),
        "clinicalStatus": {"coding": [{"code": state}]}, **more,
    }  # fmt: skip


def bundle(*resources, gender="female"):
    person = {"resourceType": "Patient", "id": "p1", "gender": gender, "birthDate": BORN,
              "name": [{"family": "Geheim"}]}  # fmt: skip
    entries = [{"fullUrl": f"urn:uuid:{n}", "resource": one} for n, one in enumerate((person, *resources))]
    return {"resourceType": "Bundle", "type": "collection", "entry": entries}


PRESSURE = {
    "resourceType": "Observation", "status": "final", "code": concept("loinc", "85354-9"),
    "component": [
        {"code": concept("loinc", "8480-6"), "valueQuantity": {"value": 132, "code": "mm[Hg]"}},
        {"code": concept("loinc", "8462-4"), "valueQuantity": {"value": 80, "code": "mm[Hg]"}},
    ],
}  # fmt: skip
COMMON = (
    lab("2000-8", 2.95, "mmol/L"),
    lab("1995-0", 1.5, "mmol/L"),
    lab("1751-7", 31, "g/L"),
    lab("2777-1", 6.4, "mg/dL"),
    lab("98979-8", 8, "mL/min/{1.73_m2}"),
    lab("8302-2", 1.64, "m"),
    lab("29463-7", 71, "kg"),
    PRESSURE,
    condition("icd", "N18.5"),
    condition("sct", "73211009"),
)
R4 = bundle(
    *COMMON,
    {"resourceType": "MedicationStatement", "status": "active", "medicationCodeableConcept": {"text": "Warfarin 5 mg"}},
)
R5 = bundle(
    *COMMON,
    {"resourceType": "MedicationStatement", "status": "recorded", "medication": {"concept": {"text": "Warfarin 5 mg"}}},
)
FILE = """
age: 62
sex: female
height: 164 cm
weight: 71 kg
blood_pressure: 132/80 mmHg
labs: {calcium: 2.95 mmol/L, ionised_calcium: 1.5 mmol/L, albumin: 3.1 g/dL, phosphate: 6.4 mg/dL,
       egfr: 8 mL/min/1.73m2}
conditions: [chronic kidney disease stage 5, diabetes]
medications: [warfarin 5 mg]
"""


def read(tmp_path, content, name="bundle.json"):
    path = tmp_path / name
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return read_patient(path)


@pytest.mark.parametrize("record", [R4, R5], ids=["R4", "R5"])
def test_a_bundle_gives_the_patient_that_the_file_gives(tmp_path, record):
    given, written = read(tmp_path, record), read(tmp_path, FILE, "patient.yaml")
    assert given.refused == written.refused == ()
    assert given.patient.age == written.patient.age
    for name in ("sex", "ancestry", "systolic", "diastolic", "conditions", "medications", "history", "findings"):
        assert getattr(given.patient, name) == getattr(written.patient, name), name
    assert given.patient.labs == pytest.approx(dict(written.patient.labs))
    assert (given.patient.height, given.patient.weight) == pytest.approx((164.0, 71.0))


def test_the_latest_of_several_values_counts_whatever_their_order(tmp_path):
    old, new = lab("2000-8", 2.2, "mmol/L", "2020-01-01"), lab("17861-6", 11.8, "mg/dL", "2026-02-01")
    for record in (bundle(old, new), bundle(new, old)):
        assert read(tmp_path, record).patient.labs["calcium"] == pytest.approx(11.8)


@pytest.mark.parametrize("state", ["entered-in-error", "cancelled"])
def test_what_never_was_is_left_out(tmp_path, state):
    made = read(tmp_path, bundle(lab("2000-8", 2.2, "mmol/L") | {"status": state}))
    assert dict(made.patient.labs) == {}
    assert made.refused == ()


def test_a_refuted_condition_is_none_and_a_past_one_is_history(tmp_path):
    refuted = condition("icd", "D86.0", verificationStatus={"coding": [{"code": "refuted"}]})
    past = condition("icd", "A15.0", state="resolved")
    patient = read(tmp_path, bundle(refuted, past)).patient
    assert patient.conditions is None
    assert patient.history == ("tuberculosis",)


def test_a_stopped_drug_is_history_and_a_reference_is_followed(tmp_path):
    drug = {"resourceType": "Medication", "id": "m1", "code": {"text": "Calcium acetate"}}
    now = {
        "resourceType": "MedicationRequest",
        "status": "active",
        "medicationReference": {"reference": "Medication/m1"},
    }
    then = {
        "resourceType": "MedicationStatement",
        "status": "stopped",
        "medicationCodeableConcept": {"text": "Warfarin"},
    }
    patient = read(tmp_path, bundle(drug, now, then)).patient
    assert patient.medications == ("calcium acetate",)
    assert patient.history == ("warfarin",)


def test_codes_that_are_not_known_are_listed_and_their_words_are_used(tmp_path):
    made = read(tmp_path, bundle(
        lab("2951-2", 140, "mmol/L") | {"code": concept("loinc", "2951-2", "Sodium")},
        condition("sct", "999999", "sarcoidosis of the lung"),
        {"resourceType": "ImagingStudy", "status": "available"},
    ))  # fmt: skip
    assert made.patient.conditions == ("sarcoidosis of the lung",)
    lines = [f"{one.input}: {one.why}" for one in made.refused]
    assert "Observation LOINC 2951-2 (Sodium): its code is not known" in lines
    assert "Condition SNOMED 999999 (sarcoidosis of the lung): its code is not known" in lines
    assert "ImagingStudy: 1 in the bundle; resources of this sort are not read" in lines


def test_the_longest_code_that_holds_a_condition_counts():
    data, refused = as_patient_file(
        bundle(condition("icd", "N18.30"), condition("icd", "I25.84"), condition("icd", "C50.9"))
    )
    assert data["conditions"] == ["chronic kidney disease", "coronary disease", "breast cancer"]
    assert refused == ()


def test_smoking_and_a_stated_score_are_understood(tmp_path):
    smoking = {"resourceType": "Observation", "status": "final", "code": concept("loinc", "72166-2"),
               "valueCodeableConcept": concept("sct", "8517006", "Ex-smoker")}  # fmt: skip
    score = {
        "resourceType": "Observation", "status": "final", "code": concept("sct", "450360000"),
        "effectiveDateTime": "2021-03-02T08:00:00Z", "valueQuantity": {"value": 210, "code": "{AU}"},
        "component": [{"code": concept("sct", "59438005"), "valueQuantity": {"value": 150}}],
    }  # fmt: skip
    patient = read(tmp_path, bundle(smoking, score)).patient
    assert patient.conditions == ("former smoker",)
    assert [(one.site, dict(one.values), one.on) for one in patient.findings] == [
        ("artery.coronary", {"agatston": 210.0}, date(2021, 3, 2)),
        ("artery.coronary.lad", {"agatston": 150.0}, date(2021, 3, 2)),
    ]


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"value": 94, "code": "mg/dL"}, "labs.calcium"),
        ({"value": 2.4, "code": "mmol/h"}, "labs.calcium"),
        ({"value": 2.4}, "labs.calcium"),
        ({"value": 2.4, "code": "mmol/L", "comparator": ">"}, "Observation calcium"),
        ({"unit": "mmol/L"}, "Observation calcium"),
    ],
)
def test_an_impossible_value_is_one_line_and_the_rest_is_used(tmp_path, value, words):
    made = read(tmp_path, bundle(lab("2000-8", 0, "") | {"valueQuantity": value}, lab("2777-1", 6.4, "mg/dL")))
    assert dict(made.patient.labs) == {"phosphate": pytest.approx(6.4)}
    assert [one.input for one in made.refused] == [words]


def test_two_patients_are_refused_and_no_name_is_told(tmp_path):
    record = bundle()
    record["entry"].append({"resource": {"resourceType": "Patient", "name": [{"family": "Other"}]}})
    made = read(tmp_path, record)
    assert made.patient == Patient()
    assert "2 patients" in made.refused[0].why
    assert "Geheim" not in str(made.refused)


def test_a_month_or_year_of_birth_is_an_age_too():
    for born, age in (
        ("1960", 66),
        ("1960-11", 66),
        ("1960-11-22", 66),
        ("1960-12", 65),
        ("2025-11-22", 1.0),
        ("2026-05-22", 0.5),
    ):
        person = {"resourceType": "Patient", "birthDate": born}
        assert float(as_patient_file(person, date(2026, 11, 22))[0]["age"]) == age
    assert as_patient_file({"resourceType": "Patient", "birthDate": "unknown"})[1][0].input == "Patient.birthDate"


@pytest.mark.parametrize("junk", [{}, {"resourceType": "Bundle"},
                                  {"resourceType": "Bundle", "entry": [1, {"resource": 3}]},
                                  bundle({"resourceType": "Observation", "code": "x"}, {"resourceType": "Condition"},
                                         {"resourceType": "MedicationRequest"}, {"resourceType": 7})])  # fmt: skip
def test_junk_in_a_bundle_breaks_nothing(junk):
    assert isinstance(as_patient_file(junk)[0], dict)
    assert is_fhir(junk) == (junk.get("resourceType") == "Bundle")


def test_a_bundle_among_the_inputs_is_the_patient_and_a_file_beside_it_counts_first(tmp_path):
    record, extra = tmp_path / "bundle.json", tmp_path / "patient.yaml"
    record.write_text(json.dumps(bundle(lab("2000-8", 2.2, "mmol/L"), lab("2777-1", 3.1, "mg/dL"))), encoding="utf-8")
    extra.write_text("labs: {calcium: 11.8 mg/dL}\nfindings: [{site: scar, diameter: 8 mm}]\n", encoding="utf-8")
    assert is_record(record)
    assert not is_record(extra)
    both = read_patient(extra, (record,)).patient
    assert dict(both.labs) == {"calcium": pytest.approx(11.8), "phosphate": pytest.approx(3.1)}
    assert both.sex == "female"
    found = pipeline.assess([record], extra).assessment
    assert [one.site for one in found.findings] == ["scar"]


def test_a_bundle_alone_can_be_assessed(tmp_path):
    record = tmp_path / "bundle.json"
    record.write_text(json.dumps(R4), encoding="utf-8")
    run = pipeline.assess([record])
    assert run.assessment.findings == ()
    assert run.assessment.refused == ()


def test_every_code_means_something_that_rules_can_use():
    knowledge, table = load(), _table()
    for words in (*table.icd.values(), *table.snomed.values(), *filter(None, table.answers.values())):
        assert knowledge.words.concepts_of(words), words
    for name in table.observations.values():
        assert knowledge.quantity(name) is not None, name
