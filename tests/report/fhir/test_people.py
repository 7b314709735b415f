"""Who a bundle is about, and that a pseudonym tells nobody."""

import json
import sys

import pytest

from calciscope.report.fhir import Person, person_of
from tests.report.fhir.make import SECRET, STUDY, examined, resources
from tests.studies import run
from tests.test_privacy import secret

KEY = b"sixteen bytes and more"
PATIENT = {"resourceType": "Patient", "id": "p7", "birthDate": "1943-11-07", "name": [{"family": "Zebrafish"}]}


def record(path, *people):
    path.write_text(json.dumps({"resourceType": "Bundle", "entry": [{"resource": one} for one in people]}))
    return path


def test_the_patient_of_a_record_is_referred_to(tmp_path):
    assert person_of([record(tmp_path / "a.json", PATIENT)], ()).subject() == {"reference": "Patient/p7"}


def test_what_is_told_counts_before_the_record(tmp_path):
    assert person_of([record(tmp_path / "a.json", PATIENT)], (), "Patient/9").reference == "Patient/9"


@pytest.mark.parametrize("people", [(), (PATIENT, {**PATIENT, "id": "p8"}), ({**PATIENT, "id": "no id"},)])
def test_a_record_that_names_no_one_or_two_gives_no_reference(tmp_path, people):
    assert person_of([record(tmp_path / "a.json", *people)], ()).reference is None


@pytest.mark.parametrize("text", ["", "[1]", "{not json", '{"entry": 3}', '{"entry": [1]}'])
def test_a_file_that_is_no_record_gives_no_reference(tmp_path, text):
    (tmp_path / "a.json").write_text(text)
    assert person_of([tmp_path / "a.json", tmp_path / "absent.json"], ()).reference is None


def test_without_any_identity_the_subject_is_said_to_be_unknown():
    assert Person().subject() == {"type": "Patient", "display": "not identified"}


def test_the_number_of_a_dicom_header_is_a_medical_record_number():
    subject = examined().subject()["identifier"]
    assert subject["value"] == SECRET
    assert subject["type"]["coding"][0]["code"] == "MR"


def test_a_person_is_not_shown():
    assert SECRET not in repr(examined())
    assert STUDY not in repr(examined())


def test_the_command_writes_both_releases_of_a_dicom_study(tmp_path, monkeypatch):
    monkeypatch.setenv("CALCISCOPE_PSEUDONYM_KEY", KEY.decode())
    secret().write(tmp_path / "CT")
    ran = run("assess", tmp_path / "CT", "--format", "fhir", out=tmp_path / "out")
    assert ran.code == 0
    for name in ("fhir-r4.json", "fhir-r5.json"):
        data = json.loads((tmp_path / "out" / name).read_text("utf-8"))
        assert resources(data, "Observation")[0]["subject"]["identifier"]["value"] == "PID-424242"
        assert resources(data, "ImagingStudy")[0]["identifier"][0]["value"] == "urn:oid:1.2.826.77.2"
    hidden = run("assess", tmp_path / "CT", "--format", "fhir-r5", "--deidentify", out=tmp_path / "hidden")
    assert hidden.code == 0
    text = (tmp_path / "hidden" / "fhir-r5.json").read_text("utf-8").lower()
    for word in ("424242", "zebrafish", "quixote", "1.2.826.77", "19431107", "1943-11-07"):
        assert word not in text
    assert "424242" not in hidden.out + hidden.err + ran.out + ran.err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--format", "fhir-r6"], "there is no format fhir-r6"),
        (["--fhir-patient", "Patient/7"], "belongs to --format fhir"),
        (["--format", "fhir-r4", "--fhir-patient", "Zebrafish"], "such as Patient/7"),
        (["--format", "fhir-r4", "--fhir-patient", "Patient/7", "--deidentify"], "forbids"),
    ],
)
def test_wrong_options_are_said_before_the_work(tmp_path, options, said):
    (tmp_path / "p.yaml").write_text("age: 60\n")
    ran = run("assess", "--patient", tmp_path / "p.yaml", *options, out=tmp_path / "out")
    assert ran.code == 2
    assert said in " ".join(ran.err.split())
    assert "Zebrafish" not in ran.err


def test_a_library_that_is_missing_is_named_and_the_rest_is_written(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "fhirpathpy", None)
    (tmp_path / "p.yaml").write_text("age: 60\n")
    ran = run("assess", "--patient", tmp_path / "p.yaml", "--format", "fhir-r4,csv", out=tmp_path / "out")
    assert ran.code == 0
    assert "not written: fhir-r4: " in ran.err
    assert "pip install 'calciscope[fhir]'" in ran.err
    assert (tmp_path / "out" / "findings.csv").exists()
