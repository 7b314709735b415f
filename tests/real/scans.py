"""Assessments of the real scans, each made once, and how they compare with the places that a person read off."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import yaml

from calciscope import pipeline
from calciscope.domain import site
from calciscope.domain.assessment import Assessment, DepositRecord

# A deposit this near to an annotated place counts as found, mm (the annotations' own rule).
TOLERANCE_MM = 6.0
NAMES = (
    "chest-coronary",
    "chest-aorta",
    "chest-abdomen-gallstone",
    "abdomen-pelvis-contrast",
    "limb-sts-007",
    "limb-sts-013",
    "limb-sts-028",
    "totalsegmentator/example_ct",
)


@dataclass(frozen=True)
class Place:
    """An annotated place, the acceptable sites, best first, and the deposit that was found there."""

    at: tuple[int, int, int]
    sites: tuple[str, ...]
    deposit: DepositRecord | None

    @property
    def outcome(self) -> str:
        """``missed``, ``exact`` (the best site), ``acceptable``, ``broader`` (a place that holds it), or ``wrong``."""
        return "missed" if self.deposit is None else outcome(self.deposit.site, self.sites)


def outcome(given: str, sites: tuple[str, ...]) -> str:
    """How a given site compares with the acceptable ones, best first: all of :attr:`Place.outcome` but ``missed``."""
    if given == sites[0]:
        return "exact"
    if given in sites:
        return "acceptable"
    above = {place for listed in sites for place in site.ancestors(listed)}
    if any(site.within(listed, "artery.coronary") for listed in sites):
        # The heart holds its arteries.
        above.add("heart")
    return "broader" if given in above or given in (*site.REGIONS, site.UNPLACED) else "wrong"


def path_of(scans: Path, name: str) -> Path:
    """A folder of DICOM or a NIfTI file."""
    folder = scans / name
    return folder if folder.is_dir() else scans / f"{name}.nii.gz"


@cache
def run(scans: Path, name: str) -> pipeline.Run:
    """The assessment of a scan with its rejected candidates."""
    return pipeline.assess([path_of(scans, name)], options=pipeline.Options(rejected=True))


def deposits(assessment: Assessment) -> list[DepositRecord]:
    """Every deposit of every finding."""
    return [deposit for finding in assessment.findings for deposit in finding.deposits]


def annotations(scans: Path, name: str) -> dict[str, list[dict]]:
    """What ``annotations.yaml`` says of a scan."""
    return yaml.safe_load((scans / "annotations.yaml").read_text(encoding="utf-8"))[name]


def places(scans: Path, name: str) -> list[Place]:
    """The annotated places of a scan with what was found there."""
    assessment = run(scans, name).assessment
    spacing = np.array(next(series.spacing_mm for series in assessment.acquisition if series.used))
    found = deposits(assessment)
    made = []
    for entry in annotations(scans, name)["deposits"]:
        reach = float(str(entry.get("within", TOLERANCE_MM)).split()[0])
        near = [(away(entry["at"], deposit, spacing), deposit) for deposit in found]
        near = sorted((pair for pair in near if pair[0] <= reach), key=lambda pair: pair[0])
        # Of several deposits at the place, one at an acceptable site is the one that was meant.
        acceptable = tuple(entry["site"])
        fitting = [deposit for _, deposit in near if deposit.site in acceptable]
        chosen = fitting[0] if fitting else (near[0][1] if near else None)
        made.append(Place(tuple(entry["at"]), acceptable, chosen))
    return made


def wrongly_found(scans: Path, name: str) -> list[tuple[dict, DepositRecord]]:
    """What looks like a deposit, is not one, and was reported as one."""
    assessment = run(scans, name).assessment
    spacing = np.array(next(series.spacing_mm for series in assessment.acquisition if series.used))
    return [
        (entry, deposit)
        for entry in annotations(scans, name).get("not", [])
        for deposit in deposits(assessment)
        if away(entry["at"], deposit, spacing) <= TOLERANCE_MM
    ]


def away(at: list[int], deposit: DepositRecord, spacing: np.ndarray) -> float:
    """Distance in mm from a voxel to the deposit's box."""
    half = np.array(deposit.extent_mm[::-1]) / 2
    gap = np.abs((np.array(at) - np.array(deposit.center_index)) * spacing) - half
    return float(np.linalg.norm(np.maximum(gap, 0.0)))
