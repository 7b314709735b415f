"""The level of the left main's ostium: several hypotheses, scored by the fat in which the arteries run."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from calciscope.anatomy.embedded.cardiac.template import BORDERS, Size, courses
from calciscope.anatomy.embedded.circles import Floats, Window, window
from calciscope.anatomy.embedded.frame import Frame, Mask
from calciscope.anatomy.embedded.heart import fork_of_windpipe
from calciscope.anatomy.embedded.track import Track

# Block size of the grid on which fat is looked at, mm.
_GRID_MM = 1.6
# Air and what its blur darkens, mm; a voxel between lung and muscle looks like fat.
_LUNG_HU, _LUNG_BLUR = -300.0, 2.5
# How far the fat of a groove may lie from the average course, mm.
_LOOSE_MM = 7.0
# The sector to the left of the aorta in which the left main runs: degrees from left towards the back, and mm from the
# aorta's rim. A wider one holds the fat between aorta and pulmonary trunk.
_SECTOR, _RING = (-8.0, 45.0), (1.0, 13.0)
# The left main arises this far below the fork of the windpipe, mm, give or take; and above the underside of the heart.
_BELOW_CARINA, _GIVE = 42.0, 14.0
_ABOVE_FLOOR, _GIVE_FLOOR = 70.0, 16.0
# Where no fork of the windpipe is in view: this far below the top of what lies between the lungs, or, where the scan
# ends there, below its last slice (a scan of the heart begins at the pulmonary trunk); mm, give or take.
_BELOW_TOP, _BELOW_END, _GIVE_TOP = 57.0, 33.0, 15.0
# The heart is this wide, mm; outside of it the lungs' borders are not those of a heart.
WIDTHS = (85.0, 165.0)
# A heart's parts against the average.
_SIZES = (0.7, 1.4)
# What it costs where the heart below is not its widest part, and where it ends above.
_NARROW, _AT_TOP = 1.0, 0.3
# Scores that differ by less are alike.
_AS_GOOD = 0.15
# Levels nearer than this are one hypothesis, mm.
APART = 8.0


@dataclass(frozen=True, slots=True, eq=False)
class Fat:
    """How much of the surroundings is fat (0 to 1) on the grid of ``box``; lung and its blur are none.

    ``near`` is the most within reach of a groove, ``depth`` that below the heart's outline in each slice, mm, and
    ``box_mm`` the distance of slices.
    """

    share: Floats
    near: Floats
    depth: Floats
    box: Window
    box_mm: float


@dataclass(frozen=True, slots=True)
class Level:
    """A hypothesis: coarse slice, its score, and the fat beside the aorta there (0 to 1)."""

    z: float
    score: float
    fat: float


def fat_of(frame: Frame, heart: Mask) -> Fat:
    """The fat around a heart region."""
    spans = [np.flatnonzero(heart.any(axis=axes)) for axes in ((1, 2), (0, 2), (0, 1))]
    pad = [12.0 / s for s in frame.spacing]
    low = tuple(float(span[0]) - p for span, p in zip(spans, pad, strict=True))
    high = tuple(float(span[-1]) + 1 + p for span, p in zip(spans, pad, strict=True))
    box = window(frame, (low[0], low[1], low[2]), (high[0], high[1], high[2]), _GRID_MM)
    air = box.hu < _LUNG_HU
    steps = max(1, round(_LUNG_BLUR / box.pixel[0]))
    air = ndimage.binary_dilation(air, ndimage.generate_binary_structure(3, 1) & _flat(), iterations=steps)
    # Fat outside of the pericardium holds no artery of the heart.
    index = [
        np.clip(np.rint((np.arange(n) * f + s + (f - 1) / 2) / g - 0.5), 0, m - 1).astype(int)
        for n, f, s, g, m in zip(box.hu.shape, box.factor, box.start, frame.factor, heart.shape, strict=True)
    ]
    inside = heart[np.ix_(*index)]
    soft = np.clip((0.0 - box.hu) / 80.0, 0.0, 1.0) * (inside & ~air)
    blur = (0.4 * 3.0 / frame.spacing[0], 1.6 / box.pixel[0], 1.6 / box.pixel[1])
    share = ndimage.gaussian_filter(soft.astype(np.float32), blur)
    size = [max(1, 2 * round(_LOOSE_MM / s) + 1) for s in (frame.spacing[0], *box.pixel)]
    depth = np.zeros(share.shape, dtype=np.float32)
    for z in np.flatnonzero(inside.any(axis=(1, 2))).tolist():
        depth[z] = ndimage.distance_transform_edt(inside[z], sampling=box.pixel)
    return Fat(share, ndimage.maximum_filter(share, size=size), depth, box, frame.spacing[0])


def _flat() -> NDArray[np.bool_]:
    plane = np.zeros((3, 3, 3), dtype=np.bool_)
    plane[1] = True
    return plane


def size_of(frame: Frame, heart: Mask, origin: NDArray[np.float64]) -> tuple[Size, float | None]:
    """The heart's size about an origin (coarse), from its borders 10 to 50 mm below it, and its width in mm.

    The average and no width where too few slices of it are in view.
    """
    low, high = (round(origin[0] - mm / frame.spacing[0]) for mm in (50.0, 10.0))
    seen = []
    for k in range(max(0, low), min(len(heart), high + 1)):
        columns, rows = np.flatnonzero(heart[k].any(axis=0)), np.flatnonzero(heart[k].any(axis=1))
        if columns.size:
            seen.append((columns[-1] - origin[2], origin[2] - columns[0], origin[1] - rows[0], rows[-1] - origin[1]))
    if len(seen) < 3:
        return Size(), None
    edges = np.percentile(np.array(seen), 65, axis=0) * np.array(frame.spacing)[[2, 2, 1, 1]]
    parts = np.clip(edges / np.array(BORDERS), *_SIZES)
    wide = float(edges[0] + edges[1])
    down = float(np.clip(np.sqrt(wide / (BORDERS[0] + BORDERS[1])), 0.85, 1.15))
    left, right, front, back = (float(v) for v in parts)
    return Size(left, right, front, back, down), wide


def levels(frame: Frame, heart: Mask, track: Track, fat: Fat) -> tuple[Level, ...]:
    """Hypotheses of the level, best first, at least :data:`APART` mm from each other."""
    fork = fork_of_windpipe(frame)
    floor = int(np.flatnonzero(heart.any(axis=(1, 2)))[0])
    cut = floor * frame.spacing[0] < 8.0
    top = int(np.flatnonzero(heart.any(axis=(1, 2)))[-1])
    found = []
    widths = [size_of(frame, heart, point)[1] or 0.0 for point in track.points]
    widest = max(*widths, 1.0)
    for k, z in enumerate(track.points[:, 0].tolist()):
        beside = _beside(frame, track, k, fat)
        if beside is None:
            continue
        score = 1.2 * min(beside, 0.5) + _along_template(frame, heart, track, k, fat)
        if fork is not None:
            score -= 0.12 * (((fork - z) * frame.spacing[0] - _BELOW_CARINA) / _GIVE) ** 2
        else:
            usual = _BELOW_END if top == len(heart) - 1 else _BELOW_TOP
            score -= 0.08 * (((top - z) * frame.spacing[0] - usual) / _GIVE_TOP) ** 2
        above = (z - floor) * frame.spacing[0]
        if not cut or above > _ABOVE_FLOOR:
            score -= 0.08 * ((above - _ABOVE_FLOOR) / _GIVE_FLOOR) ** 2
        # The heart is widest below the root, and a scan of it does not begin at the left main.
        score -= _NARROW * (1.0 - widths[k] / widest)
        score -= _AT_TOP if (top - z) * frame.spacing[0] < APART else 0.0
        # Below the valve there is no rim any more.
        score += 0.4 * float(np.clip(track.support[k], 0.0, 0.4))
        found.append(Level(z, score, beside))
    best: list[Level] = []
    for item in sorted(found, key=lambda item: -item.score):
        if all(abs(item.z - other.z) * frame.spacing[0] >= APART for other in best):
            best.append(_middle_of_plateau(found, item) if not best else item)
    return tuple(best)


def _middle_of_plateau(found: list[Level], best: Level) -> Level:
    """The middle of the neighbouring levels about as good as the best: fat lies beside the aorta for a while."""
    order = sorted(found, key=lambda item: item.z)
    good = np.array([item.score >= best.score - _AS_GOOD for item in order])
    labels, _ = ndimage.label(good)
    here = np.flatnonzero(labels == labels[order.index(best)])
    return replace(best, z=float(np.mean([order[k].z for k in here])))


def _beside(frame: Frame, track: Track, k: int, fat: Fat) -> float | None:
    """Fat in the narrow sector to the left of the aorta on one slice, from 0 to 1: the better of three neighbours."""
    z, row, column = track.points[k]
    z0, y0, x0 = to_box(frame, fat.box, np.array([[z, row, column]]))[0]
    index = round(z0)
    if not 0 <= index < fat.share.shape[0]:
        return None
    y = (np.arange(fat.share.shape[1]) - y0)[:, None] * fat.box.pixel[0]
    x = (np.arange(fat.share.shape[2]) - x0)[None] * fat.box.pixel[1]
    away, angle = np.hypot(y, x), np.degrees(np.arctan2(y, x))
    inside = (angle > _SECTOR[0]) & (angle < _SECTOR[1])
    inside &= (away > track.radius[k] + _RING[0]) & (away < track.radius[k] + _RING[1])
    return float(np.sort(fat.share[index][inside])[-max(1, inside.sum() // 2) :].mean()) if inside.any() else None


def _along_template(frame: Frame, heart: Mask, track: Track, k: int, fat: Fat) -> float:
    """Mean fat near the average courses hung at one slice of the track; points out of view count as none."""
    size, _ = size_of(frame, heart, track.points[k])
    parts = []
    for points in courses(size).values():
        index = np.rint(to_box(frame, fat.box, hung(frame, track.points[k], points))).astype(int)
        inside = ((index >= 0) & (index < fat.near.shape)).all(axis=1)
        if inside.sum() >= 0.3 * len(points):
            parts.append(float(fat.near[tuple(index[inside].T)].mean()))
    return float(np.mean(parts)) if parts else 0.0


def hung(frame: Frame, origin: NDArray[np.float64], points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Coarse ``(z, y, x)`` of points ``(n, 3)`` given as mm to the left, back and head of a coarse origin."""
    return np.asarray(origin + points[:, ::-1] / np.array(frame.spacing))


def to_box(frame: Frame, box: Window, coarse: NDArray[np.float64]) -> NDArray[np.float64]:
    """Indices of a box ``(n, 3)`` of coarse points."""
    factor = np.array(frame.factor, dtype=np.float64)
    return box.from_volume(coarse * factor + (factor - 1) / 2)
