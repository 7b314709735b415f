"""Numbers that follow from a score and the patient: percentile, arterial age and risk by published equations.

Equations, tables and the ranges for which they were made are data (``knowledge/risk``); this module only computes.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from pydantic import BaseModel, ConfigDict

from calciscope.domain.assessment import Measure, Validity
from calciscope.domain.knowledge import EMBEDDED, load_yaml
from calciscope.interpret.context import Inputs, evaluator, value_of
from calciscope.interpret.folders import validated
from calciscope.interpret.rules import Condition, Knowledge, condition_of
from calciscope.interpret.schema import Status

FOLDER = EMBEDDED / "risk"
# Percentiles of a ladder are 1 to this.
_TOP = 99
Form = Literal["ladder", "linear", "survival", "logistic"]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Excluded(_Model):
    """Concepts with which a number is refused, and why."""

    concepts: tuple[str, ...]
    why: str


class Term(_Model):
    """A summand: CEL over the inputs, times a coefficient."""

    of: str
    times: float


class Equation(_Model):
    """One number: what it needs, for whom it holds, and how it is computed."""

    name: str
    label: str
    unit: str
    sites: tuple[str, ...]
    form: Form
    needs: tuple[str, ...]
    valid: dict[str, tuple[float, float]] = {}
    excludes: Excluded | None = None
    assumes: tuple[str, ...] = ()
    survival: float | None = None
    table: str | None = None
    terms: tuple[Term, ...] = ()
    source: str
    status: Status


class Outcome(_Model):
    """A column of a family's table and the inputs that only it needs."""

    column: str
    label: str
    needs: tuple[str, ...] = ()


class Version(_Model):
    """A version of an equation and the optional inputs that it uses."""

    label: str
    needs: tuple[str, ...] = ()


class Family(_Model):
    """An equation in several versions, for several outcomes and spans of years."""

    name: str
    label: str
    unit: str
    sites: tuple[str, ...]
    form: Form
    table: str
    outcomes: dict[str, Outcome]
    years: dict[int, dict[str, tuple[float, float]]]
    needs: tuple[str, ...]
    valid: dict[str, tuple[float, float]]
    excludes: Excluded | None = None
    assumes: tuple[str, ...] = ()
    versions: dict[str, Version]
    terms: dict[str, str]
    source: str
    status: Status


class RiskFile(_Model):
    """``knowledge/risk/risk.yaml``."""

    concepts_of_disease: Excluded
    models: tuple[Equation, ...]
    families: tuple[Family, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Computable:
    """An equation ready to run for one sex (or both), with its compiled terms."""

    equation: Equation
    terms: tuple[tuple[Condition, float], ...]
    sex: str | None = None


def of_finding(site: str, inputs: Inputs, knowledge: Knowledge) -> Mapping[str, Measure]:
    """What can be computed for a finding at ``site`` (without side), by name.

    A number whose inputs are not all known is absent; one whose inputs lie where the equation does not hold is refused
    with the reason; one that took a list of the patient file for empty is ``adjusted`` and says so.
    """
    found: dict[str, Measure] = {}
    for one in computables(knowledge.names):
        equation = one.equation
        if equation.name in found or site not in equation.sites:
            continue
        if one.sex not in (None, inputs.facts.get("sex")) or not set(equation.needs) <= inputs.facts.keys():
            continue
        found[equation.name] = _measure(one, inputs, knowledge)
    return MappingProxyType(found)


def _measure(one: Computable, inputs: Inputs, knowledge: Knowledge) -> Measure:
    equation = one.equation
    method = knowledge.sources[equation.source].citation
    if why := _outside(equation, inputs, knowledge):
        return Measure(value=None, unit=equation.unit, method=method, validity=Validity.REFUSED, why=why)
    taken = [name for name in equation.assumes if name in inputs.silent]
    return Measure(
        value=_rounded(_value(one, inputs)),
        unit=equation.unit,
        method=f"{equation.label}; {method}",
        validity=Validity.ADJUSTED if taken else Validity.VALID,
        why=f"{_and(taken)} not given: taken to hold nothing, so the true value may be higher" if taken else None,
    )


def _outside(equation: Equation, inputs: Inputs, knowledge: Knowledge) -> str | None:
    """Why an equation does not hold for these inputs, if it does not."""
    excluded = equation.excludes
    context = inputs.facts.get("context")
    if excluded and isinstance(context, list):
        known = [concept.replace("_", " ") for concept in excluded.concepts if concept in context]
        if known:
            return f"{excluded.why}, and {_and(known)} is known"
    for name, (low, high) in equation.valid.items():
        value = inputs.facts.get(name)
        if name in equation.needs and isinstance(value, float) and not low <= value < high:
            quantity = knowledge.quantity(name)
            derived = next((entry for entry, _, _ in knowledge.derived if entry.name == name), None)
            named = quantity or derived
            unit = f" {named.unit}" if named and named.unit not in ("", "1") else ""
            return f"{named.label if named else name} {value:g} is outside {low:g} to {high:g}{unit}"
    return None


def _value(one: Computable, inputs: Inputs) -> float:
    equation = one.equation
    if equation.form == "ladder":
        return _percentile(equation, inputs)
    context = evaluator(inputs)
    x = 0.0
    for condition, times in one.terms:
        value = value_of(condition, context, equation.name)
        x += times * (float(value) if isinstance(value, int | float) else math.nan)
    if equation.form == "linear":
        return x
    if equation.form == "survival":
        return 100.0 * (1.0 - math.pow(equation.survival or 1.0, math.exp(x)))
    return 100.0 / (1.0 + math.exp(-x))


def _percentile(equation: Equation, inputs: Inputs) -> float:
    """The highest percentile whose smallest score the score reaches; 0 where there is no calcium."""
    facts = inputs.facts
    score = facts["agatston"]
    assert isinstance(score, float)
    if score <= 0.0:
        return 0.0
    key = (str(facts["ancestry"]), str(facts["sex"]), math.floor(float(facts["age"])))  # type: ignore[arg-type]
    ladder = _ladders(equation.table or "")[key]
    # The table is of whole scores, and any calcium at all is at least 1.
    whole = max(1, round(score))
    return float(sum(1 for least in ladder if whole >= least))


@lru_cache(maxsize=2)
def _ladders(table: str) -> Mapping[tuple[str, str, int], tuple[int, ...]]:
    with (FOLDER / table).open(encoding="utf-8", newline="") as file:
        return {
            (row["ancestry"], row["sex"], int(row["age"])): tuple(int(row[f"p{n}"]) for n in range(1, _TOP + 1))
            for row in csv.DictReader(file)
        }


def _rounded(value: float) -> float:
    """To three figures, which is more than any of these equations can know."""
    return float(f"{value:.3g}")


def _and(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


@lru_cache(maxsize=1)
def file() -> RiskFile:
    """The equations as the file says them."""
    data = load_yaml(FOLDER / "risk.yaml")
    return validated(RiskFile, data, "risk.yaml")


@lru_cache(maxsize=4)
def computables(names: frozenset[str]) -> tuple[Computable, ...]:
    """Every equation compiled, in the order in which it is tried; ``names`` are the inputs that conditions may use."""

    @cache
    def compiled(text: str) -> Condition:
        return condition_of(text, names, "risk.yaml")

    made = [
        Computable(equation, tuple((compiled(term.of), term.times) for term in equation.terms))
        for equation in file().models
    ]
    for family in file().families:
        made += _members(family, compiled)
    return tuple(made)


def _members(family: Family, compiled: Callable[[str], Condition]) -> list[Computable]:
    """A family's equations, one for each version, span, outcome and sex; the fullest version first."""
    rows = _coefficients(family.table)
    made = []
    for version, details in family.versions.items():
        for years, ages in family.years.items():
            for outcome, column in family.outcomes.items():
                equation = Equation(
                    name=f"{family.name}_{outcome}_{years}y",
                    label=family.label.format(years=years, outcome=column.label, version=details.label),
                    unit=family.unit,
                    sites=family.sites,
                    form=family.form,
                    needs=(*family.needs, *column.needs, *details.needs),
                    valid={**family.valid, **ages},
                    excludes=family.excludes,
                    assumes=family.assumes,
                    source=family.source,
                    status=family.status,
                )
                for sex in ("female", "male"):
                    terms = [
                        (compiled(family.terms[term]), float(row[f"{sex}_{column.column}"]))
                        for (model, span, term), row in rows.items()
                        if (model, span) == (version, years) and float(row[f"{sex}_{column.column}"]) != 0.0
                    ]
                    made.append(Computable(equation, tuple(terms), sex))
    return made


@lru_cache(maxsize=2)
def _coefficients(table: str) -> Mapping[tuple[str, int, str], Mapping[str, str]]:
    with (Path(FOLDER) / table).open(encoding="utf-8", newline="") as lines:
        return {(row["model"], int(row["years"]), row["term"]): row for row in csv.DictReader(lines)}
