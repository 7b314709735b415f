"""The resources around the findings: report, study, device, provenance."""

from __future__ import annotations

import base64
from collections.abc import Sequence

from calciscope.report.fhir.observations import about
from calciscope.report.fhir.parts import Frame, Json, Release, text_of, without_empty

_SERVICE = "http://terminology.hl7.org/CodeSystem/v2-0074"
_AGENT = "http://terminology.hl7.org/CodeSystem/provenance-participant-type"
_MODALITY = "http://dicom.nema.org/resources/ontology/DCM"


def device(frame: Frame) -> Json:
    """The program with its version."""
    version = frame.assessment.provenance.calciscope
    name = (
        {"deviceName": [{"name": "Calciscope", "type": "other"}]}
        if frame.release is Release.R4
        else {"name": [{"value": "Calciscope", "type": "registered-name"}]}
    )
    return {
        "resourceType": "Device",
        "id": frame.id("Device"),
        "identifier": [{"system": f"{frame.codes.base}/device", "value": f"calciscope-{version}"}],
        **name,
        "version": [{"value": version}],
        "note": [{"text": frame.assessment.disclaimer}],
    }


def study(frame: Frame) -> Json | None:
    """The examination, where the images are DICOM; series that were not used are in it too."""
    known = frame.person.series
    if not known:
        return None
    first = next(iter(known.values()))
    rows = {one.series_uid: one for one in known.values() if one.study_uid == first.study_uid}

    def modality(code: str) -> Json:
        coding = {"system": _MODALITY, "code": code}
        return coding if frame.release is Release.R4 else {"coding": [coding]}

    started = sorted(one.started.isoformat() for one in rows.values() if one.started)
    return without_empty(
        {
            "resourceType": "ImagingStudy",
            "id": frame.id("ImagingStudy"),
            "identifier": [{"system": "urn:dicom:uid", "value": f"urn:oid:{first.study_uid}"}],
            "status": "available",
            "modality": [modality(code) for code in dict.fromkeys(one.modality for one in rows.values())],
            "subject": frame.person.subject(),
            "started": started[0] if started else None,
            "numberOfSeries": len(rows),
            "numberOfInstances": sum(one.instances for one in rows.values()),
            "series": [
                {"uid": one.series_uid, "modality": modality(one.modality), "numberOfInstances": one.instances}
                for one in rows.values()
            ],
        }
    )


def report(frame: Frame, studied: bool, forms: Sequence[tuple[str, bytes]] = ()) -> Json:
    """The answer, its next steps, what is not known and the disclaimer, with the findings.

    ``forms`` are the report in full: media type and content.
    """
    answer = frame.assessment
    links = [frame.reference("ImagingStudy")] if studied else []
    imaging = [frame.codes.coding(frame.codes.data["report"]["imaging"])] if answer.acquisition else []
    days = [one.date for one in answer.acquisition if one.used and one.date]
    return without_empty(
        {
            "resourceType": "DiagnosticReport",
            "id": frame.id("DiagnosticReport"),
            "identifier": frame.identifier("DiagnosticReport"),
            "status": "preliminary",
            "category": [{"coding": [{"system": _SERVICE, "code": "RAD"}]}],
            "code": {"coding": [frame.codes.own("concept", "report"), *imaging], "text": "Calcification assessment"},
            "subject": frame.person.subject(),
            "effectiveDateTime": max(days, default=None),
            "issued": answer.provenance.created,
            "result": [frame.reference("Observation", about(one.site)) for one in answer.findings],
            ("imagingStudy" if frame.release is Release.R4 else "study"): links,
            "conclusion": text_of(
                [
                    answer.answer,
                    *(f"Next step: {one.text}" for one in answer.advice),
                    *(f"Not known: {one.input}. {one.would_change}" for one in answer.unknowns),
                    *(f"Not used: {one.input}: {one.why}" for one in answer.refused),
                    answer.disclaimer,
                ]
            ),
            "conclusionCode": [
                {"coding": [frame.codes.own("level", answer.seriousness.value)], "text": answer.seriousness.value}
            ],
            "presentedForm": [
                {"contentType": kind, "data": base64.b64encode(content).decode("ascii")} for kind, content in forms
            ],
        }
    )


def provenance(frame: Frame, targets: Sequence[str], studied: bool) -> Json:
    """What made the resources: the program with its rules, the inputs by digest, and who corrected them."""
    made = frame.assessment.provenance

    def role(code: str) -> Json:
        return {"coding": [{"system": _AGENT, "code": code}]}

    people = dict.fromkeys(one.by for one in made.corrections)
    digests = list(dict.fromkeys(made.inputs.values()))
    entities: list[Json] = [{"role": "source", "what": frame.reference("ImagingStudy")}] if studied else []
    entities += [
        {"role": "source", "what": {"identifier": {"system": f"{frame.codes.base}/sha256", "value": one}}}
        for one in digests
    ]
    rules = f"knowledge: {', '.join(made.knowledge)}; anatomy: {made.anatomy}; preset: {made.preset}; " \
            f"guidelines: {made.guidelines}"  # fmt: skip
    return without_empty(
        {
            "resourceType": "Provenance",
            "id": frame.id("Provenance"),
            "target": [{"reference": f"urn:uuid:{one}"} for one in targets],
            "recorded": made.created,
            "activity": {"text": f"assessed by Calciscope {made.calciscope} ({rules})"},
            "agent": [
                {"type": role("assembler"), "who": frame.reference("Device")},
                *({"type": role("verifier"), "who": {"display": name}} for name in people),
            ],
            "entity": entities,
        }
    )
