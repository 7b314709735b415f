"""The iliac arteries: from the fork of the aorta along the pelvic brim to the front of the hip joints."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from calciscope.anatomy.embedded.aorta import clip_range, spine_track, without_bone
from calciscope.anatomy.embedded.circles import Floats, Window, best_path, vote, window
from calciscope.anatomy.embedded.frame import Frame
from calciscope.anatomy.embedded.track import Track, from_path, resized, smoothed

RADII = np.arange(3.5, 11.6, 1.0)
# Radii of an adult femoral head with the rim of its socket, mm.
_HEAD_RADII = np.arange(19.0, 30.0, 2.0)
# The heads lie well to the side of the spine, mm from the midline.
_HEAD_ASIDE = (50.0, 135.0)
_HEAD_SCORE = 0.45
# Heads lie nearer to the midline than this; what lies further out is likelier the trochanter, at this cost.
_HEAD_USUAL, _BEYOND = 98.0, 0.2
# Roof of the socket and head make the tallest disc, whose middle lies this far above the centre of the head, mm.
_ROOF = 17.0
# The femoral artery lies in front of the head and to its medial side, mm from its surface and from its centre.
_ARTERY_FRONT = 13.0
_ARTERY_MEDIAL = 16.0
# Height of the fork of the aorta above the centres of the heads in adults is 115 to 200 mm.
_FORK_HEIGHT = (112.0, 217.0)
# How far vessels sag and swing out half-way between fork and hip, mm.
_SAG, _SWING = 16.0, 6.0
# How far a branch may stray to the other side of the trunk, mm.
_ACROSS = 8.0
# Where no head is in view the artery descends about this much to the side for each mm down.
_SLOPE = 0.55
# The branches lie against each other for at most this far below the fork, mm.
_TOGETHER = 30.0
# Attenuation of plaque, HU, how near the middle of the vessel it lies, mm, and what it earns.
_PLAQUE_HU = 180.0
_PLAQUE_NEAR = 4.0
_PLAQUE_REWARD = 0.35
# Without contrast a disc this much darker than blood begins to be something else, HU.
_DARKER = 12.0
# The vein lies this far behind its artery and to the medial side, mm, give or take; how disc-like it is at most, and
# what the pair is worth.
_PAIR, _PAIR_SLACK, _PAIR_MOST, _PAIR_WEIGHT = (12.0, -3.0), 5.0, 0.5, 0.9
# What it must be worth at least, so that a branch without a vein is not better than the trunk.
_PAIR_COST = 0.2
# Arteries are usually no wider than this, veins often are, mm; what each further mm costs.
_USUAL, _WIDE_COST = 6.0, 0.025
# A point with mostly bone this far round it lies in a bone, mm.
_IN_BONE, _BONY = 6.0, 0.6
# Below the fork it lies against the spine, whose spurs may be round it, for this much, mm.
_ON_SPINE = 60.0
# A narrow ring finds support by chance; the aorta is left only where the branches are clearly better.
_HANDICAP = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Fork:
    """The branches ``left`` and ``right`` (feet first; ``None`` where not found) and the coarse slice of the fork."""

    left: Track | None
    right: Track | None
    level: float


def femoral_heads(frame: Frame, midline: float, last: int) -> dict[str, tuple[NDArray[np.float64], float]]:
    """Centres (coarse ``z, y, x``) and radii (mm) of the femoral heads below coarse slice ``last``, by side."""
    solid = frame.bone[:last].copy()
    for z in range(last):
        solid[z] = ndimage.binary_fill_holes(ndimage.binary_closing(solid[z]))
    heads: dict[str, tuple[NDArray[np.float64], float]] = {}
    columns = (np.arange(solid.shape[2]) - midline) * frame.spacing[2]
    for side, sign in (("left", 1.0), ("right", -1.0)):
        inside = np.flatnonzero((sign * columns >= _HEAD_ASIDE[0] - 30.0) & (sign * columns <= _HEAD_ASIDE[1] + 30.0))
        if inside.size < 10 or last < 4:
            continue
        part = solid[:, :, inside[0] : inside[-1] + 1].astype(np.float32) * np.float32(200.0)
        score, _ = vote(part, (frame.spacing[1], frame.spacing[2]), _HEAD_RADII, 0.0, 200.0)
        aside = sign * columns[inside]
        score[..., (aside < _HEAD_ASIDE[0]) | (aside > _HEAD_ASIDE[1])] = -1.0
        # A head is round over its whole height, a cross-section of a wing or a shaft is not.
        tall = ndimage.uniform_filter1d(score, max(1, round(12.0 / frame.spacing[0])), axis=1, mode="nearest")
        # The trochanter is as round, but lies beyond the head.
        tall -= (_BEYOND * np.clip((aside - _HEAD_USUAL) / 30.0, 0.0, 1.0)).astype(np.float32)
        index, z, y, x = (int(i) for i in np.unravel_index(int(np.argmax(tall)), tall.shape))
        if tall[index, z, y, x] >= _HEAD_SCORE - 0.1:
            centre = np.array([z - _ROOF / frame.spacing[0], y, x + inside[0]], dtype=np.float64)
            heads[side] = (centre, float(_HEAD_RADII[index]))
    if len(heads) == 2:
        # Two heads lie at one height; if they do not, neither is trusted.
        apart = abs(heads["left"][0][0] - heads["right"][0][0]) * frame.spacing[0]
        if apart > 45.0:
            return {}
    return heads


def trace_fork(
    frame: Frame, aorta: Track, heads: dict[str, tuple[NDArray[np.float64], float]], blood_hu: float
) -> Fork | None:
    """Both iliac arteries and the level of the fork, or ``None`` where the aorta does not fork in view.

    ``aorta`` is the unjudged track beside the whole spine, feet first.
    """
    midline = float(np.nanmedian(spine_track(frame)[:, 1]))
    per_slice = frame.spacing[0]
    if heads:
        hip = float(np.mean([head[0][0] for head in heads.values()]))
        bottom = max(0, int(hip))
        top = int(hip + _FORK_HEIGHT[1] / per_slice)
        lowest_fork = hip + _FORK_HEIGHT[0] / per_slice
    else:
        bottom = max(0, int(aorta.points[0, 0] - 60.0 / per_slice))
        top = int(aorta.points[0, 0] + 130.0 / per_slice)
        lowest_fork = float(aorta.points[0, 0])
    top = min(top, int(aorta.points[-1, 0]) + 1)
    above = aorta.part((aorta.points[:, 0] >= lowest_fork) & (aorta.points[:, 0] < top))
    if len(above) * per_slice < 15.0:
        return None
    trunk = above.part(slice(0, max(3, len(above) // 2)))
    middle = np.median(trunk.points, axis=0)
    found: dict[str, tuple[Track, float] | None] = {}
    for side, sign in (("left", 1.0), ("right", -1.0)):
        target = _target(frame, heads, side, sign, midline, middle)
        found[side] = _trace_side(frame, above, target, (bottom, top), sign, blood_hu)
    left, right = found["left"], found["right"]
    if left is None and right is None:
        return None
    level = _fork_level(frame, left, right)
    # Where the branches lie against each other or the cava, the trunk itself tells that it has ended.
    ended = np.flatnonzero(_unforked(frame, above) < 0.5)
    if ended.size and (float(above.points[ended[-1], 0]) - level) * per_slice < _TOGETHER:
        level = max(level, float(above.points[ended[-1], 0]) + 1.0)
    branches = [None if side is None else side[0].part(side[0].points[:, 0] < level) for side in (left, right)]
    kept = [None if branch is None or len(branch) * per_slice < 15.0 else branch for branch in branches]
    return Fork(kept[0], kept[1], level)


def _target(
    frame: Frame,
    heads: dict[str, tuple[NDArray[np.float64], float]],
    side: str,
    sign: float,
    midline: float,
    start: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Where the artery of a side leaves the pelvis, coarse ``(z, y, x)``: measured, mirrored, or by the usual slope."""
    if side in heads:
        centre, radius = heads[side]
    elif heads:
        other, radius = next(iter(heads.values()))
        centre = np.array([other[0], other[1], 2 * midline - other[2]])
    else:
        drop = 130.0
        aside = sign * _SLOPE * drop / frame.spacing[2]
        return np.array([start[0] - drop / frame.spacing[0], start[1], start[2] + aside])
    front = (radius + _ARTERY_FRONT) / frame.spacing[1]
    return np.array([centre[0], centre[1] - front, centre[2] - sign * _ARTERY_MEDIAL / frame.spacing[2]])


def _trace_side(
    frame: Frame,
    above: Track,
    target: NDArray[np.float64],
    span: tuple[int, int],
    sign: float,
    blood_hu: float,
) -> tuple[Track, float] | None:
    """One branch, feet first, and the coarse slice at which it leaves the aorta."""
    bottom, top = span
    start = above.points[0]
    across, along = 1.0 / frame.spacing[2], 1.0 / frame.spacing[1]
    columns = sorted((float(above.points[:, 2].min()), float(above.points[:, 2].max()), float(target[2])))
    low = (bottom, min(start[1], target[1]) - 35.0 * along, columns[0] - 30.0 * across)
    high = (top, max(start[1], float(above.points[:, 1].max())) + 55.0 * along, columns[-1] + 30.0 * across)
    box = window(frame, low, high)
    if min(box.hu.shape[1:]) < 8 or box.hu.shape[0] < 5:
        return None
    hu = without_bone(frame, box, spine_track(frame), front=3.0)
    score, mean = vote(hu, box.pixel, RADII, *clip_range(blood_hu))
    reward = score * np.minimum(1.0, np.sqrt(RADII / 6.0)).astype(np.float32)[:, None, None, None]
    reward -= _corridor(frame, box, above, target, sign)[None]
    unlike = _unlike_blood(mean, blood_hu, clip_range(blood_hu)[1])
    reward -= unlike + np.float32(_HANDICAP)
    reward += _paired((score - 2.0 * unlike).max(axis=0), box.pixel, sign)[None]
    reward -= (_WIDE_COST * np.clip(RADII - _USUAL, 0.0, None)).astype(np.float32)[:, None, None, None]
    plaque = _plaque(hu, box.hu, box.pixel)
    # Plaque of the trunk speaks for the trunk.
    trunk = (above.points[:, 0] >= above.points[0, 0]) & (_unforked(frame, above) > 0.5)
    for z in np.rint(above.points[trunk, 0]).astype(int).tolist():
        if 0 <= z - bottom < len(plaque):
            plaque[z - bottom] = 0.0
    reward += plaque[None]
    # From the head down: slice k of the reversed arrays is coarse slice box top - k.
    entry = np.full(hu.shape, -np.inf, dtype=np.float32)
    earned = 0.0
    unforked = _unforked(frame, above)
    slices = [round(float(z)) - box.start[0] // box.factor[0] for z in above.points[:, 0]]
    factor = np.array(frame.factor, dtype=np.float64)
    for k in range(len(above) - 1, -1, -1):
        z = slices[k] - 1
        earned += float(above.support[k] * unforked[k]) * min(1.0, float(np.sqrt(above.radius[k] / 12.0)))
        if not 0 <= z < hu.shape[0]:
            continue
        _, y, x = box.from_volume(above.points[k] * factor + (factor - 1) / 2)
        reach = float(above.radius[k]) + 3.0
        rows = np.abs(np.arange(hu.shape[1]) - y)[:, None] * box.pixel[0]
        cols = np.abs(np.arange(hu.shape[2]) - x)[None] * box.pixel[1]
        entry[z][np.hypot(rows, cols) <= reach] = earned
    path, _ = best_path(reward[:, ::-1], 3, 0.012, 0.05, entry[::-1])
    if len(path) < 4:
        return None
    path = path[::-1].copy()
    path[:, 0] = hu.shape[0] - 1 - path[:, 0]
    track = smoothed(resized(frame, from_path(frame, box, path, score, RADII), blood_hu), 1.5)
    # Rays run on into the vein beside it; an iliac artery is not wider than this.
    narrow = Track(track.points, np.minimum(track.radius, RADII[-1]), track.support)
    return _within_view(frame, narrow), float(track.points[-1, 0])


def _paired(best: Floats, pixel: tuple[float, float], sign: float) -> Floats:
    """Reward for a disc behind, which is the vein, and cost of one in front: then this is the vein, ``(z, y, x)``.

    ``best`` is how much each place looks like a vessel of any width."""
    window = (1, *(2 * round(_PAIR_SLACK / step) + 1 for step in pixel))
    near = ndimage.maximum_filter(best, size=window)
    rows, columns = round(_PAIR[0] / pixel[0]), round(sign * _PAIR[1] / pixel[1])
    behind, ahead = (ndimage.shift(near, (0, rows * way, columns * way), order=0, mode="nearest") for way in (-1, 1))
    # Shifted by -rows every place sees what lies behind it; the vein also lies a little nearer to the midline.
    worth = np.clip(behind, 0, _PAIR_MOST) - np.clip(ahead, 0, _PAIR_MOST)
    return np.asarray(_PAIR_WEIGHT * worth - _PAIR_COST, dtype=np.float32)


def _unlike_blood(mean: Floats, blood_hu: float, most: float) -> Floats:
    """Cost of an attenuation that is not blood's: darker is urine, fluid or fat, brighter plaque or contrast."""
    off = mean - np.float32(min(blood_hu, most))
    slack = _DARKER + 0.25 * max(min(blood_hu, most) - 45.0, 0.0)
    dark = np.clip((-off - slack) / (2.0 * slack), 0, 1)
    return np.asarray(0.4 * np.maximum(dark, np.clip((off - 25.0) / 60.0, 0, 1)), dtype=np.float32)


def _plaque(hu: Floats, whole: Floats, pixel: tuple[float, float]) -> Floats:
    """Reward for calcium beside the way: where both walls are hard to see, plaque in them is not.

    ``hu`` is ``whole`` without the skeleton; what is left of the skeleton's edge is no plaque.
    """
    edge = ndimage.binary_dilation(whole - hu > _PLAQUE_HU, np.ones((1, 5, 5), dtype=np.bool_))
    dense = ((hu > _PLAQUE_HU) & ~edge).astype(np.float32)
    sigma = (0.5, _PLAQUE_NEAR / pixel[0], _PLAQUE_NEAR / pixel[1])
    near = ndimage.gaussian_filter(dense, sigma, truncate=2.0)
    # As much as 20 mm2 close by earns it all.
    full = 20.0 / (2 * np.pi * _PLAQUE_NEAR**2)
    return np.asarray(_PLAQUE_REWARD * np.minimum(near / full, 1.0), dtype=np.float32)


def _unforked(frame: Frame, above: Track) -> NDArray[np.float64]:
    """How far each point is still the trunk, 0 to 1: as wide as the stretch above it and not swerving.

    Below the fork the track beside the spine runs on into a branch, narrower and to the side, or into the cava.
    """
    near, far = int(12.0 / frame.spacing[0]) + 1, int(50.0 / frame.spacing[0]) + 1
    share = np.ones(len(above))
    for k in range(len(above) - near - 2):
        upper = slice(k + near, k + far)
        width = float(above.radius[k]) / max(float(np.median(above.radius[upper])), 1.0)
        aside = abs(float(above.points[k, 2] - np.median(above.points[upper, 2]))) * frame.spacing[2]
        other = np.clip(max(0.75 - width, width - 1.3) / 0.2, 0.0, 1.0)
        swerve = np.clip((aside - 6.0) / 10.0, 0.0, 1.0)
        share[k] = 1.0 - max(float(other), float(swerve))
    # What has once forked stays forked.
    return np.minimum.accumulate(share[::-1])[::-1]


def _corridor(frame: Frame, box: Window, above: Track, target: NDArray[np.float64], sign: float) -> Floats:
    """Cost of leaving the way from the aorta to the hip, ``(z, y, x)``; a straight line with slack."""
    slices = np.arange(box.hu.shape[0]) + box.start[0] / box.factor[0]
    # The lower end of the track may already be a branch; its upper half is the trunk.
    start = np.median(above.points[len(above) // 2 :], axis=0)
    start[0] = above.points[0, 0] + 30.0 / frame.spacing[0]
    share = np.clip((start[0] - slices) / max(start[0] - target[0], 1.0), 0.0, 1.0)
    centre_row = np.where(
        slices >= start[0],
        np.interp(slices, above.points[:, 0], above.points[:, 1]),
        start[1] + share * (target[1] - start[1]),
    )
    centre_column = np.where(
        slices >= start[0],
        np.interp(slices, above.points[:, 0], above.points[:, 2]),
        start[2] + share * (target[2] - start[2]),
    )
    # In the middle of their way vessels sag towards the sacrum and swing out around the brim.
    bow = np.sin(np.pi * share)
    centre_row += _SAG * bow / frame.spacing[1]
    centre_column += sign * _SWING * bow / frame.spacing[2]
    rows = (np.arange(box.hu.shape[1]) * box.factor[1] + box.start[1]) / frame.factor[1]
    columns = (np.arange(box.hu.shape[2]) * box.factor[2] + box.start[2]) / frame.factor[2]
    down = (rows[None] - centre_row[:, None]) * frame.spacing[1]
    aside = (columns[None] - centre_column[:, None]) * frame.spacing[2] * sign
    # Near its end the way is known well.
    ease = (1.0 - np.clip((share - 0.8) / 0.2, 0.0, 1.0))[:, None]
    off_row = np.clip(np.maximum(down - (8.0 + 16.0 * ease), -down - (10.0 + 10.0 * ease)), 0, None)
    off_column = np.clip(np.maximum(aside - (8.0 + 2.0 * ease), -aside - (8.0 + 8.0 * ease)), 0, None)
    cost = 0.3 * ((off_row / 9.0) ** 2)[:, :, None] + 0.3 * ((off_column / 9.0) ** 2)[:, None, :]
    # A branch never runs on the other side of the trunk.
    across = np.clip((start[2] - columns) * frame.spacing[2] * sign - _ACROSS, 0, None)
    return np.asarray(cost + 0.3 * ((across / 6.0) ** 2)[None, None, :], dtype=np.float32)


def _within_view(frame: Frame, track: Track) -> Track:
    """The track from its upper end down to where it first leaves the field of view or enters a bone."""
    rows, columns = frame.hu.shape[1:]
    margin = np.minimum(0.5 * track.radius, 3.0)
    inside = (
        (track.points[:, 1] * frame.spacing[1] > margin)
        & (track.points[:, 2] * frame.spacing[2] > margin)
        & ((rows - 1 - track.points[:, 1]) * frame.spacing[1] > margin)
        & ((columns - 1 - track.points[:, 2]) * frame.spacing[2] > margin)
    )
    inside &= _beside_bone(frame, track)
    outside = np.flatnonzero(~inside)
    return track.part(slice(int(outside[-1]) + 1 if outside.size else 0, len(track)))


def _beside_bone(frame: Frame, track: Track) -> NDArray[np.bool_]:
    """Whether each point lies outside of hip bone and femur, or no deeper in them than plaque may pass for bone."""
    reach = [int(np.ceil(_IN_BONE / step)) + 1 for step in frame.spacing[1:]]
    free = np.ones(len(track), dtype=np.bool_)
    top = float(track.points[:, 0].max(initial=0.0)) - _ON_SPINE / frame.spacing[0]
    for k, point in enumerate(np.rint(track.points).astype(int)):
        if track.points[k, 0] > top:
            continue
        z, y, x = np.clip(point, 0, np.array(frame.bone.shape) - 1).tolist()
        piece = frame.bone[z, max(0, y - reach[0]) : y + reach[0] + 1, max(0, x - reach[1]) : x + reach[1] + 1]
        free[k] = float(piece.mean()) < _BONY
    return free


def _fork_level(frame: Frame, left: tuple[Track, float] | None, right: tuple[Track, float] | None) -> float:
    """The coarse slice from which down the two branches run apart."""
    if left is None or right is None:
        only = left if left is not None else right
        return only[1] if only is not None else 0.0
    one, other = left[0], right[0]
    shared = np.intersect1d(np.rint(one.points[:, 0]), np.rint(other.points[:, 0]))
    if not shared.size:
        return max(left[1], right[1])
    a = one.part(np.isin(np.rint(one.points[:, 0]), shared))
    b = other.part(np.isin(np.rint(other.points[:, 0]), shared))
    gap = np.hypot(
        (a.points[:, 1] - b.points[:, 1]) * frame.spacing[1], (a.points[:, 2] - b.points[:, 2]) * frame.spacing[2]
    )
    apart = np.flatnonzero(gap > 0.8 * (a.radius + b.radius))
    return float(shared[apart[-1]]) + 1.0 if apart.size else float(shared[0])
