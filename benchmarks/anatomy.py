"""Time and memory of the embedded anatomy against its targets: a gated heart, a trunk, a head in thick and thin slices.

    python benchmarks/anatomy.py [--only NAME] [--repeat N] [--profile] [--seed N]

The scans are simulated first, which is not timed. Each repetition is a fresh process, so that the peak memory (with the
scan itself) is its own; the fastest is shown. The processor's seconds beside it tell whether the machine was busy with
something else: the targets are for two quiet cores. `--profile` also shows the seconds of each step of the anatomy. The
exit status is 0 where every target is met.
"""

from __future__ import annotations

import argparse
import json
import pickle
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

from run import SPAN_MM, machine

MOST_MB = 1.2 * 1024
# Height of a head that is scanned, mm from its middle (the anterior commissure).
HEAD_MM = (-72.0, 103.0)


@dataclass(frozen=True)
class Case:
    """A scan: what it is, and in how many seconds its anatomy must be known."""

    name: str
    target_s: float
    made: Callable[[int], Any]


def heart(seed: int) -> Any:
    """A gated heart of 48 slices."""
    from calciscope.simulate.gated import heart_scan

    return heart_scan(seed, thickness=2.8).volume


def trunk(seed: int) -> Any:
    """About 160 slices from the heart to the hips."""
    from calciscope.simulate.patient import simulate

    return simulate(seed, span=SPAN_MM).volume


def head(slices: int) -> Callable[[int], Any]:
    """A head that lies straight, in so many slices."""

    def made(seed: int) -> Any:
        from calciscope.simulate.head import Pose, head_scan

        thickness = (HEAD_MM[1] - HEAD_MM[0]) / slices
        return head_scan(seed, thickness=thickness, pose=Pose(low=HEAD_MM[0], high=HEAD_MM[1])).volume

    return made


CASES = (
    Case("heart", 3.0, heart),
    Case("trunk", 8.0, trunk),
    Case("head", 4.0, head(35)),
    Case("head-thin", 4.0, head(160)),
)


def main() -> int:
    """Run, print a table, and return 0 where the targets of time and memory are met."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=[case.name for case in CASES], action="append", help="leave out the others")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1, help="of the simulated bodies")
    parser.add_argument("--profile", action="store_true", help="also the seconds of each step")
    parser.add_argument("--simulate", nargs=2, metavar=("NAME", "FILE"), help=argparse.SUPPRESS)
    parser.add_argument("--once", metavar="FILE", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.simulate:
        name, file = chosen.simulate
        case = next(one for one in CASES if one.name == name)
        Path(file).write_bytes(pickle.dumps(case.made(chosen.seed)))
        return 0
    if chosen.once:
        print(json.dumps(once(Path(chosen.once), profile=chosen.profile)))
        return 0
    print(machine())
    heads = (
        ("scan", "<12"),
        ("voxels", "<16"),
        ("seconds", ">9"),
        ("target", ">8"),
        ("cpu s", ">8"),
        ("peak MB", ">9"),
    )
    print("".join(f"{text:{width}}" for text, width in heads) + f"{'target':>8}  structures, curves")
    met = [measured(case, chosen) for case in CASES if not chosen.only or case.name in chosen.only]
    print("targets: " + ("met" if all(met) else "missed"))
    return 0 if all(met) else 1


def measured(case: Case, chosen: argparse.Namespace) -> bool:
    """Measure one scan and print its line; whether the targets are met."""
    with tempfile.TemporaryDirectory() as scratch:
        file = str(Path(scratch) / "volume")
        child("--simulate", case.name, file, "--seed", str(chosen.seed))
        extra = ["--profile"] if chosen.profile else []
        runs = [json.loads(child("--once", file, *extra)) for _ in range(chosen.repeat)]
    best = min(runs, key=lambda one: one["seconds"])
    peak = max(one["peak_mb"] for one in runs)
    shape = "x".join(map(str, best["shape"]))
    print(
        f"{case.name:<12}{shape:<16}{best['seconds']:>9.2f}{case.target_s:>8.0f}{best['cpu']:>8.2f}{peak:>9.0f}{MOST_MB:>8.0f}"
        f"  {best['structures']}, {best['curves']}"
    )
    for step, seconds in sorted(best["steps"].items(), key=lambda item: -item[1]):
        print(f"    {step:<24}{seconds:>9.2f}")
    return bool(best["seconds"] <= case.target_s and peak <= MOST_MB)


def child(*arguments: str) -> str:
    """Run this script again in a process of its own and return what it prints."""
    command = [sys.executable, __file__, *arguments]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def once(file: Path, *, profile: bool) -> dict[str, Any]:
    """The anatomy of one scan in this process: seconds, peak memory in MB, and what was found."""
    from calciscope.anatomy import embedded

    volume = pickle.loads(file.read_bytes())
    steps: dict[str, float] = {}
    if profile:
        watch(embedded, steps)
    start, worked = perf_counter(), process_time()
    body = embedded.segment(volume)
    seconds, cpu = perf_counter() - start, process_time() - worked
    # ru_maxrss is in kilobytes on Linux and in bytes on macOS.
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return {
        "shape": volume.hu.shape,
        "seconds": seconds,
        "cpu": cpu,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit,
        "structures": len(body.structures),
        "curves": len(body.tubes),
        "steps": steps,
    }


def watch(embedded: Any, steps: dict[str, float]) -> None:
    """Let each step of the embedded anatomy add its seconds to ``steps``."""

    def timed(name: str, step: Callable[..., Any]) -> Callable[..., Any]:
        def run(*given: Any, **named: Any) -> Any:
            start = perf_counter()
            try:
                return step(*given, **named)
            finally:
                steps[name] = steps.get(name, 0.0) + perf_counter() - start

        return run

    embedded.FINDERS = tuple(timed(find.__module__.rpartition(".")[2], find) for find in embedded.FINDERS)
    embedded.build = timed("build (frame)", embedded.build)
    embedded.assemble = timed("assemble", embedded.assemble)


if __name__ == "__main__":
    sys.exit(main())
