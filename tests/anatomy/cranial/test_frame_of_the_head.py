"""Cavity, plane of symmetry, tilt, and the parts of the brain that follow from them."""

from __future__ import annotations

import numpy as np
import pytest

from calciscope.anatomy.embedded import head as heads
from calciscope.anatomy.embedded.cranial import outline
from calciscope.anatomy.embedded.cranial.cavity import filled, seen_from_middle
from calciscope.anatomy.embedded.cranial.parts import arteries, find_parts, tentorium
from calciscope.anatomy.embedded.cranial.pose import fluid
from calciscope.simulate.cranium import Skull
from calciscope.simulate.head import Pose
from tests.anatomy.cranial.conftest import head

# Parts of the simulated head (left, back, up) and what the finder calls their place.
PLACES = {
    "pineal": (0.0, 32.0, 1.0),
    "choroid_plexus_left": (24.0, 45.0, 10.0),
    "choroid_plexus_right": (-24.0, 45.0, 10.0),
    "basal_ganglia_left": (18.0, 3.0, 1.0),
    "basal_ganglia_right": (-18.0, 3.0, 1.0),
    "cerebellum": (17.0, 59.0, -33.0),
    "falx": (0.0, -58.0, 30.0),
}


@pytest.mark.parametrize("which", ["straight", "turned"])
def test_the_cavity_holds_the_brain_and_no_bone(which, request):
    one = request.getfixturevalue(which)
    ml = one.core.sum() * np.prod(one.frame.spacing) / 1000
    assert 1250 < ml < 1800
    assert not (one.core & one.frame.bone).any()


@pytest.mark.parametrize("which", ["straight", "turned"])
def test_the_plane_of_symmetry_follows_the_head(which, request):
    one = request.getfixturevalue(which)
    assert abs(one.plane.normal @ one.point(1, 0, 0)) > np.cos(np.radians(2.0))
    assert abs((one.point(0, 20, 10) - one.plane.point) @ one.plane.normal) < 1.5


@pytest.mark.parametrize("which", ["straight", "turned"])
def test_parts_lie_where_they_are_in_the_head(which, request):
    one = request.getfixturevalue(which)
    parts = find_parts(one.frame, filled(one.frame, one.core), one.found)
    assert one.found.trust > 0.5
    for name, place in PLACES.items():
        index = np.rint(one.frame.to_coarse(one.point(*place))).astype(int)
        around = tuple(slice(max(0, i - 1), i + 2) for i in index)
        assert parts[name][around].any(), name


def test_left_is_left(turned):
    parts = find_parts(turned.frame, filled(turned.frame, turned.core), turned.found)
    left, right = (np.argwhere(parts[f"basal_ganglia_{side}"])[:, 2].mean() for side in ("left", "right"))
    assert left > right


def test_atlas_and_patient_are_each_others_inverse(turned):
    points = np.array([[10.0, -20.0, 30.0], [0.0, 0.0, 0.0]])
    assert turned.found.to_atlas(turned.found.to_patient(points)) == pytest.approx(points)


def test_arteries_of_the_base_run_beside_the_sella(straight):
    found = arteries(straight.found, straight.frame, 0.7)
    for side, sign in (("left", 1.0), ("right", -1.0)):
        siphon = found[f"carotid_siphon_{side}"].points
        away = np.linalg.norm(siphon - straight.point(sign * 13, 2, -25), axis=1)
        assert away.min() < 7.0
        assert (np.diff(siphon[[0, -1], 2]) < 0).all()


def test_a_missing_flap_leaves_the_brain_a_brain():
    one = head(Pose(), Skull(open_side=1))
    whole = one.core.sum() * np.prod(one.frame.spacing) / 1000
    assert whole > 1100
    assert one.found.trust > 0.25
    assert np.linalg.norm(one.found.to_patient(np.array([0.0, -32.0, 0.0])) - one.point(0, 32, 1)) < 9.0


def test_half_a_head_is_trusted_less():
    one = head(Pose(pitch=-6.0, low=20.0))
    assert one.found is None or one.found.trust < 0.3
    part = heads.segment(one.frame, {})
    assert "pineal" not in part.masks
    assert part.notes


def test_the_ventricles_are_fluid_and_the_rest_is_not(straight):
    wet = fluid(straight.frame, straight.core)
    atrium = np.rint(straight.frame.to_coarse(straight.point(24, 45, 11))).astype(int)
    white = np.rint(straight.frame.to_coarse(straight.point(35, 10, 45))).astype(int)
    assert wet[tuple(atrium)]
    assert not wet[tuple(white)]


def test_no_confidence_of_a_head_is_high(straight):
    part = heads.segment(straight.frame, {})
    assert all(sure <= 0.8 for _, sure in part.masks.values())
    assert {"eye_left", "eye_right", "tentorium"} <= set(part.masks)


def test_eyes_are_balls_in_the_orbits(straight):
    masks = heads.segment(straight.frame, {}).masks
    for side, sign in (("left", 1.0), ("right", -1.0)):
        centre = straight.frame.to_mm(np.argwhere(masks[f"eye_{side}"][0]).mean(axis=0))
        assert np.linalg.norm(centre - straight.point(33 * sign, -62, -31)) < 7.0


def test_the_tentorium_falls_to_the_back_and_to_the_sides():
    heights = tentorium(np.array([0.0, 0.0, 40.0]), np.array([-52.0, -86.0, -60.0]))
    assert heights[0] > heights[1]
    assert heights[2] < tentorium(np.array([0.0]), np.array([-60.0]))[0]


def test_outlines_hold_the_middle_of_the_head_and_not_the_face():
    middle, side, ventricle = outline.outlines()
    inside = np.array([[0.0, 40.0]])
    face = np.array([[80.0, -60.0]])
    for image in (middle, side):
        assert outline.at(image, inside)[0] < -10
        assert outline.at(image, face)[0] > 10
    assert outline.at(ventricle, np.array([[-41.0, 12.0]]))[0] < outline.at(ventricle, np.array([[50.0, 40.0]]))[0]


def test_bone_is_seen_in_the_directions_where_it_is():
    y, x = np.mgrid[-20:21, -20:21]
    ring = (np.hypot(y, x) > 16) & (np.hypot(y, x) < 19)
    whole = np.hypot(y, x) < 19
    assert seen_from_middle(ring, whole) == 1.0
    assert seen_from_middle(ring & (x < 0), whole) == pytest.approx(0.5, abs=0.1)
