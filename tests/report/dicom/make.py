"""Small DICOM series with known calcium, read back as the pipeline reads them, and an assessment of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from calciscope.domain.assessment import Assessment, Finding, Judgement, Measure, Validity
from calciscope.domain.deposit import PlacedDeposit, Placement
from calciscope.domain.patient import Patient
from calciscope.domain.study import Series as Read
from calciscope.read.study import open_study
from calciscope.report.dicom.study import Imaged, Stamp
from tests.read.make_dicom import Series
from tests.report import make

SHAPE = (14, 24, 20)
# First and last voxel (z, y, x) of each deposit, and its site.
DEPOSITS = (
    ("s-1", (2, 3, 4), (4, 7, 9), "artery.coronary.lad"),
    ("s-2", (4, 10, 4), (5, 12, 6), "artery.coronary.lad"),
    ("s-3", (8, 15, 12), (12, 18, 15), "kidney.left"),
)
HEADER = {
    "PatientName": "Müller^Änne", "PatientBirthDate": "19430207", "PatientSex": "F", "StudyID": "S1",
    "StudyTime": "101500",
    "AccessionNumber": "A77", "ReferringPhysicianName": "Ref^Doc", "SpecificCharacterSet": "ISO_IR 100",
    "StudyDescription": "CT thorax",
}  # fmt: skip


def hu() -> np.ndarray:
    """Soft tissue with noise, so that no two slices are one, and the deposits at 600 HU."""
    found = np.random.default_rng(3).integers(20, 60, SHAPE).astype(np.int16)
    for _, low, high, _ in DEPOSITS:
        found[tuple(slice(a, b) for a, b in zip(low, high, strict=True))] = 600
    return found


def series(**changes) -> Series:
    """A series of :func:`hu` for :meth:`Series.write`."""
    values = {"hu": hu(), "header": HEADER, "uid": "1.2.3.6", **changes}
    return Series(**values)


def placed(series_id: str, read: Read | None = None) -> tuple[PlacedDeposit, ...]:
    """The deposits, found at their voxels."""
    return tuple(
        PlacedDeposit(
            make.deposit(low, high, identifier),
            Placement(site, 0.9, "embedded", site.rpartition(".")[2]),
        )
        for identifier, low, high, site in DEPOSITS
    )


@dataclass(frozen=True)
class Made:
    """What an export needs."""

    seen: Imaged
    assessment: Assessment
    stamp: Stamp


def read(folder: Path) -> Read:
    """The one series of a folder with its origin."""
    (one,) = open_study([folder], Patient(), origins=True).series
    return one


def made(folder: Path, **changes) -> Made:
    """A series written into a folder, read back, and an assessment of its deposits."""
    skip = changes.pop("skip", ())
    series(**changes).write(folder, skip=skip)
    one = read(folder)
    answer = assessment(one.info.id)
    return Made(Imaged(one.info.id, one.volume, placed(one.info.id), one.origin), answer, Stamp.of(answer))


def assessment(series_id: str = "s1") -> Assessment:
    """The findings of :data:`DEPOSITS`, the sum over the coronary arteries, and a stated one."""

    def finding(site, label, deposits=(), measures=None, level="monitor", **more):
        return Finding(
            site=site,
            label=label,
            deposits=tuple(make.record(id=d, series=series_id, site=site) for d in deposits),
            measures=measures or {},
            kind=Judgement(value="dystrophic", reasons=(make.reason(),)),
            seriousness=Judgement(value=level, reasons=(make.reason(),)),
            **more,
        )

    def agatston(value):
        return Measure(
            value=value, unit="1", interval=(value - 5.5, value + 7.25), category="A2", method="2-D islands",
            preset="standard",
        )  # fmt: skip

    coronary = {
        "agatston": agatston(123.456789012345678),
        "volume": Measure(value=98.7, unit="mm3", method="voxels", preset="standard"),
        "mass": Measure(value=None, unit="mg", method="calibration", validity=Validity.REFUSED, why="no phantom"),
        "agatston_lm_lad": agatston(100.25),
    }
    kidney = {
        "diameter": Measure(value=6.0, unit="mm", method="largest", validity=Validity.ADJUSTED, why="thick slices"),
        "mean_hu": Measure(value=480.5, unit="[hnsf'U]", method="mean"),
        "a_measure_that_no_file_lists": Measure(value=0.5, unit="%", method="new"),
    }
    return make.assessment(
        findings=(
            finding("artery.coronary", "coronary arteries", measures=coronary, rollup=True),
            finding("artery.coronary.lad", "LAD", ("s-1", "s-2"), {"agatston": agatston(123.456789012345678)}),
            finding("kidney.left", "left kidney", ("s-3",), kidney, "incidental"),
            finding("heart.aortic_valve", "aortic valve", measures={"agatston": agatston(2400.0)}, stated=True),
        )
    )
