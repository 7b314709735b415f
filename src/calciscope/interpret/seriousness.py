"""How serious: proposals of the rules that fired, then caps, then floors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from calciscope.domain.assessment import Alternative, Seriousness
from calciscope.interpret.rules import CompiledRule

_RANK = {level: level.rank for level in Seriousness}


@dataclass(frozen=True, slots=True, eq=False)
class SeriousnessVerdict:
    """The level, the rules behind it (those that decide first), and what other editions or guidelines say."""

    value: Seriousness
    rules: tuple[CompiledRule, ...]
    alternatives: tuple[Alternative, ...]


def split_by_authority(
    fired: Sequence[CompiledRule], guidelines: str, asked: frozenset[tuple[str, str]]
) -> tuple[list[CompiledRule], list[CompiledRule]]:
    """The rules that decide, and those that are only shown: superseded, or of the guideline that was not chosen.

    ``asked`` holds ``(question, guideline)`` for every current rule of the site. The other guideline decides where the
    chosen one does not speak on the question at all.
    """
    decide: list[CompiledRule] = []
    shown: list[CompiledRule] = []
    for rule in fired:
        other = rule.rule.guideline not in (None, guidelines) and (rule.question, guidelines) in asked
        (shown if other or rule.rule.status == "superseded" else decide).append(rule)
    return decide, shown


def without_idle_defaults(decide: Sequence[CompiledRule]) -> list[CompiledRule]:
    """Without default rules of chapters, and general ones, where another rule has judged."""
    proposing = {r.chapter for r in decide if r.rule.then.seriousness is not None and not r.rule.default}
    kept = [r for r in decide if not (r.rule.default and not r.general and r.chapter in proposing)]
    judging = [r.rule.then for r in kept if not (r.rule.default and r.general)]
    any_proposal = any(then.seriousness is not None or then.at_least is not None for then in judging)
    return [r for r in kept if not (r.rule.default and r.general and any_proposal)]


def decide(deciding: Sequence[CompiledRule], shown: Sequence[CompiledRule]) -> SeriousnessVerdict:
    """The highest proposal, lowered to the lowest cap, raised to the highest floor."""
    proposals = [r.rule.then.seriousness for r in deciding if r.rule.then.seriousness is not None]
    caps = [r.rule.then.at_most for r in deciding if r.rule.then.at_most is not None]
    floors = [r.rule.then.at_least for r in deciding if r.rule.then.at_least is not None]
    level = max(proposals, key=_rank, default=Seriousness.NONE)
    level = min([level, *caps], key=_rank)
    level = max([level, *floors], key=_rank)
    speaking = [r for r in deciding if _speaks(r) and not (r.rule.default and _own(r, level).rank < level.rank)]
    speaking.sort(key=lambda rule: _weight(rule, level))
    return SeriousnessVerdict(level, tuple(speaking), tuple(_alternative(rule) for rule in shown if _speaks(rule)))


def _rank(level: Seriousness) -> int:
    return _RANK[level]


def _speaks(rule: CompiledRule) -> bool:
    then = rule.rule.then
    judges = then.seriousness or then.at_most or then.at_least or then.advice or then.category
    return bool(judges or (then.note and not then.kind and not rule.general))


def _own(rule: CompiledRule, level: Seriousness) -> Seriousness:
    """The level that a rule itself speaks for; the finding's own where it names none."""
    then = rule.rule.then
    return max((one for one in (then.seriousness, then.at_least) if one), key=_rank, default=level)


def advising(verdict: SeriousnessVerdict) -> tuple[CompiledRule, ...]:
    """The rules whose advice stands at this level.

    A benign reading's "no follow-up" does not survive a worse one, what can wait is not said beside an alarm, and an
    alarm that was capped does not advise.
    """
    return tuple(rule for rule in verdict.rules if would_advise(rule, verdict))


def would_advise(rule: CompiledRule, verdict: SeriousnessVerdict) -> bool:
    """Whether the advice of a rule would stand at this level, if it fired and did not change it."""
    top = verdict.value.rank
    # One step below the top still matters, but for an alarm only the alarm, and for the harmless all that is harmless.
    least = top if verdict.value in (Seriousness.URGENT, Seriousness.MONITOR) else top - 1
    return least <= _own(rule, verdict.value).rank <= top


def _weight(rule: CompiledRule, level: Seriousness) -> int:
    """0 for a rule that sets the level, 1 for another proposal, cap or floor, 2 for advice and notes."""
    then = rule.rule.then
    if level in (then.seriousness, then.at_least, then.at_most):
        return 0
    return 1 if then.seriousness or then.at_most or then.at_least else 2


def _alternative(rule: CompiledRule) -> Alternative:
    then = rule.rule.then
    category = f"{then.category.scheme} {then.category.value}" if then.category else None
    value = then.seriousness or then.at_least or then.at_most or category or "advice"
    marks = [rule.rule.edition or "", "" if rule.rule.status == "current" else rule.rule.status]
    note = ", ".join([*filter(None, marks)])
    said = rule.rule.statement
    return Alternative(value=str(value), why=f"{said} ({note})" if note else said)
