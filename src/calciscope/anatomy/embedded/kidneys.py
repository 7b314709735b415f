"""The kidneys: fat-bounded bodies beside the spine, with their sinus, so that stones in the calyces lie inside."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import cc3d
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from calciscope.anatomy.embedded import kidney_parts
from calciscope.anatomy.embedded.aorta import spine_track
from calciscope.anatomy.embedded.bodies import Body, Box, bodies, clip, closed, depth, grown, within
from calciscope.anatomy.embedded.frame import Frame, Mask, Part
from calciscope.anatomy.embedded.kidney_border import reclaimed
from calciscope.anatomy.embedded.kidney_parts import outline
from calciscope.anatomy.embedded.liver import levels

# Ranges of attenuation in which a kidney may come free of its neighbours, HU: whole in fat, darker than an unenhanced
# liver or spleen, brighter than muscle and fluid with contrast. Water in a dilated pelvis belongs to it.
_RANGES = ((-8.0, 420.0), (-8.0, 44.0), (70.0, 420.0), (110.0, 420.0), (130.0, 420.0))
# A cut between organs needs less noise than a cut against fat: smoothing in voxels from this lower or upper limit on.
_SMOOTH = (0.6, 1.1)
# Half-thicknesses at which a kidney may come free of its neighbours, mm.
_THICKNESS = (2.5, 4.5, 7.0, 10.0)
_LEAST_ML = 25.0
_LARGEST = (200.0, 125.0, 120.0)
# Box beside the vertebral body in which kidneys lie: to the side, in front and behind its centre, mm.
_BESIDE = (8.0, 125.0)
_FRONT, _BACK = 75.0, 60.0
# A kidney less sure than this is sought again inside liver and spleen.
_DOUBTFUL = 0.72
# A layer of liver or spleen thinner than twice this may be kidney, mm.
_THICK = 9.0
# Gaps of an enhanced kidney that are filled before it is cut free, mm.
_GAPS = 4.0
# A kidney this bright is enhanced, HU; what is darker than this share of it is no part of it.
_ENHANCED, _DARKER = 90.0, 0.65
# Beside an organ of this many HU or more the kidney is brighter than that by at least one of these, HU.
_BRIGHT_ORGAN, _BRIGHTER = 60.0, (14.0, 24.0)
# Gas, HU, how far its bowel's wall and content are round it, mm, and the shares of the surface in front, within these
# and not fat, at which it begins to speak and does speak against a kidney.
_GAS, _NEAR_GAS, _GASSY = -250.0, 12.0, (0.03, 0.12)
# A stomach lies before the middle of the vertebral body by this much, mm; kidneys rarely.
_BEFORE_BODY = -28.0
# Midway between the organ and the cortex beside it, HU above the organ; blur of bone reaches so far, mm.
_MIDWAY, _BONE_BLUR = (7.0, 10.0), 3.5
# A body found by its cortex is another one without its fringe where this share of it lies in that and it is not less
# sure by more than this.
_PART_OF, _LESS_SURE = 0.8, 0.08
# A body of which this share lies in liver or spleen, no brighter or darker than they are by so much, HU, is theirs; one
# of which this share lies in the pelvis is psoas or bowel.
_SHARED, _ALIKE, _LOW = 0.4, 14.0, 0.5
# A body between these scores may be a kidney on which something hangs that is thinner than twice this, mm.
_HINT, _DOUBT, _TRIM = 0.1, 0.7, 9.0
# The section of a kidney's pole, mm2: what is cut with a larger one goes on.
_POLE_MM2 = (150.0, 500.0)
# Renal sinus and calyces are gaps of the body narrower than twice this, mm.
_SINUS = 9.0
# The rim that partial volume darkens is this thick at most, mm; without contrast it is no brighter than the kidney by
# more than this, HU: that would be a neighbour.
_RIM, _NO_BRIGHTER = 3.1, 10.0


def segment(frame: Frame, so_far: Mapping[str, tuple[Mask, float]]) -> Part:
    """Masks ``kidney_left`` and ``kidney_right``, sinus included, and their parts (:mod:`kidney_parts`).

    Vessels of ``so_far`` are left out; liver and spleen are given again without what of them is kidney.
    """
    spine = spine_track(frame)
    known = np.flatnonzero(np.isfinite(spine[:, 0]))
    if known.size < 3:
        return Part(notes=("no spine in view: the kidneys were not sought",))
    first, last = levels(frame, known)
    if last - first < 3:
        return Part()
    taken = np.zeros(frame.hu.shape, dtype=np.bool_)
    organs = np.zeros(frame.hu.shape, dtype=np.bool_)
    for name, (mask, _) in so_far.items():
        if name.startswith(("aorta", "heart", "iliac")):
            taken |= mask
        elif name in ("liver", "spleen"):
            # Where a kidney is as bright as the liver a thin part of it may have gone to the liver.
            organs |= grown(depth(mask, frame.spacing) > _THICK, _THICK, frame.spacing) & mask
    masks: dict[str, tuple[Mask, float]] = {}
    for side, sign in (("left", 1), ("right", -1)):
        box = _box(frame, spine[first:last], first, last, sign)
        if box.empty:
            continue
        found = _best(frame, box, spine, taken | organs, sign, trim=True)
        if (found is None or found[1] < _DOUBTFUL) and organs[box.slices].any():
            # A kidney as bright as the spleen or the liver beside it may have gone to them with all its thickness.
            again = _best(frame, box, spine, taken, sign, _RANGES[2:] + _above(frame, organs, box))
            found = again if found is None or (again is not None and again[1] > found[1]) else found
            if found is None or found[1] < _DOUBTFUL:
                # Without fat between them only the cortex, brighter than the organ, comes free: what it holds is it.
                midway = _cortical(frame, organs, box)
                for others, ranges in ((taken, midway), (taken | organs, _RANGES[2:3])) if midway else ():
                    found = _closer(found, _best(frame, box, spine, others, sign, ranges, cortex=True))
        if found is not None and not _elsewhere(frame, box, found[0], so_far):
            body, sure = found
            whole = _with_sinus(frame, box, body, taken | organs)
            for name in ("liver", "spleen"):
                if name in so_far:
                    organ, certain = masks.get(name, so_far[name])
                    more = reclaimed(whole, organ[box.slices], frame.hu[box.slices], frame.spacing)
                    if more.any():
                        whole = whole | more
                        masks[name] = (organ & ~box.put(more, frame.hu.shape), certain)
            masks[f"kidney_{side}"] = (box.put(whole, frame.hu.shape), sure)
            for name, mask in kidney_parts.split(whole, frame.hu[box.slices], frame.spacing).items():
                masks[f"kidney_{name}_{side}"] = (box.put(mask, frame.hu.shape), sure)
    return Part(masks=masks)


def _elsewhere(frame: Frame, box: Box, body: Body, so_far: Mapping[str, tuple[Mask, float]]) -> bool:
    """Whether a body is a piece of liver or spleen, or lies in the pelvis, where psoas and bowel look like kidneys."""
    low = frame.slices_in("pelvis")[box.slices[0]][body.where[0]]
    if float(body.mask[low].sum()) > _LOW * float(body.mask.sum()):
        return True
    hu = frame.hu[box.slices][body.where][body.mask]
    for name in ("liver", "spleen"):
        if name not in so_far:
            continue
        organ = so_far[name][0]
        share = float(organ[box.slices][body.where][body.mask].mean())
        # An enhanced kidney that went to the organ beside it for a part is brighter.
        if share > _SHARED and abs(float(np.median(hu)) - float(np.median(frame.hu[organ]))) < _ALIKE:
            return True
    return False


def _above(frame: Frame, organs: Mask, box: Box) -> tuple[tuple[float, float], ...]:
    """Ranges of attenuation above that of an enhanced liver or spleen in the box."""
    values = frame.hu[box.slices][organs[box.slices]]
    level = float(np.median(values)) if values.size else 0.0
    return tuple((level + step, _RANGES[0][1]) for step in _BRIGHTER) if level > _BRIGHT_ORGAN else ()


def _closer(found: tuple[Body, float] | None, cortex: tuple[Body, float] | None) -> tuple[Body, float] | None:
    """The surer of a body and one found by its cortex; the latter also where it is the former without its fringe."""
    if found is None or cortex is None:
        return found or cortex
    start = [max(a.start, b.start) for a, b in zip(found[0].where, cortex[0].where, strict=True)]
    stop = [min(a.stop, b.stop) for a, b in zip(found[0].where, cortex[0].where, strict=True)]
    both = 0.0
    if all(a < b for a, b in zip(start, stop, strict=True)):
        cuts = [
            tuple(slice(a - w.start, b - w.start) for a, b, w in zip(start, stop, body.where, strict=True))
            for body in (found[0], cortex[0])
        ]
        both = float((found[0].mask[cuts[0]] & cortex[0].mask[cuts[1]]).sum())
    fringe = both > _PART_OF * float(cortex[0].mask.sum()) and cortex[1] > found[1] - _LESS_SURE
    return cortex if fringe or cortex[1] > found[1] else found


def _cortical(frame: Frame, organs: Mask, box: Box) -> tuple[tuple[float, float], ...]:
    """Ranges of attenuation of which only the cortex of an enhanced kidney is, beside an enhanced organ."""
    values = frame.hu[box.slices][organs[box.slices]]
    level = float(np.median(values)) if values.size else 0.0
    return tuple((level + step, _RANGES[0][1]) for step in _MIDWAY) if level > _BRIGHT_ORGAN else ()


def _box(frame: Frame, spine: NDArray[np.float64], first: int, last: int, sign: int) -> Box:
    rows = spine[:, 0][np.isfinite(spine[:, 0])]
    if not rows.size:
        return Box((0, 0, 0), (0, 0, 0))
    column = float(np.nanmedian(spine[:, 1]))
    sides = sorted(column + sign * reach / frame.spacing[2] for reach in _BESIDE)
    return clip(
        frame,
        (first, rows.min() - _FRONT / frame.spacing[1], sides[0]),
        (last - 1, rows.max() + _BACK / frame.spacing[1], sides[1]),
    )


def _best(
    frame: Frame,
    box: Box,
    spine: NDArray[np.float64],
    taken: Mask,
    sign: int,
    ranges: tuple[tuple[float, float], ...] = _RANGES,
    cortex: bool = False,
    trim: bool = False,
) -> tuple[Body, float] | None:
    """The body that is most like a kidney and how sure it is; of ``cortex`` what it encloses belongs to it.

    ``trim`` says to try bodies without what hangs on them too.
    """
    if not ranges:
        return None
    hu = frame.hu[box.slices]
    sharp, smooth = (ndimage.gaussian_filter(hu, sigma) for sigma in _SMOOTH)
    # Stones are bright; bone is not where a kidney is, and what the frame calls bone there may be a stone.
    bone = _spine_and_ribs(frame, box)
    possible = frame.body[box.slices] & ~taken[box.slices] & ~bone
    if cortex:
        possible &= ~grown(bone, _BONE_BLUR, frame.spacing)
    fat = sharp < -25.0
    gas = (hu < _GAS) & ~frame.lungs[box.slices] & frame.body[box.slices]
    # Beside gas fat is not told from what gas darkens.
    airy = grown(gas, _NEAR_GAS, frame.spacing) & (~fat | grown(gas, 2 * max(frame.spacing), frame.spacing))
    around = _Around(hu, fat, bone, airy)
    best: tuple[float, Body] | None = None
    for low, high in ranges:
        image = sharp if (low, high) == _RANGES[0] else smooth
        tissue = (image > low) & (image < high) & possible
        if low > 0:
            # Cortex lights up first: medulla, sinus and noise leave gaps in it.
            tissue = closed(tissue, _GAPS, frame.spacing) & possible
        if not tissue.any():
            continue
        thickness = (0.0,) if cortex else _THICKNESS
        for body in bodies(tissue, depth(tissue, frame.spacing), box, frame, thickness, _LEAST_ML, _LARGEST):
            if cortex:
                body = _filled(frame, box, body, possible)
            score = _score(frame, body, spine, sign, around) * _closed_below(frame, box, body)
            if trim and _HINT < score < _DOUBT and (trimmed := _trimmed(frame, box, body, possible)) is not None:
                again = _score(frame, trimmed, spine, sign, around) * _closed_below(frame, box, trimmed)
                score, body = max((score, body), (again, trimmed), key=lambda some: some[0])
            if score > 0 and (best is None or score > best[0]):
                best = (score, body)
    if best is None or best[0] < 0.2:
        return None
    return best[1], round(min(0.93, 0.45 + 0.5 * best[0]), 2)


def _closed_below(frame: Frame, box: Box, body: Body) -> float:
    """0 for a body that the lower end of the search cuts where it goes on as thick: a psoas, 1 for one with a pole."""
    if box.low[0] == 0 or body.where[0].start > 0:
        return 1.0
    area = float(body.mask[:2].sum(axis=(1, 2)).max()) * frame.spacing[1] * frame.spacing[2]
    return within(area, -1.0, -0.5, *_POLE_MM2)


def _filled(frame: Frame, box: Box, body: Body, possible: Mask) -> Body:
    """A body of cortex with the medulla and the sinus that it surrounds."""
    mask = np.zeros(possible.shape, dtype=np.bool_)
    mask[body.where] = body.mask
    whole = closed(mask, _SINUS, frame.spacing) & possible
    for level in np.flatnonzero(whole.any(axis=(1, 2))).tolist():
        whole[level] = outline(whole[level]) & possible[level]
    return _as_body(frame, box, whole, body.cut)


def _trimmed(frame: Frame, box: Box, body: Body, possible: Mask) -> Body | None:
    """A body with its sinus and without the vein, the vessels and the loops of bowel that hang on it, if any is left.

    Those are thinner than a kidney whose sinus is filled, though not thinner than its parenchyma.
    """
    pad = [int(np.ceil(_SINUS / size)) + 1 for size in frame.spacing]
    wide = tuple(
        slice(max(0, s.start - p), min(n, s.stop + p)) for s, p, n in zip(body.where, pad, possible.shape, strict=True)
    )
    mask = np.zeros(possible.shape, dtype=np.bool_)
    mask[body.where] = body.mask
    whole = closed(mask[wide], _SINUS, frame.spacing) & possible[wide]
    for level in range(len(whole)):
        whole[level] = ndimage.binary_fill_holes(whole[level])
    cores = cc3d.connected_components(depth(whole, frame.spacing) > _TRIM, connectivity=6)
    sizes = np.bincount(cores.ravel())
    if len(sizes) < 2:
        return None
    core = cores == 1 + int(sizes[1:].argmax())
    kept = np.zeros(possible.shape, dtype=np.bool_)
    kept[wide] = grown(core, _TRIM + max(frame.spacing) / 2, frame.spacing) & whole
    return _as_body(frame, box, kept, body.cut)


def _as_body(frame: Frame, box: Box, whole: Mask, cut: bool) -> Body:
    """A mask of the box as a body."""
    where = ndimage.find_objects(whole.astype(np.uint8))[0]
    ml = float(whole.sum()) * float(np.prod(frame.spacing)) / 1000.0
    middle = np.array(ndimage.center_of_mass(whole)) + np.array(box.low)
    z, y, x = (float(v) for v in middle)
    high, deep, wide = ((s.stop - s.start) * d for s, d in zip(where, frame.spacing, strict=True))
    return Body(whole[where], where, ml, (z, y, x), (high, deep, wide), cut)


def _spine_and_ribs(frame: Frame, box: Box) -> Mask:
    """Large pieces of bone; small ones inside soft tissue are stones."""
    labels, count = ndimage.label(frame.bone[box.slices])
    if not count:
        return np.zeros(labels.shape, dtype=np.bool_)
    sizes = np.bincount(labels.ravel()) * float(np.prod(frame.spacing)) / 1000.0
    sizes[0] = 0
    return np.asarray((sizes > 3.0)[labels])


@dataclass(frozen=True, slots=True, eq=False)
class _Around:
    hu: NDArray[np.float32]
    fat: Mask
    bone: Mask
    airy: Mask


def _score(frame: Frame, body: Body, spine: NDArray[np.float64], sign: int, around: _Around) -> float:
    """How much a body is a kidney, 0 to 1."""
    z = int(np.clip(round(body.centre[0]), 0, len(spine) - 1))
    if not np.isfinite(spine[z, 0]):
        return 0.0
    side = sign * (body.centre[2] - spine[z, 1]) * frame.spacing[2]
    back = (body.centre[1] - spine[z, 0]) * frame.spacing[1]
    middle = float(np.median(around.hu[body.where][body.mask]))
    # A body cut off by the end of the scan may have any length and less volume.
    size = within(body.ml, 5 if body.cut else 40, 60 if body.cut else 90, 330, 650)
    length = within(body.size[0], 5 if body.cut else 45, 20 if body.cut else 75, 145, 200)
    width = within(body.size[2], 20, 32, 76, 96) * within(body.size[1], 20, 32, 78, 98)
    place = within(side, 28, 42, 82, 102) * within(back, -48, -28, 18, 38)
    bright = within(middle, 2, 14, 330, 420)
    # Two voxels out: the first mixes kidney and fat.
    wide = tuple(slice(max(0, s.start - 2), s.stop + 2) for s in body.where)
    mask = np.pad(body.mask, [(s.start - w.start, 2) for s, w in zip(body.where, wide, strict=True)])
    mask = mask[tuple(slice(0, n) for n in around.hu[wide].shape)]
    skin = ndimage.binary_dilation(mask)
    rim = ndimage.binary_dilation(skin) & ~skin
    fatty = float(around.fat[wide][rim].mean()) if rim.any() else 0.0
    if middle > _ENHANCED and rim.any():
        # With contrast it stands out against anything, ascites and psoas too.
        fatty = max(fatty, float((around.hu[wide][rim] < _DARKER * middle).mean()))
    bony = float(around.bone[wide][rim].mean()) if rim.any() else 0.0
    # Kidneys are embedded in fat, in the lean at least in part; the psoas and the muscles of the back lie on bone.
    bound = within(fatty, -0.1, 0.35, 1.1, 1.2) * within(bony, -1.0, -0.5, 0.01, 0.08)
    # Gas before it without fat between is that of a stomach or bowel, whose content it then is.
    front = rim & (np.arange(rim.shape[1])[None, :, None] < rim.shape[1] / 2)
    if back < _BEFORE_BODY and front.any():
        bound *= within(float(around.airy[wide][front].mean()), -1.0, -0.5, *_GASSY)
    filled = body.ml * 1000.0 / float(np.prod(body.size))
    # A bean fills about half of its box; bowel loops and muscle sheets less.
    solid = within(filled, 0.15, 0.36, 0.9, 1.0)
    return float((size * length * width * place * bright * bound * solid) ** 0.5)


def _with_sinus(frame: Frame, box: Box, body: Body, others: Mask) -> Mask:
    """The body with its rim and its sinus: gaps closed, but not into bone, and each slice's holes filled."""
    mask = np.zeros(frame.hu[box.slices].shape, dtype=np.bool_)
    mask[body.where] = body.mask
    bone = _spine_and_ribs(frame, box)
    mask |= _rim(frame, box, mask) & ~bone & ~others[box.slices]
    whole = closed(mask, _SINUS, frame.spacing) & ~bone
    for z in range(len(whole)):
        whole[z] = ndimage.binary_fill_holes(whole[z])
    return np.asarray(whole)


def _rim(frame: Frame, box: Box, mask: Mask) -> Mask:
    """The rim of a kidney: voxels beside it that are at least half kidney where the rest is fat."""
    hu = frame.hu[box.slices]
    middle = float(np.median(hu[mask]))
    smooth = ndimage.gaussian_filter(hu, _SMOOTH[0])
    if middle > _ENHANCED:
        rim = smooth > 0.5 * middle
    else:
        # More kidney than fat (-100 HU), and no brighter than a kidney is.
        rim = (smooth > 0.6 * middle - 40.0) & (smooth < middle + _NO_BRIGHTER)
    return np.asarray(grown(mask, _RIM, frame.spacing) & rim & ~mask)
