"""Free words of clinicians to the concepts that rules name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from calciscope.domain.site import within
from calciscope.interpret.schema import Vocabulary

_TOKEN = re.compile(r"[^\W_]+|[,;.?]")
_MARKS = frozenset(",;.?")
_QUOTED = re.compile(r"""['"]([^'"]*)['"]""")
# What a condition looks for inside a text: key.contains('x'), and ['x', 'y'].exists(w, key.contains(w)).
_HOLDS = re.compile(r"""(?<![\w.])(\w+)\.contains\(\s*['"]([^'"]*)['"]\s*\)""")
_HOLDS_ANY = re.compile(r"\[([^\]]*)\]\s*\.\s*exists\(\s*(\w+)\s*,\s*(\w+)\.contains\(\s*\2\s*\)")
_ENTRY = re.compile(r"(?<![\w.])context\.exists\(\s*(\w+)")
_IS = re.compile(r"""(?<![\w.])(\w+)\s*[=!]=\s*['"]([^'"]*)['"]""")
_IS_ANY = re.compile(r"(?<![\w.])(\w+)\s+in\s+\[([^\]]*)\]")
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
class Reading:
    """What a text under a finding's key says: the word or text for the rules, and the words that none of them knows."""

    value: str
    unread: tuple[str, ...] = ()


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
    denies: frozenset[Phrase] = frozenset()
    held: dict[str, frozenset[str]] = field(default_factory=dict)
    meant: dict[str, frozenset[str]] = field(default_factory=dict)
    describing: dict[str, frozenset[str]] = field(default_factory=dict)
    _read_as: dict[tuple[str, str], Reading] = field(default_factory=dict, repr=False)
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
        return self.reading(key, text).value

    def reading(self, key: str, text: str) -> Reading:
        """A text under a finding's key as the rules see it.

        What it denies ("without mass") is left out. A word of the vocabulary counts also beside words that no rule
        knows; beside others that rules look for, the text stays as it is, and words that only count alone are unread.
        """
        if (key, text) not in self._read_as:
            if len(self._read_as) > 20000:
                self._read_as.clear()
            self._read_as[key, text] = self._reading(key, text)
        return self._read_as[key, text]

    def understands(self, phrase: str) -> bool:
        """Whether a phrase of a list has words that mean something, be they denied, or a rule looks for them."""
        words = tokens(phrase)
        known = any(self._match(self.concepts, words, at)[0] is not None for at in range(len(words)))
        known = known or bool(self._length(self.before, words, 0))
        return known or any(text in phrase for text in self.held.get("context", ()))

    def lost(self, key: str, text: str, parts: Iterable[str]) -> tuple[str, ...]:
        """The words of a text that the vocabulary knows by themselves only, and no rule looks for inside a text.

        ``parts`` is what the rules that ask look for inside; a text that is one word of the vocabulary loses nothing.
        """
        value, table = self.reading(key, text).value, self.values.get(key, {})
        if value in table.values():
            return ()
        spans = list(_TOKEN.finditer(value))
        spoken, _ = self._denied(key, table, tuple(_singular(span.group()) for span in spans), spans)
        looked = _covered(value, spans, parts)
        nothing = self.idle | self.describing.get(key, frozenset())
        idle = [_singular(span.group()) in nothing for span in spans]
        return _each(value, spans, [a or b or not c for a, b, c in zip(looked, idle, spoken, strict=True)])

    def known(self, key: str) -> frozenset[str]:
        """Everything that can be written under a key, for hints."""
        spoken = {" ".join(phrase) for phrase in self.values.get(key, {})} | set(self.values.get(key, {}).values())
        return frozenset(spoken | self.held.get(key, frozenset()) | self.meant.get(key, frozenset()))

    def stated_as(self, site: str, values: Mapping[str, float | str]) -> dict[str, str]:
        """Keys that were not stated by their name and whose word stands under another key of the finding."""
        found: dict[str, str] = {}
        for key, (other, places) in self.also_in.items():
            text = values.get(other)
            if key in values or not isinstance(text, str) or not any(within(site, place) for place in places):
                continue
            if (word := self.reading(key, text).value) in self.values[key].values():
                found[key] = word
        return found

    def _reading(self, key: str, text: str) -> Reading:
        low = text.strip().lower().replace("_", " ")
        if (word := self._word(key, low)) is not None:
            return Reading(word)
        table, spans = self.values.get(key, {}), list(_TOKEN.finditer(low.replace("'", " ")))
        words = tuple(_singular(span.group()) for span in spans)
        spoken, denied = self._denied(key, table, words, spans)
        if denied:
            # Cut from the text as well: rules look inside it.
            low = "".join(letter for at, letter in enumerate(low) if not any(a <= at < b for a, b in denied))
            return self._reading(key, low) if low.strip(" ,;.?-") else Reading("")
        looked = _covered(low, spans, self.held.get(key, frozenset()))
        idle = [word in self.idle or word in _MARKS or word in self.describing.get(key, ()) for word in words]
        alone = tuple(word for at, word in enumerate(words) if (spoken[at] or looked[at]) and not idle[at])
        if (one := table.get(alone)) is not None:
            return Reading(one, _each(low, spans, [a or b or c for a, b, c in zip(spoken, looked, idle, strict=True)]))
        return Reading(low, _each(low, spans, [a or b or c for a, b, c in zip(spoken, looked, idle, strict=True)]))

    def _denied(
        self, key: str, table: Mapping[Phrase, str], words: Phrase, spans: Sequence[re.Match[str]]
    ) -> tuple[list[bool], list[tuple[int, int]]]:
        """Which words are spoken by the vocabulary of a key, and the stretches of the text that are denied."""
        spoken, denied, at = [False] * len(words), [], 0
        longest = max(map(len, table), default=0)
        whole = {tokens(part) for part in self.held.get(key, ())}
        while at < len(words):
            length = next((n for n in range(min(longest, len(words) - at), 0, -1) if words[at : at + n] in table), 0)
            deny = self._length(self.denies, words, at)
            if deny > length and not any(words[at : at + len(part)] == part for part in whole):
                end = at + deny
                joined = end < len(words) and spans[end].start() == spans[end - 1].end() + 1
                hyphen = joined and spans[end].string[spans[end].start() - 1] == "-"
                end += 1 if hyphen else 0
                while not hyphen and end < len(words) and not self._length(self.stops, words, end):
                    end += 1
                denied.append((spans[at].start(), spans[min(end, len(words)) - 1].end()))
                at = end
                continue
            spoken[at : at + length] = [True] * length
            at += max(length, 1)
        return spoken, denied

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


def _each(text: str, spans: Sequence[re.Match[str]], known: Sequence[bool]) -> tuple[str, ...]:
    """The words as they were written that are not known, each once."""
    return tuple(dict.fromkeys(text[s.start() : s.end()] for s, one in zip(spans, known, strict=True) if not one))


def _covered(text: str, spans: Sequence[re.Match[str]], parts: Iterable[str]) -> list[bool]:
    """Which words of a text lie in one of the parts that rules look for; parts joined by a hyphen are one word."""
    found = [(hit.start(), hit.end()) for part in parts for hit in re.finditer(re.escape(part), text)]
    looked = [any(a < span.end() and span.start() < b for a, b in found) for span in spans]
    for ways in (range(1, len(spans)), range(len(spans) - 2, -1, -1)):
        for at in ways:
            other = at - 1 if ways.step > 0 else at + 1
            joined = (
                text[min(spans[at].end(), spans[other].end()) : max(spans[at].start(), spans[other].start())] == "-"
            )
            looked[at] = looked[at] or (joined and looked[other])
    return looked


def looked_for(conditions: Iterable[str]) -> tuple[dict[str, frozenset[str]], dict[str, frozenset[str]]]:
    """What conditions look for inside the text of a key, and what they compare it with.

    Words looked for in any entry of the lists stand under ``context``.
    """
    inside: dict[str, set[str]] = {}
    equal: dict[str, set[str]] = {}
    for text in conditions:
        entries = set(_ENTRY.findall(text))
        for name, part in _HOLDS.findall(text):
            inside.setdefault("context" if name in entries else name, set()).add(part)
        for group, _, name in _HOLDS_ANY.findall(text):
            inside.setdefault(name, set()).update(_QUOTED.findall(group))
        for name, part in _IS.findall(text):
            equal.setdefault(name, set()).add(part)
        for name, group in _IS_ANY.findall(text):
            equal.setdefault(name, set()).update(_QUOTED.findall(group))
    frozen = ({name: frozenset(parts) for name, parts in found.items()} for found in (inside, equal))
    return next(frozen), next(frozen)


def compile_words(vocabulary: Vocabulary, conditions: Iterable[str] = ()) -> Words:
    """The vocabulary as a look-up table; ``conditions`` are those of the rules, whose words count as known."""
    held, meant = looked_for(conditions)
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
        denies=frozenset(map(tokens, negations.of_values)),
        describing={
            key: frozenset(w for text in ws for w in tokens(text)) for key, ws in vocabulary.describing.items()
        },
        held=held,
        meant=meant,
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
