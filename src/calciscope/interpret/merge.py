"""Findings told by a person and findings measured in an image, joined by site."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

from calciscope.domain.assessment import Measure, Validity
from calciscope.domain.measured import MeasuredSite
from calciscope.domain.patient import Patient, StatedFinding, Value
from calciscope.interpret import progression
from calciscope.interpret.rules import Knowledge

# Two numbers of one thing that differ by more than this share of the larger are said to disagree; below it they differ
# as repeated measurements do.
DISAGREE = 0.25


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """All that is known of one site. ``members`` are judged one by one, and the most serious speaks for the site.

    ``earlier`` holds the values of earlier dates, ``change`` what follows from those of the last two dates.
    """

    site: str
    members: tuple[MeasuredSite, ...]
    stated: bool
    earlier: dict[str, Measure] = field(default_factory=dict)
    change: Mapping[str, Measure] = field(default_factory=dict)

    @property
    def rollup(self) -> bool:
        """Whether it sums its children."""
        return self.members[0].rollup


def merge(sites: Sequence[MeasuredSite], patient: Patient, knowledge: Knowledge) -> tuple[Place, ...]:
    """One place a site, measured ones first, each in the order given."""
    measured = {site.site: site for site in sites}
    told: dict[str, list[StatedFinding]] = {}
    for finding in patient.findings:
        told.setdefault(finding.site, []).append(finding)
    places = []
    for path in dict.fromkeys([*measured, *told]):
        current, earlier = _current(told.get(path, []))
        old = {
            f"{key}_{finding.on.isoformat()}": measure
            for finding in earlier
            if finding.on is not None
            for key, measure in _measures(finding, knowledge).items()
        }
        stated = [as_measured(finding, knowledge) for finding in current]
        members = tuple(stated)
        if path in measured:
            members = (_join(measured[path], stated, knowledge),)
        places.append(Place(path, members, bool(told.get(path)), old, _change(path, current, earlier)))
    return tuple(places)


def as_measured(finding: StatedFinding, knowledge: Knowledge) -> MeasuredSite:
    """A stated finding as a site whose numbers are taken as they are."""
    return MeasuredSite(
        site=finding.site,
        measures=_measures(finding, knowledge),
        values=dict(finding.values),
        stated=True,
        stated_by=finding.by,
    )


def _current(told: Sequence[StatedFinding]) -> tuple[list[StatedFinding], list[StatedFinding]]:
    """The findings that hold today (undated, else those of the newest date) and earlier ones, oldest first."""
    undated = [finding for finding in told if finding.on is None]
    dated = sorted((finding for finding in told if finding.on is not None), key=lambda one: one.on or date.min)
    if undated or not dated:
        return undated, dated
    newest = dated[-1].on
    return [one for one in dated if one.on == newest], [one for one in dated if one.on != newest]


def _change(site: str, current: Sequence[StatedFinding], earlier: Sequence[StatedFinding]) -> Mapping[str, Measure]:
    """What follows from the last two dates; nothing where a date states a number twice, for nobody says which is it."""
    now = current[0].on if current else None
    then = earlier[-1].on if earlier else None
    if now is None or then is None:
        return {}
    before = stated_numbers([one for one in earlier if one.on == then])
    since = f"{then.isoformat()} and {now.isoformat()}"
    return progression.measures_of(site, before, stated_numbers(current), progression.years_between(then, now), since)


def stated_numbers(findings: Sequence[StatedFinding]) -> dict[str, float]:
    """The numbers of the findings of one site and date, without those that two of them state differently."""
    found: dict[str, set[float]] = {}
    for one in findings:
        for key, value in one.values.items():
            if not isinstance(value, str):
                found.setdefault(key, set()).add(value)
    return {key: next(iter(values)) for key, values in found.items() if len(values) == 1}


def _measures(finding: StatedFinding, knowledge: Knowledge) -> dict[str, Measure]:
    found = {}
    for key, value in finding.values.items():
        number, unit = _number_of(key, value, knowledge)
        if number is None:
            continue
        why = f"as of {finding.on.isoformat()}" if finding.on else None
        found[key] = Measure(value=number, unit=unit, method="stated", validity=Validity.VALID, why=why)
    return found


def _number_of(key: str, value: Value, knowledge: Knowledge) -> tuple[float | None, str]:
    """A stated value with its unit; of a word on a scale its place on it, of any other word nothing."""
    quantity, word = knowledge.quantity(key), knowledge.labs.words.get(key)
    if isinstance(value, str):
        return (word.ranks.get(value) if word is not None else None), "1"
    return (value, quantity.unit) if quantity is not None else (None, "1")


def _join(image: MeasuredSite, stated: Sequence[MeasuredSite], knowledge: Knowledge) -> MeasuredSite:
    """What the image shows, with what was told beside it; rules see the image where both give a number."""
    if not stated:
        return image
    measures = dict(image.measures)
    values: dict[str, Value] = {}
    for one in stated:
        values.update(one.values)
        for key, measure in one.measures.items():
            seen = image.measures.get(key)
            if seen is None:
                measures[key] = measure
            else:
                measures[f"{key}_stated"] = measure.model_copy(
                    update={"why": _difference(measure, seen, one.stated_by)}
                )
    return replace(image, measures=measures, values={**values, **image.values})


def disagree(told: Measure, seen: Measure) -> bool:
    """Whether two numbers of one thing differ by more than repeated measurements do."""
    if told.value is None or seen.value is None:
        return False
    return abs(told.value - seen.value) > DISAGREE * max(abs(told.value), abs(seen.value))


def _difference(told: Measure, seen: Measure, by: str) -> str:
    if seen.value is None:
        return f"stated in {by}; the image gives no number, so this one is used"
    if disagree(told, seen):
        return f"stated in {by}; it disagrees with {seen.value:g} measured in the image, which is used"
    return f"stated in {by}; the image agrees and is used"
