"""The knee: the gap between two wide bones of a leg, its margins, and the tendons above and below the patella."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import cc3d
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from calciscope.anatomy.embedded.bodies import distance, grown
from calciscope.anatomy.embedded.frame import Frame, Mask, Part
from calciscope.anatomy.embedded.limb import Shaft, fibula_side, long_bones

# Bone above and below within this makes a gap, mm: cartilage, menisci and the blur of a coarse grid.
_GAP = 13.0
# A knee's gap is this wide from side to side and from front to back, mm, and covers this much, mm2.
_WIDE, _DEEP, _AREA = (42.0, 105.0), (20.0, 80.0), 700.0
# The two compartments are nearer to each other than this, mm.
_COMPARTMENTS = 14.0
# A knee lies at least this far below the hips, mm, in the smallest adult and most children.
_THIGH = 220.0
# Two knees are further apart than this, mm.
_KNEES_APART = 80.0
# A fibula is looked for as far below the knee as this, mm.
_CALF = 130.0
# Menisci, capsule and recesses reach this far out of the gap, mm, and this far up and down.
_MARGIN, _MARGIN_HIGH = 7.0, 6.0
# Share of the gap that counts, from the front, %: a bent knee has its condyles, and the fabella, over the back of it.
_BACK = 72.0
# A shaft is seen this far above and below the gap, mm; its cross-section is at most this share of the gap's.
_SHAFT_AT, _NARROW = (55.0, 75.0), 0.75
# The patella: how far above the gap, how large in cross-section (mm2), and how high it is, mm.
_PATELLA, _PATELLA_MM2, _PATELLA_HIGH = (-4.0, 85.0), (90.0, 1500.0), 18.0
# Its middle moves by no more than this from slice to slice, mm.
_PATELLA_ROWS = 8.0
# Spongy bone is brighter, cartilage darker, HU.
_BRIGHT = (130.0, 240.0, 350.0)
# The space behind the patella is this wide, mm.
_BEHIND_PATELLA = 9.0
# Tendons run this far above and below the patella and are this wide and thick (half), mm.
_ABOVE, _BELOW, _TENDON = 45.0, 62.0, (17.0, 7.5)
_SURE, _SURE_CUT = 0.85, 0.7


@dataclass(frozen=True, slots=True)
class Patella:
    """Lowest and highest coarse slice, and row and column of the middle."""

    low: int
    high: int
    row: float
    column: float


def segment(frame: Frame, so_far: Mapping[str, tuple[Mask, float]]) -> Part:
    """Rooms ``joint_knee`` and ``tendon_knee``, with sides where two knees are in view; empty without a leg."""
    legs = np.zeros(frame.hu.shape[0], dtype=np.bool_)
    for region in frame.regions:
        if region.name == "limb":
            legs[region.start // frame.factor[0] : -(-region.stop // frame.factor[0])] = True
    bone = frame.bone & legs[:, None, None]
    # Between the head of a humerus and the shoulder blade there is a gap too.
    if not bone.any() or any(name.startswith("joint_shoulder") for name in so_far):
        return Part()
    gaps = [gap for gap in _gaps(bone, frame) if _below_hips(gap, frame, so_far)]
    sides = _sides(gaps, frame.spacing[2])
    if len(gaps) == 1 and not sides[0]:
        sides = [_own_side(gaps[0], frame)]
    masks: dict[str, tuple[Mask, float]] = {}
    for gap, side in zip(gaps, sides, strict=True):
        sure = _SURE if _shafts(bone, gap, frame) else _SURE_CUT
        patella = _patella(bone, gap, frame)
        joint = _margin(gap, frame)
        if patella is not None:
            joint |= _behind(bone, patella, frame)
            tendon = _tendons(bone, gap, patella, frame) & frame.body & ~joint
            if tendon.any():
                masks[f"tendon_knee{side}"] = (tendon, sure)
        masks[f"joint_knee{side}"] = (joint & frame.body, sure)
    return Part(masks=masks)


def _gaps(bone: Mask, frame: Frame) -> list[Mask]:
    """Spaces between the ends of two wide bones, one a knee."""
    steps = max(1, round(_GAP / frame.spacing[0]))
    above, below = np.zeros_like(bone), np.zeros_like(bone)
    for k in range(1, steps + 1):
        above[:-k] |= bone[k:]
        below[k:] |= bone[:-k]
    between = above & below & ~bone & frame.body
    # Both compartments of a knee are one gap, though bone or the notch may part them.
    wide_disc = [2 * round(_COMPARTMENTS / s / 2) + 1 for s in frame.spacing[1:]]
    joined = ndimage.maximum_filter(between, size=(3, wide_disc[0], wide_disc[1]))
    labels = np.where(between, cc3d.connected_components(joined, connectivity=6), 0)
    found = []
    cell = frame.spacing[1] * frame.spacing[2]
    for label in np.unique(labels[labels > 0]).tolist():
        where = np.argwhere(labels == label)
        box = tuple(slice(int(a), int(b) + 1) for a, b in zip(where.min(axis=0), where.max(axis=0), strict=True))
        own = labels[box] == label
        wide, deep = own.shape[2] * frame.spacing[2], own.shape[1] * frame.spacing[1]
        area = float(own.any(axis=0).sum()) * cell
        if _WIDE[0] <= wide <= _WIDE[1] and _DEEP[0] <= deep <= _DEEP[1] and area >= _AREA:
            whole = np.zeros(bone.shape, dtype=np.bool_)
            whole[box] = own
            found.append(whole)
    return found


def _below_hips(gap: Mask, frame: Frame, so_far: Mapping[str, tuple[Mask, float]]) -> bool:
    """Whether a gap lies a thigh's length below the hips in view, if any is."""
    hips = [mask.any(axis=(1, 2)) for name, (mask, _) in so_far.items() if name.startswith("joint_hip")]
    levels = np.flatnonzero(np.any(hips, axis=0)) if hips else np.zeros(0, dtype=np.int64)
    return not levels.size or (float(levels.mean()) - _level(gap)) * frame.spacing[0] > _THIGH


def _sides(gaps: list[Mask], width: float) -> list[str]:
    """Sides of two knees beside each other; one alone has none."""
    columns = [float(np.argwhere(gap)[:, 2].mean()) for gap in gaps]
    if len(gaps) != 2 or abs(columns[0] - columns[1]) * width < _KNEES_APART:
        return [""] * len(gaps)
    return ["_right" if column == min(columns) else "_left" for column in columns]


def _own_side(gap: Mask, frame: Frame) -> str:
    """The side of a single knee, by its fibula."""
    rows, columns = (np.flatnonzero(gap.any(axis=axes)) for axes in ((0, 2), (0, 1)))
    row, column = 0.5 * float(rows[0] + rows[-1]), 0.5 * float(columns[0] + columns[-1])
    leg: list[Shaft] = []
    for z in range(_level(gap) - 1, max(-1, _level(gap) - round(_CALF / frame.spacing[0])), -1):
        # The tibia is what goes on from the knee.
        near = [
            shaft
            for shaft in long_bones(frame, z)
            if np.hypot(shaft.row - row, shaft.column - column) * frame.spacing[1] < 25.0
        ]
        if near:
            leg.append(near[0])
            row, column = near[0].row, near[0].column
    lateral = fibula_side(frame, leg)
    return "" if not lateral else "_left" if lateral > 0 else "_right"


def _level(gap: Mask) -> int:
    """The coarse slice of a gap's middle."""
    return int(np.median(np.flatnonzero(gap.any(axis=(1, 2)))))


def _shafts(bone: Mask, gap: Mask, frame: Frame) -> bool:
    """Whether narrower bone is seen above and below: the shafts of femur and tibia."""
    middle, wide = _level(gap), float(gap.any(axis=0).sum())
    rows, columns = (np.flatnonzero(gap.any(axis=axes)) for axes in ((0, 2), (0, 1)))
    for sign in (1.0, -1.0):
        first, last = sorted(round(middle + sign * mm / frame.spacing[0]) for mm in _SHAFT_AT)
        if first < 0 or last >= bone.shape[0]:
            return False
        near = bone[first : last + 1, max(0, rows[0] - 4) : rows[-1] + 5, max(0, columns[0] - 4) : columns[-1] + 5]
        area = float(near.sum(axis=(1, 2)).min())
        if not 0.0 < area < _NARROW * max(wide, 1.0):
            return False
    return True


def _margin(gap: Mask, frame: Frame) -> Mask:
    """The gap with what lies round it: menisci, cartilage of the edges, the capsule."""
    flat: Mask = np.asarray(gap.any(axis=0))
    slices = np.flatnonzero(gap.any(axis=(1, 2)))
    # Notch and overhangs make some columns tall; the joint is where most columns have their gap.
    heights = np.repeat(np.arange(gap.shape[0]), gap.sum(axis=(1, 2)))
    middle = float(np.median(heights))
    reach = _MARGIN_HIGH / frame.spacing[0]
    low = max(int(slices[0]), int(np.floor(middle - 2 * reach)))
    high = min(int(slices[-1]), int(np.ceil(middle + 2 * reach)))
    around = distance(flat[None], (1e4, frame.spacing[1], frame.spacing[2]))[0] <= _MARGIN
    # Behind the condyles lie the fabella and the vessels, not the joint.
    rows = np.repeat(np.arange(flat.shape[0]), flat.sum(axis=1))
    around[int(np.percentile(rows, _BACK)) + 1 :] = False
    out = np.zeros(gap.shape, dtype=np.bool_)
    out[low : high + 1] = gap[low : high + 1] & around[None]
    first = max(0, round(middle - reach))
    out[first : round(middle + reach) + 1] |= around[None]
    return out


def _patella(bone: Mask, gap: Mask, frame: Frame) -> Patella | None:
    """A small bone by itself in front of the femur."""
    middle = _level(gap)
    first = max(0, round(middle + _PATELLA[0] / frame.spacing[0]))
    last = min(bone.shape[0], round(middle + _PATELLA[1] / frame.spacing[0]))
    flat: Mask = np.asarray(gap.any(axis=0))
    rows, columns = np.flatnonzero(flat.any(axis=1)), np.flatnonzero(flat.any(axis=0))
    centre = 0.5 * float(rows[0] + rows[-1])
    near = slice(max(0, int(columns[0]) - 3), int(columns[-1]) + 4)
    found: list[tuple[int, float, float]] = []
    for z in range(first, last):
        piece = _in_front(frame, bone[z], near, z, centre - 12.0 / frame.spacing[1])
        if piece is not None:
            found.append(piece)
    if found:
        # What lies further back is the front of the femur, broken up by the brightness asked for.
        front = float(np.percentile([row for _, row, _ in found], 20))
        found = [piece for piece in found if abs(piece[1] - front) * frame.spacing[1] < _PATELLA_ROWS]
    if len(found) * frame.spacing[0] < _PATELLA_HIGH:
        return None
    row, column = np.median(np.array(found)[:, 1:], axis=0)
    return Patella(found[0][0], found[-1][0], float(row), float(column))


def _in_front(frame: Frame, bone: Mask, near: slice, z: int, before: float) -> tuple[int, float, float] | None:
    """Slice, row and column of a piece of bone of a patella's size in front of a row.

    Blur closes the narrow space behind a patella; brighter voxels alone leave it open.
    """
    cell = frame.spacing[1] * frame.spacing[2]
    for level in _BRIGHT:
        labels, count = ndimage.label((bone & (frame.hu[z] > level))[:, near])
        pieces = []
        for label in range(1, count + 1):
            where = np.argwhere(labels == label)
            row, column = where.mean(axis=0)
            if _PATELLA_MM2[0] <= len(where) * cell <= _PATELLA_MM2[1] and row < before:
                pieces.append((z, float(row), float(column) + near.start))
        if pieces:
            return min(pieces, key=lambda piece: piece[1])
    return None


def _behind(bone: Mask, patella: Patella, frame: Frame) -> Mask:
    """The space between patella and femur."""
    out = np.zeros(bone.shape, dtype=np.bool_)
    columns = np.abs(np.arange(bone.shape[2]) - patella.column) * frame.spacing[2] < 26.0
    for z in range(patella.low, patella.high + 1):
        labels, count = ndimage.label(bone[z] & (frame.hu[z] > _BRIGHT[1]))
        reach = slice(max(0, round(patella.row) - 1), round(patella.row) + 2)
        at = int(labels[reach, round(patella.column)].max())
        if not at or count < 2:
            continue
        own, other = labels == at, (labels > 0) & (labels != at)
        spacing = (1e4, frame.spacing[1], frame.spacing[2])
        near = (distance(own[None], spacing)[0] < _BEHIND_PATELLA) & (
            distance(other[None], spacing)[0] < _BEHIND_PATELLA
        )
        out[z] = near & columns[None]
    return out


def _tendons(bone: Mask, gap: Mask, patella: Patella, frame: Frame) -> Mask:
    """Quadriceps and patellar tendon: straight bands from the patella up, and down to the front of the tibia."""
    out = np.zeros(bone.shape, dtype=np.bool_)
    top = min(bone.shape[0] - 1, round(patella.high + _ABOVE / frame.spacing[0]))
    bottom = max(0, round(patella.low - _BELOW / frame.spacing[0]))
    rows = np.arange(bone.shape[1])[:, None] * frame.spacing[1]
    aside = np.abs(np.arange(bone.shape[2])[None] - patella.column) * frame.spacing[2]
    front = patella.row
    # The tibia's front edge in the patella's columns, where it is highest: the tuberosity.
    narrow = bone[bottom : max(bottom + 1, _level(gap)), :, round(patella.column) - 2 : round(patella.column) + 3]
    seen: Mask = np.asarray(narrow.any(axis=2))
    edges: NDArray[np.int64] = np.where(seen.any(axis=1), seen.argmax(axis=1), 10**6)
    tibia = float(edges.min()) if edges.size and edges.min() < 10**6 else front
    for z in range(bottom, top + 1):
        if patella.low <= z <= patella.high:
            continue
        # The tendon slants back to the femur above, and to the tibia below.
        part = (
            (z - patella.high) / max(1, top - patella.high)
            if z > patella.high
            else ((patella.low - z) / max(1, patella.low - bottom))
        )
        row = front + part * 8.0 / frame.spacing[1] if z > patella.high else front + part * (tibia - front)
        thick = _TENDON[1] if z < patella.low else _TENDON[1] + 2.0 * part
        out[z] = (np.abs(rows - row * frame.spacing[1]) < thick) & (aside < _TENDON[0])
    return np.asarray(out & ~grown(bone, 0.5 * frame.spacing[1], frame.spacing))
