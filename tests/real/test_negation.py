"""Denials in clinical sentences of the NegEx test set, whatever they are about."""

import csv
import re
from pathlib import Path

import pytest

pytest.importorskip("spacy", reason="the text extra is not installed")

from calciscope.text.reader import reader

_FILE = Path(__file__).parents[3] / "shared" / "text" / "negation_sentences.csv"


def _span(concept: str, sentence: str) -> tuple[int, int]:
    """The characters of a concept, or of the longest part of it that the sentence was left with."""
    words = re.findall(r"\w+", concept)
    for length in range(len(words), 0, -1):
        for start in range(len(words) - length + 1):
            pattern = r"\W+".join(map(re.escape, words[start : start + length]))
            found = re.search(
                r"\W+".join(map(re.escape, [word.upper() for word in words[start : start + length]])), sentence
            ) or re.search(pattern, sentence, re.IGNORECASE)
            if found is not None:
                return found.span()
    raise AssertionError(concept)


@pytest.mark.real
def test_denied_concepts_of_the_negex_set() -> None:
    if not _FILE.is_file():
        pytest.skip(f"{_FILE.name} is not beside the checkout")
    right = wrong = missed = 0
    with _FILE.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            denied = reader().assertions(row["sentence"], [_span(row["concept"], row["sentence"])])[0] == "negated"
            right += denied and row["label"] == "Negated"
            wrong += denied and row["label"] != "Negated"
            missed += not denied and row["label"] == "Negated"
    print(f"right {right}, wrong {wrong}, missed {missed}, F1 {2 * right / (2 * right + wrong + missed):.3f}")
    assert 2 * right / (2 * right + wrong + missed) >= 0.90
