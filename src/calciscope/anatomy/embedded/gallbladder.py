"""The gallbladder and its fossa: bile or stones in the hollow under the right lobe of the liver."""

from __future__ import annotations

from collections.abc import Mapping

import cc3d
import numpy as np
from scipy import ndimage

from calciscope.anatomy.embedded.aorta import spine_track
from calciscope.anatomy.embedded.bodies import closed, depth, distance, grown, within
from calciscope.anatomy.embedded.frame import Frame, Mask, Part

# Bile, HU; smoothed 3 mm voxels.
_BILE = (-12.0, 27.0)
# Calcium in the fossa is a stone: this bright, and brighter than the liver and its vessels by this much, HU.
_STONE, _ABOVE_LIVER = 130.0, 70.0
# Enhanced veins may be a little brighter than the aorta, HU. The wall of the belly is at least this thick, mm.
_ABOVE_BLOOD, _BELLY_WALL = 40.0, 14.0
# A stone may lie so deep between folds of the liver, mm.
_FOLD = 7.0
# Dents of the liver narrower than twice this are its fossae, mm.
_FOSSA = 16.0
# Half-thicknesses at which a gallbladder may come free of its neighbours, and how far it may lie from the liver, mm.
_HALF, _APART = (4.5, 7.0, 10.0), 9.0
# Beside the liver, this near to it, the neck and the fundus reach so far beyond the body, mm, and are this thick.
_BESIDE_LIVER, _NECK, _FUNDUS_HALF = 4.0, 7.0, 2.0
_LEAST_CORE_ML = 0.15
# A dense rim is blurred this far beyond the voxels that pass as stone, mm.
_STONE_EDGE = 4.5
# Without bile in sight there must be this much stone, ml: less is plaque or a vessel.
_FILLING_ML = 0.5
# A hollow under the liver of less than this is no fossa, ml.
_LEAST_FOSSA_ML = 1.0
# How sure a gallbladder with stones in its place is, given the liver.
_WITH_STONES = 0.9
# How far the fundus may hang below the liver, mm.
_FUNDUS = 28.0


def segment(frame: Frame, so_far: Mapping[str, tuple[Mask, float]], inner: Mask | None = None) -> Part:
    """Masks ``gallbladder`` (where bile or a stone is seen) and ``gallbladder_fossa``; needs the liver.

    ``inner`` is what the muscles and bones of the trunk surround: costal cartilage and the muscles of the belly's wall
    lie in its outermost layer and are neither stone nor bile.
    """
    if "liver" not in so_far:
        return Part()
    liver, sure = so_far["liver"]
    where = ndimage.find_objects(liver.astype(np.uint8))[0]
    pad = [int(30.0 / s) for s in frame.spacing]
    box = tuple(slice(max(0, s.start - p), min(n, s.stop + p)) for s, p, n in zip(where, pad, liver.shape, strict=True))
    spine = spine_track(frame)[box[0]]
    if not np.isfinite(spine[:, 0]).any():
        return Part()
    column, row = (float(np.nanmedian(spine[:, k])) for k in (1, 0))
    rows = (np.arange(box[1].start, box[1].stop)[None, :, None] - row) * frame.spacing[1]
    columns = (np.arange(box[2].start, box[2].stop)[None, None, :] - column) * frame.spacing[2]
    others = np.zeros(liver[box].shape, dtype=np.bool_)
    for name, (mask, _) in so_far.items():
        if name != "liver":
            others |= mask[box]
    hu = frame.hu[box]
    if inner is not None:
        others |= depth(inner[box], (1e4, frame.spacing[1], frame.spacing[2])) < _BELLY_WALL
    # The fossa lies on the right, in front of the kidney, and opens downwards.
    seat = (columns < 5.0) & (rows < -5.0) & ~others & ~frame.bone[box] & frame.body[box]
    hull = closed(liver[box], _FOSSA, frame.spacing)
    below = _lower_half(liver[box])
    fossa = hull & ~liver[box] & seat & below & (hu > -300.0)
    smooth = ndimage.gaussian_filter(hu, 0.9)
    near = grown(liver[box], _APART, frame.spacing)
    shallow = depth(liver[box], frame.spacing) < _FOLD
    tissue = float(np.median(hu[liver[box]]))
    noise = 1.48 * float(np.median(np.abs(hu[liver[box]] - tissue)))
    bright = hu > max(_STONE, tissue + max(_ABOVE_LIVER, 5.0 * noise), _blood(frame, so_far) + _ABOVE_BLOOD)
    # A stone may be as dense as bone: a rib betrays itself by running on beyond the fossa.
    place = (columns < 5.0) & (rows < -5.0) & ~others & below & (near & shallow | hull & ~liver[box])
    # The fundus hangs below the edge of the liver, and stones there break up the bile around them.
    hanging = (columns < 5.0) & (rows < -5.0) & ~others & grown(liver[box], _FUNDUS, frame.spacing) & ~liver[box]
    lumps = _stones(bright, hanging, frame)
    found = _bile(frame, smooth, seat, near, liver[box], (hu < -250.0), grown(lumps, 2.0, frame.spacing))
    masks: dict[str, tuple[Mask, float]] = {}
    stones = _stones(bright, place, frame)
    if found is not None:
        bile, score = found
        stones = _touching(stones | lumps, grown(bile, 8.0, frame.spacing))
        masks["gallbladder"] = (
            _whole(closed(bile | grown(stones, _STONE_EDGE, frame.spacing), 6.0, frame.spacing), liver, box),
            round(sure * (max(score, _WITH_STONES) if stones.any() else score), 2),
        )
        fossa |= grown(bile, 4.0, frame.spacing) & ~liver[box] & seat
    elif stones.sum() * float(np.prod(frame.spacing)) / 1000.0 > _FILLING_ML:
        # Stones may fill it: what is calcified in the fossa, is not bone and lies free of the ribs.
        masks["gallbladder"] = (
            _whole(grown(closed(stones, 10.0, frame.spacing), _STONE_EDGE, frame.spacing), liver, box),
            round(sure * _WITH_STONES, 2),
        )
    fossa = _largest(fossa)
    if float(fossa.sum()) * float(np.prod(frame.spacing)) / 1000.0 > _LEAST_FOSSA_ML:
        masks["gallbladder_fossa"] = (_whole(fossa, liver, box), round(sure * 0.85, 2))
    return Part(masks=masks)


def _largest(mask: Mask) -> Mask:
    """The largest connected piece: there is one fossa, the other dents are fissures and the marks of ribs."""
    labels = cc3d.connected_components(mask, connectivity=26)
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    return np.asarray(labels == int(sizes.argmax())) if sizes.any() else mask


def _blood(frame: Frame, so_far: Mapping[str, tuple[Mask, float]]) -> float:
    """Attenuation of the aorta, HU: enhanced veins about the liver are no brighter; 0 where it was not traced."""
    aorta = [mask for name, (mask, _) in so_far.items() if name.startswith("aorta")]
    return float(np.median(frame.hu[np.logical_or.reduce(aorta)])) if aorta else 0.0


def _lower_half(liver: Mask) -> Mask:
    """Slices below the middle of the liver's volume and a little above it."""
    area = np.cumsum(liver.sum(axis=(1, 2)))
    top = int(np.searchsorted(area, 0.7 * area[-1]))
    below = np.zeros(liver.shape, dtype=np.bool_)
    below[: top + 1] = True
    return below


def _bile(
    frame: Frame,
    smooth: np.ndarray[tuple[int, ...], np.dtype[np.float32]],
    seat: Mask,
    near: Mask,
    liver: Mask,
    gas: Mask,
    lumps: Mask,
) -> tuple[Mask, float] | None:
    """The best body of bile beside the liver and a score from 0 to 1."""
    fluid = (smooth > _BILE[0]) & (smooth < _BILE[1]) & seat | lumps
    deep = depth(fluid, frame.spacing)
    by_gas = grown(gas, 4.0, frame.spacing)
    # Neck and fundus are narrower than the body; in its fossa they may go on further.
    touching = grown(liver, _BESIDE_LIVER, frame.spacing) & (deep > _FUNDUS_HALF)
    best: tuple[Mask, float] | None = None
    # The duodenum and loops of bowel lie on it: the thicker the core, the fewer bridges to them are left.
    for half in _HALF:
        cores = cc3d.connected_components(deep > half, connectivity=6)
        for label, where in enumerate(ndimage.find_objects(cores), start=1):
            reach = half + 0.7 * max(frame.spacing)
            pad = [int(np.ceil(reach / s)) + 2 for s in frame.spacing]
            wide = tuple(slice(max(0, s.start - p), s.stop + p) for s, p in zip(where, pad, strict=True))
            core = cores[wide] == label
            if not near[wide].any() or float(core.sum()) * float(np.prod(frame.spacing)) / 1000.0 < _LEAST_CORE_ML:
                continue
            # Partial volume darkens nothing here: a gallbladder wall is brighter than bile, fat darker.
            away = distance(core, frame.spacing)
            own = away <= distance((cores[wide] > 0) & ~core, frame.spacing)
            mask = ((away <= reach) | (away <= half + _NECK) & touching[wide]) & own & fluid[wide]
            score = _score(frame, mask, near[wide], liver[wide], by_gas[wide])
            if score > 0.2 and (best is None or score > best[1]):
                full = np.zeros(fluid.shape, dtype=np.bool_)
                full[wide] = mask
                best = (full, score)
    return None if best is None else (best[0], 0.4 + 0.32 * best[1])


def _score(frame: Frame, mask: Mask, near: Mask, liver: Mask, by_gas: Mask) -> float:
    """How much a body of bile is a gallbladder, 0 to 1."""
    ml = float(mask.sum()) * float(np.prod(frame.spacing)) / 1000.0
    rim = ndimage.binary_dilation(mask, iterations=2) & ~mask
    if not 3.0 < ml < 250.0 or not rim.any():
        return 0.0
    box = ndimage.find_objects(mask.astype(np.uint8))[0]
    size = [(s.stop - s.start) * d for s, d in zip(box, frame.spacing, strict=True)]
    compact = ml * 1000.0 / float(np.prod(size))
    return (
        within(ml, 3, 15, 90, 250)
        * within(float(near[rim].mean()), 0.1, 0.45, 1.1, 1.2)
        # A sheet of fat may part it from the liver, but then it may be a loop of bowel too.
        * (0.35 + 0.65 * within(float(liver[rim].mean()), 0.02, 0.15, 1.1, 1.2))
        * within(float(by_gas[rim].mean()), -1.0, -0.5, 0.1, 0.4)
        * within(compact, 0.1, 0.35, 1.0, 1.3)
        # In thick slices the mixture of liver and fat looks like bile, one slice high.
        * within(box[0].stop - box[0].start, 1, 4, 1e3, 1e4)
    )


def _touching(pieces: Mask, place: Mask) -> Mask:
    """The pieces that reach into a place, whole."""
    labels = cc3d.connected_components(pieces, connectivity=26)
    kept = np.zeros(int(labels.max()) + 1, dtype=np.bool_)
    kept[np.unique(labels[place])] = True
    kept[0] = False
    return np.asarray(kept[labels])


def _stones(bright: Mask, seat: Mask, frame: Frame) -> Mask:
    """Calcium that lies wholly in the seat: what runs on beyond it is rib, contrast or bowel."""
    labels = cc3d.connected_components(bright, connectivity=26)
    total = np.bincount(labels.ravel())
    inside = np.bincount(labels[seat].ravel(), minlength=len(total))
    kept = (inside > 0.7 * total) & (total * float(np.prod(frame.spacing)) < 40_000.0)
    kept[0] = False
    return np.asarray(kept[labels])


def _whole(part: Mask, liver: Mask, box: tuple[slice, ...]) -> Mask:
    full = np.zeros(liver.shape, dtype=np.bool_)
    full[box] = part
    return full
