"""From a region of voxels in a scan to every number that calcium has: deposits of a site, or a label of a mask.

For users: see docs/measures.md#at-a-glance.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from calciscope.domain.assessment import Measure, Validity
from calciscope.domain.deposit import Calcium, Deposit
from calciscope.domain.measured import DepositNumbers
from calciscope.measure.agatston import Score, score
from calciscope.measure.artery import extent, tubes_of
from calciscope.measure.gate import Gate, Number
from calciscope.measure.integration.masses import masses
from calciscope.measure.presets import Preset
from calciscope.measure.scan import Piece, Region, Scan, agatston_method, gates_of, number, scored
from calciscope.measure.shape import Size, size, surrounding
from calciscope.measure.uncertainty.interval import Intervals, score_intervals
from calciscope.measure.uncertainty.noise import Noise

__all__ = ["Numbers", "Piece", "Region", "Scan", "agatston_method", "gates_of", "number", "numbers", "scored"]

# A diameter is measured on so many pieces, those of the largest bounding boxes: with thousands of flecks of about one
# size it makes no difference which of them is called the largest.
_CANDIDATES = 16
# Mass is integrated over so many deposits of a region; that takes some milliseconds each.
_INTEGRATED = 100
# Shares of the calcium past the ends of a traced artery, or off its wall, from which that is told.
_SOME, _MOSTLY = 0.05, 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Numbers:
    """Every measure of a region by its name, and how the Agatston score divides: ``shares`` ``(pieces,)``.

    ``each`` are the numbers of the deposits by themselves, in their order, where the region is made of deposits.
    """

    measures: Mapping[str, Measure]
    shares: NDArray[np.float64]
    each: tuple[DepositNumbers, ...] = ()


def numbers(region: Region, scan: Scan) -> Numbers:
    """Every number of a region that is not empty.

    Agatston, volume and mass follow the preset; where calcium scores are defined the volume is the volume score, and
    elsewhere every voxel of calcium counts, because a small stone is a stone. Attenuation is that of all voxels of
    calcium (``mean_hu``, ``sd_hu``, ``median_hu``, ``peak``) and of the core of the largest piece (``attenuation``);
    the three diameters are those of the piece that is largest in an axial slice.
    """
    calcium = region.piece >= 0
    hu = region.hu[calcium].astype(np.float64)
    gates = _gates(region, scan)
    result = score(region.voxels, region.hu, scan.stack, scan.threshold, scan.preset)
    measures = _scores(region, hu, result, gates, scan)
    measures |= _masses(region, gates["mass"], scan)
    sizes = tuple(size(one, scan.volume.geometry) for one in region.deposits)
    if len(hu):
        measures |= _attenuation(hu, gates["attenuation"], scan)
        measures |= _sizes(region, sizes, gates, scan)
        measures |= _along_artery(region.voxels[calcium], region.site, gates["diameter"], scan)
    measures["count"] = Measure(value=float(region.count), unit="1", method="number of deposits")
    shares = np.bincount(region.piece[calcium], weights=result.share[calcium], minlength=region.count)
    each = tuple(_each(one, known, gates, scan) for one, known in zip(region.deposits, sizes, strict=True))
    return Numbers(measures, shares.astype(np.float64), each)


def _gates(region: Region, scan: Scan) -> dict[Number, Gate]:
    if region.deposits:
        return gates_of(region.deposits, region.site, scan)
    calcium = region.piece >= 0
    if not calcium.any():
        return gates_of((), region.site, scan)
    whole = Piece(region.voxels[calcium], region.hu[calcium], scan.threshold.hu, 0.0)
    return gates_of((whole,), region.site, scan)


def _scores(
    region: Region, hu: NDArray[np.float64], result: Score, gates: Mapping[Number, Gate], scan: Scan
) -> dict[str, Measure]:
    each = scored(region.site)
    if each:
        volume, mass, rule = result.volume, result.mass, "voxels of the islands that count"
    else:
        volume = len(hu) * scan.stack.voxel_mm3
        mass, rule = float(hu.sum()) * scan.stack.voxel_mm3 * scan.factor.value, "all voxels"
    noise = scan.noise_at(region.voxels[region.piece >= 0] if len(hu) else region.voxels)
    spans = _intervals(region, scan.preset, scan, noise)
    whole = spans if each else _intervals(region, _every_voxel(scan.preset), scan, noise)
    score_span, volume_span, mass_span = spans.agatston, whole.volume, whole.mass
    return {
        "agatston": number(result.agatston, "1", agatston_method(scan), gates["agatston"], scan, score_span),
        "volume": number(volume, "mm3", rule, gates["volume"], scan, _holding(volume, volume_span)),
        "mass": number(
            mass,
            "mg",
            f"hydroxyapatite, {scan.factor.origin}, {rule}",
            gates["mass"],
            scan,
            _holding(mass, mass_span),
        ),
    }


def _intervals(region: Region, preset: Preset, scan: Scan, noise: Noise | None) -> Intervals:
    """95 % intervals of the scores; deposits that were found at a higher threshold are scored again at that one."""
    raised = max((one.threshold_hu for one in region.deposits), default=scan.threshold.hu)
    threshold = replace(scan.threshold, hu=max(raised, scan.threshold.hu))
    return score_intervals(scan.volume.hu, region.voxels, scan.stack, threshold, preset, noise)


def _every_voxel(preset: Preset) -> Preset:
    """The preset without a smallest island."""
    return preset.model_copy(update={"islands": preset.islands.model_copy(update={"smallest": 0.0})})


def _holding(value: float, span: tuple[float, float]) -> tuple[float, float]:
    if math.isnan(span[0]):
        return span
    return min(value, span[0]), max(value, span[1])


def _masses(region: Region, gate: Gate, scan: Scan) -> dict[str, Measure]:
    """Mass by integration and by volume fraction: sums over the pieces, each with its own surroundings.

    The largest ``_INTEGRATED`` pieces are integrated; where there are more the number says that it reads low.
    """
    sizes = np.bincount(region.piece[region.piece >= 0], minlength=region.count)
    chosen = np.argsort(-sizes, kind="stable")[:_INTEGRATED]
    if len(chosen) < len(sizes):
        left = len(sizes) - len(chosen)
        gate = gate.joined(Gate(Validity.ADJUSTED, f"{left} small deposits are left out, so it reads low"))
    return masses(_voxels_of(region, chosen), gate, scan)


def _voxels_of(region: Region, pieces: NDArray[np.intp]) -> Iterator[NDArray[np.integer]]:
    """The voxels of each of these pieces."""
    calcium = np.flatnonzero(region.piece >= 0)
    order = calcium[np.argsort(region.piece[calcium], kind="stable")]
    ends = np.searchsorted(region.piece[order], np.arange(region.count + 1))
    for index in pieces:
        yield region.voxels[order[ends[index] : ends[index + 1]]]


def _attenuation(hu: NDArray[np.float64], gate: Gate, scan: Scan) -> dict[str, Measure]:
    return {
        "mean_hu": number(float(hu.mean()), "HU", "mean of all voxels", gate, scan),
        "sd_hu": number(float(hu.std()), "HU", "standard deviation over all voxels", gate, scan),
        "median_hu": number(float(np.median(hu)), "HU", "median of all voxels", gate, scan),
        "peak": number(float(hu.max()), "HU", "highest voxel", gate, scan),
    }


def _sizes(region: Region, sizes: Sequence[Size], gates: Mapping[Number, Gate], scan: Scan) -> dict[str, Measure]:
    """Diameters and core attenuation; ``sizes`` are those of the deposits where the region is made of deposits."""
    largest = int(np.bincount(region.piece[region.piece >= 0], minlength=region.count).argmax())
    if sizes:
        core, longest = sizes[largest], max(sizes, key=lambda one: one.diameter)
    else:
        core = longest = size(_piece(region, largest, scan), scan.volume.geometry)
        for reach, piece in _candidates(region, scan):
            if reach <= longest.diameter:
                break
            longest = max(longest, size(piece, scan.volume.geometry), key=lambda one: one.diameter)
    method = "mean of the core of the largest deposit"
    return _diameters(longest, gates["diameter"], scan) | {
        "attenuation": number(core.core_hu, "HU", method, gates["attenuation"], scan)
    }


def _each(deposit: Deposit, found: Size, gates: Mapping[Number, Gate], scan: Scan) -> DepositNumbers:
    mass = float(deposit.hu.sum(dtype=np.float64)) * scan.stack.voxel_mm3 * scan.factor.value
    sized = gates["diameter"].validity is not Validity.REFUSED
    return DepositNumbers(
        mass=None if gates["mass"].validity is Validity.REFUSED else mass,
        diameter=found.diameter if sized else None,
        perpendicular=found.perpendicular if sized else None,
        craniocaudal=found.craniocaudal if sized else None,
    )


def _diameters(found: Size, gate: Gate, scan: Scan) -> dict[str, Measure]:
    edge = "edge near half maximum"
    same = f"of the deposit with the largest diameter, {edge}"
    return {
        "diameter": number(found.diameter, "mm", f"largest in an axial slice, {edge}", gate, scan),
        "diameter_perpendicular": number(
            found.perpendicular, "mm", f"at right angles to the largest diameter in its slice, {edge}", gate, scan
        ),
        "diameter_craniocaudal": number(found.craniocaudal, "mm", f"from head to feet {same}", gate, scan),
    }


def _along_artery(voxels: NDArray[np.integer], site: str | None, gate: Gate, scan: Scan) -> dict[str, Measure]:
    """Calcified length and share of the circumference where the course of the artery is known, else nothing."""
    found = extent(voxels, scan.volume.geometry, tubes_of(site, scan.anatomy))
    if found is None:
        return {}
    if found.beyond > _SOME:
        gate = gate.joined(Gate(Validity.ADJUSTED, "some of the calcium lies past the traced course, so it reads low"))
    wall = gate
    if found.off > _MOSTLY:
        off = "most of the calcium lies off the wall of the traced course, so its share of the circumference is unknown"
        wall = gate.joined(Gate(Validity.REFUSED, off))
    share = "share of the circumference seen from the traced centre line"
    return {
        "calcified_length": number(
            found.length, "mm", "along the centre line, calcium at any part of the circumference", gate, scan
        ),
        "circumference": number(100 * found.mean, "%", f"{share}, mean over the calcified length", wall, scan),
        "circumference_largest": number(100 * found.largest, "%", f"{share}, where it is largest", wall, scan),
    }


def _candidates(region: Region, scan: Scan) -> Iterator[tuple[float, Calcium]]:
    """Pieces of a mask with the diagonal of their bounding box in the axial plane (mm), the longest diagonals first."""
    calcium = np.flatnonzero(region.piece >= 0)
    order = calcium[np.argsort(region.piece[calcium], kind="stable")]
    starts = np.searchsorted(region.piece[order], np.arange(region.count))
    plane = region.voxels[order, 1:]
    extent = np.maximum.reduceat(plane, starts) - np.minimum.reduceat(plane, starts) + 1
    reach = np.hypot(*(extent * np.array(scan.volume.geometry.spacing[1:])).T)
    for index in np.argsort(-reach, kind="stable")[:_CANDIDATES]:
        yield float(reach[index]), _piece(region, int(index), scan)


def _piece(region: Region, index: int, scan: Scan) -> Calcium:
    own = region.piece == index
    voxels = region.voxels[own]
    background = surrounding(scan.volume.hu, voxels, scan.threshold.hu, scan.volume.geometry)
    return Piece(voxels, region.hu[own], scan.threshold.hu, background)
