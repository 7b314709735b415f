"""An assessment in the words of a patient: sections of sentences, each with the rules and sources that it rests on."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from pydantic import BaseModel, ConfigDict

from calciscope.domain.assessment import Seriousness


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PlainSentence(_Model):
    """A few short sentences for a patient. ``rules`` are the ids of rules behind them, ``sources`` those of sources.

    ``topic`` is what they tell: within a finding ``what``, ``amount``, ``meaning``, ``level`` or ``results``, and
    ``intro`` for what stands before a list.
    """

    text: str
    topic: str | None = None
    rules: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()


class PlainSection(_Model):
    """A titled part. ``id`` is ``short``, ``found``, ``others``, ``next``, ``unknown``, ``ask``, ``help``, or
    ``changed`` and ``limits`` of a comparison.

    A section of one finding has its ``site`` and ``seriousness``; ``listed`` sections are lists, others are prose.
    """

    id: str
    title: str
    sentences: tuple[PlainSentence, ...]
    site: str | None = None
    seriousness: Seriousness | None = None
    listed: bool = False

    def paragraphs(self) -> Iterator[tuple[PlainSentence, ...]]:
        """The sentences in paragraphs: neighbours of one topic together; in a list each by itself."""
        if self.listed:
            yield from ((one,) for one in self.sentences)
            return
        for _, together in groupby(self.sentences, key=lambda one: one.topic):
            yield tuple(together)


class PlainWord(_Model):
    """A hard word of the text and what it means."""

    word: str
    means: str


class PlainSource(_Model):
    """Where sentences come from. ``rules`` are those that cite it; ``checked`` is false where one is unverified."""

    id: str
    citation: str
    doi: str | None = None
    rules: tuple[str, ...] = ()
    checked: bool = True


class PlainText(_Model):
    """The whole text. ``unchecked`` explains the mark of a source that was not compared with its text.

    ``seriousness`` is null where none was judged, as of a comparison.
    """

    seriousness: Seriousness | None
    sections: tuple[PlainSection, ...]
    words_title: str
    words: tuple[PlainWord, ...] = ()
    sources_title: str
    sources: tuple[PlainSource, ...] = ()
    unchecked: str
    disclaimer: str

    def sentences(self) -> Iterator[PlainSentence]:
        """Every sentence of the sections, in reading order."""
        for section in self.sections:
            yield from section.sentences

    def prose(self) -> str:
        """What a patient reads, without the citations: the text whose reading level counts."""
        words = [f"{one.word}: {one.means}." for one in self.words]
        return "\n".join([*(one.text for one in self.sentences()), *words, self.disclaimer])
