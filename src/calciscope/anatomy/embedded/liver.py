"""Liver and spleen: large homogeneous bodies under the lungs, found by the attenuation that fills most of the place."""

from __future__ import annotations

from collections.abc import Mapping

import cc3d
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from calciscope.anatomy.embedded import cage
from calciscope.anatomy.embedded.aorta import spine_track
from calciscope.anatomy.embedded.bodies import depth, grown, within
from calciscope.anatomy.embedded.frame import Frame, Mask, Part

# Attenuation of liver and spleen: a fatty liver is dark, an enhanced spleen bright, HU.
_PARENCHYMA = (15.0, 200.0)
# Half the width of the band of attenuation about the commonest, HU: noise of a smoothed 3 mm voxel and vessels.
_BAND = 17.0
# So many SD of the liver make the band of the spleen, which is at least this wide, HU: a kidney is 15 HU darker.
_SPREADS, _NARROWEST = 3.0, 9.0
# A liver as bright as this is enhanced, HU.
_ENHANCED = 78.0
# Neighbours that are this many half-widths brighter are enhanced kidney or vessels outside; vessels inside are holes.
_BRIGHTER = 2.3
# Bridges thinner than twice this to other organs are cut, mm.
_BRIDGE = 7.0
# Depth at which tissue can only be the inside of a large organ, mm, and how many voxels of it say how bright that is.
_DEEP, _ENOUGH = 14.0, 100
# The organs lie within this range of the lowest slice of lung, mm.
_BELOW_LUNG, _ABOVE_LUNG = 230.0, 110.0
# This far behind the centre of a vertebral body, mm, lies little of the liver; twice as far little of the spleen.
_BEHIND = 20.0
# They may reach this far below the upper end of the pelvis, mm.
_INTO_PELVIS = 45.0


def segment(frame: Frame, so_far: Mapping[str, tuple[Mask, float]]) -> Part:
    """Masks ``liver`` and ``spleen``; the heart and the great vessels of ``so_far`` are left out."""
    spine = spine_track(frame)
    known = np.flatnonzero(np.isfinite(spine[:, 0]))
    if known.size < 3:
        return Part(notes=("no spine in view: liver and spleen were not sought",))
    first, last = levels(frame, known)
    if last - first < 3:
        return Part()
    part = slice(first, last)
    smooth = ndimage.gaussian_filter(frame.hu[part], 1.2)
    free = frame.body[part] & ~frame.bone[part] & ~frame.lungs[part]
    for name, (mask, _) in so_far.items():
        if name.startswith(("aorta", "heart", "mediastinum")):
            free &= ~mask[part]
    column = spine[part, 1][:, None, None]
    row = spine[part, 0][:, None, None]
    left = (np.arange(frame.hu.shape[2])[None, None] - column) * frame.spacing[2]
    back = (np.arange(frame.hu.shape[1])[None, :, None] - row) * frame.spacing[1]
    masks = {}
    liver = _organ(frame, frame.hu[part], smooth, free & (left < 90.0), (left < -25.0) & (back < 45.0))
    if liver is not None:
        mask, ml = liver
        # The liver lies mainly on the right; what is cut off by the end of the scan may be small.
        right = float((mask & (left < 0)).sum()) / float(mask.sum())
        sure = within(ml, 60, 500, 2500, 4500) * within(right, 0.45, 0.7, 1.1, 1.2)
        # Muscles of back and buttock lie behind the vertebral bodies; of the liver only its hindmost part does.
        sure *= within(_share(mask, back > _BEHIND), -1.0, -0.5, 0.3, 0.5)
        if sure > 0.2:
            masks["liver"] = (_whole(mask, frame, first), round(0.5 + 0.4 * sure, 2))
            free &= ~mask
    # The spleen lies behind the middle of the vertebral body or just before it, against ribs and diaphragm.
    seat = free & (left > 25.0) & (back > -110.0)
    ribs = cage.inside(frame)
    if ribs is not None:
        # The muscles of the back are no darker than a spleen, and between two ribs they touch it.
        seat &= ribs[part]
    band = _band(smooth, masks["liver"][0][part]) if "liver" in masks else _BAND
    spleen = _organ(frame, frame.hu[part], smooth, seat, seat & (left > 60.0) & (back > -45.0) & (back < 70.0), band)
    if spleen is not None and "liver" in masks:
        mask, ml = spleen
        centre = float((mask * left).sum() / mask.sum())
        sure = within(ml, 25, 90, 450, 1000) * within(centre, 55, 75, 135, 170)
        sure *= within(_share(mask, back > 2.0 * _BEHIND), -1.0, -0.5, 0.3, 0.6)
        if sure > 0.2:
            masks["spleen"] = (_whole(mask, frame, first), round(0.45 + 0.4 * sure, 2))
    return Part(masks=masks)


def _band(smooth: NDArray[np.float32], liver: Mask) -> float:
    """Half the width of the band of attenuation of an organ like the liver: what noise and vessels make of it.

    A spleen that contrast has just reached is bright in parts only, and kidneys are brighter still.
    """
    values = smooth[liver]
    if values.size and float(np.median(values)) > _ENHANCED:
        return _BAND
    spread = float(np.median(np.abs(values - np.median(values)))) * 1.48 if values.size else _BAND
    return float(np.clip(_SPREADS * spread, _NARROWEST, _BAND))


def _share(mask: Mask, where: NDArray[np.bool_]) -> float:
    return float((mask & where).sum()) / max(1.0, float(mask.sum()))


def levels(frame: Frame, known: NDArray[np.int64]) -> tuple[int, int]:
    """Coarse slices where the organs of the upper abdomen can lie, within the spine in view (``known``)."""
    lungs = np.flatnonzero(frame.lungs.sum(axis=(1, 2)) * frame.spacing[1] * frame.spacing[2] > 400.0)
    first, last = int(known[0]), int(known[-1]) + 1
    if lungs.size:
        first = max(first, int(lungs[0] - _BELOW_LUNG / frame.spacing[0]))
        last = min(last, int(lungs[0] + _ABOVE_LUNG / frame.spacing[0]))
    # Below the iliac crests the same attenuation is muscle and bowel.
    parts = [r for r in frame.regions if r.name in ("abdomen", "chest")]
    if frame.regions:
        if not parts:
            return 0, 0
        reach = round(_INTO_PELVIS / frame.spacing[0])
        first = max(first, min(r.start for r in parts) // frame.factor[0] - reach)
        last = min(last, -(-max(r.stop for r in parts) // frame.factor[0]))
    return first, last


def _organ(
    frame: Frame,
    hu: NDArray[np.float32],
    smooth: NDArray[np.float32],
    free: Mask,
    seat: NDArray[np.bool_],
    band: float = _BAND,
) -> tuple[Mask, float] | None:
    """The largest body of the commonest attenuation deep inside ``seat``, and its volume in ml."""
    tissue = free & (smooth > _PARENCHYMA[0]) & (smooth < _PARENCHYMA[1])
    deep = depth(tissue, frame.spacing)
    # A small organ is nowhere as deep as that.
    choices = (smooth[(deep > share * _DEEP) & seat] for share in (1.0, 0.7))
    inside = next((values for values in choices if values.size >= _ENOUGH), None)
    if inside is None:
        return None
    counts, edges = np.histogram(inside, np.arange(_PARENCHYMA[0], _PARENCHYMA[1] + 4, 4.0))
    middle = float(edges[int(np.argmax(np.convolve(counts, np.ones(3), mode="same")))]) + 2.0
    alike = free & (np.abs(smooth - middle) < band)
    cores = cc3d.connected_components(depth(alike, frame.spacing) > _BRIDGE, connectivity=6)
    weight = np.bincount(cores[np.broadcast_to(seat, cores.shape)].ravel(), minlength=int(cores.max()) + 1)
    weight[0] = 0
    if not weight.any():
        return None
    core = cores == int(weight.argmax())
    near = grown(core, _BRIDGE + max(frame.spacing), frame.spacing)
    # Vessels and noise inside are organ, and so is the rim that partial volume makes darker.
    mask = near & free & (smooth > middle - 1.6 * band) & (smooth < middle + _BRIGHTER * band)
    mask = np.asarray(ndimage.binary_closing(mask, iterations=1) & free)
    for z in np.flatnonzero(mask.any(axis=(1, 2))).tolist():
        mask[z] = ndimage.binary_fill_holes(mask[z]) & free[z]
    # Smoothing has eaten the rim against fat and lung.
    mask |= grown(mask, 1.1 * max(frame.spacing), frame.spacing) & free & (hu > middle - 2.2 * _BAND)
    return mask, float(mask.sum()) * float(np.prod(frame.spacing)) / 1000.0


def _whole(mask: Mask, frame: Frame, first: int) -> Mask:
    full = np.zeros(frame.hu.shape, dtype=np.bool_)
    full[first : first + len(mask)] = mask
    return full
