"""Rules as text: a line in a list, and everything that stands behind one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from calciscope.domain import site as sites
from calciscope.interpret.plain.book import book
from calciscope.interpret.rules import CompiledRule, Knowledge
from calciscope.interpret.schema import Example, Then


def chosen(
    knowledge: Knowledge, words: Sequence[str] = (), site: str | None = None, status: str | None = None
) -> tuple[CompiledRule, ...]:
    """The rules that hold every word anywhere in them (case does not matter), at a site (or below), of a status."""
    found = []
    for rule in knowledge.rules:
        if status is not None and rule.rule.status != status:
            continue
        if site is not None and not _at(rule, sites.split(site)[0]):
            continue
        text = " ".join(everything(rule, knowledge)).lower()
        if all(word.lower() in text for word in words):
            found.append(rule)
    return tuple(found)


def _at(rule: CompiledRule, place: str) -> bool:
    return any(sites.within(one, place) or sites.within(place, one) for one in rule.sites)


def everything(rule: CompiledRule, knowledge: Knowledge) -> Iterator[str]:
    """A rule with all that stands behind it, line by line."""
    one = rule.rule
    yield f"{rule.id} ({one.status})"
    yield f"  {one.statement}"
    yield f"  where     {', '.join(rule.sites) or 'everywhere'}; {rule.chapter}"
    yield f"  when      {one.when}"
    for line in said(one.then):
        yield f"  then      {line}"
    plain = book().of_rule(rule.id, knowledge)
    for words in (plain.because, plain.next) if plain is not None else ():
        if words is not None:
            yield f"  patient   {words}"
    source = knowledge.sources[one.source]
    doi = f", doi:{source.doi}" if source.doi else ""
    yield f"  source    {source.citation}{doi}" + (f"; edition {one.edition}" if one.edition else "")
    if one.guideline:
        yield f"  guideline {one.guideline}"
    for name, others in (("beside", one.conflicts_with), ("refines", one.refines)):
        if others:
            yield f"  {name:9} {', '.join(others)}"
    for example in one.examples:
        yield f"  example   {_example(example)}"


def said(then: Then) -> Iterator[str]:
    """What a rule says when it fires, a line each."""
    for kind, weight in then.kind.items():
        yield f"kind {kind} {weight:+g}"
    for name, words in (
        ("seriousness", "seriousness {}"),
        ("at_most", "at most {}"),
        ("at_least", "at least {}"),
        ("advice", "advice: {}"),
        ("note", "note: {}"),
        ("about", "about: {}"),
    ):
        value = getattr(then, name)
        if value is not None:
            yield words.format(value)
    if then.contradicts:
        yield f"contradict each other: {', '.join(then.contradicts)}"
    if then.category is not None:
        yield f"{then.category.measure} is {then.category.value} of {then.category.scheme}"


def _example(example: Example) -> str:
    given = ", ".join(f"{name} {_fact(value)}" for name, value in example.given.items())
    if example.gives is None:
        return f"{given}: silent"
    gives = ", ".join(f"{name} {_fact(value)}" for name, value in example.gives.items())
    return f"{given}: {gives or 'fires'}"


def _fact(value: object) -> str:
    if isinstance(value, dict):
        return " ".join(f"{key} {_fact(item)}" for key, item in value.items())
    if isinstance(value, list):
        return " + ".join(map(str, value)) or "none"
    return f"{value:g}" if isinstance(value, float) else str(value)
