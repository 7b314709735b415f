"""Where a registration starts: at the scanner's coordinates, at the bodies, and at the heights that look alike."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from calciscope.compare.coarse import ITK, Coarse

_STEP_MM = 4.0
# Of the smaller scan at least this part overlaps at a start.
_LEAST_OVERLAP = 0.3
_HEIGHTS, _KEPT = 4, 2
_SAMPLES, _BINS = 12_000, 24
# A patient lies on the back or on the belly.
_TURNS = (0.0, np.pi)


def starts(fixed: Coarse, moving: Coarse) -> list[Any]:
    """The most promising rigid transforms from points of ``fixed`` to points of ``moving``, best first."""
    points = fixed.points(fixed.body)
    centre, other = points.mean(axis=0), moving.points(moving.body).mean(axis=0)
    shifts = [np.zeros(3), other - centre]
    shifts += [np.array([*(_middle(moving, centre[2], up) - centre[:2]), up]) for up in _heights(fixed, moving)]
    rng = np.random.default_rng(0)
    everywhere = points + rng.normal(0, 8, points.shape)
    sample = everywhere[rng.choice(len(points), min(_SAMPLES, len(points)), replace=False)]
    tried = []
    for shift in shifts:
        for turn in _TURNS:
            start = ITK.Euler3DTransform()
            start.SetCenter(centre.tolist())
            start.SetRotation(0.0, 0.0, turn)
            start.SetTranslation(shift.tolist())
            tried.append((_alike(fixed, moving, start, sample), start))
    tried.sort(key=lambda pair: -pair[0])
    return [start for value, start in tried[:_KEPT] if value > 0]


def _middle(moving: Coarse, at: float, height: float) -> NDArray[np.float64]:
    """The middle of the other body, as far as its height is known the same one."""
    points = moving.points(moving.body)
    near = points[np.abs(points[:, 2] - (at + height)) < 60.0]
    return np.asarray((near if len(near) else points).mean(axis=0)[:2], dtype=np.float64)


def _profile(scan: Coarse) -> tuple[NDArray[np.float64], float]:
    """Area of the body, bone and air in it at every height (mm2, on a common step), and the lowest height."""
    area = scan.geometry.spacing[1] * scan.geometry.spacing[2]
    air = scan.body & (scan.hu < -500)
    counts = np.array([mask.sum(axis=(1, 2)) * area for mask in (scan.body, 4 * scan.bone, air)], dtype=np.float64)
    counts[1] *= 4
    heights = scan.geometry.to_mm(
        np.array(
            [[z, (scan.geometry.shape[1] - 1) / 2, (scan.geometry.shape[2] - 1) / 2] for z in range(counts.shape[1])]
        )
    )[:, 2]
    order = np.argsort(heights)
    grid = np.arange(heights.min(), heights.max() + 1e-6, _STEP_MM)
    return np.array([np.interp(grid, heights[order], row[order]) for row in counts]), float(heights.min())


def _heights(fixed: Coarse, moving: Coarse) -> list[float]:
    """Shifts along the body (mm, from fixed to moving) at which the slices look most alike."""
    (one, low), (two, other) = _profile(fixed), _profile(moving)
    lengths = one.shape[1], two.shape[1]
    least = max(2, int(_LEAST_OVERLAP * min(lengths)))
    found = []
    for step in range(-(lengths[0] - least), lengths[1] - least + 1):
        a, b = max(0, -step), max(0, step)
        count = min(lengths[0] - a, lengths[1] - b)
        first, second = one[:, a : a + count], two[:, b : b + count]
        differs = float(np.abs(first - second).sum() / (first + second).sum().clip(1.0))
        found.append((differs, other + b * _STEP_MM - (low + a * _STEP_MM)))
    best: list[float] = []
    for _, height in sorted(found):
        if all(abs(height - known) > 5 * _STEP_MM for known in best):
            best.append(height)
        if len(best) == _HEIGHTS:
            break
    return best


def _alike(fixed: Coarse, moving: Coarse, start: Any, points: NDArray[np.float64]) -> float:
    """Mutual information of the points that both scans show, less where they are few."""
    matrix = np.array(start.GetMatrix()).reshape(3, 3)
    centre = np.array(start.GetCenter())
    moved = (points - centre) @ matrix.T + centre + np.array(start.GetTranslation())
    here = np.rint(fixed.geometry.to_index(points)).astype(int)
    there = np.rint(moving.geometry.to_index(moved)).astype(int)
    inside = np.all(
        (here >= 0) & (here < fixed.geometry.shape) & (there >= 0) & (there < moving.geometry.shape), axis=1
    )
    if inside.mean() < 0.05:
        return 0.0
    a, b = fixed.hu[tuple(here[inside].T)], moving.hu[tuple(there[inside].T)]
    joint = np.histogram2d(a, b, bins=_BINS, range=((-1000, 800), (-1000, 800)))[0]
    joint /= joint.sum()
    product = joint.sum(axis=1, keepdims=True) * joint.sum(axis=0, keepdims=True)
    filled = joint > 0
    information = float((joint[filled] * np.log(joint[filled] / product[filled])).sum())
    return information * float(min(1.0, inside.mean() / _LEAST_OVERLAP))
