"""Loads the knowledge files, checks them, and compiles their conditions once.

Every mistake in a file is one :class:`~calciscope.errors.KnowledgeError` whose line names the file and the rule.
"""

from __future__ import annotations

import gc
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import cel

from calciscope.domain.assessment import Source
from calciscope.domain.knowledge import EMBEDDED, load_yaml
from calciscope.domain.site import within
from calciscope.errors import KnowledgeError
from calciscope.interpret.folders import LISTS, labs_of, sources_of, validated, vocabulary_of
from calciscope.interpret.schema import Chapter, Derived, General, Kinds, Labs, Quantity, Rule
from calciscope.interpret.vocabulary import Words, compile_words

# Names that a condition can use besides those of labs.yaml: about the patient, the place and the image.
_ALWAYS = frozenset({"sex", "ancestry", "context", "kind", "site", "side", "sites", "organs", "imaged", *LISTS})
IMAGE_ONLY = frozenset({"mean_hu", "peak_hu", "sphericity", "hollow", "spread", "confidence", "imaged"})
_COMPREHENSION = re.compile(r"\.\s*(?:all|exists|exists_one|map|filter)\s*\(\s*([A-Za-z_]\w*)\s*,")
_FUNCTIONS = frozenset({"pow", "min", "max", "ln"})


@dataclass(frozen=True, slots=True, eq=False)
class Condition:
    """A compiled CEL expression and the names of inputs that it uses."""

    text: str
    program: Any
    names: frozenset[str]


@dataclass(frozen=True, slots=True, eq=False)
class CompiledRule:
    """A rule ready to run: its condition, where it holds (no site means everywhere) and where it came from.

    ``general`` rules are those of ``kinds.yaml`` and ``kinds/``; a rule ``by_kind`` asks for the kind and runs after it
    is decided. ``id`` and ``names`` (the inputs of the condition) stand here too because they are asked for most.
    """

    rule: Rule
    condition: Condition
    chapter: str
    sites: tuple[str, ...]
    general: bool
    question: str
    by_kind: bool
    id: str
    names: frozenset[str]

    def holds_at(self, site: str) -> bool:
        """Whether it speaks of a site (without side)."""
        return not self.sites or any(within(site, place) for place in self.sites)


@dataclass(frozen=True, slots=True, eq=False)
class Knowledge:
    """Everything that the knowledge files say, checked and compiled. Never changed after loading."""

    rules: tuple[CompiledRule, ...]
    sources: Mapping[str, Source]
    labs: Labs
    derived: tuple[tuple[Derived, Condition | None, Condition], ...]
    combined: tuple[tuple[str, Condition], ...]
    words: Words
    margin: float
    nothing: tuple[Condition, ...]
    asked_of_images: frozenset[str]
    not_organs: tuple[str, ...]
    same_amount: frozenset[str]
    told_by_site: frozenset[str]
    names: frozenset[str]
    folders: tuple[str, ...] = ()
    _by_id: dict[str, CompiledRule] = field(default_factory=dict, repr=False)
    _by_site: dict[str, tuple[CompiledRule, ...]] = field(default_factory=dict, repr=False)

    @property
    def amounts(self) -> frozenset[str]:
        """The inputs that can say that nothing is there."""
        return frozenset().union(*(condition.names for condition in self.nothing))

    def at(self, site: str) -> tuple[CompiledRule, ...]:
        """The rules about findings at a site (without side), in the order of the files."""
        if site not in self._by_site:
            self._by_site[site] = tuple(r for r in self.rules if r.rule.scope == "finding" and r.holds_at(site))
        return self._by_site[site]

    def about_patient(self) -> tuple[CompiledRule, ...]:
        """The rules about the patient as a whole."""
        return tuple(rule for rule in self.rules if rule.rule.scope == "patient")

    def get(self, rule_id: str) -> CompiledRule | None:
        """The rule of this id."""
        if not self._by_id:
            self._by_id.update({rule.id: rule for rule in self.rules})
        return self._by_id.get(rule_id)

    def quantity(self, name: str) -> Quantity | None:
        """The quantity of this patient-file key."""
        return self.labs.quantities.get(name)


def load(folders: Sequence[Path] = ()) -> Knowledge:
    """The embedded knowledge with a hospital's own folders on top, the last one winning.

    A folder holds any of ``sources.yaml``, ``labs.yaml`` (its ranges are asked first), ``vocabulary.yaml`` (its words
    are added), ``kinds.yaml``, ``kinds/*.yaml`` and ``sites/*.yaml`` (a rule replaces the one of the same id, or is
    added).

    Raises:
        KnowledgeError: a file or folder cannot be read, or something in it is wrong; one line.
    """
    return _load(tuple(Path(folder).resolve() for folder in folders))


@lru_cache(maxsize=8)
def _load(folders: tuple[Path, ...]) -> Knowledge:
    with _uncollected():
        return read(folders)


@contextmanager
def _uncollected() -> Iterator[None]:
    """Without the garbage collector, which doubles the time of building thousands of small objects that all stay."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def read(folders: Sequence[Path], own: Sequence[tuple[str, Chapter]] | None = None) -> Knowledge:
    """What :func:`load` gives, read anew from files that may have changed.

    ``own`` are the chapters of the last folder with the names of their files, where they were read already.
    """
    for folder in folders:
        if not folder.is_dir():
            raise KnowledgeError(f"{folder.name}: there is no knowledge folder of this name")
    places = (EMBEDDED, *folders)
    sources = sources_of(places)
    labs = labs_of(places)
    names = input_names(labs)
    rules: dict[str, CompiledRule] = {}
    kinds: Kinds | None = None
    for place in places:
        seen: set[str] = set()
        for file, chapter in own if own is not None and place == places[-1] else _chapters(place):
            kinds = chapter if isinstance(chapter, Kinds) else kinds
            for rule in chapter.rules:
                if rule.id in seen:
                    raise KnowledgeError(f"{file}: rule {rule.id} is there twice")
                seen.add(rule.id)
                rules[rule.id] = compiled(rule, chapter, file, names, sources)
    for ready in rules.values():
        for other in (*ready.rule.conflicts_with, *ready.rule.refines):
            if other not in rules:
                raise KnowledgeError(f"rule {ready.id} speaks of rule {other}, which does not exist")
    if kinds is None:
        raise KnowledgeError("kinds.yaml is missing")

    def compiled_of(text: str) -> Condition:
        return condition_of(text, names, "labs.yaml")

    return Knowledge(
        rules=tuple(rules.values()),
        sources=MappingProxyType(sources),
        labs=labs,
        derived=tuple((d, compiled_of(d.when) if d.when else None, compiled_of(d.expression)) for d in labs.derived),
        combined=tuple((c.name, compiled_of(c.expression)) for c in labs.combined),
        words=compile_words(vocabulary_of(places), (rule.condition.text for rule in rules.values())),
        margin=kinds.margin,
        nothing=tuple(condition_of(text, names, "kinds.yaml") for text in kinds.nothing),
        asked_of_images=frozenset(kinds.asked_of_images),
        not_organs=kinds.organs.not_counted,
        same_amount=frozenset(kinds.same_amount),
        told_by_site=frozenset(kinds.told_by_site),
        names=names,
        folders=tuple(folder.name for folder in folders),
    )


def _chapters(place: Path) -> tuple[tuple[str, Chapter], ...]:
    """The rule files of one folder with their names; the embedded ones are read once."""
    return _embedded_chapters() if place == EMBEDDED else tuple(_read_chapters(place))


@lru_cache(maxsize=1)
def _embedded_chapters() -> tuple[tuple[str, Chapter], ...]:
    return tuple(_read_chapters(EMBEDDED))


def _read_chapters(place: Path) -> Iterator[tuple[str, Chapter]]:
    if (path := place / "kinds.yaml").is_file():
        yield path.name, validated(Kinds, load_yaml(path), path.name)
    for path in sorted((place / "kinds").glob("*.yaml")):
        yield path.name, validated(General, load_yaml(path), path.name)
    for path in sorted((place / "sites").glob("*.yaml")):
        yield path.name, validated(Chapter, load_yaml(path), path.name)


def compiled(
    rule: Rule, chapter: Chapter, file: str, names: frozenset[str], sources: Mapping[str, Source]
) -> CompiledRule:
    """A rule of a chapter ready to run.

    Raises:
        KnowledgeError: its condition is not CEL or uses what is no input, or its source does not exist; one line.
    """
    where = f"{file}: rule {rule.id}"
    condition = condition_of(rule.when, names, where)
    if rule.source not in sources:
        raise KnowledgeError(f"{where}: its source {rule.source} is not in sources.yaml")
    if "kind" in condition.names and rule.then.kind:
        raise KnowledgeError(f"{where}: a rule that asks for the kind cannot weigh kinds")
    for example in rule.examples:
        unknown = sorted(set(example.given) - names)
        if unknown:
            raise KnowledgeError(f"{where}: an example gives {unknown[0]}, which is no input")
    question = rule.question or " ".join(sorted(condition.names - {"site", "side"}))
    return CompiledRule(
        rule=rule,
        condition=condition,
        chapter=chapter.chapter,
        sites=rule.sites or chapter.sites,
        general=isinstance(chapter, General),
        question=question,
        by_kind="kind" in condition.names,
        id=rule.id,
        names=condition.names,
    )


def condition_of(text: str, names: frozenset[str], where: str) -> Condition:
    """A condition compiled, whose inputs are all among ``names``.

    Raises:
        KnowledgeError: it is not CEL or uses what is no input; ``where`` says in which file and rule.
    """
    try:
        program = cel.compile(text)
    except ValueError as error:
        first = str(error).strip().splitlines()[0]
        raise KnowledgeError(f"{where}: the condition '{text}' is not CEL: {first}") from error
    used = frozenset(program.variables()) - frozenset(_COMPREHENSION.findall(text)) - _FUNCTIONS
    if unknown := sorted(used - names):
        raise KnowledgeError(f"{where}: the condition uses {unknown[0]}, which is no input")
    return Condition(text, program, used)


def input_names(labs: Labs) -> frozenset[str]:
    """Every name that a condition can use."""
    computed = {entry.name for group in (labs.derived, labs.states, labs.combined) for entry in group}
    return _ALWAYS | IMAGE_ONLY | frozenset(labs.quantities) | frozenset(labs.words) | computed
