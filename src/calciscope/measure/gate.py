"""Is this acquisition fit for this number? The rules are in ``knowledge/acquisition.yaml``.

Facts that a rule can use (``None`` where the scan does not tell):

===================  =====================================================================================
``blood_pool_hu``    mean attenuation of blood in the image, HU
``noise``            standard deviation of that blood, HU
``contrast``         what the header says: ``none``, ``given``, ``unknown``
``kernel``           reconstruction kernel as named in the file; ``kernel_sharp``: whether it is a sharp one
``kvp``              tube voltage, kV; ``kvp_off``: known and not the preset's reference; ``tin_filter``
``thickness``        slice thickness, mm (the increment where the file does not say; ``thickness_told`` is then unknown)
``increment``        distance between slices, mm; ``step_ratio``: increment over thickness
``pixel``            larger side of a pixel within the slice, mm; ``field_of_view``: mm
``gated``            whether the header tells, or else the description names, an ECG-gated scan of the heart
``lossy``            compressed with loss
``resampled``        in words, why voxels are not the acquired ones
``missing``          a missing slice lies in or next to a deposit
``at_edge``          a deposit reaches the edge of the image
``threshold``        the preset's threshold here, HU; ``threshold_raised``: the higher one that deposits were found at
``peak``             highest attenuation of the deposits, HU
``stent``            a stent lies in a coronary artery; ``stent_like``: what is counted may be one
``metal``            metal lies in the heart
===================  =====================================================================================

For users: see docs/measures.md#when-a-number-is-adjusted-or-refused.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from calciscope.domain.anatomy import BloodPool
from calciscope.domain.assessment import Validity
from calciscope.domain.deposit import Calcium
from calciscope.domain.image import Acquisition, Geometry
from calciscope.domain.knowledge import table
from calciscope.domain.site import within
from calciscope.errors import KnowledgeError
from calciscope.measure.presets import Status, Threshold

Number = Literal["agatston", "volume", "mass", "attenuation", "diameter"]
NUMBERS: tuple[Number, ...] = ("agatston", "volume", "mass", "attenuation", "diameter")
Fact = float | bool | str | None

# What stands between the words of a description: `ECG_GATED`, `non-gated`, `Ca.Score`.
_SEPARATORS = re.compile(r"[\W_]+")

STRICTNESS = {Validity.VALID: 0, Validity.ADJUSTED: 1, Validity.REFUSED: 2}


@dataclass(frozen=True, slots=True)
class Gate:
    """Whether a number holds, and why not (or what to note); ``why`` is ``None`` under reference conditions.

    ``spread`` is what the scan does not show of the number's error, as a share of the number.
    """

    validity: Validity = Validity.VALID
    why: str | None = None
    spread: float = 0.0

    def joined(self, other: Gate) -> Gate:
        """The stricter of both, with the reasons of both."""
        strictest = max(self.validity, other.validity, key=STRICTNESS.__getitem__)
        parts = [part for why in (self.why, other.why) if why for part in why.split("; ")]
        return Gate(strictest, "; ".join(dict.fromkeys(parts)) or None, max(self.spread, other.spread))


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Condition(_Model):
    """Limits that one fact has to meet, all of them."""

    above: float | None = None
    from_: float | None = Field(default=None, alias="from")
    below: float | None = None
    upto: float | None = None
    is_: bool | str | None = Field(default=None, alias="is")
    known: bool | None = None

    def holds(self, fact: Fact) -> bool:
        """Whether the fact meets the limits; an unknown fact meets only ``known: false``."""
        if fact is None:
            return self.known is False
        if self.known is False or (self.is_ is not None and fact != self.is_):
            return False
        if isinstance(fact, str):
            return True
        return (
            (self.above is None or fact > self.above)
            and (self.from_ is None or fact >= self.from_)
            and (self.below is None or fact < self.below)
            and (self.upto is None or fact <= self.upto)
        )


class Rule(_Model):
    """One rule of ``acquisition.yaml``."""

    id: str
    when: dict[str, Condition]
    sites: tuple[str, ...] = ()
    except_sites: tuple[str, ...] = ()
    effect: dict[Number, Validity]
    why: str
    source: str
    status: Status
    # Error that no redraw of the image shows, as a share of the number (95 %): it widens the interval.
    spread: float = Field(default=0.0, ge=0, lt=1)

    def acts(self, facts: Mapping[str, Fact], site: str) -> bool:
        """Whether all conditions hold for this scan at this site; where that is empty, no rule for some places acts."""
        if not site and (self.sites or self.except_sites):
            return False
        if self.sites and not any(within(site, place) for place in self.sites):
            return False
        if any(within(site, place) for place in self.except_sites):
            return False
        return all(condition.holds(facts.get(name)) for name, condition in self.when.items())


class Rollup(_Model):
    """A parent that sums the places below it when at least ``least`` of them hold calcium."""

    site: str
    least: int = Field(ge=1)


class Sum(_Model):
    """A measure ``name`` of the roll-up ``site``: the measure ``of`` summed over some of its places."""

    name: str
    of: Literal["agatston"]
    site: str
    places: tuple[str, ...]


class Circumferential(_Model):
    """When the calcium of an artery goes all round: its mean share of the circumference (%), over a length (mm)."""

    share: float = Field(gt=0, le=100)
    length: float = Field(ge=0)
    source: str
    status: Status


class Review(_Model):
    """When two readings of a place stand close: difference of confidence, share of the volume in question.

    ``least`` is the confidence from which on an exact reading is told where only its parent is sure.
    """

    margin: float = Field(ge=0, le=1)
    share: float = Field(ge=0, le=1)
    least: float = Field(default=1.0, ge=0, le=1)


class AcquisitionRules(_Model):
    """All of ``acquisition.yaml``."""

    version: str
    gated_words: tuple[str, ...]
    not_gated_words: tuple[str, ...]
    scored_sites: tuple[str, ...]
    rollups: tuple[Rollup, ...]
    vessels: tuple[str, ...]
    sums: tuple[Sum, ...]
    rim_hollow: float = Field(gt=0, lt=1)
    circumferential: Circumferential
    review: Review
    mass_factor_plausible: tuple[float, float]
    rules: tuple[Rule, ...]


@cache
def acquisition_rules() -> AcquisitionRules:
    """The rules of ``knowledge/acquisition.yaml``.

    Raises:
        KnowledgeError: the file is missing, not YAML, or breaks the form of a rule.
    """
    try:
        return AcquisitionRules.model_validate(table("acquisition.yaml"))
    except ValidationError as error:
        raise KnowledgeError(f"knowledge/acquisition.yaml cannot be used: {error}") from error


def facts(
    acquisition: Acquisition,
    geometry: Geometry,
    blood_pool: BloodPool | None,
    deposits: Sequence[Calcium],
    threshold: Threshold,
    reference_kvp: float,
    implants: Collection[str] = (),
) -> dict[str, Fact]:
    """What the rules can ask of this scan and these deposits."""
    axis = acquisition.slice_axis
    increment = geometry.spacing[axis]
    thickness = acquisition.slice_thickness or increment
    raised = max((one.threshold_hu for one in deposits), default=threshold.hu)
    kernel = acquisition.kernel
    return {
        "blood_pool_hu": blood_pool.mean_hu if blood_pool else None,
        "noise": blood_pool.sd_hu if blood_pool else None,
        "contrast": acquisition.contrast.value,
        "kernel": kernel,
        "kernel_sharp": acquisition.sharp_kernel,
        "kvp": acquisition.kvp,
        "kvp_off": None if acquisition.kvp is None else round(acquisition.kvp) != round(reference_kvp),
        "tin_filter": acquisition.tin_filter,
        "thickness": thickness,
        "thickness_told": acquisition.slice_thickness,
        "increment": increment,
        "step_ratio": increment / thickness,
        "pixel": max(step for index, step in enumerate(geometry.spacing) if index != axis),
        "field_of_view": acquisition.field_of_view,
        "gated": _gated(acquisition),
        "lossy": acquisition.lossy,
        "resampled": acquisition.resampled,
        "missing": any(_touches(one, acquisition) for one in deposits),
        "at_edge": any(_at_edge(one, geometry) for one in deposits),
        "threshold": threshold.hu,
        "threshold_raised": raised if raised > threshold.hu else None,
        "peak": max((one.peak_hu for one in deposits), default=None),
        "stent": "stent" in implants,
        "stent_like": "stent_like" in implants,
        "metal": "metal" in implants,
    }


def judge(known: Mapping[str, Fact], site: str, threshold: Threshold) -> dict[Number, Gate]:
    """How far each number holds at a site, given the :func:`facts` and the voltage's ``threshold``.

    An empty ``site`` is one that nobody named: its number is taken at its word.
    """
    gates: dict[Number, Gate] = dict.fromkeys(NUMBERS, Gate())
    if threshold.why:
        voltage = Gate(Validity.REFUSED if threshold.refused else Validity.ADJUSTED, threshold.why)
        for number in ("agatston", "volume", "mass"):
            gates[number] = voltage
    for rule in acquisition_rules().rules:
        if rule.acts(known, site):
            try:
                why = rule.why.format_map(dict(known))
            except (KeyError, ValueError, TypeError) as error:
                raise KnowledgeError(f"rule {rule.id} of acquisition.yaml: its sentence cannot be filled") from error
            for number, validity in rule.effect.items():
                both = math.hypot(gates[number].spread, rule.spread)
                gates[number] = replace(gates[number].joined(Gate(validity, why)), spread=both)
    return gates


def _gated(acquisition: Acquisition) -> bool:
    """What header elements say, else what the description does, in which separators are blanks."""
    if acquisition.gated is not None:
        return acquisition.gated
    rules = acquisition_rules()
    described = " ".join(_SEPARATORS.split(f"{acquisition.description or ''} {acquisition.body_part or ''}".lower()))
    if any(word in described for word in rules.not_gated_words):
        return False
    return any(word in described for word in rules.gated_words)


def _touches(deposit: Calcium, acquisition: Acquisition) -> bool:
    if not acquisition.missing_slices:
        return False
    along = deposit.voxels[:, acquisition.slice_axis]
    first, last = int(along.min()) - 1, int(along.max()) + 1
    return any(first <= index <= last for index in acquisition.missing_slices)


def _at_edge(deposit: Calcium, geometry: Geometry) -> bool:
    lowest, highest = deposit.voxels.min(axis=0), deposit.voxels.max(axis=0)
    return any(
        int(low) == 0 or int(high) == size - 1 for low, high, size in zip(lowest, highest, geometry.shape, strict=True)
    )
