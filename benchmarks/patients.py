"""Time of patient files without images: one alone in a fresh process, and many in one process.

    python benchmarks/patients.py [--files N] [--repeat N] [--profile]

The patients are made up from a seed: ages from newborn to 95, laboratory values in either system of units, the words of
letters, one to four stated findings of any site. `alone` is what a person waits for after the program has started: the
knowledge is loaded and compiled in it. `many` reads, assesses and writes out as JSON every file, one after the other.
"""

from __future__ import annotations

import argparse
import cProfile
import json
import platform
import pstats
import random
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter
from typing import Any

import yaml

from calciscope.domain.site import paths
from calciscope.pipeline import assess

ALONE_TARGET_S = 0.5
MANY_TARGET_S = 10.0
MANY = 1000
_WORDS = {
    "conditions": ("CKD stage 4", "ESRD on hemodialysis", "type 2 diabetes", "scleroderma", "no history of gout"),
    "medications": ("Coumadin", "atorvastatin 40 mg", "calcium carbonate", "vitamin D3 1000 IU"),
    "history": ("total hip replacement 2019", "pulmonary TB in 1980", "gluteal injections", "fall from a ladder"),
    "symptoms": ("denies fever", "left flank pain", "shortness of breath", "painful necrotic ulcer"),
}


def patient(number: int) -> dict[str, Any]:
    """A made-up patient file; the same for the same number."""
    luck = random.Random(number)
    labs = {
        "calcium": luck.choice((f"{luck.uniform(7, 14):.1f} mg/dL", f"{luck.uniform(1.8, 3.5):.2f} mmol/L")),
        "albumin": f"{luck.uniform(25, 50):.0f} g/L",
        "phosphate": f"{luck.uniform(1.5, 8):.1f} mg/dL",
        "pth": f"{luck.uniform(4, 900):.0f} pg/mL",
        "creatinine": f"{luck.uniform(40, 700):.0f} umol/L",
    }
    known = luck.sample(sorted(labs), luck.randint(0, len(labs)))
    sites = luck.sample(list(paths()), luck.randint(1, 4))
    return {
        "age": luck.choice((0.2, 7, 15, luck.randint(18, 95))),
        "sex": luck.choice(("female", "male")),
        "labs": {name: labs[name] for name in known},
        **{name: luck.sample(words, luck.randint(0, 2)) for name, words in _WORDS.items()},
        "findings": [
            {"site": site, **({"diameter": f"{luck.uniform(1, 40):.0f} mm"} if luck.random() < 0.6 else {})}
            for site in sites
        ],
    }


def write(folder: Path, count: int) -> list[Path]:
    """``count`` patient files."""
    files = [folder / f"patient-{number}.yaml" for number in range(count)]
    for number, file in enumerate(files):
        file.write_text(yaml.safe_dump(patient(number)), encoding="utf-8")
    return files


def seconds(files: list[Path]) -> float:
    """How long it takes to assess the files one after the other in this process."""
    begun = perf_counter()
    for file in files:
        assess((), file).assessment.model_dump_json()
    return perf_counter() - begun


def alone(file: Path) -> float:
    """The same for one file in a process of its own."""
    command = [sys.executable, __file__, "--one", str(file)]
    return float(json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout))


def main() -> int:
    """Print both times, and return 0 where both meet their target."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=MANY)
    parser.add_argument("--repeat", type=int, default=3, help="fresh processes; the fastest counts")
    parser.add_argument("--profile", action="store_true", help="show where the time of many files goes")
    parser.add_argument("--one", type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.one:
        print(json.dumps(seconds([chosen.one])))
        return 0
    with tempfile.TemporaryDirectory() as scratch:
        files = write(Path(scratch), chosen.files)
        first = min(alone(files[0]) for _ in range(chosen.repeat))
        profile = cProfile.Profile()
        if chosen.profile:
            profile.enable()
        whole = seconds(files)
        profile.disable()
    if chosen.profile:
        pstats.Stats(profile).sort_stats("cumulative").print_stats(45)
    each = whole / len(files)
    met = first <= ALONE_TARGET_S and each * MANY <= MANY_TARGET_S
    print(f"python {platform.python_version()}, {platform.machine()}")
    print(f"alone, after start: {first:.2f} s (target {ALONE_TARGET_S:g} s)")
    print(f"{len(files)} files in one process: {whole:.1f} s, {1000 * each:.1f} ms each", end=" ")
    print(f"(target {MANY_TARGET_S:g} s for {MANY})")
    print(f"targets: {'met' if met else 'missed'}")
    return 0 if met else 1


if __name__ == "__main__":
    raise SystemExit(main())
