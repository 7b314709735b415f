"""The text for a patient on a terminal and as a page: marks, lists, sources, and nothing that runs or escapes."""

import pytest
from bs4 import BeautifulSoup

from calciscope.domain.assessment import Seriousness
from calciscope.domain.plain import PlainSection, PlainSentence, PlainSource, PlainText, PlainWord
from calciscope.report import plain


@pytest.fixture
def text() -> PlainText:
    return PlainText(
        seriousness=Seriousness.URGENT,
        sections=(
            PlainSection(
                id="short",
                title="In short",
                sentences=(
                    PlainSentence(text="This cannot wait.", topic="now"),
                    PlainSentence(text="A stone was found <b>here</b>.", rules=("r.two",), sources=("two", "one")),
                ),
            ),
            PlainSection(
                id="unknown",
                title="What is not known yet",
                listed=True,
                sentences=(PlainSentence(text="Not known:", topic="intro"), PlainSentence(text="your age.")),
            ),
            PlainSection(
                id="next", title="Next", listed=True, sentences=(PlainSentence(text="See a doctor.", sources=("two",)),)
            ),
        ),
        words_title="Hard words",
        words=(PlainWord(word="CT", means="a scan"),),
        sources_title="Where this comes from",
        sources=(
            PlainSource(id="one", citation="First A. 2001"),
            PlainSource(id="two", citation="Second B. 2002", rules=("r.two", "r.three"), checked=False),
        ),
        unchecked="The mark * means unchecked.",
        disclaimer="It does not diagnose.",
    )


def test_lines_are_paragraphs_and_lists_with_the_numbers_of_sources(text):
    lines = list(plain.lines(text))
    assert lines[:4] == ["In short", "This cannot wait.", "A stone was found <b>here</b>. [1, 2]", ""]
    assert lines[4:8] == ["What is not known yet", "Not known:", "- your age.", ""]
    assert "- See a doctor. [2]" in lines
    assert "- CT: a scan." in lines
    assert "[1] First A. 2001" in lines
    assert "[2]* Second B. 2002 (rules: r.two, r.three)" in lines
    assert lines[-3:] == ["The mark * means unchecked.", "", "It does not diagnose."]


def test_lines_are_no_wider_than_asked(text):
    long = text.model_copy(update={"unchecked": "It was not compared. " * 20})
    assert max(map(len, plain.lines(long, 40))) <= 40
    assert "".join(plain.lines(long, 40)).count("compared") == 20


def test_the_disclaimer_is_one_line_however_narrow(text):
    long = text.model_copy(update={"disclaimer": "It is not a medical device. " * 9})
    assert long.disclaimer in list(plain.lines(long, 40))


def test_without_sources_and_words_nothing_is_announced(text):
    bare = text.model_copy(update={"sources": (), "words": ()})
    assert "Hard words" not in list(plain.lines(bare))
    assert "Where this comes from" not in list(plain.lines(bare))
    assert "Hard words" not in plain.render(bare)
    checked = text.model_copy(update={"sources": text.sources[:1]})
    assert text.unchecked not in "\n".join(plain.lines(checked))
    assert text.unchecked not in plain.render(checked)


def test_the_page_says_what_the_text_says(text, tmp_path):
    page = BeautifulSoup(plain.write(text, tmp_path / "patient.html").read_text(encoding="utf-8"), "html5lib")
    shown = " ".join(page.get_text(" ").split())
    for sentence in text.sentences():
        assert sentence.text in shown
    for part in (text.disclaimer, text.unchecked, "First A. 2001", "r.two, r.three"):
        assert part in shown
    assert page.find("strong").get_text(strip=True) == "This cannot wait."
    targets = {one["id"] for one in page.find_all(id=True)}
    assert {link["href"].removeprefix("#") for link in page.find_all("a")} <= targets
    assert [item.get_text(strip=True) for item in page.select("main ul li")] == ["your age.", "See a doctor.2"]


def test_the_page_runs_and_loads_nothing_and_escapes_what_it_shows(text):
    page = BeautifulSoup(plain.render(text), "html5lib")
    assert page.find("script") is None
    assert not page.find_all(src=True)
    assert page.find("link") is None
    assert "default-src 'none'" in page.find("meta", attrs={"http-equiv": True})["content"]
    assert page.find("b") is None


def test_a_rule_is_shown_with_its_words_for_patients():
    from calciscope.interpret.rules import load
    from calciscope.report.rules import everything

    knowledge = load()
    lines = list(everything(knowledge.get("ureter.stone.5-10mm"), knowledge))
    assert "  patient   About half of the stones of this size pass by themselves." in lines
    assert sum(line.startswith("  patient") for line in lines) == 2
    assert not any(line.startswith("  patient") for line in everything(knowledge.get("kind.prior"), knowledge))
