"""Two dates in the words of a patient: what changed, by how much, what that counts for, and where it comes from."""

from datetime import date

import pytest

from calciscope.compare import Comparison, compare
from calciscope.compare.model import Difference, State
from calciscope.compare.plain import for_patient
from calciscope.domain.patient import Patient, StatedFinding
from calciscope.domain.plain import PlainText
from calciscope.interpret.plain.book import book
from calciscope.interpret.plain.reading import grade
from calciscope.interpret.rules import load

SAY, CHANGES = book().words.sentences, book().words.changes
DAYS = (date(2021, 3, 2), date(2024, 3, 2))


def dated(site: str, key: str, values: tuple[float, float]) -> tuple[StatedFinding, ...]:
    return tuple(StatedFinding(site, {key: value}, on=day) for value, day in zip(values, DAYS, strict=True))


@pytest.fixture(scope="module")
def found() -> Comparison:
    findings = (
        *dated("artery.coronary", "agatston", (100.0, 210.0)),
        *dated("kidney.left", "diameter", (5.0, 5.0)),
    )
    return compare(None, None, Patient(age=62.0, sex="female", findings=findings))


def said(text: PlainText, section: str | None = None, site: str | None = None) -> str:
    parts = (one for one in text.sections if section in (None, one.id) and site in (None, one.site))
    return " ".join(one.text for part in parts for one in part.sentences)


def test_what_changed_and_by_how_much(found):
    text = for_patient(found, load())
    assert "3.0 years apart" in said(text, "short")
    assert SAY["some_changed"].format(places="the arteries of the heart") in said(text, "short")
    heart, kidney = (said(text, "changed", site) for site in ("artery.coronary", "kidney.left"))
    assert CHANGES["grown"].says in heart
    assert "The calcium score went from 100 to 210." in heart
    assert "That is 37 more each year." in heart
    assert CHANGES["stable"].says in kidney
    assert "The size is still 5 mm." in kidney


def test_definitions_that_agree_speak_once_with_all_their_sources(found):
    text = for_patient(found, load())
    heart = said(text, "changed", "artery.coronary")
    assert heart.count(SAY["grows"]) == 1
    assert SAY["grows_not"] not in heart
    (growth,) = (one for one in text.sentences() if one.text == SAY["grows"])
    assert {"berry-2009", "raggi-2004"} <= set(growth.sources)
    assert "risk factors" in said(text, "next")
    assert {source for one in text.sentences() for source in one.sources} == {one.id for one in text.sources}


def test_it_is_as_easy_to_read_as_an_assessment(found):
    text = for_patient(found, load())
    assert grade(text.prose()) <= 8.0
    assert "not diagnose" in text.disclaimer
    assert text.seriousness is None


def test_what_cannot_be_compared_is_said(found):
    (heart,) = (one for one in found.sites if one.site == "artery.coronary")
    score = heart.measures["agatston"].model_copy(update={"change": None, "per_year": None})
    unclear = heart.model_copy(update={"state": State.UNCLEAR, "measures": {"agatston": score}, "progression": ()})
    differs = Difference(
        id="contrast",
        measures=("agatston",),
        validity="refused",
        why="with and without",
        errs="either way",
        source="agatston-1990",
        status="current",
    )
    changed = found.model_copy(
        update={"sites": (unclear,), "differences": (differs,), "years": None, "refused": ("note.dcm: no",)}
    )
    text = for_patient(changed, load())
    assert SAY["compared_undated"] in said(text, "short")
    assert SAY["some_unclear"].format(places="the arteries of the heart") in said(text, "short")
    assert SAY["not_comparable"] in said(text, "changed")
    assert SAY["differ"] in said(text, "limits")
    assert SAY["refused_inputs"] in said(text, "limits")
    assert SAY["grows"] not in said(text)


def test_single_spots_are_counted_and_nothing_new_is_said_to_be_so(found):
    (kidney,) = (one for one in found.sites if one.site == "kidney.left")
    counted = kidney.model_copy(update={"counts": {"stable": 2, "new": 0, "gone": 1}})
    text = for_patient(found.model_copy(update={"sites": (counted,)}), load())
    assert SAY["all_stable"] in said(text, "short")
    assert "Single spots: 2 the same, 1 gone." in said(text, "changed")


def test_every_state_has_words():
    assert set(CHANGES) == set(State)
