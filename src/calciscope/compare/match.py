"""Which deposit of one date is which of the other: one to one by distance, then what split or merged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.spatial import cKDTree

# Deposits are one where their surfaces come nearer than this; beyond it two neighbours are two.
_NEAR_MM = 3.0
# The middles of one deposit lie nearer than this plus what its size allows.
_MIDDLE_MM = 6.0
# A piece was part of another where so much of it lies within reach of that one.
_WITHIN = 0.5
# Two pairs are one where so much of a deposit lies in the counterpart of the other.
_STRAYED = 0.25
# ... and one of them became smaller beside the other by at least this factor.
_GAINED = 0.75
_FAR = 1e6


@dataclass(frozen=True, slots=True, eq=False)
class Cloud:
    """A deposit as points: LPS mm ``(n, 3)`` of its voxels in the frame of the new scan."""

    points: NDArray[np.float64]

    @property
    def middle(self) -> NDArray[np.float64]:
        """Centre of the points."""
        return np.asarray(self.points.mean(axis=0), dtype=np.float64)

    @property
    def reach(self) -> float:
        """Distance of its farthest point from its centre, mm."""
        return float(np.linalg.norm(self.points - self.middle, axis=1).max())


@dataclass(frozen=True, slots=True)
class Group:
    """Numbers of old and of new deposits that are one thing; one side is empty where nothing corresponds."""

    old: tuple[int, ...]
    new: tuple[int, ...]


def match(old: Sequence[Cloud], new: Sequence[Cloud], tolerance_mm: float) -> tuple[Group, ...]:
    """Every deposit in exactly one group, in the order of the old deposits, then of the new ones that are left.

    ``tolerance_mm`` is how well the two frames agree besides (the voxels and the registration). One to one by the
    Hungarian method on the distance of the centres, among pairs whose surfaces are near; a deposit that is left joins
    the group of one of the same place whose counterpart holds most of it.
    """
    near = _NEAR_MM + tolerance_mm
    trees = [cKDTree(one.points) for one in new]
    gaps = np.full((len(old), len(new)), np.inf)
    middles = np.full((len(old), len(new)), _FAR)
    for i, one in enumerate(old):
        for j, two in enumerate(new):
            apart = float(np.linalg.norm(one.middle - two.middle))
            if apart > near + one.reach + two.reach:
                continue
            gaps[i, j] = float(np.min(trees[j].query(one.points)[0]))
            if gaps[i, j] <= near and apart <= _MIDDLE_MM + tolerance_mm + max(one.reach, two.reach):
                middles[i, j] = apart
    pairs: dict[int, list[int]] = {}
    taken: dict[int, int] = {}
    if len(old) and len(new):
        for row, column in zip(*linear_sum_assignment(middles), strict=True):
            if middles[row, column] < _FAR:
                pairs[int(row)] = [int(column)]
                taken[int(column)] = int(row)
    joined: dict[int, list[int]] = {}
    for j in range(len(new)):
        # A piece that broke off: most of it lies where a deposit was that is matched already.
        if j not in taken and (home := _home(new[j], gaps[:, j], old, near, set(pairs))) is not None:
            pairs[home].append(j)
            taken[j] = home
    for i in range(len(old)):
        # What flowed together: most of it lies where a new deposit is that is matched already.
        if i not in pairs and (into := _home(old[i], gaps[i], new, near, set(taken))) is not None:
            joined.setdefault(taken[into], []).append(i)
    swallowed = {i for members in joined.values() for i in members}
    groups = [
        Group((i, *joined.get(i, ())), tuple(sorted(pairs.get(i, ())))) for i in range(len(old)) if i not in swallowed
    ]
    groups = _with_moved_borders(groups, old, new, tolerance_mm)
    return (*groups, *(Group((), (j,)) for j in range(len(new)) if j not in taken))


def _with_moved_borders(
    groups: Sequence[Group], old: Sequence[Cloud], new: Sequence[Cloud], tolerance_mm: float
) -> list[Group]:
    """The groups, those joined between which one deposit of a long run of calcium was divided at another place.

    Neighbours in a wall are parted where the calcium is faint, which noise moves: then a good part of one deposit lies
    where the counterpart of its neighbour is, and only their sum can be compared.
    """
    joined: list[Group] = []
    for group in groups:
        own = group
        if group.old and group.new:
            for other in [one for one in joined if one.old and one.new]:
                if _crosses(own, other, old, new, tolerance_mm) or _crosses(other, own, old, new, tolerance_mm):
                    joined.remove(other)
                    own = Group(tuple(sorted(other.old + own.old)), tuple(sorted(other.new + own.new)))
        joined.append(own)
    return sorted(joined, key=lambda one: one.old)


def _crosses(one: Group, other: Group, old: Sequence[Cloud], new: Sequence[Cloud], tolerance_mm: float) -> bool:
    """Whether one group gained what the other lost, and a good part of a deposit lies in the other's counterpart."""
    sizes = [sum(len(side[i].points) for i in own) for g in (one, other) for side, own in ((old, g.old), (new, g.new))]
    if not _GAINED < sizes[0] * sizes[3] / (sizes[1] * sizes[2]) < 1 / _GAINED:
        return _reach_over(one, other, old, new, tolerance_mm)
    return False  # both moved alike: two things that the registration left beside their places


def _reach_over(one: Group, other: Group, old: Sequence[Cloud], new: Sequence[Cloud], tolerance_mm: float) -> bool:
    first, second = ([side[i].points for i in own] for side, own in ((old, one.old), (new, one.new)))
    first_there, second_there = ([side[i].points for i in own] for side, own in ((old, other.old), (new, other.new)))
    return any(
        _strays(points, np.concatenate(home), np.concatenate(away), tolerance_mm)
        for side, home, away in ((first, second, second_there), (second, first, first_there))
        for points in side
    )


def _strays(
    points: NDArray[np.float64], home: NDArray[np.float64], away: NDArray[np.float64], tolerance_mm: float
) -> bool:
    """Whether a good part of some points lies in another thing than their own."""
    if np.any(points.min(axis=0) - tolerance_mm > away.max(axis=0)) or np.any(
        points.max(axis=0) + tolerance_mm < away.min(axis=0)
    ):
        return False
    to_away = np.asarray(cKDTree(away).query(points)[0])
    strayed = (to_away <= tolerance_mm) & (to_away < np.asarray(cKDTree(home).query(points)[0]))
    return float(strayed.mean()) >= _STRAYED


def _home(
    piece: Cloud, gaps: NDArray[np.float64], others: Sequence[Cloud], near: float, matched: set[int]
) -> int | None:
    """The matched deposit of the other date within whose reach most of a piece lies, the nearest where several do."""
    found = []
    for number in np.flatnonzero(gaps <= near).tolist():
        if number not in matched:
            continue
        away = np.asarray(cKDTree(others[number].points).query(piece.points)[0])
        if float((away <= near).mean()) >= _WITHIN:
            found.append((float(away.mean()), number))
    return min(found)[1] if found else None
