"""What a report says and what images show, joined by place; where they disagree, that is a result of its own."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

from calciscope.domain.assessment import Finding
from calciscope.domain.measured import MeasuredSite
from calciscope.domain.mention import Assertion, Disagreement, Mention
from calciscope.domain.patient import StatedFinding
from calciscope.domain.site import label, within
from calciscope.text.findings import Told
from calciscope.text.sentences import words

_STATED = "_stated"
_CORONARY = "artery.coronary"


def joined(said: Told, seen: Sequence[MeasuredSite]) -> tuple[StatedFinding, ...]:
    """The stated findings at the places of the images.

    A report that names no side or only the whole ("the aorta") means the one part that holds deposits; where several
    do and the report states no number, the images say all that it says.
    """
    found = []
    for finding in said.stated:
        below = [one.site for one in seen if one.placed and within(one.site, finding.site)]
        exact = any(one.site == finding.site for one in seen)
        if not exact and len(below) == 1:
            found.append(replace(finding, site=below[0]))
        elif exact or not below or finding.values:
            found.append(finding)
    return tuple(found)


def unseen(said: Told, seen: Sequence[MeasuredSite]) -> tuple[StatedFinding, ...]:
    """What the report calls possible at places where the images show nothing that would answer it."""
    places = [one.site for one in seen if one.placed]
    return tuple(one for one in said.possible if not any(within(at, one.site) or within(one.site, at) for at in places))


def disagreements(
    said: Told,
    mentions: Sequence[Mention],
    seen: Sequence[MeasuredSite],
    findings: Sequence[Finding],
    searched: frozenset[str],
) -> tuple[Disagreement, ...]:
    """Where report and images say different things: denied but seen, affirmed but not seen, or another number.

    ``searched`` are the places (without sides) that the images show.
    """
    deposits = {one.site: len(one.placed) for one in seen if one.placed}
    return (*_denied(said, mentions, deposits), *_missed(said, mentions, deposits, searched), *_numbers(findings))


def _denied(said: Told, mentions: Sequence[Mention], deposits: dict[str, int]) -> list[Disagreement]:
    texts = words()["disagreement"]
    found = []
    for site in said.absent:
        # "Noncalcified nodule" speaks of one nodule and denies nothing of the place.
        speaking = [one for one in _of(mentions, site, Assertion.NEGATED) if one.because.get("assertion") != one.text]
        at = [place for place in deposits if within(place, site)]
        if speaking and at:
            count = sum(deposits[place] for place in at)
            found.append(
                Disagreement(
                    site=at[0] if len(at) == 1 else site,
                    report=texts["denied"].format(quote=speaking[0].quote),
                    image=texts["seen"].format(count=f"{count} deposit{'s' if count > 1 else ''}"),
                )
            )
    return found


def _missed(
    said: Told, mentions: Sequence[Mention], deposits: dict[str, int], searched: frozenset[str]
) -> list[Disagreement]:
    texts = words()["disagreement"]
    found = []
    for finding in said.stated:
        near = any(within(at, finding.site) or within(finding.site, at) for at in deposits)
        speaking = _of(mentions, finding.site, Assertion.AFFIRMED)
        says_none = finding.values.get("agatston") == 0.0
        if not near and not says_none and speaking and any(within(finding.site, place) for place in searched):
            report = texts["affirmed"].format(quote=speaking[0].quote)
            found.append(Disagreement(site=finding.site, report=report, image=texts["unseen"]))
    return found


def _of(mentions: Sequence[Mention], site: str, assertion: Assertion) -> list[Mention]:
    return [one for one in mentions if one.assertion is assertion and any(within(site, path) for path in one.paths())]


def _numbers(findings: Sequence[Finding]) -> list[Disagreement]:
    """Numbers that the report states and the image measures otherwise: the interpretation marked them so."""
    texts = words()["disagreement"]
    found = []
    for one in findings:
        for key, told in one.measures.items():
            seen = one.measures.get(key.removesuffix(_STATED))
            if not key.endswith(_STATED) or seen is None or told.value is None or seen.value is None:
                continue
            if "the report" in (told.why or "") and "disagrees" in (told.why or ""):
                name = key.removesuffix(_STATED)
                report, image = (texts["number"].format(name=name, value=value) for value in (told.value, seen.value))
                found.append(Disagreement(site=one.site, report=report, image=image))
    return found


def classes(
    mentions: Sequence[Mention], findings: Sequence[Finding], class_of: Callable[[str, str, float], str | None]
) -> tuple[Disagreement, ...]:
    """Numbers near each other that fall into different classes, and CAC-DRS classes that the image does not give.

    ``class_of`` says which classes a number (place, name, value) has by the rules.
    """
    texts = words()["disagreement"]
    found = []
    for one in findings:
        for key, measure in one.measures.items():
            told = one.measures.get(f"{key}{_STATED}")
            said = class_of(one.site, key, told.value) if told is not None and told.value is not None else None
            if said is None:
                said = next((f"CAC-DRS {each}" for each in _drs(mentions) if within(one.site, _CORONARY)), None)
                said = said if key == "agatston" else None
            if (differ := _other_class(said, measure.category)) is not None:
                report, image = (texts["class"].format(value=value) for value in differ)
                found.append(Disagreement(site=one.site, report=report, image=image))
    return tuple(found)


def _drs(mentions: Sequence[Mention]) -> list[str]:
    said = (str(one.attributes["cac_drs"]) for one in mentions if "cac_drs" in one.attributes)
    return [match for text in said for match in re.findall(r"[AVN]\d", text)][:1]


def _other_class(told: str | None, seen: str | None) -> tuple[str, str] | None:
    """The first class that both give of one scheme and letter and that differs, as both say it."""
    if told is None or seen is None:
        return None
    there = {_scheme(one): one for one in seen.split("; ")}
    for one in told.split("; "):
        other = there.get(_scheme(one))
        if other is not None and other.rsplit(" ", 1)[-1] != one.rsplit(" ", 1)[-1]:
            return one, other
    return None


def _scheme(text: str) -> tuple[str, str]:
    """The scheme without its year, and the letters of the class: "CAC-DRS 2018 A2" is CAC-DRS, A."""
    name, _, value = text.rpartition(" ")
    return re.sub(r"\s*\d{4}", "", name), value.rstrip("0123456789")


def sentence(found: Sequence[Disagreement]) -> str:
    """One sentence for the answer, or nothing."""
    if not found:
        return ""
    places = ", ".join(dict.fromkeys(label(one.site) for one in found))
    return str(words()["disagreement"]["sentence"].format(places=places))
