"""Requests as the specification writes them, a record of a patient, and a client without a network."""

import asyncio
import json
import logging
from copy import deepcopy
from functools import cache

import httpx

from calciscope.report.fhir import Person, Release, bundle
from calciscope.serve.cds import Settings, app
from tests.report.fhir.make import resources, stated

# "Calling a CDS Service" of CDS Hooks 2.0, with the prefetch that the discovery of this service names.
CALL = {
    "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea",
    "fhirServer": "http://hooks.smarthealthit.org:9080",
    "hook": "patient-view",
    "fhirAuthorization": {
        "access_token": "some-opaque-fhir-access-token",
        "token_type": "Bearer",
        "expires_in": 300,
        "scope": "user/Patient.read user/Observation.read",
        "subject": "cds-service4",
    },
    "context": {"userId": "Practitioner/example", "patientId": "1288992", "encounterId": "89284"},
    "prefetch": {
        "patient": {
            "resourceType": "Patient", "gender": "male", "birthDate": "1955-12-23", "id": "1288992", "active": True,
            "name": [{"family": "Zebrafish"}],
        }
    },
}  # fmt: skip
# "Feedback" of the same: an accepted and an overridden card.
FEEDBACK = {
    "feedback": [
        {
            "card": "4e0a3a1e-3283-4575-ab82-028d55fe2719",
            "outcome": "accepted",
            "acceptedSuggestions": [{"id": "e56e1945-20b3-4393-8503-a1a20fd73152"}],
            "outcomeTimestamp": "2020-12-11T00:00:00Z",
        },
        {
            "card": "9368d37b-283f-44a0-93ea-547cebab93ed",
            "outcome": "overridden",
            "overrideReason": {
                "reason": {"code": "d7ecf885", "system": "https://example.com/cds-hooks/override-reason-system"},
                "userComment": "clinician entered comment about Zebrafish",
            },
            "outcomeTimestamp": "2020-12-11T00:00:00Z",
        },
    ]
}
VIEW, SIGN = "/cds-services/calciscope-patient-view", "/cds-services/calciscope-order-sign"


@cache
def service(**settings):
    """The application; one for all tests, for loading the rules takes its time."""
    logging.getLogger("httpx").setLevel(logging.WARNING)
    return app(Settings(**settings))


def send(method, path, body=None, *, application=None, **more):
    """One request and its answer."""

    async def run():
        transport = httpx.ASGITransport(app=application or service(), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://ehr") as client:
            return await client.request(method, path, json=body, **more)

    return asyncio.run(run())


@cache
def _observations():
    sent = json.loads(json.dumps(bundle(stated(), Release.R4, Person("Patient/1288992"))))
    return resources(sent, "Observation")


def searchset(*found):
    return {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": one} for one in found]}


def lab(code, value, unit):
    return {
        "resourceType": "Observation", "status": "final", "subject": {"reference": "Patient/1288992"},
        "code": {"coding": [{"system": "http://loinc.org", "code": code}]}, "effectiveDateTime": "2026-05-04",
        "valueQuantity": {"value": value, "unit": unit, "system": "http://unitsofmeasure.org", "code": unit},
    }  # fmt: skip


def view(*more):
    """A patient whose record holds what an assessment wrote."""
    call = deepcopy(CALL)
    call["prefetch"]["observations"] = searchset(*deepcopy(_observations()), *more)
    return call


def order(words, **more):
    return {
        "resourceType": "MedicationRequest", "id": "smart-MedicationRequest-103", "status": "draft", "intent": "order",
        "subject": {"reference": "Patient/1288992"}, "medicationCodeableConcept": {"text": words}, **more,
    }  # fmt: skip


def sign(*orders, **more):
    """The same patient, with orders that are about to be signed."""
    call = {**view(), "hook": "order-sign", **more}
    call["context"] = {**call["context"], "userId": "PractitionerRole/123", "draftOrders": searchset(*orders)}
    return call
