"""A spacing that is no spacing: one clear line in every format, and no number."""

from __future__ import annotations

import re
import struct

import nibabel
import numpy as np
import pytest
import SimpleITK

from calciscope.domain.patient import Patient
from calciscope.read.study import open_study
from tests.read.make_dicom import Series, enhanced, phantom, save

HU = phantom((5, 6, 7))
WRONG = [0.0, -0.7, float("nan"), float("inf")]


def refused(path):
    study = open_study([path], Patient())
    assert not study.series
    assert not study.unused
    (line,) = study.refused
    assert line.input == path.name
    assert "\n" not in line.why
    return line.why


def nifti(path, axis, value):
    """A NIfTI file whose pixdim of one axis was overwritten, with neither matrix to contradict it."""
    nibabel.save(nibabel.Nifti1Image(HU.T, np.diag([0.7, 0.8, 3.0, 1.0])), path)
    content = bytearray(path.read_bytes())
    content[76 + 4 * axis : 80 + 4 * axis] = struct.pack("<f", value)
    content[252:256] = struct.pack("<hh", 0, 0)
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("value", WRONG)
@pytest.mark.parametrize("axis", [1, 2, 3])
def test_nifti(tmp_path, axis, value):
    assert refused(nifti(tmp_path / "a.nii", axis, value)).startswith("its voxel spacing is not positive")


def test_a_nifti_matrix_of_zeros(tmp_path):
    image = nibabel.Nifti1Image(HU.T, None)
    image.header.set_zooms((0.7, 0.8, 3.0))
    image.set_sform(np.diag([0.7, 0.0, 3.0, 1.0]), code=1)
    nibabel.save(image, tmp_path / "a.nii")
    assert "spacing is not positive" in refused(tmp_path / "a.nii")


def changed(path, pattern, by):
    """A text header before the voxels, changed."""
    head, mark, rest = path.read_bytes().partition(b"ElementDataFile" if path.suffix == ".mha" else b"\n\n")
    path.write_bytes(re.sub(pattern, by, head) + mark + rest)
    return path


@pytest.fixture
def written(tmp_path):
    def write(name):
        image = SimpleITK.GetImageFromArray(HU)
        image.SetSpacing((0.7, 0.8, 3.0))
        SimpleITK.WriteImage(image, str(tmp_path / name))
        return tmp_path / name

    return write


@pytest.mark.parametrize("value", [b"0", b"-0.7", b"nan", b"inf"])
def test_metaimage(written, value):
    path = changed(written("a.mha"), rb"ElementSpacing = \S+", b"ElementSpacing = " + value)
    assert refused(path).startswith("its voxel spacing is not positive")


@pytest.mark.parametrize("value", [b"0", b"-0.7", b"nan"])
def test_nrrd(written, value):
    path = changed(
        written("a.nrrd"),
        rb"space: .*\nsizes: (.*)\nspace directions: .*\n(?:kinds: .*\n)?(.*\n.*\n)space origin: .*",
        rb"sizes: \1\nspacings: " + value + rb" 0.8 3\n\2",
    )
    assert b"spacings: " + value in path.read_bytes()
    assert refused(path).startswith("its voxel spacing is not positive")


@pytest.mark.parametrize(
    ("vector", "why"), [(b"(0,0,0)", "spacing is not positive"), (b"(nan,0,0)", "it cannot be read")]
)
def test_nrrd_directions_of_no_length(written, vector, why):
    path = changed(written("a.nrrd"), rb"space directions: \(\S+?\)", b"space directions: " + vector)
    assert vector in path.read_bytes()
    assert why in refused(path)


@pytest.mark.parametrize("value", [["0", "0"], ["-0.7", "0.7"], ["nan", "1"], ["1"], "", None])
@pytest.mark.parametrize("many", [False, True], ids=["single slices", "enhanced"])
def test_dicom(tmp_path, value, many):
    series = Series(HU)
    if many:
        image = enhanced(series)
        measures = image.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
        images = [(image, measures)]
    else:
        images = [(one, one) for one in series.datasets()]
    for number, (image, measures) in enumerate(images):
        if value is None:
            del measures.PixelSpacing
        else:
            measures["PixelSpacing"]._value = value
        save(image, tmp_path / f"{number}.dcm")
    study = open_study([tmp_path], Patient())
    assert not study.series
    (line,) = study.refused
    assert line.why.startswith("the pixel spacing is missing or not positive, so nothing can be measured")


@pytest.mark.parametrize("value", ["0", "-3", "", None])
def test_a_dicom_thickness_that_is_none_is_not_known(tmp_path, value):
    """Positions tell the increment, whatever the header says of thickness and spacing between slices."""
    Series(HU, header={"SliceThickness": value, "SpacingBetweenSlices": "-9"}).write(tmp_path)
    (series,) = open_study([tmp_path], Patient()).series
    assert series.volume.acquisition.slice_thickness is None
    assert series.volume.acquisition.increment == 3
    assert series.volume.geometry.spacing[0] == 3


def test_slices_all_at_one_place_are_no_volume(tmp_path):
    Series(HU, each=lambda k: {"ImagePositionPatient": ["0", "0", "0"]}).write(tmp_path)
    study = open_study([tmp_path], Patient())
    assert not study.series
    assert any("one slice is not a volume" in line.why for line in study.refused)
