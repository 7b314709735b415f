"""Time of reading and explaining 1,000 reports on one core, beside the target of a minute.

    python benchmarks/text.py [--reports N] [--repeat N]

The reports are put together from sentences of findings and questions, with four to twelve sentences each; no two are
alike. They stand in a CSV that ``calciscope explain`` reads in a process of its own which may use one core. The time
from its start, with imports and the reading of the rules, and the time after its first answer are shown, and the time
of the processor, which is less where others use it too. The target is that of the time after the start.
"""

from __future__ import annotations

import argparse
import csv
import os
import random
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter

from run import machine

TARGET_S = 60.0
TARGET_REPORTS = 1000
ASKED = (
    "Left flank pain, rule out stone.", "Chest pain.", "{age}-year-old woman with known breast cancer.",
    "Evaluate for calcification.", "History of nephrolithiasis.", "{age}-year-old man, fever.",
)  # fmt: skip
PLACES = (
    "left kidney", "right kidney", "distal left ureter", "gallbladder", "aortic arch", "abdominal aorta",
    "right upper lobe", "left lower lobe", "thyroid", "spleen", "prostate", "pancreas", "right breast", "basal ganglia",
    "left shoulder", "mitral annulus", "coronary arteries", "pelvic veins",
)  # fmt: skip
SENTENCES = (
    "There is a {size} mm calcification in the {place}.", "No calcification is seen in the {place}.",
    "Possible {size} mm stone in the {place}.", "Stable coarse calcifications of the {place}.",
    "The {place} is unremarkable.", "No acute abnormality.", "The lungs are clear.", "Heart size is normal.",
    "A {size} mm noncalcified nodule is noted in the {place}.", "Moderate calcification of the {place}, unchanged.",
    "No pleural effusion or pneumothorax.", "Degenerative changes of the spine.",
)  # fmt: skip


def report(chance: random.Random) -> str:
    """One made-up report with its sections."""

    def filled(sentence: str) -> str:
        return sentence.format(place=chance.choice(PLACES), size=chance.randint(1, 30), age=chance.randint(20, 90))

    said = " ".join(filled(chance.choice(SENTENCES)) for _ in range(chance.randint(4, 12)))
    return f"INDICATION: {filled(chance.choice(ASKED))}\nFINDINGS: {said}\nIMPRESSION: {filled(SENTENCES[0])}"


def once(reports: int, seed: int) -> tuple[float, float, float, int]:
    """Seconds after the first answer, from the start, and of the processor, and how many answers came."""
    chance = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / "reports.csv"
        with table.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerows([("id", "text"), *((f"r{n}", report(chance)) for n in range(reports))])
        command = [sys.executable, "-m", "calciscope", "explain", str(table), "--text-column", "text"]
        before = _processor()
        start = perf_counter()
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, preexec_fn=_one_core) as process:
            lines = process.stdout
            first = 0.0
            count = 0
            for _ in lines or ():
                first = first or perf_counter()
                count += 1
        end = perf_counter()
    return end - (first or end), end - start, _processor() - before, count


def _processor() -> float:
    """Seconds that the processor worked for the processes started here."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _one_core() -> None:
    os.environ["OMP_NUM_THREADS"] = "1"
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


def main() -> int:
    """Run, print the times, and return 0 where the target is met."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--reports", type=int, default=TARGET_REPORTS)
    parser.add_argument("--repeat", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    runs = [once(chosen.reports, chosen.seed) for _ in range(chosen.repeat)]
    after, whole, processor, count = min(runs)
    print(machine())
    print(
        f"{count} reports on one core: {after:.1f} s after the first answer, {whole:.1f} s from the start, "
        f"{processor:.1f} s of the processor"
    )
    met = count == chosen.reports and after <= TARGET_S * chosen.reports / TARGET_REPORTS
    print(f"target {TARGET_S:.0f} s for {TARGET_REPORTS} reports: {'met' if met else 'missed'}")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
