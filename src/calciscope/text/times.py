"""Reports of another day than the images: what they say is of then."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import date
from types import MappingProxyType

from calciscope.domain.mention import Mention
from calciscope.domain.patient import StatedFinding
from calciscope.domain.site import split, within
from calciscope.text.findings import SAID
from calciscope.text.sentences import words

# An examination over midnight has two days.
SAME_DAYS = 1
_DAYS_OF_MONTH, _DAYS_OF_YEAR = 30.44, 365.25
# From so many days or months on the larger unit says it better.
_MOST_DAYS, _MOST_MONTHS = 60, 24


def note(of_report: date, of_images: date) -> str | None:
    """What is told of a report of another day, or ``None`` where it is of the same examination."""
    days = (of_images - of_report).days
    if abs(days) <= SAME_DAYS:
        return None
    return str(words()["times"]["older" if days > 0 else "newer"].format(span=span(abs(days))))


def is_older(of_report: date | None, of_images: date | None) -> bool:
    """Whether a report speaks of a time before the images."""
    return of_report is not None and of_images is not None and (of_images - of_report).days > SAME_DAYS


def span(days: int) -> str:
    """A time in the unit in which people say it: "12 days", "22 months", "3 years"."""
    months = days / _DAYS_OF_MONTH
    if days <= _MOST_DAYS:
        return f"{days} days"
    return f"{months:.0f} months" if months < _MOST_MONTHS else f"{days / _DAYS_OF_YEAR:.0f} years"


def dated(mention: Mention, on: date) -> Mention:
    """A mention of an older report: a change that it tells is that until its day (``change_as_of``)."""
    if "change" not in mention.attributes:
        return mention
    return mention.model_copy(update={"attributes": {**mention.attributes, "change_as_of": on.isoformat()}})


def earlier(
    findings: Sequence[StatedFinding], on: date, seen: Collection[str], searched: Collection[str]
) -> tuple[StatedFinding, ...]:
    """The findings of an older report at places that the images neither show nor hold calcium at, with their day.

    Words that speak of its own present, as "growing", are left out.
    """
    found = []
    for one in findings:
        shown = any(within(split(one.site)[0], place) for place in searched)
        if not shown and not any(within(at, one.site) or within(one.site, at) for at in seen):
            values = {key: value for key, value in one.values.items() if key != SAID}
            found.append(replace(one, values=MappingProxyType(values), on=on))
    return tuple(found)
