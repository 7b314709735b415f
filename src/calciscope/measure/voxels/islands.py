"""Which islands a list of voxels forms under a preset, and which of them count."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from calciscope.measure.presets import IslandRule, Preset, Threshold
from calciscope.measure.voxels.dense import reaching
from calciscope.measure.voxels.runs import Runs, find_runs, join
from calciscope.measure.voxels.sums import run_limbs

# A pixel of 0.5 mm squared four times is 1 mm2 also where the product of two decimal spacings falls a hair short.
AREA_TOLERANCE = 1e-6
# Density factor of an island whose maximum lies between two bins, for which a preset defines none.
UNDEFINED = -1


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

    def step(self, preset: Preset) -> int:
        """Every how many slices one counts: more than 1 only where slices overlap and the preset skips those."""
        if preset.overlap == "count" or self.thickness is None:
            return 1
        return max(1, round(self.thickness / self.increment))


@dataclass(frozen=True, eq=False)
class Islands:
    """Islands that count, one entry each: slice index, pixels, highest HU, density factor and label; all ``(m,)``.

    A 3-D lesion is one entry in each slice that it crosses. A factor of -1 says that the preset defines none for that
    maximum. The entries follow the places of their first voxels. ``of_run`` and ``hu_limbs`` ``(r,)`` are the entry and
    the sum of HU of each run of voxels (:mod:`.runs`).
    """

    slices: NDArray[np.int64]
    pixels: NDArray[np.intp]
    peak: NDArray[np.float64]
    factor: NDArray[np.intp]
    label: NDArray[np.integer]
    of_run: NDArray[np.intp]
    hu_limbs: list[NDArray[np.float64]]
    _length: NDArray[np.intp]
    _place: NDArray[np.intp] | None
    _voxels: int

    @cached_property
    def of_voxel(self) -> NDArray[np.intp]:
        """The entry that each given voxel belongs to, ``(n,)``; -1 where it counts for none (below the threshold, or in
        an island too small).
        """
        each = np.repeat(self.of_run, self._length)
        if self._place is None:
            return each
        result = np.full(self._voxels, -1, dtype=np.intp)
        result[self._place] = each
        return result

    @property
    def counted(self) -> NDArray[np.bool_]:
        """Which of the given voxels count, ``(n,)``."""
        return np.asarray(self.of_voxel >= 0)


def islands(
    voxels: NDArray[np.integer],
    hu: NDArray[np.number],
    stack: Stack,
    threshold: Threshold,
    preset: Preset,
    labels: NDArray[np.integer] | None = None,
) -> Islands:
    """The islands that count under the preset; ``voxels`` ``(n, 3)``, ``hu`` and ``labels`` ``(n,)``.

    Without ``labels`` every voxel has label 0.
    """
    voxels, values = np.asarray(voxels), np.asarray(hu)
    used: NDArray[np.intp] | None = None
    if preset.below_threshold == "drop":
        above = reaching(values, threshold.hu, preset.strict)
        if not above.all():
            used = np.flatnonzero(above)
            voxels, values = voxels[used], values[used]
            labels = None if labels is None else labels[used]
    if not len(values):
        return _none(len(hu))
    rule = preset.islands
    alone = rule.touching(stack.pixel_mm2) == 0
    runs = find_runs(voxels, labels, stack.slice_axis, single=alone)
    ordered = runs.sorted(values)
    tops = np.maximum.reduceat(ordered, runs.first).astype(np.float64)
    lesion, kept = _lesions(runs, preset, 0 if alone else rule.neighbours)
    entry, first = _entries(lesion, runs.level[kept], rule.dimension)
    pixels = np.bincount(entry, weights=runs.length[kept]).astype(np.intp)
    peak = np.full(len(pixels), -np.inf)
    np.maximum.at(peak, entry, tops[kept])
    owner = lesion[first]
    slices = runs.level[kept][first]
    counts = _counting(pixels, peak, owner, slices, stack, threshold, preset)
    factor = _factors(_highest(peak, owner) if preset.maximum == "lesion" else peak, threshold, preset)
    renumber = np.where(counts, np.cumsum(counts) - 1, -1)
    of_run = np.full(len(runs.first), -1, dtype=np.intp)
    of_run[kept] = renumber[entry]
    label = np.zeros(len(pixels), dtype=np.int64) if runs.label is None else runs.label[kept][first]
    place = used if runs.order is None else runs.order if used is None else used[runs.order]
    return Islands(
        slices=slices[counts],
        pixels=pixels[counts],
        peak=peak[counts],
        factor=factor[counts],
        label=label[counts],
        of_run=of_run,
        hu_limbs=run_limbs(ordered, runs.first),
        _length=runs.length,
        _place=place,
        _voxels=len(hu),
    )


def _none(voxels: int) -> Islands:
    empty = np.zeros(0, dtype=np.intp)
    nothing = np.zeros(0)
    return Islands(empty, empty, nothing, empty, empty, empty, [nothing], empty, empty, voxels)


def _lesions(runs: Runs, preset: Preset, neighbours: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The island (3-D: the lesion) of each run that is left after the prefilter, and which runs those are."""
    kept = np.arange(len(runs.first))
    if preset.prefilter is not None:
        whole = join(runs, 3, preset.prefilter.neighbours)
        large = np.bincount(whole, weights=runs.length)[whole] >= preset.prefilter.smallest
        kept, runs = np.flatnonzero(large), runs.taken(large)
    return join(runs, preset.islands.dimension, neighbours), kept


def _entries(
    lesion: NDArray[np.intp], level: NDArray[np.int64], dimension: int
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Number of the lesion's part in its slice for each run, and the first run of each part."""
    if dimension == 2 or not len(lesion):
        first = np.empty(int(lesion.max(initial=-1)) + 1, dtype=np.intp)
        # Of several writes to one place the last one stays, here that of the earliest run.
        first[lesion[::-1]] = np.arange(len(lesion))[::-1]
        return lesion, first
    low = int(level.min())
    depth = int(level.max()) - low + 1
    _, first, entry = np.unique(lesion * depth + (level - low), return_index=True, return_inverse=True)
    return entry.reshape(-1), first


def _counting(
    pixels: NDArray[np.intp],
    peak: NDArray[np.float64],
    owner: NDArray[np.intp],
    slices: NDArray[np.int64],
    stack: Stack,
    threshold: Threshold,
    preset: Preset,
) -> NDArray[np.bool_]:
    """Which entries count: large enough, in a slice that counts, and with a maximum that reaches the threshold."""
    counts = _large_enough(pixels, owner, stack, preset.islands)
    step = stack.step(preset)
    if step > 1:
        counts &= slices % step == 0
    if preset.below_threshold == "maximum":
        highest = _highest(peak, owner)
        counts &= reaching(highest, threshold.hu, preset.strict)
    return counts


def _large_enough(
    pixels: NDArray[np.intp], owner: NDArray[np.intp], stack: Stack, rule: IslandRule
) -> NDArray[np.bool_]:
    whole = rule.unit in ("voxels", "lesion_mm2")
    size = np.bincount(owner, weights=pixels)[owner] if whole else pixels
    least = rule.least(stack.pixel_mm2)
    large = size > least + AREA_TOLERANCE if rule.exceeds else size >= least - AREA_TOLERANCE
    return np.asarray(large & (pixels >= rule.least_pixels))


def _highest(peak: NDArray[np.float64], owner: NDArray[np.intp]) -> NDArray[np.float64]:
    """Maximum of the whole lesion, for each of its parts."""
    highest = np.full(int(owner.max(initial=-1)) + 1, -np.inf)
    np.maximum.at(highest, owner, peak)
    return np.asarray(highest[owner])


def _factors(graded: NDArray[np.float64], threshold: Threshold, preset: Preset) -> NDArray[np.intp]:
    """Density factors; 0 below the first bin, -1 between the end of a bin and the next."""
    steps = np.searchsorted(np.array(threshold.bins), graded, side="right" if preset.bin_starts == "at" else "left")
    factor = np.concatenate([[0], np.asarray(preset.factors, dtype=np.intp)])[steps]
    if threshold.ends:
        # The last bin has no end.
        ends = np.array([np.inf, *threshold.ends, np.inf])
        factor[graded > ends[steps]] = UNDEFINED
    return np.asarray(factor)
