from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calciscope.domain import site
from calciscope.domain.deposit import Shape
from calciscope.domain.structures import Dictionary, dictionary
from calciscope.place import place
from calciscope.place.decide import CERTAIN, confidence, decide
from calciscope.place.features import features, surroundings
from calciscope.place.hypotheses import Hypothesis, closeness
from tests.place.make import SHAPE, anatomy, box, deposit, tube, volume


def put(item, body, image=None, meanings: Dictionary | None = None):
    (placed,) = place([item], image or volume(), body, meanings)
    return placed.placement


def test_inside_an_organ_with_its_provider_and_structure():
    found = put(deposit(), anatomy({"kidney_left": (box(20, 30, 30, 8), 0.9)}))
    assert (found.site, found.provider, found.structure) == ("kidney.left", "made", "kidney_left")
    assert CERTAIN < found.confidence <= 0.9


def test_nothing_near_gives_the_region_and_then_unplaced():
    assert put(deposit(), anatomy(region="abdomen")).site == "abdomen"
    assert put(deposit(), anatomy(region="abdomen", certain=0.3)).site == site.UNPLACED
    lost = put(deposit(), anatomy(region=None))
    assert (lost.site, lost.confidence, lost.structure) == (site.UNPLACED, 0.0, "")


def test_an_unsure_organ_is_only_an_alternative():
    found = put(deposit(), anatomy({"spleen": (box(20, 30, 30, 8), 0.4)}))
    assert found.site == "abdomen"
    assert found.alternatives[0][0] == "spleen"


def test_bone_and_unknown_names_are_no_place():
    masks = {"bone": (box(20, 30, 30, 8), 1.0), "an_odd_name": (box(20, 30, 30, 6), 1.0)}
    found = put(deposit(), anatomy(masks))
    assert (found.site, found.alternatives) == ("abdomen", ())


def test_two_equal_structures_abstain_and_show_both():
    masks = {"liver": (box(20, 30, 30, 8), 0.8), "spleen": (box(20, 30, 30, 0), 0.8)}
    both = anatomy(masks)
    found = put(deposit(half=1), both)
    assert {name for name, _ in found.alternatives} | {found.site} >= {"liver", "spleen"}


def test_wall_of_a_vessel_at_its_radius_and_not_far_from_it():
    body = anatomy(tubes=[tube("aorta", [(39, 30, 30), (0, 30, 30)], radius=10.0)])
    assert put(deposit((20, 30, 35), half=0), body).site == "artery.aorta.abdominal"
    assert put(deposit((20, 30, 52), half=0), body).site == "abdomen"


def test_the_region_names_the_part_of_the_aorta():
    wall = [tube("aorta", [(39, 30, 30), (0, 30, 30)], radius=10.0)]
    assert put(deposit((20, 30, 35), half=0), anatomy(tubes=wall, region="chest")).site == "artery.aorta.thoracic"
    assert put(deposit((20, 30, 35), half=0), anatomy(tubes=wall, region=None)).site == "artery.aorta"


def test_two_parts_of_one_artery_give_the_artery():
    ends = [(39, 30, 30), (0, 30, 30)]
    tubes = [tube("aorta_arch", ends, 10.0, 0.7), tube("aorta_descending", ends, 10.0, 0.7)]
    found = put(deposit((20, 30, 35), half=0), anatomy(tubes=tubes, region="chest"))
    assert found.site == "artery.aorta"
    assert {name for name, _ in found.alternatives} == {"artery.aorta.arch", "artery.aorta.thoracic"}


@pytest.mark.parametrize(("z", "name"), [(35, "proximal"), (20, "mid"), (5, "distal")])
def test_the_ureter_names_its_third_by_the_sacroiliac_joints(z, name):
    marks = [("sacroiliac_top", 80.0), ("sacroiliac_bottom", 40.0)]
    body = anatomy(tubes=[tube("ureter_right", [(39, 30, 30), (0, 30, 30)], 4.0)], landmarks=marks)
    found = put(deposit((z, 30, 30), half=0), body)
    assert (found.site, dict(found.attributes)) == ("ureter.right", {"location": name})


def test_without_the_joints_the_ureter_has_no_location():
    body = anatomy(tubes=[tube("ureter_right", [(39, 30, 30), (0, 30, 30)], 4.0)])
    assert dict(put(deposit(half=0), body).attributes) == {}


def test_a_long_streak_is_no_phlebolith():
    body = anatomy({"pelvic_wall_left": (box(20, 30, 30, 8), 0.85)}, region="pelvis")
    assert put(deposit(shape=Shape(5.0, 4.0, 0.9, 0.0)), body).site == "vein.pelvic"
    assert put(deposit(shape=Shape(30.0, 3.0, 0.4, 0.0)), body).site == "pelvis"


def test_a_nodule_needs_air_around_it():
    body = anatomy({"lung_left": (box(20, 30, 30, 8), 0.9)}, region="chest")
    air = volume(all=((slice(None),) * 3, -850))
    assert put(deposit(), body, air).site == "lung.nodule"
    assert put(deposit(), body, volume()).site == "chest"


def test_a_lump_in_muscle_is_soft_tissue_and_a_streak_may_be_a_vessel():
    body = anatomy({"muscle": (box(20, 30, 30, 12), 0.7)}, region="limb")
    assert put(deposit(half=5), body).site == "soft_tissue"
    streak = put(deposit(half=1, shape=Shape(20.0, 4.0, 0.5, 0.0)), body, volume(fill=-100))
    assert streak.site == "limb"
    assert streak.alternatives[0][0] == "soft_tissue"


def test_tissue_explains_only_what_organs_leave():
    masks = {"muscle": (box(20, 30, 30, 12), 0.7), "ureter_bed": (box(20, 30, 30, 1), 0.9)}
    course = [tube("ureter_left", [(39, 30, 30), (0, 30, 30)], 5.0, 0.75)]
    assert put(deposit(), anatomy(masks, tubes=course)).site == "ureter.left"
    assert put(deposit(), anatomy(masks)).site == "soft_tissue"


def test_inside_a_solid_mass_is_no_artery_of_the_leg():
    body = anatomy({"leg_artery": (box(20, 30, 30, 12), 0.7)}, region="limb")
    assert put(deposit(), body, volume(fill=-100)).site == "artery.leg"
    assert put(deposit(), body, volume(fill=50)).site == "soft_tissue"


def test_a_region_may_suggest_a_site():
    known = dictionary()
    hinted = replace(known, regions={"limb": (("artery.leg", 0.9),)})
    assert put(deposit(), anatomy(region="limb"), volume(fill=-100), hinted).site == "artery.leg"


def test_order_and_number_are_kept():
    body = anatomy({"kidney_left": (box(20, 30, 45, 6), 0.9), "kidney_right": (box(20, 30, 15, 6), 0.9)})
    items = [deposit((20, 30, 45), name="a"), deposit((20, 30, 15), name="b"), deposit((20, 5, 30), name="c")]
    placed = place(items, volume(), body)
    assert [p.deposit.id for p in placed] == ["a", "b", "c"]
    assert [p.placement.site for p in placed] == ["kidney.left", "kidney.right", "abdomen"]


@settings(max_examples=20, deadline=None)
@given(x=st.integers(4, 55), y=st.integers(10, 50))
def test_mirroring_the_body_swaps_the_sides(x, y):
    def sided(mirror):
        names = ("kidney_right", "kidney_left") if mirror else ("kidney_left", "kidney_right")
        return anatomy({names[0]: (box(20, 30, 45, 8), 0.9), names[1]: (box(20, 30, 14, 8), 0.9)})

    here = put(deposit((20, y, x), half=0), sided(mirror=False))
    there = put(deposit((20, y, SHAPE[2] - 1 - x), half=0), sided(mirror=False))
    swap = {"left": "right", "right": "left"}
    base, side = site.split(here.site)
    assert there.site == (f"{base}.{swap[side]}" if side else base)
    assert there.confidence == pytest.approx(here.confidence, abs=1e-3)


@given(score=st.floats(0, 0.99), rival=st.floats(0, 0.99))
def test_a_rival_never_helps(score, rival):
    assert confidence(score, rival) <= confidence(score, 0.0) + 1e-12
    assert 0.0 <= confidence(score, rival) <= score + 1e-12


def test_a_tie_is_not_certain():
    tie = (Hypothesis("liver", 0.85, "liver"), Hypothesis("gallbladder", 0.85, "gallbladder"))
    assert decide(tie, anatomy(), 20).site == "abdomen"


def test_a_sure_child_wins_over_its_parent():
    both = (Hypothesis("heart", 0.85, "heart"), Hypothesis("heart.pericardium", 0.8, "pericardium"))
    assert decide(both, anatomy(region="chest"), 20).site == "heart.pericardium"


def test_closeness_falls_with_distance():
    values = [closeness(np.array([d]), 3.0) for d in (-5.0, 0.0, 2.0, 4.0, 20.0)]
    assert values[0] == values[1] == 1.0
    assert values == sorted(values, reverse=True)
    assert values[-1] < 1e-6


def test_surroundings_leave_the_deposit_out():
    item = deposit(half=2)
    bright = volume(stone=(box(20, 30, 30, 3), 900))
    around = surroundings(item, bright)
    assert around.size
    assert around.max() == 40
    seen = features(item, volume(fill=-100))
    assert seen["fat"] == 1.0
    assert seen["air"] == 0.0
    assert seen["elongation"] == pytest.approx(15 / 10)


def test_a_deposit_at_the_corner_of_the_volume_is_placed():
    assert put(deposit((1, 1, 1)), anatomy()).site == "abdomen"


def test_the_dictionary_names_only_sites_that_exist():
    table = dictionary()
    for meaning in table.meanings.values():
        for place_of in (meaning.site, *meaning.by_region.values()):
            assert place_of is None or site.exists(place_of), meaning.name
        assert 0 <= meaning.weight <= 1
        assert not meaning.locations or len(meaning.locations) == len(meaning.divided_by) + 1
    named = features(deposit(), volume())
    for rule in table.evidence:
        assert set(rule.when) <= set(named), rule.why
        assert all(site.exists(place_of) for place_of in rule.sites), rule.why
    assert {"kidney_left", "kidney_right", "urinary_bladder", "lung_upper_lobe_left"} <= set(table.meanings)


@pytest.mark.parametrize("part", ["cortex", "medulla", "sinus"])
def test_a_part_of_a_kidney_is_the_kidney_with_a_location(part):
    whole = put(deposit(), anatomy({"kidney_left": (box(20, 30, 30, 8), 0.9)}))
    masks = {"kidney_left": (box(20, 30, 30, 8), 0.9), f"kidney_{part}_left": (box(20, 30, 30, 3), 0.9)}
    found = put(deposit(half=2), anatomy(masks))
    assert (found.site, found.structure) == ("kidney.left", "kidney_left")
    assert part in found.attributes["location"]
    assert "location" not in whole.attributes


def test_a_deposit_across_parts_is_as_sure_as_in_the_whole():
    body = {"kidney_cortex_left": (box(20, 30, 38, 8), 0.9), "kidney_sinus_left": (box(20, 30, 21, 8), 0.9)}
    assert put(deposit(), anatomy(body)).confidence == pytest.approx(
        put(deposit(), anatomy({"kidney_left": (box(20, 30, 30, 8), 0.9)})).confidence, abs=0.01
    )
