"""The track of the spine on synthetic columns: body, canal and arch, straight and leaning."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calciscope.anatomy.embedded.spine import _bridged, best_path, bone_share, likeness, spine_track

SPACING = (3.0, 3.0, 3.0)
SHAPE = (40, 80, 110)


def column(lean=0.0, start=0, stop=SHAPE[0], row=44.0, middle=54.0):
    """Vertebral bodies of 18 mm radius with a canal and an arch behind, in a trunk of soft tissue."""
    z, y, x = np.ogrid[: SHAPE[0], : SHAPE[1], : SHAPE[2]]
    body = np.broadcast_to(((y - 40) / 36) ** 2 + ((x - 54) / 50) ** 2 < 1, SHAPE).copy()
    hu = np.where(body, 45.0, -1000.0).astype(np.float32)
    centre = middle + lean * (z - SHAPE[0] / 2)
    here = (z >= start) & (z < stop)
    canal = row + 8
    arch = ((y - canal) ** 2 + (x - centre) ** 2 < 6.5**2) & here
    hu[arch] = 350.0
    hu[((y - row) ** 2 + (x - centre) ** 2 < 6**2) & here] = 230.0
    hu[((y - canal) ** 2 + (x - centre) ** 2 < 2.8**2) & here] = 25.0
    hu[(np.abs(x - centre) < 1.5) & (y > canal + 3) & (y < canal + 9) & here] = 350.0
    return hu, hu > 150.0, body


def track(*parts):
    hu, bone, body = parts
    return spine_track(hu, bone, body, np.zeros(SHAPE, dtype=bool), SPACING)


@pytest.mark.parametrize("lean", [-0.25, 0.0, 0.25])
def test_the_track_follows_the_bodies(lean):
    found = track(*column(lean))
    assert np.isfinite(found).all()
    truth = 54.0 + lean * (np.arange(SHAPE[0]) - SHAPE[0] / 2)
    assert np.abs(found[:, 1] - truth).max() * 3.0 < 9.0
    assert np.abs(found[:, 0] - 44.0).max() * 3.0 < 12.0
    assert ((found[:, 2] >= 9.0) & (found[:, 2] <= 26.0)).all()


def test_where_there_is_no_bone_there_is_no_spine():
    hu, bone, body = column()
    hu[bone] = 45.0
    assert np.isnan(track(hu, bone & False, body)).all()


def test_a_spine_that_ends_is_not_followed_far():
    found = track(*column(start=12))
    assert np.isfinite(found[16:, 0]).all()
    assert np.isnan(found[:5, 0]).all()


def test_a_limb_is_too_thin_for_a_spine():
    hu, bone, body = column()
    y, x = np.ogrid[: SHAPE[1], : SHAPE[2]]
    thin = body & ((y - 46) ** 2 + (x - 54) ** 2 < 22**2)
    hu[~thin] = -1000.0
    assert np.isnan(track(hu, bone & thin, thin)).all()


def test_likeness_is_a_share_and_highest_in_the_vertebra():
    hu, _, body = column()
    like = likeness(hu, body, SPACING)
    assert like.min() >= 0.0
    assert like.max() <= 1.0
    _, row, col = np.unravel_index(int(like.argmax()), like.shape)
    assert abs(col - 54) <= 2
    assert abs(row - 44) <= 4
    assert like[20, 44, 54] > 0.4 > like[20, 20, 54]


def test_exchanging_the_sides_moves_the_track_to_the_other():
    hu, bone, body = column(0.2)
    found = track(hu, bone, body)
    again = track(*(np.ascontiguousarray(part[:, :, ::-1]) for part in (hu, bone, body)))
    np.testing.assert_allclose(SHAPE[2] - 1 - again[:, 1], found[:, 1], atol=1.0)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 500))
def test_a_path_leans_no_more_than_a_spine_can(seed):
    score = np.random.default_rng(seed).random((12, 15, 15)).astype(np.float32)
    path = best_path(score, SPACING)
    assert path.shape == (12, 2)
    assert np.abs(np.diff(path, axis=0)).max() <= 1
    assert (path >= 0).all()
    assert (path < 15).all()


def test_a_path_stays_straight_where_nothing_says_otherwise():
    score = np.zeros((10, 9, 9), np.float32)
    score[:, 4, 4] = 1.0
    np.testing.assert_array_equal(best_path(score, SPACING), np.full((10, 2), 4))


@given(st.floats(0, 19), st.floats(0, 19), st.floats(3, 20))
def test_the_share_of_bone_is_a_share(row, col, radius):
    bone = np.zeros((20, 20), dtype=bool)
    bone[:, 10:] = True
    share = bone_share(bone, row, col, radius, SPACING)
    assert 0.0 <= share <= 1.0
    assert bone_share(np.ones_like(bone), row, col, radius, SPACING) in (0.0, 1.0)
    assert bone_share(~bone, row, col, radius, SPACING) == pytest.approx(1.0 - share) or share == 0.0


def test_a_place_outside_the_picture_has_no_bone():
    assert bone_share(np.ones((10, 10), dtype=bool), -1.0, 5.0, 10.0, SPACING) == 0.0
    assert bone_share(np.ones((10, 10), dtype=bool), 5.0, 10.0, 10.0, SPACING) == 0.0


def cut_behind(hu, bone, body):
    """As a scan of the heart sees it: everything behind the middle of the vertebral bodies is out of view, so are the
    sides."""
    view = (slice(None), slice(0, 50), slice(24, 84))
    return spine_track(hu[view], bone[view], body[view], np.zeros(hu[view].shape, dtype=bool), SPACING)


def test_a_spine_of_which_the_view_cuts_the_canal_is_followed():
    found = cut_behind(*column())
    assert np.isfinite(found).all()
    assert np.abs(found[:, 1] - 30.0).max() * 3.0 < 9.0
    assert np.abs(found[:, 0] - 44.0).max() * 3.0 < 9.0


def test_a_view_that_ends_in_soft_tissue_has_no_spine():
    hu, bone, body = column()
    hu[bone] = 45.0
    assert np.isnan(cut_behind(hu, bone & False, body)).all()


@pytest.mark.parametrize(("gap", "joined"), [(1, True), (9, True), (14, False)])
def test_the_spine_goes_on_over_a_short_gap(gap, joined):
    good = np.ones(60, dtype=bool)
    good[:6] = False
    good[30 : 30 + gap] = False
    assert _bridged(good, 3.0)[30 : 30 + gap].all() == joined
    assert not _bridged(good, 3.0)[:6].any()


def test_a_vertebra_that_does_not_show_leaves_no_hole():
    hu, bone, body = column()
    hu[18:24] = np.where(body[18:24], 45.0, -1000.0)
    found = track(hu, bone, body)
    assert np.isfinite(found).all()
