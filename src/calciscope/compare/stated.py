"""Two dates in a patient file: what it states of one site, then and now."""

from __future__ import annotations

from datetime import date

from calciscope.compare.model import Comparison, Side, SiteChange, State
from calciscope.compare.sites import site_changes
from calciscope.domain.assessment import Measure
from calciscope.domain.patient import Patient, StatedFinding
from calciscope.errors import NothingToAssessError
from calciscope.interpret import Knowledge, progression
from calciscope.interpret.merge import stated_numbers

_NOTHING = (
    "nothing to compare: no site is stated with two dates; write each finding with its date, such as "
    "{site: artery.coronary, agatston: 210, date: 2021-03-02}"
)


def stated(patient: Patient, knowledge: Knowledge, refused: tuple[str, ...] = ()) -> Comparison:
    """The last two dates of every site that the patient file states at two dates or more.

    Raises :class:`~calciscope.errors.NothingToAssessError` where there is none.
    """
    by_site: dict[str, dict[date, list[StatedFinding]]] = {}
    for one in patient.findings:
        if one.on is not None:
            by_site.setdefault(one.site, {}).setdefault(one.on, []).append(one)
    dated = {site: sorted(days) for site, days in by_site.items() if len(days) > 1}
    if not dated:
        raise NothingToAssessError(_NOTHING, (*refused, _NOTHING))
    found: list[SiteChange] = []
    notes = ["from the numbers stated in the patient file; how they were measured is not known"]
    for site, days in dated.items():
        then, now = days[-2:]
        before, after = (_measures(by_site[site][day], knowledge) for day in (then, now))
        years = progression.years_between(then, now)
        found += site_changes({site: before}, {site: after}, years, (), knowledge, patient)
        if len(days) > 2:
            notes.append(f"{site} is stated at {len(days)} dates; the last two were taken")
    spans = {(days[-2], days[-1]) for days in dated.values()}
    one_span = next(iter(spans)) if len(spans) == 1 else None
    changed = [f"{one.label} {one.state}" for one in found if one.state is not State.STABLE]
    return Comparison(
        answer=f"Between two dates: {', '.join(changed)}." if changed else "Stable between the two dates.",
        old=Side(name="stated", date=one_span[0].isoformat() if one_span else None),
        new=Side(name="stated", date=one_span[1].isoformat() if one_span else None),
        years=round(progression.years_between(*one_span), 3) if one_span else None,
        matched_by="site",
        sites=tuple(found),
        notes=tuple(notes),
        refused=refused,
    )


def _measures(findings: list[StatedFinding], knowledge: Knowledge) -> dict[str, Measure]:
    units = {name: quantity.unit for name, quantity in knowledge.labs.quantities.items()}
    return {
        name: Measure(value=value, unit=units[name], method="stated")
        for name, value in stated_numbers(findings).items()
        if name in units
    }
