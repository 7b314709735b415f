"""Enhanced iliac arteries told apart from bone, on a synthetic abdomen."""

from dataclasses import replace

import numpy as np
import pytest

from calciscope.anatomy.embedded import aorta, iliac_lumen, vessels
from tests.anatomy import phantom


def mistaken(hu):
    """A synthetic abdomen with blood of so many HU, all blood below the fork taken for bone, and that blood."""
    frame = phantom.abdomen(hu).frame()
    blood = (np.abs(frame.hu - hu) < 40.0) & frame.body & ~frame.bone
    blood[round(170 / phantom.MM) :] = False
    return replace(frame, bone=frame.bone | blood), blood


@pytest.mark.parametrize("hu", [200.0, 300.0])
def test_blood_that_goes_on_from_the_aorta_is_no_bone(hu):
    frame, blood = mistaken(hu)
    whole, level = aorta.trace(frame)
    told = iliac_lumen.arteries(frame, whole, level, whole.points[-1, 0])
    assert told is not None
    assert told[blood].mean() > 0.8
    bone = frame.bone & ~blood
    assert told[bone].mean() < 0.1


@pytest.mark.parametrize("hu", [45.0, 120.0])
def test_blood_no_brighter_than_marrow_is_never_bone(hu):
    frame = phantom.abdomen(hu).frame()
    whole, _ = aorta.trace(frame)
    assert iliac_lumen.arteries(frame, whole, hu, whole.points[-1, 0]) is None


def test_arteries_that_passed_for_bone_are_traced_and_given_back():
    frame, blood = mistaken(250.0)
    part = vessels.segment(frame, {})
    for side in ("left", "right"):
        mask = part.masks[f"iliac_artery_{side}"][0]
        assert (mask & blood).sum() > 0.5 * mask.sum()
    assert part.not_bone is not None
    assert part.not_bone[blood].mean() > 0.8


def test_nothing_that_hangs_together_with_the_aorta_tells_nothing():
    frame = phantom.abdomen(250.0).frame()
    whole, _ = aorta.trace(frame)
    dark = replace(frame, hu=np.minimum(frame.hu, 60.0))
    assert iliac_lumen.arteries(dark, whole, 250.0, whole.points[-1, 0]) is None
