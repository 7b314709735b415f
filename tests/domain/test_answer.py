"""The answer as JSON: it comes back as it went out, and refuses what is no answer."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from calciscope.domain.assessment import (
    DISCLAIMER,
    SCHEMA_VERSION,
    Assessment,
    Finding,
    Judgement,
    Kind,
    Measure,
    Provenance,
    Reason,
    Seriousness,
    Validity,
    schema,
)
from tests.report.make import record

PROVENANCE = Provenance(calciscope="0", created="2024-01-01", anatomy="embedded", preset="p", guidelines="esc")


def answer(**more):
    return Assessment(answer="x", seriousness=Seriousness.NONE, provenance=PROVENANCE, **more)


def finding(**more):
    judged = Judgement(value="dystrophic", reasons=(Reason(rule="r", statement="s", source="doc"),))
    return Finding(site="kidney.left", label="left kidney", kind=judged, seriousness=Judgement(value="monitor"), **more)


def test_an_answer_survives_json():
    full = answer(findings=(finding(deposits=(record(),)),))
    assert Assessment.model_validate_json(full.model_dump_json()) == full


@given(
    st.one_of(st.none(), st.floats(allow_nan=False, allow_infinity=False)),
    st.sampled_from(list(Validity)),
    st.one_of(st.none(), st.tuples(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6))),
)
def test_any_measure_survives_json(value, validity, interval):
    measure = Measure(value=value, unit="mm", method="m", validity=validity, interval=interval)
    again = Measure.model_validate_json(measure.model_dump_json())
    assert again == measure
    assert json.loads(measure.model_dump_json())["validity"] in {"valid", "adjusted", "refused"}


@given(st.text())
def test_text_is_kept_letter_by_letter(text):
    again = Assessment.model_validate_json(answer(findings=()).model_copy(update={"answer": text}).model_dump_json())
    assert again.answer == text


def test_the_disclaimer_and_version_are_always_there():
    dumped = json.loads(answer().model_dump_json())
    assert dumped["disclaimer"] == DISCLAIMER
    assert dumped["schema_version"] == SCHEMA_VERSION == "1.3"
    assert "clinician decides" in DISCLAIMER


@pytest.mark.parametrize("wrong", ["severe", "", "Urgent", "5"])
def test_only_the_five_words_of_seriousness(wrong):
    with pytest.raises(ValidationError):
        Assessment(answer="x", seriousness=wrong, provenance=PROVENANCE)


def test_kinds_are_those_of_pathology():
    assert {"dystrophic", "metastatic", "lithiasis", "physiological", "indeterminate"} <= {k.value for k in Kind}
    assert len({k.value for k in Kind}) == len(Kind)


def test_ranks_are_distinct_and_ascend_from_zero():
    assert [level.rank for level in Seriousness] == list(range(len(Seriousness)))
    assert max(Seriousness, key=lambda level: level.rank) is Seriousness.URGENT


@pytest.mark.parametrize("missing", ["answer", "seriousness", "provenance"])
def test_an_answer_needs_its_parts(missing):
    parts = {"answer": "x", "seriousness": "none", "provenance": PROVENANCE.model_dump()}
    del parts[missing]
    with pytest.raises(ValidationError, match=missing):
        Assessment.model_validate(parts)


def test_deep_parts_refuse_unknown_fields_too():
    raw = json.loads(answer(findings=(finding(deposits=(record(),)),)).model_dump_json())
    raw["findings"][0]["deposits"][0]["patient_name"] = "x"
    with pytest.raises(ValidationError, match="patient_name"):
        Assessment.model_validate(raw)


def test_findings_do_not_share_their_measures():
    one, other = finding(), finding()
    assert one.measures == other.measures == {}
    assert one.measures is not other.measures


def test_the_published_schema_forbids_extra_fields_and_is_plain_json():
    published = schema()
    assert json.loads(json.dumps(published)) == published
    assert published["additionalProperties"] is False
    for name in ("Finding", "Measure", "DepositRecord", "Provenance", "SeriesUse"):
        assert published["$defs"][name]["additionalProperties"] is False
    assert {"answer", "seriousness", "provenance"} <= set(published["required"])


def test_a_deposit_needs_three_coordinates():
    with pytest.raises(ValidationError):
        record(center_mm=(1.0, 2.0))
