"""The coarse grid and the outline of the body: block means, table, clothes, gaps, metal."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from calciscope.anatomy.embedded import body
from calciscope.domain.image import Geometry, Volume

SPACING = (3.0, 3.0, 3.0)
AIR, FAT, MUSCLE, LUNG = -1000.0, -100.0, 50.0, -850.0


def trunk(shape=(4, 70, 90), centre=(30, 45), radii=(22, 36)):
    """An elliptic body of muscle in room air, and its mask."""
    y, x = np.ogrid[: shape[1], : shape[2]]
    inside = ((y - centre[0]) / radii[0]) ** 2 + ((x - centre[1]) / radii[1]) ** 2 < 1
    mask = np.broadcast_to(inside, shape).copy()
    hu = np.where(mask, MUSCLE, AIR).astype(np.float32)
    return hu, mask


def nowhere(hu):
    return np.zeros(hu.shape, dtype=bool)


@given(st.tuples(*[st.floats(0.3, 8.0)] * 3))
def test_blocks_bring_any_spacing_near_three_millimetres(spacing):
    factor = body.factors(spacing)
    for size, step in zip(factor, spacing, strict=True):
        assert size >= 1
        assert size * step <= max(4.6, step)
        if step < 2.0:
            # Between one voxel and two the nearer decides, which leaves two thirds of the aim at least.
            assert size * step > 1.85


def test_known_scanners():
    assert body.factors((3.0, 0.8, 0.8)) == (1, 4, 4)
    assert body.factors((1.0, 0.7, 0.7)) == (3, 4, 4)
    assert body.factors((5.0, 2.9, 2.9)) == (1, 1, 1)


factors = st.tuples(*[st.integers(1, 4)] * 3)
sizes = st.tuples(*[st.integers(4, 11)] * 3)


@given(sizes, factors, st.integers(0, 1000), st.sampled_from([np.int16, np.float32]))
def test_a_block_is_the_mean_of_its_voxels(shape, factor, seed, dtype):
    hu = np.random.default_rng(seed).integers(-1000, 2000, shape).astype(dtype)
    made = body.block_mean(hu, factor)
    assert made.shape == tuple(n // f for n, f in zip(shape, factor, strict=True))
    assert made.dtype == np.float32
    for index in {(0, 0, 0), tuple(n - 1 for n in made.shape)}:
        part = hu[tuple(slice(i * f, (i + 1) * f) for i, f in zip(index, factor, strict=True))]
        assert made[index] == pytest.approx(part.astype(float).mean(), abs=0.01)


@given(factors)
def test_padding_counts_as_air(factor):
    hu = np.full((8, 8, 8), -3024, np.int16)
    np.testing.assert_allclose(body.block_mean(hu, factor), -1024.0, atol=1e-3)


@given(factors)
def test_what_lies_outside_the_view_is_seen_at_the_middle_of_a_block(factor):
    hu = np.zeros((8, 8, 8), np.int16)
    assert not body.outside_view(hu, factor).any()
    hu[:] = -2000
    outside = body.outside_view(hu, factor)
    assert outside.all()
    assert outside.shape == body.block_mean(hu, factor).shape


def test_the_body_is_found_as_it_is():
    hu, mask = trunk()
    found = body.find_body(hu, nowhere(hu), SPACING)
    assert (found == mask).mean() > 0.995


def test_a_table_top_is_no_body():
    hu, mask = trunk()
    hu[:, 56:58, 10:80] = -200.0
    found = body.find_body(hu, nowhere(hu), SPACING)
    assert not found[:, 56:58].any()
    assert (found == mask).mean() > 0.99


def test_an_arm_beside_the_trunk_is_body_and_a_cable_is_not():
    hu, _ = trunk()
    hu[:, 20:40, 0:7] = MUSCLE
    hu[:, 2:4, 80:83] = 200.0
    found = body.find_body(hu, nowhere(hu), SPACING)
    assert found[:, 28:32, 2:5].all()
    assert not found[:, :6].any()


def test_lungs_and_bowel_gas_are_inside_the_body():
    hu, mask = trunk()
    hu[:, 20:40, 20:40] = LUNG
    hu[:, 25:30, 55:62] = -1000.0
    found = body.find_body(hu, nowhere(hu), SPACING)
    assert (found == mask).mean() > 0.995


def test_nothing_but_air_has_no_body():
    hu = np.full((3, 40, 40), AIR, np.float32)
    assert not body.find_body(hu, nowhere(hu), SPACING).any()


def test_a_lung_cut_by_the_field_of_view_is_body_and_the_room_is_not():
    hu = np.full((2, 60, 60), AIR, np.float32)
    hu[:, 10:50, :45] = MUSCLE
    hu[:, 18:42, :30] = LUNG
    found = body.find_body(hu, nowhere(hu), SPACING)
    assert found[:, 22:38, :28].all()
    assert not found[:, :6].any()
    assert not found[:, 20:40, 50:].any()


@given(st.floats(1.0, 12.0), st.integers(0, 500))
def test_opening_only_takes_away(radius, seed):
    mask = np.random.default_rng(seed).random((2, 30, 30)) > 0.25
    mask[:, 8:22, 8:22] = True
    opened = body.opening(mask, radius, SPACING)
    assert not (opened & ~mask).any()


def test_opening_keeps_the_thick_and_drops_the_thin():
    mask = np.zeros((1, 40, 40), dtype=bool)
    mask[0, 5:25, 5:25] = True
    mask[0, 30:33, 2:38] = True
    opened = body.opening(mask, 6.0, SPACING)
    assert opened[0, 10:20, 10:20].all()
    assert not opened[0, 30:33].any()


@given(st.integers(0, 500), st.integers(1, 3))
def test_growing_stays_inside(seed, steps):
    rng = np.random.default_rng(seed)
    inside = rng.random((2, 20, 20)) > 0.3
    seeds = inside & (rng.random(inside.shape) > 0.9)
    grown = body.grow_within(seeds, inside, steps)
    assert (grown | ~seeds).all()
    assert not (grown & ~inside).any()


def test_depth_is_in_millimetres_and_the_border_is_no_surface():
    mask = np.ones((1, 9, 9), dtype=bool)
    mask[0, 4, 4] = False
    deep = body.depth(mask, (3.0, 2.0, 2.0))
    assert deep[0, 4, 6] == pytest.approx(4.0)
    assert deep[0, 0, 0] == pytest.approx(2 * np.hypot(4, 4))


def test_what_a_slice_encloses_is_filled_unless_it_is_open():
    ring = np.zeros((2, 20, 20), dtype=bool)
    ring[:, 4:16, 4:16], ring[:, 7:13, 7:13] = True, False
    ring[1, 9:11, 13:16] = False  # a gap that leads outside
    hu = np.where(ring, MUSCLE, AIR).astype(np.float32)
    whole = body.filled(ring, hu, nowhere(hu))
    assert whole[0, 9, 9]
    assert not whole[1, 9, 9]


def test_metal_is_found_at_full_resolution_inside_the_body_only():
    hu = np.zeros((4, 16, 16), np.int16)
    hu[1, 5, 5] = 3000
    hu[1, 14, 14] = 3000
    hu[2, 6, 6] = 2500
    inside = np.zeros((2, 4, 4), dtype=bool)
    inside[:, :3, :3] = True
    metal = body.find_metal(Volume(hu, Geometry(hu.shape, (1.5, 0.8, 0.8))), inside, (2, 4, 4))
    assert np.argwhere(metal).tolist() == [[0, 1, 1]]


def test_metal_beyond_the_last_whole_block_is_left_out():
    hu = np.zeros((3, 9, 9), np.int16)
    hu[2, 8, 8] = 3000
    metal = body.find_metal(Volume(hu, Geometry(hu.shape, (1.0, 1.0, 1.0))), np.ones((1, 2, 2), dtype=bool), (2, 4, 4))
    assert not metal.any()


def small_field(behind: float) -> np.ndarray:
    """A slice of a small field of view: chest wall in front, heart and spine in the middle, ``behind`` beside them."""
    hu = np.full((40, 40), -1000.0, dtype=np.float32)
    hu[4:10] = 40.0
    hu[10:] = behind
    hu[10:, 14:28] = 40.0
    return hu[None].repeat(3, axis=0)


@pytest.mark.parametrize(("behind", "lung"), [(-860.0, True), (-995.0, False)])
def test_lung_that_a_small_field_of_view_cuts_is_in_the_body(behind, lung):
    hu = small_field(behind)
    found = body.find_body(hu, np.zeros(hu.shape, dtype=bool), (3.0, 3.0, 3.0))
    assert found[1, 30, 5] == lung
    assert found[1, 30, 35] == lung
    assert not found[1, 1].any(), "the room in front stays outside"


def test_padding_behind_a_whole_patient_is_not_lung():
    hu = small_field(-870.0)
    hu[:, :, :3] = hu[:, :, -3:] = -1000.0
    found = body.find_body(hu, np.zeros(hu.shape, dtype=bool), (3.0, 3.0, 3.0))
    assert not found[1, 30, 6]


def test_the_air_between_the_back_and_a_mat_is_outside():
    hu, mask = trunk()
    # A soft mat, half air on the grid, that touches the back on both sides of the spine's groove.
    hu[:, 48:54, 35:56] = AIR
    hu[:, 52, 28:62] = -350.0
    found = body.find_body(hu, nowhere(hu), SPACING)
    assert not found[:, 49:52, 38:53].any()
    assert (found & mask).sum() > 0.9 * mask.sum()


def test_a_view_within_the_patient_holds_no_room():
    hu = np.full((6, 50, 50), LUNG, dtype=np.float32)
    hu[:, 15:40, 12:38] = MUSCLE
    found = body.find_body(hu, nowhere(hu), SPACING)
    assert found.all(), "lung at all sides and no wall of the chest"
    hu[:, :3] = AIR
    assert not body.find_body(hu, nowhere(hu), SPACING)[:, 1].any(), "air in front of the patient"
