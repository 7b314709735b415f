"""Parents that sum what lies below them: the coronary total, the aorta, the heart."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import reduce
from types import MappingProxyType

import numpy as np

from calciscope.domain.assessment import Measure, Validity
from calciscope.domain.measured import MeasuredSite
from calciscope.domain.patient import Value
from calciscope.domain.site import within
from calciscope.measure.gate import Gate, acquisition_rules

SUMMED = ("agatston", "volume", "mass", "count")
LARGEST = ("diameter", "peak")
# Measures that rules know by another name.
VALUE_NAMES = {"peak": "peak_hu"}


def rollups(own: Mapping[str, MeasuredSite], totals: Collection[str] = ()) -> tuple[MeasuredSite, ...]:
    """All sites with the parents of ``acquisition.yaml`` that sum them, ordered by path.

    A parent without deposits becomes a roll-up. A parent that owns deposits which could be placed no further keeps
    them and is no roll-up; its numbers then hold them and the places below, and say so. The paths in ``totals`` are
    parents whose numbers hold the places below already.
    """
    sites = dict(own)
    for rule in acquisition_rules().rollups:
        below = children(rule.site, own)
        here = own.get(rule.site)
        if rule.site not in totals and below and len(below) + (here is not None) >= rule.least:
            sites[rule.site] = total(rule.site, here, below)
    return tuple(sites[path] for path in sorted(sites))


def children(site: str, sites: Mapping[str, MeasuredSite]) -> list[MeasuredSite]:
    """The sites strictly below a place."""
    return [one for path, one in sites.items() if path != site and within(path, site)]


def total(site: str, own: MeasuredSite | None, below: Sequence[MeasuredSite]) -> MeasuredSite:
    """The parent ``site`` with the numbers of what it owns, if anything, and of the places below it."""
    parts = [*([own] if own else []), *below]
    told = "this site and the places below it" if own else "the places below it"
    measures = {name: combined([one.measures[name] for one in parts], f"sum of {told}", sum) for name in SUMMED}
    measures |= {name: combined([one.measures[name] for one in parts], f"largest of {told}", max) for name in LARGEST}
    for extra in acquisition_rules().sums:
        chosen = [one.measures[extra.of] for one in below if one.site in extra.places]
        if extra.site == site and chosen:
            names = " and ".join(place.rpartition(".")[2].upper() for place in extra.places)
            measures[extra.name] = combined(chosen, f"sum of {names}", sum)
    weights = [one.measures["volume"].value or 0.0 for one in parts]
    certain = [one.confidence for one in parts]
    confidence = round(float(np.average(certain, weights=weights)), 6) if any(weights) else min(certain)
    values: dict[str, Value] = dict(own.values) if own else {}
    for name, one in measures.items():
        values.pop(VALUE_NAMES.get(name, name), None)
        if one.value is not None:
            values[VALUE_NAMES.get(name, name)] = one.value
    values["confidence"] = confidence
    vessels = [one for one in below if one.site in acquisition_rules().vessels]
    if vessels and all(one.measures["agatston"].value is not None for one in vessels):
        values["vessels"] = float(sum(1 for one in vessels if one.values["agatston"]))
    return MeasuredSite(
        site=site,
        placed=own.placed if own else (),
        measures=MappingProxyType({**(own.measures if own else {}), **measures}),
        values=MappingProxyType(values),
        deposit_agatston=own.deposit_agatston if own else MappingProxyType({}),
        rollup=own is None,
        confidence=confidence,
    )


def combined(measures: Sequence[Measure], method: str, how: Callable[[Iterable[float]], float]) -> Measure:
    """One measure from several of a kind, as strict as the strictest of them, with the reasons of all."""
    gate = reduce(Gate.joined, [Gate(one.validity, one.why) for one in measures])
    values = [one.value for one in measures if one.value is not None]
    return Measure(
        value=None if gate.validity is Validity.REFUSED else how(values),
        unit=measures[0].unit,
        method=method,
        preset=measures[0].preset,
        validity=gate.validity,
        why=gate.why,
    )
