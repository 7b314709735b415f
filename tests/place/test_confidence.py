"""Laws of confidence: curves ascend, the nearest one counts, and what was never checked is not sure."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calciscope.domain import site as sites
from calciscope.place.confidence import RAW, Curve, Curves, curves
from calciscope.place.decide import decide, readings
from calciscope.place.hypotheses import Hypothesis
from tests.place.make import anatomy

BODY = anatomy()
SCORES = st.floats(0.0, 1.0)


@st.composite
def lines(draw):
    count = draw(st.integers(1, 5))
    raw = sorted(draw(st.lists(SCORES, min_size=count, max_size=count, unique=True)))
    sure = sorted(draw(st.lists(SCORES, min_size=count, max_size=count)))
    return Curve(tuple(raw), tuple(sure))


@given(line=lines(), low=SCORES, high=SCORES)
def test_a_better_score_is_never_less_sure(line, low, high):
    low, high = min(low, high), max(low, high)
    assert line.at(low) <= line.at(high) + 1e-12
    assert line.sure[0] <= line.at(low) <= line.sure[-1]


@given(line=lines())
def test_a_curve_goes_through_its_points(line):
    for raw, sure in zip(line.raw, line.sure, strict=True):
        assert line.at(raw) == pytest.approx(sure)


def test_a_curve_is_straight_between_its_points():
    assert Curve((0.2, 0.6), (0.1, 0.9)).at(0.4) == pytest.approx(0.5)


def test_the_own_curve_counts_before_that_of_the_nearest_site_above():
    flat = {"artery": 0.1, "artery.*": 0.2, "artery.aorta.*": 0.3, "artery.aorta.arch": 0.4}
    known = Curves({name: Curve((0.5,), (value,)) for name, value in flat.items()}, 0.7)
    assert known.calibrated("artery", 0.9) == 0.1
    assert known.calibrated("artery.iliac.left", 0.9) == 0.2
    assert known.calibrated("artery.aorta", 0.9) == 0.3
    assert known.calibrated("artery.aorta.root", 0.9) == 0.3
    assert known.calibrated("artery.aorta.arch", 0.9) == 0.4


@given(score=SCORES)
def test_a_site_that_was_never_checked_keeps_its_score_up_to_a_limit(score):
    assert Curves({}, 0.7).calibrated("tendon.shoulder.left", score) == min(score, 0.7)


def test_the_knowledge_speaks_of_sites_that_exist():
    for name in curves().by_site:
        assert sites.exists(name.removesuffix(".*")), name


@given(score=st.floats(0.3, 0.99))
def test_a_doubtful_kind_of_place_goes_to_what_is_above_it(score):
    found = (Hypothesis("artery.aorta.arch", score, "aorta_arch"),)
    known = Curves({"artery.aorta.arch": Curve((0.0, 1.0), (0.0, 0.4)), "artery.aorta.*": Curve((0.0,), (0.9,))}, 0.7)
    placed = decide(found, BODY, 20, known=known)
    assert (placed.site, placed.confidence) == ("artery.aorta", 0.9)
    assert dict(placed.alternatives)["artery.aorta.arch"] == pytest.approx(0.4 * score, abs=1e-3)


@given(score=st.floats(0.05, 0.99))
def test_what_may_be_said_goes_from_the_site_upwards(score):
    chain = readings((Hypothesis("artery.aorta.arch", score, "aorta_arch"),), {}, RAW)
    assert [item.site for item in chain] == ["artery.aorta.arch", "artery.aorta", "artery"]
    assert all(item.raw == pytest.approx(score) for item in chain)
