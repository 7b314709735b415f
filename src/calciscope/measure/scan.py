"""What is measured and in what: a scan under a preset, and a region of it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from calciscope.domain.anatomy import Anatomy
from calciscope.domain.assessment import Measure, Validity
from calciscope.domain.deposit import Calcium, Deposit
from calciscope.domain.image import Geometry, Volume
from calciscope.domain.site import within
from calciscope.measure.agatston import Stack, components
from calciscope.measure.gate import Gate, Number, acquisition_rules, facts, judge
from calciscope.measure.heart import implants
from calciscope.measure.mass import MassFactor, mass_factor
from calciscope.measure.phantom.calibration import Calibration
from calciscope.measure.presets import Preset, Threshold
from calciscope.measure.uncertainty.noise import Noise, image_noise, noise_near
from calciscope.measure.voltage import threshold_of

# Noise is measured once for a block of this side, mm: it changes over organs, not over lesions.
BLOCK_MM = 30.0
# Calcium that lies in many blocks takes the noise of those that hold most of it, so many at the most.
_MOST_BLOCKS, _MOST_OF_IT = 4, 0.5

Block = tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Scan:
    """What is the same for every region of one scan.

    ``threshold`` holds the mass factor that ``factor`` explains. ``noise`` is that of the image as a whole, ``None``
    where it shows no soft tissue; :meth:`noise_at` that of a place. ``others`` ``(z, y, x)`` marks all calcium, bone
    and metal, which no region may take for its surroundings. ``calibration`` is the phantom that was found,
    ``implants`` are the names of structures in the heart that a device is (:data:`calciscope.measure.heart.IMPLANTS`).
    """

    volume: Volume
    preset: Preset
    threshold: Threshold
    factor: MassFactor
    stack: Stack
    anatomy: Anatomy | None = None
    noise: Noise | None = None
    others: NDArray[np.bool_] | None = None
    calibration: Calibration | None = None
    implants: frozenset[str] = frozenset()
    _blocks: dict[Block, Noise] = field(default_factory=dict, init=False, repr=False)

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
        threshold = threshold_of(preset, acquisition, calibration, given_factor)
        factor = mass_factor(acquisition, threshold, given=given_factor, calibration=calibration)
        stack = Stack(volume.geometry.spacing, acquisition.slice_axis, acquisition.slice_thickness)
        noise = image_noise(volume.hu, volume.geometry.spacing, acquisition.slice_axis)
        return cls(
            volume,
            preset,
            factor.applied(threshold),
            factor,
            stack,
            anatomy,
            noise,
            others,
            calibration,
            implants(anatomy),
        )

    def noise_at(self, voxels: NDArray[np.integer]) -> Noise | None:
        """Noise of the soft tissue around ``voxels`` ``(n, 3)``; that of the whole image where too little is there.

        It is measured in the 30 mm blocks that hold most of the voxels. Where these are several, variances and
        distances of correlation are averaged by the voxels in them.
        """
        if not len(voxels) or self.noise is None:
            return self.noise
        side = np.maximum(np.round(BLOCK_MM / np.array(self.volume.geometry.spacing)), 1).astype(np.int64)
        blocks, counts = np.unique(np.asarray(voxels) // side, axis=0, return_counts=True)
        order = np.argsort(-counts, kind="stable")
        enough = int(np.searchsorted(np.cumsum(counts[order]), _MOST_OF_IT * len(voxels))) + 1
        chosen = order[: min(enough, _MOST_BLOCKS)]
        seen = [self._block(tuple(blocks[one].tolist()), side) for one in chosen]
        if len(seen) == 1:
            return seen[0]
        weights = counts[chosen] / counts[chosen].sum()
        variance, plane, between = (
            float(weights @ np.array(values))
            for values in zip(*((one.sd**2, one.in_plane_mm, one.between_mm) for one in seen), strict=True)
        )
        return Noise(float(np.sqrt(variance)), plane, between, min(one.windows for one in seen))

    def _block(self, block: Block, side: NDArray[np.int64]) -> Noise:
        """Noise about the middle of one block."""
        if block not in self._blocks:
            z, y, x = ((np.array(block) + 0.5) * side - 0.5).tolist()
            volume = self.volume
            found = noise_near(volume.hu, volume.geometry.spacing, (z, y, x), self.stack.slice_axis)
            self._blocks[block] = found or self.noise or Noise(0.0)
        return self._blocks[block]


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


def number(
    value: float, unit: str, method: str, gate: Gate, scan: Scan, interval: tuple[float, float] | None = None
) -> Measure:
    """A measure as the gate lets it pass: refused it has no value, and what is not a number is refused.

    An ``interval`` that is not a number is none; others are widened by what the gate says that the scan does not show.
    """
    if math.isnan(value):
        gate = gate.joined(Gate(Validity.REFUSED, f"preset {scan.preset.label} has no density factor for an island"))
    refused = gate.validity is Validity.REFUSED
    return Measure(
        value=None if refused else value,
        unit=unit,
        interval=None if refused or interval is None or math.isnan(interval[0]) else widened(value, interval, gate),
        method=method,
        preset=scan.preset.label,
        validity=gate.validity,
        why=gate.why,
    )


def widened(value: float, interval: tuple[float, float], gate: Gate) -> tuple[float, float]:
    """An interval with the error that the scan does not show, in quadrature; it does not fall below 0."""
    more = gate.spread * abs(value)
    if more == 0:
        return interval
    low, high = interval
    return max(0.0, value - math.hypot(value - low, more)), value + math.hypot(high - value, more)


def gates_of(pieces: Sequence[Calcium], site: str | None, scan: Scan) -> dict[Number, Gate]:
    """How far each number of these pieces at a site holds."""
    volume, anatomy = scan.volume, scan.anatomy
    pool = anatomy.blood_pool if anatomy else None
    known = facts(
        volume.acquisition, volume.geometry, pool, pieces, scan.threshold, scan.preset.reference_kvp, scan.implants
    )
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
