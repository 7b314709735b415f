"""Sums that do not depend on the order."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calciscope.measure.voxels.sums import grouped, rounded, run_limbs

seeds = st.integers(0, 2**32 - 1).map(np.random.default_rng)


@settings(max_examples=80, deadline=None)
@given(seeds, st.sampled_from(["int16", "uint16", "float32", "float64"]))
def test_the_sum_is_the_exact_one_rounded_once_in_any_order(random, kind):
    count = int(random.integers(1, 200))
    values = random.uniform(0 if kind == "uint16" else -1000, 3000, count).astype(kind)
    if kind == "float64":
        # What is finer than 2**-52 is rounded away in each value.
        values = np.rint(values * 2.0**40) * 2.0**-40
    group = np.sort(random.integers(-1, 3, count))
    first = np.concatenate([[0], np.flatnonzero(np.diff(group)) + 1])
    found = rounded(grouped(run_limbs(values, first), group[first], 3))
    assert found.tolist() == [math.fsum(map(float, values[group == one])) for one in range(3)]
    order = random.permutation(count)
    each = np.arange(count)
    assert rounded(grouped(run_limbs(values[order], each), group[order], 3)).tolist() == found.tolist()


def test_many_small_parts_are_not_lost():
    values = np.full(100_000, 0.1, dtype=np.float32)
    start = np.zeros(1, dtype=np.intp)
    (total,) = rounded(grouped(run_limbs(values, start), start, 1))
    assert total == math.fsum(map(float, values))
    assert total == pytest.approx(10_000.000149, abs=1e-5)


def test_runs_that_belong_to_no_group_do_not_count():
    limbs = run_limbs(np.array([5, 7, 11], dtype=np.int16), np.array([0, 1, 2]))
    assert grouped(limbs, np.array([0, -1, 0]), 2).tolist() == [[16.0, 0.0]]
