"""Agatston, volume and mass of every label of a mask, in one reading of the volume."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from calciscope.domain.assessment import Measure
from calciscope.domain.labels import LabelArray
from calciscope.measure.agatston import Scores, scores
from calciscope.measure.gate import Fact, Gate, Number, acquisition_rules, facts, judge
from calciscope.measure.rollup import SUMMED, combined
from calciscope.measure.scan import Scan, agatston_method, number, scored
from calciscope.measure.voxels.dense import Calcified, calcified, labels_in

# A label whose name tells no place is taken at its word: it is scored as the calcium of an artery.
TAKEN_AS = "artery"

# Which voxels volume and mass are of: where calcium is scored those of the score, elsewhere all.
_ISLANDS, _VOXELS = "voxels of the islands that count", "all voxels"

Layer = LabelArray | NDArray[np.bool_]
Each = dict[str, dict[str, Measure]]


@dataclass(frozen=True, slots=True, eq=False)
class Quick:
    """Agatston, volume and mass in one reading of the volume; no loop runs over voxels or lesions."""

    scan: Scan
    sites: Mapping[int, str | None]

    def measured(self, layers: Sequence[Layer], names: Mapping[int, str]) -> tuple[Each, dict[str, Measure]]:
        """Measures of each name, and of all together."""
        each: Each = {}
        for layer in layers:
            present = sorted(names) if len(layers) == 1 else labels_in(layer).tolist()
            found = self.layer(layer, present)
            each |= {names[label]: measures for label, measures in found.items()}
        if len(layers) == 1:
            return each, summed(each)
        return each, Quick(self.scan, {1: common(self.sites)}).layer(union(layers), [1])[1]

    def layer(self, layer: Layer, present: Sequence[int]) -> dict[int, dict[str, Measure]]:
        """The scores of the labels of one layer."""
        scan = self.scan
        threshold, preset = scan.threshold, scan.preset
        taken = calcified(scan.volume.hu, layer, None if preset.every_voxel else threshold.hu, preset.strict)
        wanted = np.asarray(present, dtype=np.int64)
        found = scores(taken.voxels, taken.hu, taken.labels, scan.stack, threshold, preset, of=wanted)
        gates = self._gates(taken, found)
        whole = self._every_voxel(taken, found) if any(not scored(self.sites[label]) for label in present) else None
        names = {
            "agatston": ("1", agatston_method(scan)),
            **{f"volume, {rule}": ("mm3", rule) for rule in (_ISLANDS, _VOXELS)},
            **{
                f"mass, {rule}": ("mg", f"hydroxyapatite, {scan.factor.origin}, {rule}") for rule in (_ISLANDS, _VOXELS)
            },
        }
        # Pixels are counted, so that many of thousands of small labels have equal scores.
        like: dict[tuple[str, int], Measure] = {}
        made: dict[tuple[str, int, float], Measure] = {}

        def told(what: str, value: float, gate: Gate) -> Measure:
            key = (what, id(gate), value)
            if key not in made:
                if key[:2] not in like:
                    unit, method = names[what]
                    like[key[:2]] = number(0.0, unit, method, gate, scan)
                one = like[key[:2]]
                made[key] = one if one.value is None else one.model_copy(update={"value": value})
            return made[key]

        values = [found.agatston.tolist(), found.volume.tolist(), found.mass.tolist()]
        besides = [] if whole is None else [one.tolist() for one in whole]
        result = {}
        for place, label in enumerate(present):
            gate = gates[place]
            agatston, volume, mass, rule = *(one[place] for one in values), _ISLANDS
            if whole is not None and not scored(self.sites[label]):
                volume, mass, rule = besides[0][place], besides[1][place], _VOXELS
            result[label] = {
                "agatston": told("agatston", agatston, gate["agatston"]),
                "volume": told(f"volume, {rule}", volume, gate["volume"]),
                "mass": told(f"mass, {rule}", mass, gate["mass"]),
            }
        return result

    def _every_voxel(self, taken: Calcified, found: Scores) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
        """Volume (mm3) and mass (mg) of all calcium of each label, islands that are too small included."""
        above = _above(taken.hu, self.scan)
        place = np.searchsorted(found.label, taken.labels[above])
        voxel = self.scan.stack.voxel_mm3
        counts = np.bincount(place, minlength=len(found.label))
        attenuation = np.bincount(place, weights=taken.hu[above].astype(np.float64), minlength=len(found.label))
        return counts * voxel, attenuation * voxel * self.scan.threshold.mass_factor

    def _gates(self, taken: Calcified, found: Scores) -> list[dict[Number, Gate]]:
        """How far the numbers of each label hold: one judgement for all labels of which the same is known."""
        scan = self.scan
        acquisition = scan.volume.acquisition
        at_edge, at_gap = np.zeros(len(taken.hu), dtype=np.bool_), np.zeros(len(taken.hu), dtype=np.bool_)
        for axis, size in enumerate(scan.volume.geometry.shape):
            at_edge |= (taken.voxels[:, axis] == 0) | (taken.voxels[:, axis] == size - 1)
        if acquisition.missing_slices:
            gaps = {index + step for index in acquisition.missing_slices for step in (-1, 0, 1)}
            at_gap = np.isin(taken.voxels[:, acquisition.slice_axis], sorted(gaps))
        if scan.preset.every_voxel:
            above = _above(taken.hu, scan)
            at_edge &= above
            at_gap &= above
        edge = np.isin(found.label, np.unique(taken.labels[at_edge]))
        gap = np.isin(found.label, np.unique(taken.labels[at_gap]))
        peaks = np.full(len(found.label), -np.inf)
        np.maximum.at(peaks, np.searchsorted(found.label, found.islands.label), found.islands.peak)
        base = facts_of(scan)
        telling = _telling_peak()
        judged: dict[tuple[str, bool, bool, float], dict[Number, Gate]] = {}
        result = []
        for label, edged, gapped, peak in zip(found.label.tolist(), edge, gap, peaks.tolist(), strict=True):
            # Labels that differ in what no rule asks for are judged once.
            key = (self.sites[label] or TAKEN_AS, bool(edged), bool(gapped), peak if peak >= telling else -math.inf)
            if key not in judged:
                known = {**base, "at_edge": key[1], "missing": key[2], "peak": peak if math.isfinite(peak) else None}
                gates = judge(known, key[0], scan.threshold)
                gates["mass"] = gates["mass"].joined(scan.factor.gate)
                judged[key] = gates
            result.append(judged[key])
        return result


def facts_of(scan: Scan) -> dict[str, Fact]:
    """What is known of the scan itself, without any calcium."""
    volume, pool = scan.volume, scan.anatomy.blood_pool if scan.anatomy else None
    return facts(
        volume.acquisition, volume.geometry, pool, (), scan.threshold, scan.preset.reference_kvp, scan.implants
    )


def _above(hu: NDArray[np.number], scan: Scan) -> NDArray[np.bool_]:
    return np.asarray(hu > scan.threshold.hu if scan.preset.strict else hu >= scan.threshold.hu)


def union(layers: Sequence[Layer]) -> NDArray[np.bool_]:
    """Where any layer has a label."""
    return np.asarray(np.logical_or.reduce([layer != 0 for layer in layers]))


def common(sites: Mapping[int, str | None]) -> str | None:
    """The one site of all labels, ``None`` where they differ."""
    different = set(sites.values())
    return different.pop() if len(different) == 1 else None


def summed(each: Mapping[str, Mapping[str, Measure]]) -> dict[str, Measure]:
    """The measures that add up, over labels that do not overlap; as strict as the strictest of them."""
    every = list(each.values())
    if len(every) == 1:
        return dict(every[0])
    return {name: _sum([one[name] for one in every]) for name in SUMMED if all(name in one for one in every)}


def _sum(measures: Sequence[Measure]) -> Measure:
    if any(one.interval is not None for one in measures):
        return combined(measures, "sum of the labels", math.fsum)
    # Without intervals, thousands of labels have a handful of different reasons.
    different = {(one.validity, one.why): one for one in measures}
    total = combined(list(different.values()), "sum of the labels", math.fsum)
    values = [one.value for one in measures if one.value is not None]
    return total if total.value is None else total.model_copy(update={"value": math.fsum(values)})


def _telling_peak() -> float:
    """The lowest peak attenuation (HU) that any rule of the acquisition asks for."""
    conditions = [rule.when["peak"] for rule in acquisition_rules().rules if "peak" in rule.when]
    bounds = [one.above if one.above is not None else one.from_ for one in conditions]
    return min((-math.inf if bound is None else bound for bound in bounds), default=math.inf)
