"""ConText: whether a mention is affirmed, negated, possible, historical or somebody else's (Harkema 2009)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from calciscope.domain.mention import Assertion
from calciscope.text.tokens import Hit, Sentence, longest

# Which word counts where several speak: "no history of stones" denies, "his mother's possible stones" are not his.
_ORDER = (Assertion.OTHER, Assertion.NEGATED, Assertion.HISTORICAL, Assertion.POSSIBLE)
_END, _PSEUDO = "end", "pseudo"
# What was taken out is past, unless it is still to be ("before stone extraction").
_REMOVED, _PLANNED = "removed", "planned"
Decision = tuple[Assertion, Hit | None]


@dataclass(frozen=True, slots=True)
class Modifiers:
    """The words of one sentence that decide."""

    terms: tuple[Hit, ...]
    ends: tuple[Hit, ...]


def modifiers(sentence: Sentence, targets: Sequence[Hit] = ()) -> Modifiers:
    """The deciding words of a sentence; those that lie within a target, and those silenced, are left out."""
    every = longest([hit for hit in sentence.of("context") if not any(hit.overlaps(one) for one in targets)])
    return Modifiers(
        tuple(hit for hit in every if hit.term.key not in (_END, _PSEUDO)),
        tuple(hit for hit in every if hit.term.key == _END),
    )


def decide(target: Hit, found: Modifiers) -> Decision:
    """What the sentence says of a target, and the word that says so."""
    reaching = [hit for hit in found.terms if _reaches(hit, target, found.ends)]
    planned = any(hit.term.key == _PLANNED for hit in reaching)
    said: dict[Assertion, Hit] = {}
    for hit in reaching:
        if hit.term.key == _REMOVED and not planned:
            said.setdefault(Assertion.HISTORICAL, hit)
        elif hit.term.key not in (_REMOVED, _PLANNED):
            said.setdefault(Assertion(hit.term.key), hit)
    for assertion in _ORDER:
        if assertion in said:
            return assertion, said[assertion]
    return Assertion.AFFIRMED, None


def _reaches(hit: Hit, target: Hit, ends: Sequence[Hit]) -> bool:
    direction, gap = hit.term.value, hit.gap(target)
    if gap > hit.term.scope:
        return False
    if hit.end <= target.start and direction in ("forward", "both"):
        return not any(hit.end <= end.start and end.end <= target.start for end in ends)
    if target.end <= hit.start and direction in ("backward", "both"):
        return not any(target.end <= end.start and end.end <= hit.start for end in ends)
    return False
