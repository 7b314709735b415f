"""Whose findings they are."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from calciscope.domain.examination import Examination
from calciscope.domain.study import SeriesInfo


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
