"""The numbers of a mask for a person, for a spreadsheet and for a program."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from calciscope.domain.assessment import Measure
from calciscope.domain.scores import SCORES, LabelScores
from calciscope.report import text

TOTAL = "total"
COLUMNS = ("preset", "version", "label", "measure", "value", "unit", "low", "high", "validity", "why", "method")
# A spreadsheet runs a cell that starts with one of these as a formula; the name of a label comes from a file.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")

Row = tuple[str, ...]


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


def table(result: LabelScores) -> tuple[Row, list[Row]]:
    """Header and rows of one preset: a row a measure, a column a label, the total last where there are several.

    A mark behind a number refers to the line of :func:`reasons` that says how far it holds.
    """
    columns = _columns(result)
    marks = _marks([result])
    names = list(dict.fromkeys(name for _, found in columns for name in found))
    rows = []
    for name in names:
        cells = [_cell(name, found[name], marks) if name in found else "-" for _, found in columns]
        rows.append((text.name(name), *cells))
    return ("", *(label for label, _ in columns)), rows


def comparison(results: Sequence[LabelScores]) -> tuple[Row, list[Row]]:
    """Header and rows of several presets: a row a label and preset, a column a calcium score."""
    names = [name for name in SCORES if name in results[0].total]
    marks = _marks(results)
    rows = []
    for position, (label, _) in enumerate(_columns(results[0])):
        for result in results:
            _, found = _columns(result)[position]
            rows.append((label, result.preset, *(_cell(name, found[name], marks) for name in names)))
    return ("label", "preset", *map(text.name, names)), rows


def reasons(results: Sequence[LabelScores]) -> list[str]:
    """How far the numbers hold: one line for each mark, with the validity and why."""
    return [f"[{mark}] {validity}: {why}" for (validity, why), mark in _marks(results).items()]


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


def _marks(results: Sequence[LabelScores]) -> dict[tuple[str, str], int]:
    """A number for each different validity with its reasons, in the order in which they are met.

    Of several presets the calcium scores alone are shown.
    """
    marks: dict[tuple[str, str], int] = {}
    for result in results:
        for _, found in _columns(result):
            for name, one in found.items():
                if one.why and (len(results) == 1 or name in SCORES):
                    marks.setdefault((one.validity.value, one.why), len(marks) + 1)
    return marks


def _cell(name: str, one: Measure, marks: dict[tuple[str, str], int]) -> str:
    shown = text.value(one, name)
    if one.interval is not None:
        low, high = (text.number(end) for end in one.interval)
        shown = f"{shown} ({low} to {high})"
    return f"{shown} [{marks[one.validity.value, one.why]}]" if one.why else shown


def _safe(cell: str | float) -> str | float:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell
