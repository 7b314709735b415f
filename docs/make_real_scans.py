"""Write ``docs/real-scans.md``: for each real scan what is there, what was found, what was missed, what was false.

    python docs/make_real_scans.py

Needs the scans beside the checkout. The judgement of deposits that no annotation names comes from a person who looked
at each picture: ``docs/real-scans-review.yaml``, keyed by scan and the deposit's centre index.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import yaml

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from tests.real.conftest import SHARED  # noqa: E402
from tests.real.scans import NAMES, deposits, places, run  # noqa: E402

# Two centres this near, in mm, are the same deposit as reviewed, although a later version outlines it otherwise.
SAME_MM = 6.0


def main() -> None:
    """Write the page."""
    scans = SHARED / "data" / "ct"
    review = yaml.safe_load((HERE / "real-scans-review.yaml").read_text(encoding="utf-8")) or {}
    lines = [
        "# Real scans: what is there, what was found",
        "",
        "Written by `python docs/make_real_scans.py`; the numbers are those of the version beside it. Places of "
        "calcification were read off the images by eye, not by a radiologist. *Exact* is the first of the acceptable "
        "sites. Deposits that no annotation names were judged by a person looking at each picture.",
        "",
    ]
    summary = [
        "| scan | annotated | found | exact site | broader site | wrong site | other deposits | of them false |",
        "|---|---|---|---|---|---|---|---|",
    ]
    details: list[str] = []
    totals = np.zeros(7, dtype=int)
    for name in NAMES:
        row, text = scan(scans, name, review.get(name, []))
        totals += np.array(row)
        summary.append(f"| {name} | " + " | ".join(map(str, row)) + " |")
        details += text
    summary.append("| **all** | " + " | ".join(f"**{n}**" for n in totals) + " |")
    (HERE / "real-scans.md").write_text("\n".join([*lines, *summary, "", *details]), encoding="utf-8")


def scan(scans: Path, name: str, reviewed: list[dict]) -> tuple[tuple[int, ...], list[str]]:
    """The counts of one scan, and its section of the page."""
    assessment = run(scans, name).assessment
    spacing = np.array(next(series.spacing_mm for series in assessment.acquisition if series.used))
    annotated = places(scans, name)
    text = [f"## {name}", "", "| slice, row, column | there | found | place | sure |", "|---|---|---|---|---|"]
    for place in annotated:
        where = ", ".join(map(str, place.at))
        if place.deposit is None:
            text.append(f"| {where} | {place.sites[0]} | **missed** | | |")
        else:
            mark = "**wrong**" if place.outcome == "wrong" else place.outcome
            sure = f"{place.deposit.confidence:.2f}"
            text.append(f"| {where} | {place.sites[0]} | {place.deposit.id} | {place.deposit.site} ({mark}) | {sure} |")
    named = {place.deposit.id for place in annotated if place.deposit}
    others = [d for d in deposits(assessment) if d.id not in named]
    false = 0
    if others:
        text += [
            "",
            "Other deposits:",
            "",
            "| id | slice, row, column | place | mm3 | peak HU | a person says |",
            "|---|---|---|---|---|---|",
        ]
    for deposit in sorted(others, key=lambda d: -d.volume_mm3):
        verdict = judged(deposit.center_index, reviewed, spacing)
        false += verdict.startswith("false")
        where = ", ".join(map(str, deposit.center_index))
        text.append(
            f"| {deposit.id} | {where} | {deposit.site} | {deposit.volume_mm3:.0f} "
            f"| {deposit.peak_hu:.0f} | {verdict} |"
        )
    by_class: dict[str, int] = {}
    for candidate in assessment.rejected:
        by_class[candidate.rejected_as or ""] = by_class.get(candidate.rejected_as or "", 0) + 1
    counted = ", ".join(f"{key.replace('_', ' ')} {count}" for key, count in sorted(by_class.items()))
    text += ["", f"Rejected candidates: {counted or 'none'}.", ""]
    outcomes = [place.outcome for place in annotated]
    counts = [len(outcomes) - outcomes.count("missed"), *(outcomes.count(key) for key in ("exact", "broader", "wrong"))]
    row = (len(annotated), *counts, len(others), false)
    return row, text


def judged(centre: tuple[int, int, int], reviewed: list[dict], spacing: np.ndarray) -> str:
    """What the reviewer said of the deposit at this place."""
    for entry in reviewed:
        if np.linalg.norm((np.array(entry["at"]) - np.array(centre)) * spacing) <= SAME_MM:
            return str(entry["says"])
    return "not yet looked at"


if __name__ == "__main__":
    main()
