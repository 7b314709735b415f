"""The region of the appendix: the right iliac fossa behind, below and on the inner side of the caecum."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from calciscope.anatomy.embedded.bodies import distance
from calciscope.anatomy.embedded.frame import Frame, Mask, Part
from calciscope.anatomy.embedded.pelvis import Pelvis

# The caecum lies so far from the midline on the right, and from so far below to so far above the upper end of the
# sacro-iliac joints, mm.
_BESIDE, _BELOW, _ABOVE = (28.0, 135.0), 75.0, 15.0
# Less bowel than this there is no caecum, ml. The appendix is within this distance of it, mm, and no nearer to the
# midline than the second: there run the ureter and the vessels.
_LEAST_ML, _REACH, _MIDLINE = 15.0, 45.0, 40.0
_SURE = 0.8


def segment(frame: Frame, so_far: Mapping[str, tuple[Mask, float]], ring: Pelvis | None, inner: Mask) -> Part:
    """The mask ``appendix_region``; needs the pelvis and bowel with gas in the right iliac fossa.

    ``inner`` is what muscles and bones surround. Organs and bowel of ``so_far`` are left out.
    """
    held = [so_far[name][0] for name in ("colon", "bowel") if name in so_far]
    if ring is None or not held:
        return Part()
    low = max(0, round(ring.joint_top - _BELOW / frame.spacing[0]))
    high = min(frame.hu.shape[0], round(ring.joint_top + _ABOVE / frame.spacing[0]))
    beside = (ring.midline - np.arange(frame.hu.shape[2])) * frame.spacing[2]
    fossa = np.zeros(frame.hu.shape, dtype=np.bool_)
    fossa[low:high] = (beside > _BESIDE[0]) & (beside < _BESIDE[1])
    caecum = np.logical_or.reduce(held) & fossa
    if float(caecum.sum()) * float(np.prod(frame.spacing)) / 1000.0 < _LEAST_ML:
        return Part()
    region = np.zeros(frame.hu.shape, dtype=np.bool_)
    part = slice(low, high)
    region[part] = distance(caecum[part], frame.spacing) < _REACH
    # Behind the caecum and on its inner side, not before or beside it.
    region[:, : int(np.argwhere(caecum)[:, 1].mean())] = False
    region[:, :, : int(np.flatnonzero(caecum.any(axis=(0, 1)))[0])] = False
    region &= (beside > _MIDLINE)[None, None] & inner & ~frame.bone & (frame.hu > -200.0)
    region[: ring.joint_top] &= ring.cavity[: ring.joint_top] | ~_behind_hips(ring)[: ring.joint_top]
    for name, (mask, _) in so_far.items():
        if not name.startswith(("pelvic_wall", "prostate_or", "iliac_bed", "small_bowel")):
            region &= ~mask
    return Part(masks={"appendix_region": (region, _SURE)} if region.any() else {})


def _behind_hips(ring: Pelvis) -> Mask:
    """Rows from the front of the hip bones on backwards, slice by slice."""
    rows = ring.cavity.any(axis=2)
    return np.asarray(np.cumsum(rows, axis=1) > 0)[:, :, None] & np.ones(ring.cavity.shape, dtype=np.bool_)
