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


@lru_cache(maxsize=1)
def _small_words() -> tuple[frozenset[str], dict[str, frozenset[str]]]:
    data = read("language")
    return frozenset(data["english"]), {name: frozenset(words) for name, words in data["others"].items()}


def foreign(text: str) -> str | None:
    """The name of the language where the text is not English, ``another script``, or ``None``."""
    letters = [sign for sign in text if sign.isalpha()]
    if letters and sum(ord(sign) > 0x24F for sign in letters) > _FOREIGN * len(letters):
        return "another script"
    words = [word.lower() for word in _WORD.findall(text)]
    english, others = _small_words()
    own = sum(word in english for word in words)
    best = max(others, key=lambda name: sum(word in others[name] for word in words))
    found = sum(word in others[best] for word in words)
    return best if found >= _ENOUGH and found > own else None
