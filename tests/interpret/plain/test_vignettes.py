"""The text of every textbook patient: easy to read, the same facts, every sentence traceable."""

from statistics import median

import pytest

from calciscope.domain.site import paths
from calciscope.interpret.plain import for_patient
from calciscope.interpret.plain.reading import grade
from calciscope.interpret.rules import load
from calciscope.pipeline import Options, assess
from calciscope.read.patient import read_patient
from tests.interpret.plain.laws import BOOK, assessed, broken, said
from tests.interpret.test_vignettes import VIGNETTES


@pytest.fixture(scope="module")
def texts(tmp_path_factory):
    """The assessment and the text of each vignette, by its id."""
    import yaml

    path = tmp_path_factory.mktemp("plain") / "patient.yaml"
    found = {}
    for vignette in VIGNETTES:
        path.write_text(yaml.safe_dump(vignette["patient"]), encoding="utf-8")
        options = Options(guidelines=vignette.get("guidelines", "esc"))
        assessment = assess([], read_patient(path).patient, options).assessment
        found[vignette["id"]] = (assessment, for_patient(assessment, load()))
    return found


@pytest.mark.parametrize("name", [vignette["id"] for vignette in VIGNETTES])
def test_the_same_facts_in_easy_words_with_their_source(texts, name):
    assert broken(*texts[name]) == []


def test_half_of_the_texts_are_read_at_grade_eight(texts):
    assert median(grade(text.prose()) for _, text in texts.values()) <= 8.0


def test_each_text_says_more_than_the_usual(texts):
    """Almost every rule that decides in a vignette has words of its own, and no step is only that of its grade."""
    usual = {words.next for words in BOOK.words.grades.values()}
    steps = [
        one.text for _, text in texts.values() for part in text.sections if part.id == "next" for one in part.sentences
    ]
    assert len([step for step in steps if step in usual]) < 0.1 * len(steps)


@pytest.mark.parametrize("site", paths())
def test_every_place_alone(site):
    assessment = assessed((site, {}))
    text = for_patient(assessment, load())
    assert broken(assessment, text) == []
    assert BOOK.place(site) in said(text, "short")
