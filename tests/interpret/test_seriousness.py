"""Proposals, caps, floors, defaults, editions and guidelines."""

from hypothesis import given
from hypothesis import strategies as st

from calciscope.domain.assessment import Seriousness
from calciscope.interpret.seriousness import advising, decide, split_by_authority, without_idle_defaults
from tests.interpret.make import compiled

LEVELS = st.sampled_from(list(Seriousness))


def test_the_highest_proposal_wins():
    verdict = decide([compiled({"seriousness": "monitor"}), compiled({"seriousness": "significant"})], [])
    assert verdict.value is Seriousness.SIGNIFICANT


def test_no_proposal_is_none():
    assert decide([], []).value is Seriousness.NONE


@given(st.lists(LEVELS, max_size=4), st.lists(LEVELS, max_size=3), st.lists(LEVELS, max_size=3))
def test_caps_lower_and_floors_raise_last(proposals, caps, floors):
    rules = [compiled({"seriousness": level}) for level in proposals]
    rules += [compiled({"at_most": level}) for level in caps] + [compiled({"at_least": level}) for level in floors]
    level = decide(rules, []).value
    expected = max([one.rank for one in proposals], default=0)
    expected = min([expected, *(one.rank for one in caps)])
    expected = max([expected, *(one.rank for one in floors)])
    assert level.rank == expected


def test_reasons_start_with_the_rules_that_decide():
    rules = [
        compiled({"advice": "Look again."}, rule_id="advice"),
        compiled({"seriousness": "incidental"}, rule_id="low"),
        compiled({"at_least": "urgent"}, rule_id="floor"),
        compiled({"kind": {"dystrophic": 1}}, rule_id="kind-only"),
    ]
    assert [rule.rule.id for rule in decide(rules, []).rules] == ["floor", "low", "advice"]


def test_a_default_speaks_only_where_its_chapter_is_silent():
    default = compiled({"seriousness": "incidental"}, rule_id="default", default=True)
    other = compiled({"seriousness": "none"}, rule_id="other")
    elsewhere = compiled({"seriousness": "none"}, rule_id="elsewhere", chapter="Trachea")
    assert without_idle_defaults([default]) == [default]
    assert without_idle_defaults([default, other]) == [other]
    assert default in without_idle_defaults([default, elsewhere])


def test_a_general_default_speaks_only_where_nobody_does():
    general = compiled({"seriousness": "incidental"}, rule_id="general", default=True, general=True, chapter="Kind")
    chapter_default = compiled({"seriousness": "monitor"}, rule_id="default", default=True)
    floor = compiled({"at_least": "urgent"}, rule_id="floor", general=True, chapter="Kind")
    note = compiled({"note": "A note."}, rule_id="note")
    assert without_idle_defaults([general, note]) == [general, note]
    assert without_idle_defaults([general, chapter_default]) == [chapter_default]
    assert without_idle_defaults([general, floor]) == [floor]


def test_superseded_rules_are_shown_and_never_decide():
    old = compiled({"seriousness": "urgent"}, status="superseded", edition="2003", rule_id="old")
    new = compiled({"seriousness": "monitor"}, rule_id="new")
    deciding, shown = split_by_authority([old, new], "esc", frozenset())
    verdict = decide(deciding, shown)
    assert verdict.value is Seriousness.MONITOR
    assert verdict.alternatives[0].value == "urgent"
    assert "2003, superseded" in verdict.alternatives[0].why


def test_the_chosen_guideline_decides_where_both_speak_on_a_question():
    esc = compiled({"seriousness": "significant"}, guideline="esc", rule_id="esc")
    us = compiled({"seriousness": "monitor"}, guideline="us", rule_id="us")
    asked = frozenset({("q", "esc"), ("q", "us")})
    for chosen, level, other in (("esc", "significant", "monitor"), ("us", "monitor", "significant")):
        verdict = decide(*split_by_authority([esc, us], chosen, asked))
        assert verdict.value == level
        assert [one.value for one in verdict.alternatives] == [other]


def test_the_other_guideline_decides_where_the_chosen_one_does_not_ask():
    us = compiled({"seriousness": "monitor"}, guideline="us")
    assert split_by_authority([us], "esc", frozenset({("q", "us")})) == ([us], [])
    # The chosen guideline asks the same question and is silent on this value: its silence counts.
    assert split_by_authority([us], "esc", frozenset({("q", "us"), ("q", "esc")})) == ([], [us])


def test_a_harmless_readings_advice_does_not_survive_a_worse_one():
    rules = [
        compiled({"seriousness": "incidental", "advice": "No follow-up."}, rule_id="benign"),
        compiled({"seriousness": "monitor", "advice": "Repeat in a year."}, rule_id="middle"),
        compiled({"advice": "Ask about smoking."}, rule_id="always"),
        compiled({"seriousness": "significant", "advice": "Refer."}, rule_id="worst"),
    ]
    assert {rule.rule.id for rule in advising(decide(rules, []))} == {"worst", "middle", "always"}
    assert {rule.rule.id for rule in advising(decide(rules[:1], []))} == {"benign"}


def test_a_default_below_the_level_is_no_reason():
    rules = [
        compiled({"seriousness": "incidental"}, rule_id="default", default=True),
        compiled({"at_least": "urgent"}, rule_id="floor", general=True, chapter="Kind"),
    ]
    assert [rule.rule.id for rule in decide(rules, []).rules] == ["floor"]


def test_an_alternative_without_a_level_shows_its_class_or_that_it_is_advice():
    category = {"category": {"measure": "agatston", "scheme": "CAC-DRS 2018", "value": "A2"}}
    verdict = decide([], [compiled(category, status="superseded"), compiled({"advice": "Do."}, status="superseded")])
    assert [one.value for one in verdict.alternatives] == ["CAC-DRS 2018 A2", "advice"]
