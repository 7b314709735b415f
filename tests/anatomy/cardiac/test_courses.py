import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from calciscope.anatomy.embedded.cardiac.courses import Surface, along_groove, depth_limit, on_surface
from calciscope.anatomy.embedded.cardiac.level import Fat
from calciscope.anatomy.embedded.circles import Window

SPACING = (3.0, 2.0, 2.0)
SHAPE = (30, 50, 50)


def fat_with(groove: np.ndarray | None = None, depth: float = 5.0) -> Fat:
    """Muscle with a line of fat through it, ``groove`` ``(n, 3)`` voxels."""
    share = np.zeros(SHAPE, dtype=np.float32)
    if groove is not None:
        z, y, x = groove.T
        for dy in (-1, 0, 1):
            for dx in (-1, 0, 1):
                share[z, y + dy, x + dx] = 0.6
    box = Window(np.zeros(SHAPE, dtype=np.float32), (0, 0, 0), (1, 1, 1), (2.0, 2.0))
    return Fat(share, share, np.full(SHAPE, depth, dtype=np.float32), box, 3.0)


def line(column: float) -> np.ndarray:
    z = np.arange(4.0, 26.0)
    return np.stack([z, np.full_like(z, 25.0), np.full_like(z, column)], axis=1)


FREE = np.full(22, 60.0)


@pytest.mark.parametrize("shift", [-4, -3, 3, 4])
def test_a_course_moves_into_the_groove_beside_it(shift):
    groove = line(25 + shift).astype(int)
    course, share = along_groove(line(25.0), fat_with(groove), FREE)
    middle = course[(course[:, 0] > 9) & (course[:, 0] < 24)]
    assert np.abs(middle[:, 2] - (25 + shift)).mean() < 1.5
    assert share > 0.3


def test_without_a_groove_it_stays_where_it_usually_is():
    course, share = along_groove(line(25.0), fat_with(), FREE)
    assert np.abs(course[:, 2] - 25.0).max() < 2.0
    assert share == 0.0


def test_a_groove_too_far_away_is_another():
    course, _ = along_groove(line(25.0), fat_with(line(46).astype(int)), FREE)
    assert np.abs(course[:, 2] - 25.0).max() < 4.0


def test_fat_deeper_than_an_artery_runs_is_no_groove():
    groove = line(29).astype(int)
    course, _ = along_groove(line(25.0), fat_with(groove, depth=40.0), np.full(22, 10.0))
    assert np.abs(course[:, 2] - 25.0).max() < 2.0


def test_a_course_out_of_view_is_given_back():
    away = line(125.0)
    course, share = along_groove(away, fat_with(), FREE)
    assert course is away
    assert share == 0.0


def heart() -> np.ndarray:
    _, y, x = np.indices(SHAPE)
    return ((y - 25) * 2.0) ** 2 + ((x - 25) * 2.0) ** 2 < 36.0**2


@given(st.floats(-28, 28), st.floats(-28, 28))
def test_a_deep_course_comes_up_to_the_surface(dy, dx):
    if np.hypot(dy, dx) < 6:
        return
    z = np.arange(3.0, 27.0)
    inside = np.stack([z, np.full_like(z, 25 + dy / 2), np.full_like(z, 25 + dx / 2)], axis=1)
    moved = on_surface(inside, Surface.of(heart(), SPACING), SPACING, ((0.0, 9.0),))
    depth = 36.0 - np.hypot((moved[:, 1] - 25) * 2.0, (moved[:, 2] - 25) * 2.0)
    assert depth.max() < 9.0 + 4.0
    assert depth.min() > -1.0
    np.testing.assert_allclose(moved[:, 0], z)
    angle = np.arctan2(moved[:, 1] - 25, moved[:, 2] - 25)
    assert np.abs(np.angle(np.exp(1j * (angle - np.arctan2(dy, dx))))).max() < 0.35, "by the shortest way"


def test_a_course_that_may_be_deep_stays():
    course = line(20.0)
    moved = on_surface(course, Surface.of(heart(), SPACING), SPACING, ((0.0, 60.0),))
    np.testing.assert_allclose(moved, course, atol=0.1)


def test_slices_without_a_heart_leave_a_course_alone():
    empty = np.zeros(SHAPE, dtype=bool)
    course = line(10.0)
    np.testing.assert_allclose(on_surface(course, Surface.of(empty, SPACING), SPACING, ((0.0, 5.0),)), course)


def test_the_depth_limit_follows_its_knots():
    course = line(25.0)
    limit = depth_limit(course, SPACING, ((0.0, 60.0), (30.0, 10.0)))
    assert limit[0] == 60.0
    assert limit[-1] == 10.0
    assert (np.diff(limit) <= 0).all()
