"""Calcium scores on the voxels that are calcium, and on nothing else.

The input is a list of voxels with a label each, not a volume: the work grows with the calcium and not with the scan,
and no loop runs over lesions or labels. The rule is the preset's; this module has none of its own.

Agatston AS et al. J Am Coll Cardiol 1990;15:827-32; scaling by increment after Ohnesorge B et al. 2002; volume after
Callister TQ et al. Radiology 1998;208:807-14; mass after Hong C et al. Radiology 2002;223:474-80.

For users: see docs/measures.md#agatston.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from calciscope.measure.presets import Preset, Threshold
from calciscope.measure.voxels.dense import calcified, distinct
from calciscope.measure.voxels.islands import Islands, Stack, islands
from calciscope.measure.voxels.runs import components
from calciscope.measure.voxels.sums import grouped, rounded

__all__ = ["Islands", "Score", "Scores", "Stack", "components", "islands", "score", "scores", "volume_scores"]


@dataclass(frozen=True, slots=True, eq=False)
class Score:
    """Scores of a set of voxels: Agatston (no unit), volume score (mm3), mass (mg), each voxel's share of Agatston.

    Agatston is not a number where the preset has no density factor for one of the islands.
    """

    agatston: float
    volume: float
    mass: float
    islands: Islands
    share: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """Scores by label: ``label`` ``(k,)`` ascending, ``agatston`` (no unit), ``volume`` (mm3), ``mass`` (mg) ``(k,)``.

    ``total`` holds the three of all labels together. ``islands`` are those of every label (``islands.label`` says
    whose), ``each`` ``(m,)`` is what each adds to the Agatston score. Not a number as for :class:`Score`.
    """

    label: NDArray[np.integer]
    agatston: NDArray[np.float64]
    volume: NDArray[np.float64]
    mass: NDArray[np.float64]
    total: tuple[float, float, float]
    islands: Islands
    each: NDArray[np.float64]

    def share(self) -> NDArray[np.float64]:
        """Each given voxel's share of the Agatston score of its label, ``(n,)``."""
        return _share(self.islands, self.each)


def score(
    voxels: NDArray[np.integer], hu: NDArray[np.number], stack: Stack, threshold: Threshold, preset: Preset
) -> Score:
    """Agatston, volume and mass of one label.

    ``voxels`` is ``(n, 3)`` canonical indices without repeats, ``hu`` ``(n,)``; neighbours are looked for among these
    voxels only, which is what "inside the mask" means. ``share`` sums to the Agatston score over the voxels.
    Mass is the factor of ``threshold`` times the sum of volume times HU.
    """
    found = islands(voxels, hu, stack, threshold, preset)
    each = _each(found, stack, preset)
    whole = np.zeros(len(found.pixels), dtype=np.intp)
    agatston, volume, mass = _finished(_tallied(found, each, whole, 1), stack, threshold, preset)
    return Score(float(agatston[0]), float(volume[0]), float(mass[0]), found, _share(found, each))


def scores(
    voxels: NDArray[np.integer],
    hu: NDArray[np.number],
    labels: NDArray[np.integer],
    stack: Stack,
    threshold: Threshold,
    preset: Preset,
    *,
    of: NDArray[np.integer] | None = None,
) -> Scores:
    """Agatston, volume and mass of every label at once; islands never join across labels.

    ``labels`` ``(n,)`` is the label of each voxel, the other arguments are as for :func:`score`. ``of`` lists the
    labels to report, also those without calcium; without it, those of the given voxels. A preset that keeps voxels
    below the threshold needs every voxel of the labels (``preset.every_voxel``), the others only those above it.

    Raises:
        ValueError: a voxel has a label that is not among ``of``.
    """
    found = islands(voxels, hu, stack, threshold, preset, labels)
    each = _each(found, stack, preset)
    wanted = distinct(np.asarray(labels)) if of is None else np.unique(of)
    group = np.searchsorted(wanted, found.label)
    if len(group) and (int(group.max()) >= len(wanted) or (wanted[group] != found.label).any()):
        raise ValueError("a voxel has a label that is not among those asked for")
    tally = _tallied(found, each, group, len(wanted))
    agatston, volume, mass = _finished(tally, stack, threshold, preset)
    whole = _finished(tally.sum(axis=1, keepdims=True), stack, threshold, preset)
    total = (float(whole[0][0]), float(whole[1][0]), float(whole[2][0]))
    return Scores(wanted, agatston, volume, mass, total, found, each)


def volume_scores(
    hu: NDArray[np.number],
    mask: NDArray[np.integer] | NDArray[np.bool_] | None,
    stack: Stack,
    threshold: Threshold,
    preset: Preset,
    *,
    of: NDArray[np.integer] | None = None,
) -> Scores:
    """The scores of every label of a ``mask`` on a volume ``hu``, both ``(z, y, x)``; no mask: of the whole, label 1.

    The volume is read once and nothing of its size is allocated; the further work grows with the calcified voxels.
    Other arguments are as for :func:`scores`, errors as for :func:`.dense.calcified`.
    """
    taken = calcified(hu, mask, None if preset.every_voxel else threshold.hu, preset.strict)
    return scores(taken.voxels, taken.hu, taken.labels, stack, threshold, preset, of=of)


def _unit(stack: Stack, preset: Preset) -> float:
    """What a pixel adds to the score at density factor 1."""
    unit = stack.pixel_mm2 * stack.scale(preset)
    return round(unit, preset.decimals) if preset.rounding == "pixel" else unit


def _each(found: Islands, stack: Stack, preset: Preset) -> NDArray[np.float64]:
    """What each island adds to the Agatston score; not a number where it has no density factor."""
    each = found.pixels * found.factor * _unit(stack, preset)
    if preset.rounding == "island":
        each = np.round(each, preset.decimals)
    return np.where(found.factor < 0, np.nan, each)


def _tallied(found: Islands, each: NDArray[np.float64], group: NDArray[np.intp], count: int) -> NDArray[np.float64]:
    """What is summed over the islands of each group, ``(rows, count)``.

    Rows: pixels times factor, contributions, islands without a factor, pixels, and the limbs of the sum of HU. All but
    the contributions are exact.
    """
    summed = (found.pixels * found.factor, each, found.factor < 0, found.pixels)
    rows = [np.bincount(group, weights=weights, minlength=count) for weights in summed]
    of_run = np.append(group, -1)[found.of_run]
    return np.vstack([*rows, grouped(found.hu_limbs, of_run, count)])


def _finished(
    tally: NDArray[np.float64], stack: Stack, threshold: Threshold, preset: Preset
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Agatston, volume and mass of each group.

    Counts are multiplied once, after they are summed, and HU are summed exactly: the result is the same to the last
    digit however the voxels are ordered, turned or shifted.
    """
    graded, each, undefined, pixels = tally[:4]
    agatston = each.copy() if preset.rounding == "island" else graded * _unit(stack, preset)
    if preset.rounding in ("island", "total"):
        agatston = np.round(agatston, preset.decimals)
    agatston[undefined > 0] = np.nan
    voxel_mm3 = stack.voxel_mm3 * stack.step(preset)
    return agatston, pixels * voxel_mm3, rounded(tally[4:]) * voxel_mm3 * threshold.mass_factor


def _share(found: Islands, each: NDArray[np.float64]) -> NDArray[np.float64]:
    of_voxel = found.of_voxel
    return np.append(each / found.pixels, 0.0)[of_voxel] if len(of_voxel) else np.zeros(0)
