"""Free words of clinicians to the concepts that rules name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from calciscope.domain.site import within
from calciscope.interpret.schema import Vocabulary

_TOKEN = re.compile(r"[^\W_]+|[,;.?]")
# Stands in the place of a concept for phrases that mean none.
_NONE = ""
Phrase = tuple[str, ...]


def tokens(text: str) -> Phrase:
    """Lower-case words in the singular and the marks that end a phrase; hyphens and underscores part words."""
    return tuple(_singular(word) for word in _TOKEN.findall(text.lower().replace("_", " ").replace("'", "")))


def _singular(word: str) -> str:
    """Without a plural ``s``; the same shortening is done on both sides, so that it need not be good English."""
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word


@dataclass(frozen=True, slots=True)
class Words:
    """A vocabulary turned inside out: phrase -> concept, ready for whole-word, longest-first matching."""

    concepts: dict[Phrase, str]
    longest: int
    lists: dict[str, str]
    implies: dict[str, tuple[str, ...]]
    before: frozenset[Phrase]
    after: frozenset[Phrase]
    stops: frozenset[Phrase]
    joins: frozenset[Phrase]
    values: dict[str, dict[Phrase, str]]
    idle: frozenset[str]
    said_none: dict[str, str]
    also_in: dict[str, tuple[str, tuple[str, ...]]]
    _seen: dict[str, frozenset[str]] = field(default_factory=dict, repr=False)

    def concepts_of(self, phrase: str) -> frozenset[str]:
        """The concepts that a phrase states, with what they imply; negated ones are left out."""
        if phrase not in self._seen:
            if len(self._seen) > 20000:
                self._seen.clear()
            self._seen[phrase] = self._read(phrase)
        return self._seen[phrase]

    def concepts_in(self, phrases: Iterable[str]) -> frozenset[str]:
        """The concepts of several phrases."""
        return frozenset().union(*(self.concepts_of(phrase) for phrase in phrases))

    def value(self, key: str, text: str) -> str:
        """The word that rules compare ``key`` with, or the text in lower case where the vocabulary has none."""
        return self._word(key, text) or text.strip().lower()

    def stated_as(self, site: str, values: Mapping[str, float | str]) -> dict[str, str]:
        """Keys that were not stated by their name and whose word stands under another key of the finding."""
        found: dict[str, str] = {}
        for key, (other, places) in self.also_in.items():
            text = values.get(other)
            if key in values or not isinstance(text, str) or not any(within(site, place) for place in places):
                continue
            if (word := self._word(key, text)) is not None:
                found[key] = word
        return found

    def _word(self, key: str, text: str) -> str | None:
        table, words = self.values.get(key, {}), tokens(text)
        return table.get(words) or table.get(tuple(word for word in words if word not in self.idle))

    def _read(self, phrase: str) -> frozenset[str]:
        words = tokens(phrase)
        found: set[str] = set()
        fresh: list[str] = []
        negated, at = False, 0
        while at < len(words):
            concept, length = self._match(self.concepts, words, at)
            before = self._length(self.before, words, at)
            after = self._length(self.after, words, at) if fresh else 0
            if after >= max(length, 1) and (not before or self._ends(words, at + after)):
                fresh, at = [], at + after
            elif concept is not None and length >= before:
                if not negated and concept != _NONE:
                    fresh.append(concept)
                at += length
            elif before:
                negated, at = True, at + before
            elif stop := self._length(self.stops, words, at):
                found.update(fresh)
                goes_on = negated and words[at] == "," and self._joined(words, at + 1)
                negated, fresh, at = goes_on, [], at + stop
            else:
                at += 1
        found.update(fresh)
        return frozenset(self._with_implied(found))

    def _match(self, table: dict[Phrase, str], words: Phrase, at: int) -> tuple[str | None, int]:
        for length in range(min(self.longest, len(words) - at), 0, -1):
            if (concept := table.get(words[at : at + length])) is not None:
                return concept, length
        return None, 0

    def _length(self, table: frozenset[Phrase], words: Phrase, at: int) -> int:
        return next((n for n in range(min(5, len(words) - at), 0, -1) if words[at : at + n] in table), 0)

    def _ends(self, words: Phrase, at: int) -> bool:
        """Whether a phrase ends here."""
        return at >= len(words) or bool(self._length(self.stops, words, at))

    def _joined(self, words: Phrase, at: int) -> bool:
        """Whether a list goes on after a comma and ends with ``or``: what was denied before it is denied throughout."""
        while at < len(words) and (words[at] == "," or not self._length(self.stops, words, at)):
            if self._length(self.joins, words, at):
                return True
            at += 1
        return False

    def _with_implied(self, concepts: set[str]) -> set[str]:
        pending, found = list(concepts), set(concepts)
        while pending:
            for implied in self.implies.get(pending.pop(), ()):
                if implied not in found:
                    found.add(implied)
                    pending.append(implied)
        return found


def compile_words(vocabulary: Vocabulary) -> Words:
    """The vocabulary as a look-up table."""
    concepts: dict[Phrase, str] = {}
    lists: dict[str, str] = {}
    for name in ("conditions", "medications", "history", "symptoms"):
        for concept, synonyms in getattr(vocabulary, name).items():
            lists[concept] = name
            for phrase in (concept, *synonyms):
                concepts.setdefault(tokens(phrase), concept)
    for phrase in vocabulary.ignored:
        concepts.setdefault(tokens(phrase), _NONE)
    negations = vocabulary.negations
    return Words(
        concepts=concepts,
        longest=max((len(phrase) for phrase in concepts), default=0),
        lists=lists,
        implies=dict(vocabulary.implies),
        before=frozenset(map(tokens, negations.before)),
        after=frozenset(map(tokens, negations.after)),
        stops=frozenset(map(tokens, negations.stops)),
        joins=frozenset(map(tokens, negations.joins)),
        values={
            key: {tokens(text): word for word, texts in values.words.items() for text in (word, *texts)}
            for key, values in vocabulary.values.items()
        },
        said_none=dict(vocabulary.said_none),
        also_in={key: (item.also_in, item.sites) for key, item in vocabulary.values.items() if item.also_in},
        idle=frozenset(word for text in vocabulary.idle for word in tokens(text)),
    )
