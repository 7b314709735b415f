"""Organs against the label maps of TotalSegmentator, and places of deposits that a person read off, on real scans."""

import numpy as np
import pytest
import SimpleITK
from scipy import ndimage

from calciscope.anatomy import labelmap
from calciscope.anatomy.embedded import segment
from calciscope.domain.deposit import Deposit, Shape
from calciscope.domain.image import Geometry, Volume
from calciscope.domain.structures import dictionary
from calciscope.place import place
from calciscope.read.mask import read_label_map

pytestmark = pytest.mark.real

CLASSES = {1: "spleen", 2: "kidney_right", 3: "kidney_left", 4: "gallbladder", 5: "liver", 52: "aorta"}

KNOWN = dictionary().meanings


def oriented(path):
    return SimpleITK.DICOMOrient(SimpleITK.ReadImage(str(path)), "LPS")


def volume_of(path):
    image = oriented(path)
    hu = SimpleITK.GetArrayFromImage(image).astype(np.int16)
    return Volume(hu, Geometry(hu.shape, image.GetSpacing()[::-1], image.GetOrigin(), image.GetDirection()))


@pytest.fixture(scope="module")
def small(scans):
    return volume_of(scans / "totalsegmentator" / "example_ct_sm.nii.gz")


@pytest.fixture(scope="module")
def whole(scans):
    scan = volume_of(scans / "totalsegmentator" / "example_ct.nii.gz")
    return scan, segment(scan)


@pytest.fixture(scope="module")
def truth(scans):
    return SimpleITK.GetArrayFromImage(oriented(scans / "totalsegmentator" / "example_seg.nii.gz"))


def grown(scan, at, name="d"):
    """The calcium about an annotated voxel."""
    labels, _ = ndimage.label(scan.hu > 130, np.ones((3, 3, 3)))
    z, y, x = at
    near = labels[z - 1 : z + 2, y - 1 : y + 2, x - 1 : x + 2]
    values, counts = np.unique(near[near > 0], return_counts=True)
    voxels = np.argwhere(labels == values[counts.argmax()]).astype(np.int32)
    points = scan.geometry.to_mm(voxels)
    extent = (np.ptp(voxels, axis=0) + 1) * np.array(scan.geometry.spacing)
    return Deposit(
        id=name,
        series="s",
        voxels=voxels,
        hu=scan.hu[tuple(voxels.T)].astype(np.float32),
        threshold_hu=130.0,
        background_hu=30.0,
        center_index=tuple(int(v) for v in voxels.mean(axis=0).round()),
        center_mm=tuple(float(v) for v in points.mean(axis=0)),
        extent_mm=tuple(float(v) for v in extent[::-1]),
        volume_mm3=len(voxels) * scan.geometry.voxel_mm3,
        shape=Shape(float(extent.max()), float(extent.min()), 0.8, 0.0),
    )


@pytest.mark.parametrize(
    ("name", "least"), [("kidney_left", 0.8), ("kidney_right", 0.8), ("liver", 0.8), ("spleen", 0.8)]
)
def test_organs_agree_with_totalsegmentator(small, truth, name, least):
    label = next(value for value, structure in CLASSES.items() if structure == name)
    anatomy = segment(small)
    # A kidney is told apart into cortex, medulla and sinus.
    parts = [part for part in anatomy.structures if part in KNOWN and (part == name or KNOWN[part].part_of == name)]
    ours, theirs = anatomy.mask(*parts), truth == label
    assert 2 * (ours & theirs).sum() / (ours.sum() + theirs.sum()) >= least


def test_a_label_map_overrides_structure_by_structure(small, truth, scans, tmp_path):
    names = tmp_path / "names.csv"
    present = [value for value in np.unique(truth) if value]
    rows = [f"{value},{CLASSES.get(int(value), f'part_{value}')}" for value in present]
    names.write_text("label,structure\n" + "\n".join(rows) + "\n")
    path = scans / "totalsegmentator" / "example_seg.nii.gz"
    body = labelmap.over(read_label_map(f"{path},{names}"))(small)
    parts = [name for name in body.structures if name.startswith("aorta_")]
    for value, name in CLASSES.items():
        whole = [name, *parts] if name == "aorta" else [name]
        assert np.array_equal(body.mask(*whole), truth == value)
    assert not body.mask("aorta").any()
    assert "muscle" in body.structures
    stone = np.argwhere((small.hu > 300) & (truth == 3))
    (placed,) = place([grown(small, tuple(int(v) for v in stone[0]))], small, body)
    assert placed.placement.site == "kidney.left"
    assert placed.placement.confidence > 0.85
    assert placed.placement.provider == "label map"


@pytest.mark.parametrize(
    ("at", "site"),
    [
        ((63, 49, 52), "ureter.right"),
        ((79, 59, 88), "kidney.left"),
        ((84, 60, 94), "kidney.left"),
        ((74, 54, 37), "kidney.right"),
    ],
)
def test_stones_of_the_example(whole, at, site):
    scan, body = whole
    (placed,) = place([grown(scan, at)], scan, body)
    assert placed.placement.site == site
    if site == "ureter.right":
        assert placed.placement.attributes["location"] == "proximal"


def test_the_full_bladder_is_found_and_the_sides_are_right(whole):
    scan, body = whole
    assert body.mask("urinary_bladder")[15, 45, 62]
    columns = {side: np.argwhere(body.mask(f"kidney_{side}"))[:, 2].mean() for side in ("left", "right")}
    assert columns["left"] > columns["right"] + 30
    assert scan.hu[body.mask("urinary_bladder")].mean() < 25
