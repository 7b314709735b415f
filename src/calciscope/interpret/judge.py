"""One finding through the rules: which fire, what kind it is, how serious, and which rules wait for an input."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cel

from calciscope.domain.assessment import Kind, Seriousness
from calciscope.interpret.context import Facts, Inputs, evaluator, value_of
from calciscope.interpret.kind import KindVerdict, weigh
from calciscope.interpret.rules import CompiledRule, Knowledge
from calciscope.interpret.seriousness import SeriousnessVerdict, decide, split_by_authority, without_idle_defaults


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """A finding ready to be judged.

    ``there`` says whether calcium is there at all. ``muted`` are rules that speak of a total which another finding
    (the roll-up) carries: here they weigh on the kind only.
    """

    site: str
    inputs: Inputs
    rules: tuple[CompiledRule, ...]
    asked: frozenset[tuple[str, str]]
    there: bool
    guidelines: str
    margin: float
    muted: frozenset[str] = frozenset()


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
        rules = tuple(rule for rule in rules if rule.condition.names & knowledge.amounts)
    asked = frozenset(
        (rule.question, rule.rule.guideline)
        for rule in rules
        if rule.rule.guideline is not None and rule.rule.status != "superseded"
    )
    return Case(site, inputs, rules, asked, there, guidelines, knowledge.margin, muted)


def judge(one: Case) -> Verdict:
    """Runs the rules of a case: first those that lead to the kind, then those that ask for it."""
    return _judge(one, one.inputs.facts, {})


def judge_if(one: Case, base: Verdict, more: Facts) -> Verdict:
    """The verdict if some inputs were other than they are; only the rules that use them are run again."""
    changed = more.keys()
    kept = {
        rule.rule.id: base.truth[rule.rule.id]
        for rule in one.rules
        if rule.rule.id in base.truth and not rule.by_kind and rule.condition.names.isdisjoint(changed)
    }
    return _judge(one, {**one.inputs.facts, **more}, kept)


def _judge(one: Case, facts: Facts, kept: Mapping[str, bool]) -> Verdict:
    context = evaluator(Inputs(facts))
    truth = dict(kept)
    first = _run([rule for rule in one.rules if not rule.by_kind], facts, context, truth)
    deciding, shown = split_by_authority(first, one.guidelines, one.asked)
    kind = weigh(deciding, one.margin) if one.there else None
    if kind is not None:
        context.add_variable("kind", str(kind.value))
        second = _run([rule for rule in one.rules if rule.by_kind], {**facts, "kind": kind.value}, context, truth)
        also_deciding, also_shown = split_by_authority(second, one.guidelines, one.asked)
        deciding, shown = deciding + also_deciding, shown + also_shown
    speaking = without_idle_defaults([rule for rule in deciding if rule.rule.id not in one.muted])
    return Verdict(kind, decide(speaking, shown), tuple(speaking), truth)


def _run(
    rules: Sequence[CompiledRule], facts: Facts, context: cel.Context, truth: dict[str, bool]
) -> list[CompiledRule]:
    """The rules whose inputs are known and whose condition holds; fills in ``truth``."""
    fired = []
    for rule in rules:
        rule_id = rule.rule.id
        if rule_id not in truth:
            if not rule.condition.names <= facts.keys():
                continue
            truth[rule_id] = value_of(rule.condition, context, f"rule {rule_id}") is True
        if truth[rule_id]:
            fired.append(rule)
    return fired
