"""ConText by itself: scope, endings, silenced phrases, precedence."""

import pytest

pytest.importorskip("spacy", reason="the text extra is not installed")

from calciscope.text.lexicon import lexicon
from calciscope.text.reader import reader


def said(text, phrase):
    start = text.index(phrase)
    return reader().assertions(text, [(start, start + len(phrase))])[0]


@pytest.mark.parametrize(
    ("text", "assertion"),
    [
        ("No fever, chills or PNEUMONIA.", "negated"),
        ("No fever but PNEUMONIA.", "affirmed"),
        ("PNEUMONIA was ruled out.", "negated"),
        ("PNEUMONIA cannot be ruled out.", "possible"),
        ("Possible PNEUMONIA.", "possible"),
        ("No change in PNEUMONIA.", "affirmed"),
        ("His father had PNEUMONIA.", "other"),
        ("History of PNEUMONIA.", "historical"),
        ("No history of PNEUMONIA.", "negated"),
        ("PNEUMONIA. No fever.", "affirmed"),
        ("PNEUMONIA (no fever).", "affirmed"),
        ("After PNEUMONIA extraction.", "historical"),
        ("CT for PNEUMONIA evaluation.", "possible"),
        ("Given the lack of flow, it appears to be PNEUMONIA.", "possible"),
        ("Before PNEUMONIA extraction.", "affirmed"),
        ("Scheduled for PNEUMONIA removal.", "affirmed"),
    ],
)
def test_what_a_sentence_says_of_any_phrase(text, assertion):
    assert said(text, "PNEUMONIA") == assertion


def test_a_word_within_the_phrase_says_nothing_of_it():
    assert said("No acute distress.", "acute distress") == "negated"


def test_a_scope_ends():
    far = "Likely " + "very " * 12 + "PNEUMONIA."
    assert said(far, "PNEUMONIA") == "affirmed"


def test_every_deciding_word_has_a_direction():
    for phrase, term in lexicon().phrases:
        if term.layer == "context":
            assert term.key in (
                "negated", "possible", "historical", "other", "removed", "planned", "end", "pseudo",
            ), phrase  # fmt: skip
            assert (term.value in ("forward", "backward", "both")) == (term.key not in ("end", "pseudo")), phrase


def test_what_the_words_rest_on_is_among_the_sources():
    from calciscope.interpret import rules
    from calciscope.text import lexicon

    assert set(lexicon.read("context")["sources"]) <= set(rules.load().sources)
