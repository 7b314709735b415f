"""Parts that cannot be where they were found: organs of the trunk in a head or a neck."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from calciscope.anatomy.embedded.frame import Frame, Part

# Names begin with these: nothing of them lies above the chest.
_TRUNK = (
    "aorta",
    "iliac",
    "kidney",
    "ureter",
    "liver",
    "spleen",
    "gallbladder",
    "urinary_bladder",
    "pelvic_wall",
    "bowel",
    "small_bowel",
    "renal",
    "heart",
    "prostate",
    "coronary",
)
_ABOVE = ("head", "neck")
# From this share above the chest on it is something else; the top of an organ may be taken for a neck's slice.
_SHARE = 0.5


def plausible(frame: Frame, part: Part) -> Part:
    """A part without what lies mostly above the chest and belongs below; the blood pool goes with its aorta."""
    above = np.zeros(frame.hu.shape[0], dtype=np.bool_)
    for region in frame.regions:
        if region.name in _ABOVE:
            above[region.start // frame.factor[0] : -(-region.stop // frame.factor[0])] = True
    if not above.any():
        return part
    masks = {
        name: item
        for name, item in part.masks.items()
        if not name.startswith(_TRUNK) or _share(item[0].sum(axis=(1, 2)), above) <= _SHARE
    }
    tubes = {}
    for name, tube in part.tubes.items():
        slices = np.clip(np.rint(frame.to_coarse(tube.points)[:, 0]).astype(int), 0, len(above) - 1)
        if not name.startswith(_TRUNK) or float(above[slices].mean()) <= _SHARE:
            tubes[name] = tube
    gone = {name for name in (*part.masks, *part.tubes) if name not in masks and name not in tubes}
    pool = None if any(name.startswith("aorta") for name in gone) else part.blood_pool
    return replace(part, masks=masks, tubes=tubes, blood_pool=pool)


def _share(counts: np.ndarray, above: np.ndarray) -> float:
    return float(counts[above].sum()) / max(float(counts.sum()), 1.0)
