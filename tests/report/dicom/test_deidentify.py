"""Under a pseudonym nothing that leaves says whose it was, and the objects still belong together."""

import json
import re

import pytest
from pydicom import dcmread

from calciscope.domain.assessment import Correction
from calciscope.report.dicom import deidentify, write
from tests.report.dicom import make, outside
from tests.studies import run, series
from tests.test_privacy import IDENTITY, WORDS

IDS = {"uid": "1.2.826.77.1", "study": "1.2.826.77.2", "frame": "1.2.826.77.3", "patient": "PID-424242"}
DAYS = ("20240102", "2024-01-02")
UNDER = deidentify.Pseudonym("STUDY 7", b"k" * 32)


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
    assert data["provenance"]["inputs"] == {}
    assert data["provenance"]["created"].startswith("1900-01-01")
    assert "2019" not in json.dumps(data["findings"])
    assert "93" not in [str(r["inputs"].get("age", "")) for f in data["findings"] for r in f["kind"]["reasons"]]


def test_a_person_who_corrected_is_not_named():
    assessment = make.assessment()
    by = Correction(deposit="s-1", action="move", to="kidney.left", by="Dr Zebrafish", why="said Quixote")
    provenance = assessment.provenance.model_copy(update={"corrections": (by,)})
    record = assessment.findings[1].deposits[0].model_copy(update={"placed_by": "Dr Zebrafish"})
    finding = assessment.findings[1].model_copy(update={"deposits": (record,)})
    given = assessment.model_copy(update={"provenance": provenance, "findings": (finding,)})
    assert "Zebrafish" in given.model_dump_json()
    text = deidentify.assessment(given, UNDER).model_dump_json()
    assert "Zebrafish" not in text
    assert "Quixote" not in text


def test_another_secret_gives_other_uids(tmp_path):
    made = make.made(tmp_path / "ct")
    (first,), (second,) = (
        deidentify.series([made.seen], deidentify.Pseudonym("A", secret)) for secret in (b"1" * 32, b"2" * 32)
    )
    one, two = (item.origin.headers[0] for item in (first, second))
    assert one.SOPInstanceUID != two.SOPInstanceUID
    source = made.seen.origin.headers[0]
    assert source.PatientID == "P1"
    assert {one.StudyInstanceUID, one.SeriesInstanceUID, one.FrameOfReferenceUID}.isdisjoint(
        {source.StudyInstanceUID, source.SeriesInstanceUID, source.FrameOfReferenceUID}
    )
    assert deidentify.stamp(made.assessment, UNDER).key != made.stamp.key


def test_only_what_is_listed_stays(tmp_path):
    made = make.made(tmp_path / "ct", header={**make.HEADER, "PatientAge": "080Y", "OtherPatientIDs": "X-1"})
    kept = deidentify.header(made.seen.origin.headers[0], UNDER)
    assert not {"PatientAge", "OtherPatientIDs", "StudyDescription"} & {one.keyword for one in kept}
    assert kept.ImagePositionPatient == made.seen.origin.headers[0].ImagePositionPatient


def test_dciodvfy_accepts_them(tmp_path):
    made = make.made(tmp_path / "ct")
    (seen,) = deidentify.series([made.seen], UNDER)
    clean = deidentify.assessment(made.assessment, UNDER)
    stamp = deidentify.stamp(clean, UNDER)
    done = write.write(
        clean, [seen], ("seg", "sr", "key-images"), tmp_path / "out", stamp, finish=deidentify.sealed
    )  # fmt: skip
    assert {path.name: outside.errors(path) for path in done.paths} == {path.name: set() for path in done.paths}
