"""Textbook patients through the rules, and laws that hold for all of them."""

import re
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from calciscope.domain.assessment import Seriousness
from calciscope.domain.patient import Patient, StatedFinding
from calciscope.domain.site import paths
from calciscope.interpret.interpretation import Interpretation, interpret
from calciscope.interpret.rules import load
from calciscope.read.patient import read_patient

KNOWLEDGE = load()
VIGNETTES = [
    vignette
    for path in sorted(Path(__file__).parent.glob("vignettes*.yaml"))
    for vignette in yaml.safe_load(path.read_text(encoding="utf-8"))
]


def judged(vignette: dict, tmp_path: Path) -> Interpretation:
    path = tmp_path / "patient.yaml"
    path.write_text(yaml.safe_dump(vignette["patient"]), encoding="utf-8")
    file = read_patient(path)
    refused = [f"{one.input} {one.why}" for one in file.refused]
    expected = vignette["expect"].get("refused", [])
    assert len(refused) == len(expected), refused
    assert all(any(word in line for line in refused) for word in expected), refused
    return interpret((), file.patient, KNOWLEDGE, guidelines=vignette.get("guidelines", "esc"))


def all_said(result: Interpretation) -> str:
    """Every sentence of a result, one a line."""
    lines = [result.answer, *(advice.text for advice in result.advice), *(one.would_change for one in result.unknowns)]
    for finding in result.findings:
        for judgement in (finding.kind, finding.seriousness):
            lines += [reason.statement for reason in judgement.reasons]
            lines += [other.why for other in judgement.alternatives]
        lines += [advice.text for advice in finding.advice]
        lines += [measure.category or "" for measure in finding.measures.values()]
    return "\n".join(lines)


def stated(site: str, patient: dict | None = None, **values: float | str) -> Interpretation:
    return interpret((), Patient(findings=(StatedFinding(site, values),), **(patient or {})), KNOWLEDGE)


def test_ids_are_unique_and_references_exist():
    ids = [vignette["id"] for vignette in VIGNETTES]
    assert len(ids) == len(set(ids)) >= 100
    assert {vignette["reference"] for vignette in VIGNETTES} <= set(KNOWLEDGE.sources)


@pytest.mark.parametrize("vignette", VIGNETTES, ids=[vignette["id"] for vignette in VIGNETTES])
def test_vignette(vignette, tmp_path):
    result, expect = judged(vignette, tmp_path), vignette["expect"]
    found = {finding.site: finding for finding in result.findings}
    for site, wanted in expect.get("sites", {}).items():
        finding = found[site]
        if "kind" in wanted:
            assert finding.kind.value in wanted["kind"]
        assert finding.kind.value not in wanted.get("not_kind", [])
        if "seriousness" in wanted:
            assert finding.seriousness.value in wanted["seriousness"]
        classes = "; ".join(measure.category or "" for measure in finding.measures.values())
        for category in wanted.get("category", []):
            assert category in classes
        reasons = " ".join(reason.statement for reason in finding.seriousness.reasons)
        for words in wanted.get("says", []):
            assert words in reasons
        said = " ".join(advice.text for advice in finding.advice)
        for words in wanted.get("advice", []):
            assert words in said
    if "overall" in expect:
        assert result.seriousness in expect["overall"]
    assert set(expect.get("unknowns", [])) <= {unknown.input for unknown in result.unknowns}
    for finding in result.findings:
        if finding.seriousness.value in ("significant", "urgent"):
            assert finding.advice or any(advice.site is None for advice in result.advice), finding.site
    said = all_said(result)
    for pattern in expect.get("any", []):
        assert re.search(pattern, said, re.IGNORECASE), pattern
    for pattern in expect.get("never", []):
        assert not re.search(pattern, said, re.IGNORECASE), pattern


@pytest.mark.parametrize("site", paths())
def test_every_site_has_a_kind_and_a_seriousness_of_its_own(site):
    """Nothing but the place is known: the chapter of the place speaks, not only the rules for any place."""
    (finding,) = stated(site).findings
    assert finding.kind.value is not None
    assert any(not reason.rule.startswith(("kind.", "general.")) for reason in finding.kind.reasons)
    assert any(not reason.rule.startswith("general.") for reason in finding.seriousness.reasons)


@settings(max_examples=60, deadline=None)
@given(score=st.floats(0.01, 20_000), more=st.floats(0, 2_000))
@pytest.mark.parametrize("sex", ["female", "male"])
@pytest.mark.parametrize("site", ["artery.coronary", "heart.aortic_valve"])
def test_more_calcium_is_never_less_serious(site, sex, score, more):
    patient = {"sex": sex, "age": 66.0}
    less, worse = stated(site, patient, agatston=score), stated(site, patient, agatston=score + more)
    assert worse.seriousness.rank >= less.seriousness.rank
    assert Seriousness.MONITOR.rank <= less.seriousness.rank < Seriousness.URGENT.rank


@settings(max_examples=80, deadline=None)
@given(score=st.floats(0, 20_000))
def test_every_coronary_score_has_one_class(score):
    (finding,) = stated("artery.coronary", agatston=score).findings
    category = finding.measures["agatston"].category or ""
    assert sum(f"CAC-DRS 2018 A{number}" in category for number in range(4)) == 1


@settings(max_examples=80, deadline=None)
@given(diameter=st.floats(0.5, 60))
def test_every_ureteral_stone_has_one_rate_of_each_table(diameter):
    (finding,) = stated("ureter.left", diameter=diameter).findings
    rules = [reason.rule for reason in finding.seriousness.reasons]
    assert sum(rule.startswith("ureter.passage.coll.") for rule in rules) == 1
    assert sum(rule.startswith("ureter.passage.jendeberg.") for rule in rules) == 1
    assert sum(rule.startswith("ureter.stone.") for rule in rules) == 1


@settings(max_examples=60, deadline=None)
@given(age=st.floats(18, 95), agatston=st.floats(0.5, 99.5))
@pytest.mark.parametrize("sex", ["female", "male"])
def test_percentile_only_ever_raises(sex, age, agatston):
    """A score below 100 is to be monitored, or significant where it is high for age and sex."""
    known = stated("artery.coronary", {"sex": sex, "age": age}, agatston=agatston).seriousness
    assert known in (Seriousness.MONITOR, Seriousness.SIGNIFICANT)
    assert stated("artery.coronary", agatston=agatston).seriousness is Seriousness.MONITOR


def test_no_advice_orders_a_drug():
    orders = ("prescribe ", "start aspirin", "start statin", "give ", " mg daily", " mg/day")
    for rule in KNOWLEDGE.rules:
        said = (rule.rule.then.advice or "").lower()
        assert not any(order in said for order in orders), rule.rule.id
