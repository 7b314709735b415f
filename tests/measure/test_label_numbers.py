"""What labels have beyond the numbers of a region: a spatially weighted score, and an upper end where they score 0."""

from __future__ import annotations

import math

import numpy as np
import pytest

import calciscope
from calciscope.domain.assessment import Validity
from calciscope.domain.image import Volume
from calciscope.domain.scores import MEASURES
from calciscope.measure.integration.weighted import Reference, assumed_reference, measured_reference, weighted_region
from calciscope.measure.numbers import Region, Scan, numbers
from calciscope.measure.presets import preset, presets
from calciscope.measure.uncertainty.noise import Noise
from tests.measure.make import REFERENCE, geometry
from tests.measure.test_weighted import IMAGE, PUBLISHED, ROD

SPACING = (3.0, 0.5, 0.5)
EVERYTHING = {"measures": MEASURES, "intervals": True}


def scan(hu=300.0, sd=10.0, seed=3):
    """Tissue with noise, and a block of calcium in the first of two labels."""
    image = np.random.default_rng(seed).normal(40, sd, (14, 64, 64))
    image[5:8, 20:26, 20:26] += hu
    mask = np.zeros(image.shape, np.uint8)
    mask[4:9, 17:29, 17:29] = 1
    mask[4:9, 40:52, 40:52] = 2
    return np.rint(image).astype(np.int16), mask


def labels(*arguments, **more):
    return calciscope.score(*scan(*arguments), SPACING, **{**EVERYTHING, **more}).labels


def test_the_published_vector_holds_for_a_region_of_an_image():
    every = np.argwhere(np.ones((1, *IMAGE.shape), bool))
    assert weighted_region(IMAGE[None], every, measured_reference(ROD)) == pytest.approx(PUBLISHED, rel=1e-14)


def test_a_label_has_a_spatially_weighted_score_that_says_what_it_assumes():
    found = labels()["1"]["spatially_weighted"]
    assert found.validity is Validity.ADJUSTED
    assert "no rod of 100 mg/cm3" in found.why
    # 108 pixels of calcium, far above the reference, and some of its edge by chance.
    assert found.value == pytest.approx(108, abs=3)


def test_it_sees_what_no_voxel_shows_above_the_threshold():
    faint, empty = (labels(hu)["1"] for hu in (65.0, 0.0))
    assert faint["agatston"].value == 0
    assert faint["spatially_weighted"].value > 2 + empty["spatially_weighted"].value
    assert empty["spatially_weighted"].value < 1.0


def test_without_noise_and_without_a_phantom_there_is_no_reference():
    image, mask = scan()
    flat = np.where(image > 200, 340, 40).astype(np.int16)
    assert "spatially_weighted" not in calciscope.score(flat, mask, SPACING, **EVERYTHING).labels["1"]


@pytest.mark.parametrize("name", ["agatston", "volume", "mass"])
def test_a_label_that_scores_0_has_an_upper_end(name):
    zero = labels()["2"][name]
    assert zero.value == 0
    assert zero.interval[0] == 0
    assert 0.1 < zero.interval[1] < 20


def test_the_upper_end_is_no_larger_than_the_label():
    image, mask = scan()
    mask[mask == 2] = 0
    mask[6, 45:47, 45:47] = 2
    small = calciscope.score(image, mask, SPACING, **EVERYTHING).labels["2"]["volume"]
    assert 0 < small.interval[1] <= 4 * math.prod(SPACING) + 1e-9


def a_scan(sds=(5.0, 20.0)):
    """A scan that is noisier in its second half of columns."""
    grid = geometry(shape=(40, 120, 240))
    random = np.random.default_rng(5)
    hu = random.normal(40, 1, grid.shape) - 40
    half = grid.shape[2] // 2
    for columns, sd in ((slice(None, half), sds[0]), (slice(half, None), sds[1])):
        hu[..., columns] *= sd
    return Scan.of(Volume((hu + 40).astype(np.float32), grid, REFERENCE), preset())


def test_noise_is_that_of_the_place():
    one = a_scan()
    quiet, noisy = (one.noise_at(np.array([[20, 60, column]])) for column in (20, 220))
    assert quiet.sd == pytest.approx(5, rel=0.15)
    assert noisy.sd == pytest.approx(20, rel=0.15)
    both = one.noise_at(np.array([[20, 60, 20], [20, 60, 21], [20, 60, 220], [20, 60, 221]] * 2 + [[20, 60, 220]]))
    assert quiet.sd < both.sd <= noisy.sd
    assert one.noise_at(np.array([[20, 60, 21]])) is one.noise_at(np.array([[20, 60, 20]]))
    assert one.noise_at(np.zeros((0, 3), int)) is one.noise


def test_what_is_not_a_number_is_refused_and_says_why():
    image, mask = scan(260.2 - 40)
    hu = image.astype(np.float32)
    hu[mask == 1] = 40
    hu[6, 20:24, 20:24] = 199.5
    one = Scan.of(Volume(hu, geometry(shape=(14, 64, 64)), REFERENCE), preset("cacslabeler-5"))
    voxels = np.argwhere(hu == 199.5)
    found = numbers(Region.of_mask(voxels, hu[tuple(voxels.T)], one), one).measures["agatston"]
    assert found.value is None
    assert found.validity is Validity.REFUSED
    assert "no density factor" in found.why


def test_an_assumed_reference_has_the_noise_of_the_place():
    reference = assumed_reference(preset().threshold(120.0), Noise(7.0).sd)
    assert isinstance(reference, Reference)
    assert reference.sd == 7.0


@pytest.mark.parametrize("name", [name for name, rule in presets().items() if rule.every_voxel])
@pytest.mark.parametrize("hu", [300.0, 0.0])
def test_a_preset_that_counts_voxels_below_the_threshold_gives_no_interval(name, hu):
    """Neither with calcium nor without, and not in the total; masses without a threshold keep theirs."""
    found = calciscope.score(*scan(hu), SPACING, preset=name, **EVERYTHING)
    for measures in (*found.labels.values(), found.total):
        for score in ("agatston", "volume", "mass"):
            assert measures[score].value is not None
            assert measures[score].interval is None
    if hu:
        assert found.labels["1"]["integrated_mass"].interval is not None
