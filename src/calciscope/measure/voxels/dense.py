"""From a whole volume and a mask to the list of voxels that a score needs.

The volume is read once, a few slices at a time; the mask is looked at only where the volume is above the threshold.
Nothing of the size of the volume is allocated.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

# Voxels compared at once: their flags (1 byte each) and values stay in the caches, and calls are few.
_SLAB = 1 << 22
# Above this share of candidates, flagging the mask as a whole is cheaper than looking it up at each candidate.
_DENSE = 1 / 16
# Flags of a slab from which that share is estimated; it decides on speed only.
_SAMPLE = 1 << 12
# Flags that are looked at together, as one 64-bit number; above this share of words with any, one by one is faster.
_WORD = 8
_CROWDED = 1 / 4


class Calcified(NamedTuple):
    """Voxels inside a mask and above a threshold, in the order in which the volume lies in memory.

    ``voxels`` is ``(n, 3)`` int32 indices into the volume, ``hu`` ``(n,)`` in the volume's own type, ``labels``
    ``(n,)`` in the mask's own type (1 for a mask of flags or none).
    """

    voxels: NDArray[np.int32]
    hu: NDArray[np.number]
    labels: NDArray[np.integer]


def calcified(
    hu: NDArray[np.number],
    mask: NDArray[np.integer] | NDArray[np.bool_] | None,
    threshold: float | None,
    strict: bool = False,
) -> Calcified:
    """Every voxel of a label (``mask`` not 0) at or above ``threshold`` HU, or above it where ``strict``.

    ``hu`` ``(z, y, x)`` of any real type and any memory layout; ``mask`` of the same shape holds label numbers or
    flags, ``None`` takes the whole volume; ``threshold`` ``None`` takes every voxel of the mask. The comparison is
    exact: a threshold that the volume's type cannot hold is not rounded to it. Voxels that are not a number are never
    taken.

    Raises:
        ValueError: the shapes differ, the volume is not 3-D, or the mask holds neither integers nor flags.
    """
    if hu.ndim != 3:
        raise ValueError(f"a volume has three axes, this array {hu.ndim}")
    if mask is not None and mask.shape != hu.shape:
        raise ValueError(f"the mask is {mask.shape}, the volume {hu.shape}")
    if mask is not None and mask.dtype.kind not in "biu":
        raise ValueError(f"a mask holds label numbers or flags, not {mask.dtype}")
    axes = sorted(range(3), key=lambda axis: (-abs(hu.strides[axis]), axis))
    image = hu.transpose(axes)
    labels = None if mask is None else mask.transpose(axes)
    compare, bound = _comparison(hu.dtype, threshold, strict)
    rows, columns = image.shape[1:]
    depth = max(1, _SLAB // max(1, rows * columns))
    # Whole words of eight flags; what lies beyond the last voxel stays unset.
    flags = np.zeros(-(-min(depth, len(image)) * rows * columns // _WORD) * _WORD, dtype=np.bool_)
    # Half the memory where places on one line through the volume fit.
    place_type = np.int32 if hu.size < np.iinfo(np.int32).max else np.int64
    places: list[NDArray[np.integer]] = []
    values = [np.zeros(0, dtype=hu.dtype)]
    numbers = [np.zeros(0, dtype=np.uint8 if mask is None else mask.dtype)]
    for start in range(0, len(image), depth):
        slab = image[start : start + depth]
        inside = None if labels is None else labels[start : start + depth]
        found, number = _candidates(slab, inside, compare, bound, flags)
        if len(found):
            values.append(np.take(slab.reshape(-1), found))
            places.append(found.astype(place_type) + start * rows * columns)
            if number is not None:
                numbers.append(number)
    voxels = np.empty((3, sum(map(len, places))), dtype=np.int32)
    if places:
        flat = np.concatenate(places)
        places.clear()
        line = flat // columns
        np.subtract(flat, line * columns, out=voxels[axes[2]], casting="same_kind")
        np.floor_divide(line, rows, out=voxels[axes[0]], casting="same_kind")
        np.subtract(line, voxels[axes[0]] * rows, out=voxels[axes[1]], casting="same_kind")
    taken = np.concatenate(values)
    if mask is None or mask.dtype == np.bool_:
        return Calcified(voxels.T, taken, np.ones(len(taken), dtype=np.uint8))
    return Calcified(voxels.T, taken, np.concatenate(numbers))


def labels_in(mask: NDArray[np.integer] | NDArray[np.bool_]) -> NDArray[np.integer]:
    """Every label number of a mask but 0, ascending, ``(k,)``; ``[1]`` or nothing for a mask of flags.

    Only places where the number changes along a line of the memory are sorted, which a mask of organs or lesions has
    few of.
    """
    axes = sorted(range(3), key=lambda axis: (-abs(mask.strides[axis]), axis))
    lines = mask.transpose(axes)
    if mask.dtype == np.bool_:
        return np.ones(int(mask.any()), dtype=np.uint8)
    depth = max(1, _SLAB // max(1, lines.shape[1] * lines.shape[2]))
    seen = [np.zeros(0, dtype=mask.dtype)]
    for start in range(0, len(lines), depth):
        flat = np.ascontiguousarray(lines[start : start + depth]).reshape(-1)
        changed = np.flatnonzero(flat[1:] != flat[:-1])
        seen += [flat[:1], np.unique(np.take(flat[1:], changed))]
    numbers = np.unique(np.concatenate(seen))
    return np.asarray(numbers[numbers != 0])


def distinct(labels: NDArray[np.integer]) -> NDArray[np.integer]:
    """The numbers in a list, ascending; equal ones that follow each other cost nothing to sort."""
    if not len(labels):
        return labels
    changed = np.flatnonzero(labels[1:] != labels[:-1])
    return np.unique(np.append(labels[changed], labels[-1]))


def _candidates(
    slab: NDArray[np.number],
    labels: NDArray[np.integer] | NDArray[np.bool_] | None,
    compare: np.ufunc,
    bound: float | np.number | None,
    flags: NDArray[np.bool_],
) -> tuple[NDArray[np.intp], NDArray[np.integer] | None]:
    """Flat places in the slab that count, and the label at each; ``flags`` is room for a slab."""
    flat = flags[: slab.size]
    flags[slab.size :] = False
    shaped = flat.reshape(slab.shape)
    compare(slab, slab if bound is None else bound, out=shaped)
    if labels is None:
        return _set_flags(flags), None
    sample = flat[:: max(1, flat.size // _SAMPLE)]
    if np.count_nonzero(sample) > _DENSE * sample.size:
        shaped &= np.asarray(labels != 0)
    found = _set_flags(flags)
    if not len(found):
        return found, None
    number = np.take(labels.reshape(-1), found)
    inside = number != 0
    if not inside.all():
        found, number = found[inside], number[inside]
    return found, number


def _set_flags(flags: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Places of the flags that are set, ascending; few of them are found word by word."""
    words = flags.view(np.uint64)
    some = np.flatnonzero(words != 0)
    if len(some) > _CROWDED * len(words):
        return np.flatnonzero(flags)
    bits = np.flatnonzero(words[some].view(np.bool_))
    # Shifts, because dividing is slow: a word is 2**3 flags.
    return np.asarray((some << 3)[bits >> 3] + (bits & 7))


def reaching(values: NDArray[np.number], threshold: float, strict: bool) -> NDArray[np.bool_]:
    """Which values are at or above the threshold, or above it where ``strict``, compared exactly."""
    compare, bound = _comparison(values.dtype, threshold, strict)
    return np.asarray(compare(values, bound))


def _comparison(
    dtype: np.dtype[np.number], threshold: float | None, strict: bool
) -> tuple[np.ufunc, float | np.number | None]:
    """The comparison that decides as if the voxels were compared exactly, and its bound in the volume's own type.

    Without a threshold, a comparison that holds for each number with itself.
    """
    if threshold is None:
        return np.equal, None
    if dtype.kind in "iu":
        # A Python integer is compared exactly also where it lies outside the range of the type.
        return np.greater_equal, math.floor(threshold) + 1 if strict else math.ceil(threshold)
    nearest = np.full(1, threshold).astype(dtype)
    if float(nearest[0]) > threshold if strict else float(nearest[0]) < threshold:
        nearest = np.nextafter(nearest, np.full(1, -np.inf if strict else np.inf).astype(dtype))
    return (np.greater if strict else np.greater_equal), nearest[0]
