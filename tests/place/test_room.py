"""Deposits inside the heart: its parts exclude each other, and the heart holds what none of them surely does."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from calciscope.domain.anatomy import Landmark
from calciscope.domain.deposit import Shape
from calciscope.domain.structures import dictionary
from calciscope.place import hypotheses, place, room
from calciscope.place.decide import CERTAIN, decide
from calciscope.place.features import above_ostia, features, in_aorta, to_fat
from calciscope.place.hypotheses import Hypothesis, Scorer
from tests.place.make import GEOMETRY, anatomy, box, deposit, tube, volume

KNOWN = dictionary()
SILENT = replace(KNOWN, evidence=())
HEART = KNOWN.groups["heart"]
RULES = [rule for rule in KNOWN.evidence if any(s.startswith(("heart.", "artery.coronary")) for s in rule.sites)]
# 3 mm slices, 2 mm pixels: the heart is a box of 78 x 76 x 76 mm.
REGION = (slice(7, 33), slice(11, 49), slice(11, 49))
NEUTRAL = {
    "length_mm": 8.0, "width_mm": 4.0, "elongation": 2.0, "sphericity": 0.8, "hollow": 0.0, "volume_mm3": 60.0,
    "peak_hu": 600.0, "mean_hu": 400.0, "fat": 0.08, "air": 0.0, "fat_near": 0.2, "air_near": 0.0,
    "to_fat_mm": 3.0, "bone_mm": 12.0, "airway_mm": 12.0, "in_aorta": 0.0, "above_ostia_mm": -999.0,
    "cut": 0.0,
}  # fmt: skip


def curve(name, at, radius=2.0, confidence=0.95):
    """A vessel that runs through the body at a row and column."""
    return tube(name, [(39, *at), (0, *at)], radius, confidence)


def body(*tubes, certain=0.9, masks=None, region="chest"):
    return anatomy({"heart_region": (REGION, certain), **(masks or {})}, tubes, region=region)


def read(item, where, known=SILENT, image=None):
    return {h.site: h for h in Scorer(image or volume(-100), where, known).score(item)}


@pytest.fixture
def seeing(monkeypatch):
    def see(**values):
        monkeypatch.setattr(hypotheses, "features", lambda *_: {**NEUTRAL, **values})

    return see


LAD, LCX = curve("coronary_lad", (30, 20)), curve("coronary_lcx", (30, 40))


def test_a_deposit_on_an_artery_is_in_that_artery():
    (placed,) = place([deposit((20, 30, 20), half=0)], volume(-100), body(LAD, LCX))
    assert placed.placement.site == "artery.coronary.lad"
    assert placed.placement.confidence > 0.8
    assert placed.placement.structure == "coronary_lad"


@given(x=st.integers(12, 47), sure=st.floats(0.3, 1.0))
def test_beliefs_of_the_parts_add_up_to_no_more_than_one(x, sure):
    curves = [replace(LAD, confidence=sure), replace(LCX, confidence=sure)]
    found = read(deposit((20, 30, x), half=0), body(*curves))
    own = [h.score for h in found.values() if h.group == "heart"]
    assert own
    assert sum(own) <= 1.0 + 1e-9
    assert all(h.site != "heart" or h.score >= 0 for h in found.values())


def test_half_way_between_two_arteries_it_is_a_coronary_artery():
    near = curve("coronary_lad", (30, 27)), curve("coronary_rca", (30, 33))
    (placed,) = place([deposit((20, 30, 30), half=0)], volume(-100), body(*near), SILENT)
    assert placed.placement.site == "artery.coronary"
    shown = dict(placed.placement.alternatives)
    assert shown["artery.coronary.lad"] == pytest.approx(shown["artery.coronary.rca"], abs=0.1)


def test_what_lies_between_wall_and_artery_shows_both_readings_close_to_each_other():
    parts = replace(curve("aortic_root", (30, 30), 15.0)), curve("coronary_rca", (30, 37), 2.0)
    (placed,) = place([deposit((20, 30, 37), half=0)], volume(-100), body(*parts), SILENT)
    shown = {placed.placement.site: placed.placement.confidence, **dict(placed.placement.alternatives)}
    assert abs(shown["artery.coronary.rca"] - shown["artery.aorta.root"]) < 0.35


@pytest.mark.parametrize(("hu", "site"), [(45, "heart"), (-100, "artery.coronary")])
def test_an_unsure_frame_gives_the_heart_and_in_its_fat_an_artery(hu, site):
    unsure = body(replace(LAD, confidence=0.4), replace(LCX, confidence=0.4))
    (placed,) = place([deposit((20, 30, 20), half=0)], volume(hu), unsure)
    assert placed.placement.site == site
    assert placed.placement.confidence < 0.9 or site == "heart"


def test_in_the_fat_on_the_heart_beside_every_curve_lies_an_artery():
    item = deposit((20, 30, 30), half=0)
    fat, muscle = (read(item, body(LAD, LCX), KNOWN, volume(hu)) for hu in (-100, 45))
    assert fat["artery.coronary"].score > 0.4
    assert "artery.coronary" not in muscle


def test_on_its_curve_an_artery_needs_no_general_reading():
    found = read(deposit((20, 30, 20), half=0), body(LAD, LCX))
    assert found["artery.coronary.lad"].score > 0.8
    assert found.get("artery.coronary", Hypothesis("", 0.0, "")).score < 0.1


def test_what_lies_in_the_fat_far_from_every_artery_is_a_node_rather_than_an_artery():
    far = curve("coronary_lad", (13, 13))
    near, away = (read(deposit(at, half=0), body(far), KNOWN) for at in ((20, 16, 24), (20, 46, 46)))
    assert near["artery.coronary"].score > 0.4
    assert "artery.coronary" not in away


def test_a_great_lump_in_fat_on_no_curve_is_no_artery():
    item = deposit((20, 30, 30), half=0)
    found = read(replace(item, volume_mm3=2000.0), body(LAD, LCX), KNOWN)
    assert "artery.coronary" not in found


def test_what_lies_within_the_circle_of_the_aorta_is_in_the_aorta():
    root = curve("aortic_root", (30, 30), 15.0)
    inside, wall, away = (in_aorta(deposit((20, 30, x), half=0), volume(45), body(root)) for x in (30, 37, 45))
    assert (inside, wall, away) == (1.0, pytest.approx(0.0, abs=0.5), 0.0)
    assert in_aorta(deposit((20, 30, 30), half=0), volume(45), body(LAD)) == 0.0
    short = tube("aortic_root", [(34, 30, 30), (30, 30, 30)], 15.0)
    assert in_aorta(deposit((12, 30, 30), half=0), volume(45), body(short)) == 0.0


def test_fat_well_above_a_sure_level_of_the_ostia_holds_no_artery():
    item = deposit((30, 30, 30), half=0)
    beside = body(LAD, LCX)

    def level(z, sure):
        x, y, height = (float(v) for v in GEOMETRY.to_mm(np.array([[z, 30, 30]]))[0])
        return replace(beside, landmarks={"left_main_level": Landmark("left_main_level", (x, y, height), sure)})

    low, near, doubted = level(20, 0.9), level(28, 0.9), level(20, 0.7)
    assert [above_ostia(item, one) for one in (low, near)] == pytest.approx([30.0, 6.0])
    assert above_ostia(item, doubted) < -100.0 > above_ostia(item, beside)
    arteries = [read(item, one, KNOWN).get("artery.coronary", Hypothesis("", 0.0, "")) for one in (near, low, doubted)]
    assert arteries[0].score == arteries[2].score > 0.4 > 2 * arteries[1].score


def test_a_root_is_no_wall_in_its_middle_and_a_valve_is():
    root, valve = curve("aortic_root", (30, 30), 15.0), curve("aortic_valve", (30, 30), 9.0)
    middle, rim = (read(deposit((20, 30, x), half=0), body(root, valve), image=volume(45)) for x in (30, 37))
    assert middle["heart.aortic_valve"].score > 0.7
    assert "artery.aorta.root" not in middle
    assert rim["artery.aorta.root"].score > rim["heart.aortic_valve"].score


def test_a_wide_tube_ends_where_it_ends():
    valve = tube("aortic_valve", [(22, 30, 30), (18, 30, 30)], 9.0)
    inside, above = (read(deposit((z, 30, 30), half=0), body(valve), image=volume(45)) for z in (20, 27))
    assert inside["heart.aortic_valve"].score > 0.7
    assert above["heart.aortic_valve"].score < 0.4 if "heart.aortic_valve" in above else True


def test_outside_of_the_heart_no_part_of_it_is_meant():
    far = curve("coronary_lad", (30, 3))
    found = read(deposit((20, 30, 3), half=0), body(far))
    assert not any(h.group for h in found.values())


def test_without_a_heart_region_there_are_no_parts():
    found = read(deposit((20, 30, 20), half=0), anatomy(tubes=[LAD], region="chest"))
    assert not found


def test_without_curves_the_region_is_the_heart_as_before():
    found = read(deposit((20, 30, 20)), body(), image=volume(45))
    assert set(found) == {"heart"}
    assert found["heart"].group is None
    assert found["heart"].score == pytest.approx(0.9 * KNOWN.meanings["heart_region"].weight)


def test_without_curves_what_lies_in_the_fat_of_the_heart_is_an_artery_but_not_surely():
    (placed,) = place([deposit((20, 30, 20), half=0)], volume(-100), body())
    assert placed.placement.site == "artery.coronary"
    assert CERTAIN <= placed.placement.confidence < 0.8
    (far,) = place([deposit((20, 30, 3), half=0)], volume(-100), body())
    assert far.placement.site != "artery.coronary"


def test_a_wall_that_no_curve_explains_stays_with_the_aorta():
    wall = {"aorta_ascending": ((slice(28, 33), slice(26, 34), slice(26, 34)), 0.85)}
    low = tube("coronary_lad", [(12, 45, 45), (8, 45, 45)], 2.0)
    found = read(deposit((30, 30, 30), half=0), body(low, masks=wall), image=volume(45))
    best = max(found.values(), key=lambda h: h.score)
    assert best.site == "artery.aorta.ascending"


def test_the_outline_and_the_depth_suggest_pericardium_and_muscle():
    far = curve("coronary_lad", (45, 45))
    edge = read(deposit((20, 11, 20), half=0), body(far), image=volume(45))
    deep = read(deposit((20, 26, 24), half=0), body(far), image=volume(45))
    assert edge["heart.pericardium"].score > deep.get("heart.pericardium", Hypothesis("", 0.0, "")).score
    assert deep["heart.myocardium"].score > edge.get("heart.myocardium", Hypothesis("", 0.0, "")).score


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: f"{rule.sites[0]}-x{rule.times}-{next(iter(rule.when))}")
def test_evidence_of_the_heart_speaks_in_its_direction(rule, seeing):
    held = {
        "artery.coronary": "coronary_lad", "artery.coronary.lcx": "coronary_lcx", "heart.aortic_valve": "aortic_valve",
        "heart.mitral_annulus": "mitral_annulus", "heart.myocardium": None, "heart.pericardium": None,
    }  # fmt: skip
    target = rule.sites[0]
    curves = [curve(held[target], (30, 30))] if held[target] else []
    item = deposit((20, 11, 30) if target == "heart.pericardium" else (20, 30, 30), half=0)
    where = body(*curves, curve("coronary_rca", (30, 34) if target != "heart.pericardium" else (18, 30)))

    def inside(bounds):
        low, high = bounds
        return high / 2 if low == -np.inf else low * 1.5 if high == np.inf else (low + high) / 2

    seeing(**{name: inside(bounds) for name, bounds in rule.when.items()})

    def best(known):
        found = read(item, where, known)
        # What speaks of all arteries speaks of the rival too.
        return max((h.score for h in found.values() if h.site.startswith(target)), default=0.0)

    plain, told = best(SILENT), best(replace(KNOWN, evidence=(rule,)))
    assert plain > 0
    assert told > plain if rule.times > 1 else told < plain


@given(st.lists(st.floats(0.0, 3.0), min_size=1, max_size=6), st.floats(0.01, 1.0))
def test_shares_add_up_with_none_of_them_to_one(weights, none):
    found = room.shares(weights, none)
    assert 0.0 <= sum(found) < 1.0
    order = np.argsort(weights, kind="stable")
    assert (np.diff(np.array(found)[order]) >= -1e-12).all()


@pytest.mark.parametrize(("column", "expected"), [(30, 16.0), (13, 4.0), (9, -4.0)])
def test_depth_is_the_distance_from_the_outline(column, expected):
    item = deposit((20, 30, column), half=0)
    found = room.depth(item, item.voxels, volume(), body(LAD), HEART)
    assert found.certain == 0.9
    assert found.mm.mean() == pytest.approx(expected, abs=2.1)


# --- the decision ----------------------------------------------------------------------------------------------


def parts(**scores):
    items = [Hypothesis(k.replace("__", "."), v, k, group="heart") for k, v in scores.items()]
    return tuple(sorted(items, key=lambda item: -item.score))


def settled(*found):
    return decide(sorted(found, key=lambda item: -item.score), body(LAD), 20)


def test_a_part_is_as_sure_as_its_share():
    placed = settled(*parts(artery__coronary__lad=0.85, heart__pericardium=0.1))
    assert (placed.site, placed.confidence) == ("artery.coronary.lad", 0.85)


def test_parts_that_share_the_belief_give_the_heart_and_not_the_arteries():
    placed = settled(*parts(artery__coronary__rca=0.45, heart__aortic_valve=0.4, heart=0.1))
    assert placed.site == "heart"
    assert placed.confidence > 0.9
    assert dict(placed.alternatives) == {"artery.coronary.rca": 0.45, "heart.aortic_valve": 0.4}


def test_root_and_ascending_give_the_aorta():
    assert settled(*parts(artery__aorta__root=0.45, artery__aorta__ascending=0.4)).site == "artery.aorta"


def test_what_lies_beside_the_heart_is_not_in_it():
    placed = settled(*parts(artery__aorta__ascending=0.49, heart=0.2, heart__myocardium=0.1))
    assert placed.site == "chest"


def test_a_rival_outside_of_the_heart_makes_all_parts_less_sure():
    alone = settled(*parts(artery__coronary__lcx=0.9))
    beside = settled(*parts(artery__coronary__lcx=0.9), Hypothesis("artery.aorta.thoracic", 0.5, "aorta_descending"))
    assert beside.confidence < alone.confidence
    assert beside.confidence >= CERTAIN


# --- features --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("gap", [2, 4])
def test_distance_to_fat(gap):
    fat = volume(45, fat=((slice(None), slice(None), slice(31 + gap, None)), -100))
    expected = gap * GEOMETRY.spacing[2]
    assert to_fat(deposit((20, 30, 30), half=0), fat) == pytest.approx(expected, abs=2.1)


def test_noise_is_no_fat_and_far_fat_is_far():
    rng = np.random.default_rng(1)
    noisy = volume(45)
    image = replace(noisy, hu=(noisy.hu + rng.normal(0, 30, noisy.hu.shape)).astype(np.int16))
    assert to_fat(deposit(half=0), image) == 12.0
    assert features(deposit(half=0), image)["to_fat_mm"] == 12.0


def test_what_the_finder_saw_is_a_feature():
    item = replace(deposit(shape=Shape(4.0, 3.0, 0.9, 0.0)), context={"distance_to_bone_mm": 2.5})
    seen = features(item, volume())
    assert seen["bone_mm"] == 2.5
    assert seen["airway_mm"] == 12.0


def test_a_label_map_of_the_arteries_agrees_with_the_curves():
    where = body(LAD, LCX, masks={"coronary_arteries": (box(20, 30, 20, 1), 0.9)})
    found = read(deposit((20, 30, 20), half=0), where)
    assert found["artery.coronary"].group is None
    assert settled(*found.values()).site == "artery.coronary.lad"
