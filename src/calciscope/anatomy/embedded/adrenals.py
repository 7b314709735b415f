"""The beds of the adrenal glands: thin soft tissue in the fat above and before the kidneys, beside the spine."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from calciscope.anatomy.embedded.aorta import spine_track
from calciscope.anatomy.embedded.bodies import depth, grown
from calciscope.anatomy.embedded.frame import Frame, Mask, Part

# The gland lies from so far below the top of its kidney to so far above it, mm.
_BELOW, _ABOVE = 28.0, 34.0
# So far beside the middle of the vertebral body and so far before (or, negative, behind) it, mm.
_BESIDE, _FRONT = (14.0, 58.0), (-12.0, 38.0)
# Its limbs are thinner than twice this, mm, and lie within this of fat; soft tissue, HU.
_THIN, _BY_FAT = 7.5, 6.0
_TISSUE = (-25.0, 200.0)
_SURE = 0.6


def segment(frame: Frame, so_far: Mapping[str, tuple[Mask, float]]) -> Part:
    """Masks ``adrenal_bed_left`` and ``adrenal_bed_right``; each needs its kidney, whose top is in view."""
    spine = spine_track(frame)
    known = np.flatnonzero(np.isfinite(spine[:, 0]))
    masks: dict[str, tuple[Mask, float]] = {}
    for side, sign in (("left", 1), ("right", -1)):
        found = so_far.get(f"kidney_{side}")
        if found is None or not known.size:
            continue
        top = int(np.flatnonzero(found[0].any(axis=(1, 2)))[-1])
        low = max(0, round(top - _BELOW / frame.spacing[0]))
        high = min(frame.hu.shape[0], round(top + _ABOVE / frame.spacing[0]) + 1)
        if top >= frame.hu.shape[0] - 1:
            continue
        part = slice(low, high)
        row, column = (np.interp(np.arange(low, high), known, spine[known, k])[:, None, None] for k in (0, 1))
        front = (row - np.arange(frame.hu.shape[1])[None, :, None]) * frame.spacing[1]
        beside = sign * (np.arange(frame.hu.shape[2])[None, None] - column) * frame.spacing[2]
        seat = (front > _FRONT[0]) & (front < _FRONT[1]) & (beside > _BESIDE[0]) & (beside < _BESIDE[1])
        hu = frame.hu[part]
        soft = frame.body[part] & ~frame.bone[part] & ~frame.lungs[part] & (hu > _TISSUE[0]) & (hu < _TISSUE[1])
        # Crus, liver, spleen and stomach are thick; the limbs of the gland are not.
        thick = grown(depth(soft, frame.spacing) > _THIN, _THIN, frame.spacing)
        bed = soft & ~thick & seat & grown(frame.fat[part], _BY_FAT, frame.spacing)
        for name, (mask, _) in so_far.items():
            if name not in ("pancreas_bed", "gallbladder_fossa"):
                bed &= ~mask[part]
        if bed.any():
            whole = np.zeros(frame.hu.shape, dtype=np.bool_)
            whole[part] = bed
            masks[f"adrenal_bed_{side}"] = (whole, round(_SURE * found[1], 2))
    return Part(masks=masks)
