"""The page of measures: its tables are what the knowledge says, and every number that can come out has its section."""

from __future__ import annotations

import importlib.util
import re
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pytest

import calciscope
from calciscope.domain.anatomy import Tube
from calciscope.domain.assessment import Measure, Validity
from calciscope.measure import measure, numbers, preset
from calciscope.measure.gate import NUMBERS, Gate, acquisition_rules
from calciscope.measure.presets import presets
from tests.measure.make import anatomy, block, deposit, geometry, painted, placed

DOCS = Path(__file__).resolve().parents[1] / "docs"
PAGE = (DOCS / "measures.md").read_text(encoding="utf-8")
LINE = re.compile(r"^Unit: `(.+)`\. Conditions: (`(\w+)`|none)\. Interval: (95 %|none)\.$", re.MULTILINE)
# Only in the numbers of a mask, and where the image shows a phantom or noise.
OF_MASKS = {"spatially_weighted"}
LM, LAD, AORTA = "artery.coronary.lm", "artery.coronary.lad", "artery.aorta.abdominal"


@pytest.fixture(scope="module")
def generator():
    spec = importlib.util.spec_from_file_location("make_measures", DOCS / "make_measures.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def sections() -> dict[str, str]:
    """Every section of the third level by its heading."""
    parts = re.split(r"^#{2,3} ", PAGE, flags=re.MULTILINE)
    return {part.partition("\n")[0]: part for part in parts if LINE.search(part)}


def assessed() -> list[tuple[str, Measure]]:
    """Every measure of coronary arteries and of an aorta whose course is known."""
    grid = geometry()
    places = {LM: 5, LAD: 15, AORTA: 25}
    pieces = [
        placed(deposit(block(z, 40, 40, 6, 6, 400, slices=2), grid, name), name, 0.9) for name, z in places.items()
    ]
    middle = grid.to_mm(np.array([25.0, 46.0, 46.0]))
    along = np.linspace(30.0, -30.0, 21)[:, None] * np.array([0.0, 0.0, 1.0])
    tube = Tube("aorta", middle + along, np.full(21, 3.0), 0.9)
    body = replace(anatomy(grid), tubes=MappingProxyType({"aorta": tube}))
    scan = painted(*(one.deposit for one in pieces))
    grain = np.random.default_rng(3).normal(0, 12, grid.shape)
    found = measure(pieces, replace(scan, hu=(scan.hu + grain).astype(np.float32)), body, preset())
    return [pair for site in found for pair in site.measures.items()]


def scored() -> list[tuple[str, Measure]]:
    """Every measure of two labels of a mask and of both together."""
    hu = np.full((12, 60, 60), 40, dtype=np.int16) + np.random.default_rng(4).integers(-9, 10, (12, 60, 60))
    mask = np.zeros(hu.shape, dtype=np.uint8)
    for label, place in ((1, 15), (2, 40)):
        hu[5:7, place : place + 5, place : place + 5] = 300
        mask[4:8, place - 2 : place + 7, place - 2 : place + 7] = label
    found = calciscope.score(hu, mask, (3.0, 0.5, 0.5), measures="all", intervals=True, kvp=120, contrast="none")
    return [pair for measures in (*found.labels.values(), found.total) for pair in measures.items()]


@pytest.fixture(scope="module")
def emitted():
    return assessed() + scored()


def test_the_tables_are_up_to_date(generator):
    assert generator.page(PAGE) == PAGE, "run python docs/make_measures.py"


def test_a_change_of_the_knowledge_shows(generator):
    changed = PAGE.replace("| 100 kV | 147 HU |", "| 100 kV | 148 HU |").replace("| > 90 HU |", "| > 91 HU |")
    assert changed != PAGE
    assert generator.page(changed) == PAGE


def test_every_measure_that_comes_out_has_a_section_and_every_section_a_measure(emitted):
    names = {name for name, _ in emitted}
    assert names - OF_MASKS == sections().keys() - OF_MASKS
    for name in OF_MASKS:
        assert "not part of an assessment" in sections()[name]
        assert name not in {one for one, _ in assessed()}


def test_units_are_those_of_the_page(emitted):
    for name, one in emitted:
        assert LINE.search(sections()[name])[1] == one.unit, name


def test_intervals_are_where_the_page_has_them(emitted):
    told = {name: LINE.search(text)[4] == "95 %" for name, text in sections().items()}
    shown = dict.fromkeys(told, False)
    for name, one in emitted:
        shown[name] |= one.interval is not None
        if told[name] and one.value is not None:
            assert one.interval[0] <= one.value <= one.interval[1], name
    assert shown == told


@pytest.mark.parametrize("group", NUMBERS)
def test_each_measure_has_the_conditions_that_the_page_names(group, monkeypatch):
    allowed = dict.fromkeys(NUMBERS, Gate())
    monkeypatch.setattr(numbers, "gates_of", lambda *_: {**allowed, group: Gate(Validity.REFUSED, "for the test")})
    refused = {name for name, one in assessed() if one.why and "for the test" in one.why}
    named = {name for name, text in sections().items() if LINE.search(text)[3] == group}
    assert refused == named - OF_MASKS


def test_every_rule_and_every_voltage_of_the_default_is_shown():
    for rule in acquisition_rules().rules:
        assert PAGE.count(f"| `{rule.id}` |") == 1
    for voltage in presets()["standard"].voltages:
        assert f"| {voltage.kvp:g} kV | {voltage.bins[0]:g} HU |" in PAGE


def test_limits_in_the_text_are_those_of_the_rules():
    rules = {rule.id: rule.when for rule in acquisition_rules().rules}
    text = " ".join(PAGE.split())
    thin, thick = rules["thickness.thin"]["thickness"].below, rules["thickness.thick"]["thickness"]
    low, high = acquisition_rules().mass_factor_plausible
    for said in (
        f"- Thinner than {thin:g} mm",
        f"- Thicker than {thick.above:g} mm",
        f"above {thick.upto:g} mm the Agatston score is refused",
        f"slices of {thin:g} to {thick.above:g} mm",
        f"slices above {thick.upto:g} mm, pixels above {rules['pixel.very-coarse']['pixel'].above:g} mm",
        f"blood above {rules['contrast.blood-pool']['blood_pool_hu'].above:g} HU is contrast",
        f"outside {low:g} to {high:g} mg/cm3/HU",
        f"slices thinner than {presets()['standard-3mm'].thin_mm:g} mm",
    ):
        assert said in text, said


def test_every_source_that_is_cited_is_listed_and_links_lead_somewhere(generator):
    cited = set(generator.CITED.findall(PAGE))
    assert cited == set(re.findall(r"^- `([a-z0-9-]+)`: ", PAGE[PAGE.index("## Literature") :], re.MULTILINE))
    assert {rule.source for rule in acquisition_rules().rules} <= cited
    headings = re.findall(r"^#+ (.+)$", PAGE, re.MULTILINE)
    anchors = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
    assert set(re.findall(r"\]\(#([^)]+)\)", PAGE)) <= anchors
    for file in re.findall(r"\]\(([a-z-]+\.md)\)", PAGE):
        assert (DOCS / file).is_file()


def test_docstrings_cite_sections_that_exist():
    source = Path(calciscope.__file__).parent
    anchors = {re.sub(r"[^\w -]", "", one.lower()).replace(" ", "-") for one in re.findall(r"^#+ (.+)$", PAGE, re.M)}
    cited: dict[str, set[str]] = {}
    for path in (source / "measure").rglob("*.py"):
        found = re.findall(r"docs/measures\.md#([\w-]+)", path.read_text(encoding="utf-8"))
        cited.setdefault(path.stem, set()).update(found)
    assert set().union(*cited.values()) <= anchors
    public = ("agatston", "integrated", "weighted", "interval", "detect", "noise", "calibration", "numbers", "artery")
    for module in (*public, "shape", "voltage", "gate", "mass", "slabs", "zero"):
        assert cited[module], f"measure/{module}.py does not cite docs/measures.md"
