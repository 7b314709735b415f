"""Connected components by runs against labelling whole arrays."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from calciscope.measure.voxels.runs import components, find_runs, join

seeds = st.integers(0, 2**32 - 1).map(np.random.default_rng)
RULES = [(2, 4), (2, 8), (3, 6), (3, 18), (3, 26)]


def theirs(mask, slice_axis, dimension, neighbours):
    structure = ndimage.generate_binary_structure(3, {4: 1, 8: 2, 6: 1, 18: 2, 26: 3}[neighbours])
    if dimension == 2:
        for side in (0, 2):
            np.moveaxis(structure, slice_axis, 0)[side] = False
    return ndimage.label(mask, structure)[0]


def same_parts(one, other):
    return (
        len(set(zip(one.tolist(), other.tolist(), strict=True))) == len(set(one.tolist())) == len(set(other.tolist()))
    )


@settings(max_examples=120, deadline=None)
@given(seeds, st.sampled_from(RULES), st.integers(0, 2), st.booleans())
def test_components_agree_with_labelling_the_whole_array(random, rule, slice_axis, shuffled):
    mask = random.random(tuple(random.integers(1, 9, 3))) < random.uniform(0.1, 0.8)
    mask.flat[0] = True
    voxels = np.argwhere(mask)
    if shuffled:
        voxels = random.permutation(voxels)
    ours = components(voxels, slice_axis, *rule)
    assert same_parts(ours, theirs(mask, slice_axis, *rule)[tuple(voxels.T)])


@settings(max_examples=80, deadline=None)
@given(seeds, st.sampled_from(RULES), st.integers(0, 2))
def test_labels_are_never_joined(random, rule, slice_axis):
    labels = random.integers(0, 4, (4, 6, 7))
    labels.flat[0] = 1
    voxels = np.argwhere(labels)
    given_labels = labels[labels != 0]
    runs = find_runs(voxels, given_labels, slice_axis)
    number = np.repeat(join(runs, *rule), runs.length)
    whole = np.zeros(len(voxels), dtype=int)
    for label in (1, 2, 3):
        part = theirs(labels == label, slice_axis, *rule)[labels != 0]
        whole[part > 0] = part[part > 0] + 1000 * label
    assert same_parts(number, whole if runs.order is None else whole[runs.order])


@settings(max_examples=40, deadline=None)
@given(seeds)
def test_runs_cover_every_voxel_once_and_lie_in_one_row(random):
    voxels = random.permutation(np.argwhere(random.random((3, 6, 9)) < 0.5))
    if not len(voxels):
        return
    runs = find_runs(voxels, None, 0)
    assert runs.length.sum() == len(voxels)
    ordered = voxels if runs.order is None else voxels[runs.order]
    for first, length in zip(runs.first, runs.length, strict=True):
        run = ordered[first : first + length]
        assert (np.diff(run, axis=0) == [0, 0, 1]).all()
    assert len(runs.taken(runs.length > 1).first) == int((runs.length > 1).sum())


def test_no_voxels_and_voxels_that_touch_nothing():
    assert components(np.zeros((0, 3), dtype=int), 0, 2, 8).shape == (0,)
    row = np.array([[0, 0, x] for x in range(5)])
    assert components(row, 0, 2, 0).tolist() == [0, 1, 2, 3, 4]
    assert components(row, 0, 2, 4).tolist() == [0] * 5


@pytest.mark.parametrize("neighbours", [6, 26])
@pytest.mark.parametrize("voxels", [[[0, 0, 3], [0, 1, 0], [0, 3, 3], [1, 3, 0]], [[0, 3, 3], [1, 0, 0], [1, 0, 3]]])
def test_the_end_of_a_row_and_of_a_slice_touch_nothing_beyond(neighbours, voxels):
    assert len(set(components(np.array(voxels), 0, 3, neighbours).tolist())) == len(voxels)
