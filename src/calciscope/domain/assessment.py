"""The answer: what leaves Calciscope, as validated, frozen models. ``schema()`` is the published JSON Schema."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from calciscope.domain.mention import Disagreement, Mention, PatientFact

# 1.3: mentions of report texts, what they say of the patient, and disagreements; an advice names others that advise
# the same; nothing was taken away.
# 1.2: a series has its date.
# 1.1: deposits have attenuation statistics, threshold, background, mass and three diameters; nothing was taken away.
SCHEMA_VERSION = "1.3"
DISCLAIMER = (
    "Calciscope informs clinicians. It is not a medical device, it does not diagnose and it does not prescribe; "
    "a qualified clinician decides."
)


class Validity(StrEnum):
    """How far a number can be trusted under this acquisition."""

    VALID = "valid"
    ADJUSTED = "adjusted"
    REFUSED = "refused"


class Seriousness(StrEnum):
    """How serious, in ascending order; compare with :attr:`rank`."""

    NONE = "none"
    INCIDENTAL = "incidental"
    MONITOR = "monitor"
    SIGNIFICANT = "significant"
    URGENT = "urgent"

    @property
    def rank(self) -> int:
        """0 for ``none`` to 4 for ``urgent``."""
        return _RANKS[self]


_RANKS = {level: rank for rank, level in enumerate(Seriousness)}


class Kind(StrEnum):
    """What kind of calcification."""

    DYSTROPHIC = "dystrophic"
    METASTATIC = "metastatic"
    IDIOPATHIC = "idiopathic"
    IATROGENIC = "iatrogenic"
    CALCIPHYLAXIS = "calciphylaxis"
    TUMORAL = "tumoral"
    OSSIFICATION = "ossification"
    LITHIASIS = "lithiasis"
    PHYSIOLOGICAL = "physiological"
    INDETERMINATE = "indeterminate"


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Measure(_Model):
    """A number with its unit and how far it holds. ``value`` is null exactly where ``validity`` is ``refused``."""

    value: float | None
    unit: str
    interval: tuple[float, float] | None = None
    category: str | None = None
    method: str
    preset: str | None = None
    validity: Validity = Validity.VALID
    why: str | None = None


class Source(_Model):
    """A published source: id in ``sources.yaml`` and its citation."""

    id: str
    citation: str
    year: int | None = None
    doi: str | None = None


class Reason(_Model):
    """A rule that fired: what it says, what it saw, and where it comes from. ``weights`` speak for or against kinds."""

    rule: str
    statement: str
    inputs: dict[str, float | str | bool | list[str]] = {}
    source: str
    edition: str | None = None
    status: str = "current"
    conflicts_with: tuple[str, ...] = ()
    weights: dict[str, float] = {}


class Alternative(_Model):
    """Another reading: of a kind, a seriousness or a site, with what speaks for it."""

    value: str
    why: str
    total: float | None = None


class Judgement(_Model):
    """A kind or a seriousness with its reasons. A kind is null where nothing is there.

    ``between`` are the kinds that an indeterminate one lies between, the likeliest first.
    """

    value: str | None
    reasons: tuple[Reason, ...] = ()
    alternatives: tuple[Alternative, ...] = ()
    between: tuple[str, ...] = ()


class Origin(_Model):
    """A rule that says the same as another, with its source."""

    rule: str
    source: str
    status: str = "current"


class Advice(_Model):
    """A next step for the clinician to consider, with the rule behind it; ``also`` are others that advise the same."""

    text: str
    site: str | None = None
    rule: str
    source: str
    status: str = "current"
    also: tuple[Origin, ...] = ()


class Unknown(_Model):
    """An input that is not known and what it would change; ``status`` is that of the rules which say so."""

    input: str
    would_change: str
    status: str = Field(default="current", exclude=True)  # not part of the JSON contract


class DepositRecord(_Model):
    """One deposit as in ``deposits.csv``; lengths in mm, attenuation in HU, mass in mg hydroxyapatite.

    ``threshold_hu`` is the attenuation from which a voxel was counted, ``background_hu`` that of the tissue around. The
    diameters have their edge near half maximum: the largest in an axial slice, the one at right angles to it in that
    slice, and the extent from head to feet; ``length_mm`` and ``width_mm`` are those of all voxels in any direction.
    Agatston score, mass and diameters are absent where they are refused, and for rejected candidates.
    """

    id: str
    series: str
    site: str
    confidence: float
    center_mm: tuple[float, float, float]
    center_index: tuple[int, int, int]
    extent_mm: tuple[float, float, float]
    volume_mm3: float
    voxels: int
    peak_hu: float
    mean_hu: float
    sd_hu: float | None = None
    median_hu: float | None = None
    threshold_hu: float | None = None
    background_hu: float | None = None
    length_mm: float
    width_mm: float
    sphericity: float
    hollow: float
    agatston: float | None = None
    mass_mg: float | None = None
    diameter_mm: float | None = None
    diameter_perpendicular_mm: float | None = None
    diameter_craniocaudal_mm: float | None = None
    provider: str
    structure: str
    placed_by: str | None = None
    alternatives: tuple[Alternative, ...] = ()
    rejected_as: str | None = None


class Finding(_Model):
    """What is at one site."""

    site: str
    label: str
    rollup: bool = False
    deposits: tuple[DepositRecord, ...] = ()
    measures: dict[str, Measure] = {}
    kind: Judgement
    seriousness: Judgement
    advice: tuple[Advice, ...] = ()
    confidence: float = 1.0
    review: bool = False
    alternatives: tuple[Alternative, ...] = ()
    stated: bool = False


class SeriesUse(_Model):
    """One series: whether it was used, for what, and why or why not. ``date`` is that of the acquisition, ISO 8601."""

    id: str
    label: str
    used: bool
    uses: tuple[str, ...] = ()
    why: str
    modality: str
    date: str | None = None
    slices: int
    spacing_mm: tuple[float, float, float]
    slice_thickness_mm: float | None = None
    kvp: float | None = None
    kernel: str | None = None
    contrast: str | None = None
    lossy: bool = False
    notes: tuple[str, ...] = ()


class Refused(_Model):
    """An input that was not used, and why; one that is ``used`` was read in a way that a person should know of."""

    input: str
    why: str
    used: bool = Field(default=False, exclude=True)  # not part of the JSON contract


class Correction(_Model):
    """What a person changed."""

    deposit: str
    action: str
    to: str | None = None
    by: str
    why: str | None = None


class Provenance(_Model):
    """What produced this assessment."""

    calciscope: str
    created: str
    inputs: dict[str, str] = {}
    versions: dict[str, str] = {}
    knowledge: tuple[str, ...] = ()
    anatomy: str
    anatomy_limits: tuple[str, ...] = ()
    preset: str
    guidelines: str
    corrections: tuple[Correction, ...] = ()


class Assessment(_Model):
    """The whole answer."""

    schema_version: str = SCHEMA_VERSION
    answer: str
    seriousness: Seriousness
    findings: tuple[Finding, ...] = ()
    unknowns: tuple[Unknown, ...] = ()
    advice: tuple[Advice, ...] = ()
    acquisition: tuple[SeriesUse, ...] = ()
    refused: tuple[Refused, ...] = ()
    sources: tuple[Source, ...] = ()
    rejected: tuple[DepositRecord, ...] = ()
    mentions: tuple[Mention, ...] = ()
    patient_facts: tuple[PatientFact, ...] = ()
    disagreements: tuple[Disagreement, ...] = ()
    provenance: Provenance
    disclaimer: str = DISCLAIMER


def schema() -> dict[str, Any]:
    """The JSON Schema of ``assessment.json``."""
    return Assessment.model_json_schema()
