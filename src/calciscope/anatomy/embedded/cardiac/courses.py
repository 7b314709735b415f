"""The courses of the coronary arteries: the cheapest ways through the fat of the grooves, near where they run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.graph import MCP_Geometric

from calciscope.anatomy.embedded.cardiac.level import Fat
from calciscope.anatomy.embedded.circles import Floats
from calciscope.anatomy.embedded.frame import Mask

Curve = NDArray[np.float64]
Knots = Sequence[tuple[float, float]]

# How far from the average course a groove is believed (SD, mm), near the ostium and at the far end.
_LOOSE = (5.0, 11.0)
# A course is not sought further than this many SD from the average.
_FARTHEST = 2.5
# Cost of a mm through tissue without fat against one through a groove.
_MUSCLE = 6.0
# What it costs to leave the average course by one SD.
_OFF = 0.8
# Arteries run inside of the pericardium, mm.
_INSIDE_MM = 3.0
# How inexact the depth is, mm.
_SLACK_MM = 4.0
# The end of an artery is the fattest place within this of the average, mm.
_END_MM = 12.0


@dataclass(frozen=True, slots=True, eq=False)
class Surface:
    """Depth below the heart's outline in each slice, mm (negative outside), and its slope along rows and columns."""

    depth: Floats
    rows: Floats
    columns: Floats

    @classmethod
    def of(cls, heart: Mask, spacing: tuple[float, float, float]) -> Surface:
        """The surface of a mask ``(z, y, x)``."""
        depth = np.zeros(heart.shape, dtype=np.float32)
        for z in np.flatnonzero(heart.any(axis=(1, 2))).tolist():
            depth[z] = ndimage.distance_transform_edt(heart[z], sampling=spacing[1:])
            depth[z] -= ndimage.distance_transform_edt(~heart[z], sampling=spacing[1:])
        smooth = ndimage.gaussian_filter(depth, (0.0, 1.0, 1.0))
        rows, columns = np.gradient(smooth, *spacing[1:], axis=(1, 2))
        return cls(depth, np.asarray(rows, dtype=np.float32), np.asarray(columns, dtype=np.float32))


def depth_limit(coarse: Curve, spacing: tuple[float, float, float], deepest: Knots) -> Curve:
    """How deep each point of a course may lie, mm, from pairs of way from its first point and depth, both mm."""
    along = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(coarse, axis=0) * spacing, axis=1))])
    return np.asarray(np.interp(along, [way for way, _ in deepest], [depth for _, depth in deepest]))


def on_surface(coarse: Curve, surface: Surface, spacing: tuple[float, float, float], deepest: Knots) -> Curve:
    """A course ``(n, 3)`` of coarse indices moved within its slices so that it runs inside the heart near its surface.

    ``deepest`` is how deep it may run. Points on slices without heart stay.
    """
    moved = coarse.copy()
    limit = depth_limit(coarse, spacing, deepest)
    for _ in range(8):
        depth, rows, columns = (
            ndimage.map_coordinates(field, moved.T, order=1, mode="nearest")
            for field in (surface.depth, surface.rows, surface.columns)
        )
        steep = np.hypot(rows, columns)
        # Where the slope vanishes there is no nearest side.
        push = np.where(steep > 0.3, np.minimum(limit - depth, 0.0) + np.maximum(_INSIDE_MM - depth, 0.0), 0.0)
        push = np.clip(push, -4.0, 4.0) / np.maximum(steep, 0.3)
        moved[:, 1] += push * rows / np.maximum(steep, 0.3) / spacing[1]
        moved[:, 2] += push * columns / np.maximum(steep, 0.3) / spacing[2]
    empty = surface.depth.max(axis=(1, 2)) <= 0
    z = np.clip(np.rint(coarse[:, 0]), 0, len(empty) - 1).astype(int)
    moved[empty[z]] = coarse[empty[z]]
    moved[:, 1:] = ndimage.gaussian_filter1d(moved[:, 1:], 1.5, axis=0, mode="nearest")
    return moved


def along_groove(to_box: Curve, fat: Fat, limit: Curve) -> tuple[Curve, float]:
    """The course near the usual one, and the mean share of fat along it.

    ``to_box`` is the usual course as indices of ``fat.box`` ``(n, 3)``, ``limit`` how deep it may lie at each point,
    mm. Returns the course in box indices ``(m, 3)``; where the box does not hold most of it, the usual course.
    """
    shape = np.array(fat.share.shape)
    inside = ((to_box >= 0) & (to_box <= shape - 1)).all(axis=1)
    if inside.sum() < 4:
        return to_box, 0.0
    points = to_box[inside]
    spread = np.linspace(*_LOOSE, len(to_box))[inside]
    spacing = np.array((fat.box_mm, *fat.box.pixel))
    low = np.maximum(np.floor(points.min(axis=0) - _FARTHEST * _LOOSE[1] / spacing), 0).astype(int)
    high = np.minimum(np.ceil(points.max(axis=0) + _FARTHEST * _LOOSE[1] / spacing) + 1, shape).astype(int)
    part = tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
    share = fat.share[part]
    off, deepest = _off_course(points - low, spread, limit[inside], share.shape, spacing)
    share = np.where(fat.depth[part] <= deepest + _SLACK_MM, share, 0.0)
    cost = 1.0 + _MUSCLE * (1.0 - np.clip(share / 0.5, 0.0, 1.0)) + _OFF * off**2
    cost = np.where(off > _FARTHEST, -1.0, cost)
    start = tuple(np.clip(np.rint(points[0] - low), 0, np.array(share.shape) - 1).astype(int).tolist())
    end = _fattest(share, points[-1] - low, spacing)
    if cost[start] < 0 or cost[end] < 0:
        return to_box, float(_sample(fat.share, points))
    way = MCP_Geometric(cost, sampling=tuple(spacing))
    way.find_costs([start], [end])
    path = np.array(way.traceback(end), dtype=np.float64)
    if len(path) < 4:
        return to_box, float(_sample(fat.share, points))
    path = ndimage.gaussian_filter1d(path, 2.0, axis=0, mode="nearest")
    return path + low, float(_sample(share, path))


def _off_course(
    points: Curve, spread: Curve, limit: Curve, shape: tuple[int, ...], spacing: Curve
) -> tuple[Floats, Floats]:
    """Distance of every voxel from a course, in SD of where it may lie, and the depth limit at the nearest point."""
    seed = np.ones(shape, dtype=np.bool_)
    wide, deep = np.zeros(shape, dtype=np.float32), np.zeros(shape, dtype=np.float32)
    index = np.clip(np.rint(points), 0, np.array(shape) - 1).astype(int)
    seed[tuple(index.T)] = False
    wide[tuple(index.T)], deep[tuple(index.T)] = spread, limit
    away, nearest = ndimage.distance_transform_edt(seed, sampling=spacing, return_indices=True)
    return np.asarray(away / wide[tuple(nearest)], dtype=np.float32), deep[tuple(nearest)]


def _fattest(share: Floats, at: Curve, spacing: Curve) -> tuple[int, int, int]:
    """The voxel with the most fat near a point; nearer ones are preferred."""
    grid = np.indices(share.shape)
    away = np.sqrt(sum(((g - p) * s) ** 2 for g, p, s in zip(grid, at, spacing, strict=True)))
    worth = np.where(away <= _END_MM, share - 0.03 * away, -1.0)
    z, y, x = (int(v) for v in np.unravel_index(int(worth.argmax()), share.shape))
    return z, y, x


def _sample(share: Floats, points: Curve) -> float:
    index = np.clip(np.rint(points), 0, np.array(share.shape) - 1).astype(int)
    return float(share[tuple(index.T)].mean())
