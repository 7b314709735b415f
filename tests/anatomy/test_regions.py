"""Regions of the body along the scan."""

from itertools import pairwise

import numpy as np
import pytest

from calciscope.anatomy.embedded.regions import find_regions

SHAPE, SPACING = (100, 60, 60), (4.0, 4.0, 4.0)


def scene(**parts):
    masks = {name: np.zeros(SHAPE, dtype=bool) for name in ("body", "lungs", "bone", "brain")}
    masks["body"][:, 5:55, 5:55] = True
    spine = np.full((SHAPE[0], 3), np.nan)
    hu = np.full(SHAPE, 40.0, dtype=np.float32)
    for name, (low, high) in parts.items():
        if name == "lungs":
            masks["lungs"][low:high, 20:40, 10:25] = True
            masks["lungs"][low:high, 20:40, 35:50] = True
        if name == "spine":
            spine[low:high] = (40.0, 30.0, 16.0)
            masks["bone"][low:high, 36:46, 26:34] = True
        if name == "hips":
            masks["bone"][low:high, 20:35, 8:13] = True
            masks["bone"][low:high, 20:35, 47:52] = True
        if name == "femur":
            masks["bone"][low:high, 25:33, 25:33] = True
        if name == "skull":
            masks["bone"][low:high, 8:52, 8:52] = True
            masks["bone"][low:high, 11:49, 11:49] = False
    masks["bone"] &= ~masks["lungs"]
    return find_regions(hu, masks["body"], masks["lungs"], masks["bone"], spine, SPACING, 1, SHAPE[0])


def names(regions):
    return [r.name for r in regions]


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ({"lungs": (0, 100), "spine": (0, 100)}, ["chest"]),
        ({"lungs": (30, 80), "spine": (0, 100)}, ["abdomen", "chest", "neck"]),
        ({"hips": (0, 40), "spine": (20, 100), "lungs": (80, 100)}, ["pelvis", "abdomen", "chest"]),
        ({"femur": (0, 100)}, ["limb"]),
        ({"spine": (0, 100)}, ["abdomen"]),
        ({"skull": (50, 100), "spine": (0, 50)}, ["neck", "head"]),
        ({"femur": (0, 30), "hips": (30, 60), "spine": (45, 100)}, ["limb", "pelvis", "abdomen"]),
    ],
)
def test_what_is_in_view_names_the_region(parts, expected):
    assert names(scene(**parts)) == expected


def test_regions_cover_the_body_without_gaps():
    regions = scene(hips=(0, 40), spine=(20, 100), lungs=(75, 95))
    assert regions[0].start == 0
    assert regions[-1].stop == SHAPE[0]
    assert all(a.stop == b.start for a, b in pairwise(regions))
    assert all(0 < r.confidence <= 1 for r in regions)


def test_slices_without_a_body_have_no_region():
    body = np.zeros(SHAPE, dtype=bool)
    empty = np.zeros(SHAPE, dtype=bool)
    spine = np.full((SHAPE[0], 3), np.nan)
    assert find_regions(np.zeros(SHAPE, np.float32), body, empty, empty, spine, SPACING, 1, SHAPE[0]) == ()


def test_coarse_slices_become_slices_of_the_volume():
    body = np.ones(SHAPE, dtype=bool)
    empty = np.zeros(SHAPE, dtype=bool)
    spine = np.full((SHAPE[0], 3), 30.0)
    regions = find_regions(np.zeros(SHAPE, np.float32), body, empty, empty, spine, SPACING, 2, 201)
    assert (regions[0].start, regions[0].stop) == (0, 201)
