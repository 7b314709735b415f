"""The heart's frame and parts in simulated scans of the heart alone: arithmetic, not accuracy."""

from dataclasses import replace

import numpy as np
import pytest

from calciscope.anatomy.embedded import cardiac
from calciscope.anatomy.embedded.cardiac import heart_frame
from calciscope.anatomy.embedded.cardiac.level import APART, fat_of, levels, size_of
from calciscope.anatomy.embedded.cardiac.root import blood_of, extent, trace_root
from tests.anatomy import phantom

CASES = ["usual", "small", "lean"]
TUBES = {
    "coronary_lm", "coronary_lad", "coronary_lcx", "coronary_rca", "aortic_root", "aortic_valve", "ascending_wall",
    "mitral_annulus",
}  # fmt: skip


@pytest.fixture(params=CASES)
def seen(request):
    return request.getfixturevalue(request.param)


def heart_of(seen):
    return cardiac._with_neck(seen.frame, seen.masks["heart_region"][0], seen.masks)


def test_the_level_of_the_left_main_is_found(seen):
    assert abs(seen.level_error()) < 7.0


def test_all_parts_are_there_with_a_confidence(seen):
    assert set(seen.part.tubes) == TUBES
    assert all(0.35 < tube.confidence <= 0.95 for tube in seen.part.tubes.values())
    assert all(name == tube.name for name, tube in seen.part.tubes.items())


@pytest.mark.parametrize(("artery", "most"), [("lm", 12.0), ("lad", 16.0), ("lcx", 16.0), ("rca", 18.0)])
def test_arteries_run_near_their_true_course(seen, artery, most):
    assert np.median(seen.off_course(artery)) < most


def test_the_root_is_tilted_and_wide(seen):
    root = seen.part.tubes["aortic_root"]
    assert 11.0 <= root.radius[0] <= 24.0
    top, bottom = root.points[0], root.points[-1]
    assert top[2] > bottom[2] + 15, "from the head down"
    assert bottom[0] > top[0], "its lower end lies further to the left"
    assert bottom[1] > top[1], "and further back"
    truth = seen.made.body.courses["aorta.root"].points
    near = np.linalg.norm(root.points[:, None] - truth[None], axis=2).min(axis=1)
    assert np.median(near) < 9.0


def test_the_valve_lies_in_the_root_below_the_ostia(seen):
    valve, root = seen.part.tubes["aortic_valve"], seen.part.tubes["aortic_root"]
    assert valve.radius.max() < root.radius.min()
    assert valve.points[:, 2].max() < seen.part.landmarks["left_main_level"].point[2]
    truth = np.array(seen.made.body.courses["aorta.root"].points[0])
    assert np.linalg.norm(valve.points - truth, axis=1).min() < 14.0


def test_the_annulus_is_where_atrium_and_ventricle_meet(seen):
    truth = seen.made.body.courses["mitral.annulus"].points
    found = seen.part.tubes["mitral_annulus"].points
    assert np.median(np.linalg.norm(truth[:, None] - found[None], axis=2).min(axis=1)) < 14.0


def test_the_ascending_wall_is_the_ascending_aorta(seen):
    wall = seen.part.tubes["ascending_wall"]
    truth = np.concatenate([seen.made.body.courses[f"aorta.{p}"].points for p in ("root", "ascending")])
    near = np.linalg.norm(wall.points[:, None] - truth[None], axis=2).min(axis=1)
    assert np.median(near) < 6.0
    assert (np.diff(wall.points[:, 2]) < 0).all()


def test_levels_are_apart_and_best_first(usual):
    heart = heart_of(usual)
    track = trace_root(usual.frame, heart, usual.masks)
    found = levels(usual.frame, heart, track, fat_of(usual.frame, heart))
    assert len(found) > 1
    assert [item.score for item in found[1:]] == sorted((item.score for item in found[1:]), reverse=True)
    mm = np.array([item.z for item in found[1:]]) * usual.frame.spacing[0]
    gaps = np.abs(mm[:, None] - mm[None])[~np.eye(len(mm), dtype=bool)]
    assert gaps.min() >= APART - 1e-6


def test_a_scan_that_ends_at_the_pulmonary_trunk_has_the_left_main_not_far_below_its_end(usual):
    heart = heart_of(usual)
    track = trace_root(usual.frame, heart, usual.masks)
    frame = usual.frame
    # The same scan with more slices above, in which no fork of the windpipe is seen either.
    goes_on = np.concatenate([heart, np.zeros_like(heart[:20])])
    ends, further = (
        {round(item.z): item.score for item in levels(frame, region, track, fat_of(frame, heart))}
        for region in (heart, goes_on)
    )
    both = sorted(ends.keys() & further.keys())
    gain = [ends[z] - further[z] for z in both]
    assert heart[-1].any()
    assert len(both) > 1
    # Where the scan ends just above, what lies near its end gains, the more the nearer.
    assert gain == sorted(gain)
    assert gain[-1] > max(0.0, gain[0])


def test_the_size_is_that_of_a_heart_about_its_origin(seen):
    origin = seen.frame.to_coarse(seen.part.landmarks["left_main_level"].point)
    size, wide = size_of(seen.frame, heart_of(seen), origin)
    assert 85.0 < wide < 165.0
    beside, as_wide = size_of(seen.frame, heart_of(seen), origin + np.array((0.0, 0.0, 2.0)))
    assert as_wide == pytest.approx(wide)
    assert beside.left <= size.left
    assert beside.right >= size.right


def test_a_track_in_a_chamber_is_no_ascending_aorta(usual):
    level = int(usual.frame.to_coarse(usual.part.landmarks["left_main_level"].point)[0])
    region = usual.masks["heart_region"][0]
    wrong = np.zeros_like(region)
    z, y, x = np.indices(region.shape, sparse=True)
    right = int(np.flatnonzero(region[level - 5].any(axis=0))[0])
    rows = int(np.argwhere(region[level - 5])[:, 0].mean())
    wrong |= (np.hypot(y - rows, x - right - 4) < 4) & (z > level - 8) & (z < level - 3)
    part = cardiac.segment(usual.frame, {**usual.masks, "aorta_ascending": (wrong, 0.85)})
    assert not part.masks["aorta_ascending"][0].any()
    assert part.masks["heart_region"][0][wrong].all()


def test_too_few_slices_have_no_size(usual):
    size, wide = size_of(usual.frame, np.zeros_like(usual.frame.body), np.array([5.0, 5.0, 5.0]))
    assert wide is None
    assert size.left == size.back == 1.0


def test_metal_in_the_heart_makes_it_less_sure(usual):
    metal = usual.frame.metal.copy()
    z, y, x = np.argwhere(usual.masks["heart_region"][0]).mean(axis=0).astype(int)
    metal[z, y, x] = True
    part = cardiac.segment(replace(usual.frame, metal=metal), usual.masks)
    assert part.landmarks["left_main_level"].confidence < usual.part.landmarks["left_main_level"].confidence
    assert any("metal" in note for note in part.notes)


def test_an_unsure_region_makes_an_unsure_frame(usual):
    masks = {**usual.masks, "heart_region": (usual.masks["heart_region"][0], 0.5)}
    part = cardiac.segment(usual.frame, masks)
    assert part.landmarks["left_main_level"].confidence < 0.7


def test_nothing_without_a_heart_region(usual):
    assert not cardiac.segment(usual.frame, {}).tubes


def test_the_lower_half_of_a_heart_is_not_framed_surely(usual):
    level = int(usual.frame.to_coarse(usual.part.landmarks["left_main_level"].point)[0])
    cut = level - 6
    frame = replace(
        usual.frame,
        **{
            name: getattr(usual.frame, name)[:cut]
            for name in ("hu", "body", "lung_left", "lung_right", "airway", "bone", "metal", "fat", "spine")
        },
    )
    masks = {name: (mask[:cut], sure) for name, (mask, sure) in usual.masks.items()}
    part = cardiac.segment(frame, masks)
    sure = part.landmarks["left_main_level"].confidence if part.landmarks else 0.0
    assert sure < 0.8


def test_a_ball_without_grooves_is_no_heart_to_be_sure_of():
    frame = phantom.chest().frame()
    region = ((np.indices(frame.hu.shape).T * phantom.MM - (95.0, 86.0, 177.0)).T ** 2).sum(axis=0) < 45.0**2
    made = heart_frame.find(frame, region, 0.9, {})
    assert made is None or made.confidence < 0.8


def test_borders_and_blood(usual):
    mask = np.zeros((4, 10, 12), dtype=bool)
    mask[2, 3:7, 4:9] = True
    found = extent(mask)
    assert (found.right[2], found.left[2], found.front[2], found.back[2]) == (4, 8, 3, 6)
    assert np.isnan(found.right[0])
    assert blood_of(usual.frame, heart_of(usual)) == pytest.approx(45.0, abs=12.0)


def test_a_heart_on_the_right_is_not_framed_surely(usual):
    def turned(array):
        return np.ascontiguousarray(array[..., ::-1])

    last = usual.frame.hu.shape[2] - 1
    spine = usual.frame.spine.copy()
    spine[:, 1] = last - spine[:, 1]
    frame = replace(
        usual.frame,
        volume=replace(usual.frame.volume, hu=turned(usual.frame.volume.hu)),
        lung_left=turned(usual.frame.lung_right),
        lung_right=turned(usual.frame.lung_left),
        spine=spine,
        **{name: turned(getattr(usual.frame, name)) for name in ("hu", "body", "airway", "bone", "metal", "fat")},
    )
    masks = {name: (turned(mask), sure) for name, (mask, sure) in usual.masks.items()}
    part = cardiac.segment(frame, masks)
    assert not part.landmarks or part.landmarks["left_main_level"].confidence < 0.6


def test_the_descending_aorta_tells_the_side_where_it_is_sure(usual, monkeypatch):
    frame, heart = usual.frame, heart_of(usual)
    middle = round(float(np.nanmedian(frame.spine[:, 1])))
    step = round(20.0 / frame.spacing[2])

    def turned(aside, certain):
        there = np.zeros(frame.hu.shape, dtype=bool)
        there[:, 5, middle + aside] = True
        return heart_frame._turned(frame, heart, 20.0, {"aorta_descending": (there, certain)})

    for borders in (False, True):
        monkeypatch.setattr(heart_frame, "_on_the_right", lambda *_, borders=borders: borders)
        assert not turned(step, 0.9)
        assert turned(step, 0.7) == turned(-step, 0.9) == turned(0, 0.9) == borders
        assert heart_frame._turned(frame, heart, 20.0, {}) == borders
