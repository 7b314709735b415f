import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calciscope.anatomy.embedded.circles import best_path, share, vote, window
from tests.anatomy import phantom


def discs(radius: float, inside: float, centre: tuple[float, float], pixel: float = 2.0, noise: float = 0.0):
    y, x = np.mgrid[:50, :60] * pixel
    hu = np.where(np.hypot(y - centre[0], x - centre[1]) < radius, inside, -100.0)
    rng = np.random.default_rng(1)
    return np.repeat((hu + rng.normal(0, noise, hu.shape))[None], 3, axis=0).astype(np.float32)


@pytest.mark.parametrize("radius", [7.0, 11.0, 15.0])
@pytest.mark.parametrize("inside", [40.0, 300.0])
def test_the_centre_of_a_disc_wins(radius, inside):
    radii = np.arange(5.0, 20.1, 2.0)
    score, mean = vote(discs(radius, inside, (40.0, 62.0), noise=10), (2.0, 2.0), radii, -110.0, 200.0)
    index, z, row, column = np.unravel_index(score.argmax(), score.shape)
    assert abs(row * 2 - 40) <= 2
    assert abs(column * 2 - 62) <= 2
    assert abs(radii[index] - radius) <= 3
    assert score.max() > 0.5
    assert mean[index, z, row, column] == pytest.approx(min(inside, 200.0), abs=8)


def test_a_dark_disc_in_bright_tissue_wins_nothing():
    hu = -discs(11.0, 100.0, (40.0, 62.0))
    score, _ = vote(hu, (2.0, 2.0), np.array([11.0]), -110.0, 110.0)
    assert score[0, 1, 20, 31] < 0


def test_homogeneous_tissue_scores_nothing():
    hu = np.full((3, 40, 40), 40.0, dtype=np.float32)
    score, mean = vote(hu, (2.0, 2.0), np.array([9.0]), -110.0, 200.0)
    assert np.abs(score).max() < 1e-3
    assert np.allclose(mean[0, :, 12:28, 12:28], 40.0, atol=0.5)


def brute_force(reward, reach, slack, stiffness):
    total = {s: reward[(s[0], 0, *s[1:])] for s in np.ndindex(reward.shape[0], *reward.shape[2:])}
    for z in range(1, reward.shape[1]):
        total = {
            s: reward[(s[0], z, *s[1:])]
            + max(
                value - stiffness * abs(s[0] - p[0]) - slack * ((s[1] - p[1]) ** 2 + (s[2] - p[2]) ** 2)
                for p, value in total.items()
                if abs(s[0] - p[0]) <= 1 and abs(s[1] - p[1]) <= reach and abs(s[2] - p[2]) <= reach
            )
            for s in total
        }
    return max(total.values())


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 2), st.floats(0.0, 0.2), st.floats(0.0, 0.3))
def test_no_path_earns_more(seed, reach, slack, stiffness):
    reward = np.random.default_rng(seed).random((2, 5, 4, 5)).astype(np.float32)
    path, values = best_path(reward, reach, slack, stiffness)
    steps = np.diff(path, axis=0)
    paid = values.sum() - (stiffness * np.abs(steps[:, 1])).sum() - slack * (steps[:, 2:] ** 2).sum()
    assert np.all(steps[:, 0] == 1)
    assert np.abs(steps[:, 1]).max() <= 1
    assert np.abs(steps[:, 2:]).max() <= reach
    assert paid == pytest.approx(brute_force(reward, reach, slack, stiffness), rel=1e-4)


def test_a_path_enters_where_that_pays_best():
    reward = np.full((1, 8, 5, 5), -1.0, dtype=np.float32)
    reward[0, 4:, 2, 2] = 1.0
    entry = np.full((8, 5, 5), -np.inf, dtype=np.float32)
    entry[:, 2, 2] = 10.0
    path, values = best_path(reward, 1, 0.01, 0.01, entry)
    assert path[0, 0] == 4
    assert values.sum() == pytest.approx(4.0)


def test_no_entry_no_path():
    entry = np.full((4, 5, 5), -np.inf, dtype=np.float32)
    path, values = best_path(np.zeros((1, 4, 5, 5), dtype=np.float32), 1, 0.1, 0.1, entry)
    assert len(path) == len(values) == 0


def test_a_window_keeps_its_place_in_the_volume():
    frame = phantom.chest().frame()
    box = window(frame, (10, 20, 30), (40, 60, 70))
    assert box.hu.shape[0] == 30
    index = np.array([[3.0, 4.0, 5.0]])
    there = box.to_volume(index)
    assert np.allclose(box.from_volume(there), index)
    z, y, x = (round(v) for v in there[0])
    assert box.hu[3, 4, 5] == pytest.approx(float(frame.volume.hu[z, y, x]), abs=1e-3)


def test_a_window_is_cut_at_the_edge_of_the_volume():
    frame = phantom.chest().frame()
    box = window(frame, (-5, -9, -9), (500, 500, 500))
    assert box.hu.shape == frame.hu.shape


def test_the_share_of_a_disc_that_is_bright():
    y, x = np.mgrid[:50, :60] * 2.0
    disc = np.hypot(y - 50, x - 60) < 15
    half = disc & (x < 60)
    found = share(np.stack([disc, half, ~disc]), (2.0, 2.0), np.array([9.0, 15.0]))
    assert found[:, 0, 25, 30] == pytest.approx([1.0, 0.95], abs=0.06)
    assert found[:, 1, 25, 30] == pytest.approx([0.5, 0.5], abs=0.1)
    assert found[0, 2, 25, 30] == pytest.approx(0.0, abs=0.02)
