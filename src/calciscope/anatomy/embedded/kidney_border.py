"""The border between a kidney and the liver or spleen that it touches: midway between their attenuations."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from calciscope.anatomy.embedded.bodies import closed, depth, grown
from calciscope.anatomy.embedded.frame import Mask

# Organs that differ by less than this are not told apart, HU.
_APART = 11.0
# Noise is smoothed by this, mm, and a voxel more than this share of the way to the organ is the organ's.
_SMOOTH, _MIDWAY = 2.6, 0.5
# Pyramids between the cortex and the rest of the kidney are thinner than twice this, mm.
_PYRAMID = 7.0
# Fat darkens an organ so far inwards, mm.
_RIM = 5.0
# So far into the organ a kidney may reach, in steps, mm.
_STEP, _STEPS = 5.0, 6
# The part of a kidney's section that may lie in the organ in all, as a share of what was found of it.
_MOST = 1.8


def reclaimed(kidney: Mask, organ: Mask, hu: NDArray[np.float32], spacing: tuple[float, float, float]) -> Mask:
    """What of an organ is kidney: voxels that touch the kidney and are as bright as it; none where both look alike.

    Masks and attenuation are ``(z, y, x)`` of one box.
    """
    nothing = np.zeros(kidney.shape, dtype=np.bool_)
    own = organ & ~kidney
    clear = kidney & ~organ
    if not own.any() or not clear.any():
        return nothing
    of_kidney, of_organ = float(np.median(hu[clear])), _deep(own, hu)
    if abs(of_kidney - of_organ) < _APART:
        return nothing
    smooth = ndimage.gaussian_filter(hu, [_SMOOTH / size for size in spacing])
    share = (smooth - of_kidney) / (of_organ - of_kidney)
    # The organ's rim against fat is as dark as a kidney.
    alike = own & (share < _MIDWAY) & (depth(kidney | organ, spacing) > _RIM)
    # Noise alone makes single voxels alike.
    alike = np.asarray(ndimage.binary_opening(alike))
    taken = nothing
    for _ in range(_STEPS):
        more = alike & grown(kidney | taken, _STEP, spacing)
        if not (more & ~taken).any():
            break
        taken = taken | more
    if not taken.any() or float(taken.sum()) > _MOST * float(kidney.sum()):
        return nothing
    # Darker pyramids that cortex surrounds are kidney too.
    return np.asarray(taken | closed(kidney | taken, _PYRAMID, spacing) & own)


def _deep(organ: Mask, hu: NDArray[np.float32]) -> float:
    """The organ's own attenuation: the median of its inside, away from the kidney and its blurred edge."""
    inside = ndimage.binary_erosion(organ, iterations=2)
    return float(np.median(hu[inside if inside.any() else organ]))
