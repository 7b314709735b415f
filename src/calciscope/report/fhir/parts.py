"""What every resource is made with: the release, whose it is, and stable ids."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from calciscope.domain.assessment import Assessment, Judgement, Source
from calciscope.report.fhir.codes import Codes, codes
from calciscope.report.fhir.people import Person

Json = dict[str, Any]


class Release(StrEnum):
    """A release of FHIR."""

    R4 = "r4"
    R5 = "r5"


@dataclass(frozen=True, slots=True)
class Frame:
    """What the resources of one bundle share.

    ``key`` tells this examination from others. Ids follow from it and from what a resource is about, never from the
    version or the time: the same examination assessed again replaces what was sent before.
    """

    assessment: Assessment
    release: Release
    person: Person
    key: str = field(repr=False)
    codes: Codes = field(default_factory=codes)

    def id(self, sort: str, about: str = "") -> str:
        """The id of a resource of this examination: UUIDv5 (RFC 9562)."""
        return str(uuid5(NAMESPACE_URL, f"{self.codes.base}/{sort}/{self.key}/{about}"))

    def reference(self, sort: str, about: str = "") -> Json:
        """A reference to a resource of this bundle."""
        return {"reference": f"urn:uuid:{self.id(sort, about)}"}

    def identifier(self, sort: str, about: str = "") -> list[Json]:
        """The id once more as a business identifier, which stays when a server gives an id of its own."""
        return [{"system": "urn:ietf:rfc:3986", "value": f"urn:uuid:{self.id(sort, about)}"}]

    def extension(self, name: str, **value: Any) -> Json:
        """An extension of our own."""
        return {"url": f"{self.codes.base}/StructureDefinition/{name}", **value}

    def rules(self, *judgements: Judgement) -> list[Json]:
        """An extension a rule that fired: its id, statement, status, edition and the publication it rests on."""
        sources = {one.id: one for one in self.assessment.sources}
        found = {one.rule: one for judgement in judgements for one in judgement.reasons}
        made = []
        for one in found.values():
            parts: list[Json] = [
                {"url": "rule", "valueString": one.rule},
                {"url": "statement", "valueString": one.statement},
                {"url": "status", "valueCode": one.status},
            ]
            if one.edition:
                parts.append({"url": "edition", "valueString": one.edition})
            if source := sources.get(one.source):
                parts.append({"url": "source", "valueRelatedArtifact": cited(source)})
            made.append(self.extension("rule", extension=parts))
        return made


def cited(source: Source) -> Json:
    """A publication."""
    address: Json = {"document": {"url": f"https://doi.org/{source.doi}"}} if source.doi else {}
    return {"type": "citation", "label": source.id, "citation": source.citation, **address}


def key_of(assessment: Assessment, person: Person) -> str:
    """What tells this examination from others: its study, else its series, else what was told of the patient."""
    studies = {one.study_uid for one in person.series.values()}
    series = {one.id for one in assessment.acquisition}
    told = set(assessment.provenance.inputs.values())
    return "|".join(sorted(studies or series or told))


def without_empty(resource: Mapping[str, Any]) -> Json:
    """The resource without elements that have no value, which FHIR forbids."""
    return {key: value for key, value in resource.items() if value is not None and value not in ({}, [], "")}


def text_of(parts: Sequence[str]) -> str:
    """Lines as one text."""
    return "\n".join(part for part in parts if part)
