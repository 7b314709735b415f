"""All resources of an assessment in one transaction, which a server carries out as a whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from calciscope.domain.assessment import Assessment
from calciscope.report.fhir import records
from calciscope.report.fhir.observations import of_finding
from calciscope.report.fhir.parts import Frame, Json, Release, key_of
from calciscope.report.fhir.people import Person
from calciscope.report.fhir.validate import check

# These are the hospital's as much as ours: they are made where they are not there yet, and never written over.
_MADE_ONCE = ("ImagingStudy", "Device")


def bundle(
    assessment: Assessment,
    release: Release = Release.R5,
    person: Person | None = None,
    *,
    forms: Sequence[tuple[str, bytes]] = (),
) -> Json:
    """The assessment as a transaction Bundle (FHIR R5 or R4), as plain JSON values.

    Every resource has an id that follows from the examination (UUIDv5) and is written with ``PUT``, so that sending it
    again, or a later assessment of the same examination, updates and repeats nothing. ``person`` says whose it is;
    ``forms`` are the report in full: media type and content.
    """
    person = person or Person()
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
