"""A report text -> its mentions of calcium."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from calciscope.domain.mention import Assertion, Mention, PatientFact
from calciscope.domain.site import within
from calciscope.text import attributes, facts, language, scores
from calciscope.text.context import Decision, Modifiers, decide, modifiers
from calciscope.text.lexicon import Lexicon, lexicon
from calciscope.text.place import Places, Where
from calciscope.text.tokens import Hit, Parsed, Sentence, Tokenizer


@dataclass(frozen=True, slots=True)
class ReportText:
    """A text with its mentions; ``language`` names another language than English, in which nothing is read."""

    text: str
    mentions: tuple[Mention, ...]
    language: str | None = None
    facts: tuple[PatientFact, ...] = ()


class Reader:
    """Reads report texts; made once, since it compiles the words."""

    def __init__(self, words: Lexicon | None = None) -> None:
        self.words = words or lexicon()
        self.tokenizer = Tokenizer(self.words)

    def read(self, text: str, name: str | None = None) -> ReportText:
        """Every mention of calcium in a text, in the order in which they stand, and what it says of the patient."""
        if (other := language.foreign(text)) is not None:
            return ReportText(text, (), other)
        parsed = self.tokenizer.parse(text)
        if not any(sentence.hits for sentence in parsed.sentences) and language.unknown(text):
            return ReportText(text, (), "another language")
        mentions = sorted((*self._mentions(parsed, name), *self._scores(parsed, name)), key=lambda one: one.start)
        return ReportText(text, tuple(_categorised(mentions, text)), facts=facts.facts(parsed, self.words, name))

    def has_headings(self, text: str) -> bool:
        """Whether a text has the headings of a report."""
        return any(one.section in _OF_REPORTS for one in self.tokenizer.parse(text).sentences)

    def assertions(self, text: str, targets: list[tuple[int, int]]) -> list[Assertion]:
        """What a text says of phrases that are given by their characters, whatever they are."""
        parsed = self.tokenizer.parse(text)
        found = []
        for start, end in targets:
            inside = [n for n, token in enumerate(parsed.tokens) if start < token.end and token.start < end]
            target = Hit(_ANY, inside[0], inside[-1] + 1)
            sentence = next(one for one in parsed.sentences if one.start <= target.start < one.end)
            found.append(decide(target, modifiers(sentence, [target]))[0])
        return found

    def _mentions(self, parsed: Parsed, name: str | None) -> Iterator[Mention]:
        places = Places(parsed, self.words)
        for number, sentence in enumerate(parsed.sentences):
            targets = self._targets(parsed, sentence)
            sentence.hits["target"] = targets
            found = modifiers(sentence, targets)
            for target in targets:
                said = self._asserted(sentence, target, found)
                where = places.of(number, target, said=said[0])
                yield self._mention(parsed, sentence, target, where, said, name)

    def _targets(self, parsed: Parsed, sentence: Sentence) -> list[Hit]:
        """The mentions of a sentence; words that name something else, or only strengthen another, are none."""
        not_targets = sentence.of("not_target")
        hits = [hit for hit in sentence.of("target") if not any(hit.overlaps(one) for one in not_targets)]
        strong = [hit for hit in hits if " ".join(parsed.words(hit.start, hit.end)) not in self.words.weak_targets]
        return [hit for hit in hits if hit in strong or not strong]

    def _asserted(self, sentence: Sentence, target: Hit, found: Modifiers) -> Decision:
        assertion, word = decide(target, found)
        if target.term.value and assertion not in (Assertion.OTHER, Assertion.HISTORICAL):
            return Assertion(target.term.value), target
        if assertion is Assertion.AFFIRMED and sentence.default is not None:
            return Assertion(sentence.default), None
        return assertion, word

    def _mention(
        self, parsed: Parsed, sentence: Sentence, target: Hit, where: Where, said: Decision, name: str | None
    ) -> Mention:
        start, end = parsed.span(target.start, target.end)
        values: attributes.Values = {
            **attributes.words(parsed, sentence, target, where.site, self.words),
            **attributes.size(parsed, sentence, target, self.words),
            **attributes.count(parsed, target, self.words),
            **attributes.attenuation(parsed, sentence, target),
        }
        if "change" in values:
            values |= attributes.years(parsed, sentence, self.words)
        because = {
            key: parsed.text[slice(*parsed.span(hit.start, hit.end))]
            for key, hit in (("site", where.hit), ("assertion", said[1]))
            if hit is not None
        }
        return Mention(
            start=start,
            end=end,
            text=parsed.text[start:end],
            kind=target.term.key,
            site=where.site,
            also=where.also,
            laterality=where.side,
            assertion=said[0],
            attributes=values,
            section=sentence.section,
            sentence=parsed.span(sentence.start, sentence.end),
            because=because,
            quote=_quote(parsed, sentence, [hit for hit in (target, where.hit, said[1]) if hit is not None]),
            report=name,
        )

    def _scores(self, parsed: Parsed, name: str | None) -> Iterator[Mention]:
        found = [(score, one) for one in parsed.sentences for score in scores.scores(parsed, one)]
        for score in scores.vessel_scores(parsed):
            start = score.start
            one = next(s for s in parsed.sentences if parsed.span(s.start, s.end)[1] > start)
            found.append((score, one))
        for score, sentence in found:
            yield Mention(
                start=score.start,
                end=score.end,
                text=parsed.text[score.start : score.end],
                kind="score",
                site=score.site,
                assertion=Assertion(sentence.default or Assertion.AFFIRMED),
                attributes={score.key: score.value},
                section=sentence.section,
                sentence=parsed.span(sentence.start, sentence.end),
                quote=" ".join(parsed.text[score.start : score.end].split()),
                report=name,
            )


def _quote(parsed: Parsed, sentence: Sentence, hits: list[Hit]) -> str:
    """The piece of a sentence that holds some phrases, as it was written but in one line."""
    here = [hit for hit in hits if sentence.start <= hit.start < sentence.end]
    start, end = parsed.span(min(hit.start for hit in here), max(hit.end for hit in here))
    return " ".join(parsed.text[start:end].split())


def _categorised(mentions: list[Mention], text: str) -> Iterator[Mention]:
    """BI-RADS and CAC-DRS categories stand apart from what they judge: they go to every affirmed mention there."""
    said = scores.categories(text)
    for one in mentions:
        more = {
            key: value
            for key, value in said.items()
            if one.assertion is Assertion.AFFIRMED
            and within(one.site, "breast" if key == "birads" else "artery.coronary")
        }
        yield one.model_copy(update={"attributes": {**one.attributes, **more}}) if more else one


_OF_REPORTS = ("findings", "impression", "indication", "comparison")
_ANY = lexicon().phrases[0][1]


@lru_cache(maxsize=1)
def reader() -> Reader:
    """The reader with the embedded words, compiled once."""
    return Reader()
