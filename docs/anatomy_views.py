"""A real chest cut as gated scans of the heart are, turned and made noisy: what is known in it, placed again."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from scipy import ndimage

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE)]

from tests.real import scans as real  # noqa: E402
from tests.real.test_small_views import cut  # noqa: E402

from calciscope.anatomy.embedded import segment  # noqa: E402
from calciscope.domain import site as sites  # noqa: E402
from calciscope.domain.image import Geometry, Volume  # noqa: E402
from calciscope.find import ct  # noqa: E402
from calciscope.place import place  # noqa: E402
from calciscope.read.study import open_study  # noqa: E402

SCAN = "chest-coronary"
# Views of the heart: side, how far to the left of the heart's middle and behind it, mm.
VIEWS = ((250.0, 0.0, 12.0), (220.0, 0.0, 12.0), (200.0, 12.0, 15.0), (180.0, -10.0, 15.0), (160.0, 0.0, 12.0),
         (160.0, 10.0, 18.0))  # fmt: skip
# Turned about the body's axis, degrees; noise added, HU, as a soft kernel correlates it, pixels.
TURNED, NOISE, SOFT = 12.0, 25.0, 0.6
# A deposit this near to a known place counts as found, mm.
NEAR_MM = 6.0

At = Callable[[np.ndarray], np.ndarray]


def variants(scan: Volume) -> Iterator[tuple[str, Volume, At]]:
    """Names, volumes, and where a voxel of the whole scan lies in each."""
    yield "whole", scan, lambda at: at
    heart = segment(scan).mask("heart_region")
    for view in VIEWS:
        small, low = cut(scan, heart, *view)
        yield f"view of {view[0]:.0f} mm", small, lambda at, low=low: at - low
    turned = ndimage.rotate(scan.hu.astype(np.float32), TURNED, axes=(1, 2), reshape=False, order=1, cval=-1024)
    middle, angle = (np.array(scan.hu.shape[1:]) - 1) / 2, np.deg2rad(TURNED)
    matrix = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    yield (
        f"turned by {TURNED:.0f} degrees",
        _like(scan, turned),
        lambda at: np.array([at[0], *(middle + matrix @ (at[1:] - middle))]),
    )
    grain = ndimage.gaussian_filter(np.random.default_rng(1).normal(0.0, 1.0, scan.hu.shape), (0.0, SOFT, SOFT))
    yield f"noise of {NOISE:.0f} HU added", _like(scan, scan.hu + NOISE * grain / grain.std()), lambda at: at


def _like(scan: Volume, hu: np.ndarray) -> Volume:
    geometry = Geometry(hu.shape, scan.geometry.spacing, scan.geometry.origin)
    return Volume(np.rint(hu).astype(np.int16), geometry, scan.acquisition)


def section(folder: Path) -> str:
    """The section of the page."""
    scan = open_study([real.path_of(folder, SCAN)], None).series[0].volume
    known = real.annotations(folder, SCAN)["deposits"]
    text = [
        "## A real chest, cut and changed",
        "",
        f"`{SCAN}` as a gated scan of the heart would show it, turned, and with more noise; the deposits that a person "
        "marked and that lie in view. *Above* is a place that holds the true one. *Coronary elsewhere* are deposits "
        "given to the coronary arteries away from the marked ones (the whole scan has more than the marked).",
        "",
        "| scan | marked in view | exact or accepted | above | wrong | missed | coronary elsewhere |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, volume, moved in variants(scan):
        text.append(f"| {name} | {' | '.join(map(str, counted(volume, moved, known)))} |")
    return "\n".join(text)


def counted(volume: Volume, moved: At, known: list[dict[str, object]]) -> tuple[int, ...]:
    """Marked in view, right, above, wrong, missed, and coronary deposits away from the marked ones."""
    anatomy = segment(volume)
    found = place(ct.find(volume, anatomy, series="view", threshold_hu=130.0).deposits, volume, anatomy)
    spacing, last = np.array(volume.geometry.spacing), np.array(volume.hu.shape) - 1
    count, near = np.zeros(5, dtype=int), set()
    for entry in known:
        at = moved(np.array(entry["at"], dtype=float))
        if ((at * spacing)[1:] < NEAR_MM).any() or (((last - at) * spacing)[1:] < NEAR_MM).any():
            continue
        if not 0 <= at[0] <= last[0]:
            continue
        gaps = [np.abs((item.deposit.voxels - at) * spacing).max(axis=1).min() for item in found]
        best = int(np.argmin(gaps)) if gaps else -1
        if best < 0 or gaps[best] > NEAR_MM:
            count += (1, 0, 0, 0, 1)
            continue
        near.add(best)
        said = real.outcome(found[best].placement.site, tuple(entry["site"]))
        count += (1, said in ("exact", "acceptable"), said == "broader", said == "wrong", 0)
    elsewhere = [item for k, item in enumerate(found) if k not in near]
    return (*count.tolist(), sum(sites.within(item.placement.site, "artery.coronary") for item in elsewhere))
