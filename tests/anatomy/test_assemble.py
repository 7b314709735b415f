"""From masks to one label map: who is painted over whom, and what comes with it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from calciscope.anatomy.embedded.assemble import assemble, enlarged
from calciscope.anatomy.embedded.frame import Frame, Part
from calciscope.domain.anatomy import BloodPool, Landmark, Tube
from calciscope.domain.image import Geometry, Volume
from calciscope.domain.structures import dictionary

SHAPE = (6, 8, 10)
FACTOR = (2, 3, 2)
FULL = (13, 25, 21)
NAMES = ("liver", "gallbladder", "kidney_left", "aorta", "heart_region", "mediastinum", "muscle", "spleen")
RANK = {name: dictionary().meanings[name].rank for name in NAMES}


def frame(**changes):
    """A body of soft tissue, with everything else empty unless it is given."""
    empty = np.zeros(SHAPE, dtype=bool)
    parts = {
        "body": np.ones(SHAPE, dtype=bool),
        **{name: empty.copy() for name in ("lung_left", "lung_right", "airway", "bone", "metal", "fat")},
    }
    volume = Volume(np.full(FULL, 40, np.int16), Geometry(FULL, (1.5, 1.0, 1.5), (5.0, 6.0, 7.0)))
    values = {
        "volume": volume,
        "hu": np.full(SHAPE, 40.0, np.float32),
        "factor": FACTOR,
        "spacing": (3.0, 3.0, 3.0),
        "spine": np.full((SHAPE[0], 3), np.nan),
        "regions": (),
        **parts,
        **changes,
    }
    return Frame(**values)


def box(*slices):
    mask = np.zeros(SHAPE, dtype=bool)
    mask[slices] = True
    return mask


def half(axis, upper):
    middle = SHAPE[axis] // 2
    cut = [slice(None)] * 3
    cut[axis] = slice(middle, None) if upper else slice(0, middle)
    return box(*cut)


@given(st.permutations(NAMES), st.integers(0, 200))
def test_the_highest_rank_wins_whatever_the_order_of_the_parts(order, seed):
    rng = np.random.default_rng(seed)
    masks = {name: rng.random(SHAPE) > 0.6 for name in NAMES}
    parts = [Part(masks={name: (masks[name], 0.7)}) for name in order]
    made = assemble(frame(), parts)
    top = np.max([np.where(masks[name], RANK[name], 0) for name in NAMES], axis=0)
    for name in NAMES:
        shown = made.mask(name)[::2, ::3, ::2][: SHAPE[0], : SHAPE[1], : SHAPE[2]]
        assert not (shown & ~masks[name]).any(), "nothing is painted beyond its mask"
        lonely = masks[name] & (top == RANK[name]) & (sum(masks[n] & (RANK[n] == RANK[name]) for n in NAMES) == 1)
        assert (shown | ~lonely).all(), "and nothing of a lower rank hides it"


def test_bone_hides_an_organ_and_metal_hides_bone():
    bone, metal = half(0, True), half(1, True)
    made = assemble(frame(bone=bone, metal=metal), [Part(masks={"liver": (np.ones(SHAPE, dtype=bool), 0.8)})])
    corner = made.labels[-1, 0, 0], made.labels[-1, -1, 0], made.labels[0, 0, 0]
    assert [made.structures[name].label for name in ("bone", "metal", "liver")] == [int(v) for v in corner]


def test_a_later_part_replaces_a_structure_of_the_same_name():
    one, other = Part(masks={"liver": (half(0, True), 0.5)}), Part(masks={"liver": (half(0, False), 0.9)})
    made = assemble(frame(), [one, other])
    assert made.structures["liver"].confidence == 0.9
    assert made.mask("liver")[0].all()
    assert not made.mask("liver")[-1].any()


def test_what_is_wholly_hidden_is_not_a_structure():
    small = box(slice(2, 3), slice(2, 3), slice(2, 3))
    made = assemble(frame(bone=np.ones(SHAPE, dtype=bool)), [Part(masks={"liver": (small, 0.8)})])
    assert "liver" not in made.structures
    assert "body" not in made.structures
    assert set(made.structures) == {"bone"}


def test_a_name_that_no_one_knows_lies_over_fat_and_under_organs():
    whole = np.ones(SHAPE, dtype=bool)
    part = Part(masks={"liver": (half(0, True), 0.8), "odd_structure": (whole, 0.5)})
    made = assemble(frame(fat=whole.copy()), [part])
    assert made.mask("odd_structure")[0].all()
    assert made.mask("liver")[-1].all()
    assert "fat" not in made.structures


def test_what_is_solid_outside_the_body_is_the_table():
    inside = half(1, False)
    hu = np.where(inside, 40.0, -1000.0).astype(np.float32)
    hu[:, -1] = -300.0
    made = assemble(frame(body=inside, hu=hu), [])
    assert made.mask("table")[:, -3:].all()
    assert not made.mask("table")[:, :12].any()
    assert (made.labels == 0).any(), "the room has no name"


@given(st.tuples(*[st.integers(1, 4)] * 3), st.tuples(*[st.integers(0, 3)] * 3), st.integers(0, 50))
def test_enlarging_repeats_blocks_and_the_last_one_to_the_end(factor, rest, seed):
    coarse = np.random.default_rng(seed).integers(0, 9, (3, 4, 5)).astype(np.uint8)
    rest = tuple(min(r, f - 1) for r, f in zip(rest, factor, strict=True))
    shape = tuple(n * f + r for n, f, r in zip(coarse.shape, factor, rest, strict=True))
    full = enlarged(coarse, factor, shape)
    assert full.shape == shape
    assert full.dtype == np.uint8
    np.testing.assert_array_equal(full[:: factor[0], :: factor[1], :: factor[2]][:3, :4, :5], coarse)
    assert full[-1, -1, -1] == coarse[-1, -1, -1]
    assert set(np.unique(full)) <= set(np.unique(coarse))


def test_the_map_lies_on_the_grid_of_the_volume():
    made = assemble(frame(), [])
    assert made.labels.shape == FULL
    assert made.labels.dtype == np.uint8
    assert made.geometry == frame().volume.geometry


def test_curves_marks_and_notes_are_gathered():
    tube = Tube("aorta", np.zeros((2, 3)), np.ones(2), 0.9)
    mark = Landmark("carina", (1.0, 2.0, 3.0), 0.8)
    parts = [Part(tubes={"aorta": tube}, notes=("first",)), Part(landmarks={"carina": mark}, notes=("second",))]
    made = assemble(frame(notes=("of the frame",)), parts)
    assert made.tubes["aorta"] is tube
    assert made.landmarks["carina"] is mark
    assert made.notes == ("of the frame", "first", "second")


def test_the_first_sample_of_blood_counts():
    aorta, heart = BloodPool(40.0, 9.0, 900, "aorta"), BloodPool(44.0, 12.0, 90, "heart")
    assert assemble(frame(), [Part(), Part(blood_pool=aorta), Part(blood_pool=heart)]).blood_pool is aorta
    assert assemble(frame(), [Part()]).blood_pool is None


def test_the_spine_is_a_tube_from_the_head_down():
    spine = np.full((SHAPE[0], 3), np.nan)
    spine[1:5] = (4.0, 5.0, 17.0)
    tube = assemble(frame(spine=spine), []).tubes["spine"]
    assert len(tube.points) == 4
    assert (np.diff(tube.points[:, 2]) < 0).all()
    assert (tube.radius == 17.0).all()
    # Coarse row 4 and column 5 are the middles of blocks of 3 and 2 voxels.
    assert tube.points[0, :2] == pytest.approx((5.0 + (5 * 2 + 0.5) * 1.5, 6.0 + (4 * 3 + 1) * 1.0))


@pytest.mark.parametrize("known", [0, 1])
def test_one_vertebra_makes_no_curve(known):
    spine = np.full((SHAPE[0], 3), np.nan)
    spine[:known] = (4.0, 5.0, 17.0)
    assert "spine" not in assemble(frame(spine=spine), []).tubes


def test_the_provider_says_who_it_is_and_what_it_cannot_do():
    manifest = assemble(frame(), []).manifest
    assert manifest.provider == "embedded"
    assert manifest.licence == "Apache-2.0"
    assert any("without trained weights" in limit for limit in manifest.limits)


def test_an_anatomy_cannot_be_changed_afterwards():
    made = assemble(frame(), [])
    with pytest.raises(TypeError):
        made.structures["liver"] = None
    with pytest.raises(TypeError):
        made.tubes["aorta"] = None


@given(st.tuples(*[st.floats(-20, 20)] * 3))
def test_coarse_places_and_millimetres_are_inverse(place):
    made = frame()
    np.testing.assert_allclose(made.to_coarse(made.to_mm(place)), place, atol=1e-6)


def test_a_coarse_voxel_lies_in_the_middle_of_its_block():
    made = frame()
    first = made.volume.geometry.to_mm((0.5, 1.0, 0.5))
    np.testing.assert_allclose(made.to_mm((0.0, 0.0, 0.0)), first)


def test_both_lungs_together():
    made = frame(lung_left=half(2, True), lung_right=half(2, False))
    assert made.lungs.all()
    assert not (made.lung_left & made.lung_right).any()
