"""Traced vessels: runs, smoothing, painting, blood, radii from rays; on the phantom of the abdomen."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from calciscope.anatomy.embedded import track as tracks
from calciscope.anatomy.embedded.track import (
    Track,
    blood,
    joined,
    largest,
    longest_run,
    paint,
    resized,
    smoothed,
    steadied,
    tube,
)
from tests.anatomy.phantom import FAT, MM, Body


def line(n=30, row=40.0, column=55.0, radius=9.0, first=0):
    z = np.arange(first, first + n, dtype=float)
    return Track(np.column_stack([z, np.full(n, row), np.full(n, column)]), np.full(n, radius), np.full(n, 0.9))


@pytest.fixture(scope="module")
def vessel():
    """A vessel of 10 mm radius in fat, its middle at (0, -60); without and with contrast."""
    made = {}
    for level in (45.0, 250.0):
        body = Body(length=120.0, spine_from=1e9)
        body.hu[body.masks["body"]] = FAT
        body.vessel([(0.0, -60.0, -20.0), (0.0, -60.0, 200.0)], 10.0, level)
        made[level] = body.frame(seed=1)
    return made


def along(frame, n=30, radius=9.0, off=(0.0, 0.0)):
    _, row, column = frame.to_coarse((0.0, -60.0, 0.0))
    return line(n, row + off[0], column + off[1], radius)


@given(st.lists(st.booleans(), max_size=40))
def test_the_longest_run_is_all_true_and_no_run_is_longer(flags):
    array = np.array(flags, dtype=bool)
    run = longest_run(array)
    assert array[run].all()
    longest = max((len(part) for part in "".join("x" if f else " " for f in flags).split()), default=0)
    assert run.stop - run.start == longest


def test_without_a_run_it_is_empty():
    assert longest_run(np.zeros(5, dtype=bool)) == slice(0, 0)


def test_parts_join_to_the_whole():
    whole = line(20)
    again = joined(whole.part(slice(0, 7)), whole.part(slice(7, 20)))
    np.testing.assert_array_equal(again.points, whole.points)
    assert len(again) == 20
    keep = np.arange(20) % 2 == 0
    assert len(whole.part(keep)) == 10


@given(st.integers(0, 1000), st.floats(0.5, 5.0))
def test_smoothing_keeps_heights_and_support_and_takes_out_noise(seed, sigma):
    rng = np.random.default_rng(seed)
    rough = line(40)
    noisy = Track(
        rough.points + np.column_stack([np.zeros(40), rng.normal(0, 1, (40, 2))]), rough.radius, rough.support
    )
    calm = smoothed(noisy, sigma)
    np.testing.assert_array_equal(calm.points[:, 0], noisy.points[:, 0])
    np.testing.assert_array_equal(calm.support, noisy.support)
    assert np.abs(np.diff(calm.points[:, 1:], axis=0)).mean() < np.abs(np.diff(noisy.points[:, 1:], axis=0)).mean()


def test_one_wild_radius_is_smoothed_away():
    wild = line(30)
    radius = wild.radius.copy()
    radius[15] = 40.0
    assert smoothed(Track(wild.points, radius, wild.support), 2.0).radius == pytest.approx(np.full(30, 9.0))


@pytest.mark.parametrize("n", [0, 1, 2])
def test_too_short_to_smooth_is_left_alone(n):
    short = line(n)
    assert smoothed(short, 2.0) is short


def test_discs_have_the_radius_of_the_vessel(vessel):
    frame = vessel[45.0]
    made = paint(frame, along(frame, radius=12.0))
    area = made[10].sum() * MM**2
    assert area == pytest.approx(np.pi * 12**2, rel=0.12)
    assert not made[31:].any()


@given(st.floats(4.0, 16.0), st.floats(0.0, 8.0))
def test_a_margin_only_adds(radius, margin):
    frame = Body(length=60.0, width=150.0, depth=120.0, spine_from=1e9).frame()
    narrow, wide = (paint(frame, line(10, 20.0, 25.0, radius, 5), m) for m in (0.0, margin))
    assert (wide | ~narrow).all()


def test_balls_reach_beyond_the_ends_and_discs_do_not(vessel):
    frame = vessel[45.0]
    one = line(1, 30.0, 40.0, 9.0, 20)
    disc, ball = paint(frame, one), paint(frame, one, ball=True)
    assert np.flatnonzero(disc.any(axis=(1, 2))).tolist() == [20]
    assert np.flatnonzero(ball.any(axis=(1, 2))).tolist() == list(range(17, 24))
    assert (ball | ~disc).all()


def test_a_vessel_thinner_than_a_voxel_still_marks_its_way(vessel):
    frame = vessel[45.0]
    made = paint(frame, line(12, 30.4, 40.3, 0.5))
    assert (made[:12].sum(axis=(1, 2)) >= 1).all()


def test_points_outside_the_grid_paint_nothing(vessel):
    frame = vessel[45.0]
    far = Track(np.array([[-50.0, 10.0, 10.0], [10.0, 900.0, 10.0]]), np.full(2, 5.0), np.ones(2))
    assert not paint(frame, far).any()


@pytest.mark.parametrize("level", [45.0, 250.0])
@pytest.mark.parametrize("guess", [8.0, 9.5, 11.0])
def test_rays_find_the_true_radius(vessel, level, guess):
    frame = vessel[level]
    made = resized(frame, along(frame, radius=guess), level)
    assert np.median(made.radius) == pytest.approx(10.0, abs=1.6)


@pytest.mark.parametrize("off", [(1.0, 0.0), (0.0, -1.0), (0.7, 0.7)])
def test_rays_bring_the_centre_back(vessel, off):
    frame = vessel[250.0]
    right, wrong = along(frame), along(frame, off=off)
    made = resized(frame, wrong, 250.0)
    before = np.linalg.norm((wrong.points - right.points)[:, 1:], axis=1).mean()
    after = np.linalg.norm((made.points - right.points)[:, 1:], axis=1).mean()
    assert after < 0.7 * before
    np.testing.assert_array_equal(made.points[:, 0], wrong.points[:, 0])


def test_in_even_tissue_the_radius_is_kept(vessel):
    body = Body(length=60.0, spine_from=1e9)
    body.hu[:] = 250.0
    frame = body.frame()
    guess = line(10, 30.0, 50.0, 8.0)
    np.testing.assert_array_equal(resized(frame, guess, 250.0).radius, guess.radius)


@pytest.mark.parametrize("level", [45.0, 250.0])
def test_blood_is_sampled_in_the_lumen(vessel, level):
    frame = vessel[level]
    pool = blood(frame, along(frame), "aorta")
    assert pool.mean_hu == pytest.approx(level, abs=5)
    assert pool.source == "aorta"
    assert pool.voxels > 100
    assert 3 < pool.sd_hu < 25


def test_a_plaque_does_not_count_as_blood():
    body = Body(length=120.0, spine_from=1e9)
    body.hu[body.masks["body"]] = FAT
    body.vessel([(0.0, -60.0, -20.0), (0.0, -60.0, 200.0)], 12.0, 45.0)
    body.put((np.hypot(body.x - 3, body.y + 60) < 4) & (body.z > 40) & (body.z < 70), 900.0)
    frame = body.frame(seed=2)
    assert blood(frame, along(frame, radius=12.0), "aorta").mean_hu == pytest.approx(45.0, abs=6)


def test_a_few_voxels_say_nothing_of_blood(vessel):
    frame = vessel[45.0]
    assert blood(frame, along(frame, n=1, radius=2.0), "aorta") is None
    assert blood(frame, line(0), "aorta") is None


def test_a_tube_is_in_patient_millimetres(vessel):
    frame = vessel[45.0]
    made = tube(frame, "aorta", along(frame, radius=9.0), 0.8)
    assert (made.name, made.confidence) == ("aorta", 0.8)
    np.testing.assert_allclose(made.points[:, :2], np.tile((0.0, -60.0), (30, 1)), atol=1e-6)
    np.testing.assert_allclose(np.diff(made.points[:, 2]), MM)


def test_the_radius_of_a_tube_is_its_own(vessel):
    source = along(vessel[45.0])
    made = tube(vessel[45.0], "aorta", source, 0.8)
    made.radius[0] = 99.0
    assert source.radius[0] == 9.0


@given(st.integers(0, 300))
def test_the_largest_piece_is_connected_and_inside(seed):
    from scipy import ndimage

    mask = np.random.default_rng(seed).random((8, 12)) > 0.55
    kept = largest(mask)
    assert not (kept & ~mask).any()
    assert ndimage.label(kept)[1] == min(1, int(mask.any()))
    labels, count = ndimage.label(mask)
    if count:
        assert kept.sum() == np.bincount(labels.ravel())[1:].max()


def test_a_hull_is_convex_and_holds_its_mask():
    mask = np.zeros((20, 20), dtype=bool)
    mask[4, 4] = mask[4, 15] = mask[15, 10] = True
    whole = tracks.hull(mask)
    assert (whole | ~mask).all()
    assert whole[8, 10]
    assert not whole[16:].any()


@pytest.fixture(scope="module")
def dissected():
    """A vessel of 14 mm radius in fat, most of it soft tissue and a narrow lumen of blood at its side."""
    body = Body(length=90.0, spine_from=1e9)
    body.hu[body.masks["body"]] = FAT
    body.vessel([(0.0, -60.0, -20.0), (0.0, -60.0, 200.0)], 14.0, 50.0)
    body.vessel([(6.0, -60.0, -20.0), (6.0, -60.0, 200.0)], 6.0, 350.0)
    return body.frame(seed=2)


def narrow(frame):
    """A track that has found the bright lumen, except for some points at the top where it holds the whole vessel."""
    _, row, column = frame.to_coarse((6.0, -60.0, 0.0))
    found = line(20, row, column, 6.0)
    radius = np.where(np.arange(20) >= 16, 14.0, 6.0)
    return Track(found.points, radius, found.support)


def test_both_lumens_of_a_dissection_are_one_vessel(dissected):
    made = resized(dissected, narrow(dissected), 350.0, np.arange(20) >= 16)
    assert np.median(made.radius[:16]) == pytest.approx(14.0, abs=1.5)
    middle = dissected.to_mm(made.points[:16])
    assert np.abs(middle[:, 0]).max() < 3.0


def test_a_lumen_that_is_not_doubted_keeps_its_own_rim(dissected):
    made = resized(dissected, narrow(dissected), 350.0)
    assert made.radius[:16].max() < 8.5


def swollen(support: float) -> Track:
    whole = line(40, radius=9.0)
    radius, clear = whole.radius.copy(), whole.support.copy()
    radius[30:], clear[30:] = 16.0, support
    return Track(whole.points, radius, clear)


def test_a_swelling_without_a_rim_is_not_believed():
    steady = steadied(swollen(0.2), 60.0, 3.0)
    assert steady.radius.max() < 11.5
    np.testing.assert_array_equal(steady.radius[:20], 9.0)


def test_a_swelling_with_a_clear_rim_is_an_aneurysm():
    assert steadied(swollen(0.5), 60.0, 3.0).radius[38] == pytest.approx(16.0)


def test_without_any_clear_stretch_nothing_is_known():
    faint = Track(line(20).points, line(20).radius, np.full(20, 0.1))
    assert steadied(faint, 60.0, 3.0) is faint
