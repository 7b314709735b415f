"""The words for patients as data: names of places, phrases of rules, signs and questions."""

import pytest

from calciscope.domain.assessment import Kind, Seriousness
from calciscope.domain.site import REGIONS, paths
from calciscope.interpret.plain.book import book
from calciscope.interpret.plain.check import of_book
from calciscope.interpret.rules import load
from calciscope.interpret.schema import Plain
from tests.interpret.make import PLACE, hospital, rule

BOOK = book()


def test_the_embedded_words_have_no_mistake():
    assert list(of_book(load())) == []


def test_places_have_sides_where_they_are_given():
    assert BOOK.place("kidney.left") == "the left kidney"
    assert BOOK.place("kidney") == "the kidney"
    assert BOOK.place("vein.pelvic.right") == "the veins of the pelvis, right side"
    assert BOOK.place("vein.pelvic") == "the veins of the pelvis"
    assert BOOK.place(f"{PLACE}.left") == f"the left {PLACE}"


def test_each_place_has_its_own_name():
    names = [BOOK.place(path) for path in paths() if path not in REGIONS]
    assert len(names) == len(set(names))
    assert not any("{" in name or "  " in name for name in names)


def test_a_part_takes_what_it_lacks_from_its_whole():
    assert BOOK.group("artery.coronary.lad") == BOOK.group("artery.coronary") == "coronary"
    assert BOOK.about("artery.coronary.lad") == BOOK.about("artery.coronary")
    assert BOOK.group(PLACE) == ""
    assert BOOK.about(PLACE) is None


def test_one_phrase_says_why_and_another_what_next():
    said = BOOK.phrase("ureter.stone.5-10mm")
    assert said is not None
    assert "About half" in said.because
    assert "urologist" in said.next
    pattern = BOOK.phrase("avc.esc.women.unlikely")
    assert pattern is not None
    assert pattern.because
    assert pattern.next
    assert BOOK.phrase("no.rule") is None


def test_the_own_words_of_a_rule_come_first(tmp_path):
    own = {"because": "The ward follows this.", "next": "The ward calls you."}
    knowledge = hospital(tmp_path, [rule("ward.gland", plain=own, then={"advice": "Call the patient in."})])
    assert BOOK.of_rule("ward.gland", knowledge) == Plain(**own)


def test_a_rule_that_a_hospital_replaced_does_not_speak_with_the_words_of_the_old(tmp_path):
    changed = rule("ureter.stone.5-10mm", then={"seriousness": "urgent", "advice": "Remove it today."})
    knowledge = hospital(tmp_path, [changed])
    assert BOOK.of_rule("ureter.stone.5-10mm", load()) is not None
    assert BOOK.of_rule("ureter.stone.5-10mm", knowledge) is None


@pytest.mark.parametrize(
    ("site", "kind", "level", "told"),
    [
        ("ureter", Kind.LITHIASIS, Seriousness.INCIDENTAL, "no urine"),
        ("ureter", Kind.METASTATIC, Seriousness.INCIDENTAL, ""),
        ("artery.coronary.lad", Kind.DYSTROPHIC, Seriousness.MONITOR, "chest pain"),
        ("artery.coronary.lad", Kind.DYSTROPHIC, Seriousness.INCIDENTAL, ""),
        ("artery.coronary", None, Seriousness.NONE, ""),
        ("skin", Kind.CALCIPHYLAXIS, Seriousness.URGENT, "dark or painful"),
        ("skin", Kind.DYSTROPHIC, Seriousness.URGENT, ""),
    ],
)
def test_signs_that_need_help_are_those_of_the_place_and_the_kind(site, kind, level, told):
    found = " ".join(one.signs for one in BOOK.words.help if one.hold(site, BOOK.group(site), kind, level))
    assert told in found
    assert bool(found) == bool(told)


def test_every_sign_that_needs_help_is_that_of_an_alarm():
    """Signs come from rules that alarm or that ask for a symptom, never from nowhere."""
    knowledge = load()
    for signs in BOOK.words.help:
        for name in signs.rules:
            then = knowledge.get(name).rule.then
            levels = {then.at_least, then.seriousness}
            assert levels & {Seriousness.URGENT, Seriousness.SIGNIFICANT}, name


def test_questions_fit_the_place_and_how_serious_it_is():
    stone = next(one for one in BOOK.words.ask if "stone" in one.text)
    assert stone.fits("urine", Kind.LITHIASIS, Seriousness.MONITOR)
    assert not stone.fits("urine", Kind.METASTATIC, Seriousness.MONITOR)
    assert not stone.fits("bile", Kind.LITHIASIS, Seriousness.MONITOR)
