"""Size and core attenuation against objects of known size, sharp and blurred."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from calciscope.measure.shape import size, surrounding, widths
from tests.measure.make import block, deposit, geometry


def ball(diameter: float, hu: float, blur: float, pixel: float = 0.5):
    """Voxels over 130 HU of a blurred ball in tissue of 40 HU, on a grid of ``pixel`` by ``pixel`` by 1 mm."""
    half = int(diameter / 2 + 8)
    steps = (1.0, pixel, pixel)
    axes = [np.arange(-half, half + step, step) for step in steps]
    z, y, x = np.meshgrid(*axes, indexing="ij")
    sharp = np.where(z**2 + y**2 + x**2 <= diameter**2 / 4, hu, 40.0)
    image = ndimage.gaussian_filter(sharp, [blur / step for step in steps]) if blur else sharp
    index = np.argwhere(image >= 130)
    return {tuple(int(i) for i in place): float(image[tuple(place)]) for place in index}


GRID = geometry((1.0, 0.5, 0.5), (60, 120, 120))


@pytest.mark.parametrize("diameter", [5.0, 7.0, 10.0, 16.0])
@pytest.mark.parametrize("hu", [500.0, 1200.0])
def test_a_blurred_stone_keeps_its_diameter(diameter, hu):
    voxels = ball(diameter, hu, blur=0.7)
    got = size(deposit(voxels, GRID), GRID)
    assert got.diameter == pytest.approx(diameter, abs=0.5)
    at_threshold = np.ptp([place[2] for place in voxels]) * 0.5 + 0.5
    assert at_threshold > got.diameter, "at the threshold of calcium the stone is too large"


def test_core_attenuation_is_that_of_the_stone_and_not_of_its_edge():
    one = deposit(ball(10.0, 1000.0, blur=0.7), GRID)
    got = size(one, GRID)
    assert got.core_hu == pytest.approx(1000.0, rel=0.06)
    assert one.mean_hu < 0.8 * got.core_hu


def test_a_faint_part_of_a_large_deposit_counts_to_its_size():
    voxels = block(5, 10, 10, 4, 40, 250) | block(5, 10, 10, 4, 8, 1400)
    got = size(deposit(voxels, GRID), GRID)
    assert got.diameter == pytest.approx(20.0, abs=0.8)


def test_one_voxel_has_the_size_of_a_pixel_and_its_own_attenuation():
    got = size(deposit({(3, 3, 3): 300.0}, GRID), GRID)
    assert got.diameter == pytest.approx(0.5, abs=0.06)
    assert got.core_hu == 300.0


def test_the_largest_slice_counts():
    voxels = block(5, 10, 10, 4, 4, 300) | block(6, 10, 10, 4, 12, 300)
    assert size(deposit(voxels, GRID), GRID).diameter == pytest.approx(np.hypot(5.5, 1.5) + 0.5, abs=0.1)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_width_is_the_largest_distance(seed):
    points = np.random.default_rng(seed).normal(size=(30, 2)) * 7
    largest = np.linalg.norm(points[:, None] - points[None], axis=2).max()
    assert largest * 0.999 <= widths(points)[0] <= largest * (1 + 1e-12)


def test_a_slice_with_the_blurred_end_only_does_not_count():
    voxels = block(5, 20, 20, 10, 10, 900) | block(6, 16, 16, 18, 18, 180)
    assert size(deposit(voxels, GRID), GRID).diameter == pytest.approx(np.hypot(4.5, 4.5) + 0.5, abs=0.2)


def test_width_of_less_than_two_points_is_nothing():
    assert widths(np.zeros((1, 2))) == widths(np.zeros((0, 2))) == (0.0, 0.0)


@pytest.mark.parametrize("diameter", [6.0, 9.0, 14.0])
def test_a_blurred_ball_has_three_equal_diameters(diameter):
    got = size(deposit(ball(diameter, 900.0, blur=0.7), GRID), GRID)
    assert got.diameter == pytest.approx(diameter, abs=0.5)
    assert got.perpendicular == pytest.approx(diameter, abs=0.5)
    # Between slices of 1 mm a pole is seen less finely than an edge between pixels of 0.5 mm.
    assert got.craniocaudal == pytest.approx(diameter, abs=0.8)


@pytest.mark.parametrize("turn", [0.0, 30.0, 75.0])
def test_the_three_diameters_of_an_ellipsoid_lie_as_it_does(turn):
    z, y, x = np.meshgrid(*(np.arange(-12, 12 + step, step) for step in (1.0, 0.5, 0.5)), indexing="ij")
    angle = np.deg2rad(turn)
    along, across = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    sharp = np.where((along / 7) ** 2 + (across / 3) ** 2 + (z / 5) ** 2 <= 1, 900.0, 40.0)
    image = ndimage.gaussian_filter(sharp, (0.7, 1.4, 1.4))
    voxels = {tuple(int(i) for i in place): float(image[tuple(place)]) for place in np.argwhere(image >= 130)}
    got = size(deposit(voxels, GRID), GRID)
    assert got.diameter == pytest.approx(14.0, abs=0.8)
    assert got.perpendicular == pytest.approx(6.0, abs=0.8)
    assert got.craniocaudal == pytest.approx(10.0, abs=0.8)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 8), st.integers(1, 8), st.integers(1, 8))
def test_no_diameter_exceeds_the_box_by_more_than_a_voxel_and_the_second_is_not_the_larger(slices, rows, columns):
    got = size(deposit(block(5, 10, 10, rows, columns, 500, slices), GRID), GRID)
    assert got.perpendicular <= got.diameter + 1e-9
    assert got.diameter <= np.hypot(0.5 * (rows + 1), 0.5 * (columns + 1))
    assert slices - 0.5 <= got.craniocaudal <= slices + 0.5


def test_the_width_at_right_angles_belongs_to_the_largest():
    cross = np.array([[0.0, 0.0], [10.0, 0.0], [5.0, 2.0], [5.0, -1.0]])
    assert widths(cross) == pytest.approx((10.0, 3.0))


def test_tissue_around_leaves_calcium_and_bone_out():
    hu = np.full(GRID.shape, 45.0, dtype=np.float32)
    hu[:, :, 70:] = 700.0
    voxels = np.array(list(block(20, 50, 62, 4, 4, 500, 2)))
    hu[tuple(voxels.T)] = 500.0
    assert surrounding(hu, voxels, 130.0, GRID) == 45.0
    walled = np.full(GRID.shape, 900.0, dtype=np.float32)
    assert surrounding(walled, voxels, 130.0, GRID) == 130.0
