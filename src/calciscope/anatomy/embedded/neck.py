"""The neck: larynx, thyroid and the course of the carotid arteries, from the windpipe and the spine.

No real neck of diagnostic quality was at hand to check this on: every confidence stays below a sure placement's.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from calciscope.anatomy.embedded.frame import Frame, Mask, Part

_SURE_COURSE = 0.6
_SURE_THYROID = 0.65
_SURE_LARYNX = 0.6
# An airway of the neck, mm2: windpipe, larynx or throat, not an air-filled sinus.
_AIRWAY_AREA = (40.0, 900.0)
# The thyroid reaches this far above and below its middle, which lies this far above the top of the lungs, mm.
_THYROID_ABOVE_LUNGS = 32.0
_THYROID_HALF_HEIGHT = 28.0
# Its lobes lie beside the windpipe: this far from its wall to the side, in front and behind, mm.
_LOBE_ASIDE = 22.0
_LOBE_FRONT = 14.0
_LOBE_BEHIND = 14.0
# The larynx with its cartilages begins this far above the middle of the thyroid and is this high, mm.
_LARYNX_ABOVE = 22.0
_LARYNX_HEIGHT = 50.0
_LARYNX_AROUND = 17.0
# The carotid sheath runs this far to the side of the middle of the airway, at the depth of the vertebra's front, mm.
_SHEATH_ASIDE = (14.0, 44.0)
_SHEATH_FRONT = (-6.0, 24.0)


def segment(frame: Frame, so_far: Mapping[str, tuple[Mask, float]]) -> Part:
    """``thyroid_left/right``, ``larynx`` and ``carotid_artery_left/right`` (regions of their course)."""
    span = [region for region in frame.regions if region.name == "neck"]
    if not span:
        return Part()
    start = min(region.start for region in span) // frame.factor[0]
    stop = min(max(region.stop for region in span) // frame.factor[0] + 1, frame.hu.shape[0])
    start = max(0, start - round(30.0 / frame.spacing[0]))
    centre = airway_centres(frame, start, stop)
    known = np.flatnonzero(np.isfinite(centre[:, 0]))
    if known.size * frame.spacing[0] < 15.0:
        return Part(notes=("no windpipe seen in the neck: thyroid and carotid arteries were not sought",))
    rows, columns, radius = (np.interp(np.arange(len(centre)), known, centre[known, k]) for k in range(3))
    in_span = np.zeros(frame.hu.shape[0], dtype=np.bool_)
    in_span[max(start, int(known[0])) : min(stop, int(known[-1]) + 1)] = True
    z = np.arange(frame.hu.shape[0])
    y = np.arange(frame.hu.shape[1])
    x = np.arange(frame.hu.shape[2])
    front = ((rows[:, None] - y[None]) * frame.spacing[1])[:, :, None]
    left = ((x[None] - columns[:, None]) * frame.spacing[2])[:, None, :]
    wall = radius[:, None, None]
    soft = frame.body & ~frame.bone & ~frame.airway & ~frame.lungs & in_span[:, None, None]
    masks: dict[str, tuple[Mask, float]] = {}
    spine_front = _spine_front(frame, rows)
    ahead = ((spine_front[:, None] - y[None]) * frame.spacing[1])[:, :, None]
    for side, sign in (("left", 1.0), ("right", -1.0)):
        aside = sign * left
        sheath = (aside >= _SHEATH_ASIDE[0]) & (aside <= _SHEATH_ASIDE[1])
        sheath = sheath & (ahead >= _SHEATH_FRONT[0]) & (ahead <= _SHEATH_FRONT[1])
        _keep(masks, f"carotid_artery_{side}", soft & sheath, _SURE_COURSE)
    lungs = np.flatnonzero(frame.lungs.any(axis=(1, 2)))
    if lungs.size and lungs[-1] < frame.hu.shape[0] - 1:
        middle = lungs[-1] + _THYROID_ABOVE_LUNGS / frame.spacing[0]
        above = ((z - middle) * frame.spacing[0])[:, None, None]
        # The gland holds iodine and is denser than fat; muscle beside it is excluded by its distance.
        gland = soft & (frame.hu > 0.0) & (np.abs(above) <= _THYROID_HALF_HEIGHT)
        gland &= (front <= wall + _LOBE_FRONT) & (front >= -wall - _LOBE_BEHIND)
        for side, sign in (("left", 1.0), ("right", -1.0)):
            aside = sign * left
            lobe = gland & (aside >= 0.0) & (aside <= wall + _LOBE_ASIDE)
            _keep(masks, f"thyroid_{side}", lobe, _SURE_THYROID)
        around = np.hypot(front, left) <= wall + _LARYNX_AROUND
        higher = (above >= _LARYNX_ABOVE) & (above <= _LARYNX_ABOVE + _LARYNX_HEIGHT)
        larynx = frame.body & ~frame.airway & in_span[:, None, None] & around & higher & (ahead > 0.0)
        _keep(masks, "larynx", larynx, _SURE_LARYNX)
    return Part(masks=masks)


def airway_centres(frame: Frame, start: int, stop: int) -> NDArray[np.float64]:
    """Row, column and radius (mm) of the airway on each slice between ``start`` and ``stop``; NaN elsewhere.

    The frame's airway where it has one, else air inside the body in front of the spine near the midline.
    """
    found = np.full((frame.hu.shape[0], 3), np.nan)
    area = frame.spacing[1] * frame.spacing[2]
    for z in range(start, stop):
        air = frame.airway[z]
        if not air.any():
            air = (frame.hu[z] < -400.0) & frame.body[z] & ~frame.lungs[z]
        labels, count = ndimage.label(air)
        best, best_off = 0, np.inf
        middle = frame.spine[z, 1] if np.isfinite(frame.spine[z, 1]) else frame.hu.shape[2] / 2
        for k in range(1, count + 1):
            size = float((labels == k).sum()) * area
            off = abs(float(np.argwhere(labels == k)[:, 1].mean()) - middle) * frame.spacing[2]
            if _AIRWAY_AREA[0] <= size <= _AIRWAY_AREA[1] and off < min(best_off, 30.0):
                best, best_off = k, off
        if best:
            where = np.argwhere(labels == best)
            found[z] = (*where.mean(axis=0), np.sqrt(len(where) * area / np.pi))
    return found


def _spine_front(frame: Frame, rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Row of the front of the vertebra on each slice; without one, 25 mm behind the airway."""
    ahead = frame.spine[:, 0] - frame.spine[:, 2] / frame.spacing[1]
    return np.where(np.isfinite(ahead), ahead, rows + 25.0 / frame.spacing[1])


def _keep(masks: dict[str, tuple[Mask, float]], name: str, mask: Mask, confidence: float) -> None:
    """Adds a mask that is not empty."""
    if mask.any():
        masks[name] = (np.asarray(mask), confidence)
