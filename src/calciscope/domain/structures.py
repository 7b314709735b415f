"""What each structure of an anatomy means for a deposit in or beside it: ``knowledge/structures.yaml``, read once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from calciscope.domain.knowledge import table


class Place(StrEnum):
    """How a structure holds deposits: within it, in its wall, in its lumen, about there, or not at all.

    ``TISSUE`` is what lies between organs: it explains only what nothing else does.
    """

    ORGAN = "organ"
    VESSEL_WALL = "vessel_wall"
    LUMEN = "lumen"
    REGION = "region"
    TISSUE = "tissue"
    REJECT = "reject"


@dataclass(frozen=True, slots=True)
class Meaning:
    """A structure's meaning.

    ``site`` is ``None`` where the structure says nothing by itself; ``by_region`` names another site for the parts of
    the body where the same structure has another name. ``rank`` is the order in which overlapping masks are painted
    (a higher one wins). ``weight`` (0 to 1) is how surely a deposit in the structure belongs to its site, and
    ``tolerance_mm`` how far outside it may lie. ``locations`` are names along the structure, head first, divided
    where ``divided_by`` says (landmarks). ``otherwise`` is the tissue that a region hides: where a deposit belongs
    whose features speak against the region. ``group`` names the :class:`Group` of which only one can be true.
    ``hollow`` is a tube in whose wall alone deposits lie, not within it. ``part_of`` names the structure of which this
    is a part: both are one place, of which the part is the location. ``passes_into`` is the next stretch of the same
    vessel along the body, and how exactly it is known where the one ends and the other begins, mm. ``forks_into`` are
    the structures into which a tube divides at its upper end, and how exactly it is known where, mm.
    """

    name: str
    site: str | None
    place: Place
    rank: int
    weight: float
    tolerance_mm: float
    by_region: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    locations: tuple[str, ...] = ()
    divided_by: tuple[str, ...] = ()
    otherwise: str | None = None
    group: str | None = None
    hollow: bool = False
    part_of: str | None = None
    passes_into: tuple[str, float] | None = None
    forks_into: tuple[tuple[str, ...], float] | None = None

    def site_in(self, region: str | None) -> str | None:
        """The site in a region of the body."""
        return self.by_region.get(region, self.site) if region else self.site


@dataclass(frozen=True, slots=True)
class Group:
    """Structures that share one room, so that exactly one of them, or none, holds a deposit: their beliefs add up to 1.

    ``room`` are the structures whose masks make up the room, ``tolerance_mm`` how far outside a deposit may lie, and
    ``site`` is what holds all of the group but the sites of ``beside``. Within the room the structures of ``replaces``
    are not asked. ``none`` is the weight of none of the group, ``surface`` the site, weight and depth in mm of the
    room's outline, ``deep`` the site and weight of what lies well inside it (from a depth in mm on), ``fatty`` the site
    and weight of what lies in its fat, in full from a share of fat around it on.
    """

    name: str
    site: str
    room: tuple[str, ...]
    tolerance_mm: float
    replaces: tuple[str, ...]
    none: float
    beside: tuple[str, ...] = ()
    surface: tuple[str, float, float] | None = None
    deep: tuple[str, float, float] | None = None
    fatty: tuple[str, float, float] | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a deposit's own features say about places.

    Where every feature of ``when`` lies within its range (inclusive), the score of ``sites`` is multiplied.
    """

    sites: tuple[str, ...]
    when: Mapping[str, tuple[float, float]]
    times: float
    why: str


@dataclass(frozen=True, slots=True)
class Dictionary:
    """All meanings, the evidence of features, and what a region of the body alone suggests (site and weight)."""

    meanings: Mapping[str, Meaning]
    evidence: tuple[Evidence, ...]
    regions: Mapping[str, tuple[tuple[str, float], ...]]
    groups: Mapping[str, Group] = field(default_factory=lambda: MappingProxyType({}))


_FAR = float("inf")


def _meaning(name: str, entry: dict[str, Any], defaults: dict[str, dict[str, Any]]) -> Meaning:
    place = Place(entry["place"])
    full = {**defaults[place.value], **entry}
    return Meaning(
        name=name,
        site=full.get("site"),
        place=place,
        rank=int(full["rank"]),
        weight=float(full["weight"]),
        tolerance_mm=float(full["tolerance_mm"]),
        by_region=MappingProxyType(dict(full.get("by_region", {}))),
        locations=tuple(full.get("locations", ())),
        divided_by=tuple(full.get("divided_by", ())),
        otherwise=full.get("otherwise"),
        group=full.get("group"),
        hollow=bool(full.get("hollow", False)),
        part_of=full.get("part_of"),
        forks_into=(tuple(fork["structures"]), float(fork["mm"])) if (fork := full.get("forks_into")) else None,
        passes_into=(str(after["structure"]), float(after["mm"])) if (after := full.get("passes_into")) else None,
    )


def _group(name: str, entry: dict[str, Any]) -> Group:
    def layer(key: str, measure: str = "mm") -> tuple[str, float, float] | None:
        found = entry.get(key)
        return (found["site"], float(found["weight"]), float(found[measure])) if found else None

    return Group(
        name=name,
        site=entry["site"],
        room=tuple(entry["room"]),
        tolerance_mm=float(entry["tolerance_mm"]),
        replaces=tuple(entry["replaces"]),
        none=float(entry["none"]),
        beside=tuple(entry.get("beside", ())),
        surface=layer("surface"),
        deep=layer("deep"),
        fatty=layer("fatty", "share"),
    )


def _range(bounds: list[float | None]) -> tuple[float, float]:
    low, high = bounds
    return (-_FAR if low is None else float(low), _FAR if high is None else float(high))


@lru_cache(maxsize=1)
def dictionary() -> Dictionary:
    """The dictionary of structures; ``kidney_*`` in the file gives ``kidney_left`` and ``kidney_right``."""
    listed = table("structures.yaml")
    meanings: dict[str, Meaning] = {}
    for name, entry in listed["structures"].items():
        for side in ("left", "right") if "*" in name else ("",):
            sided = {key: value.replace("*", side) if isinstance(value, str) else value for key, value in entry.items()}
            sided["by_region"] = {k: v.replace("*", side) for k, v in entry.get("by_region", {}).items()}
            full = name.replace("*", side)
            meanings[full] = _meaning(full, sided, listed["defaults"])
    evidence = tuple(
        Evidence(
            tuple(rule["sites"]),
            MappingProxyType({key: _range(bounds) for key, bounds in rule["when"].items()}),
            float(rule["times"]),
            rule["why"],
        )
        for rule in listed["evidence"]
    )
    regions = {
        region: tuple((entry["site"], float(entry["weight"])) for entry in entries)
        for region, entries in listed["regions"].items()
    }
    groups = {name: _group(name, entry) for name, entry in listed.get("groups", {}).items()}
    return Dictionary(MappingProxyType(meanings), evidence, MappingProxyType(regions), MappingProxyType(groups))
