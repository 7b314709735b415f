from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from calciscope.anatomy.embedded import abdomen, gallbladder, kidneys, liver, pelvis, tissues, ureters
from calciscope.anatomy.embedded.bodies import Body, Box
from calciscope.anatomy.embedded.frame import Frame
from calciscope.domain.anatomy import Region
from tests.anatomy.phantom import Body as Phantom
from tests.anatomy.trunk import dice, ellipsoid, frame, trunk


@pytest.fixture(scope="module")
def plain():
    body, truth = trunk(stone=True)
    scan = frame(body)
    return scan, truth, abdomen.segment(scan, {})


def mirrored(scan: Frame) -> Frame:
    """The same body with left and right exchanged."""
    spine = scan.spine.copy()
    spine[:, 1] = scan.hu.shape[2] - 1 - spine[:, 1]
    flip = {
        name: np.ascontiguousarray(getattr(scan, name)[:, :, ::-1])
        for name in ("hu", "body", "airway", "bone", "metal", "fat")
    }
    return replace(
        scan,
        **flip,
        spine=spine,
        lung_left=np.ascontiguousarray(scan.lung_right[:, :, ::-1]),
        lung_right=np.ascontiguousarray(scan.lung_left[:, :, ::-1]),
    )


@pytest.mark.parametrize("name", ["liver", "spleen", "kidney_left", "kidney_right", "urinary_bladder"])
def test_organs_lie_where_they_were_put(plain, name):
    _, truth, part = plain
    mask, sure = part.masks[name]
    assert dice(mask, truth[name]) > (0.7 if name == "spleen" else 0.8)
    assert 0.5 < sure < 0.95


def test_the_gallbladder_is_found_by_its_bile(plain):
    _, truth, part = plain
    assert dice(part.masks["gallbladder"][0], truth["gallbladder"]) > 0.5
    assert "gallbladder_fossa" in part.masks


def test_a_stone_lies_inside_its_kidney(plain):
    scan, _, part = plain
    stone = (scan.hu > 500) & (part.masks["kidney_left"][0])
    body, _ = trunk()
    where = ellipsoid(body, (66.0, 2.0, 215.0), (5.0, 5.0, 5.0))
    assert stone[where].mean() > 0.9


@pytest.mark.parametrize("contrast", [0.0, 120.0])
def test_kidneys_with_and_without_contrast(contrast):
    body, truth = trunk(contrast=contrast)
    scan = frame(body)
    found = {**liver.segment(scan, {}).masks}
    found |= kidneys.segment(scan, found).masks
    for side in ("left", "right"):
        assert dice(found[f"kidney_{side}"][0], truth[f"kidney_{side}"]) > 0.8


def test_a_missing_kidney_is_not_invented():
    body, _ = trunk(left_kidney=False)
    scan = frame(body)
    found = kidneys.segment(scan, liver.segment(scan, {}).masks).masks
    assert {name for name in found if name.endswith("left")} == set()
    assert "kidney_right" in found


def test_no_upper_abdomen_in_a_scan_of_the_pelvis_or_without_a_spine(plain):
    scan = plain[0]
    only = replace(scan, regions=(replace(scan.regions[0], stop=150),))
    assert not liver.segment(only, {}).masks
    assert not kidneys.segment(only, {}).masks
    blind = replace(scan, spine=np.full_like(scan.spine, np.nan), regions=())
    for finder in (liver.segment, kidneys.segment):
        part = finder(blind, {})
        assert not part.masks
        assert "no spine" in part.notes[0]


def test_gallstones_count_as_gallbladder_and_need_a_liver():
    body, _ = trunk(gallstone=True)
    scan = frame(body)
    assert not gallbladder.segment(scan, {}).masks
    found = gallbladder.segment(scan, liver.segment(scan, {}).masks).masks["gallbladder"][0]
    stone = ellipsoid(body, (-48.0, -72.0, 218.0), (9.0, 9.0, 9.0))
    assert found[stone].mean() > 0.9


def test_the_ureter_runs_from_kidney_to_bladder_in_front_of_the_psoas(plain):
    scan, _, part = plain
    for side, sign in (("left", 1), ("right", -1)):
        points = part.tubes[f"ureter_{side}"].points
        assert (np.diff(points[:, 2]) <= 0).all()
        assert (part.tubes[f"ureter_{side}"].radius >= 4.0).all(), "never surer than it can be"
        assert points[0, 2] > 190
        assert points[-1, 2] < 100
        assert (points[:, 0] * sign > 0).all()
        above_brim = points[(points[:, 2] > 152) & (points[:, 2] < 175)]
        assert (above_brim[:, 1] < -5).all()
        assert 8 < np.abs(points[-1, 0]) < 45
    assert scan.to_mm((0.0, 0.0, 0.0))[2] == 0.0


def test_no_ureter_without_its_kidney_where_none_is_seen(plain):
    """This body has no ureters to be seen: only what kidneys and bladder say of their course."""
    scan, _, part = plain
    masks = {name: value for name, value in part.masks.items() if name != "kidney_left"}
    found = ureters.segment(scan, masks, pelvis.find(scan)).tubes
    assert {name for name in found if not name.startswith("hydro")} == {"ureter_right"}
    assert not any(name.endswith("left") for name in found)
    assert not ureters.segment(scan, {}, None).tubes, "neither kidney nor pelvis"


def test_the_ureter_ends_at_the_brim_where_the_pelvis_is_not_in_view(plain):
    scan, _, part = plain
    tube = ureters.segment(scan, part.masks, None).tubes["ureter_left"]
    assert tube.confidence < part.tubes["ureter_left"].confidence + 1e-9


def test_joints_and_side_walls(plain):
    scan, _, part = plain
    top, bottom = (part.landmarks[f"sacroiliac_{end}"].point[2] for end in ("top", "bottom"))
    assert top == pytest.approx(150, abs=12)
    assert bottom == pytest.approx(85, abs=12)
    left, right = (part.masks[f"pelvic_wall_{side}"][0] for side in ("left", "right"))
    assert not (left & right).any()
    assert not (left & part.masks["urinary_bladder"][0]).any()
    column = scan.hu.shape[2] // 2
    assert not left[:, :, : column - 2].any()
    assert not right[:, :, column + 3 :].any()
    z, y, x = (int(v) for v in scan.to_coarse((42.0, 0.0, 45.0)))
    assert left[z, y, x]


def test_a_chest_has_no_pelvis():
    body = Phantom(length=200.0)
    body.lungs(20.0, 200.0)
    assert pelvis.find(body.frame()) is None


def test_the_vessel_bed_is_only_for_untraced_arteries(plain):
    scan, _, part = plain
    ring = pelvis.find(scan)
    assert {"iliac_bed_left", "iliac_bed_right"} <= set(part.masks)
    artery = np.zeros(scan.hu.shape, dtype=bool)
    artery[: ring.joint_top, 30, 60] = True
    bed = pelvis.segment(scan, {"iliac_artery_left": (artery, 0.8)}, ring).masks
    assert not bed["iliac_bed_left"][0][: ring.joint_top].any()
    assert bed["iliac_bed_right"][0][: ring.joint_top].any()


def test_no_bladder_is_better_than_a_wrong_one():
    body, _ = trunk(bladder=False)
    body.put(ellipsoid(body, (0.0, 20.0, 75.0), (36.0, 18.0, 20.0)) & body.inner & ~body.masks["bone"], 5.0)
    scan = frame(body)
    assert "urinary_bladder" not in pelvis.segment(scan, {}, pelvis.find(scan)).masks


def test_mirroring_the_body_swaps_the_sides(plain):
    scan, truth, _ = plain
    # Kidneys alone: liver and spleen are not mirror images of each other.
    found = kidneys.segment(mirrored(scan), {}).masks
    for side, other in (("left", "right"), ("right", "left")):
        assert dice(found[f"kidney_{side}"][0], truth[f"kidney_{other}"][:, :, ::-1]) > 0.8


def test_tissues_by_depth(plain):
    scan, _, part = plain
    skin, wall = part.masks["skin"][0], part.masks["muscle"][0]
    assert not (skin & ~scan.body).any()
    assert skin.sum() > 1000
    z, y, x = (int(v) for v in scan.to_coarse((0.0, -137.0, 200.0)))
    assert wall[z, y - 3 : y + 4, x].any()
    assert not (wall & part.masks["liver"][0]).any()
    assert not (part.masks["subcutaneous_fat"][0] & scan.fat & part.masks["kidney_left"][0]).any()


def test_fat_inside_the_wall_is_not_subcutaneous(plain):
    scan, _, part = plain
    z, y, x = (int(v) for v in scan.to_coarse((60.0, -60.0, 160.0)))
    assert scan.fat[z, y, x]
    assert not part.masks["subcutaneous_fat"][0][z, y, x]


def test_two_bones_close_together_make_a_joint():
    body = Phantom(length=150.0, spine_from=1e6)
    for low, high in ((0.0, 70.0), (76.0, 150.0)):
        body.put((np.hypot(body.x, body.y + 30) < 25) & (body.z >= low) & (body.z < high), 700.0, "bone")
    scan = body.frame(regions=(replace(REGION, stop=50),))
    joint = tissues.segment(scan, {}).masks["near_joint"][0]
    levels = np.flatnonzero(joint.any(axis=(1, 2))) * 3.0
    assert levels.min() > 55
    assert levels.max() < 90


REGION = frame(trunk()[0]).regions[0].__class__("limb", 0, 50, 0.8)


def test_a_piece_of_the_spleen_is_no_kidney(plain):
    scan, truth, _ = plain
    box = Box((0, 0, 0), scan.hu.shape)
    (where,) = ndimage.find_objects(truth["spleen"].astype(np.uint8))
    piece = Body(truth["spleen"][where], where, 150.0, (0.0, 0.0, 0.0), (90.0, 60.0, 60.0), False)
    assert kidneys._elsewhere(scan, box, piece, {"spleen": (truth["spleen"], 0.8)})
    assert not kidneys._elsewhere(scan, box, piece, {"liver": (truth["liver"], 0.8)})
    # What an organ took of a much brighter kidney is still kidney.
    bright = replace(scan, hu=np.where(piece_of(truth["spleen"]), 150.0, scan.hu).astype(np.float32))
    kidney = replace(piece, mask=piece_of(truth["spleen"])[where])
    assert not kidneys._elsewhere(bright, box, kidney, {"spleen": (truth["spleen"], 0.8)})


def piece_of(mask):
    """The lowest third of a mask."""
    low = mask.copy()
    low[np.searchsorted(np.cumsum(mask.sum(axis=(1, 2))), mask.sum() / 3) :] = False
    return low


def test_what_lies_in_the_pelvis_is_no_kidney(plain):
    scan = plain[0]
    levels = liver.levels(scan, np.arange(len(scan.spine)))
    low = replace(scan, regions=(*scan.regions, Region("pelvis", 0, scan.volume.hu.shape[0], 0.8)))
    assert levels == liver.levels(low, np.arange(len(scan.spine)))
    assert kidneys.segment(scan, {}).masks.keys() >= {"kidney_left", "kidney_right"}
    assert not kidneys.segment(low, {}).masks


def test_there_is_one_fossa(plain):
    _, _, part = plain
    _, pieces = ndimage.label(part.masks["gallbladder_fossa"][0], np.ones((3, 3, 3)))
    assert pieces == 1
