"""The words for patients: ``knowledge/plain``, validated and put together once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Literal

from pydantic import BaseModel, ConfigDict

from calciscope.domain.assessment import Kind, Seriousness
from calciscope.domain.knowledge import EMBEDDED, load_yaml
from calciscope.domain.site import SIDES, ancestors, split, within
from calciscope.domain.site import label as clinical_name
from calciscope.interpret.folders import validated
from calciscope.interpret.rules import Knowledge, load
from calciscope.interpret.schema import Plain

FOLDER = EMBEDDED / "plain"


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Place(_Model):
    """A place of the site tree: its name with the slot ``{side}``, its group, and what it is for."""

    name: str
    group: str | None = None
    about: str | None = None


class Places(_Model):
    """``places.yaml``."""

    places: dict[str, Place]


class Said(_Model):
    """A statement with its source."""

    text: str
    source: str


class KindWords(_Model):
    """A kind: its name within a sentence, how it was found, what it means, and what it means at a group of places."""

    name: str
    found: str
    says: Said
    at: dict[str, Said] = {}


class Meanings(_Model):
    """``meanings.yaml``."""

    kinds: dict[Kind, KindWords]


class GradeWords(_Model):
    """How serious: the everyday name, what it calls for, and the step where no rule has one in words for patients."""

    name: str
    says: str
    next: str


class MeasureWords(_Model):
    """A number of a finding: ``says`` has the slot ``{value}``; ``only`` and ``kinds`` limit where it is said.

    ``several`` stands for ``says`` where there are several pieces. A ``fallback`` size is told only where no other
    size is.
    """

    name: str
    says: str
    several: str | None = None
    means: str | None = None
    source: str
    only: tuple[str, ...] = ()
    kinds: tuple[Kind, ...] = ()
    size: Literal["main", "fallback"] | None = None


class ChangeWords(_Model):
    """What became of the calcium of a place, and what a single spot is then called."""

    says: str
    spot: str


class InputWords(_Model):
    """The everyday name of an input; a hidden one is shown under another name already."""

    name: str
    hide: bool = False


class Question(_Model):
    """A question for the doctor, and where it stands."""

    text: str
    grades: tuple[Seriousness, ...]
    groups: tuple[str, ...] = ()
    kinds: tuple[Kind, ...] = ()

    def fits(self, group: str, kind: Kind | None, level: Seriousness) -> bool:
        """Whether it is to be asked about a finding."""
        placed = not self.groups or group in self.groups
        return placed and level in self.grades and (not self.kinds or kind in self.kinds)


class Signs(_Model):
    """Signs that need help at once, where calcium is and how serious it must be, and the rules that say so."""

    signs: str
    rules: tuple[str, ...]
    at_least: Seriousness
    groups: tuple[str, ...] = ()
    sites: tuple[str, ...] = ()
    kinds: tuple[Kind, ...] = ()

    def hold(self, site: str, group: str, kind: Kind | None, level: Seriousness) -> bool:
        """Whether a finding calls for these signs to be told."""
        if kind is None or level.rank < self.at_least.rank or (self.kinds and kind not in self.kinds):
            return False
        placed = group in self.groups or any(within(site, place) for place in self.sites)
        return placed or not (self.groups or self.sites)


class Limits(_Model):
    """What a phrase may be: its reading grade, length, words that no patient is told (patterns), and known capitals."""

    grade: float
    characters: int
    forbidden: tuple[str, ...]
    known: tuple[str, ...]


class Fixed(_Model):
    """``words.yaml``: the words that do not depend on a rule."""

    titles: dict[str, str]
    disclaimer: str
    sentences: dict[str, str]
    unsure_below: float
    units: dict[str, str]
    changes: dict[str, ChangeWords]
    grades: dict[Seriousness, GradeWords]
    measures: dict[str, MeasureWords]
    inputs: dict[str, InputWords]
    results: tuple[str, ...]
    ask: tuple[Question, ...]
    ask_changes: tuple[str, ...]
    help: tuple[Signs, ...]
    glossary: dict[str, str]
    limits: Limits


class Phrase(Plain):
    """What several rules mean for a patient; ``rules`` are ids, or patterns of ids with ``*``.

    One phrase may say why a rule is so, and another what is done next.
    """

    rules: tuple[str, ...]


class Phrases(_Model):
    """A file of ``rules/``."""

    phrases: tuple[Phrase, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Book:
    """All words for patients. A rule's own ``plain`` comes before the phrase of the book."""

    words: Fixed
    places: Mapping[str, Place]
    kinds: Mapping[Kind, KindWords]
    phrases: tuple[Phrase, ...]
    _exact: Mapping[str, list[Phrase]]
    _patterns: tuple[tuple[str, Phrase], ...]

    def of_rule(self, rule_id: str, knowledge: Knowledge) -> Plain | None:
        """What a rule means for a patient, ``None`` where nobody has put it in words."""
        rule = knowledge.get(rule_id)
        if rule is not None and rule.rule.plain is not None:
            return rule.rule.plain
        # A hospital's own rule of the same id may say something else than the one that the book speaks of.
        embedded = load().get(rule_id)
        if embedded is None or (rule is not None and rule.rule != embedded.rule):
            return None
        return self.phrase(rule_id)

    def phrase(self, rule_id: str) -> Plain | None:
        """What the book says of a rule: what names it before what fits its id."""
        found = [*self._exact.get(rule_id, ()), *(one for name, one in self._patterns if fnmatchcase(rule_id, name))]
        if not found:
            return None
        because = next((one.because for one in found if one.because), None)
        return Plain(because=because, next=next((one.next for one in found if one.next), None))

    def place(self, site: str) -> str:
        """A place in everyday words, such as ``the left kidney``; what nobody named is called as clinicians do."""
        base, side = split(site)
        named = self.places.get(base)
        if named is None:
            return f"the {clinical_name(site)}"
        if side in SIDES:
            return named.name.format(side=f"{side} ")
        return named.name.replace(", {side}side", "").format(side="")

    def about(self, site: str) -> str | None:
        """What the part of the body is for."""
        return next((one.about for one in self._up(site) if one.about), None)

    def group(self, site: str) -> str:
        """The group of places that a site belongs to; empty where none is known."""
        return next((one.group for one in self._up(site) if one.group), "")

    def _up(self, site: str) -> Iterator[Place]:
        base, _ = split(site)
        for path in (base, *ancestors(base)):
            if path in self.places:
                yield self.places[path]


@lru_cache(maxsize=1)
def book() -> Book:
    """The embedded words, read once.

    Raises:
        KnowledgeError: a file breaks its schema; one line.
    """
    words = validated(Fixed, load_yaml(FOLDER / "words.yaml"), "words.yaml")
    places = validated(Places, load_yaml(FOLDER / "places.yaml"), "places.yaml")
    meanings = validated(Meanings, load_yaml(FOLDER / "meanings.yaml"), "meanings.yaml")
    phrases = tuple(
        phrase
        for path in sorted((FOLDER / "rules").glob("*.yaml"))
        for phrase in validated(Phrases, load_yaml(path), path.name).phrases
    )
    exact: dict[str, list[Phrase]] = {}
    for phrase in phrases:
        for name in phrase.rules:
            exact.setdefault(name, []).append(phrase)
    patterns = tuple((name, phrase) for phrase in phrases for name in phrase.rules if "*" in name)
    return Book(words, places.places, meanings.kinds, phrases, exact, patterns)
