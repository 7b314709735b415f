"""The voxels that a score needs, taken from a volume and a mask."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calciscope.measure.voxels import dense
from calciscope.measure.voxels.dense import calcified, labels_in

seeds = st.integers(0, 2**32 - 1).map(np.random.default_rng)
TYPES = ("int16", "int32", "uint16", "float32", "float64", "int8", "uint8")
MASKS = ("bool", "uint8", "int16", "int32", "uint32", "int64", None)


@settings(max_examples=120, deadline=None)
@given(
    seeds,
    st.sampled_from(TYPES),
    st.sampled_from(MASKS),
    st.permutations([0, 1, 2]),
    st.tuples(*[st.booleans()] * 3),
    st.sampled_from([None, 130.0, 99.5, 197.35, -5.0, 1e6]),
    st.booleans(),
)
def test_it_takes_what_comparing_everything_takes(random, kind, mask_kind, axes, flips, threshold, strict):
    """Whatever the types, the layout in memory, the number of voxels and the size of a slab."""
    shape = tuple(random.integers(1, 9, 3))
    low, high = (0, 250) if kind == "uint8" else (-120, 127) if kind == "int8" else (0, 400)
    drawn = random.uniform(low, high, shape) if "float" in kind else random.integers(low, high, shape)
    turn = tuple(slice(None, None, -1 if flip else 1) for flip in flips)
    hu = drawn.astype(kind).transpose(axes)[turn]
    labels = random.integers(0, random.integers(1, 5), shape).transpose(axes)[turn]
    mask = None if mask_kind is None else labels.astype(mask_kind)
    before, dense._SLAB = dense._SLAB, int(random.integers(1, 200))
    try:
        found = calcified(hu, mask, threshold, strict)
    finally:
        dense._SLAB = before
    exact = hu.astype(np.float64)
    wanted = np.ones(hu.shape, dtype=bool) if mask is None else mask != 0
    if threshold is not None:
        wanted &= exact > threshold if strict else exact >= threshold
    seen = np.zeros(hu.shape, dtype=int)
    np.add.at(seen, tuple(found.voxels.T), 1)
    assert np.array_equal(seen, wanted.astype(int))
    assert found.hu.dtype == hu.dtype
    assert np.array_equal(found.hu, hu[tuple(found.voxels.T)])
    assert np.array_equal(found.labels, np.ones(len(found.hu)) if mask is None else mask[tuple(found.voxels.T)])


def test_a_threshold_between_two_float32_values_is_not_rounded():
    at = np.float32(130.1)
    hu = np.full((1, 1, 1), at)
    between = float(np.nextafter(at, np.float32(0))) / 2 + float(at) / 2
    assert len(calcified(hu, None, between).hu) == 1
    assert len(calcified(hu, None, between, strict=True).hu) == 1
    above = float(np.nextafter(at, np.float32(1e6))) / 2 + float(at) / 2
    assert len(calcified(hu, None, above).hu) == len(calcified(hu, None, above, strict=True).hu) == 0
    assert len(calcified(hu, None, float(at)).hu) == 1
    assert len(calcified(hu, None, float(at), strict=True).hu) == 0


def test_not_a_number_is_never_taken():
    hu = np.array([[[np.nan, 200.0, 50.0]]], dtype=np.float32)
    assert calcified(hu, None, 130.0).hu.tolist() == [200.0]
    assert calcified(hu, np.ones((1, 1, 3), dtype=bool), None).hu.tolist() == [200.0, 50.0]


def test_wrong_shapes_and_types_are_refused():
    hu = np.zeros((2, 3, 4), dtype=np.int16)
    with pytest.raises(ValueError, match="three axes"):
        calcified(hu[0], None, 130.0)
    with pytest.raises(ValueError, match=r"the mask is \(2, 3, 3\)"):
        calcified(hu, np.ones((2, 3, 3), dtype=np.uint8), 130.0)
    with pytest.raises(ValueError, match="not float32"):
        calcified(hu, np.ones(hu.shape, dtype=np.float32), 130.0)


@settings(max_examples=60, deadline=None)
@given(seeds, st.sampled_from([kind for kind in MASKS if kind]), st.permutations([0, 1, 2]))
def test_the_labels_of_a_mask_are_its_numbers_but_zero(random, kind, axes):
    mask = random.integers(0, random.integers(1, 9), tuple(random.integers(1, 9, 3))).astype(kind).transpose(axes)
    assert labels_in(mask).tolist() == [int(one) for one in np.unique(mask) if one]
