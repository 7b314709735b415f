"""A report text with its mentions marked: for a terminal, as a page, and in the words of a patient."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from rich.table import Table

from calciscope.domain.assessment import Assessment
from calciscope.domain.mention import Assertion, Mention
from calciscope.domain.plain import PlainSection, PlainSentence, PlainText
from calciscope.domain.site import UNPLACED, label
from calciscope.explaining import quote, words
from calciscope.report import json
from calciscope.text.findings import site_of

_COLOURS = {
    Assertion.AFFIRMED: "\x1b[30;43m",
    Assertion.NEGATED: "\x1b[30;42m",
    Assertion.POSSIBLE: "\x1b[30;46m",
    Assertion.HISTORICAL: "\x1b[30;47m",
    Assertion.OTHER: "\x1b[30;47m",
}
_PLAIN_END = "\x1b[0m"


def pieces(text: str, mentions: Sequence[Mention]) -> Iterator[tuple[str, int | None]]:
    """The text in order, in pieces: what stands between mentions, and each mention with its number from 1."""
    at = 0
    for number, one in enumerate(mentions, 1):
        if one.start < at:
            continue
        if one.start > at:
            yield text[at : one.start], None
        yield text[one.start : one.end], number
        at = one.end
    if at < len(text):
        yield text[at:], None


def marked(text: str, mentions: Sequence[Mention], *, colours: bool) -> str:
    """The text with each mention between brackets and its number, or in the colour of its assertion."""
    parts = []
    for piece, number in pieces(_safe(text), mentions):
        if number is None:
            parts.append(piece)
        elif colours:
            parts.append(f"{_COLOURS[mentions[number - 1].assertion]}{piece}[{number}]{_PLAIN_END}")
        else:
            parts.append(f"[{piece}]{number}")
    return "".join(parts)


def _safe(text: str) -> str:
    """Without signs that would steer a terminal; as long as before, so that places stay right."""
    return "".join(sign if sign.isprintable() or sign in "\n\t" else " " for sign in text)


def table(mentions: Sequence[Mention]) -> Table:
    """What was understood of each mention."""
    shown = Table("", "words", "place", "side", "says", "because of", "attributes", box=None, pad_edge=False)
    for number, one in enumerate(mentions, 1):
        places = ", ".join((one.site, *one.also))
        because = ", ".join(dict.fromkeys(" ".join(word.split()) for word in one.because.values()))
        shown.add_row(
            str(number), one.text, places, one.laterality or "-", one.assertion.value, because or "-", attributes(one)
        )
    return shown


def attributes(mention: Mention) -> str:
    """The attributes of a mention in one line."""
    said = {key: value for key, value in mention.attributes.items() if key != "size_text"}
    parts = (f"{key} {value:g}" if isinstance(value, float) else f"{key} {value}" for key, value in said.items())
    return ", ".join(parts) or "-"


def render(text: str, assessment: Assessment) -> str:
    """The page as a string: self-contained, without script or network access."""
    environment = Environment(
        loader=PackageLoader("calciscope.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(attributes=attributes, label=label, site_of=site_of)
    return environment.get_template("explain.html").render(
        a=assessment, pieces=list(pieces(text, assessment.mentions)), mentions=assessment.mentions
    )


def write(text: str, assessment: Assessment, out: Path) -> tuple[Path, ...]:
    """Write ``assessment.json`` and ``report.html`` into a folder and return their paths."""
    page = out / "report.html"
    page.write_text(render(text, assessment), encoding="utf-8")
    return json.write(assessment, out / "assessment.json"), page


def for_patient(assessment: Assessment, plain: PlainText) -> PlainText:
    """The text for a patient with what the report says before what that means; without findings nothing more."""
    said = _says(assessment.mentions)
    section = PlainSection(id="report", title=words()["patient"]["title"], sentences=said, listed=True)
    rest = plain.sections if assessment.findings else tuple(one for one in plain.sections if one.id == "ask")
    return plain.model_copy(update={"sections": (section, *rest)})


def _says(mentions: Sequence[Mention]) -> tuple[PlainSentence, ...]:
    texts = words()["patient"]
    found: dict[str, None] = {}
    for one in mentions:
        site = site_of(one)
        key = one.assertion.value
        if site == UNPLACED and f"{key}_unplaced" in texts:
            key = f"{key}_unplaced"
        found[texts[key].format(place=label(site), quote=quote(one))] = None
    return tuple(PlainSentence(text=text) for text in found or {texts["nothing"]: None})
