"""Laws of the geometry that organ finders share: boxes, bodies, depth, growing, closing and scores."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calciscope.anatomy.embedded.bodies import Box, ball, bodies, clip, closed, depth, distance, grown, within
from calciscope.anatomy.embedded.liver import levels
from calciscope.domain.anatomy import Region
from tests.anatomy.phantom import MM, Body

SPACING = (3.0, 2.0, 1.5)
SHAPE = (10, 14, 16)
LIMITS = (500.0, 500.0, 500.0)
few = settings(max_examples=20, deadline=None)
seeds = st.integers(0, 10_000)


@pytest.fixture(scope="module")
def scan():
    return Body(length=90.0, width=120.0, depth=90.0).frame()


def blobs(seed, share=0.2):
    return np.random.default_rng(seed).random(SHAPE) < share


def sphere(frame, radius, *centres):
    """Balls on the grid of a frame, centres as (z, y, x) voxels."""
    grid = np.ogrid[tuple(slice(0, n) for n in frame.hu.shape)]
    mask = np.zeros(frame.hu.shape, dtype=bool)
    for centre in centres:
        mask |= sum(((g - c) * s) ** 2 for g, c, s in zip(grid, centre, frame.spacing, strict=True)) < radius**2
    return mask


def all_of(frame, mask, *thickness, least=1.0, most=LIMITS):
    box = clip(frame, (0, 0, 0), mask.shape)
    return list(bodies(mask, depth(mask, frame.spacing), box, frame, thickness, least, most))


@few
@given(seeds)
def test_depth_is_positive_exactly_inside(seed):
    mask = blobs(seed, 0.6)
    assert ((depth(mask, SPACING) > 0) == mask).all()


@few
@given(seeds)
def test_distance_is_zero_exactly_inside(seed):
    mask = blobs(seed)
    assert ((distance(mask, SPACING) == 0) == mask).all()


@few
@given(seeds)
def test_depth_of_a_mask_is_the_distance_from_what_is_around_it(seed):
    mask = blobs(seed, 0.7)
    assert np.allclose(depth(mask, SPACING), distance(~mask, SPACING), atol=1e-3)


@few
@given(seeds, seeds)
def test_more_tissue_is_deeper_and_nearer(seed, other):
    small = blobs(seed)
    large = small | blobs(other)
    assert (depth(large, SPACING) >= depth(small, SPACING) - 1e-4).all()
    assert (distance(large, SPACING) <= distance(small, SPACING) + 1e-4).all()


@few
@given(seeds, st.floats(0.5, 5.0), st.floats(0.0, 4.0))
def test_growing_further_grows_more(seed, mm, more):
    mask = blobs(seed, 0.02)
    near, far = grown(mask, mm, SPACING), grown(mask, mm + more, SPACING)
    assert not (near & ~far).any()
    assert not (mask & ~near).any()


@few
@given(seeds, st.floats(0.5, 6.0))
def test_growing_reaches_what_is_near_and_nothing_else(seed, mm):
    mask = blobs(seed, 0.03)
    assert (grown(mask, mm, SPACING) == (distance(mask, SPACING) <= mm)).all()


@few
@given(seeds, seeds, st.floats(1.0, 5.0))
def test_growing_two_masks_is_growing_each(seed, other, mm):
    one, two = blobs(seed, 0.02), blobs(other, 0.02)
    assert (grown(one | two, mm, SPACING) == (grown(one, mm, SPACING) | grown(two, mm, SPACING))).all()


@pytest.mark.parametrize("mm", [1.0, 3.5, 6.0])
def test_one_voxel_grows_to_a_ball(mm):
    mask = np.zeros((13, 13, 13), dtype=bool)
    mask[6, 6, 6] = True
    assert grown(mask, mm, SPACING).sum() == ball(mm, SPACING).sum()


@few
@given(seeds, st.floats(1.0, 5.0))
def test_closing_only_adds_and_never_grows_further_than_asked(seed, mm):
    mask = blobs(seed, 0.05)
    shut = closed(mask, mm, SPACING)
    assert not (mask & ~shut).any()
    assert not (shut & ~grown(mask, mm, SPACING)).any()


@few
@given(seeds, st.floats(1.0, 5.0))
def test_geometry_does_not_know_left_from_right(seed, mm):
    mask = blobs(seed, 0.1)
    turned = np.ascontiguousarray(mask[:, :, ::-1])
    assert (closed(turned, mm, SPACING) == closed(mask, mm, SPACING)[:, :, ::-1]).all()
    assert (grown(turned, mm, SPACING) == grown(mask, mm, SPACING)[:, :, ::-1]).all()


def test_closing_at_the_border_keeps_the_border():
    mask = np.zeros(SHAPE, dtype=bool)
    mask[:, :6, :] = True
    assert (closed(mask, 4.0, SPACING) == mask).all()


@given(st.floats(0.5, 12.0), st.floats(0.0, 5.0))
@few
def test_a_ball_is_symmetric_and_larger_radii_hold_more(radius, more):
    one = ball(radius, SPACING)
    assert (one == one[::-1, ::-1, ::-1]).all()
    assert one[tuple(n // 2 for n in one.shape)]
    assert ball(radius + more, SPACING).sum() >= one.sum()


def test_a_ball_has_the_volume_of_a_ball():
    assert ball(20.0, SPACING).sum() * np.prod(SPACING) == pytest.approx(4 / 3 * np.pi * 20.0**3, rel=0.03)


corner = st.floats(-40, 60)


@few
@given(st.tuples(corner, corner, corner), st.tuples(corner, corner, corner))
def test_a_box_stays_on_the_grid(scan, one, other):
    frame = scan
    low, high = (tuple(f(a, b) for a, b in zip(one, other, strict=True)) for f in (min, max))
    box = clip(frame, low, high)
    assert all(a >= 0 for a in box.low)
    assert all(b <= n for b, n in zip(box.high, frame.hu.shape, strict=True))
    if all(b >= 0 and a < n for a, b, n in zip(low, high, frame.hu.shape, strict=True)):
        assert not box.empty
    if any(b <= -1 or a >= n for a, b, n in zip(low, high, frame.hu.shape, strict=True)):
        assert box.empty


def test_a_box_puts_a_part_where_it_was_cut_out():
    box = Box((1, 2, 3), (5, 9, 11))
    whole = blobs(4, 0.5)
    back = box.put(whole[box.slices], whole.shape)
    assert (back[box.slices] == whole[box.slices]).all()
    assert back.sum() == whole[box.slices].sum()


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_box_without_extent_is_empty(axis):
    high = [4, 4, 4]
    high[axis] = 2
    assert Box((2, 2, 2), tuple(high)).empty
    assert not Box((2, 2, 2), (3, 3, 3)).empty


@pytest.mark.parametrize("radius", [9.0, 15.0, 21.0])
def test_a_ball_is_one_body_of_its_volume_place_and_size(scan, radius):
    mask = sphere(scan, radius, (14, 14, 20))
    (found,) = all_of(scan, mask, 4.0)
    assert found.ml == pytest.approx(mask.sum() * MM**3 / 1000, rel=0.05)
    assert found.centre == pytest.approx((14, 14, 20), abs=0.6)
    assert found.size == pytest.approx((2 * radius,) * 3, abs=2 * MM)
    assert not found.cut
    assert found.mask.sum() * MM**3 / 1000 == pytest.approx(found.ml)


def test_a_body_at_either_end_of_the_scan_is_cut(scan):
    last = scan.hu.shape[0] - 1
    for z, cut in ((2, True), (15, False), (last - 2, True)):
        (found,) = all_of(scan, sphere(scan, 12.0, (z, 15, 20)), 3.0)
        assert found.cut is cut


def test_a_body_smaller_than_the_least_is_left_out(scan):
    mask = sphere(scan, 12.0, (14, 14, 20))
    (found,) = all_of(scan, mask, 3.0)
    assert len(all_of(scan, mask, 3.0, least=found.ml - 0.1)) == 1
    assert not all_of(scan, mask, 3.0, least=found.ml + 0.1)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_body_longer_than_the_most_in_any_direction_is_left_out(scan, axis):
    most = [500.0] * 3
    most[axis] = 18.0
    mask = sphere(scan, 15.0, (14, 14, 20))
    assert all_of(scan, mask, 3.0)
    assert not all_of(scan, mask, 3.0, most=tuple(most))


def test_a_sheet_thinner_than_the_core_is_no_body(scan):
    sheet = np.zeros(scan.hu.shape, dtype=bool)
    sheet[5:25, 14:16, 5:35] = True
    assert all_of(scan, sheet, 1.0)
    assert not all_of(scan, sheet, 4.0)


def test_neighbours_share_no_voxel_and_take_none_from_outside(scan):
    mask = sphere(scan, 15.0, (14, 14, 13), (14, 14, 22))
    found = all_of(scan, mask, 10.0)
    assert len(found) == 2
    total = np.zeros(mask.shape, dtype=int)
    for body in found:
        total[body.where] += body.mask
    assert not total[~mask].any()
    # Halfway between two cores a voxel may belong to either.
    assert (total > 1).sum() < 0.05 * mask.sum()


@given(st.floats(-5, 15), st.floats(0.1, 3), st.floats(0.1, 3), st.floats(0, 3))
def test_a_score_rises_to_its_plateau_and_falls_after_it(value, rise, fall, flat):
    bounds = (0.0, rise, rise + flat, rise + flat + fall)
    score = within(value, *bounds)
    assert 0.0 <= score <= 1.0
    if value < rise:
        assert score <= within(value + 0.01, *bounds) + 1e-9 or value + 0.01 > rise
    if value > rise + flat:
        assert score <= within(max(value - 0.01, rise + flat), *bounds) + 1e-9


def test_a_score_is_halfway_in_the_middle_of_its_slopes():
    assert within(1.0, 0.0, 2.0, 3.0, 7.0) == pytest.approx(0.5)
    assert within(5.0, 0.0, 2.0, 3.0, 7.0) == pytest.approx(0.5)


def test_upper_organs_are_sought_around_the_bases_of_the_lungs_only():
    body = Body(length=600.0)
    body.lungs(330.0, 600.0)
    frame = body.frame()
    first, last = levels(frame, np.arange(frame.hu.shape[0]))
    assert first * MM == pytest.approx(330 - 230, abs=2 * MM)
    assert last * MM == pytest.approx(330 + 110, abs=2 * MM)


def test_without_lungs_the_spine_bounds_the_search():
    frame = Body(length=120.0).frame()
    assert levels(frame, np.arange(7, 21)) == (7, 21)


def test_regions_narrow_the_search_and_a_pelvis_alone_ends_it():
    pelvis, belly = Region("pelvis", 0, 40, 0.8), Region("abdomen", 40, 80, 0.8)
    frame = Body(length=300.0).frame(regions=(pelvis, belly))
    first, last = levels(frame, np.arange(100))
    assert first == 40 - round(45 / MM)
    assert last == 80
    assert levels(Body(length=300.0).frame(regions=(pelvis,)), np.arange(100)) == (0, 0)


def test_slices_of_regions_are_those_named():
    frame = Body(length=60.0).frame(regions=(Region("pelvis", 0, 8, 0.8), Region("abdomen", 8, 15, 0.8)))
    assert list(np.flatnonzero(frame.slices_in("abdomen"))) == list(range(8, 15))
    assert frame.slices_in("abdomen", "pelvis").sum() == 15
    assert not frame.slices_in("head").any()
