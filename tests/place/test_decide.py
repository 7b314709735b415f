"""Laws of placing: hypotheses, the decision between them, surroundings and merging."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calciscope.domain import site as sites
from calciscope.domain.deposit import Shape
from calciscope.domain.image import Geometry, Volume
from calciscope.domain.structures import dictionary
from calciscope.place.confidence import RAW
from calciscope.place.course import closeness
from calciscope.place.decide import CERTAIN, confidence, decide
from calciscope.place.features import crop, features, surroundings
from calciscope.place.hypotheses import Hypothesis, Scorer
from calciscope.place.merge import merged
from tests.place.make import GEOMETRY, SHAPE, anatomy, box, deposit, tube, volume

KNOWN = dictionary()
SILENT = replace(KNOWN, evidence=())
BODY = anatomy()
PLACES = (
    "heart", "heart.pericardium", "artery.aorta", "artery.aorta.arch", "artery.aorta.thoracic", "artery.iliac.left",
    "artery.iliac.right", "kidney.left", "kidney.right", "liver", "gallbladder", "lung.nodule", "vein.pelvic",
)  # fmt: skip


def readings(**scores):
    """Hypotheses by site (dots written as two underscores), best first."""
    items = [Hypothesis(name.replace("__", "."), value, name) for name, value in scores.items()]
    return tuple(sorted(items, key=lambda item: (-item.score, item.site)))


@st.composite
def many(draw):
    chosen = draw(st.lists(st.sampled_from(PLACES), unique=True, max_size=6))
    items = [Hypothesis(name, draw(st.floats(0.02, 0.99)), name) for name in chosen]
    return tuple(sorted(items, key=lambda item: (-item.score, item.site)))


# --- the decision ----------------------------------------------------------------------------------------------


@given(found=many())
def test_a_placement_is_a_site_read_or_something_above_it(found):
    placed = decide(found, BODY, 20)
    above = {up for item in found for up in (item.site, *sites.ancestors(item.site))}
    assert placed.site in above | {"abdomen"}
    assert CERTAIN <= placed.confidence <= 0.99
    if found and placed.site != "abdomen":
        assert sites.within(found[0].site, placed.site) or sites.within(placed.site, found[0].site)


@given(found=many())
def test_alternatives_are_the_other_readings_worth_showing(found):
    placed = decide(found, BODY, 20)
    shown = {name for name, _ in placed.alternatives}
    # A reading that won is not its own alternative.
    assert placed.structure != placed.site or placed.site not in shown
    assert shown - {placed.site} == {item.site for item in found if item.score >= 0.1} - {placed.site}
    scores = {item.site: item.score for item in found}
    assert all(0.0 <= value <= scores[name] + 5e-4 for name, value in placed.alternatives)


@given(found=many(), score=st.floats(0.02, 0.99))
def test_an_unrelated_reading_never_makes_a_site_surer(found, score):
    before = decide(found, BODY, 20)
    rival = Hypothesis("thyroid", score, "thyroid")
    after = decide(sorted((*found, rival), key=lambda item: (-item.score, item.site)), BODY, 20)
    if after.site == before.site:
        assert after.confidence <= before.confidence


@given(low=st.floats(0.0, 0.99), high=st.floats(0.0, 0.99), rival=st.floats(0.0, 0.99))
def test_confidence_grows_with_the_score_and_falls_with_the_rival(low, high, rival):
    low, high = min(low, high), max(low, high)
    assert confidence(low, rival) <= confidence(high, rival) + 1e-12
    assert confidence(rival, high) <= confidence(rival, low) + 1e-12


@given(score=st.floats(0.02, 0.99))
def test_a_tie_of_unrelated_sites_never_wins(score):
    assert decide(readings(liver=score, spleen=score), BODY, 20).site == "abdomen"


def test_one_side_or_the_other_gives_the_organ():
    placed = decide(readings(kidney__left=0.48, kidney__right=0.48), BODY, 20)
    assert placed.site == "kidney"
    assert [name for name, _ in placed.alternatives] == ["kidney.left", "kidney.right"]


def test_distant_branches_give_their_common_stem():
    assert decide(readings(artery__aorta__arch=0.4, artery__iliac__left=0.4), BODY, 20).site == "artery"


def test_a_strong_stranger_keeps_the_stem_from_being_certain():
    three = readings(kidney__left=0.48, kidney__right=0.48, spleen=0.47)
    assert decide(three, BODY, 20).site == "abdomen"


def test_which_of_several_arteries_may_be_open_where_that_it_is_one_of_them_is_not():
    def inside(*pairs):
        return tuple(Hypothesis(site, score, site, group="heart") for site, score in pairs)

    arteries = [("artery.coronary.lm", 0.3), ("artery.coronary.lcx", 0.25), ("artery.coronary", 0.05)]
    valve = ("heart.mitral_annulus", 0.36)
    assert decide(inside(valve, *arteries), BODY, 5, known=RAW).site == "artery.coronary"
    # Fewer arteries do not beat it together, and what does not exclude each other does not add up.
    assert decide(inside(valve, *arteries[:1]), BODY, 5, known=RAW).site == "heart"
    apart = [Hypothesis(site, score, site) for site, score in (valve, *arteries)]
    assert not sites.within(decide(apart, BODY, 5, known=RAW).site, "artery")


def test_an_unsure_child_does_not_hide_its_sure_parent():
    assert decide(readings(heart=0.9, heart__pericardium=0.2), BODY, 20).site == "heart"


def test_facts_of_the_place_come_only_with_the_place_itself():
    sure = Hypothesis("ureter.left", 0.9, "ureter_left", (("location", "mid"),))
    placed = decide((sure,), BODY, 20)
    assert (placed.site, dict(placed.attributes)) == ("ureter.left", {"location": "mid"})
    unsure = replace(sure, score=0.48), Hypothesis("ureter.right", 0.48, "ureter_right")
    assert (decide(unsure, BODY, 20).site, dict(decide(unsure, BODY, 20).attributes)) == ("ureter", {})


def test_outside_of_the_regions_nothing_is_placed():
    for index, expected in ((-1, sites.UNPLACED), (0, "abdomen"), (39, "abdomen"), (40, sites.UNPLACED)):
        assert decide((), BODY, index).site == expected


# --- hypotheses ------------------------------------------------------------------------------------------------


def scored(item, body, image=None, known=SILENT):
    return Scorer(image or volume(), body, known).score(item)


@settings(max_examples=25, deadline=None)
@given(z=st.integers(2, 37), y=st.integers(2, 57), x=st.integers(2, 57))
def test_hypotheses_are_one_a_site_and_best_first(z, y, x):
    masks = {
        "liver": (box(20, 30, 14, 9), 0.9),
        "gallbladder": (box(20, 26, 22, 4), 0.8),
        "kidney_left": (box(20, 40, 42, 7), 0.9),
        "muscle": (box(8, 30, 30, 7), 0.7),
    }
    found = scored(deposit((z, y, x)), anatomy(masks, [tube("aorta", [(39, 34, 30), (0, 34, 30)], 8.0)]), known=KNOWN)
    assert len({item.site for item in found}) == len(found)
    assert [item.score for item in found] == sorted((item.score for item in found), reverse=True)
    assert all(0.0 <= item.score <= 0.99 and sites.exists(item.site) for item in found)


@settings(max_examples=15, deadline=None)
@given(sure=st.floats(0.05, 1.0))
def test_a_score_follows_the_confidence_of_its_structure(sure):
    (half,) = scored(deposit(), anatomy({"kidney_left": (box(20, 30, 30, 8), 0.5)}))
    (item,) = scored(deposit(), anatomy({"kidney_left": (box(20, 30, 30, 8), sure)}))
    assert item.score == pytest.approx(half.score * sure / 0.5)


@given(a=st.lists(st.floats(-20, 60), min_size=1, max_size=20), push=st.floats(0, 20), loose=st.floats(0.5, 10))
def test_closeness_never_grows_with_distance_and_never_falls_with_tolerance(a, push, loose):
    away = np.array(a)
    assert 0.0 <= closeness(away, loose) <= 1.0
    assert closeness(away + push, loose) <= closeness(away, loose) + 1e-12
    assert closeness(away, loose) <= closeness(away, 2 * loose) + 1e-12


def test_closeness_at_the_tolerance_is_the_bells_shoulder():
    assert closeness(np.array([3.0]), 3.0) == pytest.approx(np.exp(-0.5))


def test_a_deposit_further_from_an_organ_scores_lower():
    body = anatomy({"kidney_left": (box(20, 30, 30, 6), 0.9)})
    scores = [max((h.score for h in scored(deposit((20, 30, x), half=0), body)), default=0.0) for x in range(30, 46)]
    assert scores == sorted(scores, reverse=True)
    assert scores[0] == scores[6] == pytest.approx(0.9 * 0.95)
    assert scores[-1] == 0.0


def test_a_curve_of_few_points_is_the_same_as_one_of_many():
    at = [(20, 30, x) for x in (30, 33, 36, 40)]
    few = anatomy(tubes=[tube("aorta", [(39, 30, 30), (0, 30, 30)], 8.0)])
    many_points = anatomy(tubes=[tube("aorta", [(z, 30, 30) for z in range(39, -1, -1)], 8.0)])
    for where in at:
        (one,) = scored(deposit(where, half=0), few) or (None,)
        (other,) = scored(deposit(where, half=0), many_points) or (None,)
        assert (one is None) == (other is None)
        assert one is None or one.score == pytest.approx(other.score, rel=0.05)


def test_the_middle_of_a_wide_lumen_is_less_likely_than_the_wall():
    body = anatomy(tubes=[tube("aorta", [(39, 30, 30), (0, 30, 30)], 18.0)])
    middle, wall = (scored(deposit((20, 30, x), half=0), body)[0].score for x in (30, 39))
    assert 0.6 * wall <= middle < wall
    small = anatomy(tubes=[tube("aorta", [(39, 30, 30), (0, 30, 30)], 8.0)])
    assert scored(deposit(half=0), small)[0].score == pytest.approx(wall)


def test_parts_of_the_aorta_are_named_by_structures_or_else_by_the_region():
    ends = [(39, 30, 30), (0, 30, 30)]
    alone = scored(deposit(half=0), anatomy(tubes=[tube("aorta", ends)], region="chest"))
    assert [h.site for h in alone] == ["artery.aorta.thoracic"]
    masks = {"aorta_arch": (box(38, 5, 5, 1), 0.9)}
    divided = scored(deposit(half=0), anatomy(masks, [tube("aorta", ends)], region="chest"))
    assert [h.site for h in divided] == ["artery.aorta"]


def test_a_region_hides_a_tissue_that_is_an_alternative():
    found = scored(deposit(), anatomy({"leg_artery": (box(20, 30, 30, 12), 0.7)}, region="limb"))
    by_site = {item.site: item for item in found}
    assert set(by_site) == {"artery.leg", "soft_tissue"}
    assert by_site["soft_tissue"].tissue
    assert by_site["soft_tissue"].score < by_site["artery.leg"].score


@settings(max_examples=15, deadline=None)
@given(sure=st.floats(0.05, 1.0))
def test_tissue_gets_what_the_organs_leave(sure):
    masks = {"muscle": (box(20, 30, 30, 12), 0.7), "kidney_left": (box(20, 30, 30, 3), sure)}
    both = {h.site: h.score for h in scored(deposit(half=3), anatomy(masks))}
    kidney = both["kidney.left"]
    alone = {h.site: h.score for h in scored(deposit(half=3), anatomy({**masks, "kidney_left": (box(38, 5, 5, 0), 1)}))}
    assert both.get("soft_tissue", 0.0) <= alone["soft_tissue"] * (1 - kidney) ** 2 + 1e-9


# --- surroundings and features -----------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(z=st.integers(1, 38), y=st.integers(1, 58), x=st.integers(1, 58), margin=st.floats(0, 40), grid=st.floats(0, 8))
def test_a_crop_holds_the_deposit_its_margin_and_nothing_outside(z, y, x, margin, grid):
    item = deposit((z, y, x))
    found = crop(item, volume(), margin, grid)
    for axis, size in enumerate(SHAPE):
        low, high = item.voxels[:, axis].min(), item.voxels[:, axis].max()
        steps = margin / GEOMETRY.spacing[axis]
        assert 0 <= found.start[axis] <= max(0, low - steps)
        assert min(size, high + steps + 1) <= found.stop[axis] <= size
        assert found.step[axis] == max(1, int(grid // GEOMETRY.spacing[axis]))


def test_a_large_crop_is_thinned():
    geometry = Geometry((80, 90, 90), (1.0, 1.0, 1.0))
    large = Volume(np.zeros(geometry.shape, dtype=np.int16), geometry)
    found = crop(deposit((20, 30, 30)), large, 200.0)
    assert found.stop == geometry.shape
    assert found.step == (2, 2, 2)


@settings(max_examples=20, deadline=None)
@given(fill=st.integers(-1000, 120), half=st.integers(0, 4))
def test_shares_of_uniform_tissue_are_all_or_nothing(fill, half):
    seen = features(deposit(half=half), volume(fill, stone=(box(20, 30, 30, half), 900)))
    assert seen["fat"] == seen["fat_near"] == float(-150 < fill < -30)
    assert seen["air"] == seen["air_near"] == float(fill < -400)


def test_the_far_neighbourhood_is_seen_only_by_the_far_feature():
    halo = volume(-100, near=(box(20, 30, 30, 4), 50))
    seen = features(deposit(half=1), halo)
    assert seen["fat"] == 0.0
    assert 0.3 < seen["fat_near"] < 1.0


def test_more_reach_sees_more_tissue():
    sizes = [surroundings(deposit(), volume(), reach).size for reach in (4.0, 8.0, 16.0)]
    assert sizes == sorted(set(sizes))


# --- merging -----------------------------------------------------------------------------------------------------

SPOTS = st.tuples(st.integers(2, 37), st.integers(2, 27), st.integers(2, 57))


def apart(left, right):
    """Two cubes that do not touch: one in front, one behind."""
    return deposit(left, name="a", hu=300.0), deposit((right[0], right[1] + 30, right[2]), half=0, name="b", hu=700.0)


@settings(max_examples=30, deadline=None)
@given(left=SPOTS, right=SPOTS)
def test_merging_keeps_every_voxel_and_its_attenuation(left, right):
    one, two = apart(left, right)
    both = merged(one, two)
    assert both.id == "a"
    assert both.volume_mm3 == pytest.approx(one.volume_mm3 + two.volume_mm3)
    pairs = {(*map(int, v), float(h)) for d in (one, two) for v, h in zip(d.voxels, d.hu, strict=True)}
    assert {(*map(int, v), float(h)) for v, h in zip(both.voxels, both.hu, strict=True)} == pairs
    assert (both.peak_hu, both.hu.min()) == (700.0, 300.0)


@settings(max_examples=30, deadline=None)
@given(left=SPOTS, right=SPOTS)
def test_the_order_of_merging_matters_only_for_the_name(left, right):
    one, two = apart(left, right)
    here, there = merged(one, two), merged(two, one)
    assert np.array_equal(here.voxels, there.voxels)
    assert np.array_equal(here.hu, there.hu)
    for name in ("center_mm", "extent_mm", "volume_mm3", "background_hu"):
        assert getattr(here, name) == pytest.approx(getattr(there, name)), name
    assert here.shape.sphericity == pytest.approx(there.shape.sphericity)
    assert here.shape.length == pytest.approx(there.shape.length)
    assert {here.id, there.id} == {"a", "b"}


@settings(max_examples=30, deadline=None)
@given(left=SPOTS, right=SPOTS)
def test_what_is_merged_is_longer_wider_apart_and_less_round(left, right):
    one, two = apart(left, right)
    both = merged(one, two)
    gap = float(np.linalg.norm(np.array(one.center_mm) - np.array(two.center_mm)))
    assert both.shape.length >= max(one.shape.length, two.shape.length, gap)
    assert both.shape.sphericity <= max(one.shape.sphericity, two.shape.sphericity) + 1e-9
    assert np.all(np.array(both.extent_mm) >= np.maximum(one.extent_mm, two.extent_mm) - 1e-9)
    # The centre lies on the line between the two, nearer to the larger one.
    to_one, to_two = (float(np.linalg.norm(np.array(both.center_mm) - np.array(d.center_mm))) for d in (one, two))
    assert to_one + to_two == pytest.approx(gap)
    assert to_one < to_two


def test_two_equal_balls_are_as_round_as_theory_says():
    ball = Shape(6.0, 6.0, 1.0, 0.0)
    one, two = deposit((10, 10, 10), shape=ball), deposit((10, 40, 10), shape=ball)
    assert merged(one, two).shape.sphericity == pytest.approx(2 ** (-1 / 3))


def test_merging_equal_rims_keeps_how_hollow_they_are():
    rim = Shape(12.0, 10.0, 0.6, 0.4)
    one, two = deposit((10, 10, 10), shape=rim), deposit((10, 40, 10), shape=rim)
    assert merged(one, two).shape.hollow == pytest.approx(0.4)
