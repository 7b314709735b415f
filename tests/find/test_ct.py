"""Deposits are found, with their voxels, and what is none is rejected by its name."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calciscope.domain.anatomy import Anatomy, Manifest
from calciscope.domain.image import Geometry, Volume
from calciscope.find.ct import find
from tests.find.body import ORIGIN, SHAPE, SPACING, Body

THRESHOLD = 130.0


def run(body):
    volume, anatomy = body.made()
    return find(volume, anatomy, series="s1", threshold_hu=THRESHOLD)


def at(deposits, where):
    """The deposit that shares a voxel with a mask."""
    for deposit in deposits:
        if where[tuple(deposit.voxels.T)].any():
            return deposit
    return None


def test_a_stone_in_soft_tissue_is_found_with_its_voxels():
    body = Body()
    stone = body.put(body.ball((12, 45, 70), 5.0), 800.0)
    found = run(body)
    assert len(found.deposits) == 1
    deposit = found.deposits[0]
    mask = np.zeros(SHAPE, dtype=bool)
    mask[tuple(deposit.voxels.T)] = True
    assert np.array_equal(mask, stone)
    assert deposit.volume_mm3 == pytest.approx(stone.sum() * np.prod(SPACING))
    assert deposit.center_index == (12, 45, 70)
    assert deposit.center_mm == pytest.approx((ORIGIN[0] + 70, ORIGIN[1] + 45, ORIGIN[2] + 30), abs=0.3)
    assert deposit.extent_mm == pytest.approx((9.0, 9.0, 7.5))
    assert deposit.peak_hu == deposit.hu.max() > 780
    assert 40 < deposit.background_hu < 60
    assert deposit.threshold_hu == THRESHOLD


def test_values_are_those_of_the_volume():
    body = Body()
    body.put(body.ball((12, 45, 70), 5.0), 800.0)
    volume, anatomy = body.made()
    found = find(volume, anatomy, series="s1", threshold_hu=THRESHOLD)
    for deposit in (*found.deposits, *found.rejected):
        assert np.array_equal(deposit.hu, volume.hu[tuple(deposit.voxels.T)].astype(np.float32))
        assert (deposit.hu >= deposit.threshold_hu).all()


@settings(max_examples=12)
@given(
    st.lists(
        st.tuples(
            st.integers(4, 19), st.integers(25, 65), st.integers(30, 100), st.floats(2.6, 5), st.floats(400, 1500)
        ),
        min_size=1,
        max_size=5,
    )
)
def test_deposits_and_rejected_are_disjoint_and_named_once(balls):
    body = Body()
    for z, y, x, radius, hu in balls:
        body.put(body.ball((z, y, x), radius), hu)
    found = run(body)
    everything = [*found.deposits, *found.rejected]
    flat = np.concatenate([np.ravel_multi_index(d.voxels.T, SHAPE) for d in everything])
    assert len(flat) == len(set(flat.tolist()))
    assert len({d.id for d in everything}) == len(everything)
    assert all(d.rejected_as is None for d in found.deposits)
    assert all(d.rejected_as for d in found.rejected)
    assert found.deposits


@settings(max_examples=10)
@given(st.integers(-4, 4), st.integers(-12, 12), st.integers(-25, 25))
def test_where_a_lesion_lies_does_not_change_its_volume(dz, dy, dx):
    body = Body(noise=4.0)
    body.put(body.ball((11 + dz, 45 + dy, 65 + dx), 4.0), 700.0)
    found = run(body)
    alone = Body(noise=4.0)
    expected = alone.ball((11, 45, 65), 4.0).sum() * np.prod(SPACING)
    assert [d.volume_mm3 for d in found.deposits] == [pytest.approx(expected)]


def test_mirroring_left_and_right_mirrors_the_deposits():
    body = Body()
    body.put(body.ball((10, 40, 85), 4.0), 700.0)
    body.put(body.ball((10, 45, 83), 4.0), 600.0)
    volume, anatomy = body.made()
    mirrored = Anatomy(
        labels=np.ascontiguousarray(anatomy.labels[:, :, ::-1]),
        structures=anatomy.structures,
        geometry=anatomy.geometry,
        manifest=anatomy.manifest,
        regions=anatomy.regions,
    )
    other = Volume(np.ascontiguousarray(volume.hu[:, :, ::-1]), volume.geometry)
    here = find(volume, anatomy, series="s", threshold_hu=THRESHOLD).deposits
    there = find(other, mirrored, series="s", threshold_hu=THRESHOLD).deposits
    assert [d.volume_mm3 for d in here] == [d.volume_mm3 for d in there]
    assert [d.shape.sphericity for d in here] == [d.shape.sphericity for d in there]
    assert np.array_equal(SHAPE[2] - 1 - here[0].voxels[:, 2].max(), there[0].voxels[:, 2].min())


def test_the_skeleton_is_no_deposit_and_neither_is_what_grows_on_it():
    body = Body()
    spur = body.put(body.ball((12, 80, 55), 5.0) & ~body.masks["bone"], 450.0)
    found = run(body)
    assert not found.deposits
    rejected = at(found.rejected, spur)
    assert rejected is None or rejected.rejected_as in ("bone", "osteophyte")


def test_a_rib_that_the_anatomy_does_not_know_is_bone_beside_bone():
    body = Body()
    chip = body.put(body.ball((12, 92, 83), 2.5), 330.0)
    found = run(body)
    assert at(found.deposits, chip) is None
    assert at(found.rejected, chip).rejected_as in ("bone", "osteophyte")


def test_plaque_in_an_aorta_that_touches_the_spine_is_kept():
    body = Body()
    body.artery((68, 65), 11)
    wall = body.ellipse((68, 65), (11, 11)) & ~body.ellipse((68, 65), (9, 9))
    plaque = body.put(wall & (body.y > 72) & (body.z > 4) & (body.z < 18), 900.0)
    body.put(body.ellipse((80, 65), (3, 3)) & (body.z > 10) & (body.z < 13), 170.0)
    deposit = at(run(body).deposits, plaque)
    assert deposit is not None
    assert deposit.volume_mm3 >= 0.7 * plaque.sum() * np.prod(SPACING)


def test_metal_is_metal_and_its_neighbourhood_is_not_trusted():
    body = Body()
    screw = body.put(body.ball((12, 50, 60), 5.0), 3071.0)
    streak = body.put((np.abs(body.y - 50) < 2) & (body.x > 68) & (body.x < 72) & (body.z == 12), 300.0)
    found = run(body)
    assert at(found.rejected, screw).rejected_as == "metal"
    assert at(found.rejected, streak).rejected_as == "streak"
    assert not found.deposits


def test_noise_makes_no_deposit():
    for seed in range(3):
        assert not run(Body(noise=28.0, seed=seed)).deposits


def test_an_electrode_on_the_skin_is_outside_the_body():
    body = Body()
    lead = (body.z > 8) & (body.z < 14) & (body.y > 3) & (body.y < 6) & (body.x > 55) & (body.x < 75)
    body.put(lead, 1200.0)
    body.masks["body"] |= lead
    found = run(body)
    assert at(found.rejected, lead).rejected_as == "outside_body"


def test_contrast_is_no_calcium_and_the_wall_beside_it_is():
    body = Body()
    lumen = body.artery((50, 80), 10, hu=260.0)
    vein = body.put(body.ellipse((50, 45), (3, 3)), 255.0)
    plaque = body.put(lumen & (body.x > 86) & (body.z > 8) & (body.z < 14), 900.0)
    body.enhanced(260.0)
    found = run(body)
    assert [at([d], plaque) is not None for d in found.deposits] == [True]
    assert at(found.deposits, vein) is None
    deposit = found.deposits[0]
    mask = np.zeros(SHAPE, dtype=bool)
    mask[tuple(deposit.voxels.T)] = True
    assert (mask & plaque).sum() > 0.95 * plaque.sum()
    assert (mask & ~plaque).sum() < 0.2 * plaque.sum()
    assert deposit.threshold_hu > 260.0


@pytest.mark.parametrize("gap", [0, 2])
def test_a_rim_is_one_hollow_deposit_even_in_pieces(gap):
    body = Body()
    shell = body.ball((12, 45, 65), 12.0) & ~body.ball((12, 45, 65), 9.5)
    shell &= ~((np.abs(body.x - 65) < gap) & (body.y < 45))
    shell &= ~((np.abs(body.x - 65) < gap) & (body.y >= 45))
    body.put(shell, 600.0)
    body.put(body.ball((12, 45, 65), 9.5), 10.0)
    found = run(body)
    assert len(found.deposits) == 1
    assert found.deposits[0].shape.hollow > 0.3


def test_two_rims_that_touch_are_two_deposits():
    body = Body()
    for x in (54, 74):
        body.put(body.ball((12, 45, x), 11.0), 500.0)
    for x in (54, 74):
        body.put(body.ball((12, 45, x), 8.5), 5.0)
    found = run(body)
    assert len(found.deposits) == 2
    centres = sorted(d.center_index[2] for d in found.deposits)
    assert centres[0] < 62 < 66 < centres[1]
    assert all(d.shape.hollow > 0.25 for d in found.deposits)


def test_costal_cartilage_in_the_front_wall_of_the_chest():
    body = Body(region="chest")
    body.lungs()
    piece = body.put(body.ball((12, 18, 75), 4.0), 400.0)
    node = body.put(body.ball((12, 60, 65), 4.0), 400.0)
    found = run(body)
    assert at(found.rejected, piece).rejected_as == "costal_cartilage"
    assert at(found.deposits, node) is not None


def test_cartilage_of_the_windpipe():
    body = Body(region="neck")
    airway = body.ellipse((45, 65), (8, 8))
    body.put(airway, -1000.0)
    body.masks["airway"] = airway
    ring = body.put(body.ellipse((45, 65), (11, 11)) & ~body.ellipse((45, 65), (9, 9)) & (body.y < 42), 350.0)
    carotid = body.put(body.ball((12, 55, 92), 3.0), 700.0)
    found = run(body)
    assert at(found.rejected, ring).rejected_as == "laryngeal_cartilage"
    assert at(found.deposits, carotid) is not None


def test_a_sesamoid_near_a_joint_of_a_limb():
    body = Body(region="limb")
    fabella = body.put(body.ball((12, 75, 65), 3.0), 600.0)
    far = body.put(body.ball((12, 35, 65), 3.0), 600.0)
    found = run(body)
    assert at(found.rejected, fabella).rejected_as == "sesamoid"
    assert at(found.deposits, far) is not None


def test_dense_content_of_bowel_has_gas_beside_it():
    body = Body(region="abdomen")
    body.put(body.ball((12, 40, 60), 10.0), -950.0)
    pill = body.put(body.ball((12, 52, 60), 3.5), 300.0)
    found = run(body)
    assert at(found.rejected, pill).rejected_as == "bowel_content"


def test_an_empty_volume_has_nothing():
    geometry = Geometry((3, 20, 20), (3.0, 1.0, 1.0))
    air = Volume(np.full((3, 20, 20), -1000, dtype=np.int16), geometry)
    anatomy = Anatomy(np.zeros((3, 20, 20), np.uint8), {}, geometry, Manifest("t", "1", "none"))
    found = find(air, anatomy, series="s", threshold_hu=THRESHOLD)
    assert found.deposits == ()
    assert found.rejected == ()


def test_a_label_map_without_a_body_still_finds():
    body = Body()
    stone = body.put(body.ball((12, 45, 70), 5.0), 800.0)
    body.masks = {"bone": body.masks["bone"]}
    assert at(run(body).deposits, stone) is not None


def test_one_slice_is_enough():
    body = Body()
    body.put(body.ball((12, 45, 70), 5.0), 800.0)
    volume, anatomy = body.made()
    one = Geometry((1, *SHAPE[1:]), SPACING, ORIGIN)
    cut = Anatomy(
        np.ascontiguousarray(anatomy.labels[12:13]), anatomy.structures, one, anatomy.manifest, regions=anatomy.regions
    )
    found = find(Volume(np.ascontiguousarray(volume.hu[12:13]), one), cut, series="s", threshold_hu=THRESHOLD)
    assert len(found.deposits) == 1
