"""A real scan against itself, moved, turned and resampled: everything is stable, and nothing is new or gone."""

import numpy as np
import pytest
import SimpleITK as sitk

from calciscope.compare import compare
from calciscope.compare.coarse import image_of
from calciscope.compare.pair import lay
from calciscope.domain.patient import Patient
from calciscope.read.study import open_study
from calciscope.report.anatomy import Scan
from tests.real.scans import path_of, run

pytestmark = pytest.mark.real
SHIFT = (9.3, -6.1, 14.2)


def both(scans, name, folder):
    """The scan as NIfTI, as it is and turned."""
    study = open_study([path_of(scans, name)], Patient())
    volume = max((series.volume for series in study.series), key=lambda one: one.hu.size)
    image = image_of(volume.hu.astype(np.int16), volume.geometry)
    turn = sitk.Euler3DTransform()
    turn.SetCenter(volume.geometry.to_mm((np.array(volume.geometry.shape) - 1) / 2).tolist())
    turn.SetRotation(*np.radians((2, -2, 5)))
    turn.SetTranslation(SHIFT)
    grid = sitk.Image(image)
    grid.SetOrigin((np.array(image.GetOrigin()) + SHIFT).tolist())
    turned = sitk.Resample(image, grid, turn.GetInverse(), sitk.sitkBSpline, -1000.0, sitk.sitkInt16)
    paths = folder / "a.nii.gz", folder / "b.nii.gz"
    for one, path in zip((image, turned), paths, strict=True):
        sitk.WriteImage(one, str(path))
    return paths


@pytest.mark.parametrize("name", ["chest-aorta", "chest-coronary", "limb-sts-028"])
def test_a_scan_against_itself(scans, name, tmp_path):
    found = compare(*both(scans, name, tmp_path))
    assert found.matched_by == "registration", found.notes
    assert found.registered is not None
    assert found.registered.shared > 0.8
    assert found.deposits
    assert {str(one.state) for one in found.deposits} <= {"stable", "unclear"}
    # What touches bone is not cut off it the same way twice, and is said to be so.
    matched = [one for one in found.deposits if one.old and one.new]
    assert {str(one.state) for one in matched if "touches bone" not in (one.why or "")} == {"stable"}
    assert sum(str(one.state) != "stable" for one in matched) <= 1


def test_a_large_pair_is_laid_and_refined(scans):
    (scan,) = run(scans, "abdomen-pelvis-contrast").scans
    other = Scan("other", scan.volume, scan.anatomy, scan.placed, ())
    found = lay(scan, other)
    assert found.ok
    assert found.shift_mm < 1.0
