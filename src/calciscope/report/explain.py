"""A report text with its mentions marked: for a terminal, as a page, and in the words of a patient."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path

from rich.table import Table

from calciscope.domain.assessment import Assessment, Seriousness
from calciscope.domain.knowledge import table as read_table
from calciscope.domain.mention import Assertion, Mention
from calciscope.domain.plain import PlainSection, PlainSentence, PlainText
from calciscope.domain.site import SIDES, UNPLACED, label
from calciscope.report import facts, json
from calciscope.report.page import environment

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
    templates = environment()
    templates.globals.update(attributes=attributes, label=label, facts=facts.lines)
    return templates.get_template("explain.html").render(
        a=assessment, pieces=list(pieces(text, assessment.mentions)), mentions=assessment.mentions
    )


def write(text: str, assessment: Assessment, out: Path) -> tuple[Path, ...]:
    """Write ``assessment.json`` and ``report.html`` into a folder and return their paths."""
    page = out / "report.html"
    page.write_text(render(text, assessment), encoding="utf-8")
    return json.write(assessment, out / "assessment.json"), page


def certain(assessment: Assessment) -> Assessment:
    """The assessment without the findings of which the report is not sure: a patient is told of those as doubts."""
    doubts = {one.site for one in assessment.findings if one.stated and one.review}
    if not doubts:
        return assessment
    findings = tuple(one for one in assessment.findings if one.site not in doubts)
    levels = [Seriousness(one.seriousness.value or "none") for one in findings]
    return assessment.model_copy(
        update={
            "findings": findings,
            "seriousness": max(levels, key=lambda level: level.rank, default=Seriousness.NONE),
            "advice": tuple(one for one in assessment.advice if one.site not in doubts),
        }
    )


def for_patient(assessment: Assessment, plain: PlainText) -> PlainText:
    """The text for a patient with what the report says before what that means; without findings nothing more."""
    said = PlainSection(id="report", title=_words()["title"], sentences=_says(assessment.mentions), listed=True)
    sure = bool(certain(assessment).findings)
    ask = PlainSection(id="ask_report", title=_words()["ask_title"], sentences=_questions(assessment), listed=True)
    rest = plain.sections if sure else ()
    cut = {} if sure else {"words": (), "sources": ()}
    return plain.model_copy(update={"sections": (said, *rest, *([ask] if ask.sentences else [])), **cut})


def _questions(assessment: Assessment) -> tuple[PlainSentence, ...]:
    """What to ask where the report is not sure, or says nothing that would be explained."""
    texts, found = _words(), certain(assessment).findings
    doubts = [one for one in assessment.findings if one not in found]
    asked = [texts["ask_possible"].format(place=_place(one.site)) for one in doubts]
    return tuple(PlainSentence(text=text) for text in asked or ([] if found else [texts["ask_nothing"]]))


def _says(mentions: Sequence[Mention]) -> tuple[PlainSentence, ...]:
    texts = _words()
    found: dict[tuple[str, str, str], str] = {}
    for one in mentions:
        for site in one.paths():
            key = _key(one, site)
            what = texts.get(one.kind, "")
            said = texts[key].format(place=_place(site), quote=one.quote or one.text, what=what)
            found.setdefault((key, what, site if "{place}" in texts[key] else said), said)
    # A stone of the left ureter is not told again as one of the ureter.
    told = [said for (key, what, site), said in found.items() if not _again((key, what, site), found)]
    return tuple(PlainSentence(text=text) for text in (*(told or [texts["nothing"]]), texts["only"]))


def _again(one: tuple[str, str, str], others: Iterable[tuple[str, str, str]]) -> bool:
    """Whether the same is told of one side of a place."""
    return any((*one[:2], f"{one[2]}.{side}") == other for other in others for side in SIDES)


def _key(mention: Mention, site: str) -> str:
    """Which sentence tells of a mention."""
    key = mention.assertion.value
    if mention.kind == "score" and mention.assertion is Assertion.AFFIRMED:
        return "score"
    if mention.assertion is Assertion.NEGATED and mention.because.get("assertion") == mention.text and site != UNPLACED:
        return "noncalcified"
    return f"{key}_unplaced" if site == UNPLACED and f"{key}_unplaced" in _words() else key


def _place(site: str) -> str:
    return f"the {label(site)}"


@lru_cache(maxsize=1)
def _words() -> dict[str, str]:
    """The sentences of ``knowledge/text/patient.yaml``."""
    return read_table("text/patient.yaml")
