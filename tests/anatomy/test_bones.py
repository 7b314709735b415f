"""The skeleton in its parts, the numbers of the vertebrae, the domes of the diaphragm, on simulated bodies."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from calciscope.anatomy.embedded import bones, levels
from calciscope.anatomy.embedded.build import build
from calciscope.anatomy.embedded.frame import Frame, once
from calciscope.domain.anatomy import is_bone
from tests.anatomy.simulated import Case


def of(made: Case, found: str, *true: str) -> float:
    """How much of what was found is bone of these in the body."""
    mask = made.found(found)
    rest = made.true(*(name for name in made.body.names if is_bone(name)), "spinal_canal", "intervertebral_discs")
    return float((mask & made.true(*true)).sum() / max(1, (mask & rest).sum()))


def vertebrae(made: Case) -> list[str]:
    return [name for name in made.anatomy.structures if name.startswith("vertebrae_")]


@pytest.mark.parametrize("which", ["whole", "pelvis_of_a_man", "pelvis_of_a_woman"])
def test_vertebrae_counted_from_the_sacrum_have_their_own_numbers(request, which):
    made: Case = request.getfixturevalue(which)
    found = vertebrae(made)
    assert "vertebrae_L4" in found
    for name in found:
        one = made.found(name)
        if made.true(name).sum() > 500 and one.sum() > 500:
            # A neighbour's processes reach into its height.
            assert of(made, name, name, "intervertebral_discs", "spinal_canal") > 0.5, name
        assert made.anatomy.structures[name].confidence <= 0.85


@pytest.mark.parametrize("which", ["whole", "chest", "enhanced_chest", "abdomen", "enhanced_abdomen"])
def test_no_vertebra_surely_has_a_wrong_number(request, which):
    made: Case = request.getfixturevalue(which)
    for name in vertebrae(made):
        if made.anatomy.structures[name].confidence >= 0.7 and made.found(name).sum() > 2000:
            assert made.share(name, name, "intervertebral_discs", "spinal_canal") > 0.3, name
    if not vertebrae(made):
        assert made.found("vertebrae").any()


def test_discs_are_landmarks_between_their_vertebrae(pelvis_of_a_man):
    mark = pelvis_of_a_man.anatomy.landmarks["disc_L4_L5"]
    z = pelvis_of_a_man.volume.geometry.to_index(mark.point)[0]
    above, below = (np.argwhere(pelvis_of_a_man.true(f"vertebrae_{name}"))[:, 0].mean() for name in ("L4", "L5"))
    # The body lies above the middle of its arch and processes.
    assert below - 3 < z < above + 6


@pytest.mark.parametrize("which", ["whole", "pelvis_of_a_man", "pelvis_of_a_woman"])
def test_the_pelvic_ring(request, which):
    made: Case = request.getfixturevalue(which)
    for side, other in (("left", "right"), ("right", "left")):
        assert of(made, f"hip_{side}", f"hip_{side}", f"femur_{side}", "symphysis") > 0.8
        assert of(made, f"hip_{side}", f"hip_{other}") < 0.1
    assert of(made, "sacrum", "sacrum", "vertebrae_L5") > 0.7


@pytest.mark.parametrize("which", ["whole", "chest", "enhanced_chest"])
def test_ribs_and_sternum(request, which):
    made: Case = request.getfixturevalue(which)
    for side in ("left", "right"):
        own = [name for name in made.body.names if name.startswith(f"rib_{side}")]
        assert of(made, f"ribs_{side}", *own, "costal_cartilages") > 0.75
    assert of(made, "sternum", "sternum", "costal_cartilages") > 0.8


@pytest.mark.parametrize("which", ["whole", "abdomen"])
def test_the_lungs_rest_on_the_diaphragm(request, which):
    made: Case = request.getfixturevalue(which)
    above, height = made.found("lung_left", "lung_right"), np.arange(made.labels.shape[0])[:, None, None]
    for side in ("left", "right"):
        dome = made.found(f"diaphragm_{side}")
        assert dome.any()
        columns = dome.any(axis=0)
        top = np.where(dome, height, -1).max(axis=0)
        higher = [above[top[y, x] + 1 :, y, x].any() for y, x in np.argwhere(columns)]
        assert np.mean(higher) > 0.95


def test_all_parts_are_bone_of_the_frame(pelvis_of_a_man):
    frame = build(pelvis_of_a_man.volume)
    part = bones.segment(frame, {})
    assert {"hip_left", "hip_right", "sacrum"} <= set(part.masks)
    for name, (mask, sure) in part.masks.items():
        assert not (mask & ~frame.bone).any(), name
        assert 0.0 < sure < 0.9
    spinal = bones.vertebrae(frame, part.masks)
    for name, (mask, _) in spinal.masks.items():
        assert name == "sacrum" or not (mask & part.masks["hip_left"][0]).any()


def test_without_a_spine_or_a_trunk_there_is_nothing(pelvis_of_a_man):
    frame = build(pelvis_of_a_man.volume)
    limb = replace(frame, regions=tuple(replace(region, name="limb") for region in frame.regions))
    assert not bones.segment(limb, {}).masks
    bare = replace(frame, spine=np.full_like(frame.spine, np.nan), bone=np.zeros_like(frame.bone))
    assert not bones.vertebrae(bare, {}).masks
    assert levels.levels(bare) is None


def test_a_short_piece_of_spine_gets_no_numbers(pelvis_of_a_man):
    frame = build(pelvis_of_a_man.volume)
    spine = frame.spine.copy()
    known = np.flatnonzero(np.isfinite(spine[:, 0]))
    spine[known[20:]] = np.nan
    assert levels.levels(replace(frame, spine=spine)) is None


def test_the_row_of_discs_finds_uneven_distances():
    heights = np.array([34.0, 35.0, 35.0, 34.0, 33.0])
    places = np.array([20, 37, 55, 72, 90])
    dip = np.full(100, -0.3)
    dip[places] = 1.5
    score, row = levels._row(dip, heights, 0, 20)
    np.testing.assert_array_equal(row, places)
    assert score > levels._row(np.roll(dip, 8) * 0.3, heights, 0, 20)[0]


def test_what_a_frame_tells_is_found_once(pelvis_of_a_man):
    asked = []

    @once
    def rows(frame: Frame) -> np.ndarray:
        asked.append(frame)
        return frame.spine[:, 0].copy()

    frame = build(pelvis_of_a_man.volume)
    assert rows(frame) is rows(frame)
    rows(replace(frame))
    assert len(asked) == 2
    with pytest.raises(ValueError, match="read-only"):
        rows(frame)[0] = 1.0


def test_what_is_dense_behind_the_front_of_the_lungs_is_no_sternum(enhanced_chest):
    frame = build(enhanced_chest.volume)
    before = bones.segment(frame, {}).masks["sternum"][0]
    heart = enhanced_chest.anatomy.mask("heart_region")
    heart = heart[tuple(slice(0, n * f, f) for n, f in zip(frame.hu.shape, frame.factor, strict=True))]
    bright = replace(frame, bone=frame.bone | heart)
    after = bones.segment(bright, {"heart_region": (heart, 0.9)}).masks
    assert after["sternum"][0].sum() < 1.1 * before.sum()
    assert not any((after[name][0] & heart).any() for name in ("ribs_left", "ribs_right", "sternum"))


def test_a_sliver_of_bone_at_the_border_of_the_view_is_no_hip(pelvis_of_a_man):
    frame = build(pelvis_of_a_man.volume)
    middle = int(bones.pelvis.middle_column(frame))
    bone = frame.bone.copy()
    # Of the left half only the edges of the vertebrae are in view.
    bone[:, :, middle + round(34.0 / frame.spacing[2]) :] = False
    found = bones.segment(replace(frame, bone=bone), {}).masks
    assert "hip_left" not in found
