"""Mentions -> what is known of each place: stated findings, doubtful ones, and places that are said to be free."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from calciscope.domain.mention import Assertion, Mention
from calciscope.domain.patient import StatedFinding, Value
from calciscope.domain.site import SIDES, exists, split, within
from calciscope.text.attributes import Values, largest
from calciscope.text.lexicon import lexicon

_BOTH = "bilateral"
# Words that rules read of the finding alone, as they read those of the patient.
SAID = "said"
_BY = "the report"
# What is possible below these headings is what the examination was to answer, and no result.
_ASKED = ("indication", "clinical", "history", "comparison", "technique")


@dataclass(frozen=True, slots=True)
class Told:
    """What a report tells: findings it affirms, findings it is not sure of, and places it says are free of calcium."""

    stated: tuple[StatedFinding, ...] = ()
    possible: tuple[StatedFinding, ...] = ()
    absent: tuple[str, ...] = ()


def told(mentions: Sequence[Mention]) -> Told:
    """One finding a place; a place is doubtful or free only where no other mention affirms it."""
    affirmed = _grouped([one for one in mentions if one.assertion is Assertion.AFFIRMED])
    possible = _grouped([one for one in mentions if one.assertion is Assertion.POSSIBLE and one.section not in _ASKED])
    denied = _grouped([one for one in mentions if one.assertion is Assertion.NEGATED])
    return Told(
        tuple(_finding(site, group) for site, group in affirmed.items()),
        tuple(_finding(site, group) for site, group in possible.items() if not _covered(site, affirmed)),
        tuple(site for site in denied if not _covered(site, affirmed) and not _covered(site, possible)),
    )


def _grouped(mentions: Sequence[Mention]) -> Mapping[str, list[Mention]]:
    """Mentions by place. One without a side belongs to the only side that others name."""
    found: dict[str, list[Mention]] = {}
    for one in mentions:
        for base in (one.site, *one.also):
            found.setdefault(one.path(base), []).append(one)
    for site in [site for site in found if split(site)[1] is None]:
        sided = [f"{site}.{side}" for side in SIDES if f"{site}.{side}" in found]
        both = any(one.laterality == _BOTH for one in found[site])
        if len(sided) == 1 and not both:
            found[sided[0]] += found.pop(site)
    return found


def _covered(site: str, others: Mapping[str, object]) -> bool:
    return any(within(other, site) or within(site, other) for other in others)


def _finding(site: str, group: Sequence[Mention]) -> StatedFinding:
    base = split(site)[0]
    # A size or count of several places at once is that of none of them for certain.
    whole = largest([_of_one(one) for one in group])
    values: dict[str, Value] = {}
    if isinstance(whole.get("size_mm"), float):
        values["diameter"] = whole["size_mm"]
    if isinstance(whole.get("hu"), float):
        values["attenuation"] = whole["hu"]
    if isinstance(whole.get("agatston"), float) and within(base, "heart") | within(base, "artery"):
        values["agatston"] = whole["agatston"]
    number = whole.get("count")
    if number is not None and number in ("single", *_counted(number)):
        values["count"] = 1.0 if number == "single" else float(number)
    if "birads" in whole and within(base, "breast"):
        values["birads"] = str(whole["birads"])
    values |= _words(base, whole)
    if said := _said(base, group):
        values[SAID] = "; ".join(said)
    if any(one.laterality == _BOTH for one in group) and split(site)[1] is None and exists(f"{base}.left"):
        values["symmetry"] = _BOTH
    return StatedFinding(site, MappingProxyType(values), by=_BY)


def _said(base: str, group: Sequence[Mention]) -> list[str]:
    """What is said of a finding in the words that rules read; nothing where its mentions differ."""
    found = []
    for one in lexicon().said:
        values = {str(each.attributes[one["key"]]) for each in group if one["key"] in each.attributes}
        years = max((_number(each.attributes.get("change_years")) for each in group), default=0.0)
        if values == {one["is"]} and within(base, one["site"]) and years >= float(one.get("years", 0)):
            found.append(one["says"])
    return found


def _number(value: float | str | None) -> float:
    return value if isinstance(value, float) else 0.0


def _counted(number: float | str) -> tuple[float, ...]:
    return (number,) if isinstance(number, float) else ()


def _of_one(mention: Mention) -> Values:
    several = {"size_mm", "size_text", "count", "hu"} if mention.also else set()
    return {key: value for key, value in mention.attributes.items() if key not in several}


def _words(base: str, whole: Values) -> dict[str, Value]:
    """The words that rules of this place read; of several the first, which is that nearest to the front of its list."""
    found: dict[str, Value] = {}
    for key, limits in lexicon().finding.items():
        if key not in whole or ("sites" in limits and not any(within(base, one) for one in limits["sites"])):
            continue
        said = [word for word in str(whole[key]).split(", ") if word in limits.get("words", [word])]
        if said:
            found[key] = said[0]
    return found
