"""The region of a deposit: what it holds, whatever was drawn."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calciscope.errors import InputError
from calciscope.measure.integration.region import region_of
from tests.measure.cylinders import Cylinder, Scanner, drawn, found, noiseless, scan

QUIET = Scanner(noise=0.0)
INSERT = Cylinder(4.0, 6.0, 0.4)


def test_the_region_is_the_core_and_the_reach_of_the_blur():
    """A cylinder of 4 mm over two slices and a part of two more: 2 mm further in each of its slices and one beyond."""
    region = region_of(noiseless([INSERT], QUIET), drawn(INSERT, QUIET), QUIET.spacing)
    across = np.pi * (2.0 + 2.0) ** 2 / 0.25
    assert 3 * across * 0.8 < region.voxels < 5 * across * 1.2
    assert region.background == pytest.approx(50, abs=0.1)
    assert region.note is None


@pytest.mark.parametrize("times", [1.0, 1.5, 2.0, 3.0])
def test_however_generously_it_was_drawn_the_region_is_the_same(times):
    image = noiseless([INSERT], QUIET)
    drawn_tight = region_of(image, found(image, QUIET), QUIET.spacing)
    wide = region_of(image, drawn(INSERT, QUIET, times), QUIET.spacing)
    assert wide.excess == pytest.approx(drawn_tight.excess, rel=0.01)


def test_where_nothing_stands_out_all_that_was_drawn_is_the_core():
    random = np.random.default_rng(0)
    image = scan([], Scanner(), random)
    small = region_of(image, drawn(Cylinder(3, 3, 1), Scanner(), 1.0), Scanner().spacing)
    large = region_of(image, drawn(Cylinder(3, 3, 1), Scanner(), 2.5), Scanner().spacing)
    assert large.voxels > 1.5 * small.voxels
    assert large.sum_error > small.sum_error


@settings(max_examples=25)
@given(st.floats(-400, 400), st.floats(0.2, 5.0))
def test_excess_follows_the_contrast_and_not_the_level(level, times):
    image = noiseless([INSERT], QUIET)
    voxels = found(image, QUIET)
    base = region_of(image, voxels, QUIET.spacing)
    if 50 + level > -25:
        other = region_of(50 + level + times * (image - 50), voxels, QUIET.spacing)
        assert other.excess == pytest.approx(times * base.excess, rel=1e-3)
        assert other.background == pytest.approx(50 + level, abs=0.5)


def test_a_plateau_is_seen_in_a_large_deposit_and_not_in_a_small_one():
    large, small = Cylinder(8.0, 12.0, 0.4), Cylinder(2.5, 3.0, 0.4)
    seen = [
        region_of(image, drawn(one, QUIET), QUIET.spacing)
        for one in (large, small)
        for image in (noiseless([one], QUIET),)
    ]
    assert seen[0].plateau.mean() == pytest.approx(50 + 0.4 / 0.00075, rel=0.02)
    assert len(seen[1].plateau) == 0


def test_deposits_side_by_side_share_no_voxel():
    left, right = Cylinder(3, 6, 0.5, (0, 0, -2.5)), Cylinder(3, 6, 0.5, (0, 0, 2.5))
    image = noiseless([left, right], QUIET)
    masks = [drawn(one, QUIET, 1.2) for one in (left, right)]
    both = np.zeros(image.shape, dtype=bool)
    for mask in masks:
        both[tuple(mask.T)] = True
    parts = [region_of(image, mask, QUIET.spacing, others=both) for mask in masks]
    assert sum(part.excess for part in parts) * 0.75 * 0.00075 == pytest.approx(left.mass + right.mass, rel=0.02)
    assert parts[0].excess == pytest.approx(parts[1].excess, rel=0.05)


def test_lung_is_never_the_tissue_that_a_deposit_lies_in():
    image = noiseless([INSERT], Scanner(body=-850.0, noise=0.0))
    region = region_of(image, drawn(INSERT, QUIET, 1.2), QUIET.spacing)
    assert region.background == -100
    assert "fat is all around" in region.note
    assert region.excess < 1.2 * region_of(noiseless([INSERT], QUIET), drawn(INSERT, QUIET), QUIET.spacing).excess


def test_the_edge_of_the_image_is_no_error():
    image = noiseless([INSERT], QUIET)
    cut = image[3:, 24:, 24:]
    corner = found(image, QUIET) - np.array([3, 24, 24])
    corner = corner[(corner >= 0).all(axis=1)]
    region = region_of(cut, corner, QUIET.spacing)
    assert region.background == pytest.approx(50, abs=1)
    assert region.excess > 0


@pytest.mark.parametrize("spacing", [(3.0, 0.5, -0.5), (float("nan"), 0.5, 0.5), (3.0, 0.5, float("inf"))])
def test_a_spacing_that_cannot_be_is_refused(spacing):
    image = noiseless([INSERT], QUIET)
    with pytest.raises(InputError, match="no volume"):
        region_of(image, found(image, QUIET), spacing)
