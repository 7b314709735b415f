"""The synthetic cases of the conformance set: every column that one of our presets reproduces."""

from __future__ import annotations

import csv

import pytest

from calciscope.measure import preset
from tests.measure.make import CASES

pytestmark = pytest.mark.real

COLUMNS = {
    "reference": "agatston-130",
    "FQM_lit": "fqm-literature",
    "FQM_Siemens": "fqm-siemens",
    "FQM_Philips": "fqm-philips",
    "FQM_Canon": "fqm-canon",
}


@pytest.fixture(scope="module")
def table(conformance):
    with (conformance / "agatston_cases.csv").open(encoding="utf-8", newline="") as file:
        rows = {row["case"][:3]: row for row in csv.DictReader(file)}
    assert rows.keys() == CASES.keys()
    return rows


@pytest.mark.parametrize("column", COLUMNS)
def test_a_preset_reproduces_its_column(table, column):
    name = COLUMNS[column]
    for case, row in table.items():
        if row[column] == "error":
            assert preset(name).threshold(CASES[case].kvp).refused, case
        else:
            assert CASES[case].scored(name).agatston == pytest.approx(float(row[column]), abs=5e-4), case


def test_standard_is_the_reference_but_for_two_adapted_cases(table):
    differing = {
        case: CASES[case].scored("standard").agatston
        for case, row in table.items()
        if CASES[case].scored("standard").agatston != pytest.approx(float(row["reference"]), abs=5e-4)
    }
    assert differing == {"C16": 0.0, "C18": 4.0}
