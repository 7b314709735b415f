"""Under a pseudonym nothing that leaves says whose it was, and what leaves still belongs together."""

import json
import re
from dataclasses import replace

import pytest
from pydicom import dcmread

from calciscope.domain.assessment import Correction
from calciscope.domain.mention import Assertion, Mention, PatientFact
from calciscope.report import deidentify
from calciscope.report.fhir import Release, bundle
from calciscope.report.fhir.validate import check
from calciscope.report.pseudonyms import Pseudonyms
from tests.report import make
from tests.report.dicom import make as dicom
from tests.report.fhir.make import SECRET, SERIES, STUDY, corrected, examined, resources, stated
from tests.studies import run, series
from tests.test_privacy import IDENTITY, WORDS

IDS = {"uid": "1.2.826.77.1", "study": "1.2.826.77.2", "frame": "1.2.826.77.3", "patient": "PID-424242"}
DAYS = ("20240102", "2024-01-02")
UNDER = Pseudonyms(b"k" * 32, "STUDY 7")


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    header = {**IDENTITY, "PatientSex": "F", "PatientAge": "080Y", "PatientWeight": "71", "StudyTime": "101500"}
    series(header=header, **IDS).write(folder / "PID-424242_Zebrafish", prefix="Quixote")
    (folder / "PID-424242_Zebrafish" / "Zebrafish.dcm").write_text("no image")
    (folder / "p.yaml").write_text("age: 93\nhistory: [aortic valve replacement 2019]\n")
    return run(
        "assess", folder / "PID-424242_Zebrafish", "--patient", folder / "p.yaml", "--format", "all", "--deidentify",
        "--pseudonym", "STUDY 7", out=folder / "out",
    )  # fmt: skip


def test_everything_is_searched_and_nothing_is_found(ran):
    assert ran.code == 0, ran.err
    assert "not written" not in ran.err
    files = [path for path in ran.folder.rglob("*") if path.is_file()]
    assert len(files) >= 10
    for path in files:
        text = re.sub(rb"base64,[\w+/=]+", b"", path.read_bytes()).lower()
        assert not [word for word in (*WORDS, *DAYS) if word.encode() in text], path.name
    for text in (ran.out, ran.err):
        assert not [word for word in (*WORDS, *DAYS) if word in text.replace(str(ran.folder), "").lower()]


def test_the_search_finds_what_is_there_without_the_option(tmp_path):
    series(header={**IDENTITY, "StudyTime": "101500"}, **IDS).write(tmp_path / "ct")
    ran = run("assess", tmp_path / "ct", "--format", "sr", out=tmp_path / "out")
    text = (ran.folder / "dicom" / "sr.dcm").read_bytes().lower()
    assert {word for word in (*WORDS, *DAYS) if word.encode() in text} >= {
        "zebrafish",
        "424242",
        "acc-77123",
        "20240102",
    }


def test_the_objects_carry_the_pseudonym_and_say_how(ran):
    every = [dcmread(path) for path in (ran.folder / "dicom").iterdir()]
    assert {one.Modality for one in every} == {"DOC", "OT", "SEG", "SR"}
    for one in every:
        assert (str(one.PatientName), one.PatientID) == ("STUDY 7", "STUDY 7")
        assert one.PatientIdentityRemoved == "YES"
        assert one.DeidentificationMethodCodeSequence[0].CodeValue == "113100"
        assert one.LongitudinalTemporalInformationModified == "REMOVED"
        assert not one.get("PatientBirthDate")
        assert not one.get("PatientSex")
        assert not one.get("StudyDate")
        assert "PatientAge" not in one
        assert "PatientWeight" not in one
        assert "InstanceCreationDate" not in one


def test_the_objects_still_belong_together(ran):
    every = {one.Modality: one for one in (dcmread(path) for path in (ran.folder / "dicom").iterdir())}
    assert len({one.StudyInstanceUID for one in every.values()}) == 1
    referenced = {
        item.ReferencedSOPInstanceUID
        for study in every["SR"].CurrentRequestedProcedureEvidenceSequence
        for one in study.ReferencedSeriesSequence
        for item in one.ReferencedSOPSequence
    }
    assert every["SEG"].SOPInstanceUID in referenced
    sources = {
        item.ReferencedSOPInstanceUID for item in every["SEG"].ReferencedSeriesSequence[0].ReferencedInstanceSequence
    }
    assert sources < referenced


def test_the_assessment_keeps_the_findings_and_loses_names_and_days(ran):
    data = ran.data
    assert len(ran.deposits) == 3
    assert [one["label"] for one in data["acquisition"]] == ["series 1"]
    assert data["acquisition"][0]["date"] is None
    assert list(data["provenance"]["inputs"]) == [f"input {n}" for n in range(1, len(data["provenance"]["inputs"]) + 1)]
    assert {one["series"] for one in ran.deposits} == {"series-1"}
    assert not re.search(r"ct-[0-9a-f]{8}", json.dumps(data))
    assert not [path for path in ran.folder.rglob("*") if re.search(r"ct-[0-9a-f]{8}", path.name)]
    assert data["provenance"]["created"].startswith("1900-01-01")
    assert "2019" not in json.dumps(data["findings"])
    assert "93" not in [str(r["inputs"].get("age", "")) for f in data["findings"] for r in f["kind"]["reasons"]]


def test_the_bundle_and_the_objects_name_the_same_study_and_patient(ran):
    data = json.loads((ran.folder / "fhir-r5.json").read_text("utf-8"))
    report = dcmread(ran.folder / "dicom" / "sr.dcm")
    assert resources(data, "ImagingStudy")[0]["identifier"][0]["value"] == f"urn:oid:{report.StudyInstanceUID}"
    assert resources(data, "Observation")[0]["subject"]["identifier"]["value"] == report.PatientID == "STUDY 7"


def test_a_person_who_corrected_is_not_named():
    assessment = dicom.assessment()
    by = Correction(deposit="s-1", action="move", to="kidney.left", by="Dr Zebrafish", why="said Quixote")
    provenance = assessment.provenance.model_copy(update={"corrections": (by,)})
    record = assessment.findings[1].deposits[0].model_copy(update={"placed_by": "Dr Zebrafish"})
    finding = assessment.findings[1].model_copy(update={"deposits": (record,)})
    given = assessment.model_copy(update={"provenance": provenance, "findings": (finding,)})
    assert "Zebrafish" in given.model_dump_json()
    text = deidentify.assessment(given, UNDER).model_dump_json()
    assert "Zebrafish" not in text
    assert "Quixote" not in text


def masked_person():
    person = examined()
    return replace(
        person,
        number=UNDER.name(SECRET),
        series={key: deidentify._examination(one, UNDER) for key, one in person.series.items()},
    )


@pytest.mark.parametrize("release", list(Release))
def test_a_bundle_under_a_pseudonym_names_nobody_and_no_day(release):
    whole = stated().model_copy(update={"provenance": corrected(stated()).provenance})
    data = bundle(deidentify.assessment(whole, UNDER), release, masked_person())
    check(data, release)
    text = json.dumps(data)
    for word in (SECRET, STUDY, SERIES, "Housemann", "Zebrafish", "2021-03-02", "2026-05-04", "ab" * 32):
        assert word not in text
    assert "1.2.826" not in text
    assert resources(data, "Observation")[0]["subject"]["identifier"]["value"] == UNDER.name(SECRET)


def test_the_same_bundle_without_a_pseudonym_holds_what_was_searched_for():
    text = json.dumps(bundle(corrected(stated()), Release.R5, examined()))
    for word in (SECRET, STUDY, SERIES, "Housemann", "2021-03-02", "2026-05-04", "ab" * 32):
        assert word in text
    assert "Zebrafish" not in text


def test_numbers_of_findings_stay_under_a_pseudonym():
    plain = bundle(make.assessment(), Release.R5, examined())
    masked = bundle(deidentify.assessment(make.assessment(), UNDER), Release.R5, masked_person())

    def numbers(data):
        return [one["valueQuantity"] for one in resources(data, "Observation") if "valueQuantity" in one]

    assert numbers(plain) == numbers(masked) != []
    assert {one["id"] for one in resources(plain)}.isdisjoint(one["id"] for one in resources(masked))


def test_of_a_report_stays_what_was_understood_and_not_its_words():
    mention = Mention(
        start=10, end=19, text="calcified", kind="calcification", site="lung", assertion=Assertion.AFFIRMED,
        sentence=(0, 40), because={"site": "Mr Quixote's lung"}, quote="Mr Quixote's lung calcified",
        report="Quixote.txt",
    )  # fmt: skip
    facts = (
        PatientFact(key="age", value=93.0, start=0, end=4, text="93 y"),
        PatientFact(key="history", value="bypass 2019", start=5, end=9, text="Quixote", report="Quixote.txt"),
    )
    given = make.assessment().model_copy(update={"mentions": (mention,), "patient_facts": facts})
    clean = deidentify.assessment(given, UNDER)
    assert "Quixote" in given.model_dump_json()
    assert "Quixote" not in clean.model_dump_json()
    assert clean.mentions[0].site == "lung"
    assert [(one.key, one.value) for one in clean.patient_facts] == [("history", "bypass")]
