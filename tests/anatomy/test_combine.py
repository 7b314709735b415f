"""What replaces what where one anatomy is laid over another."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calciscope.anatomy.combine import overlay
from calciscope.domain.anatomy import Manifest
from calciscope.domain.structures import dictionary
from calciscope.errors import AnatomyError
from calciscope.place import place
from tests.place.make import SHAPE, anatomy, box, deposit, tube, volume

UPPER, LOWER = (slice(20, 40), slice(25, 35), slice(25, 35)), (slice(0, 20), slice(25, 35), slice(25, 35))
COLUMN = (slice(0, 40), slice(27, 33), slice(27, 33))


def better(masks=None, **more):
    return replace(anatomy(masks, region=None, **more), manifest=Manifest("better", "2", "MIT"))


def where(part):
    mask = np.zeros(SHAPE, dtype=bool)
    mask[part] = True
    return mask


def test_a_structure_comes_from_the_upper_one_alone_with_its_provider():
    base = anatomy({"liver": (box(20, 30, 15, 6), 0.6), "spleen": (box(20, 30, 45, 4), 0.7)})
    body = overlay(base, better({"liver": (box(22, 30, 15, 3), 0.9)}))
    assert np.array_equal(body.mask("liver"), where(box(22, 30, 15, 3)))
    assert np.array_equal(body.mask("spleen"), base.mask("spleen"))
    assert (body.structures["liver"].confidence, body.provider_of("liver")) == (0.9, "better")
    assert (body.structures["spleen"].confidence, body.provider_of("spleen")) == (0.7, "made")
    assert [one.provider for one in body.manifests] == ["made", "better"]
    assert body.regions == base.regions


def test_what_loses_its_structure_is_still_the_patient():
    base = anatomy({"body": ((slice(0, 40), slice(5, 55), slice(5, 55)), 0.98), "liver": (box(20, 30, 15, 6), 0.6)})
    body = overlay(base, better({"liver": (box(20, 30, 15, 3), 0.9)}))
    assert body.mask("body")[20, 30, 20]
    assert (body.labels > 0).sum() == (base.labels > 0).sum()


def test_parts_of_the_lower_one_divide_the_upper_one():
    base = anatomy({"aorta_descending": (UPPER, 0.9), "aorta_abdominal": (LOWER, 0.8)})
    body = overlay(base, better({"aorta": (COLUMN, 0.93)}))
    assert np.array_equal(body.mask("aorta_descending"), where((slice(20, 40), *COLUMN[1:])))
    assert np.array_equal(body.mask("aorta_abdominal"), where((slice(0, 20), *COLUMN[1:])))
    assert not body.mask("aorta").any()
    assert 0.8 < body.structures["aorta_abdominal"].confidence < 0.93
    assert body.provider_of("aorta_abdominal") == "better"


def test_far_from_every_part_it_stays_whole():
    base = anatomy({"aorta_descending": ((slice(38, 40), slice(25, 35), slice(25, 35)), 0.9)})
    body = overlay(base, better({"aorta": (COLUMN, 0.93)}))
    assert body.mask("aorta")[0, 30, 30]
    assert body.mask("aorta_descending")[36, 30, 30]


def test_a_part_that_lies_elsewhere_is_wrong_and_goes():
    base = anatomy({"aorta_descending": (box(20, 10, 10), 0.9)})
    body = overlay(base, better({"aorta": (COLUMN, 0.93)}))
    assert not body.mask("aorta_descending").any()
    assert np.array_equal(body.mask("aorta"), where(COLUMN))


def test_a_part_outside_of_its_whole_is_not_seen_through_what_is_unknown():
    base = anatomy({"aorta_descending": (UPPER, 0.9)})
    body = overlay(base, better({"aorta": (COLUMN, 0.93), "never_heard_of": (box(30, 30, 34, 1), 0.9)}))
    assert not (body.mask("aorta_descending") & ~where(COLUMN)).any()
    assert body.mask("never_heard_of")[30, 30, 34]


def test_curves_give_way_to_what_covers_their_site_and_keep_their_side():
    curves = [tube(name, [[30, 30, 10], [5, 30, 10]]) for name in ("aorta", "iliac_artery_left", "coronary_lad")]
    base = anatomy({}, tubes=curves)
    body = overlay(base, better({"aorta": (COLUMN, 0.9), "iliac_artery_right": (box(5, 30, 10), 0.9)}))
    courses = {"aorta (course)", "iliac_artery_right (course)"}
    assert set(body.tubes) == {"iliac_artery_left", "coronary_lad"} | courses
    new = overlay(base, better(tubes=[tube("coronary_lad", [[20, 20, 20], [10, 20, 20]])]))
    assert new.provider_of("coronary_lad") == "better"
    assert new.tubes["coronary_lad"].points[0, 2] == 60.0


def test_a_curve_that_runs_within_the_new_mask_is_its_course():
    base = anatomy({}, tubes=[tube("aorta", [[z, 30, 30] for z in range(35, 4, -5)])])
    body = overlay(base, better({"aorta": (COLUMN, 0.93)}))
    assert set(body.tubes) == {"aorta"}
    assert body.tubes["aorta"].points.shape == base.tubes["aorta"].points.shape
    own = overlay(base, better({"aorta": (COLUMN, 0.93)}, tubes=[tube("aorta", [[9, 30, 30], [5, 30, 30]])]))
    assert own.provider_of("aorta") == "better"
    assert len(own.tubes["aorta"].points) == 2


def test_an_artery_that_is_only_a_mask_has_a_course_for_the_finder():
    body = overlay(anatomy({}), better({"aorta": (COLUMN, 0.93), "liver": (box(20, 10, 10), 0.9)}))
    (course,) = body.tubes.values()
    at = body.geometry.to_index(course.points)
    assert at[:, 0].max() >= 37
    assert at[:, 0].min() <= 2
    assert np.all(np.diff(at[:, 0]) <= 0)
    assert np.abs(at[:, 1:] - 29.5).max() <= 2.5
    # A column of 12 mm: no point is further than 6 mm and a voxel's half from its wall.
    assert 4.0 <= course.radius.max() <= 7.0
    assert course.name not in dictionary().meanings
    again = overlay(body, better({"aorta": (box(20, 30, 30), 0.9)}))
    assert again.geometry.to_index(again.tubes[course.name].points)[:, 0].max() <= 22


def test_a_small_part_does_not_replace_the_whole():
    base = anatomy({"lung_left": (box(20, 30, 45, 8), 0.95)})
    body = overlay(base, better({"lung_nodules": (box(20, 30, 45, 1), 0.9)}))
    assert body.mask("lung_left").sum() == 17**3 - 27
    lobes = better(
        {"lung_upper_lobe_left": (box(24, 30, 45, 4), 0.9), "lung_lower_lobe_left": (box(15, 30, 45, 4), 0.9)}
    )
    assert "lung_left" not in overlay(base, lobes).structures


def test_finer_structures_stay_in_coarser_ones():
    base = anatomy({"brain": (box(20, 30, 30, 8), 0.9), "pineal": (box(20, 30, 30, 1), 0.6)})
    body = overlay(base, better({"brain": (box(20, 30, 30, 9), 0.95)}))
    assert body.mask("pineal").sum() == 27
    elsewhere = anatomy({"gallbladder": (box(20, 30, 41, 2), 0.6)})
    assert overlay(elsewhere, better({"liver": (box(20, 30, 30, 10), 0.95)})).mask("gallbladder").sum() < 125


def test_a_heart_keeps_its_room_its_vessels_and_its_valves():
    curves = [tube("aortic_valve", [[22, 30, 30], [20, 30, 30]]), tube("coronary_lad", [[25, 20, 30], [10, 20, 30]])]
    base = anatomy({"heart_region": (box(20, 30, 30, 10), 0.9)}, tubes=curves, region="chest")
    body = overlay(base, better({"heart": (box(20, 30, 30, 8), 0.93)}))
    assert set(body.tubes) == {"aortic_valve", "coronary_lad"}
    assert body.mask("heart_region").sum() == 21**3 - 17**3
    (before,), (after,) = (place([deposit((17, 20, 30))], volume(), one) for one in (base, body))
    assert replace(after.placement, provider="") == replace(before.placement, provider="")
    assert "artery.coronary.lad" in [site for site, _ in after.placement.alternatives]


@pytest.mark.parametrize("background", ["body", "muscle", "subcutaneous_fat", "never_heard_of"])
def test_backgrounds_hide_nothing(background):
    base = anatomy({"liver": (box(20, 30, 30, 3), 0.9)})
    body = overlay(base, better({background: (box(20, 30, 30, 5), 0.9)}))
    assert body.mask("liver").sum() == 7**3
    assert body.mask(background).sum() == 11**3 - 7**3


def test_metal_stays_and_bone_is_of_both():
    base = anatomy({"metal": (box(20, 30, 30, 2), 0.95), "bone": (box(10, 30, 30, 2), 0.9)})
    body = overlay(base, better({"femur_left": (box(20, 30, 30, 4), 0.9), "bone": (box(30, 30, 30, 2), 0.9)}))
    assert body.mask("metal").sum() == 125
    assert np.array_equal(body.mask("bone"), where(box(10, 30, 30, 2)) | where(box(30, 30, 30, 2)))


def test_two_counts_of_the_vertebrae_do_not_mix():
    base = anatomy({"vertebrae_L4": (box(20, 30, 30, 2), 0.8), "ribs_left": (box(10, 30, 30, 2), 0.8)})
    body = overlay(base, better({"vertebrae_L4": (box(32, 30, 30, 2), 0.9)}))
    assert np.array_equal(body.mask("vertebrae_L4"), where(box(32, 30, 30, 2)))
    assert np.array_equal(body.mask("bone"), where(box(20, 30, 30, 2)) | where(box(10, 30, 30, 2)))
    assert set(body.bones) == {"vertebrae_L4", "bone"}


def test_the_parts_of_the_skeleton_stay_where_the_upper_one_has_none():
    base = anatomy({"vertebrae_L4": (box(20, 30, 30, 2), 0.8), "bone": (box(10, 30, 30, 2), 0.8)})
    body = overlay(base, better({"aorta": (COLUMN, 0.9), "bone": (box(32, 30, 30, 1), 0.9)}))
    assert {"vertebrae_L4", "bone"} <= set(body.structures)


def test_a_structure_hides_what_is_wrongly_in_its_place():
    base = anatomy({"bone": (box(20, 30, 30, 2), 0.9), "kidney_left": (box(30, 30, 30, 3), 0.8)})
    body = overlay(base, better({"aorta": (COLUMN, 0.9)}))
    assert body.mask("aorta")[20, 30, 30]
    assert not body.mask("kidney_left")[30, 30, 30]


def test_the_grid_must_be_the_same():
    other = replace(better({}), labels=np.zeros((3, 3, 3), dtype=np.uint8))
    with pytest.raises(AnatomyError, match=r"better has the grid \(3, 3, 3\)"):
        overlay(anatomy({}), other)


def test_landmarks_and_notes_are_of_both():
    base = replace(anatomy({}, landmarks=[("carina", 60.0)]), notes=("first",))
    body = overlay(base, replace(better(landmarks=[("carina", 63.0), ("hip_top", 3.0)]), notes=("first", "second")))
    assert body.landmarks["carina"].point[2] == 63.0
    assert set(body.landmarks) == {"carina", "hip_top"}
    assert body.notes == ("first", "second")


NAMES = st.sampled_from(sorted(dictionary().meanings))
PLACES = st.tuples(st.integers(6, 33), st.integers(6, 53), st.integers(6, 53), st.integers(0, 5))


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(NAMES, PLACES, max_size=5), st.dictionaries(NAMES, PLACES, max_size=4))
def test_whatever_is_laid_over_whatever_every_label_is_named_and_nothing_is_lost(lower, upper):
    base = anatomy({name: (box(*at[:3], at[3]), 0.7) for name, at in lower.items()})
    over = better({name: (box(*at[:3], at[3]), 0.9) for name, at in upper.items()})
    body = overlay(base, over)
    named = {one.label for one in body.structures.values()}
    assert set(np.unique(body.labels).tolist()) <= {0, *named}
    assert len(named) == len(body.structures)
    assert ((body.labels > 0) >= (over.labels > 0)).all()
    for name in upper:
        given = (over.labels == over.structures[name].label).any()
        if given and name in body.structures and name not in ("airway", "bone", "metal"):
            assert not (body.mask(name) & ~over.mask(name)).any()
    assert base.labels.dtype == np.uint8
