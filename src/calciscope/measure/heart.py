"""Where the heart lies in an image, and which implants lie in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from calciscope.domain.anatomy import Anatomy
from calciscope.domain.structures import dictionary

HEART = "heart"
# A heart that is less sure than this may be something else.
_SURE = 0.5
# Structures that are implants: metal of any kind, a stent that is not counted, and what may be one and is counted.
IMPLANTS = ("metal", "stent", "stent_like")


def hearts(anatomy: Anatomy) -> list[str]:
    """The structures of an anatomy that are the heart or a part of it."""
    known = dictionary().meanings
    return [
        name
        for name, structure in anatomy.structures.items()
        if name in known and known[name].site == HEART and structure.confidence >= _SURE
    ]


@dataclass(frozen=True, slots=True, eq=False)
class Box:
    """A bounding box in canonical indices ``(z, y, x)``: its first and its last voxel."""

    first: NDArray[np.int64]
    last: NDArray[np.int64]

    @classmethod
    def of(cls, mask: NDArray[np.bool_]) -> Box | None:
        """That of a mask, or ``None`` where it is empty."""
        spans: list[Sequence[int]] = []
        for axis in range(3):
            found = np.flatnonzero(mask.any(axis=tuple(other for other in range(3) if other != axis)))
            if not found.size:
                return None
            spans.append((int(found[0]), int(found[-1])))
        return cls(np.array([span[0] for span in spans]), np.array([span[1] for span in spans]))

    @property
    def middle(self) -> NDArray[np.int64]:
        """The voxel in its middle, ``(1, 3)``."""
        return np.asarray(((self.first + self.last) // 2)[None], dtype=np.int64)

    def holds(self, mask: NDArray[np.bool_]) -> bool:
        """Whether a mask has a voxel in it."""
        box = tuple(slice(int(low), int(high) + 1) for low, high in zip(self.first, self.last, strict=True))
        return bool(mask[box].any())


def implants(anatomy: Anatomy | None) -> frozenset[str]:
    """Which of ``IMPLANTS`` lie in the box of the heart; a stent belongs to it wherever it was seen."""
    there = [name for name in IMPLANTS if anatomy is not None and name in anatomy.structures]
    if anatomy is None or not there:
        return frozenset()
    heart = Box.of(anatomy.mask(*hearts(anatomy)))
    return frozenset(
        name
        for name in there
        if (name != "metal" and anatomy.mask(name).any()) or (heart is not None and heart.holds(anatomy.mask(name)))
    )
