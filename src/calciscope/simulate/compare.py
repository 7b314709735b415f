"""Measured against true: what an assessment of a simulated study found, missed, misplaced and added."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from calciscope.domain import site
from calciscope.domain.assessment import Assessment, DepositRecord
from calciscope.domain.image import Point
from calciscope.simulate.patient import TrueDeposit

# A place that is right but says less than the truth and is no ancestor in the site tree.
_BROADER: dict[str, str] = {
    "artery.coronary": "heart",
    "heart.aortic_valve": "artery.aorta.root",
    "artery.aorta.root": "heart",
    "scar": "soft_tissue",
    "vein.pelvic": "pelvis",
    "node.mediastinal": "chest",
    "lung.nodule": "lung",
}


@dataclass(frozen=True, slots=True)
class Row:
    """One true deposit and the measured ones that stand for it; measured numbers are ``None`` where it was missed.

    ``agreement`` is ``exact`` (the site), ``broader`` (a place that holds it), ``other`` or ``missed``. ``distance_mm``
    is from the true centre to the volume-weighted measured one. Volumes in mm3, masses in mg.
    """

    site: str
    placed: str | None
    agreement: str
    volume_true: float
    volume_measured: float | None
    mass_true: float
    mass_measured: float | None
    distance_mm: float | None
    ids: tuple[str, ...]

    @property
    def found(self) -> bool:
        """Whether any measured deposit stands for it."""
        return self.placed is not None


@dataclass(frozen=True, slots=True)
class Comparison:
    """``rows`` follow the truth; ``extra`` are measured deposits where nothing is."""

    rows: tuple[Row, ...]
    extra: tuple[DepositRecord, ...]

    @property
    def found(self) -> int:
        """How many true deposits were found."""
        return sum(row.found for row in self.rows)

    @property
    def exact(self) -> int:
        """How many were found and placed at their exact site."""
        return sum(row.agreement == "exact" for row in self.rows)


def compare(
    truth: Sequence[TrueDeposit], measured: Assessment | Sequence[DepositRecord], tolerance: float = 5.0
) -> Comparison:
    """Match every measured deposit to the nearest true one whose box lies within ``tolerance`` mm of its centre.

    Several measured deposits may stand for one true one (a plaque in pieces); a measured one stands for one at most.
    From an assessment the mass of each site is shared among its deposits by volume times attenuation; plain records
    have none.
    """
    if isinstance(measured, Assessment):
        records = [record for finding in measured.findings for record in finding.deposits]
        masses = _masses(measured)
    else:
        records, masses = list(measured), MappingProxyType({})
    matched: dict[int, list[DepositRecord]] = {}
    extra: list[DepositRecord] = []
    for record in records:
        reach = [(_to_box(record.center_mm, true), _apart(record.center_mm, true.center_mm)) for true in truth]
        near = [index for index, (box, _) in enumerate(reach) if box <= tolerance]
        if near:
            matched.setdefault(min(near, key=lambda index: reach[index]), []).append(record)
        else:
            extra.append(record)
    rows = tuple(_row(true, matched.get(index, []), masses) for index, true in enumerate(truth))
    return Comparison(rows, tuple(extra))


def agreement(true: str, placed: str) -> str:
    """How well a placed site fits the true one: ``exact``, ``broader`` or ``other``."""
    if placed == true:
        return "exact"
    base, side = site.split(true)
    placed_base, placed_side = site.split(placed)
    if side and placed_side and side != placed_side:
        return "other"
    if placed_base == base:
        return "broader"
    ancestors = {base, *site.ancestors(base)}
    wider = ancestors | {_BROADER[name] for name in ancestors if name in _BROADER}
    return "broader" if placed_base in wider else "other"


def _row(true: TrueDeposit, records: Sequence[DepositRecord], masses: Mapping[str, float]) -> Row:
    if not records:
        return Row(true.site, None, "missed", true.volume_mm3, None, true.mass_mg, None, None, ())
    volume = sum(record.volume_mm3 for record in records)
    largest = max(records, key=lambda record: record.volume_mm3)
    known = [masses[record.id] for record in records if record.id in masses]
    middle = [sum(record.center_mm[k] * record.volume_mm3 for record in records) / max(volume, 1e-9) for k in range(3)]
    return Row(
        true.site,
        largest.site,
        agreement(true.site, largest.site),
        true.volume_mm3,
        volume,
        true.mass_mg,
        sum(known) if len(known) == len(records) else None,
        _apart((middle[0], middle[1], middle[2]), true.center_mm),
        tuple(record.id for record in records),
    )


def _masses(assessment: Assessment) -> Mapping[str, float]:
    """Mass in mg by deposit id, where the site's mass was not refused."""
    masses: dict[str, float] = {}
    for finding in assessment.findings:
        mass = finding.measures.get("mass")
        weights = {record.id: record.volume_mm3 * max(record.mean_hu, 0.0) for record in finding.deposits}
        total = sum(weights.values())
        if mass is None or mass.value is None or total <= 0:
            continue
        masses.update({name: mass.value * weight / total for name, weight in weights.items()})
    return MappingProxyType(masses)


def _to_box(point: Point, true: TrueDeposit) -> float:
    gaps = [max(low - p, p - high, 0.0) for p, low, high in zip(point, true.low_mm, true.high_mm, strict=True)]
    return float(sum(gap * gap for gap in gaps) ** 0.5)


def _apart(a: Point, b: Point) -> float:
    return float(sum((p - q) ** 2 for p, q in zip(a, b, strict=True)) ** 0.5)
