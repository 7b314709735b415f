"""How the curves of confidence are fitted: what is given as sure is right as often as it must be."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "docs"))

import confidence_fit
from confidence_rows import Said

from calciscope.domain import site as sites
from calciscope.place.confidence import SURE, Curves


def rows(place, other, wrong, *, count=200, real=12, seed=0):
    """Deposits of a place whose score says little: a share of those above 0.5 is somewhere else."""
    rng = np.random.default_rng(seed)
    made = []
    for number in range(count + real):
        raw, is_real = float(rng.uniform(0.3, 0.95)), number >= count
        mistaken = not is_real and rng.random() < wrong(raw)
        case = f"real {number}" if is_real else f"body {number}"
        said = (place, *sites.ancestors(place)[:1])
        true = (other if mistaken else place,)
        made += [Said(case, 0, site, raw, true, site == place, is_real) for site in said]
    return made


def given(some, curves):
    known = Curves(confidence_fit._by_site(curves), confidence_fit.UNCHECKED)
    return confidence_fit._count([row for row in some if not row.real], known)


def test_a_place_that_is_often_mistaken_is_never_sure():
    some = rows("kidney.left", "ureter.left", lambda raw: 0.15)
    plain = [curve for kind in confidence_fit.KINDS if (curve := confidence_fit.fit(kind, some))]
    fitted = confidence_fit.fitted(some)
    assert given(some, plain)[2] > 20, "the curve alone would call many sure"
    _, _, sure, right = given(some, fitted)
    assert right >= confidence_fit.TRUE * sure
    assert all(a <= b for curve in fitted for a, b in zip(curve.sure, curve.sure[1:], strict=False))


def test_a_good_kind_stays_sure_beside_a_bad_one():
    good = rows("gallbladder", "liver", lambda raw: 0.0)
    bad = [
        Said(f"{row.case} b", 0, row.site, row.raw, row.true, row.first, row.real)
        for row in rows("kidney.left", "ureter.left", lambda raw: 0.3, seed=1)
    ]
    fitted = {curve.sites[0]: curve for curve in confidence_fit.fitted(good + bad)}
    assert max(fitted["gallbladder.*"].sure) >= SURE
    assert max(fitted["kidney.*"].sure) < SURE


def test_where_nothing_is_right_often_enough_nothing_is_sure():
    real = [f"real {number}" for number in range(150)]
    some = [Said(case, 0, "kidney.left", 0.9, ("kidney.left",), True, True) for case in real]
    some += [
        Said(f"body {number}", 0, "kidney.left", 0.9, ("kidney.left" if number % 3 else "ureter.left",), True, False)
        for number in range(30)
    ]
    plain = [curve for kind in confidence_fit.KINDS if (curve := confidence_fit.fit(kind, some))]
    assert given(some, plain)[2] == 30, "the real ones outweigh them"
    assert given(some, confidence_fit.fitted(some))[2] == 0


def test_what_is_right_anyway_is_left_as_it_is():
    some = rows("kidney.left", "ureter.left", lambda raw: 0.0)
    plain = [curve for kind in confidence_fit.KINDS if (curve := confidence_fit.fit(kind, some))]
    assert [c.sure for c in confidence_fit.fitted(some)] == [pytest.approx(c.sure, abs=1e-3) for c in plain]


def test_the_heart_and_the_rest_are_judged_apart():
    assert confidence_fit._in_heart("artery.coronary.lad")
    assert confidence_fit._in_heart("heart.aortic_valve")
    assert not confidence_fit._in_heart("artery.aorta.abdominal")
    worse = rows("artery.coronary.lad", "heart.mitral_annulus", lambda raw: 0.3)
    good = [
        Said(f"{row.case} b", 0, row.site, row.raw, row.true, row.first, row.real)
        for row in rows("gallbladder", "liver", lambda raw: 0.0, seed=2)
    ]
    fitted = {curve.sites[0]: curve for curve in confidence_fit.fitted(worse + good)}
    plain = confidence_fit.fit(("gallbladder.*",), good)
    assert plain is not None
    assert fitted["gallbladder.*"].sure == pytest.approx(plain.sure, abs=1e-3)
