"""Connected components of a list of voxels, by runs: neighbouring voxels of one row of a slice are one thing.

The work grows with the number of runs, not with that of voxels or of islands, and no loop runs over any of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

# How many steps along an axis at once still touch, by the number of neighbours; 0: a voxel touches nothing.
_REACH = {0: 0, 4: 1, 8: 2, 6: 1, 18: 2, 26: 3}


@dataclass(frozen=True, slots=True, eq=False)
class Runs:
    """Voxels of equal label that follow each other in a row of a slice; every array ``(r,)`` in the order of places.

    ``order`` ``(n,)`` sorts the voxels by place, ``None`` where they came sorted; a run is the voxels
    ``order[first : first + length]``. ``start`` and ``end`` are the places of its ends on a line on which one row of a
    slice follows the other with a gap, so that a step of one row is ``row`` and of one slice ``slice_step``.
    """

    order: NDArray[np.intp] | None
    first: NDArray[np.intp]
    length: NDArray[np.intp]
    start: NDArray[np.signedinteger]
    level: NDArray[np.int64]
    label: NDArray[np.integer] | None
    row: int
    slice_step: int

    @property
    def end(self) -> NDArray[np.signedinteger]:
        """Place of the last voxel of each run."""
        return np.asarray(self.start + (self.length - 1).astype(self.start.dtype))

    def sorted(self, values: NDArray[np.number]) -> NDArray[np.number]:
        """A value of each voxel, in the order of places."""
        return values if self.order is None else values[self.order]

    def taken(self, which: NDArray[np.bool_]) -> Runs:
        """Some of the runs."""
        label = None if self.label is None else self.label[which]
        first, length = self.first[which], self.length[which]
        return Runs(self.order, first, length, self.start[which], self.level[which], label, self.row, self.slice_step)


def find_runs(
    voxels: NDArray[np.integer], labels: NDArray[np.integer] | None, slice_axis: int, single: bool = False
) -> Runs:
    """The runs of ``voxels`` ``(n, 3)``, indices without repeats, at least one; a run never crosses from one of
    ``labels`` ``(n,)`` to another. ``single`` makes every voxel a run of its own.
    """
    inside = [axis for axis in range(3) if axis != slice_axis]
    place, row, step, level = _places(voxels, [slice_axis, *inside])
    order = None
    if len(place) > 1 and not (place[1:] > place[:-1]).all():
        order = np.argsort(place)
        place, level = place[order], level[order]
    sorted_labels = None if labels is None else labels if order is None else labels[order]
    if sorted_labels is not None and (sorted_labels == sorted_labels[0]).all():
        first_label: NDArray[np.integer] | None = None
    else:
        first_label = sorted_labels
    if single:
        first = np.arange(len(place))
    else:
        breaks = place[1:] - place[:-1] != 1
        if first_label is not None:
            breaks |= first_label[1:] != first_label[:-1]
        first = np.concatenate([np.zeros(1, dtype=np.intp), np.flatnonzero(breaks) + 1])
    length = np.diff(first, append=len(place))
    label = None if sorted_labels is None else sorted_labels[first]
    return Runs(order, first, length, place[first], level[first].astype(np.int64), label, row, step)


def _places(
    voxels: NDArray[np.integer], axes: list[int]
) -> tuple[NDArray[np.signedinteger], int, int, NDArray[np.integer]]:
    """Places on one line, its steps for a row and a slice, and the slice index of each voxel."""
    level, rows, columns = (np.asarray(voxels)[:, axis] for axis in axes)
    lowest = [int(one.min()) for one in (level, rows, columns)]
    # One empty column and row on either side keep the end of a row from touching the next row or slice.
    width = int(columns.max()) - lowest[2] + 3
    step = width * (int(rows.max()) - lowest[1] + 3)
    furthest = (int(level.max()) - lowest[0] + 2) * step
    place: NDArray[np.signedinteger] = level.astype(np.int32 if furthest < np.iinfo(np.int32).max else np.int64)
    # Each partial sum lies within one box of voxels, so that none of them leaves the type.
    place -= lowest[0]
    place *= step
    place += (rows - (lowest[1] - 1)).astype(place.dtype) * width
    place += columns
    place -= lowest[2] - 1
    return place, width, step, level


def join(runs: Runs, dimension: int, neighbours: int) -> NDArray[np.intp]:
    """Number of the connected component of each run, ``(r,)``: in each slice apart (``dimension`` 2) or in space.

    ``neighbours`` 4 or 8 in 2-D, 6, 18 or 26 in 3-D; 0 joins nothing. Runs of different labels are never joined.
    Numbers ascend with the places of the components' first voxels.
    """
    reach = _REACH[neighbours]
    count = len(runs.first)
    starts: list[NDArray[np.intp]] = []
    ends: list[NDArray[np.intp]] = []
    last = runs.end
    for levels, rows in product((0,) if dimension == 2 else (0, 1), (-1, 0, 1)):
        apart = levels + abs(rows)
        if (levels, rows) <= (0, 0) or apart > reach:
            continue
        offset = levels * runs.slice_step + rows * runs.row
        sideways = 1 if apart < reach else 0
        # The first run that ends late enough, then one further as long as they begin early enough.
        other = np.searchsorted(last, runs.start + (offset - sideways), side="left")
        limit = last + (offset + sideways)
        one = np.arange(count)
        while len(one):
            inside = other < count
            inside[inside] = runs.start[other[inside]] <= limit[one[inside]]
            one, other = one[inside], other[inside]
            starts.append(one)
            ends.append(other)
            other = other + 1
    if not starts:
        return np.arange(count)
    one, other = np.concatenate(starts), np.concatenate(ends)
    if runs.label is not None:
        same = runs.label[one] == runs.label[other]
        one, other = one[same], other[same]
    links = coo_array((np.ones(len(one), dtype=np.int8), (one, other)), shape=(count, count))
    _, number = connected_components(links, directed=False)
    return np.asarray(number, dtype=np.intp)


def components(voxels: NDArray[np.integer], slice_axis: int, dimension: int, neighbours: int) -> NDArray[np.intp]:
    """Number of the connected component of each voxel of ``voxels`` ``(n, 3)``, ``(n,)``; rules as for :func:`join`."""
    if not len(voxels):
        return np.zeros(0, dtype=np.intp)
    runs = find_runs(voxels, None, slice_axis, single=neighbours == 0)
    each = np.repeat(join(runs, dimension, neighbours), runs.length)
    if runs.order is None:
        return each
    result = np.empty(len(each), dtype=np.intp)
    result[runs.order] = each
    return result
