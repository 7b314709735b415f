"""From hypotheses to one placement: the best site if it is sure enough, else the nearest certain parent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from calciscope.domain import site as sites
from calciscope.domain.anatomy import Anatomy
from calciscope.domain.deposit import Placement
from calciscope.domain.structures import Group, dictionary
from calciscope.place.confidence import Curves, curves
from calciscope.place.hypotheses import Hypothesis

# Below this confidence a site is not given; its nearest parent above it is.
CERTAIN = 0.5
# Alternatives below this score are noise.
_WORTH_SHOWING = 0.1


def confidence(score: float, rival: float) -> float:
    """The score times its share of the two best, both 0 to 1: a tie is never certain."""
    return score * score / (score + rival) if score > 0 else 0.0


def _related(one: str, other: str) -> bool:
    return sites.within(one, other) or sites.within(other, one)


def _pooled(hypotheses: Sequence[Hypothesis], place: str) -> float:
    """Belief that the deposit is somewhere at or below a place: 1 less the chance that all its readings are wrong."""
    wrong = 1.0
    grouped: dict[str, float] = {}
    for item in hypotheses:
        if not sites.within(item.site, place):
            continue
        if item.group is None:
            wrong *= 1.0 - item.score
        else:
            # Readings that exclude each other add up.
            grouped[item.group] = grouped.get(item.group, 0.0) + item.score
    for total in grouped.values():
        wrong *= 1.0 - min(total, 1.0)
    return 1.0 - wrong


def _best_outside(hypotheses: Sequence[Hypothesis], place: str, *, related: bool, group: str | None = None) -> float:
    """The best rival of a place; of its own group there is none, whose scores hold that already."""
    return max(
        (
            item.score
            for item in hypotheses
            if not sites.within(item.site, place)
            and not (related and _related(item.site, place))
            and (group is None or item.group != group)
        ),
        default=0.0,
    )


def _group_as_whole(hypotheses: Sequence[Hypothesis], group: Group) -> float:
    """Belief that the deposit lies in what holds a group, whichever part of it."""
    own = [item for item in hypotheses if item.group == group.name]
    total = min(1.0, sum(item.score for item in own if item.site not in group.beside))
    rival = max((item.score for item in hypotheses if item.group != group.name), default=0.0)
    return confidence(total, rival)


def _parents(best: Hypothesis, groups: Mapping[str, Group]) -> list[tuple[str, Group | None]]:
    """What may be certain where a site is not, narrowest first; with the group whose room it is.

    The room that a group shares is nearer than the system that a site belongs to: the heart than the arteries.
    """
    above = list(sites.ancestors(best.site))
    if best.group is None or best.group not in groups:
        return [(place, None) for place in above]
    room = groups[best.group].site
    near = [place for place in above if "." in place]
    far = [place for place in above if "." not in place and place != room]
    return [*((place, None) for place in near), (room, groups[best.group]), *((place, None) for place in far)]


@dataclass(frozen=True, slots=True)
class Reading:
    """One thing that may be said of where a deposit is: a site, the raw belief in it, and the structure behind it."""

    site: str
    raw: float
    structure: str
    attributes: tuple[tuple[str, str], ...] = ()


def readings(hypotheses: Sequence[Hypothesis], groups: Mapping[str, Group], known: Curves) -> tuple[Reading, ...]:
    """What may be said of a deposit, the most telling first: the best site, then what is above it."""
    if not hypotheses:
        return ()
    raw = {item.site: _raw(hypotheses, item) for item in hypotheses}
    best = _best(hypotheses)
    # A child is more telling than its own parent at nearly the same score.
    for item in hypotheses[1:]:
        inside = item.site != best.site and sites.within(item.site, best.site)
        if inside and known.calibrated(item.site, raw[item.site]) >= CERTAIN:
            best = item
            break
    chain = [Reading(best.site, raw[best.site], best.structure, best.attributes)]
    for above, whole in _parents(best, groups):
        belief = (
            _group_as_whole(hypotheses, whole)
            if whole
            else confidence(
                _pooled(hypotheses, above), _best_outside(hypotheses, above, related=False, group=best.group)
            )
        )
        chain.append(Reading(above, belief, best.structure))
    return tuple(chain)


def _best(hypotheses: Sequence[Hypothesis]) -> Hypothesis:
    """The best hypothesis, or the best of a family that together beats it: which of four arteries it is may be open
    where that it is one of them is not. Only readings that exclude each other add up."""
    best = hypotheses[0]
    if best.group is None:
        return best
    families: dict[str, float] = {}
    for item in hypotheses:
        for family in (item.site, *sites.ancestors(item.site)):
            if item.group == best.group and "." in family:
                families[family] = families.get(family, 0.0) + item.score
    family = max(families, key=lambda name: (families[name], -len(name)), default="")
    if not families or families[family] <= best.score or sites.within(best.site, family):
        return best
    return next(item for item in hypotheses if item.group == best.group and sites.within(item.site, family))


def _raw(hypotheses: Sequence[Hypothesis], item: Hypothesis) -> float:
    return confidence(item.score, _best_outside(hypotheses, item.site, related=True, group=item.group))


def decide(
    hypotheses: Sequence[Hypothesis],
    anatomy: Anatomy,
    index: int,
    groups: Mapping[str, Group] | None = None,
    known: Curves | None = None,
) -> Placement:
    """The placement of a deposit whose centre is on canonical slice ``index``; ``hypotheses`` best first.

    ``groups`` are the dictionary's groups of structures that exclude each other; ``known`` says how sure a raw score
    is (``knowledge/confidence.yaml``).
    """
    groups = dictionary().groups if groups is None else groups
    known = curves() if known is None else known
    provider = anatomy.manifest.provider
    shown = [
        (item.site, round(known.calibrated(item.site, _raw(hypotheses, item)), 3))
        for item in hypotheses
        if item.score >= _WORTH_SHOWING
    ]
    for reading in readings(hypotheses, groups, known):
        sure = min(known.calibrated(reading.site, reading.raw), 0.99)
        if sure >= CERTAIN:
            rest = tuple(pair for pair in shown if pair[0] != reading.site)
            return Placement(
                reading.site, round(sure, 3), anatomy.provider_of(reading.structure), reading.structure, rest,
                attributes=MappingProxyType(dict(reading.attributes)),
            )  # fmt: skip
    for region in anatomy.regions:
        if region.start <= index < region.stop and region.confidence >= CERTAIN:
            return Placement(region.name, round(region.confidence, 3), provider, region.name, tuple(shown))
    return Placement(sites.UNPLACED, 0.0, provider, "", tuple(shown))
