"""What a label without calcium is told to have."""

from types import SimpleNamespace

import pytest

from calciscope.domain.assessment import Measure, Validity
from calciscope.domain.scores import ALWAYS
from calciscope.measure.labels.absent import completed
from calciscope.measure.presets import preset


@pytest.fixture
def scan():
    rule = preset("standard")
    return SimpleNamespace(preset=rule, threshold=rule.threshold(120.0))


def test_what_is_there_stays_and_what_is_missing_is_null_with_a_reason(scan):
    score = Measure(value=7.0, unit="1", method="Agatston")
    found = completed({"agatston": score}, scan, None)
    assert set(found) == set(ALWAYS)
    assert found["agatston"] is score
    assert found["count"].value == 0
    for name in set(ALWAYS) - {"agatston", "count"}:
        assert (found[name].value, found[name].validity) == (None, Validity.REFUSED)
        assert found[name].why == "nothing in it has >=130 HU, so there is nothing to measure"


def test_only_what_is_asked_for_is_added(scan):
    assert set(completed({}, scan, {"peak"})) == {"peak"}
    assert completed({}, scan, {"agatston_lm_lad"}) == {}
