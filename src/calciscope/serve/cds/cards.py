"""An interpretation as cards: one a finding that asks for something, with its reasons, sources and links."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from uuid import UUID, uuid5

from calciscope.domain.assessment import DISCLAIMER, Advice, Finding, Seriousness, Source
from calciscope.domain.knowledge import table
from calciscope.domain.site import within
from calciscope.interpret import Interpretation

Json = dict[str, Any]
# CDS Hooks 2.0: a summary has less than 140 characters.
_SUMMARY = 139
_SENTENCES = re.compile(r"(?<=\.) (?=If )")
_HOME = "https://github.com/calciscope/calciscope"
_ORDERS = "With these orders: "


@dataclass(frozen=True, slots=True)
class _Item:
    """What a card is about: a finding, or with none the patient as a whole."""

    finding: Finding | None
    level: Seriousness
    advice: tuple[Advice, ...]


@lru_cache(maxsize=1)
def _settings() -> Mapping[str, Any]:
    return table("codes/cds.yaml")


@lru_cache(maxsize=1)
def _base() -> str:
    return str(table("codes/fhir.yaml")["base"])


def of_record(meaning: Interpretation, instance: UUID) -> list[Json]:
    """Cards for what is on record, the most serious first."""
    items = [_Item(one, _level(one), one.advice) for one in meaning.findings]
    return _cards(items, _of_patient(meaning), meaning, instance)


def of_orders(before: Interpretation, after: Interpretation, instance: UUID) -> list[Json]:
    """Cards for what the orders change: a level that rises, a next step that appears."""
    old = {one.site: one for one in before.findings}
    items = []
    for finding in after.findings:
        was = old.get(finding.site)
        new = _new(finding.advice, was.advice if was else ())
        if was is None or new or _level(finding).rank > _level(was).rank:
            items.append(_Item(finding, _level(finding), new))
    return _cards(items, _new(_of_patient(after), _of_patient(before)), after, instance, _ORDERS)


def _new(advice: Sequence[Advice], known: Sequence[Advice]) -> tuple[Advice, ...]:
    texts = {one.text for one in known}
    return tuple(one for one in advice if one.text not in texts)


def _of_patient(meaning: Interpretation) -> tuple[Advice, ...]:
    """Next steps that are about the patient and no single place."""
    return tuple(one for one in meaning.advice if one.site is None)


def _cards(
    items: Sequence[_Item], advice: tuple[Advice, ...], meaning: Interpretation, instance: UUID, lead: str = ""
) -> list[Json]:
    indicators = _settings()["indicators"]
    shown = [one for one in items if one.level.value in indicators and not _told_above(one, items)]
    if advice and meaning.seriousness.value in indicators:
        shown.append(_Item(None, meaning.seriousness, advice))
    # A place before the patient as a whole, where both are as serious.
    shown.sort(key=lambda one: (-one.level.rank, one.finding is None))
    return [_card(one, meaning, instance, lead) for one in shown[: _settings()["most_cards"]]]


def _told_above(item: _Item, items: Sequence[_Item]) -> bool:
    """Whether a place above says the same: the coronary arteries speak for each of them."""
    return any(
        item.finding is not other.finding
        and item.finding is not None
        and other.finding is not None
        and within(item.finding.site, other.finding.site)
        and other.level.rank >= item.level.rank
        for other in items
    )


def _card(item: _Item, meaning: Interpretation, instance: UUID, lead: str) -> Json:
    finding = item.finding
    sources = {one.id: one for one in meaning.sources}
    cited = [one.source for one in finding.seriousness.reasons] if finding else []
    cited += [one.source for one in item.advice]
    known = [sources[one] for one in dict.fromkeys(cited) if one in sources]
    first = known[0] if known else None
    topic = (
        {"system": f"{_base()}/CodeSystem/site", "code": finding.site, "display": finding.label} if finding else None
    )
    links = [{"label": one.citation, "url": url, "type": "absolute"} for one in known if (url := _address(one))]
    return {
        "uuid": str(uuid5(instance, f"{lead}{finding.site if finding else ''}")),
        "summary": _summary(lead + _head(item)),
        "detail": "\n".join(_detail(item, meaning)),
        "indicator": _settings()["indicators"][item.level.value],
        "source": {
            "label": first.citation if first else "Calciscope",
            "url": _address(first) or _HOME,
            **({"topic": topic} if topic else {}),
        },
        "links": links,
    }


def _head(item: _Item) -> str:
    if item.finding is None:
        return item.advice[0].text
    return f"{item.level.value.capitalize()}: calcification of the {item.finding.label}{_size(item.finding)}"


def _detail(item: _Item, meaning: Interpretation) -> Iterator[str]:
    """Markdown: why, what next, what is not on record, and who decides."""
    if item.finding is not None:
        yield "**Why**"
        for reason in item.finding.seriousness.reasons:
            yield f"- {reason.statement}" + (f" ({reason.edition})" if reason.edition else "")
    if item.advice:
        yield "\n**To consider**"
        for one in item.advice:
            yield f"- {one.text}"
    waiting = list(_unknown(item.finding, meaning)) if item.finding else []
    if waiting:
        yield "\n**Not on record**"
        for line in waiting:
            yield f"- {line}"
    yield f"\n_{DISCLAIMER}_"


def _unknown(finding: Finding, meaning: Interpretation) -> Iterator[str]:
    """What is unknown about this finding: sentences that name its place, or no place where there is but one."""
    for unknown in meaning.unknowns:
        for sentence in _SENTENCES.split(unknown.would_change):
            places = {one.label for one in meaning.findings if one.label in sentence}
            if finding.label in places or (not places and len(meaning.findings) == 1):
                yield sentence


def _size(finding: Finding) -> str:
    score, size = finding.measures.get("agatston"), finding.measures.get("diameter")
    if score is not None and score.value is not None:
        # Between 0 and 1 there is calcium, which a rounded 0 would deny.
        return f" (Agatston score {score.value:.0f})" if score.value == 0 or score.value >= 1 else " (score below 1)"
    return f" ({size.value:.2g} mm)" if size is not None and size.value is not None else ""


def _summary(text: str) -> str:
    return text if len(text) <= _SUMMARY else f"{text[: _SUMMARY - 1].rstrip()}…"


def _level(finding: Finding) -> Seriousness:
    return Seriousness(finding.seriousness.value or "none")


def _address(source: Source | None) -> str | None:
    return f"https://doi.org/{source.doi}" if source and source.doi else None
