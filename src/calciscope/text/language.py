"""Whether a text is English, by its frequent small words; what is not is said and not guessed."""

from __future__ import annotations

import re
from functools import lru_cache

from calciscope.text.lexicon import read

_WORD = re.compile(r"[^\W\d_]+")
# So many small words of another language must be there, and more than English ones.
_ENOUGH = 3
# A share of letters outside the Latin script from which a text is not English.
_FOREIGN = 0.3
# What a word of calcium or of an organ weighs beside small words.
_MARK = 3
# From so many words on a text of which not one is known is in another language.
_SEVERAL = 8


@lru_cache(maxsize=1)
def _small_words() -> tuple[frozenset[str], dict[str, dict[str, int]]]:
    """English small words, and what each word of the other languages weighs."""
    data = read("language")
    others = {name: dict.fromkeys(words, 1) for name, words in data["others"].items()}
    for name, words in data["marks"].items():
        others[name] |= dict.fromkeys(words, _MARK)
    return frozenset(data["english"]), others


def foreign(text: str) -> str | None:
    """The name of the language where the text is not English, ``another script``, or ``None``."""
    letters = [sign for sign in text if sign.isalpha()]
    if letters and sum(ord(sign) > 0x24F for sign in letters) > _FOREIGN * len(letters):
        return "another script"
    # Each word once, and no single letters, which stand for anything.
    words = {word.lower() for word in _WORD.findall(text) if len(word) > 1}
    english, others = _small_words()
    own = sum(word in english for word in words)
    weights = {name: sum(table.get(word, 0) for word in words) for name, table in others.items()}
    best = max(weights, key=lambda name: weights[name])
    found = weights[best]
    return best if found >= _ENOUGH and found > own else None


def unknown(text: str) -> bool:
    """Whether a text of several words has not one small word of English; asked where no phrase of it is known."""
    words = [word.lower() for word in _WORD.findall(text)]
    return len(words) >= _SEVERAL and not any(word in _small_words()[0] for word in words)
