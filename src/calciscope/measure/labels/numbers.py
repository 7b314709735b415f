"""Every measure of every label of a mask."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from calciscope.domain.assessment import Measure
from calciscope.domain.image import Volume
from calciscope.domain.scores import SCORES
from calciscope.measure.integration.masses import masses
from calciscope.measure.integration.weighted import (
    REFERENCE_DENSITY,
    assumed_reference,
    calibrated_reference,
    weighted_region,
)
from calciscope.measure.labels.scores import TAKEN_AS, Each, Layer, Quick, common, summed, union
from calciscope.measure.numbers import numbers
from calciscope.measure.scan import Region, Scan, gates_of, number
from calciscope.measure.uncertainty.detect import smallest_lesion, upper_bounds
from calciscope.measure.voxels.dense import Calcified, calcified, labels_in

# Of a label with more voxels than this only those above the threshold are measured: it is no outline of deposits, and
# what lies below the threshold in it is tissue.
_OUTLINE_VOXELS = 2_000_000
# A label in which nothing reaches the threshold and that is larger than this (mm3) outlines an organ and no deposit.
_DRAWN_MM3 = 2000.0


@dataclass(frozen=True, slots=True, eq=False)
class Full:
    """Every measure, by :func:`calciscope.measure.numbers.numbers` on the voxels of each label."""

    scan: Scan
    sites: Mapping[int, str | None]

    def measured(self, layers: Sequence[Layer], names: Mapping[int, str]) -> tuple[Each, dict[str, Measure]]:
        """Measures of each name, and of all together."""
        each: Each = {}
        parts: list[Calcified] = []
        for layer in layers:
            present = sorted(names) if len(layers) == 1 else labels_in(layer).tolist()
            large = self._large(layer)
            taken = self._voxels(layer, large)
            parts.append(taken)
            order = np.argsort(taken.labels, kind="stable")
            ends = np.searchsorted(taken.labels[order], [*present, present[-1] + 1])
            for label, first, last in zip(present, ends[:-1], ends[1:], strict=True):
                own = order[first:last]
                found = self._numbers(taken.voxels[own], taken.hu[own], self.sites[label])
                if label in large:
                    found.pop("spatially_weighted", None)
                each[names[label]] = found
        if len(each) == 1:
            return each, dict(next(iter(each.values())))
        everything = parts[0] if len(parts) == 1 else self._voxels(union(layers), self._large(union(layers)))
        total = self._numbers(everything.voxels, everything.hu, common(self.sites))
        if not all("spatially_weighted" in found for found in each.values()):
            total.pop("spatially_weighted", None)
        # What adds up is the sum of the labels, so that a table adds up; only labels that overlap do not.
        return each, total | (summed(each) if len(parts) == 1 else {})

    def _large(self, layer: Layer) -> frozenset[int]:
        """Labels of which only what is above the threshold is measured."""
        if np.count_nonzero(layer) <= _OUTLINE_VOXELS or self.scan.preset.every_voxel:
            return frozenset()
        counts = {label: int(np.count_nonzero(layer == label)) for label in labels_in(layer).tolist()}
        return frozenset(label for label, count in counts.items() if count > _OUTLINE_VOXELS)

    def _voxels(self, layer: Layer, large: frozenset[int]) -> Calcified:
        """All voxels of the labels that outline something, and those above the threshold of ``large`` ones."""
        scan = self.scan
        if not large:
            return calcified(scan.volume.hu, layer, None)
        outlines = np.where(np.isin(layer, sorted(large)), layer.dtype.type(0), layer)
        parts = (
            calcified(scan.volume.hu, outlines, None),
            calcified(scan.volume.hu, np.where(outlines == 0, layer, layer.dtype.type(0)), scan.threshold.hu),
        )
        return Calcified(*(np.concatenate(pair) for pair in zip(*parts, strict=True)))

    def _numbers(self, voxels: NDArray[np.integer], hu: NDArray[np.number], site: str | None) -> dict[str, Measure]:
        scan = self.scan
        if not len(voxels):
            empty = np.zeros((1, 1, 1), dtype=np.uint8)
            return Quick(replace(scan, volume=_void(scan.volume)), {1: site}).layer(empty, [1])[1]
        region = Region.of_mask(voxels, hu, scan, site or TAKEN_AS)
        found = dict(numbers(region, scan).measures)
        found |= _bounded(found, region, scan)
        found |= _weighted(region, scan)
        drawn = not region.count and len(voxels) * scan.volume.geometry.voxel_mm3 <= _DRAWN_MM3
        return found | _faint(region, scan) if drawn else found


def _void(volume: Volume) -> Volume:
    geometry = replace(volume.geometry, shape=(1, 1, 1))
    return Volume(np.zeros((1, 1, 1), dtype=np.int16), geometry, volume.acquisition)


def _faint(region: Region, scan: Scan) -> dict[str, Measure]:
    """Masses of a label in which nothing reaches the threshold: what its voxels add to their surroundings."""
    gate = gates_of((), region.site, scan)["mass"]
    return masses((region.voxels,), gate, scan, ", of the whole label")


def _weighted(region: Region, scan: Scan) -> dict[str, Measure]:
    """Spatially weighted score of the whole label, nothing where neither phantom nor noise gives a reference."""
    noise = scan.noise_at(region.voxels)
    if scan.calibration is not None and scan.calibration.noise > 0:
        reference = calibrated_reference(scan.calibration, REFERENCE_DENSITY)
    elif noise is not None and noise.sd > 0:
        reference = assumed_reference(scan.threshold, noise.sd)
    else:
        return {}
    axis = scan.stack.slice_axis
    increment = scan.stack.spacing[axis]
    value = weighted_region(scan.volume.hu, region.voxels, reference, slice_axis=axis, increment=increment)
    gate = gates_of((), region.site, scan)["agatston"].joined(reference.gate)
    told = (
        f"spatially weighted, 100 mg/cm3 at {reference.mean:.0f} HU with a spread of {reference.sd:.0f} HU, all voxels "
        "of the label and those beside them, referred to slices 3 mm apart"
    )
    return {"spatially_weighted": number(value, "1", told, gate, scan)}


def _bounded(found: Mapping[str, Measure], region: Region, scan: Scan) -> dict[str, Measure]:
    """Scores of 0 with an interval that ends at the score of the largest lesion that could have been missed.

    Noise is that of the whole image, on which that lesion depends little. A lesion in a label is no larger than it.
    """
    if scan.noise is None or found["agatston"].value != 0:
        return {}
    missed = smallest_lesion(scan.noise, scan.stack, scan.threshold, scan.preset)
    bounds = upper_bounds(missed, scan.stack, scan.threshold, scan.preset)
    if bounds is None:
        return {name: found[name].model_copy(update={"interval": None}) for name in SCORES if found[name].value == 0}
    share = min(1.0, len(region.voxels) * scan.stack.voxel_mm3 / bounds[1]) if bounds[1] else 1.0
    ends = {name: share * bound for name, bound in zip(SCORES, bounds, strict=True)}
    changed = {}
    for name, end in ends.items():
        one = found[name]
        if one.value == 0 and one.interval is not None:
            changed[name] = one.model_copy(update={"interval": (0.0, max(end, one.interval[1]))})
    return changed
