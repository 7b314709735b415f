"""The contract of CDS Hooks 2.0, what the cards say, and what is refused."""

import asyncio
import json
import logging
import threading
import time
from copy import deepcopy

import httpx
import jsonschema
import pytest
import uvicorn

from calciscope.domain.assessment import DISCLAIMER
from calciscope.serve.cds import Settings, app
from tests.serve.make import CALL, FEEDBACK, SIGN, VIEW, lab, order, searchset, send, service, sign, view

URL = {"type": "string", "pattern": "^https?://"}
CARDS = {
    "type": "object", "required": ["cards"], "additionalProperties": False,
    "properties": {"cards": {"type": "array", "items": {
        "type": "object", "required": ["summary", "indicator", "source"], "additionalProperties": False,
        "properties": {
            "uuid": {"type": "string", "pattern": "^[0-9a-f-]{36}$"},
            "summary": {"type": "string", "minLength": 1, "maxLength": 139},
            "detail": {"type": "string"},
            "indicator": {"enum": ["info", "warning", "critical"]},
            "source": {
                "type": "object", "required": ["label"], "additionalProperties": False,
                "properties": {
                    "label": {"type": "string", "minLength": 1}, "url": URL,
                    "topic": {"type": "object", "required": ["system", "code"]},
                },
            },
            "links": {"type": "array", "items": {
                "type": "object", "required": ["label", "url", "type"], "additionalProperties": False,
                "properties": {"label": {"type": "string"}, "url": URL, "type": {"enum": ["absolute", "smart"]}},
            }},
        },
    }}},
}  # fmt: skip


def cards(answer):
    assert answer.status_code == 200, answer.text
    jsonschema.validate(answer.json(), CARDS)
    return answer.json()["cards"]


def test_the_discovery_tells_the_services():
    answer = send("GET", "/cds-services")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("application/json")
    found = {one["hook"]: one for one in answer.json()["services"]}
    assert set(found) == {"patient-view", "order-sign"}
    for one in found.values():
        assert {"hook", "description", "id", "title", "prefetch"} == one.keys()
        assert one["prefetch"]["patient"] == "Patient/{{context.patientId}}"
        assert all("{{context.patientId}}" in template for template in one["prefetch"].values())
        assert f"/cds-services/{one['id']}" in (VIEW, SIGN)


def test_the_example_of_the_specification_is_answered():
    assert cards(send("POST", VIEW, CALL)) == []


def test_what_an_assessment_wrote_comes_back_as_cards():
    found = cards(send("POST", VIEW, view()))
    assert found[0]["summary"] == "Significant: calcification of the aortic valve (Agatston score 2400)"
    assert found[0]["indicator"] == "warning"
    assert "echocardiography" in found[0]["detail"]
    assert "**Not on record**" in found[0]["detail"]
    assert DISCLAIMER in found[0]["detail"]
    assert found[0]["links"][0]["url"].startswith("https://doi.org/")
    assert found[0]["source"]["topic"]["code"] == "heart.aortic_valve"
    topics = [one["source"].get("topic", {}).get("code") for one in found]
    assert {"heart.aortic_valve", "artery.coronary", "ureter.left", "breast.left"} <= set(topics)
    assert "artery.coronary.lad" not in topics


def test_what_is_unknown_is_told_with_its_own_place():
    found = {one["source"]["topic"]["code"]: one["detail"] for one in cards(send("POST", VIEW, view()))}
    assert "left ureter" not in found["heart.aortic_valve"]
    assert "aortic valve" not in found["ureter.left"]


def test_the_most_serious_is_first_and_critical():
    call = view()
    call["prefetch"]["conditions"] = {
        "resourceType": "Condition", "subject": {"reference": "Patient/1288992"}, "code": {"text": "Heart failure"},
        "clinicalStatus": {"coding": [{"code": "active"}]},
    }  # fmt: skip
    found = cards(send("POST", VIEW, call))
    assert (found[0]["indicator"], found[0]["source"]["topic"]["code"]) == ("critical", "heart.aortic_valve")


def test_the_same_call_has_the_same_cards():
    assert cards(send("POST", VIEW, view())) == cards(send("POST", VIEW, view()))
    other = {**view(), "hookInstance": "e1577c69-dfbe-44ad-ba6d-3e05e953b2eb"}
    uuids = {one["uuid"] for one in cards(send("POST", VIEW, view()))}
    assert uuids.isdisjoint(one["uuid"] for one in cards(send("POST", VIEW, other)))


def test_an_order_that_changes_something_is_told():
    high = (lab("17861-6", 11.6, "mg/dL"), lab("1751-7", 4.0, "g/dL"))
    call = sign(order("calcium carbonate"))
    call["prefetch"]["observations"] = view(*high)["prefetch"]["observations"]
    found = cards(send("POST", SIGN, call))
    assert len(found) == 1
    assert found[0]["summary"].startswith("With these orders: ")
    assert "vitamin D" in found[0]["detail"]


def test_an_order_that_changes_nothing_gives_no_card():
    assert cards(send("POST", SIGN, sign(order("paracetamol")))) == []


def test_an_order_that_was_revoked_is_not_taken_as_signed():
    call = sign(order("calcium carbonate", status="entered-in-error"))
    call["prefetch"]["observations"] = view(lab("17861-6", 11.6, "mg/dL"))["prefetch"]["observations"]
    assert cards(send("POST", SIGN, call)) == []


def test_feedback_is_counted_and_nothing_of_it_is_kept():
    application = app(Settings())
    answer = send("POST", f"{VIEW}/feedback", FEEDBACK, application=application)
    assert answer.status_code == 200
    health = send("GET", "/health", application=application)
    assert health.json()["feedback"] == {"calciscope-patient-view accepted": 1, "calciscope-patient-view overridden": 1}
    assert "Zebrafish" not in health.text
    assert "9368d37b" not in health.text


def without(*path):
    call = sign(order("aspirin"))
    place = call
    for key in path[:-1]:
        place = place[key]
    del place[path[-1]]
    return call


def changed(**more):
    return {**view(), **more}


@pytest.mark.parametrize(
    ("address", "body", "status", "said"),
    [
        (VIEW, changed(hook="order-sign"), 400, "hook: this service answers patient-view"),
        (VIEW, changed(hookInstance="Zebrafish"), 400, "hookInstance"),
        (VIEW, changed(context={"userId": "Practitioner/1"}), 400, "context.patientId"),
        (VIEW, changed(context={"patientId": "1288992"}), 400, "context.userId"),
        (VIEW, changed(fhirServer=None), 400, "fhirServer"),
        (VIEW, changed(prefetch={}), 412, "prefetch.patient"),
        (VIEW, changed(prefetch={"patient": None}), 412, "prefetch.patient"),
        (VIEW, changed(prefetch={"patient": "Zebrafish"}), 400, "prefetch"),
        (VIEW, changed(prefetch={"patient": {"resourceType": "Patient", "id": "Zebrafish"}}), 400, "another patient"),
        (VIEW, [], 400, "the body"),
        (SIGN, without("context", "draftOrders"), 400, "draftOrders"),
        (SIGN, sign(order("aspirin", subject={"reference": "Patient/Zebrafish"})), 400, "another patient"),
        ("/cds-services/Zebrafish", view(), 404, "no such service"),
        ("/cds-services/Zebrafish/feedback", FEEDBACK, 404, "no such service"),
        ("/Zebrafish", view(), 404, "no such address"),
        (f"{VIEW}/feedback", {"feedback": []}, 400, "feedback"),
        (f"{VIEW}/feedback", {"feedback": [{**FEEDBACK["feedback"][0], "outcome": "Zebrafish"}]}, 400, "outcome"),
        (f"{VIEW}/feedback", {"feedback": [{**FEEDBACK["feedback"][0], "outcome": "overridden"}]}, 400, "accepted"),
    ],
)
def test_what_is_wrong_is_said_without_what_was_sent(address, body, status, said, caplog):
    caplog.set_level(logging.DEBUG)
    answer = send("POST", address, body)
    assert answer.status_code == status
    assert said in answer.json()["error"]
    assert "Zebrafish" not in answer.text + caplog.text


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[" * 100_000, b"null", b'{"hook": NaN}'])
def test_what_is_no_json_is_refused(content):
    answer = send("POST", VIEW, content=content, headers={"content-type": "application/json"})
    assert answer.status_code == 400


def test_another_type_of_content_is_refused():
    assert send("POST", VIEW, content=b"{}", headers={"content-type": "text/plain"}).status_code == 415


def test_a_request_that_is_too_large_is_refused_while_it_arrives():
    small = app(Settings(most_bytes=1000))
    answer = send("POST", VIEW, view(), application=small)
    assert answer.status_code == 413
    assert "1000 bytes" in answer.json()["error"]


def test_a_request_that_hangs_is_given_up():
    async def slowly():
        yield b"{"
        await asyncio.sleep(30)

    async def run():
        application = app(Settings(most_seconds=0.05))
        scope = {"type": "http", "method": "POST", "path": VIEW, "headers": [(b"content-type", b"application/json")],
                 "query_string": b"", "server": ("ehr", 80), "scheme": "http"}  # fmt: skip
        chunks, sent = slowly(), []

        async def receive():
            return {"type": "http.request", "body": await anext(chunks), "more_body": True}

        async def send_(message):
            sent.append(message)

        await application(scope, receive, send_)
        return sent[0]["status"]

    assert asyncio.run(run()) == 408


def test_another_method_is_refused():
    assert send("GET", VIEW).status_code == 405


def test_resources_of_another_patient_are_refused():
    stranger = {**lab("17861-6", 11.6, "mg/dL"), "subject": {"reference": "http://x/fhir/Patient/2/_history/1"}}
    call = view(stranger)
    assert send("POST", VIEW, call).status_code == 400


@pytest.mark.parametrize(
    "sent",
    [
        {"resourceType": "Bundle"},
        {"resourceType": "Bundle", "entry": "x"},
        {"resourceType": "Bundle", "entry": [None, {"resource": 3}]},
        {"resourceType": "Observation", "subject": "x", "code": "y"},
        {"resourceType": "OperationOutcome"},
        None,
    ],
)
def test_a_record_that_is_broken_or_empty_gives_no_card(sent):
    call = deepcopy(CALL)
    call["prefetch"]["observations"] = sent
    assert cards(send("POST", VIEW, call)) == []


def test_an_unforeseen_error_tells_nothing(monkeypatch, caplog):
    caplog.set_level(logging.DEBUG)

    def fail(record):
        raise ValueError("Zebrafish")

    monkeypatch.setattr("calciscope.serve.cds.web.patient_of", fail)
    answer = send("POST", VIEW, view())
    assert answer.status_code == 500
    assert answer.json() == {"error": "internal error; please report it"}
    assert "ValueError at test_cds.py" in caplog.text
    assert "Zebrafish" not in caplog.text


def test_the_log_has_a_line_a_call_and_no_identifier(caplog):
    caplog.set_level(logging.DEBUG)
    send("POST", VIEW, view())
    lines = [one.getMessage() for one in caplog.records if one.name == "calciscope.serve.cds"]
    assert len(lines) == 1
    assert lines[0].startswith("call calciscope-patient-view 200, 4 cards")
    text = caplog.text.lower()
    for word in ("zebrafish", "1288992", "1955", "89284", "practitioner", "opaque", "d1577c69"):
        assert word not in text


def test_a_page_of_another_origin_may_call_only_where_it_is_allowed():
    asked = {"origin": "https://ehr.example", "access-control-request-method": "POST"}
    allowed = app(Settings(origins=("https://ehr.example",)))
    assert send("OPTIONS", VIEW, application=allowed, headers=asked).headers["access-control-allow-origin"]
    assert "access-control-allow-origin" not in send("OPTIONS", VIEW, headers=asked).headers


def test_it_answers_through_a_real_server():
    server = uvicorn.Server(uvicorn.Config(service(), port=0, log_level="error", access_log=False))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        end = time.monotonic() + 30
        while not server.started and time.monotonic() < end:
            time.sleep(0.02)
        port = server.servers[0].sockets[0].getsockname()[1]
        answer = httpx.post(f"http://127.0.0.1:{port}{VIEW}", content=json.dumps(view()), timeout=30,
                            headers={"content-type": "application/json; charset=utf-8"})  # fmt: skip
        assert len(cards(answer)) == 4
    finally:
        server.should_exit = True
        thread.join(timeout=30)
    assert not thread.is_alive()


def test_an_empty_search_is_no_finding():
    call = deepcopy(CALL)
    call["prefetch"] |= {key: searchset() for key in ("observations", "conditions", "medications", "procedures")}
    assert cards(send("POST", VIEW, call)) == []
