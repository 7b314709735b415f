"""The descending and abdominal aorta: a round vessel that lies against the front and left of the spine."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from calciscope.anatomy.embedded.circles import Floats, Window, best_path, share, vote, window
from calciscope.anatomy.embedded.column import column
from calciscope.anatomy.embedded.frame import Frame, Mask, once
from calciscope.anatomy.embedded.track import Track, blood, from_path, resized, smoothed

RADII = np.arange(5.0, 27.1, 2.0)
# Box around the vertebral body that holds any aorta beside it, mm: in front, behind, to the right, to the left.
_BOX = (82.0, 12.0, 40.0, 72.0)
# Attenuation of fat, into which bone is turned so that it has an edge against the vessel and is no disc itself.
FAT_HU = -110.0
# Of two vessels in front of the spine the left one is the aorta; a cava may be the rounder one.
_LEFTWARD = 0.1
# Reward is taken away where the centre is fat, air or water rather than blood.
_BLOOD_FLOOR = 10.0
# A spine that ends this far below the top of the abdomen or pelvis in view has been lost, mm.
_LOST_SPINE = 25.0
# Radii of vertebral bodies, mm, and how far in front of the frame's centre their front edge can lie.
_BODY_RADIUS = (11.0, 22.0)
_FARTHEST_FRONT = 30.0
# Blood brighter than this has contrast in it; soft tissue without any stays below; a rim that shows only against fat
# and lung must be this much clearer.
ENHANCED, _UNENHANCED, _PLAIN_HANDICAP = 110.0, 70.0, 0.08
# A rim of less support is unclear; what share of the vessel that may be before it is looked at as if unenhanced.
_UNCLEAR, _MUCH = 0.35, 0.25
# A stretch this much narrower than the wide part of the vessel may be one of two lumens.
_NARROW = 0.5
# The least share of a dissected aorta's cross-section that is enhanced blood.
_BRIGHT_SHARE = 0.1
# Blood as bright as bone, HU, and how much of it (mm3) in front of the spine says that vessels are that bright.
_BRIGHT = 200.0
_ANGIOGRAM = 15000.0


def clip_range(blood_hu: float | None) -> tuple[float, float]:
    """The window in which edges count: from fat to a little above blood, so that plaque is no edge of its own.

    Not above the attenuation at which any vessel stands out from muscle: the two lumens of a dissection are one.
    """
    high = _BRIGHT if blood_hu is None else float(np.clip(blood_hu + 70.0, 100.0, _BRIGHT))
    return FAT_HU, high


@once
def spine_track(frame: Frame) -> NDArray[np.float64]:
    """``frame.spine`` set to the front of the bone, with gaps filled and beyond the ends for up to 40 mm; else NaN.

    Vessels lie against the front of the vertebra, so its front edge is measured and the centre moved behind it.
    """
    spine = _sought(frame)
    known = np.flatnonzero(np.isfinite(spine[:, 0]))
    if known.size < 3:
        return np.full_like(spine, np.nan)
    front = np.array([_front_edge(frame, spine[z], z) for z in known.tolist()])
    span = 2 * round(20.0 / frame.spacing[0]) + 1
    front = ndimage.median_filter(front, size=span, mode="nearest")
    radius = np.clip(np.maximum(spine[known, 2], 0.75 * front), *_BODY_RADIUS)
    spine[known, 0] += (radius - front) / frame.spacing[1]
    spine[known, 2] = radius
    slices = np.arange(len(spine))
    spine = np.stack([np.interp(slices, known, spine[known, k]) for k in range(3)], axis=1)
    beyond = 40.0 / frame.spacing[0]
    spine[(slices < known[0] - beyond) | (slices > known[-1] + beyond)] = np.nan
    return spine


def _sought(frame: Frame) -> NDArray[np.float64]:
    """The frame's spine; where it ends below the top of a trunk, the column that reaches higher."""
    known = np.flatnonzero(np.isfinite(frame.spine[:, 0]))
    above = [region for region in frame.regions if region.name in ("pelvis", "abdomen")]
    top = max((region.stop for region in above), default=0) / frame.factor[0]
    if not above or (known.size and (top - known[-1]) * frame.spacing[0] < _LOST_SPINE):
        return frame.spine.copy()
    higher = column(frame)
    seen = np.flatnonzero(np.isfinite(higher[:, 0]))
    return higher if seen.size and (not known.size or seen[-1] > known[-1]) else frame.spine.copy()


def _front_edge(frame: Frame, centre: NDArray[np.float64], z: int) -> float:
    """Distance (mm) from the centre of a vertebra forwards to the edge of its bone."""
    row, col, radius = centre
    half = max(1, round(8.0 / frame.spacing[2]))
    reach = round(_FARTHEST_FRONT / frame.spacing[1])
    low, high = max(0, int(row) - reach), int(row) + 1
    strip = frame.bone[z, low:high, max(0, int(col) - half) : int(col) + half + 1]
    bony = strip.any(axis=0)
    if not bony.any():
        return float(radius)
    edges = np.sort(high - low - 1 - strip.argmax(axis=0)[bony])
    return 0.5 * float(edges[(edges.size - 1) // 2] + edges[edges.size // 2]) * frame.spacing[1]


def without_bone(frame: Frame, box: Window, spine: NDArray[np.float64], *, front: float = 7.0) -> Floats:
    """The window with the skeleton, marrow included, turned into fat; calcium away from bone stays.

    What passes for bone more than ``front`` mm in front of the vertebra is plaque or contrast and stays too.
    """
    index = [
        np.clip((np.arange(n) * f + s + (f - 1) / 2) // g, 0, limit - 1).astype(int)
        for n, f, s, g, limit in zip(box.hu.shape, box.factor, box.start, frame.factor, frame.hu.shape, strict=True)
    ]
    bone = frame.bone[np.ix_(*index)]
    rows = (np.arange(bone.shape[1]) * box.factor[1] + box.start[1]) / frame.factor[1]
    columns = (np.arange(bone.shape[2]) * box.factor[2] + box.start[2]) / frame.factor[2]
    hu = box.hu.copy()
    bone = bone & ~_filled_with_contrast(box, index[0], rows, columns, spine, frame)
    for z, slice_index in enumerate(index[0]):
        solid = bone[z]
        row, column, radius = spine[slice_index]
        if np.isfinite(row):
            away = np.hypot((rows[:, None] - row) * frame.spacing[1], (columns[None] - column) * frame.spacing[2])
            near = away <= 1.15 * radius
            # In front of the vertebra plaque and contrast can pass for bone; they belong to the vessel.
            solid = solid & ((away <= radius + front) | (rows[:, None] > row) | (away > radius + 60.0))
            # The shell of a vertebra, open towards a disc or thinned by osteoporosis, is closed and filled.
            closed = ndimage.binary_closing(np.pad(solid & near, 3), iterations=3)[3:-3, 3:-3]
            solid = solid | ndimage.binary_fill_holes(closed) | (away <= 0.8 * radius)
        hu[z][solid] = FAT_HU
    return hu


def _filled_with_contrast(
    box: Window,
    slices: NDArray[np.int64],
    rows: NDArray[np.float64],
    columns: NDArray[np.float64],
    spine: NDArray[np.float64],
    frame: Frame,
) -> Mask:
    """Lumens as bright as bone: thick and bright throughout, away from the vertebra.

    Cortical bone is thin, marrow is darker. Where nothing of the kind lies well in front of the spine, no vessel is
    that bright and the answer is empty.
    """
    bright = box.hu > _BRIGHT
    reach = max(1, round(4.0 / box.pixel[0]))
    disc = ndimage.iterate_structure(ndimage.generate_binary_structure(2, 1), reach)[None]
    thick = np.asarray(ndimage.binary_opening(bright, disc))
    vertebra = np.zeros_like(thick)
    ahead = np.zeros_like(thick)
    for z, index in enumerate(slices.tolist()):
        row, column, radius = spine[index]
        if not np.isfinite(row):
            continue
        away = np.hypot((rows[:, None] - row) * frame.spacing[1], (columns[None] - column) * frame.spacing[2])
        behind = np.broadcast_to(rows[:, None] > row, away.shape)
        vertebra[z] = (away <= radius) | (behind & (away <= radius + 12.0))
        ahead[z] = ~behind & (away > radius + 12.0)
    volume = float((thick & ahead).sum()) * frame.spacing[0] * box.pixel[0] * box.pixel[1]
    if volume < _ANGIOGRAM:
        return np.zeros_like(thick)
    return np.asarray(thick & ~vertebra)


def beside_spine(
    frame: Frame, box: Window, spine: NDArray[np.float64], radii: NDArray[np.float64], first: int
) -> Floats:
    """Cost of lying elsewhere than against the front and left of the spine, ``(radius, z, y, x)``, 0 where it fits.

    Behind the heart the aorta may lie as far to the left as beside the vertebra; below the lungs that is the psoas,
    and to the right of the midline is the vena cava.
    """
    count = box.hu.shape[0]
    rows = (np.arange(box.hu.shape[1]) * box.factor[1] + box.start[1]) / frame.factor[1]
    columns = (np.arange(box.hu.shape[2]) * box.factor[2] + box.start[2]) / frame.factor[2]
    row, column, body = (spine[first : first + count, k][:, None, None] for k in range(3))
    front = ((row - rows[None, :, None]) * frame.spacing[1]).astype(np.float32)
    left = ((columns[None, None, :] - column) * frame.spacing[2]).astype(np.float32)
    chest = np.asarray(frame.lungs[first : first + count].any(axis=(1, 2)))
    chest = np.asarray(ndimage.binary_closing(chest, iterations=3) | chest)[:, None, None]
    angle = np.degrees(np.arctan2(left, front))
    turned = np.maximum(angle - np.where(chest, 100.0, 55.0), -22.0 - angle)
    cost = 0.4 * (np.clip(turned, 0, None) / 25.0) ** 2 + _LEFTWARD * np.clip((20.0 - angle) / 30.0, 0, 2)
    away = np.hypot(front, left) - body
    costs = np.empty((len(radii), *box.hu.shape), dtype=np.float32)
    for i, radius in enumerate(radii):
        gap = away - radius
        outside = np.maximum(gap - np.where(chest, 20.0, 16.0), -12.0 - gap)
        costs[i] = cost + 0.4 * (np.clip(outside, 0, None) / 12.0) ** 2
    return costs


def fits_beside_spine(frame: Frame, track: Track) -> NDArray[np.bool_]:
    """Whether an aorta can lie at each point: in front or to the left of the vertebra, not where the cava is."""
    spine = spine_track(frame)
    index = np.clip(np.rint(track.points[:, 0]).astype(int), 0, len(spine) - 1)
    front = (spine[index, 0] - track.points[:, 1]) * frame.spacing[1]
    left = (track.points[:, 2] - spine[index, 1]) * frame.spacing[2]
    gap = np.hypot(front, left) - spine[index, 2] - track.radius
    angle = np.degrees(np.arctan2(left, front))
    chest = np.asarray(frame.lungs.any(axis=(1, 2)))[index]
    # Beside a lumbar vertebra lies the psoas.
    return np.asarray((angle > -30.0) & (angle < np.where(chest, 115.0, 75.0)) & (gap < 30.0))


def _doubtful(frame: Frame, track: Track | None, blood_hu: float | None) -> bool:
    """Whether much of an enhanced aorta above the pelvis has no clear rim of its own."""
    if track is None or blood_hu is None or blood_hu < ENHANCED:
        return False
    pelvis = max((r.stop for r in frame.regions if r.name in ("pelvis", "limb")), default=0) / frame.factor[0]
    above = track.points[:, 0] >= pelvis
    if not above.any():
        return False
    # Part of a lumen may be round; it is much narrower than the vessel elsewhere.
    narrow = track.radius < _NARROW * float(np.percentile(track.radius[above], 90))
    return float(np.mean((track.support < _UNCLEAR)[above] | narrow[above])) > _MUCH


def _darkest(blood_hu: float) -> float:
    """The least mean attenuation of a cross-section of the aorta, HU: of enhanced blood the half may lie in a clot."""
    return min(blood_hu, _BRIGHT) - 20.0 - 0.35 * max(min(blood_hu, _BRIGHT) - ENHANCED, 0.0)


def trace(frame: Frame) -> tuple[Track, float | None] | None:
    """The best track beside the whole spine in view, feet first, and the attenuation of its blood.

    Not yet judged: above the arch and below the bifurcation it follows whatever lies there. ``None`` without a spine.
    """
    spine = spine_track(frame)
    known = np.flatnonzero(np.isfinite(spine[:, 0]))
    if known.size < 3:
        return None
    first, last = int(known[0]), int(known[-1]) + 1
    per_mm = 1.0 / frame.spacing[1]
    across = 1.0 / frame.spacing[2]
    low = (first, spine[known, 0].min() - _BOX[0] * per_mm, spine[known, 1].min() - _BOX[2] * across)
    high = (last, spine[known, 0].max() + _BOX[1] * per_mm, spine[known, 1].max() + _BOX[3] * across)
    box = window(frame, low, high)
    if min(box.hu.shape[1:]) < 8:
        return None
    hu = without_bone(frame, box, spine)
    cost = beside_spine(frame, box, spine, RADII, first)
    blood_hu: float | None = None
    track = None
    whole: NDArray[np.bool_] | None = None
    # The first look, at every third slice, only learns how bright the blood is; a third one is for doubtful rims.
    for step, both in ((3, False), (1, False), (1, True)):
        if len(hu[::step]) < 3 or (both and not _doubtful(frame, track, blood_hu)):
            continue
        score, mean = vote(hu[::step], box.pixel, RADII, *clip_range(blood_hu))
        plain: Floats | None = None
        if both:
            # Where one lumen of a dissection is unenhanced, the edge against fat and lung shows the whole vessel.
            plain = vote(hu, box.pixel, RADII, FAT_HU, _UNENHANCED)[0] - np.float32(_PLAIN_HANDICAP)
            score = np.maximum(score, plain)
        # A small ring finds support by chance more often than a large one.
        reward = score * np.minimum(1.0, np.sqrt(RADII / 9.0)).astype(np.float32)[:, None, None, None]
        reward -= cost[:, ::step]
        reward -= 0.5 * np.clip((_BLOOD_FLOOR - mean) / 40.0, 0, 1)
        if blood_hu is not None:
            # Darker than blood is no vessel; brighter may be the other lumen of a dissection or plaque.
            dark = 0.3 * np.clip((_darkest(blood_hu) - mean) / 60.0, 0, 1)
            if plain is not None:
                # The unenhanced lumen of a dissection may fill most of the vessel, but some of it is bright.
                bright = share(hu > 0.5 * (blood_hu + _UNENHANCED), box.pixel, RADII)
                hidden_dark = 0.3 * np.clip((_BRIGHT_SHARE - bright) / _BRIGHT_SHARE, 0, 1)
                dark = np.where(plain >= score, np.minimum(dark, hidden_dark), dark)
            reward -= dark
        path, _ = best_path(reward, 3 if step > 1 else 2, 0.02 if step == 1 else 0.01, 0.04)
        path[:, 0] *= step
        full = np.zeros((len(RADII), *hu.shape), dtype=np.float32) if step > 1 else score
        if step > 1:
            full[:, ::step] = score
        track = from_path(frame, box, path, full, RADII)
        sure = track.part(track.support >= np.quantile(track.support, 0.6))
        pool = blood(frame, sure, "aorta")
        blood_hu = None if pool is None else pool.mean_hu
        if plain is not None:
            slices, index, row, column_ = path.T
            hidden = score[index, slices, row, column_] <= plain[index, slices, row, column_]
            whole = np.asarray(ndimage.uniform_filter1d(hidden.astype(np.float64), 7, mode="nearest") > 0.5)
    if track is None:
        return None
    if blood_hu is not None:
        track = resized(frame, track, blood_hu, whole)
    return smoothed(track, 1.5), blood_hu
