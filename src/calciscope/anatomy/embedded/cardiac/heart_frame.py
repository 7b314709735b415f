"""The heart frame: the aorta's centre at the left main's ostium, the root's axis, the heart's size, how sure it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from calciscope.anatomy.embedded.cardiac.level import APART, WIDTHS, Fat, Level, fat_of, levels, size_of
from calciscope.anatomy.embedded.cardiac.root import trace_root
from calciscope.anatomy.embedded.cardiac.template import SINUSES_ABOVE, VALVE_BELOW, Size
from calciscope.anatomy.embedded.frame import Frame, Mask
from calciscope.anatomy.embedded.track import Track

# Slices on which the tilt is measured: from below to above the level, mm.
_TILT_OVER = (6.0, 26.0)
# The root leans more than the aorta above it: its usual way to the back and to the left, mm for each mm towards the
# feet, and how much the measured one counts.
_ROOT_TILT, _MEASURED = (0.65, 0.5), 0.4
# Steeper roots than this, mm aside for each mm of height, are tracks of something else.
_STEEPEST = 1.6
# Radius of an adult root, mm, and how much of it must look round.
_ROOT_RADIUS = (11.0, 24.0)
# A heart reaches at least this many times as far to the left of the spine as to the right; columns of the heart hold
# this many voxels.
_LEFTWARD, _FEW_VOXELS = 0.82, 20
# A descending aorta this sure and this far to the left of the spine, mm, tells that the image is not turned. What is
# taken for one in turned images is less sure.
_SURE_AORTA, _LEFT_OF_SPINE_MM = 0.8, 10.0
# The surest frame: nothing inside a heart without contrast is seen directly.
_SUREST = 0.95
# Below this a frame is dropped.
LEAST = 0.35


@dataclass(frozen=True, slots=True, eq=False)
class HeartFrame:
    """Where the heart's parts are sought.

    ``origin`` is the aorta's centre at the left main's ostium, coarse ``(z, y, x)``; ``axis`` the root's direction
    towards the head as mm ``(x, y, z)`` of length 1; ``radius`` the root's, mm; ``size`` the heart's against the
    average; ``track`` the ascending aorta above. ``confidence`` is from 0 to 1 and ``flags`` say what lowers it.
    """

    origin: NDArray[np.float64]
    axis: NDArray[np.float64]
    radius: float
    size: Size
    track: Track
    fat: Fat
    confidence: float
    flags: tuple[str, ...]

    def along_root(self, spacing: tuple[float, float, float]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Coarse points of the root's axis from the upper rim of the sinuses to the valve, and their height, mm."""
        height = np.arange(SINUSES_ABOVE * self.size.down, -VALVE_BELOW * self.size.down - 1.0, -2.0)
        points = self.origin + (height[:, None] * self.axis)[:, ::-1] / np.array(spacing)
        return np.asarray(points), height

    def axis_at(self, z: float, spacing: tuple[float, float, float]) -> NDArray[np.float64] | None:
        """Row and column of the aorta's centre on a coarse slice: tracked, or below the origin along the axis.

        ``None`` above the track.
        """
        if z > self.track.points[-1, 0]:
            return None
        if z >= self.origin[0]:
            return self.track.points[int(np.argmin(np.abs(self.track.points[:, 0] - z))), 1:]
        down = (z - self.origin[0]) * spacing[0] / self.axis[2]
        return np.asarray(self.origin[1:] + down * self.axis[[1, 0]] / np.array(spacing[1:]))


def find(frame: Frame, heart: Mask, certain: float, so_far: Mapping[str, tuple[Mask, float]]) -> HeartFrame | None:
    """The frame of a heart, or ``None`` where its own sanity measures fail.

    ``heart`` is the heart region with the aorta in it, ``certain`` how sure the region is.
    """
    track = trace_root(frame, heart, so_far)
    if track is None:
        return None
    fat = fat_of(frame, heart)
    found = levels(frame, heart, track, fat)
    if not found:
        return None
    best = found[0]
    k = int(np.argmin(np.abs(track.points[:, 0] - best.z)))
    size, wide = size_of(frame, heart, track.points[k])
    tilt = _tilt(frame, track, k)
    radius = float(np.median(track.radius[max(0, k - 1) : k + max(2, round(12.0 / frame.spacing[0]))]))
    sure, flags = _sanity(frame, track, k, found, wide, tilt, radius)
    if _turned(frame, heart, best.z, so_far):
        sure, flags = sure * 0.5, [*flags, "the heart lies on the right, or the image is turned over"]
    if bool(frame.metal[heart].any()):
        sure, flags = sure * 0.7, [*flags, "metal in the heart"]
    sure *= _SUREST * min(1.0, certain / 0.85)
    if sure < LEAST:
        return None
    axis = np.array((-tilt[1], -tilt[0], 1.0))
    return HeartFrame(
        origin=track.points[k].copy(),
        axis=axis / np.linalg.norm(axis),
        radius=float(np.clip(radius, *_ROOT_RADIUS)),
        size=size,
        track=track.part(track.points[:, 0] >= track.points[k, 0]),
        fat=fat,
        confidence=round(sure, 3),
        flags=tuple(flags),
    )


def _on_the_right(frame: Frame, heart: Mask, z: float) -> bool:
    """Whether the heart reaches further to the right of the spine than to the left; false where no spine is in view."""
    if not np.isfinite(frame.spine[:, 1]).any():
        return False
    low, high = (max(0, round(z - mm / frame.spacing[0])) for mm in (50.0, 10.0))
    columns = np.flatnonzero(heart[low : high + 1].sum(axis=(0, 1)) >= _FEW_VOXELS)
    middle = float(np.nanmedian(frame.spine[:, 1]))
    return columns.size > 0 and bool(columns[-1] - middle < _LEFTWARD * (middle - columns[0]))


def _turned(frame: Frame, heart: Mask, z: float, so_far: Mapping[str, tuple[Mask, float]]) -> bool:
    """Whether the heart lies on the right by its borders, unless the descending aorta surely runs on the left.

    A view that cuts the right lung hides where the heart ends there, not on which side the aorta runs.
    """
    mask, certain = so_far.get("aorta_descending", (np.zeros(0, dtype=np.bool_), 0.0))
    if certain >= _SURE_AORTA and mask.any() and np.isfinite(frame.spine[:, 1]).any():
        aside = float(np.nonzero(mask)[2].mean()) - float(np.nanmedian(frame.spine[:, 1]))
        if aside * frame.spacing[2] >= _LEFT_OF_SPINE_MM:
            return False
    return _on_the_right(frame, heart, z)


def _tilt(frame: Frame, track: Track, k: int) -> NDArray[np.float64]:
    """How far the axis moves to the back and to the left, mm for each mm towards the feet; held to the usual."""
    height = (track.points[:, 0] - track.points[k, 0]) * frame.spacing[0]
    near = (height >= -_TILT_OVER[0]) & (height <= _TILT_OVER[1])
    if near.sum() < 4:
        return np.array(_ROOT_TILT)
    weight = np.clip(track.support[near], 0.05, 0.5)
    slope = np.array(
        [np.polyfit(-height[near], track.points[near, axis] * frame.spacing[axis], 1, w=weight)[0] for axis in (1, 2)]
    )
    return np.asarray(_MEASURED * slope + (1.0 - _MEASURED) * np.array(_ROOT_TILT))


def _sanity(
    frame: Frame,
    track: Track,
    k: int,
    found: tuple[Level, ...],
    wide: float | None,
    tilt: NDArray[np.float64],
    radius: float,
) -> tuple[float, list[str]]:
    """How sure the frame is by its own measures, and what speaks against it."""
    sure, flags = 1.0, []

    def lower(times: float, why: str) -> None:
        nonlocal sure
        sure *= times
        flags.append(why)

    if wide is None or not WIDTHS[0] <= wide <= WIDTHS[1]:
        lower(0.6, "the heart's width is not that of a heart")
    if not _ROOT_RADIUS[0] <= radius <= _ROOT_RADIUS[1]:
        lower(0.7, "the root is too narrow or too wide")
    if float(np.hypot(*tilt)) > _STEEPEST:
        lower(0.6, "the root is too steep")
    above = track.support[k:]
    if float(np.mean(above >= 0.25)) < 0.6:
        lower(0.75, "the ascending aorta is not round")
    if (track.points[-1, 0] - track.points[k, 0]) * frame.spacing[0] < APART:
        lower(0.75, "too little of the ascending aorta is in view")
    if found[0].fat < 0.08:
        lower(0.85, "hardly any fat beside the root")
    if len(found) > 1:
        # Neighbouring levels shift the courses by little, distant ones are another heart.
        margin = [
            found[0].score - other.score + (0.0 if abs(other.z - found[0].z) * frame.spacing[0] > 2 * APART else 0.25)
            for other in found[1:]
        ]
        clear = float(np.clip(min(margin) / 0.3, 0.0, 1.0))
        if clear < 1.0:
            lower(0.7 + 0.3 * clear, "another level fits nearly as well")
    if found[0].score < 0.3:
        lower(0.7, "no level fits well")
    return sure, flags
