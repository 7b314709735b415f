"""What is not known and would change the answer.

Every rule that waits for an input is tried with values of that input at which its condition turns: the words and
numbers that it is compared with. What then changes in the verdict is what the input would change. Nothing is listed by
hand, and nothing is listed that would change nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice, product

import cel

from calciscope.domain.assessment import Unknown
from calciscope.domain.site import label
from calciscope.interpret.context import Facts
from calciscope.interpret.folders import LISTS
from calciscope.interpret.judge import Case, Verdict, judge_if
from calciscope.interpret.rules import IMAGE_ONLY, CompiledRule, Knowledge
from calciscope.interpret.schema import Fact

# A rule that waits for more inputs than this is too far from firing to be worth asking for all of them.
_MOST_INPUTS = 3
_MOST_TRIALS = 24
# Never asked for: they are given with the place or the image, or there is nothing a person could look up.
_NOT_ASKED = IMAGE_ONLY | {"kind", "site", "side", "sites", "organs", "context", "ancestry"}


@dataclass(frozen=True, slots=True)
class _Change:
    """What one assumption about missing inputs would do to one finding; the higher ``score``, the more decisive."""

    inputs: tuple[str, ...]
    text: str
    score: float


def unknowns(cases: Sequence[tuple[str, Case, Verdict]], knowledge: Knowledge) -> tuple[Unknown, ...]:
    """The inputs that would change a kind or a seriousness, most decisive first, one line each."""
    best: dict[str, list[_Change]] = {}
    for site, one, verdict in cases:
        for change in _changes(site, one, verdict, knowledge):
            for name in change.inputs:
                best.setdefault(name, []).append(change)
    ranked = sorted(best.items(), key=lambda item: (-max(change.score for change in item[1]), item[0]))
    return tuple(Unknown(input=name, would_change=_sentence(changes)) for name, changes in ranked)


def _sentence(changes: Sequence[_Change]) -> str:
    """The two most decisive changes in words, each said once."""
    texts: list[str] = []
    for change in sorted(changes, key=lambda change: -change.score):
        if change.text not in texts:
            texts.append(change.text)
    return "; ".join(texts[:2])


def _changes(site: str, one: Case, verdict: Verdict, knowledge: Knowledge) -> Iterator[_Change]:
    tried: set[tuple[tuple[str, str], ...]] = set()
    for rule in one.rules:
        if rule.rule.status == "superseded" or rule.rule.default:
            continue
        for assumed in _assumptions(rule, one, knowledge):
            key = tuple(sorted((name, str(value)) for name, value in assumed.items() if name != "context"))
            if key in tried:
                continue
            tried.add(key)
            asked = _base_keys((name for name in assumed if name != "context"), one.inputs.facts, knowledge)
            if not asked:
                continue
            if change := _compare(site, one, verdict, assumed, asked, knowledge):
                yield change


def _assumptions(rule: CompiledRule, one: Case, knowledge: Knowledge) -> Iterator[dict[str, Fact]]:
    """Values of the missing inputs of a rule that would make it fire."""
    facts = one.inputs.facts
    missing = sorted(rule.condition.names - facts.keys() - {"kind"})
    if any(name in _NOT_ASKED for name in missing) or len(missing) > _MOST_INPUTS:
        return
    spoken = _spoken(rule, one, knowledge)
    if not missing and not spoken:
        return
    if not missing:
        yield from spoken
        return
    options = [[(name, value) for value in _candidates(rule.condition.text, name, knowledge)] for name in missing]
    for combination in islice(product(*options), _MOST_TRIALS):
        assumed: dict[str, Fact] = dict(combination)
        for more in spoken or [{}]:
            trial = {**assumed, **more}
            if rule.by_kind or _fires(rule, {**facts, **trial}):
                yield trial


def _spoken(rule: CompiledRule, one: Case, knowledge: Knowledge) -> list[dict[str, Fact]]:
    """Concepts that a rule looks for in a list of the patient file that was not given."""
    facts = one.inputs.facts
    context = facts.get("context")
    if "context" not in rule.condition.names or not isinstance(context, list):
        return []
    found: list[dict[str, Fact]] = []
    for concept in _concepts(rule.condition.text):
        where = knowledge.words.lists.get(concept)
        if where in one.inputs.silent and concept not in context:
            found.append({where: [concept], "context": sorted({*context, concept})})
    return found


def _fires(rule: CompiledRule, facts: Facts) -> bool:
    context = cel.Context(variables=dict(facts))
    try:
        return rule.condition.program.execute(context) is True
    except (RuntimeError, TypeError, ValueError):
        return False


def _candidates(text: str, name: str, knowledge: Knowledge) -> tuple[Fact, ...]:
    return _turning_points(text, name, name in LISTS)


@lru_cache(maxsize=4096)
def _turning_points(text: str, name: str, is_list: bool) -> tuple[Fact, ...]:
    """The values of an input at which a condition turns, read from the condition."""
    word = rf"(?<![\w.]){name}\b"
    quoted = r"""['"]([^'"]*)['"]"""
    if is_list:
        return tuple([found] for found in re.findall(rf"{quoted}\s+in\s+{name}\b", text))
    found: list[Fact] = []
    for number in re.findall(rf"{word}\s*[<>=!]=?\s*(-?\d+\.?\d*)", text):
        at = float(number)
        step = max(abs(at) * 0.01, 0.01)
        found += [at + step, at, at - step]
    found += re.findall(rf"{word}\s*[!=]=\s*{quoted}", text)
    found += re.findall(rf"{word}\.(?:contains|startsWith|endsWith|matches)\({quoted}\)", text)
    for group in re.findall(rf"{word}\s+in\s+\[([^\]]*)\]", text):
        found += re.findall(quoted, group)
    return tuple(dict.fromkeys(found))


@lru_cache(maxsize=4096)
def _concepts(text: str) -> tuple[str, ...]:
    return tuple(re.findall(r"""['"]([^'"]*)['"]\s+in\s+context\b""", text))


def _base_keys(names: Iterable[str], facts: Facts, knowledge: Knowledge) -> tuple[str, ...]:
    """The patient-file keys that a person would have to add so that the names become known."""
    found: list[str] = []
    for name in names:
        for key in _base_key(name, facts, knowledge):
            if key not in found and key not in facts:
                found.append(key)
    return tuple(found)


def _base_key(name: str, facts: Facts, knowledge: Knowledge) -> tuple[str, ...]:
    for state in knowledge.labs.states:
        if state.name == name:
            known = any(source in facts for source in state.of)
            # A value without a word lacks the age or sex that its reference range depends on.
            return ("age", "sex") if known else _base_key(state.of[-1], facts, knowledge)
    for combined, condition in knowledge.combined:
        if combined == name:
            return tuple(key for part in sorted(condition.names) for key in _base_key(part, facts, knowledge))
    if name in knowledge.labs.quantities or name in knowledge.labs.words or name in LISTS or name == "sex":
        return ("blood_pressure",) if name in ("systolic", "diastolic") else (name,)
    for derived, _, expression in knowledge.derived:
        if derived.name == name:
            return tuple(key for part in sorted(expression.names) for key in _base_key(part, facts, knowledge))
    return ()


def _compare(
    site: str, one: Case, verdict: Verdict, assumed: Mapping[str, Fact], asked: tuple[str, ...], knowledge: Knowledge
) -> _Change | None:
    then = judge_if(one, verdict, assumed)
    steps = then.level.rank - verdict.level.rank
    other_kind = then.kind_value != verdict.kind_value
    if not steps and not other_kind:
        return None
    would = []
    if other_kind and then.kind_value is not None:
        would.append(f"{then.kind_value} instead of {verdict.kind_value}")
    if steps:
        would.append(f"{then.level} instead of {verdict.level}")
    words = " and ".join(_word(name, value, knowledge) for name, value in assumed.items() if name != "context")
    # An alarm matters more than an all-clear, and what needs fewer answers is asked first.
    score = 3.0 * other_kind + 2.0 * abs(steps) + (1.0 if steps > 0 else 0.0) - 1.0 * (len(asked) - 1)
    return _Change(asked, f"if {words}, the {label(site)} would be {' and '.join(would)}", score)


def _word(name: str, value: Fact, knowledge: Knowledge) -> str:
    """An assumption as a person says it."""
    state = next((state for state in knowledge.labs.states if state.name == name), None)
    if state is not None:
        return f"{state.label} is {'raised' if value == 'high' else value}"
    if isinstance(value, list):
        return f"{name} include {' and '.join(item.replace('_', ' ') for item in value)}"
    quantity = knowledge.quantity(name)
    derived = next((entry for entry, _, _ in knowledge.derived if entry.name == name), None)
    named = quantity or derived or knowledge.labs.words.get(name)
    unit = quantity.unit if quantity else derived.unit if derived else ""
    shown = f"{value:g}" if isinstance(value, float) else str(value)
    combined = next((entry for entry in knowledge.labs.combined if entry.name == name), None)
    text = combined.label if combined else named.label if named else name
    return f"{text} is {shown}{f' {unit}' if unit not in ('', '1') else ''}"
