"""Simulated heads and necks: the same ones each time, with anatomy and deposits where they are said to be."""

from __future__ import annotations

import numpy as np
import pytest

from calciscope.simulate.cranium import Skull
from calciscope.simulate.head import Pose, drawn, head_scan, places, posed
from calciscope.simulate.neck import Throat, neck_scan
from calciscope.simulate.neck import drawn as neck_drawn
from calciscope.simulate.neck import places as neck_places


@pytest.fixture(scope="module")
def head():
    return head_scan(5, matrix=128, noise=3.0, pose=Pose(yaw=10.0), skull=Skull())


@pytest.fixture(scope="module")
def neck():
    return neck_scan(5, matrix=128, thickness=4.0, noise=3.0, throat=Throat(), span=(-118.0, 66.0))


def level(made, x, y, z):
    index = np.rint(made.volume.geometry.to_index((x, y, z))).astype(int)
    return float(np.median(made.volume.hu[tuple(slice(i - 1, i + 2) for i in index)]))


def test_the_same_seed_is_the_same_head(head):
    again = head_scan(5, matrix=128, noise=3.0, pose=Pose(yaw=10.0), skull=Skull())
    assert np.array_equal(again.volume.hu, head.volume.hu)
    assert again.truth == head.truth


def test_tissues_of_a_head_have_their_attenuation(head):
    turn = Pose(yaw=10.0).matrix
    assert level(head, *(turn @ [38.0, 20.0, 45.0])) == pytest.approx(31, abs=8)
    assert level(head, *(turn @ [24.0, 45.0, 11.0])) < 24 or any("left" in t.site for t in head.truth)
    assert level(head, *(turn @ [33.0, -62.0, -31.0])) == pytest.approx(10, abs=8)
    assert level(head, *(turn @ [0.0, -50.0, -34.0])) < -700


def test_deposits_of_a_head_are_bright_where_the_truth_says(head):
    for number, truth in enumerate(head.truth, start=1):
        index = np.argwhere(head.mask == number)
        if len(index):
            centre = head.volume.geometry.to_mm(index.mean(axis=0))
            assert np.linalg.norm(centre - np.array(truth.center_mm)) < 5.0


def test_a_pose_turns_without_stretching():
    turn = Pose(yaw=20.0, roll=-10.0, pitch=15.0).matrix
    assert turn @ turn.T == pytest.approx(np.eye(3))
    assert np.linalg.det(turn) == pytest.approx(1.0)


def test_heads_and_poses_vary():
    skulls = [drawn(np.random.default_rng(k)) for k in range(60)]
    poses = [posed(np.random.default_rng(k)) for k in range(60)]
    assert any(s.open_side for s in skulls)
    assert any(s.bleeding for s in skulls)
    assert any(s.size[0] < 0.9 for s in skulls)
    assert max(abs(p.yaw) for p in poses) > 15
    assert min(p.high for p in poses) < 70
    assert max(p.low for p in poses) > -40


def test_left_and_right_of_the_head_are_those_of_the_patient():
    found = {site.site for k in range(30) for site in places(Skull(), Pose(), np.random.default_rng(k))}
    assert {"brain.choroid_plexus.left", "brain.choroid_plexus.right", "eye.left", "artery.cerebral.right"} <= found


def test_tissues_of_a_neck_have_their_attenuation(neck):
    assert level(neck, 17.0, -27.0, -48.0) > 80 or any("thyroid" in t.site for t in neck.truth)
    assert level(neck, 0.0, -26.0, -60.0) < -700
    assert level(neck, 44.0, 16.0, -110.0) < -700
    assert level(neck, 22.0, 32.0, -10.0) == pytest.approx(54, abs=12)


def test_necks_vary_and_a_removed_gland_leaves_clips():
    throats = [neck_drawn(np.random.default_rng(k)) for k in range(60)]
    assert all(t.clip for t in throats if t.goitre == 0)
    assert any(t.goitre == 0 for t in throats)
    assert min(t.fork for t in throats) < -5 < 8 < max(t.fork for t in throats)


def test_a_neck_without_a_gland_has_no_nodule_in_it():
    for k in range(20):
        assert not any(s.site.startswith("thyroid") for s in neck_places(Throat(goitre=0.0), np.random.default_rng(k)))
