"""What a text for patients rests on, and which of its words are hard."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from calciscope.domain.assessment import Seriousness, Source
from calciscope.domain.plain import PlainSection, PlainSentence, PlainSource, PlainText, PlainWord
from calciscope.interpret.plain.book import Fixed
from calciscope.interpret.rules import Knowledge


class Citations:
    """The source and status of every rule of an answer; the knowledge answers for rules that it does not name."""

    def __init__(self, sources: Iterable[Source], rules: Mapping[str, tuple[str, str]], knowledge: Knowledge) -> None:
        """``rules`` maps the id of a rule to its source and its status."""
        self._knowledge = knowledge
        self._given = {source.id: source for source in sources}
        self._rules = rules

    def sourced(self, sentence: PlainSentence) -> PlainSentence:
        """The sentence with the sources of its rules before those that it names itself."""
        found = [source for rule in sentence.rules if (source := self._of(rule)[0])]
        return sentence.model_copy(update={"sources": tuple(dict.fromkeys([*found, *sentence.sources]))})

    def text(self, sections: Iterable[PlainSection], words: Fixed, seriousness: Seriousness | None) -> PlainText:
        """The whole text of sections, with the hard words that stand in them and what they rest on."""
        sourced = [
            part.model_copy(update={"sentences": tuple(self.sourced(one) for one in part.sentences)})
            for part in sections
            if part.sentences
        ]
        return PlainText(
            seriousness=seriousness,
            sections=tuple(sourced),
            words_title=words.titles["words"],
            words=hard_words([one.text for part in sourced for one in part.sentences], words.glossary),
            sources_title=words.titles["sources"],
            sources=self.sources(sourced),
            unchecked=words.sentences["unchecked"],
            disclaimer=words.disclaimer.strip(),
        )

    def sources(self, sections: Sequence[PlainSection]) -> tuple[PlainSource, ...]:
        """Every source of the sentences, in the order in which they are read."""
        rules: dict[str, dict[str, None]] = {}
        bare: set[str] = set()
        for section in sections:
            for sentence in section.sentences:
                behind = {rule: self._of(rule)[0] for rule in sentence.rules}
                for source in sentence.sources:
                    own = [rule for rule, its in behind.items() if its == source]
                    rules.setdefault(source, {}).update(dict.fromkeys(own))
                    # A sentence that stands on a source by itself was not compared with it.
                    bare |= set() if own else {source}
        return tuple(self._source(name, tuple(cited), name in bare) for name, cited in rules.items())

    def _source(self, name: str, rules: tuple[str, ...], bare: bool) -> PlainSource:
        known = self._given.get(name) or self._knowledge.sources.get(name)
        checked = not bare and all(self._of(rule)[1] != "unverified" for rule in rules)
        return PlainSource(
            id=name,
            citation=known.citation if known else name,
            doi=known.doi if known else None,
            rules=rules,
            checked=checked,
        )

    def _of(self, rule_id: str) -> tuple[str, str]:
        if rule_id in self._rules:
            return self._rules[rule_id]
        rule = self._knowledge.get(rule_id)
        return (rule.rule.source, rule.rule.status) if rule else ("", "unverified")


def hard_words(said: Sequence[str], glossary: Mapping[str, str]) -> tuple[PlainWord, ...]:
    """The words of the glossary that stand in what is said; abbreviations count only as they are written."""
    text = "\n".join(said)
    found = []
    for word, means in glossary.items():
        abbreviation = sum(letter.isupper() for letter in word) > 1
        pattern = rf"(?<![\w-]){re.escape(word)}s?(?![\w-])"
        if re.search(pattern, text, 0 if abbreviation else re.IGNORECASE):
            found.append(PlainWord(word=word, means=means))
    return tuple(found)
