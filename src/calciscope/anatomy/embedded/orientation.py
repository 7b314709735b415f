"""Whether the body lies in the grid as the header says: head up, back behind, liver on the right.

Headers are sometimes wrong, and images turned over by other programs keep them. What contradicts the body itself is
noted, and :func:`trusted` lowers the confidence of what has a side or a level.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from calciscope.anatomy.embedded.aorta import spine_track
from calciscope.anatomy.embedded.bodies import depth
from calciscope.anatomy.embedded.frame import Frame, Mask
from calciscope.anatomy.embedded.track import hull
from calciscope.anatomy.embedded.upright import columns_and_legs, midline, upside_down
from calciscope.domain.structures import Place, dictionary

MIRRORED = "liver on the left of the spine: left and right may be exchanged, or the organs mirrored"
HEART_RIGHT = "heart on the right of the spine: left and right may be exchanged, or the organs mirrored"
SIDES_UNSEEN = "no liver in view that tells right from left: sides follow the header alone"
UPSIDE_DOWN = "hips, or the bases of the lungs, where the head should be: the scan may be upside down"
BACK_TO_FRONT = "spine in the front half of the body: front and back may be exchanged"
ON_THE_SIDE = "body deeper than wide: scanned lying on the side, or turned by a quarter"
TABLE_IN_FRONT = "table at the front of the body: scanned prone"

# Structures without a side or a level keep their confidence.
_ANYWHERE = ("body", "fat", "bone", "metal", "table", "skin", "subcutaneous_fat", "muscle")
# How much is left of the rest where the body contradicts the header.
_DOUBT = 0.6
# What has a side is at most this sure where only the header tells the side; so is the vessel left of the midline.
_HEADER_ALONE = 0.69
_NEAR_MIDLINE = "aorta"
# The spine lies this share of the body's depth behind its middle at least; what is further in front is turned over.
_IN_FRONT = -0.06
# Only the inside of a large organ is deeper than this, mm; its attenuation, HU; how far beside the spine, mm.
_DEEP, _ORGAN_HU, _ASIDE = 17.0, (25.0, 170.0), 22.0
# The side of the liver holds this many times as much of it, and at least this much, ml.
_TIMES, _LEAST_ML = 2.0, 150.0
# The organs of the upper abdomen lie within this range of the lowest slice of lung, mm.
_BELOW, _ABOVE = 110.0, 50.0
# A slice of lung, mm2.
_LUNG_MM2 = 3000.0
# A trunk this many times as deep as wide lies on its side; a table lies this far from the middle of the body, mm,
# and is thinner than this.
_DEEPER, _TABLE, _TABLE_TOP = 1.12, 60.0, 15.0
# Cross-section of a trunk, mm2; the calves of two legs stay below.
_TRUNK_MM2 = 30000.0
# What is as dense as bone, HU.
_DENSE_HU = 180.0
# A slice of a chest holds this much lung, mm2; soft tissue there, HU; how far before the middle of the vertebral body
# the heart and its vessels lie at least, and how far to the right they never lie, mm.
_CHEST_MM2, _BETWEEN_HU, _BEFORE_SPINE, _HEART_ASIDE = 8000.0, -150.0, 10.0, -3.0
# Of two lungs the left one is smaller, but not by much: ratios to the right one at which it is the right one.
_LUNGS = (1.03, 1.6)
# What tells is seen over this height, mm.
_CHEST = 40.0


def check(frame: Frame, so_far: Mapping[str, tuple[Mask, float]]) -> tuple[str, ...]:
    """What in the body contradicts its grid, one sentence each; empty where all agrees or nothing can be told."""
    notes = []
    if _on_the_side(frame):
        notes.append(ON_THE_SIDE)
    elif _back_to_front(frame):
        notes.append(BACK_TO_FRONT)
    if upside_down(frame):
        notes.append(UPSIDE_DOWN)
    elif not _back_to_front(frame):
        left, right = _organ(frame, so_far)
        if left > _LEAST_ML and left > _TIMES * right:
            notes.append(MIRRORED)
        elif not (right > _LEAST_ML and right > _TIMES * left) and _heart_right(frame):
            notes.append(HEART_RIGHT)
        elif not (right > _LEAST_ML and right > _TIMES * left) and _below_chest(frame):
            notes.append(SIDES_UNSEEN)
    if _table_in_front(frame):
        notes.append(TABLE_IN_FRONT)
    return tuple(notes)


def trusted(notes: tuple[str, ...], name: str, confidence: float) -> float:
    """The confidence of a structure, given the notes of :func:`check`: lowered where the body speaks against it."""
    if name in _ANYWHERE:
        return confidence
    if any(note in (MIRRORED, HEART_RIGHT, UPSIDE_DOWN, BACK_TO_FRONT, ON_THE_SIDE) for note in notes):
        confidence *= _DOUBT
    if SIDES_UNSEEN in notes and _sided(name):
        confidence = min(confidence, _HEADER_ALONE)
    return confidence


def _sided(name: str) -> bool:
    """Whether a structure is one of two, or an aorta that a vena cava may pass for; regions promise little anyway."""
    known = dictionary().meanings.get(name)
    if known is not None and (known.site is None or known.place in (Place.REGION, Place.TISSUE)):
        return False
    return name.endswith(("_left", "_right")) or name.startswith(_NEAR_MIDLINE)


def _back_to_front(frame: Frame) -> bool:
    spine = frame.spine[:, 0]
    if np.isfinite(spine).sum() * frame.spacing[0] <= _CHEST:
        # Where no spine was found, what bone there is in the middle alone is one.
        spine = np.full(len(spine), np.nan)
        trunk = frame.slices_in("pelvis", "abdomen", "chest")
        for z in np.flatnonzero(trunk & columns_and_legs(frame)[0]).tolist():
            dense = frame.body[z] & (frame.hu[z] > _DENSE_HU) & midline(frame, z)[None]
            spine[z] = float(np.argwhere(dense)[:, 0].mean())
    offsets = []
    for z in np.flatnonzero(np.isfinite(spine)).tolist():
        rows = np.flatnonzero(frame.body[z].any(axis=1))
        if rows.size and rows[0] > 0 and rows[-1] < frame.body.shape[1] - 1:
            offsets.append((spine[z] - rows.mean()) / max(1.0, float(np.ptp(rows))))
    return len(offsets) * frame.spacing[0] > _CHEST and float(np.median(offsets)) < _IN_FRONT


def _heart_right(frame: Frame) -> bool:
    """Whether what lies between the lungs before the spine lies on the right, and the left lung is the larger one.

    Either alone may be due to a lung that is small or gone.
    """
    area = frame.lungs.sum(axis=(1, 2)) * frame.spacing[1] * frame.spacing[2]
    spine = spine_track(frame)
    slices = np.flatnonzero((area > _CHEST_MM2) & np.isfinite(spine[:, 1]))
    left, right = float(frame.lung_left.sum()), float(frame.lung_right.sum())
    if slices.size * frame.spacing[0] < 3.0 * _CHEST or not _LUNGS[0] < left / max(right, 1.0) < _LUNGS[1]:
        return False
    aside = []
    # Below is the liver, above are the great vessels.
    for z in slices[slices.size // 5 : -(slices.size // 5)].tolist():
        between = hull(frame.lungs[z]) & ~frame.lungs[z] & ~frame.bone[z] & (frame.hu[z] > _BETWEEN_HU)
        between[max(0, int(spine[z, 0] - _BEFORE_SPINE / frame.spacing[1])) :] = False
        if between.any():
            aside.append(float(np.argwhere(between)[:, 1].mean() - spine[z, 1]) * frame.spacing[2])
    return bool(aside) and float(np.mean(aside)) < _HEART_ASIDE


def _below_chest(frame: Frame) -> bool:
    """Whether the spine of abdomen or pelvis is in view and nothing of the chest, where heart and arch have a side."""
    names = {region.name for region in frame.regions}
    return bool(np.isfinite(frame.spine[:, 0]).any() and "chest" not in names and names & {"abdomen", "pelvis"})


def _organ(frame: Frame, so_far: Mapping[str, tuple[Mask, float]]) -> tuple[float, float]:
    """How much of large homogeneous organs, of which the liver is the largest, lies left and right of the spine, ml.

    Sought around the lowest slice of lung; without lungs, all above the hip joints.
    """
    # Gas of the bowel may pass for a little lung.
    area = frame.lungs.sum(axis=(1, 2)) * frame.spacing[1] * frame.spacing[2]
    lungs = np.flatnonzero(area > min(_LUNG_MM2, 0.3 * float(area.max())))
    spine = spine_track(frame)
    if not np.isfinite(spine[:, 1]).any():
        return 0.0, 0.0
    if lungs.size:
        low = max(0, int(lungs[0] - _BELOW / frame.spacing[0]))
        high = min(len(spine), int(lungs[0] + _ABOVE / frame.spacing[0]))
    else:
        hips = [region.stop // frame.factor[0] for region in frame.regions if region.name in ("pelvis", "limb")]
        low, high = max(hips, default=0), len(spine)
    part = slice(low, high)
    if high - low < 2:
        return 0.0, 0.0
    free = frame.body[part] & ~frame.bone[part] & ~frame.lungs[part]
    for name, (mask, _) in so_far.items():
        if name.startswith(("aorta", "heart")):
            free &= ~mask[part]
    hu = frame.hu[part]
    # Noise would tear holes into an organ.
    smooth = ndimage.uniform_filter(hu, size=3)
    inside = depth(free & (smooth > _ORGAN_HU[0]) & (smooth < _ORGAN_HU[1]), frame.spacing) > _DEEP
    column: NDArray[np.float64] = np.where(np.isfinite(spine[part, 1]), spine[part, 1], np.nanmedian(spine[:, 1]))
    aside = (np.arange(frame.hu.shape[2])[None] - column[:, None]) * frame.spacing[2]
    ml = float(np.prod(frame.spacing)) / 1000.0
    left, right = (float((inside & there[:, None, :]).sum()) * ml for there in (aside > _ASIDE, aside < -_ASIDE))
    return left, right


def _on_the_side(frame: Frame) -> bool:
    """Whether the trunk is deeper than wide: lying people are wider than deep, with or without their arms."""
    shapes = []
    area = frame.body.sum(axis=(1, 2)) * frame.spacing[1] * frame.spacing[2]
    for z in np.flatnonzero(area > _TRUNK_MM2).tolist():
        # A table that the body lies on and that counts as body is thin.
        rows, columns = (
            np.flatnonzero(frame.body[z].sum(axis=axis) * frame.spacing[1 + axis] > _TABLE_TOP) for axis in (1, 0)
        )
        # What is cut off in front or behind would make it deeper still.
        if rows.size and columns.size and not (frame.body[z][:, 0].any() or frame.body[z][:, -1].any()):
            shapes.append(np.ptp(rows) * frame.spacing[1] / max(1.0, np.ptp(columns) * frame.spacing[2]))
    return len(shapes) * frame.spacing[0] > _CHEST and float(np.median(shapes)) > _DEEPER


def _whole(body: Mask) -> bool:
    """Whether the field of view cuts nothing off a section."""
    return not (body[0].any() or body[-1].any() or body[:, 0].any() or body[:, -1].any())


def _table_in_front(frame: Frame) -> bool:
    """Whether what lies outside the body and runs through most slices is in front of it."""
    outside = (frame.hu > -500.0) & ~frame.body
    whole = np.array([bool(b.any()) and _whole(b) for b in frame.body])
    if (outside & whole[:, None, None]).any(axis=(1, 2)).mean() < 0.6:
        return False
    body, table = (np.argwhere(mask[whole].any(axis=0))[:, 0] for mask in (frame.body, outside))
    return float(np.median(table) - body.mean()) * frame.spacing[1] < -_TABLE
