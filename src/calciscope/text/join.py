"""What a report says and what images show, joined by place; where they disagree, that is a result of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from calciscope.domain.assessment import Finding
from calciscope.domain.measured import MeasuredSite
from calciscope.domain.mention import Assertion, Disagreement, Mention
from calciscope.domain.patient import StatedFinding
from calciscope.domain.site import label, within
from calciscope.text.findings import Told
from calciscope.text.sentences import words

_STATED = "_stated"


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


def sentence(found: Sequence[Disagreement]) -> str:
    """One sentence for the answer, or nothing."""
    if not found:
        return ""
    places = ", ".join(dict.fromkeys(label(one.site) for one in found))
    return str(words()["disagreement"]["sentence"].format(places=places))
