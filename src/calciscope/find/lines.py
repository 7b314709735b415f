"""Lines that a candidate is only the brightest part of: a beating heart draws them, a small plaque is a spot."""

from __future__ import annotations

import edt
import numpy as np
from scipy import ndimage

from calciscope.find.candidates import Candidate
from calciscope.find.scene import Scene

# How far along a line is looked, mm; blood and muscle, of which the line stands out, HU.
_REACH_MM, _SOFT_HU = 20.0, 40.0
# The line is what reaches this share of the way from what is around to the peak.
_PROMINENT = 0.5


def line(scene: Scene, candidate: Candidate, background: float) -> tuple[float, float]:
    """Length and width, mm, of what is at least half as prominent as the peak of a candidate, in the peak's slice.

    ``background`` is the attenuation around the candidate, HU. Fat around a vessel does not count as such: the vessel
    itself would be the line.
    """
    peak = int(candidate.hu.argmax())
    z, y, x = (int(v) for v in candidate.voxels[peak])
    soft = max(background, _SOFT_HU)
    reach = [int(np.ceil(_REACH_MM / s)) for s in scene.spacing[1:]]
    top, left = max(0, y - reach[0]), max(0, x - reach[1])
    plane = scene.hu[z, top : y + reach[0] + 1, left : x + reach[1] + 1]
    bright = plane >= soft + _PROMINENT * (float(candidate.hu[peak]) - soft)
    labels, _ = ndimage.label(bright, np.ones((3, 3)))
    own = labels == labels[y - top, x - left]
    where = np.argwhere(own) * np.array(scene.spacing[1:])
    inner = edt.edt(np.pad(own, 1), anisotropy=scene.spacing[1:], black_border=True)
    return float(np.linalg.norm(np.ptp(where, axis=0))), 2.0 * float(inner.max())
