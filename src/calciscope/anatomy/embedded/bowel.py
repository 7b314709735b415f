"""Stomach and bowel: gas with the content around it, and loops without gas, inside the wall of belly and pelvis."""

from __future__ import annotations

from collections.abc import Mapping

import cc3d
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from calciscope.anatomy.embedded.aorta import spine_track
from calciscope.anatomy.embedded.bodies import closed, depth, grown, outwards
from calciscope.anatomy.embedded.frame import Frame, Mask, Part
from calciscope.anatomy.embedded.pelvis import Pelvis

# Gas in the belly, HU, and its least amount in ml; a bubble of stool that fills part of a voxel is darker than fat, HU.
_GAS, _LEAST_GAS, _BUBBLE = -250.0, 0.15, -150.0
# In a noisy scan fat is dark in places: bubbles are darker than it by this many SD of it, their middles this much more.
_BELOW_FAT, _DARKEST = 3.2, 1.9
# Bubbles nearer to each other than twice this are one group: stool is mottled, and each of its bubbles is small, mm.
_GROUP = 5.0
# What is as dense as bone and smaller than this is content of bowel where bowel is round it, ml.
_DENSE_ML = 1.5
# Gas and bubbles nearer to each other than twice this hold content between them; the wall lies so far outside, mm.
_CONTENT, _WALL = 8.0, 4.5
# Stool: a piece of bowel this large, ml, of which gas is at most this share.
_STOOL_ML, _STOOL_GAS = 12.0, 0.6
# Air behind the middle of the vertebral body by more than the first, mm, is the end of a lung, which reaches so far
# below the lowest slice of which the lung is known, mm.
_RECESS, _RECESS_BELOW = 8.0, 60.0
# The wall of the trunk is this thick, mm.
_TRUNK = 20.0
# Loops are thicker than twice this, and the small bowel is thinner than twice the second: what is thicker without gas
# is fluid of the belly, a mass or a womb, mm.
_LOOP, _MASS = 4.5, 25.0
# Loops lie so far in front of the middle of the vertebral body, and beside and in front of the great vessels, mm.
_BEHIND_LOOPS, _VESSELS = 16.0, (38.0, 55.0)
# The psoas comes forward on its way down: so far beside the spine, mm, and so far in front of its middle at the joints,
# from so far above them on.
_PSOAS, _PSOAS_FRONT, _PSOAS_ABOVE = (18.0, 78.0), 42.0, 70.0
# Loops of bowel end this far below the sacro-iliac joints, mm: there the pelvic floor begins.
_FLOOR = 62.0
# The muscle on the inner face of the hip bone, mm: above the joints' lower end, and below.
_ILIACUS, _OBTURATOR = 16.0, 9.0
# Bone is denser than this, HU, and several voxels high; hip bones lie further from the midline than this, mm.
_BONE_HU, _SHEET, _NEAR_MIDDLE = 200.0, np.ones((1, 3, 1), dtype=np.bool_), 60.0
# By this share the room for loops is narrower at the pelvic floor than between the hip bones.
_NARROWER = 0.4
# How sure each is where nothing speaks against it. What is left when all else is named may be vessels, nodes and the
# root of the mesentery too.
_SURE_COLON, _SURE_GAS, _SURE_LOOPS, _SURE_MASS = 0.78, 0.7, 0.62, 0.6
# Where more than this share of what could be loops is fluid or a mass, loops are not told apart from it.
_MOSTLY_MASS = 0.55
# Places, not organs: what lies in them may be bowel too.
_OUTSIDE = ("pelvic_wall", "gallbladder_fossa", "mediastinum", "prostate_or", "iliac_bed", "neck", "joint")


def segment(frame: Frame, so_far: Mapping[str, tuple[Mask, float]], ring: Pelvis | None, inner: Mask) -> Part:
    """Masks ``colon`` (stool and its wall), ``bowel`` (other gas and its wall) and ``small_bowel`` (loops without gas),
    ``mass_or_fluid`` (soft tissue or fluid too thick for a loop).

    ``inner`` is what muscles and bones surround. Organs of ``so_far`` are left out.
    """
    belly = frame.slices_in("abdomen", "pelvis")
    if not belly.any():
        return Part()
    organs = np.zeros(frame.hu.shape, dtype=np.bool_)
    for name, (mask, _) in so_far.items():
        if not name.startswith(_OUTSIDE):
            organs |= mask
    room = inner & belly[:, None, None] & ~organs & ~frame.lungs & ~frame.airway & ~_recess(frame)
    free = room & ~frame.bone
    masks: dict[str, tuple[Mask, float]] = {}
    stool, gas = _filled(frame, free | room & _dense(frame))
    _put(masks, "colon", stool, _SURE_COLON)
    _put(masks, "bowel", gas, _SURE_GAS)
    seat = _seat(frame, ring, belly)
    if seat is not None:
        deep = depth(inner, (1e4, frame.spacing[1], frame.spacing[2]))
        loops, mass, sure = _loops(frame, free & seat & (deep > _TRUNK) & ~stool & ~gas)
        bed = so_far.get("prostate_or_uterus")
        _put(masks, "small_bowel", loops if bed is None else loops & ~bed[0], sure)
        _put(masks, "mass_or_fluid", mass, _SURE_MASS)
    return Part(masks=masks)


def _recess(frame: Frame) -> Mask:
    """Where the lower ends of the lungs lie behind liver and spleen."""
    spine = spine_track(frame)
    known = np.flatnonzero(np.isfinite(spine[:, 0]))
    lungs = np.flatnonzero(frame.lungs.any(axis=(1, 2)))
    if not known.size or not lungs.size:
        return np.zeros((1, 1, 1), dtype=np.bool_)
    z = np.arange(len(spine))
    row = np.interp(z, known, spine[known, 0])[:, None, None]
    behind = (np.arange(frame.hu.shape[1])[None, :, None] - row) * frame.spacing[1] > _RECESS
    return np.asarray(behind & (z > lungs[0] - _RECESS_BELOW / frame.spacing[0])[:, None, None])


def _dense(frame: Frame) -> Mask:
    """Small pieces of what the frame took for bone: stones, tablets and dense stool."""
    labels = cc3d.connected_components(frame.bone, connectivity=26)
    small = np.bincount(labels.ravel()) * float(np.prod(frame.spacing)) / 1000.0 < _DENSE_ML
    small[0] = False
    return np.asarray(small[labels])


def _put(masks: dict[str, tuple[Mask, float]], name: str, mask: Mask, sure: float) -> None:
    if mask.any() and sure > 0:
        masks[name] = (mask, sure)


def _filled(frame: Frame, free: Mask) -> tuple[Mask, Mask]:
    """Bowel that holds gas, with its wall: first what is stool, then the rest."""
    voxel_ml = float(np.prod(frame.spacing)) / 1000.0
    fat = frame.hu[frame.fat & free]
    middle = float(np.median(fat)) if fat.size else -100.0
    noise = _noise(frame, free)
    dark = free & (frame.hu < min(_BUBBLE, middle - _BELOW_FAT * noise))
    labels = cc3d.connected_components(grown(dark, _GROUP, frame.spacing), connectivity=6)
    labels[~dark] = 0
    sizes = np.bincount(labels.ravel()) * voxel_ml
    darkest = np.full(len(sizes), np.inf)
    np.minimum.at(darkest, labels[dark], frame.hu[dark])
    kept = (sizes > _LEAST_GAS) & (darkest < min(_GAS, middle - _DARKEST * _BELOW_FAT * noise))
    kept[0] = False
    gas = kept[labels]
    whole = closed(gas, _CONTENT, frame.spacing) & free
    pieces = cc3d.connected_components(whole, connectivity=6)
    ml = np.bincount(pieces.ravel()) * voxel_ml
    airy = np.bincount(pieces[gas].ravel(), minlength=len(ml)) * voxel_ml / np.maximum(ml, voxel_ml)
    stool = (ml > _STOOL_ML) & (airy < _STOOL_GAS)
    stool[0] = False
    content = stool[pieces]
    with_wall = grown(content, _WALL, frame.spacing) & free
    return with_wall, grown(whole & ~content, _WALL, frame.spacing) & free & ~with_wall


def _noise(frame: Frame, free: Mask) -> float:
    """SD of the noise, HU: from differences of voxels two apart, which tissue rarely makes."""
    both = free[:, ::2, 2::2] & free[:, ::2, :-2:2]
    steps = np.abs(frame.hu[:, ::2, 2::2] - frame.hu[:, ::2, :-2:2])[both] if both.any() else np.zeros(1)
    # The median of the difference of two normal values is 0.954 of their SD.
    return float(np.median(steps)) / 0.954


def _seat(frame: Frame, ring: Pelvis | None, belly: NDArray[np.bool_]) -> Mask | None:
    """Where loops can lie: before the spine, the psoas and the great vessels, and within the hip bones' muscles."""
    spine = spine_track(frame)
    known = np.isfinite(spine[:, 0])
    if not known.any():
        return None
    z = np.arange(len(spine))
    row, column = (np.interp(z, z[known], spine[known, k])[:, None, None] for k in (0, 1))
    front = (row - np.arange(frame.hu.shape[1])[None, :, None]) * frame.spacing[1]
    beside = np.abs(np.arange(frame.hu.shape[2])[None, None] - column) * frame.spacing[2]
    limit = np.where(beside < _VESSELS[0], _VESSELS[1], _BEHIND_LOOPS)
    if ring is None:
        # Below the vertebrae in view are the muscles of hips and thighs, which nothing tells from loops.
        seen = z >= z[known][0]
        return np.asarray((front > limit) & (belly & seen)[:, None, None] & _before_hips(frame))
    above = (z - ring.joint_top)[:, None, None] * frame.spacing[0]
    reach = np.clip(1.0 - above / _PSOAS_ABOVE, 0.0, 1.0) * (_PSOAS_FRONT - _BEHIND_LOOPS) + _BEHIND_LOOPS
    limit = np.maximum(limit, np.where((beside > _PSOAS[0]) & (beside < _PSOAS[1]), reach, -np.inf))
    seat = (front > limit) & belly[:, None, None]
    _within_hips(seat, frame, ring)
    return np.asarray(seat)


def _before_hips(frame: Frame) -> Mask:
    """What no dense sheet on its way to the midline hides: outside of the hip bones lie the muscles of the buttocks."""
    dense = ndimage.binary_opening(frame.body & (frame.hu > _BONE_HU), _SHEET)
    middle = frame.body.shape[2] // 2
    columns = np.flatnonzero(frame.body.any(axis=(0, 1)))
    if columns.size:
        middle = int(columns.mean())
    aside = np.abs(np.arange(frame.body.shape[2]) - middle) * frame.spacing[2] > _NEAR_MIDDLE
    return np.asarray(~outwards(np.asarray(dense & aside), middle))


def _within_hips(seat: Mask, frame: Frame, ring: Pelvis) -> None:
    """Below the upper end of the joints only what lies between the hip bones, or in front of them, is left (in place).

    Below the joints the sacrum bounds the room behind, not the level of the spine.
    """
    floor = max(0, ring.joint_bottom - round(_FLOOR / frame.spacing[0]))
    seat[:floor] = False
    for z in range(floor, min(ring.joint_top, len(seat))):
        cavity = ring.cavity[z]
        columns = np.flatnonzero(cavity.any(axis=0))
        if columns.size < 3:
            seat[z] = False
            continue
        muscle = _ILIACUS if z >= ring.joint_bottom else _OBTURATOR
        margin = round(muscle / frame.spacing[2])
        # The muscles that leave the pelvis fill its sides in front, the more the lower.
        narrower = _NARROWER * max(0.0, (ring.joint_bottom - z) * frame.spacing[0] / _FLOOR)
        margin += round(narrower * 0.5 * (columns[-1] - columns[0]))
        low, high = columns[0] + margin, columns[-1] - margin
        if z < ring.joint_bottom:
            before = np.arange(cavity.shape[0]) < np.flatnonzero(cavity.any(axis=1))[0]
            seat[z] = cavity | before[:, None]
        seat[z, :, : max(low, 0)] = False
        seat[z, :, max(high + 1, 0) :] = False


def _loops(frame: Frame, room: Mask) -> tuple[Mask, Mask, float]:
    """Soft tissue thick enough for loops without gas, what is too thick for a loop, and how sure the loops are."""
    soft = room & (frame.hu > -20.0) & (frame.hu < 250.0)
    deep = depth(soft, frame.spacing)
    mass = grown(deep > _MASS, _MASS + 1.0, frame.spacing) & soft
    share = float(mass.sum()) / max(1.0, float(soft.sum()))
    if share > _MOSTLY_MASS:
        return np.zeros(room.shape, dtype=np.bool_), mass, 0.0
    core = (deep > _LOOP) & ~mass
    loops = np.asarray(grown(core, _LOOP + 1.0, frame.spacing) & soft & ~mass)
    return loops, mass, round(_SURE_LOOPS * (1.0 - share), 2)
