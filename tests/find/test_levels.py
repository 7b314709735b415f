"""Thresholds and noise."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from calciscope.find.levels import block_mean, hot_voxels, levels, noise_map
from calciscope.find.scene import scene
from tests.find.body import SHAPE, Body


@settings(max_examples=15)
@given(st.floats(4.0, 45.0), st.integers(0, 5))
def test_the_noise_map_measures_the_noise(sd, seed):
    hu = np.rint(np.random.default_rng(seed).normal(40.0, sd, (2, 96, 96))).astype(np.int16)
    noise, tissue, _ = noise_map(hu)
    # The larger of two estimates is a little too large.
    assert np.median(noise) == pytest.approx(1.05 * sd, rel=0.15, abs=0.6)
    assert np.median(tissue) == pytest.approx(40 + 0.67 * sd, rel=0.15, abs=2)


@pytest.mark.parametrize("pixel", [0.35, 0.5, 1.0])
def test_fine_pixels_do_not_hide_the_noise_of_their_kernel(pixel):
    # The noise of one kernel on the same patient: alike over a millimetre, whatever the pixels.
    rng = np.random.default_rng(3)
    size = round(100.0 / pixel)
    smooth = ndimage.gaussian_filter(rng.normal(0.0, 1.0, (3, size, size)), (0.0, 0.5 / pixel, 0.5 / pixel))
    hu = np.rint(40.0 + 20.0 * smooth / smooth.std()).astype(np.int16)
    noise, _, side = noise_map(hu, pixel)
    assert np.median(noise) == pytest.approx(20.0, rel=0.2)
    assert 12.0 <= side * pixel <= 17.0 or side == 16


def test_edges_of_tissue_are_no_noise():
    hu = np.random.default_rng(0).normal(0.0, 10.0, (1, 96, 96))
    hu[:, 40:] += 50.0
    hu[:, :40] -= 100.0
    assert np.median(noise_map(hu.astype(np.int16))[0]) == pytest.approx(10.0, rel=0.2)


@pytest.mark.parametrize("axis", [1, 2])
def test_streaks_are_noise_in_either_direction(axis):
    rng = np.random.default_rng(0)
    shape = [1, 96, 96]
    shape[3 - axis] = 1
    streaks = np.broadcast_to(rng.normal(0, 30.0, shape), (1, 96, 96))
    assert np.median(noise_map((40 + streaks).astype(np.int16))[0]) > 20.0


def test_air_has_no_noise_of_its_own():
    noise, tissue, _ = noise_map(np.full((1, 40, 40), -1000, dtype=np.int16))
    assert np.isfinite(noise).all()
    assert np.isfinite(tissue).all()


def level_of(body):
    view = scene(*body.made())
    return view, levels(view, 130.0)


def test_without_contrast_the_threshold_counts_everywhere():
    body = Body()
    view, level = level_of(body)
    assert not level.enhanced
    assert level.floor == level.threshold == 130.0
    hot = hot_voxels(view, level, np.zeros(view.hu.shape, dtype=bool))
    assert np.array_equal(hot, (view.hu >= 130) & view.inside)


@pytest.mark.parametrize("hu", [120.0, 250.0, 450.0])
def test_contrast_raises_the_floor_above_blood(hu):
    body = Body()
    lumen = body.artery((50, 80), 10, hu=hu)
    body.enhanced(hu)
    view, level = level_of(body)
    assert level.enhanced
    assert level.floor > hu
    assert level.blood >= hu
    hot = hot_voxels(view, level, np.zeros(view.hu.shape, dtype=bool))
    whole = np.zeros(SHAPE, dtype=bool)
    box = tuple(slice(s, s + n) for s, n in zip(view.start, view.hu.shape, strict=True))
    whole[box] = hot
    assert whole[lumen].mean() < 0.02
    assert whole[body.masks["bone"]].mean() > 0.5


def test_contrast_is_seen_in_an_organ_where_no_vessel_was_sampled():
    body = Body(region="abdomen")
    liver = body.ellipse((40, 40), (20, 20))
    body.put(liver, 130.0)
    body.masks["liver"] = liver
    assert level_of(body)[1].enhanced
    body.put(liver, 55.0)
    assert not level_of(body)[1].enhanced


def test_block_means():
    hu = np.arange(2 * 4 * 6, dtype=np.int16).reshape(2, 4, 6)
    mean = block_mean(hu, (1, 2, 3))
    assert mean.shape == (2, 2, 2)
    assert mean[0, 0, 0] == hu[0, :2, :3].mean()
