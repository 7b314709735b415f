"""The vignettes beside the checkout: a patient file in, the expected kind and seriousness out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from calciscope.interpret import interpret, load
from calciscope.read.patient import read_patient

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
