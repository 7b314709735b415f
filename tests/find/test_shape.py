"""Diameters, sphericity and hollowness."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from calciscope.find.shape import hollow, local_mask, outline, shape

FINE = (0.5, 0.5, 0.5)


def ball(radius, spacing=FINE, hole=0.0):
    n = [int(radius / s) + 2 for s in spacing]
    z, y, x = np.ogrid[tuple(slice(-k, k + 1) for k in n)]
    d = np.sqrt((z * spacing[0]) ** 2 + (y * spacing[1]) ** 2 + (x * spacing[2]) ** 2)
    return (d < radius) & (d >= hole)


def voxels(mask):
    return np.argwhere(mask).astype(np.int32)


def test_a_ball_is_round_and_solid():
    s = shape(voxels(ball(6.0)), FINE)
    assert s.sphericity > 0.95
    assert s.hollow == 0.0
    assert s.length == pytest.approx(12.0, abs=0.8)
    assert s.width == pytest.approx(12.0, abs=0.8)


def test_a_rod_is_long_and_thin_in_any_direction():
    for direction in ((1, 0, 0), (0, 1, 1), (1, 1, 1)):
        line = np.arange(40)[:, None] * np.array(direction)
        s = shape(line.astype(np.int32), (1.0, 1.0, 1.0))
        assert s.length == pytest.approx(39 * np.linalg.norm(direction) + 1, rel=0.02)
        assert s.width == pytest.approx(1.0, abs=0.1)
        assert s.sphericity < 0.7


def test_one_voxel():
    s = shape(np.array([[3, 4, 5]], dtype=np.int32), (3.0, 1.0, 1.0))
    assert (s.length, s.width, s.hollow) == (3.0, 1.0, 0.0)
    assert 0 < s.sphericity <= 1


@given(st.floats(0.3, 0.85))
def test_a_shell_is_as_hollow_as_its_core(part):
    radius = 8.0
    share = hollow(np.pad(ball(radius, hole=part * radius), 1), FINE)
    # The caps of the shell are discs in their slices: holes of slices are all that can be seen.
    assert share == pytest.approx(part**3, abs=0.12)


@given(st.integers(-50, 50), st.integers(-50, 50), st.integers(0, 2))
def test_moving_and_turning_does_not_change_a_shape(down, right, axis):
    body = ball(4.0) & (np.arange(ball(4.0).shape[0]) % 5 > 0)[:, None, None]
    here = shape(voxels(body) + 100, FINE)
    there = shape(voxels(np.flip(body, axis)) + np.array([100, 100 + down, 100 + right], dtype=np.int32), FINE)
    assert here == there


def test_a_dent_is_no_hollow():
    block = np.zeros((5, 30, 30), dtype=bool)
    block[1:4, 5:25, 5:25] = True
    block[1:4, 5:15, 14:16] = False
    assert hollow(block, (2.0, 1.0, 1.0)) < 0.05


def test_outlines_close_gaps_of_thin_rims_only_up_to_their_width():
    ring = ball(10.0, (1.0, 1.0, 1.0), hole=8.5)
    middle = ring.shape[0] // 2
    for gap, closed in ((1, True), (5, False)):
        cut = ring[middle : middle + 1].copy()
        cut[:, :middle, middle - gap : middle + gap + 1] = False
        filled = outline(cut, (1.0, 1.0, 1.0), 4.0)
        assert bool(filled[0, middle, middle]) is closed
        assert not (cut & ~filled).any()


def test_local_masks_have_their_margin():
    mask, low = local_mask(np.array([[5, 6, 7], [6, 6, 9]], dtype=np.int32), margin=2)
    assert mask.shape == (6, 5, 7)
    assert low.tolist() == [3, 4, 5]
    assert mask.sum() == 2
    assert mask[2, 2, 2]
