"""How hard a text is to read: the Flesch-Kincaid grade (Kincaid 1975), with syllables counted by spelling.

Libraries that count syllables by a dictionary fetch it from the network on first use, which an offline product cannot.
"""

from __future__ import annotations

import re

_WORD = re.compile(r"[A-Za-z](?:[A-Za-z'’-]*[A-Za-z])?")
# A full stop within a number, or after an initial, ends nothing.
_END = re.compile(r"[.!?]+(?=\s|$)|\n+")
_VOWELS = re.compile(r"[aeiouy]+")
# Two vowels that are spoken apart.
_APART = re.compile(
    r"ia(?!l|n\b|s)|(?<![ctgxs])iou|io(?!n|u)|iu|ua(?!l?\b)|eo(?!us|p)|uo|[aeo]ing\b|iet|ien|creat|react"
)
# An e that is not spoken: that of "table" is, those of "scale" and "likely" are not.
_SILENT = re.compile(r"(?:[^aeiouy]ely|[^laeiouy]e|[aeiouy]les?|[^aeiouytd]ed|[^aeiouyszxcgl]es|[^aeiouyszx][gc]hes)$")


def syllables(word: str) -> int:
    """The syllables of an English word, by its spelling; at least one."""
    low = re.sub(r"[^a-z]", "", word.lower())
    count = len(_VOWELS.findall(low)) + len(_APART.findall(low)) - bool(_SILENT.search(low))
    return max(1, count)


def grade(text: str) -> float:
    """The US school grade at which a text is read: 0.39 words a sentence + 11.8 syllables a word - 15.59.

    Abbreviations in capitals count as one syllable a letter. A text without words has grade 0.
    """
    sentences = [words for part in _END.split(text) if (words := _WORD.findall(part))]
    words = [word for sentence in sentences for word in sentence]
    if not words:
        return 0.0
    spoken = sum(len(word) if word.isupper() and len(word) > 1 else syllables(word) for word in words)
    return 0.39 * len(words) / len(sentences) + 11.8 * spoken / len(words) - 15.59
