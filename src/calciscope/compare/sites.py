"""Sites at two dates: totals, progression by the published definitions, and what the rules say of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from calciscope.compare.change import changes_of, state_of, zero
from calciscope.compare.model import Change, DepositChange, Difference, Meaning, SiteChange, State, Verdict
from calciscope.domain.assessment import Measure, Validity
from calciscope.domain.patient import Patient
from calciscope.domain.site import label, within
from calciscope.interpret import Knowledge, progression
from calciscope.interpret.context import evaluator, of_patient, value_of

_CHAPTER = "Progression"
_NOT_IN_VIEW = "part of it lies outside of what one of the scans shows, so that scan's total is too low"


def site_changes(
    old: Mapping[str, Mapping[str, Measure]],
    new: Mapping[str, Mapping[str, Measure]],
    years: float | None,
    differences: Sequence[Difference],
    knowledge: Knowledge,
    patient: Patient,
    deposits: Sequence[DepositChange] | None = None,
    cut: frozenset[str] = frozenset(),
) -> tuple[SiteChange, ...]:
    """Every site of either date. ``old`` and ``new`` are measures by site, ``cut`` the sites that a scan shows in part.

    ``deposits`` are ``None`` where they were not matched; then a site that one date lacks is new or gone.
    """
    found = []
    for site in sorted({*old, *new}):
        own = [one for one in deposits or () if within(one.site, site)]
        # A date that says nothing of a site has nothing there, where its image was searched.
        before, after = old.get(site), new.get(site)
        first, second = before or zero(after or {}), after or zero(before or {})
        changes = changes_of(first, second, years, differences)
        why = None
        if any(within(place, site) for place in cut):
            changes = {name: _refused(one, _NOT_IN_VIEW) for name, one in changes.items()}
            why = _NOT_IN_VIEW
        state = State.UNCLEAR if why else _state(before, after, changes, own)
        inputs = _inputs(site, changes, years)
        found.append(
            SiteChange(
                site=site,
                label=label(site),
                rollup=any(other != site and within(other, site) for other in {*old, *new}),
                state=state,
                why=why,
                counts=dict(Counter(str(one.state) for one in own)),
                measures=changes,
                inputs=inputs,
                progression=_verdicts(site, inputs),
                meaning=_meaning(site, inputs, knowledge, patient),
            )
        )
    return tuple(found)


def _state(
    before: Mapping[str, Measure] | None,
    after: Mapping[str, Measure] | None,
    changes: Mapping[str, Change],
    own: Sequence[DepositChange],
) -> State:
    states = {one.state for one in own}
    if own:
        if states == {State.NEW}:
            return State.NEW
        if states == {State.GONE}:
            return State.GONE
        if states == {State.STABLE}:
            return State.STABLE
    elif not _there(before) and _there(after):
        return State.NEW
    elif _there(before) and not _there(after):
        return State.GONE
    return state_of(changes)


def _there(measures: Mapping[str, Measure] | None) -> bool:
    """Whether calcium is there: a score of 0 says that none is."""
    return bool(measures) and any(one.value for name, one in (measures or {}).items() if name != "arterial_age")


def _refused(change: Change, why: str) -> Change:
    return Change(old=change.old, new=change.new, unit=change.unit, validity=Validity.REFUSED, why=why)


def _inputs(site: str, changes: Mapping[str, Change], years: float | None) -> dict[str, Measure]:
    """The inputs of definitions and rules; those from an adjusted change are adjusted for the same reason."""
    usable = {name: one for name, one in changes.items() if one.change is not None and one.old and one.new}
    before = {name: one.old.value for name, one in usable.items() if one.old and one.old.value is not None}
    after = {name: one.new.value for name, one in usable.items() if one.new and one.new.value is not None}
    shortest = progression.data().shortest_years.value
    rate = years if years is not None and years >= shortest else None
    given = progression.measures_of(site, before, after, rate, "old and new")
    of = {one.name: one.of for one in progression.data().inputs}
    return {
        name: one.model_copy(update={"validity": usable[of[name]].validity, "why": usable[of[name]].why})
        for name, one in given.items()
    }


def _verdicts(site: str, inputs: Mapping[str, Measure]) -> tuple[Verdict, ...]:
    if not inputs:
        return ()
    values = {name: one.value for name, one in inputs.items() if one.value is not None}
    made_for = progression.data().made_for
    aside = None if within(site, made_for) else f"the definition was made for {label(made_for).lower()}"
    found = []
    for one in progression.verdicts(values):
        limits = [inputs[name].why for name in one.definition.needs if name in inputs and inputs[name].why]
        whys = [why for why in (one.why, aside, *dict.fromkeys(limits)) if why]
        found.append(
            Verdict(
                definition=one.definition.name,
                label=one.definition.label,
                progression=one.progression,
                text=one.definition.text,
                why="; ".join(whys) or None,
                source=one.definition.source,
                status=one.definition.status,
            )
        )
    return tuple(found)


def _meaning(site: str, inputs: Mapping[str, Measure], knowledge: Knowledge, patient: Patient) -> tuple[Meaning, ...]:
    """The rules about progression that fire on the inputs and the patient."""
    if not inputs:
        return ()
    known = of_patient(patient, knowledge).with_facts(
        {name: one.value for name, one in inputs.items() if one.value is not None}
    )
    context = evaluator(known)
    return tuple(
        Meaning(
            rule=rule.id,
            statement=f"{rule.rule.statement} {rule.rule.then.note or ''}".strip(),
            advice=rule.rule.then.advice,
            source=rule.rule.source,
            status=rule.rule.status,
        )
        for rule in knowledge.at(site)
        if rule.chapter == _CHAPTER
        and rule.names <= known.facts.keys()
        and value_of(rule.condition, context, f"rule {rule.id}") is True
    )
