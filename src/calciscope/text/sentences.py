"""Sentences about what a report says: for the answer, and where report and image disagree."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from calciscope.domain.assessment import Finding, Seriousness
from calciscope.domain.mention import Assertion, Mention
from calciscope.domain.site import UNPLACED, label
from calciscope.text import lexicon
from calciscope.text.findings import Told

_MOST_QUOTES = 3


@lru_cache(maxsize=1)
def words() -> dict[str, Any]:
    """The sentences of ``knowledge/text/words.yaml``."""
    return lexicon.read("words")


def answer(
    meant: str, findings: Sequence[Finding], unsure: frozenset[str], said: Told, mentions: Sequence[Mention]
) -> str:
    """The answer of the interpretation, with what a report leaves open, denies or tells of other times and people."""
    texts = words()["answer"]
    if findings:
        highest = max(_rank(one) for one in findings)
        only_doubt = all(one.site in unsure for one in findings if _rank(one) == highest)
        lead = f"{texts['if_so']}{meant[:1].lower()}{meant[1:]}" if only_doubt else meant
        doubts = [label(one.site) for one in findings if one.site in unsure]
        return f"{lead} {texts['doubt'].format(places=', '.join(doubts))}" if doubts else lead
    if said.absent:
        places = [label(site) for site in said.absent if site != UNPLACED]
        return str(texts["absent"].format(places=", ".join(places)) if places else texts["unplaced_negated"])
    for assertion, key in ((Assertion.HISTORICAL, "past"), (Assertion.OTHER, "other")):
        if quotes := [f"“{one.quote}”" for one in mentions if one.assertion is assertion]:
            return str(texts[key].format(quotes=", ".join(dict.fromkeys(quotes[:_MOST_QUOTES]))))
    return str(texts["silent"])


def _rank(finding: Finding) -> int:
    return Seriousness(finding.seriousness.value or "none").rank
