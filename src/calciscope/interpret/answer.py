"""The answer in one sentence."""

from __future__ import annotations

from collections.abc import Sequence

from calciscope.domain.assessment import Finding, Kind, Seriousness, Validity
from calciscope.domain.site import REGIONS, UNPLACED, within
from calciscope.interpret.rules import CompiledRule

_WHAT = {
    Kind.DYSTROPHIC: "dystrophic calcification",
    Kind.METASTATIC: "metastatic calcification",
    Kind.IDIOPATHIC: "idiopathic calcification",
    Kind.IATROGENIC: "iatrogenic calcification",
    Kind.CALCIPHYLAXIS: "calciphylaxis",
    Kind.TUMORAL: "tumoral calcinosis",
    Kind.OSSIFICATION: "ossification",
    Kind.LITHIASIS: "lithiasis (stone)",
    Kind.PHYSIOLOGICAL: "physiological calcification",
    Kind.INDETERMINATE: "calcification of indeterminate kind",
}
_SHORT = {Kind.LITHIASIS: "a stone", Kind.TUMORAL: "tumoral calcinosis"}
_LEVEL = {
    Seriousness.NONE: "Normal",
    Seriousness.INCIDENTAL: "Incidental",
    Seriousness.MONITOR: "To be monitored",
    Seriousness.SIGNIFICANT: "Significant",
    Seriousness.URGENT: "Urgent",
}
# Which number names a finding in the sentence, the first that it has; the Agatston score belongs to these sites only.
_SIZES = ("agatston", "diameter", "count", "volume")
_SCORED = ("heart", "artery")


def answer(
    findings: Sequence[Finding],
    about_patient: Sequence[CompiledRule],
    seriousness: Seriousness,
    *,
    imaged: bool,
    not_judged: Sequence[str],
) -> str:
    """One sentence: how serious, what, where, and how many other findings there are."""
    if not findings:
        return _nothing(imaged, not_judged)
    present = [one for one in principal(findings) if one.kind.value is not None]
    present.sort(key=order)
    highest = max(_level(one).rank for one in findings)
    alarm = _alarm(about_patient, seriousness) if seriousness.rank > highest else ""
    if not present:
        return f"{_LEVEL[seriousness]}: {alarm}{_none_there(findings)}"
    named = f"{_what(present[0])}{_others(present)}."
    return f"{_LEVEL[seriousness]}: {alarm}{'of the calcifications the most serious is ' if alarm else ''}{named}"


def order(finding: Finding) -> tuple[int, bool, float]:
    """The most serious first; among equals a place that is known before a region, then the larger volume."""
    volume = finding.measures.get("volume")
    size = volume.value if volume is not None and volume.value is not None else 0.0
    return -_level(finding).rank, finding.site in (*REGIONS, UNPLACED), -size


def _alarm(about_patient: Sequence[CompiledRule], seriousness: Seriousness) -> str:
    """What makes the patient more serious than any finding."""
    rules = [rule.rule for rule in about_patient if rule.rule.then.at_least == seriousness]
    said = next((rule.then.note or rule.statement for rule in rules), "")
    return f"{said.rstrip('.')}; " if said else ""


def _level(finding: Finding) -> Seriousness:
    return Seriousness(finding.seriousness.value or "none")


def principal(findings: Sequence[Finding]) -> list[Finding]:
    """Each thing once: a total that was given a class instead of its parts, else the parts instead of their sum."""
    kept = [
        one
        for one in findings
        if any(measure.category for measure in one.measures.values())
        and any(other.site.startswith(one.site + ".") for other in findings)
    ]
    hidden = {part.site for part in findings for total in kept if part.site.startswith(total.site + ".")}
    return [one for one in findings if one.site not in hidden and (one in kept or not one.rollup)]


def _what(finding: Finding) -> str:
    kind = Kind(finding.kind.value or Kind.INDETERMINATE)
    where = "at a place that could not be told" if finding.site == UNPLACED else f"of the {finding.label}"
    what = _WHAT[kind]
    if kind is Kind.INDETERMINATE and len(finding.kind.between) > 1:
        *first, last = (_SHORT.get(Kind(one), one) for one in finding.kind.between)
        what = f"calcification ({', '.join(first)} or {last})"
    return f"{what} {where}{_size(finding)}"


def _size(finding: Finding) -> str:
    for name in _SIZES:
        measure = finding.measures.get(name)
        if measure is None or measure.value is None or measure.validity is Validity.REFUSED:
            continue
        if name == "agatston" and not any(within(finding.site, place) for place in _SCORED):
            continue
        number = "<1" if 0 < measure.value < 1 and name == "agatston" else f"{measure.value:.1f}".removesuffix(".0")
        if name == "agatston":
            number = number if number == "<1" else f"{measure.value:.0f}"
            return f" (Agatston score {number})"
        if name == "count":
            return f" ({measure.value:.0f} deposits)" if measure.value > 1 else ""
        return f" ({number} {measure.unit})"
    return ""


def _others(present: Sequence[Finding]) -> str:
    rest = present[1:]
    if not rest:
        return ""
    equal = sum(_level(one) == _level(present[0]) for one in rest)
    less = len(rest) - equal
    parts = []
    if equal:
        parts.append(f"{equal} other finding{'s are' if equal > 1 else ' is'} as serious")
    if less:
        parts.append(f"{less}{'' if equal else ' other'} finding{'s are' if less > 1 else ' is'} less serious")
    return "; " + " and ".join(parts)


def _none_there(findings: Sequence[Finding]) -> str:
    return f"no calcium is there ({', '.join(one.label for one in findings[:4])})."


def _nothing(imaged: bool, not_judged: Sequence[str]) -> str:
    if not imaged:
        return "No finding and no image was given, so there was nothing to judge; this is not an all-clear."
    limits = f"; not judged: {', '.join(not_judged)}" if not_judged else ""
    return f"No calcium deposit was found in what was imaged{limits}."
