"""What stands above a report: the day of the examination, and the patient's age and sex in a DICOM header."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from pydicom.dataset import Dataset

from calciscope.read.tags import text

_SEXES = {"F": "female", "M": "male"}
# PS3.5 6.2: an age string is three digits and its unit, here with the units of a year.
_AGE = re.compile(r"(\d{3})([DWMY])")
_A_YEAR = {"D": 365.25, "W": 52.18, "M": 12.0, "Y": 1.0}
_DAYS = 365.25
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_LINE = re.compile(
    r"^[ \t]*(?:exam(?:ination)? date|study date|date|date of (?:the )?(?:exam(?:ination)?|study|service|procedure))"
    r"[ \t]*:[ \t]*([^\n]{6,40})",
    re.IGNORECASE | re.MULTILINE,
)
_ISO = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?!\d)")
_NUMBERS = re.compile(r"(\d{1,2})([-/.])(\d{1,2})\2(\d{4})\b")
_DAY_FIRST = re.compile(r"(\d{1,2})(?:st|nd|rd|th)?[ \t]+([a-z]{3})[a-z]*\.?,?[ \t]+(\d{4})\b", re.IGNORECASE)
_MONTH_FIRST = re.compile(r"([a-z]{3})[a-z]*\.?[ \t]+(\d{1,2})(?:st|nd|rd|th)?,?[ \t]+(\d{4})\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ReportHeader:
    """The day of the examination, the age in years and the sex; ``None`` and ``unknown`` where nothing says so."""

    on: date | None = field(default=None, repr=False)
    age: float | None = None
    sex: str = "unknown"


def of_dicom(header: Dataset) -> ReportHeader:
    """What the header of a structured report says; without an age string the age follows from the day of birth."""
    on = next((day for key in ("StudyDate", "SeriesDate", "ContentDate") if (day := _compact(text(header, key)))), None)
    age = None
    if match := _AGE.fullmatch(text(header, "PatientAge")):
        age = int(match[1]) / _A_YEAR[match[2]]
    elif on is not None and (born := _compact(text(header, "PatientBirthDate"))) is not None and born <= on:
        whole = on.year - born.year - ((on.month, on.day) < (born.month, born.day))
        age = float(whole) if whole else (on - born).days / _DAYS
    return ReportHeader(on, age, _SEXES.get(text(header, "PatientSex").upper(), "unknown"))


def of_fhir(report: Mapping[str, Any]) -> ReportHeader:
    """When what a DiagnosticReport speaks of was examined, else when it was issued."""
    period = report.get("effectivePeriod")
    given = (
        report.get("effectiveDateTime"),
        period.get("start") if isinstance(period, dict) else None,
        report.get("issued"),
    )
    return ReportHeader(next((day for one in given if (day := _iso(one)) is not None), None))


def of_text(report: str) -> ReportHeader:
    """The day in a line such as "Date of examination: 2020-05-12"; one that may be read in two ways is none."""
    line = _LINE.search(report)
    return ReportHeader(_written(line[1].strip()) if line else None)


def _written(said: str) -> date | None:
    if match := _ISO.match(said):
        return _day(int(match[1]), int(match[2]), int(match[3]))
    if match := _DAY_FIRST.match(said):
        return _named(match[2], int(match[1]), int(match[3]))
    if match := _MONTH_FIRST.match(said):
        return _named(match[1], int(match[2]), int(match[3]))
    if match := _NUMBERS.match(said):
        one, other, year = int(match[1]), int(match[3]), int(match[4])
        # The day stands first where points part it (DIN 5008); elsewhere only a number above 12 tells.
        if match[2] == "." or one > 12 or one == other:
            return _day(year, other, one)
        return _day(year, one, other) if other > 12 else None
    return None


def _named(month: str, day: int, year: int) -> date | None:
    low = month.lower()
    return _day(year, _MONTHS.index(low) + 1, day) if low in _MONTHS else None


def _iso(value: object) -> date | None:
    match = _ISO.match(value) if isinstance(value, str) else None
    return _day(int(match[1]), int(match[2]), int(match[3])) if match else None


def _compact(value: str) -> date | None:
    return _day(int(value[:4]), int(value[4:6]), int(value[6:8])) if re.fullmatch(r"\d{8}", value[:8]) else None


def _day(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None
