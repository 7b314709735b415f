"""Spots and the lines they may be the brightest part of."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from calciscope.find.candidates import Candidate
from calciscope.find.classify import rejected_as
from calciscope.find.lines import line
from tests.find.test_classify import facts
from tests.find.test_scene import small

MM = 1.0
# A faint spot of one slice in the heart's muscle, the brightest part of a line.
FAINT = {
    "region": "chest", "in_heart": 1.0, "peak": 190.0, "mean": 160.0, "size": 4.0, "slices": 1, "height": 3.0,
    "volume": 40.0, "voxels": 8, "fat": 0.05, "line": (9.0, 2.1),
}  # fmt: skip


def drawn(length, width, angle=0.0, peak=190.0):
    """A bright band in muscle of one slice, brightest in its middle, and the voxels of it above 130 HU."""
    y, x = np.mgrid[-40:41, -40:41].astype(float)
    along, across = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    shape = np.exp(-0.5 * (along / (length / 2.355)) ** 2 - 0.5 * (across / (width / 2.355)) ** 2)
    hu = np.rint(40.0 + (peak - 40.0) * shape)[None]
    labels, _ = ndimage.label(hu >= 130.0)
    voxels = np.argwhere(labels == labels[0, 40, 40]).astype(np.int32)
    return small(hu), Candidate(voxels, hu[tuple(voxels.T)].astype(np.float32))


@given(st.floats(8.0, 25.0), st.floats(2.0, 3.5), st.floats(0.0, 3.1))
def test_a_line_is_measured_at_half_its_prominence_however_it_runs(length, width, angle):
    long, wide = line(*drawn(length, width, angle), background=40.0)
    assert long == pytest.approx(length, rel=0.2, abs=3.0)
    assert wide == pytest.approx(width, abs=2.2)


def test_a_spot_is_no_line():
    long, wide = line(*drawn(3.5, 3.0), background=40.0)
    assert long < 1.5 * wide


def test_fat_around_a_vessel_does_not_make_the_vessel_a_line():
    made, spot = drawn(3.5, 3.0)
    hu = made.hu.copy()
    hu[:, :30], hu[:, 52:] = -100.0, -100.0
    assert line(small(hu), spot, background=-90.0) == line(made, spot, background=40.0)


def test_the_faint_part_of_a_line_in_the_heart_is_a_streak():
    assert rejected_as(facts(**FAINT)) == "streak"
    assert rejected_as(facts(**{**FAINT, "line": (3.0, 2.1), "size": 12.0, "volume": 200.0, "lung": 0.3})) == "streak"


@pytest.mark.parametrize(
    "changes",
    [
        {"line": (4.9, 1.2)}, {"line": (5.1, 2.1)}, {"slices": 3}, {"fat": 0.31}, {"peak": 231.0}, {"in_heart": 0.4},
        {"in_wall": 1.0}, {"region": None},
    ],
    ids=["short", "wide", "high", "in fat", "bright", "beside the heart", "wall of the aorta", "no region"],
)  # fmt: skip
def test_each_condition_is_needed(changes):
    assert rejected_as(facts(**{**FAINT, **changes})) != "streak"
