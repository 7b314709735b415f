"""From placed deposits to numbers: one value a site, and parents that sum the places below them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from calciscope.domain.anatomy import Anatomy
from calciscope.domain.assessment import Measure, Validity
from calciscope.domain.deposit import Deposit, PlacedDeposit
from calciscope.domain.image import Volume
from calciscope.domain.measured import MeasuredSite
from calciscope.domain.patient import Value
from calciscope.domain.site import within
from calciscope.measure.agatston import Score, Stack, score
from calciscope.measure.gate import Gate, Number, acquisition_rules, facts, judge
from calciscope.measure.mass import MassFactor, mass_factor
from calciscope.measure.presets import Preset, Threshold
from calciscope.measure.readings import reviewed
from calciscope.measure.rollup import VALUE_NAMES, rollups
from calciscope.measure.shape import Size, size
from calciscope.measure.voltage import threshold_of


@dataclass(frozen=True, slots=True)
class _Scan:
    """What is the same for every site of one scan."""

    volume: Volume
    anatomy: Anatomy
    preset: Preset
    threshold: Threshold
    factor: MassFactor
    stack: Stack


def measure(
    placed: Sequence[PlacedDeposit], volume: Volume, anatomy: Anatomy, preset: Preset
) -> tuple[MeasuredSite, ...]:
    """Every site with its numbers, in the order of the site paths, roll-ups before the places they sum.

    Agatston, volume score and mass are scored on all voxels of a site together, so that an island which two deposits
    share counts once. A site's confidence is the mean of its deposits' placements weighted by volume: a speck of
    doubtful place does not make a large deposit doubtful. Where two places stand close, the site is marked for review
    and tells the total of either reading.
    """
    acquisition = volume.acquisition
    threshold = threshold_of(preset, acquisition)
    factor = mass_factor(acquisition, threshold)
    stack = Stack(volume.geometry.spacing, acquisition.slice_axis, acquisition.slice_thickness)
    scan = _Scan(volume, anatomy, preset, factor.applied(threshold), factor, stack)
    by_site: dict[str, list[PlacedDeposit]] = {}
    for one in placed:
        by_site.setdefault(one.placement.site, []).append(one)
    own = {site: _site(site, by_site[site], scan) for site in sorted(by_site)}
    return rollups(reviewed(own))


def _site(site: str, placed: Sequence[PlacedDeposit], scan: _Scan) -> MeasuredSite:
    ordered = sorted(placed, key=lambda one: -one.deposit.volume_mm3)
    deposits = [one.deposit for one in ordered]
    voxels = np.concatenate([one.voxels for one in deposits])
    hu = np.concatenate([one.hu for one in deposits])
    known = facts(
        scan.volume.acquisition,
        scan.volume.geometry,
        scan.anatomy.blood_pool,
        deposits,
        scan.threshold,
        scan.preset.reference_kvp,
    )
    gates = judge(known, site, scan.threshold)
    gates["mass"] = gates["mass"].joined(scan.factor.gate)
    result = score(voxels, hu, scan.stack, scan.threshold, scan.preset)
    measures = _measures(site, deposits, hu, result, gates, scan)
    shares = np.split(result.share, np.cumsum([len(one.voxels) for one in deposits])[:-1])
    each = {one.id: float(share.sum()) for one, share in zip(deposits, shares, strict=True)}
    refused = gates["agatston"].validity is Validity.REFUSED
    confidence = confidence_of(ordered)
    return MeasuredSite(
        site=site,
        placed=tuple(ordered),
        measures=MappingProxyType(measures),
        values=MappingProxyType(_values(measures, ordered, confidence)),
        deposit_agatston=MappingProxyType({} if refused else each),
        confidence=confidence,
    )


def _measures(
    site: str,
    deposits: Sequence[Deposit],
    hu: NDArray[np.float32],
    result: Score,
    gates: Mapping[Number, Gate],
    scan: _Scan,
) -> dict[str, Measure]:
    """Every number of a site; ``deposits`` by size, ``hu`` of all their voxels."""
    if any(within(site, place) for place in acquisition_rules().scored_sites):
        volume, mass, rule = result.volume, result.mass, "voxels of the islands that count"
    else:
        volume = len(hu) * scan.stack.voxel_mm3
        mass, rule = float(hu.sum(dtype=np.float64)) * scan.stack.voxel_mm3 * scan.factor.value, "all voxels"
    sizes = _sizes(deposits, scan)
    diameter = max(one.diameter for one in sizes)
    attenuation = gates["attenuation"]

    def number(value: float, unit: str, method: str, gate: Gate) -> Measure:
        refused = gate.validity is Validity.REFUSED
        return Measure(
            value=None if refused else value,
            unit=unit,
            method=method,
            preset=scan.preset.label,
            validity=gate.validity,
            why=gate.why,
        )

    return {
        "agatston": number(result.agatston, "1", _agatston_method(scan), gates["agatston"]),
        "volume": number(volume, "mm3", rule, gates["volume"]),
        "mass": number(mass, "mg", f"hydroxyapatite, {scan.factor.origin}, {rule}", gates["mass"]),
        "diameter": number(diameter, "mm", "largest in an axial slice, edge near half maximum", gates["diameter"]),
        "attenuation": number(sizes[0].core_hu, "HU", "mean of the core of the largest deposit", attenuation),
        "mean_hu": number(float(hu.mean(dtype=np.float64)), "HU", "mean of all voxels", attenuation),
        "peak": number(float(hu.max()), "HU", "highest voxel", attenuation),
        "count": Measure(value=float(len(deposits)), unit="1", method="number of deposits"),
    }


def confidence_of(placed: Sequence[PlacedDeposit]) -> float:
    """Mean confidence of the placements, weighted by the volume of their deposits."""
    weights = [one.deposit.volume_mm3 for one in placed]
    return round(float(np.average([one.placement.confidence for one in placed], weights=weights)), 6)


def _sizes(deposits: Sequence[Deposit], scan: _Scan) -> list[Size]:
    """Sizes of the largest deposit and of those whose extent could exceed its diameter."""
    sizes = [size(deposits[0], scan.volume.geometry)]
    for one in deposits[1:]:
        if float(np.hypot(one.extent_mm[0], one.extent_mm[1])) > max(known.diameter for known in sizes):
            sizes.append(size(one, scan.volume.geometry))
    return sizes


def _agatston_method(scan: _Scan) -> str:
    rule = scan.preset.islands
    sign = ">" if scan.preset.strict else ">="
    return f"Agatston, {sign}{scan.threshold.hu:g} HU, {rule.dimension}-D islands with {rule.neighbours} neighbours"


def _values(measures: Mapping[str, Measure], placed: Sequence[PlacedDeposit], confidence: float) -> dict[str, Value]:
    """The facts that rules see; a refused number is absent. Where deposits differ the largest one speaks."""
    values: dict[str, Value] = {
        VALUE_NAMES.get(name, name): one.value for name, one in measures.items() if one.value is not None
    }
    largest = placed[0].deposit
    values |= {"sphericity": largest.shape.sphericity, "hollow": largest.shape.hollow, "confidence": confidence}
    if largest.shape.hollow >= acquisition_rules().rim_hollow:
        values["pattern"] = "rim"
    for one in reversed(placed):
        values |= dict(one.placement.attributes)
    return values
