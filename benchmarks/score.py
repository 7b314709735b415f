"""Scoring alone: the calcified voxels of a 400 x 512 x 512 volume against the script that people write.

    python benchmarks/score.py

The common script labels each slice and then makes one boolean mask a label; ours takes the voxels above the threshold
once and joins them in a sorted list. Shown for few and for many lesions, beside the floor that any scorer has: reading
the volume once.
"""

from __future__ import annotations

import math
import resource
import sys
from time import perf_counter

import numpy as np
from numpy.typing import NDArray
from run import machine
from scipy import ndimage

from calciscope.measure.agatston import Stack, score
from calciscope.measure.presets import preset

SHAPE = (400, 512, 512)
SPACING = (3.0, 0.4, 0.4)
EIGHT = np.ones((3, 3), dtype=int)


def lesions(count: int, seed: int = 1) -> NDArray[np.int16]:
    """A volume of soft tissue with ``count`` blocks of 2 x 5 x 5 voxels, 150 to 700 HU."""
    random = np.random.default_rng(seed)
    volume = np.full(SHAPE, 40, dtype=np.int16)
    for z, y, x in zip(*(random.integers(2, size - 8, count) for size in SHAPE), strict=True):
        volume[z : z + 2, y : y + 5, x : x + 5] = random.integers(150, 700)
    return volume


def ours(volume: NDArray[np.int16]) -> float:
    """The score by the default preset."""
    rule = preset("standard")
    threshold = rule.threshold(120.0)
    flat = np.flatnonzero(volume.reshape(-1) >= threshold.hu)
    voxels = np.stack(np.unravel_index(flat, volume.shape), axis=1)
    return score(voxels, volume.reshape(-1)[flat], Stack(SPACING), threshold, rule).agatston


def common(volume: NDArray[np.int16]) -> float:
    """The script that people write."""
    total = 0.0
    for image in volume:
        labels, count = ndimage.label(image >= 130, structure=EIGHT)
        for label in range(1, count + 1):
            mask = labels == label
            area = mask.sum() * SPACING[1] * SPACING[2]
            if area >= 1.0:
                peak = image[mask].max()
                total += area * min(4, int(peak) // 100) * SPACING[0] / 3.0
    return total


def main() -> None:
    """Print the table."""
    print(machine())
    print(f"{'lesions':>8}{'floor s':>10}{'ours s':>10}{'common s':>10}{'score':>12}")
    for count in (50, 5000):
        volume = lesions(count)
        ours(volume)  # the first touch of fresh memory is the system's time, not a scorer's
        seconds = []
        for work in (lambda v: (v >= 130).sum(), ours, common):
            start = perf_counter()
            result = work(volume)
            seconds.append(perf_counter() - start)
            if work is ours:
                scored = result
        if not math.isclose(scored, result, rel_tol=1e-9):
            sys.exit(f"the scores differ: {scored} and {result}")
        print(f"{count:>8}" + "".join(f"{one:>10.2f}" for one in seconds) + f"{scored:>12.1f}")
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


if __name__ == "__main__":
    main()
