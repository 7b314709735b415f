"""Every measure of every label of a mask."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from calciscope.domain.assessment import Measure, Validity
from calciscope.domain.image import Volume
from calciscope.errors import InputError
from calciscope.measure.dense import Calcified, calcified, labels_in
from calciscope.measure.gate import Gate
from calciscope.measure.integrated import integrated_mass
from calciscope.measure.label_scores import TAKEN_AS, Each, Layer, Quick, common, summed, union
from calciscope.measure.numbers import numbers
from calciscope.measure.scan import Region, Scan, gates_of, number

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
            taken = self._voxels(layer)
            parts.append(taken)
            order = np.argsort(taken.labels, kind="stable")
            ends = np.searchsorted(taken.labels[order], [*present, present[-1] + 1])
            for label, first, last in zip(present, ends[:-1], ends[1:], strict=True):
                own = order[first:last]
                each[names[label]] = self._numbers(taken.voxels[own], taken.hu[own], self.sites[label])
        if len(each) == 1:
            return each, dict(next(iter(each.values())))
        everything = parts[0] if len(parts) == 1 else self._voxels(union(layers))
        total = self._numbers(everything.voxels, everything.hu, common(self.sites))
        # What adds up is the sum of the labels, so that a table adds up; only labels that overlap do not.
        return each, total | (summed(each) if len(parts) == 1 else {})

    def _voxels(self, layer: Layer) -> Calcified:
        """All voxels of the labels that outline something, and those above the threshold of larger ones."""
        scan = self.scan
        if np.count_nonzero(layer) <= _OUTLINE_VOXELS or scan.preset.every_voxel:
            return calcified(scan.volume.hu, layer, None)
        counts = {label: int(np.count_nonzero(layer == label)) for label in labels_in(layer).tolist()}
        large = [label for label, count in counts.items() if count > _OUTLINE_VOXELS]
        outlines = np.where(np.isin(layer, large), layer.dtype.type(0), layer)
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
        drawn = not region.count and len(voxels) * scan.volume.geometry.voxel_mm3 <= _DRAWN_MM3
        return found | _faint(region, scan) if drawn else found


def _void(volume: Volume) -> Volume:
    geometry = replace(volume.geometry, shape=(1, 1, 1))
    return Volume(np.zeros((1, 1, 1), dtype=np.int16), geometry, volume.acquisition)


def _faint(region: Region, scan: Scan) -> dict[str, Measure]:
    """Integrated mass of a label in which nothing reaches the threshold: what its voxels add to their surroundings."""
    gate = gates_of((), region.site, scan)["mass"]
    told = f"hydroxyapatite, {scan.factor.origin}, attenuation above the tissue around, of the whole label"
    try:
        estimate = integrated_mass(
            scan.volume.hu,
            region.voxels,
            scan.volume.geometry.spacing,
            scan.factor.value,
            factor_error=scan.factor.error,
            others=scan.others,
            slice_axis=scan.stack.slice_axis,
        )
    except InputError as error:
        gate = gate.joined(Gate(Validity.REFUSED, str(error)))
        return {"integrated_mass": number(0.0, "mg", told, gate, scan)}
    gate = gate.joined(Gate(Validity.VALID, estimate.note))
    low, high = (max(0.0, end) for end in estimate.interval)
    value = max(0.0, estimate.value)
    return {
        name: number(value, "mg", told, gate, scan, (low, high)) for name in ("integrated_mass", "volume_fraction_mass")
    }
