"""The sites of several series of one patient as one set of sites.

A series either shows a part of the body that the others do not, and its calcium is added; or it shows the same part
and is the better one to score, and its scores replace those of the series in which the deposits were found.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

import numpy as np

from calciscope.domain.assessment import Measure, Validity
from calciscope.domain.deposit import PlacedDeposit
from calciscope.domain.measured import MeasuredSite
from calciscope.domain.patient import Value
from calciscope.domain.site import within
from calciscope.measure.gate import STRICTNESS, Gate, acquisition_rules
from calciscope.measure.heart import HEART
from calciscope.measure.rollup import MASSES, SUMMED, VALUE_NAMES, children, pooled, rollups, total
from calciscope.measure.zero import better_zero, is_zero

# Deposits of two series closer than this (mm) can be one deposit, seen twice: breathing moves organs by about as much.
SAME_MM = 6.0


def merge(
    sites: Sequence[MeasuredSite], more: Sequence[MeasuredSite], *, score: bool = False
) -> tuple[MeasuredSite, ...]:
    """``sites`` with those of a further series, roll-ups computed again.

    With ``score`` the further series was chosen to score what the earlier ones found: its Agatston, mass and, where
    calcium scores are defined, volume replace the earlier ones unless they are less valid; a site that only it shows
    is added. Without, the series shows another part of the body, and what lies in both adds up.
    """
    if not sites:
        return tuple(more)
    every = [{one.site: one for one in group} for group in (sites, more)]
    zeros = [one for group in every for one in group.values() if is_zero(one, group)]
    first, second = ({path: one for path, one in group.items() if one not in zeros} for group in every)
    result = _scored(first, second) if score else _added(first, second)
    own = {path: one for path, one in result.items() if not one.rollup}
    totals = {path for group in (first, second) for path, one in group.items() if _holds_more(one, group)}
    if not score:
        # A parent seen whole in one series was joined with the sum of its parts in the other: it holds them already.
        totals |= {p for p in first.keys() ^ second.keys() if _whole(p, first) and _whole(p, second)}
    return _with_zeros(rollups(own, totals & own.keys()), zeros)


def _with_zeros(sites: tuple[MeasuredSite, ...], zeros: Sequence[MeasuredSite]) -> tuple[MeasuredSite, ...]:
    """The sites, and what one series saw to be free of calcium where no series found any that may lie there."""
    found = {one.site for one in sites}
    kept: dict[str, MeasuredSite] = {}
    for one in zeros:
        if HEART not in found and not any(within(path, one.site) for path in found):
            kept[one.site] = better_zero(kept[one.site], one) if one.site in kept else one
    return tuple(sorted((*sites, *kept.values()), key=lambda one: one.site))


def _holds_more(one: MeasuredSite, group: Mapping[str, MeasuredSite]) -> bool:
    """Whether the numbers of a parent that owns deposits hold the places below it as well."""
    return not one.rollup and one.site in _parents() and bool(children(one.site, group))


def _parents() -> set[str]:
    return {rule.site for rule in acquisition_rules().rollups}


def _added(first: Mapping[str, MeasuredSite], second: Mapping[str, MeasuredSite]) -> dict[str, MeasuredSite]:
    result: dict[str, MeasuredSite] = {}
    for path in {**first, **second}:
        parts = [part for group in (first, second) if (part := _whole(path, group))]
        result[path] = parts[0] if len(parts) == 1 else _joined(*parts)
    return result


def _whole(path: str, group: Mapping[str, MeasuredSite]) -> MeasuredSite | None:
    """A site of one series; a parent that the other series knows is summed here from the places below it."""
    if path in group:
        return group[path]
    below = children(path, group)
    return total(path, None, below) if below and path in _parents() else None


def _joined(one: MeasuredSite, other: MeasuredSite) -> MeasuredSite:
    """One site seen in two series that show different parts of it."""
    large, small = sorted((one, other), key=lambda site: -_largest(site.placed))
    both = pooled([large, small], "the parts in two series")
    # Where the method says how the number was made, it is the same in both series and is kept.
    kept = {name: found.model_copy(update={"method": large.measures[name].method}) for name, found in both.items()}
    measures = dict(small.measures) | dict(large.measures) | kept
    if _near(one.placed, other.placed):
        twice = Gate(Validity.ADJUSTED, "seen in two series that overlap, a part may count twice")
        measures |= {name: _gated(measures[name], twice) for name in SUMMED if name in measures}
    values: dict[str, Value] = dict(small.values) | dict(large.values)
    placed = tuple(sorted((*one.placed, *other.placed), key=lambda item: -item.deposit.volume_mm3))
    weights = [sum(item.deposit.volume_mm3 for item in site.placed) or 1.0 for site in (one, other)]
    confidence = round(float(np.average([one.confidence, other.confidence], weights=weights)), 6)
    return replace(
        large,
        placed=placed,
        measures=MappingProxyType(measures),
        values=_valued(values | {"confidence": confidence}, measures),
        deposit_agatston=MappingProxyType(dict(one.deposit_agatston) | dict(other.deposit_agatston)),
        deposit_numbers=MappingProxyType(dict(one.deposit_numbers) | dict(other.deposit_numbers)),
        rollup=not placed,
        confidence=confidence,
    )


def _scored(first: Mapping[str, MeasuredSite], second: Mapping[str, MeasuredSite]) -> dict[str, MeasuredSite]:
    result = dict(first)
    found = [item for one in first.values() for item in one.placed]
    for path, scorer in second.items():
        if scorer.rollup:
            continue
        if path in first:
            result[path] = _replaced(first[path], scorer)
        elif not all(_near(found, [item]) for item in scorer.placed):
            result[path] = scorer
    return result


def _replaced(finder: MeasuredSite, scorer: MeasuredSite) -> MeasuredSite:
    """The site as found in one series with the scores of another, each where that one is no less valid."""
    series = scorer.placed[0].deposit.series
    names = [name for name in ("agatston", *MASSES) if name in finder.measures and name in scorer.measures]
    if any(within(finder.site, place) for place in acquisition_rules().scored_sites):
        names.append("volume")
    measures = dict(finder.measures)
    for name in names:
        better = scorer.measures[name]
        if STRICTNESS[better.validity] <= STRICTNESS[measures[name].validity]:
            measures[name] = better.model_copy(update={"method": f"{better.method}, in series {series}"})
    moved = measures["agatston"] is not finder.measures["agatston"]
    return replace(
        finder,
        measures=MappingProxyType(measures),
        values=_valued(dict(finder.values), measures),
        # Shares of a score belong to the deposits of the series that was scored, which are not those listed.
        deposit_agatston=MappingProxyType({}) if moved else finder.deposit_agatston,
    )


def _valued(values: dict[str, Value], measures: Mapping[str, Measure]) -> Mapping[str, Value]:
    for name, one in measures.items():
        key = VALUE_NAMES.get(name, name)
        values.pop(key, None)
        if one.value is not None:
            values[key] = one.value
    return MappingProxyType(values)


def _gated(measure: Measure, gate: Gate) -> Measure:
    joined = Gate(measure.validity, measure.why).joined(gate)
    return measure.model_copy(update={"validity": joined.validity, "why": joined.why})


def _largest(placed: Sequence[PlacedDeposit]) -> float:
    return max((item.deposit.volume_mm3 for item in placed), default=0.0)


def _near(some: Sequence[PlacedDeposit], others: Sequence[PlacedDeposit]) -> bool:
    """Whether a deposit of one side has its centre within ``SAME_MM`` of one of the other."""
    if not some or not others:
        return False
    here, there = (np.array([item.deposit.center_mm for item in side]) for side in (some, others))
    return bool((np.linalg.norm(here[:, None] - there[None], axis=2) < SAME_MM).any())
