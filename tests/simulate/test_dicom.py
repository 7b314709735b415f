import hashlib

import numpy as np
import pydicom
import pytest

from calciscope.read.study import open_study
from calciscope.simulate import dicom
from calciscope.simulate.patient import simulate


@pytest.fixture(scope="module")
def made():
    return simulate(6, quick=True, span=(100.0, 130.0), deposits=(), contrast=True)


@pytest.fixture(scope="module")
def folder(made, tmp_path_factory):
    return dicom.write(made, tmp_path_factory.mktemp("series") / "study")


def slices(folder):
    return [pydicom.dcmread(path) for path in sorted(folder.glob("*.dcm"))]


def test_the_reader_gives_back_the_simulated_volume(made, folder):
    study = open_study([folder], made.patient)
    assert study.refused == ()
    assert len(study.series) == 1
    volume, acquisition = study.series[0].volume, made.volume.acquisition
    np.testing.assert_array_equal(volume.hu, made.volume.hu)
    np.testing.assert_allclose(volume.geometry.origin, made.volume.geometry.origin, atol=1e-6)
    assert volume.geometry.spacing == made.volume.geometry.spacing
    for name in ("kvp", "kernel", "slice_thickness", "contrast", "manufacturer", "model", "field_of_view"):
        assert getattr(volume.acquisition, name) == getattr(acquisition, name), name


def digest(folder):
    return hashlib.sha256(b"".join(path.read_bytes() for path in sorted(folder.iterdir()))).hexdigest()


def test_voxels_come_back(made, folder):
    read = slices(folder)
    hu = np.stack([s.pixel_array * float(s.RescaleSlope) + float(s.RescaleIntercept) for s in read])
    np.testing.assert_array_equal(hu, made.volume.hu)


def test_positions_come_back(made, folder):
    geometry = made.volume.geometry
    for k, data in enumerate(slices(folder)):
        np.testing.assert_allclose([float(v) for v in data.ImagePositionPatient], geometry.to_mm((k, 0, 0)), atol=1e-5)
        assert [float(v) for v in data.PixelSpacing] == list(geometry.spacing[1:])
        assert list(data.ImageOrientationPatient) == [1, 0, 0, 0, 1, 0]


def test_headers_say_what_was_simulated(made, folder):
    data = slices(folder)[0]
    assert str(data.PatientName) == "Simulated^Patient"
    assert data.KVP == 120
    assert data.ConvolutionKernel == "STANDARD"
    assert data.SliceThickness == 3
    assert data.ReconstructionDiameter == pytest.approx(made.volume.acquisition.field_of_view)
    assert data.ContrastBolusAgent
    assert data.ImageType[0] == "DERIVED"
    assert data.PatientSex in {"M", "F"}
    assert data.BodyPartExamined.isupper()
    assert len(data.BodyPartExamined) <= 16


def test_uids_are_valid_distinct_and_shared_by_the_series(folder):
    read = slices(folder)
    assert all(s.SOPInstanceUID.is_valid for s in read)
    assert all(s.SOPInstanceUID == s.file_meta.MediaStorageSOPInstanceUID for s in read)
    assert len({s.SOPInstanceUID for s in read}) == len(read)
    for name in ("StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID"):
        assert len({s[name].value for s in read}) == 1


def test_every_element_keeps_its_value_representation(folder):
    data = slices(folder)[0]
    checked = 0
    for element in data.iterall():
        if element.VR in {"DS", "IS", "CS", "LO", "SH", "UI", "AS", "DA", "TM"}:
            values = element.value if isinstance(element.value, pydicom.multival.MultiValue) else [element.value]
            for value in values:
                pydicom.valuerep.validate_value(element.VR, str(value), pydicom.config.RAISE)
                checked += 1
    assert checked > 30


def test_same_study_same_bytes(made, folder, tmp_path):
    again = dicom.write(made, tmp_path / "again")
    assert digest(again) == digest(folder)


def test_another_seed_is_another_study(tmp_path):
    other = simulate(7, quick=True, span=(100.0, 106.0), deposits=())
    written = slices(dicom.write(other, tmp_path))
    assert written[0].PatientID == "SIMULATED-7"
    assert written[0].StudyInstanceUID != dicom.uid("study", 6)
    assert "ContrastBolusAgent" not in written[0]


def test_uid_depends_on_its_parts_alone():
    assert dicom.uid("a", 1) == dicom.uid("a", 1)
    assert dicom.uid("a", 1) != dicom.uid("a", 2)
    assert len(dicom.uid("a")) <= 64
