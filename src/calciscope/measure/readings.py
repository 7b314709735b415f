"""Sites whose deposits could as well lie somewhere else: both readings, each with its total."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from calciscope.domain.assessment import Alternative
from calciscope.domain.deposit import PlacedDeposit
from calciscope.domain.measured import MeasuredSite
from calciscope.domain.site import paths, within
from calciscope.domain.structures import dictionary
from calciscope.measure.gate import acquisition_rules


def reviewed(own: Mapping[str, MeasuredSite]) -> dict[str, MeasuredSite]:
    """The sites; those with a close second reading get ``review`` and ``alternatives``: as placed, then as moved.

    The total of a reading is what its site would hold: the Agatston score where all of them are scored sites and none
    is refused, else the volume (mm3). What a person placed is certain, and a place that is only less exact (the
    parent) is no other reading. A deposit of which only the parent is sure has its best exact readings as alternatives.
    """
    rules = acquisition_rules().review
    result = dict(own)
    for path, site in own.items():
        doubtful: dict[str, list[PlacedDeposit]] = {}
        for one in site.placed:
            for other in _close(one, rules.margin) or _exact(one, rules.margin, rules.least):
                doubtful.setdefault(other, []).append(one)
        least = rules.share * _volume(site.placed)
        doubtful = {other: moved for other, moved in doubtful.items() if _volume(moved) >= least}
        if doubtful:
            number = _number({path, *doubtful}, own)
            as_placed = f"as placed, {site.confidence:.0%} sure"
            alternatives = [Alternative(value=path, why=as_placed, total=site.measures[number].value)]
            alternatives += [_moved(site, moved, other, number, own.get(other)) for other, moved in doubtful.items()]
            result[path] = replace(site, review=True, alternatives=tuple(alternatives))
    return result


def _close(one: PlacedDeposit, margin: float) -> list[str]:
    placement = one.placement
    if placement.by is not None:
        return []
    # The heart is only a less exact place for what lies in an artery on it.
    rooms = _rooms() if _is_scored(placement.site) else set()
    return [
        other
        for other, confidence in placement.alternatives
        if confidence >= placement.confidence - margin and not within(placement.site, other) and other not in rooms
    ]


def _rooms() -> set[str]:
    """Sites that hold others without being above them in the tree, as the heart holds its arteries."""
    return {group.site for group in dictionary().groups.values()}


def _is_scored(place: str) -> bool:
    return any(within(place, name) for name in acquisition_rules().scored_sites)


def _exact(one: PlacedDeposit, margin: float, least: float) -> list[str]:
    """The best exact readings of a deposit of the heart or an artery of which only the parent is sure."""
    place = one.placement
    rooms = _rooms()
    is_parent = any(path != place.site and within(path, place.site) for path in paths())
    if place.by is not None or not is_parent or not _is_scored(place.site):
        return []
    exact = {
        other: confidence
        for other, confidence in place.alternatives
        if confidence >= least and not within(place.site, other) and _is_scored(other) and other not in rooms
    }
    best = max(exact.values(), default=0.0)
    return [other for other, confidence in exact.items() if confidence >= best - margin]


def _moved(
    site: MeasuredSite, moved: list[PlacedDeposit], path: str, number: str, there: MeasuredSite | None
) -> Alternative:
    """The reading in which some deposits of ``site`` lie at ``path``, with what is there already."""
    shares = site.deposit_agatston if number == "agatston" else {one.deposit.id: _volume([one]) for one in moved}
    already = there.measures[number].value if there else 0.0
    total = None if already is None else already + sum(shares[one.deposit.id] for one in moved)
    sure = max(dict(one.placement.alternatives)[path] for one in moved)
    why = f"{len(moved)} of {len(site.placed)} deposits can lie there, up to {sure:.0%} sure"
    return Alternative(value=path, why=why, total=total)


def _number(places: Collection[str], own: Mapping[str, MeasuredSite]) -> str:
    """Which number the totals of all readings are given in."""
    scored = all(_is_scored(path) for path in places)
    given = all(own[path].measures["agatston"].value is not None for path in places if path in own)
    return "agatston" if scored and given else "volume"


def _volume(placed: Iterable[PlacedDeposit]) -> float:
    return sum(one.deposit.volume_mm3 for one in placed)
