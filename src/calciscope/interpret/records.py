"""Parts of a finding as they leave: reasons, deposits, measures with their class."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from calciscope.domain.assessment import DepositRecord, Measure, Reason, Validity
from calciscope.domain.measured import MeasuredSite
from calciscope.domain.record import record
from calciscope.interpret.context import Facts
from calciscope.interpret.rules import CompiledRule
from calciscope.interpret.schema import Word

# How a class came about that no person stated.
_PROPOSED = "proposed by the rules from the other values of the finding"
_QUOTED = re.compile(r"""['"]([^'"]*)['"]""")


def reason(rule: CompiledRule, facts: Facts) -> Reason:
    """A rule that fired with the inputs it saw; of long lists only the words that it looks for."""
    named = set(_QUOTED.findall(rule.condition.text))
    inputs: dict[str, float | str | bool | list[str]] = {}
    for name in sorted(rule.names & facts.keys()):
        value = facts[name]
        inputs[name] = [item for item in value if item in named] if isinstance(value, list) else value
    then = rule.rule.then
    said = f"{rule.rule.statement} {then.note}" if then.note else rule.rule.statement
    return Reason(
        rule=rule.id,
        statement=said,
        inputs=inputs,
        source=rule.rule.source,
        edition=rule.rule.edition,
        status=rule.rule.status,
        conflicts_with=rule.rule.conflicts_with,
        weights={str(kind): weight for kind, weight in then.kind.items()},
    )


def categorised(
    measures: Mapping[str, Measure], fired: Sequence[CompiledRule], words: Mapping[str, Word]
) -> dict[str, Measure]:
    """The measures with the classes that rules give them, each with the name of its scheme.

    A class on a scale of words that nobody stated, as a BI-RADS category proposed from the morphology, is a measure of
    its own: its value is the place on the scale.
    """
    result = dict(measures)
    for rule in fired:
        category = rule.rule.then.category
        if category is None:
            continue
        rank = words[category.measure].ranks.get(category.value.lower()) if category.measure in words else None
        measure = result.get(category.measure)
        if rank is not None and (measure is None or _proposed_below(measure, rank)):
            category_before = measure.category if measure is not None else None
            measure = Measure(value=rank, unit="1", category=category_before, method=_PROPOSED)
            result[category.measure] = measure
        if measure is None:
            continue
        if measure.validity is Validity.REFUSED:
            continue
        name = f"{category.scheme} {category.value}"
        parts = measure.category.split("; ") if measure.category else []
        if name not in parts:
            result[category.measure] = measure.model_copy(update={"category": "; ".join([*parts, name])})
    return result


def _proposed_below(measure: Measure, rank: float) -> bool:
    """Whether a class was proposed and another rule proposes a higher one."""
    return measure.method == _PROPOSED and measure.value is not None and measure.value < rank


def deposit_records(site: MeasuredSite) -> tuple[DepositRecord, ...]:
    """The deposits of a site as they stand in ``deposits.csv``."""
    scores, numbers = site.deposit_agatston, site.deposit_numbers
    return tuple(
        record(one.deposit, one.placement, scores.get(one.deposit.id), numbers.get(one.deposit.id))
        for one in site.placed
    )
