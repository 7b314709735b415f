"""The bed of the pancreas: soft tissue before the great vessels, from the duodenum to the hilum of the spleen."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from calciscope.anatomy.embedded.aorta import spine_track
from calciscope.anatomy.embedded.frame import Frame, Mask, Part

# The bed reaches from so far below the middle of the kidneys (the head) to so far above it (the tail), which lies
# the third below their tops, mm.
_BELOW, _ABOVE = 25.0, 65.0
_HALF_KIDNEY = 52.0
# It lies so far before the middle of the vertebral body, mm: over the vessels, and at the hilum of the spleen.
_FRONT, _TAIL = (22.0, 78.0), (-12.0, 62.0)
# From so far right of the midline to so far left of it; from the second on the tail turns back, mm.
_RIGHT, _TURN, _LEFT = 48.0, 42.0, 92.0
# Parenchyma and its vessels, HU.
_TISSUE = (-20.0, 230.0)
_SURE = 0.55


def segment(frame: Frame, so_far: Mapping[str, tuple[Mask, float]]) -> Part:
    """The mask ``pancreas_bed``; needs a kidney for its level. The duodenum and vessels lie in the bed too."""
    kidneys = [so_far[name] for name in ("kidney_left", "kidney_right") if name in so_far]
    tops = [int(np.flatnonzero(mask.any(axis=(1, 2)))[-1]) for mask, _ in kidneys]
    # A kidney that the upper end of the scan cuts says nothing of its level.
    tops = [top for top in tops if top < frame.hu.shape[0] - 1]
    spine = spine_track(frame)
    if not tops or not np.isfinite(spine[:, 0]).any():
        return Part()
    middle = float(np.mean(tops)) - _HALF_KIDNEY / frame.spacing[0]
    low = max(0, round(middle - _BELOW / frame.spacing[0]))
    high = min(frame.hu.shape[0], round(middle + _ABOVE / frame.spacing[0]))
    known = np.flatnonzero(np.isfinite(spine[:, 0]))
    row, column = (np.interp(np.arange(low, high), known, spine[known, k])[:, None, None] for k in (0, 1))
    front = (row - np.arange(frame.hu.shape[1])[None, :, None]) * frame.spacing[1]
    left = (np.arange(frame.hu.shape[2])[None, None] - column) * frame.spacing[2]
    body = (front > _FRONT[0]) & (front < _FRONT[1]) & (left > -_RIGHT) & (left <= _TURN)
    tail = (front > _TAIL[0]) & (front < _TAIL[1]) & (left > _TURN) & (left < _LEFT)
    # The head lies lower than the tail.
    up = np.arange(low, high)[:, None, None] > middle
    bed = np.zeros(frame.hu.shape, dtype=np.bool_)
    bed[low:high] = body & (up | (left < 0.0)) | tail & up
    hu = frame.hu
    bed &= frame.body & ~frame.bone & ~frame.lungs & (hu > _TISSUE[0]) & (hu < _TISSUE[1])
    for name, (mask, _) in so_far.items():
        if name != "gallbladder_fossa":
            bed &= ~mask
    sure = _SURE * max(sure for _, sure in kidneys)
    return Part(masks={"pancreas_bed": (bed, round(sure, 2))} if bed.any() else {})
