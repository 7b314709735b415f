"""The numbers of a mask for a person, for a spreadsheet and for a program."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TextIO

from calciscope.domain.assessment import Measure, Validity
from calciscope.domain.scores import NOTHING, SCORES, LabelScores
from calciscope.report import text

TOTAL = "total"
COLUMNS = ("preset", "version", "label", "measure", "value", "unit", "low", "high", "validity", "why", "method")
# A spreadsheet runs a cell that starts with one of these as a formula; the name of a label comes from a file.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")

Row = tuple[str, ...]
# With more labels than this a table has a row a label, and of its measures the main ones.
_MOST_COLUMNS = 5
_MAIN = (*SCORES, "mean_hu", "diameter", "count")


def to_json(results: Sequence[LabelScores]) -> str:
    """One object for one preset, a list for several."""
    if len(results) == 1:
        return results[0].to_json()
    return json.dumps([one.to_dict() for one in results], indent=2, ensure_ascii=False)


def write_csv(results: Sequence[LabelScores], file: TextIO) -> None:
    """One row a preset, label and measure; the rows of the total carry the label ``total``."""
    writer = csv.writer(file)
    writer.writerow(COLUMNS)
    for result in results:
        for label, name, one in _every(result):
            low, high = one.interval or ("", "")
            value = "" if one.value is None else one.value
            row = (result.preset, result.version, label, name, value, one.unit, low, high, one.validity.value)
            writer.writerow([_safe(cell) for cell in (*row, one.why or "", one.method)])


def save_csv(results: Sequence[LabelScores], path: Path) -> Path:
    """Write :func:`write_csv` as UTF-8 and return the path."""
    with path.open("w", newline="", encoding="utf-8") as file:
        write_csv(results, file)
    return path


def table(results: Sequence[LabelScores]) -> tuple[Row, list[Row]]:
    """Header and rows: a row a measure and a column a label; of many labels or several presets a row each.

    What stands in brackets behind a number is its validity and the numbers of its :func:`reasons`.
    """
    marks = _marks(results)
    if len(results) > 1:
        return _comparison(results, marks)
    columns = _columns(results[0])
    names = _shown(results)
    if len(columns) > _MOST_COLUMNS:
        rows = [(label, *(_cell(name, found, marks) for name in names)) for label, found in columns]
        return ("label", *map(text.name, names)), rows
    rows = [(text.name(name), *(_cell(name, found, marks) for _, found in columns)) for name in names]
    return ("", *(label for label, _ in columns)), rows


def reasons(results: Sequence[LabelScores]) -> list[str]:
    """Why numbers hold no further: one numbered line for each reason."""
    return [f"[{mark}] {why}" for why, mark in _marks(results).items()]


def refusal(results: Sequence[LabelScores]) -> str | None:
    """Why no calcium score could be given under any preset, ``None`` where one could."""
    if any(one.refused is None for one in results):
        return None
    return results[0].refused


def _columns(result: LabelScores) -> list[tuple[str, dict[str, Measure]]]:
    columns = list(result.labels.items())
    return columns if len(columns) == 1 else [*columns, (TOTAL, result.total)]


def _every(result: LabelScores) -> list[tuple[str, str, Measure]]:
    labels = [(label, name, one) for label, found in result.labels.items() for name, one in found.items()]
    return labels + [(TOTAL, name, one) for name, one in result.total.items()]


def _comparison(results: Sequence[LabelScores], marks: Mapping[str, int]) -> tuple[Row, list[Row]]:
    names = _shown(results)
    rows = []
    for position, (label, _) in enumerate(_columns(results[0])):
        for result in results:
            found = _columns(result)[position][1]
            rows.append((label, result.preset, *(_cell(name, found, marks) for name in names)))
    return ("label", "preset", *map(text.name, names)), rows


def _shown(results: Sequence[LabelScores]) -> list[str]:
    """The measures of the table: all that there are, or where it would be too wide the main ones."""
    columns = _columns(results[0])
    names = list(dict.fromkeys(name for _, found in columns for name in found))
    if len(results) > 1:
        return [name for name in names if name in SCORES]
    return [name for name in names if name in _MAIN] if len(columns) > _MOST_COLUMNS else names


def _marks(results: Sequence[LabelScores]) -> dict[str, int]:
    """A number for each reason, in the order in which they are met in the table."""
    marks: dict[str, int] = {}
    names = _shown(results)
    for result in results:
        for _, found in _columns(result):
            for name in names:
                if name in found and found[name].method != NOTHING:
                    for why in _parts(found[name]):
                        marks.setdefault(why, len(marks) + 1)
    return marks


def _parts(one: Measure) -> list[str]:
    return one.why.split("; ") if one.why else []


def _cell(name: str, found: Mapping[str, Measure], marks: Mapping[str, int]) -> str:
    if name not in found or found[name].method == NOTHING:
        return "-"
    one = found[name]
    shown = text.value(one, name)
    if one.interval is not None:
        low, high = (text.number(end) for end in one.interval)
        shown = f"{shown} ({low} to {high})"
    if not one.why:
        return shown
    # A refused number says so itself.
    validity = [] if one.validity is Validity.REFUSED else [one.validity.value]
    return f"{shown} [{' '.join([*validity, *(str(marks[why]) for why in _parts(one))])}]"


def _safe(cell: str | float) -> str | float:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell
