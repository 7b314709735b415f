"""Nobody is named: what a header calls the patient appears in nothing that leaves the program."""

import os
import re
import subprocess
import sys

import numpy as np
import pytest

from calciscope.domain.patient import Patient
from calciscope.read.identifiers import MASK, masked, without_names
from calciscope.read.study import open_study
from tests.read.make_dicom import Series, phantom
from tests.studies import run, series

IDENTITY = {
    "PatientName": "Zebrafish^Quixote",
    "PatientBirthDate": "19431107",
    "OtherPatientIDs": "OTH-5511",
    "OtherPatientNames": "Xanadu^Quixote",
    "AccessionNumber": "ACC-77123",
    "InstitutionName": "Saint Nowhere Clinic",
    "ReferringPhysicianName": "Housemann^Greg",
    "OperatorsName": "Wozniacki",
    "StationName": "STATION-99",
    "StudyID": "ST-8181",
    "PatientAddress": "Elmstreet 13",
    "PatientComments": "lives beside the lighthouse",
    "ProtocolName": "Zebrafish protocol",
    "StudyDescription": "CT of Quixote",
    "SeriesDescription": "Abd ZEBRAFISH pid424242 07.11.1943 ACC-77123 OTH-5511 plain",
}
WORDS = (
    *("zebrafish", "quixote", "xanadu", "424242", "19431107", "07.11.1943", "07111943", "oth-5511", "acc-77123"),
    *("nowhere", "housemann", "wozniacki", "station-99", "st-8181", "elmstreet", "lighthouse", "1.2.826.77"),
)


def secret(**changes):
    uids = {"uid": "1.2.826.77.1", "study": "1.2.826.77.2", "frame": "1.2.826.77.3", "patient": "PID-424242"}
    return series(header=IDENTITY, **{**uids, **changes})


def leaks(*texts):
    """The words that occur in the texts; pictures, which are random letters, left out."""
    bare = [re.sub(r"base64,[\w+/=]+", "", text).lower() for text in texts]
    return {word for text in bare for word in WORDS if word in text}


def everything(ran):
    files = list(ran.folder.iterdir()) if ran.folder != ran.folder.parent and ran.folder.is_dir() else []
    return [ran.out, ran.err, *(file.name for file in files), *(file.read_text(encoding="utf-8") for file in files)]


def test_the_search_finds_what_is_there():
    assert leaks("a ZEBRAFISH in 1.2.826.77.1") == {"zebrafish", "1.2.826.77"}


def test_an_assessment_names_nobody(tmp_path):
    secret().write(tmp_path / "PID-424242_Zebrafish_Quixote", prefix="Zebrafish-19431107")
    ran = run("assess", tmp_path / "PID-424242_Zebrafish_Quixote", out=tmp_path / "out")
    assert ran.code == 0
    assert len(ran.deposits) == 3
    assert leaks(*everything(ran)) == set()
    assert ran.data["acquisition"][0]["label"].startswith("Abd")
    assert "plain" in ran.data["acquisition"][0]["label"]


def test_a_process_says_no_name_on_any_channel(tmp_path):
    """Libraries may write past ``sys.stderr``: a whole process is watched, with a damaged and a foreign file in it."""
    paths = secret().write(tmp_path / "study", prefix="Quixote")
    paths[3].write_bytes(paths[3].read_bytes()[:-100])
    secret(uid="1.2.826.77.9").but(header={**IDENTITY, "Modality": "MR"}).write(tmp_path / "study", prefix="Zebrafish")
    (tmp_path / "study" / "PID-424242.dcm").write_text("no image")
    done = subprocess.run(
        [sys.executable, "-m", "calciscope", "assess", "study", "--out", "out"],
        cwd=tmp_path, capture_output=True, text=True, check=False, env={**os.environ, "PYTHONWARNINGS": "default"},
    )  # fmt: skip
    assert done.returncode == 0
    assert done.stdout.startswith("Incidental: ")
    files = list((tmp_path / "out").iterdir())
    assert len(files) == 3
    assert leaks(done.stdout, done.stderr, *(file.read_text() for file in files)) == set()
    assert len(done.stderr.splitlines()) == 3
    assert "MR images" in done.stderr
    assert "cut off" in done.stderr


@pytest.mark.parametrize("asked", [(), ("--patient-id", "PID-424242"), ("--patient-id", "XYZ-1")])
def test_several_patients_are_told_apart_without_a_name(tmp_path, asked):
    secret().write(tmp_path / "study", prefix="Zebrafish")
    series(patient="OTHER-9", uid="1.2.826.77.4", study="1.2.826.77.5").write(tmp_path / "study", prefix="b")
    ran = run("assess", tmp_path / "study", *asked, out=tmp_path / "out")
    chosen = "PID-424242" in asked
    assert ran.code == (0 if chosen else 3)
    assert len(ran.lines) == (1 if asked else 2)
    assert leaks(*everything(ran)) == set()
    assert "OTHER-9" not in "".join(everything(ran))
    assert "XYZ-1" not in ran.err


def test_everything_refused_names_nobody_either(tmp_path):
    secret().but(header={**IDENTITY, "Modality": "MR"}).write(tmp_path / "study", prefix="Zebrafish_Quixote")
    ran = run("assess", tmp_path / "study", out=tmp_path / "out")
    assert ran.code == 3
    assert "MR images" in ran.err
    assert leaks(ran.out, ran.err) == set()


def test_an_internal_error_names_nobody(tmp_path, monkeypatch):
    def explode(*args, **kwargs):
        raise ValueError(f"cannot handle {IDENTITY['PatientName']}")

    monkeypatch.setattr("calciscope.pipeline.open_study", explode)
    secret().write(tmp_path / "study")
    ran = run("assess", tmp_path / "study", out=tmp_path / "out")
    assert ran.code == 1
    assert leaks(ran.out, ran.err) == set()
    assert len(ran.lines) == 1


def test_values_of_a_patient_file_that_are_not_understood_are_not_repeated(tmp_path):
    (tmp_path / "p.yaml").write_text("age: 60\nname: Zebrafish Quixote\nbirth_date: 1943-11-07\naddress: Elmstreet\n")
    ran = run("assess", "--patient", tmp_path / "p.yaml", out=tmp_path / "out")
    assert ran.code == 0
    assert len(ran.data["refused"]) == 3
    assert leaks(*everything(ran)) == set()


@pytest.mark.parametrize(
    ("name", "clean"),
    [
        ("DOE_JANE.dcm", "***_***.dcm"),
        ("doejane-ct.zip", "***-ct.zip"),
        ("PAT 4711.dcm", "PAT ***.dcm"),
        ("4711-0003.dcm", "***-0003.dcm"),
        ("0003.dcm", "0003.dcm"),
        ("study", "study"),
        ("do.dcm", "do.dcm"),
        ("1943-11-07.dcm", MASK),
        ("19431107.dcm", "***.dcm"),
        ("jane's scan", "jane's scan"),
    ],
)
def test_file_names_are_masked_by_parts(name, clean):
    assert masked(name, ("Doe^Jane", "4711", "DoeJane", "19431107")) == clean


def test_names_are_left_alone_where_nobody_is_known():
    assert masked("Doe.dcm", ()) == "Doe.dcm"
    assert without_names("Chest Doe") == "Chest Doe"


@pytest.mark.parametrize(
    ("description", "left"),
    [
        ("Chest 3.0 B35f", "Chest 3.0 B35f"),
        ("Chest PID424242", "Chest"),
        ("Chest pid/424242", "Chest"),
        ("Müller-Chest 5", "5"),
        ("CT 07.11.1943 plain", "CT  plain"),
        ("CT 1943-11-07", "CT"),
    ],
)
def test_descriptions_lose_numbers_and_birth_dates_however_written(description, left):
    assert without_names(description, "Müller^A", "PID-424242", "19431107", "07111943") == left


def one_of(tmp_path, prefix, seed, frame, **header):
    uids = {"uid": f"1.9.{seed}.1", "study": f"1.9.{seed}.2", "frame": f"1.9.{frame}"}
    Series(phantom(seed=seed), origin=(0, 0, 500.0 * seed), header=header, **uids).write(tmp_path, prefix=prefix)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ({"PatientBirthDate": "19500101"}, {"PatientBirthDate": "19600101"}, False),
        ({"PatientBirthDate": "19500101"}, {"PatientBirthDate": "19500101"}, True),
        ({"PatientName": "Doe^Jane"}, {"PatientName": "DOE^JANE^^^"}, True),
        ({"PatientName": "Doe^Jane"}, {"PatientName": "Smith^Jane"}, True),
        ({"PatientName": "Doe^Jane"}, {"PatientName": "Roe^Rick"}, False),
        ({"PatientName": "Doe^Jane"}, {"PatientName": ""}, True),
        (
            {"PatientName": "Doe^Jane", "PatientBirthDate": "19500101"},
            {"PatientName": "Roe^Rick", "PatientBirthDate": "19500101"},
            True,
        ),
    ],
)
def test_one_id_given_to_two_people_is_noticed(tmp_path, one, other, same):
    one_of(tmp_path, "a", 1, 1, **one)
    one_of(tmp_path, "b", 2, 2, **other)
    for patient_id in (None, "P1"):
        study = open_study([tmp_path], Patient(), patient_id=patient_id)
        assert len(study.series) == (2 if same else 0)
        assert len(study.refused) == (0 if same else 2)
        assert all("patient" in line.why for line in study.refused)


def test_identity_is_kept_out_of_what_objects_print(tmp_path):
    secret(hu=phantom()).write(tmp_path)
    assert leaks(repr(open_study([tmp_path], Patient()))) == set()


def test_the_series_id_follows_the_content_and_not_the_patient(tmp_path):
    hu = phantom()
    secret(hu=hu).write(tmp_path / "a")
    study = open_study([tmp_path / "a"], Patient())
    assert study.series[0].info.id == f"ct-{study.series[0].info.digest[:8]}"
    assert np.array_equal(study.series[0].volume.hu, hu)
