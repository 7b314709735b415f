"""Mesentery and peritoneum: the fat between loops of bowel, and the lining of the wall of the belly."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from calciscope.anatomy.embedded.bodies import depth, grown
from calciscope.anatomy.embedded.frame import Frame, Mask, Part

# Fat within this distance of loops on the inner side of the wall is mesentery, mm.
_NEAR_LOOPS = 22.0
# The lining lies between these depths under the surface of the wall's muscles, mm.
_LINING = (12.0, 24.0)
_SURE_MESENTERY, _SURE_LINING = 0.6, 0.4


def segment(frame: Frame, so_far: Mapping[str, tuple[Mask, float]], inner: Mask) -> Part:
    """Masks ``mesentery`` and ``peritoneum``, where loops of bowel are seen; ``inner`` is what the wall surrounds."""
    loops = so_far.get("small_bowel")
    if loops is None:
        return Part()
    deep = depth(inner, (1e4, frame.spacing[1], frame.spacing[2]))
    # In front of the hindmost loop of each slice.
    rows = np.asarray(loops[0].any(axis=2))
    front = np.maximum.accumulate(rows[:, ::-1], axis=1)[:, ::-1]
    fat = frame.fat & inner & np.asarray(front)[:, :, None]
    mesentery = fat & (deep > _LINING[1]) & grown(loops[0], _NEAR_LOOPS, frame.spacing)
    lining = fat & (deep > _LINING[0]) & (deep <= _LINING[1])
    masks: dict[str, tuple[Mask, float]] = {}
    for name, mask, sure in (("mesentery", mesentery, _SURE_MESENTERY), ("peritoneum", lining, _SURE_LINING)):
        if mask.any():
            masks[name] = (mask, round(sure * loops[1], 2))
    return Part(masks=masks)
