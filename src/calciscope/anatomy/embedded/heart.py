"""The heart region: what the pericardium holds, between the lungs, above the diaphragm, below the pulmonary fork."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from calciscope.anatomy.embedded.aorta import spine_track
from calciscope.anatomy.embedded.arch import carina
from calciscope.anatomy.embedded.frame import Frame, Mask, Part
from calciscope.anatomy.embedded.track import hull, longest_run

# Soft tissue and blood with any amount of contrast, HU; epicardial fat is added afterwards by the hull of each slice.
_SOFT = (-20.0, 1500.0)
# The pulmonary artery forks about this far below the fork of the windpipe, mm.
_BELOW_CARINA = 22.0
# Cross-section of an adult heart, mm2; less is a vessel or a remnant.
_SMALLEST_SLICE = 1200.0
# The heart reaches this far to the right of the midline, mm; twice as far to the left.
_ASIDE = 45.0
# The underside of the heart against the top of the right dome, mm, and its fall to the left, mm per mm.
_FLOOR_BELOW_DOME = 10.0
_TILT = 0.15
# The left dome lies lower than the right one, mm.
_LEFT_DOME_LOWER = 12.0
# A view that cuts the right lung shows the dome beyond the heart's right border at most, mm.
_ASIDE_CUT = 60.0
# Of such a dome the height is uncertain by this, mm.
_UNSURE_DOME = 12.0
# The top of a dome is at most this far above the middle of what is seen of it, mm.
_DOME_HIGH = 35.0
# The organ under a lung, mm: no rib is as thick; near the end of the view less of it shows.
_ORGAN_THICK = (12.0, 5.0)
# A lung ends on its dome over at least this share of its shadow aside of the heart.
_UNDER_LUNG = 0.3
# A dome is part of a ball of about this radius, mm, of which this share lies aside of the heart; a cut of it is larger
# than this, mm2, and what is seen of it ends this near to the last slice, mm.
_DOME_RADIUS, _DOME_ASIDE, _CUT_DOME_MM2, _NEAR_END = 75.0, 0.7, 3000.0, 25.0
# What the outline of both lungs includes of the chest wall in front, mm.
_CHEST_WALL = 5.0
# Thickness of the fat on the heart in which its arteries run, mm.
_EPICARDIAL_FAT = 5.0
# Volume of a heart with its fat, ml.
_VOLUME_ML = (250.0, 2500.0)
# A windpipe: this much of it above the fork is looked at, in which it moves aside by less than this, and it goes on for
# at least this, mm; a bronchus runs aside and ends. Less of it above the fork is none, mm.
_WINDPIPE_MM, _STRAIGHT_MM, _GOES_ON_MM = 25.0, 8.0, 40.0
_LEAST_WINDPIPE_MM = 9.0
# A piece of soft tissue at least this large against the largest may be the heart.
_LARGE = 0.4
# The heart reaches further into the left chest than into the right: to this percentile of the lung's columns.
_LEFT_REACH = 75
# A lung that meets the border of the view on this share of its slices is cut by it.
_CUT = 0.5


def fork_of_windpipe(frame: Frame) -> int | None:
    """Coarse slice of the carina, or ``None`` where what ends or widens there is a bronchus and no windpipe."""
    fork = carina(frame)
    if fork is None:
        return None
    last = min(frame.airway.shape[0], fork + 1 + round(_WINDPIPE_MM / frame.spacing[0]))
    above = [z for z in range(fork + 1, last) if frame.airway[z].any()]
    if len(above) * frame.spacing[0] < _LEAST_WINDPIPE_MM:
        return None
    # A windpipe goes on upwards for as far as the view reaches.
    if frame.airway[fork : fork + 1 + round(_GOES_ON_MM / frame.spacing[0])].any(axis=(1, 2)).mean() < 0.8:
        return None
    columns = [float(np.nonzero(frame.airway[z])[1].mean()) * frame.spacing[2] for z in above]
    return fork if max(columns) - min(columns) <= _STRAIGHT_MM else None


def cut_sides(frame: Frame) -> tuple[bool, bool]:
    """Whether the field of view cuts the right and the left lung, as in scans of the heart alone."""
    return tuple(  # type: ignore[return-value]
        bool(lung.any()) and float(lung[:, :, edge].any(axis=(1, 2)).sum()) > _CUT * float(lung.any(axis=(1, 2)).sum())
        for lung, edge in ((frame.lung_right, slice(0, 2)), (frame.lung_left, slice(-2, None)))
    )


def between_lungs(frame: Frame, first: int = 0, last: int | None = None) -> Mask:
    """Tissue between the lungs and in front of the spine's back edge, slice by slice; empty where a lung is missing.

    ``first`` and ``last`` are the coarse slices looked at; the others are empty.
    """
    lungs = frame.lungs
    central = np.zeros(lungs.shape, dtype=np.bool_)
    spine = spine_track(frame)
    rows = np.arange(lungs.shape[1])
    cut_right, cut_left = cut_sides(frame)
    for z in range(first, lungs.shape[0] if last is None else last):
        if frame.lung_left[z].sum() < 20 or frame.lung_right[z].sum() < 20:
            continue
        # The outline of the lungs runs along the back of sternum and cartilage; the chest wall stays outside.
        inside = ndimage.binary_erosion(hull(lungs[z]), iterations=max(1, round(_CHEST_WALL / frame.spacing[1])))
        # Of a lung that the view cuts only the part beside and behind the heart shows: its middle says nothing.
        if not cut_right:
            inside[:, : int(np.median(np.flatnonzero(frame.lung_right[z].any(axis=0))))] = False
        if not cut_left:
            columns = np.flatnonzero(frame.lung_left[z].any(axis=0))
            inside[:, int(np.percentile(columns, _LEFT_REACH)) + 1 :] = False
        row, _, radius = spine[z]
        if np.isfinite(row):
            inside[rows > row + 0.5 * radius / frame.spacing[1]] = False
        central[z] = inside & ~lungs[z] & ~frame.airway[z]
    return central & frame.body


def heart_floor(frame: Frame) -> NDArray[np.float64]:
    """Coarse slice of the underside of the heart, for each column ``(y, x)``; 0 where no dome of the diaphragm is seen.

    The heart rests on the diaphragm just below the level of the right dome and sinks towards its tip on the left. Above
    the last slice where the view ends so far below the top of the dome that no heart can be in it.
    """
    floor = np.zeros(frame.hu.shape[1:])
    columns_of_spine = spine_track(frame)[:, 1]
    if not np.isfinite(columns_of_spine).any():
        return floor
    midline = float(np.nanmedian(columns_of_spine))
    left = np.broadcast_to((np.arange(frame.hu.shape[2]) - midline) * frame.spacing[2], floor.shape)
    cut_right, cut_left = cut_sides(frame)
    dome = _dome(frame, frame.lung_right, -left > (_ASIDE_CUT if cut_right else _ASIDE))
    if dome is not None and cut_right:
        # Its top may lie beyond the border of the view, or what is seen may be the shoulder of the heart.
        dome -= _UNSURE_DOME
    if dome is None and not cut_left:
        # Where the view ends near the heart, the thick organ under the left lung is the heart itself.
        dome = _dome(frame, frame.lung_left, left > 2 * _ASIDE)
        dome = None if dome is None else dome + _LEFT_DOME_LOWER
    if dome is None:
        return floor
    floor += (dome - _FLOOR_BELOW_DOME - _TILT * np.clip(left, 0.0, 110.0)) / frame.spacing[0]
    return np.maximum(floor, 0.0)


def _dome(frame: Frame, lung: Mask, aside: NDArray[np.bool_]) -> float | None:
    """Height of the top of a dome above the first slice, mm, in the columns that lie aside of the heart, or ``None``.

    Under a dome the lung ends on a thick organ over most of its shadow, away from the shadow's rim; on a rib, a vessel
    or the heart's right border it does so over little of it.
    """
    lowest = lung.argmax(axis=0)
    shadow = ndimage.distance_transform_edt(np.asarray(lung.any(axis=0)), sampling=frame.spacing[1:]) > 15.0
    under = shadow & aside
    last = (len(lung) - 1) * frame.spacing[0]
    risen = _risen(frame, lung, aside)
    for thick in _ORGAN_THICK:
        y, x = np.nonzero(under & (lowest > int(thick / frame.spacing[0])))
        if not y.size:
            continue
        depth = np.arange(1, max(1, int(thick / frame.spacing[0])) + 1)
        below = frame.hu[lowest[y, x][:, None] - depth[None] - 1, y[:, None], x[:, None]]
        organ = (below > _SOFT[0]).mean(axis=1) > 0.7
        if organ.sum() < max(20.0, _UNDER_LUNG * under.sum()):
            continue
        heights = lowest[y, x][organ] * frame.spacing[0]
        # Vessels at the hilum are far above the rest.
        top = float(np.percentile(heights[heights < np.median(heights) + _DOME_HIGH], 95))
        return top if risen is None or last - top >= _NEAR_END else last + risen
    return None if risen is None else last + risen


def _risen(frame: Frame, lung: Mask, aside: NDArray[np.bool_]) -> float | None:
    """How far above the last slice a dome that it cuts goes on, mm, from the size of the cut; ``None`` without one."""
    last = lung[-1]
    if not last.any():
        return None
    inside = hull(last) & ~last & aside & (frame.hu[-1] > _SOFT[0])
    inside = ndimage.binary_opening(inside, _disc(frame, 9.0)[0])
    cut = float(inside.sum()) * frame.spacing[1] * frame.spacing[2]
    # A cap of a ball has this height to first order.
    return cut / (2.0 * np.pi * _DOME_RADIUS * _DOME_ASIDE) if cut > _CUT_DOME_MM2 else None


def segment(frame: Frame, so_far: Mapping[str, tuple[Mask, float]]) -> Part:
    """``heart_region``, with what makes it less sure in its confidence; nothing where no heart is in view."""
    central = between_lungs(frame)
    present = central.any(axis=(1, 2))
    if present.sum() * frame.spacing[0] < 30.0:
        return Part()
    aorta = np.zeros(central.shape, dtype=np.bool_)
    for name in ("aorta_descending", "aorta_abdominal"):
        if name in so_far:
            aorta |= so_far[name][0]
    around = max(1, round(3.0 / frame.spacing[1]))
    plane = np.ones((1, 3, 3), dtype=np.bool_)
    aorta = ndimage.binary_dilation(aorta, plane, iterations=around)
    great = np.zeros(central.shape, dtype=np.bool_)
    for name in ("aorta_arch", "aorta_ascending"):
        if name in so_far:
            great |= so_far[name][0]
    fork = fork_of_windpipe(frame)
    top = frame.hu.shape[0] if fork is None else max(0, round(fork - _BELOW_CARINA / frame.spacing[0]))
    height = np.arange(frame.hu.shape[0])[:, None, None]
    room = central & ~aorta & (height < top) & (height >= heart_floor(frame)[None])
    spine = spine_track(frame)
    for z in np.flatnonzero(room.any(axis=(1, 2))).tolist():
        row, _, radius = spine[z]
        if np.isfinite(row):
            room[z, max(0, int(row - 0.9 * radius / frame.spacing[1])) :] = False
    # Bone is thin; thick parts of what passes for it are chambers full of contrast.
    thick = np.asarray(ndimage.binary_opening(frame.bone & room, _disc(frame, 6.0)))
    soft = room & (~frame.bone | thick) & (frame.hu > _SOFT[0]) & (frame.hu < _SOFT[1])
    core = _highest(ndimage.binary_opening(soft, _disc(frame, 7.0)))
    area = core.sum(axis=(1, 2)) * frame.spacing[1] * frame.spacing[2]
    run = longest_run(area >= max(_SMALLEST_SLICE, 0.2 * float(area.max(initial=0.0))))
    heart = np.zeros(core.shape, dtype=np.bool_)
    around_heart = _disc(frame, _EPICARDIAL_FAT)[0]
    for z in range(run.start, run.stop):
        # Coronary arteries run on the surface of the muscle, in the fat just outside its hull.
        heart[z] = ndimage.binary_dilation(hull(core[z]), around_heart) & room[z]
    heart &= ~great
    volume = heart.sum() * float(np.prod(frame.spacing)) / 1000.0
    if not _VOLUME_ML[0] / 4 <= volume <= _VOLUME_ML[1]:
        return Part()
    # A whole heart with its neighbours known is sure; a part of one or one without a windpipe above is less so.
    confidence = 0.9
    confidence -= 0.0 if volume >= _VOLUME_ML[0] else 0.15
    confidence -= 0.0 if fork is not None else 0.05
    confidence -= 0.0 if "aorta_descending" in so_far else 0.15
    return Part(masks={"heart_region": (heart, round(confidence, 2))})


def _highest(mask: Mask) -> Mask:
    """The highest of the large connected pieces: where no dome is seen, the liver under the heart may be larger."""
    labels, count = ndimage.label(mask)
    if count < 2:
        return mask
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    large = np.flatnonzero(sizes >= _LARGE * sizes.max())
    index = np.arange(len(mask))[:, None, None]
    heights = ndimage.mean(np.broadcast_to(index, mask.shape), labels, large)
    return np.asarray(labels == large[int(np.argmax(heights))])


def _disc(frame: Frame, radius: float) -> NDArray[np.bool_]:
    """A flat disc of a radius in mm."""
    reach = (int(radius / frame.spacing[1]), int(radius / frame.spacing[2]))
    y, x = np.ogrid[-reach[0] : reach[0] + 1, -reach[1] : reach[1] + 1]
    return np.asarray(((y * frame.spacing[1]) ** 2 + (x * frame.spacing[2]) ** 2 <= radius**2)[None])
