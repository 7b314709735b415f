"""Simulated heads and necks: what of their calcium is found, where it is placed, and what is invented.

``python docs/anatomy_heads.py 60`` prints the section for so many heads and half as many necks.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field

import numpy as np
from scipy import ndimage

from calciscope.anatomy.embedded import segment
from calciscope.domain import site as sites
from calciscope.find import ct
from calciscope.place import place
from calciscope.simulate.head import head_scan
from calciscope.simulate.neck import neck_scan
from calciscope.simulate.patient import Simulated

# The usual threshold for calcium, HU, and how sure a wrong place must be to count as confident.
THRESHOLD, CONFIDENT = 130.0, 0.7


@dataclass(frozen=True)
class Row:
    """One true deposit, or an invented one (``true`` empty): what it was placed as, how surely, and by what.

    ``outcome`` is exact, parent, wrong, missed or invented.
    """

    scan: str
    seed: int
    true: str
    found: str
    confidence: float
    structure: str
    outcome: str
    size_mm3: float
    peak_hu: float
    where: tuple[int, int, int] = (0, 0, 0)


@dataclass(frozen=True)
class Looked:
    """One scan: its rows, and the seconds that the anatomy took."""

    rows: list[Row]
    seconds: float
    notes: tuple[str, ...] = field(default=())


def head(seed: int) -> Simulated:
    """A head, by turns in slices of 5, 2.5 and 1 mm."""
    rng = np.random.default_rng([seed, 29])
    return head_scan(
        seed, thickness=(5.0, 2.5, 5.0, 1.25)[seed % 4], fov=float(rng.uniform(230, 250)), matrix=320,
        noise=float(rng.uniform(5, 11)), kernel=str(rng.choice(["soft", "standard"])),
        contrast=bool(rng.random() < 0.1),
    )  # fmt: skip


def neck(seed: int) -> Simulated:
    """A neck, by turns in slices of 3, 2 and 1.5 mm."""
    rng = np.random.default_rng([seed, 31])
    return neck_scan(
        seed, thickness=(3.0, 2.0, 1.5)[seed % 3], fov=float(rng.uniform(200, 300)), matrix=320,
        noise=float(rng.uniform(7, 14)), contrast=bool(rng.random() < 0.3),
    )  # fmt: skip


def look(scan: str, seed: int) -> Looked:
    """Simulate, find and place."""
    made = {"head": head, "neck": neck}[scan](seed)
    start = time.perf_counter()
    anatomy = segment(made.volume)
    seconds = time.perf_counter() - start
    found = ct.find(made.volume, anatomy, series="S", threshold_hu=THRESHOLD)
    placed = place(found.deposits, made.volume, anatomy)
    near = ndimage.grey_dilation(made.mask, size=(3, 5, 5))
    best: dict[int, tuple[int, Row]] = {}
    rows = []
    for item in placed:
        deposit, at = item.deposit, item.placement
        touched = near[tuple(deposit.voxels.T)]
        of = np.bincount(touched[touched > 0], minlength=1)
        number = int(of.argmax()) if of.any() else 0
        true = made.truth[number - 1].site if number else ""
        row = Row(
            scan, seed, true, at.site, at.confidence, at.structure, outcome(true, at.site), deposit.volume_mm3,
            deposit.peak_hu, deposit.center_index,
        )  # fmt: skip
        if not number:
            rows.append(row)
        elif number not in best or best[number][0] < len(deposit.voxels):
            best[number] = (len(deposit.voxels), row)
    for number, truth in enumerate(made.truth, start=1):
        voxels = made.volume.hu[made.mask == number]
        # What no voxel shows is not there to be found.
        if not voxels.size or voxels.max() < THRESHOLD:
            continue
        z, y, x = (round(float(v)) for v in made.volume.geometry.to_index(truth.center_mm))
        missed = Row(scan, seed, truth.site, "", 0.0, "", "missed", truth.volume_mm3, float(voxels.max()), (z, y, x))
        rows.append(best[number][1] if number in best else missed)
    return Looked(rows, seconds, anatomy.notes)


def outcome(true: str, found: str) -> str:
    """How right a place is: a parent, the region or ``unplaced`` is no error."""
    if not true:
        return "invented"
    if true == found:
        return "exact"
    plain = sites.split(true)[0]
    vague = found in (*sites.REGIONS, sites.UNPLACED, plain) or sites.within(true, found)
    return "parent" if vague else "wrong"


def rows(count: int, workers: int = 2) -> list[Looked]:
    """``count`` heads and half as many necks, the same ones each time."""
    jobs = [("head", seed) for seed in range(count)] + [("neck", seed) for seed in range((count + 1) // 2)]
    if workers == 1:
        return [look(*job) for job in jobs]
    with ProcessPoolExecutor(workers) as pool:
        return list(pool.map(look, *zip(*jobs, strict=True)))


def section(looked: Sequence[Looked]) -> str:
    """The tables as Markdown."""
    lines = ["## Heads and necks", ""]
    for scan in ("head", "neck"):
        scans = [one for one in looked if any(row.scan == scan for row in one.rows)]
        own = [row for one in scans for row in one.rows]
        if not own:
            continue
        count: Callable[[str], int] = lambda name, own=own: sum(row.outcome == name for row in own)  # noqa: E731
        sure = sum(row.outcome == "wrong" and row.confidence >= CONFIDENT for row in own)
        lines += [
            f"{len(scans)} simulated {scan}s: {count('exact')} deposits at their exact site, {count('parent')} at a "
            f"parent, {count('wrong')} at a wrong one ({sure} at {CONFIDENT} or more), {count('missed')} not found; "
            f"{count('invented')} invented ({count('invented') / len(scans):.2f} a scan); anatomy "
            f"{np.median([one.seconds for one in scans]):.1f} s.",
            "",
            "| site | visible | exact | parent | wrong | missed | confidence where exact |",
            "|---|---|---|---|---|---|---|",
        ]
        for site in sorted({sites.split(row.true)[0] for row in own if row.true}):
            here = [row for row in own if sites.split(row.true)[0] == site]
            right = [row.confidence for row in here if row.outcome == "exact"]
            numbers = " | ".join(str(sum(r.outcome == o for r in here)) for o in ("exact", "parent", "wrong", "missed"))
            mean = f"{np.mean(right):.2f}" if right else "-"
            lines.append(f"| {site} | {len(here)} | {numbers} | {mean} |")
        lines.append("")
    return "\n".join(lines)


if __name__ == "__main__":
    looked = rows(int(sys.argv[1]) if len(sys.argv) > 1 else 60)
    if "-v" in sys.argv:
        for one in looked:
            for row in one.rows:
                if row.outcome != "exact":
                    sys.stdout.write(f"{row}\n")
    sys.stdout.write(section(looked))
