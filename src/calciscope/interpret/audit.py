"""What is wrong with a folder of knowledge: every mistake as one line that names the file and the rule.

:func:`~calciscope.interpret.rules.load` stops at the first mistake; whoever writes rules wants them all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from calciscope.domain import site as sites
from calciscope.domain.assessment import Source
from calciscope.domain.knowledge import EMBEDDED, load_yaml
from calciscope.errors import KnowledgeError
from calciscope.interpret import examples
from calciscope.interpret.assumptions import spoken_concepts
from calciscope.interpret.conflicts import conflicts
from calciscope.interpret.folders import LISTS, labs_of, mistakes, sources_of, vocabulary_of
from calciscope.interpret.limits import impossible, ranges
from calciscope.interpret.plain import check as plain
from calciscope.interpret.rules import compiled, input_names, load, read
from calciscope.interpret.schema import Chapter, General, Kinds, Labs, Rule, Vocabulary

_FILES: Mapping[str, type[Chapter] | type[Labs] | type[Vocabulary] | None] = {
    "sources.yaml": None,
    "labs.yaml": Labs,
    "vocabulary.yaml": Vocabulary,
    "kinds.yaml": Kinds,
}
# Rules that hold anywhere, and rules of sites.
_FOLDERS: Mapping[str, type[Chapter]] = {"kinds": General, "sites": Chapter}


def audit(folder: Path | None = None) -> tuple[str, ...]:
    """Every mistake of a hospital's folder, laid over the embedded knowledge; without one, of the embedded itself.

    Checked are: names of files, YAML, keys and values, conditions and the inputs they use, sites, concepts, sources
    (there, and cited), examples, words for patients, rules that can never fire, reference ranges, bands with
    gaps or overlaps, and rules that contradict each other.

    Raises:
        KnowledgeError: there is no such folder.
    """
    if folder is not None and not folder.is_dir():
        raise KnowledgeError(f"{folder.name}: there is no knowledge folder of this name")
    place = folder or EMBEDDED
    places = (EMBEDDED, folder) if folder else (EMBEDDED,)
    contents: dict[str, Any] = {}
    broken = list(_read(place, contents))
    found = [*_strangers(place, folder is not None), *broken]
    known_sources, labs, words = _shared(places, found)
    chapters = [(file, content) for file, content in contents.items() if isinstance(content, Chapter)]
    bad: set[str] = set()
    for rule_id, line in _each(chapters, known_sources, labs, words):
        bad.add(rule_id)
        found.append(line)
    found += ranges(contents.get("labs.yaml"), labs, known_sources)
    if folder is not None and not broken:
        found += _uncited(contents, [rule for _, chapter in chapters for rule in chapter.rules])
    # What is wrong by itself would only be told again by its examples.
    sound = [(file, _without(chapter, bad)) for file, chapter in chapters]
    try:
        knowledge = read((folder,) if folder else (), sound)
    except KnowledgeError as error:
        return tuple(dict.fromkeys(found or [str(error)]))
    own = {rule.id for _, chapter in sound for rule in chapter.rules}
    found += [line for line in examples.check(knowledge) if line.split()[1].rstrip(",") in own]
    if folder is None:
        found += plain.of_book(knowledge)
    found += [str(one) for one in conflicts(knowledge) if not own.isdisjoint(one.rules)]
    return tuple(dict.fromkeys(found))


def _shared(places: Sequence[Path], found: list[str]) -> tuple[Mapping[str, Source], Labs, set[str]]:
    """Sources, laboratory data and concepts of the folders; the embedded ones where those of a folder are broken."""
    concepts = vocabulary_of((EMBEDDED,))
    try:
        known_sources = sources_of(places)
    except KnowledgeError as error:
        found.append(str(error))
        known_sources = sources_of((EMBEDDED,))
    try:
        labs, concepts = labs_of(places), vocabulary_of(places)
    except KnowledgeError as error:
        found.append(str(error))
        labs = labs_of((EMBEDDED,))
    return known_sources, labs, {concept for name in LISTS for concept in getattr(concepts, name)}


def _without(chapter: Chapter, bad: set[str]) -> Chapter:
    return chapter.model_copy(update={"rules": tuple(rule for rule in chapter.rules if rule.id not in bad)})


def _strangers(place: Path, own: bool) -> Iterator[str]:
    """Files that would never be read."""
    if not own:
        return
    # Deeper folders are somebody else's.
    files = sorted((*place.glob("*"), *place.glob("*/*")))
    seen = [path for path in files if path.is_file() and path.suffix in (".yaml", ".yml")]
    for path in seen:
        name = path.relative_to(place).as_posix()
        if name in _FILES or (path.parent.name in _FOLDERS and path.parent.parent == place and path.suffix == ".yaml"):
            continue
        close = get_close_matches(name, _FILES, n=1, cutoff=0.6)
        hint = f"rename it {close[0]}" if close else "rules stand in sites/NAME.yaml"
        yield f"{name}: is never read; {hint}"
    if not seen:
        yield f"{place.name}: holds no knowledge file; rules stand in sites/NAME.yaml"


def _read(place: Path, contents: dict[str, Any]) -> Iterator[str]:
    """Parses each file into ``contents`` and yields what its schema says against it."""
    paths = [place / name for name in _FILES if (place / name).is_file()]
    for path in (*paths, *(path for name in _FOLDERS for path in sorted((place / name).glob("*.yaml")))):
        try:
            data = load_yaml(path)
        except KnowledgeError as error:
            yield str(error)
            continue
        model = _FILES.get(path.name, Chapter) if path.parent == place else _FOLDERS[path.parent.name]
        if model is None:
            contents[path.name] = data
            continue
        try:
            contents[path.name] = model.model_validate(data)
        except ValidationError as error:
            yield from mistakes(error, data, path.name)
            rest = _sound_part(model, data, error)
            if rest is not None:
                contents[path.name] = rest


def _sound_part(model: type[BaseModel], data: dict[str, Any], error: ValidationError) -> BaseModel | None:
    """A chapter without the rules that break its schema, so that the others are looked at; else nothing."""
    broken = {one["loc"][1] for one in error.errors() if len(one["loc"]) > 1 and one["loc"][0] == "rules"}
    if not issubclass(model, Chapter) or not broken or not isinstance(data.get("rules"), list):
        return None
    rules = [rule for number, rule in enumerate(data["rules"]) if number not in broken]
    try:
        return model.model_validate({**data, "rules": rules})
    except ValidationError:
        return None


def _each(
    chapters: Sequence[tuple[str, Chapter]], known_sources: Mapping[str, Source], labs: Labs, words: set[str]
) -> Iterator[tuple[str, str]]:
    """What is wrong with each rule by itself: its id and the line."""
    names = input_names(labs)
    seen: set[str] = set()
    every = {rule.id for _, chapter in chapters for rule in chapter.rules} | {rule.id for rule in load().rules}
    for file, chapter, rule in ((file, one, rule) for file, one in chapters for rule in one.rules):
        where = f"{file}: rule {rule.id}"
        if rule.id in seen:
            yield rule.id, f"{where}: is there twice"
        seen.add(rule.id)
        for place in (*chapter.sites, *rule.sites):
            if not sites.exists(place):
                close = sites.nearest(place)
                yield rule.id, f"{where}: there is no site {place}" + (f"; did you mean {close}?" if close else "")
        for other in (*rule.conflicts_with, *rule.refines):
            if other not in every:
                yield rule.id, f"{where}: speaks of rule {other}, which does not exist"
        try:
            ready = compiled(rule, chapter, file, names, known_sources)
        except KnowledgeError as error:
            yield rule.id, str(error)
            continue
        for concept in spoken_concepts(rule.when):
            if concept not in words:
                close_words = get_close_matches(concept, sorted(words), n=1, cutoff=0.6)
                hint = f"; did you mean {close_words[0]}?" if close_words else "; add it to vocabulary.yaml"
                yield rule.id, f"{where}: {concept} is no concept{hint}"
        if not rule.then.model_dump(exclude_defaults=True):
            yield rule.id, f"{where}: says nothing; give it a kind, seriousness, advice, category or note"
        yield from ((rule.id, f"{where}: {line}") for line in plain.of_rule(rule))
        if not any(example.gives is not None for example in rule.examples):
            yield rule.id, f"{where}: has no example in which it fires"
        yield from ((rule.id, f"{where}: {said}") for said in impossible(ready, labs))


def _uncited(contents: Mapping[str, Any], rules: Sequence[Rule]) -> Iterator[str]:
    """Sources of the folder that nothing in it rests on; the embedded ones serve the measures and presets too."""
    cited = {rule.source for rule in rules}
    if isinstance(own := contents.get("labs.yaml"), Labs):
        cited |= {band.source for band in own.ranges} | {entry.source for entry in own.derived}
    for name in contents.get("sources.yaml", ()):
        if name not in cited:
            yield f"sources.yaml: {name} is cited by no rule; cite it or take it out"
