"""The spatially weighted score: its published vector, its laws, and simulated phantoms."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from calciscope.domain.assessment import Validity
from calciscope.errors import InputError
from calciscope.measure.gate import Gate
from calciscope.measure.integration.weighted import (
    Reference,
    assumed_reference,
    calibrated_reference,
    measured_reference,
    spatially_weighted,
    weighted_region,
    weights,
)
from calciscope.measure.phantom.calibration import Calibration, Rod
from calciscope.measure.presets import preset
from tests.measure.cylinders import FACTOR, Cylinder, Scanner, scan

IMAGE = np.array(
    [
        [10, 30, 135, 145, 5, 150, 100, 80, 9],
        [9, 40, 135, 130, 5, 150, 190, 80, 9],
        [10, 100, 100, 130, 5, 9, 0, 80, 18],
        [4, 40, 135, -10, 5, 150, 100, 0, 9],
        [10, 0, 189, 130, 5, 150, 40, 80, 22],
    ]
)
ROD = np.array(
    [
        [196.569, 207.709, 177.004, 207.147, 178.809],
        [207.359, 211.824, 0, 168.913, 202.965],
        [160.564, 0, 208.593, 214.862, 220.32],
        [158.685, 188.71, 226.872, 202.076, 226.995],
        [186.996, 212.137, 185.208, 228.175, 234.261],
    ]
)
PUBLISHED = 3.7176620417439796
NOWHERE = np.zeros((0, 3), dtype=int)


def test_the_published_vector():
    rod = measured_reference(ROD)
    assert rod.gate.validity is Validity.VALID
    assert spatially_weighted(IMAGE, rod.mean, rod.sd) == pytest.approx(PUBLISHED, rel=1e-14)


def test_a_stack_is_the_sum_of_its_slices():
    rod = measured_reference(ROD)
    stack = np.stack([IMAGE, IMAGE[::-1], np.zeros_like(IMAGE)])
    empty = spatially_weighted(np.zeros_like(IMAGE), rod.mean, rod.sd)
    assert spatially_weighted(stack, rod.mean, rod.sd) == pytest.approx(2 * PUBLISHED + empty)


@pytest.mark.parametrize(("increment", "times"), [(3.0, 1.0), (1.5, 0.5), (5.0, 5 / 3)])
def test_scaling_refers_it_to_slices_three_millimetres_apart(increment, times):
    assert spatially_weighted(IMAGE, 130.0, 20.0, increment=increment) == pytest.approx(
        times * spatially_weighted(IMAGE, 130.0, 20.0)
    )


def test_far_above_the_reference_a_pixel_weighs_one_and_shares_it_with_its_neighbours():
    one = np.zeros((5, 5))
    one[2, 2] = 2000.0
    got = weights(one, 130.0, 10.0)
    assert got[2, 2] == pytest.approx(0.2)
    assert got[1, 2] == got[2, 1] == got[3, 2] == got[2, 3] == pytest.approx(0.2)
    assert got.sum() == pytest.approx(1.0)
    assert got.shape == one.shape


@given(st.lists(st.floats(-200, 1200), min_size=12, max_size=12), st.integers(0, 11), st.floats(1, 500))
def test_more_attenuation_never_lowers_it_and_turning_the_image_keeps_it(values, place, more):
    image = np.array(values).reshape(3, 4)
    base = spatially_weighted(image, 130.0, 25.0)
    raised = image.copy()
    raised.flat[place] += more
    assert spatially_weighted(raised, 130.0, 25.0) >= base
    for turned in (image[::-1], image[:, ::-1], image.T):
        assert spatially_weighted(turned, 130.0, 25.0) == pytest.approx(base, rel=1e-12)


def box(image):
    return image[2:7, 20:41, 20:41]


def test_on_simulated_phantoms_it_grows_with_the_mass_and_sees_what_the_threshold_does_not():
    scanner = Scanner(noise=15.0, body=40.0)
    reference = assumed_reference(preset().threshold(120.0), 15.0)

    def mean_score(one):
        random = np.random.default_rng(2)
        images = [box(scan([one] if one else [], scanner, random)) for _ in range(8)]
        if one and one.density < 0.1:
            # What is seen below the threshold is no chance of noise: the insert itself stays below it.
            assert one.density / FACTOR + scanner.body < 130
        return np.mean([spatially_weighted(image, reference.mean, reference.sd) for image in images])

    empty = mean_score(None)
    by_density = [mean_score(Cylinder(4, 6, density)) for density in (0.05, 0.1, 0.2, 0.4)]
    by_size = [mean_score(Cylinder(size, size, 0.3)) for size in (1.5, 3.0, 4.5, 6.0)]
    assert by_density == sorted(by_density)
    assert by_size == sorted(by_size)
    # 107 HU: an Agatston score of noise alone, and here clearly more than the empty phantom.
    assert by_density[0] > empty + 1.0
    assert empty < 0.2 * by_density[1]


@pytest.mark.parametrize(("kvp", "hu"), [(120.0, 130.0), (100.0, 147.0), (80.0, 177.0), (70.0, 207.0)])
def test_without_a_rod_the_reference_is_assumed_and_says_so(kvp, hu):
    reference = assumed_reference(preset().threshold(kvp), 18.0)
    assert (reference.mean, reference.sd) == (hu, 18.0)
    assert reference.gate.validity is Validity.ADJUSTED
    assert f"{hu:g} HU" in reference.gate.why
    assert "18 HU" in reference.gate.why


def test_a_phantom_with_other_densities_gives_the_reference_on_its_line():
    rod = Rod(200.0, ((3.0, 9.0, 9.0),), (310.0,), 20.0)
    water = Rod(0.0, ((3.0, 30.0, 9.0),), (30.0,), 20.0)
    calibration = Calibration("p", 0.2 / 280, 1e-6, rod, water, (3,), 17.0)
    reference = calibrated_reference(calibration, 100.0)
    assert reference.mean == pytest.approx(170.0)
    assert reference.sd == 17.0
    assert reference.gate.validity is Validity.VALID
    with pytest.raises(InputError, match="no attenuation above water"):
        calibrated_reference(calibration, 0.0)


@given(st.integers(0, 2**16), st.integers(0, 2))
def test_a_region_is_what_the_whole_image_has_there(seed, axis):
    random = np.random.default_rng(seed)
    image = random.integers(-50, 600, (4, 5, 6)).astype(np.int16)
    mask = random.random(image.shape) < 0.15
    mask[1, 2, 3] = True
    reference = Reference(130.0, 30.0, Gate())
    turned, region = np.moveaxis(image, axis, 0), np.moveaxis(mask, axis, 0)
    grown = region.copy()
    for one in (1, 2):
        rolled = np.swapaxes(region, 1, one)
        beside = np.zeros_like(rolled)
        beside[:, 1:] |= rolled[:, :-1]
        beside[:, :-1] |= rolled[:, 1:]
        grown |= np.swapaxes(beside, 1, one)
    expected = weights(turned, 130.0, 30.0)[grown].sum()
    got = weighted_region(image, np.argwhere(mask), reference, slice_axis=axis)
    assert got == pytest.approx(expected, rel=1e-12)
    assert weighted_region(image, np.argwhere(mask), reference, slice_axis=axis, increment=1.5) == pytest.approx(
        expected / 2
    )
    assert weighted_region(image, np.zeros((0, 3), dtype=int), reference) == 0.0


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: spatially_weighted(IMAGE, 130.0, 0.0), "standard deviation"),
        (lambda: spatially_weighted(IMAGE, 130.0, float("nan")), "standard deviation"),
        (lambda: spatially_weighted(IMAGE[0], 130.0, 20.0), "rows and columns"),
        (lambda: spatially_weighted(IMAGE, 130.0, 20.0, increment=0.0), "increment"),
        (lambda: weighted_region(IMAGE[None], NOWHERE, Reference(130.0, 0.0, Gate())), "standard deviation"),
        (lambda: weighted_region(IMAGE[None], NOWHERE, Reference(130.0, 9.0, Gate()), increment=-1.0), "increment"),
        (lambda: measured_reference(np.full(9, 200.0)), "two different values"),
        (lambda: measured_reference(np.array([200.0])), "two different values"),
        (lambda: assumed_reference(preset().threshold(120.0), 0.0), "positive one"),
    ],
)
def test_what_makes_no_score_is_refused(call, words):
    with pytest.raises(InputError, match=words):
        call()
