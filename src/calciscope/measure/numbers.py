"""From a region of voxels in a scan to every number that calcium has: deposits of a site, or a label of a mask."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from calciscope.domain.anatomy import Anatomy
from calciscope.domain.assessment import Measure, Validity
from calciscope.domain.deposit import Calcium, Deposit
from calciscope.domain.image import Geometry, Volume
from calciscope.domain.site import within
from calciscope.errors import InputError
from calciscope.measure.agatston import Score, Stack, components, score
from calciscope.measure.artery import extent, tubes_of
from calciscope.measure.calibration import Calibration
from calciscope.measure.gate import Gate, Number, acquisition_rules, facts, judge
from calciscope.measure.integrated import MassEstimate, volume_fraction_mass
from calciscope.measure.interval import Intervals, score_intervals
from calciscope.measure.mass import MassFactor, mass_factor
from calciscope.measure.noise import Noise, image_noise
from calciscope.measure.presets import Preset, Threshold
from calciscope.measure.shape import Size, size, surrounding
from calciscope.measure.voltage import threshold_of

# A diameter is measured on so many pieces, those of the largest bounding boxes: with thousands of flecks of about one
# size it makes no difference which of them is called the largest.
_CANDIDATES = 16
# Mass is integrated over so many deposits of a region; that takes about 10 ms each.
_INTEGRATED = 100
# Shares of the calcium past the ends of a traced artery, or off its wall, from which that is told.
_SOME, _MOSTLY = 0.05, 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Scan:
    """What is the same for every region of one scan.

    ``threshold`` holds the mass factor that ``factor`` explains. ``noise`` is that of the image, ``None`` where it
    shows no soft tissue. ``others`` ``(z, y, x)`` marks all calcium, bone and metal, which no region may take for its
    surroundings.
    """

    volume: Volume
    preset: Preset
    threshold: Threshold
    factor: MassFactor
    stack: Stack
    anatomy: Anatomy | None = None
    noise: Noise | None = None
    others: NDArray[np.bool_] | None = None

    @classmethod
    def of(
        cls,
        volume: Volume,
        preset: Preset,
        anatomy: Anatomy | None = None,
        *,
        others: NDArray[np.bool_] | None = None,
        given_factor: float | None = None,
        calibration: Calibration | None = None,
    ) -> Scan:
        """The scan under a preset; without an anatomy the blood pool, which shows contrast, is not known.

        ``given_factor`` is a user's mass factor, ``calibration`` the phantom that was found in the image.

        Raises:
            InputError: the given factor is none.
        """
        acquisition = volume.acquisition
        threshold = threshold_of(preset, acquisition, calibration)
        factor = mass_factor(acquisition, threshold, given=given_factor, calibration=calibration)
        stack = Stack(volume.geometry.spacing, acquisition.slice_axis, acquisition.slice_thickness)
        noise = image_noise(volume.hu, volume.geometry.spacing, acquisition.slice_axis)
        return cls(volume, preset, factor.applied(threshold), factor, stack, anatomy, noise, others)


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """Voxels ``(n, 3)`` that are calcium, with their attenuation ``(n,)``, for where no deposit was made of them."""

    voxels: NDArray[np.integer]
    hu: NDArray[np.float32]
    threshold_hu: float
    background_hu: float

    @property
    def peak_hu(self) -> float:
        """Highest attenuation, HU."""
        return float(self.hu.max())


@dataclass(frozen=True, slots=True, eq=False)
class Region:
    """What is measured as one.

    ``voxels`` ``(n, 3)`` without repeats and ``hu`` ``(n,)`` are scored together, so that an island which two pieces
    share counts once. ``piece`` ``(n,)`` numbers the connected piece of calcium of each voxel, -1 where it is none (a
    mask may hold tissue). ``deposits`` are the pieces by number where the region is made of them. ``site`` is a site
    path, or ``None`` where it is not known; it is then scored as an artery is.
    """

    voxels: NDArray[np.integer]
    hu: NDArray[np.float32]
    piece: NDArray[np.intp]
    site: str | None = None
    deposits: tuple[Deposit, ...] = ()

    @classmethod
    def of_deposits(cls, deposits: Sequence[Deposit], geometry: Geometry, site: str | None = None) -> Region:
        """The deposits of a site; a voxel that two of them hold counts for the first."""
        voxels = np.concatenate([one.voxels for one in deposits])
        hu = np.concatenate([one.hu for one in deposits])
        piece = np.repeat(np.arange(len(deposits)), [len(one.voxels) for one in deposits])
        _, first = np.unique(np.ravel_multi_index(tuple(voxels.T), geometry.shape), return_index=True)
        if len(first) < len(voxels):
            kept = np.sort(first)
            voxels, hu, piece = voxels[kept], hu[kept], piece[kept]
        return cls(voxels, hu, piece.astype(np.intp), site, tuple(deposits))

    @classmethod
    def of_mask(
        cls, voxels: NDArray[np.integer], hu: NDArray[np.number], scan: Scan, site: str | None = None
    ) -> Region:
        """The voxels of a label; pieces are what hangs together at the preset's threshold, over faces and corners."""
        values = np.asarray(hu, dtype=np.float32)
        above = np.flatnonzero(values > scan.threshold.hu if scan.preset.strict else values >= scan.threshold.hu)
        piece = np.full(len(values), -1, dtype=np.intp)
        piece[above] = components(np.asarray(voxels)[above].astype(np.int64), 0, 3, 26)
        return cls(np.asarray(voxels), values, piece, site)

    @property
    def count(self) -> int:
        """Number of pieces."""
        return len(self.deposits) or int(self.piece.max(initial=-1)) + 1


@dataclass(frozen=True, slots=True, eq=False)
class Numbers:
    """Every measure of a region by its name, and how the Agatston score divides: ``shares`` ``(pieces,)``."""

    measures: Mapping[str, Measure]
    shares: NDArray[np.float64]


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
    if len(hu):
        measures |= _attenuation(hu, gates["attenuation"], scan)
        measures |= _sizes(region, gates, scan)
        measures |= _along_artery(region.voxels[calcium], region.site, gates["diameter"], scan)
    measures["count"] = Measure(value=float(region.count), unit="1", method="number of deposits")
    shares = np.bincount(region.piece[calcium], weights=result.share[calcium], minlength=region.count)
    return Numbers(measures, shares.astype(np.float64))


def number(
    value: float, unit: str, method: str, gate: Gate, scan: Scan, interval: tuple[float, float] | None = None
) -> Measure:
    """A measure as the gate lets it pass: refused it has no value."""
    refused = gate.validity is Validity.REFUSED
    return Measure(
        value=None if refused else value,
        unit=unit,
        interval=None if refused else interval,
        method=method,
        preset=scan.preset.label,
        validity=gate.validity,
        why=gate.why,
    )


def gates_of(pieces: Sequence[Calcium], site: str | None, scan: Scan) -> dict[Number, Gate]:
    """How far each number of these pieces at a site holds."""
    volume, anatomy = scan.volume, scan.anatomy
    pool = anatomy.blood_pool if anatomy else None
    known = facts(volume.acquisition, volume.geometry, pool, pieces, scan.threshold, scan.preset.reference_kvp)
    gates = judge(known, site or "", scan.threshold)
    gates["mass"] = gates["mass"].joined(scan.factor.gate)
    return gates


def scored(site: str | None) -> bool:
    """Whether calcium scores are defined at a site; a region without a place is taken at its word."""
    return site is None or any(within(site, place) for place in acquisition_rules().scored_sites)


def agatston_method(scan: Scan) -> str:
    """The rule of the score in one line."""
    rule = scan.preset.islands
    sign = ">" if scan.preset.strict else ">="
    return f"Agatston, {sign}{scan.threshold.hu:g} HU, {rule.dimension}-D islands with {rule.neighbours} neighbours"


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
    spans = _intervals(region, scan.preset, scan)
    whole = spans if each else _intervals(region, _every_voxel(scan.preset), scan)
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


def _intervals(region: Region, preset: Preset, scan: Scan) -> Intervals:
    """95 % intervals of the scores; deposits that were found at a higher threshold are scored again at that one."""
    raised = max((one.threshold_hu for one in region.deposits), default=scan.threshold.hu)
    threshold = replace(scan.threshold, hu=max(raised, scan.threshold.hu))
    return score_intervals(scan.volume.hu, region.voxels, scan.stack, threshold, preset, scan.noise)


def _every_voxel(preset: Preset) -> Preset:
    """The preset without a smallest island."""
    return preset.model_copy(update={"islands": preset.islands.model_copy(update={"smallest": 0.0})})


def _holding(value: float, span: tuple[float, float]) -> tuple[float, float]:
    return min(value, span[0]), max(value, span[1])


def _masses(region: Region, gate: Gate, scan: Scan) -> dict[str, Measure]:
    """Mass by integration and by volume fraction: sums over the pieces, each with its own surroundings.

    The largest ``_INTEGRATED`` pieces are integrated; where there are more the number says that it reads low. A mass
    below 0, which noise makes of a speck, adds as it is; the sum is not below 0.
    """
    methods = {
        "integrated_mass": "attenuation above the tissue around",
        "volume_fraction_mass": "share of calcium in each voxel, density from its plateau",
    }
    told = f"hydroxyapatite, {scan.factor.origin}"
    if gate.validity is Validity.REFUSED:
        return {name: number(0.0, "mg", f"{told}, {rule}", gate, scan) for name, rule in methods.items()}
    found: list[MassEstimate] = []
    sizes = np.bincount(region.piece[region.piece >= 0], minlength=region.count)
    chosen = np.argsort(-sizes, kind="stable")[:_INTEGRATED]
    if len(chosen) < len(sizes):
        left = len(sizes) - len(chosen)
        gate = gate.joined(Gate(Validity.ADJUSTED, f"{left} small deposits are left out, so it reads low"))
    for voxels in _voxels_of(region, chosen):
        try:
            estimate = volume_fraction_mass(
                scan.volume.hu,
                voxels,
                scan.volume.geometry.spacing,
                scan.factor.value,
                factor_error=scan.factor.error,
                others=scan.others,
                slice_axis=scan.stack.slice_axis,
            )
        except InputError as error:
            gate = gate.joined(Gate(Validity.REFUSED, str(error)))
            return {name: number(0.0, "mg", f"{told}, {rule}", gate, scan) for name, rule in methods.items()}
        found.append(estimate)
        if estimate.note:
            gate = gate.joined(Gate(Validity.VALID, estimate.note))
    value = math.fsum(one.value for one in found)
    below = math.hypot(*(one.value - one.interval[0] for one in found))
    above = math.hypot(*(one.interval[1] - one.value for one in found))
    span = max(0.0, value - below), max(0.0, value + above)
    # Without a calibrated attenuation both are the same sum: density and share are inverse to each other.
    return {name: number(max(0.0, value), "mg", f"{told}, {rule}", gate, scan, span) for name, rule in methods.items()}


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


def _sizes(region: Region, gates: Mapping[Number, Gate], scan: Scan) -> dict[str, Measure]:
    voxels = np.bincount(region.piece[region.piece >= 0], minlength=region.count)
    core = size(_piece(region, int(voxels.argmax()), scan), scan.volume.geometry)
    longest = core
    for reach, piece in _candidates(region, scan):
        if reach <= longest.diameter:
            break
        found = size(piece, scan.volume.geometry)
        longest = max(longest, found, key=lambda measured: measured.diameter)
    return _diameters(longest, gates["diameter"], scan) | {
        "attenuation": number(core.core_hu, "HU", "mean of the core of the largest deposit", gates["attenuation"], scan)
    }


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
    """Pieces with the diagonal of their bounding box in the axial plane (mm), the longest diagonals first."""
    calcium = np.flatnonzero(region.piece >= 0)
    order = calcium[np.argsort(region.piece[calcium], kind="stable")]
    starts = np.searchsorted(region.piece[order], np.arange(region.count))
    plane = region.voxels[order, 1:]
    extent = np.maximum.reduceat(plane, starts) - np.minimum.reduceat(plane, starts) + 1
    reach = np.hypot(*(extent * np.array(scan.volume.geometry.spacing[1:])).T)
    for index in np.argsort(-reach, kind="stable")[:_CANDIDATES]:
        yield float(reach[index]), _piece(region, int(index), scan)


def _piece(region: Region, index: int, scan: Scan) -> Calcium:
    if region.deposits:
        return region.deposits[index]
    own = region.piece == index
    voxels = region.voxels[own]
    background = surrounding(scan.volume.hu, voxels, scan.threshold.hu, scan.volume.geometry)
    return Piece(voxels, region.hu[own], scan.threshold.hu, background)
