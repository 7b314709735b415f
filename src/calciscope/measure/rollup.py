"""Parents that sum what lies below them: the coronary total, the aorta, the heart."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import reduce
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from calciscope.domain.assessment import Alternative, Measure, Validity
from calciscope.domain.measured import MeasuredSite
from calciscope.domain.patient import Value
from calciscope.domain.site import within
from calciscope.measure.gate import Gate, acquisition_rules

MASSES = ("mass", "integrated_mass", "volume_fraction_mass")
SUMMED = ("agatston", "volume", *MASSES, "calcified_length", "count")
LARGEST = ("peak", "circumference_largest")
# Diameters of one and the same deposit.
DIAMETERS = ("diameter", "diameter_perpendicular", "diameter_craniocaudal")
# What rules may ask of a whole: numbers that the parts make up, and not what one part is like.
_OF_THE_WHOLE = ("agatston", "volume", "mass", "count", "diameter", "peak")
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
            sites[rule.site] = _told(total(rule.site, here, below), own)
    return tuple(sites[path] for path in sorted(sites))


def _told(whole: MeasuredSite, own: Mapping[str, MeasuredSite]) -> MeasuredSite:
    """A roll-up with the readings by which calcium leaves it or comes to it, each with the total that it then has."""
    score = whole.measures.get("agatston")
    if not whole.rollup or score is None or score.value is None:
        return whole
    moved: dict[tuple[str, str], float] = {}
    for path, one in own.items():
        inside = within(path, whole.site)
        for reading in one.alternatives:
            place = reading.value
            if place == path or reading.total is None or within(place, whole.site) == inside:
                continue
            there = own[place].measures["agatston"].value if place in own else 0.0
            at_risk = max(0.0, reading.total - (there or 0.0))
            moved[path, place] = -at_risk if inside else at_risk
    if not moved or any(own[path].measures["agatston"].value is None for path, _ in moved):
        return whole
    readings = [Alternative(value=whole.site, why="as placed", total=score.value)]
    for (path, other), change in moved.items():
        word = "without" if change < 0 else "with"
        text = f"{word} what is placed at {path} and can lie at {other}"
        readings.append(Alternative(value=whole.site, why=text, total=max(0.0, score.value + change)))
    return replace(whole, review=True, alternatives=tuple(readings))


def children(site: str, sites: Mapping[str, MeasuredSite]) -> list[MeasuredSite]:
    """The sites strictly below a place."""
    return [one for path, one in sites.items() if path != site and within(path, site)]


def total(site: str, own: MeasuredSite | None, below: Sequence[MeasuredSite]) -> MeasuredSite:
    """The parent ``site`` with the numbers of what it owns, if anything, and of the places below it."""
    parts = [*([own] if own else []), *below]
    told = "this site and the places below it" if own else "the places below it"
    measures = pooled(parts, told)
    known = set(_OF_THE_WHOLE)
    for extra in acquisition_rules().sums:
        chosen = [one.measures[extra.of] for one in below if one.site in extra.places]
        if extra.site == site and chosen:
            names = " and ".join(place.rpartition(".")[2].upper() for place in extra.places)
            measures[extra.name] = combined(chosen, f"sum of {names}", math.fsum)
            known.add(extra.name)
    weights = [one.measures["volume"].value or 0.0 for one in parts]
    certain = [one.confidence for one in parts]
    confidence = round(float(np.average(certain, weights=weights)), 6) if any(weights) else min(certain)
    values: dict[str, Value] = dict(own.values) if own else {}
    for name in measures.keys() & known:
        values.pop(VALUE_NAMES.get(name, name), None)
        if (value := measures[name].value) is not None:
            values[VALUE_NAMES.get(name, name)] = value
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
        deposit_numbers=own.deposit_numbers if own else MappingProxyType({}),
        rollup=own is None,
        confidence=confidence,
        review=own.review if own else False,
        alternatives=own.alternatives if own else (),
    )


def pooled(parts: Sequence[MeasuredSite], told: str) -> dict[str, Measure]:
    """Every measure of several sites as one; ``told`` names them in the methods.

    Scores, masses, lengths and counts add up. The diameters are those of the deposit that is largest, the core
    attenuation that of the largest by volume. Attenuation statistics are those of all voxels together, the share of
    the circumference is weighted by length. A number that one of the parts does not have is absent.
    """
    measures = {}
    for names, verb, how in ((SUMMED, "sum", math.fsum), (LARGEST, "largest", max)):
        for name in names:
            if found := _all(name, parts):
                measures[name] = combined(found, f"{verb} of {told}", how)
    longest = max(parts, key=lambda one: _value(one, "diameter"))
    for name in DIAMETERS:
        if found := _all(name, parts):
            measures[name] = _chosen(longest.measures[name], found, f"of the largest of {told}")
    largest = max(parts, key=lambda one: max((item.deposit.volume_mm3 for item in one.placed), default=0.0))
    if found := _all("attenuation", parts):
        measures["attenuation"] = _chosen(largest.measures["attenuation"], found, f"of the largest deposit of {told}")
    hu = [item.deposit.hu for one in parts for item in one.placed]
    for name, (word, statistic) in _STATISTICS.items():
        if hu and (found := _all(name, parts)):
            value = float(statistic(np.concatenate(hu, dtype=np.float64)))
            measures[name] = combined(found, f"{word} of all voxels of {told}", _always(value))
    if (found := _all("circumference", parts)) and (lengths := _all("calcified_length", parts)):
        along = [one.value or 0.0 for one in lengths]
        if any(along):
            measures["circumference"] = combined(
                found,
                f"mean of {told}, weighted by calcified length",
                lambda values: float(np.average(list(values), weights=along)),
            )
    return measures


_STATISTICS: dict[str, tuple[str, Callable[[NDArray[np.float64]], np.floating]]] = {
    "mean_hu": ("mean", np.mean),
    "sd_hu": ("standard deviation", np.std),
    "median_hu": ("median", np.median),
}


def _all(name: str, parts: Sequence[MeasuredSite]) -> list[Measure]:
    """The measure of every part, or nothing where one has none."""
    found = [one.measures[name] for one in parts if name in one.measures]
    return found if len(found) == len(parts) else []


def _value(one: MeasuredSite, name: str) -> float:
    measure = one.measures.get(name)
    return measure.value if measure is not None and measure.value is not None else -1.0


def _chosen(one: Measure, every: Sequence[Measure], method: str) -> Measure:
    """One of several measures, as strict as the strictest of them."""
    return combined(every, method, _always(one.value or 0.0))


def _always(value: float) -> Callable[[Iterable[float]], float]:
    return lambda _: value


def combined(measures: Sequence[Measure], method: str, how: Callable[[Iterable[float]], float]) -> Measure:
    """One measure from several of a kind, as strict as the strictest of them, with the reasons of all.

    Where parts with intervals add up, their errors are taken as independent: the distances of the interval's ends from
    the value add in quadrature, and the lower end does not fall below 0. Any other number has no interval.
    """
    gate = reduce(Gate.joined, [Gate(one.validity, one.why) for one in measures])
    values = [one.value for one in measures if one.value is not None]
    refused = gate.validity is Validity.REFUSED
    interval = None if refused or how not in (sum, math.fsum) else _quadrature(measures)
    return Measure(
        value=None if refused else how(values),
        unit=measures[0].unit,
        interval=interval,
        method=f"{method}, independent errors" if interval and len(measures) > 1 else method,
        preset=measures[0].preset,
        validity=gate.validity,
        why=gate.why,
    )


def _quadrature(measures: Sequence[Measure]) -> tuple[float, float] | None:
    spans = [(one.value, *one.interval) for one in measures if one.value is not None and one.interval is not None]
    if len(spans) < len(measures):
        return None
    total = math.fsum(value for value, _, _ in spans)
    below = math.hypot(*(value - low for value, low, _ in spans))
    above = math.hypot(*(high - value for value, _, high in spans))
    return max(0.0, total - below), total + above
