"""Blood in a head: the straight sinus, which runs alone in the middle between cerebrum and cerebellum."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from calciscope.anatomy.embedded.cranial.pose import Pose
from calciscope.anatomy.embedded.frame import Frame
from calciscope.domain.anatomy import BloodPool

# From the great vein to before the inner occipital protuberance, mm to the front and up in the average head.
_FROM, _TO, _STATIONS = (-50.0, 10.0), (-84.0, -10.0), 12
# It is looked for this far around, mm, on a grid of this many mm, averaged over so many mm.
_AROUND, _GRID, _MEAN = 7.0, 1.0, 3
# Blood without contrast stays below this, HU, however thick it is; a thrombus in the sinus too (Black et al., AJNR
# 2011;32:1354-1357: 50 to 90).
_ENHANCED_HU = 95.0
# Blood is even, HU; calcium and bone are not.
_EVEN_HU = 30.0


def straight_sinus(frame: Frame, pose: Pose) -> BloodPool | None:
    """Blood in the straight sinus if contrast was given, else ``None``; also where too little of it is in view."""
    sides = np.arange(-_AROUND, _AROUND + 0.5 * _GRID, _GRID)
    course = np.linspace(_FROM, _TO, _STATIONS)
    along = np.subtract(_TO, _FROM) / float(np.linalg.norm(np.subtract(_TO, _FROM)))
    # Across: to the left, and at a right angle to the course in the middle plane.
    left, off = np.meshgrid(sides, sides, indexing="ij")
    front = course[:, 0, None, None] - along[1] * off
    up = course[:, 1, None, None] + along[0] * off
    points = np.stack([np.broadcast_to(left, front.shape), front, up], axis=-1)
    index = np.moveaxis(frame.volume.geometry.to_index(pose.to_patient(points)), -1, 0)
    last = np.array(frame.volume.hu.shape)[:, None, None, None] - 1
    seen = np.asarray(((index >= 0) & (index <= last)).all(axis=(0, 2, 3)))
    if seen.sum() < _STATIONS // 2:
        return None
    low = np.maximum(np.floor(index.min(axis=(1, 2, 3))).astype(int), 0)
    high = np.ceil(index.max(axis=(1, 2, 3))).astype(int) + 2
    box = frame.volume.hu[tuple(slice(a, b) for a, b in zip(low, high, strict=True))].astype(np.float32)
    planes = ndimage.map_coordinates(box, index[:, seen] - low[:, None, None, None], order=1, mode="nearest")
    brightest = ndimage.uniform_filter(planes, (1, _MEAN, _MEAN)).max(axis=(1, 2))
    # Where the usual course misses the sinus there is brain.
    hit = brightest[brightest >= np.median(brightest)]
    level = float(np.median(hit))
    spread = 1.4826 * float(np.median(np.abs(hit - level)))
    if level < _ENHANCED_HU or spread > _EVEN_HU:
        return None
    return BloodPool(level, spread, int(planes.size), "straight sinus")
