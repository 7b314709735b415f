"""Aorta and iliac arteries: the tracks, judged by what must lie beside them, as masks, tubes and the blood pool."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from calciscope.anatomy.embedded import aorta, arch, branches, iliac, iliac_lumen, pelvis
from calciscope.anatomy.embedded.frame import Frame, Mask, Part
from calciscope.anatomy.embedded.hiatus import thoracic
from calciscope.anatomy.embedded.track import Track, blood, joined, longest_run, paint, steadied, tube
from calciscope.domain.anatomy import Landmark, Tube

# Wall and plaque lie outside the bright lumen whose rim was traced, mm.
WALL = 1.0
# More fat or lung than vessel, HU: the drawn disc is wider than the vessel there.
_FATTY = -60.0
# A faint stretch of the aorta above its fork is accepted up to this length, mm.
_FAINT_ABOVE_FORK = 40.0
# Support of a rim that only continues a clearer one.
_FAINTEST = 0.1
# The aorta may reach this far below the upper edge of the pelvic region, mm.
_INTO_PELVIS = 45.0
# Wider over half its length is no aorta but a muscle or an organ, mm.
_WIDEST = 24.0
# A track shorter than this says too little to be judged, mm.
_SHORTEST = 25.0
# An arch is this high, mm from its inner end to the top of its course; below, its limbs count as ascending, descending.
_ARCH_HEIGHT = 16.0
# Support of a lumen that is surely one, its rim, mm, and the share of it that passes for bone before it is taken out.
_CLEAR_LUMEN, _LUMEN_RIM, _MISTAKEN = 0.4, 2.0, 0.1
# Clear stretches this near say how wide a faint one is, mm.
_NEARBY = 60.0
# Support at which a track is as sure as support can make it: a disc free on three sides.
_CLEAR = 0.5
# An aorta lies against the vertebra, not in it: how far it may run into the drawn vertebral body at half its length,
# and how far is surely the body itself, mm; what that takes from the confidence.
_INTO_BODY, _IN_BODY, _DOUBT = 1.5, 3.0, 0.4
# A stretch this short that ends with the view, mm, is an aorta where its middle lies this far before the vertebra's
# front, mm; the iliac arteries lie beside it.
_SHORT_AT_END, _BEFORE_BODY = 40.0, 10.0
# Enhanced blood is alike along the vessel; vertebral bodies and the discs between them are not: spread over middle.
_UNEVEN = 0.15
# A branch whose end at the hip is out of view had no aim: it may run beside the artery.
_HEAD_UNSEEN = 0.55
# With it, one in three still ends in the vein beside the artery (simulated bodies).
_HEAD_SEEN = 0.69
# A branch less sure than this runs beside the artery, through bowel or along the edge of the view: it is not told.
_TOLD = 0.5


def segment(frame: Frame, so_far: Mapping[str, tuple[Mask, float]]) -> Part:
    """Masks and tubes of the aorta and its branches, the blood pool, and the femoral heads as landmarks.

    A hypothesis without a spine behind it, too short, or not disc-like is dropped. ``so_far`` is not needed.
    """
    traced = aorta.trace(frame)
    if traced is None:
        return Part(notes=("no spine in view: the aorta was not sought",))
    whole, blood_hu = traced
    if blood_hu is None:
        return Part(notes=("no blood could be sampled: the aorta was not traced",))
    bone = frame.bone
    cleared = without_lumen(frame, whole, blood_hu)
    if cleared is not None:
        # Enhanced blood that passed for bone has moved the front of the spine: look again without it.
        again = aorta.trace(cleared)
        if again is not None and again[1] is not None:
            frame, whole, blood_hu = cleared, again[0], again[1]
    lumens = iliac_lumen.arteries(frame, whole, blood_hu, float(whole.points[-1, 0]))
    if lumens is not None:
        frame = replace(frame, bone=frame.bone & ~lumens)
    midline = float(np.nanmedian(aorta.spine_track(frame)[:, 1]))
    lungs = np.flatnonzero(frame.lungs.any(axis=(1, 2)))
    # The roofs of the hip joints lie at least 140 mm below the lungs.
    below = int(lungs[0] - 140.0 / frame.spacing[0]) if lungs.size else int(whole.points[-1, 0])
    heads = iliac.femoral_heads(frame, midline, max(below, 0)) if below > 0 else {}
    fork = iliac.trace_fork(frame, whole, heads, blood_hu) if _reaches_pelvis(frame, lungs, heads) else None
    trunk = _judged(frame, whole, None if fork is None else fork.level)
    if trunk is None:
        return Part(notes=("no aorta: the best track beside the spine is not round enough",))
    if _is_spine(frame, trunk, blood_hu):
        return Part(notes=("no aorta: the best track runs through the vertebral bodies",))
    ascending, top, trunk = _thoracic(frame, trunk, blood_hu)
    pool = blood(frame, _clearest(trunk), "aorta")
    sure = confidence(frame, trunk)
    masks: dict[str, tuple[Mask, float]] = {}
    tubes: dict[str, Tube] = {}
    # A view that ends below the fork shows branches only.
    forked = _is_branch(frame, trunk)
    if not forked:
        masks = _aorta_masks(frame, trunk, ascending, top, sure)
    parts = [t for t in (ascending, top) if t is not None]
    # From the root over the arch and down: the order in which the blood runs.
    course = joined(*parts, trunk.part(slice(None, None, -1))) if parts else trunk.part(slice(None, None, -1))
    if not forked:
        tubes["aorta"] = tube(frame, "aorta", course, sure)
    if top is not None:
        for name, (course_up, likely) in branches.trace_branches(frame, top, blood_hu).items():
            tubes[name] = tube(frame, name, course_up.part(slice(None, None, -1)), min(likely, sure))
            masks[name] = (paint(frame, course_up, WALL) & ~frame.bone, min(likely, sure))
    if fork is not None:
        for side, branch in (("left", fork.left), ("right", fork.right)):
            if branch is not None:
                # Veins run beside the arteries and look alike without contrast, so never as sure as the aorta.
                known = _HEAD_SEEN if side in heads else _HEAD_UNSEEN
                certain = round(min(known, sure, 0.25 + float(np.mean(branch.support))), 2)
                if certain < _TOLD:
                    continue
                name = f"iliac_artery_{side}"
                tubes[name] = tube(frame, name, branch.part(slice(None, None, -1)), certain)
                masks[name] = (paint(frame, branch, WALL) & ~frame.bone, certain)
    landmarks = {
        f"femoral_head_{side}": Landmark(f"femoral_head_{side}", _point(frame, head[0]), 0.8)
        for side, head in heads.items()
    }
    lumen = None if cleared is None and lumens is None else np.asarray(bone & ~frame.bone)
    return Part(
        masks=masks,
        tubes=tubes,
        landmarks=landmarks,
        blood_pool=pool,
        notes=("no aorta: the view ends below its fork",) if forked else (),
        not_bone=lumen,
    )


def without_lumen(frame: Frame, track: Track, blood_hu: float) -> Frame | None:
    """The frame with enhanced blood taken out of the skeleton, or ``None`` where none of it passed for bone.

    Only sure stretches in front of the vertebra count, without their rim, where plaque may be.
    """
    if blood_hu < aorta.ENHANCED:
        return None
    fits = (track.support > _CLEAR_LUMEN) & (track.radius > _LUMEN_RIM + 2.0) & aorta.fits_beside_spine(frame, track)
    lumen = paint(frame, track.part(fits), -_LUMEN_RIM)
    blood_like = np.abs(frame.hu - blood_hu) < 0.5 * blood_hu
    wrong = lumen & frame.bone & blood_like
    if wrong.sum() < _MISTAKEN * max(1, int(lumen.sum())):
        return None
    return replace(frame, bone=frame.bone & ~(paint(frame, track.part(fits)) & blood_like))


def confidence(frame: Frame, trunk: Track) -> float:
    """How sure the aorta is: by support along the track, smoothness of its radius, length, and the vertebra beside."""
    support = float(np.clip(np.mean(np.minimum(trunk.support, _CLEAR)) / _CLEAR, 0, 1))
    jumps = float(np.mean(np.abs(np.diff(trunk.radius)) * 3.0 / frame.spacing[0] > 2.5)) if len(trunk) > 1 else 1.0
    length = len(trunk) * frame.spacing[0]
    value = 0.45 + 0.5 * support - 0.5 * jumps - (0.15 if length < 60.0 else 0.0)
    value -= _DOUBT * _within_body(frame, trunk)
    return round(float(np.clip(value, 0.0, 0.95)), 2)


def _within_body(frame: Frame, trunk: Track) -> float:
    """How far the track lies in the vertebral bodies instead of beside them: 0 beside, 1 within."""
    spine = aorta.spine_track(frame)
    index = np.clip(np.rint(trunk.points[:, 0]).astype(int), 0, len(spine) - 1)
    off = (trunk.points[:, 1:] - spine[index, :2]) * np.array(frame.spacing[1:])
    gap = np.hypot(off[:, 0], off[:, 1]) - spine[index, 2] - trunk.radius
    gap = gap[np.isfinite(gap)]
    into = -float(np.median(gap)) if gap.size else 0.0
    return float(np.clip((into - _INTO_BODY) / (_IN_BODY - _INTO_BODY), 0.0, 1.0))


def _is_spine(frame: Frame, trunk: Track, blood_hu: float) -> bool:
    """Whether the track has followed vertebral bodies: within them, as bright as contrast, and uneven along its way."""
    if blood_hu < aorta.ENHANCED or _within_body(frame, trunk) < 1.0:
        return False
    index = np.clip(np.rint(trunk.points).astype(int), 0, np.array(frame.hu.shape) - 1)
    middle = ndimage.uniform_filter(frame.hu, size=(1, 3, 3), mode="nearest")[tuple(index.T)]
    return float(np.std(middle)) > _UNEVEN * float(np.median(middle))


def _is_branch(frame: Frame, trunk: Track) -> bool:
    """Whether a short track at the upper end of the view lies beside the vertebra instead of before it."""
    if len(trunk) * frame.spacing[0] >= _SHORT_AT_END:
        return False
    spine = aorta.spine_track(frame)
    index = np.clip(np.rint(trunk.points[:, 0]).astype(int), 0, len(spine) - 1)
    before = (spine[index, 0] - trunk.points[:, 1]) * frame.spacing[1] - spine[index, 2]
    before = before[np.isfinite(before)]
    return bool(before.size) and float(np.median(before)) < _BEFORE_BODY


def _reaches_pelvis(frame: Frame, lungs: NDArray[np.int64], heads: Mapping[str, object]) -> bool:
    """Whether the scan goes so far down that the aorta forks in view: hips are seen or the lungs end high above."""
    if heads or any(region.name == "pelvis" for region in frame.regions):
        return True
    return lungs.size > 0 and int(lungs[0]) * frame.spacing[0] > 170.0


def _judged(frame: Frame, whole: Track, fork: float | None) -> Track | None:
    """The stretch of the track that is an aorta: disc-like, wide enough, above the fork; ``None`` if there is none."""
    track = whole if fork is None else whole.part(whole.points[:, 0] >= fork)
    if not len(track):
        return None
    fits = (track.radius >= arch.NARROWEST) & aorta.fits_beside_spine(frame, track) & _above_pelvis(frame, track)
    size = max(3, round(15.0 / frame.spacing[0]))
    clear, faint = (
        np.asarray(ndimage.percentile_filter((fits & (track.support >= least)).astype(np.int8), 40, size=size) > 0)
        for least in (arch.FAINT, _FAINTEST)
    )
    usual = float(np.median(track.radius[clear])) if clear.any() else 0.0
    faint = clear | (faint & (track.radius >= 0.6 * usual))
    # A faint rim, as between the crura, continues a clear stretch; it cannot be one by itself.
    sure = longest_run(clear)
    labels, _ = ndimage.label(faint)
    run = longest_run(np.asarray(labels == labels[sure.start])) if sure.stop > sure.start else sure
    if run.stop > run.start and clear[run].mean() < 0.5:
        run = sure
    if fork is not None and run.start * frame.spacing[0] < _FAINT_ABOVE_FORK:
        # Between a good stretch and the fork it is the same vessel, even where its rim is faint.
        run = slice(0, run.stop)
    kept = steadied(track.part(run), _NEARBY, frame.spacing[0])
    # Two branches below it speak for even a short trunk.
    least = _SHORTEST if fork is None else _SHORTEST / 3
    if len(kept) * frame.spacing[0] < least or float(np.median(kept.radius)) > _WIDEST:
        return None
    return kept


def _above_pelvis(frame: Frame, track: Track) -> NDArray[np.bool_]:
    """Whether each point lies above the pelvis; the aorta forks at its upper edge, give or take a vertebra."""
    tops = [region.stop for region in frame.regions if region.name in ("pelvis", "limb")]
    if not tops:
        return np.ones(len(track), dtype=np.bool_)
    lowest = max(tops) / frame.factor[0] - _INTO_PELVIS / frame.spacing[0]
    joints = pelvis.joints(frame)
    if joints is not None:
        # Below the upper end of the sacro-iliac joints run its branches.
        lowest = max(lowest, float(joints[1]))
    return np.asarray(track.points[:, 0] >= lowest)


def _thoracic(frame: Frame, trunk: Track, blood_hu: float) -> tuple[Track | None, Track | None, Track]:
    """Ascending aorta and arch where they are in view, and the trunk cut off where the arch begins."""
    chest = np.asarray(frame.lung_left.any(axis=(1, 2)) & frame.lung_right.any(axis=(1, 2)))
    span = np.clip(np.rint(trunk.points[:, 0]).astype(int), 0, len(chest) - 1)
    if not chest[span].any():
        return None, None, trunk
    ascending = arch.trace_ascending(frame, trunk, blood_hu)
    beyond = (frame.hu.shape[0] - 1 - trunk.points[-1, 0]) * frame.spacing[0]
    if ascending is None or (arch.carina(frame) is None and beyond < 20.0):
        return ascending, None, trunk
    over = arch.trace_arch(frame, ascending, trunk, blood_hu)
    if over is None:
        return ascending, None, trunk
    return ascending, over, trunk.part(trunk.points[:, 0] < over.points[-1, 0])


def _aorta_masks(
    frame: Frame, trunk: Track, ascending: Track | None, top: Track | None, sure: float
) -> dict[str, tuple[Mask, float]]:
    """The named stretches of the aorta, wall included, none overlapping another."""
    masks: dict[str, tuple[Mask, float]] = {}
    chest = thoracic(frame, trunk)
    stretches: list[tuple[str, Mask, float]] = []
    if top is not None:
        peak = float(top.points[:, 0].max())
        high = top.points[:, 0] * frame.spacing[0] >= peak * frame.spacing[0] - _ARCH_HEIGHT
        middle = int(np.argmax(top.points[:, 0]))
        order = np.arange(len(top))
        stretches.append(("aorta_arch", paint(frame, top.part(high), WALL, ball=True), min(sure, 0.9)))
        for name, limb in (
            ("aorta_ascending", ~high & (order < middle)),
            ("aorta_descending", ~high & (order > middle)),
        ):
            if limb.any():
                stretches.append((name, paint(frame, top.part(limb), WALL, ball=True), min(sure, 0.85)))
    if ascending is not None:
        certain = min(sure, round(0.45 + 0.8 * float(np.mean(np.minimum(ascending.support, _CLEAR))), 2))
        stretches.append(("aorta_ascending", paint(frame, ascending, WALL), certain))
    # Beside the lung the wall of the arch is hardly brighter than fat on the coarse grid; the trunk runs straight.
    dense = frame.hu > _FATTY
    stretches.append(("aorta_descending", paint(frame, trunk.part(chest), WALL) & dense, sure))
    stretches.append(("aorta_abdominal", paint(frame, trunk.part(~chest), WALL) & dense, sure))
    taken = np.zeros(frame.hu.shape, dtype=np.bool_)
    for name, mask, certain in stretches:
        mask = mask & ~taken
        if not mask.any():
            continue
        taken |= mask
        if name in masks:
            masks[name] = (masks[name][0] | mask, min(masks[name][1], certain))
        else:
            masks[name] = (mask, certain)
    return masks


def _clearest(track: Track) -> Track:
    """The better half of a track, by support: where blood is sampled."""
    return track.part(track.support >= np.median(track.support))


def _point(frame: Frame, coarse: NDArray[np.float64]) -> tuple[float, float, float]:
    x, y, z = (float(v) for v in frame.to_mm(coarse))
    return x, y, z
