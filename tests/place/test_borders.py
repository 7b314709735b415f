"""Stretches of one vessel whose border nothing on a scan marks, and tubes that divide at an end not seen well."""

from dataclasses import replace

import pytest

from calciscope.domain.structures import dictionary
from calciscope.place.confidence import RAW
from calciscope.place.decide import readings
from calciscope.place.hypotheses import Scorer
from tests.place.make import anatomy, deposit, tube, volume

KNOWN = replace(dictionary(), evidence=())
CHEST = (slice(21, 40), slice(25, 36), slice(25, 36))
BELLY = (slice(0, 21), slice(25, 36), slice(25, 36))


def scores(where, body):
    return {item.site: item.score for item in Scorer(volume(), body, KNOWN).score(deposit(where))}


def aorta(*, divided=True):
    masks = {"aorta_descending": (CHEST, 0.9), "aorta_abdominal": (BELLY, 0.9)}
    return anatomy(masks if divided else {"aorta_abdominal": masks["aorta_abdominal"]})


@pytest.mark.parametrize(("slice_", "there"), [(23, "artery.aorta.abdominal"), (18, "artery.aorta.thoracic")])
def test_near_the_border_both_stretches_are_read(slice_, there):
    found = scores((slice_, 30, 30), aorta())
    here = max(found, key=found.__getitem__)
    assert here != there
    assert 0.7 * found[here] < found[there] < found[here]


def test_far_from_it_hardly_and_without_the_other_stretch_not():
    near, far = (scores((z, 30, 30), aorta())["artery.aorta.thoracic"] for z in (18, 8))
    assert far < 0.35 * near
    assert "artery.aorta.thoracic" not in scores((18, 30, 30), aorta(divided=False))


def test_what_cannot_be_told_is_the_aorta():
    chain = readings(Scorer(volume(), aorta(), KNOWN).score(deposit((22, 30, 30))), {}, RAW)
    raw = {item.site: item.raw for item in chain}
    assert raw["artery.aorta"] > 0.9 > 0.6 > raw["artery.aorta.thoracic"]


def test_beyond_the_aorta_no_stretch_is_read():
    assert scores((30, 30, 52), aorta()) == {}


@pytest.mark.parametrize(("slice_", "shared"), [(33, True), (20, False)])
def test_where_the_trunk_divides_its_branches_are_read_too(slice_, shared):
    trunk = tube("brachiocephalic_trunk", [(36, 30, 30), (26, 30, 30), (16, 30, 30)])
    found = scores((slice_, 30, 30), anatomy(tubes=(trunk,)))
    own = found["artery.brachiocephalic"]
    for branch in ("artery.carotid.right", "artery.subclavian.right"):
        assert (found.get(branch, 0.0) > 0.8 * own) == shared
        assert found.get(branch, 0.0) <= own
