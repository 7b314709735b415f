import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calciscope.anatomy.embedded.bodies import bodies, clip, closed, depth, distance, grown, within
from tests.anatomy.phantom import Body

SPACING = (3.0, 2.0, 2.0)


def ball(radius, shape=(20, 30, 30), at=(10, 15, 15), spacing=SPACING):
    z, y, x = np.ogrid[: shape[0], : shape[1], : shape[2]]
    away = sum(((g - c) * s) ** 2 for g, c, s in zip((z, y, x), at, spacing, strict=True))
    return away <= radius**2


def test_depth_is_the_radius_in_the_middle_and_the_border_is_no_surface():
    assert depth(ball(18.0), SPACING).max() == pytest.approx(18.0, abs=2.5)
    whole = np.ones((5, 5, 5), dtype=bool)
    whole[0, 0, 0] = False
    assert depth(whole, (1.0, 1.0, 1.0))[4, 4, 4] == pytest.approx(np.sqrt(48))
    assert not depth(np.zeros((3, 3, 3), dtype=bool), SPACING).any()


def test_distance_from_nothing_is_infinite():
    assert np.isinf(distance(np.zeros((3, 3, 3), dtype=bool), SPACING)).all()


@settings(max_examples=15, deadline=None)
@given(st.floats(6, 14), st.floats(2, 8))
def test_growing_contains_and_closing_is_between(radius, mm):
    mask = ball(radius)
    wide = grown(mask, mm, SPACING)
    shut = closed(mask, mm, SPACING)
    assert (wide | mask == wide).all()
    assert (shut | mask == shut).all()
    assert (shut & ~wide).sum() == 0
    assert not grown(np.zeros_like(mask), mm, SPACING).any()


def test_closing_fills_a_cleft_but_not_a_wide_gap():
    mask = np.zeros((9, 40, 40), dtype=bool)
    mask[2:7, 5:15], mask[2:7, 17:27] = True, True
    shut = closed(mask, 5.0, SPACING)
    assert shut[4, 15:17, 20].all()
    assert not closed(mask, 1.0, SPACING)[4, 16, 20]


@given(st.floats(-10, 10))
def test_within_is_a_plateau(value):
    score = within(value, -4, -2, 2, 6)
    assert 0 <= score <= 1
    assert score == 1 or not -2 <= value <= 2
    assert score == 0 or -4 < value < 6


def test_two_balls_on_a_thin_bridge_come_apart():
    frame = Body(length=60.0, width=120.0, depth=60.0).frame()
    mask = np.zeros(frame.hu.shape, dtype=bool)
    for column in (10, 28):
        mask |= ball(16.0, mask.shape, (10, 10, column), frame.spacing)
    mask[10, 10, 10:29] = True
    box = clip(frame, (0, 0, 0), mask.shape)
    found = list(bodies(mask, depth(mask, frame.spacing), box, frame, (4.0,), 2.0, (500.0,) * 3))
    assert sorted(round(b.centre[2]) for b in found) == [10, 28]
    assert all(b.ml == pytest.approx(17.2, rel=0.35) for b in found)
    together = list(bodies(mask, depth(mask, frame.spacing), box, frame, (0.5,), 2.0, (500.0,) * 3))
    assert len(together) == 1
    assert not list(bodies(mask, depth(mask, frame.spacing), box, frame, (0.5,), 2.0, (500.0, 500.0, 60.0)))
