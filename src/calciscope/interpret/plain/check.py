"""What is wrong with words for patients: too hard, too long, frightening, an order of a drug, or not there at all."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase

from calciscope.domain import site as sites
from calciscope.domain.assessment import Seriousness
from calciscope.interpret.plain.book import Book, book
from calciscope.interpret.plain.reading import grade
from calciscope.interpret.rules import Knowledge
from calciscope.interpret.schema import Plain, Rule

# A rule that proposes one of these must say why in words for patients.
_GRAVE = {Seriousness.SIGNIFICANT, Seriousness.URGENT}


def of_rule(rule: Rule) -> Iterator[str]:
    """What is wrong with the words that a rule brings itself."""
    if rule.plain is None:
        return
    if rule.plain.because is None and rule.plain.next is None:
        yield "plain says nothing; give it because or next"
    if rule.plain.next is not None and rule.then.advice is None:
        yield "plain has a next step, but the rule has no advice"
    yield from _sentences(rule.plain, book())


def of_book(knowledge: Knowledge) -> Iterator[str]:
    """What is wrong with the embedded words: sentences, rules and places without words, and words without a rule."""
    words = book()
    ids = [rule.id for rule in knowledge.rules]
    given: Counter[tuple[str, str]] = Counter()
    for phrase in words.phrases:
        for name in phrase.rules:
            given.update((name, key) for key in ("because", "next") if getattr(phrase, key))
            if not any(fnmatchcase(one, name) for one in ids):
                yield f"plain: {name} is no rule"
        for line in _sentences(phrase, words):
            yield f"plain: {phrase.rules[0]}: {line}"
    yield from (f"plain: {name} has {key} twice" for (name, key), count in given.items() if count > 1)
    for text in _general(words):
        yield from (f"plain: {line}" for line in _sentence(text, words))
    for rule in knowledge.rules:
        said = words.of_rule(rule.id, knowledge)
        if rule.rule.then.advice and (said is None or said.next is None):
            yield f"plain: rule {rule.id} advises and has no next step for patients; add one to knowledge/plain/rules"
        levels = {rule.rule.then.at_least, rule.rule.then.seriousness}
        if levels & _GRAVE and (said is None or said.because is None):
            yield f"plain: rule {rule.id} is serious and tells patients no because; add one to knowledge/plain/rules"
        if not rule.rule.then.advice and said is not None and said.next is not None:
            yield f"plain: rule {rule.id} advises nothing and has a next step for patients"
    yield from (f"plain: {path} has no name for patients" for path in sites.paths() if path not in words.places)
    yield from (f"plain: there is no site {path}" for path in words.places if not sites.exists(path))
    named = (*knowledge.labs.quantities, *knowledge.labs.words)
    asked = (name for name in named if name not in {*words.words.inputs, *words.words.measures})
    yield from (f"plain: {name} has no name for patients" for name in asked if _can_be_unknown(name, knowledge))
    cited = {said.source for kind in words.kinds.values() for said in (kind.says, *kind.at.values())}
    cited |= {measure.source for measure in words.words.measures.values()}
    yield from (f"plain: source {name} is not in sources.yaml" for name in cited - set(knowledge.sources))
    groups = {place.group for place in words.places.values()}
    used = {group for question in words.words.ask for group in question.groups}
    used |= {group for signs in words.words.help for group in signs.groups}
    used |= {group for kind in words.kinds.values() for group in kind.at}
    yield from (f"plain: no place is of the group {group}" for group in used - groups)
    helped = (rule for signs in words.words.help for rule in signs.rules)
    yield from (f"plain: {rule} is no rule" for rule in helped if rule not in ids)


def _general(words: Book) -> Iterator[str]:
    """The sentences that no rule says."""
    for kind in words.kinds.values():
        yield from (said.text for said in (kind.says, *kind.at.values()))
    for grade_words in words.words.grades.values():
        yield from (grade_words.says, grade_words.next)
    yield from (place.about for place in words.places.values() if place.about)
    yield from (measure.means for measure in words.words.measures.values() if measure.means)
    yield from (change.says for change in words.words.changes.values())
    yield from (question.text for question in words.words.ask)
    yield from words.words.ask_changes


def _can_be_unknown(name: str, knowledge: Knowledge) -> bool:
    """Whether a person can be asked for it: what is computed from a score is not."""
    quantity = knowledge.quantity(name)
    return quantity is None or quantity.group != "risk"


def _sentences(said: Plain, words: Book) -> Iterator[str]:
    for text in (said.because, said.next):
        if text is not None:
            yield from _sentence(text, words)


def _sentence(text: str, words: Book) -> Iterator[str]:
    limits = words.words.limits
    if not text.endswith((".", "?")) or not text[:1].isupper():
        yield f"'{text}' is no whole sentence"
    if len(text) > limits.characters:
        yield f"'{text}' has more than {limits.characters} characters"
    if (hard := grade(text)) > limits.grade:
        yield f"'{text}' is read at grade {hard:.0f}; shorter sentences and words bring it to {limits.grade:g}"
    yield from (f"'{text}' says '{found}', which no patient should be told" for found in _found(text, limits.forbidden))
    for found in re.findall(r"\b[A-Z]{2,}\b", text):
        if found not in words.words.glossary and found not in limits.known:
            yield f"'{text}' has the abbreviation {found}, which the glossary does not explain"


def _found(text: str, patterns: Iterable[str]) -> Iterator[str]:
    for pattern in patterns:
        if match := re.search(rf"\b(?:{pattern})\b", text, re.IGNORECASE):
            yield match.group()
