"""The skeleton in its parts: hip bones, sacrum, ribs and sternum; the vertebrae one by one; the domes of the diaphragm.

All of it is bone of the frame, divided by where it lies against spine, lungs and sacro-iliac joints. What belongs to no
part stays bone.
"""

from __future__ import annotations

from collections.abc import Mapping

import cc3d
import numpy as np
from scipy import ndimage

from calciscope.anatomy.embedded import pelvis
from calciscope.anatomy.embedded.aorta import spine_track
from calciscope.anatomy.embedded.bodies import distance, grown
from calciscope.anatomy.embedded.frame import Frame, Mask, Part
from calciscope.anatomy.embedded.levels import NAMES, Levels, levels
from calciscope.domain.anatomy import Landmark

# Vertebrae with their processes: to either side of the middle, in front of the body's centre and behind it, mm.
_VERTEBRA = (29.0, 26.0, 66.0)
# Half the width of the sacrum in front and at its back, at the upper and the lower end of the sacro-iliac joints, mm;
# the joint runs inwards over this depth; below the joints sacrum and coccyx go on for this much and taper to this, mm.
_SACRUM_FRONT, _SACRUM_BACK, _SACRUM_DEEP = (60.0, 40.0), (30.0, 20.0), 48.0
_COCCYX, _TIP = 75.0, 14.0
# The last lumbar vertebra reaches below the upper end of the joints by about its own height, mm.
_INTO_JOINTS = 30.0
# Hip bones rise above the joints and reach below them by this much, mm; further out than this there is none.
_WING, _BELOW_JOINTS, _OUTERMOST = 45.0, 115.0, 150.0
# Below the joints by this much begin the sockets: further out than this lies the femur, mm.
_SOCKETS, _INNER = 38.0, 74.0
# Less bone is no hip, ml.
_HIP_ML = 30.0
# Ribs lie this close to a lung, mm; below the lungs they are what hangs together with ribs or spine.
_BESIDE_LUNG = 15.0
# The last rib leaves the spine no further than this below the lungs; vertebrae have processes of this length, mm.
_LAST_RIB, _PROCESSES = 25.0, 55.0
# The sternum: half its width, how far in front of the spine and how close to the skin it lies, mm.
_STERNUM = (26.0, 55.0, 42.0)
# The front of the lungs bulges before the back of a sunken sternum by no more than this, mm; what is smaller is none.
_BEHIND_LUNG, _SPECK_MM3 = 22.0, 300.0
# Collar bones lie above, within this of the top of the lungs, mm.
_COLLAR = 24.0
# The dome of the diaphragm: how far from the heart it is told apart, and what is no organ under a lung, mm.
_FROM_HEART, _UNDER = 8.0, 9.0
_LEAST_ML = 1.0
_SURE, _SURE_RIBS, _SURE_STERNUM, _SURE_DOME = 0.85, 0.85, 0.75, 0.8
_UNNUMBERED = 0.8


def segment(frame: Frame, so_far: Mapping[str, tuple[Mask, float]]) -> Part:
    """``hip_*``, ``sacrum``, ``ribs_*`` and ``sternum``, as far as they are in view; none of them is in the heart."""
    if not any(region.name in ("chest", "abdomen", "pelvis") for region in frame.regions):
        return Part()
    masks: dict[str, tuple[Mask, float]] = {}
    spine = _spinal(frame)
    ring = pelvis.joints(frame) if frame.slices_in("pelvis", "abdomen").any() else None
    taken = spine
    if ring is not None:
        midline = pelvis.middle_column(frame)
        sacrum = _sacrum(frame, ring, midline)
        spine = spine & ~sacrum
        hips = _hips(frame, ring, midline) & ~sacrum & ~spine
        taken = taken | sacrum | hips
        columns = np.arange(frame.hu.shape[2])[None, None]
        masks["sacrum"] = (sacrum, _SURE)
        for name, half in (("hip_left", columns > midline), ("hip_right", columns <= midline)):
            hip = hips & half
            # Slivers at the border of the view are parts of what lies beside them.
            if float(hip.sum()) * float(np.prod(frame.spacing)) >= _HIP_ML * 1000.0:
                masks[name] = (hip, _SURE)
    if "heart_region" in so_far:
        # Chambers full of contrast may pass for bone.
        taken = taken | so_far["heart_region"][0]
    sternum = _sternum(frame) & ~taken
    ribs = _ribs(frame, taken | sternum, spine, ring)
    masks["sternum"] = (sternum, _SURE_STERNUM)
    known = np.flatnonzero(np.isfinite(spine_track(frame)[:, 1]))
    if known.size:
        middle = np.interp(np.arange(len(ribs)), known, spine_track(frame)[known, 1])
        left = np.arange(frame.hu.shape[2])[None, None] > middle[:, None, None]
        masks["ribs_left"], masks["ribs_right"] = (ribs & left, _SURE_RIBS), (ribs & ~left, _SURE_RIBS)
    least = _LEAST_ML * 1000.0 / float(np.prod(frame.spacing))
    return Part(masks={name: item for name, item in masks.items() if int(item[0].sum()) >= least})


def vertebrae(frame: Frame, so_far: Mapping[str, tuple[Mask, float]]) -> Part:
    """``vertebrae_L5`` and so on upwards, or ``vertebrae`` where they could not be numbered; discs as landmarks."""
    spine = _spinal(frame)
    for name in ("sacrum", "hip_left", "hip_right"):
        if name in so_far:
            spine &= ~so_far[name][0]
    if not spine.any() or not any(region.name in ("chest", "abdomen", "pelvis") for region in frame.regions):
        return Part()
    found = levels(frame)
    if found is None or found.first is None:
        return Part(masks={"vertebrae": (spine, _UNNUMBERED)})
    where = np.argwhere(spine)
    spacing = np.array(frame.spacing)
    above = np.zeros(len(where), dtype=np.int64)
    for point, normal in zip(found.points, found.normals, strict=True):
        above += ((where - point) * spacing) @ normal > 0
    masks: dict[str, tuple[Mask, float]] = {}
    for k in range(len(found.points) + 1):
        number = found.first + k - 1
        if number == -1 and "sacrum" in so_far:
            # Below the disc of L5 and S1.
            mask, sure = so_far["sacrum"]
            mask = mask.copy()
            mask[tuple(where[above == k].T)] = True
            masks["sacrum"] = (mask, sure)
            continue
        name = f"vertebrae_{NAMES[number]}" if 0 <= number < len(NAMES) else "vertebrae"
        own = where[above == k]
        if len(own) * float(np.prod(spacing)) < _LEAST_ML * 1000.0:
            continue
        mask = np.zeros(spine.shape, dtype=np.bool_)
        mask[tuple(own.T)] = True
        masks[name] = (mask | masks[name][0] if name in masks else mask, found.confidence)
    return Part(masks=masks, landmarks=_discs(frame, found, found.first))


def domes(frame: Frame, so_far: Mapping[str, tuple[Mask, float]]) -> Part:
    """``diaphragm_left`` and ``diaphragm_right``: the surface on which each lung rests, away from the heart."""
    masks: dict[str, tuple[Mask, float]] = {}
    heart = np.zeros(frame.hu.shape, dtype=np.bool_)
    for name, (mask, _) in so_far.items():
        if name in ("heart_region", "mediastinum") or name.startswith(("aorta", "hilum")):
            heart |= mask
    beside = grown(heart, _FROM_HEART, frame.spacing) if heart.any() else heart
    height = np.arange(frame.hu.shape[0])[:, None, None]
    thick = max(1, round(_UNDER / frame.spacing[0]))
    for side, lung in (("left", frame.lung_left), ("right", frame.lung_right)):
        if not lung.any():
            continue
        lowest = np.where(lung.any(axis=0), lung.argmax(axis=0), 0)
        dome = (height == lowest[None] - 1) & frame.body & ~frame.bone & ~beside
        # A lung rests on an organ or its fat, not on one voxel of vessel; the wall of the chest is steep.
        solid = np.zeros_like(dome)
        solid[thick:] = ~frame.lungs[:-thick]
        dome &= solid & (lowest >= thick)[None]
        if float(dome.sum()) * frame.spacing[1] * frame.spacing[2] > 2000.0:
            masks[f"diaphragm_{side}"] = (dome, _SURE_DOME)
    return Part(masks=masks)


def _spinal(frame: Frame) -> Mask:
    """The bone of the vertebral column, processes included."""
    spine = spine_track(frame)
    mask = np.zeros(frame.bone.shape, dtype=np.bool_)
    rows, columns = (np.arange(n) for n in frame.bone.shape[1:])
    for z in np.flatnonzero(np.isfinite(frame.spine[:, 0]) & np.isfinite(spine[:, 0])).tolist():
        row, column, radius = spine[z]
        behind = (rows - row) * frame.spacing[1]
        near = np.abs(columns - column) * frame.spacing[2] <= _VERTEBRA[0]
        deep = (behind >= -max(radius + 4.0, _VERTEBRA[1])) & (behind <= _VERTEBRA[2])
        mask[z] = frame.bone[z] & deep[:, None] & near[None]
    return mask


def _sacrum(frame: Frame, ring: tuple[int, int], midline: float) -> Mask:
    """The bone between the sacro-iliac joints and below them in the middle of the back."""
    bottom, top = ring
    mask = np.zeros(frame.bone.shape, dtype=np.bool_)
    aside = np.abs(np.arange(frame.bone.shape[2]) - midline) * frame.spacing[2]
    rows = np.arange(frame.bone.shape[1])
    last = max(bottom, round(top - _INTO_JOINTS / frame.spacing[0]))
    for z in range(max(0, round(bottom - _COCCYX / frame.spacing[0])), last):
        middle = frame.bone[z][:, aside < 16.0].any(axis=1)
        there = np.flatnonzero(middle)
        body = np.flatnonzero(frame.body[z].any(axis=1))
        there = there[there > body.mean()] if body.size else there
        if not there.size:
            continue
        front = int(there[0])
        if z >= bottom:
            down = 1.0 - (z - bottom) / max(1, top - bottom)
            wide = [a + (b - a) * down for a, b in (_SACRUM_FRONT, _SACRUM_BACK)]
        else:
            down = (bottom - z) * frame.spacing[0] / _COCCYX
            wide = [_SACRUM_FRONT[1] + (_TIP - _SACRUM_FRONT[1]) * min(1.0, 1.6 * down), _SACRUM_BACK[1]]
        inward = np.clip((rows - front) * frame.spacing[1] / _SACRUM_DEEP, 0.0, 1.0)
        half = wide[0] + (wide[1] - wide[0]) * inward
        behind = rows >= front - round(12.0 / frame.spacing[1])
        mask[z] = frame.bone[z] & (aside[None] <= half[:, None]) & behind[:, None]
    return mask


def _hips(frame: Frame, ring: tuple[int, int], midline: float) -> Mask:
    """The bone of both hip bones, the sockets included and the thighs left out."""
    bottom, top = ring
    mask = frame.bone.copy()
    low = max(0, round(bottom - _BELOW_JOINTS / frame.spacing[0]))
    mask[:low] = False
    mask[top + round(_WING / frame.spacing[0]) :] = False
    aside = np.abs(np.arange(frame.bone.shape[2]) - midline) * frame.spacing[2]
    mask[:, :, aside > _OUTERMOST] = False
    sockets = max(0, round(bottom - _SOCKETS / frame.spacing[0]))
    mask[:sockets, :, aside > _INNER] = False
    # Beside the vertebrae above the joints are their processes.
    mask[top:, :, aside < _PROCESSES] = False
    # Above the joints only what hangs together with the wings: last ribs lie there too.
    labels = cc3d.connected_components(mask, connectivity=6)
    joined = np.unique(labels[low:top])
    return np.asarray(mask & np.isin(labels, joined[joined > 0]))


def _sternum(frame: Frame) -> Mask:
    """The bone in the middle of the front of the chest."""
    mask = np.zeros(frame.bone.shape, dtype=np.bool_)
    spine = spine_track(frame)
    known = np.flatnonzero(np.isfinite(spine[:, 0]))
    lungs = np.flatnonzero(frame.lungs.any(axis=(1, 2)))
    if not known.size or not lungs.size:
        return mask
    track = np.stack([np.interp(np.arange(len(spine)), known, spine[known, k]) for k in range(3)], axis=1)
    rows, columns = (np.arange(n) for n in frame.bone.shape[1:])
    last = min(len(mask), int(lungs[-1]) + 1)
    for z in range(max(0, round(lungs[0] - 40.0 / frame.spacing[0])), last):
        near = np.abs(columns - track[z, 1]) * frame.spacing[2] <= _STERNUM[0]
        front = (track[z, 0] - rows) * frame.spacing[1] - track[z, 2] >= _STERNUM[1]
        there = np.flatnonzero(frame.body[z][:, near].any(axis=1))
        if not there.size:
            continue
        shallow = (rows - there[0]) * frame.spacing[1] <= _STERNUM[2]
        # What lies behind the front of the lungs is enhanced blood of the heart.
        lung = np.flatnonzero(frame.lungs[z].any(axis=1))
        if lung.size:
            shallow &= (rows - lung[0]) * frame.spacing[1] <= _BEHIND_LUNG
        mask[z] = frame.bone[z] & (front & shallow)[:, None] & near[None]
    return _without_specks(mask, frame)


def _without_specks(mask: Mask, frame: Frame) -> Mask:
    """The pieces of a mask that are no specks: enhanced vessels of the liver pass for bone as single voxels."""
    labels = cc3d.connected_components(mask, connectivity=26)
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    return np.asarray((sizes * float(np.prod(frame.spacing)) >= _SPECK_MM3)[labels])


def _ribs(frame: Frame, taken: Mask, spine: Mask, ring: tuple[int, int] | None) -> Mask:
    """Bone close to a lung, and below the lungs what hangs together with it or with the spine."""
    rest = frame.bone & ~taken
    lungs = np.flatnonzero(frame.lungs.any(axis=(1, 2)))
    if ring is not None:
        rest[: ring[1]] = False
    if not lungs.size:
        return np.zeros_like(rest)
    top = int(lungs[-1] - _COLLAR / frame.spacing[0])
    near = rest & (distance(frame.lungs, frame.spacing) <= _BESIDE_LUNG)
    # Collar bones cross the front of the tops of the lungs.
    rows = np.arange(frame.bone.shape[1])
    depth = spine_track(frame)[:, 0]
    middle = float(np.nanmedian(depth)) if np.isfinite(depth).any() else 0.0
    near[max(0, top) :, rows < middle - 30.0 / frame.spacing[1]] = False
    low = rest.copy()
    low[int(lungs[0] + 60.0 / frame.spacing[0]) :] = False
    labels = cc3d.connected_components(low | near, connectivity=18)
    seeds = np.unique(labels[near | (ndimage.binary_dilation(spine, iterations=2) & low)])
    kept = np.isin(labels, seeds[seeds > 0])
    # Ribs leave the spine above the lower end of the lungs; below are the processes of the lumbar vertebrae.
    known = np.isfinite(spine_track(frame)[:, 1])
    if known.any():
        aside = np.abs(np.arange(rest.shape[2]) - float(np.nanmedian(spine_track(frame)[known, 1]))) * frame.spacing[2]
        low[: max(0, int(lungs[0] - _LAST_RIB / frame.spacing[0])), :, aside < _PROCESSES] = False
    return np.asarray(near | (kept & low))


def _discs(frame: Frame, found: Levels, first: int) -> dict[str, Landmark]:
    """The middle of each disc as a landmark, named after the vertebrae above and below it."""
    marks = {}
    for k, point in enumerate(found.points):
        number = first + k
        if number >= len(NAMES):
            break
        name = f"disc_{NAMES[number]}_{NAMES[number - 1] if number else 'S1'}"
        x, y, z = (float(v) for v in frame.to_mm(point))
        marks[name] = Landmark(name, (x, y, z), found.confidence)
    return marks
