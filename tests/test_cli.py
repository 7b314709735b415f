"""The door: exit codes, one clear line an error, and what is written."""

import csv
import json
import sys
import zipfile

import numpy as np
import pytest
import SimpleITK as sitk

from calciscope import cli
from calciscope.domain.assessment import DISCLAIMER, Assessment


@pytest.fixture
def call(capsys, monkeypatch, tmp_path):
    """Run ``calciscope`` in an empty folder: exit code, standard output, standard error."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["calciscope", *map(str, arguments)])
        code = 0
        try:
            cli.main()
        except SystemExit as stop:
            code = int(stop.code or 0)
        out, err = capsys.readouterr()
        return code, out, err

    return run


def patient_file(folder, text):
    path = folder / "patient.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def volume_file(folder, hu, name="scan.nii.gz", spacing=(1.0, 1.0, 3.0)):
    image = sitk.GetImageFromArray(hu)
    image.SetSpacing(spacing)
    path = folder / name
    sitk.WriteImage(image, str(path))
    return path


def soft_body():
    """A cylinder of soft tissue in air with one dense focus in the middle."""
    _, y, x = np.mgrid[:24, :160, :160]
    hu = np.where(np.hypot(y - 80, x - 80) < 65, 40, -1000).astype(np.int16)
    hu += np.random.default_rng(1).normal(0, 6, hu.shape).astype(np.int16)
    hu[11:13, 78:83, 98:103] = 600
    return hu


def test_without_anything_to_assess_it_is_a_usage_error(call):
    code, _, err = call("assess")
    assert code == 2
    assert "INPUT" in err


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("--preset", "agatson-130"), "agatston-130"),
        (("--guidelines", "uk"), "esc or us"),
        (("--anatomy", "nosuch"), "embedded"),
        (("--anatomy", "embedded", "--anatomy", "embeded"), "totalsegmentator"),
        (("--anatomy", "embedded+totalsegmentator:totl"), "did you mean total"),
    ],
)
def test_a_wrong_option_is_a_usage_error_that_names_the_right_one(call, tmp_path, arguments, named):
    code, _, err = call("assess", "--patient", patient_file(tmp_path, "age: 50"), *arguments)
    assert code == 2
    assert named in err
    assert "Traceback" not in err


def test_a_patient_file_alone_is_assessed(call, tmp_path):
    path = patient_file(tmp_path, "age: 58\nsex: male\nfindings: [{site: artery.coronary, agatston: 450}]\n")
    code, out, err = call("assess", "--patient", path, "--out", "result")
    assert code == 0
    assert out.startswith("Significant: ")
    assert DISCLAIMER in out
    assert err == ""
    data = json.loads((tmp_path / "result" / "assessment.json").read_text())
    assert data["findings"][0]["site"] == "artery.coronary"
    assert data["findings"][0]["stated"] is True
    assert data["disclaimer"] == DISCLAIMER
    assert (tmp_path / "result" / "report.html").read_text().startswith("<!DOCTYPE html>")
    with (tmp_path / "result" / "deposits.csv").open() as file:
        assert next(csv.reader(file))[:4] == ["id", "series", "site", "confidence"]


def test_a_patient_without_findings_is_no_all_clear(call, tmp_path):
    code, out, _ = call("assess", "--patient", patient_file(tmp_path, "age: 40"), "--out", "result")
    assert code == 0
    assert out.startswith("No finding")
    assert "not an all-clear" in out


def test_an_unknown_key_and_a_missing_unit_are_refused_and_the_rest_is_used(call, tmp_path):
    text = "age: 61\nlabs: {calcium: 9.4, phosfate: 3.1 mg/dL, pth: 40 pg/mL}\nfindings: [{site: scar}]\n"
    code, _, err = call("assess", "--patient", patient_file(tmp_path, text))
    assert code == 0
    lines = [line for line in err.splitlines() if line.startswith("not used:")]
    assert len(lines) == 2
    assert "unit" in "".join(lines)
    assert "phosphate" in "".join(lines)


def test_a_volume_is_assessed_and_the_focus_is_found(call, tmp_path):
    code, out, _ = call("assess", volume_file(tmp_path, soft_body()), "--out", "result")
    assert code == 0
    assessment = Assessment.model_validate_json((tmp_path / "result" / "assessment.json").read_text())
    found = [deposit for finding in assessment.findings for deposit in finding.deposits]
    assert len(found) == 1
    assert found[0].voxels == 50
    assert found[0].center_index[0] in (11, 12)
    assert assessment.acquisition[0].used
    assert str(tmp_path / "result") in out or "result" in out


@pytest.mark.parametrize("suffix", [".nrrd", ".mha"])
def test_nrrd_and_mha_give_the_same_as_nifti(call, tmp_path, suffix):
    results = []
    for name in ("scan.nii.gz", f"scan{suffix}"):
        call("assess", volume_file(tmp_path, soft_body(), name), "--out", "result")
        data = json.loads((tmp_path / "result" / "assessment.json").read_text())
        results.append([d["volume_mm3"] for f in data["findings"] for d in f["deposits"]])
    assert results[0] == results[1] != []


def test_corrections_move_and_reject_a_deposit(call, tmp_path):
    scan = volume_file(tmp_path, soft_body())
    call("assess", scan, "--out", "first")
    data = json.loads((tmp_path / "first" / "assessment.json").read_text())
    name = data["findings"][0]["deposits"][0]["id"]
    moves = tmp_path / "moves.csv"
    moves.write_text(f"deposit,action,to,by,why\n{name},move,liver,Dr Example,seen on ultrasound\n")
    code, _, _ = call("assess", scan, "--corrections", moves, "--out", "second")
    assert code == 0
    moved = Assessment.model_validate_json((tmp_path / "second" / "assessment.json").read_text())
    assert [finding.site for finding in moved.findings] == ["liver"]
    assert moved.findings[0].deposits[0].placed_by == "Dr Example"
    assert moved.provenance.corrections[0].action == "move"
    assert "Dr Example" in (tmp_path / "second" / "report.html").read_text()
    moves.write_text(f"deposit,action,to,by,why\n{name},reject,,Dr Example,contrast\n")
    call("assess", scan, "--corrections", moves, "--out", "third")
    rejected = Assessment.model_validate_json((tmp_path / "third" / "assessment.json").read_text())
    assert not rejected.findings


def test_a_correction_of_a_deposit_that_is_not_there_names_the_nearest(call, tmp_path):
    scan = volume_file(tmp_path, soft_body())
    moves = tmp_path / "moves.csv"
    moves.write_text("deposit,action,to,by,why\nnothing-9,reject,,Dr Example,\n")
    code, _, err = call("assess", scan, "--corrections", moves)
    assert code == 2
    assert "nothing-9" in err


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda folder: folder.mkdir(), "no images"),
        (lambda folder: (folder.mkdir(), (folder / "note.dcm").write_text("hello")), "note.dcm"),
        (lambda folder: None, "does not exist"),
    ],
)
def test_nothing_to_assess_is_exit_code_three_and_one_line(call, tmp_path, make, words):
    make(tmp_path / "study")
    code, out, err = call("assess", "study", "--out", "result")
    assert code == 3
    assert out == ""
    assert len(err.strip().splitlines()) == 1
    assert words in err
    assert not (tmp_path / "result").exists()


def test_a_volume_of_nan_is_refused(call, tmp_path):
    path = volume_file(tmp_path, np.full((10, 20, 20), np.nan, np.float32))
    code, _, err = call("assess", path)
    assert code == 3
    assert "scan.nii.gz" in err


def test_a_zip_that_leaves_its_folder_is_refused(call, tmp_path):
    with zipfile.ZipFile(tmp_path / "study.zip", "w") as archive:
        archive.writestr("../../outside.dcm", b"x")
    code, _, err = call("assess", "study.zip")
    assert code == 3
    assert "study.zip" in err
    assert not (tmp_path.parent / "outside.dcm").exists()


def test_what_can_be_read_is_assessed_beside_what_cannot(call, tmp_path):
    scan = volume_file(tmp_path, soft_body())
    (tmp_path / "broken.dcm").write_text("not DICOM")
    code, _, err = call("assess", scan, "broken.dcm", "absent", "--out", "result")
    assert code == 0
    assert "broken.dcm" in err
    assert "absent" in err
    assert len(json.loads((tmp_path / "result" / "assessment.json").read_text())["refused"]) == 2


def test_an_unforeseen_error_shows_no_text_of_the_input(call, tmp_path, monkeypatch):
    def explode(*args, **kwargs):
        raise RuntimeError("Mrs Secret")

    monkeypatch.setattr("calciscope.pipeline.assess", explode)
    code, _, err = call("assess", "--patient", patient_file(tmp_path, "age: 40"))
    assert code == 1
    assert "RuntimeError" in err
    assert "Secret" not in err


def test_the_version_is_that_of_the_changelog(call):
    code, out, _ = call("--version")
    assert code == 0
    assert out.startswith("calciscope 0.")


STONE = "age: 50\nsex: male\nfindings: [{site: ureter.left, diameter: 6 mm, location: distal}]\n"


def test_for_a_patient_the_same_answer_stands_in_plain_words(call, tmp_path):
    patient = patient_file(tmp_path, STONE)
    code, out, err = call("assess", "--patient", patient, "--for", "patient", "--out", "plain")
    assert (code, err) == (0, "")
    assert "A stone was found in the left ureter." in out
    assert "It is 6 mm across" in out
    assert "not a medical device" in out
    assert "lithiasis" not in out.partition("Where this comes from")[0]
    page = (tmp_path / "plain" / "patient.html").read_text(encoding="utf-8")
    assert "A stone was found in the left ureter." in page
    # The record and the report for the clinician are those of the same run without the option.
    call("assess", "--patient", patient, "--out", "usual")
    one, other = (json.loads((tmp_path / name / "assessment.json").read_text()) for name in ("plain", "usual"))
    one["provenance"].pop("created")
    other["provenance"].pop("created")
    assert one == other
    assert (tmp_path / "plain" / "report.html").is_file()
    assert not (tmp_path / "usual" / "patient.html").exists()


def test_nobody_else_reads_it(call, tmp_path):
    code, _, err = call("assess", "--patient", patient_file(tmp_path, STONE), "--for", "lawyer")
    assert code == 2
    assert "clinician or patient" in err
