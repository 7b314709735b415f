"""Scoring a 400 x 512 x 512 volume with a mask, beside the script that people write, in the same run.

    python benchmarks/score.py [--repeat N]

The common script labels each slice with scipy and then makes one boolean mask a label. Ours reads the volume once and
joins runs of calcified voxels. Shown for 50 and for 5,000 lesions and for each kind of mask, beside the floor that any
scorer has: comparing every voxel with the threshold, ``(v >= 130).sum()``. Times are the best of several rounds in
which everything takes turns, growth is the median of the ratios in one round; the common script runs once. Peak memory
is what tracemalloc sees of arrays and objects beyond volume and mask, in a run of its own, because tracing costs time.
"""

from __future__ import annotations

import argparse
import math
import sys
import tracemalloc
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from time import perf_counter

import numpy as np
from numpy.typing import NDArray
from run import machine
from scipy import ndimage

from calciscope.measure.agatston import Stack, volume_scores
from calciscope.measure.presets import preset

SHAPE = (400, 512, 512)
SPACING = (3.0, 0.4, 0.4)
EIGHT = np.ones((3, 3), dtype=int)
LESIONS = (50, 5000)
TARGET_FLOORS = 3.0
TARGET_GROWTH = 2.0

Mask = NDArray[np.integer] | NDArray[np.bool_] | None


def scan(count: int, seed: int = 1) -> tuple[NDArray[np.int16], NDArray[np.int16]]:
    """A volume of soft tissue with ``count`` blocks of 2 x 5 x 5 voxels, 150 to 700 HU, and the number of each."""
    random = np.random.default_rng(seed)
    volume = np.full(SHAPE, 40, dtype=np.int16)
    number = np.zeros(SHAPE, dtype=np.int16)
    for index, (z, y, x) in enumerate(zip(*(random.integers(2, size - 8, count) for size in SHAPE), strict=True)):
        volume[z : z + 2, y : y + 5, x : x + 5] = random.integers(150, 700)
        number[z : z + 2, y : y + 5, x : x + 5] = index + 1
    return volume, number


def masks(volume: NDArray[np.int16], number: NDArray[np.int16]) -> Mapping[str, Mask]:
    """No mask, the whole volume, the lesions alone, a label for each lesion, large organs, in different types."""
    organs = np.zeros(SHAPE, dtype=np.uint8)
    for organ in range(100):
        z, y, x = organ // 25 * 100, organ % 25 // 5 * 100, organ % 5 * 100
        organs[z : z + 90, y : y + 90, x : x + 90] = organ + 1
    return {
        "none": None,
        "whole, uint8": np.ones(SHAPE, dtype=np.uint8),
        "whole, int32": np.ones(SHAPE, dtype=np.int32),
        "lesions, bool": number > 0,
        "a label each, int16": number,
        "100 organs, uint8": organs,
    }


def ours(volume: NDArray[np.int16], mask: Mask) -> float:
    """The total by the default preset; every label is scored."""
    rule = preset("standard")
    return volume_scores(volume, mask, Stack(SPACING), rule.threshold(120.0), rule).total[0]


def common(volume: NDArray[np.int16], mask: Mask) -> float:
    """The script that people write, for a mask of one label or none."""
    total = 0.0
    for level, image in enumerate(volume):
        calcified = image >= 130 if mask is None else (image >= 130) & (mask[level] > 0)
        labels, count = ndimage.label(calcified, structure=EIGHT)
        for label in range(1, count + 1):
            island = labels == label
            area = island.sum() * SPACING[1] * SPACING[2]
            if area >= 1.0:
                peak = image[island].max()
                total += area * min(4, int(peak) // 100) * SPACING[0] / 3.0
    return total


def timed(work: Callable[[], float]) -> tuple[float, float]:
    """Seconds and result."""
    start = perf_counter()
    result = work()
    return perf_counter() - start, result


def peak_mb(work: Callable[[], float]) -> float:
    """Peak of what is allocated during the work, MB."""
    tracemalloc.start()
    work()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / 2**20


@dataclass
class Case:
    """One volume with its masks, and the seconds of every round."""

    lesions: int
    volume: NDArray[np.int16]
    masks: Mapping[str, Mask]
    floor: list[float] = field(default_factory=list)
    seconds: dict[str, list[float]] = field(default_factory=dict)

    @classmethod
    def of(cls, count: int) -> Case:
        """A scan with so many lesions."""
        volume, number = scan(count)
        return cls(count, volume, masks(volume, number))

    def show(self) -> None:
        """Print the table; the common script runs here, once."""
        floor = min(self.floor)
        print(f"\n{self.lesions} lesions; floor {floor:.3f} s")
        print(f"{'mask':<22}{'ours s':>8}{'floors':>8}{'MB':>7}{'common s':>10}{'times ours':>12}{'MB':>7}")
        for name, mask in self.masks.items():
            work, best = partial(ours, self.volume, mask), min(self.seconds[name])
            line = f"{name:<22}{best:>8.3f}{best / floor:>8.2f}{peak_mb(work):>7.1f}"
            if name in ("none", "whole, uint8"):
                script = partial(common, self.volume, mask)
                slow, expected = timed(script)
                if not math.isclose(work(), expected, rel_tol=1e-9):
                    sys.exit(f"the scores differ: {work()} and {expected}")
                line += f"{slow:>10.2f}{slow / best:>12.0f}{peak_mb(script):>7.1f}"
            print(line, flush=True)


def main() -> int:
    """Print the tables and whether the targets are met."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeat", type=int, default=9, help="rounds (9)")
    chosen = parser.parse_args()
    print(machine())
    few, many = cases = tuple(Case.of(count) for count in LESIONS)
    for _ in range(chosen.repeat):
        for case in cases:
            case.floor.append(timed(lambda volume=case.volume: float((volume >= 130).sum()))[0])
        for name in few.masks:
            for case in cases:
                case.seconds.setdefault(name, []).append(timed(partial(ours, case.volume, case.masks[name]))[0])
    for case in cases:
        case.show()
    floors = max(min(each) / min(case.floor) for case in cases for each in case.seconds.values())
    growths = [np.divide(many.seconds[name], few.seconds[name]) for name in few.masks]
    growth = float(np.median(growths))
    met = floors <= TARGET_FLOORS and growth <= TARGET_GROWTH
    print(f"\nworst mask: {floors:.2f} floors (target {TARGET_FLOORS:g})")
    print(
        f"{LESIONS[1]} lesions cost {growth:.2f} times what {LESIONS[0]} do (median of all rounds and masks; ", end=""
    )
    print(f"by mask {', '.join(f'{np.median(one):.2f}' for one in growths)}; target {TARGET_GROWTH:g})")
    print("met" if met else "missed")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
