"""The bundle is valid FHIR of both releases, says what the assessment says, and can be sent again."""

import json
import re
from copy import deepcopy
from urllib.parse import unquote

import pytest

from calciscope import pipeline
from calciscope.domain import site as sites
from calciscope.errors import OutputError
from calciscope.read.patient import patient_of
from calciscope.report.fhir import Person, Release, bundle, write
from calciscope.report.fhir.codes import codes
from calciscope.report.fhir.validate import broken, check, invariants
from tests.report import make
from tests.report.fhir.make import STATED, STUDY, coded, corrected, examined, resources, stated

UUID5 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
BOTH = pytest.mark.parametrize("release", list(Release))


def made(release=Release.R5, assessment=None, **options):
    return bundle(assessment or stated(), release, **options)


@BOTH
def test_stated_findings_are_valid(release):
    check(made(release), release)


@BOTH
def test_measured_findings_with_study_and_corrections_are_valid(release):
    data = made(release, corrected(make.assessment()), person=examined(), forms=[("text/html", b"<p>x</p>")])
    check(data, release)
    (report,) = resources(data, "DiagnosticReport")
    assert report["presentedForm"][0]["contentType"] == "text/html"
    assert ("imagingStudy" in report) == (release is Release.R4)
    (study,) = resources(data, "ImagingStudy")
    assert study["identifier"][0]["value"] == f"urn:oid:{STUDY}"
    assert (study["numberOfSeries"], study["numberOfInstances"], study["started"]) == (1, 30, "2026-05-04")


@BOTH
def test_an_assessment_without_findings_is_valid(release):
    nothing = pipeline.assess([], patient_of({"age": 50}).patient).assessment
    data = made(release, nothing)
    check(data, release)
    assert resources(data, "Observation") == []


def test_every_number_is_an_observation_with_unit_method_and_place():
    data = made(assessment=make.assessment())
    volume = coded(data, "measure", "volume", "kidney.left")
    assert volume["valueQuantity"] == {
        "value": 144.0, "unit": "mm3", "system": "http://unitsofmeasure.org", "code": "mm3",
    }  # fmt: skip
    assert volume["method"]["text"] == "voxels"
    assert volume["method"]["coding"][0]["code"] == "112056"
    assert volume["bodySite"]["coding"][0] == {"system": "http://snomed.info/sct", "code": "64033007"}
    assert volume["bodySite"]["text"] == "left kidney"
    assert volume["component"][1]["valueString"] == "standard"


def test_a_refused_number_is_absent_with_its_reason():
    refused = coded(made(assessment=make.assessment()), "measure", "agatston", "kidney.left")
    assert "valueQuantity" not in refused
    assert refused["dataAbsentReason"]["text"] == "contrast"


def test_an_adjusted_number_says_why():
    adjusted = coded(made(assessment=make.assessment()), "measure", "diameter", "kidney.left")
    assert adjusted["note"] == [{"text": "thick"}]
    assert adjusted["component"][0]["valueCodeableConcept"]["text"] == "adjusted"


def test_the_coronary_score_has_the_code_that_others_know_and_its_parts():
    score = coded(made(), "measure", "agatston", "artery.coronary")
    assert score["code"]["coding"][0] == {"system": "http://snomed.info/sct", "code": "450360000"}
    assert score["valueQuantity"]["value"] == 210
    assert score["effectiveDateTime"] == "2021-03-02"
    parts = [one for one in score["component"] if "valueQuantity" in one]
    assert [(one["code"]["coding"][0]["code"], one["valueQuantity"]["value"]) for one in parts] == [("59438005", 150)]
    assert "CAC-DRS" in score["interpretation"][0]["text"]


def test_a_finding_has_kind_level_words_members_and_the_publication_of_every_rule():
    data = made()
    finding = coded(data, "concept", "finding", "breast.left")
    assert finding["valueCodeableConcept"]["text"] == "dystrophic"
    assert finding["interpretation"][0]["text"] == "significant"
    words = {one["code"]["text"]: one for one in finding["component"]}
    assert words["morphology"]["valueCodeableConcept"]["coding"][0]["code"] == "111344"
    assert words["distribution"]["valueCodeableConcept"]["coding"][0]["code"] == "129768003"
    rules = [{part["url"]: part for part in one["extension"]} for one in finding["extension"]]
    expected = next(one for one in stated().findings if one.site == "breast.left")
    fired = {one.rule for one in (*expected.kind.reasons, *expected.seriousness.reasons)}
    assert {one["rule"]["valueString"] for one in rules} == fired
    assert all(one["source"]["valueRelatedArtifact"]["citation"] for one in rules)
    known = {entry["fullUrl"] for entry in data["entry"]}
    assert {one["reference"] for one in finding["hasMember"]} <= known


def test_risks_are_in_percent_and_refused_ones_are_not_told():
    data = made()
    risks = {one["code"]["coding"][0]["code"]: one for one in resources(data, "RiskAssessment")}
    expected = {
        name: one.value
        for finding in stated().findings
        for name, one in finding.measures.items()
        if name in codes().risks() and one.value is not None
    }
    shown = {name: one["prediction"][0]["probabilityRange"]["low"]["value"] for name, one in risks.items()}
    assert shown == expected
    assert shown
    assert risks["mesa_chd_risk_10y"]["basis"][0]["reference"].startswith("urn:uuid:")


def test_the_report_says_the_answer_next_steps_unknowns_and_who_decides():
    (report,) = resources(made(), "DiagnosticReport")
    assert report["conclusion"].startswith(stated().answer)
    assert report["conclusion"].endswith(stated().disclaimer)
    for one in stated().advice:
        assert one.text in report["conclusion"]
    assert len(report["result"]) == len(stated().findings)
    assert report["status"] == "preliminary"


def test_every_reference_leads_to_a_resource_of_the_bundle():
    data = made(person=examined())
    known = {entry["fullUrl"] for entry in data["entry"]}
    used = set(re.findall(r'"reference": "(urn:uuid:[^"]+)"', json.dumps(data)))
    assert used
    assert used <= known
    (trail,) = resources(data, "Provenance")
    written = [one for one in resources(data) if one["resourceType"] not in ("Provenance", "Device", "ImagingStudy")]
    assert {one["reference"] for one in trail["target"]} == {f"urn:uuid:{one['id']}" for one in written}


def test_the_same_examination_is_updated_and_never_repeated():
    first = made(person=examined())
    later = stated().model_copy(
        update={"provenance": stated().provenance.model_copy(update={"created": "2030-01-01T00:00:00+00:00"})}
    )
    second = made(person=examined(), assessment=later)
    own = ("Device", "ImagingStudy")

    def requests(data):
        return [entry["request"] for entry in data["entry"] if entry["resource"]["resourceType"] not in own]

    assert requests(first) == requests(second)
    assert all(one["method"] == "PUT" for one in requests(first))
    assert all(UUID5.fullmatch(one["id"]) for one in resources(first))
    shared = [entry["request"] for entry in first["entry"] if entry["resource"]["resourceType"] in own]
    assert all(one["method"] == "POST" and "%7C" in one["ifNoneExist"] for one in shared)


def test_another_examination_has_other_ids():
    other = Person(series={})
    ids = {one["id"] for one in resources(made(person=examined()))}
    assert ids.isdisjoint(one["id"] for one in resources(made(person=other, assessment=make.assessment())))


@BOTH
@pytest.mark.parametrize(
    ("change", "key"),
    [
        (lambda one: one["entry"].append(one["entry"][0]), "bdl-7"),
        (lambda one: one["entry"][0].pop("request"), "bdl-3"),
        (lambda one: one.update(total=3), "bdl-1"),
        (lambda one: one["entry"][0].update(fullUrl="http://x/Observation/1/_history/2"), "bdl-8"),
        (lambda one: resources(one, "Observation")[1].update(dataAbsentReason={"text": "x"}), "obs-6"),
        (lambda one: resources(one, "Observation")[1].update(referenceRange=[{"age": {"low": {"value": 1}}}]), "obs-3"),
        (lambda one: resources(one, "Observation")[1]["valueQuantity"].pop("system"), "qty-3"),
        (lambda one: resources(one, "RiskAssessment")[0]["prediction"][0]["probabilityRange"]["low"].update(code="1"),
         "ras-1"),
        (lambda one: resources(one, "RiskAssessment")[0]["prediction"][0]["probabilityRange"]["high"].update(value=101),
         "ras-2"),
        (lambda one: resources(one, "RiskAssessment")[0]["prediction"][0]["probabilityRange"]["low"].update(value=99),
         "rng-2"),
        (lambda one: resources(one, "DiagnosticReport")[0].update(presentedForm=[{"data": "eA=="}]), "att-1"),
        (lambda one: resources(one, "Observation")[1].update(subject={"type": "Patient"}), "ref-2"),
        (lambda one: resources(one, "Observation")[0]["extension"][0].update(valueString="x"), "ext-1"),
        (lambda one: resources(one, "Observation")[0].update(status="done"), "binding-Observation.status"),
        (lambda one: one["entry"][2]["request"].update(method="SEND"), "binding-Bundle.entry.request.method"),
        (lambda one: resources(one, "Provenance")[0]["entity"][0].update(role="x"), "binding-Provenance.entity.role"),
    ],
)  # fmt: skip
def test_an_invariant_that_is_broken_is_seen(release, change, key):
    data = deepcopy(made(release, person=examined()))
    change(data)
    assert key in {line.split()[0] for line in broken(data, release)}
    with pytest.raises(OutputError, match="not valid"):
        check(data, release)


def test_r5_is_not_r4():
    with pytest.raises(OutputError, match="imagingStudy"):
        check(made(Release.R4, person=examined()), Release.R5)


def test_what_is_not_valid_is_not_written(tmp_path):
    data = deepcopy(made())
    resources(data, "Observation")[0]["status"] = None
    resources(data, "Observation")[0].pop("code")
    with pytest.raises(OutputError):
        write(data, tmp_path / "x.json", Release.R5)
    assert not (tmp_path / "x.json").exists()


def test_every_invariant_says_what_it_is():
    assert len({one.key for one in invariants()}) == len(invariants()) > 15
    assert all(one.human and one.releases for one in invariants())


def test_every_place_of_the_codes_is_one_and_every_place_has_a_code_or_a_name():
    assert all(sites.exists(one) for one in codes().shared["sites"])
    assert codes().place("brain.basal_ganglia.left")["coding"][0]["code"] == "12738006"
    assert codes().place("unplaced")["text"] == "unplaced"


@BOTH
def test_what_was_written_is_read_back(release):
    data = made(release)
    read = patient_of(data)
    assert read.refused == ()
    told = {(one.site, one.on.isoformat() if one.on else None): dict(one.values) for one in read.patient.findings}
    before = patient_of(STATED).patient.findings
    assert told == {(one.site, one.on.isoformat() if one.on else None): dict(one.values) for one in before}


def test_what_is_read_back_is_judged_as_before():
    again = patient_of({**STATED, "findings": []}).patient
    read = patient_of(made()).patient
    both = type(again)(**{
        **{name: getattr(again, name) for name in again.__dataclass_fields__}, "findings": read.findings,
    })  # fmt: skip
    levels = {one.site: (one.kind.value, one.seriousness.value) for one in stated().findings}
    found = pipeline.assess([], both).assessment.findings
    assert {one.site: (one.kind.value, one.seriousness.value) for one in found} == levels


def carried_out(data, store):
    """What a server does with a transaction: PUT writes under the id, POST with ifNoneExist makes what is not there."""
    for entry in data["entry"]:
        request, resource = entry["request"], entry["resource"]
        if request["method"] == "PUT":
            store[request["url"]] = resource
            continue
        system, _, value = unquote(request["ifNoneExist"].removeprefix("identifier=")).partition("|")
        there = [one for one in store.values() if {"system": system, "value": value} in one.get("identifier", [])]
        if not there:
            store[f"{request['url']}/{len(store)}"] = resource


@BOTH
def test_a_server_that_gets_it_twice_holds_everything_once(release):
    store = {}
    carried_out(made(release, person=examined()), store)
    once = len(store)
    carried_out(made(release, person=examined()), store)
    assert len(store) == once == len(made(release, person=examined())["entry"])
