"""Which end of a scan is the head's: legs, lungs and the windpipe."""

from dataclasses import replace

import numpy as np
import pytest

from calciscope.anatomy.embedded import orientation, upright
from tests.anatomy.phantom import LUNG, SHELL, Body


def upended(scan):
    flip = {
        name: np.ascontiguousarray(getattr(scan, name)[::-1])
        for name in ("hu", "body", "lung_left", "lung_right", "airway", "bone", "metal", "fat")
    }
    return replace(scan, **flip, spine=np.ascontiguousarray(scan.spine[::-1]), regions=())


def legs_and_spine():
    """A lower trunk: two shafts of bone below, a spine above."""
    body = Body(length=240.0, spine_from=150.0)
    for sign in (1, -1):
        body.put((np.hypot(body.x - sign * 85, body.y + 20) < 14) & (body.z < 90), SHELL, "bone")
    return body.frame()


def lungs_at_the_top():
    """An upper abdomen: bases of the lungs that leave the scan above."""
    body = Body(length=210.0)
    body.lungs(120.0, 210.0)
    return body.frame()


@pytest.mark.parametrize("make", [legs_and_spine, lungs_at_the_top])
def test_legs_and_the_bases_of_the_lungs_are_below_the_rest(make):
    scan = make()
    assert not upright.upside_down(scan)
    assert upright.upside_down(upended(scan))


def test_the_columns_and_legs_of_a_lower_trunk():
    columns, legs = upright.columns_and_legs(legs_and_spine())
    assert legs[:28].all()
    assert not legs[32:].any()
    assert columns[52:].all()
    assert not columns[:48].any()


def tops(scan, windpipe):
    """Lungs that end above as small caps, with or without a windpipe beyond."""
    y, x = np.indices(scan.hu.shape[1:])
    lung, air = np.zeros_like(scan.body), np.zeros_like(scan.body)
    n = len(lung)
    for z in range(n - 20):
        size = np.sqrt((n - 20 - z) / (n - 20))
        for middle in (0.32, 0.68):
            lung[z] |= np.hypot((y - 35) / 18.0, (x - middle * x.max()) / 13.0) < size
    air[n - 35 :] = windpipe & (np.hypot(y - 30, x - 0.5 * x.max()) < 3)
    lung &= scan.body
    left = lung & (x > 0.5 * x.max())
    hu = np.where(lung, np.float32(LUNG), scan.hu)
    return replace(scan, hu=hu, lung_left=left, lung_right=lung & ~left, airway=air)


def test_the_windpipe_leaves_the_lungs_for_the_head():
    scan = tops(Body(length=240.0).frame(), True)
    assert not upright.upside_down(scan)
    assert upright.upside_down(upended(scan))


@pytest.mark.parametrize(("side", "noted"), [(1, False), (-1, True)])
def test_a_heart_on_the_right_beside_a_larger_left_lung_is_noted(side, noted):
    body = Body(length=240.0)
    body.lungs(0.0, 240.0)
    heart = (np.hypot(body.x - side * 30, body.y + 65) < 45) & (body.z < 170)
    body.put(heart & body.inner, 45.0)
    for name in ("lung_left", "lung_right"):
        body.masks[name] &= ~heart
    notes = orientation.check(replace(body.frame(), regions=()), {})
    assert (orientation.HEART_RIGHT in notes) is noted
    assert (orientation.trusted(notes, "lung_left", 0.95) < 0.7) is noted
