import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calciscope.simulate.outline import THIGH, Outline, cavity, levels, muscle, skin, with_thighs
from calciscope.simulate.thorax import above_diaphragm, dome, hilum


def points(*rows):
    return tuple(np.array([row[k] for row in rows], dtype=np.float32) for k in range(3))


@given(st.floats(-3.1, 3.1), st.floats(-50, 600))
@settings(max_examples=40, deadline=None)
def test_distance_is_zero_on_the_outline(angle, z):
    outline = muscle()
    radius = float(outline.at(np.array([angle]), np.array([z]))[0])
    here = points((radius * np.cos(angle), radius * np.sin(angle), z))
    assert float(outline.shape().distance(*here)[0]) == pytest.approx(0.0, abs=3.0)
    inner = points((0.8 * radius * np.cos(angle), 0.8 * radius * np.sin(angle), z))
    assert float(outline.shape().distance(*inner)[0]) < 0


def test_open_grid_and_points_agree():
    shape = cavity().shape(100.0, 300.0)
    x, y, z = (np.linspace(-150, 150, 31, dtype=np.float32), np.linspace(-90, 90, 19, dtype=np.float32),
               np.linspace(90, 310, 23, dtype=np.float32))  # fmt: skip
    grid = shape.distance(x[None, None, :], y[None, :, None], z[:, None, None])
    full = np.meshgrid(z, y, x, indexing="ij")
    flat = shape.distance(full[2].ravel(), full[1].ravel(), full[0].ravel()).reshape(grid.shape)
    np.testing.assert_allclose(grid, flat, atol=1e-3)


def test_an_outline_is_cut_at_its_ends():
    shape = cavity().shape(100.0, 300.0)
    below, inside, above = shape.distance(*points((0, 0, 90), (0, 0, 200), (0, 0, 320)))
    assert below == pytest.approx(10.0)
    assert inside < 0
    assert above == pytest.approx(20.0)


def test_a_table_gives_back_its_rows():
    outline = Outline.of(((-120, 100, 60, 80, 2.0), (0, 100, 60, 80, 2.0), (640, 100, 60, 80, 2.0)))
    at = outline.at(np.radians([0.0, 90.0, 180.0, -90.0]), np.full(4, 100.0))
    np.testing.assert_allclose(at, [100, 80, 100, 60], rtol=1e-4)
    assert outline.front(100.0) == pytest.approx(-60.0)


def test_grown_moves_each_side_by_its_own_amount():
    even = np.ones(len(levels()))
    grown = muscle().grown(10 * even, 20 * even, 30 * even)
    angle, z = np.radians([0.0, 90.0, -90.0]), np.full(3, 200.0)
    np.testing.assert_allclose(grown.at(angle, z) - muscle().at(angle, z), [20, 30, 10], atol=1e-3)


def test_thighs_part_below_the_trunk():
    shape = with_thighs(muscle().shape(), 0.0)
    x = np.array([[[0.0, THIGH[0]]]], dtype=np.float32)
    y = np.array([[[4.0]]], dtype=np.float32)
    z = np.array([[[50.0]], [[-100.0]]], dtype=np.float32)
    distance = shape.distance(x, y, z)
    assert (distance[0] < 0).all()
    assert distance[1, 0, 0] > 0 > distance[1, 0, 1]


def test_fat_thickens_the_skin_evenly():
    thin, thick = skin(0.5), skin(1.5)
    gain = (thick.radius - thin.radius)[len(levels()) // 2]
    assert gain.min() > 8.0


def test_the_right_dome_is_higher_and_the_rim_lower():
    x = np.array([-68, 70, 0, -120], dtype=np.float32)
    right, left, middle, edge = dome(x, np.full(4, -6.0, dtype=np.float32))
    assert right > left > middle > edge


def test_above_the_diaphragm_is_above_it():
    shape = above_diaphragm()
    top = float(dome(np.float32(-68)[None], np.float32(-8)[None])[0])
    over, under = shape.distance(*points((-68, -8, top + 20), (-68, -8, top - 20)))
    assert over < 0 < under


def test_hila_are_mirrored():
    assert hilum(1.0)[0] == -hilum(-1.0)[0] > 0
