"""Who a bundle is about, and that a pseudonym tells nobody."""

import json

import pytest

from calciscope.errors import OutputError
from calciscope.export.fhir import Person, Pseudonyms, Release, bundle, person_of
from calciscope.export.fhir.validate import check
from tests.export.fhir.make import SECRET, SERIES, STUDY, corrected, examined, resources, stated
from tests.report import make
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


def test_a_pseudonym_is_the_same_under_one_key_and_another_under_another():
    one, same, other = Pseudonyms(KEY), Pseudonyms(KEY), Pseudonyms(KEY[::-1])
    assert one.name(SECRET) == same.name(SECRET) != other.name(SECRET)
    assert one.uid(STUDY) == same.uid(STUDY) != other.uid(STUDY)
    assert one.uid(STUDY).startswith("2.25.")
    assert len(one.uid(STUDY)) <= 64
    assert KEY.decode() not in repr(one)


def test_a_short_key_is_refused():
    with pytest.raises(OutputError, match="at least 16"):
        Pseudonyms(b"short")


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("as of 2021-03-02", "as of date not told"),
        ("age 93 is outside 45 to 85 years", "age not told is outside 45 to 85 years"),
        ("a 93-year-old with 2400 mg", "a age not told with 2400 mg"),
        ("score of 2000 to 2999", "score of 2000 to 2999"),
        ("Agatston score 2012", "Agatston score 2012"),
    ],
)
def test_dates_and_ages_are_taken_out_of_texts_and_scores_are_not(text, clean):
    assert Pseudonyms(KEY).text(text) == clean


@pytest.mark.parametrize("release", list(Release))
def test_a_bundle_under_a_pseudonym_names_nobody_and_no_day(release):
    whole = stated().model_copy(update={"provenance": corrected(stated()).provenance})
    data = bundle(whole, release, examined(), pseudonyms=Pseudonyms(KEY), forms=[("text/plain", b"Zebrafish")])
    check(data, release)
    text = json.dumps(data)
    for word in (SECRET, STUDY, SERIES, "Housemann", "Zebrafish", "2021-03-02", "2026-05-04", "ab" * 32):
        assert word not in text
    assert "presentedForm" not in text
    assert "1.2.826" not in text
    assert resources(data, "Observation")[0]["subject"]["identifier"]["value"] == Pseudonyms(KEY).name(SECRET)


def test_the_same_bundle_without_a_pseudonym_holds_what_was_searched_for():
    text = json.dumps(bundle(corrected(stated()), Release.R5, examined()))
    for word in (SECRET, STUDY, SERIES, "Housemann", "2021-03-02", "2026-05-04", "ab" * 32):
        assert word in text
    assert "Zebrafish" not in text


def test_numbers_of_findings_stay_under_a_pseudonym():
    plain = bundle(make.assessment(), Release.R5, examined())
    masked = bundle(make.assessment(), Release.R5, examined(), pseudonyms=Pseudonyms(KEY))

    def numbers(data):
        return [one["valueQuantity"] for one in resources(data, "Observation") if "valueQuantity" in one]

    assert numbers(plain) == numbers(masked) != []
    assert {one["id"] for one in resources(plain)}.isdisjoint(one["id"] for one in resources(masked))


def test_the_command_writes_both_releases_of_a_dicom_study(tmp_path, monkeypatch):
    monkeypatch.setenv("CALCISCOPE_PSEUDONYM_KEY", KEY.decode())
    secret().write(tmp_path / "CT")
    ran = run("assess", tmp_path / "CT", "--fhir", "r4", "--fhir", "r5", out=tmp_path / "out")
    assert ran.code == 0
    for name in ("fhir-r4.json", "fhir-r5.json"):
        data = json.loads((tmp_path / "out" / name).read_text("utf-8"))
        assert resources(data, "Observation")[0]["subject"]["identifier"]["value"] == "PID-424242"
        assert resources(data, "ImagingStudy")[0]["identifier"][0]["value"] == "urn:oid:1.2.826.77.2"
    hidden = run("assess", tmp_path / "CT", "--fhir", "r5", "--deidentify", out=tmp_path / "hidden")
    assert hidden.code == 0
    text = (tmp_path / "hidden" / "fhir-r5.json").read_text("utf-8").lower()
    for word in ("424242", "zebrafish", "quixote", "1.2.826.77", "19431107", "1943-11-07"):
        assert word not in text
    assert "424242" not in hidden.out + hidden.err + ran.out + ran.err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--fhir", "r6"], "r4 or r5"),
        (["--deidentify"], "belong to --fhir"),
        (["--fhir-patient", "Patient/7"], "belong to --fhir"),
        (["--fhir", "r4", "--fhir-patient", "Zebrafish"], "such as Patient/7"),
        (["--fhir", "r4", "--fhir-patient", "Patient/7", "--deidentify"], "forbids"),
    ],
)
def test_wrong_options_are_said_before_the_work(tmp_path, options, said):
    (tmp_path / "p.yaml").write_text("age: 60\n")
    ran = run("assess", "--patient", tmp_path / "p.yaml", *options, out=tmp_path / "out")
    assert ran.code == 2
    assert said in " ".join(ran.err.split())
    assert "Zebrafish" not in ran.err


def test_a_library_that_is_missing_is_named_before_the_work(tmp_path, monkeypatch):
    monkeypatch.setattr("calciscope.export.fhir.validate.find_spec", lambda name: None)
    (tmp_path / "p.yaml").write_text("age: 60\n")
    ran = run("assess", "--patient", tmp_path / "p.yaml", "--fhir", "r4", out=tmp_path / "out")
    assert ran.code == 2
    assert "pip install 'calciscope[fhir]'" in ran.err
    assert not (tmp_path / "out").exists()
