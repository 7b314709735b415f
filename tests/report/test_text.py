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


def spanned(value, low, high, unit="1"):
    return Measure(value=value, unit=unit, interval=(low, high), method="rule")


def test_an_interval_stands_behind_its_value_and_before_the_unit():
    assert text.estimate(spanned(47.0, 41.0, 55.2), "agatston") == "47 (41 to 55.2)"
    assert text.estimate(spanned(47.0, 41.0, 1234.0, "mm3"), "volume") == "47 (41 to 1,234) mm³"
    assert text.estimate(measure(6.0, "mm"), "diameter") == "6 mm"
    assert text.estimate(measure(None, "mg", Validity.REFUSED), "mass") == "refused"


@given(st.floats(1e-9, 0.999999), st.floats(0.0, 1e-9), st.floats(1.0, 1e6))
def test_a_score_above_zero_with_an_interval_is_never_shown_as_zero(score, low, high):
    shown = text.estimate(spanned(score, low, high), "agatston")
    assert shown.startswith("more than 0, less than 1 (")
    assert shown.endswith(f" to {text.number(high)})")
    assert text.number(low) == "0" or low > 0


def test_measures_are_shown_in_one_order_and_of_a_stone_more_at_once():
    every = {name: measure(1.0) for name in ("peak", "diameter_perpendicular", "new", "diameter", "agatston")}
    first, later = text.rows(every)
    assert [name for name, _ in first] == ["agatston", "diameter", "new"]
    assert [name for name, _ in later] == ["diameter_perpendicular", "peak"]
    of_stone, rest = text.rows(every, "lithiasis")
    assert [name for name, _ in of_stone] == ["agatston", "diameter", "diameter_perpendicular", "new"], "side by side"
    assert [name for name, _ in rest] == ["peak"]


def test_each_reason_is_said_once_and_marked_by_its_letter():
    one = Measure(value=1.0, unit="1", method="m", validity=Validity.ADJUSTED, why="thick; gaps")
    two = Measure(value=1.0, unit="1", method="m", validity=Validity.ADJUSTED, why="lossy; thick")
    letters = text.reasons({"agatston": one, "volume": two, "count": measure(1.0)})
    assert letters == {"thick": "a", "gaps": "b", "lossy": "c"}
    assert text.marks(two, letters) == "c, a"
    assert text.marks(measure(1.0), letters) == ""
    many = {f"m{i}": one.model_copy(update={"why": f"w{i:02}"}) for i in range(30)}
    assert len(set(text.reasons(many).values())) == 30
