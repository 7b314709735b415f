"""Masks, regions and tubes of an anatomy: the laws that every stage relies on."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from calciscope.domain.anatomy import Anatomy, Landmark, Manifest, Region, Structure, Tube
from calciscope.domain.image import Geometry

NAMES = tuple(f"organ_{k}" for k in range(6))


def anatomy(dtype=np.uint8, seed=0, **more):
    labels = np.random.default_rng(seed).integers(0, 7, (5, 6, 7)).astype(dtype)
    structures = {name: Structure(name, k + 1, 0.5) for k, name in enumerate(NAMES)}
    return Anatomy(labels, structures, Geometry(labels.shape, (1, 1, 1)), Manifest("t", "1", "Apache-2.0"), **more)


names = st.lists(st.sampled_from([*NAMES, "absent"]), max_size=5)


@given(names, names, st.integers(0, 20))
def test_masks_add_up(one, other, seed):
    made = anatomy(seed=seed)
    both = made.mask(*one, *other)
    np.testing.assert_array_equal(both, made.mask(*one) | made.mask(*other))
    assert both.dtype == bool
    assert both.shape == made.labels.shape


@given(names, st.permutations(range(5)))
def test_the_order_of_names_does_not_matter(chosen, order):
    made = anatomy()
    shuffled = [chosen[k] for k in order if k < len(chosen)]
    np.testing.assert_array_equal(made.mask(*chosen), made.mask(*shuffled))


def test_different_structures_never_overlap():
    made = anatomy()
    total = sum(made.mask(name).astype(int) for name in NAMES)
    assert total.max() == 1
    np.testing.assert_array_equal(total == 0, made.labels == 0)


def test_no_names_no_voxels():
    assert not anatomy().mask().any()
    assert not anatomy().mask("absent", "also_absent").any()


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_wide_and_narrow_label_maps_give_the_same_masks(dtype):
    np.testing.assert_array_equal(anatomy(dtype).mask(*NAMES[:3]), anatomy().mask(*NAMES[:3]))


def test_labels_above_255_need_and_have_their_own_table():
    labels = np.zeros((2, 2, 2), np.uint16)
    labels[0, 0, 0], labels[1, 1, 1] = 300, 65535
    structures = {"a": Structure("a", 300, 1.0), "b": Structure("b", 65535, 1.0)}
    made = Anatomy(labels, structures, Geometry((2, 2, 2), (1, 1, 1)), Manifest("t", "1", "x"))
    assert made.mask("a").sum() == made.mask("b").sum() == 1
    assert made.mask("a", "b").sum() == 2


def test_the_label_of_nothing_is_never_in_a_mask_of_names():
    made = anatomy()
    assert not (made.mask(*NAMES) & (made.labels == 0)).any()


@given(st.integers(-3, 20))
def test_the_first_region_that_holds_a_slice_names_it(index):
    made = anatomy(regions=(Region("pelvis", 0, 4, 0.8), Region("abdomen", 4, 9, 0.8), Region("chest", 12, 15, 0.9)))
    expected = None
    if 0 <= index < 4:
        expected = "pelvis"
    elif 4 <= index < 9:
        expected = "abdomen"
    elif 12 <= index < 15:
        expected = "chest"
    assert made.region_at(index) == expected


def test_an_anatomy_without_regions_tells_none():
    assert anatomy().region_at(2) is None


def test_tubes_and_structures_are_found_by_name_and_landmarks_are_not_structures():
    tube = Tube("ureter_left", np.zeros((3, 3)), np.ones(3), 0.7)
    mark = Landmark("carina", (0.0, 0.0, 0.0), 0.8)
    made = anatomy(tubes={"ureter_left": tube}, landmarks={"carina": mark})
    assert made.has("ureter_left")
    assert made.has("organ_0")
    assert not made.has("carina")
    assert not made.has("ureter_right")
    assert not made.mask("ureter_left").any(), "a curve has no voxels of its own"


def test_two_anatomies_share_no_mutable_defaults():
    one = anatomy()
    with pytest.raises(TypeError):
        one.tubes["x"] = None
    with pytest.raises(TypeError):
        one.landmarks["x"] = None
    assert one.blood_pool is None
    assert one.notes == ()
