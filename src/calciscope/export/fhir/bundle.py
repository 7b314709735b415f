"""All resources of an assessment in one transaction, which a server carries out as a whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from calciscope.domain.assessment import Assessment
from calciscope.export.fhir import records
from calciscope.export.fhir.observations import of_finding
from calciscope.export.fhir.parts import Frame, Json, Release, key_of
from calciscope.export.fhir.people import Person, Pseudonyms
from calciscope.export.fhir.validate import check

# These are the hospital's as much as ours: they are made where they are not there yet, and never written over.
_MADE_ONCE = ("ImagingStudy", "Device")


def bundle(
    assessment: Assessment,
    release: Release = Release.R5,
    person: Person | None = None,
    *,
    pseudonyms: Pseudonyms | None = None,
    forms: Sequence[tuple[str, bytes]] = (),
) -> Json:
    """The assessment as a transaction Bundle (FHIR R5 or R4), as plain JSON values.

    Every resource has an id that follows from the examination (UUIDv5) and is written with ``PUT``, so that sending it
    again, or a later assessment of the same examination, updates and repeats nothing. ``person`` says whose it is;
    with ``pseudonyms`` no identifier, date or age leaves, and ``forms`` (media type and content of the report in full)
    are left out, for nobody can promise that of them.
    """
    person = person or Person()
    if pseudonyms:
        person = pseudonyms.person(person)
        assessment = _unnamed(assessment, pseudonyms)
        forms = ()
    frame = Frame(assessment, release, person, key_of(assessment, person))
    study = records.study(frame)
    resources = [
        records.report(frame, study is not None, forms),
        *(one for finding in assessment.findings for one in of_finding(frame, finding)),
    ]
    trail = records.provenance(frame, [one["id"] for one in resources], study is not None)
    whole = [*resources, *([study] if study else []), records.device(frame), trail]
    return {
        "resourceType": "Bundle",
        "type": "transaction",
        "entry": [{"fullUrl": f"urn:uuid:{one['id']}", "resource": one, "request": _request(one)} for one in whole],
    }


def write(data: Json, path: Path, release: Release) -> Path:
    """Check the bundle and write it as UTF-8 JSON; returns the path.

    Raises:
        OutputError: it is not valid FHIR, or the libraries that check it are not installed.
    """
    check(data, release)
    path.write_text(json.dumps(data, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return path


def _request(resource: Json) -> Json:
    sort = resource["resourceType"]
    if sort not in _MADE_ONCE:
        return {"method": "PUT", "url": f"{sort}/{resource['id']}"}
    known = resource["identifier"][0]
    return {
        "method": "POST",
        "url": sort,
        "ifNoneExist": f"identifier={quote(known['system'], safe='')}%7C{quote(known['value'], safe='')}",
    }


def _unnamed(assessment: Assessment, pseudonyms: Pseudonyms) -> Assessment:
    """The assessment without dates, ages, names of files and of people."""

    def cleaned(value: Any) -> Any:
        if isinstance(value, str):
            return pseudonyms.text(value)
        if isinstance(value, dict):
            return {key: cleaned(one) for key, one in value.items()}
        return [cleaned(one) for one in value] if isinstance(value, list | tuple) else value

    data = assessment.model_dump(mode="json")
    made = data.pop("provenance")
    sources = data.pop("sources")
    clean = Assessment.model_validate({**cleaned(data), "provenance": made, "sources": sources})
    return clean.model_copy(
        update={
            "acquisition": tuple(one.model_copy(update={"date": None, "label": one.id}) for one in clean.acquisition),
            # A file may be named after the patient, and a digest tells who has the same file.
            "refused": tuple(one.model_copy(update={"input": "an input"}) for one in clean.refused),
            "provenance": assessment.provenance.model_copy(
                update={
                    "inputs": {f"input {n}": pseudonyms.uid(one)
                               for n, one in enumerate(assessment.provenance.inputs.values(), 1)},
                    "corrections": tuple(replace_by(one) for one in assessment.provenance.corrections),
                }
            ),
        }
    )  # fmt: skip


def replace_by(correction: Any) -> Any:
    """A correction without the name of who made it."""
    return correction.model_copy(update={"by": "a reader"})
