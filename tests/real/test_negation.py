"""Denials in clinical sentences of the NegEx test set, whatever they are about."""

import csv
import re
from pathlib import Path

import pytest

pytest.importorskip("spacy", reason="the text extra is not installed")

from calciscope.text.reader import reader

_FILE = Path(__file__).parents[3] / "shared" / "text" / "negation_sentences.csv"


@pytest.mark.real
def test_denied_concepts_of_the_negex_set() -> None:
    if not _FILE.is_file():
        pytest.skip(f"{_FILE.name} is not beside the checkout")
    right = wrong = missed = 0
    with _FILE.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            words = r"\s+".join(map(re.escape, row["concept"].upper().split()))
            found = re.search(words, row["sentence"]) or re.search(words, row["sentence"], re.IGNORECASE)
            assert found is not None
            denied = reader().assertions(row["sentence"], [found.span()])[0] == "negated"
            right += denied and row["label"] == "Negated"
            wrong += denied and row["label"] != "Negated"
            missed += not denied and row["label"] == "Negated"
    assert 2 * right / (2 * right + wrong + missed) >= 0.90
