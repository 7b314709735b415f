"""The ascending aorta and the arch: from the heart up in front of the windpipe and back over the left bronchus."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.graph import MCP_Geometric

from calciscope.anatomy.embedded.aorta import FAT_HU, clip_range, spine_track, without_bone
from calciscope.anatomy.embedded.circles import Window, best_path, vote, window
from calciscope.anatomy.embedded.frame import Frame, once
from calciscope.anatomy.embedded.track import Track, from_path, longest_run, resized, smoothed

RADII = np.arange(11.0, 27.1, 2.0)
# Box in front of the spine that holds the ascending aorta and the arch, mm: front limit, right, left.
_BOX = (135.0, 65.0, 70.0)
# Width of the airway that no windpipe has, mm; below the fork the two main bronchi span more.
_FORKED = 32.0
# The root of the aorta lies at least this far above the lowest recess of the lungs, mm; round below is a chamber.
_ROOT_MM = 75.0
# Support below which a cross-section is no disc any more; a disc that touches others on two sides keeps about 0.35.
FAINT = 0.22
# The lumen of the narrowest adult aorta, mm.
NARROWEST = 4.5


@once
def carina(frame: Frame) -> int | None:
    """Coarse slice of the fork of the windpipe: from here down the airway is wider than any windpipe, or ends.

    An airway that ends between the lungs with more lung below ends at the fork; one that ends with the scan does not.
    """
    slices = np.flatnonzero(frame.airway.any(axis=(1, 2)))
    if slices.size * frame.spacing[0] < 20.0:
        return None
    lungs = np.flatnonzero(frame.lung_left.any(axis=(1, 2)) & frame.lung_right.any(axis=(1, 2)))
    need = max(1, round(6.0 / frame.spacing[0]))
    width = np.zeros(frame.hu.shape[0])
    for z in slices.tolist():
        columns = np.flatnonzero(frame.airway[z].any(axis=0))
        width[z] = (columns[-1] - columns[0] + 1) * frame.spacing[2]
    for z in slices[::-1].tolist():
        if (width[max(z - need + 1, int(slices[0])) : z + 1] >= _FORKED).all() and z < slices[-1]:
            return int(z)
    lowest = int(slices[0])
    if lungs.size and (lowest - lungs[0]) * frame.spacing[0] >= 40.0 and lowest <= lungs[-1]:
        return lowest
    return None


def level_below_arch(frame: Frame, descending: Track) -> int:
    """Coarse slice just below the arch, where ascending and descending aorta are still two discs.

    A little above the fork of the windpipe; without one in view, as far below the upper end of the descending track
    as an arch is high.
    """
    fork = carina(frame)
    if fork is not None:
        return int(min(fork + 8.0 / frame.spacing[0], frame.hu.shape[0] - 1))
    return max(int(descending.points[-1, 0] - 40.0 / frame.spacing[0]), 0)


def trace_ascending(frame: Frame, descending: Track, blood_hu: float | None) -> Track | None:
    """The ascending aorta, feet first: the most disc-like column in front of the spine near the midline.

    Sought from below the arch down to the root; ended where it is no disc any more.
    """
    both = np.asarray(frame.lung_left.any(axis=(1, 2)) & frame.lung_right.any(axis=(1, 2)))
    run = longest_run(both)
    spine = spine_track(frame)
    known = np.flatnonzero(np.isfinite(spine[:, 0]))
    known = known[(known >= run.start) & (known < run.stop)]
    if known.size * frame.spacing[0] < 20.0:
        return None
    level = level_below_arch(frame, descending)
    first = max(int(known[0]), int(level - 60.0 / frame.spacing[0]))
    last = min(int(known[-1]) + 1, level + 1)
    if last - first < 4:
        return None
    box = mediastinal_box(frame, spine, first, last)
    if min(box.hu.shape[1:]) < 10 or box.hu.shape[0] < 4:
        return None
    hu = without_bone(frame, box, spine)
    score, mean = vote(hu, box.pixel, RADII, *clip_range(blood_hu))
    rows = (np.arange(hu.shape[1]) * box.factor[1] + box.start[1]) / frame.factor[1]
    columns = (np.arange(hu.shape[2]) * box.factor[2] + box.start[2]) / frame.factor[2]
    row, column, body = (spine[first : first + len(hu), k][:, None, None] for k in range(3))
    front = (row - rows[None, :, None]) * frame.spacing[1] - body
    left = (columns[None, None, :] - column) * frame.spacing[2]
    cost = (np.clip(np.abs(left + 4.0) - 14.0, 0, None) / 16.0) ** 2 * 0.4
    cost = cost + (np.clip(28.0 - front, 0, None) / 15.0) ** 2 * 0.4
    reward = (score - cost[None].astype(np.float32)).astype(np.float32)
    middle = 45.0 if blood_hu is None else blood_hu
    reward -= 0.4 * np.clip((np.abs(mean - min(middle, clip_range(blood_hu)[1])) - 25.0) / 60.0, 0, 1)
    path, _ = best_path(reward, 2, 0.03, 0.04)
    track = smoothed(resized(frame, from_path(frame, box, path, score, RADII), middle), 1.2)
    # From the level below the arch down for as long as it stays a disc of about the same size.
    size = float(np.median(track.radius[-max(3, round(25.0 / frame.spacing[0])) :]))
    good = (track.support >= FAINT) & (np.abs(track.radius - size) < 0.35 * size)
    good = ndimage.median_filter(good.astype(np.int8), size=3, mode="nearest") > 0
    bad = np.flatnonzero(~good)
    kept = track.part(slice(int(bad[-1]) + 1 if bad.size else 0, len(track)))
    if carina(frame) is not None:
        least = 12.0
    else:
        # Without the windpipe to say where it is, a short disc in the heart is not enough, nor one just above the
        # diaphragm: scans of the abdomen end in the middle of the heart.
        least = 30.0
        bottom = int(np.flatnonzero(frame.lungs.any(axis=(1, 2)))[0])
        if bottom > 0:
            kept = kept.part(kept.points[:, 0] >= bottom + _ROOT_MM / frame.spacing[0])
    return kept if len(kept) * frame.spacing[0] >= least else None


def mediastinal_box(frame: Frame, spine: NDArray[np.float64], first: int, last: int) -> Window:
    """The box in front of the spine between the lungs over coarse slices ``first`` to ``last``."""
    rows, columns = spine[first:last, 0], spine[first:last, 1]
    low = (
        first,
        np.nanmin(rows) - _BOX[0] / frame.spacing[1],
        np.nanmin(columns) - _BOX[1] / frame.spacing[2],
    )
    high = (last, np.nanmax(rows) + 28.0 / frame.spacing[1], np.nanmax(columns) + _BOX[2] / frame.spacing[2])
    return window(frame, low, high)


def trace_arch(frame: Frame, ascending: Track, descending: Track, blood_hu: float) -> Track | None:
    """The arch from the upper end of the ascending to that of the descending aorta, or ``None`` if nothing joins them.

    The cheapest way through blood-like tissue that keeps away from its edge. It may not dip below the fork of the
    windpipe, where the pulmonary artery would be a short cut.
    """
    spine = spine_track(frame)
    bottom = level_below_arch(frame, descending)
    below = descending.part(descending.points[:, 0] <= bottom)
    if not len(below):
        return None
    start, end = ascending.points[-1], below.points[-1]
    top = min(int(bottom + 60.0 / frame.spacing[0]), frame.hu.shape[0])
    if not np.isfinite(spine[bottom:top, 0]).any() or top - bottom < 3:
        return None
    box = mediastinal_box(frame, spine, bottom, top)
    hu = ndimage.gaussian_filter(without_bone(frame, box, spine), (0.5, 0.7, 0.7))
    # Between noise and fat: half-way from fat to blood without contrast, a third below blood with it.
    floor = max(0.5 * (FAT_HU + blood_hu), blood_hu - max(35.0, 0.33 * blood_hu))
    like = np.asarray(hu > floor)
    sampling = (frame.spacing[0], *box.pixel)
    depth = ndimage.distance_transform_edt(like, sampling=sampling)
    cost = (12.0 / (1.0 + np.minimum(depth, 14.0))) ** 2 + np.where(like, 0.0, 60.0)
    ends = [_voxel(frame, box, point) for point in (start, end)]
    if any(e is None for e in ends) or ends[0] is None or ends[1] is None:
        return None
    way = MCP_Geometric(cost, sampling=sampling)
    way.find_costs([ends[0]], [ends[1]])
    path = np.array(way.traceback(ends[1]))
    inside = like[tuple(path.T)]
    if inside.mean() < 0.85 or len(path) < 4:
        return None
    factor = np.array(frame.factor, dtype=np.float64)
    points = (box.to_volume(path.astype(np.float64)) - (factor - 1) / 2) / factor
    points = ndimage.gaussian_filter1d(points, 2.0, axis=0, mode="nearest")
    share = np.linspace(0.0, 1.0, len(points))
    radius = (1 - share) * float(np.median(ascending.radius[-5:])) + share * float(np.median(below.radius[-5:]))
    return Track(points, radius, inside.astype(np.float64))


def _voxel(frame: Frame, box: Window, point: NDArray[np.float64]) -> tuple[int, int, int] | None:
    """The window voxel of a coarse point, moved into the window's slices; ``None`` beside the window."""
    factor = np.array(frame.factor, dtype=np.float64)
    index = np.rint(box.from_volume(point * factor + (factor - 1) / 2)).astype(int)
    index[0] = int(np.clip(index[0], 0, box.hu.shape[0] - 1))
    if np.any(index < 0) or np.any(index >= box.hu.shape):
        return None
    return int(index[0]), int(index[1]), int(index[2])
