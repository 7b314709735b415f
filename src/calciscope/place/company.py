"""What the other deposits of a scan say of one: phleboliths come in numbers and on both sides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from calciscope.domain.anatomy import Anatomy
from calciscope.domain.deposit import Deposit

# A small round body, mm and length over width; blur adds to both.
_LONGEST, _ROUND = 10.0, 2.0
# Where veins surround the organs of the pelvis.
_WALLS = ("pelvic_wall_left", "pelvic_wall_right")


def company(deposits: Sequence[Deposit], anatomy: Anatomy) -> Mapping[str, Mapping[str, float]]:
    """For each deposit (by id) how many ``others`` are small, round and among the pelvic veins, and on ``both_sides``.

    ``both_sides`` is 1 where any two of all of them, itself included, lie on either side.
    """
    labels = {anatomy.structures[name].label: name for name in _WALLS if name in anatomy.structures}
    seats: dict[str, str] = {}
    for deposit in deposits:
        if deposit.shape.length > _LONGEST or deposit.shape.length > _ROUND * max(deposit.shape.width, 0.1):
            continue
        here = labels.get(int(np.bincount(anatomy.labels[tuple(deposit.voxels.T)]).argmax()))
        if here is not None:
            seats[deposit.id] = here
    both = float(len(set(seats.values())) == len(_WALLS))
    return {
        deposit.id: {"others": float(len(seats) - (deposit.id in seats)), "both_sides": both} for deposit in deposits
    }
