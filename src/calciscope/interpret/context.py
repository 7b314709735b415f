"""The inputs of rules: what is known of the patient and of one finding, under the names that conditions use."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cel

from calciscope.domain.measured import MeasuredSite
from calciscope.domain.patient import Patient
from calciscope.domain.site import REGIONS, UNPLACED, split, within
from calciscope.errors import KnowledgeError
from calciscope.interpret.folders import LISTS
from calciscope.interpret.rules import Condition, Knowledge
from calciscope.interpret.schema import Band, Fact

FUNCTIONS: dict[str, Callable[..., Any]] = {"pow": math.pow, "min": min, "max": max, "ln": math.log}
Facts = Mapping[str, Fact]
# Under this key a finding has words of the vocabulary that are said of it and of no other ("obstructing stone").
SAID = "said"


@dataclass(frozen=True, slots=True, eq=False)
class Inputs:
    """Known inputs by name. ``silent`` are lists of the patient file that were not given at all, or only in part.

    ``denied`` are concepts that were said not to be so, for which nobody need ask.
    """

    facts: Facts
    silent: frozenset[str] = frozenset()
    denied: frozenset[str] = frozenset()

    def knows(self, names: frozenset[str]) -> bool:
        """Whether every name has a value."""
        return names <= self.facts.keys()

    def with_facts(self, more: Facts) -> Inputs:
        """The same with some inputs added or replaced."""
        return Inputs({**self.facts, **more}, self.silent, self.denied)


def evaluator(inputs: Inputs) -> cel.Context:
    """What CEL conditions are executed in; built once for many conditions."""
    return cel.Context(variables=dict(inputs.facts), functions=FUNCTIONS)


def value_of(condition: Condition, context: cel.Context, where: str) -> Fact:
    """What a condition gives.

    Raises:
        KnowledgeError: the condition cannot be computed on these inputs, as when it compares a number with a word.
    """
    try:
        result: Fact = condition.program.execute(context)
    except (RuntimeError, TypeError, ValueError, OverflowError) as error:
        first = str(error).strip().splitlines()[0]
        raise KnowledgeError(f"{where}: the condition '{condition.text}' cannot be computed: {first}") from error
    return result


def of_patient(patient: Patient, knowledge: Knowledge) -> Inputs:
    """Age, sex, laboratory values and function, what follows from them, and the concepts behind free words."""
    facts: dict[str, Fact] = {**patient.labs, **patient.function}
    for name in ("age", "ancestry", "height", "weight", "systolic", "diastolic"):
        if (value := getattr(patient, name)) is not None:
            facts[name] = value
    if patient.sex != "unknown":
        facts["sex"] = patient.sex
    every: set[str] = set()
    for name in LISTS:
        if (phrases := getattr(patient, name)) is not None:
            stated = {*phrases, *knowledge.words.concepts_in(phrases)}
            if not phrases and (none := knowledge.words.said_none.get(name)) is not None:
                stated.add(none)
            every |= stated
            if name not in patient.partial:
                facts[name] = sorted(stated)
    facts["context"] = sorted(every)
    silent = frozenset(name for name in LISTS if getattr(patient, name) is None) | patient.partial
    return complete(Inputs(facts, silent, knowledge.words.concepts_in(patient.denied)), knowledge)


def complete(inputs: Inputs, knowledge: Knowledge) -> Inputs:
    """With derived quantities and states added wherever their inputs are known; stated values are kept."""
    facts = dict(inputs.facts)
    for derived, when, expression in knowledge.derived:
        names = expression.names | (when.names if when else frozenset())
        if derived.name in facts or not names <= facts.keys():
            continue
        context = cel.Context(variables=facts, functions=FUNCTIONS)
        if when is None or value_of(when, context, derived.name) is True:
            facts[derived.name] = value_of(expression, context, derived.name)
    for state in knowledge.labs.states:
        if state.name in facts:
            continue
        for name in state.of:
            value = facts.get(name)
            if isinstance(value, float) and (word := level(name, value, facts, knowledge)) is not None:
                facts[state.name] = word
                break
    for name, condition in knowledge.combined:
        if name not in facts and condition.names <= facts.keys():
            facts[name] = value_of(condition, cel.Context(variables=facts, functions=FUNCTIONS), name)
    return Inputs(facts, inputs.silent, inputs.denied)


def level(name: str, value: float, facts: Facts, knowledge: Knowledge) -> str | None:
    """``low``, ``normal`` or ``high`` for the patient's age and sex.

    Without an age or sex the word is given where every range that may apply gives the same, and where there is one
    for every age: an adult range says nothing of somebody who may be a child.
    """
    of = next((d.ranges_of for d, _, _ in knowledge.derived if d.name == name and d.ranges_of), name)
    bands = [band for band in knowledge.labs.ranges if band.of == of and _may_apply(band, facts)]
    if "age" in facts and (sure := next((b for b in bands if b.sex is None or "sex" in facts), None)) is not None:
        return _word(sure, value)
    words = {_word(band, value) for band in bands}
    whole = "age" in facts or any(band.from_age == 0.0 for band in bands)
    return words.pop() if len(words) == 1 and whole else None


def _may_apply(band: Band, facts: Facts) -> bool:
    age, sex = facts.get("age"), facts.get("sex")
    if isinstance(age, float) and not (band.from_age <= age and (band.to_age is None or age < band.to_age)):
        return False
    return band.sex is None or sex is None or band.sex == sex


def _word(band: Band, value: float) -> str:
    if band.low is not None and value < band.low:
        return "low"
    return "high" if band.high is not None and value > band.high else "normal"


def places(sites: Iterable[str], knowledge: Knowledge) -> dict[str, Fact]:
    """``sites`` (all places with calcium, without sides) and ``organs`` (how many distinct organs those are)."""
    bases = sorted({split(site)[0] for site in sites})
    organs = {
        base.partition(".")[0]
        for base in bases
        if base not in REGIONS and base != UNPLACED and not any(within(base, no) for no in knowledge.not_organs)
    }
    return {"sites": bases, "organs": float(len(organs))}


def of_finding(finding: MeasuredSite, patient: Inputs, shared: Facts, knowledge: Knowledge) -> Inputs:
    """The patient's inputs with those of one finding."""
    base, side = split(finding.site)
    facts: dict[str, Fact] = {**patient.facts, **shared, "site": base, "imaged": not finding.stated}
    facts["confidence"] = finding.confidence
    if side:
        facts["side"] = side
    for key, value in finding.values.items():
        if key in knowledge.names:
            fact = knowledge.words.value(key, value) if isinstance(value, str) else float(value)
            if fact != "":  # where all that was written is denied, nothing is known
                facts[key] = fact
    facts.update(knowledge.words.stated_as(base, finding.values))
    if isinstance(said := finding.values.get(SAID), str):
        known = facts.get("context")
        more = knowledge.words.concepts_of(said)
        facts["context"] = sorted({*(known if isinstance(known, list) else ()), *more})
    if finding.placed:
        deposits = [placed.deposit for placed in finding.placed]
        largest = max(deposits, key=lambda deposit: deposit.volume_mm3)
        voxels = sum(len(deposit.hu) for deposit in deposits)
        facts["mean_hu"] = float(sum(float(deposit.hu.sum()) for deposit in deposits)) / max(voxels, 1)
        facts["peak_hu"] = max(deposit.peak_hu for deposit in deposits)
        facts["sphericity"] = largest.shape.sphericity
        facts["hollow"] = largest.shape.hollow
        facts["spread"] = _spread([deposit.center_mm for deposit in deposits])
    return Inputs(facts, patient.silent, patient.denied)


def _spread(centers: Sequence[Sequence[float]]) -> float:
    """The diagonal of the box around some points, mm: within what distance the deposits of a site lie."""
    return math.hypot(*(max(axis) - min(axis) for axis in zip(*centers, strict=True)))
