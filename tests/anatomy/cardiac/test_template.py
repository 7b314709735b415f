import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from calciscope.anatomy.embedded.cardiac.template import BORDERS, DEEPEST, RADIUS, Size, courses, mitral_ring

FACTOR = st.floats(0.7, 1.4)
SIZES = st.builds(Size, FACTOR, FACTOR, FACTOR, FACTOR, st.floats(0.85, 1.15))


def test_every_artery_has_a_radius_and_a_depth():
    assert set(courses(Size())) == set(RADIUS) == set(DEEPEST)
    for knots in DEEPEST.values():
        assert [way for way, _ in knots] == sorted(way for way, _ in knots)


@given(SIZES)
def test_arteries_leave_the_root_and_the_branches_the_left_main(size):
    made = courses(size)
    for name in ("lm", "rca"):
        assert 8.0 < np.linalg.norm(made[name][0]) < 26.0
    for name in ("lad", "lcx"):
        np.testing.assert_allclose(made[name][0], made["lm"][-1], atol=1e-6)


def test_arteries_run_where_anatomy_says():
    made = courses(Size())
    assert made["lad"][-1, 0] > 50, "the anterior descending artery ends far to the left"
    assert made["lad"][:, 1].min() < -35, "and in front"
    assert made["lcx"][:, 1].max() > 35, "the circumflex artery runs to the back"
    assert made["rca"][:, 0].min() < -25, "the right artery to the right"
    assert made["rca"][0, 2] < made["lm"][0, 2], "from a lower ostium"
    for points in made.values():
        x, y, _ = points.T
        assert x.max() <= BORDERS[0]
        assert -x.min() <= BORDERS[1]
        assert -y.min() <= BORDERS[2]
        assert y.max() <= BORDERS[3]


@given(SIZES, SIZES)
def test_a_larger_heart_has_its_arteries_further_out(one, other):
    point = np.array([[30.0, -20.0, -10.0], [-30.0, 20.0, -10.0]])
    a, b = one.fitted(point), other.fitted(point)
    assert (abs(a[0, 0]) <= abs(b[0, 0])) == (one.left <= other.left)
    assert (abs(a[1, 0]) <= abs(b[1, 0])) == (one.right <= other.right)
    assert (abs(a[0, 1]) <= abs(b[0, 1])) == (one.front <= other.front)
    assert (abs(a[1, 1]) <= abs(b[1, 1])) == (one.back <= other.back)


def test_the_annulus_is_open_towards_the_aorta():
    ring = mitral_ring(Size())
    away = np.linalg.norm(ring, axis=1)
    assert away.min() > 15
    ends = np.linalg.norm(ring[[0, -1]], axis=1)
    assert ends.mean() < away[len(away) // 2], "its ends are the trigones, its middle the far side"
    gaps = np.linalg.norm(np.diff(ring, axis=0), axis=1)
    assert gaps.max() == pytest.approx(gaps.min(), rel=0.05)
