"""The headers of the slices that a volume was made of, and nothing more of them than is needed."""

import numpy as np
import pytest

from calciscope.domain.patient import Patient
from calciscope.read.study import open_study
from tests.read.make_dicom import Series, enhanced, phantom, save

CORONAL = (1, 0, 2)


def origin(folder):
    (series,) = open_study([folder], Patient(), origins=True).series
    return series, series.origin


def test_headers_are_kept_only_where_they_are_asked_for(tmp_path):
    Series(phantom()).write(tmp_path)
    (series,) = open_study([tmp_path], Patient()).series
    assert series.origin is None


@pytest.mark.parametrize("flips", [(), (0,), (1, 2)])
@pytest.mark.parametrize("order", [(0, 1, 2), CORONAL])
def test_every_slice_has_its_header_and_place(tmp_path, order, flips):
    made = Series(phantom(), order=order, flips=flips)
    made.write(tmp_path)
    series, found = origin(tmp_path)
    assert sorted(header.SOPInstanceUID for header in found.headers) == sorted(
        one.SOPInstanceUID for one in made.datasets()
    )
    for (number, frame), position in zip(found.items, found.positions, strict=True):
        assert frame == 0
        assert np.allclose(np.array(found.headers[number].ImagePositionPatient, float), position)
    native = np.transpose(np.flip(series.volume.hu, found.flips), np.argsort(found.axes))
    places = [made.slices()[k][0] for k in range(len(native))]
    if not np.array_equal(native[0], places[0]):
        places = places[::-1]  # slices go along the normal, which may run against the order of the files
    assert np.array_equal(native, places)


def test_a_slice_that_is_absent_has_no_header(tmp_path):
    Series(phantom()).write(tmp_path, skip=(2,))
    _, found = origin(tmp_path)
    assert len(found.headers) == len(found.items) == 5


def test_an_instance_of_many_frames_is_one_header(tmp_path):
    save(enhanced(Series(phantom())), tmp_path / "one.dcm")
    _, found = origin(tmp_path)
    assert len(found.headers) == 1
    assert [frame for _, frame in found.items] == [1, 2, 3, 4, 5, 6]


def test_no_more_than_needed_is_kept_and_nothing_is_shown(tmp_path):
    Series(phantom(), header={"InstitutionName": "Nowhere", "PatientComments": "Zebra"}).write(tmp_path)
    series, found = origin(tmp_path)
    assert not {"PixelData", "InstitutionName", "PatientComments"} & {one.keyword for one in found.headers[0]}
    assert found.headers[0].PatientName == "Doe^P1"
    assert "Doe" not in repr(series)
    assert "Doe" not in repr(found)


def test_a_volume_file_has_no_origin(tmp_path):
    import nibabel

    nibabel.save(nibabel.Nifti1Image(phantom().astype(np.int16), np.diag([1, 1, 2, 1])), tmp_path / "a.nii")
    (series,) = open_study([tmp_path], Patient(), origins=True).series
    assert series.origin is None
