"""The course of the ureters: from the renal pelvis down the front of the psoas, over the brim, to the bladder.

Where they usually run is guessed from kidneys, psoas, iliac arteries, side walls and bladder; from there each is
followed slice by slice (:mod:`calciscope.anatomy.embedded.ureter_path`).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from calciscope.anatomy.embedded import pelvis, ureter_path
from calciscope.anatomy.embedded.aorta import spine_track
from calciscope.anatomy.embedded.frame import Frame, Mask, Part
from calciscope.domain.anatomy import Tube

# A ureter lies within this distance of its course where it was seen, and where it was guessed, mm.
_SEEN_MM, _GUESSED_MM = 4.5, 9.0
# Slices over which seeing is averaged; a course seen on this share of its way is as sure as it gets, and one that was
# not seen at all keeps this share of its confidence.
_AROUND, _MOSTLY, _UNSEEN = 5, 0.7, 0.85
# Confidence without the kidney, which lies higher than this above the brim, mm; so much of its course must be seen.
_NO_KIDNEY, _PAST_POLE, _NO_KIDNEY_CLEAR = 0.6, 90.0, 0.35
# A scan that goes on so far above the brim shows the kidneys, mm.
_KIDNEY_ABOVE = 180.0
# The renal pelvis leaves the kidney in front of its inner edge, mm.
_FRONT_OF_HILUM = 8.0
# Distance of the ureter from the midline, mm: at the lower pole of the kidney, and above the brim.
_BESIDE_SPINE = (38.0, 33.0)
# Columns beside the vertebral body in which the front of the psoas is sought, mm from its edge.
_PSOAS = (6.0, 24.0)
_PSOAS_DEEP = 48.0
# The ureter runs this far inside the side wall, no further from the midline than this, at this share of the depth of
# the cavity, and enters the bladder this far from the midline, mm.
_OFF_WALL, _WIDEST, _BACK = 7.0, 58.0, 0.72
_ORIFICE = 16.0
# Bone nearer to the midline than this is the sacrum, mm.
_MIDDLE = 20.0
# Below the hilum it nears the psoas, and below the brim the wall in front of the internal iliac artery, with this power
# of the way down: soon.
_SOON = 0.6
# At the brim it crosses the iliac artery: in front of it and a little to its outer side, mm; an artery this far from
# the midline there is one, mm, if it was traced this surely.
# Over this much of its way above the brim it nears the crossing, mm.
_LEAD = 45.0
_OVER_ARTERY, _ARTERY, _SURE_ARTERY = (-5.0, 4.0), (14.0, 52.0), 0.6
# So far above the centres of the hip joints it leaves the wall, near the ischial spine, and enters the bladder, mm.
_TURN, _ENTRY = 36.0, 12.0


def segment(frame: Frame, so_far: Mapping[str, tuple[Mask, float]], ring: pelvis.Pelvis | None) -> Part:
    """Tubes ``ureter_left`` and ``ureter_right``, their radius being how exactly each part of the course is known.

    The upper half needs the kidney or the pelvis, the lower half the pelvis. Where a part of it is widened by fluid
    that part is the tube ``hydroureter_left`` or ``hydroureter_right``, with its true radius.
    """
    tubes: dict[str, Tube] = {}
    for side, sign in (("left", 1), ("right", -1)):
        kidney = so_far.get(f"kidney_{side}")
        if kidney is None and (ring is None or _kidney_in_view(frame, ring)):
            continue
        points = _upper(frame, None if kidney is None else kidney[0], sign, ring)
        sure = _NO_KIDNEY if kidney is None else kidney[1] * 0.9
        if ring is not None and len(points):
            crossing = _crossing(frame, ring, sign, so_far.get(f"iliac_artery_{side}"))
            if crossing is not None:
                points = _led_to(points, crossing, frame.spacing[0])
            lower, found = _lower(frame, ring, sign, so_far.get("urinary_bladder"), points[-1])
            points = np.concatenate([points, lower])
            sure *= 1.0 if found else 0.9
        if len(points) >= 3:
            points[:, 1:] = ndimage.gaussian_filter1d(points[:, 1:], 1.3, axis=0, mode="nearest")
            path = ureter_path.follow(frame, points)
            if kidney is None and path.clear.mean() < _NO_KIDNEY_CLEAR:
                continue
            above = len(points) if ring is None else int((points[:, 0] >= ring.joint_top).sum())
            tubes.update(_tubes(frame, path, side, sure, above))
    return Part(tubes=tubes)


def _kidney_in_view(frame: Frame, ring: pelvis.Pelvis) -> bool:
    """Whether the scan reaches so high that a kidney would have been seen: without one there is no ureter then."""
    return bool((frame.hu.shape[0] - ring.joint_top) * frame.spacing[0] > _KIDNEY_ABOVE)


def _tubes(frame: Frame, path: ureter_path.Path, side: str, sure: float, above: int) -> dict[str, Tube]:
    """The course with what it may be off by, surer where it was seen; and its widened part, if there is one.

    Only the first ``above`` points, those above the brim, can be told to be wide: below run veins as wide.
    """
    smooth = ndimage.uniform_filter1d(path.clear, _AROUND, mode="nearest")
    sure *= _UNSEEN + (1.0 - _UNSEEN) * float(np.clip(path.clear.mean() / _MOSTLY, 0.0, 1.0))
    points = frame.to_mm(path.points)
    off = _SEEN_MM + (_GUESSED_MM - _SEEN_MM) * (1.0 - smooth)
    name = f"ureter_{side}"
    tubes = {name: Tube(name, points, np.maximum(off, np.minimum(path.radius, _GUESSED_MM)), round(min(0.9, sure), 2))}
    wide = ureter_path.widened(path.upto(above), frame.spacing[0])
    if wide is not None:
        name = f"hydroureter_{side}"
        tubes[name] = Tube(name, points[wide], path.radius[wide], round(min(0.8, sure), 2))
    return tubes


def _upper(frame: Frame, kidney: Mask | None, sign: int, ring: pelvis.Pelvis | None) -> NDArray[np.float64]:
    """From the hilum, in front of the inner edge of the kidney's middle, to the brim along the psoas, head first.

    Without the kidney it begins so far above the brim that it is past the lower pole.
    """
    spine = spine_track(frame)
    stop = 0 if ring is None else ring.joint_top
    if kidney is None:
        middle = lowest = min(len(spine) - 1, round(stop + _PAST_POLE / frame.spacing[0]))
    else:
        levels = np.flatnonzero(kidney.any(axis=(1, 2)))
        middle, lowest = int(np.median(levels)), int(levels[0])
    slices = [z for z in range(middle - 1, stop - 1, -1) if np.isfinite(spine[z, 0])]
    fronts = {z: _psoas_front(frame, spine[z], z, sign) for z in slices}
    known = [z for z, row in fronts.items() if row is not None]
    points: list[tuple[float, float, float]] = []
    start = None
    if kidney is not None:
        where = np.argwhere(kidney[middle])
        inner = where[np.argsort(sign * where[:, 1])][: max(3, len(where) // 12)]
        start = inner.mean(axis=0) - np.array([_FRONT_OF_HILUM / frame.spacing[1], 0.0])
        points.append((float(middle), float(start[0]), float(start[1])))
    if not known:
        return np.array(points).reshape(-1, 3)
    rows = np.interp(slices[::-1], sorted(known), [float(fronts[z] or 0.0) for z in sorted(known)])[::-1]
    rows = ndimage.median_filter(rows, size=5, mode="nearest")
    for z, row in zip(slices, rows, strict=True):
        down = np.clip((middle - z) / max(1, middle - stop), 0.0, 1.0)
        off = _BESIDE_SPINE[0] + (_BESIDE_SPINE[1] - _BESIDE_SPINE[0]) * down
        here = np.array([row - 3.0 / frame.spacing[1], spine[z, 1] + sign * off / frame.spacing[2]])
        if start is not None:
            # Between hilum and lower pole it leaves the kidney for the psoas.
            blend = np.clip((middle - z) / max(1, middle - lowest + 1), 0.0, 1.0) ** _SOON
            here = (1 - blend) * start + blend * here
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
    start = brim[1:]
    for z in range(ring.joint_top - 1, max(turn, 0) - 1, -1):
        at = _by_the_wall(frame, ring, z, sign)
        if at is None:
            continue
        # Over the joints it still lies on the vessels; it reaches the wall only near the turn.
        down = np.clip((ring.joint_top - z) / max(1.0, ring.joint_top - turn), 0.0, 1.0) ** _SOON
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


def _crossing(
    frame: Frame, ring: pelvis.Pelvis, sign: int, artery: tuple[Mask, float] | None
) -> NDArray[np.float64] | None:
    """Row and column at the brim where the ureter crosses the iliac artery; ``None`` where that was not traced."""
    if artery is None or artery[1] < _SURE_ARTERY:
        return None
    where = np.argwhere(artery[0][ring.joint_top - 1])
    if not len(where):
        return None
    row, column = where.mean(axis=0)
    aside = sign * (column - ring.midline) * frame.spacing[2]
    if not _ARTERY[0] < aside < _ARTERY[1]:
        return None
    return np.array([row + _OVER_ARTERY[0] / frame.spacing[1], column + sign * _OVER_ARTERY[1] / frame.spacing[2]])


def _led_to(points: NDArray[np.float64], end: NDArray[np.float64], rise: float) -> NDArray[np.float64]:
    """A course moved so that it ends at a row and column, over the last part of its way."""
    above = (points[:, 0] - points[-1, 0]) * rise
    share = np.clip(1.0 - above / _LEAD, 0.0, 1.0)[:, None]
    moved = points.copy()
    moved[:, 1:] += share * (end - points[-1, 1:])
    return moved


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
    if bony.size and bony[0] * frame.spacing[2] > _MIDDLE:
        reach = min(reach, float(bony[0]))
    off = min(reach * frame.spacing[2] - _OFF_WALL, _WIDEST)
    return np.array([float(row), ring.midline + sign * off / frame.spacing[2]])
