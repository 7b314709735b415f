"""The course of the ureters: from the renal pelvis down the front of the psoas, over the brim, to the bladder."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from calciscope.anatomy.embedded import pelvis
from calciscope.anatomy.embedded.aorta import spine_track
from calciscope.anatomy.embedded.frame import Frame, Mask, Part
from calciscope.domain.anatomy import Tube

# A ureter lies within this distance of the course traced here, mm: more in the belly than at fixed points.
_TOLERANCE = 8.0
# Distance of the ureter from the midline, mm: at the lower pole of the kidney, above the brim, and at the brim.
_BESIDE_SPINE = (36.0, 31.0)
_AT_BRIM = 33.0
# Columns beside the vertebral body in which the front of the psoas is sought, mm from its edge.
_PSOAS = (6.0, 24.0)
_PSOAS_DEEP = 48.0
# The ureter runs this far inside the side wall, no further from the midline than this, at this share of the depth of
# the cavity, and enters the bladder this far from the midline, mm.
_OFF_WALL, _WIDEST, _BACK = 9.0, 58.0, 0.72
_ORIFICE = 20.0
# So far above the centres of the hip joints it leaves the wall, near the ischial spine, and enters the bladder, mm.
_TURN, _ENTRY = 36.0, 12.0


def segment(frame: Frame, so_far: Mapping[str, tuple[Mask, float]], ring: pelvis.Pelvis | None) -> Part:
    """Tubes ``ureter_left`` and ``ureter_right``; each needs its kidney, the lower half the pelvis too."""
    tubes = {}
    for side, sign in (("left", 1), ("right", -1)):
        kidney = so_far.get(f"kidney_{side}")
        if kidney is None:
            continue
        points = _upper(frame, kidney[0], sign, None if ring is None else ring.joint_top)
        sure = kidney[1] * 0.9
        if ring is not None and len(points):
            lower, found = _lower(frame, ring, sign, so_far.get("urinary_bladder"), points[-1])
            points = np.concatenate([points, lower])
            sure *= 1.0 if found else 0.9
        if len(points) >= 3:
            points[:, 1:] = ndimage.gaussian_filter1d(points[:, 1:], 2.0, axis=0, mode="nearest")
            name = f"ureter_{side}"
            radius = np.full(len(points), _TOLERANCE)
            tubes[name] = Tube(name, frame.to_mm(points), radius, round(min(0.85, sure), 2))
    return Part(tubes=tubes)


def _upper(frame: Frame, kidney: Mask, sign: int, brim: int | None) -> NDArray[np.float64]:
    """From the hilum, the inner edge of the kidney's middle, to the brim along the front of the psoas, head first."""
    spine = spine_track(frame)
    levels = np.flatnonzero(kidney.any(axis=(1, 2)))
    middle = int(np.median(levels))
    where = np.argwhere(kidney[middle])
    inner = where[np.argsort(sign * where[:, 1])][: max(3, len(where) // 12)]
    points = [(float(middle), *(float(v) for v in inner.mean(axis=0)))]
    lowest = int(levels[0])
    stop = brim if brim is not None else 0
    slices = [z for z in range(middle - 1, stop - 1, -1) if np.isfinite(spine[z, 0])]
    fronts = {z: _psoas_front(frame, spine[z], z, sign) for z in slices}
    known = [z for z, row in fronts.items() if row is not None]
    if not known:
        return np.array(points)
    rows = np.interp(slices[::-1], sorted(known), [float(fronts[z] or 0.0) for z in sorted(known)])[::-1]
    rows = ndimage.median_filter(rows, size=5, mode="nearest")
    for z, row in zip(slices, rows, strict=True):
        down = np.clip((middle - z) / max(1, middle - stop), 0.0, 1.0)
        off = _BESIDE_SPINE[0] + (_BESIDE_SPINE[1] - _BESIDE_SPINE[0]) * down
        column = spine[z, 1] + sign * off / frame.spacing[2]
        # Between hilum and lower pole it leaves the kidney for the psoas.
        blend = np.clip((middle - z) / max(1, middle - lowest + 1), 0.0, 1.0)
        start = np.array(points[0][1:])
        here = (1 - blend) * start + blend * np.array([row - 3.0 / frame.spacing[1], column])
        points.append((float(z), float(here[0]), float(here[1])))
    return np.array(points)


def _psoas_front(frame: Frame, body: NDArray[np.float64], z: int, sign: int) -> float | None:
    """Row of the first fat in front of the muscle beside a vertebral body, or ``None`` where there is none."""
    row, column, radius = body
    rows = []
    for off in np.arange(_PSOAS[0], _PSOAS[1], frame.spacing[2]):
        x = round(column + sign * (max(radius, 16.0) + off) / frame.spacing[2])
        y = round(row)
        if not (0 <= x < frame.hu.shape[2] and 0 <= y < frame.hu.shape[1]):
            continue
        ray = frame.hu[z, max(0, y - int(_PSOAS_DEEP / frame.spacing[1])) : y + 1, x][::-1]
        fat = np.flatnonzero(ray < -15.0)
        if fat.size and fat[0] >= 2:
            rows.append(y - int(fat[0]))
    return float(np.median(rows)) if len(rows) >= 2 else None


def _lower(
    frame: Frame, ring: pelvis.Pelvis, sign: int, bladder: tuple[Mask, float] | None, brim: NDArray[np.float64]
) -> tuple[NDArray[np.float64], bool]:
    """From the brim along the side wall to the back corner of the bladder, and whether the bladder was found."""
    turn = round(ring.hip + _TURN / frame.spacing[0])
    end = round(ring.hip + _ENTRY / frame.spacing[0])
    wall = []
    start = np.array([brim[1], ring.midline + sign * _AT_BRIM / frame.spacing[2]])
    for z in range(ring.joint_top - 1, max(turn, 0) - 1, -1):
        at = _by_the_wall(frame, ring, z, sign)
        if at is None:
            continue
        # Over the joints it still lies on the vessels; it reaches the wall only near the turn.
        down = np.clip((ring.joint_top - z) / max(1.0, ring.joint_top - turn), 0.0, 1.0)
        wall.append((float(z), *(float(v) for v in (1 - down) * start + down * at)))
    if bladder is None or not wall:
        return np.array(wall).reshape(-1, 3), False
    inside = np.flatnonzero(bladder[0].any(axis=(1, 2)))
    end = int(np.clip(end, inside[0], inside[-1]))
    if end >= wall[-1][0]:
        return np.array(wall).reshape(-1, 3), False
    rows = np.flatnonzero(bladder[0][end].any(axis=1))
    mouth = np.array([float(rows[-1]) if rows.size else wall[-1][1], ring.midline + sign * _ORIFICE / frame.spacing[2]])
    last = np.array(wall[-1])
    steps = max(1, int(last[0]) - end)
    for n in range(1, steps + 1):
        part = n / steps
        here = (1 - part) * last[1:] + part * mouth
        wall.append((last[0] - n, float(here[0]), float(here[1])))
    return np.array(wall), True


def _by_the_wall(frame: Frame, ring: pelvis.Pelvis, z: int, sign: int) -> NDArray[np.float64] | None:
    """Row and column just inside the side wall of the cavity behind its middle, free of bone; ``None`` without it."""
    rows = np.flatnonzero(ring.cavity[z].any(axis=1))
    if not rows.size:
        return None
    row = int(rows[0] + _BACK * np.ptp(rows))
    columns = np.flatnonzero(ring.cavity[z, row])
    if not columns.size:
        return None
    middle = round(ring.midline)
    line = frame.bone[z, row, middle:] if sign > 0 else frame.bone[z, row, middle::-1]
    bony = np.flatnonzero(line)
    reach = float(abs((columns[-1] if sign > 0 else columns[0]) - ring.midline))
    # The hull of the cavity cuts through the bone where the wall is hollow.
    if bony.size and bony[0] * frame.spacing[2] > _ORIFICE:
        reach = min(reach, float(bony[0]))
    off = min(reach * frame.spacing[2] - _OFF_WALL, _WIDEST)
    return np.array([float(row), ring.midline + sign * off / frame.spacing[2]])
