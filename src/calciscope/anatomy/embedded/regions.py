"""Which part of the body each slice shows."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from calciscope.anatomy.embedded.cranial.cavity import seen_from_middle
from calciscope.anatomy.embedded.frame import Mask
from calciscope.anatomy.embedded.track import hull
from calciscope.domain.anatomy import Region

# Lung on a slice of the chest, mm2; less is a recess behind the liver.
_LUNG_MM2 = 1500.0
# An iliac wing, a hip bone or a femoral head in its socket in cross-section, mm2 and mm across, and how far beside the
# spine it lies, mm. Shafts of long bones are not as wide.
_HIP_MM2 = 330.0
_HIP_MM = 42.0
_BESIDE_MM = 35.0
# A ring of two hips without a vertebra in view: a whole body so large, mm2, and wide, mm, with a wide bone on either
# side of its middle, in this share of the slices with hips. Two knees are smaller, and air lies between them.
_RING_MM2, _RING_MM, _RING_SHARE = 36000.0, 240.0, 0.6
# A pelvis is this high, mm: wide bones further down are knees.
_PELVIS_MM = 280.0
# The cranial cavity in cross-section, mm2, and its content, HU.
_BRAIN_MM2 = 4000.0
_BRAIN_HU = (0.0, 80.0)
# A head is little more than its skull: in a body larger than this, mm2, a cavity of a smaller share is another's head,
# that of an unborn child.
_TRUNK_MM2, _HEAD_SHARE = 45000.0, 0.15
# The skull is denser than anything else of a head, HU; around a brain of which a flap is missing it is seen from the
# middle in this share of all directions, and what it surrounds is brain in this share.
_SKULL_HU, _SEEN, _BRAIN_SHARE = 250.0, 0.6, 0.75
# A flap is no higher than twice this, mm, and leaves the cavity closed over at least that, mm.
_FLAP_MM, _CLOSED_MM = 70.0, 12.0
# A cranial cavity is no larger than this, mm2, and goes on down to this far below where it is closed, mm.
_BRAIN_MOST_MM2, _BASE_MM = 32000.0, 25.0
# Hips begin at least this far below the lowest lung, mm: the last ribs lie between.
_BELOW_LUNG = 60.0
# Less lung than this, ml, may be gas of the bowel; lungs end further above the iliac wings than this, mm.
_SURE_LUNG_ML, _CREST_MM = 120.0, 90.0
# A neck is no larger than this in cross-section at three quarters of its height; its windpipe, from this to this mm2,
# is in view in at least this share of it, at most this far from the middle, mm.
_NECK_MM2, _PIPE_MM2, _PIPED, _PIPE_OFF_MM = 22000.0, (40.0, 900.0), 0.6, 20.0
# Stretches shorter than this are joined to their neighbours, mm.
_SHORTEST = 20.0

_HEAD, _NECK, _CHEST, _ABDOMEN, _PELVIS, _LIMB = "head", "neck", "chest", "abdomen", "pelvis", "limb"


def find_regions(
    hu: NDArray[np.float32],
    body: Mask,
    lungs: Mask,
    bone: Mask,
    spine: NDArray[np.float64],
    spacing: tuple[float, float, float],
    factor_z: int,
    slices: int,
    airway: Mask | None = None,
) -> tuple[Region, ...]:
    """Regions over canonical slices of the volume (``slices`` of them), ascending, with a confidence each.

    Lung says chest, a cranial cavity head, hip bones below any lung pelvis; a spine between is abdomen or, above the
    lungs, neck; long bones without a spine are a limb. A windpipe through a body too thin for a trunk, without lungs,
    hips or a head in view, says neck throughout. Slices without a body belong to no region.
    """
    area = spacing[1] * spacing[2]
    present = np.asarray(body.any(axis=(1, 2)))
    lung = lungs.sum(axis=(1, 2)) * area >= _LUNG_MM2
    # The lungs are one stretch; heads and abdomens between them are impossible.
    lung = _span(lung)
    any_lung = np.flatnonzero(lungs.any(axis=(1, 2)))
    has_spine = np.isfinite(spine[:, 0])
    hips = np.array([_has_hip(bone[z], spine[z], spacing) for z in range(hu.shape[0])], dtype=np.bool_)
    if any_lung.size:
        hips[max(0, int(any_lung[0] - _BELOW_LUNG / spacing[0])) :] = False
    # Short runs are no hips; the scan may begin in the middle of them.
    steps = max(1, round(6.0 / spacing[0]))
    hips = np.asarray(ndimage.binary_opening(np.pad(hips, steps, mode="edge"), iterations=steps))[steps:-steps]
    brain = _brain_slices(hu, body, bone, hips, spacing)
    if any_lung.size:
        brain[: int(any_lung[-1]) + 1] = False
    if brain.any():
        hips[int(np.flatnonzero(brain)[0]) :] = False
    if hips.any():
        hips[: max(0, int(np.flatnonzero(hips)[-1] - _PELVIS_MM / spacing[0]))] = False
    if airway is not None and not (any_lung.size or hips.any() or brain.any()) and _is_neck(body, airway, spacing):
        only = [_NECK if there else "" for there in present]
        return _runs(only, lung, has_spine, factor_z, slices, spacing)
    if hips.any() and not has_spine.any() and not any_lung.size and not _ring(body, bone, hips, spacing):
        # Bones without any spine that no trunk surrounds: long bones of a limb, not hips.
        hips[:] = False
    names = _names(present, lung, has_spine, hips, brain, spacing[0])
    return _runs(names, lung, has_spine, factor_z, slices, spacing)


def bowel_gas(lungs: Mask, bone: Mask, spine: NDArray[np.float64], spacing: tuple[float, float, float]) -> bool:
    """Whether what passes for lung is gas of the bowel: little of it, and hip bones close below its lowest slice."""
    slices = np.flatnonzero(lungs.any(axis=(1, 2)))
    if not slices.size or float(lungs.sum()) * float(np.prod(spacing)) / 1000.0 > _SURE_LUNG_ML:
        return False
    reach = range(max(0, int(slices[0] - _CREST_MM / spacing[0])), int(slices[0]) + 1)
    hips = sum(_has_hip(bone[z], spine[z], spacing) for z in reach)
    return hips * spacing[0] > _SHORTEST


def _is_neck(body: Mask, airway: Mask, spacing: tuple[float, float, float]) -> bool:
    """Whether one thin body has a windpipe in most of its slices: not far from its midline, and no wider than one."""
    area = spacing[1] * spacing[2]
    sizes, pipes = (mask.sum(axis=(1, 2)) * area for mask in (body, airway))
    there = sizes > 0
    if not there.any() or float(np.percentile(sizes[there], 75)) > _NECK_MM2:
        return False
    piped = np.flatnonzero((pipes > _PIPE_MM2[0]) & (pipes < _PIPE_MM2[1]))
    if piped.size < _PIPED * there.sum():
        return False
    off = [
        np.nonzero(airway[z])[1].mean() - 0.5 * (columns[0] + columns[-1])
        for z in piped.tolist()
        for columns in (np.flatnonzero(body[z].any(axis=0)),)
    ]
    return abs(float(np.median(off))) * spacing[2] < _PIPE_OFF_MM


def _span(flag: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The longest stretch of true values with its near neighbours."""
    labels, count = ndimage.label(flag)
    if not count:
        return flag
    sizes = np.bincount(labels)
    sizes[0] = 0
    out = np.zeros_like(flag)
    large = np.flatnonzero(sizes > 0.2 * sizes.max())
    where = np.flatnonzero(np.isin(labels, large))
    out[where[0] : where[-1] + 1] = True
    return out


def _ring(body: Mask, bone: Mask, hips: NDArray[np.bool_], spacing: tuple[float, float, float]) -> bool:
    """Whether the slices with hips show one trunk with a hip on either side, and no pair of knees."""
    seen = []
    for z in np.flatnonzero(hips).tolist():
        columns = np.flatnonzero(body[z].any(axis=0))
        large = float(body[z].sum()) * spacing[1] * spacing[2] > _RING_MM2
        if not large or (columns[-1] - columns[0] + 1) * spacing[2] < _RING_MM:
            seen.append(False)
            continue
        middle = 0.5 * float(columns[0] + columns[-1])
        halves = (slice(0, int(middle) + 1), slice(int(middle) + 1, None))
        central = bool(body[z][:, int(middle) - 1 : int(middle) + 2].any(axis=0).all())
        sides = all(_has_hip(_only(bone[z], half), np.full(3, np.nan), spacing) for half in halves)
        seen.append(central and sides)
    return bool(np.mean(seen) >= _RING_SHARE)


def _only(mask: Mask, columns: slice) -> Mask:
    out = np.zeros_like(mask)
    out[:, columns] = mask[:, columns]
    return out


def _has_hip(bone: Mask, spine: NDArray[np.float64], spacing: tuple[float, float, float]) -> bool:
    """Whether a slice shows a large, wide piece of bone beside the spine (or anywhere without one)."""
    beside = bone
    if np.isfinite(spine[0]):
        central = np.abs((np.arange(bone.shape[1]) - spine[1]) * spacing[2]) < _BESIDE_MM
        beside = bone & ~central[None, :]
    labels, count = ndimage.label(beside)
    if not count:
        return False
    areas = np.bincount(labels.ravel(), minlength=count + 1)[1:] * spacing[1] * spacing[2]
    for area, where in zip(areas, ndimage.find_objects(labels, max_label=count), strict=True):
        if where is None or area < _HIP_MM2:
            continue
        if np.hypot(*((s.stop - s.start) * d for s, d in zip(where, spacing[1:], strict=True))) >= _HIP_MM:
            return True
    return False


def _brain_slices(
    hu: NDArray[np.float32], body: Mask, bone: Mask, hips: NDArray[np.bool_], spacing: tuple[float, float, float]
) -> NDArray[np.bool_]:
    """Which slices show the cranial cavity; where a flap is missing, only near slices in which it is closed."""
    shells = bone | (hu > _SKULL_HU)
    sizes = body.sum(axis=(1, 2)) * spacing[1] * spacing[2]
    least = np.where(sizes > _TRUNK_MM2, np.maximum(_BRAIN_MM2, _HEAD_SHARE * sizes), _BRAIN_MM2)
    closed = np.array([_has_brain(*one, spacing) for one in zip(hu, shells, least.tolist(), strict=True)], dtype=bool)
    if closed.sum() * spacing[0] < _CLOSED_MM:
        return closed
    reach = _FLAP_MM / spacing[0]
    near = np.flatnonzero(closed)
    for z in np.flatnonzero(~closed & ~hips).tolist():
        if np.abs(near - z).min() <= reach and _open_brain(hu[z], shells[z], spacing):
            closed[z] = True
    return closed


def _has_brain(hu: NDArray[np.float32], shell: Mask, least: float, spacing: tuple[float, float, float]) -> bool:
    """Whether a slice shows a cavity of soft tissue of at least so many mm2 enclosed by bone."""
    area = spacing[1] * spacing[2]
    labels, count = ndimage.label(ndimage.binary_fill_holes(shell) & ~shell)
    if not count:
        return False
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    label = int(sizes.argmax())
    if sizes[label] * area < least:
        return False
    return _BRAIN_HU[0] < float(np.median(hu[labels == label])) < _BRAIN_HU[1]


def _open_brain(hu: NDArray[np.float32], shell: Mask, spacing: tuple[float, float, float]) -> bool:
    """Whether bone that is not closed surrounds brain: it is seen in most directions, and there is hardly any fat."""
    area = spacing[1] * spacing[2]
    if shell.sum() * area < 0.1 * _BRAIN_MM2:
        return False
    outline = hull(shell)
    inside = outline & ~shell
    if not _BRAIN_MM2 <= inside.sum() * area <= _BRAIN_MOST_MM2 or seen_from_middle(shell, outline) < _SEEN:
        return False
    soft = (hu[inside] > _BRAIN_HU[0] - 10.0) & (hu[inside] < _BRAIN_HU[1])
    return float(soft.mean()) > _BRAIN_SHARE


def _names(
    present: NDArray[np.bool_],
    lung: NDArray[np.bool_],
    spine: NDArray[np.bool_],
    hips: NDArray[np.bool_],
    brain: NDArray[np.bool_],
    height: float,
) -> list[str]:
    """One name a slice (empty outside the body): landmarks first, then what lies between them."""
    n = len(present)
    names = [""] * n
    lungs = np.flatnonzero(lung)
    pelvis = np.flatnonzero(hips)
    heads = np.flatnonzero(brain)
    base = heads[0] - _BASE_MM / height if heads.size else n
    for z in range(n):
        if not present[z]:
            continue
        if z >= base:
            names[z] = _HEAD
        elif lungs.size and lungs[0] <= z <= lungs[-1]:
            names[z] = _CHEST
        elif lungs.size and z > lungs[-1]:
            names[z] = _NECK
        elif pelvis.size and z <= pelvis[-1]:
            names[z] = _PELVIS if z >= pelvis[0] else _LIMB
        elif heads.size:
            names[z] = _NECK
        elif spine.any():
            names[z] = _ABDOMEN
        else:
            names[z] = _LIMB
    return names


def _runs(
    names: list[str],
    lung: NDArray[np.bool_],
    spine: NDArray[np.bool_],
    factor_z: int,
    slices: int,
    spacing: tuple[float, float, float],
) -> tuple[Region, ...]:
    """Stretches of equal names as regions, short ones joined to the one before."""
    edges = [0, *(z for z in range(1, len(names)) if names[z] != names[z - 1]), len(names)]
    runs = [(names[a], a, b) for a, b in pairwise(edges) if b > a]
    least = round(_SHORTEST / spacing[0])
    joined: list[tuple[str, int, int]] = []
    for name, start, stop in runs:
        short = stop - start < least and len(runs) > 1
        if joined and (joined[-1][0] == name or (short and joined[-1][0] and name)):
            joined[-1] = (joined[-1][0], joined[-1][1], stop)
        else:
            joined.append((name, start, stop))
    out = []
    for name, start, stop in joined:
        if not name:
            continue
        share = float(np.mean(spine[start:stop]))
        sure = {_CHEST: 0.9, _HEAD: 0.85, _LIMB: 0.8}.get(name, 0.45 + 0.4 * share)
        if name == _PELVIS:
            sure = max(sure, 0.8)
        last = slices if stop == len(names) else stop * factor_z
        out.append(Region(name, start * factor_z, last, round(sure, 2)))
    return tuple(out)
