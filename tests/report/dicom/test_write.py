"""Odd headers stop no more than what they must, and no library names the patient on the way."""

import warnings

import numpy as np
import pytest
from pydicom import dcmread

from calciscope.report.dicom import key, write
from tests.read.make_dicom import enhanced, save
from tests.report.dicom import make

KINDS = ("seg", "sr", "key-images")


def written(folder, made, seen=None, **options):
    return write.write(made.assessment, seen or [made.seen], KINDS, folder / "out", made.stamp, **options)


def test_nothing_found_is_a_report_without_segments(tmp_path):
    made = make.made(tmp_path / "ct")
    empty = make.Imaged(made.seen.series, made.seen.volume, (), made.seen.origin)
    done = written(tmp_path, made, [empty])
    assert [path.name for path in done.paths] == ["sr.dcm"]
    assert done.refused == []


@pytest.mark.parametrize(
    "odd",
    [
        {"StudyTime": "1", "StudyDate": "1.2.2024", "PatientBirthDate": "unknown"},
        {"PatientSex": "female"},
        {"StudyID": "a study id that is much longer than sixteen characters"},
        {"PatientName": "Smith Jones", "PatientID": None, "PatientSex": None, "StudyID": None},
        {"AccessionNumber": None, "StudyTime": None, "StudyDate": None, "ReferringPhysicianName": None},
        {"PatientName": "x" * 80},
        {"SliceThickness": "0"},
    ],
)
def test_odd_values_are_left_out_and_everything_is_written(tmp_path, odd, capfd):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = make.made(tmp_path / "ct", header={**make.HEADER, **odd})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        done = written(tmp_path, made)
    assert done.refused == []
    assert len(done.paths) == 4
    assert capfd.readouterr() == ("", "")


def test_an_object_that_a_library_refuses_stops_no_other(tmp_path, monkeypatch):
    made = make.made(tmp_path / "ct")

    def broken(*_, **__):
        raise ValueError("Müller^Änne is no name")

    monkeypatch.setattr("calciscope.report.dicom.seg.write", broken)
    done = written(tmp_path, made)
    assert done.refused == ["seg: cannot be made from these headers (ValueError); send the study again"]
    assert {path.name.split("-")[0] for path in done.paths} == {"sr.dcm", "key"}


def test_a_series_of_another_study_is_named(tmp_path):
    one, other = make.made(tmp_path / "a"), make.made(tmp_path / "b", study="1.2.3.77", uid="1.2.3.78")
    done = written(tmp_path, one, [one.seen, other.seen])
    (line,) = done.refused
    assert line.endswith("is of another study; assess it by itself")
    assert {dcmread(path).StudyInstanceUID for path in done.paths} == {"1.2.3.4"}


def test_images_that_are_not_dicom_have_no_study(tmp_path):
    made = make.made(tmp_path / "ct")
    seen = make.Imaged("nifti", made.seen.volume, made.seen.placed, None, "a NIfTI")
    done = written(tmp_path, made, [seen])
    assert done.paths == []
    assert done.refused == [
        "seg, sr, key-images: a NIfTI was not read from DICOM, so there is no patient and study to keep"
    ]


def test_the_key_image_shows_the_slice_and_lines_around_the_deposit(tmp_path):
    made = make.made(tmp_path / "ct")
    (item,) = [one for one in key.chosen(made.seen) if one.placement.site == "kidney.left"]
    image = key.drawn(made.seen.volume, item, made.seen.placed)
    assert image.shape == (48, 40, 3)
    inside = image[30:36, 24:30]
    assert (inside == 255).all()
    assert tuple(image[29, 26]) == (140, 86, 75)
    grey = image[:20, :20]
    assert np.array_equal(grey[..., 0], grey[..., 1])


def test_tilted_slices_keep_their_place(tmp_path):
    """On a tilted gantry the grid is another than that of the slices: the segments lie where the calcium is."""
    slope = [0.0, 0.2, 0.0]

    def shifted(k):
        y = -40.0 + slope[1] * 3.0 * k
        return {"ImagePositionPatient": ["-30", f"{y:.6f}", f"{100 + 3 * k}"]}

    made = make.made(tmp_path / "ct", each=shifted)
    done = written(tmp_path, made)
    assert done.refused == []
    image = dcmread(next(path for path in done.paths if path.name.startswith("seg")))
    geometry = made.seen.volume.geometry
    (frame,) = [
        one
        for one in image.PerFrameFunctionalGroupsSequence
        if abs(float(one.PlanePositionSequence[0].ImagePositionPatient[2]) - geometry.to_mm((8, 0, 0))[2]) < 0.01
    ]
    at = np.array(frame.PlanePositionSequence[0].ImagePositionPatient, float)
    assert np.allclose(at, geometry.to_mm((8, 0, 0)), atol=1e-3)
    assert (image.Rows, image.Columns) == made.seen.volume.hu.shape[1:]


def test_an_enhanced_image_is_referred_to_frame_by_frame(tmp_path):
    source = enhanced(make.series())
    source.PatientName, source.StudyID = "Doe^Jane", "1"
    (tmp_path / "ct").mkdir()
    save(source, tmp_path / "ct" / "one.dcm")
    one = make.read(tmp_path / "ct")
    answer = make.assessment(one.info.id)
    made = make.Made(
        make.Imaged(one.info.id, one.volume, make.placed(one.info.id), one.origin), answer, make.Stamp.of(answer)
    )
    done = written(tmp_path, made)
    assert done.refused == []
    image = dcmread(next(path for path in done.paths if path.name.startswith("seg")))
    for frame in image.PerFrameFunctionalGroupsSequence:
        item = frame.DerivationImageSequence[0].SourceImageSequence[0]
        assert item.ReferencedSOPInstanceUID == source.SOPInstanceUID
        place = source.PerFrameFunctionalGroupsSequence[int(item.ReferencedFrameNumber) - 1].PlanePositionSequence[0]
        assert np.allclose(
            np.array(frame.PlanePositionSequence[0].ImagePositionPatient, float),
            np.array(place.ImagePositionPatient, float),
        )
