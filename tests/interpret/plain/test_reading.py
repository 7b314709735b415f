"""How hard a text is: syllables by spelling, the grade by Kincaid's formula."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calciscope.interpret.plain.reading import grade, syllables

# As a pronouncing dictionary has them.
COUNTED = {
    1: "heart stone blood scale bile rule whole found asked changed breathed watched real",
    2: "harmless table doctor kidney treated people vessels causes needed likely pages quiet",
    3: "calcium artery however mineral specialist serious various sclerosis",
    4: "coronary emergency operation",
    5: "examination abnormality",
}


@pytest.mark.parametrize(("count", "word"), [(n, word) for n, words in COUNTED.items() for word in words.split()])
def test_syllables_are_counted_by_spelling(count, word):
    assert syllables(word) == count
    assert syllables(word.upper()) == count


def test_the_grade_is_the_published_formula():
    # 6 words, 1 sentence, 6 syllables.
    assert grade("The cat sat on the mat.") == pytest.approx(0.39 * 6 + 11.8 * 1 - 15.59)
    # 8 words in 2 sentences, with 2 + 1 + 1 + 2 and 1 + 1 + 4 + 3 syllables.
    assert grade("Kidney stones are harmless. They need examination artery.") == pytest.approx(
        0.39 * 4 + 11.8 * (2 + 1 + 1 + 2 + 1 + 1 + 5 + 3) / 8 - 15.59
    )


def test_a_number_and_a_line_end_as_they_should():
    assert grade("It is 2.5 mm wide today.") == grade("It is 25 mm wide today.")
    assert grade("One line\nTwo lines") == grade("One line. Two lines.")


def test_longer_sentences_and_words_and_spelled_letters_are_harder():
    assert grade("The stone is small and it will pass by itself.") > grade(
        "The stone is small. It will pass by itself."
    )
    assert grade("Nephrolithiasis necessitates observation.") > 15 > grade("The stone is watched.")
    assert grade("Your PTH is high now.") > grade("Your gland is high now.")


def test_nothing_has_no_grade():
    assert grade("") == grade("12 %, 4.") == 0.0


@given(st.text())
def test_any_text_has_a_grade(text):
    assert isinstance(grade(text), float)
    assert syllables(text) >= 1
