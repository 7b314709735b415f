"""The generated page of presets is what its generator writes now."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from calciscope.measure.presets import presets
from tests.measure.conformance import cells

DOCS = Path(__file__).resolve().parents[1] / "docs"


@pytest.fixture(scope="module")
def generator():
    spec = importlib.util.spec_from_file_location("make_presets", DOCS / "make_presets.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_up_to_date(generator):
    assert (DOCS / "presets.md").read_text(encoding="utf-8") == generator.page(), "run python docs/make_presets.py"


def test_the_page_shows_every_preset_and_every_cell_that_differs(generator):
    page = generator.page()
    for name, one in presets().items():
        section = page[page.index(f"\n### {name}\n") :]
        assert one.title in section
        assert f"Status: {one.status}." in section
    rows = [line for line in page.splitlines() if line.startswith("| C")]
    assert len(rows) == 20 + sum(not cell.agrees for cell in cells())
    assert "314 of 320 cells" in page


def test_a_cell_shows_both_numbers_where_they_differ(generator):
    by_place = {(cell.case, cell.column): cell for cell in cells()}
    assert generator.shown(by_place["C05", "cs230"]) == "52"
    assert generator.shown(by_place["C18", "FQM_lit"]) == "*error* / **refused**"
    assert generator.shown(by_place["C20", "CalciumScoring_jl"]) == "*error* / **18**"
