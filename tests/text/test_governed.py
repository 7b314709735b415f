"""Places that another phrase governs."""

import pytest

pytest.importorskip("spacy", reason="the text extra is not installed")

from calciscope.text import governed
from calciscope.text.lexicon import lexicon
from calciscope.text.reader import reader


def _parsed(text):
    parsed = reader().tokenizer.parse(text)
    return parsed, parsed.sentences[0]


def _free(text):
    parsed, sentence = _parsed(text)
    return [hit.term.key for hit in governed.free(parsed, sentence, lexicon(), "place")]


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("The lower pole of the left kidney.", ["kidney", "kidney"]),
        ("The lower pole of the left thyroid lobe.", ["thyroid", "thyroid"]),
        ("The pancreatic hilum.", ["pancreas", "pancreas"]),
        ("Pulmonary arteries.", ["artery"]),
        ("Hepatic skin metastasis.", ["skin"]),
        ("The lower pole and the spleen.", ["kidney", "spleen"]),
    ],
)
def test_a_part_stands_for_its_organ_and_an_adjective_for_nothing(text, places):
    assert _free(text) == places


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("Calcified mass from metastatic carcinoma of the uterus.", True),
        ("Calcified mass of the uterus.", False),
        ("History of uterus stones.", False),
    ],
)
def test_an_origin_is_not_where_the_calcium_is(text, is_one):
    parsed, sentence = _parsed(text)
    places = governed.free(parsed, sentence, lexicon(), "place")
    target = sentence.of("target")[0]
    uterus = next(hit for hit in places if hit.term.key == "uterus")
    assert governed.is_origin(parsed, sentence, target, uterus, places) is is_one


@pytest.mark.parametrize(
    ("text", "is_one"),
    [("Radiograph of the left ankle.", True), ("Ankle radiograph.", True), ("Stone at the ankle.", False)],
)
def test_what_was_looked_at(text, is_one):
    parsed, sentence = _parsed(text)
    assert governed.is_examined(parsed, sentence, sentence.of("place")[0]) is is_one


@pytest.mark.parametrize(
    ("text", "tied"), [("Lipoma of the thigh.", True), ("Thigh lipoma.", True), ("Lipoma, and the thigh.", False)]
)
def test_directly(text, tied):
    parsed, sentence = _parsed(text)
    thing, place = sentence.of("lesion")[0], sentence.of("place")[0]
    assert governed.directly(parsed, thing, place, lexicon()) is tied
