"""Where a series came from: the DICOM instances whose patient, study and slices the objects written about it keep."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset


@dataclass(frozen=True, slots=True, eq=False)
class Origin:
    """The instances that a series was read from. Their headers name the patient: never shown, logged or stored as such.

    ``headers`` are without pixels: one for every slice, or a single one with many frames. ``positions`` is ``(n, 3)``,
    the LPS centre of the first pixel of every slice in mm, and ``items`` which header and, in an instance with many
    frames, which frame (from 1, else 0) it is. ``axes`` and ``flips`` lead from the acquired array ``(slice, row,
    column)`` to the canonical one: ``axes[i]`` is the acquired axis that became canonical axis ``i``, and ``flips`` are
    the canonical axes that were reversed.
    """

    headers: tuple[Dataset, ...] = field(repr=False)
    positions: NDArray[np.float64] = field(repr=False)
    items: tuple[tuple[int, int], ...] = field(repr=False)
    axes: tuple[int, int, int]
    flips: tuple[int, ...]
