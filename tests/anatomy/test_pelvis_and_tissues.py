"""Laws of the pelvis (joints, cavity, bladder, walls, beds) and of the tissue between organs."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from calciscope.anatomy.embedded import pelvis, tissues
from calciscope.domain.anatomy import Region
from tests.anatomy.phantom import MM, Body, cropped, leg, without
from tests.anatomy.trunk import ellipsoid, frame, trunk

SIDES = (("left", 1), ("right", -1))


@pytest.fixture(scope="module")
def scan():
    return frame(trunk()[0])


@pytest.fixture(scope="module")
def ring(scan):
    return pelvis.find(scan)


@pytest.fixture(scope="module")
def found(scan, ring):
    return pelvis.segment(scan, {}, ring)


@pytest.fixture(scope="module")
def between(scan, ring):
    return tissues.segment(scan, {}, ring).masks


def ml(mask):
    return float(mask.sum()) * MM**3 / 1000


def pelvis_with(centre, radii, hu=5.0):
    """The masks of a pelvis without its bladder but with a body of fluid somewhere."""
    body, _ = trunk(bladder=False)
    body.put(ellipsoid(body, centre, radii) & body.inner & ~body.masks["bone"], hu)
    made = frame(body)
    return pelvis.segment(made, {}, pelvis.find(made)).masks


def test_the_joints_are_where_the_sacrum_is_and_the_middle_is_the_middle(scan, ring):
    assert ring.joint_bottom < ring.joint_top
    assert ring.joint_top * MM == pytest.approx(150, abs=2 * MM)
    assert ring.joint_bottom * MM == pytest.approx(86, abs=2 * MM)
    assert ring.midline == pytest.approx(scan.hu.shape[2] / 2, abs=2)


def test_the_cavity_ends_at_the_top_of_the_joints_and_is_inside(scan, ring):
    assert ring.cavity.any()
    assert not ring.cavity[ring.joint_top :].any()
    assert not (ring.cavity & ~scan.body).any()
    _, _, columns = np.nonzero(ring.cavity)
    assert np.abs((columns - ring.midline) * MM).max() < 125


def test_streaks_of_a_prosthesis_on_one_side_are_no_joints(scan, ring):
    bone, metal = scan.bone.copy(), np.zeros_like(scan.metal)
    middle = round(ring.midline)
    streaks = slice(ring.joint_bottom - 12, ring.joint_bottom)
    bone[streaks, 40:44, middle + 6 : middle + 23] = True
    without_metal = pelvis.joints(without(scan, bone=bone))
    metal[ring.joint_bottom - 6, 42, middle + 30] = True
    assert pelvis.joints(without(scan, bone=bone, metal=metal)) == (ring.joint_bottom, ring.joint_top)
    assert without_metal is not None
    assert without_metal[0] < ring.joint_bottom


def test_no_bone_no_pelvis(scan):
    assert pelvis.find(without(scan, bone=np.zeros_like(scan.bone))) is None


def test_a_belly_above_the_hips_has_no_pelvis(scan):
    assert pelvis.find(replace(cropped(scan, slice(55, 150)), regions=())) is None


def test_a_sliver_of_the_joints_is_too_little(scan):
    assert pelvis.find(replace(cropped(scan, slice(45, 150)), regions=())) is None


def test_hips_without_a_sacrum_make_no_ring(scan):
    bone = scan.bone.copy()
    bone[:, :, 33:77] = False
    assert pelvis.find(without(scan, bone=bone)) is None


def test_a_sacrum_without_hips_makes_no_ring(scan):
    bone = scan.bone.copy()
    bone[:, :, :38] = False
    bone[:, :, 72:] = False
    assert pelvis.find(without(scan, bone=bone)) is None


def test_no_ring_no_part(scan):
    part = pelvis.segment(scan, {}, None)
    assert not part.masks
    assert not part.landmarks


def test_the_joints_are_landmarks_in_order(found, ring, scan):
    top, bottom = (found.landmarks[f"sacroiliac_{end}"].point for end in ("top", "bottom"))
    assert top[2] > bottom[2]
    assert top[0] == bottom[0] == pytest.approx(scan.to_mm((0.0, 0.0, ring.midline))[0])


def test_no_part_of_the_pelvis_is_bone_or_outside(scan, found):
    for name, (mask, sure) in found.masks.items():
        assert not (mask & scan.bone).any(), name
        assert not (mask & ~scan.body).any(), name
        assert 0.5 <= sure < 0.95, name


@pytest.mark.parametrize("kind", ["pelvic_wall", "iliac_bed"])
def test_pairs_lie_on_their_sides(found, ring, kind):
    for side, sign in SIDES:
        columns = np.nonzero(found.masks[f"{kind}_{side}"][0])[2]
        assert (sign * (columns - ring.midline) >= 0).all()
    left, right = (ml(found.masks[f"{kind}_{side}"][0]) for side, _ in SIDES)
    assert left == pytest.approx(right, rel=0.1)


def test_side_walls_end_below_the_joints_and_vessel_beds_begin_there(found, ring):
    for side, _ in SIDES:
        wall = np.flatnonzero(found.masks[f"pelvic_wall_{side}"][0].any(axis=(1, 2)))
        bed = np.flatnonzero(found.masks[f"iliac_bed_{side}"][0].any(axis=(1, 2)))
        assert wall.max() < ring.joint_bottom <= bed.min()
        assert bed.max() < ring.joint_top + round(20 / MM)


def test_walls_and_beds_lie_near_fat(scan, found):
    for side, _ in SIDES:
        for name, reach in ((f"pelvic_wall_{side}", 7.0), (f"iliac_bed_{side}", 13.0)):
            away = ndimage.distance_transform_edt(~scan.fat, sampling=scan.spacing)
            assert away[found.masks[name][0]].max() <= reach + MM, name


def test_walls_end_above_the_perineum(found, ring):
    for side, _ in SIDES:
        lowest = np.flatnonzero(found.masks[f"pelvic_wall_{side}"][0].any(axis=(1, 2)))[0]
        assert (ring.hip - lowest) * MM <= 42.0 + MM


def test_a_wall_whose_hip_bone_is_out_of_view_ends_higher(scan, ring):
    bone = scan.bone.copy()
    middle = round(ring.midline)
    bone[: round(ring.hip) + 6, :, middle + round(26 / MM) :] = False
    masks = pelvis.segment(without(scan, bone=bone), {}, ring).masks
    low = {side: np.flatnonzero(masks[f"pelvic_wall_{side}"][0].any(axis=(1, 2)))[0] for side, _ in SIDES}
    assert (ring.hip - low["left"]) * MM <= 15.0 + MM
    assert low["right"] <= low["left"]


def test_no_bed_outside_of_the_hip_bones(scan, ring, found):
    columns = np.arange(scan.hu.shape[2]) - ring.midline
    for side, sign in SIDES:
        bed = found.masks[f"iliac_bed_{side}"][0]
        for z, y in {(z, y) for z, y, _ in np.argwhere(bed)}:
            bony = sign * columns[scan.bone[z, y] & (sign * columns * MM > 40.0)]
            if bony.size:
                assert (sign * columns[bed[z, y]]).max() < bony.min()


def test_an_unsure_trace_does_not_replace_the_bed(scan, ring, found):
    artery = np.zeros(scan.hu.shape, dtype=bool)
    artery[: ring.joint_top, 30, 60] = True
    unsure = pelvis.segment(scan, {"iliac_artery_left": (artery, 0.4)}, ring).masks["iliac_bed_left"][0]
    assert (unsure == found.masks["iliac_bed_left"][0]).all()


def test_above_the_fork_runs_the_aorta_and_no_iliac_artery(scan, ring):
    aorta = np.zeros(scan.hu.shape, dtype=bool)
    aorta[ring.joint_top - 3 :, 40, 55] = True
    masks = pelvis.segment(scan, {"aorta_abdominal": (aorta, 0.9)}, ring).masks
    for side, _ in SIDES:
        assert not masks[f"iliac_bed_{side}"][0][ring.joint_top - 3 :].any()


def test_a_bladder_is_in_the_middle_and_its_bed_behind_it(found, ring):
    bladder, bed = (np.argwhere(found.masks[name][0]) for name in ("urinary_bladder", "prostate_or_uterus"))
    assert bladder[:, 2].mean() == pytest.approx(ring.midline, abs=3)
    assert bed[:, 1].mean() > bladder[:, 1].mean()
    assert not (found.masks["urinary_bladder"][0] & found.masks["prostate_or_uterus"][0]).any()


def test_a_fuller_bladder_is_found_larger():
    volumes = []
    for scale in (0.75, 0.9, 1.05):
        radii = (36.0 * scale, 30.0 * scale, 28.0 * scale)
        volumes.append(ml(pelvis_with((0.0, -38.0, 60.0), radii)["urinary_bladder"][0]))
        assert volumes[-1] == pytest.approx(4 / 3 * np.pi * np.prod(radii) / 1000, rel=0.35)
    assert volumes == sorted(volumes)


@pytest.mark.parametrize("hu", [-60.0, 60.0])
def test_what_is_not_as_dense_as_urine_is_no_bladder(hu):
    assert "urinary_bladder" not in pelvis_with((0.0, -38.0, 60.0), (36.0, 30.0, 28.0), hu)


def test_urine_full_of_contrast_is_urine():
    assert "urinary_bladder" in pelvis_with((0.0, -38.0, 60.0), (36.0, 30.0, 28.0), 400.0)


def test_a_drop_of_fluid_is_no_bladder():
    assert "urinary_bladder" not in pelvis_with((0.0, -38.0, 60.0), (8.0, 8.0, 8.0))


def test_without_a_bladder_there_is_no_bed_behind_it_but_there_are_walls():
    body, _ = trunk(bladder=False)
    made = frame(body)
    masks = pelvis.segment(made, {}, pelvis.find(made)).masks
    assert "urinary_bladder" not in masks
    assert "prostate_or_uterus" not in masks
    assert {"pelvic_wall_left", "pelvic_wall_right"} <= set(masks)


def test_a_field_of_view_that_cuts_the_front_says_nothing_of_the_bladder(scan, ring):
    body = scan.body.copy()
    body[:, 0, 20:90] = True
    cut = without(scan, body=body)
    assert "urinary_bladder" not in pelvis.segment(cut, {}, ring).masks


def test_skin_is_a_thin_rim_of_the_body(scan, between):
    skin = between["skin"][0]
    middle = scan.body[100]
    assert not (skin & ~scan.body).any()
    assert 0.01 < skin[100].sum() / middle.sum() < 0.15
    rows = np.flatnonzero(middle[:, 55])
    assert skin[100, rows[0], 55]
    assert not skin[100, rows[0] + 4 : rows[-1] - 4, 55].any()


def test_tissues_do_not_overlap(between):
    total = sum(between[name][0].astype(int) for name in ("skin", "subcutaneous_fat", "muscle"))
    assert total.max() == 1


def test_subcutaneous_fat_is_fat_and_muscle_is_not(scan, between):
    assert (scan.hu[between["subcutaneous_fat"][0]] < -20).all()
    assert (scan.hu[between["muscle"][0]] > -15).all()
    assert not (between["muscle"][0] & scan.bone).any()


def test_an_organ_is_no_tissue_between(scan):
    organ = np.zeros(scan.hu.shape, dtype=bool)
    organ[60:100, 10:60, 20:50] = True
    for name, (mask, _) in tissues.segment(scan, {"liver": (organ, 0.9)}).masks.items():
        assert name == "skin" or not (mask & organ).any(), name


def test_a_fossa_is_a_place_and_takes_nothing_away(scan, between, ring):
    place = np.zeros(scan.hu.shape, dtype=bool)
    place[60:100, 10:60, 20:50] = True
    masks = tissues.segment(scan, {"gallbladder_fossa": (place, 0.8), "pelvic_wall_left": (place, 0.8)}, ring).masks
    assert set(masks) == set(between)
    assert all((masks[name][0] == between[name][0]).all() for name in masks)


def test_no_joint_in_a_trunk(between):
    assert "near_joint" not in between


def test_one_bone_is_no_joint():
    made = leg(both=False).frame()
    limb = replace(made, regions=(Region("limb", 0, made.hu.shape[0], 0.8),))
    assert "near_joint" not in tissues.segment(limb, {}).masks


@pytest.mark.parametrize(("gap", "joint"), [(6.0, True), (30.0, False)])
def test_a_joint_is_where_two_bones_are_close(gap, joint):
    body = Body(length=150.0, spine_from=1e6)
    for low, high in ((0.0, 60.0), (60.0 + gap, 150.0)):
        body.put((np.hypot(body.x, body.y + 30) < 25) & (body.z >= low) & (body.z < high), 700.0, "bone")
    masks = tissues.segment(body.frame(regions=(Region("limb", 0, 50, 0.8),)), {}).masks
    assert ("near_joint" in masks) is joint


def test_nothing_in_view_has_no_tissue():
    body = Body(length=30.0, spine_from=1e6)
    body.hu[:] = -1000.0
    body.masks["body"][:] = False
    assert not tissues.segment(body.frame(), {}).masks


def test_a_seam_in_the_wall_of_the_belly_does_not_let_its_fat_out(scan):
    abdomen = replace(scan, regions=(Region("abdomen", 0, scan.volume.hu.shape[0], 0.9),))
    whole = tissues.shell(abdomen)
    middle = scan.hu.shape[2] // 2
    torn = scan.hu.copy()
    # Wider than the gaps of the muscles' shell, on every slice, as far in as the spine.
    half = round(13.0 / scan.spacing[2])
    front = torn[:, : scan.hu.shape[1] // 2, middle - half : middle + half]
    torn[:, : scan.hu.shape[1] // 2, middle - half : middle + half] = np.minimum(front, -90.0)
    again = tissues.shell(replace(abdomen, hu=torn))
    assert (again & whole).sum() > 0.9 * whole.sum()
    elsewhere = tissues.shell(replace(scan, hu=torn, regions=()))
    assert (elsewhere & whole).sum() < 0.9 * whole.sum(), "the seam opens a shell of muscles alone"


def test_a_wall_too_thin_to_be_seen_on_a_few_slices_goes_on_there(scan):
    whole = tissues.shell(scan)
    torn = scan.hu.copy()
    middle = scan.hu.shape[0] // 2
    # In front the wall is fat on the scan: the shell of these slices alone would be open.
    torn[middle : middle + 4, : scan.hu.shape[1] // 2] = np.minimum(
        torn[middle : middle + 4, : scan.hu.shape[1] // 2], -90
    )
    again = tissues.shell(without(scan, hu=torn))
    assert (again & whole)[middle : middle + 4].sum() > 0.98 * whole[middle : middle + 4].sum()
