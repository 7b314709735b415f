"""Frames and stents by their form, beside calcium that is none of them."""

from types import MappingProxyType
from types import SimpleNamespace as Namespace

import numpy as np
import pytest

from calciscope.find.implants import FRAME, STENT, evenness, frames, is_frame, is_stent, notes

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


def test_a_solid_lump_is_neither():
    z, y, x = grid()
    voxels = points(z**2 + y**2 + x**2 < 12.0**2)
    assert not is_frame(voxels, hu(voxels, 1500.0), SPACING)
    assert not is_stent(voxels, hu(voxels, 1500.0), SPACING)


def test_an_even_tube_is_a_stent():
    voxels = tube()
    assert evenness(voxels, hu(voxels, 700.0), SPACING) < 0.1
    assert is_stent(voxels, hu(voxels, 700.0), SPACING)


def test_uneven_short_faint_and_wide_pieces_are_no_stents():
    voxels = tube()
    values = hu(voxels, 700.0)
    along = (voxels[:, 2] - 60) * SPACING[2]
    beads = np.where(np.abs(along) < 3.0, 0.25, 1.0).astype(np.float32) * values
    assert not is_stent(voxels, np.where(np.arange(len(beads)) == 0, 700.0, beads), SPACING)
    assert not is_stent(voxels, np.minimum(values, 300.0), SPACING)
    short, wide = tube(length=8.0), tube(length=22.0, radius=6.0)
    assert not is_stent(short, hu(short, 700.0), SPACING)
    assert not is_stent(wide, hu(wide, 700.0), SPACING)


def test_a_few_voxels_are_not_even():
    assert evenness(np.array([[0, 0, 0], [0, 0, 1]], dtype=np.int32), np.ones(2, np.float32), SPACING) == float("inf")


def test_frames_become_a_mask():
    voxels, other = cage(), tube()
    mask = frames(
        [(voxels, hu(voxels, 1100.0)), (other, hu(other, 700.0))], np.zeros((40, 120, 120), np.int16), SPACING
    )
    assert mask.sum() == len(voxels)


def deposit(at=(0.0, 0.0, 0.0)):
    voxels = tube()
    return Namespace(voxels=voxels, hu=hu(voxels, 700.0), center_mm=at)


def anatomy(*names):
    line = np.array([(x, 0.0, 0.0) for x in range(-20, 20, 2)], dtype=float)
    return Namespace(tubes=MappingProxyType({name: Namespace(points=line) for name in names}))


def test_a_stent_is_told_in_the_course_of_a_coronary_artery_only():
    assert notes([deposit()], False, anatomy("coronary_lad"), SPACING) == (STENT,)
    assert notes([deposit((0.0, 40.0, 0.0))], False, anatomy("coronary_lad"), SPACING) == ()
    assert notes([deposit()], False, anatomy("aorta"), SPACING) == ()
    assert notes([deposit(), deposit()], True, anatomy("coronary_lad"), SPACING) == (FRAME, STENT)
