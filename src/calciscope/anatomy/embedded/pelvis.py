"""The pelvis: sacro-iliac joints, the cavity between the hip bones, bladder, side walls and vessels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import cc3d
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage import morphology

from calciscope.anatomy.embedded.aorta import spine_track
from calciscope.anatomy.embedded.bodies import depth, grown, outwards, within
from calciscope.anatomy.embedded.frame import Frame, Mask, Part, once
from calciscope.domain.anatomy import Landmark

# Not annotated in scikit-image.
_HULL: Any = morphology.convex_hull_image

# At the sacro-iliac joints bone reaches from near the midline to the wing of the hip bone: these columns, mm from it.
_JOINT = (20.0, 62.0)
_FILLED = 0.85
_SHORTEST_JOINT = 27.0
# Beside metal one side's columns are filled by so much more than the other's by streaks.
_STREAKS = 0.45
# The joints end this far below the lowest slice of lung at least, mm.
_BELOW_LUNGS = 40.0
# The centres of the hip joints lie this far below the sacro-iliac joints, and the cavity reaches this far below them:
# to the ischial tuberosities, mm (two real pelves and the simulated ones agree within 6 mm).
_TO_HIP, _BELOW_HIP = 46.0, 62.0
# The hip bone lies further from the midline than this, the sacrum and coccyx nearer, mm.
_HIP, _SACRUM = (28.0, 125.0), 28.0
# This far below the joints the wings of the hip bones end; from there down their inner face lies no further out than
# this, and what lies further out is the femur, mm.
_FLARE, _INNER_FACE = 38.0, 74.0
# The hindmost bones of slices agree where their columns lie within this, mm.
_AGREE = 10.0
# The sacrum is seen this near to the midline, mm, in this share of the joints' slices, in a body wider than this, mm.
_MIDDLE, _RING, _WIDE = 12.0, 0.9, 240.0
# Urine without contrast, and with it, HU of smoothed voxels.
_URINE = (-14.0, 24.0)
_EXCRETED = 150.0
# Bed of the iliac vessels: so far above the joints, in front of the spine, and behind its front at the sacrum, mm.
_ABOVE_JOINT, _BEFORE_SPINE, _BESIDE_SACRUM = 20.0, 38.0, 30.0
# The spine fills this share of the middle columns; it and its spurs end this far from the midline, mm.
_SPINE_WIDE, _BEYOND_SPINE = 0.3, 40.0
# Veins run within this distance of the side wall or of the bladder, mm.
_WALL = 38.0
_BESIDE_BLADDER = 16.0
# Veins lie this near to fat, artery and vein side by side this near, mm; the middle of a muscle or an organ does not.
_FROM_FAT, _PAIR_FROM_FAT = 7.0, 13.0
# The side walls end so far below the centres of the hip joints, mm: below lies the perineum. Without the hip bone of
# the side in view its wall is guessed from the other, and ends higher.
_WALL_END, _UNSEEN_END = 42.0, 15.0
# A traced iliac artery of less confidence than this may run beside the true one.
_SURE_TRACE = 0.7
# Muscles of the pelvic floor and wall beside an organ are thinner than twice this, mm.
_SHEET = 4.0


@dataclass(frozen=True, slots=True, eq=False)
class Pelvis:
    """Levels of the pelvis (coarse slices) and its cavity.

    ``joint_top`` and ``joint_bottom`` bound the sacro-iliac joints, ``midline`` is a coarse column, ``hip`` the level
    of the centres of the hip joints, which may lie below the scan.
    """

    joint_top: int
    joint_bottom: int
    midline: float
    hip: float
    cavity: Mask


def segment(frame: Frame, so_far: Mapping[str, tuple[Mask, float]], pelvis: Pelvis | None) -> Part:
    """Masks of the bladder, the bed behind it and the side walls; the sacro-iliac joints as landmarks."""
    if pelvis is None:
        return Part()
    masks: dict[str, tuple[Mask, float]] = {}
    bladder = _bladder(frame, pelvis)
    if bladder is not None:
        masks["urinary_bladder"] = bladder
        bed = _bed(frame, pelvis, bladder[0])
        if bed.any():
            masks["prostate_or_uterus"] = (bed, 0.6)
    veins = _veins(frame, pelvis, None if bladder is None else bladder[0])
    columns = np.arange(frame.hu.shape[2])[None, None]
    for side, sign, half in (("left", 1, columns > pelvis.midline), ("right", -1, columns <= pelvis.midline)):
        mask = veins & half
        mask[: _lowest_wall(frame, pelvis, sign)] = False
        if mask.any():
            masks[f"pelvic_wall_{side}"] = (mask, 0.8)
    masks.update(_vessel_bed(frame, pelvis, so_far))
    return Part(masks=masks, landmarks=_landmarks(frame, pelvis))


def _veins(frame: Frame, pelvis: Pelvis, bladder: Mask | None) -> Mask:
    """Where the veins of the pelvis run: near fat between the side wall and the organs, below the joints.

    Muscle and organs deeper than a vein's width from any fat hold none.
    """
    walls = pelvis.cavity & ~frame.bone & (frame.hu > -200.0) & grown(frame.fat, _FROM_FAT, frame.spacing)
    walls[pelvis.joint_bottom :] = False
    veins = grown(frame.bone & _lateral(frame, pelvis), _WALL, frame.spacing) & walls
    if bladder is None:
        return veins | (walls & _behind(frame, pelvis))
    return (veins | (grown(bladder, _BESIDE_BLADDER, frame.spacing) & walls)) & ~bladder


def _lowest_wall(frame: Frame, pelvis: Pelvis, sign: int) -> int:
    """The lowest slice of a side wall: above the perineum, and where its own hip bone is in view."""
    offsets = sign * (np.arange(frame.hu.shape[2]) - pelvis.midline) * frame.spacing[2]
    own = (offsets > _HIP[0]) & (offsets < _INNER_FACE)
    middle = max(0, round(pelvis.hip))
    seen = bool(own.any()) and bool(frame.bone[middle : middle + 2][..., own].any())
    return max(0, round(pelvis.hip - (_WALL_END if seen else _UNSEEN_END) / frame.spacing[0]))


def find(frame: Frame) -> Pelvis | None:
    """The pelvis where its sacro-iliac joints are in view, else ``None``."""
    if frame.regions and all(region.name in ("head", "neck") for region in frame.regions):
        return None
    levels = joints(frame)
    if levels is None:
        return None
    bottom, top = levels
    midline = middle_column(frame)
    return Pelvis(top, bottom, midline, bottom - _TO_HIP / frame.spacing[0], _cavity(frame, midline, bottom, top))


@once
def joints(frame: Frame) -> tuple[int, int] | None:
    """Lowest and one past the highest coarse slice of the sacro-iliac joints, ``None`` where not in view."""
    midline = middle_column(frame)
    offsets = (np.arange(frame.hu.shape[2]) - midline) * frame.spacing[2]
    # Only the back half of the body: in front pubic bone and contrast would count.
    bone = frame.bone.copy()
    rows = np.arange(frame.hu.shape[1])[None, :, None]
    has_body: NDArray[np.bool_] = np.asarray(frame.body.any(axis=2))
    back = np.where(has_body.any(axis=1), has_body.shape[1] - 1 - np.argmax(has_body[:, ::-1], axis=1), 0)
    bone &= rows > (back - 150.0 / frame.spacing[1])[:, None, None]
    filled: NDArray[np.bool_] = np.asarray(bone.any(axis=1))
    zones = [(sign * offsets > _JOINT[0]) & (sign * offsets < _JOINT[1]) for sign in (1, -1)]
    wide = [z for z in zones if z.sum() * frame.spacing[2] > 0.8 * (_JOINT[1] - _JOINT[0])]
    shares = np.array([filled[:, z].mean(axis=1) for z in wide]).reshape(len(wide), len(filled))
    share = shares.max(axis=0, initial=0.0)
    if frame.metal.any() and len(wide) == 2:
        # Streaks of a prosthesis fill the columns of their side.
        share[np.ptp(shares, axis=0) > _STREAKS] = 0.0
    joint = np.asarray(ndimage.binary_closing(share > _FILLED, iterations=1) | (share > _FILLED))
    labels = np.asarray(cc3d.connected_components(joint[:, None, None]))[:, 0, 0]
    count = int(labels.max())
    lungs = np.flatnonzero(frame.lungs.any(axis=(1, 2)))
    # The pubic bones fill the same columns for a few slices; the joints do so for longest.
    sizes = np.bincount(labels, minlength=count + 1)
    for label in sorted(range(1, count + 1), key=lambda n: -int(sizes[n])):
        levels = np.flatnonzero(labels == label)
        # Lungs end some five vertebrae above the hip bones.
        above_lungs = lungs.size and levels[-1] > lungs[0] - _BELOW_LUNGS / frame.spacing[0]
        if levels.size * frame.spacing[0] >= _SHORTEST_JOINT and not above_lungs and _hips(frame, midline, levels):
            return int(levels[0]), int(levels[-1]) + 1
    return None


def closed_ring(frame: Frame) -> bool:
    """Whether a trunk and no pair of limbs is seen at the joints: a wide body with bone (the sacrum) in its middle.

    A scan of the hips has no vertebra in view that would tell.
    """
    levels = joints(frame)
    if levels is None:
        return False
    offsets = np.abs((np.arange(frame.hu.shape[2]) - middle_column(frame)) * frame.spacing[2])
    part = slice(*levels)
    sacrum = frame.bone[part][:, :, offsets < _MIDDLE].any(axis=(1, 2)).mean()
    columns = frame.body[part].any(axis=1).sum(axis=1) * frame.spacing[2]
    # Between two legs lies air.
    covered: NDArray[np.bool_] = np.asarray(frame.body[part][:, :, offsets < _MIDDLE].any(axis=1))
    whole = covered.all(axis=1).mean()
    return bool(sacrum > _RING and whole > _RING and float(np.median(columns)) > _WIDE)


@once
def middle_column(frame: Frame) -> float:
    """Coarse column of the middle: that of the hindmost bone (sacrum, coccyx, spinous processes) where slices agree."""
    spine = spine_track(frame)
    known = spine[:, 1][np.isfinite(spine[:, 1])]
    guess = float(np.median(known[: max(3, known.size // 3)])) if known.size else float("nan")
    hindmost = []
    for bone in frame.bone:
        rows = np.flatnonzero(bone.sum(axis=1) >= 2)
        if rows.size:
            hindmost.append(float(np.median(np.flatnonzero(bone[rows[-1]]))))
    if len(hindmost) >= 5:
        columns = np.array(hindmost)
        near = np.abs(columns[:, None] - columns[None]) * frame.spacing[2] < _AGREE
        most = int(near.sum(axis=1).argmax())
        middle = float(np.median(columns[near[most]]))
        agree = float(near[most].mean())
        if not np.isfinite(guess) or (agree > 0.4 and abs(middle - guess) * frame.spacing[2] > 2 * _AGREE):
            return middle
    if np.isfinite(guess):
        return guess
    inside = np.flatnonzero(frame.body.any(axis=(0, 1)))
    return float(inside.mean()) if inside.size else frame.hu.shape[2] / 2


def _hips(frame: Frame, midline: float, levels: NDArray[np.int64]) -> bool:
    """Whether bone lies far to a side at these levels: wings of the hip bones, which no vertebra has."""
    offsets = np.abs((np.arange(frame.hu.shape[2]) - midline) * frame.spacing[2])
    wing = (offsets > 55.0) & (offsets < 150.0)
    return bool((frame.bone[levels][:, :, wing].any(axis=(1, 2))).mean() > 0.7)


def _lateral(frame: Frame, pelvis: Pelvis) -> NDArray[np.bool_]:
    offsets = np.abs((np.arange(frame.hu.shape[2]) - pelvis.midline) * frame.spacing[2])
    return np.asarray((offsets > _HIP[0]) & (offsets < _HIP[1]))[None, None]


def _cavity(frame: Frame, midline: float, bottom: int, top: int) -> Mask:
    """What the hip bones, sacrum and coccyx surround, slice by slice, up to the top of the joints."""
    cavity = np.zeros(frame.hu.shape, dtype=np.bool_)
    offsets = (np.arange(frame.hu.shape[2]) - midline) * frame.spacing[2]
    lowest = max(0, int(bottom - (_TO_HIP + _BELOW_HIP) / frame.spacing[0]))
    flare = bottom - _FLARE / frame.spacing[0]
    for z in range(lowest, top):
        marks = np.zeros(frame.hu.shape[1:], dtype=np.bool_)
        for sign in (1, -1):
            outer = _HIP[1] if z >= flare else _INNER_FACE
            zone = np.flatnonzero((sign * offsets > _HIP[0]) & (sign * offsets < outer))
            if not zone.size:
                continue
            bone = frame.bone[z][:, zone]
            rows = np.flatnonzero(bone.any(axis=1))
            if not rows.size:
                continue
            order = bone if sign > 0 else bone[:, ::-1]
            inner = np.argmax(order[rows], axis=1)
            columns = zone[inner] if sign > 0 else zone[::-1][inner]
            marks[rows, columns] = True
            opposite = (-sign * offsets > _HIP[0]) & (-sign * offsets < outer)
            if not frame.bone[z][:, opposite].any():
                # The field of view cuts the other hip bone off: its mirror image stands in, up to the edge.
                mirrored = np.clip(np.rint(2 * midline - columns), 0, frame.hu.shape[2] - 1).astype(int)
                marks[rows, mirrored] = True
        middle = np.flatnonzero(np.abs(offsets) < _SACRUM)
        rows = np.flatnonzero(frame.bone[z][:, middle].any(axis=1)) if middle.size else np.zeros(0, dtype=np.int64)
        behind = np.flatnonzero(marks.any(axis=1))
        if rows.size and behind.size:
            deep = rows[rows > behind.mean()]
            if deep.size:
                marks[int(deep[0]), middle] = frame.bone[z][int(deep[0]), middle]
        if marks.sum() >= 3 and np.ptp(np.flatnonzero(marks.any(axis=0))) > 3 and np.ptp(behind) > 3:
            cavity[z] = _HULL(marks, offset_coordinates=False)
    return cavity & frame.body


def _behind(frame: Frame, pelvis: Pelvis) -> Mask:
    """The back half of the cavity, slice by slice: fat and veins about the rectum."""
    half = np.zeros(frame.hu.shape, dtype=np.bool_)
    for z in np.flatnonzero(pelvis.cavity.any(axis=(1, 2))):
        rows = np.flatnonzero(pelvis.cavity[z].any(axis=1))
        half[z, int(rows.mean()) :] = True
    return half & pelvis.cavity


def _bladder(frame: Frame, pelvis: Pelvis) -> tuple[Mask, float] | None:
    """The largest body of urine near the midline of the cavity, contrast in it included, and a confidence."""
    levels = np.flatnonzero(pelvis.cavity.any(axis=(1, 2)))
    if not levels.size:
        return None
    if frame.body[levels, 0].any(axis=1).mean() > 0.5:
        # The field of view cuts the front off: what fluid is there cannot be told from a bladder.
        return None
    start, stop = int(levels[0]), min(frame.hu.shape[0], pelvis.joint_top + round(40.0 / frame.spacing[0]))
    hu = frame.hu[start:stop]
    smooth = ndimage.gaussian_filter(hu, 1.0)
    free = frame.body[start:stop] & ~frame.bone[start:stop]
    bright = free & (smooth > _EXCRETED) & pelvis.cavity[start:stop]
    bright = ndimage.binary_opening(bright, iterations=1)
    fluid = (free & (smooth > _URINE[0]) & (smooth < _URINE[1])) | bright
    deep = depth(fluid, frame.spacing)
    best: tuple[Mask, float] | None = None
    for level in (5.0, 9.0):
        cores = cc3d.connected_components(deep > level, connectivity=6)
        for label, where in enumerate(ndimage.find_objects(cores), start=1):
            core = cores[where] == label
            inside = float(pelvis.cavity[start:stop][where][core].mean())
            ml_core = float(core.sum()) * float(np.prod(frame.spacing)) / 1000.0
            middle = (where[2].start + where[2].stop) / 2 - pelvis.midline
            if inside < 0.25 or ml_core < 0.5 or abs(middle) * frame.spacing[2] > 60.0:
                continue
            pad = [int(np.ceil((level + 4) / s)) for s in frame.spacing]
            wide = tuple(slice(max(0, s.start - p), s.stop + p) for s, p in zip(where, pad, strict=True))
            mask = grown(cores[wide] == label, level + 0.7 * max(frame.spacing), frame.spacing) & (fluid[wide])
            score = _bladder_score(frame, pelvis, mask, wide, start)
            if score > 0.15 and (best is None or score > best[1] + 0.02):
                full = np.zeros(frame.hu.shape, dtype=np.bool_)
                full[start:stop][wide] = mask
                best = (full, score)
    if best is None:
        return None
    # The wall belongs to it.
    mask = grown(best[0], 3.0, frame.spacing) & frame.body & ~frame.bone & (frame.hu > -60.0)
    return mask, round(0.5 + 0.42 * best[1], 2)


def _bladder_score(frame: Frame, pelvis: Pelvis, mask: Mask, where: tuple[slice, ...], start: int) -> float:
    ml = float(mask.sum()) * float(np.prod(frame.spacing)) / 1000.0
    if ml < 8.0:
        return 0.0
    z, y, x = ndimage.center_of_mass(mask)
    # How far back in the cavity, 0 at the pubis, 1 at the coccyx: fluid in the pouch behind lies in its back half.
    rows = np.flatnonzero(pelvis.cavity[: pelvis.joint_bottom].any(axis=(0, 2)))
    back = (y + where[1].start - rows[0]) / max(1.0, float(np.ptp(rows))) if rows.size else 1.0
    column = x + where[2].start - pelvis.midline
    level = z + where[0].start + start
    below = (pelvis.joint_bottom - level) * frame.spacing[0]
    across = [(s.stop - s.start) * d for s, d in zip(where, frame.spacing, strict=True)]
    # Where the field of view cuts it off it could be anything that runs on there.
    open_edge = where[1].start == 0 or where[1].stop >= frame.hu.shape[1] or where[2].start == 0
    open_edge = open_edge or where[2].stop >= frame.hu.shape[2]
    # Ascites, cysts and bowel are wider, higher, or off the midline.
    return float(
        (0.5 if open_edge else 1.0)
        * within(ml, 8, 35, 700, 1300)
        * within(abs(column) * frame.spacing[2], -1, 0, 18, 45)
        * within(below, -25, 15, 130, 170)
        * within(back, -0.6, -0.3, 0.36, 0.54)
        * within(across[2], 10, 30, 140, 190)
        * within(across[0], 8, 18, 150, 220)
    )


def _bed(frame: Frame, pelvis: Pelvis, bladder: Mask) -> Mask:
    """Soft tissue of the cavity within reach below and behind the bladder: prostate, or uterus."""
    reach = grown(bladder, 28.0, frame.spacing) & pelvis.cavity & ~bladder & ~frame.bone
    offsets = np.abs((np.arange(frame.hu.shape[2]) - pelvis.midline) * frame.spacing[2])
    reach &= (offsets < 32.0)[None, None]
    rows = np.flatnonzero(bladder.any(axis=(0, 2)))
    middle = (rows[0] + rows[-1]) / 2
    low = np.flatnonzero(bladder.any(axis=(1, 2)))[0]
    high = int(ndimage.center_of_mass(bladder)[0])
    reach[low:, : int(middle)] = False
    reach[high + 1 :] = False
    smooth = ndimage.gaussian_filter(frame.hu, 0.8)
    soft = np.asarray(reach & (smooth > 0.0) & (smooth < 160.0))
    # The muscles of the floor and the side wall are sheets, the organ is a lump.
    core = depth(soft, frame.spacing) > _SHEET
    return np.asarray(soft & grown(core, _SHEET, frame.spacing)) if core.any() else soft


def _vessel_bed(
    frame: Frame, pelvis: Pelvis, so_far: Mapping[str, tuple[Mask, float]]
) -> dict[str, tuple[Mask, float]]:
    """Where the iliac vessels must run on slices on which they were not traced: before the spine and the joints."""
    bed = np.zeros(frame.hu.shape, dtype=np.bool_)
    offsets = (np.arange(frame.hu.shape[2]) - pelvis.midline) * frame.spacing[2]
    top = min(frame.hu.shape[0], pelvis.joint_top + round(_ABOVE_JOINT / frame.spacing[0]))
    for z in range(pelvis.joint_bottom, top):
        down = (top - z) / max(1, top - pelvis.joint_bottom)
        # They part at the fork and lie at the brim, on the inner side of the psoas, lower down.
        zone = np.flatnonzero((np.abs(offsets) > 30.0 * down - 8.0) & (np.abs(offsets) < 32.0 + 34.0 * down))
        middle = np.flatnonzero(np.abs(offsets) < 25.0)
        # Plaque that passes for bone is no front of the spine.
        rows = np.flatnonzero(frame.bone[z][:, middle].sum(axis=1) > _SPINE_WIDE * middle.size)
        if not rows.size or not zone.size:
            continue
        high = max(0, round(rows[0] - _BEFORE_SPINE / frame.spacing[1]))
        low = min(frame.hu.shape[1], round(rows[0] + down * _BESIDE_SACRUM / frame.spacing[1]))
        bed[z, high:low, zone[0] : zone[-1] + 1] = True
        bed[z][:, np.abs(offsets) <= 30.0 * down - 8.0] = False
    bed &= frame.body & ~frame.bone & grown(frame.fat, _PAIR_FROM_FAT, frame.spacing)
    # Outside of the hip bones and behind the wings of the sacrum lie the muscles of the buttock.
    bed &= ~outwards(frame.bone & (np.abs(offsets) > _BEYOND_SPINE), round(pelvis.midline))
    columns = np.arange(frame.hu.shape[2])[None, None]
    halves = {"left": bed & (columns > pelvis.midline), "right": bed & (columns <= pelvis.midline)}
    for side, half in halves.items():
        # Above the fork runs the aorta, and where the artery was surely traced nothing needs to be guessed.
        for traced, sure in (("aorta_abdominal", 0.0), (f"iliac_artery_{side}", _SURE_TRACE)):
            if traced in so_far and so_far[traced][1] >= sure:
                half[so_far[traced][0].any(axis=(1, 2))] = False
    return {f"iliac_bed_{side}": (mask, 0.75) for side, mask in halves.items() if mask.any()}


def _landmarks(frame: Frame, pelvis: Pelvis) -> dict[str, Landmark]:
    marks = {}
    for name, z in (("sacroiliac_top", pelvis.joint_top - 1), ("sacroiliac_bottom", pelvis.joint_bottom)):
        rows = np.flatnonzero(frame.bone[z].any(axis=1))
        row = float(rows.mean()) if rows.size else 0.0
        x, y, height = map(float, frame.to_mm((float(z), row, pelvis.midline)))
        marks[name] = Landmark(name, (x, y, height), 0.75)
    return marks
