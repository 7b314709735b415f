import numpy as np
import pytest

from calciscope.anatomy.embedded import aorta, arch, iliac, vessels
from calciscope.anatomy.embedded.track import Track, blood, longest_run, paint
from tests.anatomy import phantom


def distance(tube, truth):
    """Greatest distance of the truth's points from the tube's, mm."""
    return max(np.linalg.norm(tube.points - np.array(p), axis=1).min() for p in truth)


@pytest.fixture(scope="module")
def chest():
    return vessels.segment(phantom.chest().frame(), {})


@pytest.fixture(scope="module")
def abdomen():
    return vessels.segment(phantom.abdomen().frame(), {})


def test_the_aorta_of_a_chest_is_one_tube_over_the_arch(chest):
    tube = chest.tubes["aorta"]
    truth = [(25, -22, 30), (25, -22, 150), (13, -47, 233), (-8, -72, 160)]
    assert distance(tube, truth) < 7
    assert tube.confidence >= 0.8
    assert 10.5 <= np.median(tube.radius) <= 16


def test_the_stretches_of_the_aorta_are_named(chest):
    where = {name: np.flatnonzero(mask.any(axis=(1, 2))) * phantom.MM for name, (mask, _) in chest.masks.items()}
    assert where["aorta_arch"].max() > 235
    assert where["aorta_arch"].min() > 190
    assert where["aorta_descending"].min() < 60
    assert where["aorta_abdominal"].max() < 45
    assert where["aorta_ascending"].min() < 160
    masks = [mask for mask, _ in chest.masks.values()]
    assert sum(mask.sum() for mask in masks) == np.logical_or.reduce(masks).sum()


def test_volume_of_the_descending_aorta(chest):
    mask = chest.masks["aorta_descending"][0][30:60]
    per_slice = mask.sum(axis=(1, 2)).mean() * phantom.MM**2
    assert per_slice == pytest.approx(np.pi * 13**2, rel=0.2)


@pytest.mark.parametrize("hu", [45.0, 150.0, 380.0])
def test_blood_says_whether_contrast_was_given(hu):
    pool = vessels.segment(phantom.chest(hu).frame(), {}).blood_pool
    assert pool is not None
    assert pool.source == "aorta"
    assert pool.mean_hu == pytest.approx(hu, abs=6)
    assert 4 < pool.sd_hu < 14


@pytest.mark.parametrize("hu", [45.0, 250.0])
def test_the_aorta_forks_into_the_iliac_arteries(hu):
    part = vessels.segment(phantom.abdomen(hu).frame(), {})
    assert distance(part.tubes["aorta"], [(12, -30, 180), (12, -30, 300)]) < 5
    lowest = part.tubes["aorta"].points[:, 2].min()
    assert 150 < lowest < 190
    for side, sign in (("left", 1), ("right", -1)):
        tube = part.tubes[f"iliac_artery_{side}"]
        assert distance(tube, [(sign * 40, -15, 115), (sign * 56, -27, 80), (sign * 70, -38, 50)]) < 9
        assert tube.points[0, 2] > tube.points[-1, 2]
        assert 0.5 <= tube.confidence <= 0.85
        assert part.masks[f"iliac_artery_{side}"][0].any()


def test_femoral_heads_are_landmarks(abdomen):
    for side, sign in (("left", 1), ("right", -1)):
        point = abdomen.landmarks[f"femoral_head_{side}"].point
        # These heads are bare balls: the roof of the socket, which real ones have, would lift the disc that is found.
        assert np.allclose(point[:2], (sign * 85, -5), atol=9)
        assert 45 - 25 < point[2] < 45 + 9


def test_a_vena_cava_alone_is_no_aorta():
    part = vessels.segment(phantom.abdomen(aorta=False).frame(), {})
    assert not part.masks
    assert not part.tubes
    assert part.blood_pool is None
    assert any("no aorta" in note for note in part.notes)


def test_a_wider_cava_beside_the_aorta_is_not_taken():
    body = phantom.abdomen()
    body.vessel([(-28.0, -30.0, 175.0), (-28.0, -30.0, 400.0)], 14.0, 45.0)
    tube = vessels.segment(body.frame(), {}).tubes["aorta"]
    assert tube.points[:, 0].min() > 0


def test_calcium_in_the_wall_does_not_move_the_track():
    body = phantom.abdomen()
    ring = np.hypot(body.x - 12, body.y + 30)
    body.put((np.abs(ring - 8) < 2) & (body.x > 12) & (body.z > 200) & (body.z < 290), 900.0)
    tube = vessels.segment(body.frame(), {}).tubes["aorta"]
    assert distance(tube, [(12, -30, 220), (12, -30, 270)]) < 5


def test_an_aneurysm_is_as_wide_as_it_is():
    body = phantom.abdomen()
    body.vessel([(14.0, -46.0, 215.0), (14.0, -46.0, 275.0)], 23.0, 45.0)
    tube = vessels.segment(body.frame(), {}).tubes["aorta"]
    wide = tube.radius[(tube.points[:, 2] > 225) & (tube.points[:, 2] < 265)]
    assert np.median(wide) == pytest.approx(23, abs=4)


def test_no_spine_no_aorta():
    frame = phantom.abdomen().frame()
    part = vessels.segment(phantom.without(frame, spine=np.full_like(frame.spine, np.nan)), {})
    assert not part.masks
    assert any("no spine" in note for note in part.notes)


def test_a_short_scan_is_less_sure(abdomen):
    part = vessels.segment(phantom.cropped(phantom.abdomen().frame(), slice(70, 84)), {})
    assert part.tubes["aorta"].confidence < abdomen.tubes["aorta"].confidence
    assert "iliac_artery_left" not in part.tubes


def test_the_fork_of_the_windpipe_is_found():
    frame = phantom.chest().frame()
    fork = arch.carina(frame)
    assert fork is not None
    assert 180 <= fork * phantom.MM <= 205
    assert arch.carina(phantom.without(frame, airway=np.zeros_like(frame.airway))) is None


def test_a_track_on_the_right_does_not_fit():
    frame = phantom.abdomen().frame()
    spine = frame.spine[80]
    points = np.array([[80, spine[0] - 10, spine[1] + 4], [80, spine[0] - 9, spine[1] - 10]])
    fits = aorta.fits_beside_spine(frame, Track(points, np.full(2, 9.0), np.ones(2)))
    assert fits.tolist() == [True, False]


def test_one_femoral_head_is_enough_for_both_sides():
    frame = phantom.abdomen().frame()
    bone = frame.bone.copy()
    bone[:30, :, frame.hu.shape[2] // 2 :] = False
    half = phantom.without(frame, bone=bone)
    heads = iliac.femoral_heads(half, frame.hu.shape[2] / 2, 40)
    assert set(heads) == {"right"}


def test_painting_balls_and_discs():
    frame = phantom.chest().frame()
    track = Track(np.array([[20.0, 30.0, 40.0]]), np.array([9.0]), np.ones(1))
    disc = paint(frame, track)
    ball = paint(frame, track, ball=True)
    assert disc.any(axis=(1, 2)).sum() == 1
    assert ball.sum() * phantom.MM**3 == pytest.approx(4 / 3 * np.pi * 9**3, rel=0.15)
    outside = Track(np.array([[500.0, 30.0, 40.0]]), np.array([9.0]), np.ones(1))
    assert not paint(frame, outside).any()


def test_too_little_blood_is_no_sample():
    frame = phantom.chest().frame()
    assert blood(frame, Track(np.array([[20.0, 30.0, 40.0]]), np.array([1.0]), np.ones(1)), "aorta") is None


def test_the_longest_run():
    assert longest_run(np.array([True, False, True, True])) == slice(2, 4)
    assert longest_run(np.zeros(3, dtype=bool)) == slice(0, 0)


def along_the_spine(frame, forward_mm):
    """A straight track of a usual aorta's width so far in front of the middle of the vertebral bodies."""
    spine = aorta.spine_track(frame)
    known = np.flatnonzero(np.isfinite(spine[:, 0]))
    points = np.column_stack([known, spine[known, 0] - forward_mm / frame.spacing[1], spine[known, 1]])
    return Track(points, np.full(len(known), 11.0), np.full(len(known), 0.6))


def test_a_track_within_the_vertebral_bodies_is_less_sure():
    frame = phantom.abdomen().frame()
    beside, within = along_the_spine(frame, 35.0), along_the_spine(frame, 12.0)
    assert vessels.confidence(frame, beside) > 0.9
    assert vessels.confidence(frame, within) < 0.6


def test_bright_and_uneven_within_the_bodies_is_the_spine():
    frame = phantom.abdomen().frame()
    bodies_and_discs = frame.hu.copy()
    bodies_and_discs[::2] = 300.0
    bodies_and_discs[1::2] = 90.0
    uneven, even = (phantom.without(frame, hu=hu) for hu in (bodies_and_discs, np.full_like(frame.hu, 240.0)))
    assert vessels._is_spine(uneven, along_the_spine(frame, 12.0), 240.0)
    assert not vessels._is_spine(uneven, along_the_spine(frame, 12.0), 45.0)
    assert not vessels._is_spine(uneven, along_the_spine(frame, 35.0), 240.0)
    assert not vessels._is_spine(even, along_the_spine(frame, 12.0), 240.0)


def test_no_ascending_aorta_just_above_the_diaphragm_without_a_windpipe():
    frame = phantom.chest().frame()
    blind = phantom.without(frame, airway=np.zeros_like(frame.airway))
    whole, blood_hu = aorta.trace(blind)
    whole = whole.part(whole.points[:, 0] * frame.spacing[0] <= 225.0)
    ascending = arch.trace_ascending(blind, whole, blood_hu)
    assert ascending is not None
    # The lowest recess of the lungs 30 mm below what was traced.
    bottom = int(ascending.points[0, 0] - 30.0 / frame.spacing[0])
    left, right = frame.lung_left.copy(), frame.lung_right.copy()
    left[:bottom] = False
    right[:bottom] = False
    low = arch.trace_ascending(phantom.without(blind, lung_left=left, lung_right=right), whole, blood_hu)
    assert low is None or low.points[0, 0] >= bottom + 75.0 / frame.spacing[0]


@pytest.mark.parametrize(("row", "slices", "branch"), [(-38.0, 8, False), (-22.0, 8, True), (-22.0, 30, False)])
def test_a_short_stretch_beside_the_vertebra_is_a_branch(row, slices, branch):
    frame = phantom.abdomen().frame()
    spine = aorta.spine_track(frame)
    high = np.arange(len(spine) - slices, len(spine), dtype=float)
    known = spine[high.astype(int)]
    points = np.column_stack([high, known[:, 0] + row / frame.spacing[1], known[:, 1] + 24.0 / frame.spacing[2]])
    track = Track(points, np.full(slices, 7.0), np.full(slices, 0.5))
    assert vessels._is_branch(frame, track) is branch
