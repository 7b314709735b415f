"""Organs of the trunk are not believed in a neck or a head."""

from __future__ import annotations

import numpy as np

from calciscope.anatomy.embedded.frame import Part
from calciscope.anatomy.embedded.plausible import plausible
from calciscope.domain.anatomy import BloodPool, Region, Tube
from tests.anatomy import phantom


def part(frame, low, high):
    mask = np.zeros(frame.hu.shape, dtype=bool)
    mask[low:high, 10:14, 10:14] = True
    line = frame.to_mm(np.array([[float(high), 12.0, 12.0], [float(low), 12.0, 12.0]]))
    return Part(
        masks={"kidney_left": (mask, 0.8), "thyroid_left": (mask, 0.8)},
        tubes={"aorta": Tube("aorta", line, np.array([10.0, 10.0]), 0.9)},
        blood_pool=BloodPool(110.0, 5.0, 1000, "aorta"),
    )


def test_what_lies_in_the_neck_goes_with_its_blood_pool():
    frame = phantom.neck().frame(regions=(Region("neck", 0, 999, 0.8),))
    kept = plausible(frame, part(frame, 5, 20))
    assert set(kept.masks) == {"thyroid_left"}
    assert not kept.tubes
    assert kept.blood_pool is None


def test_what_lies_below_it_stays():
    frame = phantom.neck().frame(regions=(Region("chest", 0, 30, 0.8), Region("neck", 30, 999, 0.8)))
    kept = plausible(frame, part(frame, 5, 20))
    assert set(kept.masks) == {"kidney_left", "thyroid_left"}
    assert kept.blood_pool is not None
