"""Time and memory of the main job, stage by stage, from a folder of DICOM to the written report.

    python benchmarks/run.py [FOLDER] [--repeat N] [--patient FILE]

Without a folder a patient is first simulated and written as a DICOM series of about 160 slices of 512 x 512, which is
not timed. Each repetition is a fresh process, so that the peak memory is its own; the fastest is shown.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from time import perf_counter

TARGET_S = 20.0
TARGET_MB = 2048.0
# Part of the reference body that is about 160 slices of 3 mm.
SPAN_MM = (90.0, 560.0)


def main() -> int:
    """Run, print a table, and return 0 where the targets of time and memory are met."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", type=Path, help="a study; simulated without one")
    parser.add_argument("--patient", type=Path, help="patient file")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1, help="of the simulated patient")
    parser.add_argument("--once", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--simulate", type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.once:
        print(json.dumps(once(chosen.folder, chosen.patient)))
        return 0
    if chosen.simulate:
        simulated(chosen.simulate, chosen.seed)
        return 0
    with tempfile.TemporaryDirectory() as scratch:
        folder = chosen.folder
        if folder is None:
            folder = Path(scratch) / "study"
            child("--simulate", str(folder), "--seed", str(chosen.seed))
        extra = ["--patient", str(chosen.patient)] if chosen.patient else []
        runs = [json.loads(child("--once", str(folder), *extra)) for _ in range(chosen.repeat)]
    return show(runs, "simulated patient" if chosen.folder is None else chosen.folder.name)


def child(*arguments: str) -> str:
    """Run this script again in a process of its own and return what it prints."""
    command = [sys.executable, __file__, *arguments]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def simulated(folder: Path, seed: int) -> None:
    """Write a simulated study of about 160 slices of 512 x 512, from the heart to the hips."""
    from calciscope.simulate import dicom
    from calciscope.simulate.patient import simulate

    dicom.write(simulate(seed=seed, span=SPAN_MM), folder)


def once(folder: Path, patient: Path | None) -> dict[str, object]:
    """The main job in this process: seconds by stage, slices and deposits seen, peak memory in MB."""
    start = perf_counter()
    from calciscope import pipeline
    from calciscope.report import csv, html
    from calciscope.report import json as json_report

    seconds = {"import": perf_counter() - start}
    run = pipeline.assess([folder], patient)
    seconds |= run.seconds
    written = perf_counter()
    with tempfile.TemporaryDirectory() as out:
        json_report.write(run.assessment, Path(out) / "assessment.json")
        csv.write(run.assessment, Path(out) / "deposits.csv")
        html.write(run.assessment, run.pictures, Path(out) / "report.html")
    seconds["report"] = perf_counter() - written
    # ru_maxrss is in kilobytes on Linux and in bytes on macOS.
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return {
        "seconds": seconds,
        "total": perf_counter() - start,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit,
        "series": [f"{one.slices} slices, {one.label}" for one in run.assessment.acquisition if one.used],
        "findings": len(run.assessment.findings),
        "deposits": sum(len(one.deposits) for one in run.assessment.findings),
    }


def show(runs: list[dict[str, object]], name: str) -> int:
    """Print the fastest run as a table under the machine that made it."""
    best = min(runs, key=lambda one: one["total"])
    totals = [one["total"] for one in runs]
    peak = max(one["peak_mb"] for one in runs)
    print(machine())
    print(f"study: {name}; {'; '.join(best['series'])}; {best['findings']} findings, {best['deposits']} deposits")
    print(f"{'stage':<12}{'seconds':>9}{'share':>8}")
    for stage, seconds in best["seconds"].items():
        print(f"{stage:<12}{seconds:>9.2f}{seconds / best['total']:>8.0%}")
    print(f"{'total':<12}{best['total']:>9.2f}   ({min(totals):.2f} to {max(totals):.2f} in {len(runs)} runs)")
    print(f"{'peak memory':<12}{peak:>9.0f} MB")
    met = best["total"] <= TARGET_S and peak <= TARGET_MB
    print(f"target      {TARGET_S:>9.0f} s and {TARGET_MB:.0f} MB: {'met' if met else 'missed'}")
    return 0 if met else 1


def machine() -> str:
    """Processor, cores that this process may use, memory, system and versions, in one line."""
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.is_file():
        names = [line.partition(":")[2].strip() for line in info.read_text().splitlines() if "model name" in line]
        model = names[0] if names else model
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"machine: {model}, {cores} cores, {memory:.0f} GiB, {platform.system()} {platform.release()}, "
        f"Python {platform.python_version()}, numpy {version('numpy')}, calciscope {version('calciscope')}"
    )


if __name__ == "__main__":
    sys.exit(main())
