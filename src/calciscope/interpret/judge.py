"""One finding through the rules: which fire, what kind it is, how serious, and which rules wait for an input."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from calciscope.domain.assessment import Kind, Seriousness
from calciscope.interpret.context import Facts, Inputs, evaluator, value_of
from calciscope.interpret.kind import KindVerdict, weigh
from calciscope.interpret.rules import CompiledRule, Knowledge
from calciscope.interpret.seriousness import SeriousnessVerdict, decide, split_by_authority, without_idle_defaults


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """A finding ready to be judged.

    ``there`` says whether calcium is there at all. ``muted`` are rules that speak of a total which another finding
    (the roll-up) carries: here they weigh on the kind only. ``rules`` from the index ``asking`` on ask for the kind.
    """

    site: str
    inputs: Inputs
    rules: tuple[CompiledRule, ...]
    asked: frozenset[tuple[str, str]]
    there: bool
    guidelines: str
    margin: float
    asking: int
    muted: frozenset[str] = frozenset()

    @property
    def first(self) -> tuple[CompiledRule, ...]:
        """The rules that lead to the kind."""
        return self.rules[: self.asking]

    @property
    def second(self) -> tuple[CompiledRule, ...]:
        """The rules that ask for the kind."""
        return self.rules[self.asking :]


@dataclass(frozen=True, slots=True, eq=False)
class Verdict:
    """What the rules say of a case. ``truth`` maps the ids of rules whose inputs are known to whether they fired."""

    kind: KindVerdict | None
    seriousness: SeriousnessVerdict
    fired: tuple[CompiledRule, ...]
    truth: Mapping[str, bool]

    @property
    def kind_value(self) -> Kind | None:
        """The kind, ``None`` where nothing is there."""
        return self.kind.value if self.kind else None

    @property
    def level(self) -> Seriousness:
        """The seriousness."""
        return self.seriousness.value


def case(
    site: str,
    inputs: Inputs,
    knowledge: Knowledge,
    *,
    there: bool,
    guidelines: str,
    muted: frozenset[str] = frozenset(),
) -> Case:
    """A finding at ``site`` (without side) with the rules that hold there.

    Where nothing is there, only rules that ask for the amount speak.
    """
    rules = knowledge.at(site)
    if not there:
        rules = tuple(rule for rule in rules if rule.names & knowledge.amounts)
    asked = frozenset(
        (rule.question, rule.rule.guideline)
        for rule in rules
        if rule.rule.guideline is not None and rule.rule.status != "superseded"
    )
    rules = (*(r for r in rules if not r.by_kind), *(r for r in rules if r.by_kind))
    asking = sum(not rule.by_kind for rule in rules)
    return Case(site, inputs, rules, asked, there, guidelines, knowledge.margin, asking, muted)


def judge(one: Case) -> Verdict:
    """Runs the rules of a case: first those that lead to the kind, then those that ask for it."""
    return _judge(one, one.inputs.facts, None, frozenset())


def judge_if(one: Case, base: Verdict, more: Facts) -> Verdict:
    """The verdict if some inputs were other than they are; only the rules that use them are run again."""
    return _judge(one, {**one.inputs.facts, **more}, base, more.keys())


def _judge(one: Case, facts: Facts, base: Verdict | None, changed: AbstractSet[str]) -> Verdict:
    truth: dict[str, bool] = {}
    first = _unrefined(_run(one.first, facts, base, changed, truth))
    deciding, shown = split_by_authority(first, one.guidelines, one.asked)
    kind = weigh(deciding, one.margin) if one.there else None
    if kind is not None:
        if base is None or kind.value != base.kind_value:
            changed = {*changed, "kind"}
        second = _unrefined(_run(one.second, {**facts, "kind": str(kind.value)}, base, changed, truth))
        also_deciding, also_shown = split_by_authority(second, one.guidelines, one.asked)
        deciding, shown = deciding + also_deciding, shown + also_shown
    speaking = without_idle_defaults([rule for rule in deciding if rule.id not in one.muted])
    return Verdict(kind, decide(speaking, shown), tuple(speaking), truth)


def _unrefined(fired: list[CompiledRule]) -> list[CompiledRule]:
    """Without the rules of which a narrower one speaks instead; a rule that is silent itself silences none."""
    refined = {name for rule in fired for name in rule.rule.refines}
    if not refined:
        return fired
    speaks: dict[str, bool] = {}

    def speaking(one: CompiledRule) -> bool:
        if one.id not in speaks:
            speaks[one.id] = True  # for rules that refine each other
            above = [rule for rule in fired if one.id in rule.rule.refines] if one.id in refined else []
            speaks[one.id] = not any(speaking(rule) for rule in above)
        return speaks[one.id]

    return [rule for rule in fired if speaking(rule)]


def _run(
    rules: Sequence[CompiledRule],
    facts: Facts,
    base: Verdict | None,
    changed: AbstractSet[str],
    truth: dict[str, bool],
) -> list[CompiledRule]:
    """The rules whose inputs are known and whose condition holds; fills in ``truth``.

    What ``base`` says of a rule is kept where none of the ``changed`` inputs concerns it.
    """
    again: list[CompiledRule] = []
    fired: list[CompiledRule] = []
    known = facts.keys()
    kept = base.truth if base is not None else {}
    for rule in rules:
        if rule.id in kept and rule.names.isdisjoint(changed):
            truth[rule.id] = kept[rule.id]
            if truth[rule.id]:
                fired.append(rule)
        elif rule.names <= known:
            again.append(rule)
    if again:
        used = frozenset().union(*(rule.names for rule in again))
        context = evaluator(Inputs({name: facts[name] for name in used}))
        for rule in again:
            truth[rule.id] = value_of(rule.condition, context, f"rule {rule.id}") is True
            if truth[rule.id]:
                fired.append(rule)
    return fired
