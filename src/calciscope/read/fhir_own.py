"""Findings that Calciscope wrote as FHIR Observations, read back into the words of the patient file.

Numbers and words that were measured or stated are read; what rules made of them is made again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

from calciscope.domain.knowledge import table
from calciscope.read.quantities import definitions

# What is written beside the Observations says nothing more of the patient.
BESIDE = frozenset({"DiagnosticReport", "RiskAssessment", "ImagingStudy", "Device", "Provenance"})


def is_own(resource: Mapping[str, Any]) -> bool:
    """Whether Calciscope wrote a resource: its code is one of our own."""
    return any(_own(resource.get("code"), system) for system in ("concept", "measure"))


def findings_of(observations: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The findings of our own Observations, one a place and day, as the patient file has them."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for one in observations:
        place, day = _own(one.get("bodySite"), "site"), str(one.get("effectiveDateTime") or "")[:10]
        if place is None or one.get("resourceType") != "Observation":
            continue
        told = dict(_told(one))
        if told or _own(one.get("code"), "concept"):
            finding = found.setdefault((place, day), {"site": place, **({"date": day} if day else {})})
            finding.update(told)
    return list(found.values())


def _told(one: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The number of a measure, or the words of a finding."""
    quantities, words = definitions()
    name, value = _own(one.get("code"), "measure"), one.get("valueQuantity")
    if (
        name
        and name in quantities
        and quantities[name].group == "finding"
        and isinstance(value, dict)
        and "value" in value
    ):
        unit = "" if value.get("code") == "1" else _units().get(str(value.get("code")), str(value.get("unit") or ""))
        yield name, f"{value['value']} {unit}".strip()
    parts = one.get("component")
    for part in parts if isinstance(parts, list) else []:
        key = _own(part.get("code"), "component") if isinstance(part, dict) else None
        concept = part.get("valueCodeableConcept") if key in words else None
        text = concept.get("text") if isinstance(concept, dict) else None
        if key and isinstance(text, str):
            yield key, text


def _own(concept: Any, system: str) -> str | None:
    """The code that a concept has in one of our own code systems."""
    codings = concept.get("coding") if isinstance(concept, dict) else None
    for coding in codings if isinstance(codings, list) else []:
        if isinstance(coding, dict) and coding.get("system") == f"{_base()}/CodeSystem/{system}":
            code = coding.get("code")
            return code if isinstance(code, str) else None
    return None


@lru_cache(maxsize=1)
def _base() -> str:
    return str(table("codes/fhir.yaml")["base"])


@lru_cache(maxsize=1)
def _units() -> Mapping[str, str]:
    """UCUM -> the unit of the patient file, of the units that are written."""
    return {ucum: unit for unit, ucum in table("codes/fhir.yaml")["units"].items()}
