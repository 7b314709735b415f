"""The text for a patient as lines for a terminal and as ``patient.html``, one self-contained page."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path

from calciscope.domain.plain import PlainSentence, PlainText
from calciscope.report.page import environment

_WIDTH = 100


def lines(text: PlainText, width: int = _WIDTH) -> Iterator[str]:
    """The text as a person reads it in a terminal; numbers in brackets name the sources at the end."""
    for section in text.sections:
        yield section.title
        for paragraph in section.paragraphs():
            item = section.listed and paragraph[0].topic != "intro"
            yield from _wrapped(" ".join(_marked(one, text) for one in paragraph), width, "- " if item else "")
        yield ""
    if text.words:
        yield text.words_title
        for word in text.words:
            yield from _wrapped(f"{word.word}: {word.means}.", width, "- ")
        yield ""
    if text.sources:
        yield text.sources_title
        for number, source in enumerate(text.sources, 1):
            rules = f" (rules: {', '.join(source.rules)})" if source.rules else ""
            yield from _wrapped(f"[{number}]{'' if source.checked else '*'} {source.citation}{rules}", width, "")
        if any(not source.checked for source in text.sources):
            yield from _wrapped(text.unchecked, width, "")
        yield ""
    # In one line, so that whoever searches an output for it finds it.
    yield text.disclaimer


def render(text: PlainText) -> str:
    """The page as a string: self-contained, without script or network access."""
    templates = environment()
    templates.globals.update(numbers=numbers)
    return templates.get_template("patient.html").render(t=text)


def write(text: PlainText, path: Path) -> Path:
    """Write the page as UTF-8 and return the path."""
    path.write_text(render(text), encoding="utf-8")
    return path


def numbers(sentence: PlainSentence, text: PlainText) -> Sequence[int]:
    """The numbers of the sources that a sentence rests on, in ascending order."""
    return sorted(number for number, source in enumerate(text.sources, 1) if source.id in sentence.sources)


def _marked(sentence: PlainSentence, text: PlainText) -> str:
    cited = ", ".join(map(str, numbers(sentence, text)))
    return f"{sentence.text} [{cited}]" if cited else sentence.text


def _wrapped(text: str, width: int, bullet: str) -> list[str]:
    # A rule's id is copied into another command, so that it must stay in one piece.
    return textwrap.wrap(
        bullet + text, width, subsequent_indent=" " * len(bullet), break_long_words=False, break_on_hyphens=False
    )
