from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from calciscope.anatomy.embedded import head, limb, neck
from calciscope.domain.anatomy import Region
from calciscope.domain.image import Geometry, Volume
from tests.anatomy import phantom

HEAD = (Region("head", 0, 999, 0.8),)
NECK = (Region("neck", 0, 60, 0.8),)
LIMB = (Region("limb", 0, 999, 0.8),)


def middle(body, mask):
    """Centre of a mask as x (left), y (back), z in mm of the phantom."""
    z, y, x = np.argwhere(mask).mean(axis=0) * phantom.MM
    return x - 0.5 * body.width, y - 0.68 * body.depth, z


@pytest.fixture(scope="module")
def brain():
    body = phantom.head()
    return body, head.segment(body.frame(regions=HEAD), {}).masks


def test_the_brain_fills_the_skull(brain):
    body, masks = brain
    truth = 4 / 3 * np.pi * 65 * 85 * 65 / 1000
    assert masks["brain"][0].sum() * phantom.MM**3 / 1000 == pytest.approx(truth, rel=0.1)
    assert not (masks["brain"][0] & body.masks["bone"]).any()


def test_nothing_in_the_head_is_sure(brain):
    assert all(confidence < 0.8 for _, confidence in brain[1].values())


def test_parts_of_the_brain_lie_where_they_should(brain):
    body, masks = brain
    x, y, z = middle(body, masks["pineal"][0])
    assert abs(x) < 4
    assert -40 < y < -20
    assert 80 < z < 105
    assert middle(body, masks["habenula"][0])[1] < y
    for name in ("choroid_plexus", "basal_ganglia"):
        left, right = (middle(body, masks[f"{name}_{side}"][0]) for side in ("left", "right"))
        assert left[0] == pytest.approx(-right[0], abs=4)
        assert left[0] > 12
    assert middle(body, masks["basal_ganglia_left"][0])[1] < middle(body, masks["choroid_plexus_left"][0])[1]
    assert middle(body, masks["cerebellum"][0])[2] < z
    assert np.ptp(np.argwhere(masks["falx"][0])[:, 2]) * phantom.MM <= 9


def test_the_midline_follows_a_turned_head():
    body = phantom.head(tilt=0.15)
    masks = head.segment(body.frame(regions=HEAD), {}).masks
    truth = 0.15 * (middle(body, masks["pineal"][0])[1] + 40)
    assert middle(body, masks["pineal"][0])[0] == pytest.approx(truth, abs=5)


def test_a_calcification_inside_belongs_to_the_brain():
    body = phantom.head()
    body.put((np.hypot(body.x - 20, body.y + 50) < 5) & (np.abs(body.z - 105) < 5), 400.0, "bone")
    mask = head.segment(body.frame(regions=HEAD), {}).masks["brain"][0]
    where = np.argwhere(mask & body.masks["bone"])
    assert len(where) > 3


def test_half_a_brain_has_no_inner_parts():
    body = phantom.head()
    part = head.segment(phantom.cropped(body.frame(regions=HEAD), slice(0, 40)), {})
    assert set(part.masks) == {"brain"}
    assert part.notes


def test_no_head_no_brain():
    assert not head.segment(phantom.chest().frame(), {}).masks


def test_thyroid_and_carotid_arteries_flank_the_windpipe():
    body = phantom.neck()
    masks = neck.segment(body.frame(regions=NECK), {}).masks
    for side, sign in (("left", 1), ("right", -1)):
        x, y, z = middle(body, masks[f"thyroid_{side}"][0])
        assert 8 < sign * x < 32
        assert y == pytest.approx(-45, abs=8)
        assert 35 < z < 90
        x, y, _ = middle(body, masks[f"carotid_sheath_{side}"][0])
        assert 14 < sign * x < 44
    assert middle(body, masks["larynx"][0])[2] > middle(body, masks["thyroid_left"][0])[2]
    assert all(confidence < 0.8 for _, confidence in masks.values())


def test_no_windpipe_no_neck():
    body = phantom.neck()
    frame = body.frame(regions=NECK)
    hu = np.where(body.masks["airway"], 50.0, frame.hu).astype(np.float32)
    part = neck.segment(phantom.without(frame, hu=hu, airway=np.zeros_like(frame.airway)), {})
    assert not part.masks
    assert part.notes


def test_no_neck_in_view():
    assert not neck.segment(phantom.chest().frame(), {}).masks


def thigh_and_knee(side=1.0, both=True):
    """A leg whose muscles are parted by planes of fat, across and from front to back."""
    body = phantom.leg(side, both)
    for centre in (70.0 * side, -75.0 * side):
        near = np.hypot(body.x - centre, body.y + 40) < 60
        planes = near & ((np.abs(body.x - centre) < 4) | (np.abs(body.y + 40) < 4))
        body.hu[np.broadcast_to(planes, body.hu.shape) & ~body.masks["bone"] & body.masks["body"]] = phantom.FAT
    return body


@pytest.mark.parametrize("side", [1.0, -1.0])
def test_the_artery_lies_to_the_inner_side_of_the_shaft_and_behind_the_knee(side):
    body = thigh_and_knee(side)
    mask, confidence = limb.segment(body.frame(regions=LIMB), {}).masks["leg_artery"]
    own = mask & (side * body.x > 0)
    thigh = own & (body.z > 160) & (body.z < 260)
    x, y, _ = middle(body, thigh)
    assert side * x < 60
    assert y > -40
    x, y, _ = middle(body, own & (body.z > 60) & (body.z < 100))
    assert y > -10
    assert abs(side * x - 70) < 10
    assert confidence < 0.8
    assert not (mask & body.masks["bone"]).any()


def test_without_the_other_leg_both_sides_are_possible():
    body = thigh_and_knee(both=False)
    mask, alone = limb.segment(body.frame(regions=LIMB), {}).masks["leg_artery"]
    _, sided = limb.segment(thigh_and_knee().frame(regions=LIMB), {}).masks["leg_artery"]
    assert alone < sided
    thigh = mask & (body.z > 160) & (body.z < 260)
    assert middle(body, thigh)[0] == pytest.approx(70, abs=6)


def test_far_below_the_knee_nothing_is_claimed():
    body = thigh_and_knee()
    mask = limb.segment(body.frame(regions=LIMB), {}).masks["leg_artery"][0]
    assert not (mask & (body.z < 10)).any()


def test_no_limb_no_leg_artery():
    assert not limb.segment(thigh_and_knee().frame(), {}).masks


def test_the_artery_is_not_in_the_middle_of_a_muscle_nor_of_a_lump_of_fat():
    body = thigh_and_knee()
    lump = (body.x - 30) ** 2 + (body.y + 10) ** 2 + (body.z - 200) ** 2 < 22**2
    body.hu[np.broadcast_to(lump, body.hu.shape) & ~body.masks["bone"]] = phantom.FAT
    frame = body.frame(regions=LIMB)
    mask = limb.segment(frame, {}).masks["leg_artery"][0]
    away = ndimage.distance_transform_edt(~frame.fat, sampling=frame.spacing)
    assert away[mask].max() <= 8.0 + phantom.MM
    middle_of_it = (body.x - 30) ** 2 + (body.y + 10) ** 2 + (body.z - 200) ** 2 < 11**2
    assert not mask[np.broadcast_to(middle_of_it, mask.shape)].any()
    assert mask.sum() < 0.15 * body.masks["body"].sum()


def test_a_knee_that_the_view_cuts_off_has_no_artery():
    frame = thigh_and_knee().frame(regions=LIMB)
    # The view begins in the middle of the other knee.
    first = round((0.5 * 330.0 - 75.0) / phantom.MM)
    keep = slice(first, None)
    volume = Volume(
        np.ascontiguousarray(frame.volume.hu[..., keep]), Geometry(frame.hu[..., keep].shape, frame.spacing)
    )
    names = ("hu", "body", "bone", "fat", "metal", "airway", "lung_left", "lung_right")
    parts = {name: np.ascontiguousarray(getattr(frame, name)[..., keep]) for name in names}
    mask = limb.segment(replace(frame, volume=volume, **parts), {}).masks["leg_artery"][0]
    assert not mask[..., : round(30 / phantom.MM)].any()
    assert mask.any()
