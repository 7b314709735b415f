"""One plane as a picture: what lies where, and which way round."""

import numpy as np
import pytest

from calciscope.domain.image import Volume
from calciscope.report.anatomy.section import Section, View
from tests.place.make import GEOMETRY, SHAPE

YELLOW = (255, 214, 0)


def bright(at, size=1):
    """Soft tissue with one bright cube."""
    hu = np.full(SHAPE, 40, dtype=np.int16)
    hu[tuple(slice(n - size, n + size + 1) for n in at)] = 400
    return Volume(hu, GEOMETRY)


def section(volume, axis, centre=(20.0, 30.0, 30.0), field=120.0, pixels=120, window="soft tissue"):
    return Section(volume, View(axis, centre, field, pixels, window))


def white(made):
    """Mean row and column of the brightest pixels."""
    grey = np.asarray(made.image())[..., 0]
    return np.argwhere(grey > 240).mean(axis=0)


@pytest.mark.parametrize(
    ("axis", "at", "row", "column"),
    [
        (0, (20, 40, 50), 59.5 + 20, 59.5 + 40),  # behind and to the left: down and to the right
        (1, (30, 30, 50), 59.5 - 30, 59.5 + 40),  # to the head: up
        (2, (30, 40, 30), 59.5 - 30, 59.5 + 20),  # behind: to the right
    ],
)
def test_a_voxel_lies_where_its_millimetres_say(axis, at, row, column):
    assert white(section(bright(at), axis)) == pytest.approx([row, column], abs=1.0)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_pixel_is_where_the_picture_has_it(axis):
    at = (24, 33, 38)
    made = section(bright(at), axis, centre=tuple(float(a) if n == axis else 30.0 for n, a in enumerate(at)))
    column, row = made.pixel(at)
    assert white(made) == pytest.approx([row, column], abs=1.0)


def test_outside_of_the_scan_it_is_black():
    made = section(bright((20, 30, 30)), 0, centre=(20.0, 0.0, 0.0))
    assert np.asarray(made.image())[:50, :50].max() == 0


def test_windows_differ():
    inside = [np.asarray(section(bright((20, 30, 30)), 0, window=name).image())[5, 5, 0] for name in ("lung", "wide")]
    assert inside[0] > inside[1]


def test_the_outline_runs_on_the_edge_of_the_mask_alone():
    made = section(bright((20, 30, 30)), 0)
    labels = np.zeros(SHAPE, dtype=np.uint8)
    labels[20, 20:41, 20:41] = 3
    made.outline(made.plane_of(labels) == 3, YELLOW)
    where = np.argwhere((np.asarray(made.image()) == YELLOW).all(axis=-1))
    assert where.min(axis=0).tolist() == [39, 39]
    assert where.max(axis=0).tolist() == [80, 80]
    assert not (np.abs(where - 59.5).max(axis=1) < 18).any()


def test_voxels_are_ringed_and_not_covered():
    made = section(bright((20, 30, 30)), 0)
    voxels = np.argwhere(np.ones((3, 3, 3))) + np.array([19, 29, 29])
    made.voxels(voxels, YELLOW)
    picture = np.asarray(made.image())
    assert (picture == YELLOW).all(axis=-1).any()
    assert tuple(picture[59, 59]) == (255, 255, 255)


def test_voxels_of_another_plane_or_out_of_view_draw_nothing():
    made = section(bright((20, 30, 30)), 0, field=20.0)
    before = np.asarray(made.image()).copy()
    made.voxels(np.array([[19, 30, 30]]), YELLOW)
    made.voxels(np.array([[20, 58, 58]]), YELLOW)
    assert np.array_equal(before, np.asarray(made.image()))


def test_curves_circles_and_crosses_leave_their_mark():
    for draw in (
        lambda made: made.curve(np.linspace([20.0, 20.0, 20.0], [20.0, 40.0, 40.0], 9), YELLOW),
        lambda made: made.circle((20.0, 30.0, 30.0), 10.0, YELLOW),
        lambda made: made.cross((20.0, 30.0, 30.0), YELLOW),
    ):
        made = section(bright((20, 30, 30)), 0)
        draw(made)
        where = np.argwhere((np.asarray(made.image()) == YELLOW).all(axis=-1))
        assert where.mean(axis=0) == pytest.approx([59.5, 59.5], abs=1.0)


def test_points_of_a_curve_that_are_no_neighbours_are_not_joined():
    made = section(bright((20, 30, 30)), 0)
    made.curve(np.array([[20.0, 10.0, 10.0], [20.0, 50.0, 50.0]]), YELLOW)
    assert not (np.asarray(made.image()) == YELLOW).all(axis=-1).any()
