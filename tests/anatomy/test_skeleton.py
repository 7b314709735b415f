"""Bone, told apart from contrast and from small calcium, on synthetic bodies."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from calciscope.anatomy.embedded.skeleton import fill_marrow, find_bone, find_contrast

SPACING = (3.0, 3.0, 3.0)
SHAPE = (30, 60, 60)
Z, Y, X = np.ogrid[: SHAPE[0], : SHAPE[1], : SHAPE[2]]
WHOLE = np.ones(SHAPE, dtype=bool)
NOTHING = np.zeros(SHAPE, dtype=bool)


def tissue(seed=1, noise=8.0):
    return np.random.default_rng(seed).normal(45.0, noise, SHAPE).astype(np.float32)


def column(row, col, radius):
    return np.broadcast_to((Y - row) ** 2 + (X - col) ** 2 < radius**2, SHAPE).copy()


def ball(centre, radius):
    return np.broadcast_to((Z - centre[0]) ** 2 + (Y - centre[1]) ** 2 + (X - centre[2]) ** 2 < radius**2, SHAPE).copy()


def vertebrae(hu, marrow=180.0):
    """A long bone with a cortex in the middle of the back; where it is."""
    outer = column(45, 30, 6.1)
    hu[outer] = 600.0
    hu[column(45, 30, 5.0)] = marrow
    return outer


@pytest.mark.parametrize("marrow", [180.0, 120.0, -40.0])
def test_a_bone_is_found_with_its_marrow(marrow):
    hu = tissue()
    truth = vertebrae(hu, marrow)
    bone = find_bone(hu, WHOLE, NOTHING, SPACING)
    assert 2 * (bone & truth).sum() / (bone.sum() + truth.sum()) > 0.95


def test_the_vertebral_canal_stays_open():
    hu = tissue()
    hu[column(45, 30, 9.0)] = 600.0
    canal = column(45, 30, 4.0)
    hu[canal] = 20.0
    bone = find_bone(hu, WHOLE, NOTHING, SPACING)
    assert bone[canal].mean() < 0.5


def test_soft_tissue_has_no_bone():
    assert not find_bone(tissue(), WHOLE, NOTHING, SPACING).any()


@pytest.mark.parametrize("radius", [1.2, 2.0])
def test_a_stone_far_from_any_bone_is_no_bone(radius):
    hu = tissue()
    truth = vertebrae(hu)
    stone = ball((15, 15, 15), radius)
    hu[stone] = 900.0
    bone = find_bone(hu, WHOLE, NOTHING, SPACING)
    assert not bone[stone].any()
    assert bone[truth].mean() > 0.9


def test_the_tip_of_a_rib_beside_a_rib_is_bone():
    hu = tissue()
    vertebrae(hu)
    tip = ball((15, 36, 30), 1.8)
    hu[tip] = 500.0
    assert find_bone(hu, WHOLE, NOTHING, SPACING)[tip].mean() > 0.8


def test_a_bone_cut_by_the_end_of_the_scan_is_bone():
    hu = tissue()
    vertebrae(hu)
    cut = ball((0, 12, 12), 2.6)
    hu[cut] = 500.0
    assert find_bone(hu, WHOLE, NOTHING, SPACING)[cut].mean() > 0.8


def test_what_is_outside_the_body_or_contrast_is_no_bone():
    hu = tissue()
    truth = vertebrae(hu)
    assert not find_bone(hu, WHOLE & ~truth, NOTHING, SPACING).any()
    assert not find_bone(hu, WHOLE, truth, SPACING).any()


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 99), st.floats(3.0, 9.0))
def test_the_bone_is_in_the_body(seed, radius):
    hu = tissue(seed)
    hu[ball((15, 30, 30), radius)] = 700.0
    body = column(30, 30, 24.0)
    bone = find_bone(hu, body, NOTHING, SPACING)
    assert not (bone & ~body).any()


@pytest.mark.parametrize("level", [160.0, 250.0, 400.0])
def test_a_vessel_full_of_contrast_is_contrast_and_a_vertebra_is_not(level):
    hu = tissue()
    bony = vertebrae(hu, 100.0)
    lumen = column(20, 30, 5.5)
    hu[lumen] = level + np.random.default_rng(2).normal(0, 10, int(lumen.sum()))
    contrast = find_contrast(hu, WHOLE, SPACING)
    assert contrast[column(20, 30, 4.0)].mean() > 0.9
    assert not (contrast & bony).any()
    bone = find_bone(hu, WHOLE, contrast, SPACING)
    assert bone[bony].mean() > 0.9
    assert bone[lumen].mean() < 0.05


def test_without_contrast_there_is_none():
    hu = tissue()
    vertebrae(hu, 100.0)
    assert not find_contrast(hu, WHOLE, SPACING).any()
    assert not find_contrast(np.full(SHAPE, -1000.0, np.float32), WHOLE, SPACING).any()


def test_a_small_bright_spot_is_no_pool_of_contrast():
    hu = tissue()
    hu[ball((15, 20, 20), 1.5)] = 300.0
    assert not find_contrast(hu, WHOLE, SPACING).any()


def noisy(hu, seed=3, noise=40.0):
    """The tissue with noise, and the same smoothed as a noisy volume is."""
    rough = hu + np.random.default_rng(seed).normal(0.0, noise, SHAPE).astype(np.float32)
    return rough, ndimage.gaussian_filter(rough, (0.5, 0.7, 0.7))


def test_a_bone_whose_cortex_smoothing_has_blurred_is_no_lumen():
    hu = tissue()
    bony = column(40, 30, 4.1)
    hu[bony], hu[column(40, 30, 3.0)] = 500.0, 270.0
    rough, smooth = noisy(hu)
    assert find_contrast(smooth, WHOLE, SPACING)[bony].mean() > 0.5
    contrast = find_contrast(smooth, WHOLE, SPACING, rough)
    assert not contrast[bony].any()
    assert find_bone(smooth, WHOLE, contrast, SPACING)[bony].mean() > 0.9


def test_a_lumen_in_noise_is_still_contrast():
    hu = tissue()
    hu[column(20, 30, 6.5)] = 280.0
    rough, smooth = noisy(hu)
    contrast = find_contrast(smooth, WHOLE, SPACING, rough)
    assert contrast[column(20, 30, 5.0)].mean() > 0.9


@pytest.mark.parametrize(
    ("level", "filled"), [(200.0, True), (-80.0, True), (-600.0, False)], ids=["marrow", "fatty marrow", "gas"]
)
def test_holes_are_filled_where_they_hold_marrow(level, filled):
    hu = np.full(SHAPE, 40.0, np.float32)
    ring = column(30, 30, 12.0) & ~column(30, 30, 7.0)
    inside = column(30, 30, 6.0)
    hu[ring], hu[column(30, 30, 7.0)] = 500.0, level
    made = fill_marrow(ring, hu, SPACING)
    assert (made[inside].mean() > 0.9) == filled


def test_the_room_between_the_hips_is_no_marrow():
    hu = np.full(SHAPE, 40.0, np.float32)
    ring = column(30, 30, 26.0) & ~column(30, 30, 22.0)
    hu[ring] = 500.0
    assert not fill_marrow(ring, hu, SPACING)[:, 30, 30].any()


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 200))
def test_filling_only_adds(seed):
    rng = np.random.default_rng(seed)
    bone = rng.random((3, 25, 25)) > 0.8
    hu = rng.normal(100, 100, bone.shape).astype(np.float32)
    hu[bone] = 400.0
    assert (fill_marrow(bone, hu, SPACING) | ~bone).all()


def test_in_an_angiogram_a_flat_lumen_beside_the_bone_is_blood():
    hu = tissue()
    bone = vertebrae(hu)
    hu[column(15, 30, 9.0)] = 400.0
    beside = np.zeros(SHAPE, dtype=bool)
    beside[:, 35:39, 24:36] = True
    hu[beside] = 420.0
    contrast = find_contrast(hu, WHOLE, SPACING)
    found = find_bone(hu, WHOLE, contrast, SPACING)
    assert contrast[beside].mean() > 0.9
    assert found[beside & ~bone].mean() < 0.05
    assert found[bone & (hu > 550)].mean() > 0.6
