import pytest
from pydantic import ValidationError

from calciscope.domain.assessment import Assessment, Measure, Seriousness, schema


def test_seriousness_is_ordered_as_the_words_say():
    assert [level.value for level in sorted(Seriousness, key=lambda level: level.rank)] == [
        "none",
        "incidental",
        "monitor",
        "significant",
        "urgent",
    ]


def test_models_are_frozen_and_refuse_unknown_fields():
    measure = Measure(value=1.0, unit="mm", method="rule")
    with pytest.raises(ValidationError):
        measure.value = 2.0
    with pytest.raises(ValidationError):
        Measure(value=1.0, unit="mm", method="rule", wrong=1)


def test_the_schema_names_the_contract():
    properties = schema()["properties"]
    assert {"answer", "seriousness", "findings", "unknowns", "advice", "acquisition", "refused", "provenance"} <= set(
        properties
    )
    finding = schema()["$defs"]["Finding"]["properties"]
    assert {"site", "rollup", "deposits", "measures", "kind", "seriousness", "confidence", "review", "stated"} <= set(
        finding
    )
    assert set(schema()["$defs"]["Measure"]["properties"]) == {
        "value",
        "unit",
        "interval",
        "category",
        "method",
        "preset",
        "validity",
        "why",
    }
    assert Assessment.model_config["frozen"]
