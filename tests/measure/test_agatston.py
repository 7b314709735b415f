"""The scorer against numbers computed elsewhere, and the laws that it has to keep."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calciscope.measure.agatston import Stack, score
from calciscope.measure.presets import preset
from tests.measure.conformance import cells
from tests.measure.make import CASES, Case, block

STANDARD = preset("standard")
AT_120 = STANDARD.threshold(120.0)


@pytest.mark.parametrize("name", CASES)
def test_synthetic_cases_under_both_presets(name):
    case = CASES[name]
    assert case.scored("agatston-130").agatston == pytest.approx(case.reference, rel=1e-12)
    assert case.scored("standard").agatston == pytest.approx(case.standard, rel=1e-12)


def test_standard_differs_from_130_hu_only_where_the_voltage_is_adapted():
    assert {name for name, case in CASES.items() if case.standard != case.reference} == {"C16", "C18"}


@pytest.mark.parametrize("column", sorted({cell.column for cell in cells()}))
def test_a_preset_reproduces_what_its_program_gives_but_for_the_cells_that_say_why(column):
    for cell in (one for one in cells() if one.column == column):
        if cell.why is None:
            assert cell.agrees, (cell.case, cell.theirs, cell.ours)
        else:
            assert (cell.ours, cell.agrees) == (cell.expected, False), cell.case


def test_horos_takes_the_smallest_island_and_the_diagonal():
    got = {name: CASES[name].scored("horos").agatston for name in ("C06", "C08", "C19")}
    assert got == pytest.approx({"C06": 32.0, "C08": 6.0, "C19": 0.16})


def test_unscaled_vector_of_two_slices():
    case = Case(block(0, 0, 0, 4, 2, 400, 2), 0.0, increment=0.5)
    result = case.scored("standard")
    assert result.agatston == pytest.approx(16 / 6, abs=1e-12)
    assert result.volume == 2.0
    unscaled = STANDARD.model_copy(update={"scaling": "none"})
    stack = Stack((0.5, 0.5, 0.5))
    voxels, hu = np.array(list(case.voxels)), np.array(list(case.voxels.values()))
    assert score(voxels, hu, stack, AT_120, unscaled).agatston == 16.0


@pytest.mark.parametrize(
    ("voxels", "agatston", "volume"),
    [
        (block(1, 1, 1, 4, 4, 150), 4.0, 12.0),
        (block(1, 1, 1, 4, 4, 500), 16.0, 12.0),
        (block(1, 1, 1, 4, 4, 250, 3), 24.0, 36.0),
        (block(1, 1, 1, 4, 4, 150) | block(2, 1, 1, 4, 4, 350), 16.0, 24.0),
        (block(1, 1, 1, 6, 6, 200), 18.0, 27.0),
        (block(1, 1, 1, 4, 4, 129), 0.0, 0.0),
    ],
)
def test_published_vectors(voxels, agatston, volume):
    result = Case(voxels, agatston).scored("standard")
    assert (result.agatston, result.volume) == (agatston, volume)


def test_vessels_add_up_and_half_the_increment_halves_the_score():
    # Areas in pixels of 0.5 x 2 mm = 1 mm2.
    vessels = {"LAD": (10, 250, 20.0), "RCA": (5, 450, 20.0), "LCX": (3, 150, 3.0), "LM": (4, 350, 12.0)}
    for increment, part in ((3.0, 1.0), (1.5, 0.5)):
        total = 0.0
        for pixels, hu, expected in vessels.values():
            voxels = np.array(list(block(0, 0, 0, 1, pixels, hu)))
            got = score(voxels, np.full(pixels, hu), Stack((increment, 0.5, 2.0)), AT_120, STANDARD).agatston
            assert got == expected * part
            total += got
        assert total == 55.0 * part


def test_no_voxels_score_zero():
    empty = score(np.zeros((0, 3), dtype=np.int32), np.zeros(0), Stack((3.0, 0.5, 0.5)), AT_120, STANDARD)
    assert (empty.agatston, empty.volume, empty.mass) == (0.0, 0.0, 0.0)
    below = Case(block(0, 0, 0, 5, 5, 60), 0.0).scored("standard")
    assert (below.agatston, below.mass, len(below.islands.pixels)) == (0.0, 0.0, 0)


def test_mass_is_factor_times_volume_times_mean():
    case = Case(block(0, 0, 0, 4, 2, 400, 2), 0.0, increment=0.5)
    voxels, hu = np.array(list(case.voxels)), np.array(list(case.voxels.values()))
    threshold = AT_120.__class__(AT_120.hu, AT_120.bins, 0.00075)
    assert score(voxels, hu, Stack((0.5, 0.5, 0.5)), threshold, STANDARD).mass == pytest.approx(0.6, abs=1e-12)


def test_other_rules_of_islands_factors_and_rounding():
    pair = Case(block(0, 0, 0, 1, 3, 150) | block(1, 0, 0, 4, 4, 450), 0.0)
    voxels, hu = np.array(list(pair.voxels)), np.array(list(pair.voxels.values()))
    stack = Stack((3.0, 0.5, 0.5))

    def with_rules(**changes):
        islands = STANDARD.islands.model_copy(update=changes.pop("islands", {}))
        return STANDARD.model_copy(update={"islands": islands, **changes})

    space = {"dimension": 3, "neighbours": 6, "smallest": 4, "unit": "voxels"}
    in_space = score(voxels, hu, stack, AT_120, with_rules(islands=space))
    assert in_space.agatston == 0.75 * 1 + 4.0 * 4
    lesion = score(voxels, hu, stack, AT_120, with_rules(islands=space, maximum="lesion"))
    assert lesion.agatston == 4.75 * 4
    assert score(voxels, hu, stack, AT_120, with_rules(rounding="total", islands=space)).agatston == 17.0
    assert score(voxels, hu, stack, AT_120, with_rules(islands={"smallest": 0.0}, rounding="island")).agatston == 17.0
    at_130 = np.full(len(hu), 130.0)
    assert score(voxels, at_130, stack, AT_120, with_rules(strict=True)).agatston == 0.0
    kept = Case(CASES["C15"].voxels, 18.0)
    index, values = np.array(list(kept.voxels)), np.array(list(kept.voxels.values()))
    assert score(index, values, stack, AT_120, with_rules(below_threshold="keep")).agatston == 18.0
    thick = Stack((1.5, 0.5, 0.5), 0, 3.0)
    assert score(voxels[3:], hu[3:], thick, AT_120, with_rules(scaling="thickness")).agatston == 16.0


grids = st.integers(0, 2**32 - 1).map(lambda seed: np.random.default_rng(seed))


@settings(max_examples=80, deadline=None)
@given(grids, st.permutations([0, 1, 2]), st.tuples(*[st.booleans()] * 3), st.tuples(*[st.integers(-20, 20)] * 3))
def test_turning_flipping_and_shifting_leave_scores_unchanged_to_the_last_digit(random, axes, flips, shift):
    shape = (4, 9, 8)
    mask = random.random(shape) < 0.4
    mask[1, 2, 2] = True
    voxels = np.argwhere(mask)
    hu = random.integers(100, 700, len(voxels)).astype(np.float32)
    spacing = (2.5, 0.7, 0.43)
    before = score(voxels, hu, Stack(spacing, 0), AT_120, STANDARD)
    turned = np.where(flips, np.array(shape) - 1 - voxels, voxels)[:, axes] + np.array(shift) + 20
    order = random.permutation(len(voxels))
    stack = Stack(tuple(spacing[axis] for axis in axes), axes.index(0))
    after = score(turned[order], hu[order], stack, AT_120, STANDARD)
    assert (after.agatston, after.volume, after.mass) == (before.agatston, before.volume, before.mass)


@settings(max_examples=50, deadline=None)
@given(grids)
def test_shares_add_up_to_the_score_and_volume_counts_the_counted(random):
    voxels = np.argwhere(random.random((4, 10, 10)) < 0.35)
    hu = random.integers(90, 600, len(voxels)).astype(np.float64)
    stack = Stack((3.0, 0.6, 0.6))
    result = score(voxels, hu, stack, AT_120, STANDARD)
    assert result.share.sum() == pytest.approx(result.agatston, rel=1e-9)
    assert result.volume == pytest.approx(result.islands.pixels.sum() * stack.voxel_mm3)
    assert not result.share[hu < AT_120.hu].any()


@settings(max_examples=40, deadline=None)
@given(grids)
def test_slices_scored_apart_add_up(random):
    voxels = np.argwhere(random.random((6, 9, 9)) < 0.4)
    hu = random.integers(100, 600, len(voxels)).astype(np.float64)
    stack = Stack((3.0, 0.5, 0.5))
    whole = score(voxels, hu, stack, AT_120, STANDARD).agatston
    lower = voxels[:, 0] < 3
    halves = [score(voxels[part], hu[part], stack, AT_120, STANDARD).agatston for part in (lower, ~lower)]
    assert sum(halves) == pytest.approx(whole, rel=1e-12)


def test_the_same_object_scores_the_same_at_half_the_increment():
    coarse = Case(block(2, 3, 3, 5, 6, 320, 3), 0.0).scored("standard").agatston
    fine = Case(block(4, 3, 3, 5, 6, 320, 6), 0.0, increment=1.5).scored("standard").agatston
    assert fine == coarse
