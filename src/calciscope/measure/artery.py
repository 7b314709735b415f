"""How far calcium goes along an artery and how much of its wall it takes, from the vessel's traced course.

Calcified length and the share of the circumference are how surgeons and interventionists describe a calcified artery
(Rocha-Singh KJ et al. Catheter Cardiovasc Interv 2014;83:E212-20: circumference by clock face and length of calcium).

For users: see docs/measures.md#along-an-artery.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree

from calciscope.domain.anatomy import Anatomy, Tube
from calciscope.domain.image import Geometry
from calciscope.domain.site import within
from calciscope.domain.structures import Place, dictionary

# The course is walked in steps of this length, mm; calcium in a step makes it calcified.
STEP = 0.5
# Sectors of the circumference: 5 degrees each, less than a voxel at the wall of a large artery.
SECTORS = 72
# A course traced slice by slice wavers by about a pixel; its direction is taken over this distance, mm (one sigma).
SMOOTH = 3.0
# Gaps along the course that are left by the sampling and not by the calcium, in steps.
GAP = 3
# Calcium so far past the end of the traced course is beside no known part of it, mm.
BEYOND = 2.0
# Calcium is of the wall within this share of the radius from it, or within the millimetres where that is more.
OFF_SHARE, OFF_MM = 0.4, 3.0
# Points at most over which the voxels are spread; more say nothing new.
_MOST = 400_000


@dataclass(frozen=True, slots=True)
class Extent:
    """Calcium of an artery.

    ``length`` (mm) is that of the centre line with calcium at any part of the circumference; ``mean`` and ``largest``
    are the share (0 to 1) of the circumference that is calcified over this length. ``beyond`` is the share of the
    calcium past the ends of the traced course, which is not counted, and ``off`` the share that lies off the traced
    wall.
    """

    length: float
    mean: float
    largest: float
    beyond: float
    off: float


def tubes_of(site: str | None, anatomy: Anatomy | None) -> tuple[Tube, ...]:
    """The traced arteries that a site is, is a part of, or holds; none where none was traced."""
    # What lies in an artery that could not be told lies along none that was traced.
    if site is None or anatomy is None or site == "artery" or not within(site, "artery"):
        return ()
    known = dictionary().meanings
    found = []
    for name, tube in anatomy.tubes.items():
        meaning = known.get(name)
        of = meaning.site if meaning is not None and meaning.place is Place.VESSEL_WALL else None
        if of is not None and len(tube.points) > 1 and (within(site, of) or within(of, site)):
            found.append(tube)
    return tuple(found)


def extent(voxels: NDArray[np.integer], geometry: Geometry, tubes: Sequence[Tube]) -> Extent | None:
    """Calcified length and share of the circumference of the voxels ``(n, 3)`` of one site.

    Each part of a voxel belongs to the nearest point of the nearest tube, and to the sector of its circumference in
    which it lies as seen from the centre line. ``None`` where there is no tube or no calcium beside it. Calcium seen
    at the threshold is as wide as the scanner's blur makes it, so that the share of thin calcium reads high.
    """
    if not tubes or not len(voxels):
        return None
    courses = [_Course.of(tube) for tube in tubes]
    points = _spread(voxels, geometry, min(float(np.median(course.radius)) for course in courses))
    trees = [cKDTree(course.points) for course in courses]
    near = [tree.query(points) for tree in trees]
    chosen: NDArray[np.intp] = np.stack([distance for distance, _ in near]).argmin(axis=0)
    beyond = off = 0
    parts: list[NDArray[np.float64]] = []
    for number, course in enumerate(courses):
        own = chosen == number
        index = np.asarray(near[number][1], dtype=np.intp)[own]
        along, sector, distance = course.place(points[own], index)
        inside = np.abs(along) <= BEYOND
        beyond += int((~inside).sum())
        radius = course.radius[index]
        off += int((np.abs(distance - radius)[inside] > np.maximum(OFF_SHARE * radius, OFF_MM)[inside]).sum())
        parts.append(_shares(index[inside], sector[inside], len(course.points)))
    shares = np.concatenate(parts)
    calcified = shares[shares > 0]
    if not len(calcified):
        return None
    return Extent(
        length=len(calcified) * STEP,
        mean=float(calcified.mean()),
        largest=float(calcified.max()),
        beyond=beyond / len(points),
        off=off / max(1, len(points) - beyond),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Course:
    """A tube in even steps, each with its direction and two directions across it that do not twist."""

    points: NDArray[np.float64]
    radius: NDArray[np.float64]
    tangent: NDArray[np.float64]
    across: NDArray[np.float64]

    @classmethod
    def of(cls, tube: Tube) -> _Course:
        gaps = np.linalg.norm(np.diff(tube.points, axis=0), axis=1)
        along = np.concatenate([[0.0], np.cumsum(gaps)])
        even = np.arange(0.0, along[-1], STEP)
        points = np.stack([np.interp(even, along, tube.points[:, axis]) for axis in range(3)], axis=1)
        radius = np.interp(even, along, tube.radius)
        if len(even) > 2:
            # The ends are drawn on, so that smoothing neither shortens the course nor bends it there.
            smooth = ndimage.gaussian_filter1d(_drawn_on(points), SMOOTH / STEP, axis=0, mode="nearest")
            points = smooth[_REACH:-_REACH]
            points = points[np.r_[0, 1 + np.flatnonzero(np.linalg.norm(np.diff(points, axis=0), axis=1) > 0)]]
        radius = radius[: len(points)]
        tangent = np.gradient(points, axis=0) if len(points) > 1 else np.array([[0.0, 0.0, 1.0]])
        tangent = tangent / np.linalg.norm(tangent, axis=1, keepdims=True)
        across = np.empty_like(tangent)
        side = np.eye(3)[int(np.argmin(np.abs(tangent[0])))]
        for number, direction in enumerate(tangent):
            side = side - (side @ direction) * direction
            side = side / np.linalg.norm(side)
            across[number] = side
        return cls(points, radius, tangent, across)

    def place(
        self, points: NDArray[np.float64], index: NDArray[np.intp]
    ) -> tuple[NDArray[np.float64], NDArray[np.intp], NDArray[np.float64]]:
        """How far along from its step (mm), in which sector and how far from the line (mm) each point lies."""
        away = points - self.points[index]
        along = np.einsum("ij,ij->i", away, self.tangent[index])
        first = np.einsum("ij,ij->i", away, self.across[index])
        second = np.einsum("ij,ij->i", away, np.cross(self.tangent[index], self.across[index]))
        turn = (np.arctan2(second, first) / (2 * np.pi)) % 1.0
        sector = np.minimum((turn * SECTORS).astype(np.intp), SECTORS - 1)
        return along, sector, np.hypot(first, second)


_REACH = round(4 * SMOOTH / STEP)


def _drawn_on(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """The points with a straight piece at either end, in the direction that the last millimetres have."""
    back = min(len(points) - 1, _REACH)
    steps = np.arange(1, _REACH + 1)[:, None]
    first = (points[0] - points[back]) / back
    last = (points[-1] - points[-1 - back]) / back
    return np.concatenate([points[0] + steps[::-1] * first, points, points[-1] + steps * last])


def _shares(index: NDArray[np.intp], sector: NDArray[np.intp], steps: int) -> NDArray[np.float64]:
    """Share of the sectors that hold calcium in each step, ``(steps,)``."""
    wall = np.zeros((steps, SECTORS), dtype=np.bool_)
    wall[index, sector] = True
    closed = ndimage.binary_closing(np.pad(wall, ((GAP, GAP), (0, 0))), np.ones((GAP, 1), dtype=np.bool_))[GAP:-GAP]
    return np.asarray((wall | closed).mean(axis=1), dtype=np.float64)


def _spread(voxels: NDArray[np.integer], geometry: Geometry, radius: float) -> NDArray[np.float64]:
    """Points (LPS mm) that fill the voxels as densely as steps and sectors ask."""
    dense = min(STEP, np.pi * radius / SECTORS)
    parts = np.maximum(1, np.ceil(np.array(geometry.spacing) / dense)).astype(int)
    while len(voxels) * int(parts.prod()) > _MOST and parts.max() > 1:
        parts = np.maximum(1, parts - 1)
    offsets = [(np.arange(n) + 0.5) / n - 0.5 for n in parts]
    grid = np.stack(np.meshgrid(*offsets, indexing="ij"), axis=-1).reshape(-1, 3)
    return geometry.to_mm((voxels[:, None, :] + grid[None]).reshape(-1, 3))
