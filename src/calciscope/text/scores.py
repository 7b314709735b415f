"""Scores and categories that a report states: Agatston, single arteries, BI-RADS, CAC-DRS."""

from __future__ import annotations

import re
from dataclasses import dataclass

from calciscope.text.tokens import Parsed, Sentence

_NUMBER = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+"
_SCORE = re.compile(
    rf"^\W*(?:(?:of|is|was|are|were|total|calculated|measured|at|equals|approximately|by|the|method|agatston|score|units|"
    rf"in|estimated|equal|to|about|today)\b\W*)*(?P<value>{_NUMBER})(?!\s*(?:%|mm|cm|th|st|nd|rd|/))",
    re.IGNORECASE,
)
_VESSEL = re.compile(
    rf"\b(?P<vessel>left main|LMCA|LM|LAD|left anterior descending|LCX|LCx|circumflex|RCA|right coronary artery)\b"
    rf"\s*(?:artery)?\s*(?:[:=]|score of|score|-)\s*(?P<value>{_NUMBER})(?!\s*(?:%|mm|cm))",
    re.IGNORECASE,
)
_BIRADS = re.compile(
    r"BI[- ]?RADS(?:\s*(?:category|assessment|score|final))*\s*[:#-]?\s*([0-6][abc]?)\b", re.IGNORECASE
)
_CACDRS = re.compile(r"CAC[- ]?DRS\s*:?\s*([AV]?\s*[0-3](?:\s*/\s*N\s*[0-4])?)", re.IGNORECASE)
_VESSELS = {"lm": "lm", "left main": "lm", "lmca": "lm", "lad": "lad", "left anterior descending": "lad"}
_VESSELS |= {"lcx": "lcx", "circumflex": "lcx", "rca": "rca", "right coronary artery": "rca"}


@dataclass(frozen=True, slots=True)
class Score:
    """A score that the text states: key, place, value, and its characters."""

    key: str
    site: str
    value: float
    start: int
    end: int


def scores(parsed: Parsed, sentence: Sentence) -> list[Score]:
    """Scores with a number, also those of single coronary arteries beside a score."""
    found = []
    for hit in sentence.of("score"):
        start, stop = parsed.span(hit.start, hit.end)
        match = _SCORE.match(parsed.text[stop : stop + 60])
        if match is not None:
            found.append(Score(hit.term.key, hit.term.value, _number(match["value"]), start, stop + match.end()))
    return found


def vessel_scores(parsed: Parsed) -> list[Score]:
    """Scores of single coronary arteries ("LAD: 120") in a text that speaks of a score."""
    if not any(sentence.of("score") for sentence in parsed.sentences):
        return []
    found = []
    for match in _VESSEL.finditer(parsed.text):
        site = f"artery.coronary.{_VESSELS[match['vessel'].lower()]}"
        found.append(Score("agatston", site, _number(match["value"]), *match.span()))
    return found


def categories(text: str) -> dict[str, str]:
    """BI-RADS and CAC-DRS categories that the text states once; what it states differently twice is nobody's."""
    found = {}
    for key, pattern in (("birads", _BIRADS), ("cac_drs", _CACDRS)):
        said = {match[1].lower().replace(" ", "") for match in pattern.finditer(text)}
        if len(said) == 1:
            found[key] = said.pop().upper() if key == "cac_drs" else said.pop()
    return found


def _number(text: str) -> float:
    return float(text.replace(",", ""))
