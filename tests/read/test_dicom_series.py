"""What belongs together, whatever the identifiers say."""

import shutil

import numpy as np
import pytest
from pydicom import dcmread

from calciscope.domain.patient import Patient
from calciscope.read.study import open_study
from tests.read.make_dicom import Series, phantom, save

HU = phantom((6, 8, 10))


def all_series(folder):
    """Shapes of everything that was recognised, used or not."""
    study = open_study([folder], Patient())
    return sorted([s.info.geometry.shape for s in study.series] + [u.geometry.shape for u in study.unused])


def the_volume(folder):
    study = open_study([folder], Patient())
    assert not study.refused
    assert not study.unused
    (series,) = study.series
    return series.volume


def test_series_mixed_in_one_folder_are_told_apart(tmp_path):
    Series(HU).write(tmp_path, prefix="a")
    Series(phantom((4, 8, 10), 2), spacing=(6, 0.8, 0.7)).write(tmp_path, prefix="b")
    assert all_series(tmp_path) == [(4, 8, 10), (6, 8, 10)]


@pytest.mark.parametrize("value", [None, ""])
def test_without_series_identifier_geometry_groups(tmp_path, value):
    gone = {"SeriesInstanceUID": value, "SOPInstanceUID": value}
    Series(HU, header=gone).write(tmp_path, prefix="a")
    Series(phantom((5, 8, 10), 2), header={**gone, "ConvolutionKernel": "B70f"}).write(tmp_path, prefix="b")
    assert all_series(tmp_path) == [(5, 8, 10), (6, 8, 10)]


def test_a_new_series_identifier_for_every_slice_is_seen_through(tmp_path):
    Series(HU, each=lambda k: {"SeriesInstanceUID": f"1.9.{k + 1}"}).write(tmp_path)
    assert np.array_equal(the_volume(tmp_path).hu, HU)


def test_one_series_of_two_orientations_is_split(tmp_path):
    series = Series(HU)
    series.write(tmp_path, prefix="a")
    series.but(order=(1, 0, 2)).write(tmp_path, prefix="b")
    study = open_study([tmp_path], Patient())
    assert len(study.series) + len(study.unused) == 2
    assert {i.acquisition.slice_axis for i in (study.series[0].info, study.unused[0])} == {0, 1}
    assert study.series[0].info.acquisition.slice_axis == 0


def test_localizer_in_the_series_is_set_aside(tmp_path):
    series = Series(HU)
    series.write(tmp_path, prefix="a")
    planes = Series(
        phantom((1, 30, 20)),
        uid=series.uid,
        order=(1, 0, 2),
        header={"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"], "SOPInstanceUID": "1.2.99"},
    )
    planes.write(tmp_path, prefix="b", skip=tuple(range(1, 30)))
    study = open_study([tmp_path], Patient())
    assert np.array_equal(study.series[0].volume.hu, HU)
    assert "localizer" in study.unused[0].why
    assert not study.refused


@pytest.mark.parametrize(
    "element", ["AcquisitionNumber", "TemporalPositionIdentifier", "NominalPercentageOfCardiacPhase", "TriggerTime"]
)
def test_phases_at_the_same_positions_are_split(tmp_path, element):
    series = Series(HU, header={"AcquisitionNumber": None})
    second = phantom((6, 8, 10), 3)
    series.but(header={**series.header, element: 1}).write(tmp_path, prefix="a")
    series.but(hu=second, header={**series.header, element: 2}, each=lambda k: {"SOPInstanceUID": f"1.8.{k}"}).write(
        tmp_path, prefix="b"
    )
    study = open_study([tmp_path], Patient())
    assert len(study.series) == len(study.unused) == 1
    assert any(np.array_equal(study.series[0].volume.hu, hu) for hu in (HU, second))


def test_repeats_that_nothing_tells_apart_go_by_instance(tmp_path):
    series = Series(HU)
    second = phantom((6, 8, 10), 3)
    series.write(tmp_path, prefix="a")
    series.but(hu=second, each=lambda k: {"SOPInstanceUID": f"1.8.{k}", "InstanceNumber": 100 + k}).write(
        tmp_path, prefix="b"
    )
    study = open_study([tmp_path], Patient())
    assert np.array_equal(study.series[0].volume.hu, HU) or np.array_equal(study.series[0].volume.hu, second)
    assert len(study.unused) == 1


def test_an_acquisition_number_that_changes_with_every_slice_does_not_split(tmp_path):
    Series(HU, each=lambda k: {"AcquisitionNumber": k + 1}).write(tmp_path)
    assert np.array_equal(the_volume(tmp_path).hu, HU)


@pytest.mark.parametrize("how", ["copied", "renamed identifiers", "same instance, other bytes"])
def test_duplicates_are_dropped(tmp_path, how):
    for path in Series(HU).write(tmp_path):
        other = tmp_path / f"copy-{path.name}"
        shutil.copy(path, other)
        if how != "copied":
            ds = dcmread(other)
            ds.InstitutionName = "elsewhere"
            if how.startswith("renamed"):
                ds.SOPInstanceUID += ".9"
            save(ds, other)
    volume = the_volume(tmp_path)
    assert np.array_equal(volume.hu, HU)
    assert volume.acquisition.missing_slices == ()


def test_one_instance_identifier_for_all_slices_loses_none(tmp_path):
    Series(HU, header={"SOPInstanceUID": "1.2.3"}).write(tmp_path)
    assert np.array_equal(the_volume(tmp_path).hu, HU)


def test_the_same_series_given_twice_counts_once(tmp_path):
    Series(HU).write(tmp_path / "a")
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    study = open_study([tmp_path / "a", tmp_path / "b"], Patient())
    assert len(study.series) == 1
    assert not study.unused
    assert study.inputs[0][1] == study.inputs[1][1]


def test_thicknesses_in_one_series_are_told_apart(tmp_path):
    series = Series(HU, spacing=(3, 1, 1))
    series.write(tmp_path, prefix="a")
    thick = series.but(hu=phantom((3, 8, 10), 5), spacing=(6, 1, 1), header={"SliceThickness": "6"})
    thick.but(each=lambda k: {"SOPInstanceUID": f"1.7.{k}"}).write(tmp_path, prefix="b")
    assert all_series(tmp_path) == [(3, 8, 10), (6, 8, 10)]
