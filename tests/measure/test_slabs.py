"""Thin slices put together to slabs, and masks with them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calciscope.domain.image import Acquisition, Geometry, Volume
from calciscope.measure.agatston import Stack, volume_scores
from calciscope.measure.presets import preset
from calciscope.measure.voxels.slabs import averaged, averaged_labels, prepared, slabs

THIN = preset("standard-3mm")
seeds = st.integers(0, 2**32 - 1).map(np.random.default_rng)


def scan(hu, increment, axis=0, thickness=None, **said):
    spacing = [0.5, 0.5, 0.5]
    spacing[axis] = increment
    return Volume(
        hu,
        Geometry(hu.shape, tuple(spacing), origin=(10.0, 20.0, 30.0)),
        Acquisition(kvp=120.0, slice_axis=axis, slice_thickness=thickness, increment=increment, **said),
    )


def block(slices, start, stop, hu=320, rows=12):
    volume = np.full((slices, rows, rows), 40, dtype=np.int16)
    volume[start:stop, 4:8, 4:8] = hu
    return volume


@pytest.mark.parametrize(
    ("increment", "each"),
    [(0.5, 6), (0.6, 5), (0.625, 5), (0.75, 4), (1.0, 3), (1.25, 3), (1.5, 2), (2.0, 2), (2.4, 2)],
)
def test_the_fewest_slices_that_reach_three_millimetres(increment, each):
    how = slabs(scan(block(60, 24, 36), increment), THIN)
    assert (how.each, how.count) == (each, 60 // each)
    assert increment * how.each >= 3.0 - 1e-9
    assert increment * (how.each - 1) < 3.0


@pytest.mark.parametrize(
    ("increment", "thickness", "slices"),
    [(2.5, None, 60), (3.0, 3.0, 60), (1.5, 3.0, 60), (10.0, 1.0, 60), (1.0, 1.0, 2)],
)
def test_slices_that_are_not_thin_or_fill_no_slab_stay(increment, thickness, slices):
    assert slabs(scan(block(slices, 0, 1), increment, thickness=thickness), THIN) is None
    thin = scan(block(60, 0, 1), 1.0)
    assert slabs(thin, preset("standard")) is None
    assert prepared(thin, preset("standard")) is thin
    assert prepared(thin, THIN).hu.shape == (20, 12, 12)


def test_a_slab_is_the_mean_and_lies_in_the_middle_of_its_slices():
    hu = np.arange(7, dtype=np.int16)[:, None, None] * np.ones((1, 4, 5), dtype=np.int16) * 100
    volume = scan(hu, 1.0, missing_slices=(0, 4), description="thin")
    how = slabs(volume, THIN)
    # Seven slices: two slabs of three; one slice has to go, and the darker end loses it.
    assert (how.first, how.count, how.left_out) == (1, 2, 1)
    mean = averaged(volume, how)
    assert mean.hu.dtype == np.float32
    assert mean.hu[:, 0, 0].tolist() == [200.0, 500.0]
    assert mean.geometry.spacing == (3.0, 0.5, 0.5)
    assert mean.geometry.to_mm((0.0, 0.0, 0.0)).tolist() == volume.geometry.to_mm((2.0, 0.0, 0.0)).tolist()
    assert (mean.acquisition.increment, mean.acquisition.slice_thickness) == (3.0, 3.0)
    assert mean.acquisition.missing_slices == (1,)
    said = "3 slices each of 1 mm were averaged to 3 mm, 1 slice at the ends left out"
    assert mean.acquisition.resampled == said
    assert mean.acquisition.description == "thin"


def test_the_same_object_scores_the_same_when_its_slabs_hold_it_whole():
    score_of = []
    for increment, slices, start, stop in ((3.0, 10, 3, 6), (1.5, 20, 6, 12), (1.0, 30, 9, 18), (0.5, 60, 18, 36)):
        volume = scan(block(slices, start, stop), increment)
        how = slabs(volume, THIN)
        thick = volume if how is None else averaged(volume, how)
        stack = Stack(thick.geometry.spacing)
        score_of.append(volume_scores(thick.hu, None, stack, THIN.threshold(120.0), THIN).total)
    assert score_of == [score_of[0]] * 4
    assert score_of[0][0] == 4.0 * 3 * 3


def test_averaging_takes_noise_out_of_the_score_of_thin_slices():
    random = np.random.default_rng(3)
    noisy = np.rint(random.normal(40, 60, (60, 60, 60))).astype(np.int16)
    volume = scan(noisy, 0.5)
    thick = averaged(volume, slabs(volume, THIN))
    threshold = THIN.threshold(120.0)
    before = volume_scores(noisy, None, Stack(volume.geometry.spacing), threshold, THIN).total[0]
    after = volume_scores(thick.hu, None, Stack(thick.geometry.spacing), threshold, THIN).total[0]
    assert before > 10.0
    assert after == 0.0


@settings(max_examples=60, deadline=None)
@given(seeds, st.integers(0, 2), st.tuples(*[st.booleans()] * 3), st.sampled_from([0.5, 0.75, 1.0, 1.5]), st.booleans())
def test_turning_the_stack_turns_the_slabs_and_changes_no_digit(random, axis, flips, increment, whole):
    shape = [6, 7, 8]
    shape[axis] = int(random.integers(2, 40))
    hu = random.integers(-50, 900, shape).astype(np.int16)
    if not whole:
        hu = (hu * np.float32(0.37)).astype(np.float32)
    labels = random.integers(0, 4, shape).astype(np.uint8)
    turn = tuple(slice(None, None, -1 if flip else 1) for flip in flips)
    volume, turned = scan(hu, increment, axis), scan(hu[turn].copy(), increment, axis)
    how, other = slabs(volume, THIN), slabs(turned, THIN)
    if how is None:
        assert other is None
        return
    assert np.array_equal(averaged(volume, how).hu[turn], averaged(turned, other).hu)
    assert np.array_equal(averaged_labels(labels, how)[turn], averaged_labels(labels[turn], other))


@settings(max_examples=60, deadline=None)
@given(seeds, st.integers(0, 2))
def test_a_slab_has_the_label_that_most_of_its_slices_carry(random, axis):
    shape = [3, 4, 5]
    shape[axis] = 9
    labels = random.integers(0, 4, shape).astype(np.int16)
    how = slabs(scan(np.zeros(shape, dtype=np.int16), 1.0, axis), THIN)
    got = averaged_labels(labels, how)
    for index in np.ndindex(got.shape):
        where = [slice(one, one + 1) for one in index]
        where[axis] = slice(index[axis] * 3, index[axis] * 3 + 3)
        votes = np.bincount(labels[tuple(where)].ravel(), minlength=4)[1:]
        assert got[index] == (votes.argmax() + 1 if votes.any() else 0)


def test_flags_stay_where_any_slice_has_them():
    mask = np.zeros((6, 2, 2), dtype=bool)
    mask[2, 0, 0] = True
    got = averaged_labels(mask, slabs(scan(np.zeros(mask.shape, dtype=np.int16), 1.0), THIN))
    assert got.tolist() == [[[1, 0], [0, 0]], [[0, 0], [0, 0]]]
