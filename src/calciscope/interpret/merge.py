"""Findings told by a person and findings measured in an image, joined by site."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date

from calciscope.domain.assessment import Measure, Validity
from calciscope.domain.measured import MeasuredSite
from calciscope.domain.patient import Patient, StatedFinding, Value
from calciscope.interpret.rules import Knowledge

# Two numbers of one thing that differ by more than this share of the larger are said to disagree; below it they differ
# as repeated measurements do.
_DISAGREE = 0.25


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """All that is known of one site. ``members`` are judged one by one, and the most serious speaks for the site."""

    site: str
    members: tuple[MeasuredSite, ...]
    stated: bool
    earlier: dict[str, Measure] = field(default_factory=dict)

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
        places.append(Place(path, members, bool(told.get(path)), old))
    return tuple(places)


def as_measured(finding: StatedFinding, knowledge: Knowledge) -> MeasuredSite:
    """A stated finding as a site whose numbers are taken as they are."""
    return MeasuredSite(
        site=finding.site, measures=_measures(finding, knowledge), values=dict(finding.values), stated=True
    )


def _current(told: Sequence[StatedFinding]) -> tuple[list[StatedFinding], list[StatedFinding]]:
    """The findings that hold today (undated, else those of the newest date) and earlier ones, oldest first."""
    undated = [finding for finding in told if finding.on is None]
    dated = sorted((finding for finding in told if finding.on is not None), key=lambda one: one.on or date.min)
    if undated or not dated:
        return undated, dated
    newest = dated[-1].on
    return [one for one in dated if one.on == newest], [one for one in dated if one.on != newest]


def _measures(finding: StatedFinding, knowledge: Knowledge) -> dict[str, Measure]:
    found = {}
    for key, value in finding.values.items():
        quantity = knowledge.quantity(key)
        if isinstance(value, str) or quantity is None:
            continue
        why = f"as of {finding.on.isoformat()}" if finding.on else None
        found[key] = Measure(value=value, unit=quantity.unit, method="stated", validity=Validity.VALID, why=why)
    return found


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
                measures[f"{key}_stated"] = measure.model_copy(update={"why": _difference(measure, seen)})
    return replace(image, measures=measures, values={**values, **image.values})


def _difference(told: Measure, seen: Measure) -> str:
    if seen.value is None:
        return "stated in the patient file; the image gives no number, so this one is used"
    if told.value is not None and abs(told.value - seen.value) > _DISAGREE * max(abs(told.value), abs(seen.value)):
        return f"stated in the patient file; it disagrees with {seen.value:g} measured in the image, which is used"
    return "stated in the patient file; the image agrees and is used"
