"""What kind of calcification: the weights of the rules that fired, added up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from calciscope.domain.assessment import Alternative, Kind
from calciscope.interpret.rules import CompiledRule


@dataclass(frozen=True, slots=True, eq=False)
class KindVerdict:
    """The kind, the rules that weigh on it (strongest for it first) and the other kinds with their totals.

    ``between`` are the kinds that stand too close to tell apart, the likeliest first; empty where one is clear.
    """

    value: Kind
    rules: tuple[CompiledRule, ...]
    alternatives: tuple[Alternative, ...]
    totals: tuple[tuple[Kind, float], ...]
    between: tuple[Kind, ...] = ()


def weigh(fired: Sequence[CompiledRule], margin: float) -> KindVerdict:
    """The kind with the highest total; indeterminate where none is above zero or two stand within ``margin``."""
    totals: dict[Kind, float] = {}
    for rule in fired:
        for kind, weight in rule.rule.then.kind.items():
            totals[kind] = totals.get(kind, 0.0) + weight
    ranked = sorted(totals.items(), key=lambda item: (-item[1], item[0]))
    positive = [(kind, total) for kind, total in ranked if total > 0]
    clear = bool(positive) and (len(positive) == 1 or positive[0][1] - positive[1][1] > margin)
    value = positive[0][0] if clear else Kind.INDETERMINATE
    leading = positive[0][0] if positive else None
    weighing = _said([rule for rule in fired if rule.rule.then.kind], leading)
    others = [(kind, total) for kind, total in positive if kind != value and _supported(kind, weighing)]
    weighing.sort(key=lambda rule: -rule.rule.then.kind.get(leading, 0.0) if leading else 0.0)
    return KindVerdict(
        value=value,
        rules=tuple(weighing),
        alternatives=tuple(
            Alternative(value=kind, why=_why(kind, weighing), total=round(total, 2)) for kind, total in others
        ),
        totals=tuple(ranked),
        between=() if clear else tuple(kind for kind, total in others if total >= positive[0][1] - margin),
    )


def _said(weighing: list[CompiledRule], leading: Kind | None) -> list[CompiledRule]:
    """The rules to show: a default is not a reason beside a rule that speaks for the leading kind by itself."""
    own = [rule for rule in weighing if not rule.rule.default]
    return own if leading is not None and _supported(leading, own) else weighing


def _supported(kind: Kind, rules: Sequence[CompiledRule]) -> bool:
    return any(rule.rule.then.kind.get(kind, 0.0) > 0 for rule in rules)


def _why(kind: Kind, rules: Sequence[CompiledRule]) -> str:
    """The sentences that speak for a kind, the strongest first."""
    support = [rule for rule in rules if rule.rule.then.kind.get(kind, 0.0) > 0]
    support.sort(key=lambda rule: -rule.rule.then.kind[kind])
    return " ".join(rule.rule.statement for rule in support[:2])
