"""Parts of a finding as they leave: reasons, deposits, measures with their class."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from calciscope.domain.assessment import DepositRecord, Measure, Reason, Validity
from calciscope.domain.measured import MeasuredSite
from calciscope.domain.record import record
from calciscope.interpret.context import Facts
from calciscope.interpret.rules import CompiledRule

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


def categorised(measures: Mapping[str, Measure], fired: Sequence[CompiledRule]) -> dict[str, Measure]:
    """The measures with the classes that rules give them, each with the name of its scheme."""
    result = dict(measures)
    for rule in fired:
        category = rule.rule.then.category
        if category is None or (measure := result.get(category.measure)) is None:
            continue
        if measure.validity is Validity.REFUSED:
            continue
        name = f"{category.scheme} {category.value}"
        parts = measure.category.split("; ") if measure.category else []
        if name not in parts:
            result[category.measure] = measure.model_copy(update={"category": "; ".join([*parts, name])})
    return result


def deposit_records(site: MeasuredSite) -> tuple[DepositRecord, ...]:
    """The deposits of a site as they stand in ``deposits.csv``."""
    scores, numbers = site.deposit_agatston, site.deposit_numbers
    return tuple(
        record(one.deposit, one.placement, scores.get(one.deposit.id), numbers.get(one.deposit.id))
        for one in site.placed
    )
