"""Frames of valves by their form, and implants as structures for those who measure."""

from types import MappingProxyType

import numpy as np
import pytest

from calciscope.domain.anatomy import Anatomy, Manifest, Structure
from calciscope.domain.image import Geometry
from calciscope.find.implants import METAL, STENT, STENT_LIKE, frames, is_frame, marked
from calciscope.find.stents import Coronaries

SPACING = (3.0, 0.5, 0.5)


def points(mask):
    return np.argwhere(mask).astype(np.int32)


def grid(shape=(40, 120, 120)):
    z, y, x = np.indices(shape).astype(float)
    middle = [(n - 1) / 2 for n in shape]
    return (z - middle[0]) * SPACING[0], (y - middle[1]) * SPACING[1], (x - middle[2]) * SPACING[2]


def tube(length=22.0, radius=2.4):
    z, y, x = grid()
    return points((np.hypot(z, y) < radius) & (np.abs(x) < length / 2))


def cage(height=30.0, radius=12.0):
    z, y, x = grid()
    struts = np.abs(np.hypot(y, x) - radius) < 0.8
    return points(struts & (np.abs(z) < height / 2))


def hu(voxels, peak, low=200.0, seed=1):
    values = np.random.default_rng(seed).uniform(low, 0.6 * peak, len(voxels)).astype(np.float32)
    values[0] = peak
    return values


def test_a_cage_of_struts_is_a_frame():
    voxels = cage()
    assert is_frame(voxels, hu(voxels, 1100.0), SPACING)


@pytest.mark.parametrize(
    ("voxels", "peak"),
    [
        (cage(), 500.0),  # a calcified sinus wall
        (cage(height=90.0), 1100.0),  # a porcelain aorta
        (cage(height=30.0, radius=4.0), 1100.0),  # a ring round an artery
        (tube(), 1100.0),
    ],
)
def test_what_is_no_cage_is_no_frame(voxels, peak):
    assert not is_frame(voxels, hu(voxels, peak), SPACING)


def test_a_solid_lump_is_none():
    z, y, x = grid()
    voxels = points(z**2 + y**2 + x**2 < 12.0**2)
    assert not is_frame(voxels, hu(voxels, 1500.0), SPACING)


def heart(*where):
    mask = np.zeros((40, 120, 120), dtype=bool)
    mask[where] = True
    return Coronaries(mask, np.zeros((0, 3)), SPACING)


def test_frames_in_the_heart_become_a_mask():
    voxels, other = cage(), tube()
    parts = [(voxels, hu(voxels, 1100.0)), (other, hu(other, 700.0))]
    image = np.zeros((40, 120, 120), np.int16)
    assert frames(parts, image, heart(slice(None))).sum() == len(voxels)
    assert not frames(parts, image, heart(slice(38, 40), slice(0, 5), slice(0, 5))).any()


def body(labels, **structures):
    return Anatomy(
        labels=labels,
        structures=MappingProxyType({name: Structure(name, label, 0.9) for name, label in structures.items()}),
        geometry=Geometry(labels.shape, (3.0, 1.0, 1.0), (0.0, 0.0, 0.0)),
        manifest=Manifest("test", "1", "none"),
    )


AT = np.array([[1, 2, 3], [1, 2, 4]], dtype=np.int32)


def test_implants_are_structures_over_what_was_there():
    before = body(np.full((4, 5, 6), 2, dtype=np.uint8), heart=2)
    after = marked(before, {STENT: AT, STENT_LIKE: AT[:0]})
    assert set(after.structures) == {"heart", STENT}
    np.testing.assert_array_equal(np.argwhere(after.mask(STENT)), AT)
    assert after.mask("heart").sum() == before.mask("heart").sum() - len(AT)
    assert not before.mask(STENT).any(), "the anatomy that was given stays as it was"
    assert marked(before, {}) is before


def test_metal_is_added_to_what_is_known_as_metal():
    labels = np.zeros((4, 5, 6), dtype=np.uint8)
    labels[0, 0, 0] = 7
    after = marked(body(labels, metal=7), {METAL: AT})
    assert after.structures[METAL].label == 7
    assert after.mask(METAL).sum() == 3


def test_a_map_without_a_free_number_gets_wider_numbers():
    after = marked(body(np.full((4, 5, 6), 255, dtype=np.uint8), heart=255), {STENT: AT, METAL: AT + 1})
    assert after.labels.dtype == np.uint16
    assert {one.label for one in after.structures.values()} == {255, 256, 257}
