"""The vertebral column as a stack of discs of bone: used where the frame lost the spine in a cropped scan."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from calciscope.anatomy.embedded.circles import best_path, vote
from calciscope.anatomy.embedded.frame import Frame, Mask

# Radii of lumbar vertebral bodies and the upper sacrum, mm.
_RADII = np.arange(15.0, 27.1, 3.0)
# Pixel of the search, mm: a body is several times as large.
_PIXEL = 5.0
# A stretch with this much support on average is a column; between a hip and the spine a path has none.
_SUPPORT = 0.22
# A shorter column may be a femoral head, mm.
_SHORTEST = 40.0


def column(frame: Frame) -> NDArray[np.float64]:
    """Row, column (coarse voxels) and radius (mm) of the vertebral body on each slice, NaN where none is seen."""
    found = np.full((frame.hu.shape[0], 3), np.nan)
    reduce = [max(1, round(_PIXEL / step)) for step in frame.spacing[1:]]
    shape = [n // k for n, k in zip(frame.hu.shape[1:], reduce, strict=True)]
    if min(shape) < 6 or len(found) < 4:
        return found
    solid = _solid(frame)[:, : shape[0] * reduce[0], : shape[1] * reduce[1]]
    blocks = solid.reshape(len(solid), shape[0], reduce[0], shape[1], reduce[1]).mean(axis=(2, 4), dtype=np.float32)
    pixel = (frame.spacing[1] * reduce[0], frame.spacing[2] * reduce[1])
    score, filled = vote(blocks * np.float32(200.0), pixel, _RADII, 0.0, 200.0)
    reward = (score - 0.5 * np.clip(0.7 - filled / 200.0, 0.0, None)).astype(np.float32)
    path, _ = best_path(reward, 1, 0.08, 0.1)
    z, index, row, col = path.T
    span = max(3, round(20.0 / frame.spacing[0]))
    good = ndimage.uniform_filter1d(score[index, z, row, col], span, mode="nearest") >= _SUPPORT
    labels, count = ndimage.label(good)
    # The uppermost stretch: what lies below it in a cropped pelvis is a hip.
    long = [k for k in range(1, count + 1) if (labels == k).sum() * frame.spacing[0] >= _SHORTEST]
    if not long:
        return found
    run = labels == long[-1]
    place = np.stack(
        [row * reduce[0] + (reduce[0] - 1) / 2, col * reduce[1] + (reduce[1] - 1) / 2, _RADII[index]], axis=1
    )
    found[run] = ndimage.gaussian_filter1d(place[run].astype(np.float64), 3.0, axis=0, mode="nearest")
    return found


def _solid(frame: Frame) -> Mask:
    """Bone with its marrow: shells closed and filled, slice by slice."""
    solid = np.zeros(frame.bone.shape, dtype=np.bool_)
    rounds = max(1, round(4.0 / frame.spacing[1]))
    for z in np.flatnonzero(frame.bone.any(axis=(1, 2))).tolist():
        closed = ndimage.binary_closing(np.pad(frame.bone[z], rounds), iterations=rounds)
        solid[z] = ndimage.binary_fill_holes(closed)[rounds:-rounds, rounds:-rounds]
    return solid
