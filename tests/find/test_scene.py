"""The scene and what is seen in it: masks, the trunk, candidates, rims and the surroundings of a candidate."""

from dataclasses import fields, replace
from types import MappingProxyType

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calciscope.domain.anatomy import Anatomy, Manifest, Structure, Tube
from calciscope.domain.image import Geometry, Volume
from calciscope.find.candidates import Candidate, artery_zone, split
from calciscope.find.context import REACH_MM, Surroundings, context
from calciscope.find.levels import levels
from calciscope.find.rims import joined
from calciscope.find.scene import scene
from calciscope.find.trunk import near_skin, trunk
from tests.find.body import SPACING, Body

SHAPE, GRID = (16, 48, 48), (2.0, 1.0, 1.0)


def small(hu, masks=None, tubes=()):
    """A scene of an array and named masks."""
    geometry = Geometry(hu.shape, GRID, (-20.0, -20.0, 5.0))
    labels = np.zeros(hu.shape, dtype=np.uint8)
    structures = {}
    for label, (name, mask) in enumerate((masks or {}).items(), start=1):
        labels[mask] = label
        structures[name] = Structure(name, label, 0.9)
    anatomy = Anatomy(
        labels,
        MappingProxyType(structures),
        geometry,
        Manifest("made", "1", "none"),
        tubes=MappingProxyType({t.name: t for t in tubes}),
    )
    return scene(Volume(hu.astype(np.int16), geometry), anatomy)


def blank(value=40.0, shape=SHAPE):
    return np.full(shape, value)


def block(z, y, x, shape=SHAPE):
    mask = np.zeros(shape, dtype=bool)
    mask[slice(*z), slice(*y), slice(*x)] = True
    return mask


NOWHERE = np.zeros(SHAPE, dtype=bool)


def pieces(hot, made=None):
    """Candidates of bright voxels in a scene without an anatomy."""
    made = made or small(np.where(hot, 500.0, 40.0))
    return split(made, hot, NOWHERE).candidates


# --- scene ---------------------------------------------------------------------------------------------------------


def test_a_scene_is_cropped_to_the_body_and_keeps_the_way_back():
    body = block((3, 12), (5, 40), (8, 44))
    hu = np.where(body, np.arange(body.size).reshape(SHAPE) % 1000, -1000)
    made = small(hu, {"body": body})
    assert made.start == (3, 5, 8)
    assert made.hu.shape == made.labels.shape == made.inside.shape == (9, 35, 36)
    assert np.array_equal(made.hu, made.volume.hu[3:12, 5:40, 8:44])
    assert np.shares_memory(made.hu, made.volume.hu)
    assert made.inside.all()
    assert made.voxel_mm3 == 2.0


def test_no_body_is_no_scene_and_no_label_of_a_body_takes_all():
    assert small(blank(), {"body": NOWHERE}) is None
    whole = small(blank(), {"liver": block((2, 5), (2, 5), (2, 5))})
    assert (whole.start, whole.hu.shape) == ((0, 0, 0), SHAPE)
    assert whole.inside.all()


@pytest.mark.parametrize("name", ["table", "clothes", "air"])
def test_what_is_not_the_patient_is_outside(name):
    thing = block((0, 16), (44, 46), (0, 48))
    made = small(blank(), {"body": block((0, 16), (4, 40), (4, 44)), name: thing})
    assert not made.inside[
        thing[made.start[0] :, made.start[1] :, made.start[2] :][tuple(map(slice, made.hu.shape))]
    ].any()
    assert made.inside.sum() == 16 * 36 * 40


@pytest.mark.parametrize(
    ("name", "bone"),
    [("bone", True), ("vertebrae_L3", True), ("rib_left_4", True), ("hip_right", True), ("femur_left", True),
     ("costal_cartilages", False), ("aorta", False), ("spinal_cord", False), ("ribbon", False)],
)  # fmt: skip
def test_which_structures_are_bone(name, bone):
    where = block((2, 6), (10, 20), (10, 20))
    made = small(blank(), {"body": ~NOWHERE, name: where})
    assert np.array_equal(made.prior, where if bone else NOWHERE)
    assert np.array_equal(made.names_mask((name,)), where)


# --- candidates ----------------------------------------------------------------------------------------------------


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), share=st.floats(0.0, 0.2))
def test_candidates_are_a_partition_of_the_bright_voxels(seed, share):
    hot = np.random.default_rng(seed).random(SHAPE) < share
    hu = np.where(hot, 200.0 + np.arange(hot.size).reshape(SHAPE) % 700, 40.0)
    found = pieces(hot, small(hu))
    counted = np.zeros(SHAPE, dtype=int)
    for item in found:
        counted[tuple(item.voxels.T)] += 1
        assert np.array_equal(item.hu, hu[tuple(item.voxels.T)].astype(np.float32))
    assert np.array_equal(counted, hot.astype(int))


def test_corners_join_and_a_gap_parts():
    assert len(pieces(block((4, 6), (4, 6), (4, 6)) | block((6, 8), (6, 8), (6, 8)))) == 1
    assert len(pieces(block((4, 6), (4, 6), (4, 6)) | block((7, 9), (6, 8), (6, 8)))) == 2


def test_a_large_bone_is_skeleton_and_what_grows_far_out_of_it_is_looked_at():
    bone = block((0, 16), (4, 24), (4, 24))
    spur = block((6, 9), (12, 15), (24, 36))
    made = small(np.where(bone | spur, 600.0, 40.0), {"body": ~NOWHERE, "bone": bone})
    found = split(made, bone | spur, NOWHERE)
    assert found.skeleton[bone].all()
    (tip,) = found.candidates
    assert tip.voxels[:, 2].min() >= 24
    assert tip.voxels[:, 2].max() == 35
    assert not (found.skeleton & ~(bone | spur)).any()


def test_without_an_anatomy_of_bone_nothing_is_skeleton():
    found = split(small(blank(600.0)), block((0, 16), (4, 24), (4, 24)), NOWHERE)
    assert not found.skeleton.any()
    assert len(found.candidates) == 1


def test_calcium_in_an_arterys_wall_is_cut_off_the_bone_it_touches():
    bone, plaque = block((0, 16), (20, 40), (10, 40)), block((6, 9), (17, 20), (20, 26))
    made = small(np.where(bone | plaque, 600.0, 40.0), {"body": ~NOWHERE, "bone": bone})
    hidden = split(made, bone | plaque, NOWHERE)
    assert len(hidden.candidates) == 0
    kept = split(made, bone | plaque, block((0, 16), (10, 20), (10, 40)))
    (item,) = kept.candidates
    assert len(item.voxels) == plaque.sum()


@settings(max_examples=25, deadline=None)
@given(y=st.floats(8, 40), x=st.floats(8, 40), radius=st.floats(2.0, 7.0))
def test_an_arterys_zone_is_its_radius_and_half_a_millimetre(y, x, radius):
    geometry = Geometry(SHAPE, GRID, (-20.0, -20.0, 5.0))
    at = geometry.to_mm(np.array([(z, y, x) for z in np.linspace(15, 0, 61)]))
    masks = {"body": ~NOWHERE}
    zone = artery_zone(small(blank(), masks, [Tube("aorta", at, np.full(61, radius), 0.9)]))
    away = np.hypot(*(np.mgrid[0:48, 0:48] - np.array([y, x])[:, None, None]))
    assert zone[8][away <= radius + 0.4].all()
    assert not zone[8][away > radius + 0.501].any()
    other = artery_zone(small(blank(), masks, [Tube("ureter_left", at, np.full(61, radius), 0.9)]))
    assert not other.any()


# --- rims ----------------------------------------------------------------------------------------------------------


def ring(centre, inner=6.0, outer=8.0, z=(5, 10)):
    y, x = np.mgrid[0:48, 0:48]
    away = np.hypot(y - centre[0], x - centre[1])
    mask = np.zeros(SHAPE, dtype=bool)
    mask[slice(*z)] = (away >= inner) & (away <= outer)
    return mask


def rimmed(hot, core=30.0, walls=NOWHERE):
    made = small(np.where(hot, 400.0, core))
    return joined(made, pieces(hot, made), NOWHERE, walls)


def test_a_ring_is_one_rim():
    (body,) = rimmed(ring((24, 24)))
    assert body.rim
    assert len(body.voxels) == ring((24, 24)).sum()


def test_fragments_of_a_ring_become_one_rim():
    hot = ring((24, 24))
    hot[:, 23:26, :] = False
    assert len(pieces(hot)) == 2
    (body,) = rimmed(hot)
    assert body.rim
    assert len(body.voxels) == hot.sum()


def test_a_ring_around_what_is_bright_is_no_rim():
    assert [c.rim for c in rimmed(ring((24, 24)), core=115.0)] == [False]


def test_in_the_course_of_an_artery_a_ring_is_its_wall():
    assert [c.rim for c in rimmed(ring((24, 24)), walls=~NOWHERE)] == [False]


@pytest.mark.parametrize("hot", [
    block((5, 10), (20, 28), (20, 28)),
    ring((24, 24)) & block((0, 16), (0, 24), (0, 48)),
    ring((24, 24), inner=1.0, outer=3.0),
], ids=["solid", "half a ring", "a tiny ring"])  # fmt: skip
def test_what_does_not_enclose_a_core_stays_as_it_was(hot):
    before = pieces(hot)
    after = rimmed(hot)
    assert [c.rim for c in after] == [False] * len(before)
    assert sum(len(c.voxels) for c in after) == hot.sum()


def test_rings_that_touch_are_one_body_each():
    hot = ring((24, 13)) | ring((24, 29))
    assert len(pieces(hot)) == 1
    bodies = [c for c in rimmed(hot) if c.rim]
    assert len(bodies) == 2
    centres = sorted(float(c.voxels[:, 2].mean()) for c in bodies)
    assert centres == pytest.approx([13, 29], abs=1.5)


@settings(max_examples=12, deadline=None)
@given(y=st.integers(14, 33), x=st.integers(14, 33), seed=st.integers(0, 1000), lost=st.floats(0.0, 0.5))
def test_joining_neither_loses_nor_doubles_a_voxel(y, x, seed, lost):
    hot = ring((y, x)) & (np.random.default_rng(seed).random(SHAPE) >= lost)
    counted = np.zeros(SHAPE, dtype=int)
    for item in rimmed(hot):
        counted[tuple(item.voxels.T)] += 1
    assert np.array_equal(counted, hot.astype(int))


# --- trunk ---------------------------------------------------------------------------------------------------------


def test_depth_is_the_way_to_the_muscles_surface():
    made = scene(*Body(noise=0.0).made())
    found = trunk(made, np.zeros(made.hu.shape, dtype=bool), np.zeros(made.hu.shape, dtype=bool))
    middle = np.array([60, 65]) - made.start[1:]
    depths = [found.depth(np.array([[12, middle[0] - off, middle[1]]], dtype=np.int32)) for off in (0, 12, 24, 36, 53)]
    assert depths == sorted(depths, reverse=True)
    assert depths[1:4] == pytest.approx([36, 24, 12], abs=4)
    assert depths[-1] == 0.0
    assert found.in_front(12, int(middle[0]) - 20)
    assert not found.in_front(12, int(middle[0]) + 20)


def test_distance_to_the_spine_is_negative_inside_and_far_without_one():
    body = Body(noise=0.0)
    made = scene(*body.made())
    none = np.zeros(made.hu.shape, dtype=bool)
    found = trunk(made, none, none)
    at = np.array([[12, 92 - made.start[1], 65 - made.start[2]]], dtype=np.int32)
    assert found.spine_distance(at) == pytest.approx(-11.0, abs=1.3)
    assert found.spine_distance(at - np.array([0, 30, 0], dtype=np.int32)) == pytest.approx(19.0, abs=1.3)
    assert replace(found, spine=np.zeros((0, 4))).spine_distance(at) == 1000.0


def test_ribs_reach_from_below_the_lungs_to_their_top():
    made = scene(*Body(noise=0.0).made())
    none = np.zeros(made.hu.shape, dtype=bool)
    lung, metal = none.copy(), none.copy()
    lung[20:23, 40:60, 20:40] = True
    metal[3, 50, 50] = True
    found = trunk(made, lung, metal)
    assert found.chest == (20 - int(110 / SPACING[0]), 23)
    assert np.flatnonzero(found.metal).tolist() == [3]
    assert trunk(made, none, none).chest == (0, 0)


def test_what_lies_before_the_heart_is_told_only_where_the_view_cuts_the_wall():
    body = Body(noise=0.0)
    body.masks["heart_region"] = body.ellipse((60, 65), (12, 20))
    made = scene(*body.made())
    none = np.zeros(made.hu.shape, dtype=bool)
    y, x = 60 - made.start[1], 65 - made.start[2]
    before = np.array([[12, y - 20, x]], dtype=np.int32)
    assert trunk(made, none, none).ahead(before) == 0.0, "the skin is in view"
    cut = replace(made, inside=np.ones_like(made.inside))
    found = trunk(cut, none, none)
    assert found.ahead(before) == pytest.approx(8.0, abs=3.0)
    assert found.ahead(before + np.array([0, 20, 0], dtype=np.int32)) < 0.0
    assert found.ahead(np.array([[12, y - 20, 2]], dtype=np.int32)) > 10.0, "beside the heart its nearest column counts"


def test_the_skin_is_a_shell_of_a_few_millimetres():
    made = scene(*Body(noise=0.0).made())
    shell = near_skin(made)
    assert shell[~made.inside].mean() > 0.95
    y, x = 60 - made.start[1], 65 - made.start[2]
    assert not shell[12, y, x]
    assert not shell[12, y - 44, x]
    row = y - 30
    first = int(np.flatnonzero(made.inside[12, row])[0])
    assert shell[12, row, first : first + 2].all()
    assert not shell[12, row, first + 10]


# --- surroundings --------------------------------------------------------------------------------------------------


def seen(hu, candidate, **masks):
    made = small(hu)
    none = {part.name: NOWHERE for part in fields(Surroundings)}
    return context(made, levels(made, 130.0), Surroundings(**{**none, **masks}), candidate)


def grain(mask):
    voxels = np.argwhere(mask).astype(np.int32)
    return Candidate(voxels, np.full(len(voxels), 500.0, dtype=np.float32))


GRAIN = block((7, 9), (23, 26), (23, 26))


@pytest.mark.parametrize(("tissue", "name"), [(-90.0, "fat"), (45.0, "soft"), (300.0, "bright"), (-800.0, "gas")])
def test_uniform_surroundings_are_one_kind_of_tissue(tissue, name):
    c = seen(np.where(GRAIN, 500.0, tissue), grain(GRAIN))
    shares = {"fat": c.fat, "soft": c.soft, "bright": c.bright, "gas": c.gas}
    assert shares == {key: float(key == name) for key in shares}
    assert c.background == (tissue if name in ("fat", "soft") else 0.0)


def test_lung_is_not_gas():
    c = seen(np.where(GRAIN, 500.0, -850.0), grain(GRAIN), lung=~NOWHERE)
    assert (c.lung, c.gas) == (1.0, 0.0)


@settings(max_examples=20, deadline=None)
@given(gap=st.integers(1, 18))
def test_distances_are_in_mm_and_end_at_the_reach(gap):
    beside = block((0, 16), (0, 48), (25 + gap, 48))
    for name, kind in (("bone_mm", "skeleton"), ("metal_mm", "metal"), ("artery_mm", "walls"), ("air_mm", "airway")):
        value = getattr(seen(np.where(GRAIN, 500.0, 40.0), grain(GRAIN), **{kind: beside}), name)
        assert value == pytest.approx(min(REACH_MM, gap), abs=0.01)


def test_touching_bone_tells_the_share_and_the_bridge():
    bone = block((0, 16), (0, 48), (26, 48))
    hu = np.where(GRAIN, 500.0, 40.0)
    hu[:, :, 25][GRAIN[:, :, 25]] = 220.0
    c = seen(np.where(bone, 700.0, hu), grain(GRAIN), skeleton=bone)
    # One of the faces of a 2 x 3 x 3 block: 6 of 42 neighbours.
    assert c.touching == pytest.approx(6 / 42)
    assert c.saddle == 220.0
    apart = seen(hu, grain(GRAIN), skeleton=block((0, 16), (0, 48), (28, 48)))
    assert (apart.touching, apart.saddle) == (0.0, 0.0)


def test_the_share_in_an_arterys_wall_is_of_the_candidates_own_voxels():
    c = seen(np.where(GRAIN, 500.0, 40.0), grain(GRAIN), walls=block((0, 16), (0, 48), (0, 24)))
    assert c.in_wall == pytest.approx(1 / 3)
    assert c.artery_mm == 0.0


def test_numbers_that_travel_with_a_deposit_are_those_of_the_context():
    c = seen(np.where(GRAIN, 500.0, -90.0), grain(GRAIN))
    numbers = c.as_numbers()
    assert numbers["fat"] == 1.0
    assert numbers["distance_to_bone_mm"] == REACH_MM
    assert all(isinstance(value, float) and np.isfinite(value) for value in numbers.values())
