"""Do the intervals of scores cover the truth? Simulated repeats of lesions, in total and by kind of lesion and scan.

    python benchmarks/coverage.py [REPEATS] [SEED] [PRESET]

The lesions are drawn, blurred and sampled by the simulator of the tests, which shares nothing with the method but the
scorer. The truth is the mean score of the noise-free object over sub-voxel positions of the grid. `width` is the median
of the interval's width over the truth, `error` the same for 3.92 SD of the score's own error in that stratum (from the
median, of which it is 1.48 times), which is what an interval about the score would need if that error were known.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from time import perf_counter

import numpy as np
from run import machine

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.measure.lesions import Lesion, lesion

from calciscope.measure.agatston import score
from calciscope.measure.presets import preset
from calciscope.measure.uncertainty.interval import score_intervals
from calciscope.measure.uncertainty.noise import image_noise

NAMES = ("agatston", "volume", "mass")
# The method's constants were chosen on repeats of seeds 1 and 2.
SEED = 30


def band(value: float, limits: tuple[float, ...], unit: str = "") -> str:
    """The band that a value lies in, in words."""
    for low, high in pairwise(limits):
        if low <= value < high:
            return f"{low:g} to {high:g}{unit}"
    return f"from {limits[-1]:g}{unit}"


STRATA: dict[str, Callable[[Lesion], str]] = {
    "size": lambda one: band(one.size, (1, 2, 4, 6, 8), " mm"),
    "attenuation": lambda one: band(one.peak, (150, 250, 400, 700, 1201), " HU"),
    "noise": lambda one: band(one.noise, (5, 15, 25, 35.01), " HU"),
    "noise is": lambda one: "correlated" if one.correlated else "white",
    "slice": lambda one: f"{one.stack.increment:g} mm",
    "pixel": lambda one: band(one.stack.spacing[1], (0.35, 0.5, 0.6, 0.76), " mm"),
    "shape": lambda one: one.shape,
    "true score": lambda one: "0" if one.truth[0] == 0 else band(one.truth[0], (0, 3, 10, 30, 100, 300), ""),
}


def main() -> None:
    """Print the tables."""
    repeats = int(sys.argv[1]) if len(sys.argv) > 1 else 400
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else SEED
    rule = preset(sys.argv[3] if len(sys.argv) > 3 else "standard")
    if rule.every_voxel:
        sys.exit(f"preset {rule.name} counts voxels below the threshold and has no intervals")
    threshold = rule.threshold(120.0)
    made: list[Lesion] = []
    ends, values = [], []
    seconds = 0.0
    for number in range(repeats):
        one = lesion(np.random.default_rng([seed, number]), rule, threshold)
        # Every other repeat is the region of a mask, the rest the deposit that a finder returns.
        voxels = one.deposit if number % 2 else one.voxels
        voxels = voxels if len(voxels) else one.voxels
        noise = image_noise(one.hu, one.stack.spacing)
        start = perf_counter()
        found = score_intervals(one.hu, voxels, one.stack, threshold, rule, noise)
        seconds += perf_counter() - start
        seen = score(voxels, one.hu[tuple(voxels.T)], one.stack, threshold, rule)
        made.append(one)
        ends.append([found.agatston, found.volume, found.mass])
        values.append([seen.agatston, seen.volume, seen.mass])
    print(machine())
    print(f"{rule.name}, {repeats} repeats, seed {seed}, {1000 * seconds / repeats:.1f} ms an interval")
    table(made, np.array(ends), np.array(values))


def table(made: list[Lesion], ends: np.ndarray, values: np.ndarray) -> None:
    """One line in total for each score, then Agatston by stratum."""
    truth = np.array([one.truth for one in made])
    inside = (ends[..., 0] <= truth + 1e-9) & (truth <= ends[..., 1] + 1e-9)
    print(f"{'':28}{'n':>5}{'covered':>9}{'below':>8}{'above':>8}{'width':>8}{'error':>8}")

    def line(name: str, which: np.ndarray, score: int = 0) -> None:
        low, high = ends[which, score].T
        true, seen = truth[which, score], values[which, score]
        some = true > 0
        width = np.median((high - low)[some] / true[some]) if some.any() else np.nan
        error = 3.92 * 1.48 * np.median(np.abs(seen - true)[some] / true[some]) if some.any() else np.nan
        shares = inside[which, score].mean(), (true < low - 1e-9).mean(), (true > high + 1e-9).mean()
        print(
            f"{name:28}{which.sum():5}" + "".join(f"{100 * one:8.1f}" for one in shares) + f"{width:9.2f}{error:8.2f}"
        )

    for number, name in enumerate(NAMES):
        line(name, np.ones(len(made), bool), number)
    for name, kind in STRATA.items():
        kinds = np.array([kind(one) for one in made])
        for each in sorted(set(kinds), key=lambda text: (text.startswith("from"), len(text.split()[0]), text)):
            line(f"{name} {each}", kinds == each)


if __name__ == "__main__":
    main()
