"""A small assessment with one deposit, and the volume that it lies in."""

import numpy as np

from calciscope.domain.assessment import (
    Advice,
    Alternative,
    Assessment,
    DepositRecord,
    Finding,
    Judgement,
    Measure,
    Provenance,
    Reason,
    Refused,
    SeriesUse,
    Seriousness,
    Source,
    Unknown,
    Validity,
)
from calciscope.domain.deposit import Deposit, PlacedDeposit, Placement, Shape
from calciscope.domain.image import Geometry, Volume


def deposit(low=(10, 20, 30), high=(12, 24, 36), identifier="s1-d1") -> Deposit:
    grid = np.stack(np.meshgrid(*(np.arange(a, b) for a, b in zip(low, high, strict=True)), indexing="ij"), -1)
    voxels = grid.reshape(-1, 3).astype(np.int32)
    centre = tuple(int(v) for v in voxels.mean(axis=0).round())
    return Deposit(
        id=identifier,
        series="s1",
        voxels=voxels,
        hu=np.full(len(voxels), 500.0, np.float32),
        threshold_hu=130.0,
        background_hu=40.0,
        center_index=centre,
        center_mm=(float(centre[2]), float(centre[1]), 3.0 * centre[0]),
        extent_mm=(6.0, 4.0, 6.0),
        volume_mm3=3.0 * len(voxels),
        shape=Shape(6.0, 4.0, 0.8, 0.0),
    )


def placed(site="kidney.left", **kwargs) -> PlacedDeposit:
    return PlacedDeposit(deposit(**kwargs), Placement(site, 0.9, "embedded", "kidney_left"))


def volume() -> Volume:
    hu = np.full((30, 60, 80), 40, np.int16)
    hu[10:12, 20:24, 30:36] = 500
    return Volume(hu, Geometry(hu.shape, (3.0, 1.0, 1.0)))


def record(**changes) -> DepositRecord:
    values = {
        "id": "s1-d1",
        "series": "s1",
        "site": "kidney.left",
        "confidence": 0.9,
        "center_mm": (33.0, 22.0, 30.0),
        "center_index": (10, 22, 33),
        "extent_mm": (6.0, 4.0, 6.0),
        "volume_mm3": 144.0,
        "voxels": 48,
        "peak_hu": 500.0,
        "mean_hu": 480.5,
        "length_mm": 6.0,
        "width_mm": 4.0,
        "sphericity": 0.8,
        "hollow": 0.0,
        "provider": "embedded",
        "structure": "kidney_left",
    }
    return DepositRecord(**{**values, **changes})


def reason(status="current", source="coll-2002") -> Reason:
    return Reason(
        rule="kidney.stone",
        statement="A silent stone in the kidney needs no treatment now.",
        inputs={"diameter": 6.0, "location": "lower pole", "imaged": True, "conditions": ["gout"]},
        source=source,
        status=status,
    )


def assessment(**changes) -> Assessment:
    finding = Finding(
        site="kidney.left",
        label="left kidney",
        deposits=(record(),),
        measures={
            "agatston": Measure(value=None, unit="1", method="2-D islands", validity=Validity.REFUSED, why="contrast"),
            "volume": Measure(value=144.0, unit="mm3", method="voxels", preset="standard"),
            "diameter": Measure(value=6.0, unit="mm", method="largest", validity=Validity.ADJUSTED, why="thick"),
        },
        kind=Judgement(
            value="lithiasis", reasons=(reason(),), alternatives=(Alternative(value="metastatic", why="2"),)
        ),
        seriousness=Judgement(value="incidental", reasons=(reason("unverified", "eau-2025"),)),
        advice=(Advice(text="Repeat imaging in a year.", rule="kidney.stone", source="eau-2025"),),
        confidence=0.9,
    )
    values = {
        "answer": "A 6 mm stone in the left kidney, incidental.",
        "seriousness": Seriousness.INCIDENTAL,
        "findings": (finding,),
        "unknowns": (Unknown(input="symptoms", would_change="fever would make it urgent"),),
        "advice": (Advice(text="Repeat imaging in a year.", site="kidney.left", rule="r", source="eau-2025"),),
        "acquisition": (
            SeriesUse(
                id="s1",
                label="series 1",
                used=True,
                uses=("find", "score"),
                why="the only CT",
                modality="CT",
                slices=30,
                spacing_mm=(3.0, 1.0, 1.0),
                kvp=120.0,
            ),
            SeriesUse(
                id="s2",
                label="series 2",
                used=False,
                why="a localizer",
                modality="CT",
                slices=1,
                spacing_mm=(1.0, 1.0, 1.0),
            ),
        ),
        "refused": (Refused(input="note.dcm", why="not a DICOM file; remove it"),),
        "sources": (Source(id="coll-2002", citation="Coll DM et al. AJR 2002;178:101-3", doi="10.2214/x"),),
        "provenance": Provenance(
            calciscope="0.1.0",
            created="2026-01-01T00:00:00+00:00",
            anatomy="embedded",
            preset="standard",
            guidelines="esc",
        ),
    }
    return Assessment(**{**values, **changes})
