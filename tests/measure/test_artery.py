"""Calcified length and share of the circumference, on tubes whose calcium is known."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from types import MappingProxyType

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calciscope.domain.anatomy import Tube
from calciscope.domain.assessment import Validity
from calciscope.domain.image import Geometry
from calciscope.measure import measure, preset
from calciscope.measure.artery import extent, tubes_of
from tests.measure.make import REFERENCE, anatomy, deposit, painted, placed, volume

GRID = Geometry((60, 100, 100), (1.5, 0.7, 0.7))
RADIUS = 12.0
AORTA, ILIAC = "artery.aorta.abdominal", "artery.iliac.left"
UP = np.array([0.0, 0.0, 1.0])


def straight(direction=UP, name="aorta", length=80.0, radius=RADIUS, step=3.0):
    """A straight vessel through the middle of the grid."""
    direction = np.asarray(direction, dtype=float) / np.linalg.norm(direction)
    middle = GRID.to_mm(np.array(GRID.shape) / 2)
    at = np.arange(length / 2, -length / 2 - 1e-9, -step)
    return Tube(name, middle + at[:, None] * direction, np.full(len(at), radius), 0.9)


@cache
def every_voxel():
    """Index and place of every voxel of the grid."""
    index = np.argwhere(np.ones(GRID.shape, dtype=bool))
    return index, GRID.to_mm(index)


def wall(tube, sectors, low=-15.0, high=15.0, thick=1.0):
    """Voxels of the wall between two lengths (mm from the middle) where ``sectors(turn, along)`` says so."""
    index, place = every_voxel()
    middle = (tube.points[0] + tube.points[-1]) / 2
    direction = (tube.points[0] - tube.points[-1]) / np.linalg.norm(tube.points[0] - tube.points[-1])
    side = np.cross(direction, [0.0, 1.0, 0.0])
    side /= np.linalg.norm(side)
    away = place - middle
    along = away @ direction
    first, second = away @ side, away @ np.cross(direction, side)
    turn = (np.arctan2(second, first) / (2 * np.pi)) % 1.0
    ring = np.abs(np.hypot(first, second) - tube.radius[0]) <= thick
    return index[ring & (along >= low) & (along < high) & sectors(turn, along)]


def arc(share):
    return lambda turn, along: (turn - 0.5 * (1 - share)) % 1.0 < share


@pytest.mark.parametrize("direction", [UP, (0.4, 0.0, 1.0), (0.0, -0.6, 1.0)])
@pytest.mark.parametrize("share", [0.25, 0.5, 0.75])
def test_an_arc_is_as_large_and_as_long_as_it_is(direction, share):
    tube = straight(direction)
    found = extent(wall(tube, arc(share)), GRID, [tube])
    # Voxels stick out of an arc by half of one at either end: 0.7 mm of 75 mm, and 1.5 mm along.
    assert found.mean == pytest.approx(share, abs=0.03)
    assert share <= found.largest <= share + 0.06
    assert found.length == pytest.approx(30.0, abs=2.0)
    assert found.beyond == found.off == 0.0


def test_a_ring_is_the_whole_circumference():
    tube = straight()
    found = extent(wall(tube, arc(1.0), -3, 3), GRID, [tube])
    assert found.largest == found.mean == 1.0
    assert found.length == pytest.approx(6.0, abs=1.5)


def test_a_spiral_takes_its_share_at_every_height_and_all_of_the_length():
    tube = straight()
    found = extent(wall(tube, lambda turn, along: (turn - along / 30.0) % 1.0 < 0.2), GRID, [tube])
    assert found.length == pytest.approx(30.0, abs=2.0)
    assert found.mean == pytest.approx(0.2, abs=0.05)
    assert found.largest < 0.3


def test_two_plaques_at_one_height_add_to_the_share_and_at_two_heights_to_the_length():
    tube = straight()
    one, opposite = wall(tube, arc(0.25), -10, 0), wall(tube, lambda turn, _: turn < 0.2, -10, 0)
    above = wall(tube, arc(0.25), 5, 15)
    together = extent(np.concatenate([one, opposite]), GRID, [tube])
    assert together.mean == pytest.approx(0.45, abs=0.05)
    apart = extent(np.concatenate([one, above]), GRID, [tube])
    assert apart.length == pytest.approx(20.0, abs=3.0)
    assert apart.mean == pytest.approx(0.25, abs=0.04)


def test_a_bend_is_measured_along_its_centre_line():
    turn = np.linspace(0, np.pi, 60)
    middle = GRID.to_mm(np.array(GRID.shape) / 2)
    points = middle + 22.0 * np.stack([np.cos(turn), np.zeros(60), np.sin(turn)], axis=1)
    tube = Tube("aorta", points, np.full(60, 6.0), 0.9)
    index, place = every_voxel()
    away = place - middle
    out = np.hypot(away[:, 0], away[:, 2]) - 22.0
    ring = (np.abs(np.hypot(out, away[:, 1]) - 6.0) < 1.0) & (away[:, 2] > 0)
    angle = np.arctan2(away[:, 2], away[:, 0])
    outer = index[ring & (out > 0) & (angle > np.pi / 4) & (angle < 3 * np.pi / 4)]
    found = extent(outer, GRID, [tube])
    assert found.length == pytest.approx(22.0 * np.pi / 2, abs=2.0)
    assert found.mean == pytest.approx(0.5, abs=0.07)


@settings(max_examples=10)
@given(st.floats(0.1, 0.9), st.floats(0.0, 1.0), st.integers(-20, 5), st.integers(6, 25))
def test_more_calcium_is_never_less_and_a_turn_changes_nothing(share, turned, low, length):
    tube = straight()
    piece = wall(tube, lambda turn, _: (turn - turned) % 1.0 < share, low, low + length)
    found = extent(piece, GRID, [tube])
    assert found.mean == pytest.approx(share, abs=0.05)
    assert found.length == pytest.approx(length, abs=2.5)
    more = extent(np.concatenate([piece, wall(tube, arc(0.3), 26, 30)]), GRID, [tube])
    assert more.length > found.length
    assert found.mean - 1e-9 <= found.largest <= 1.0


def test_calcium_past_the_end_and_off_the_wall_is_told():
    tube = straight(length=30.0)
    past = extent(wall(straight(), arc(0.5), 5, 25), GRID, [tube])
    assert past.beyond == pytest.approx(0.4, abs=0.1)
    assert past.length == pytest.approx(10.0, abs=3.0)
    wide = replace(tube, radius=np.full(len(tube.points), 24.0))
    assert extent(wall(tube, arc(0.5), -9, 9), GRID, [wide]).off == 1.0
    assert extent(wall(straight(), arc(0.5), 30, 35), GRID, [tube]) is None


def body(*tubes):
    return replace(anatomy(GRID), tubes=MappingProxyType({tube.name: tube for tube in tubes}))


def test_a_site_is_measured_along_its_own_vessel():
    known = body(straight(), straight(name="iliac_artery_left"), straight(name="spine"), straight(name="ureter_left"))
    assert [tube.name for tube in tubes_of(AORTA, known)] == ["aorta"]
    assert [tube.name for tube in tubes_of(ILIAC, known)] == ["iliac_artery_left"]
    for place in ("artery", "artery.coronary.lad", "ureter.left", "bone", None):
        assert tubes_of(place, known) == ()
    assert tubes_of(AORTA, None) == ()
    assert extent(np.zeros((0, 3), dtype=np.int32), GRID, [straight()]) is None


def site(tube, voxels, where=AORTA, **acquisition):
    piece = deposit({(int(z), int(y), int(x)): 500.0 for z, y, x in voxels}, GRID)
    scan = painted(piece, scan=volume(GRID, replace(REFERENCE, slice_thickness=1.5, **acquisition)))
    known = body(tube) if tube else anatomy(GRID)
    return {one.site: one for one in measure([placed(piece, where)], scan, known, preset())}[where]


def measures(*args, **acquisition):
    return site(*args, **acquisition).measures


def test_an_artery_has_its_extent_in_the_measures_and_where_no_course_is_known_it_has_none():
    tube = straight()
    found = measures(tube, wall(tube, arc(0.5)))
    assert (found["calcified_length"].unit, found["circumference"].unit) == ("mm", "%")
    assert found["calcified_length"].value == pytest.approx(30.0, abs=2.0)
    assert found["circumference"].value == pytest.approx(50.0, abs=3.0)
    assert found["circumference_largest"].value >= found["circumference"].value
    assert found["circumference"].validity is Validity.VALID
    assert "circumference" not in measures(None, wall(tube, arc(0.5)))
    assert "calcified_length" not in measures(tube, wall(tube, arc(0.5)), "kidney.left")


def test_calcium_off_the_traced_wall_has_a_length_and_no_share():
    tube = straight()
    wide = replace(tube, radius=np.full(len(tube.points), 24.0))
    found = measures(wide, wall(tube, arc(0.5)))
    assert found["circumference"].value is None
    assert "off the wall" in found["circumference"].why
    assert found["calcified_length"].value == pytest.approx(30.0, abs=2.0)


def test_calcium_past_the_traced_course_reads_low_and_missing_slices_refuse():
    short = straight(length=30.0)
    found = measures(short, wall(straight(), arc(0.5), 5, 25))
    assert found["calcified_length"].validity is Validity.ADJUSTED
    assert "reads low" in found["calcified_length"].why
    assert measures(straight(), wall(straight(), arc(0.5)), missing_slices=(30,))["calcified_length"].value is None


@pytest.mark.parametrize(
    ("share", "low", "high", "pattern"), [(0.9, -15, 15, True), (0.5, -15, 15, False), (1.0, -5, 5, False)]
)
def test_calcium_all_round_over_a_length_is_a_circumferential_pattern(share, low, high, pattern):
    tube = straight()
    values = site(tube, wall(tube, arc(share), low, high), "artery.aorta.ascending").values
    assert (values.get("pattern") == "circumferential") is pattern
