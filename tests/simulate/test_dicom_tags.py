"""Every tag of the simulated series that a reader of CT relies on, and nothing that names a person."""

from dataclasses import replace

import numpy as np
import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.uid import UID, CTImageStorage, ExplicitVRLittleEndian

from calciscope.domain.image import Acquisition, Contrast, Geometry, Volume
from calciscope.domain.patient import Patient
from calciscope.simulate import dicom
from calciscope.simulate.patient import Simulated

SHAPE, SPACING = (4, 12, 10), (2.5, 0.7, 0.9)


def study(**changes):
    """A tiny study, without the cost of a body."""
    hu = np.random.default_rng(1).integers(-1024, 3072, SHAPE).astype(np.int16)
    hu[0, 0, :2] = (-1024, 3071)
    acquisition = Acquisition(
        kvp=100.0, kernel="SOFT", slice_thickness=3.0, increment=2.5, contrast=Contrast.NONE,
        manufacturer="Calciscope", model="Simulated CT", field_of_view=9.0,
    )  # fmt: skip
    made = Simulated(
        Volume(hu, Geometry(SHAPE, SPACING, (-4.5, 3.25, 101.125)), acquisition),
        (), np.zeros(SHAPE, dtype=np.uint8),
        Patient(age=61.0, sex="female", height=163.0, weight=61.5), 11, {"kernel": "soft", "kvp": 100.0}, {}, None,
    )  # fmt: skip
    return replace(made, **changes)


def acquired(**changes):
    made = study()
    return replace(made, volume=Volume(made.volume.hu.copy(), made.volume.geometry,
                                       replace(made.volume.acquisition, **changes)))  # fmt: skip


def written(folder, made=None):
    return [pydicom.dcmread(path) for path in sorted(dicom.write(made or study(), folder).glob("*.dcm"))]


@pytest.fixture(scope="module")
def read(tmp_path_factory):
    return written(tmp_path_factory.mktemp("tags"))


@pytest.mark.parametrize(
    ("tag", "value"),
    [
        ("Modality", "CT"),
        ("SOPClassUID", CTImageStorage),
        ("PatientPosition", "HFS"),
        ("PhotometricInterpretation", "MONOCHROME2"),
        ("SamplesPerPixel", 1),
        ("BitsAllocated", 16),
        ("BitsStored", 12),
        ("HighBit", 11),
        ("PixelRepresentation", 0),
        ("RescaleSlope", 1),
        ("RescaleIntercept", -1024),
        ("RescaleType", "HU"),
        ("Rows", 12),
        ("Columns", 10),
        ("KVP", 100),
        ("SliceThickness", 3),
        ("SpacingBetweenSlices", 2.5),
        ("ReconstructionDiameter", 9),
        ("ConvolutionKernel", "SOFT"),
        ("Manufacturer", "Calciscope"),
        ("GantryDetectorTilt", 0),
        ("LossyImageCompression", "00"),
        ("BurnedInAnnotation", "NO"),
        ("SpecificCharacterSet", "ISO_IR 192"),
        ("PatientSex", "F"),
        ("PatientAge", "061Y"),
        ("PatientSize", 1.63),
        ("PatientWeight", 61.5),
    ],
)
def test_a_tag_and_its_value_on_every_slice(read, tag, value):
    for data in read:
        assert data[tag].value == value


def test_the_file_is_what_its_header_says(read):
    for data in read:
        assert data.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
        assert data.file_meta.MediaStorageSOPClassUID == data.SOPClassUID
        assert data.preamble == b"\0" * 128
        assert len(data.PixelData) == data.Rows * data.Columns * 2


def test_a_derived_image_says_from_what(read):
    assert read[0].ImageType[0] == "DERIVED"
    assert read[0].ImageType[2] == "AXIAL"
    assert "not acquired from a person" in read[0].DerivationDescription


def test_slices_are_numbered_from_the_feet_up(read):
    assert [int(data.InstanceNumber) for data in read] == [1, 2, 3, 4]
    heights = [float(data.ImagePositionPatient[2]) for data in read]
    assert heights == sorted(heights)
    assert np.diff(heights) == pytest.approx([2.5] * 3)
    for data in read:
        assert float(data.SliceLocation) == pytest.approx(float(data.ImagePositionPatient[2]), abs=1e-4)


def test_rows_come_before_columns_in_pixel_spacing(read):
    assert [float(v) for v in read[0].PixelSpacing] == [0.7, 0.9]
    assert [float(v) for v in read[0].ImagePositionPatient] == [-4.5, 3.25, 101.125]


def test_the_darkest_and_the_brightest_value_come_back(read):
    raw = read[0].pixel_array
    assert raw[0, 0] == 0
    assert raw[0, 1] == 4095
    for k, data in enumerate(read):
        np.testing.assert_array_equal(data.pixel_array.astype(int) - 1024, study().volume.hu[k])


@pytest.mark.parametrize(
    "tag",
    ["PatientBirthDate", "AccessionNumber", "ReferringPhysicianName"],
)
def test_what_names_a_person_is_there_and_empty(read, tag):
    assert all(not data[tag].value for data in read)


@pytest.mark.parametrize(
    "tag",
    ["InstitutionName", "InstitutionAddress", "OperatorsName", "PatientAddress", "OtherPatientIDs", "StationName",
     "PerformingPhysicianName", "PatientTelephoneNumbers", "DeviceSerialNumber", "PatientComments"],
)  # fmt: skip
def test_what_could_name_a_person_or_a_hospital_is_not_there(read, tag):
    assert all(tag not in data for data in read)


def test_nothing_private_and_no_path_is_written(read, tmp_path):
    for data in read:
        assert not any(element.tag.is_private for element in data.iterall())
        text = str(data)
        assert str(tmp_path) not in text
        assert "/home" not in text


@pytest.mark.parametrize(("sex", "code"), [("male", "M"), ("female", "F"), ("unknown", "O")])
def test_sex_as_a_code(tmp_path, sex, code):
    assert written(tmp_path, study(patient=Patient(sex=sex)))[0].PatientSex == code


def test_an_unknown_patient_has_no_age_or_size(tmp_path):
    data = written(tmp_path, study(patient=Patient()))[0]
    for tag in ("PatientAge", "PatientSize", "PatientWeight"):
        assert tag not in data


def test_contrast_is_named_only_where_it_was_given(tmp_path):
    without = written(tmp_path / "a", acquired(contrast=Contrast.NONE))[0]
    with_it = written(tmp_path / "b", acquired(contrast=Contrast.GIVEN))[0]
    assert "ContrastBolusAgent" not in without
    assert "simulated" in with_it.ContrastBolusAgent
    assert with_it.ContrastBolusRoute == "INTRAVENOUS"


@pytest.mark.parametrize("kvp", [70.0, 100.0, 120.0, 140.0])
def test_voltage_is_a_short_decimal_string(tmp_path, kvp):
    data = written(tmp_path, acquired(kvp=kvp))[0]
    assert data.KVP.original_string == f"{kvp:g}"


parts = st.lists(st.one_of(st.integers(), st.text(max_size=20)), min_size=1, max_size=4)


@given(parts)
def test_a_uid_is_valid_and_short(given_parts):
    made = dicom.uid(*given_parts)
    assert isinstance(made, UID)
    assert made.is_valid
    assert len(made) <= 64
    assert made.startswith("2.25.")
    assert not made.split(".")[-1].startswith("0")


@given(st.integers(), st.integers())
def test_other_parts_other_uid(one, other):
    assert (dicom.uid("instance", one) == dicom.uid("instance", other)) == (one == other)


def test_uids_of_levels_differ_and_follow_the_parameters(tmp_path):
    one = written(tmp_path / "a")
    other = written(tmp_path / "b", study(parameters={"kernel": "soft", "kvp": 80.0}))
    again = written(tmp_path / "c", study(parameters={"kvp": 100.0, "kernel": "soft"}))
    names = ("StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID", "SOPInstanceUID")
    assert len({one[0][name].value for name in names}) == 4
    for name in names:
        assert one[0][name].value != other[0][name].value
        # The order in which parameters were given does not matter.
        assert one[0][name].value == again[0][name].value


def test_the_same_study_is_the_same_file_wherever_it_is_written(tmp_path):
    one, other = (dicom.write(study(), tmp_path / name) for name in ("first", "second/deeper"))
    for path in sorted(one.iterdir()):
        assert path.read_bytes() == (other / path.name).read_bytes()


def test_an_existing_folder_is_written_into_and_returned(tmp_path):
    (tmp_path / "notes.txt").write_text("kept")
    assert dicom.write(study(), tmp_path) == tmp_path
    assert (tmp_path / "notes.txt").read_text() == "kept"
    assert len(list(tmp_path.glob("*.dcm"))) == SHAPE[0]


def test_a_file_in_the_way_is_an_error(tmp_path):
    (tmp_path / "taken").write_text("x")
    with pytest.raises(OSError, match="taken"):
        dicom.write(study(), tmp_path / "taken")


def test_writing_leaves_the_study_alone(tmp_path):
    made = study()
    before = made.volume.hu.copy()
    dicom.write(made, tmp_path)
    np.testing.assert_array_equal(made.volume.hu, before)
