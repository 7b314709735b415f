"""The aorta moved off the fat beside it: on a vessel in fat whose middle is known."""

import numpy as np
import pytest

from calciscope.anatomy.embedded.cardiac.clear_of_fat import clear_of_fat
from calciscope.anatomy.embedded.track import Track
from tests.anatomy.phantom import FAT, Body

RADIUS = 16.0


@pytest.fixture(scope="module")
def frame():
    body = Body(length=100.0, spine_from=1e9)
    body.hu[body.masks["body"]] = FAT
    body.vessel([(0.0, -40.0, -20.0), (0.0, -40.0, 200.0)], RADIUS, 45.0)
    return body.frame(seed=1)


def beside(frame, right, back, n=20):
    """A track that runs a few mm to the right of the vessel's middle and behind it."""
    top = frame.to_mm(np.array([0.0, 0.0, 0.0]))
    column, row = ((at - top[axis]) / frame.spacing[2 - axis] for axis, at in ((0, -right), (1, back - 40.0)))
    z = np.arange(4.0, 4.0 + n)
    return Track(np.column_stack([z, np.full(n, row), np.full(n, column)]), np.full(n, RADIUS), np.full(n, 0.3))


def off(frame, track):
    """Distance of each point from the vessel's middle, mm."""
    return np.linalg.norm(frame.to_mm(track.points)[:, :2] - (0.0, -40.0), axis=1)


@pytest.mark.parametrize(("right", "back"), [(6.0, 0.0), (-4.0, 5.0), (0.0, -7.0)])
def test_a_disc_in_fat_moves_back_into_its_vessel(frame, right, back):
    given = beside(frame, right, back)
    moved = clear_of_fat(frame, given)
    assert off(frame, given).min() > 5.0
    assert off(frame, moved).max() < 3.0
    assert np.array_equal(moved.points[:, 0], given.points[:, 0])
    assert np.array_equal(moved.radius, given.radius)


def test_a_disc_without_fat_stays(frame):
    given = beside(frame, 0.0, 0.0)
    inside = Track(given.points, np.full(len(given), 0.6 * RADIUS), given.support)
    assert np.allclose(clear_of_fat(frame, inside).points, given.points)


def test_a_disc_far_from_blood_does_not_run_away(frame):
    given = beside(frame, 60.0, 0.0)
    moved = clear_of_fat(frame, given)
    assert np.abs(off(frame, moved) - off(frame, given)).max() <= 9.5


def test_a_single_point_is_no_track_to_move(frame):
    given = beside(frame, 6.0, 0.0, n=1)
    assert np.array_equal(clear_of_fat(frame, given).points, given.points)
