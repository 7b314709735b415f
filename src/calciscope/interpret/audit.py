"""What is wrong with a folder of knowledge: every mistake as one line that names the file and the rule.

:func:`~calciscope.interpret.rules.load` stops at the first mistake; whoever writes rules wants them all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from calciscope.domain import site as sites
from calciscope.domain.assessment import Source
from calciscope.errors import KnowledgeError
from calciscope.interpret import examples
from calciscope.interpret.assumptions import spoken_concepts
from calciscope.interpret.conflicts import conflicts
from calciscope.interpret.folders import LISTS, labs_of, mistakes, sources_of, vocabulary_of
from calciscope.interpret.plain import check as plain
from calciscope.interpret.rules import EMBEDDED, compiled, input_names, load, read
from calciscope.interpret.schema import Chapter, General, Kinds, Labs, Rule, Vocabulary
from calciscope.interpret.yaml_files import load_yaml

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
    (there, and cited), examples, words for patients, rules that can never fire, bands with gaps or overlaps, and rules
    that contradict each other. Raises :class:`KnowledgeError` where there is no such folder.
    """
    if folder is not None and not folder.is_dir():
        raise KnowledgeError(f"{folder.name}: there is no knowledge folder of this name")
    place = folder or EMBEDDED
    contents: dict[str, Any] = {}
    found = [*_strangers(place, folder is not None), *_read(place, contents)]
    # What is not even a mapping or breaks its schema cannot be looked into further.
    if found:
        return tuple(found)
    places = (EMBEDDED, folder) if folder else (EMBEDDED,)
    try:
        known_sources, labs = sources_of(places), labs_of(places)
        words = {concept for name in LISTS for concept in getattr(vocabulary_of(places), name)}
    except KnowledgeError as error:
        return (str(error),)
    rules = [(file, chapter, rule) for file, chapter in _chapters(contents) for rule in chapter.rules]
    found = list(_each(rules, known_sources, labs, words))
    if folder is not None:
        found += _uncited(folder, [rule for _, _, rule in rules])
    if found:
        return tuple(found)
    try:
        knowledge = read((folder,) if folder else ())
    except KnowledgeError as error:
        return (str(error),)
    own = {rule.id for _, _, rule in rules}
    found += [line for line in examples.check(knowledge) if line.split()[1].rstrip(",") in own]
    if folder is None:
        found += plain.of_book(knowledge)
    found += [str(one) for one in conflicts(knowledge) if not own.isdisjoint(one.rules)]
    return tuple(found)


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


def _chapters(contents: Mapping[str, Any]) -> Iterator[tuple[str, Chapter]]:
    for file, content in contents.items():
        if isinstance(content, Chapter):
            yield file, content


def _each(
    rules: Sequence[tuple[str, Chapter, Rule]], known_sources: Mapping[str, Source], labs: Labs, words: set[str]
) -> Iterator[str]:
    """What is wrong with each rule by itself."""
    names = input_names(labs)
    seen: dict[str, str] = {}
    every = {rule.id for _, _, rule in rules} | {rule.id for rule in load().rules}
    for file, chapter, rule in rules:
        where = f"{file}: rule {rule.id}"
        if rule.id in seen:
            yield f"{where}: is there twice"
        seen[rule.id] = file
        for place in (*chapter.sites, *rule.sites):
            if not sites.exists(place):
                close = sites.nearest(place)
                yield f"{where}: there is no site {place}" + (f"; did you mean {close}?" if close else "")
        try:
            ready = compiled(rule, chapter, file, names, known_sources)
        except KnowledgeError as error:
            yield str(error)
            continue
        for concept in spoken_concepts(rule.when):
            if concept not in words:
                close_words = get_close_matches(concept, sorted(words), n=1, cutoff=0.6)
                hint = f"; did you mean {close_words[0]}?" if close_words else "; add it to vocabulary.yaml"
                yield f"{where}: {concept} is no concept{hint}"
        for other in (*rule.conflicts_with, *rule.refines):
            if other not in every:
                yield f"{where}: speaks of rule {other}, which does not exist"
        if not rule.then.model_dump(exclude_defaults=True):
            yield f"{where}: says nothing; give it a kind, seriousness, advice, category or note"
        yield from (f"{where}: {line}" for line in plain.of_rule(rule))
        if not any(example.gives is not None for example in rule.examples):
            yield f"{where}: has no example in which it fires"
        for name in sorted(ready.names):
            allowed = _allowed(name, labs)
            if allowed and ready.sites and not any(_meet(one, two) for one in allowed for two in ready.sites):
                yield f"{where}: can never fire: {name} is given at {', '.join(allowed)} only"


def _allowed(name: str, labs: Labs) -> tuple[str, ...]:
    """The sites at which a finding can have an input; none means everywhere."""
    quantity, word = labs.quantities.get(name), labs.words.get(name)
    return quantity.sites if quantity else word.sites if word else ()


def _meet(one: str, two: str) -> bool:
    return sites.within(one, two) or sites.within(two, one)


def _uncited(folder: Path, rules: Sequence[Rule]) -> Iterator[str]:
    """Sources of the folder that nothing in it rests on; the embedded ones serve the measures and presets too."""
    own = labs_of((folder,))
    cited = {rule.source for rule in rules}
    cited |= {band.source for band in own.ranges} | {entry.source for entry in own.derived}
    for name in sources_of((folder,)):
        if name not in cited:
            yield f"sources.yaml: {name} is cited by no rule; cite it or take it out"
