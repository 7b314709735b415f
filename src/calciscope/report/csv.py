"""``deposits.csv``: one row a deposit, under the names of the assessment's deposit record."""

from __future__ import annotations

import csv
import json
from pathlib import Path

from calciscope.domain.assessment import Assessment, DepositRecord

COLUMNS = tuple(name for name in DepositRecord.model_fields if name != "alternatives")
# A spreadsheet runs a cell that starts with one of these as a formula; a person's name in a corrections file could.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def write(assessment: Assessment, path: Path) -> Path:
    """Write every deposit, and the rejected candidates where the assessment holds them; return the path.

    Triples are JSON lists, ``[x, y, z]`` in mm (LPS) or ``[slice, row, column]``; an absent value is empty.
    """
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for record in rows(assessment):
            writer.writerow([_cell(getattr(record, name)) for name in COLUMNS])
    return path


def rows(assessment: Assessment) -> tuple[DepositRecord, ...]:
    """Every deposit of every finding in order, then rejected candidates."""
    found = [deposit for finding in assessment.findings for deposit in finding.deposits]
    return (*found, *assessment.rejected)


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, tuple):
        return json.dumps(value)
    if isinstance(value, float):
        return f"{value:.6g}" if abs(value) < 1e6 else f"{value:.1f}"
    text = str(value)
    return "'" + text if text.startswith(_FORMULA) else text


def plain(value: object) -> object:
    """A value as a cell: empty where absent, numbers unrounded, and no text that a spreadsheet would run."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str) and value.startswith(_FORMULA):
        return "'" + value
    return value
