"""In front of and beside the rib cage: the breasts and the armpits.

A breast is what lies between the skin and the pectoral muscle, told from the fat under any skin by its thickness or by
gland in it. An armpit is the fat between rib cage, shoulder blade and arm.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from calciscope.anatomy.embedded.balls import Head, midline
from calciscope.anatomy.embedded.bodies import depth, grown
from calciscope.anatomy.embedded.frame import Frame, Mask, Part
from calciscope.anatomy.embedded.track import hull

# A breast lies between these depths below the tops of the lungs and above the costal arch, which begins this far above
# the lowest lung, mm.
_BELOW_APEX, _LOWEST, _ARCH = 50.0, 215.0, 40.0
# Fat is darker, muscle brighter over this many voxels of some 3 mm, HU: gland has fat in it.
_FAT_HU, _MUSCLE_HU, _MUSCLE_RUN = -40.0, 36.0, 3
# Skin, mm; the least thickness of a breast between skin and muscle, and the one that needs no gland, mm.
_SKIN, _THIN, _THICK = 4.5, 10.0, 24.0
# A breast is wider than this on every slice, mm.
_WIDE = 24.0
# Gland that makes a breast sure, and the least, ml.
_GLAND_ML, _LEAST_ML = 12.0, 3.0
# Where gland shows what is breast, it ends this far from the gland: beyond is the fat under any skin, mm.
_AROUND_GLAND = 13.0
# The middle of the chest has no breast, mm.
_STERNUM = 18.0
# Armpit: how far below and to the middle of the humeral head its centre lies, and its half-widths (z, y, x), mm.
_AXILLA_BELOW, _AXILLA_IN, _AXILLA = 42.0, 34.0, (48.0, 34.0, 34.0)
# Fat of an armpit is thicker than twice this, mm; vessels and nodes in it are within this of it.
_FAT_CORE, _IN_FAT = 3.5, 8.0
# Fat without gland covers the pectoral muscle of men too.
_SURE_BREAST, _MAYBE_BREAST, _SURE_AXILLA = 0.85, 0.5, 0.8


def segment(frame: Frame, so_far: Mapping[str, tuple[Mask, float]]) -> Part:
    """``breast_left`` and ``breast_right``, where both lungs or a lung and the spine are in view."""
    middle = midline(frame)
    if middle is None or not frame.lungs.any():
        return Part()
    slices = np.flatnonzero(frame.lungs.any(axis=(1, 2)))
    top = int(slices[-1] - _BELOW_APEX / frame.spacing[0])
    low = int(max(slices[-1] - _LOWEST / frame.spacing[0], slices[0] + _ARCH / frame.spacing[0] * (slices[0] > 0)))
    room = np.zeros(frame.hu.shape, dtype=np.bool_)
    for z in range(low, top):
        # Neighbouring slices differ little: every second one is enough.
        room[z] = room[z - 1] if (z - low) % 2 else _before_muscle(frame, z)
    aside = (np.arange(frame.hu.shape[2]) - middle) * frame.spacing[2]
    ml = float(np.prod(frame.spacing)) / 1000.0
    out: dict[str, tuple[Mask, float]] = {}
    for side, half in (("left", aside > _STERNUM), ("right", aside < -_STERNUM)):
        own = room & half[None, None]
        # Skin and muscle blur into the edge of the room.
        core = ndimage.binary_erosion(own)
        soft = np.asarray(core & (frame.hu > _FAT_HU) & (frame.hu < 120.0))
        gland = float(soft.sum()) * ml
        thick = float(np.percentile(_thickness(own, frame), 99)) if own.any() else 0.0
        if gland < _LEAST_ML and thick < _THICK:
            continue
        if gland < _GLAND_ML:
            out[f"breast_{side}"] = (own, _MAYBE_BREAST)
            continue
        # A strand or a vessel in the fat is no gland.
        near = own & grown(ndimage.binary_opening(soft), _AROUND_GLAND, frame.spacing)
        out[f"breast_{side}"] = (near if near.any() else own, _SURE_BREAST)
    return Part(masks=out)


def _thickness(mask: Mask, frame: Frame) -> NDArray[np.float64]:
    """Thickness from front to back in mm of each column that has any."""
    deep = mask.sum(axis=1) * frame.spacing[1]
    return np.asarray(deep[deep > 0], dtype=np.float64)


def _before_muscle(frame: Frame, z: int) -> Mask:
    """What lies in front of the muscle that covers the ribs on one slice, without the skin."""
    out = np.zeros(frame.hu.shape[1:], dtype=np.bool_)
    lung, body = frame.lungs[z], frame.body[z]
    columns = np.flatnonzero(lung.any(axis=0))
    if columns.size < 10:
        return out
    first, last = int(columns[0]), int(columns[-1])
    rows = body.shape[0]
    cage = np.where(lung.any(axis=0), lung.argmax(axis=0), rows).astype(np.float64)
    inside = np.arange(first, last + 1)
    known = inside[cage[inside] < rows]
    # The cage bulges forwards: the heart, where it touches the wall, does not dent it.
    cage[inside] = _bulging(known, cage[known], inside)
    skin = np.where(body.any(axis=0), body.argmax(axis=0), rows)
    for column in inside.tolist():
        front, top = int(cage[column]), int(skin[column]) + max(1, round(_SKIN / frame.spacing[1]))
        if front - top < 3:
            continue
        line = frame.hu[z, top:front, column]
        # The deepest layer of fat that is thicker than the fat between two muscles, and has no muscle in front of it.
        muscle = np.flatnonzero(ndimage.minimum_filter1d(line, _MUSCLE_RUN) > _MUSCLE_HU)
        dark = line[: int(muscle[0]) if muscle.size else len(line)] < _FAT_HU
        fat = np.flatnonzero(dark[1:] & dark[:-1]) + 1
        if fat.size and (fat[-1] + 1) * frame.spacing[1] >= _THIN:
            out[top : top + int(fat[-1]) + 1, column] = True
    out = np.asarray(ndimage.binary_opening(out, iterations=1))
    # Narrow and deep is fat behind a thin muscle, inside the chest or the abdomen.
    wide = np.ones(max(3, round(_WIDE / frame.spacing[2])), dtype=np.bool_)
    return out & ndimage.binary_opening(np.asarray(out.any(axis=0)), wide)[None]


def _bulging(columns: NDArray[np.int64], rows: NDArray[np.float64], at: NDArray[np.int64]) -> NDArray[np.float64]:
    """The curve that bulges to the front (to low rows) over given points, at columns ``at``."""
    kept: list[tuple[float, float]] = []
    for column, row in zip(columns.tolist(), rows.tolist(), strict=True):
        while len(kept) >= 2:
            (x0, y0), (x1, y1) = kept[-2:]
            if (x1 - x0) * (row - y0) - (y1 - y0) * (column - x0) > 0:
                break
            kept.pop()
        kept.append((column, row))
    hull = np.array(kept)
    return np.asarray(np.interp(at, hull[:, 0], hull[:, 1]))


def armpits(frame: Frame, heads: Sequence[Head], so_far: Mapping[str, tuple[Mask, float]]) -> Part:
    """``axilla_left`` and ``axilla_right``: the fat below and to the middle of a humeral head, with what is in it."""
    out: dict[str, tuple[Mask, float]] = {}
    for head in heads:
        if head.kind != "shoulder" or not head.side:
            continue
        z, y, x = head.ball.centre
        centre = (
            z - _AXILLA_BELOW / frame.spacing[0],
            y - 6.0 / frame.spacing[1],
            x + head.medial * _AXILLA_IN / frame.spacing[2],
        )
        low = [max(0, int(c - r / s)) for c, r, s in zip(centre, _AXILLA, frame.spacing, strict=True)]
        high = [
            min(n, int(c + r / s) + 2)
            for c, r, s, n in zip(centre, _AXILLA, frame.spacing, frame.hu.shape, strict=True)
        ]
        if any(a >= b for a, b in zip(low, high, strict=True)):
            continue
        box = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
        terms = [
            ((np.arange(a, b) - c) * s / r) ** 2
            for a, b, c, s, r in zip(low, high, centre, frame.spacing, _AXILLA, strict=True)
        ]
        inside = terms[0][:, None, None] + terms[1][None, :, None] + terms[2][None, None, :] <= 1.0
        fat = frame.fat[box] & ~_mask(so_far, "subcutaneous_fat", frame)[box] & ~_mask(so_far, "skin", frame)[box]
        core = depth(fat, frame.spacing) > _FAT_CORE
        own = grown(core, _FAT_CORE + _IN_FAT, frame.spacing) & inside & frame.body[box]
        own &= ~frame.bone[box] & ~frame.lungs[box]
        # What lies between the lungs' outlines is inside the rib cage.
        for k in np.flatnonzero(own.any(axis=(1, 2))).tolist():
            lungs = frame.lungs[box[0].start + k]
            if lungs.any():
                own[k] &= ~hull(lungs)[box[1:]]
        if own.any():
            whole = np.zeros(frame.hu.shape, dtype=np.bool_)
            whole[box] = own
            out[f"axilla_{head.side}"] = (whole, _SURE_AXILLA)
    return Part(masks=out)


def _mask(so_far: Mapping[str, tuple[Mask, float]], name: str, frame: Frame) -> Mask:
    return so_far[name][0] if name in so_far else np.zeros(frame.hu.shape, dtype=np.bool_)
