"""The tables hold every deposit and measure, and say what their columns are."""

import builtins
import csv

import pytest

from calciscope.errors import OutputError
from calciscope.report import csv as deposits
from calciscope.report import tables
from tests.report import make
from tests.report.dicom import make as dicom


def read(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_a_row_a_measure(tmp_path):
    assessment = dicom.assessment()
    rows = read(tables.write_csv(assessment, tmp_path / "findings.csv"))
    assert list(rows[0]) == list(tables.FINDINGS)
    assert [(row["site"], row["measure"]) for row in rows] == [
        (finding.site, name) for finding in assessment.findings for name in finding.measures
    ]
    first = rows[0]
    assert float(first["value"]) == 123.456789012345678
    assert float(first["high"]) == 123.456789012345678 + 7.25
    assert (first["rollup"], first["stated"]) == ("true", "false")
    refused = next(row for row in rows if row["validity"] == "refused")
    assert (refused["value"], refused["why"]) == ("", "no phantom")


def test_a_finding_without_measures_is_a_row(tmp_path):
    finding = make.assessment().findings[0].model_copy(update={"measures": {}})
    (row,) = read(tables.write_csv(make.assessment(findings=(finding,)), tmp_path / "f.csv"))
    assert (row["site"], row["measure"], row["value"]) == ("kidney.left", "", "")


def test_no_cell_is_run_as_a_formula(tmp_path):
    finding = make.assessment().findings[0].model_copy(update={"label": "=1+1"})
    row = read(tables.write_csv(make.assessment(findings=(finding,)), tmp_path / "f.csv"))[0]
    assert row["label"] == "'=1+1"


def test_every_column_of_a_deposit_is_described():
    assert tuple(tables.DEPOSITS) == deposits.COLUMNS
    assert all(tables.DEPOSITS.values())
    assert all(tables.FINDINGS.values())


def test_parquet_holds_the_same_with_types_and_descriptions(tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
    assessment = dicom.assessment()
    one, two = (parquet.read_table(path) for path in tables.write_parquet(assessment, tmp_path))
    assert one.column("id").to_pylist() == ["s-1", "s-2", "s-3"]
    assert one.column("center_mm").to_pylist()[0] == [33.0, 22.0, 30.0]
    assert str(one.schema.field("voxels").type) == "int64"
    assert one.schema.field("mass_mg").metadata[b"description"].startswith(b"calcium mass, mg")
    assert two.column("value").to_pylist()[0] == 123.456789012345678
    assert two.num_rows == len(tables.findings(assessment))


def test_no_finding_is_an_empty_table(tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
    paths = tables.write_parquet(make.assessment(findings=()), tmp_path)
    assert [parquet.read_table(path).num_rows for path in paths] == [0, 0]


def test_without_pyarrow_one_line_says_what_to_install(tmp_path, monkeypatch):
    real = builtins.__import__

    def blocked(name, *arguments, **more):
        if name.startswith("pyarrow"):
            raise ImportError(name)
        return real(name, *arguments, **more)

    monkeypatch.setattr(builtins, "__import__", blocked)
    with pytest.raises(OutputError, match=r"calciscope\[parquet\]"):
        tables.write_parquet(make.assessment(), tmp_path)
