"""Heads of bones, joints and tendons, on painted limbs and on bodies of balls and rods."""

from dataclasses import replace

import numpy as np
import pytest

from calciscope.anatomy.embedded import balls, chest_wall, joints, knee, limb
from calciscope.anatomy.embedded.build import build
from calciscope.anatomy.embedded.frame import Frame
from calciscope.domain.image import Acquisition, Volume
from calciscope.simulate import ct, limbs


def scanned(made: limbs.Limb) -> Volume:
    """A limb as a scan of 3 mm slices."""
    hu, geometry = ct.scan(made.hu, made.geometry, [], ct.Protocol(pixel=1.4, matrix=160), (1, 2))
    return Volume(hu, geometry, Acquisition(kvp=120.0))


@pytest.fixture(scope="module", params=["left", "right"])
def arm(request: pytest.FixtureRequest) -> tuple[limbs.Limb, Frame]:
    made = limbs.shoulder(np.random.default_rng(3), request.param, spacing=1.8)
    return made, build(scanned(made))


@pytest.fixture(scope="module", params=["left", "right"])
def leg(request: pytest.FixtureRequest) -> tuple[limbs.Limb, Frame]:
    made = limbs.knee(np.random.default_rng(3), request.param, spacing=1.8)
    return made, build(scanned(made))


def near(frame: Frame, mask: np.ndarray, mark: tuple[float, float, float]) -> float:
    """Distance in mm of a place from a mask."""
    return float(np.linalg.norm(frame.to_mm(np.argwhere(mask)) - np.asarray(mark), axis=1).min())


def test_directions_cover_the_ball_evenly():
    out = balls.directions(400)
    assert np.allclose(np.linalg.norm(out, axis=1), 1.0)
    assert np.abs(out.mean(axis=0)).max() < 0.01
    nearest = np.sort(out @ out.T, axis=1)[:, -2]
    assert np.degrees(np.arccos(nearest)).max() < 14.0


def test_a_humeral_head_is_found_with_its_side(arm):
    made, frame = arm
    (head,) = joints.heads(frame)
    assert head.kind == "shoulder"
    assert head.side == made.side
    centre = frame.to_mm(head.ball.centre)
    assert np.linalg.norm(centre) < 4.0
    assert head.ball.radius == pytest.approx(23.0, abs=2.0)
    assert head.ball.share > 0.7


def test_joint_and_cuff_lie_on_opposite_sides_of_the_head(arm):
    made, frame = arm
    masks = joints.segment(frame, {}).masks
    joint, cuff = (masks[f"{part}_shoulder_{made.side}"][0] for part in ("joint", "tendon"))
    assert not (joint & cuff).any()
    assert near(frame, joint, made.marks["joint"]) < 3.0
    for name in ("supraspinatus", "infraspinatus"):
        assert near(frame, cuff, made.marks[name]) < 3.0
    assert near(frame, cuff, made.marks["deltoid"]) > 12.0


def test_the_armpit_holds_its_node_and_the_artery_lies_beside_the_shaft(arm):
    made, frame = arm
    masks = joints.segment(frame, {}).masks
    assert near(frame, masks[f"axilla_{made.side}"][0], made.marks["node"]) < 3.0
    artery = masks[f"arm_artery_{made.side}"][0]
    centre = frame.to_mm(np.argwhere(artery).mean(axis=0))
    inward = -1.0 if made.side == "left" else 1.0
    assert inward * centre[0] > 5.0


def test_a_shoulder_is_no_knee(arm):
    _, frame = arm
    rooms = joints.segment(frame, {}).masks
    assert not knee.segment(frame, rooms).masks


def test_a_knee_is_no_shoulder(leg):
    assert joints.heads(leg[1]) == ()


def test_the_knee_has_its_gap_its_menisci_and_its_side(leg):
    made, frame = leg
    masks = knee.segment(frame, {}).masks
    assert set(masks) == {f"joint_knee_{made.side}", f"tendon_knee_{made.side}"}
    joint = masks[f"joint_knee_{made.side}"][0]
    for name in ("space", "meniscus_medial", "meniscus_lateral"):
        assert near(frame, joint, made.marks[name]) < 3.5
    for name in ("popliteal", "femoral", "muscle", "fat"):
        assert near(frame, joint, made.marks[name]) > 6.0


def test_tendons_run_above_and_below_the_patella(leg):
    made, frame = leg
    tendon = knee.segment(frame, {}).masks[f"tendon_knee_{made.side}"][0]
    for name in ("quadriceps", "patellar"):
        assert near(frame, tendon, made.marks[name]) < 7.0
    assert near(frame, tendon, made.marks["muscle"]) > 8.0


def test_the_fibula_tells_the_side_of_the_artery(leg):
    made, frame = leg
    masks = limb.segment(frame, {}).masks
    assert set(masks) == {f"leg_artery_{made.side}"}
    for name in ("popliteal", "femoral"):
        assert near(frame, masks[f"leg_artery_{made.side}"][0], made.marks[name]) < 6.0


def test_what_lies_less_than_a_thigh_below_the_hips_is_no_knee(leg):
    _, frame = leg
    top = np.zeros(frame.hu.shape, dtype=bool)
    top[-1] = True
    assert knee.segment(frame, {"joint_hip_left": (top, 0.9)}).masks == {}
    assert knee.segment(frame, {"tendon_hip_left": (top, 0.9)}).masks


def test_a_knee_cut_by_the_scan_is_less_sure(leg):
    made, frame = leg
    whole = knee.segment(frame, {}).masks[f"joint_knee_{made.side}"][1]
    level = round(float(frame.to_coarse(made.marks["space"])[0]))
    short = slice(max(0, level - 10), level + 10)
    part = replace(
        frame,
        hu=frame.hu[short], body=frame.body[short], bone=frame.bone[short], lung_left=frame.lung_left[short],
        lung_right=frame.lung_right[short], airway=frame.airway[short], metal=frame.metal[short],
        fat=frame.fat[short], spine=frame.spine[short],
    )  # fmt: skip
    masks = knee.segment(part, {}).masks
    cut = [sure for name, (_, sure) in masks.items() if name.startswith("joint_knee")]
    assert cut
    assert max(cut) < whole


def test_without_bone_there_is_no_joint(leg):
    _, frame = leg
    soft = replace(frame, bone=np.zeros_like(frame.bone))
    assert joints.heads(soft) == ()
    assert not knee.segment(soft, {}).masks
    assert not chest_wall.segment(soft, {}).masks


@pytest.mark.parametrize(("half", "round_"), [((10.0, 10.0), True), ((3.0, 30.0), False), ((5.0, 8.0), False)])
def test_a_shaft_is_round_and_a_shoulder_blade_is_not(arm, half, round_):
    frame = arm[1]
    z, y, x = (np.arange(n) * s for n, s in zip(frame.bone.shape, frame.spacing, strict=True))
    middle = [0.5 * float(axis[-1]) for axis in (z, y, x)]
    off = ((y - middle[1]) / half[0])[:, None] ** 2 + ((x - middle[2]) / half[1])[None] ** 2
    bone = np.broadcast_to(off < 1, frame.bone.shape) & (z < middle[0])[:, None, None]
    ball = balls.Ball(
        (middle[0] / frame.spacing[0], middle[1] / frame.spacing[1], middle[2] / frame.spacing[2]), 22.0, 0.8
    )
    down, aside = np.array([-1.0, 0.0, 0.0]), np.array([0.0, 0.0, 1.0])
    assert joints._is_round(replace(frame, bone=bone), ball, down) is round_
    assert not joints._is_round(replace(frame, bone=bone), ball, aside)
