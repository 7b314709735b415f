"""Vertebral levels: the discs along the straightened spine, counted from what tells which vertebra is which.

The spine is straightened along its track. Beside each disc the canal opens to both sides, so that the places of the
pedicles are soft there and bone between: a row of dips whose distances grow from the neck to the loins. For every
level at which the row may begin, the best row is found, and the landmarks in view (sacrum, fork of the windpipe, tops
and recesses of the lungs) say how likely it is. What is not likely enough gets no number.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from calciscope.anatomy.embedded.aorta import spine_track
from calciscope.anatomy.embedded.arch import carina
from calciscope.anatomy.embedded.frame import Frame, once
from calciscope.anatomy.embedded.pelvis import joints, middle_column

Floats = NDArray[np.float64]

# From the sacrum upwards: vertebra k lies between disc k and disc k + 1, disc 0 being that of L5 and S1.
NAMES = ("L5", "L4", "L3", "L2", "L1", *(f"T{n}" for n in range(12, 0, -1)), *(f"C{n}" for n in range(7, 2, -1)))
# Height of a vertebra with its disc along the curve of an adult's spine, mm, and how much smaller or larger people are.
_HEIGHTS = (34.0, 35.0, 35.0, 34.5, 33.0, 30.5, 28.5, 26.5, 25.0, 24.0, 23.5, 23.0, 22.5, 22.0, 21.5, 21.0, 20.0,
            18.0, 17.5, 17.0, 17.0, 17.0)  # fmt: skip
_SCALES = (0.85, 0.92, 1.0, 1.08, 1.16)
# How much the height of one vertebra may differ from its neighbours', as a share; what one spread costs.
_UNEVEN, _UNEVEN_COST = 0.13, 0.35
# Steps of the straightened spine and of its cross-sections, mm.
_STEP = 2.0
# Where the openings are beside and behind the middle of the vertebral body, mm: to either side, and behind.
_ASIDE, _BEHIND = (9.0, 11.5, 14.0), (12.0, 15.0, 18.0, 21.0, 24.0)
# The middle of the body, mm: what is there is darker in discs than in bone.
_MIDDLE = (-7.0, -3.5, 0.0, 3.5, 7.0)
# Fat and nerve to bone, HU; smoothing against one vertebra's own shape and against the trend along the spine, mm.
_OPEN_HU, _FINE, _TREND = (-100.0, 350.0), 3.0, 18.0
# At least this much of the spine, mm, shows a row of discs.
_SHORTEST = 90.0
# Which disc a landmark lies at, counted from the sacrum's upwards, and the spread of adults.
_WINGS, _CREST, _CARINA, _APEX, _RECESS = (0.0, 0.3), (0.7, 0.5), (12.5, 0.8), (16.0, 0.8), (6.0, 0.8)
_LAST_RIB = (4.9, 0.6)
# A landmark that is further off, in squared spreads, is mistaken and counts no more.
_MISTAKEN = 6.0
# Ribs cross a plane this far beside the middle of the spine, mm, as spots of bone between these depths, mm; a spot
# covers from this to this much, mm2, and transverse processes do not reach as far.
_RIBS_ASIDE, _RIBS_BEHIND = (51.0, 54.0, 57.0), np.arange(-16.0, 56.0, 3.0)
_RIB_HU, _RIB_MM2 = 190.0, (20.0, 420.0)
# Above a crest, spots up to this far, mm, are a part of it.
_BESIDE_CREST = 36.0
# A spine that goes on this far below a rib shows that it is the last, mm.
_BELOW_RIB = 55.0
# Where the disc of L5 and S1 is looked for about the upper end of the sacrum, mm, each time this far up and down.
_TO_DISC, _REACH = (-18.0, 0.0, 18.0), 9.0
# The wings of the sacrum beside its body: how far to either side, how deep from its front, mm, and how much of that is
# bone; the vertebrae above have only thin processes further back. Half the width of the body's front, mm.
_WING_ASIDE, _WING_DEEP, _WING_SHARE, _BODY_FRONT = (27.0, 40.0), 26.0, 0.2, 10.0
# They are this high at least, mm.
_WING_HIGH = 6.0
# How much clearer one row of dips must be to be believed without landmarks.
_ROW_WEIGHT = 1.5
# Confidence of levels counted from the sacrum and from the chest alone; a less likely count gets no numbers.
_FROM_SACRUM, _FROM_CHEST, _LIKELY = 0.85, 0.7, 0.55


@dataclass(frozen=True, slots=True, eq=False)
class Levels:
    """Discs of the spine from below: ``points`` ``(n, 3)`` coarse ``(z, y, x)``, ``normals`` ``(n, 3)`` in mm.

    Vertebra ``first + k`` of :data:`NAMES` lies between discs ``k`` and ``k + 1``; ``first`` is ``None`` where it could
    not be told which it is. ``confidence`` is that of the numbers.
    """

    points: Floats
    normals: Floats
    first: int | None
    confidence: float


@dataclass(frozen=True, slots=True, eq=False)
class _Straight:
    """The straightened spine: middle of the body in mm ``(n, 3)``, the direction of the spine, and how open it is."""

    middle: Floats
    along: Floats
    dip: Floats
    last_rib: int | None


@once
def levels(frame: Frame) -> Levels | None:
    """The discs in view and which vertebrae lie between, or ``None`` where too little of the spine shows them."""
    straight = _straightened(frame)
    if straight is None:
        return None
    heights = np.array(_HEIGHTS)
    marks = _marks(frame, straight)
    sacrum = next((at - usual[0] * heights[0] / _STEP for at, usual in marks if usual in (_WINGS, _CREST)), None)
    sure = any(usual is _WINGS for _, usual in marks)
    best: list[tuple[float, int, NDArray[np.int64]]] = []
    for first in range(len(NAMES) - 3):
        if sacrum is not None and first > 0 and sacrum * _STEP > 0.6 * heights[0]:
            break
        starts: tuple[float | None, ...] = (None,)
        if first == 0 and sacrum is not None and sacrum >= 0:
            starts = tuple(sacrum + mm / _STEP for mm in _TO_DISC)
        rows = [_row(straight.dip, heights * scale, first, start) for scale in _SCALES for start in starts]
        found = [(_likely(score, row, first, marks), first, row) for score, row in rows if len(row) >= 3]
        if found:
            best.append(max(found, key=lambda item: item[0]))
    if not best:
        return None
    best.sort(key=lambda item: -item[0])
    scores = np.array([item[0] for item in best])
    share = float(np.exp(scores - scores[0])[0] / np.exp(scores - scores[0]).sum())
    _, first, row = best[0]
    cap = _FROM_SACRUM if sure else _FROM_CHEST
    known = bool(marks) and share >= _LIKELY
    spacing = np.array(frame.spacing)
    return Levels(straight.middle[row] / spacing, straight.along[row], first if known else None, round(cap * share, 2))


def _likely(score: float, row: NDArray[np.int64], first: int, marks: list[tuple[float, tuple[float, float]]]) -> float:
    """Logarithm of how likely a row of discs is that begins with disc ``first``, but for a constant."""
    off = sum(min(((_counted(at, row, first) - usual) / spread) ** 2, _MISTAKEN) for at, (usual, spread) in marks)
    return _ROW_WEIGHT * score - 0.5 * off


def _straightened(frame: Frame) -> _Straight | None:
    """The straightened spine from below, or ``None`` where too little of it is in view."""
    spine = spine_track(frame)
    own = np.isfinite(frame.spine[:, 0]) & np.isfinite(spine[:, 0])
    known = np.flatnonzero(own)
    if known.size * frame.spacing[0] < _SHORTEST:
        return None
    points = np.column_stack([known, spine[known, :2]]) * np.array(frame.spacing)
    points[:, 1:] = ndimage.gaussian_filter1d(points[:, 1:], 25.0 / frame.spacing[0], axis=0, mode="nearest")
    arc = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])
    place = np.arange(0.0, arc[-1], _STEP)
    middle = np.stack([np.interp(place, arc, points[:, k]) for k in range(3)], axis=1)
    along = ndimage.gaussian_filter1d(np.gradient(middle, axis=0), 8.0 / _STEP, axis=0, mode="nearest")
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    back = np.stack([-along[:, 1], along[:, 0], np.zeros(len(along))], axis=1)
    back /= np.linalg.norm(back, axis=1, keepdims=True)
    beside = np.cross(along, back)
    aside = np.array([sign * mm for mm in _ASIDE for sign in (-1.0, 1.0)])
    openings = _sampled(frame, middle, beside, back, aside, np.array(_BEHIND))
    bodies = _sampled(frame, middle, beside, back, np.array(_MIDDLE), np.array(_MIDDLE))
    dip = _dips(openings) + 0.5 * _dips(bodies)
    return _Straight(middle, along, dip, _last_rib(frame, middle, beside, back))


def _sampled(frame: Frame, middle: Floats, beside: Floats, back: Floats, aside: Floats, behind: Floats) -> Floats:
    """Attenuation of places of each cross-section, ``(n, aside, behind)``: how far beside and behind its middle, mm."""
    places = middle[:, None, None] + aside[None, :, None, None] * beside[:, None, None]
    places = places + behind[None, None, :, None] * back[:, None, None]
    factor = np.array(frame.factor, dtype=np.float64)
    index = places.reshape(-1, 3) / np.array(frame.spacing) * factor + (factor - 1) / 2
    hu = ndimage.map_coordinates(frame.volume.hu, index.T, order=1, mode="nearest", output=np.float32)
    return np.asarray(hu.reshape(len(middle), len(aside), len(behind)), dtype=np.float64)


def _last_rib(frame: Frame, middle: Floats, beside: Floats, back: Floats) -> int | None:
    """Where along the spine the lowest rib crosses a plane beside it; ``None`` where it may be out of view."""
    lowest: list[float] = []
    for sign in (-1.0, 1.0):
        hu = _sampled(frame, middle, beside, back, sign * np.array(_RIBS_ASIDE), _RIBS_BEHIND).mean(axis=1)
        labels, count = ndimage.label(hu > _RIB_HU)
        crest = 0
        for label, where in enumerate(ndimage.find_objects(labels, max_label=count), start=1):
            size = float((labels[where] == label).sum()) * _STEP * 3.0
            if size > _RIB_MM2[1]:
                crest = where[0].stop + round(_BESIDE_CREST / _STEP)
            elif size >= _RIB_MM2[0] and where[0].start >= crest:
                lowest.append(0.5 * float(where[0].start + where[0].stop - 1))
                break
    if not lowest or min(lowest) * _STEP < _BELOW_RIB:
        return None
    return round(min(lowest))


def _dips(patch: Floats) -> Floats:
    """How much darker a patch of each cross-section is than those of the spine around it, in spreads."""
    values = np.clip(patch, *_OPEN_HU).mean(axis=(1, 2))
    fine = ndimage.gaussian_filter1d(values, _FINE / _STEP, mode="nearest")
    local = fine - ndimage.gaussian_filter1d(fine, _TREND / _STEP, mode="nearest")
    return np.asarray(np.clip(-local / max(float(local.std()), 1e-6), -1.5, 1.5), dtype=np.float64)


def _marks(frame: Frame, straight: _Straight) -> list[tuple[float, tuple[float, float]]]:
    """Landmarks in view: place along the straightened spine (in steps), and which disc lies there with its spread."""
    height = straight.middle[:, 0] / frame.spacing[0]
    last = len(frame.hu) - 1
    found: list[tuple[float, tuple[float, float]]] = []
    sacrum = joints(frame)
    if sacrum is not None and sacrum[1] <= last:
        wings = _wings(frame, sacrum)
        found.append((float(sacrum[1]), _CREST) if wings is None else (float(wings), _WINGS))
    fork = carina(frame)
    if fork is not None:
        found.append((float(fork), _CARINA))
    both = np.flatnonzero(frame.lung_left.any(axis=(1, 2)) & frame.lung_right.any(axis=(1, 2)))
    any_lung = np.flatnonzero(frame.lungs.any(axis=(1, 2)))
    gap = 6.0 / frame.spacing[0]
    if both.size and any_lung[-1] < last - gap:
        found.append((float(any_lung[-1]), _APEX))
    if both.size and any_lung[0] > gap:
        found.append((float(any_lung[0]), _RECESS))
    marks = [(_place(height, z), usual) for z, usual in found]
    return marks if straight.last_rib is None else [*marks, (float(straight.last_rib), _LAST_RIB)]


def _place(height: Floats, z: float) -> float:
    """The step of the straightened spine at a height; beyond its ends it goes on as it ended."""
    for end, inner in ((0, 10), (-1, -11)):
        if (z < height[0]) if end == 0 else (z > height[-1]):
            slope = (height[inner] - height[end]) / 10.0 * (1.0 if end == 0 else -1.0)
            return float((0 if end == 0 else len(height) - 1) + (z - height[end]) / max(slope, 1e-3))
    return float(np.abs(height - z).argmin())


def _wings(frame: Frame, sacrum: tuple[int, int]) -> int | None:
    """The coarse slice in which the wings of the sacrum begin, seen from above, between its joints."""
    aside = (np.arange(frame.hu.shape[2]) - middle_column(frame)) * frame.spacing[2]
    front = np.abs(aside) < _BODY_FRONT
    sides = [(sign * aside > _WING_ASIDE[0]) & (sign * aside < _WING_ASIDE[1]) for sign in (-1.0, 1.0)]
    if not all(side.any() for side in sides):
        return None
    deep = round(_WING_DEEP / frame.spacing[1])
    need = max(2, round(_WING_HIGH / frame.spacing[0]))
    run = 0
    for z in range(min(sacrum[1], len(frame.bone) - 1), sacrum[0], -1):
        body = np.flatnonzero(frame.body[z].any(axis=1))
        rows = np.flatnonzero(frame.bone[z][:, front].mean(axis=1) > 0.4)
        rows = rows[rows > body.mean() - 20.0 / frame.spacing[1]] if body.size else rows
        piece = frame.bone[z][int(rows[0]) : int(rows[0]) + deep] if rows.size else frame.bone[z][:0]
        run = run + 1 if len(piece) and min(float(piece[:, side].mean()) for side in sides) >= _WING_SHARE else 0
        if run == need:
            return z + need - 1
    return None


def _row(dip: Floats, heights: Floats, first: int, start: float | None) -> tuple[float, NDArray[np.int64]]:
    """The best row of discs that begins with disc ``first``: its mean score, and the places from below.

    It begins less than a vertebra above the lower end of the spine, or near ``start``, and ends less than one below
    its upper end.
    """
    count = len(dip)
    total = np.full(count, -np.inf)
    if start is None:
        reach = max(1, int(1.1 * heights[max(first - 1, 0)] / _STEP))
        total[:reach] = dip[:reach]
    else:
        away = np.abs(np.arange(count) - start) * _STEP
        total = np.where(away <= _REACH, dip, -np.inf)
    stages: list[tuple[Floats, NDArray[np.int64]]] = [(total, np.zeros(count, dtype=np.int64))]
    for level in range(first, len(heights)):
        usual = heights[level] / _STEP
        moves = np.arange(max(1, int(0.65 * usual)), int(1.4 * usual) + 1)
        options = np.full((len(moves), count), -np.inf)
        for k, move in enumerate(moves.tolist()):
            if move < count:
                cost = _UNEVEN_COST * ((move / usual - 1.0) / _UNEVEN) ** 2
                options[k, move:] = stages[-1][0][: count - move] - cost
        pick = options.argmax(axis=0)
        total = options.max(axis=0) + dip
        stages.append((total, np.arange(count) - moves[pick]))
    best, found = -np.inf, np.zeros(0, dtype=np.int64)
    for stage in range(2, len(stages)):
        level = first + stage
        left = int(1.15 * heights[min(level, len(heights) - 1)] / _STEP)
        total = stages[stage][0]
        tail = np.arange(max(0, count - left), count)
        if level >= len(NAMES):
            tail = np.arange(count)
        place = int(tail[int(total[tail].argmax())])
        if not np.isfinite(total[place]) or total[place] / (stage + 1) <= best:
            continue
        best = float(total[place] / (stage + 1))
        row = [place]
        for back in range(stage, 0, -1):
            row.append(int(stages[back][1][row[-1]]))
        found = np.array(row[::-1], dtype=np.int64)
    return best * np.sqrt(max(len(found), 1)), found


def _counted(place: float, row: NDArray[np.int64], first: int) -> float:
    """Which disc a place of the spine lies at, counted from the sacrum's and between discs in parts."""
    if place < row[0]:
        return first + (place - float(row[0])) / max(float(row[1] - row[0]), 1.0)
    if place > row[-1]:
        return first + len(row) - 1 + (place - float(row[-1])) / max(float(row[-1] - row[-2]), 1.0)
    return float(np.interp(place, row, first + np.arange(len(row), dtype=np.float64)))
