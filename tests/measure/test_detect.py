"""What a score of 0 leaves open."""

from __future__ import annotations

import math

import numpy as np
import pytest

from calciscope.measure.agatston import Stack, score
from calciscope.measure.presets import preset
from calciscope.measure.uncertainty.detect import Missed, detection, sentence, smallest_lesion
from calciscope.measure.uncertainty.noise import Noise
from tests.measure.lesions import BACKGROUND, DEEP, FINE, imaged, sampled

RULE = preset("standard")
THRESHOLD = RULE.threshold(120.0)
QUIET = Noise(10.0, 0.6, 0.0)
CARDIAC = Stack((3.0, 0.5, 0.5))


def found(noise=QUIET, stack=CARDIAC, rule=RULE, **more):
    return {one.density: one for one in smallest_lesion(noise, stack, rule.threshold(120.0), rule, **more)}


def test_what_is_denser_shows_when_it_is_smaller():
    sizes = [found()[density].diameter for density in (100, 200, 400)]
    assert sizes == sorted(sizes, reverse=True)
    assert 1.0 < sizes[2] < 3.0


def test_thinner_slices_and_less_blur_miss_less():
    thin = found(stack=Stack((1.5, 0.5, 0.5)))
    sharp = found(blur=0.4)
    thick = found(stack=Stack((5.0, 0.5, 0.5)))
    for density in (200, 400):
        assert thin[density].diameter < found()[density].diameter < thick[density].diameter
        assert sharp[density].diameter < found()[density].diameter


def test_a_rule_without_a_smallest_island_misses_no_more():
    horos = found(rule=preset("horos"))
    assert all(horos[density].diameter <= found()[density].diameter for density in (100, 200, 400))


def test_overlapping_slices_miss_less_than_contiguous_ones():
    assert found(stack=Stack((1.5, 0.5, 0.5), 0, 3.0))[400].diameter < found()[400].diameter


def test_the_axis_of_the_slices_does_not_matter():
    assert smallest_lesion(QUIET, Stack((0.5, 3.0, 0.5), 1), THRESHOLD, RULE) == smallest_lesion(
        QUIET, CARDIAC, THRESHOLD, RULE
    )


def test_very_thick_slices_cannot_judge_faint_calcium():
    far = found(stack=Stack((12.0, 1.5, 1.5)))
    assert math.isinf(far[100].diameter)
    assert "100 mg/cm3 of any size up to 8 mm" in sentence(tuple(far.values()))


@pytest.mark.parametrize("density", [200, 400])
def test_independent_images_of_such_a_ball_score_0_about_as_often(density):
    """The ball drawn on a fine grid and blurred there: a smaller one is missed more often than 5 %, a larger less."""
    size = found(Noise(0.0), blur=0.6)[density].diameter
    peak = detection().tissue_hu + density / 1000 / THRESHOLD.mass_factor
    missed = []
    for diameter in (size - 0.4, size + 0.4):
        random = np.random.default_rng(11)
        fine = imaged("ball", diameter, peak - detection().tissue_hu + BACKGROUND, 0.6, CARDIAC.spacing, random)
        zeros = 0
        for offset in random.integers(0, (DEEP, FINE, FINE), (150, 3)):
            image = sampled(fine, offset) + detection().tissue_hu - BACKGROUND
            hit = np.argwhere(image >= THRESHOLD.hu)
            zeros += score(hit, image[tuple(hit.T)], CARDIAC, THRESHOLD, RULE).agatston == 0
        missed.append(zeros / 150)
    assert missed[0] > 0.05
    assert missed[1] < 0.05


def test_the_mass_is_that_of_the_ball():
    assert Missed(400.0, 2.0).mass == pytest.approx(0.4 * math.pi / 6 * 8)


def test_the_sentence_says_what_was_asked():
    said = sentence((Missed(200.0, 2.75), Missed(400.0, 2.0)))
    assert "200 mg/cm3 up to 2.8 mm (2.2 mg) or 400 mg/cm3 up to 2.0 mm (1.7 mg)" in said
    assert "at least 5 % of its possible positions" in said


def test_where_nothing_is_missed_the_sentence_says_so():
    assert sentence((Missed(200.0, 0.0),)) == "no lesion scores 0 on this scan in 5 % of its possible positions"


def test_the_data_carry_their_source():
    known = detection()
    assert known.source == "mccollough-2007"
    assert list(known.densities) == [100, 200, 400]
