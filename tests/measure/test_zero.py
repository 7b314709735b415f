"""When the coronary arteries have a score of 0, and when nothing can be said of them."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

import numpy as np
import pytest

from calciscope.domain.anatomy import BloodPool, Structure
from calciscope.domain.assessment import Validity
from calciscope.domain.image import Contrast
from calciscope.measure import measure, preset
from calciscope.measure.merge import merge
from tests.measure.make import REFERENCE, anatomy, block, deposit, geometry, painted, placed, volume

CORONARY = "artery.coronary"
GRID = geometry()


def chest(*, first=10, last=30, lungs=("left", "right"), heart="heart", sure=0.9, blood=45.0):
    """An anatomy with a heart from one slice to another, and lungs."""
    labels = np.zeros(GRID.shape, dtype=np.uint8)
    labels[first : last + 1, 20:60, 20:60] = 1
    structures = {heart: Structure(heart, 1, sure)}
    for number, side in enumerate(lungs, start=2):
        labels[:, 30, number] = number
        structures[f"lung_{side}"] = Structure(f"lung_{side}", number, 0.9)
    pool = None if blood is None else BloodPool(blood, 12.0, 500, "aorta")
    return replace(anatomy(GRID), labels=labels, structures=MappingProxyType(structures), blood_pool=pool)


def item(site, z=20, y=30, x=30, confidence=0.9, others=()):
    one = placed(deposit(block(z, y, x, 4, 4, 350), GRID), site, confidence)
    return replace(one, placement=replace(one.placement, alternatives=tuple(others)))


def noisy(*what, **acquisition):
    scan = painted(*(one.deposit for one in what), scan=volume(GRID, replace(REFERENCE, **acquisition)))
    grain = np.random.default_rng(1).normal(0, 12, GRID.shape)
    return replace(scan, hu=(scan.hu + grain).astype(np.float32))


def sites(*what, body=None, **acquisition):
    return measure(what, noisy(*what, **acquisition), body or chest(), preset())


def coronary(*what, body=None, **acquisition):
    return {one.site: one for one in sites(*what, body=body, **acquisition)}.get(CORONARY)


@pytest.mark.parametrize("heart", ["heart", "heart_region"])
def test_a_heart_seen_in_full_without_any_calcium_has_a_score_of_0(heart):
    zero = coronary(body=chest(heart=heart))
    assert zero.rollup
    assert not zero.placed
    assert {name: zero.measures[name].value for name in ("agatston", "volume", "mass", "count")} == dict.fromkeys(
        ("agatston", "volume", "mass", "count"), 0.0
    )
    assert (zero.values["agatston"], zero.values["vessels"]) == (0.0, 0.0)
    assert zero.measures["agatston"].validity is Validity.VALID
    assert zero.confidence == 0.9
    assert "does not rule out a small lesion" in zero.measures["agatston"].why


def test_a_preset_that_counts_voxels_below_the_threshold_has_a_0_without_an_upper_end():
    (zero,) = measure((), noisy(), chest(), preset("ai-cac"))
    for name in ("agatston", "volume", "mass"):
        assert (zero.measures[name].value, zero.measures[name].interval) == (0.0, None)


@pytest.mark.parametrize(
    "body",
    [
        chest(first=0),
        chest(last=39),
        chest(lungs=("left",)),
        chest(lungs=()),
        chest(sure=0.3),
        chest(heart="liver"),
        anatomy(GRID),
    ],
    ids=["cut below", "cut above", "one lung", "no lung", "unsure", "no heart", "nothing known"],
)
def test_a_heart_that_was_not_seen_in_full_has_no_score(body):
    assert coronary(body=body) is None


def test_with_contrast_there_is_no_0():
    assert coronary(body=chest(blood=180.0)) is None
    assert coronary(body=chest(blood=None), contrast=Contrast.GIVEN) is None


def test_without_gating_the_0_is_adjusted():
    zero = coronary(description="chest routine")
    assert zero.measures["agatston"].validity is Validity.ADJUSTED
    assert "ECG-gated" in zero.measures["agatston"].why


@pytest.mark.parametrize(
    ("what", "says_0"),
    [
        (item("heart"), False),
        (item("artery.coronary.lad"), False),
        (item("heart.aortic_valve"), True),
        (item("heart.aortic_valve", others=[("artery.coronary.lm", 0.3)]), False),
        (item("chest"), False),
        (item("unplaced"), False),
        (item("chest", z=33), False),
        (item("chest", z=37), True),
        (item("artery.aorta.arch"), True),
    ],
)
def test_what_may_be_coronary_calcium_under_another_name_speaks_against_0(what, says_0):
    zero = coronary(what)
    if zero is not None and zero.placed + tuple(zero.deposit_agatston) == ():
        assert (zero.values["agatston"] == 0.0) is says_0
    else:
        assert not says_0


def holding(name, z=20, y=40, x=40):
    """The chest with an implant of one voxel."""
    body = chest()
    labels = body.labels.copy()
    labels[z, y, x] = 9
    return replace(body, labels=labels, structures=MappingProxyType({**body.structures, name: Structure(name, 9, 0.5)}))


@pytest.mark.parametrize("name", ["metal", "stent", "stent_like"])
def test_an_implant_in_the_heart_speaks_against_0(name):
    assert coronary(body=holding(name)) is None


def test_metal_elsewhere_does_not():
    assert coronary(body=holding("metal", x=70)).values["agatston"] == 0.0


@pytest.mark.parametrize(
    ("name", "site", "words"),
    [
        ("stent", "artery.coronary.lad", "reads low"),
        ("stent_like", "artery.coronary.rca", "may read high"),
        ("metal", "artery.coronary.lad", "metal lies in the heart"),
        ("metal", "heart.aortic_valve", "metal lies in the heart"),
    ],
)
def test_calcium_beside_an_implant_is_adjusted_and_so_is_the_total(name, site, words):
    found = {one.site: one for one in sites(item(site), body=holding(name, x=44))}
    for path in {site, CORONARY} & set(found):
        assert found[path].measures["agatston"].validity is Validity.ADJUSTED
        assert words in found[path].measures["agatston"].why
    (clean,) = [one for one in sites(item(site)) if one.site == site]
    assert clean.measures["agatston"].validity is Validity.VALID


def test_a_stent_says_nothing_of_the_aorta():
    (aorta,) = sites(item("artery.aorta.arch"), body=holding("stent"))
    assert aorta.measures["agatston"].validity is Validity.VALID


def named(group):
    return {one.site: one for one in group}


def test_of_several_series_a_0_stays_where_none_shows_calcium_that_may_be_coronary():
    zero = sites()
    elsewhere = measure([item("kidney.left")], volume(GRID), anatomy(GRID), preset())
    for merged in (merge(zero, elsewhere), merge(elsewhere, zero)):
        assert named(merged)[CORONARY].values["agatston"] == 0.0
        assert [one.site for one in merged] == sorted(one.site for one in merged)
    found = measure([item("artery.coronary.rca")], painted(item(CORONARY).deposit), anatomy(GRID), preset())
    for merged in (merge(zero, found), merge(found, zero), merge(found, zero, score=True)):
        assert named(merged)[CORONARY].values["agatston"] == 12.0
    unclear = measure([item("heart")], painted(item("heart").deposit), anatomy(GRID), preset())
    assert CORONARY not in named(merge(zero, unclear))


def test_of_two_zeros_the_better_one_stays():
    gated, routine = sites(), sites(description="chest routine")
    for merged in (merge(gated, routine), merge(routine, gated)):
        assert named(merged)[CORONARY].measures["agatston"].validity is Validity.VALID
