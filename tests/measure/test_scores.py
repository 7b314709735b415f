"""Many labels at once: as one label at a time, as whole arrays labelled slice by slice, and every rule of a preset."""

from __future__ import annotations

import math
import sys
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from calciscope.measure.agatston import Stack, score, scores, volume_scores
from calciscope.measure.presets import Formula, Prefilter, preset, presets
from calciscope.measure.voxels.dense import calcified
from tests.measure.make import Case, block

STANDARD = preset("standard")
AT_120 = STANDARD.threshold(120.0)
STACK = Stack((3.0, 0.5, 0.5))
seeds = st.integers(0, 2**32 - 1).map(np.random.default_rng)


def drawn(random, labels=4, kind="int16"):
    shape = (5, 9, 10)
    hu = random.integers(60, 620, shape).astype(kind)
    return hu, random.integers(0, labels, shape).astype(np.uint8)


def rule_with(**changes):
    islands = STANDARD.islands.model_copy(update=changes.pop("islands", {}))
    return STANDARD.model_copy(update={"islands": islands, **changes})


def by_hand(hu, mask, label, stack):
    """The default rule the long way: each slice labelled, each island looked at."""
    total = 0.0
    for image, inside in zip(hu, mask == label, strict=True):
        number, count = ndimage.label((image >= 130) & inside, structure=np.ones((3, 3)))
        for island in range(1, count + 1):
            area = (number == island).sum() * stack.pixel_mm2
            if area >= 1.0:
                grade = np.searchsorted([130, 200, 300, 400], image[number == island].max(), side="right")
                total += area * grade * stack.increment / 3.0
    return total


@settings(max_examples=60, deadline=None)
@given(seeds, st.sampled_from(["int16", "float32"]))
def test_every_label_scores_as_when_each_slice_is_labelled(random, kind):
    hu, mask = drawn(random, kind=kind)
    got = volume_scores(hu, mask, STACK, AT_120, STANDARD, of=np.arange(1, 6))
    assert got.agatston == pytest.approx([by_hand(hu, mask, label, STACK) for label in range(1, 6)])
    assert got.label.tolist() == [1, 2, 3, 4, 5]


@settings(max_examples=80, deadline=None)
@given(seeds, st.sampled_from(sorted(presets())), st.booleans())
def test_labels_together_score_as_one_at_a_time_to_the_last_digit(random, name, shuffled):
    hu, mask = drawn(random, kind="float32" if shuffled else "int16")
    rule = preset(name)
    threshold = rule.threshold(120.0)
    stack = Stack((1.5, 0.6, 0.7), 0, 3.0)
    taken = calcified(hu, mask, None)
    order = random.permutation(len(taken.hu)) if shuffled else np.arange(len(taken.hu))
    voxels, values, labels = (one[order] for one in taken)
    together = scores(voxels, values, labels, stack, threshold, rule)
    for index, label in enumerate(together.label):
        one = score(voxels[labels == label], values[labels == label], stack, threshold, rule)
        each = (together.agatston[index], together.volume[index], together.mass[index])
        assert np.array_equal(each, (one.agatston, one.volume, one.mass), equal_nan=True)
        share = together.share()[labels == label]
        assert np.array_equal(share, one.share, equal_nan=True)
    assert set(together.islands.label.tolist()) <= set(together.label.tolist())
    if rule.rounding == "none" and not np.isnan(together.agatston).any():
        assert together.total == pytest.approx((together.agatston.sum(), together.volume.sum(), together.mass.sum()))


@settings(max_examples=40, deadline=None)
@given(seeds, st.sampled_from(sorted(presets())))
def test_taking_only_what_the_preset_needs_changes_nothing(random, name):
    hu, mask = drawn(random)
    rule = preset(name)
    threshold = rule.threshold(120.0)
    everything = calcified(hu, mask, None)
    wanted = np.arange(1, 4)
    whole = scores(*everything, STACK, threshold, rule, of=wanted)
    fast = volume_scores(hu, mask, STACK, threshold, rule, of=wanted)
    assert np.array_equal(whole.agatston, fast.agatston, equal_nan=True)
    assert whole.mass.tolist() == fast.mass.tolist()


def test_labels_that_touch_are_islands_of_their_own():
    hu = np.full((1, 3, 6), 250, dtype=np.int16)
    mask = np.array([[[1, 1, 1, 2, 2, 2]] * 3], dtype=np.uint8)
    got = volume_scores(hu, mask, STACK, AT_120, STANDARD)
    assert got.agatston.tolist() == [4.5, 4.5]
    assert got.islands.label.tolist() == [1, 2]
    assert got.total == (9.0, 13.5, pytest.approx(13.5 * 250 * AT_120.mass_factor))
    # Three pixels of 0.25 mm2 each side are no island, though the six together are.
    assert volume_scores(hu[:, :1], mask[:, :1], STACK, AT_120, STANDARD).agatston.tolist() == [0.0, 0.0]


def test_no_calcium_and_no_voxels():
    hu = np.full((2, 3, 4), 50, dtype=np.int16)
    mask = np.ones(hu.shape, dtype=np.int32)
    got = volume_scores(hu, mask, STACK, AT_120, STANDARD, of=np.array([1, 8]))
    assert (got.agatston.tolist(), got.volume.tolist(), got.mass.tolist()) == ([0, 0], [0, 0], [0, 0])
    assert len(volume_scores(hu, mask, STACK, AT_120, STANDARD).label) == 0
    assert volume_scores(hu, None, STACK, AT_120, STANDARD).total == (0.0, 0.0, 0.0)
    with pytest.raises(ValueError, match="not among those asked for"):
        volume_scores(hu + 200, mask, STACK, AT_120, STANDARD, of=np.array([2]))


def test_five_thousand_labels_are_scored_without_mixing_them():
    hu = np.zeros((10, 200, 200), dtype=np.int16)
    mask = np.zeros(hu.shape, dtype=np.int32)
    number = 0
    for z in range(0, 10, 2):
        for y in range(0, 198, 6):
            for x in range(0, 198, 6):
                number += 1
                hu[z, y : y + 3, x : x + 3] = 130 + number % 400
                mask[z, y : y + 4, x : x + 4] = number
    got = volume_scores(hu, mask, STACK, AT_120, STANDARD)
    graded = np.searchsorted([130, 200, 300, 400], 130 + got.label % 400, side="right")
    assert len(got.label) == number == 5445
    assert got.agatston.tolist() == (graded * 9 * 0.25).tolist()


def lesions(count):
    """A volume of 96 x 256 x 256 with so many blocks, and a label for each."""
    random = np.random.default_rng(4)
    hu = np.full((96, 256, 256), 40, dtype=np.int16)
    mask = np.zeros(hu.shape, dtype=np.int16)
    for label, (z, y, x) in enumerate(zip(*(random.integers(0, size - 5, count) for size in hu.shape), strict=True)):
        hu[z : z + 2, y : y + 4, x : x + 4] = random.integers(150, 700)
        mask[z : z + 2, y : y + 4, x : x + 4] = label + 1
    return hu, mask


def test_nothing_is_called_a_lesion_or_a_label_at_a_time():
    calls = []
    for count in (50, 2000):
        hu, mask = lesions(count)
        seen = 0

        def counting(_frame, event, _argument):
            nonlocal seen
            seen += event in ("call", "c_call")

        before = sys.getprofile()
        sys.setprofile(counting)
        try:
            volume_scores(hu, mask, STACK, AT_120, STANDARD)
        finally:
            sys.setprofile(before)
        calls.append(seen)
    assert calls[1] < 1.2 * calls[0] < 5000


def test_nothing_of_the_size_of_the_volume_is_allocated():
    hu, mask = lesions(50)
    tracemalloc.start()
    try:
        volume_scores(hu, mask, STACK, AT_120, STANDARD)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < hu.nbytes / 2


def scored(voxels, rule, stack=STACK, kvp=120.0):
    index, values = np.array(list(voxels)), np.array(list(voxels.values()))
    return score(index, values, stack, rule.threshold(kvp), rule)


def test_the_threshold_on_the_maximum_keeps_the_darker_rim():
    ring = block(0, 0, 0, 6, 6, 100) | block(0, 1, 1, 4, 4, 250)
    rule = rule_with(below_threshold="maximum")
    assert (scored(ring, rule).agatston, scored(ring, rule).volume) == (18.0, 27.0)
    assert scored(block(0, 0, 0, 6, 6, 129), rule).volume == 0.0
    assert scored(block(0, 0, 0, 6, 6, 130), rule_with(below_threshold="maximum", strict=True)).volume == 0.0
    assert scored(block(0, 0, 0, 6, 6, 129), rule_with(below_threshold="keep")).volume == 27.0


def test_a_prefilter_drops_small_lesions_in_space_and_may_divide_an_island():
    rule = rule_with(prefilter=Prefilter(neighbours=6, smallest=5))
    four, five = block(0, 0, 0, 2, 2, 250), block(0, 0, 0, 2, 2, 250) | block(1, 0, 0, 1, 1, 250)
    assert scored(four, rule).agatston == 0.0
    # The voxel of the next slice makes the lesion large enough, and is itself no island.
    assert scored(five, rule).agatston == 2.0
    # Joined by a corner in the slice, two lesions in space: the smaller is gone before the island is formed.
    corner = block(0, 0, 0, 3, 3, 250) | block(0, 3, 3, 1, 2, 450)
    assert scored(corner, rule).agatston == 9 * 0.25 * 2
    assert scored(corner, STANDARD).agatston == 11 * 0.25 * 4


def test_smallest_islands_at_above_rounded_and_besides():
    four = block(0, 0, 0, 2, 2, 150)
    assert scored(four, STANDARD).agatston == 1.0
    assert scored(four, rule_with(islands={"exceeds": True})).agatston == 0.0
    assert scored(four, rule_with(islands={"least_pixels": 5})).agatston == 0.0
    three, stack = block(0, 0, 0, 1, 3, 150), Stack((3.0, 0.5, 0.6))
    assert scored(three, STANDARD, stack).agatston == 0.0
    assert scored(three, rule_with(islands={"rounded": True}), stack).agatston == pytest.approx(0.9)
    tall = block(0, 0, 0, 1, 3, 150, slices=2)
    space = {"dimension": 3, "neighbours": 6}
    assert scored(tall, rule_with(islands=space)).agatston == 0.0
    assert scored(tall, rule_with(islands=space | {"unit": "lesion_mm2"})).agatston == 1.5


def test_pixels_touch_nothing_where_the_smallest_island_is_one_pixel():
    rule = rule_with(islands={"rounded": True, "alone_below": 2})
    pair = {(0, 0, 0): 150, (0, 0, 1): 450}
    assert scored(pair, rule, Stack((3.0, 1.0, 1.0))).agatston == 5.0
    assert scored(pair, rule, Stack((3.0, 0.7, 0.7))).agatston == pytest.approx(2 * 0.49 * 4)
    # 1 / 0.6667 is just below 1.5, 1 / 0.6666 just above.
    assert rule.islands.touching(0.6667) == 0
    assert rule.islands.touching(0.6666) == 8


def test_bins_with_ends_leave_gaps_where_the_score_is_not_a_number():
    rule = preset("cacslabeler-5")
    for value, expected in ((199, 4.0), (199.5, math.nan), (200, 8.0), (399.01, math.nan), (400, 16.0), (3000, 16.0)):
        assert scored(block(0, 0, 0, 4, 4, value), rule).agatston == pytest.approx(expected, nan_ok=True)
    hu = np.array([[[199.5] * 8 + [0] + [250] * 8]] * 2, dtype=np.float32)
    mask = np.array([[[1] * 9 + [2] * 8]] * 2)
    got = volume_scores(hu, mask, STACK, rule.threshold(120.0), rule)
    assert got.agatston == pytest.approx([math.nan, 8.0], nan_ok=True)
    assert got.volume.tolist() == [12.0, 12.0]
    assert math.isnan(got.total[0])


def test_bins_that_begin_above_their_value():
    rule = preset("segment-cacs")
    graded = [scored(block(0, 0, 0, 4, 4, value), rule).agatston for value in (130, 131, 199, 199.5, 299, 300, 400)]
    assert graded == [0.0, 4.0, 4.0, 8.0, 8.0, 12.0, 16.0]


def test_overlapping_slices_are_skipped_or_counted():
    lesion = block(0, 0, 0, 4, 4, 250, slices=5)
    stack = Stack((1.0, 0.5, 0.5), 0, 3.0)
    rule = rule_with(overlap="skip", scaling="thickness")
    # Slices 0 and 3 of five count, each for 3 mm.
    assert (scored(lesion, rule, stack).agatston, scored(lesion, rule, stack).volume) == (16.0, 24.0)
    assert scored(lesion, rule, Stack((1.0, 0.5, 0.5))).agatston == pytest.approx(5 * 8 / 3)
    assert scored(lesion, rule_with(scaling="thickness"), stack).agatston == 40.0


@pytest.mark.parametrize(
    ("rounding", "decimals", "expected"),
    [("none", 0, 2 * 8 * 2.5 / 3), ("total", 0, 13.0), ("island", 0, 14.0), ("pixel", 3, 2 * 32 * 0.208)],
)
def test_rounding_of_pixels_islands_and_totals(rounding, decimals, expected):
    two = block(0, 0, 0, 4, 4, 250) | block(1, 0, 0, 4, 4, 250)
    rule = rule_with(rounding=rounding, decimals=decimals)
    assert scored(two, rule, Stack((2.5, 0.5, 0.5))).agatston == pytest.approx(expected)


def test_a_formula_sets_the_threshold_of_every_voltage():
    rule = STANDARD.model_copy(update={"formula": Formula(scale=378, per_kv=-0.009)})
    assert [rule.threshold(kvp).hu for kvp in (120, 100, 80, 70)] == [128, 154, 184, 201]
    assert rule.threshold(120.0).bins[0] == 130
    between = Case(block(0, 0, 0, 4, 4, 129), 0.0)
    got = scored(between.voxels, rule)
    assert (got.agatston, got.volume) == (0.0, 12.0)
