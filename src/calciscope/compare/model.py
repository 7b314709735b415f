"""What a comparison says: validated, frozen models, written as ``comparison.json``."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict

from calciscope.domain.assessment import DISCLAIMER, Measure, Source, Validity

SCHEMA_VERSION = "1.0"


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class State(StrEnum):
    """What became of a deposit or a site. ``unclear`` says in ``why`` what cannot be told."""

    NEW = "new"
    GROWN = "grown"
    STABLE = "stable"
    SMALLER = "smaller"
    GONE = "gone"
    UNCLEAR = "unclear"


class Change(_Model):
    """A measure at two dates. ``change`` and the rates are null where they are refused or a value or date is missing.

    ``state`` is ``stable`` where a value lies within the 95 % interval of the other. ``percent`` is of the old value.
    """

    old: Measure | None
    new: Measure | None
    unit: str
    change: float | None = None
    percent: float | None = None
    per_year: float | None = None
    percent_per_year: float | None = None
    state: State = State.UNCLEAR
    validity: Validity = Validity.VALID
    why: str | None = None


class DepositChange(_Model):
    """Deposits that are one thing: one old and one new, or several where it split or merged. Points are LPS mm.

    ``moved_mm`` is how far the new centre lies from where registration puts the old one.
    """

    site: str
    state: State
    why: str | None = None
    old: tuple[str, ...] = ()
    new: tuple[str, ...] = ()
    old_center_mm: tuple[float, float, float] | None = None
    new_center_mm: tuple[float, float, float] | None = None
    moved_mm: float | None = None
    measures: dict[str, Change] = {}


class Verdict(_Model):
    """What a published definition of progression says of a site; ``progression`` is null where an input is missing."""

    definition: str
    label: str
    progression: bool | None
    text: str
    why: str | None = None
    source: str
    status: str


class Meaning(_Model):
    """A rule about progression that fired."""

    rule: str
    statement: str
    advice: str | None = None
    source: str
    status: str


class SiteChange(_Model):
    """A site at two dates. ``counts`` are its deposits by state."""

    site: str
    label: str
    rollup: bool = False
    state: State
    why: str | None = None
    counts: dict[str, int] = {}
    measures: dict[str, Change] = {}
    inputs: dict[str, Measure] = {}
    progression: tuple[Verdict, ...] = ()
    meaning: tuple[Meaning, ...] = ()


class Difference(_Model):
    """How the two acquisitions differ and what that does to the change of some measures."""

    id: str
    measures: tuple[str, ...]
    validity: Literal["adjusted", "refused"]
    why: str
    errs: str
    source: str
    status: str


class Registered(_Model):
    """How one scan was laid on the other; overlaps are Dice coefficients where both look, ``shared`` a part of 1."""

    ok: bool
    why: str | None = None
    body_overlap: float
    bone_overlap: float | None = None
    shared: float
    rotation_deg: float
    shift_mm: float


class Side(_Model):
    """One of the two dates: never a name or number of the patient."""

    name: str
    date: str | None = None
    answer: str | None = None
    preset: str | None = None
    acquisition: str | None = None


class Comparison(_Model):
    """The whole answer. ``matched_by`` is ``registration`` or ``site``; ``notes`` say what limits it."""

    schema_version: str = SCHEMA_VERSION
    answer: str
    old: Side
    new: Side
    years: float | None = None
    matched_by: Literal["registration", "site"]
    registered: Registered | None = None
    deposits: tuple[DepositChange, ...] = ()
    sites: tuple[SiteChange, ...] = ()
    differences: tuple[Difference, ...] = ()
    notes: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    sources: tuple[Source, ...] = ()
    disclaimer: str = DISCLAIMER
