"""Sums that do not depend on the order of what is summed, to the last digit."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

# Bits after the point that a limb holds: sums of 2**26 such integers are still exact in a float64.
_BITS = 26


def run_limbs(values: NDArray[np.number], first: NDArray[np.intp]) -> list[NDArray[np.float64]]:
    """Exact sums of the ``values`` ``(n,)`` from each of ``first`` ``(r,)`` to the next, as up to three limbs.

    The limbs are whole multiples of 1, 2**-26 and 2**-52; what is finer is rounded away in each value. Magnitudes up to
    2**26 and counts up to 2**26 are exact.
    """
    if values.dtype.kind in "iu":
        return [np.add.reduceat(values, first, dtype=np.int64).astype(np.float64)]
    rest = values.astype(np.float64)
    limbs = []
    for shift in (0, _BITS, 2 * _BITS):
        scaled = np.rint(rest * 2.0**shift)
        limbs.append(np.add.reduceat(scaled, first) * 2.0**-shift)
        rest = rest - scaled * 2.0**-shift
        if not rest.any():
            break
    return limbs


def grouped(limbs: list[NDArray[np.float64]], group: NDArray[np.intp], count: int) -> NDArray[np.float64]:
    """Sums of the limbs of each group, ``(limbs, count)``; runs with a ``group`` below 0 are left out."""
    kept = group >= 0
    members = group[kept]
    sums = [np.bincount(members, weights=limb[kept], minlength=count) for limb in limbs]
    return np.asarray(np.stack(sums), dtype=np.float64)


def rounded(limbs: NDArray[np.float64]) -> NDArray[np.float64]:
    """The sums that ``limbs`` ``(limbs, count)`` stand for, ``(count,)``, rounded once."""
    if len(limbs) < 3:
        return np.asarray(limbs.sum(axis=0))
    return np.array([math.fsum(parts) for parts in limbs.T])
