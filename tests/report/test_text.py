import pytest
from hypothesis import given
from hypothesis import strategies as st

from calciscope.domain.assessment import Measure, Validity
from calciscope.report import text


def measure(value, unit="1", validity=Validity.VALID):
    return Measure(value=value, unit=unit, method="rule", validity=validity)


@pytest.mark.parametrize(
    ("value", "shown"), [(0, "0"), (0.004, "<0.01"), (0.5, "0.50"), (3.14, "3.1"), (12.0, "12"), (1234.5, "1,234")]
)
def test_numbers_at_the_precision_a_report_needs(value, shown):
    assert text.number(value) == shown


@given(st.floats(min_value=1e-9, max_value=0.999999))
def test_a_score_above_zero_is_never_shown_as_zero(score):
    assert text.value(measure(score), "agatston") == "more than 0, less than 1"
    assert text.number(score) not in ("0", "0.0", "0.00")


def test_a_zero_score_is_zero():
    assert text.value(measure(0.0), "agatston") == "0"


def test_values_carry_their_unit_and_refusals_say_so():
    assert text.value(measure(144.0, "mm3"), "volume") == "144 mm³"
    assert text.value(measure(None, "mm3", Validity.REFUSED), "volume") == "refused"


def test_unknown_measures_are_named_readably():
    assert text.name("lm_lad") == "Lm lad"
    assert text.name("agatston") == "Agatston score"
