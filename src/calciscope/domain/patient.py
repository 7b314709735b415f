"""The patient: what is known besides the image. Quantities are floats in the canonical unit of ``labs.yaml``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType

Value = float | str


def _empty() -> Mapping[str, float]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True)
class StatedFinding:
    """A finding told by a person or another system; ``values`` has the patient file's keys, lengths in mm.

    ``by`` names what tells it, for sentences: "the patient file", "the report"; ``where`` is its place in the patient
    file, for messages.
    """

    site: str
    values: Mapping[str, Value] = field(default_factory=lambda: MappingProxyType({}))
    on: date | None = None
    by: str = "the patient file"
    where: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Patient:
    """Age in years, sex ``female``, ``male`` or ``unknown``; ``labs`` and ``function`` by their patient-file key.

    ``height`` is in cm, ``weight`` in kg, ``systolic`` and ``diastolic`` in mmHg. Words in ``conditions``,
    ``medications``, ``history`` and ``symptoms`` are lower case. ``partial`` names those of these lists that hold only
    what somebody happened to say, so that silence about the rest means nothing, ``denied`` what was said not to be so.
    """

    age: float | None = None
    sex: str = "unknown"
    ancestry: str | None = None
    height: float | None = None
    weight: float | None = None
    systolic: float | None = None
    diastolic: float | None = None
    labs: Mapping[str, float] = field(default_factory=_empty)
    function: Mapping[str, float] = field(default_factory=_empty)
    conditions: tuple[str, ...] | None = None
    medications: tuple[str, ...] | None = None
    history: tuple[str, ...] | None = None
    symptoms: tuple[str, ...] | None = None
    findings: tuple[StatedFinding, ...] = ()
    partial: frozenset[str] = frozenset()
    denied: tuple[str, ...] = ()
