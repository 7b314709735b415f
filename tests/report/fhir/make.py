"""Assessments to write, made by the rules from what a patient file says."""

from datetime import date
from functools import cache

from calciscope import pipeline
from calciscope.domain.assessment import Assessment, Correction
from calciscope.domain.examination import Examination
from calciscope.read.patient import patient_of
from calciscope.report.fhir import Person

STATED = {
    "age": 62, "sex": "male", "ancestry": "white", "blood_pressure": "132/80 mmHg",
    "labs": {"total_cholesterol": "190 mg/dL", "hdl": "50 mg/dL", "creatinine": "1.1 mg/dL"},
    "conditions": ["diabetes"], "medications": ["aspirin"], "history": ["none"],
    "findings": [
        {"site": "heart.aortic_valve", "agatston": 2400},
        {"site": "artery.coronary", "agatston": 210, "date": "2021-03-02"},
        {"site": "artery.coronary.lad", "agatston": 150},
        {"site": "ureter.left", "location": "distal", "diameter": "6 mm", "attenuation": "900 HU"},
        {"site": "breast.left", "morphology": "fine pleomorphic", "distribution": "segmental"},
    ],
}  # fmt: skip
SECRET = "MRN-424242"
STUDY, SERIES = "1.2.826.77.2", "1.2.826.77.1"


@cache
def stated() -> Assessment:
    """Five stated findings, with risks."""
    return pipeline.assess([], patient_of(STATED).patient).assessment


def examined(number: str = SECRET) -> Person:
    """The person of a DICOM series."""
    return Person(number=number, series={"s1": Examination(STUDY, SERIES, number, date(2026, 5, 4), "CT", 30)})


def corrected(assessment: Assessment) -> Assessment:
    """The same with a correction by a named person and inputs named after the patient."""
    made = assessment.provenance.model_copy(
        update={
            "corrections": (Correction(deposit="s1-d1", action="reject", by="Dr Housemann"),),
            "inputs": {"Zebrafish_CT": "ab" * 32},
        }
    )
    return assessment.model_copy(update={"provenance": made})


def resources(bundle, sort=None):
    """The resources of a bundle, of one type."""
    found = [entry["resource"] for entry in bundle["entry"]]
    return [one for one in found if sort in (None, one["resourceType"])]


def coded(bundle, system, code, site=None):
    """The Observation of one of our codes, at a site."""
    for one in resources(bundle, "Observation"):
        own = {(c["system"].rpartition("/")[2], c["code"]) for c in one["code"]["coding"]}
        place = {c["code"] for c in one["bodySite"]["coding"]}
        if (system, code) in own and (site is None or site in place):
            return one
    raise AssertionError(f"no {system} {code} at {site}")
