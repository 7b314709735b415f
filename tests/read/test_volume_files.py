"""NIfTI, NRRD and MetaImage."""

import numpy as np
import pytest
import SimpleITK

from calciscope.domain.image import slice_axis
from calciscope.domain.patient import Patient
from calciscope.read.study import open_study
from tests.read.make_dicom import phantom

HU = phantom((5, 6, 7))
SPACING, ORIGIN = (0.7, 0.8, 3.0), (-30.0, -40.0, 100.0)


def image(array=HU, orientation="LPS"):
    made = SimpleITK.GetImageFromArray(np.ascontiguousarray(array))
    made.SetSpacing(SPACING)
    made.SetOrigin(ORIGIN)
    return SimpleITK.DICOMOrient(made, orientation)


def refused(path):
    study = open_study([path], Patient())
    assert not study.series
    (line,) = study.refused
    assert line.input == path.name
    return line.why


@pytest.mark.parametrize("orientation", ["LPS", "RAS", "SPL", "AIR", "PSR"])
@pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".nrrd", ".mha", ".mhd"])
def test_every_format_and_orientation_gives_the_same_volume(tmp_path, suffix, orientation):
    path = tmp_path / f"scan{suffix}"
    SimpleITK.WriteImage(image(orientation=orientation), str(path))
    (series,) = open_study([path], Patient()).series
    assert np.array_equal(series.volume.hu, HU)
    g = series.volume.geometry
    assert np.allclose(g.spacing, SPACING[::-1], atol=1e-5)
    assert np.allclose(g.origin, ORIGIN, atol=1e-4)
    assert np.allclose(g.direction, np.eye(3).ravel(), atol=1e-6)
    a = series.info.acquisition
    assert (a.kvp, a.kernel, a.slice_thickness, a.slice_axis) == (None, None, None, 0)
    assert a.increment == pytest.approx(3)


@pytest.mark.parametrize(
    ("spacing", "axis"),
    [((3, 1, 1), 0), ((1, 3, 1), 1), ((1, 1, 3), 2), ((1, 1, 1), 0), ((1, 1.02, 1), 0), ((0.5, 1, 1), 0)],
)
def test_slices_run_along_the_largest_spacing(spacing, axis):
    assert slice_axis(spacing) == axis


def test_whole_numbers_in_float_files_become_int16(tmp_path):
    SimpleITK.WriteImage(image(HU.astype(np.float64)), str(tmp_path / "a.nii"))
    volume = open_study([tmp_path / "a.nii"], Patient()).series[0].volume
    assert volume.hu.dtype == np.int16
    SimpleITK.WriteImage(image(HU + 0.25), str(tmp_path / "b.nii"))
    volume = open_study([tmp_path / "b.nii"], Patient()).series[0].volume
    assert volume.hu.dtype == np.float32


def test_all_nan_is_refused_and_some_are_air(tmp_path):
    values = HU.astype(np.float32)
    values[2, :2] = np.nan
    SimpleITK.WriteImage(image(values), str(tmp_path / "some.nii"))
    (series,) = open_study([tmp_path / "some.nii"], Patient()).series
    assert (series.volume.hu[2, :2] == -1024).all()
    assert any("14 voxels were not numbers" in note for note in series.info.acquisition.notes)
    SimpleITK.WriteImage(image(np.full_like(values, np.nan)), str(tmp_path / "all.nii"))
    assert "100% of its values are not numbers" in refused(tmp_path / "all.nii")


@pytest.mark.parametrize("orientation", ["LPS", "RAI", "SPL", "AIR"])
def test_slices_without_a_number_are_missing_slices(tmp_path, orientation):
    hu = phantom((10, 6, 7))
    values = hu.astype(np.float32)
    values[2] = values[5:7] = values[0] = np.nan
    values[4, 1, 1] = np.nan
    SimpleITK.WriteImage(image(values, orientation), str(tmp_path / "a.nii"))
    (series,) = open_study([tmp_path / "a.nii"], Patient()).series
    got, acquisition = series.volume.hu, series.info.acquisition
    assert acquisition.missing_slices == (0, 2, 5, 6)
    assert np.array_equal(got[[1, 3, 7, 8, 9]], hu[[1, 3, 7, 8, 9]])
    assert np.abs(got[2] - (hu[1].astype(float) + hu[3]) / 2).max() <= 0.5
    between = np.where(values[4] == values[4], hu[4], -1024).astype(float)
    assert np.abs(got[5] - (2 * between + hu[7]) / 3).max() <= 0.51
    assert (got[0] == -1024).all()
    assert any("4 of 10 slices hold no numbers" in note for note in acquisition.notes)
    assert any("1 voxels were not numbers" in note for note in acquisition.notes)


@pytest.mark.parametrize(
    ("array", "why"),
    [
        (np.zeros((5, 6, 7), np.int16), "all its values are equal"),
        (np.arange(210).reshape(5, 6, 7).astype(np.uint8), "a label map or a picture"),
        (np.arange(210).reshape(5, 6, 7).astype(np.int16) * 19, "not in Hounsfield units"),
        (HU[:1], "one slice is not a volume"),
    ],
)
def test_what_is_no_ct_volume_is_refused(tmp_path, array, why):
    made = SimpleITK.GetImageFromArray(array)
    SimpleITK.WriteImage(made, str(tmp_path / "a.nii"))
    assert why in refused(tmp_path / "a.nii")


def test_a_series_over_time_is_refused(tmp_path):
    SimpleITK.WriteImage(SimpleITK.JoinSeries([image(), image()]), str(tmp_path / "a.nii"))
    assert "4 dimensions" in refused(tmp_path / "a.nii")


def test_one_time_point_of_four_dimensions_is_read(tmp_path):
    SimpleITK.WriteImage(SimpleITK.JoinSeries([image()]), str(tmp_path / "a.nii"))
    assert np.array_equal(open_study([tmp_path / "a.nii"], Patient()).series[0].volume.hu, HU)


def test_colours_are_refused(tmp_path):
    SimpleITK.WriteImage(SimpleITK.Compose([image()] * 3), str(tmp_path / "a.mha"))
    assert "colours" in refused(tmp_path / "a.mha")


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz", "a.nrrd", "a.mha"])
def test_a_damaged_file_is_refused(tmp_path, name):
    (tmp_path / name).write_bytes(b"this is not an image")
    assert "damaged" in refused(tmp_path / name)


def test_a_cut_off_file_is_refused(tmp_path):
    SimpleITK.WriteImage(image(phantom((20, 30, 30))), str(tmp_path / "a.nii.gz"))
    content = (tmp_path / "a.nii.gz").read_bytes()
    (tmp_path / "a.nii.gz").write_bytes(content[: len(content) // 2])
    assert "damaged" in refused(tmp_path / "a.nii.gz")
