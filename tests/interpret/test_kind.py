"""Weights add up; near ties and nothing above zero are indeterminate."""

from hypothesis import given
from hypothesis import strategies as st

from calciscope.domain.assessment import Kind
from calciscope.interpret.kind import weigh
from tests.interpret.make import compiled

KINDS = [kind for kind in Kind if kind is not Kind.INDETERMINATE]


def weights(*entries):
    return [compiled({"kind": entry}, rule_id=f"r{number}") for number, entry in enumerate(entries)]


def test_the_highest_total_wins_and_the_others_are_ranked():
    verdict = weigh(
        weights({"dystrophic": 1}, {"metastatic": 3}, {"metastatic": 2, "dystrophic": 1, "tumoral": 1}), 1.0
    )
    assert verdict.value is Kind.METASTATIC
    assert [(other.value, other.total) for other in verdict.alternatives] == [("dystrophic", 2.0), ("tumoral", 1.0)]
    assert [rule.rule.id for rule in verdict.rules] == ["r1", "r2", "r0"]
    assert "statement of r0" in verdict.alternatives[0].why


def test_two_within_the_margin_are_indeterminate_between_both():
    verdict = weigh(weights({"dystrophic": 2}, {"metastatic": 3}), 1.0)
    assert verdict.value is Kind.INDETERMINATE
    assert [other.value for other in verdict.alternatives] == ["metastatic", "dystrophic"]
    assert verdict.between == (Kind.METASTATIC, Kind.DYSTROPHIC)
    clear = weigh(weights({"dystrophic": 2}, {"metastatic": 3}), 0.5)
    assert (clear.value, clear.between) == (Kind.METASTATIC, ())


def test_evidence_against_counts_and_is_a_reason():
    verdict = weigh(weights({"metastatic": 4}, {"metastatic": -3, "dystrophic": 1}, {"dystrophic": 2}), 1.0)
    assert verdict.value is Kind.DYSTROPHIC
    assert len(verdict.rules) == 3


def test_nothing_above_zero_is_indeterminate():
    assert weigh([], 1.0).value is Kind.INDETERMINATE
    assert weigh(weights({"metastatic": -3}), 1.0).value is Kind.INDETERMINATE
    assert weigh(weights({"metastatic": -3}), 1.0).alternatives == ()
    # A lone kind needs no margin: there is nothing that it could be confused with.
    assert weigh(weights({"metastatic": 1}), 1.0).value is Kind.METASTATIC


def test_rules_without_weights_are_no_reasons():
    assert weigh([*weights({"dystrophic": 2}), compiled({"seriousness": "monitor"})], 1.0).rules[0].rule.id == "r0"


@given(
    st.lists(st.dictionaries(st.sampled_from(KINDS), st.floats(-5, 5), max_size=3), max_size=6),
    st.floats(0, 2),
)
def test_order_of_rules_does_not_matter_and_more_evidence_never_hurts(entries, margin):
    rules = weights(*entries)
    forward, backward = weigh(rules, margin), weigh(rules[::-1], margin)
    assert dict(forward.totals).keys() == dict(backward.totals).keys()
    if forward.value is not Kind.INDETERMINATE:
        more = weigh([*rules, compiled({"kind": {forward.value: 1.0}}, rule_id="more")], margin)
        assert more.value is forward.value
