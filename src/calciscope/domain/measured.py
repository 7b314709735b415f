"""A site with its deposits and numbers: what the measuring stage hands to the interpreting stage."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from calciscope.domain.assessment import Alternative, Measure
from calciscope.domain.deposit import PlacedDeposit
from calciscope.domain.patient import Value


@dataclass(frozen=True, slots=True)
class DepositNumbers:
    """Numbers of one deposit by itself, each ``None`` where it is refused.

    ``mass`` is in mg hydroxyapatite, of all its voxels; the diameters are in mm: the largest in an axial slice, the one
    at right angles to it in that slice, and the extent from head to feet.
    """

    mass: float | None
    diameter: float | None
    perpendicular: float | None
    craniocaudal: float | None


@dataclass(frozen=True, slots=True, eq=False)
class MeasuredSite:
    """What is at one site.

    ``measures`` are for the report; ``values`` are the same facts under the patient file's keys of a stated finding
    (``diameter`` mm, ``attenuation`` HU, ``count``, ``agatston``, ``volume`` mm3, ``mass`` mg, ``location``,
    ``pattern``, ...), which is what rules see. A refused number is absent from ``values``. ``deposit_agatston`` maps
    deposit ids to their own score where it is not refused, ``deposit_numbers`` to their own mass and size. A roll-up
    owns no deposits; it sums its children, or says that there are none.
    """

    site: str
    placed: tuple[PlacedDeposit, ...] = ()
    measures: Mapping[str, Measure] = field(default_factory=lambda: MappingProxyType({}))
    values: Mapping[str, Value] = field(default_factory=lambda: MappingProxyType({}))
    deposit_agatston: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    deposit_numbers: Mapping[str, DepositNumbers] = field(default_factory=lambda: MappingProxyType({}))
    rollup: bool = False
    confidence: float = 1.0
    stated: bool = False
    stated_by: str = "the patient file"
    review: bool = False
    alternatives: tuple[Alternative, ...] = ()
