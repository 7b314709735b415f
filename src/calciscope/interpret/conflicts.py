"""Rules that do not go together: bands with gaps or overlaps, and current rules that contradict each other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, islice, product

from calciscope.domain import site as sites
from calciscope.errors import KnowledgeError
from calciscope.interpret.assumptions import comparisons, words_compared
from calciscope.interpret.context import Inputs, evaluator, value_of
from calciscope.interpret.examples import facts_of
from calciscope.interpret.rules import CompiledRule, Knowledge
from calciscope.interpret.schema import Fact

# Values tried for one family of bands; more inputs than make this many are tried in part.
_MOST_TRIALS = 4000
# A number is tried this far beside every limit, as a share of it and at least so much.
_STEP, _LEAST_STEP = 0.001, 0.001


@dataclass(frozen=True, slots=True)
class Conflict:
    """Rules that do not go together, and why, as one line."""

    rules: frozenset[str]
    line: str

    def __str__(self) -> str:
        return self.line


def conflicts(knowledge: Knowledge) -> tuple[Conflict, ...]:
    """Every conflict between rules that are not superseded and do not name each other in ``conflicts_with``."""
    found = {one.line: one for one in (*_contradictions(knowledge), *_bands(knowledge))}
    return tuple(found.values())


def _contradictions(knowledge: Knowledge) -> Iterator[Conflict]:
    """What fires together on the inputs of an example of a rule and does not go together."""
    for rule in knowledge.rules:
        if rule.rule.status == "superseded":
            continue
        for example in rule.rule.examples:
            if example.gives is None:
                continue
            inputs = facts_of(rule, example, knowledge)
            fired = _fired(rule, inputs, knowledge)
            for one, two in combinations(fired, 2):
                if (why := _against(one, two)) and not _declared(one, two):
                    first, second = sorted((one.id, two.id))
                    yield Conflict(
                        frozenset((first, second)),
                        f"rules {first} and {second} fire together and {why}; "
                        "narrow one or name it in conflicts_with of the other",
                    )


def _fired(rule: CompiledRule, inputs: Inputs, knowledge: Knowledge) -> list[CompiledRule]:
    place = str(inputs.facts["site"])
    near = knowledge.at(place) if rule.rule.scope == "finding" else knowledge.about_patient()
    asked = [one for one in near if one.names <= inputs.facts.keys() and one.rule.status != "superseded"]
    context = evaluator(inputs)
    fired = []
    for one in asked:
        try:
            if value_of(one.condition, context, one.id) is True:
                fired.append(one)
        except KnowledgeError:
            # An example gives what its own rule needs; another rule may need another sort of value.
            continue
    return fired


def _against(one: CompiledRule, two: CompiledRule) -> str | None:
    """How two rules contradict each other when both fire, if they do.

    Different proposals on different questions are no contradiction: the higher one counts. Those of two guidelines are
    shown beside each other.
    """
    if one.rule.guideline and two.rule.guideline and one.rule.guideline != two.rule.guideline:
        return None
    first, second = one.rule.then.category, two.rule.then.category
    if first and second and (first.measure, first.scheme) == (second.measure, second.scheme):
        return f"give {first.scheme} as {first.value} and {second.value}" if first.value != second.value else None
    if one.rule.default or two.rule.default:
        return None
    levels = one.rule.then.seriousness, two.rule.then.seriousness
    if one.question == two.question and None not in levels and levels[0] != levels[1]:
        return f"answer the same question with {levels[0]} and {levels[1]}"
    for low, high in ((one, two), (two, one)):
        cap, floor = low.rule.then.at_most, high.rule.then.at_least
        if cap is not None and floor is not None and cap.rank < floor.rank:
            return f"ask for at most {cap} and at least {floor}"
    return None


def _declared(one: CompiledRule, two: CompiledRule) -> bool:
    """Whether one of them says that it may stand beside the other, or speaks instead of it."""
    named = ({*rule.rule.conflicts_with, *rule.rule.refines} for rule in (one, two))
    return bool({one.id, two.id} & set().union(*named))


def _bands(knowledge: Knowledge) -> Iterator[Conflict]:
    """Families of rules that give the same scheme to the same inputs: exactly one of them may hold."""
    families: dict[tuple[object, ...], list[CompiledRule]] = {}
    for rule in knowledge.rules:
        category = rule.rule.then.category
        if category is None or rule.rule.status == "superseded" or rule.by_kind:
            continue
        key: tuple[object, ...] = (category.measure, category.scheme, rule.rule.guideline, rule.names, rule.sites)
        families.setdefault(key, []).append(rule)
    for key, family in families.items():
        if len(family) > 1:
            yield from _family(str(key[1]), family, knowledge)


def _family(scheme: str, family: Sequence[CompiledRule], knowledge: Knowledge) -> Iterator[Conflict]:
    names = sorted(set().union(*(rule.names for rule in family)))
    whole = {name for name, quantity in knowledge.labs.quantities.items() if quantity.whole}
    numbers = {name: axis for name in names if len(axis := _numbers(family, name, name in whole)) > 1}
    if not numbers:
        return
    words = {name: spoken for name in names if name not in numbers and (spoken := _words(family, name))}
    if set(names) - numbers.keys() - words.keys() - {"context", "site", "side"}:
        return
    axes: Mapping[str, Sequence[Fact]] = {**words, **numbers}
    seen: dict[tuple[Fact, ...], list[CompiledRule]] = {}
    for values in islice(product(*axes.values()), _MOST_TRIALS):
        facts: dict[str, Fact] = {"context": [], **dict(zip(axes, values, strict=True))}
        facts.setdefault("site", sites.split(family[0].sites[0])[0] if family[0].sites else sites.UNPLACED)
        if set(names) - facts.keys():
            return
        context = evaluator(Inputs(facts))
        seen[values] = [rule for rule in family if value_of(rule.condition, context, rule.id) is True]
    for values, held in seen.items():
        if len({rule.rule.then.category for rule in held}) > 1 and not _declared(held[0], held[1]):
            given = ", ".join(f"{n} {v}" for n, v in zip(axes, values, strict=True))
            ids = sorted(rule.id for rule in held)
            yield Conflict(frozenset(ids), f"rules {' and '.join(ids)}: bands of {scheme} overlap at {given}")
            return
    yield from _gaps(scheme, tuple(axes), list(numbers), seen)


def _gaps(
    scheme: str, axes: tuple[str, ...], numbers: Sequence[str], seen: Mapping[tuple[Fact, ...], list[CompiledRule]]
) -> Iterator[Conflict]:
    """Values in no band with bands on both sides of them."""
    for name in numbers:
        at = axes.index(name)
        lines: dict[tuple[Fact, ...], list[tuple[float, list[CompiledRule]]]] = {}
        for values, held in seen.items():
            rest = (*values[:at], *values[at + 1 :])
            lines.setdefault(rest, []).append((float(values[at]), held))  # type: ignore[arg-type]  # a number's axis
        for line in lines.values():
            line.sort(key=lambda point: point[0])
            inside = [number for number, (_, held) in enumerate(line) if held]
            for number in range(inside[0], inside[-1]) if inside else ():
                if not line[number][1]:
                    below = line[max(k for k in inside if k < number)][1][0].id
                    above = line[min(k for k in inside if k > number)][1][0].id
                    yield Conflict(
                        frozenset((below, above)),
                        f"rules {below} and {above}: no band of {scheme} holds {name} {line[number][0]:g}",
                    )
                    return


def _numbers(family: Sequence[CompiledRule], name: str, whole: bool) -> list[float]:
    """Values at, just below and just above every number that the rules compare an input with."""
    limits = {at for rule in family for _, at in comparisons(rule.condition.text, name)}
    if whole:
        return [float(at) for at in range(int(min(limits)), int(max(limits)) + 1)] if limits else []
    points = {value for at in limits for value in (at, at - _step(at), at + _step(at))}
    middles = [(low + high) / 2 for low, high in zip(sorted(limits), sorted(limits)[1:], strict=False)]
    return sorted({value for value in (*points, *middles) if value >= 0.0})


def _step(at: float) -> float:
    return max(abs(at) * _STEP, _LEAST_STEP)


def _words(family: Sequence[CompiledRule], name: str) -> list[str]:
    return sorted({word for rule in family for word in words_compared(rule.condition.text, name)})
