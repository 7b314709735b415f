"""What the other deposits of a scan say of one: phleboliths come in numbers and on both sides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from calciscope.domain.anatomy import Anatomy, is_bone
from calciscope.domain.deposit import Deposit

# A small round body, mm and length over width; blur adds to both.
_LONGEST, _ROUND = 10.0, 2.0
# Where veins surround the organs of the pelvis, the outline of which is known to about this, mm.
_WALLS, _OUTLINE = ("pelvic_wall_left", "pelvic_wall_right"), 5.0
# What lies on the course of an artery is none of them, however near the wall.
_ARTERIES = ("artery", "arteries", "aorta", "iliac_bed")


def company(deposits: Sequence[Deposit], anatomy: Anatomy) -> Mapping[str, Mapping[str, float]]:
    """For each deposit (by id) how many ``others`` are small, round and among the pelvic veins, and on ``both_sides``.

    ``both_sides`` is 1 where any two of all of them, itself included, lie on either side.
    """
    seats: dict[str, str] = {}
    for deposit in deposits:
        if deposit.shape.length > _LONGEST or deposit.shape.length > _ROUND * max(deposit.shape.width, 0.1):
            continue
        here = _wall(deposit, anatomy)
        if here is not None:
            seats[deposit.id] = here
    both = float(len(set(seats.values())) == len(_WALLS))
    return {
        deposit.id: {"others": float(len(seats) - (deposit.id in seats)), "both_sides": both} for deposit in deposits
    }


def _wall(deposit: Deposit, anatomy: Anatomy) -> str | None:
    """The side wall of the pelvis in or beside which a deposit lies, unless an artery or bone holds most of it."""
    walls = {anatomy.structures[name].label: name for name in _WALLS if name in anatomy.structures}
    if not walls:
        return None
    own = int(np.bincount(anatomy.labels[tuple(deposit.voxels.T)]).argmax())
    if own in walls:
        return walls[own]
    holds = next((name for name, structure in anatomy.structures.items() if structure.label == own), "")
    if is_bone(holds) or any(part in holds for part in _ARTERIES):
        return None
    margin = np.ceil(_OUTLINE / np.array(anatomy.geometry.spacing)).astype(int)
    low = np.maximum(deposit.voxels.min(axis=0) - margin, 0)
    high = deposit.voxels.max(axis=0) + margin + 1
    near = np.bincount(anatomy.labels[tuple(slice(a, b) for a, b in zip(low, high, strict=True))].ravel())
    found = [(int(near[label]), name) for label, name in walls.items() if label < len(near) and near[label]]
    return max(found)[1] if found else None
