import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from calciscope.simulate.shapes import (
    FAR,
    blend,
    curve,
    ellipsoid,
    frame_of,
    half_space,
    plate,
    radii_along,
    sheet,
    tube,
)

coordinate = st.floats(-30, 30, allow_nan=False)
point = st.tuples(coordinate, coordinate, coordinate)


def at(shape, *points):
    x, y, z = (np.array([p[k] for p in points], dtype=np.float32) for k in range(3))
    return shape.distance(x, y, z)


def grid(step=0.5, reach=12.0):
    axis = np.arange(-reach, reach + step / 2, step, dtype=np.float32)
    return axis[None, None, :], axis[None, :, None], axis[:, None, None]


@given(point)
def test_ball_distance_is_exact(p):
    expected = np.linalg.norm(p) - 7.0
    assert at(ellipsoid((0, 0, 0), (7, 7, 7)), p)[0] == pytest.approx(expected, abs=1e-3)


@given(point, st.tuples(*[st.floats(3, 15)] * 3), point)
def test_ellipsoid_sign_and_bounds(centre, radii, p):
    shape = ellipsoid(centre, radii)
    gauge = sum(((a - c) / r) ** 2 for a, c, r in zip(p, centre, radii, strict=True))
    if abs(gauge - 1) > 1e-3:
        assert (at(shape, p)[0] < 0) == (gauge < 1)
    for k in range(3):
        assert shape.low[k] == pytest.approx(centre[k] - radii[k])
        assert shape.high[k] == pytest.approx(centre[k] + radii[k])


def test_turned_ellipsoid_is_long_along_its_axis():
    shape = ellipsoid((0, 0, 0), (2, 2, 10), (1, 1, 0))
    along = 9 / np.sqrt(2)
    inside, outside = at(shape, (along, along, 0), (along, -along, 0))
    assert inside < 0 < outside
    assert shape.high[0] == pytest.approx(np.sqrt((10**2 + 2**2) / 2), rel=1e-6)


@given(point)
def test_boolean_operations(p):
    a, b = ellipsoid((-4, 0, 0), (8, 8, 8)), ellipsoid((5, 0, 0), (7, 9, 8))
    in_a, in_b = at(a, p)[0] < 0, at(b, p)[0] < 0
    assert (at(a | b, p)[0] < 0) == (in_a or in_b)
    assert (at(a & b, p)[0] < 0) == (in_a and in_b)
    assert (at(a - b, p)[0] < 0) == (in_a and not in_b) or at(b, p)[0] == 0
    assert at(blend([a, b], 5.0), p)[0] <= min(at(a, p)[0], at(b, p)[0]) + 1e-5


def test_grow_moves_the_surface():
    ball = ellipsoid((0, 0, 0), (5, 5, 5))
    assert at(ball.grow(2), (6.5, 0, 0))[0] == pytest.approx(-0.5, abs=1e-4)
    assert ball.grow(2).high == (7, 7, 7)


def test_half_space_points_away_from_its_normal():
    below = half_space((0, 0, 2), (0, 0, 3))
    assert list(np.sign(at(below, (9, 9, 1), (0, 0, 5)))) == [-1, 1]
    assert at(below, (0, 0, 1))[0] == pytest.approx(-2)


def test_tube_on_a_grid_equals_tube_on_points():
    line = curve([(-6, -3, -5), (0, 4, 0), (5, -2, 6)], 2.0)
    shape = tube(line, radii_along(line, [3, 1.5]))
    x, y, z = grid()
    on_grid = shape.distance(x, y, z)
    full = [np.broadcast_to(c, on_grid.shape).ravel() for c in (x, y, z)]
    on_points = shape.distance(*full).reshape(on_grid.shape)
    near = on_grid < 2.5
    np.testing.assert_allclose(on_grid[near], on_points[near], atol=1e-5)
    # Far from every segment the grid version may say FAR, never less than the truth.
    assert (on_grid[~near] >= on_points[~near] - 1e-5).all()
    assert (on_grid == FAR).any()


def test_tube_volume_and_squash():
    line = np.array([(0.0, 0, -40), (0, 0, 40)])
    x, y, z = grid(0.25, 10.0)
    round_area = (tube(line, 4.0).distance(x, y, z[:1] * 0) < 0).sum() * 0.25**2
    wide_area = (tube(line, 4.0, squash=(0.5, 1, 1)).distance(x, y, z[:1] * 0) < 0).sum() * 0.25**2
    assert round_area == pytest.approx(np.pi * 16, rel=0.02)
    assert wide_area == pytest.approx(2 * np.pi * 16, rel=0.02)


def test_curve_passes_its_points_at_the_step():
    given_points = [(0, 0, 0), (10, 5, 0), (20, 0, 5), (40, 0, 0)]
    line = curve(given_points, 1.0)
    for p in given_points:
        assert np.linalg.norm(line - p, axis=1).min() < 1.0
    assert np.linalg.norm(np.diff(line, axis=0), axis=1).max() < 2.5
    assert len(curve([(0, 0, 0), (0, 0, 10)], 5.0)) == 3


def test_radii_run_from_first_to_last_knot():
    line = np.array([(0.0, 0, 0), (0, 0, 1), (0, 0, 10)])
    np.testing.assert_allclose(radii_along(line, [5, 1]), [5, 4.6, 1])


@given(point.filter(lambda v: np.linalg.norm(v) > 0.1))
def test_frame_is_orthonormal_and_ends_with_the_axis(axis):
    frame = frame_of(axis)
    np.testing.assert_allclose(frame @ frame.T, np.eye(3), atol=1e-9)
    assert frame[2] @ np.asarray(axis) == pytest.approx(np.linalg.norm(axis))


def test_plate_is_a_triangle_of_its_thickness():
    shape = plate(((0, 0, 0), (20, 0, 0), (0, 20, 0)), 1.5)
    inside, above, outside = at(shape, (4, 4, 0), (4, 4, 4), (15, 15, 0))
    assert inside == pytest.approx(-1.5, abs=1e-5)
    assert above == pytest.approx(2.5, abs=1e-5)
    assert outside == pytest.approx(10 / np.sqrt(2) - 1.5, abs=1e-4)


def test_sheet_follows_its_line_between_levels():
    levels = np.array([0.0, 10.0])
    lines = np.array([[[0.0, 0], [10, 0]], [[0, 10], [10, 10]]])
    shape = sheet(levels, lines, np.full((2, 2), 1.0))
    x, y, z = (
        np.array(v, dtype=np.float32).reshape(s) for v, s in (([5], (1, 1, 1)), ([5], (1, 1, 1)), ([5], (1, 1, 1)))
    )
    assert shape.distance(x, y, z)[0, 0, 0] == pytest.approx(-1.0)
    assert shape.distance(x, y + 3, z)[0, 0, 0] == pytest.approx(2.0)
    assert shape.distance(x, y + 5, z + 20)[0, 0, 0] > 5
