"""What is not known and would change the answer.

Every rule that waits for an input is tried with values of that input at which its condition turns. What then changes
in the verdict is what the input would change. Nothing is listed by hand, and nothing that would change nothing.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from calciscope.domain.assessment import Kind, Seriousness, Unknown
from calciscope.domain.site import SIDES, UNPLACED, label, split, within
from calciscope.interpret.assumptions import Assumed, Assumption, assumptions, comparisons, is_test
from calciscope.interpret.context import Facts
from calciscope.interpret.folders import LISTS
from calciscope.interpret.judge import Case, Verdict, judge_if
from calciscope.interpret.rules import Knowledge

_COMPARED = {">": "above", ">=": "at least", "<": "below", "<=": "at most", "==": ""}
_HOLDS = {">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le, "==": operator.eq}
# What is seen at the place is asked for after what is known of the patient: whoever looked would have said it.
_LOOKING = 0.6
# What is hardly ever so comes after what often is.
_RARE = 0.25
# More lines than this are not read; the places named in one sentence are limited for the same reason.
_MOST_LINES = 8
_MOST_PLACES = 4
# What changes an advice alone is told last, in so many lines at most.
_MOST_ADVICE, _ADVICE = 3, 0.3
# So many answers that would have to be so together are worth asking for; for what is seldom so one.
_MOST_TOGETHER = 2
_Outcome = tuple[Kind | None, Seriousness]


@dataclass(frozen=True, slots=True)
class _Change:
    """What an assumption would do to one finding; the higher ``score``, the more decisive.

    ``advice`` is what would be advised where neither kind nor seriousness would change; ``status`` is that of the rule.
    """

    inputs: tuple[str, ...]
    condition: str
    site: str
    becomes: str
    score: float
    advice: str = ""
    status: str = "current"


def unknowns(cases: Sequence[tuple[str, Case, Verdict, Seriousness]], knowledge: Knowledge) -> tuple[Unknown, ...]:
    """The inputs that would change a kind, a seriousness or an advice, most decisive first, one line each.

    Args:
        cases: for each finding its site, its case, the verdict of its own rules, and how serious it counts, which is
            more than its own rules say where it shares the level of a total or of a part.
        knowledge: the loaded rules.
    """
    by_input: dict[str, list[_Change]] = {}
    highest = max((counts.rank for _, _, _, counts in cases), default=0)
    for site, one, verdict, counts in cases:
        for change in _changes(site, one, verdict, counts, highest, knowledge):
            for name in change.inputs:
                by_input.setdefault(name, []).append(change)
    ranked = sorted(by_input.items(), key=lambda item: (*_order(item[1]), item[0]))
    minor = [item for item in ranked if all(change.advice for change in item[1])][_MOST_ADVICE:]
    ranked = [item for item in ranked if item not in minor]
    return tuple(_told(name, changes) for name, changes in ranked[:_MOST_LINES])


def _told(name: str, changes: Sequence[_Change]) -> Unknown:
    """One line; it is unverified where a rule behind the most decisive change is."""
    first = max(changes, key=lambda change: (not change.advice, change.score))
    return Unknown(input=name, would_change=_sentence(changes), status=first.status)


def _order(changes: Sequence[_Change]) -> tuple[bool, float]:
    """What changes an advice alone after the rest, then the most decisive first."""
    more = [change.score for change in changes if not change.advice]
    return not more, -max(more or [change.score for change in changes])


def _sentence(changes: Sequence[_Change]) -> str:
    """The two most decisive changes in words; places that would change alike are named together.

    What one answer alone would change comes without what it would change together with another.
    """
    # What would change an advice alone is not worth a word beside what would change more.
    ordered = sorted(changes, key=lambda change: -change.score)
    first = (ordered[0].condition, ordered[0].advice)
    minor = [change for change in ordered if (change.condition, change.advice) == first]
    changes = [change for change in ordered if not change.advice] or minor
    alone = [change for change in changes if len(change.inputs) == 1]
    sites: dict[tuple[str, str, str], list[str]] = {}
    for change in alone or changes:
        named = sites.setdefault((change.condition, change.becomes, change.advice), [])
        if change.site not in named:
            named.append(change.site)
    texts = [
        f"If {condition}, a next step would be: {advice.rstrip('.')}."
        if advice
        else f"If {condition}, {_where(named)} would be {becomes}."
        for (condition, becomes, advice), named in sites.items()
    ]
    return " ".join(texts[:2])


def _where(sites: Sequence[str]) -> str:
    """The places in words; a part is not named beside its whole."""
    whole = [site for site in sites if not any(site != other and within(site, other) for other in sites)]
    labels = list(dict.fromkeys(_label(site, whole) for site in whole if site != UNPLACED))
    if not labels:
        return "the calcification that could not be placed"
    more = len(labels) - _MOST_PLACES
    if more > 1:
        labels = [*labels[:_MOST_PLACES], f"{more} other places"]
    return f"calcification of the {_and(labels)}"


def _label(site: str, sites: Sequence[str]) -> str:
    """The name of a place; both sides of one are named at once."""
    base, side = split(site)
    both = side is not None and all(f"{base}.{one}" in sites for one in SIDES)
    return f"{_and(SIDES)} {label(base)}" if both else label(site)


def _and(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _changes(
    site: str, one: Case, verdict: Verdict, counts: Seriousness, highest: int, knowledge: Knowledge
) -> Iterator[_Change]:
    outcomes: dict[Assumption, _Outcome] = {}
    seen: set[tuple[tuple[str, ...], _Outcome, str]] = set()
    # What it counts for because of a total or a part stays, whatever its own rules would say.
    least = counts if counts.rank > verdict.level.rank else Seriousness.NONE
    today = (verdict.kind_value, counts)

    def outcome(assumption: Assumption) -> _Outcome:
        if assumption not in outcomes:
            then = judge_if(one, verdict, assumption.added_to(one.inputs.facts))
            outcomes[assumption] = (then.kind_value, then.level if then.level.rank > least.rank else least)
        return outcomes[assumption]

    for assumption in assumptions(one, verdict, knowledge):
        result = today if assumption.advice else outcome(assumption)
        if (result == today and not assumption.advice) or any(outcome(part) == result for part in assumption.parts()):
            continue
        if assumption.rare and not frozenset(LISTS).isdisjoint(assumption.names):
            continue  # whoever has a disease that is hardly ever seen says so unasked
        asked = _base_keys(assumption.names, one.inputs.facts, knowledge)
        if len(asked) > (1 if assumption.rare else _MOST_TOGETHER):
            continue  # several answers that would all have to be so at once are far-fetched
        if assumption.rare and not all(_of_patient(name, knowledge) for name in asked):
            continue  # and whoever has graded the finding by a special score has written it down
        known = (asked, result, assumption.advice)
        if asked and known not in seen and _fits(asked, one.inputs.facts, knowledge):
            seen.add(known)
            yield _change(site, assumption, today, result, highest, asked, knowledge)


def _change(
    site: str,
    assumption: Assumption,
    today: _Outcome,
    then: _Outcome,
    highest: int,
    asked: tuple[str, ...],
    knowledge: Knowledge,
) -> _Change:
    if assumption.advice:
        condition = _condition(assumption, knowledge)
        # A test can be done; what else there is would have been said.
        score = _ADVICE * (1 + then[1].rank) * (2.0 if all(is_test(name, knowledge) for name in asked) else 1.0)
        return _Change(asked, condition, site, "", score, assumption.advice, assumption.status)
    steps = then[1].rank - today[1].rank
    becomes = []
    if then[0] != today[0] and then[0] is not None:
        becomes.append(f"{then[0]} (now {today[0]})")
    if steps:
        becomes.append(f"{then[1]} (now {today[1]})")
    # An alarm matters more than an all-clear, most of all one that changes the overall answer; and one question is
    # better than two.
    told = 0.0 if then[0] == today[0] else 1.0 if then[0] is Kind.INDETERMINATE else 3.0
    score = told + 2.0 * abs(steps) + (1.0 if steps > 0 else 0.0)
    score = (score + 4.0 * max(then[1].rank - highest, 0)) / len(assumption.facts) ** 2
    if not any(_of_patient(name, knowledge) for name in asked):
        score *= _LOOKING
    if assumption.rare:
        score *= _RARE
    condition = _condition(assumption, knowledge)
    return _Change(asked, condition, site, " and ".join(becomes), score, status=assumption.status)


def _condition(assumption: Assumption, knowledge: Knowledge) -> str:
    """An assumption in words; a state says nothing beside a number of what it is the state of."""
    numbers = {name for name, value in assumption.facts if isinstance(value, float)}
    states = {
        state.name for state in knowledge.labs.states if numbers & {*state.of, *_standing_in(state.of, knowledge)}
    }
    return _and([_word(n, value, assumption.text, knowledge) for n, value in assumption.facts if n not in states])


def _standing_in(names: Sequence[str], knowledge: Knowledge) -> set[str]:
    """The quantities that are one of some others."""
    return {derived.name for derived, _, expression in knowledge.derived if expression.text in names}


def _fits(asked: Sequence[str], facts: Facts, knowledge: Knowledge) -> bool:
    """Whether every input can be asked for: of a deposit in an image only what a person can still see there.

    How much there is in words is not asked for beside a score, nor another score beside one.
    A look at the picture answers a question by itself or not at all; together with another input it is far-fetched.
    """
    amounts = knowledge.same_amount
    if not amounts.isdisjoint(asked) and not amounts.isdisjoint(facts):
        return False
    if facts.get("imaged") is not True:
        return True
    looked = [name for name in asked if not _of_patient(name, knowledge)]
    return not looked or (len(asked) == 1 and looked[0] in knowledge.asked_of_images)


def _of_patient(name: str, knowledge: Knowledge) -> bool:
    quantity = knowledge.quantity(name)
    return name not in knowledge.labs.words and (quantity is None or quantity.group != "finding")


def _base_keys(names: Iterable[str], facts: Facts, knowledge: Knowledge) -> tuple[str, ...]:
    """The patient-file keys that a person would have to add so that the names become known."""
    keys = [key for name in names for key in _keys_of(name, facts, knowledge)]
    return tuple(key for key in dict.fromkeys(keys) if key not in facts)


def _keys_of(name: str, facts: Facts, knowledge: Knowledge) -> tuple[str, ...]:
    for state in knowledge.labs.states:
        if state.name == name:
            # A value without a word lacks the age or sex that its reference range depends on.
            known = any(source in facts for source in state.of)
            return ("age", "sex") if known else _keys_of(state.of[-1], facts, knowledge)
    for combined, condition in knowledge.combined:
        if combined == name:
            return tuple(key for part in sorted(condition.names) for key in _keys_of(part, facts, knowledge))
    if name in ("systolic", "diastolic"):
        return ("blood_pressure",)
    # What only restates another value (corrected calcium) is asked for under the values that it follows from.
    restated = any(derived.name == name and derived.ranges_of for derived, _, _ in knowledge.derived)
    stated = name in knowledge.labs.quantities or name in knowledge.labs.words
    if (stated and not restated) or name in LISTS or name == "sex":
        return (name,)
    ways = [
        tuple(key for part in sorted(expression.names) for key in _keys_of(part, facts, knowledge))
        for derived, _, expression in knowledge.derived
        if derived.name == name
    ]
    return min(ways, key=lambda keys: sum(key not in facts for key in keys), default=())


def _word(name: str, value: Assumed, text: str, knowledge: Knowledge) -> str:
    """An assumption as a person says it."""
    if isinstance(value, tuple):
        include = "includes" if name == "history" else "include"
        return f"{name} {include} {_and([item.replace('_', ' ') for item in value])}"
    for state in knowledge.labs.states:
        if state.name == name:
            return f"{state.label} is {'raised' if value == 'high' else value}"
    for combined in knowledge.labs.combined:
        if combined.name == name:
            return f"{combined.label} are {value}"
    quantity = knowledge.quantity(name)
    derived = next((entry for entry, _, _ in knowledge.derived if entry.name == name), None)
    named = quantity or derived or knowledge.labs.words.get(name)
    unit = quantity.unit if quantity else derived.unit if derived else ""
    shown = _range(name, value, text) if isinstance(value, float) else str(value)
    return f"{named.label if named else name} is {shown}{f' {unit}' if unit not in ('', '1') else ''}"


def _range(name: str, value: float, text: str) -> str:
    """The comparisons of a condition that a number meets: ``above 5 and at most 10``."""
    said = [
        f"{words} {at:g}".strip()
        for op, at in comparisons(text, name)
        if (words := _COMPARED.get(op)) is not None and _HOLDS[op](value, at)
    ]
    return _and(list(dict.fromkeys(said))) if said else f"{value:.3g}"
