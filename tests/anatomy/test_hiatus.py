"""Where the aorta passes through the diaphragm."""

from types import SimpleNamespace

import numpy as np
import pytest

from calciscope.anatomy.embedded import hiatus
from calciscope.anatomy.embedded.levels import NAMES, Levels
from calciscope.anatomy.embedded.track import Track

SPACING = (5.0, 4.0, 4.0)


def frame(lung_from, left_leaves, slices=60):
    """Lungs from a slice upwards, the left one against the aorta (row 30, column 34) from another slice on."""
    left, right = np.zeros((slices, 60, 60), dtype=bool), np.zeros((slices, 60, 60), dtype=bool)
    left[lung_from:, 28:50, 45:56] = True
    left[left_leaves:, 28:50, 36:56] = True
    right[lung_from:, 28:50, 4:20] = True
    return SimpleNamespace(hu=np.zeros(left.shape, np.int16), spacing=SPACING, lung_left=left, lung_right=right,
                           lungs=left | right)  # fmt: skip


def trunk(slices=60):
    points = np.column_stack([np.arange(slices), np.full(slices, 30.0), np.full(slices, 34.0)])
    return Track(points, np.full(slices, 10.0), np.full(slices, 0.6))


def discs(first, sure, lowest=4, step=6, count=7):
    points = np.column_stack([lowest + step * np.arange(count), np.full(count, 40.0), np.full(count, 30.0)])
    return Levels(points, np.tile([1.0, 0.0, 0.0], (count, 1)), first, sure)


@pytest.fixture
def numbered(monkeypatch):
    def known(levels):
        monkeypatch.setattr(hiatus, "levels", lambda _: levels)

    known(None)
    return known


def test_the_twelfth_thoracic_vertebra_is_the_border(numbered):
    numbered(discs(NAMES.index("L3"), 0.8))
    # Three vertebrae lie between the lowest disc and the lower disc of T12.
    above = hiatus.thoracic(frame(20, 30), trunk())
    assert np.flatnonzero(above)[0] == 4 + 3 * 6 + 3


@pytest.mark.parametrize("levels", [None, discs(None, 0.8), discs(2, 0.4), discs(NAMES.index("T10"), 0.8)])
def test_without_its_number_it_lies_between_the_lungs_end_and_where_the_left_lung_leaves_the_aorta(numbered, levels):
    numbered(levels)
    above = hiatus.thoracic(frame(20, 30), trunk())
    assert np.flatnonzero(above)[0] == 25


def test_where_no_lung_is_near_all_is_abdominal(numbered):
    assert not hiatus.thoracic(frame(60, 60), trunk()).any()


def test_a_view_that_ends_in_wide_lungs_ends_in_the_chest(numbered):
    assert hiatus.thoracic(frame(0, 4), trunk()).all()
