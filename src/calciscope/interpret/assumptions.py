"""Values of missing inputs at which the conditions of waiting rules turn."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import islice, product

import cel

from calciscope.domain.assessment import Seriousness
from calciscope.interpret.context import FUNCTIONS, Facts
from calciscope.interpret.folders import LISTS
from calciscope.interpret.judge import Case, Verdict
from calciscope.interpret.rules import IMAGE_ONLY, CompiledRule, Knowledge
from calciscope.interpret.schema import Fact
from calciscope.interpret.seriousness import would_advise

# A rule that waits for more inputs than this is too far from firing to be worth asking for all of them.
_MOST_INPUTS = 3
_MOST_TRIALS = 24
# Never asked for: they come with the place or the image, or nobody could look them up.
_NOT_ASKED = IMAGE_ONLY | {"kind", "site", "side", "sites", "organs", "context", "ancestry"}
_QUOTED = r"""['"]([^'"]*)['"]"""
_SPOKEN = re.compile(rf"{_QUOTED}\s+in\s+context\b")
_SPOKEN_ANY = re.compile(r"\[([^\]]*)\]\s*\.\s*exists\(\s*(\w+)\s*,\s*\2\s+in\s+context\s*\)")
Assumed = str | float | bool | tuple[str, ...]
_OPPOSITE = {">": "<", "<": ">", ">=": "<=", "<=": ">=", "==": "==", "!=": "!="}


@dataclass(frozen=True, slots=True)
class Assumption:
    """Inputs with the values they might have, the condition that asked for them, and whether that is seldom met.

    ``advice`` is all that the rule which asked would add, where it changes neither a kind nor a level; ``status`` is
    that of the rule.
    """

    facts: tuple[tuple[str, Assumed], ...]
    text: str = field(default="", compare=False)
    rare: bool = field(default=False, compare=False)
    advice: str = field(default="", compare=False)
    status: str = field(default="current", compare=False)

    @property
    def names(self) -> tuple[str, ...]:
        """The inputs that are assumed."""
        return tuple(name for name, _ in self.facts)

    def parts(self) -> tuple[Assumption, ...]:
        """Every smaller assumption that leaves out one input."""
        if len(self.facts) < 2:
            return ()
        return tuple(
            Assumption(self.facts[:i] + self.facts[i + 1 :], self.text, self.rare) for i in range(len(self.facts))
        )

    def added_to(self, facts: Facts) -> dict[str, Fact]:
        """The assumed values as inputs; a concept assumed in a list is in ``context`` too."""
        more: dict[str, Fact] = {}
        spoken: set[str] = set()
        for name, value in self.facts:
            more[name] = list(value) if isinstance(value, tuple) else value
            spoken.update(value if isinstance(value, tuple) and name in LISTS else ())
        if spoken:
            context = facts.get("context")
            more["context"] = sorted({*(context if isinstance(context, list) else ()), *spoken})
        return more


def assumptions(one: Case, verdict: Verdict, knowledge: Knowledge) -> tuple[Assumption, ...]:
    """What would make a waiting rule fire that could change the verdict or add an advice, the fewest inputs first."""
    found: dict[Assumption, Assumption] = {}
    refined = {name for rule in verdict.fired for name in rule.rule.refines}
    safe = _lead(verdict, one.margin)
    weights = _weights(one.first)
    for rule in one.rules:
        if rule.id in one.muted or rule.rule.status == "superseded" or rule.rule.default:
            continue
        moves = _moves_level(rule, verdict.level)
        advises = not rule.rule.rare and _could_advise(rule, one, verdict, refined, knowledge)
        if not moves and not advises and not rule.rule.then.kind:
            continue
        for assumption in _of_rule(rule, one, verdict, knowledge):
            if not moves and (not rule.rule.then.kind or _at_stake(assumption, weights) < safe):
                # For an advice alone one question is enough.
                if not advises or len(assumption.facts) > 1:
                    continue
                assumption = replace(assumption, advice=rule.rule.then.advice or "")
            known = found.setdefault(assumption, assumption)
            if (known.rare and not assumption.rare) or (known.advice and not assumption.advice):
                found[assumption] = assumption
    return tuple(sorted(found.values(), key=lambda assumption: len(assumption.facts)))


def _could_advise(rule: CompiledRule, one: Case, verdict: Verdict, refined: set[str], knowledge: Knowledge) -> bool:
    """Whether a rule would add an advice if it fired: none that stands already, of the guideline that speaks here.

    Of what is harmless only a test is worth asking for; nobody needs to know which other words would say so.
    """
    then, own = rule.rule.then, rule.rule.guideline
    if verdict.level.rank < Seriousness.MONITOR.rank and not _measurable(rule, one.inputs.facts, knowledge):
        return False
    if then.advice is None or rule.id in refined or not would_advise(rule, verdict.seriousness):
        return False
    if own not in (None, one.guidelines) and (rule.question, one.guidelines) in one.asked:
        return False
    return all(fired.rule.then.advice != then.advice for fired in verdict.fired)


def _measurable(rule: CompiledRule, facts: Facts, knowledge: Knowledge) -> bool:
    """Whether all that a rule waits for are tests of the patient, which are worth asking for also for an advice."""
    absent = rule.names - facts.keys() - {"kind"}
    states = {state.name for state in knowledge.labs.states}
    return bool(absent) and all(name in states or is_test(name, knowledge) for name in absent)


def is_test(name: str, knowledge: Knowledge) -> bool:
    """Whether an input is a laboratory value or a measure of function."""
    quantity = knowledge.quantity(name)
    return quantity is not None and quantity.group in ("labs", "function")


def _moves_level(rule: CompiledRule, level: Seriousness) -> bool:
    """Whether a rule would move this level if it fired."""
    then = rule.rule.then
    raises = [step for step in (then.seriousness, then.at_least) if step is not None]
    lowers = then.at_most is not None and then.at_most.rank < level.rank
    return lowers or any(step.rank > level.rank for step in raises)


def _lead(verdict: Verdict, margin: float) -> float:
    """How much weight must move before the kind can change; 0 where two kinds already stand close."""
    totals = [total for _, total in verdict.kind.totals] if verdict.kind else []
    return max(totals[0] - max([*totals[1:], 0.0]) - margin, 0.0) if totals else 0.0


def _weights(rules: Sequence[CompiledRule]) -> dict[str, float]:
    """The most that the rules which use an input, or look for a concept, can move between kinds."""
    found: dict[str, float] = {}
    for rule in rules:
        if rule.rule.then.kind:
            most = sum(abs(weight) for weight in rule.rule.then.kind.values())
            for name in (*rule.names, *spoken_concepts(rule.condition.text)):
                found[name] = found.get(name, 0.0) + most
    return found


def _at_stake(assumption: Assumption, weights: Mapping[str, float]) -> float:
    concepts = [concept for _, value in assumption.facts if isinstance(value, tuple) for concept in value]
    return sum(weights.get(name, 0.0) for name in (*assumption.names, *concepts))


def _of_rule(rule: CompiledRule, one: Case, verdict: Verdict, knowledge: Knowledge) -> Iterator[Assumption]:
    facts = one.inputs.facts
    absent = rule.names - facts.keys() - {"kind"}
    if len(absent) > _MOST_INPUTS or not absent.isdisjoint(_NOT_ASKED) or any(_computed(n, knowledge) for n in absent):
        return
    spoken = _unspoken(rule, one, knowledge) if "context" in rule.names else []
    if (not absent and not spoken) or (rule.by_kind and verdict.kind is None):
        return
    missing = sorted(absent)
    known: dict[str, Fact] = {name: facts[name] for name in rule.names & facts.keys()}
    if verdict.kind is not None:
        known["kind"] = str(verdict.kind.value)
    options = [[(name, value) for value in _values(rule, name) if _sayable(name, value, knowledge)] for name in missing]
    said: Sequence[tuple[tuple[str, tuple[str, ...]], ...]] = [(), *(((where, (what,)),) for where, what in spoken)]
    tried: set[tuple[str, ...]] = set()
    for combination in islice(product(*options), _MOST_TRIALS):
        for more in said:
            assumption = Assumption((*combination, *more), rule.condition.text, rule.rule.rare, status=rule.rule.status)
            names = tuple(f"{name}{value if name in LISTS else ''}" for name, value in assumption.facts)
            # One way to make a rule fire is enough for each set of inputs.
            if not assumption.facts or names in tried or not _consistent(assumption, facts, knowledge):
                continue
            if _fires(rule, {**known, **assumption.added_to(facts)}):
                tried.add(names)
                yield assumption


def _consistent(assumption: Assumption, facts: Facts, knowledge: Knowledge) -> bool:
    """Whether a word that is computed from states can be what is assumed, with the states that are known.

    It must tell what the states are: "abnormal" can mean many things, and rules about each of them ask by themselves.
    """
    assumed = dict(assumption.facts)
    for name, condition in knowledge.combined:
        if name in assumed:
            known = {part: assumed.get(part, facts.get(part)) for part in condition.names}
            options = [[value] if value is not None else ["low", "normal", "high"] for value in known.values()]
            ways = (dict(zip(known, way, strict=True)) for way in product(*options))
            meant = [way for way in ways if condition.program.execute(cel.Context(variables=way)) == assumed[name]]
            if len(meant) != 1:
                return False
    return True


def _computed(name: str, knowledge: Knowledge) -> bool:
    """Whether nobody states an input: it follows from others, for which other rules ask."""
    quantity = knowledge.quantity(name)
    return quantity is not None and quantity.group == "risk"


def _unspoken(rule: CompiledRule, one: Case, knowledge: Knowledge) -> list[tuple[str, str]]:
    """Concepts that a rule looks for whose list of the patient file was not given, with the name of the list."""
    context = one.inputs.facts.get("context")
    found = []
    for concept in spoken_concepts(rule.condition.text):
        where = knowledge.words.lists.get(concept)
        if concept in one.inputs.denied:
            continue
        if where in one.inputs.silent and isinstance(context, list) and concept not in context:
            found.append((where, concept))
    return found


@lru_cache(maxsize=4096)
def spoken_concepts(text: str) -> tuple[str, ...]:
    """The concepts that a condition looks for in ``context``."""
    several = [concept for group, _ in _SPOKEN_ANY.findall(text) for concept in re.findall(_QUOTED, group)]
    return tuple(dict.fromkeys([*_SPOKEN.findall(text), *several]))


def _fires(rule: CompiledRule, facts: Facts) -> bool:
    try:
        return rule.condition.program.execute(cel.Context(variables=dict(facts), functions=FUNCTIONS)) is True
    except (RuntimeError, TypeError, ValueError):
        # An assumed value may be of a sort that the rest of the condition cannot use; then it is no way to fire.
        return False


def _sayable(name: str, value: Assumed, knowledge: Knowledge) -> bool:
    """Whether a value can be suggested: of where it lies, beside the site, only a word of the vocabulary."""
    return name not in knowledge.told_by_site or value in knowledge.words.values.get(name, {}).values()


def _values(rule: CompiledRule, name: str) -> tuple[Assumed, ...]:
    if comparisons(rule.condition.text, name) == ((">", 0.0),):
        return ()  # it asks whether there is a number, not how large it is
    return _turning_points(rule.condition.text, name) or tuple(
        value
        for example in rule.rule.examples
        if example.gives is not None and isinstance(value := example.given.get(name), str | float)
    )


@lru_cache(maxsize=8192)
def comparisons(text: str, name: str) -> tuple[tuple[str, float], ...]:
    """The numbers that a condition compares an input with: ``(('>', 5.0), ('<=', 10.0))``."""
    number = r"(-?\d+\.?\d*)"
    forward = re.findall(rf"(?<![\w.]){name}\s*([<>=!]=|[<>])\s*{number}", text)
    backward = re.findall(rf"{number}\s*([<>=!]=|[<>])\s*{name}\b", text)
    found = [(op, float(at)) for op, at in forward] + [(_OPPOSITE[op], float(at)) for at, op in backward]
    return tuple(found)


@lru_cache(maxsize=8192)
def _turning_points(text: str, name: str) -> tuple[Assumed, ...]:
    """One value on the side of each comparison that holds, and the words that an input is compared with."""
    if name in LISTS:
        return tuple((found,) for found in re.findall(rf"{_QUOTED}\s+in\s+{name}\b", text))
    found: list[Assumed] = []
    for op, at in comparisons(text, name):
        step = max(abs(at) * 0.01, 0.01)
        found.append(at + step if op in (">", "!=") else at - step if op == "<" else at)
    return tuple(dict.fromkeys([*found, *words_compared(text, name)]))


def words_compared(text: str, name: str) -> list[str]:
    """The words that a condition compares an input with."""
    word = rf"(?<![\w.]){name}\b"
    found: list[str] = re.findall(rf"{word}\s*==\s*{_QUOTED}", text)
    for group in re.findall(rf"{word}\s+in\s+\[([^\]]*)\]", text):
        found += re.findall(_QUOTED, group)
    return found
