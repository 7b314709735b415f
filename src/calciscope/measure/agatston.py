"""Calcium scores on the voxels that are calcium, and on nothing else.

The input is a list of voxels, not a volume: the work grows with the calcium and not with the scan, and no loop runs
over lesions. Islands are found by joining each voxel to its neighbours in a sorted list of positions.

Agatston AS et al. J Am Coll Cardiol 1990;15:827-32; scaling by increment after Ohnesorge B et al. 2002.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from calciscope.measure.presets import Preset, Threshold

# A pixel of 0.5 mm squared four times is 1 mm2 also where the product of two decimal spacings falls a hair short.
AREA_TOLERANCE = 1e-6


@dataclass(frozen=True, slots=True)
class Stack:
    """The acquired slices: ``spacing`` ``(z, y, x)`` mm, the axis along which they were acquired, their thickness.

    ``thickness`` (mm) is that of a slice, which differs from the spacing where slices overlap or leave gaps.
    """

    spacing: tuple[float, float, float]
    slice_axis: int = 0
    thickness: float | None = None

    @property
    def increment(self) -> float:
        """Distance of neighbouring slices, mm."""
        return self.spacing[self.slice_axis]

    @property
    def pixel_mm2(self) -> float:
        """Area of a pixel in its slice, mm2."""
        rows, columns = (self.spacing[axis] for axis in range(3) if axis != self.slice_axis)
        return rows * columns

    @property
    def voxel_mm3(self) -> float:
        """Volume that one pixel stands for, mm3: area times increment."""
        return self.pixel_mm2 * self.increment

    def scale(self, preset: Preset) -> float:
        """Factor that refers a score to the preset's slice spacing."""
        if preset.scaling == "none":
            return 1.0
        step = self.increment if preset.scaling == "increment" else (self.thickness or self.increment)
        return step / preset.reference_mm


@dataclass(frozen=True, slots=True, eq=False)
class Islands:
    """Islands that count, one entry each: slice index, pixels, highest HU and density factor; all of shape ``(m,)``.

    A 3-D lesion is one entry in each slice that it crosses. ``of_voxel`` ``(n,)`` is the entry that each given voxel
    belongs to, -1 where it counts for none (below the threshold, or in an island too small).
    """

    slices: NDArray[np.intp]
    pixels: NDArray[np.intp]
    peak: NDArray[np.float64]
    factor: NDArray[np.intp]
    of_voxel: NDArray[np.intp]

    @property
    def counted(self) -> NDArray[np.bool_]:
        """Which of the given voxels count, ``(n,)``."""
        return np.asarray(self.of_voxel >= 0)


@dataclass(frozen=True, slots=True, eq=False)
class Score:
    """Scores of a set of voxels: Agatston (no unit), volume score (mm3), mass (mg), each voxel's share of Agatston."""

    agatston: float
    volume: float
    mass: float
    islands: Islands
    share: NDArray[np.float64]


def score(
    voxels: NDArray[np.integer], hu: NDArray[np.number], stack: Stack, threshold: Threshold, preset: Preset
) -> Score:
    """Agatston, volume and mass of one label.

    ``voxels`` is ``(n, 3)`` canonical indices without repeats, ``hu`` ``(n,)``; neighbours are looked for among these
    voxels only, which is what "inside the mask" means. ``share`` sums to the Agatston score over the voxels.
    Mass is the factor of ``threshold`` times the sum of volume times HU (Hong C et al. Radiology 2002;223:474-80).
    """
    found = islands(voxels, hu, stack, threshold, preset)
    unit = stack.pixel_mm2 * stack.scale(preset)
    each = found.pixels * found.factor * unit
    if preset.rounding == "island":
        each = np.rint(each)
        total = float(each.sum())
    else:
        # One product of one integer: the same to the last digit however the voxels are ordered or turned.
        total = float(int((found.pixels * found.factor).sum()) * unit)
    if preset.rounding == "total":
        total = float(round(total))
    counted = found.counted
    share = np.zeros(len(found.of_voxel), dtype=np.float64)
    if len(each):
        share[counted] = (each / found.pixels)[found.of_voxel[counted]]
    volume = int(counted.sum()) * stack.voxel_mm3
    mass = math.fsum(np.asarray(hu, dtype=np.float64)[counted]) * stack.voxel_mm3 * threshold.mass_factor
    return Score(total, volume, mass, found, share)


def islands(
    voxels: NDArray[np.integer], hu: NDArray[np.number], stack: Stack, threshold: Threshold, preset: Preset
) -> Islands:
    """The islands of one label that count under the preset; arguments as for :func:`score`."""
    every = np.asarray(hu, dtype=np.float64)
    above = every > threshold.hu if preset.strict else every >= threshold.hu
    used = np.flatnonzero(above) if preset.below_threshold == "drop" else np.arange(len(every))
    of_voxel = np.full(len(every), -1, dtype=np.intp)
    if not len(used):
        empty = np.zeros(0, dtype=np.intp)
        return Islands(empty, empty, np.zeros(0), empty, of_voxel)
    inside = np.asarray(voxels)[used].astype(np.int64)
    values = every[used]
    lesion = components(inside, stack.slice_axis, preset.islands.dimension, preset.islands.neighbours)
    # An entry is a lesion in one slice; for 2-D islands that is the island itself.
    level = inside[:, stack.slice_axis]
    depth = int(level.max()) + 1
    keys, entry = np.unique(lesion * depth + level, return_inverse=True)
    entry = entry.reshape(-1)
    pixels = np.bincount(entry)
    peak = np.full(len(keys), -np.inf)
    np.maximum.at(peak, entry, values)
    owner = keys // depth
    large = _large_enough(pixels, owner, stack, preset)
    if preset.maximum == "lesion":
        highest = np.full(int(owner.max()) + 1, -np.inf)
        np.maximum.at(highest, owner, peak)
        graded = highest[owner]
    else:
        graded = peak
    # Bins are half-open: one begins at its value; below the first the factor is 0.
    steps = np.searchsorted(np.asarray(threshold.bins), graded, side="right")
    factor = np.concatenate([[0], np.asarray(preset.factors)])[steps]
    renumber = np.where(large, np.cumsum(large) - 1, -1)
    of_voxel[used] = renumber[entry]
    return Islands((keys % depth)[large], pixels[large], peak[large], factor[large], of_voxel)


def _large_enough(pixels: NDArray[np.intp], owner: NDArray[np.intp], stack: Stack, preset: Preset) -> NDArray[np.bool_]:
    rule = preset.islands
    if rule.unit == "voxels":
        whole = np.bincount(owner, weights=pixels)[owner]
        return np.asarray(whole >= rule.smallest)
    least = rule.smallest if rule.unit == "pixels" else rule.smallest / stack.pixel_mm2 - AREA_TOLERANCE
    return np.asarray(pixels >= least)


def components(voxels: NDArray[np.int64], slice_axis: int, dimension: int, neighbours: int) -> NDArray[np.intp]:
    """Number of the connected component of each voxel, ``(n,)``: in each slice apart (``dimension`` 2) or in space.

    ``voxels`` is ``(n, 3)``; ``neighbours`` 4 or 8 in 2-D, 6, 18 or 26 in 3-D. Numbers follow the order of positions.
    """
    if not len(voxels):
        return np.zeros(0, dtype=np.intp)
    axes = [slice_axis, *(axis for axis in range(3) if axis != slice_axis)]
    place = voxels[:, axes] - voxels[:, axes].min(axis=0)
    # One empty line around every row keeps the last pixel of a row from touching the first of the next.
    size = place.max(axis=0) + 3
    stride = np.array([size[1] * size[2], size[2], 1], dtype=np.int64)
    key = (place + 1) @ stride
    order = np.argsort(key, kind="stable")
    ordered = key[order]
    starts: list[NDArray[np.intp]] = []
    ends: list[NDArray[np.intp]] = []
    for offset in _forward(dimension, neighbours):
        wanted = ordered + int(np.dot(offset, stride))
        at = np.minimum(np.searchsorted(ordered, wanted), len(ordered) - 1)
        touching = np.flatnonzero(ordered[at] == wanted)
        starts.append(touching)
        ends.append(at[touching])
    first, second = np.concatenate(starts), np.concatenate(ends)
    links = coo_array((np.ones(len(first), dtype=np.int8), (first, second)), shape=(len(key), len(key)))
    _, number = connected_components(links, directed=False)
    result = np.empty(len(key), dtype=np.intp)
    result[order] = number
    return result


def _forward(dimension: int, neighbours: int) -> list[tuple[int, int, int]]:
    """Half of the neighbours as ``(slice, row, column)``; the others are the same pairs from the other side."""
    reach = {4: 1, 8: 2, 6: 1, 18: 2, 26: 3}[neighbours]
    steps = product((0,) if dimension == 2 else (-1, 0, 1), (-1, 0, 1), (-1, 0, 1))
    return [step for step in steps if step > (0, 0, 0) and sum(map(abs, step)) <= reach]
