"""Whose findings they are, and pseudonyms for those who must not be told."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from uuid import UUID

from calciscope.domain.examination import Examination
from calciscope.domain.study import SeriesInfo
from calciscope.errors import OutputError

_DATE = re.compile(r"\b(?:19|20)\d\d(?:-\d\d(?:-\d\d(?:T[\d:.]+(?:Z|[+-]\d\d:\d\d)?)?)?)\b")
_AGE = re.compile(r"\b(age|aged) \d+(?:\.\d+)?\b|\b\d+(?:\.\d+)?[ -]years?[ -]old\b")
# A key that can be guessed makes pseudonyms that can be undone.
_SHORTEST_KEY = 16


@dataclass(frozen=True, slots=True)
class Person:
    """The subject: a reference such as ``Patient/7``, or the hospital's number. Neither where nothing says who it is.

    ``series`` are the examinations by the id that a series has in the assessment.
    """

    reference: str | None = field(default=None, repr=False)
    number: str | None = field(default=None, repr=False)
    system: str | None = None
    series: Mapping[str, Examination] = field(default_factory=dict, repr=False)

    def subject(self) -> dict[str, Any]:
        """The reference to the patient."""
        if self.reference:
            return {"reference": self.reference}
        if self.number:
            kind = {"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "MR"}
            system = {"system": self.system} if self.system else {}
            return {"type": "Patient", "identifier": {"type": {"coding": [kind]}, **system, "value": self.number}}
        return {"type": "Patient", "display": "not identified"}


def person_of(inputs: Sequence[Path], series: Sequence[SeriesInfo], reference: str | None = None) -> Person:
    """Who it is: as told, else as a FHIR bundle among the inputs says, else as the DICOM series number the patient."""
    known = {one.id: one.examination for one in series if one.examination is not None}
    reference = reference or next(filter(None, map(_patient_in, inputs)), None)
    numbers = {one.number for one in known.values() if one.number}
    return Person(reference, numbers.pop() if len(numbers) == 1 else None, None, known)


def _patient_in(path: Path) -> str | None:
    """The reference to the patient of a FHIR bundle, if the file is one and has one patient with an id."""
    if path.suffix.lower() != ".json" or not path.is_file():
        return None
    try:
        data = json.loads(path.read_text("utf-8-sig"))
    except (OSError, ValueError):
        return None
    resources: list[Any] = [data]
    if isinstance(data, dict) and isinstance(data.get("entry"), list):
        resources = [one.get("resource") for one in data["entry"] if isinstance(one, dict)]
    people = [one for one in resources if isinstance(one, dict) and one.get("resourceType") == "Patient"]
    ids = [one["id"] for one in people if isinstance(one.get("id"), str)]
    return f"Patient/{ids[0]}" if len(ids) == 1 and is_reference(f"Patient/{ids[0]}") else None


def is_reference(text: str) -> bool:
    """Whether a text is a reference to a patient on the server that the bundle goes to."""
    return re.fullmatch(r"Patient/[A-Za-z0-9.-]{1,64}", text) is not None


@dataclass(frozen=True, slots=True)
class Pseudonyms:
    """Keyed pseudonyms: the same person has the same one under the same key, and without the key none can be undone.

    Identifiers and UIDs are replaced, dates and ages are taken out, as the basic profile of PS3.15 annex E has it.

    Raises:
        OutputError: the key is too short.
    """

    key: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.key) < _SHORTEST_KEY:
            raise OutputError(f"the key of the pseudonyms has {len(self.key)} bytes; give at least {_SHORTEST_KEY}")

    def _digest(self, sort: str, value: str) -> bytes:
        return hmac.new(self.key, f"{sort}|{value}".encode(), hashlib.sha256).digest()[:16]

    def name(self, value: str) -> str:
        """The pseudonym of a person."""
        return f"P-{self._digest('person', value).hex()[:16]}"

    def uid(self, value: str) -> str:
        """A UID in place of another: the root 2.25 and a UUID (PS3.5 B.2)."""
        return f"2.25.{UUID(bytes=self._digest('uid', value), version=4).int}"

    def text(self, value: str) -> str:
        """A text without dates and ages."""
        return _AGE.sub("age not told", _DATE.sub("date not told", value))

    def person(self, person: Person) -> Person:
        """The person under a pseudonym."""
        who = person.number or person.reference
        return Person(
            None,
            self.name(who) if who else None,
            None,
            {
                key: replace(
                    one, study_uid=self.uid(one.study_uid), series_uid=self.uid(one.series_uid), number="", started=None
                )
                for key, one in person.series.items()
            },
        )
