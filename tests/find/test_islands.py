"""Lumps of calcium on bone, in joints and where tendons insert."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from calciscope.domain.image import Volume
from calciscope.find.ct import find
from calciscope.find.islands import compact, islands
from calciscope.find.scene import scene
from tests.find.body import measured

SHAPE, SPACING = (40, 80, 110), (1.5, 1.0, 1.0)
MIDDLE, RADIUS = (30.0, 40.0, 30.0), 18.0


def ball(centre, radius):
    grid = np.ogrid[tuple(slice(0, n) for n in SHAPE)]
    return sum(((g * s - c) ** 2 for g, s, c in zip(grid, SPACING, centre, strict=True)), 0.0) < radius**2


def head(bone=(MIDDLE,), lumps=(), names=("tendon_shoulder_left",)):
    """Round heads of bone with marrow and cortex in muscle, lumps (centre, radius, HU), and the cuffs round the heads.

    The volume, the anatomy, and the mask of the heads with their lumps, which blur makes one.
    """
    hu = np.full(SHAPE, 50.0)
    whole = np.zeros(SHAPE, dtype=bool)
    labels = np.ones(SHAPE, dtype=np.uint8)
    for number, (centre, _) in enumerate(zip(bone, names, strict=True)):
        labels[ball(centre, RADIUS + 8.0)] = 3 + number
        hu[ball(centre, RADIUS)] = 500.0
        hu[ball(centre, RADIUS - 3.0)] = 250.0
        whole |= ball(centre, RADIUS)
    for centre, radius, level in lumps:
        hu[ball(centre, radius)] = level
        whole |= ball(centre, radius)
    labels[whole] = 2
    return *measured(hu, labels, ["body", "bone", *names], "limb", SPACING, seed=3), whole


def found(volume, anatomy, skeleton):
    view = scene(volume, anatomy)
    cut = tuple(slice(a, a + n) for a, n in zip(view.start, view.hu.shape, strict=True))
    return [voxels + np.array(view.start) for voxels in islands(view, skeleton[cut].copy())]


# On the side of the head, half sunk in.
ON_TOP = (MIDDLE[0], MIDDLE[1], MIDDLE[2] + RADIUS + 1.0)


def test_a_dense_lump_on_the_head_is_taken_off_it_where_it_lies():
    pieces = found(*head(lumps=[(ON_TOP, 3.5, 1000.0)]))
    assert len(pieces) == 1
    assert np.allclose(pieces[0].mean(axis=0) * SPACING, ON_TOP, atol=1.0)


def test_it_becomes_a_deposit_of_about_its_size_and_the_head_does_not():
    volume, anatomy, _ = head(lumps=[(ON_TOP, 3.5, 1000.0)])
    deposits = find(volume, anatomy, series="s", threshold_hu=130.0).deposits
    assert len(deposits) == 1
    assert deposits[0].volume_mm3 == pytest.approx(4 / 3 * np.pi * 3.5**3, rel=0.25)


@pytest.mark.parametrize(
    ("lumps", "why"),
    [
        ((), "a plain head"),
        ([(ON_TOP, 3.5, 520.0)], "as bright as the cortex: an osteophyte"),
        ([(MIDDLE, 3.5, 1000.0)], "within: a bone island"),
        ([(ON_TOP, 9.0, 1000.0)], "too large to be told from bone"),
        ([((ON_TOP[0], ON_TOP[1] + dy, ON_TOP[2]), 2.0, 1000.0) for dy in range(-10, 11)], "a band, no lump"),
        ([(ON_TOP, 1.0, 1000.0)], "a few voxels"),
    ],
)
def test_what_is_bone_stays_bone(lumps, why):
    assert found(*head(lumps=lumps)) == [], why


def test_away_from_joints_and_tendons_nothing_is_taken_off():
    volume, anatomy, skeleton = head(lumps=[(ON_TOP, 3.5, 1000.0)], names=("muscle",))
    assert found(volume, anatomy, skeleton) == []


def test_what_the_scan_ends_at_is_not_judged():
    volume, anatomy, skeleton = head(lumps=[(ON_TOP, 3.5, 1000.0)])
    keep = slice(int(ON_TOP[0] / SPACING[0]), None)
    part = replace(volume.geometry, shape=(SHAPE[0] - keep.start, *SHAPE[1:]))
    cut = replace(anatomy, labels=anatomy.labels[keep], geometry=part)
    assert found(Volume(volume.hu[keep], part), cut, skeleton[keep]) == []


@pytest.mark.parametrize(
    ("away", "count"), [((0.0, -18.5, 0.0), 0), ((0.0, -12.9, 13.3), 2), ((12.9, -13.3, 0.0), 2), ((0.0, 18.5, 0.0), 2)]
)
def test_the_same_on_both_sides_is_bone(away, count):
    other = (MIDDLE[0], MIDDLE[1], 80.0)
    here = (MIDDLE[0], MIDDLE[1] - 18.5, MIDDLE[2])
    there = tuple(a + b for a, b in zip(other, away, strict=True))
    made = head((MIDDLE, other), [(here, 3.5, 1000.0), (there, 3.5, 1000.0)], ("joint_hip_right", "joint_hip_left"))
    assert len(found(*made)) == count


def test_compact_is_a_ball_and_no_rod_sheet_or_speck():
    def voxels(*sides):
        return np.argwhere(np.ones(sides, dtype=bool)).astype(np.int32)

    shell = np.argwhere(ball(MIDDLE, 6.0) & ~ball(MIDDLE, 4.9)).astype(np.int32)
    assert compact(voxels(4, 6, 6), SPACING)
    assert compact(np.argwhere(ball(MIDDLE, 4.0)).astype(np.int32), SPACING)
    assert not compact(voxels(2, 2, 20), SPACING)
    assert not compact(voxels(1, 2, 2), SPACING)
    assert not compact(shell, SPACING)
