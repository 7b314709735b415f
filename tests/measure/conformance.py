"""The synthetic cases as sixteen rule sets score them: numbers computed elsewhere, kept in ``cases/``."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

from calciscope.measure.presets import preset
from tests.measure.make import CASES

HERE = Path(__file__).resolve().parent / "cases"
TABLE = HERE / "agatston_cases.csv"
# The table rounds to three decimals.
ROUNDED = 5e-4


@dataclass(frozen=True)
class Cell:
    """One case under one rule set: what the other program gives, and where we differ what we give and why."""

    case: str
    column: str
    preset: str
    theirs: str
    expected: str | float | None = None
    why: str | None = None

    @property
    def ours(self) -> str | float:
        """The score, or in a word why there is none."""
        case = CASES[self.case]
        if preset(self.preset).threshold(case.kvp).refused:
            return "refused"
        value = case.scored(self.preset).agatston
        return "undefined" if math.isnan(value) else value

    @property
    def agrees(self) -> bool:
        """Whether the preset gives the number of the other program."""
        ours = self.ours
        try:
            return not isinstance(ours, str) and abs(ours - float(self.theirs)) < ROUNDED
        except ValueError:
            return False


@cache
def said() -> Mapping[str, object]:
    """Source, licence, columns and differences."""
    return yaml.safe_load((HERE / "agatston_cases.yaml").read_text(encoding="utf-8"))


def rows(path: Path = TABLE) -> list[dict[str, str]]:
    """The table, a dictionary a case."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@cache
def cells() -> tuple[Cell, ...]:
    """Every cell of the table."""
    differing = {
        (case, column): one for one in said()["differences"] for case in one["cases"] for column in one["columns"]
    }
    found = []
    for row in rows():
        case = row["case"][:3]
        for column, name in said()["columns"].items():
            known = differing.pop((case, column), {})
            found.append(Cell(case, column, name, row[column], known.get("ours"), known.get("why")))
    assert not differing, f"no such cells: {sorted(differing)}"
    return tuple(found)
