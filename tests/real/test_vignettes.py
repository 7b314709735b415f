"""The vignettes beside the checkout: a patient file in, the expected kind and seriousness out."""

from __future__ import annotations

from pathlib import Path
from statistics import median
from typing import Any

import pytest
import yaml

from calciscope import pipeline
from calciscope.interpret import interpret, load
from calciscope.interpret.plain import for_patient
from calciscope.interpret.plain.reading import grade
from calciscope.read.patient import read_patient
from tests.interpret.plain.laws import broken

FILE = Path(__file__).resolve().parents[3] / "shared" / "vignettes" / "vignettes.yaml"
VIGNETTES: list[dict[str, Any]] = yaml.safe_load(FILE.read_text("utf-8")) if FILE.is_file() else []

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not VIGNETTES, reason="the vignettes (../shared/vignettes) are not here"),
]


@pytest.mark.parametrize("vignette", VIGNETTES, ids=[one["id"] for one in VIGNETTES])
def test_vignette(vignette, tmp_path):
    path = tmp_path / "patient.yaml"
    path.write_text(yaml.safe_dump(vignette["patient"]), "utf-8")
    read = read_patient(path)
    assert read.refused == ()
    result = interpret((), read.patient, load())
    expect = vignette["expect"]
    for site, wanted in expect.get("sites", {}).items():
        finding = next(one for one in result.findings if one.site == site)
        if "kind" in wanted:
            assert finding.kind.value in wanted["kind"], site
        if "seriousness" in wanted:
            assert finding.seriousness.value in wanted["seriousness"], site
    if "overall" in expect:
        assert result.seriousness in expect["overall"]
    assert set(expect.get("unknowns", ())) <= {one.input for one in result.unknowns}


def test_the_texts_for_patients_are_easy_and_hold_the_same_facts(tmp_path):
    path, grades = tmp_path / "patient.yaml", []
    for vignette in VIGNETTES:
        path.write_text(yaml.safe_dump(vignette["patient"]), "utf-8")
        assessment = pipeline.assess([], read_patient(path).patient).assessment
        text = for_patient(assessment, load())
        assert broken(assessment, text) == [], vignette["id"]
        grades.append(grade(text.prose()))
    assert median(grades) <= 8.0
