"""Text -> tokens, sentences with their section, and the phrases of the lexicon in them; spaCy does the matching."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from calciscope.errors import InputError
from calciscope.text.lexicon import Lexicon, Term

_BLANKS = re.compile(r"\s")
_HEADING = re.compile(r"(?:^|(?<=[\n.;!?])|(?<=\s\s))[ \t]*([A-Za-z][A-Za-z /&-]{2,40}?)[ \t]*(?::|-{2,}|(?=\n))", re.M)
_BULLET = re.compile(r"\s*(?:[-*•]|\(?\d{1,2}[.)])\s")
# A line shorter than this that is followed by a capital ended on purpose and not because the page did.
_SHORT_LINE = 60
# A line that reaches less far than this share of the longest one ended on purpose.
_FULL_LINE = 0.8
NEEDS = "reading report text needs spaCy; install it with pip install 'calciscope[text]'"


@dataclass(frozen=True, slots=True)
class Token:
    """A word or sign: as written, its form for matching, and its place in the text."""

    text: str
    norm: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Hit:
    """A phrase of the lexicon: tokens ``start`` to ``end`` (exclusive), counted through the whole text."""

    term: Term
    start: int
    end: int

    def gap(self, other: Hit) -> int:
        """How many tokens lie between two phrases; 0 where they touch or overlap."""
        return max(0, self.start - other.end, other.start - self.end)

    def overlaps(self, other: Hit) -> bool:
        """Whether they share a token."""
        return self.start < other.end and other.start < self.end


@dataclass(slots=True)
class Sentence:
    """Tokens ``start`` to ``end`` of the text with the phrases in them, by layer."""

    start: int
    end: int
    section: str | None = None
    default: str | None = None
    hits: dict[str, list[Hit]] = field(default_factory=dict)

    def of(self, *layers: str) -> list[Hit]:
        """The phrases of some layers in the order in which they stand."""
        return sorted((hit for layer in layers for hit in self.hits.get(layer, ())), key=lambda hit: hit.start)


@dataclass(frozen=True, slots=True)
class _Heading:
    """A heading of the text, with its colon, and what it says of the mentions below it."""

    start: int
    end: int
    section: str | None
    default: str | None


@dataclass(frozen=True, slots=True)
class Parsed:
    """A text in tokens and sentences."""

    text: str
    tokens: tuple[Token, ...]
    sentences: tuple[Sentence, ...]

    def words(self, start: int, end: int) -> list[str]:
        """The forms of some tokens."""
        return [token.norm for token in self.tokens[start:end]]

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The characters of some tokens."""
        return self.tokens[start].start, self.tokens[end - 1].end


def normal(word: str) -> str:
    """Lower case and without a plural s; both sides are shortened alike, so that it need not be good English."""
    low = word.lower().replace("’", "'")
    if len(low) > 4 and low.endswith("ies"):
        return f"{low[:-3]}y"
    if len(low) > 6 and low.endswith("uses"):
        return low[:-2]
    return low[:-1] if len(low) > 3 and low.endswith("s") and not low.endswith(("ss", "us", "is")) else low


class Tokenizer:
    """spaCy's English tokenizer and phrase matcher with the phrases of a lexicon; no model is loaded."""

    def __init__(self, words: Lexicon) -> None:
        try:
            import spacy
            from spacy.matcher import PhraseMatcher
            from spacy.tokens import Doc
        except ImportError as error:
            raise InputError(NEEDS) from error
        self._lexicon = words
        self._nlp = spacy.blank("en")
        self._doc = Doc
        self._matcher = PhraseMatcher(self._nlp.vocab, attr="ORTH")
        self._terms: dict[int, list[Term]] = {}
        groups: dict[tuple[str, ...], dict[Term, None]] = {}
        for phrase, term in words.phrases:
            forms = tuple(token.norm for token in self.tokens(phrase))
            groups.setdefault(forms, {})[term] = None
        for number, (forms, terms) in enumerate(groups.items()):
            name = f"p{number}"
            self._matcher.add(name, [Doc(self._nlp.vocab, words=list(forms))])
            self._terms[self._nlp.vocab.strings[name]] = list(terms)

    def tokens(self, text: str) -> tuple[Token, ...]:
        """The words and signs of a text; hyphens within words part them and are left out."""
        found = []
        for token in self._nlp.make_doc(_BLANKS.sub(" ", text)):
            raw, at = token.text, token.idx
            if token.is_space or (raw in "-‐‑" and _inner(text, at, at + len(raw))):
                continue
            found.append(Token(raw, normal(raw), at, at + len(raw)))
        return tuple(found)

    def parse(self, text: str) -> Parsed:
        """The text in sentences, each with its section and phrases."""
        tokens = self.tokens(text)
        if not tokens:
            return Parsed(text, (), ())
        sentences = tuple(self._sentences(text, tokens))
        doc = self._doc(self._nlp.vocab, words=[token.norm for token in tokens])
        hits = [Hit(term, start, end) for key, start, end in self._matcher(doc) for term in self._terms[key]]
        at = [0] * len(tokens)
        for number, sentence in enumerate(sentences):
            at[sentence.start : sentence.end] = [number] * (sentence.end - sentence.start)
        layers: dict[tuple[int, str], list[Hit]] = {}
        for hit in hits:
            if at[hit.start] == at[hit.end - 1]:
                layers.setdefault((at[hit.start], hit.term.layer), []).append(hit)
        for (number, layer), members in layers.items():
            # Which deciding words count depends on what they are asked of: some may lie within that.
            sentences[number].hits[layer] = members if layer == "context" else longest(members)
        return Parsed(text, tokens, sentences)

    def _sentences(self, text: str, tokens: Sequence[Token]) -> Iterator[Sentence]:
        headings = list(_closed(text, list(self._headings(text))))
        cuts = sorted({cut for one in headings for cut in (one.start, one.end)})
        begin, start, section, default = 0, 0, None, None
        for number, token in enumerate(tokens):
            while begin < len(headings) and headings[begin].start <= token.start:
                section, default, begin = headings[begin].section, headings[begin].default, begin + 1
            if number + 1 < len(tokens):
                ahead = tokens[number + 1]
                cut = bisect_right(cuts, token.start) != bisect_right(cuts, ahead.start)
                if not cut and not self._ends(text, token, ahead, tokens[max(0, number - 1)]):
                    continue
            yield Sentence(start, number + 1, section, default)
            start = number + 1

    def _headings(self, text: str) -> Iterator[_Heading]:
        for match in _HEADING.finditer(text):
            known = self._lexicon.sections.get(" ".join(match[1].lower().split()))
            if known is not None:
                yield _Heading(match.start(1), match.end(), *known)

    def _ends(self, text: str, token: Token, ahead: Token, before: Token) -> bool:
        between = text[token.end : ahead.start]
        if token.text in ".!?" or (token.text.endswith(".") and "\n" in between):
            known = before.text.lower() in self._lexicon.abbreviations and before.end == token.start
            fresh = ahead.text[0].isupper() or ahead.text[0].isdigit() or ahead.text[0] in "([*-\"'" or "\n" in between
            return fresh and not known
        if "\n" not in between:
            return False
        line = text.rfind("\n", 0, token.end) + 1
        return (
            between.count("\n") > 1
            or _BULLET.match(text, token.end + between.find("\n") + 1) is not None
            or (ahead.text[0].isupper() and token.end - line < _SHORT_LINE and token.text not in ",:")
        )


def _closed(text: str, headings: Sequence[_Heading]) -> Iterator[_Heading]:
    """The headings, and where what stands below the last of them ends without another one.

    A history or a question is followed by what was seen, also where nobody wrote "Findings" above it: it ends with a
    paragraph, or with a line that ends a sentence well before the margin.
    """
    yield from headings
    if not headings or headings[-1].default is None:
        return
    last, margin = headings[-1], _FULL_LINE * max(map(len, text.splitlines()))
    start = text.rfind("\n", 0, last.end) + 1
    written = False
    while (stop := text.find("\n", start)) >= 0:
        line = text[max(start, last.end) : stop].strip()
        written = written or bool(line)
        short = line.endswith((".", "?", "!")) and stop - start < margin and _BULLET.match(text, stop + 1) is None
        if written and (not line or short):
            yield _Heading(stop, stop, None, None)
            return
        start = stop + 1


def _inner(text: str, start: int, end: int) -> bool:
    """Whether a hyphen stands within a word."""
    return start > 0 and end < len(text) and text[start - 1].isalnum() and text[end].isalnum()


def longest(hits: Sequence[Hit]) -> list[Hit]:
    """Of phrases that overlap the longest; of equally long ones all that say different things."""
    kept: list[Hit] = []
    for hit in sorted(hits, key=lambda one: (one.start - one.end, one.start)):
        if all(not hit.overlaps(other) or (hit.start, hit.end) == (other.start, other.end) for other in kept):
            kept.append(hit)
    return sorted(kept, key=lambda one: one.start)
