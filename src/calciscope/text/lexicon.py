"""The words of ``knowledge/text`` as phrases with what each means."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from calciscope.domain import site as sites
from calciscope.domain.knowledge import table

_ENOUGH = 99


@dataclass(frozen=True, slots=True)
class Term:
    """What a phrase means: its ``layer`` of words, the ``key`` within it, a ``value`` and how far it reaches."""

    layer: str
    key: str
    value: str = ""
    side: str | None = None
    scope: int = _ENOUGH
    first: bool = False
    inside: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Lexicon:
    """Every phrase with its terms, and the tables that are no phrases."""

    phrases: tuple[tuple[str, Term], ...]
    sections: Mapping[str, tuple[str, str | None]]
    abbreviations: frozenset[str]
    joined: Mapping[tuple[str, str], str]
    beside_words: Mapping[tuple[str, str], str]
    generals: frozenset[str]
    ties: frozenset[str]
    owners: frozenset[str]
    heads: frozenset[str]
    numbers: Mapping[str, int]
    only_at: Mapping[str, tuple[str, ...]]
    finding: Mapping[str, Mapping[str, Any]]
    weak_targets: frozenset[str]
    stone_places: tuple[str, ...]
    known_reach: int
    said: tuple[Mapping[str, Any], ...]
    at: Mapping[str, tuple[str, ...]]


def read(name: str) -> dict[str, Any]:
    """One file of ``knowledge/text``."""
    return table(f"text/{name}.yaml")


@lru_cache(maxsize=1)
def lexicon() -> Lexicon:
    """The embedded words, read once."""
    targets, places, attributes, sections = read("targets"), read("places"), read("attributes"), read("sections")
    facts, anatomy = read("facts"), read("anatomy")
    phrases = (
        *_targets(targets),
        *_context(read("context")),
        *_places(places, anatomy),
        *_attributes(attributes),
        *_facts(facts),
    )
    return Lexicon(
        phrases=phrases,
        sections={word: (one["id"], one.get("default")) for one in sections["sections"] for word in one["words"]},
        abbreviations=frozenset(sections["abbreviations"]),
        joined={(one["general"], one["beside"]): one["is"] for one in places["joined"]},
        beside_words={
            (general, word): path
            for general, paths in places["beside_words"].items()
            for path, words in paths.items()
            for word in words
        },
        generals=frozenset(one["general"] for one in places["joined"]),
        ties=frozenset(places["ties"]),
        owners=frozenset(attributes["owners"]),
        heads=frozenset(anatomy["heads"]),
        numbers={word: int(number) for word, number in attributes["numbers"].items()},
        only_at={key: tuple(limits) for key, limits in attributes["only_at"].items()},
        finding=attributes["finding"],
        weak_targets=frozenset(targets["alone_weak"]),
        stone_places=tuple(targets["stone_places"]),
        known_reach=int(facts["reach"]),
        said=tuple(attributes["said"]),
        at={one["says"]: tuple(one["at"]) for one in facts["facts"] if "at" in one},
    )


def _targets(data: Mapping[str, Any]) -> Iterator[tuple[str, Term]]:
    for one in data["targets"]:
        term = Term(
            "target",
            one["kind"],
            one.get("assertion", ""),
            first=one.get("first") is True,
            inside=(("site", one["site"]),) if "site" in one else (),
        )
        yield from ((word, term) for word in one["words"])
    yield from ((word, Term("not_target", "")) for word in data["not_targets"])
    for one in data["scores"]:
        yield from ((word, Term("score", one["key"], one["site"])) for word in one["words"])


def _context(data: Mapping[str, Any]) -> Iterator[tuple[str, Term]]:
    for one in data["terms"]:
        term = Term("context", one["means"], one.get("direction", ""), scope=int(one.get("scope", _ENOUGH)))
        yield from ((word, term) for word in one["words"])


def _places(data: Mapping[str, Any], anatomy: Mapping[str, Any]) -> Iterator[tuple[str, Term]]:
    for name, path in sites.names().items():
        yield name, Term("place", path)
    for source in (anatomy, data):
        for path, words in source["places"].items():
            yield from ((word, Term("place", path)) for word in words)
    for layer in ("part", "origin", "examination", "neighbour", "source"):
        yield from ((word, Term(layer, "")) for word in anatomy[f"{layer}s"])
    yield from ((word, Term("lodged", "")) for word in anatomy["lodged"])
    for path, words in data["sided"].items():
        base, side = sites.split(path)
        yield from ((word, Term("place", base, side=side)) for word in words)
    for path, words in data["weak"].items():
        yield from ((word, Term("weak", path)) for word in (*words, *([path] if path in sites.REGIONS else ())))
    yield from ((word, Term("not_place", "")) for word in data["not_places"])
    for one in data["lesions"]:
        if one["site"] is not None:
            term = Term("lesion", one["site"], inside=tuple(one.get("in", {}).items()))
            yield from ((word, term) for word in one["words"])
    for path, words in data["modality"].items():
        yield from ((word, Term("modality", path)) for word in words)
    for side, words in data["sides"].items():
        yield from ((word, Term("side", side)) for word in words)


def _attributes(data: Mapping[str, Any]) -> Iterator[tuple[str, Term]]:
    for key, values in data["words"].items():
        for value, words in values.items():
            yield from ((word, Term(f"attribute.{key}", key, value)) for word in words)


def _facts(data: Mapping[str, Any]) -> Iterator[tuple[str, Term]]:
    for one in data["facts"]:
        yield from ((word, Term("fact", one["says"], one["kind"])) for word in one["words"])
    yield from ((word, Term("known", "")) for word in data["known"])
    # In the layer of facts a longer phrase that says nothing takes the place of what it holds.
    yield from ((word, Term("fact", "", "nothing")) for word in data["nothing"])
