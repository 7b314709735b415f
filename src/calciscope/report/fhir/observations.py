"""Findings and their measures as Observations, and risks as RiskAssessments."""

from __future__ import annotations

import re

from calciscope.domain import site as sites
from calciscope.domain.assessment import Finding, Measure, Validity
from calciscope.report.fhir.codes import label
from calciscope.report.fhir.parts import Frame, Json, without_empty

_ABSENT = "http://terminology.hl7.org/CodeSystem/data-absent-reason"
_CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category"
_AS_OF = re.compile(r"^as of (\d{4}-\d\d-\d\d)")


def of_finding(frame: Frame, finding: Finding) -> list[Json]:
    """The finding, then one Observation a measure and one RiskAssessment a risk that was computed."""
    numbers = {name: one for name, one in finding.measures.items() if name not in frame.codes.risks()}
    risks = {name: one for name, one in finding.measures.items() if name in frame.codes.risks()}
    measures = [_measure(frame, finding, name, one) for name, one in numbers.items()]
    return [
        _finding(frame, finding, list(numbers)),
        *measures,
        *(_risk(frame, finding, name, one) for name, one in risks.items() if one.value is not None),
    ]


def about(site: str, name: str = "") -> str:
    """What an Observation is about, as its id has it."""
    return f"{site}#{name}" if name else site


def _base(frame: Frame, finding: Finding, code: Json, name: str = "") -> Json:
    return {
        "resourceType": "Observation",
        "id": frame.id("Observation", about(finding.site, name)),
        "identifier": frame.identifier("Observation", about(finding.site, name)),
        # A person decides: a program's finding is not final before that.
        "status": "preliminary",
        "category": [{"coding": [{"system": _CATEGORY, "code": "imaging"}]}],
        "code": code,
        "subject": frame.person.subject(),
        "effectiveDateTime": _day(frame, finding),
        "bodySite": frame.codes.place(finding.site),
        "device": frame.reference("Device"),
    }


def _finding(frame: Frame, finding: Finding, numbers: list[str]) -> Json:
    codes = frame.codes
    code = {
        "coding": [codes.own("concept", "finding", "calcification finding"), codes.coding(codes.data["finding"])],
        "text": f"Calcification: {finding.label}",
    }
    resource = _base(frame, finding, code)
    kind, level = finding.kind.value, finding.seriousness.value
    resource["extension"] = frame.rules(finding.kind, finding.seriousness)
    if kind:
        resource["valueCodeableConcept"] = {"coding": [codes.own("kind", kind)], "text": kind}
    else:
        # No calcium has no kind.
        resource["dataAbsentReason"] = {"coding": [{"system": _ABSENT, "code": "not-applicable"}]}
    resource["interpretation"] = [codes.level(level)] if level else None
    resource["note"] = [{"text": one.text} for one in finding.advice]
    resource["hasMember"] = [frame.reference("Observation", about(finding.site, name)) for name in numbers]
    words = _words(frame, finding)
    resource["component"] = [
        _component(frame, "confidence", valueQuantity={"value": round(finding.confidence, 3)}),
        _component(frame, "stated", valueBoolean=finding.stated),
        *([_component(frame, "review", valueBoolean=True)] if finding.review else []),
        *([_component(frame, "deposits", valueInteger=len(finding.deposits))] if finding.deposits else []),
        *(_component(frame, key, valueCodeableConcept=codes.word(key, value)) for key, value in words.items()),
    ]
    return without_empty(resource)


def _words(frame: Frame, finding: Finding) -> dict[str, str]:
    """What was stated of the finding in words, as far as a rule saw it."""
    reasons = (*finding.kind.reasons, *finding.seriousness.reasons)
    return {
        key: value
        for one in reasons
        for key, value in one.inputs.items()
        if key in frame.codes.words() and isinstance(value, str)
    }


def _component(frame: Frame, name: str, **value: object) -> Json:
    return {"code": {"coding": [frame.codes.own("component", name)], "text": name.replace("_", " ")}, **value}


def _measure(frame: Frame, finding: Finding, name: str, measure: Measure) -> Json:
    codes = frame.codes
    resource = _base(frame, finding, codes.measure(name, finding.site, label(name)), name)
    if as_of := _AS_OF.match(measure.why or ""):
        resource["effectiveDateTime"] = as_of.group(1)
    if measure.value is None:
        resource["dataAbsentReason"] = {"coding": [{"system": _ABSENT, "code": "not-performed"}], "text": measure.why}
    else:
        resource["valueQuantity"] = codes.quantity(measure.value, measure.unit)
    resource["method"] = codes.method(name, measure.method)
    resource["interpretation"] = [{"text": measure.category}] if measure.category else None
    resource["note"] = [{"text": measure.why}] if measure.why and measure.value is not None else None
    validity = {"coding": [codes.own("validity", measure.validity.value)], "text": measure.validity.value}
    components = [_component(frame, "validity", valueCodeableConcept=validity)]
    if measure.preset:
        components.append(_component(frame, "preset", valueString=measure.preset))
    if measure.interval:
        low, high = (codes.quantity(value, measure.unit) for value in measure.interval)
        components.append(_component(frame, "interval_95", valueRange={"low": low, "high": high}))
    resource["component"] = [*components, *_parts(frame, finding, name)]
    return without_empty(resource)


def _parts(frame: Frame, finding: Finding, name: str) -> list[Json]:
    """The same measure of the places below, such as the score of each coronary artery."""
    parts = []
    for other in frame.assessment.findings:
        measure = other.measures.get(name)
        if sites.parent(other.site) == finding.site and measure is not None and measure.value is not None:
            code = frame.codes.place(other.site)
            parts.append({"code": code, "valueQuantity": frame.codes.quantity(measure.value, measure.unit)})
    return parts


def _risk(frame: Frame, finding: Finding, name: str, measure: Measure) -> Json:
    """A probability, as a range from itself to itself: a decimal alone may be read as a fraction or as percent."""
    assert measure.value is not None
    percent = {"value": measure.value, "unit": "%", "system": frame.codes.data["systems"]["UCUM"], "code": "%"}
    basis = [frame.reference("Observation", about(finding.site, "agatston"))] if "agatston" in finding.measures else []
    note = [measure.why] if measure.validity is not Validity.VALID and measure.why else []
    return without_empty(
        {
            "resourceType": "RiskAssessment",
            "id": frame.id("RiskAssessment", about(finding.site, name)),
            "identifier": frame.identifier("RiskAssessment", about(finding.site, name)),
            "status": "preliminary",
            "method": {"coding": [frame.codes.own("measure", name)], "text": measure.method},
            "code": {"coding": [frame.codes.own("measure", name)], "text": label(name)},
            "subject": frame.person.subject(),
            "occurrenceDateTime": _day(frame, finding),
            "performer": frame.reference("Device"),
            "basis": basis,
            "prediction": [
                without_empty(
                    {
                        "outcome": {"text": label(name)},
                        "probabilityRange": {"low": percent, "high": {**percent}},
                        "qualitativeRisk": {"text": measure.category} if measure.category else None,
                    }
                )
            ],
            "note": [{"text": one} for one in note],
        }
    )


def _day(frame: Frame, finding: Finding) -> str | None:
    """When: of the series that the deposits are in, else as it was stated, else of the latest series that was used."""
    there = {deposit.series for deposit in finding.deposits}
    days = [one.date for one in frame.assessment.acquisition
            if one.used and one.date and (not there or one.id in there)]  # fmt: skip
    if finding.stated and not there:
        days = [told.group(1) for one in finding.measures.values() if (told := _AS_OF.match(one.why or ""))]
    return max(days, default=None)
