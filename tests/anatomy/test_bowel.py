"""Bowel with and without gas on a synthetic trunk: what it is, where it ends, and what is no bowel."""

from dataclasses import replace

import numpy as np
import pytest

from calciscope.anatomy.embedded import bowel, pelvis, tissues
from calciscope.domain.anatomy import Region
from tests.anatomy.phantom import FAT
from tests.anatomy.trunk import MM, ellipsoid, frame, trunk

CENTRE = (20.0, -80.0, 170.0)


ORGANS = {name: (mask, 0.9) for name, mask in trunk()[1].items()}


def found(made, so_far=None):
    return bowel.segment(made, ORGANS | (so_far or {}), pelvis.find(made), tissues.shell(made)).masks


def loop(centre=CENTRE, gas=9.0, size=15.0):
    """A belly with one loop of bowel around gas."""
    body, _ = trunk()
    body.put(ellipsoid(body, centre, (size, size, size)), 40.0)
    if gas:
        body.put(ellipsoid(body, centre, (gas, gas, gas)), -900.0)
    made = frame(body)
    return made, found(made)


def ml(mask):
    return float(mask.sum()) * MM**3 / 1000


def at(made, masks, name, point=CENTRE):
    z, y, x = (round(float(v)) for v in made.to_coarse(point))
    return name in masks and bool(masks[name][0][z, y, x])


@pytest.fixture(scope="module")
def plain():
    return frame(trunk()[0])


def test_no_gas_no_bowel_with_gas(plain):
    assert not {"bowel", "colon"} & set(found(plain))


def test_bowel_is_what_surrounds_gas_and_ends_near_it():
    made, masks = loop()
    where = np.argwhere(masks["bowel"][0])
    away = np.linalg.norm(made.to_mm(where.astype(float)) - np.array(CENTRE), axis=1)
    assert 9.0 < away.max() < 9 + 4.5 + 2 * MM
    assert ml(masks["bowel"][0]) > 4 / 3 * np.pi * 9**3 / 1000


def test_more_gas_is_more_bowel():
    sizes = [ml(loop(gas=gas)[1]["bowel"][0]) for gas in (6.0, 9.0, 12.0)]
    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[-1]


def test_a_loop_without_gas_is_small_bowel():
    made, masks = loop(gas=0.0)
    assert at(made, masks, "small_bowel")
    assert "bowel" not in masks


def test_a_mass_thicker_than_any_loop_is_not_bowel():
    made, masks = loop(centre=(0.0, -85.0, 175.0), gas=0.0, size=38.0)
    assert not at(made, masks, "small_bowel", (0.0, -85.0, 175.0))


def test_loops_are_less_sure_where_there_is_a_mass():
    small, large = (loop(centre=(0.0, -85.0, 175.0), gas=0.0, size=size)[1] for size in (15.0, 38.0))
    assert large.get("small_bowel", (None, 0.0))[1] < small["small_bowel"][1]


def test_bubbles_with_stool_between_them_are_colon():
    body, _ = trunk()
    body.put(ellipsoid(body, CENTRE, (24.0, 24.0, 24.0)), 30.0)
    rng = np.random.default_rng(2)
    for offset in rng.uniform(-16.0, 16.0, (60, 3)):
        body.put(ellipsoid(body, tuple(np.array(CENTRE) + offset), (3.2, 3.2, 3.2)), -800.0)
    made = frame(body)
    assert at(made, found(made), "colon")


def test_bubbles_each_too_small_are_stool_together():
    body, _ = trunk()
    body.put(ellipsoid(body, CENTRE, (24.0, 24.0, 24.0)), 30.0)
    rng = np.random.default_rng(3)
    for offset in rng.uniform(-16.0, 16.0, (70, 3)):
        body.put(ellipsoid(body, tuple(np.array(CENTRE) + offset), (MM * 0.7, MM * 0.7, MM * 0.7)), -800.0)
    made = frame(body)
    assert at(made, found(made), "colon")


def test_kinds_of_bowel_share_nothing_and_leave_organs_alone(plain):
    body, _ = trunk()
    for centre in (CENTRE, (-15.0, -85.0, 172.0)):
        body.put(ellipsoid(body, centre, (18.0, 15.0, 15.0)), 40.0)
    body.put(ellipsoid(body, CENTRE, (9.0, 9.0, 9.0)), -900.0)
    made = frame(body)
    organ = ellipsoid(body, (-15.0, -85.0, 172.0), (9.0, 9.0, 9.0))
    masks = found(made, {"duodenum": (organ, 0.9)})
    assert not (masks["bowel"][0] & masks["small_bowel"][0]).any()
    assert not any((mask & organ).any() for mask, _ in masks.values())


def test_gas_outside_belly_and_pelvis_is_no_bowel():
    made, _ = loop()
    assert not found(replace(made, regions=(Region("chest", 0, made.hu.shape[0], 0.9),)))


def test_muscles_of_the_buttock_are_no_loops():
    body, _ = trunk()
    spot = (95.0, 30.0, 70.0)
    body.put(ellipsoid(body, spot, (14.0, 14.0, 14.0)) & body.masks["body"], 55.0)
    made = frame(body)
    assert not at(made, found(made), "small_bowel", spot)


@pytest.mark.parametrize("noise", [10.0, 45.0, 90.0])
def test_dark_noise_of_fat_is_no_gas(plain, noise):
    fat = (plain.hu < -60) & (plain.hu > -150)
    hu = plain.hu + np.random.default_rng(1).normal(0.0, noise, plain.hu.shape).astype(np.float32)
    assert fat.any()
    made = replace(plain, hu=hu)
    masks = found(made)
    assert sum(ml(masks[name][0]) for name in ("bowel", "colon") if name in masks) < 25.0
    assert FAT < -60


def test_without_hip_joints_no_loops_outside_of_the_wings_nor_below_the_vertebrae():
    from tests.anatomy.phantom import MUSCLE, SHELL, Body

    body = Body(length=240.0, spine_from=90.0)
    wings = (np.abs(np.abs(body.x) - 90) < 6) & (np.abs(body.y + 40) < 60)
    body.put(wings & body.inner, SHELL, "bone")
    soft = (np.hypot(np.abs(body.x) - 112, body.y + 60) < 18) | (np.hypot(np.abs(body.x) - 55, body.y + 75) < 18)
    body.put(soft & body.inner & ~wings, MUSCLE)
    scan = body.frame()
    seat = bowel._seat(scan, None, np.ones(len(scan.body), dtype=np.bool_))
    level, below = 60, 10
    row = int(np.argmin(np.abs(body.y[0, :, 0] + 60)))
    aside = np.abs(body.x[0, 0])
    assert seat[level, row, aside < 80].all()
    assert not seat[level, row, (aside > 100) & (aside < 130)].any()
    assert not seat[below].any()
