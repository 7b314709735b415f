"""Numbers of a region, be it made of deposits or a label of a mask."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calciscope.domain.assessment import Validity
from calciscope.domain.image import Volume
from calciscope.errors import InputError
from calciscope.measure.numbers import Region, Scan, numbers
from calciscope.measure.presets import preset
from tests.measure.make import REFERENCE, anatomy, block, deposit, geometry, painted, volume

GRID = geometry()
TISSUE, NOISE = 40.0, 10.0
FACTOR = 0.00075
KIDNEY, ARTERY = "kidney.left", "artery.aorta.abdominal"


def scan_of(*deposits, noise=NOISE, blood=45.0, **acquisition):
    """A noisy scan with the deposits in it, as they were given."""
    clean = painted(*deposits, scan=volume(GRID, replace(REFERENCE, **acquisition)), tissue=TISSUE)
    hu = clean.hu + np.random.default_rng(7).normal(0, noise, GRID.shape).astype(np.float32)
    for one in deposits:
        hu[tuple(one.voxels.T)] = one.hu
    seen = Volume(hu.astype(np.float32), clean.geometry, clean.acquisition)
    others = np.zeros(GRID.shape, dtype=bool)
    for one in deposits:
        others[tuple(one.voxels.T)] = True
    return Scan.of(seen, preset(), anatomy(GRID, blood), others=others)


def of_deposits(scan, *deposits, site=ARTERY):
    return numbers(Region.of_deposits(deposits, GRID, site), scan)


def of_mask(scan, voxels, site=None):
    return numbers(Region.of_mask(voxels, scan.volume.hu[tuple(voxels.T)], scan, site), scan)


STONE = deposit(block(10, 30, 30, 8, 10, 600, 3), GRID, "stone")
SPECK = deposit(block(20, 50, 50, 2, 3, 250), GRID, "speck")


def test_a_mask_of_the_same_voxels_has_the_numbers_of_the_deposits():
    scan = scan_of(STONE, SPECK)
    made = of_deposits(scan, STONE, SPECK).measures
    drawn = of_mask(scan, np.concatenate([STONE.voxels, SPECK.voxels])).measures
    assert made.keys() == drawn.keys()
    for name, one in made.items():
        assert drawn[name].value == pytest.approx(one.value, rel=0.05 if "diameter" in name else 1e-6), name
        assert (drawn[name].unit, drawn[name].method) == (one.unit, one.method)


def test_tissue_in_a_mask_is_no_calcium():
    scan = scan_of(STONE, SPECK)
    tight = of_mask(scan, STONE.voxels).measures
    box = np.argwhere(np.ones((9, 24, 26), dtype=bool)) + np.array([7, 22, 22])
    loose = of_mask(scan, box).measures
    for name in ("agatston", "volume", "mass", "mean_hu", "sd_hu", "median_hu", "peak", "count", "diameter"):
        assert loose[name].value == pytest.approx(tight[name].value), name


def test_attenuation_statistics_are_those_of_all_voxels():
    hu = np.concatenate([STONE.hu, SPECK.hu]).astype(float)
    found = of_deposits(scan_of(STONE, SPECK), STONE, SPECK).measures
    assert found["mean_hu"].value == pytest.approx(hu.mean())
    assert found["sd_hu"].value == pytest.approx(hu.std())
    assert found["median_hu"].value == np.median(hu)
    assert found["peak"].value == hu.max()
    assert found["attenuation"].value == 600.0
    assert found["count"].value == 2.0


def test_the_three_diameters_are_those_of_one_deposit():
    tall = deposit(block(20, 50, 50, 2, 2, 600, 8), GRID, "tall")
    found = of_deposits(scan_of(STONE, tall), STONE, tall, site=KIDNEY)
    sized = {name: found.measures[name].value for name in found.measures if name.startswith("diameter")}
    flat = found.each[0]
    assert tuple(sized.values()) == (flat.diameter, flat.perpendicular, flat.craniocaudal)
    assert flat.diameter == pytest.approx(np.hypot(4, 5), abs=0.6)
    # Across the diagonal of a rectangle of 4 by 5 mm its width is about the other diagonal's share: 2 * 4 * 5 / 6.4.
    assert flat.perpendicular == pytest.approx(6.2, abs=0.6)
    assert flat.craniocaudal == pytest.approx(9.0, abs=0.5)
    assert found.each[1].craniocaudal == pytest.approx(24.0, abs=0.5)
    assert flat.mass == pytest.approx(240 * 0.75 * 600 * FACTOR)


def test_every_score_has_an_interval_that_holds_it_and_a_refused_one_has_none():
    scored = ("agatston", "volume", "mass", "integrated_mass", "volume_fraction_mass")
    found = of_deposits(scan_of(STONE, SPECK), STONE, SPECK).measures
    for name in scored:
        low, high = found[name].interval
        assert 0 <= low <= found[name].value <= high, name
        assert low < high, name
    refused = of_deposits(scan_of(STONE, SPECK, blood=180.0), STONE, SPECK).measures
    for name in ("agatston", "mass", "integrated_mass", "volume_fraction_mass"):
        assert refused[name].validity is Validity.REFUSED
        assert (refused[name].value, refused[name].interval) == (None, None)
    assert refused["volume"].interval is not None


@settings(max_examples=15)
@given(st.integers(2, 9), st.integers(2, 9), st.integers(1, 4), st.floats(150, 1200))
def test_scores_lie_in_their_intervals_whatever_the_deposit(rows, columns, slices, hu):
    one = deposit(block(12, 30, 30, rows, columns, hu, slices), GRID)
    for site in (ARTERY, KIDNEY):
        found = of_deposits(scan_of(one), one, site=site).measures
        for name in ("agatston", "volume", "mass", "integrated_mass"):
            low, high = found[name].interval
            assert 0 <= low <= found[name].value <= high, (site, name)


def test_integrated_mass_is_what_the_deposit_adds_to_its_surroundings():
    found = of_deposits(scan_of(STONE), STONE).measures
    added = len(STONE.hu) * 0.75 * (600.0 - TISSUE) * FACTOR
    assert found["integrated_mass"].value == pytest.approx(added, rel=0.03)
    assert found["volume_fraction_mass"].value == pytest.approx(found["integrated_mass"].value)
    assert found["mass"].value > 1.05 * added


def test_integrated_masses_of_deposits_add_up():
    scan = scan_of(STONE, SPECK)
    whole = of_deposits(scan, STONE, SPECK).measures["integrated_mass"]
    parts = [of_deposits(scan, one).measures["integrated_mass"] for one in (STONE, SPECK)]
    assert whole.value == pytest.approx(sum(one.value for one in parts))
    spread = np.hypot(*(one.value - one.interval[0] for one in parts))
    assert whole.value - whole.interval[0] == pytest.approx(spread)


def test_of_very_many_deposits_the_largest_are_integrated_and_the_number_says_so():
    flecks = {
        place: hu
        for z in range(2, 38, 4)
        for y in range(4, 72, 16)
        for x in range(4, 72, 16)
        for place, hu in block(z, y, x, 2, 2, 400).items()
    }
    one = deposit(flecks, GRID)
    found = of_mask(scan_of(one), one.voxels).measures
    assert found["count"].value == 9 * 25
    assert found["integrated_mass"].validity is Validity.ADJUSTED
    assert "125 small deposits are left out" in found["integrated_mass"].why
    assert found["agatston"].validity is Validity.VALID


def test_a_small_stone_counts_every_voxel_where_scores_are_not_defined():
    fleck = deposit(block(10, 30, 30, 1, 2, 300), GRID)
    scan = scan_of(fleck)
    stone, plaque, unknown = (of_mask(scan, fleck.voxels, site).measures["volume"] for site in (KIDNEY, ARTERY, None))
    assert (stone.value, plaque.value, unknown.value) == (1.5, 0.0, 0.0)
    assert stone.interval[0] <= 1.5 <= stone.interval[1]


def test_a_voxel_of_two_deposits_counts_for_the_first():
    over = deposit(block(10, 30, 36, 8, 10, 600, 3), GRID, "over")
    both = of_deposits(scan_of(STONE, over), STONE, over)
    joined = deposit(block(10, 30, 30, 8, 16, 600, 3), GRID)
    assert both.measures["volume"].value == of_deposits(scan_of(joined), joined).measures["volume"].value
    assert both.shares.sum() == pytest.approx(both.measures["agatston"].value)
    assert both.shares[0] > both.shares[1]


def test_a_mask_without_calcium_has_scores_of_0_and_no_size():
    scan = scan_of()
    box = np.argwhere(np.ones((3, 8, 8), dtype=bool)) + 10
    found = of_mask(scan, box).measures
    assert {found[name].value for name in ("agatston", "volume", "mass", "count")} == {0.0}
    assert not {"diameter", "mean_hu", "attenuation"} & found.keys()


def test_deposits_found_at_a_higher_threshold_have_the_interval_of_that_one():
    raised = replace(STONE, threshold_hu=400.0)
    found = of_deposits(scan_of(raised), raised).measures
    assert found["volume"].validity is Validity.ADJUSTED
    low, high = found["volume"].interval
    assert low <= found["volume"].value <= high


def test_a_factor_of_the_user_is_taken_before_that_of_the_file():
    scan = scan_of(STONE)
    given_ = Scan.of(scan.volume, preset(), scan.anatomy, given_factor=0.0015)
    once, twice = (of_deposits(one, STONE).measures["mass"] for one in (scan, given_))
    assert twice.value == pytest.approx(2 * once.value)
    assert "as given" in twice.method
    with pytest.raises(InputError):
        Scan.of(scan.volume, preset(), given_factor=40.0)


def test_where_no_tissue_is_around_the_integrated_mass_is_refused_and_says_why():
    one = deposit(block(10, 30, 30, 8, 10, 600, 3), GRID)
    scan = scan_of(one)
    walled = replace(scan, others=np.ones(GRID.shape, dtype=bool))
    found = of_deposits(walled, one).measures["integrated_mass"]
    assert found.validity is Validity.REFUSED
    assert found.why


def test_one_deposit_without_tissue_around_it_does_not_refuse_the_mass_of_the_others():
    scan = scan_of(STONE, SPECK)
    others = scan.others.copy()
    others[18:24] = True
    found = of_deposits(replace(scan, others=others), STONE, SPECK).measures["integrated_mass"]
    assert found.validity is Validity.ADJUSTED
    assert "1 of 2 deposits are left out" in found.why
    alone = of_deposits(scan, STONE).measures["integrated_mass"]
    assert found.value == pytest.approx(alone.value)
