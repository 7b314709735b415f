"""Courses of vessels and ducts: smooth, in order, mirrored where people are, and scaled with the person."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from calciscope.simulate import outline
from calciscope.simulate.body import Habitus
from calciscope.simulate.courses import Course, courses
from calciscope.simulate.heart import coronaries, sac

ALL = {**courses(), **coronaries()}
NAMES = st.sampled_from(sorted(ALL))
scales = st.tuples(*[st.floats(0.8, 1.25)] * 3)


def length(course):
    return float(np.linalg.norm(np.diff(course.points, axis=0), axis=1).sum())


@given(NAMES)
def test_a_course_is_finely_and_evenly_sampled(name):
    steps = np.linalg.norm(np.diff(ALL[name].points, axis=0), axis=1)
    assert steps.max() < 9.0
    assert steps.min() > 0.2
    assert len(ALL[name].points) == len(ALL[name].radii)


@given(NAMES)
def test_a_course_never_turns_back_on_itself(name):
    steps = np.diff(ALL[name].points, axis=0)
    unit = steps / np.linalg.norm(steps, axis=1, keepdims=True)
    turn = (unit[1:] * unit[:-1]).sum(axis=1)
    assert turn.min() > 0.2, "no kink of more than 80 degrees from step to step"


@given(NAMES)
def test_radii_are_those_of_vessels_and_ducts(name):
    radii = ALL[name].radii
    assert radii.min() > 0.8
    assert radii.max() < 18.0
    assert np.abs(np.diff(radii)).max() < 2.5, "a vessel does not change its width at once"


@given(NAMES)
def test_a_course_runs_inside_the_body(name):
    points = ALL[name].points
    points = points[(points[:, 2] > -110) & (points[:, 2] < 630)]
    angle = np.arctan2(points[:, 1], points[:, 0])
    away = np.hypot(points[:, 0], points[:, 1])
    assert (away < outline.skin(1.0).at(angle, points[:, 2])).all()


@given(NAMES, scales)
def test_scaling_moves_every_point_by_its_own_axis(name, scale):
    made = ALL[name].scaled(scale)
    np.testing.assert_allclose(made.points, ALL[name].points * np.asarray(scale))
    assert made.structure == ALL[name].structure
    assert (made.radii / ALL[name].radii) == pytest.approx(np.sqrt(scale[0] * scale[1]))


@given(NAMES)
def test_a_person_of_reference_size_has_the_reference_courses(name):
    made = ALL[name].scaled(Habitus().scale)
    np.testing.assert_allclose(made.points, ALL[name].points)
    np.testing.assert_allclose(made.radii, ALL[name].radii)


@given(NAMES, st.floats(0.0, 4.0))
def test_the_solid_of_a_course_holds_its_axis_and_no_more_than_its_radius(name, extra):
    course = ALL[name]
    shape = course.shape(extra)
    x, y, z = (course.points[:, k].astype(np.float32) for k in range(3))
    assert (shape.distance(x, y, z) < 0).all()
    reach = float(course.radii.max()) + extra
    assert all(low >= p - reach - 1e-3 for low, p in zip(shape.low, course.points.min(axis=0), strict=True))
    assert all(high <= p + reach + 1e-3 for high, p in zip(shape.high, course.points.max(axis=0), strict=True))


@pytest.mark.parametrize("name", ["iliac", "internal_iliac", "femoral"])
def test_arteries_of_the_pelvis_are_mirror_images_below_the_fork(name):
    left, right = ALL[f"{name}.left"], ALL[f"{name}.right"]
    low = 120.0
    first, second = left.points[left.points[:, 2] < low], right.points[right.points[:, 2] < low]
    mirrored = second * np.array([-1.0, 1.0, 1.0])
    apart = np.linalg.norm(first[:, None] - mirrored[None], axis=2).min(axis=1)
    assert apart.max() < 4.0


def test_the_ureter_narrows_at_its_start_and_enters_the_bladder_from_behind():
    for side, sign in (("left", 1), ("right", -1)):
        course = ALL[f"ureter.{side}"]
        assert course.radii[0] > 1.5 * course.radii[len(course.radii) // 2]
        assert (course.points[:, 0] * sign > 0).all()
        end = course.points[-1]
        assert 8 < abs(end[0]) < 22
        assert 28 < end[2] < 45
        assert (np.diff(course.points[:, 2]) < 0.5).all(), "urine runs down"


def test_the_ureter_crosses_the_iliac_vessels_at_the_brim_in_front_of_them():
    for side in ("left", "right"):
        ureter, artery = ALL[f"ureter.{side}"].points, ALL[f"iliac.{side}"].points
        at = {name: np.interp(135.0, p[::-1, 2], p[::-1, 1]) for name, p in (("u", ureter), ("a", artery))}
        assert at["u"] < at["a"] + 1.0


def test_the_aorta_tapers_from_the_valve_to_the_fork():
    names = ("aorta.ascending", "aorta.arch", "aorta.thoracic", "aorta.abdominal")
    widths = [float(np.mean(ALL[name].radii)) for name in names]
    assert widths == sorted(widths, reverse=True)
    assert 14 < widths[0] < 19
    assert 8 < widths[-1] < 12


def test_the_aorta_runs_over_the_left_bronchus_and_left_of_the_spine():
    arch = ALL["aorta.arch"].points
    bronchus = ALL["bronchus.left"].points
    assert arch[:, 2].max() > bronchus[:, 2].max()
    assert ALL["aorta.thoracic"].points[:8, 0].min() > 15
    assert np.abs(ALL["aorta.abdominal"].points[-1, 0]) < 8


def test_the_cava_runs_right_of_the_aorta():
    cava, aorta = ALL["cava.inferior"].points, ALL["aorta.abdominal"].points
    for z in range(190, 330, 20):
        assert np.interp(z, cava[:, 2], cava[:, 0]) < np.interp(z, aorta[::-1, 2], aorta[::-1, 0]) - 15


def test_neighbouring_great_vessels_do_not_lie_in_each_other():
    for one, other in (
        ("aorta.abdominal", "cava.inferior"),
        ("aorta.ascending", "cava.superior"),
        ("iliac.left", "ureter.left"),
        ("iliac.right", "ureter.right"),
        ("aorta.thoracic", "oesophagus"),
        ("trachea", "cava.superior"),
    ):
        a, b = ALL[one], ALL[other]
        apart = np.linalg.norm(a.points[:, None] - b.points[None], axis=2) - np.minimum(a.radii[:, None], b.radii[None])
        assert apart.min() > 0.0, f"the axis of {one} or {other} lies inside the other"


def test_branches_start_on_their_trunk():
    for branch, trunk in (
        ("coeliac", "aorta.abdominal"),
        ("mesenteric", "aorta.abdominal"),
        ("renal.left", "aorta.abdominal"),
        ("renal.right", "aorta.abdominal"),
        ("internal_iliac.left", "iliac.left"),
        ("internal_iliac.right", "iliac.right"),
        ("brachiocephalic", "aorta.arch"),
        ("carotid.left", "aorta.arch"),
        ("subclavian.left", "aorta.arch"),
    ):
        start, line = ALL[branch].points[0], ALL[trunk]
        away = np.linalg.norm(line.points - start, axis=1) - line.radii
        assert away.min() < 6.0, branch


def test_coronary_arteries_start_at_the_root_and_stay_in_the_sac():
    root = ALL["aorta.root"]
    for name in ("coronary.lm", "coronary.rca"):
        away = np.linalg.norm(root.points - coronaries()[name].points[0], axis=1)
        assert away.min() < 24.0
    for name, course in coronaries().items():
        x, y, z = (course.points[:, k].astype(np.float32) for k in range(3))
        assert (sac().grow(4.0).distance(x, y, z) < 0).all(), name
    main = coronaries()["coronary.lm"].points[-1]
    for name in ("coronary.lad", "coronary.lcx"):
        assert np.linalg.norm(coronaries()[name].points[0] - main) < 6.0


@given(NAMES)
def test_courses_are_longer_than_the_straight_line(name):
    course = ALL[name]
    straight = float(np.linalg.norm(course.points[-1] - course.points[0]))
    assert straight - 1e-6 <= length(course) < 3.0 * straight


def test_the_table_is_read_once_and_is_not_changed_by_scaling():
    before = courses()["aorta.arch"].points.copy()
    courses()["aorta.arch"].scaled((2.0, 2.0, 2.0))
    np.testing.assert_array_equal(courses()["aorta.arch"].points, before)
    assert courses() is courses()
    assert isinstance(courses()["trachea"], Course)
