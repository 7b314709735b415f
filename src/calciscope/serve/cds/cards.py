"""An interpretation as cards: one a finding that asks for something, with its reasons, sources and links."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID, uuid5

from calciscope.domain.assessment import DISCLAIMER, Finding, Seriousness, Source
from calciscope.domain.knowledge import table
from calciscope.interpret import Interpretation

Json = dict[str, Any]
# CDS Hooks 2.0: a summary has less than 140 characters.
_SUMMARY = 139
_SENTENCES = re.compile(r"(?<=\.) (?=If )")
_TOPIC = "https://github.com/calciscope/calciscope/fhir/CodeSystem/site"
_HOME = "https://github.com/calciscope/calciscope"


def of_record(meaning: Interpretation, instance: UUID) -> list[Json]:
    """Cards for what is on record, the most serious first."""
    return _cards([(one, list(one.advice), "") for one in meaning.findings], meaning, instance)


def of_orders(before: Interpretation, after: Interpretation, instance: UUID) -> list[Json]:
    """Cards for what the orders change: a level that rises, a next step that appears."""
    old = {one.site: one for one in before.findings}
    changed = []
    for finding in after.findings:
        was = old.get(finding.site)
        known = {one.text for one in was.advice} if was else set()
        new = [one for one in finding.advice if one.text not in known]
        rises = was is not None and _level(finding).rank > _level(was).rank
        if new or rises or was is None:
            changed.append((finding, new, "With these orders: "))
    return _cards(changed, after, instance)


def _cards(found: Sequence[tuple[Finding, list[Any], str]], meaning: Interpretation, instance: UUID) -> list[Json]:
    settings = table("codes/cds.yaml")
    shown = [one for one in found if _level(one[0]).value in settings["indicators"] and not _told_above(one[0], found)]
    shown.sort(key=lambda one: -_level(one[0]).rank)
    return [
        _card(finding, advice, lead, meaning, instance, settings["indicators"][_level(finding).value])
        for finding, advice, lead in shown[: settings["most_cards"]]
    ]


def _told_above(finding: Finding, found: Sequence[tuple[Finding, list[Any], str]]) -> bool:
    """Whether a place above says the same: the coronary arteries speak for each of them."""
    return any(
        finding.site.startswith(f"{other.site}.") and _level(other).rank >= _level(finding).rank
        for other, _, _ in found
    )


def _card(
    finding: Finding, advice: list[Any], lead: str, meaning: Interpretation, instance: UUID, indicator: str
) -> Json:
    sources = {one.id: one for one in meaning.sources}
    cited = list(dict.fromkeys(
        [one.source for one in finding.seriousness.reasons] + [one.source for one in advice]
    ))  # fmt: skip
    known = [sources[one] for one in cited if one in sources]
    first = known[0] if known else None
    topic = {"system": _TOPIC, "code": finding.site, "display": finding.label}
    return {
        "uuid": str(uuid5(instance, f"{lead}{finding.site}")),
        "summary": _summary(f"{lead}{_level(finding).value.capitalize()}: {_what(finding)}"),
        "detail": "\n".join(_detail(finding, advice, meaning)),
        "indicator": indicator,
        "source": {
            "label": first.citation if first else "Calciscope",
            "url": _address(first) or _HOME,
            "topic": topic,
        },
        "links": [
            {"label": one.citation, "url": address, "type": "absolute"} for one in known if (address := _address(one))
        ],
    }


def _detail(finding: Finding, advice: list[Any], meaning: Interpretation) -> Iterator[str]:
    """Markdown: why, what next, what is not on record, and who decides."""
    yield "**Why**"
    for reason in finding.seriousness.reasons:
        when = f" ({reason.edition})" if reason.edition else ""
        yield f"- {reason.statement}{when}"
    if advice:
        yield "\n**To consider**"
        for one in advice:
            yield f"- {one.text}"
    waiting = [line for unknown in meaning.unknowns for line in _sentences(unknown.would_change, finding, meaning)]
    if waiting:
        yield "\n**Not on record**"
        for line in waiting:
            yield f"- {line}"
    yield f"\n_{DISCLAIMER}_"


def _sentences(text: str, finding: Finding, meaning: Interpretation) -> Iterator[str]:
    """What is unknown about this finding: sentences that name its place, or no place where there is but one."""
    for sentence in _SENTENCES.split(text):
        places = {one.label for one in meaning.findings if one.label in sentence}
        if finding.label in places or (not places and len(meaning.findings) == 1):
            yield sentence


def _what(finding: Finding) -> str:
    score = finding.measures.get("agatston")
    size = finding.measures.get("diameter")
    shown = ""
    if score is not None and score.value is not None:
        shown = f" (Agatston score {score.value:.0f})" if score.value >= 1 or score.value == 0 else ""
    elif size is not None and size.value is not None:
        shown = f" ({size.value:.0f} mm)"
    return f"calcification of the {finding.label}{shown}"


def _summary(text: str) -> str:
    return text if len(text) <= _SUMMARY else f"{text[: _SUMMARY - 1].rstrip()}…"


def _level(finding: Finding) -> Seriousness:
    return Seriousness(finding.seriousness.value or "none")


def _address(source: Source | None) -> str | None:
    return f"https://doi.org/{source.doi}" if source and source.doi else None
