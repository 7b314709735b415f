"""Deposits and findings as tables: ``findings.csv`` and Parquet, whose columns say what they hold.

Parquet files carry the description of every column in its metadata (``description``); :func:`columns` is the same.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from calciscope.domain.assessment import Assessment, DepositRecord, Finding
from calciscope.errors import OutputError
from calciscope.report import csv as deposits

if TYPE_CHECKING:
    import pyarrow as pa

Row = Mapping[str, Any]

FINDINGS: Mapping[str, str] = {
    "site": "path of the place, such as artery.coronary.lad",
    "label": "the place in words",
    "measure": "name of the measure, empty for a finding without one",
    "value": "the number in unit; empty where validity is refused",
    "unit": "UCUM code; 1 has no unit",
    "low": "lower end of the 95 % interval, in unit",
    "high": "upper end of the 95 % interval, in unit",
    "category": "published class of the value, such as that of CAC-DRS",
    "method": "how the number was computed",
    "preset": "named set of rules of the calcium score",
    "validity": "valid, adjusted or refused",
    "why": "what limits the number or why it was refused",
    "kind": "kind of calcification",
    "seriousness": "none, incidental, monitor, significant or urgent",
    "confidence": "how sure the place is, 0 to 1",
    "deposits": "number of deposits at the place",
    "rollup": "true for a place that sums the places within it",
    "stated": "true where a person or another system said so",
}
DEPOSITS: Mapping[str, str] = {
    "id": "name of the deposit",
    "series": "series that it was found in",
    "site": "path of the place",
    "confidence": "how sure the place is, 0 to 1",
    "center_mm": "centre, LPS x, y, z in mm",
    "center_index": "centre, slice by ascending z, row, column",
    "extent_mm": "size along x, y, z in mm",
    "volume_mm3": "volume, mm3",
    "voxels": "number of voxels",
    "peak_hu": "highest attenuation, HU",
    "mean_hu": "mean attenuation, HU",
    "sd_hu": "standard deviation of attenuation, HU",
    "median_hu": "median attenuation, HU",
    "threshold_hu": "attenuation from which a voxel was counted, HU",
    "background_hu": "attenuation of the tissue around, HU",
    "length_mm": "largest principal diameter of all voxels, mm",
    "width_mm": "smallest principal diameter of all voxels, mm",
    "sphericity": "surface of the ball of equal volume over its own surface, 0 to 1",
    "hollow": "share of the filled outline that is no calcium, 0 to 1",
    "agatston": "Agatston score, no unit; empty where refused",
    "mass_mg": "calcium mass, mg hydroxyapatite; empty where refused",
    "diameter_mm": "largest axial diameter at half maximum, mm",
    "diameter_perpendicular_mm": "axial diameter at right angles to it, mm",
    "diameter_craniocaudal_mm": "extent from head to feet, mm",
    "provider": "who found the structure that it lies in",
    "structure": "structure that it lies in or at",
    "placed_by": "person who moved it",
    "rejected_as": "what a rejected candidate is",
}


def findings(assessment: Assessment) -> tuple[Row, ...]:
    """One row a measure of a finding; a finding without measures is one row without a number."""
    return tuple(row for finding in assessment.findings for row in _rows(finding))


def _rows(finding: Finding) -> list[Row]:
    judged = {
        "kind": finding.kind.value,
        "seriousness": finding.seriousness.value,
        "confidence": finding.confidence,
        "deposits": len(finding.deposits),
        "rollup": finding.rollup,
        "stated": finding.stated,
    }
    start: dict[str, Any] = dict.fromkeys(FINDINGS)
    start |= {"site": finding.site, "label": finding.label, **judged}
    return [
        {
            **start,
            "measure": name,
            **one.model_dump(mode="json", exclude={"interval"}),
            "low": one.interval[0] if one.interval else None,
            "high": one.interval[1] if one.interval else None,
        }
        for name, one in finding.measures.items()
    ] or [start]


def write_csv(assessment: Assessment, path: Path) -> Path:
    """Write ``findings.csv`` with the columns of :data:`FINDINGS`; numbers are unrounded, absent values empty."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(FINDINGS)
        for row in findings(assessment):
            writer.writerow([deposits.plain(row[name]) for name in FINDINGS])
    return path


def write_parquet(assessment: Assessment, folder: Path) -> tuple[Path, Path]:
    """Write ``deposits.parquet`` and ``findings.parquet`` into a folder that is there.

    Raises :class:`~calciscope.errors.OutputError` where pyarrow is not installed.
    """
    try:
        from pyarrow import parquet
    except ImportError as error:
        raise OutputError("Parquet needs pyarrow, which is not installed: pip install 'calciscope[parquet]'") from error
    records = [record.model_dump(mode="json", exclude={"alternatives"}) for record in deposits.rows(assessment)]
    paths = folder / "deposits.parquet", folder / "findings.parquet"
    parquet.write_table(_table(records, DEPOSITS, _deposit_types()), paths[0])
    parquet.write_table(_table(findings(assessment), FINDINGS, _finding_types()), paths[1])
    return paths


def _table(rows: Sequence[Row], columns: Mapping[str, str], types: Mapping[str, pa.DataType]) -> pa.Table:
    import pyarrow as pa

    fields = [pa.field(name, types[name], metadata={"description": said}) for name, said in columns.items()]
    return pa.Table.from_pylist(list(rows), schema=pa.schema(fields))


def _deposit_types() -> dict[str, pa.DataType]:
    import pyarrow as pa

    kinds = {"str": pa.string(), "float": pa.float64(), "int": pa.int64()}
    triples = {"center_mm": pa.float64(), "extent_mm": pa.float64(), "center_index": pa.int64()}
    found = {}
    for name in DEPOSITS:
        annotation = str(DepositRecord.model_fields[name].annotation)
        kind = next(kinds[word] for word in kinds if word in annotation) if name not in triples else None
        found[name] = kind or pa.list_(triples[name], 3)
    return found


def _finding_types() -> dict[str, pa.DataType]:
    import pyarrow as pa

    numbers = dict.fromkeys(("value", "low", "high", "confidence"), pa.float64())
    flags = dict.fromkeys(("rollup", "stated"), pa.bool_())
    return {**dict.fromkeys(FINDINGS, pa.string()), **numbers, **flags, "deposits": pa.int64()}
