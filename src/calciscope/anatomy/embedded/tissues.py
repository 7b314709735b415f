"""What lies between the organs: skin, subcutaneous fat, muscle and the surroundings of joints."""

from __future__ import annotations

from collections.abc import Mapping

import cc3d
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from calciscope.anatomy.embedded.aorta import spine_track
from calciscope.anatomy.embedded.bodies import depth, distance
from calciscope.anatomy.embedded.frame import Frame, Mask, Part
from calciscope.anatomy.embedded.pelvis import Pelvis

# Skin is this thick with the margin that a coarse voxel needs, mm.
_SKIN = 3.2
# Muscles and bones make a shell whose gaps are narrower than twice this, mm.
_SHELL = 10.0
# Where the straight muscles of the belly meet, the wall is thin and may lie close under the skin: what a shell with
# gaps of twice this, mm, holds at this depth, mm, lies inside of the belly's wall.
_BELLY, _WITHIN = 25.0, 15.0
# Skin with its folds is left out of the shell, mm; so are strands in fat of fewer double-size voxels than this.
_UNDER_SKIN, _STRANDS = 6.5, 60
# The wall of the trunk may escape notice over this height, mm.
_UNSEEN = 27.0
# The wall of the trunk is this thick, mm.
_WALL = 20.0
_MUSCLE = (-15.0, 140.0)
# A spine this far from the middle of the pelvis is something else, up to this far above the joints, mm.
_ASTRAY, _LUMBAR = 30.0, 60.0
# Two bones this close to each other make a joint, mm; smaller pieces than this (ml) are no bones of a limb.
_JOINT, _BONE_ML = 9.0, 6.0


def segment(
    frame: Frame, so_far: Mapping[str, tuple[Mask, float]], ring: Pelvis | None = None, inner: Mask | None = None
) -> Part:
    """Masks of skin, subcutaneous fat, muscle and the surroundings of joints; found organs are left out.

    ``inner`` is :func:`shell` where it is known already.
    """
    organs = np.zeros(frame.hu.shape, dtype=np.bool_)
    for name, (mask, _) in so_far.items():
        if not name.startswith(("pelvic_wall", "gallbladder_fossa", "mediastinum", "prostate_or", "neck", "joint")):
            organs |= mask
    deep = depth(frame.body, frame.spacing)
    skin = frame.body & (deep <= max(_SKIN, 1.05 * min(frame.spacing)))
    inner = shell(frame) if inner is None else inner
    # Depth below the shell, slice by slice.
    deep_in = depth(inner, (1e4, frame.spacing[1], frame.spacing[2]))
    masks: dict[str, tuple[Mask, float]] = {}
    limb = frame.slices_in("limb")
    fat = (frame.hu < -20.0) & (frame.hu > -250.0)
    _put(masks, "skin", skin, 0.8)
    _put(masks, "subcutaneous_fat", frame.body & fat & ~inner & ~skin & ~organs, 0.85)
    _put(masks, "muscle", _muscle(frame, inner & ~skin, deep_in, limb, ring) & ~organs, 0.7)
    if limb.any():
        _put(masks, "near_joint", _joints(frame, limb), 0.7)
    return Part(masks=masks)


def _put(masks: dict[str, tuple[Mask, float]], name: str, mask: Mask, sure: float) -> None:
    if mask.any():
        masks[name] = (mask, sure)


def shell(frame: Frame) -> Mask:
    """Everything inside the muscles and bones, slice by slice: what is left outside is skin and subcutaneous fat."""
    # The shape of the shell needs no more than every second voxel.
    soft = (frame.hu > -15.0) & frame.body & (depth(frame.body, frame.spacing) > _UNDER_SKIN) | frame.bone | frame.lungs
    shape = frame.hu.shape
    even = [n + n % 2 for n in shape[1:]]
    padded = np.zeros((shape[0], *even), dtype=np.bool_)
    padded[:, : shape[1], : shape[2]] = soft
    half = padded.reshape(shape[0], even[0] // 2, 2, even[1] // 2, 2).any(axis=(2, 4))
    half = np.asarray(cc3d.dust(np.asarray(half), threshold=_STRANDS, connectivity=6))
    _close_border(half, np.ascontiguousarray(frame.body[:, ::2, ::2]))
    spacing = (1e4, frame.spacing[1] * 2, frame.spacing[2] * 2)  # slices do not see each other
    closed = (depth(distance(half, spacing) <= _SHELL, spacing) > _SHELL) | half
    belly = frame.slices_in("abdomen")
    if belly.any():
        wide = depth(distance(half[belly], spacing) <= _BELLY, spacing) > _BELLY
        wide = np.stack([ndimage.binary_fill_holes(plane) for plane in wide])
        closed[belly] |= depth(wide, spacing) > _WITHIN
    for z in range(len(closed)):
        closed[z] = ndimage.binary_fill_holes(closed[z])
    # A wall that is too thin to be seen on a few slices goes on between those above and below.
    reach = 2 * max(1, round(0.5 * _UNSEEN / frame.spacing[0])) + 1
    spread = ndimage.maximum_filter1d(closed.view(np.uint8), reach, axis=0, mode="nearest")
    closed = ndimage.minimum_filter1d(spread, reach, axis=0, mode="nearest").view(np.bool_)
    whole = closed.repeat(2, axis=1).repeat(2, axis=2)
    return np.asarray(whole[:, : shape[1], : shape[2]] & frame.body)


def _close_border(soft: Mask, body: Mask) -> None:
    """Where the field of view cuts the body, its border closes the shell between the outermost soft tissue there.

    A corner of the field of view inside the body belongs to the shell too: what it cuts off was inside.
    """
    edges = ((0, slice(None)), (-1, slice(None)), (slice(None), 0), (slice(None), -1))
    for row, column in edges:
        line, inside = soft[:, row, column], body[:, row, column]
        for z in range(len(line)):
            there = np.flatnonzero(line[z])
            if not there.size:
                continue
            first = 0 if inside[z, 0] else int(there[0])
            last = line.shape[1] if inside[z, -1] else int(there[-1])
            line[z, first:last] = True


def _muscle(frame: Frame, inner: Mask, deep: NDArray[np.float32], limb: NDArray[np.bool_], ring: Pelvis | None) -> Mask:
    """Muscle: in limbs all soft tissue inside the shell, in the trunk its wall and what lies behind the vertebrae."""
    tissue = inner & (frame.hu > _MUSCLE[0]) & (frame.hu < _MUSCLE[1]) & ~frame.bone
    wall = inner & (deep < _WALL)
    rows = np.arange(frame.hu.shape[1])[None, :]
    spine = spine_track(frame)[:, :2].copy()
    if ring is not None:
        astray = np.abs(spine[:, 1] - ring.midline) * frame.spacing[2] > _ASTRAY
        near = ring.joint_top + round(_LUMBAR / frame.spacing[0])
        spine[:near][astray[:near]] = np.nan
    behind = (rows > np.where(np.isfinite(spine[:, :1]), spine[:, :1], np.inf))[:, :, None]
    return np.asarray(tissue & (wall | behind | limb[:, None, None]))


def _joints(frame: Frame, limb: NDArray[np.bool_]) -> Mask:
    """Tissue between two bones of a limb."""
    bone = frame.bone & limb[:, None, None]
    labels = cc3d.connected_components(bone, connectivity=6)
    sizes = np.bincount(labels.ravel()) * float(np.prod(frame.spacing)) / 1000.0
    sizes[0] = 0
    large = np.argsort(sizes)[::-1][:6]
    count = np.zeros(bone.shape, dtype=np.int8)
    for label in large[sizes[large] > _BONE_ML]:
        count += distance(labels == label, frame.spacing) <= _JOINT
    return np.asarray((count >= 2) & ~frame.bone & frame.body)
