"""Two dates: what follows from two values of one site, and whether that is progression by a published definition.

Inputs, definitions and the sites they hold for are data (``knowledge/progression.yaml``); this module only computes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache, lru_cache
from types import MappingProxyType
from typing import Literal

from pydantic import BaseModel, ConfigDict

from calciscope.domain.assessment import Measure
from calciscope.domain.knowledge import EMBEDDED, load_yaml
from calciscope.interpret.context import Inputs, evaluator, value_of
from calciscope.interpret.folders import validated
from calciscope.interpret.rules import Condition, condition_of
from calciscope.interpret.schema import Status

_FILE = "progression.yaml"
_DAYS_A_YEAR = 365.25
_VALUES = frozenset({"before", "after", "years"})


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Limit(_Model):
    """A number with where it comes from."""

    value: float
    source: str
    status: Status


class Share(_Model):
    """A share of 1 with where it comes from."""

    share: float
    source: str
    status: Status


class Input(_Model):
    """A number from two values of the measure ``of``: CEL over ``before``, ``after`` and ``years``."""

    name: str
    of: str
    unit: str
    when: str | None = None
    expression: str


class Definition(_Model):
    """A published definition of progression: CEL over inputs."""

    name: str
    label: str
    needs: tuple[str, ...]
    when: str
    text: str
    source: str
    status: Status


class Difference(_Model):
    """A difference of two acquisitions and what it does to the change of some measures."""

    id: str
    when: str
    measures: tuple[str, ...]
    validity: Literal["adjusted", "refused"]
    why: str
    errs: str
    source: str
    status: Status


class ProgressionFile(_Model):
    """``knowledge/progression.yaml``."""

    sites: tuple[str, ...]
    made_for: str
    interscan: Share
    shortest_years: Limit
    inputs: tuple[Input, ...]
    definitions: tuple[Definition, ...]
    differences: tuple[Difference, ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a definition says: ``progression`` is ``None`` where an input is missing, and ``why`` says which."""

    definition: Definition
    progression: bool | None
    why: str | None = None


@cache
def data() -> ProgressionFile:
    """What the knowledge says about two dates."""
    return validated(ProgressionFile, load_yaml(EMBEDDED / _FILE), _FILE)


def years_between(old: date, new: date) -> float:
    """Years from one day to another, negative where the first is the later one."""
    return (new - old).days / _DAYS_A_YEAR


def inputs_of(
    before: Mapping[str, float], after: Mapping[str, float], years: float | None
) -> Mapping[str, tuple[float, str]]:
    """The inputs that two sets of values give, by name with their unit; rates only where ``years`` is above zero."""
    found: dict[str, tuple[float, str]] = {}
    for one in data().inputs:
        if one.of not in before or one.of not in after:
            continue
        facts = {"before": before[one.of], "after": after[one.of]}
        if years is not None and years > 0:
            facts["years"] = years
        expression = _compiled(one.expression)
        when = _compiled(one.when) if one.when else None
        if not expression.names | (when.names if when else frozenset()) <= facts.keys():
            continue
        context = evaluator(Inputs(facts))
        if when is None or value_of(when, context, _FILE) is True:
            found[one.name] = (float(str(value_of(expression, context, _FILE))), one.unit)
    return MappingProxyType(found)


def verdicts(inputs: Mapping[str, float]) -> tuple[Verdict, ...]:
    """What each definition says of these inputs."""
    found = []
    for one in data().definitions:
        missing = [name for name in one.needs if name not in inputs]
        if missing:
            why = "needs " + " and ".join(name.replace("_", " ") for name in missing)
            found.append(Verdict(one, None, why))
            continue
        facts: dict[str, float | bool | str | list[str]] = {name: inputs[name] for name in one.needs}
        said = value_of(_over_inputs(one.when), evaluator(Inputs(facts)), _FILE)
        found.append(Verdict(one, said is True))
    return tuple(found)


def measures_of(
    site: str, before: Mapping[str, float], after: Mapping[str, float], years: float | None, since: str
) -> Mapping[str, Measure]:
    """The inputs of rules that two values of a site give, as measures of the finding; none where no rule uses them."""
    if site not in data().sites:
        return MappingProxyType({})
    method = f"from the values of two dates, {since}"
    return MappingProxyType(
        {
            name: Measure(value=value, unit=unit, method=method)
            for name, (value, unit) in inputs_of(before, after, years).items()
        }
    )


def inputs_of_definitions() -> Sequence[str]:
    """The names that definitions can use."""
    return tuple(one.name for one in data().inputs)


@lru_cache(maxsize=64)
def _compiled(text: str) -> Condition:
    return condition_of(text, _VALUES, _FILE)


@lru_cache(maxsize=64)
def _over_inputs(text: str) -> Condition:
    return condition_of(text, frozenset(inputs_of_definitions()), _FILE)
