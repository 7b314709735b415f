"""``calciscope.assess``: the main job as a function."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest
import yaml

import calciscope
from calciscope.domain.assessment import Assessment, Seriousness
from calciscope.domain.patient import Patient, StatedFinding
from calciscope.errors import (
    AnatomyError,
    CalciscopeError,
    CorrectionError,
    KnowledgeError,
    NothingToAssessError,
)
from tests.interpret.make import PLACE, rule
from tests.studies import FOCI, moved, run, series

STONE = Patient(age=50.0, sex="male", findings=(StatedFinding("ureter.left", {"diameter": 6.0, "location": "distal"}),))
STONE_FILE = {
    "age": 50,
    "sex": "male",
    "findings": [{"site": "ureter.left", "diameter": "6 mm", "location": "distal"}],
}


@pytest.fixture(scope="module")
def scan(tmp_path_factory):
    folder = tmp_path_factory.mktemp("api") / "study"
    series().write(folder)
    return folder


@pytest.fixture(scope="module")
def command(scan):
    """What the command says of the scan."""
    return run("assess", scan, out=scan.parent / "out")


@pytest.fixture(scope="module")
def answer(scan):
    return calciscope.assess(scan)


def told(assessment: Assessment):
    """The answer without the time at which it was made."""
    data = assessment.model_dump(mode="json")
    data["provenance"].pop("created")
    return data


def written(folder: Path, what=STONE_FILE) -> Path:
    path = folder / "patient.yaml"
    path.write_text(yaml.safe_dump(what), encoding="utf-8")
    return path


def by_key(patient, **more):
    return calciscope.assess(patient=patient, **more)


def test_the_answer_is_that_of_the_command(answer, command):
    data = command.data
    data["provenance"].pop("created")
    assert told(answer) == data


@pytest.mark.parametrize(
    "form",
    [str, lambda path: [path], lambda path: (str(path),), lambda path: iter([path])],
    ids=["str", "list", "tuple", "iterator"],
)
def test_a_path_may_come_in_any_form(scan, answer, form):
    assert told(calciscope.assess(form(scan))) == told(answer)


def test_files_of_one_series_are_one_series(scan, answer):
    files = sorted(path for path in scan.rglob("*") if path.is_file())
    assert len(files) > len(FOCI)
    single = calciscope.assess(files)
    assert [f.site for f in single.findings] == [f.site for f in answer.findings]
    assert [use.slices for use in single.acquisition] == [use.slices for use in answer.acquisition]


def test_inputs_are_known_by_name_and_digest(answer, scan):
    assert set(answer.provenance.inputs) == {scan.name}
    (digest,) = answer.provenance.inputs.values()
    assert len(digest) >= hashlib.sha256().digest_size
    assert str(scan.parent) not in answer.model_dump_json()


def test_another_scan_has_another_digest(answer, tmp_path):
    changed = series().hu.copy()
    changed[0, 0, 0] += 1
    series(hu=changed).write(tmp_path / "study")
    other = calciscope.assess(tmp_path / "study")
    assert other.provenance.inputs.keys() == answer.provenance.inputs.keys()
    assert other.provenance.inputs != answer.provenance.inputs


def test_a_patient_object_says_what_its_file_says(tmp_path):
    path = written(tmp_path)
    from_file = told(by_key(path))
    assert told(by_key(str(path))) == from_file
    assert told(by_key(STONE)) == from_file
    (finding,) = by_key(STONE).findings
    assert (finding.site, finding.stated, finding.measures["diameter"].value) == ("ureter.left", True, 6.0)


def test_image_and_patient_are_one_answer(scan, answer):
    both = calciscope.assess(scan, STONE)
    sites = {finding.site: finding for finding in both.findings}
    assert set(sites) == {finding.site for finding in answer.findings} | {"ureter.left"}
    assert both.seriousness.rank == max(Seriousness(one.seriousness.value).rank for one in sites.values())


def test_corrections_are_followed_and_recorded(scan, command, tmp_path):
    moves = moved(tmp_path, command)
    for form in (moves, str(moves)):
        changed = calciscope.assess(scan, corrections=form)
        deposits = [one for finding in changed.findings for one in finding.deposits]
        assert {one.site for one in deposits} == {"artery.aorta.abdominal"}
        assert {one.placed_by for one in deposits} == {"Dr Example"}
        assert {one.deposit for one in changed.provenance.corrections} == {one.id for one in deposits}
        assert len(deposits) == len(FOCI)


@pytest.mark.parametrize("form", [str, Path])
def test_a_knowledge_folder_speaks_and_is_named(tmp_path, form):
    folder = tmp_path / "hospital"
    (folder / "sites").mkdir(parents=True)
    one = rule("hospital.ganglion", then={"seriousness": "monitor"})
    chapter = {"chapter": "Ganglion of the hospital", "sites": [PLACE], "rules": [one]}
    (folder / "sites" / "ganglion.yaml").write_text(yaml.safe_dump(chapter), encoding="utf-8")
    patient = Patient(findings=(StatedFinding(PLACE, {"diameter": 4.0}),))
    with_it = by_key(patient, knowledge=[form(folder)])
    assert "hospital.ganglion" in {reason.rule for f in with_it.findings for reason in f.seriousness.reasons}
    assert with_it.provenance.knowledge == ("calciscope", "hospital")
    without = by_key(patient)
    assert "hospital.ganglion" not in without.model_dump_json()
    assert without.provenance.knowledge == ("calciscope",)


def test_options_reach_the_provenance():
    made = by_key(STONE, preset="agatston-130", guidelines="esc").provenance
    assert (made.preset, made.guidelines, made.anatomy) == ("agatston-130", "esc", "embedded")


@pytest.mark.parametrize("nothing", [(), [], ""], ids=["tuple", "list", "empty path"])
def test_nothing_is_an_error_and_no_all_clear(nothing, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(NothingToAssessError) as caught:
        calciscope.assess(nothing)
    assert caught.value.lines


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"anatomy": "no-such-provider"}, AnatomyError),
        ({"anatomy": "absent.nii.gz"}, AnatomyError),
        ({"preset": "no-such-preset"}, CalciscopeError),
        ({"knowledge": ["absent"]}, KnowledgeError),
        ({"corrections": "absent.csv"}, CorrectionError),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_wrong_option_is_a_typed_error_that_names_it(options, error):
    with pytest.raises(error) as caught:
        by_key(STONE, **options)
    (given,) = options.values()
    assert (given if isinstance(given, str) else given[0]).partition(".")[0] in str(caught.value)


def test_a_path_that_is_not_there_is_refused_beside_what_is(scan, answer, tmp_path):
    both = calciscope.assess([scan, tmp_path / "absent"])
    assert [(one.input, "does not exist" in one.why) for one in both.refused] == [("absent", True)]
    assert [one.site for one in both.findings] == [one.site for one in answer.findings]
    with pytest.raises(NothingToAssessError, match="absent"):
        calciscope.assess(tmp_path / "absent")


def test_a_bad_patient_file_is_refused_and_the_image_still_assessed(scan, answer, tmp_path):
    path = tmp_path / "patient.yaml"
    path.write_text("age: [", encoding="utf-8")
    both = calciscope.assess(scan, path)
    assert [one.input for one in both.refused] == ["patient.yaml"]
    assert [one.site for one in both.findings] == [one.site for one in answer.findings]
    with pytest.raises(NothingToAssessError):
        by_key(path)


def test_options_have_names_so_that_no_order_is_guessed():
    with pytest.raises(TypeError):
        calciscope.assess((), STONE, "embedded", "standard", "esc")


def test_nothing_is_printed_or_written(scan, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    before = {path: path.stat().st_mtime_ns for path in scan.rglob("*")}
    calciscope.assess(os.fspath(scan))
    assert list(tmp_path.iterdir()) == []
    assert {path: path.stat().st_mtime_ns for path in scan.rglob("*")} == before
    assert capfd.readouterr() == ("", "")


def test_the_answer_for_a_patient_is_that_of_the_same_assessment():
    answer = calciscope.assess(patient=STONE)
    text = calciscope.for_patient(answer)
    assert text.seriousness is answer.seriousness
    assert [one.site for one in text.sections if one.id == "found"] == ["ureter.left"]
    assert "6 mm" in text.prose()
    again = Assessment.model_validate_json(answer.model_dump_json())
    assert calciscope.for_patient(again) == text


def test_the_answer_for_a_patient_uses_the_folders_that_it_is_given(tmp_path):
    own = {"because": "The ward follows each of these.", "next": "The ward team talks about it."}
    chapter = {
        "chapter": "Ward",
        "sites": [PLACE],
        "rules": [rule("ward.gland", then={"seriousness": "monitor", "advice": "Discuss it in the ward."}, plain=own)],
    }
    (tmp_path / "sites").mkdir()
    (tmp_path / "sites" / "ward.yaml").write_text(yaml.safe_dump(chapter))
    answer = calciscope.assess(patient=Patient(findings=(StatedFinding(PLACE, {}),)), knowledge=[tmp_path])
    assert own["next"] in calciscope.for_patient(answer, knowledge=[tmp_path]).prose()
    assert own["next"] not in calciscope.for_patient(answer).prose()
