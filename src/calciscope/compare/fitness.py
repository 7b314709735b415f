"""What differs between the two acquisitions, and what that does to each change. The rules are data."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from calciscope.compare.model import Difference
from calciscope.domain.assessment import Assessment, SeriesUse
from calciscope.interpret import progression
from calciscope.interpret.context import Inputs, evaluator, value_of
from calciscope.interpret.rules import Condition, condition_of
from calciscope.interpret.schema import Fact

_FILE = "progression.yaml"
_KNOWN = ("kvp", "thickness", "increment", "kernel", "contrast", "preset")
_NAMES = frozenset({f"{side}_{name}" for side in ("old", "new") for name in _KNOWN} | {"unknown"})
# What a scan should say of itself; what it does not say may differ.
_ASKED = {"kvp": "tube voltage", "thickness": "slice thickness", "kernel": "kernel"}


def series_of(assessment: Assessment) -> SeriesUse | None:
    """The series that the numbers come from: of those that are used the one that is scored, else the largest."""
    used = [one for one in assessment.acquisition if one.used]
    return max(used, key=lambda one: ("score" in one.uses, one.slices), default=None)


def differences(old: Assessment, new: Assessment) -> tuple[Difference, ...]:
    """Every difference that the knowledge knows of; none where one of the two had no image."""
    sides = {"old": series_of(old), "new": series_of(new)}
    if None in sides.values():
        return ()
    facts: dict[str, Fact] = {"old_preset": old.provenance.preset, "new_preset": new.provenance.preset}
    for side, series in sides.items():
        if series is not None:
            facts |= {f"{side}_{name}": value for name, value in _facts(series).items()}
    facts["unknown"] = [
        words for name, words in _ASKED.items() if f"old_{name}" not in facts or f"new_{name}" not in facts
    ]
    context = evaluator(Inputs(facts))
    found = []
    for one in progression.data().differences:
        condition = _compiled(one.when)
        if condition.names <= facts.keys() and value_of(condition, context, f"{_FILE}: {one.id}") is True:
            words = _words(facts)
            found.append(
                Difference(
                    id=one.id,
                    measures=one.measures,
                    validity=one.validity,
                    why=one.why.format_map(words),
                    errs=one.errs.format_map(words),
                    source=one.source,
                    status=one.status,
                )
            )
    return tuple(found)


def _facts(series: SeriesUse) -> dict[str, Fact]:
    given: dict[str, Fact | None] = {
        "kvp": series.kvp,
        "thickness": series.slice_thickness_mm,
        "increment": max(series.spacing_mm),
        "kernel": series.kernel or None,
        "contrast": series.contrast,
    }
    return {name: value for name, value in given.items() if value is not None}


def _words(facts: Mapping[str, Fact]) -> dict[str, object]:
    """The facts as a sentence needs them, with which of the two scans is meant."""
    words: dict[str, object] = dict(facts)
    unknown = facts["unknown"]
    words["unknown"] = ", ".join(unknown) if isinstance(unknown, list) else unknown
    for word, name in (("lower_kvp", "kvp"), ("thinner", "thickness")):
        old, new = facts.get(f"old_{name}"), facts.get(f"new_{name}")
        if isinstance(old, float) and isinstance(new, float):
            words[word] = "the old scan" if old < new else "the new scan"
    return words


@lru_cache(maxsize=64)
def _compiled(text: str) -> Condition:
    return condition_of(text, _NAMES, _FILE)
