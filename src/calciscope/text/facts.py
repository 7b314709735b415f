"""What a report says of the patient besides calcium: age, sex, and what its words of conditions and symptoms say."""

from __future__ import annotations

import re
from collections.abc import Iterator

from calciscope.domain.mention import Assertion, PatientFact
from calciscope.domain.site import SIDES
from calciscope.text.context import decide, modifiers
from calciscope.text.lexicon import Lexicon, Term
from calciscope.text.tokens import Hit, Parsed, Sentence

_UNITS = {"y": 1.0, "m": 12.0, "w": 52.0, "d": 365.0}
_OLD = r"(?P<unit>years?|yrs?|months?|weeks?|days?|y)[\s./-]*(?:old\b|o\b\.?)|(?P<short>yo|y\.o\.)(?!\w)"
_FOLK = r"(?:[\s,-]+(?:white|black|caucasian|hispanic|asian|african|american|adult|obese|otherwise|healthy|pregnant))*"
_SEX = r"(?P<sex>females?|males?|woman|man|boy|girl|gentleman|lady|[MF]\b)"
_AGE = re.compile(rf"(?<![\d.])(?P<age>\d{{1,3}})[\s-]*(?:{_OLD})(?:{_FOLK}[\s,-]+{_SEX})?", re.IGNORECASE)
# "62F with" is a patient; "18F-FDG" is none.
_BRIEF = re.compile(r"(?<![\d.])(?P<age>\d{2})\s?(?P<sex>[MF])(?=\s+(?:with|w/|s/p|presenting|who|here|status)|,)")
_HEADER_AGE = re.compile(r"\b(?:patient\s+)?age\s*:\s*(?P<age>\d{1,3})(?:\s*(?P<unit>y|m|w|d))?", re.IGNORECASE)
_HEADER_SEX = re.compile(r"\b(?:sex|gender)\s*:\s*(?P<sex>female|male|[FM])\b", re.IGNORECASE)
_MALE = frozenset({"male", "males", "man", "boy", "gentleman", "m"})
_OLDEST = 120.0
_NEAR = 4
# What stands below these headings is known of the patient and not seen in the image.
_BEFORE = frozenset({"history", "clinical", "indication"})
_OTHERS = frozenset({"family", "comparison"})
_ANY = Term("fact", "", "any")


def facts(parsed: Parsed, lexicon: Lexicon, name: str | None = None) -> tuple[PatientFact, ...]:
    """Age, sex, and affirmed or denied words of ``knowledge/text/facts.yaml``, each once.

    Where a report gives two ages or sexes both are told and neither is used: nobody says which is the patient's.
    """
    persons = [one for one in _persons(parsed, name) if not _of_somebody_else(parsed, one)]
    aged = {at for one in persons for at, each in enumerate(parsed.sentences) if _holds(parsed, each, one.start)}
    said = [
        one
        for number, sentence in enumerate(parsed.sentences)
        for one in _of_sentence(parsed, sentence, lexicon, number in aged, name)
    ]
    affirmed = {one.value for one in said if not one.denied}
    found: dict[tuple[str, float | str, str | None], PatientFact] = {}
    for one in (*persons, *said):
        # What one sentence affirms and another denies is of another side or time; what one denies of a side alone is
        # not denied of the patient.
        if not (one.denied and (one.value in affirmed or one.laterality)):
            found.setdefault((one.key, one.value, one.laterality), one)
    every = tuple(found.values())
    twice = {key for key in ("age", "sex") if sum(one.key == key for one in every) > 1}
    return tuple(
        one.model_copy(update={"used": False, "why": "the report gives another one too"}) if one.key in twice else one
        for one in every
    )


def _persons(parsed: Parsed, name: str | None) -> Iterator[PatientFact]:
    """Age and sex as they stand in the text."""
    for pattern in (_HEADER_AGE, _AGE, _BRIEF, _HEADER_SEX):
        for match in pattern.finditer(parsed.text):
            said = match.groupdict()
            if said.get("age"):
                unit = (said.get("unit") or said.get("short") or "y")[0].lower()
                years = float(said["age"]) / _UNITS[unit]
                if years <= _OLDEST:
                    yield _person("age", round(years, 2), match, name)
            if said.get("sex"):
                yield _person("sex", "male" if said["sex"].lower() in _MALE else "female", match, name)


def _person(key: str, value: float | str, match: re.Match[str], name: str | None) -> PatientFact:
    return PatientFact(key=key, value=value, start=match.start(), end=match.end(), text=match[0], report=name)


def _of_somebody_else(parsed: Parsed, fact: PatientFact) -> bool:
    sentence = next((one for one in parsed.sentences if _holds(parsed, one, fact.start)), None)
    if sentence is None:
        return False
    inside = [at for at in range(sentence.start, sentence.end) if parsed.tokens[at].start < fact.end]
    inside = [at for at in inside if fact.start < parsed.tokens[at].end]
    if not inside:
        return False
    said = decide(hit := Hit(_ANY, inside[0], inside[-1] + 1), modifiers(sentence, [hit]))[0]
    return sentence.section == "family" or said is Assertion.OTHER


def _holds(parsed: Parsed, sentence: Sentence, at: int) -> bool:
    start, end = parsed.span(sentence.start, sentence.end)
    return start <= at < end


def _of_sentence(
    parsed: Parsed, sentence: Sentence, lexicon: Lexicon, aged: bool, name: str | None
) -> Iterator[PatientFact]:
    if sentence.section in _OTHERS:
        return
    before = aged or sentence.section in _BEFORE
    for hit in sentence.of("fact"):
        said = decide(hit, modifiers(sentence, [hit]))[0]
        denied = _denied(hit, said, sentence.section, before or _known(hit, sentence, lexicon))
        if denied is None:
            continue
        start, end = parsed.span(hit.start, hit.end)
        yield PatientFact(
            key="",
            value=hit.term.key,
            denied=denied,
            laterality=_side(sentence, hit) if hit.term.value == "seen" else None,
            start=start,
            end=end,
            text=parsed.text[start:end],
            report=name,
        )


def _denied(hit: Hit, said: Assertion, section: str | None, known: bool) -> bool | None:
    """Whether a fact is denied; ``None`` where the sentence says neither that it is so nor that it is not."""
    kind, lasts = hit.term.value, said in (Assertion.AFFIRMED, Assertion.HISTORICAL)
    if kind == "seen" and section in _BEFORE:
        return None
    if kind == "state" and section == "history":
        return None
    if kind in ("seen", "state"):
        return {Assertion.AFFIRMED: False, Assertion.NEGATED: True}.get(said)
    if kind == "lasting":
        return False if lasts else None
    return False if kind == "told" and lasts and known else None


def _known(hit: Hit, sentence: Sentence, lexicon: Lexicon) -> bool:
    return any(0 <= hit.start - one.end <= lexicon.known_reach for one in sentence.of("known"))


def _side(sentence: Sentence, hit: Hit) -> str | None:
    """The side that stands within a few words of a fact, where one alone does."""
    found = {one.term.key for one in sentence.of("side") if one.gap(hit) <= _NEAR}
    return found.pop() if len(found) == 1 and found <= set(SIDES) else None
