"""Denials, doubts and affirmations in the wording of reports."""

from pathlib import Path
from typing import Any

import pytest
import yaml

pytest.importorskip("spacy", reason="the text extra is not installed")

from calciscope.text.reader import reader

_DATA: dict[str, list[Any]] = yaml.safe_load((Path(__file__).parent / "sentences.yaml").read_text("utf-8"))
_CASES = [
    (one, label) if isinstance(one, str) else (one["text"], label) for label, many in _DATA.items() for one in many
]
_WORDS = {one["text"]: one["word"] for many in _DATA.values() for one in many if isinstance(one, dict)}


@pytest.mark.parametrize(("text", "label"), _CASES)
def test_what_a_sentence_says_of_its_mention(text: str, label: str) -> None:
    mentions = reader().read(text).mentions
    word = _WORDS.get(text)
    chosen = next(one for one in mentions if word is None or one.text == word)
    assert chosen.assertion == label, chosen.because


def test_there_are_enough_denials_and_doubts() -> None:
    assert len(_DATA["negated"]) + len(_DATA["possible"]) >= 105
    assert sum(map(len, _DATA.values())) >= 145
