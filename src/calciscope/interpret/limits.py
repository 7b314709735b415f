"""What inputs can be at all: conditions, classes and reference ranges that can never be met are mistakes."""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from itertools import combinations, pairwise
from typing import Any

from calciscope.domain import site as sites
from calciscope.domain.assessment import Kind
from calciscope.interpret.assumptions import comparisons, words_compared
from calciscope.interpret.rules import CompiledRule
from calciscope.interpret.schema import Band, Labs

_STATE = ("low", "normal", "high")
_CLOSED: dict[str, tuple[str, ...]] = {
    "kind": tuple(Kind),
    "side": sites.SIDES,
    "sex": ("female", "male"),
    "ancestry": ("white", "black", "chinese", "hispanic"),
}
_MOST_WORDS = 12


def impossible(ready: CompiledRule, labs: Labs) -> Iterator[str]:
    """Why a rule can never fire, or speaks of what does not exist, in words."""
    text = ready.condition.text
    for name in sorted(ready.names):
        quantity, word = labs.quantities.get(name), labs.words.get(name)
        allowed = quantity.sites if quantity else word.sites if word else ()
        if allowed and ready.sites and not any(_meet(one, two) for one in allowed for two in ready.sites):
            yield f"can never fire: {name} is given at {', '.join(allowed)} only"
        choice = _choice(name, labs)
        for said in words_compared(text, name):
            if name == "site" and not sites.exists(said):
                close = sites.nearest(said)
                yield f"can never fire: there is no site {said}" + (f"; did you mean {close}?" if close else "")
            elif choice and said not in choice:
                yield f"can never fire: {said} is no {name}; it is {', '.join(choice[:_MOST_WORDS])}"
        if quantity is not None:
            low, high = quantity.plausible
            unit = "" if quantity.unit in ("", "1") else f" {quantity.unit}"
            for op, at in comparisons(text, name):
                if (op in (">", ">=", "==") and at > high) or (op in ("<", "<=", "==") and at < low):
                    yield f"can never fire: {name} is between {low:g} and {high:.10g}{unit}"
    category = ready.rule.then.category
    if category is not None and category.measure not in (*labs.quantities, *labs.words, *_derived(labs)):
        yield f"gives a class of {category.measure}, which is no measure"


def _choice(name: str, labs: Labs) -> Sequence[str]:
    """The words that an input can be; none where they are free."""
    if name in labs.words:
        return labs.words[name].allowed
    if any(state.name == name for state in labs.states):
        return _STATE
    return _CLOSED.get(name, ())


def _derived(labs: Labs) -> tuple[str, ...]:
    return tuple(entry.name for entry in labs.derived)


def _meet(one: str, two: str) -> bool:
    return sites.within(one, two) or sites.within(two, one)


def ranges(own: Any, labs: Labs, known_sources: Container[str]) -> Iterator[str]:
    """What is wrong with the reference ranges and formulas of a folder's ``labs.yaml``; ``own`` is its content."""
    if not isinstance(own, Labs):
        return
    for entry in own.derived:
        if entry.source not in known_sources:
            yield f"labs.yaml: {entry.name}: its source {entry.source} is not in sources.yaml"
    for band in own.ranges:
        where = f"labs.yaml: range of {band.of}"
        if band.of not in (*labs.quantities, *_derived(labs)):
            yield f"{where}: there is no quantity of this name"
        if band.source not in known_sources:
            yield f"{where}: its source {band.source} is not in sources.yaml"
        if band.low is None and band.high is None:
            yield f"{where}: has neither a low nor a high limit"
        if band.low is not None and band.high is not None and band.low >= band.high:
            yield f"{where}: its low limit {band.low:g} is not below its high limit {band.high:g}"
        if band.to_age is not None and band.from_age >= band.to_age:
            yield f"{where}: from_age {band.from_age:g} is not below to_age {band.to_age:g}"
    yield from _ages(own.ranges)


def _ages(bands: Sequence[Band]) -> Iterator[str]:
    """Ages at which two ranges hold, and ages that were left out between two ranges."""
    for of in dict.fromkeys(band.of for band in bands):
        for sex in ("female", "male"):
            own = sorted((b for b in bands if b.of == of and b.sex in (None, sex)), key=lambda band: band.from_age)
            for one, two in combinations(own, 2):
                # A range of one sex speaks before that of both.
                if one.sex == two.sex and (one.to_age is None or two.from_age < one.to_age):
                    yield f"labs.yaml: range of {of}: two ranges hold at {two.from_age:g} years"
            for one, two in pairwise(own):
                if one.to_age is not None and two.from_age > one.to_age:
                    yield f"labs.yaml: range of {of}: none holds from {one.to_age:g} to {two.from_age:g} years"
