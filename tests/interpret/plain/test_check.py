"""Words for patients that a hospital writes are checked like the embedded ones: one line for each mistake."""

import pytest

from calciscope.interpret.audit import audit
from calciscope.interpret.plain import check
from calciscope.interpret.plain.book import Book, Phrase, book
from calciscope.interpret.rules import load
from calciscope.interpret.schema import Rule
from tests.interpret.make import hospital, rule

MISTAKES = {
    "nothing": ({}, "plain says nothing"),
    "hard": (
        {"because": "Multifactorial dystrophic calcification necessitates interdisciplinary reevaluation."},
        "is read at grade",
    ),
    "long": ({"because": "It is a small stone and it is there. " * 9 + "So."}, "more than 260 characters"),
    "fragment": ({"because": "a small stone"}, "is no whole sentence"),
    "order": ({"next": "Take 2 pills each day."}, "says 'Take 2 pills each day'"),
    "drug": ({"next": "You should start a statin soon."}, "says 'start a statin'"),
    "fear": ({"because": "This can be deadly."}, "says 'deadly'"),
    "diagnosis": ({"because": "So you have cancer."}, "says 'you have cancer'"),
    "abbreviation": ({"because": "The TAVI was done."}, "TAVI, which the glossary does not explain"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_told(name):
    plain, words = MISTAKES[name]
    lines = list(check.of_rule(Rule.model_validate(rule(plain=plain, then={"advice": "Look at it again."}))))
    assert any(words in line for line in lines), lines


def test_good_words_and_none_are_right():
    good = {"because": "The stone is small.", "next": "The CT is done again in a year."}
    assert not list(check.of_rule(Rule.model_validate(rule(plain=good, then={"advice": "Repeat the CT in a year."}))))
    assert not list(check.of_rule(Rule.model_validate(rule())))


def test_a_step_needs_an_advice():
    lines = list(check.of_rule(Rule.model_validate(rule(plain={"next": "The doctor looks again."}))))
    assert lines == ["plain has a next step, but the rule has no advice"]


def test_the_check_of_a_folder_tells_them_with_file_and_rule(tmp_path):
    then = {"seriousness": "monitor"}
    hospital(tmp_path, [rule("ward.gland", then=then, plain={"because": "This can be deadly."})])
    found = [line for line in audit(tmp_path) if "deadly" in line]
    assert found == [
        "ganglion.yaml: rule ward.gland: 'This can be deadly.' says 'deadly', which no patient should be told"
    ]


def test_the_book_must_speak_of_every_step_and_of_rules_that_exist(monkeypatch):
    real = book()
    gone = {"ureter.default", "ureter.pain"}
    kept = tuple(one for one in real.phrases if gone.isdisjoint(one.rules))
    stranger = Phrase(rules=("no.rule",), because="The stone is small.")
    twice = Phrase(rules=("ureter.check",), next="The doctor looks again.")
    exact = {name: list(found) for name, found in real._exact.items() if name not in gone}
    changed = Book(real.words, real.places, real.kinds, (*kept, stranger, twice), exact, real._patterns)
    known = set(check.of_book(load()))
    monkeypatch.setattr(check, "book", lambda: changed)
    found = [line for line in check.of_book(load()) if line not in known]
    assert set(found) == {
        "plain: no.rule is no rule",
        "plain: ureter.check has next twice",
        "plain: rule ureter.default advises and has no next step for patients; add one to knowledge/plain/rules",
        "plain: rule ureter.pain advises and has no next step for patients; add one to knowledge/plain/rules",
        "plain: rule ureter.pain is serious and tells patients no because; add one to knowledge/plain/rules",
    }
