"""Label maps that TotalSegmentator made, as if the package had just returned them, through the whole way."""

from pathlib import Path

import nibabel
import numpy as np
import pytest

from calciscope import pipeline
from tests.anatomy.test_totalsegmentator import DOUBLE, forget

pytestmark = pytest.mark.real

CLASSES = {1: "spleen", 2: "kidney_right", 3: "kidney_left", 4: "gallbladder", 5: "liver"}


@pytest.fixture
def recorded(scans, tmp_path, monkeypatch):
    """The double answers with the recorded label map."""
    forget()
    monkeypatch.syspath_prepend(str(DOUBLE))
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    from totalsegmentator import python_api

    folder = scans / "totalsegmentator"
    recorded = nibabel.load(folder / "example_seg.nii.gz")

    def answer(given):
        """The recorded label map on the grid that was asked for: both were made of one scan."""
        turned = nibabel.as_closest_canonical(recorded)
        asked = nibabel.as_closest_canonical(given)
        assert np.allclose(turned.affine, asked.affine, atol=0.01)
        back = nibabel.orientations.ornt_transform(
            nibabel.io_orientation(turned.affine), nibabel.io_orientation(given.affine)
        )
        return turned.as_reoriented(back)

    original = python_api.totalsegmentator

    def replayed(image, *args, **kwargs):
        python_api.ANSWERS["total"] = nibabel.Nifti1Image(
            np.asarray(answer(image).dataobj).astype(np.uint8), image.affine
        )
        return original(image, *args, **kwargs)

    monkeypatch.setattr(python_api, "totalsegmentator", replayed)
    yield folder, recorded
    forget()


def test_a_recorded_label_map_goes_the_whole_way(recorded):
    folder, labels = recorded
    run = pipeline.assess(
        [folder / "example_ct_sm.nii.gz"], options=pipeline.Options(anatomy="totalsegmentator", rejected=True)
    )
    (scan,) = run.scans
    voxel = scan.volume.geometry.voxel_mm3
    for value, name in CLASSES.items():
        theirs = (np.asarray(labels.dataobj) == value).sum() * np.abs(np.linalg.det(labels.affine[:3, :3]))
        assert scan.anatomy.mask(name).sum() * voxel == pytest.approx(theirs, rel=0.01)
        assert scan.anatomy.provider_of(name) == "totalsegmentator"
    # What the package does not see stays embedded.
    assert scan.anatomy.provider_of("subcutaneous_fat") == "embedded"
    assert any(name.startswith("ureter_") for name in scan.anatomy.tubes)
    stones = [item for item in scan.placed if item.placement.site in ("kidney.left", "kidney.right")]
    assert stones
    assert {item.placement.provider for item in stones} == {"totalsegmentator"}
    assert "embedded" in run.assessment.provenance.anatomy
    assert "totalsegmentator" in run.assessment.provenance.anatomy
    assert run.assessment.refused == ()
