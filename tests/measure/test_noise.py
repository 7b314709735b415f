"""The noise of an image, measured in it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from calciscope.measure.uncertainty.noise import Noise, image_noise
from tests.measure.lesions import noise_field

SPACING = (3.0, 0.5, 0.5)


def tissue(sd: float, shape=(12, 96, 96), smooth: float = 0.0, across: float = 0.0, seed: int = 1):
    """Soft tissue of 45 HU with noise; ``smooth`` and ``across`` are Gaussian filters, voxels."""
    field = np.random.default_rng(seed).normal(size=shape)
    field = ndimage.gaussian_filter(field, (across, smooth, smooth), mode="wrap")
    return 45 + sd * field / field.std()


@given(sd=st.floats(3, 40), seed=st.integers(0, 1000))
def test_white_noise_is_measured_within_five_per_cent(sd, seed):
    found = image_noise(np.rint(tissue(sd, seed=seed)).astype(np.int16), SPACING)
    assert found.sd == pytest.approx(sd, rel=0.05)
    assert found.in_plane_mm < 0.3
    assert found.between_mm == 0.0


def test_the_length_is_where_a_gaussian_correlation_falls_to_one_in_e():
    found = image_noise(tissue(15, shape=(24, 128, 128), smooth=0.8, across=0.7), SPACING)
    assert found.sd == pytest.approx(15, rel=0.06)
    assert found.in_plane_mm == pytest.approx(2 * 0.8 * 0.5, rel=0.15)
    assert found.between_mm == pytest.approx(2 * 0.7 * 3.0, rel=0.15)


def test_noise_of_filtered_back_projection_is_measured_too():
    field = noise_field((12, 96, 96), SPACING, 0.5, np.random.default_rng(3))
    assert image_noise(45 + 20 * field, SPACING).sd == pytest.approx(20, rel=0.1)


def test_anatomy_does_not_count_as_noise():
    """Half of the image is bone, lung, edges and texture; the rest and a slow change of tissue carry the noise."""
    image = tissue(12, shape=(16, 128, 128))
    image += np.linspace(-20, 20, 128)
    rows, columns = np.indices((128, 128))
    image[:, :30] = -850 + 30 * np.sin(columns[:30])
    image[:, 30:45, ::9] += 400
    image[:, 45:70] += 40 * np.sin(rows[45:70] / 2)
    assert image_noise(image, SPACING).sd == pytest.approx(12, rel=0.12)


def test_near_a_place_its_own_noise_counts():
    image = tissue(8, shape=(10, 260, 260))
    image[:, :, 130:] = tissue(25, shape=(10, 260, 130), seed=2)
    assert image_noise(image, SPACING, near=(5, 130, 60)).sd == pytest.approx(8, rel=0.1)
    assert image_noise(image, SPACING, near=(5, 130, 200)).sd == pytest.approx(25, rel=0.1)


def test_a_place_without_soft_tissue_takes_the_whole_image():
    image = tissue(10, shape=(10, 300, 300))
    image[:, :, 150:] = -900
    assert image_noise(image, SPACING, near=(5, 150, 290)).sd == pytest.approx(10, rel=0.1)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_slices_may_lie_along_any_axis(axis):
    image = tissue(15, shape=(14, 80, 80), smooth=0.8)
    spacing = list(SPACING[1:])
    spacing.insert(axis, SPACING[0])
    turned = image_noise(np.moveaxis(image, 0, axis), tuple(spacing), slice_axis=axis)
    assert turned == image_noise(image, SPACING)


@given(shift=st.integers(-20, 20), scale=st.sampled_from([0.5, 1.0, 2.0]))
def test_noise_follows_the_scale_of_the_values_and_not_their_level(shift, scale):
    base = tissue(10)
    changed = 45 + shift + scale * (base - 45)
    assert image_noise(changed, SPACING).sd == pytest.approx(scale * image_noise(base, SPACING).sd, rel=0.02)


def test_an_image_without_noise_has_none():
    assert image_noise(np.full((8, 40, 40), 45, np.int16), SPACING).sd == 0.0


def test_a_small_crop_is_enough():
    assert image_noise(tissue(15, shape=(40, 40, 40)), SPACING).sd == pytest.approx(15, rel=0.1)


@pytest.mark.parametrize(
    "image",
    [
        np.full((8, 40, 40), -1000),
        np.full((8, 40, 40), 1500),
        np.full((8, 5, 5), 40),
        np.zeros((0, 40, 40)),
        np.full((8, 40, 40), np.nan),
    ],
    ids=["air", "bone", "too-small", "empty", "not-numbers"],
)
def test_without_soft_tissue_there_is_no_answer(image):
    assert image_noise(image, SPACING) is None


def test_the_same_image_has_the_same_noise():
    image = tissue(20)
    first = image_noise(image, SPACING)
    assert isinstance(first, Noise)
    assert first == image_noise(image.copy(), SPACING)
