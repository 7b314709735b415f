"""The arteries of the leg: where they run beside the femur and behind the knee, as a region.

The artery lies in front and to the inner side of the femur at the hip, to its inner side in the adductor canal, and
behind the knee. In a single leg the fibula tells the side; without it the region has none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from calciscope.anatomy.embedded.bodies import grown
from calciscope.anatomy.embedded.frame import Frame, Mask, Part

_SURE = 0.65
_SURE_WITHOUT_MEDIAL = 0.5
# Cross-section of a femur or of the knee, mm2, marrow included.
_SHAFT_AREA = (350.0, 9000.0)
# The knee is where the bone is widest, at least this many times the shaft.
_KNEE_TIMES = 1.9
# From the surface of the bone to the artery, mm.
_FROM_BONE = (3.0, 50.0)
# Skin and the fat under it hold no named artery, mm.
_UNDER_SKIN = 10.0
# The artery runs in fat between muscles: no part of it is further than this from fat, nor deeper than this in fat (it
# would be a fatty tumour, which vessels run round), mm.
_FROM_FAT, _THICK_FAT = 8.0, 7.0
# Up to this height above the knee (mm) it is close behind the bone.
_BEHIND_BELOW = 60.0
# Where it lies about the femur at these heights above the knee (mm), in degrees: 90 behind, 0 to the inner side,
# negative in front; it passes to the front through the adductor canal. Give or take so much.
_HEIGHTS, _ANGLES, _GIVE = (50.0, 110.0, 200.0, 320.0), (90.0, 62.0, 12.0, -30.0), 42.0
# From the bone it lies as far off as this at those heights at most, mm.
_REACH = (28.0, 36.0, 45.0, 50.0)
# Below the joint the artery stays in the middle behind the knee for this long, mm.
_BELOW_KNEE = 40.0
# Cross-section of a fibula, mm2, its distance from the tibia's middle, mm, at least this to the side, and the height
# over which it must be seen, mm.
_FIBULA, _BESIDE, _ASIDE, _FIBULA_MM = (40.0, 420.0), 60.0, 12.0, 25.0


@dataclass(frozen=True, slots=True)
class Shaft:
    """A long bone cut across: slice, row, column, radius in mm."""

    z: int
    row: float
    column: float
    radius: float


def segment(frame: Frame, so_far: Mapping[str, tuple[Mask, float]]) -> Part:
    """``leg_artery``, the region of the femoral and popliteal artery, in slices that show a leg and no pelvis.

    Where a fibula tells the side it is ``leg_artery_left`` or ``leg_artery_right``.
    """
    slices = np.zeros(frame.hu.shape[0], dtype=np.bool_)
    for region in frame.regions:
        if region.name == "limb":
            slices[region.start // frame.factor[0] : -(-region.stop // frame.factor[0])] = True
    if not slices.any():
        return Part()
    shafts = {z: long_bones(frame, z) for z in np.flatnonzero(slices).tolist()}
    parts: dict[str, Mask] = {}
    sure: dict[str, float] = {}
    for leg in _legs(frame, shafts):
        if _cut_off(frame, leg):
            continue
        knee = _knee(frame, leg)
        lateral = fibula_side(frame, leg)
        # Columns grow to the patient's left.
        name = "leg_artery" if not lateral else "leg_artery_left" if lateral > 0 else "leg_artery_right"
        mask = parts.setdefault(name, np.zeros(frame.hu.shape, dtype=np.bool_))
        sided = lateral != 0.0
        for shaft in leg:
            others = [other for other in shafts[shaft.z] if abs(other.column - shaft.column) * frame.spacing[2] > 70.0]
            medial = -lateral or _medial(frame, shaft, others)
            sided |= medial != 0.0
            height = None if knee is None else (shaft.z - knee) * frame.spacing[0]
            mask[shaft.z] |= _course(frame, shaft, medial, height)
        sure[name] = max(sure.get(name, 0.0), _SURE if sided else _SURE_WITHOUT_MEDIAL)
    deep = _deep(frame, slices) & frame.body & ~frame.bone & _between_muscles(frame)
    return Part(masks={name: (mask & deep, sure[name]) for name, mask in parts.items() if (mask & deep).any()})


def _deep(frame: Frame, slices: NDArray[np.bool_]) -> Mask:
    """What lies deeper than the fat under the skin, slice by slice."""
    deep = np.zeros(frame.hu.shape, dtype=np.bool_)
    for z in np.flatnonzero(slices).tolist():
        padded = np.pad(frame.body[z], 1, mode="edge")
        depth = ndimage.distance_transform_edt(padded, sampling=frame.spacing[1:])[1:-1, 1:-1]
        deep[z] = depth > _UNDER_SKIN
    return deep


def _between_muscles(frame: Frame) -> Mask:
    """Fat planes with what lies next to them; the middle of a muscle or of a lump of fat is none."""
    # Past the edges of the scan fat goes on.
    thick = ndimage.distance_transform_edt(np.pad(frame.fat, 1, mode="edge"), sampling=frame.spacing)[1:-1, 1:-1, 1:-1]
    planes = frame.fat & (thick <= _THICK_FAT)
    return np.asarray(grown(planes, _FROM_FAT, frame.spacing) & (thick <= _THICK_FAT)) if planes.any() else planes


def _cut_off(frame: Frame, leg: list[Shaft]) -> bool:
    """Whether the field of view cuts a bone off in half of its slices: where its middle lies is not known then."""
    columns = frame.hu.shape[2]
    out = [min(shaft.column, columns - 1 - shaft.column) * frame.spacing[2] < shaft.radius for shaft in leg]
    return bool(np.mean(out) >= 0.5)


def fibula_side(frame: Frame, leg: list[Shaft]) -> float:
    """Which way the fibula lies of the tibia: +1 towards growing columns (a left leg), -1, or 0 where none is seen.

    It is the only thin bone beside a thick one, and it is on the outer side.
    """
    seen: list[float] = []
    area = frame.spacing[1] * frame.spacing[2]
    for shaft in leg:
        labels, count = ndimage.label(frame.bone[shaft.z])
        own = labels[round(shaft.row), round(shaft.column)]
        thin = []
        for k in range(1, count + 1):
            where = np.argwhere(labels == k)
            row, column = where.mean(axis=0)
            away = np.hypot((row - shaft.row) * frame.spacing[1], (column - shaft.column) * frame.spacing[2])
            aside = abs(column - shaft.column) * frame.spacing[2]
            size = len(where) * area
            # The fibula lies beside the tibia and behind its middle; the patella lies in front.
            behind = row > shaft.row - 4.0 / frame.spacing[1]
            if k != own and behind and _FIBULA[0] < size < _FIBULA[1] and away < _BESIDE and aside > _ASIDE:
                thin.append(float(np.sign(column - shaft.column)))
        if len(thin) == 1:
            seen += thin
    if len(seen) * frame.spacing[0] < _FIBULA_MM or abs(float(np.mean(seen))) < 0.8:
        return 0.0
    return float(np.sign(np.mean(seen)))


def long_bones(frame: Frame, z: int) -> list[Shaft]:
    """Long bones cut across on a slice, marrow filled in, largest first."""
    area = frame.spacing[1] * frame.spacing[2]
    labels, count = ndimage.label(ndimage.binary_fill_holes(ndimage.binary_closing(frame.bone[z])))
    found: list[tuple[float, Shaft]] = []
    for k in range(1, count + 1):
        where = np.argwhere(labels == k)
        size = len(where) * area
        if _SHAFT_AREA[0] <= size <= _SHAFT_AREA[1]:
            row, column = where.mean(axis=0)
            found.append((size, Shaft(z, float(row), float(column), float(np.sqrt(size / np.pi)))))
    return [shaft for _, shaft in sorted(found, key=lambda pair: -pair[0])]


def _legs(frame: Frame, shafts: Mapping[int, list[Shaft]]) -> list[list[Shaft]]:
    """Shafts of successive slices that continue each other: one list a leg, feet first."""
    legs: list[list[Shaft]] = []
    for z in sorted(shafts):
        for shaft in shafts[z]:
            near = [
                leg
                for leg in legs
                if 0 < z - leg[-1].z <= 3
                and np.hypot(leg[-1].row - shaft.row, leg[-1].column - shaft.column) * frame.spacing[1] < 18.0
            ]
            if near:
                near[0].append(shaft)
            else:
                legs.append([shaft])
    return [leg for leg in legs if len(leg) * frame.spacing[0] >= 40.0]


def _knee(frame: Frame, leg: list[Shaft]) -> int | None:
    """Slice of the knee of a leg, if it is in view: where the bone is widest, above it the narrow shaft."""
    widths = np.array([shaft.radius for shaft in leg])
    widest = int(widths.argmax())
    if widths[widest] ** 2 < _KNEE_TIMES * float(widths.min()) ** 2 or widths[widest] < 22.0:
        return None
    return leg[widest].z


def _medial(frame: Frame, shaft: Shaft, others: list[Shaft]) -> float:
    """Which way the other leg lies: +1 towards growing columns, -1 the other way, 0 where it cannot be told."""
    if others:
        return 1.0 if others[0].column > shaft.column else -1.0
    labels, count = ndimage.label(frame.body[shaft.z])
    own = labels[int(shaft.row), int(shaft.column)]
    if count > 1 and own:
        beside = np.argwhere((labels > 0) & (labels != own))
        if len(beside) * frame.spacing[1] * frame.spacing[2] > 400.0:
            return 1.0 if float(np.median(beside[:, 1])) > shaft.column else -1.0
    return 0.0


def _course(frame: Frame, shaft: Shaft, medial: float, height: float | None) -> NDArray[np.bool_]:
    """Where the artery may run on one slice: a sector around the bone that turns from behind to the inner front."""
    rows = (np.arange(frame.hu.shape[1]) - shaft.row)[:, None] * frame.spacing[1]
    columns = (np.arange(frame.hu.shape[2]) - shaft.column)[None] * frame.spacing[2]
    away = np.hypot(rows, columns) - shaft.radius
    if height is not None and height < -_BELOW_KNEE:
        return np.zeros(frame.hu.shape[1:], dtype=np.bool_)
    farthest = _FROM_BONE[1] if height is None else float(np.interp(height, _HEIGHTS, _REACH))
    ring = (away >= _FROM_BONE[0]) & (away <= farthest)
    # 0 degrees is the inner side, 90 behind, -90 in front.
    if height is None:
        low, high = -60.0, 115.0
    elif height < _BEHIND_BELOW:
        low, high = 60.0, 120.0
    else:
        centre = float(np.interp(height, _HEIGHTS, _ANGLES))
        low, high = centre - _GIVE, centre + _GIVE
    sector = np.zeros(frame.hu.shape[1:], dtype=np.bool_)
    for sign in (medial,) if medial else (-1.0, 1.0):
        angle = np.degrees(np.arctan2(rows, sign * columns))
        sector |= (angle >= low) & (angle <= high)
    return np.asarray(ring & sector)
