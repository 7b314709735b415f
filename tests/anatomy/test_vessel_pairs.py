"""Arteries beside their veins, lumens as bright as bone, and gas of the bowel that looks like lung."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from calciscope.anatomy.embedded import aorta, gallbladder, iliac, liver, tissues, vessels
from calciscope.anatomy.embedded.regions import bowel_gas
from calciscope.anatomy.embedded.track import Track
from tests.anatomy import phantom
from tests.anatomy.trunk import ellipsoid, frame, trunk

SPACING = (3.0, 3.0, 3.0)


def off(tube, points):
    """Mean distance of a tube's points from a course, mm."""
    dense = np.concatenate([np.linspace(a, b, 60) for a, b in pairwise(points)])
    return float(np.mean([np.linalg.norm(dense - p, axis=1).min() for p in tube.points]))


@pytest.mark.parametrize("blood", [45.0, 150.0])
def test_of_artery_and_vein_the_one_in_front_is_taken(blood):
    body = phantom.abdomen(blood)
    for side in (-1.0, 1.0):
        vein = [(-10.0, -16.0, 165.0), (side * 36, -1, 115), (side * 66, -26, 45), (side * 68, -28, -5)]
        body.vessel(vein, 7.0, blood)
        body.vessel([(side * 6 + 6, -30, 168), (side * 40, -15, 115), (side * 73, -40, 45), (side * 75, -42, -5)], 5.5,
                    blood)  # fmt: skip
    part = vessels.segment(body.frame(), {})
    for side, sign in (("left", 1), ("right", -1)):
        tube = part.tubes[f"iliac_artery_{side}"]
        course = np.array([(sign * 6 + 6, -30, 168), (sign * 40, -15, 115), (sign * 73, -40, 45)], dtype=float)
        assert off(tube, course) < 6.0


def test_a_disc_behind_speaks_for_an_artery_and_one_in_front_against_it():
    best = np.zeros((1, 30, 30), dtype=np.float32)
    best[0, 10, 15] = best[0, 16, 15] = 0.6
    worth = iliac._paired(best, (2.0, 2.0), 1.0)
    assert worth[0, 10, 15] > worth[0, 16, 15] + 0.1
    assert worth[0, 25, 5] < 0.0, "a branch without a vein is not better than the trunk"
    assert worth[0, 16, 15] < worth[0, 25, 5], "what has a disc before it is the vein"


def test_urine_costs_more_than_blood():
    mean = np.array([[[45.0, 30.0, 5.0, 160.0]]], dtype=np.float32)
    cost = iliac._unlike_blood(mean, 45.0, 100.0)[0, 0]
    assert cost[0] == 0.0
    assert cost[1] < cost[2]
    assert cost[2] > 0.3
    assert cost[3] > 0.3


def test_the_edge_of_the_skeleton_is_no_plaque():
    whole = np.full((3, 20, 20), 40.0, dtype=np.float32)
    whole[:, 4:10, 4:10] = 900.0
    whole[:, 10, 4:10] = 250.0
    whole[1, 16:18, 15:17] = 400.0
    without = whole.copy()
    without[:, 4:10, 4:10] = -110.0
    reward = iliac._plaque(without, whole, (2.0, 2.0))
    assert reward[1, 16, 15] > 0.1
    assert reward[1, 10, 5] < 0.02


@pytest.mark.parametrize("hu", [190.0, 320.0])
def test_a_lumen_that_passed_for_bone_is_taken_out_of_the_skeleton(hu):
    body = phantom.abdomen(hu)
    lumen = (np.hypot(body.x - 12, body.y + 30) < 8) & (body.z > 175)
    made = body.frame()
    part = vessels.segment(replace(made, bone=made.bone | lumen), {})
    assert part.not_bone is not None
    assert (part.not_bone & lumen).sum() > 0.7 * lumen.sum()
    assert not (part.not_bone & made.bone).any(), "the vertebrae stay"
    assert "aorta_abdominal" in part.masks


def test_without_contrast_no_bone_is_taken_away():
    made = phantom.abdomen(45.0).frame()
    traced = aorta.trace(made)
    assert traced is not None
    assert vessels.without_lumen(made, traced[0], 45.0) is None


def test_a_dissected_aorta_is_as_wide_as_both_its_lumens():
    body = phantom.chest(45.0)
    true_lumen = (np.hypot(body.x - 25, body.y + 22) < 12) & (body.y < -24) & (body.z < 215)
    body.put(true_lumen, 400.0)
    body.vessel([(-6.0, -72.0, 222.0), (-8.0, -72.0, 140.0)], 15.0, 400.0)
    part = vessels.segment(body.frame(), {})
    mask = part.masks["aorta_descending"][0]
    whole = (np.hypot(body.x - 25, body.y + 22) < 12) & (body.z > 60) & (body.z < 180)
    found = mask & (body.z > 60) & (body.z < 180)
    assert 2 * (found & whole).sum() / (found.sum() + whole.sum()) > 0.7


def test_a_little_gas_above_the_hips_is_bowel_and_much_is_lung():
    bone = np.zeros((60, 60, 100), dtype=bool)
    bone[:40, 20:40, 5:25] = bone[:40, 20:40, 75:95] = True
    spine = np.full((60, 3), np.nan)
    gas = np.zeros_like(bone)
    gas[44:50, 20:30, 40:50] = True
    assert bowel_gas(gas, bone, spine, SPACING)
    lung = np.zeros_like(bone)
    lung[44:60, 5:55, 10:90] = True
    assert not bowel_gas(lung, bone, spine, SPACING)
    assert not bowel_gas(gas, np.zeros_like(bone), spine, SPACING)
    assert not bowel_gas(np.zeros_like(bone), bone, spine, SPACING)


def test_no_aorta_below_the_top_of_the_sacroiliac_joints():
    made = frame(trunk()[0])
    low = Track(np.array([[z, 60.0, 65.0] for z in range(20, 48)], dtype=float), np.full(28, 9.0), np.full(28, 0.5))
    assert not vessels._above_pelvis(made, low).any()


def test_calcified_cartilage_in_the_wall_of_the_belly_is_no_gallstone():
    body, _ = trunk()
    made = frame(body)
    organs = {"liver": liver.segment(made, {}).masks["liver"]}
    inner = tissues.shell(made)
    depth = np.hypot(body.x / (0.45 * body.width), (body.y + 0.18 * body.depth) / (0.435 * body.depth))
    rib_end = ellipsoid(body, (-60.0, -110.0, 235.0), (20.0, 14.0, 10.0)) & (depth > 0.9) & inner
    body.put(rib_end, 300.0)
    found = gallbladder.segment(frame(body), organs, inner).masks
    assert "gallbladder" not in found or not (found["gallbladder"][0] & rib_end).any()


def test_a_branch_ends_where_it_enters_a_bone_far_below_the_fork():
    body = phantom.abdomen().frame(seed=2)
    n = 40
    z = np.arange(n, dtype=float)
    course = Track(np.column_stack([z, np.full(n, 30.0), np.full(n, 40.0)]), np.full(n, 4.0), np.full(n, 0.6))
    bone = np.zeros_like(body.bone)
    bone[:8, 20:40, 30:50] = True
    within = iliac._within_view(phantom.without(body, bone=bone), course)
    assert within.points[0, 0] == 8
    # What is bone round its upper end are spurs of the spine.
    spurs = np.zeros_like(bone)
    spurs[34:, 20:40, 30:50] = True
    assert len(iliac._within_view(phantom.without(body, bone=spurs), course)) == n
