"""Laws of the finders of liver, spleen, kidneys, gallbladder and ureters on a synthetic trunk."""

from dataclasses import replace

import numpy as np
import pytest

from calciscope.anatomy.embedded import gallbladder, kidneys, liver, pelvis, ureters
from tests.anatomy.phantom import FAT, MM, Body, cropped
from tests.anatomy.trunk import dice, ellipsoid, frame, trunk

SIDES = (("left", 1), ("right", -1))


@pytest.fixture(scope="module")
def scan():
    return frame(trunk()[0])


@pytest.fixture(scope="module")
def upper(scan):
    return liver.segment(scan, {}).masks


@pytest.fixture(scope="module")
def paired(scan, upper):
    return kidneys.segment(scan, upper).masks


@pytest.fixture(scope="module")
def bile(scan, upper):
    return gallbladder.segment(scan, upper).masks


def ml(mask):
    return float(mask.sum()) * MM**3 / 1000


def centre(scan, mask):
    """Centre of a mask in LPS mm."""
    return scan.to_mm(tuple(float(v) for v in np.argwhere(mask).mean(axis=0)))


def kidney_of(radii, sign=1, hu=32.0, at=(68.0, 2.0, 100.0), **options):
    """A belly with one kidney in fat."""
    body = Body(length=200.0, **options)
    body.put(ellipsoid(body, (sign * at[0], at[1], at[2]), radii) & body.inner, hu)
    return body.frame(seed=5)


def test_liver_is_right_and_spleen_is_left(scan, upper):
    assert centre(scan, upper["liver"][0])[0] < -30
    assert centre(scan, upper["spleen"][0])[0] > 60
    assert not (upper["liver"][0] & upper["spleen"][0]).any()


def test_organs_are_in_the_body_and_not_in_bone_or_lung(scan, upper, paired):
    for name, (mask, sure) in {**upper, **paired}.items():
        assert not (mask & ~scan.body).any(), name
        assert not (mask & scan.lungs).any(), name
        assert 0.0 < sure <= 0.95, name
        if not name.startswith("kidney"):
            assert not (mask & scan.bone).any(), name


def test_vessels_already_found_are_not_liver(scan, upper):
    taken = upper["liver"][0] & (np.arange(scan.hu.shape[2]) < 30)
    assert taken.any()
    found = liver.segment(scan, {"aorta_abdominal": (taken, 0.9)}).masks
    assert not (found["liver"][0] & taken).any()


def test_no_spleen_without_a_liver():
    body = Body(length=250.0)
    body.put(ellipsoid(body, (95.0, -15.0, 130.0), (28.0, 40.0, 42.0)) & body.inner, 50.0)
    assert not liver.segment(body.frame(), {}).masks


def test_a_belly_of_fat_has_no_organs():
    empty = Body(length=200.0).frame()
    found = liver.segment(empty, {}).masks
    assert not found
    assert not kidneys.segment(empty, {}).masks


def test_a_liver_on_the_left_is_not_believed():
    body = Body(length=250.0)
    body.put(ellipsoid(body, (65.0, -45.0, 130.0), (60.0, 60.0, 60.0)) & body.inner & (body.x > 5), 58.0)
    assert "liver" not in liver.segment(body.frame(), {}).masks


def test_a_larger_liver_is_found_larger():
    sizes = []
    for radius in (55.0, 65.0, 75.0):
        body = Body(length=250.0)
        organ = ellipsoid(body, (-62.0, -45.0, 125.0), (radius, radius, radius)) & body.inner
        body.put(organ, 58.0)
        sizes.append(ml(liver.segment(body.frame(), {}).masks["liver"][0]))
        assert sizes[-1] == pytest.approx(ml(organ), rel=0.3)
    assert sizes == sorted(sizes)


@pytest.mark.parametrize(("side", "sign"), SIDES)
def test_a_kidney_is_beside_the_spine_on_its_side(scan, paired, side, sign):
    x, y, z = centre(scan, paired[f"kidney_{side}"][0])
    assert x * sign == pytest.approx(68, abs=8)
    assert y == pytest.approx(2, abs=8)
    assert z == pytest.approx(215, abs=8)


def test_kidneys_do_not_overlap_each_other_or_cross_the_midline(scan, paired):
    left, right = (paired[f"kidney_{side}"][0] for side, _ in SIDES)
    assert not (left & right).any()
    middle = scan.hu.shape[2] // 2
    assert not left[:, :, :middle].any()
    assert not right[:, :, middle + 1 :].any()


@pytest.mark.parametrize(("side", "sign"), SIDES)
def test_one_kidney_has_one_side(side, sign):
    found = kidneys.segment(kidney_of((23.0, 25.0, 52.0), sign), {}).masks
    assert f"kidney_{side}" in found
    assert all(name.endswith(side) for name in found)


def test_a_larger_kidney_is_found_larger():
    found = []
    for scale in (0.9, 1.0, 1.1):
        part = kidneys.segment(kidney_of((23.0 * scale, 25.0 * scale, 52.0 * scale)), {})
        found.append(ml(part.masks["kidney_left"][0]))
        assert found[-1] == pytest.approx(4 / 3 * np.pi * 23 * 25 * 52 * scale**3 / 1000, rel=0.3)
    assert found == sorted(found)


def test_what_is_as_dark_as_fat_is_no_kidney():
    assert not kidneys.segment(kidney_of((23.0, 25.0, 52.0), hu=-60.0), {}).masks


@pytest.mark.parametrize("radii", [(8.0, 9.0, 14.0), (12.0, 12.0, 20.0)])
def test_a_node_or_a_loop_is_too_small_for_a_kidney(radii):
    assert not kidneys.segment(kidney_of(radii), {}).masks


def test_a_mass_far_in_front_of_the_spine_is_no_kidney():
    assert not kidneys.segment(kidney_of((23.0, 22.0, 45.0), at=(62.0, -85.0, 100.0)), {}).masks


def bright_pair():
    """An enhanced kidney with medulla and sinus against an enhanced organ, without fat between them."""
    body = Body(length=200.0)
    kidney = ellipsoid(body, (62.0, 2.0, 100.0), (23.0, 25.0, 52.0)) & body.inner
    organ = ellipsoid(body, (112.0, 2.0, 120.0), (34.0, 50.0, 50.0)) & body.inner & ~kidney
    body.put(organ, 75.0)
    body.put(kidney, 110.0)
    body.put(ellipsoid(body, (62.0, 2.0, 100.0), (11.0, 13.0, 38.0)), 70.0)
    return body.frame(seed=4), kidney, organ


def test_an_enhanced_kidney_comes_free_of_an_organ_it_touches():
    made, kidney, organ = bright_pair()
    # The kidney's upper part went to the organ.
    upper = kidney.copy()
    upper[: int(0.39 * len(upper))] = False
    found = kidneys.segment(made, {"spleen": (organ | upper, 0.9)}).masks["kidney_left"][0]
    # Its free part alone would be less than half of it.
    assert dice(found, kidney) > 0.75
    assert (found & organ).sum() < 0.1 * organ.sum()


def test_content_below_gas_before_the_spine_is_a_stomach_and_no_kidney():
    at = (66.0, -40.0, 100.0)
    alone, below_gas = Body(length=200.0), Body(length=200.0)
    for body in (alone, below_gas):
        body.put(ellipsoid(body, at, (26.0, 28.0, 40.0)) & body.inner, 30.0)
    below_gas.put(ellipsoid(below_gas, (66.0, -62.0, 100.0), (22.0, 9.0, 30.0)) & below_gas.inner, -900.0)
    assert "kidney_left" in kidneys.segment(alone.frame(seed=5), {}).masks
    assert "kidney_left" not in kidneys.segment(below_gas.frame(seed=5), {}).masks


def test_a_kidney_with_a_stone_is_whole():
    body = Body(length=200.0)
    kidney = ellipsoid(body, (68.0, 2.0, 100.0), (23.0, 25.0, 52.0)) & body.inner
    stone = ellipsoid(body, (64.0, 2.0, 100.0), (6.0, 6.0, 6.0))
    body.put(kidney, 32.0)
    body.put(stone, 1200.0)
    found = kidneys.segment(body.frame(), {}).masks["kidney_left"][0]
    assert found[stone & kidney].all()


def test_fat_of_the_sinus_belongs_to_the_kidney():
    body = Body(length=200.0)
    kidney = ellipsoid(body, (68.0, 2.0, 100.0), (25.0, 26.0, 54.0)) & body.inner
    sinus = ellipsoid(body, (66.0, 2.0, 100.0), (7.0, 7.0, 18.0))
    body.put(kidney, 32.0)
    body.put(sinus, FAT)
    found = kidneys.segment(body.frame(), {}).masks["kidney_left"][0]
    assert found[sinus].mean() > 0.9


def test_without_regions_the_spine_is_enough(scan):
    found = kidneys.segment(replace(scan, regions=()), {}).masks
    assert {"kidney_left", "kidney_right"} <= set(found)


def test_a_scan_above_the_kidneys_has_none(scan):
    above = replace(cropped(scan, slice(105, 150)), regions=())
    assert not kidneys.segment(above, liver.segment(above, {}).masks).masks


def test_the_gallbladder_needs_a_liver(scan, paired):
    assert not gallbladder.segment(scan, {}).masks
    alone = {name: item for name, item in paired.items() if name.startswith("kidney")}
    assert not gallbladder.segment(scan, alone).masks


def test_the_gallbladder_is_right_of_the_midline_in_front_of_the_spine(scan, bile):
    for name, (mask, _) in bile.items():
        x, y, _ = centre(scan, mask)
        assert x < -10, name
        assert y < -20, name


def test_the_fossa_is_not_liver(bile, upper):
    assert not (bile["gallbladder_fossa"][0] & upper["liver"][0]).any()


def test_a_gallbladder_is_no_surer_than_its_liver(scan, upper):
    mask = upper["liver"][0]
    sure = [gallbladder.segment(scan, {"liver": (mask, c)}).masks["gallbladder"][1] for c in (0.3, 0.6, 0.9)]
    assert sure == sorted(sure)
    assert all(s <= c for s, c in zip(sure, (0.3, 0.6, 0.9), strict=True))


def test_bile_of_another_organ_is_no_gallbladder(scan, upper, bile):
    taken = bile["gallbladder"][0] & ~upper["liver"][0]
    found = gallbladder.segment(scan, {**upper, "duodenum": (taken, 0.8)}).masks
    assert "gallbladder" not in found or not dice(found["gallbladder"][0], taken) > 0.3


def test_a_liver_without_a_spine_in_view_says_nothing_of_bile(scan, upper):
    blind = replace(scan, spine=np.full_like(scan.spine, np.nan), regions=())
    assert not gallbladder.segment(blind, upper).masks


def test_a_gallbladder_with_stones_is_nearly_as_sure_as_its_liver():
    stones = frame(trunk(gallstone=True)[0])
    organ = liver.segment(stones, {}).masks
    found = gallbladder.segment(stones, organ).masks["gallbladder"]
    assert 0.89 * organ["liver"][1] <= found[1] <= organ["liver"][1]


@pytest.fixture(scope="module")
def ring(scan):
    return pelvis.find(scan)


@pytest.mark.parametrize(("side", "sign"), SIDES)
def test_a_ureter_runs_down_its_side_within_its_tolerance_of_the_psoas(scan, paired, ring, side, sign):
    tube = ureters.segment(scan, paired, ring).tubes[f"ureter_{side}"]
    assert (sign * tube.points[:, 0] > 10).all()
    assert (np.diff(tube.points[:, 2]) < 0).all()
    assert (tube.radius > 0).all()
    assert np.abs(np.diff(tube.points, axis=0)).max() < 20
    z = scan.to_coarse(tube.points)
    assert (z >= 0).all()
    assert (z <= np.array(scan.hu.shape) - 1).all()


def test_a_ureter_is_less_sure_than_its_kidney(scan, paired, ring):
    for side, _ in SIDES:
        name = f"kidney_{side}"
        sure = [
            ureters.segment(scan, {name: (paired[name][0], c)}, ring).tubes[f"ureter_{side}"].confidence
            for c in (0.3, 0.6, 0.9)
        ]
        assert sure == sorted(sure)
        assert all(s < c for s, c in zip(sure, (0.3, 0.6, 0.9), strict=True))


def test_a_bladder_in_view_makes_the_ureter_longer_and_surer(scan, paired, ring):
    bladder = pelvis.segment(scan, {}, ring).masks["urinary_bladder"]
    without_it = ureters.segment(scan, paired, ring).tubes["ureter_left"]
    with_it = ureters.segment(scan, {**paired, "urinary_bladder": bladder}, ring).tubes["ureter_left"]
    assert with_it.points[-1, 2] < without_it.points[-1, 2]
    assert with_it.confidence > without_it.confidence


def test_no_kidneys_no_ureters(scan, ring):
    assert not ureters.segment(scan, {}, ring).tubes
