"""The way in: what was used, what was not, and what was refused, whatever is thrown at it."""

import random

import numpy as np
import pytest
import SimpleITK
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.uid import MRImageStorage, SecondaryCaptureImageStorage

from calciscope.domain.patient import Patient
from calciscope.errors import InputError
from calciscope.read.study import open_study
from tests.read.make_dicom import Series, blank, phantom, put_pixels, save

HU = phantom()


def lines(*inputs):
    return [(line.input, line.why) for line in open_study(list(inputs), Patient()).refused]


def test_a_plain_folder(tmp_path):
    Series(HU, header={"ReconstructionDiameter": "350", "SeriesDescription": "Abd 3.0 B35f"}).write(tmp_path)
    patient = Patient(age=60)
    study = open_study([tmp_path], patient)
    assert study.patient is patient
    (series,) = study.series
    info = series.info
    assert info.uses == {"find", "score"}
    assert info.files == 6
    assert info.label == "Abd 3.0 B35f, 6 x 3 mm, B35f"
    assert info.id == f"ct-{info.digest[:8]}"
    assert series.volume.geometry == info.geometry
    assert series.volume.acquisition == info.acquisition
    a = info.acquisition
    assert (a.kvp, a.kernel, a.slice_thickness, a.field_of_view, a.manufacturer) == (120, "B35f", 3, 350, "SIEMENS")
    assert not series.volume.hu.flags.writeable


def test_names_depth_and_companions_do_not_matter(tmp_path):
    paths = Series(HU).write(tmp_path / "a" / "b")
    for k, path in enumerate(paths):
        path.rename(
            path.with_name(random.Random(k).choice(["IM{}", "{}", "x.{}", "scan {}.IMA", "1.2.{}.44"]).format(k))
        )
    (tmp_path / "LICENSE").write_text("free")
    (tmp_path / "a" / "readme.pdf").write_bytes(b"%PDF-1.4")
    (tmp_path / "notes.xml").write_text("<x/>")
    (tmp_path / ".hidden.dcm").write_text("no image")
    study = open_study([tmp_path], Patient())
    assert np.array_equal(study.series[0].volume.hu, HU)
    assert study.refused == ()


def test_without_preamble(tmp_path):
    for path in Series(HU).write(tmp_path, "1.2.840.10008.1.2"):
        content = path.read_bytes()
        path.write_bytes(content[content.index(b"\x08\x00\x08\x00") :])  # from Image Type on, its first element
    assert np.array_equal(open_study([tmp_path], Patient()).series[0].volume.hu, HU)


def test_an_input_that_does_not_exist_is_an_error(tmp_path):
    with pytest.raises(InputError, match="nowhere: no such file or folder"):
        open_study([tmp_path / "nowhere"], Patient())


def test_no_inputs_is_an_empty_study():
    study = open_study([], Patient(age=3))
    assert (study.series, study.unused, study.refused, study.inputs) == ((), (), (), ())


def test_an_empty_folder(tmp_path):
    ((name, why),) = lines(tmp_path)
    assert name == tmp_path.name
    assert why.startswith("no images found")


def test_a_text_file_called_dicom(tmp_path):
    Series(HU).write(tmp_path)
    (tmp_path / "fake.dcm").write_text("I am a text, not an image. " * 20)
    (tmp_path / "empty.dcm").write_bytes(b"")
    study = open_study([tmp_path], Patient())
    assert len(study.series) == 1
    assert {line.input: line.why.split(";")[0] for line in study.refused} == {
        "fake.dcm": "it is named like DICOM but is not a DICOM file",
        "empty.dcm": "the file is empty",
    }


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("a.docx", b"PK report", "Word documents are not supported yet"),
        ("a.png", b"\x89PNG", "pictures are not supported yet"),
        ("a.bin", b"\x00" * 300, "not a file that can be read"),
        ("a", b"", "the file is empty"),
    ],
)
def test_a_file_given_by_itself_is_always_answered(tmp_path, name, content, why):
    (tmp_path / name).write_bytes(content)
    ((shown, said),) = lines(tmp_path / name)
    assert shown == name
    assert said.startswith(why)


def test_a_cut_off_slice_among_good_ones_is_missing(tmp_path):
    paths = Series(HU).write(tmp_path)
    paths[3].write_bytes(paths[3].read_bytes()[:-20])
    study = open_study([tmp_path], Patient())
    assert [(line.input, line.why.split(":")[0]) for line in study.refused] == [
        ("slice-003.dcm", "the file is cut off")
    ]
    assert study.series[0].info.acquisition.missing_slices == (3,)


@pytest.mark.parametrize("keep", [40, 131, 140, 200, 400, 700])
def test_a_cut_off_header_never_stops_the_rest(tmp_path, keep):
    paths = Series(HU).write(tmp_path)
    paths[3].write_bytes(paths[3].read_bytes()[:keep])
    study = open_study([tmp_path], Patient())
    assert study.series[0].info.acquisition.missing_slices == (3,)
    assert [line.input for line in study.refused] == ["slice-003.dcm"]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_damage_is_at_worst_a_refusal(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("damaged")
    # One fixed file: with fresh UIDs, which differ in length, an example would not mean the same thing twice.
    paths = Series(HU, uid="1.2.3.6").write(folder)
    content = bytearray(paths[2].read_bytes())
    for _ in range(data.draw(st.integers(1, 6))):
        content[data.draw(st.integers(128, len(content) - 1))] = data.draw(st.integers(0, 255))
    paths[2].write_bytes(bytes(content))
    study = open_study([folder], Patient())
    # Damage may hit the patient id, and then nothing says which of two patients is meant.
    assert study.series or all("patient" in line.why for line in study.refused)
    assert all("\n" not in line.why for line in study.refused)


def test_a_single_slice_is_no_volume(tmp_path):
    Series(phantom((1, 8, 10))).write(tmp_path)
    ((_, why),) = lines(tmp_path)
    assert why == "one slice is not a volume; give the whole series"


@pytest.mark.parametrize(
    ("modality", "name"),
    [
        ("MR", "MR images"),
        ("MG", "mammograms"),
        ("DX", "radiographs"),
        ("CR", "radiographs"),
        ("US", "ultrasound images"),
        ("PT", "PET"),
        ("SEG", "segm"),
    ],
)
def test_other_modalities_are_refused_by_name_in_one_line(tmp_path, modality, name):
    Series(HU, header={"Modality": modality}).write(tmp_path)
    ((files, why),) = lines(tmp_path)
    assert why.startswith(name)
    assert "not supported yet" in why
    assert files == "slice-000.dcm and 5 more files"


def test_the_storage_class_speaks_where_modality_is_missing(tmp_path):
    Series(HU, header={"Modality": None}).write(tmp_path / "ct")
    assert len(open_study([tmp_path / "ct"], Patient()).series) == 1
    Series(HU, header={"Modality": None, "SOPClassUID": MRImageStorage}).write(tmp_path / "mr")
    assert "MR images" in lines(tmp_path / "mr")[0][1]


def test_secondary_captures_and_colours_are_refused(tmp_path):
    ds = blank(SecondaryCaptureImageStorage)
    ds.Modality = "CT"
    put_pixels(ds, np.zeros((4, 4), np.uint16))
    save(ds, tmp_path / "a.dcm")
    assert "secondary captures" in lines(tmp_path)[0][1]
    Series(HU, header={"SamplesPerPixel": 3, "PhotometricInterpretation": "RGB"}).write(tmp_path / "b")
    assert "colour" in lines(tmp_path / "b")[0][1]


@pytest.mark.parametrize("spacing", [None, ["0", "0"], ["-1", "1"], ["x", "1"]])
def test_pixel_spacing_has_to_be_positive(tmp_path, spacing):
    Series(HU).write(tmp_path)
    for k, ds in enumerate(Series(HU).datasets()):
        if spacing is None:
            del ds.PixelSpacing
        else:
            ds["PixelSpacing"]._value = spacing
        save(ds, tmp_path / f"slice-{k:03d}.dcm")
    ((_, why),) = lines(tmp_path)
    assert why.startswith("the pixel spacing is missing or not positive")


@pytest.mark.parametrize("element", ["ImagePositionPatient", "ImageOrientationPatient"])
def test_slices_without_place_are_refused(tmp_path, element):
    Series(HU, header={element: None}).write(tmp_path)
    ((_, why),) = lines(tmp_path)
    assert "does not say" in why


def test_a_map_of_another_quantity_is_refused(tmp_path):
    Series(HU, header={"RescaleType": "Z_EFF"}).write(tmp_path)
    assert "not Hounsfield units" in lines(tmp_path)[0][1]


def test_only_a_localizer_says_so(tmp_path):
    Series(phantom((2, 8, 10)), header={"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"]}).write(tmp_path)
    study = open_study([tmp_path], Patient())
    assert not study.series
    assert "localizer" in study.refused[0].why


def test_digests_follow_content_and_not_names(tmp_path):
    Series(HU, uid="1.2.3").write(tmp_path / "a", prefix="x")
    Series(HU, uid="1.2.3").write(tmp_path / "b" / "c", prefix="y")
    Series(phantom(seed=8), uid="1.2.3").write(tmp_path / "d")
    first, second, third = (open_study([tmp_path / name], Patient()) for name in "abd")
    assert first.inputs[0][1] == second.inputs[0][1] != third.inputs[0][1]
    assert first.series[0].info.id == second.series[0].info.id != third.series[0].info.id


def test_dicom_and_nifti_together(tmp_path):
    Series(HU).write(tmp_path / "ct")
    made = SimpleITK.GetImageFromArray(HU)
    made.SetOrigin((0, 0, -500))
    SimpleITK.WriteImage(made, str(tmp_path / "legs.nii.gz"))
    study = open_study([tmp_path / "ct", tmp_path / "legs.nii.gz"], Patient())
    assert len(study.series) == 2
    assert [name for name, _ in study.inputs] == ["ct", "legs.nii.gz"]


def test_progress_rises_to_one(tmp_path):
    Series(HU).write(tmp_path)
    told = []
    open_study([tmp_path], Patient(), progress=lambda text, share: told.append((text, share)))
    shares = [share for _, share in told]
    assert shares == sorted(shares)
    assert shares[0] >= 0
    assert shares[-1] == 1.0
    assert all(text for text, _ in told)
