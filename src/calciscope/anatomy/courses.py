"""The courses of arteries of which only the masks are known: the finder looks for calcium along curves."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from scipy import ndimage

from calciscope.domain import site as sites
from calciscope.domain.anatomy import Anatomy, Tube
from calciscope.domain.structures import Place, dictionary

# Masks are thinned on a grid of this size, mm.
_GRID_MM = 2.0
# Marks such a curve.
SUFFIX = " (course)"


def courses(anatomy: Anatomy, names: Iterable[str]) -> dict[str, Tube]:
    """Points within each named artery that has a mask and no curve, with the distance to its wall, from head to feet.

    Balls about the points fill the mask. They are named after the structure, so that no placement takes them for a
    curve of its own: the mask says where the vessel is.
    """
    known = dictionary().meanings
    found = {}
    for name in names:
        meaning = known.get(name)
        if meaning is None or meaning.site is None or meaning.place is not Place.VESSEL_WALL:
            continue
        if sites.within(meaning.site, "artery") and name in anatomy.structures and name not in anatomy.tubes:
            made = _course(anatomy, name)
            if made is not None:
                found[made.name] = made
    return found


def _course(anatomy: Anatomy, name: str) -> Tube | None:
    one = anatomy.structures[name]
    boxes = ndimage.find_objects((anatomy.labels == one.label).astype(np.uint8))
    if not boxes:
        return None
    box = boxes[0]
    spacing = anatomy.geometry.spacing
    step = [max(1, int(_GRID_MM / mm)) for mm in spacing]
    inside = (anatomy.labels[box] == one.label)[tuple(slice(None, None, n) for n in step)]
    inside = np.pad(inside, 1)
    deep = ndimage.distance_transform_edt(inside, sampling=[mm * n for mm, n in zip(spacing, step, strict=True)])
    # The medial points: nowhere around is it further to the wall.
    where = np.argwhere(inside & (deep == ndimage.maximum_filter(deep, size=3)))[::-1]
    index = (where - 1) * np.array(step) + np.array([part.start for part in box])
    return Tube(name + SUFFIX, anatomy.geometry.to_mm(index), deep[tuple(where.T)], one.confidence, one.provider)
