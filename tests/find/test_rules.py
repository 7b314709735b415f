"""Where the rules end: each named limit from both sides, the order between rules, and what neighbours spread."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calciscope.find.candidates import Candidate
from calciscope.find.classify import RULES, is_inflow, may_be_costal, may_be_inflow, rejected_as
from calciscope.find.neighbours import Judged, by_neighbours
from tests.find.test_classify import PLAIN, facts

# A streak that the beating heart draws: one slice of 3 mm, 14 mm long, 1.4 mm thick, 70 HU above the floor.
DRAWN = {"region": "chest", "slices": 1, "height": 3.0, "size": 14.0, "volume": 60.0, "peak": 200.0, "mean": 160.0}
# A bony bridge over a disc: 24 mm high, 5 mm wide, in the outline of the vertebral bodies, beside the aorta.
BRIDGE = {
    "height": 24.0, "width": 5.0, "spine_mm": -2.0, "bony": 0.9, "in_wall": 1.0, "artery_mm": 0.0, "bone_mm": 0.0,
}  # fmt: skip


def holding(item):
    """The places in the order of the rules of those that hold."""
    return [number for number, (_, holds) in enumerate(RULES) if holds(item)]


# --- streaks of the beating heart ----------------------------------------------------------------------------------


def test_a_thin_faint_line_of_one_slice_in_the_chest_is_a_streak():
    assert rejected_as(facts(**DRAWN)) == "streak"


@pytest.mark.parametrize(
    "changes",
    [
        {"region": "abdomen"},
        {"region": None},
        {"slices": 2},
        {"size": 5.9, "volume": 15.0},
        {"size": 14.0, "volume": 0.31 * 14.0 * 14.0 * 3.0},
        {"peak": 231.0},
    ],
    ids=["abdomen", "no region", "two slices", "short", "thick", "bright"],
)
def test_each_condition_of_a_drawn_streak_is_needed(changes):
    assert rejected_as(facts(**{**DRAWN, **changes})) != "streak"


@settings(deadline=None)
@given(size=st.floats(6.1, 40.0), height=st.floats(0.6, 5.0), thin=st.floats(0.01, 0.95))
def test_whether_a_line_is_thin_does_not_depend_on_the_slices_thickness(size, height, thin):
    def line(z):
        return facts(**{**DRAWN, "size": size, "height": z, "volume": thin * size * size * z})

    assert (rejected_as(line(height)) == "streak") == (rejected_as(line(2.0)) == "streak")
    if abs(thin - 0.3) > 1e-6:
        assert (rejected_as(line(height)) == "streak") == (thin < 0.3)


@given(above=st.floats(-60.0, 400.0), floor=st.floats(130.0, 400.0))
def test_a_streak_is_faint_against_the_threshold_in_use(above, floor):
    item = facts(**{**DRAWN, "floor": floor, "peak": floor + above})
    assert (rejected_as(item) == "streak") == (item.peak < floor + 100.0)


# --- bone that bridges a disc --------------------------------------------------------------------------------------


def test_a_narrow_band_along_the_spine_is_an_osteophyte_though_it_lies_in_the_aortas_wall():
    assert rejected_as(facts(**BRIDGE)) == "osteophyte"


@pytest.mark.parametrize(
    "changes",
    [{"height": 14.9, "width": 4.0}, {"width": 8.1}, {"spine_mm": 0.5}, {"bony": 0.6}],
    ids=["low", "wide", "outside of the bodies", "not bone by the anatomy"],
)
def test_each_condition_of_a_bridge_is_needed(changes):
    assert rejected_as(facts(**{**BRIDGE, **changes})) is None


@given(height=st.floats(2.0, 60.0), width=st.floats(1.0, 20.0))
def test_a_bridge_is_high_and_slim(height, width):
    item = facts(**{**BRIDGE, "height": height, "width": width})
    assert (rejected_as(item) == "osteophyte") == (height > 15.0 and height > 3.0 * width)


@given(in_wall=st.floats(0.0, 1.0), height=st.floats(1.0, 60.0))
def test_beside_a_vertebra_only_plaque_in_the_wall_or_long_plaque_is_kept(in_wall, height):
    item = facts(bone_mm=3.0, spine_mm=1.0, artery_mm=0.0, in_wall=in_wall, height=height)
    assert (rejected_as(item) is None) == (in_wall >= 0.7 or height >= 30.0)


# --- limits of the other rules -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "base", "feature", "below", "above"),
    [
        # Rejected at the second value, another verdict at the first.
        ("metal", {}, "peak", 2499.0, 2501.0),
        ("metal", {}, "in_metal", 0.19, 0.21),
        ("streak", {}, "metal_mm", 12.0, 11.9),
        ("costal_cartilage", {"ribs": True}, "depth", 24.1, 23.9),
        ("costal_cartilage", {"ribs": True, "depth": 12.0}, "fat", 0.61, 0.59),
        ("laryngeal_cartilage", {"region": "neck"}, "air_mm", 10.1, 9.9),
        ("laryngeal_cartilage", {"region": "chest"}, "air_mm", 3.6, 3.4),
        ("laryngeal_cartilage", {"region": "neck"}, "width", 21.9, 22.1),
        ("sesamoid", {"region": "limb", "bone_mm": 8.0}, "size", 14.1, 13.9),
        ("sesamoid", {"region": "limb"}, "bone_mm", 10.1, 9.9),
        ("bone", {}, "touching", 0.09, 0.11),
        ("bone", {"artery_mm": 2.0}, "touching", 0.14, 0.16),
        ("bone", {"touching": 0.05}, "saddle", 359.0, 361.0),
        ("bone", {"peak": 419.0}, "bone_mm", 7.1, 6.9),
        ("bone", {"bone_mm": 5.0}, "peak", 421.0, 419.0),
        ("bone", {"at_border": True}, "volume", 399.0, 401.0),
        ("bone", {}, "spine_mm", -8.9, -9.1),
        ("bone", {}, "volume", 59_999.0, 60_001.0),
        ("bone", {}, "bony", 0.49, 0.51),
        ("bone", {"ribs": True, "front": False}, "depth", 24.1, 23.9),
        ("bowel_content", {"peak": 449.0}, "gas", 0.039, 0.041),
        ("outside_body", {}, "outside_mm", 2.6, 2.4),
        ("contrast", {"blood": 300.0, "bright": 0.0, "volume": 151.0}, "mean", 331.0, 329.0),
        ("contrast", {"blood": 300.0}, "peak", 361.0, 359.0),
    ],
)
def test_where_a_rule_begins(name, base, feature, below, above):
    assert rejected_as(facts(**{**base, feature: below})) is None
    assert rejected_as(facts(**{**base, feature: above})) == name


@given(peak=st.floats(130.0, 2000.0), noise=st.floats(1.0, 120.0), background=st.floats(-900.0, 200.0))
def test_a_faint_speck_is_noise_and_a_fainter_one_all_the_more(peak, noise, background):
    item = facts(peak=peak, mean=peak, noise=noise, background=background)
    if rejected_as(item) == "noise":
        assert rejected_as(replace(item, peak=peak - 20.0, mean=peak - 20.0)) == "noise"
        assert rejected_as(replace(item, voxels=3)) == "noise"
    # However smooth the slice and dark the background, less than 7 of the least SD above soft tissue is noise.
    assert peak >= 40.0 + 7.0 * 12.0 or rejected_as(item) == "noise"


@given(peak=st.floats(130.0, 2400.0), blood=st.floats(80.0, 600.0))
def test_more_contrast_never_makes_calcium_of_what_was_contrast(peak, blood):
    item = facts(peak=peak, mean=0.8 * peak, blood=blood)
    if rejected_as(item) == "contrast":
        assert rejected_as(replace(item, blood=blood + 50.0)) == "contrast"


def test_a_clear_rim_is_neither_noise_nor_contrast_and_a_faint_one_may_be():
    faint = {"peak": 149.0, "mean": 135.0, "blood": 250.0}
    assert rejected_as(facts(**faint)) == "noise"
    assert rejected_as(facts(**faint, rim=True)) == "noise"
    assert rejected_as(facts(**{**faint, "peak": 160.0}, rim=True)) is None
    assert rejected_as(facts(blood=600.0, peak=500.0)) == "contrast"
    assert rejected_as(facts(blood=600.0, peak=500.0, rim=True)) is None


def test_the_first_rule_that_holds_decides():
    both = facts(peak=3000.0, outside_mm=1.0, metal_mm=3.0, touching=0.5)
    assert len(holding(both)) >= 4
    assert rejected_as(both) == RULES[holding(both)[0]][0] == "metal"
    assert not holding(PLAIN)


# --- neighbours ----------------------------------------------------------------------------------------------------


def judged(centre, **changes):
    what = facts(**changes)
    voxels = np.array([centre], dtype=np.int32)
    return Judged(Candidate(voxels, np.array([500.0], dtype=np.float32)), what, rejected_as(what))


CARTILAGE, PIECE = {"ribs": True, "depth": 12.0}, {"ribs": True, "depth": 30.0}
INFLOW = {"region": "neck", "blood": 200.0, "peak": 1800.0, "mean": 1200.0}
VEIN = {**INFLOW, "peak": 700.0, "mean": 500.0}


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 90), st.booleans()), min_size=1, max_size=12), st.randoms())
def test_cartilage_spreads_along_any_chain_of_short_steps_in_any_order(pieces, order):
    """The pieces reached are those that steps of less than 25 mm join to a known one, whatever their order."""
    items = [judged((0, 0, at), **(CARTILAGE if known else PIECE)) for at, known in pieces]
    reached = {at for at, known in pieces if known}
    while more := {at for at, _ in pieces if at not in reached and any(abs(at - r) < 25 for r in reached)}:
        reached |= more
    shuffled = list(items)
    order.shuffle(shuffled)
    for item in by_neighbours(shuffled, (1.0, 1.0, 1.0)):
        at = int(item.candidate.voxels[0, 2])
        assert item.reason == ("costal_cartilage" if at in reached else None)


@pytest.mark.parametrize(("spacing", "reason"), [(1.0, "costal_cartilage"), (2.0, None)])
def test_the_reach_is_in_mm(spacing, reason):
    items = [judged((0, 0, 0), **CARTILAGE), judged((0, 0, 20), **PIECE)]
    assert by_neighbours(items, (1.0, 1.0, spacing))[1].reason == reason


@pytest.mark.parametrize(("away", "depth", "reason"), [(20, 0.5, True), (20, 0.0, False), (10, 0.0, True)])
def test_in_the_breast_only_what_all_but_touches_a_cartilage_is_one(away, depth, reason):
    items = [judged((0, 0, 0), **CARTILAGE), judged((0, 0, away), **{**PIECE, "depth": depth})]
    assert by_neighbours(items, (1.0, 1.0, 1.0))[1].reason == ("costal_cartilage" if reason else None)


def test_neighbours_never_change_what_was_rejected_already_nor_the_candidates():
    bone = judged((0, 0, 5), **PIECE, touching=0.5)
    items = [judged((0, 0, 0), **CARTILAGE), bone, judged((0, 0, 10), **PIECE)]
    out = by_neighbours(items, (1.0, 1.0, 1.0))
    assert [item.reason for item in out] == ["costal_cartilage", "bone", "costal_cartilage"]
    assert [item.candidate for item in out] == [item.candidate for item in items]
    assert items[2].reason is None


@pytest.mark.parametrize(
    "changes",
    [{"ribs": False}, {"front": False}, {"depth": 38.1}, {"region": "pelvis"}],
    ids=["below the ribs", "behind", "deep", "pelvis"],
)
def test_what_cannot_be_cartilage_stays(changes):
    assert may_be_costal(facts(**PIECE))
    assert not may_be_costal(facts(**{**PIECE, **changes}))


@pytest.mark.parametrize(
    "changes",
    [{"blood": 0.0}, {"region": "chest"}, {"peak": 899.0}, {"volume": 59.0}, {"touching": 0.01}],
    ids=["no contrast", "chest", "fainter", "small", "touches bone"],
)
def test_each_condition_of_inflow_is_needed(changes):
    assert is_inflow(facts(**INFLOW))
    assert not is_inflow(facts(**{**INFLOW, **changes}))


def test_what_may_be_inflow_is_not_in_an_arterys_wall():
    assert may_be_inflow(facts(**VEIN))
    assert may_be_inflow(facts(**{**VEIN, "region": "chest"}))
    for changes in ({"in_wall": 0.1}, {"blood": 0.0}, {"region": "abdomen"}):
        assert not may_be_inflow(facts(**{**VEIN, **changes}))


def test_inflow_takes_its_own_name_and_does_not_spread_from_contrast_that_it_reached():
    items = [judged((0, 0, 0), **INFLOW), judged((0, 0, 80), **VEIN), judged((0, 0, 160), **VEIN)]
    assert [item.reason for item in by_neighbours(items, (1.0, 1.0, 1.0))] == ["contrast", "contrast", None]
