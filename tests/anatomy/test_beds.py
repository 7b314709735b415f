"""Beds of pancreas and adrenals, mesentery, peritoneum and the region of the appendix on a synthetic trunk."""

import numpy as np
import pytest

from calciscope.anatomy.embedded import adrenals, appendix, bowel, pancreas, pelvis, peritoneum, tissues
from tests.anatomy.phantom import FAT
from tests.anatomy.trunk import ellipsoid, frame, trunk

SIDES = (("left", 1), ("right", -1))
CAECUM = (-75.0, -70.0, 125.0)


@pytest.fixture(scope="module")
def made():
    body, truth = trunk()
    for sign in (1, -1):
        body.put(ellipsoid(body, (sign * 48.0, -28.0, 272.0), (20.0, 16.0, 20.0)), FAT)
        body.put(ellipsoid(body, (sign * 48.0, -28.0, 272.0), (8.0, 4.0, 11.0)), 30.0)
    body.put(ellipsoid(body, (10.0, -45.0, 235.0), (55.0, 10.0, 12.0)), 40.0)
    body.put(ellipsoid(body, CAECUM, (26.0, 22.0, 24.0)) & body.inner, 30.0)
    body.put(ellipsoid(body, CAECUM, (18.0, 15.0, 18.0)) & body.inner, -900.0)
    body.put(ellipsoid(body, (20.0, -85.0, 175.0), (15.0, 15.0, 15.0)), 40.0)
    scan = frame(body)
    organs = {name: (mask, 0.9) for name, mask in truth.items()}
    inner, ring = tissues.shell(scan), pelvis.find(scan)
    organs |= bowel.segment(scan, organs, ring, inner).masks
    return scan, organs, inner, ring


def centre(scan, mask):
    return scan.to_mm(tuple(float(v) for v in np.argwhere(mask).mean(axis=0)))


def at(scan, mask, point):
    z, y, x = (round(float(v)) for v in scan.to_coarse(point))
    return bool(mask[z, y, x])


@pytest.mark.parametrize(("side", "sign"), SIDES)
def test_an_adrenal_lies_above_its_kidney_beside_the_spine(made, side, sign):
    scan, organs, *_ = made
    organs = {name: value for name, value in organs.items() if "bowel" not in name}
    mask, sure = adrenals.segment(scan, organs).masks[f"adrenal_bed_{side}"]
    x, _, z = centre(scan, mask)
    assert 14 < sign * x < 58
    assert z > centre(scan, organs[f"kidney_{side}"][0])[2] + 20
    # On the right the phantom's liver fills the place.
    assert at(scan, mask, (sign * 48.0, -28.0, 272.0)) or side == "right"
    assert sure < organs[f"kidney_{side}"][1]


def test_no_kidney_no_adrenal_and_no_pancreas(made):
    scan, organs, *_ = made
    none = {name: value for name, value in organs.items() if not name.startswith("kidney")}
    assert not adrenals.segment(scan, none).masks
    assert not pancreas.segment(scan, none).masks


def test_the_pancreas_lies_before_the_spine_and_holds_no_fat(made):
    scan, organs, *_ = made
    mask, sure = pancreas.segment(scan, organs).masks["pancreas_bed"]
    assert at(scan, mask, (20.0, -45.0, 236.0))
    assert centre(scan, mask)[1] < -20
    assert scan.hu[mask].min() > FAT + 40
    assert sure < 0.6
    assert not any((mask & other).any() for other, _ in organs.values())


def test_a_kidney_cut_by_the_upper_end_of_the_scan_gives_no_level(made):
    scan, organs, *_ = made
    cut = {name: (np.roll(mask, len(mask) - 1 - np.flatnonzero(mask.any(axis=(1, 2)))[-1], axis=0), sure)
           for name, (mask, sure) in organs.items() if name.startswith("kidney")}  # fmt: skip
    assert not pancreas.segment(scan, cut).masks
    assert not adrenals.segment(scan, cut).masks


def test_the_appendix_is_behind_the_caecum_on_the_right(made):
    scan, organs, inner, ring = made
    mask, sure = appendix.segment(scan, organs, ring, inner).masks["appendix_region"]
    x, y, _ = centre(scan, mask)
    assert x < -40
    assert y > CAECUM[1]
    assert sure < 0.85
    assert not (mask & organs["bowel"][0]).any()


def test_without_pelvis_or_caecum_there_is_no_appendix(made):
    scan, organs, inner, ring = made
    assert not appendix.segment(scan, organs, None, inner).masks
    empty = {name: value for name, value in organs.items() if name not in ("bowel", "colon")}
    assert not appendix.segment(scan, empty, ring, inner).masks


def test_mesentery_is_fat_near_loops_and_peritoneum_the_lining_of_the_wall(made):
    scan, organs, inner, _ = made
    masks = peritoneum.segment(scan, organs, inner).masks
    mesentery, lining = masks["mesentery"][0], masks["peritoneum"][0]
    assert scan.fat[mesentery].all()
    assert not (mesentery & lining).any()
    assert not ((mesentery | lining) & ~inner).any()
    assert masks["peritoneum"][1] < masks["mesentery"][1] < 0.6


def test_no_loops_no_mesentery(made):
    scan, _, inner, _ = made
    assert not peritoneum.segment(scan, {}, inner).masks
