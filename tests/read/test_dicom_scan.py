"""The header pass: what a file is, where its pixels begin, what makes it unusable."""

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.fileset import FileSet
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)

from calciscope.domain.patient import Patient
from calciscope.read import study as study_module
from calciscope.read.dicom_scan import looks_like_dicom, scan
from calciscope.read.refusals import CUT_OFF, NotDicomError, Unusable
from calciscope.read.study import open_study
from tests.read.make_dicom import Series, enhanced, phantom, save

HU = phantom((3, 64, 70))


@pytest.mark.parametrize(
    "syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian], ids=lambda u: u.name
)
def test_native_pixels_are_located(tmp_path, syntax):
    (path, *_) = Series(HU).write(tmp_path, syntax)
    (frame,) = scan(path, path.name)
    content = path.read_bytes()
    order = ">u2" if syntax == ExplicitVRBigEndian else "<u2"
    raw = np.frombuffer(content, order, 64 * 70, frame.pixels.offset).reshape(64, 70)
    assert np.array_equal(raw.astype(int) - 1024, HU[0])
    assert len(content) == frame.pixels.offset + 64 * 70 * 2


@pytest.mark.parametrize("syntax", [DeflatedExplicitVRLittleEndian, RLELossless], ids=lambda u: u.name)
def test_packed_pixels_have_no_place(tmp_path, syntax):
    (path, *_) = Series(HU).write(tmp_path, syntax)
    assert scan(path, path.name)[0].pixels.offset is None


@pytest.mark.parametrize("content", [b"", b"short", b"x" * 500, b"\x89PNG" * 50, b"<?xml version='1.0'?>" * 20])
def test_what_is_not_dicom(tmp_path, content):
    path = tmp_path / "file"
    path.write_bytes(content)
    assert not looks_like_dicom(path)
    with pytest.raises(NotDicomError):
        scan(path, "file")


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, RLELossless, JPEG2000Lossless], ids=lambda u: u.name)
@pytest.mark.parametrize("lost", [1, 10, 2000])
def test_a_cut_off_file_is_noticed_without_decoding(tmp_path, syntax, lost):
    (path, *_) = Series(HU).write(tmp_path, syntax)
    path.write_bytes(path.read_bytes()[:-lost])
    with pytest.raises(Unusable) as caught:
        scan(path, path.name)
    assert caught.value.why == CUT_OFF


def test_bytes_after_the_pixels_do_no_harm(tmp_path):
    (path, *_) = Series(HU).write(tmp_path, RLELossless)
    ds = dcmread(path)
    ds.DataSetTrailingPadding = b"\0" * 100_000
    ds.save_as(path)
    assert scan(path, path.name)


def test_a_dicomdir_is_passed_over_quietly(tmp_path):
    files = FileSet()
    for ds in Series(HU).datasets():
        ds.StudyTime, ds.StudyID = "120000", "1"
        files.add(ds)
    files.write(tmp_path / "disc")
    with pytest.raises(Unusable) as caught:
        scan(tmp_path / "disc" / "DICOMDIR", "DICOMDIR")
    assert caught.value.quiet
    study = open_study([tmp_path / "disc"], Patient())
    assert np.array_equal(study.series[0].volume.hu, HU)
    assert study.refused == ()


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize(
    "syntax",
    [ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian, RLELossless, JPEGLSLossless, JPEG2000Lossless],
    ids=lambda u: u.name,
)
def test_every_frame_of_an_enhanced_image_has_its_place_and_pixels(tmp_path, syntax, signed):
    series = Series(HU, signed=signed, intercept=0 if signed else -1024)
    path = save(enhanced(series), tmp_path / "e", syntax)
    frames = scan(path, "e")
    assert [frame.number for frame in frames] == [0, 1, 2]
    assert [frame.position[2] for frame in frames] == pytest.approx([100, 103, 106])
    assert np.array_equal(open_study([path], Patient()).series[0].volume.hu, HU)


def test_a_multi_frame_image_without_places_is_refused(tmp_path):
    ds = enhanced(Series(HU))
    del ds.PerFrameFunctionalGroupsSequence
    with pytest.raises(Unusable, match="multi-frame"):
        scan(save(ds, tmp_path / "e"), "e")


@pytest.mark.parametrize("orientation", [[1, 0, 0, 1, 0, 0], [0, 0, 0, 0, 1, 0], [1, 0, 0, 0, 2, 0]])
def test_directions_have_to_be_at_right_angles(tmp_path, orientation):
    (path, *_) = Series(HU, header={"ImageOrientationPatient": orientation}).write(tmp_path)
    with pytest.raises(Unusable, match="right angles"):
        scan(path, path.name)


def test_identity_is_not_shown(tmp_path):
    (path, *_) = Series(HU, patient="ZQ-4711").write(tmp_path)
    (frame,) = scan(path, path.name)
    assert frame.identity.patient_id == "ZQ-4711"
    assert "ZQ-4711" not in repr(frame)


def test_a_file_that_cannot_be_opened_is_a_refusal(tmp_path, monkeypatch):
    Series(phantom()).write(tmp_path)

    def denied(path, name):
        if name == "slice-002.dcm":
            raise PermissionError
        return scan(path, name)

    monkeypatch.setattr(study_module, "scan", denied)
    study = open_study([tmp_path], Patient())
    assert [line.input for line in study.refused] == ["slice-002.dcm"]
    assert "cannot be opened" in study.refused[0].why
    assert study.series[0].info.acquisition.missing_slices == (2,)
