"""``--format``: everything asked for is written, and what cannot be says why and stops nothing else."""

import highdicom as hd
import pytest
from pydicom import dcmread

from calciscope.errors import OutputError
from calciscope.report import formats
from tests.studies import run, series

UIDS = {"uid": "1.2.3.8", "study": "1.2.3.9"}
FULL = {"StudyTime": "101500", "PatientSex": "M", "PatientBirthDate": "19500101"}


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    series(header=FULL, **UIDS).write(folder / "ct")
    return run("assess", folder / "ct", "--format", "dicom,csv", "--format", "pdf,parquet", out=folder / "out")


def objects(ran):
    return {path.name: dcmread(path) for path in sorted((ran.folder / "dicom").iterdir())}


def test_the_whole_way_writes_every_format(ran):
    assert ran.code == 0, ran.err
    assert "not written" not in ran.err
    names = {path.name for path in ran.folder.iterdir()}
    assert names >= {"report.pdf", "findings.csv", "deposits.parquet", "findings.parquet", "assessment.json", "dicom"}
    kinds = sorted(one.Modality for one in objects(ran).values())
    assert set(kinds) == {"DOC", "OT", "SEG", "SR"}
    assert all(str(ran.folder / name) in ran.out for name in ("report.pdf", "findings.csv"))


def test_the_segments_hold_the_voxels_that_were_counted(ran):
    (image,) = [hd.seg.segread(path) for path in (ran.folder / "dicom").glob("seg-*.dcm")]
    whole = image.get_volume(combine_segments=True).array.astype(bool)
    assert whole.sum() == sum(deposit["voxels"] for deposit in ran.deposits)
    assert {one.TrackingID for one in image.SegmentSequence} == {f"Calciscope {d['site']}" for d in ran.deposits}


def test_the_report_holds_every_number(ran):
    report = hd.sr.srread(ran.folder / "dicom" / "sr.dcm")
    groups = [
        *report.content.get_volumetric_roi_measurement_groups(), *report.content.get_image_measurement_groups()
    ]  # fmt: skip
    found = {one.tracking_identifier.split()[1]: [m.value for m in one.get_measurements()] for one in groups}
    assert found == {
        finding["site"]: [one["value"] for one in finding["measures"].values() if one["value"] is not None]
        for finding in ran.data["findings"]
    }


def test_all_objects_are_of_the_study_and_each_kind_is_a_series(ran):
    every = objects(ran).values()
    assert {one.StudyInstanceUID for one in every} == {"1.2.3.9"}
    assert "1.2.3.8" not in {one.SeriesInstanceUID for one in every}
    assert len({one.SeriesInstanceUID for one in every}) == 4
    assert len({one.SOPInstanceUID for one in every}) == len(every)


def test_the_document_is_the_pdf(ran):
    made = objects(ran)["report.dcm"]
    document = (ran.folder / "report.pdf").read_bytes()
    assert made.EncapsulatedDocumentLength == len(document)
    assert made.EncapsulatedDocument[: len(document)] == document


def test_key_images_outline_every_site(ran):
    images = [one for one in objects(ran).values() if one.Modality == "OT"]
    assert len(images) == len({deposit["site"] for deposit in ran.deposits})
    for one in images:
        pixels = one.pixel_array
        coloured = (pixels[..., 0] != pixels[..., 1]) | (pixels[..., 1] != pixels[..., 2])
        assert 0 < coloured.sum() < 0.1 * coloured.size


def test_headers_without_a_frame_of_reference_still_give_a_report(tmp_path):
    series(header={**FULL, "FrameOfReferenceUID": None}, **UIDS).write(tmp_path / "ct")
    ran = run("assess", tmp_path / "ct", "--format", "seg,sr,csv", out=tmp_path / "out")
    assert ran.code == 0
    (line,) = [line for line in ran.lines if line.startswith("not written")]
    assert line.startswith("not written: seg: the headers of ")
    assert line.endswith("lack FrameOfReferenceUID; send the study again")
    assert (ran.folder / "findings.csv").exists()
    report = hd.sr.srread(ran.folder / "dicom" / "sr.dcm")
    assert len(report.content.get_image_measurement_groups()) == len(ran.data["findings"])


def test_headers_without_a_study_give_the_other_outputs(tmp_path):
    series(header={**FULL, "StudyInstanceUID": None}, uid="1.2.3.8").write(tmp_path / "ct")
    ran = run("assess", tmp_path / "ct", "--format", "dicom,csv", out=tmp_path / "out")
    assert ran.code == 0
    (line,) = [line for line in ran.lines if line.startswith("not written")]
    assert "lack StudyInstanceUID" in line
    assert (ran.folder / "findings.csv").exists()
    assert not (ran.folder / "dicom").exists()


def test_a_patient_file_alone_belongs_to_no_study(tmp_path):
    (tmp_path / "p.yaml").write_text("age: 60\nfindings: [{site: heart.aortic_valve, agatston: 2400}]\n")
    ran = run("assess", "--patient", tmp_path / "p.yaml", "--format", "sr,csv", out=tmp_path / "out")
    assert ran.code == 0
    assert ran.lines == ["not written: sr: no image was assessed, so there is no study that they could belong to"]
    assert (ran.folder / "findings.csv").exists()


def test_without_the_pdf_library_the_rest_is_written(tmp_path, monkeypatch):
    def broken(*_):
        raise OutputError("a PDF needs the library Pango")

    monkeypatch.setattr("calciscope.report.pdf.render", broken)
    series(header=FULL, **UIDS).write(tmp_path / "ct")
    ran = run("assess", tmp_path / "ct", "--format", "pdf,dicom", out=tmp_path / "out")
    assert ran.code == 0
    assert "not written: pdf, pdf-dicom: a PDF needs the library Pango" in ran.err
    assert (ran.folder / "dicom" / "sr.dcm").exists()


def test_nothing_more_is_written_unless_asked_for(tmp_path):
    series(**UIDS).write(tmp_path / "ct")
    ran = run("assess", tmp_path / "ct", out=tmp_path / "out")
    assert {path.name for path in ran.folder.iterdir()} == {"assessment.json", "deposits.csv", "report.html"}


@pytest.mark.parametrize(
    ("words", "says"),
    [(("--format", "docx"), "there is no format docx"), (("--pseudonym", "A"), "give both")],
)
def test_a_mistake_is_usage(tmp_path, words, says):
    series(**UIDS).write(tmp_path / "ct")
    ran = run("assess", tmp_path / "ct", *words, out=tmp_path / "out")
    assert ran.code == 2
    assert says in ran.err.replace("│", " ").replace("\n", " ").replace("  ", " ")


def test_groups_are_their_formats_and_each_is_once():
    assert formats.chosen(["dicom,seg", "pdf"]) == ("seg", "sr", "pdf-dicom", "key-images", "pdf")
    assert formats.chosen([]) == ()
    assert formats.chosen(["all"]) == tuple(formats.FORMATS)


def test_a_disk_that_fills_up_is_one_line_and_leaves_the_assessment(tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("calciscope.report.tables.write_csv", full)
    series(header=FULL, **UIDS).write(tmp_path / "ct")
    ran = run("assess", tmp_path / "ct", "--format", "csv,dicom", out=tmp_path / "out")
    assert ran.code == 2
    (line,) = [line for line in ran.lines if "No space left" in line]
    assert line.endswith("cannot be written (No space left on device); give another place or make room")
    assert (ran.folder / "assessment.json").exists()
    assert (ran.folder / "report.html").exists()


def test_results_among_the_images_are_told_and_change_nothing(ran, tmp_path):
    series(header=FULL, **UIDS).write(tmp_path / "ct")
    for path in (ran.folder / "dicom").iterdir():
        (tmp_path / "ct" / path.name).write_bytes(path.read_bytes())
    again = run("assess", tmp_path / "ct", out=tmp_path / "out")
    assert again.code == 0
    assert again.data["mentions"] == again.data["disagreements"] == []
    assert again.data["findings"] == ran.data["findings"]
    assert "a result that Calciscope wrote" in again.err
    explained = run("explain", tmp_path / "ct" / "sr.dcm")
    assert explained.code == 3
    assert "a result that Calciscope wrote" in explained.err
