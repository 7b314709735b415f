"""Objects about real scans keep their patient and study, and have no error that the scan itself does not have."""

import numpy as np
import pytest
from pydicom import dcmread

from calciscope.domain.deposit import PlacedDeposit, Placement
from calciscope.domain.patient import Patient
from calciscope.read.study import open_study
from calciscope.report.dicom import study, write
from tests import outside
from tests.report import make as report
from tests.report.dicom import make

pytestmark = pytest.mark.real


def with_deposit(one):
    """The series with a deposit in its middle."""
    middle = [size // 2 for size in one.volume.hu.shape]
    deposit = report.deposit(tuple(middle), tuple(at + 3 for at in middle), "s-1")
    placed = (PlacedDeposit(deposit, Placement("artery.coronary.lad", 0.9, "embedded", "heart")),)
    return study.Imaged(one.info.id, one.volume, placed, one.origin, one.info.label)


@pytest.mark.parametrize("name", ["limb-sts-007", "qrm-phantom", "chest-coronary"])
def test_objects_of_a_real_scan(scans, tmp_path, name):
    (one,) = open_study([scans / name], Patient(), origins=True).series
    seen = with_deposit(one)
    deposit = seen.placed[0].deposit
    answer = make.assessment(one.info.id)
    done = write.write(answer, [seen], ("seg", "sr", "key-images"), tmp_path, study.Stamp.of(answer))
    assert done.refused == []
    source = next(path for path in sorted((scans / name).rglob("*")) if path.is_file() and outside.is_dicom(path))
    header = dcmread(source, stop_before_pixels=True)
    objects = {path.name: dcmread(path) for path in done.paths}
    assert {made.StudyInstanceUID for made in objects.values()} == {header.StudyInstanceUID}
    assert {str(made.PatientName) for made in objects.values()} == {str(header.PatientName)}
    image = next(made for made in objects.values() if made.Modality == "SEG")
    assert np.count_nonzero(image.pixel_array) == len(deposit.voxels)
    assert all(frame.DerivationImageSequence for frame in image.PerFrameFunctionalGroupsSequence)
    known = outside.errors(source)
    assert {path.name: outside.errors(path) - known for path in done.paths} == {path.name: set() for path in done.paths}


def test_a_real_scan_whose_identifiers_were_emptied_names_them(scans, tmp_path):
    (one,) = open_study([scans / "totalsegmentator" / "example_ct_dicom"], Patient(), origins=True).series
    answer = make.assessment(one.info.id)
    done = write.write(answer, [with_deposit(one)], ("seg", "sr"), tmp_path, study.Stamp.of(answer))
    assert done.paths == []
    (line,) = done.refused
    assert line.endswith(" lack StudyInstanceUID, SeriesInstanceUID, SOPInstanceUID, SOPClassUID; send the study again")
