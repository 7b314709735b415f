"""Which side a mention speaks of."""

from __future__ import annotations

from calciscope.domain.site import exists, within
from calciscope.text import governed
from calciscope.text.lexicon import Lexicon
from calciscope.text.tokens import Hit, Parsed, Sentence

# A side belongs to the next thing within so many words; a thing beside lies within so many.
_SIDE_REACH, _BESIDE = 5, 12
# So many sentences back the same part of the body is still spoken of.
_BACK = 4
# "The soft tissues of the left axilla" are on the left.
_PART_OF = frozenset({"of", "the", "in", "at", "about", "around"})
# Where right and left are parts of names.
_NO_SIDE = ("heart", "artery.coronary")
# "Both" is a side only of what it stands before.
_NEEDS_OWNER = frozenset({"both"})


def of(parsed: Parsed, words: Lexicon, sentence: Sentence, target: Hit, chosen: Hit | None) -> str | None:
    """The side that a sentence says of a mention at its place, or ``None``."""
    if chosen is not None and any(within(chosen.term.key, one) for one in _NO_SIDE):
        return None
    if chosen is not None and chosen.term.side:
        return chosen.term.side
    places = governed.free(parsed, sentence, words)
    sides = [
        hit
        for hit in sentence.of("side")
        if not any(hit.overlaps(one) and one.end - one.start > hit.end - hit.start for one in places)
    ]
    own: list[tuple[int, str]] = []
    for hit in sides:
        ahead = [one for one in (*places, *sentence.of("target")) if 0 <= one.start - hit.end <= _SIDE_REACH]
        ahead = [one for one in ahead if "," not in parsed.words(hit.end, one.start)]
        owner = min(ahead, key=lambda one: one.start, default=None)
        part = chosen is not None and chosen.end < hit.start and owner is not None and owner.start >= hit.end
        part = part and chosen is not None and set(parsed.words(chosen.end, hit.start)) <= _PART_OF
        both = " ".join(parsed.words(hit.start, hit.end)) in _NEEDS_OWNER
        if part or _owns(owner, target, chosen, needed=both) or (hit.term.key == "bilateral" and not both):
            near = min(hit.gap(target), hit.gap(chosen) if chosen is not None else hit.gap(target))
            own.append((near, hit.term.key))
    if not own:
        sided = {one.term.side for one in places if one.term.side and one.gap(target) <= _BESIDE}
        return sided.pop() if len(sided) == 1 else None
    return min(own)[1] if min(own)[0] <= _BESIDE else None


def before(parsed: Parsed, words: Lexicon, number: int, chosen: Hit) -> str | None:
    """The one side on which the same part of the body was spoken of just before, else the one that was examined.

    What was spoken of before says nothing of several parts ("kidneys").
    """
    if any(within(chosen.term.key, one) for one in _NO_SIDE):
        return None
    last = parsed.tokens[chosen.end - 1]
    several = last.text.lower() != last.norm
    here = parsed.sentences[number]
    spoken, examined = set(), set()
    for sentence in parsed.sentences[max(0, number - _BACK) : number + 1]:
        if sentence.section != here.section:
            continue
        for hit in governed.free(parsed, sentence, words, "place"):
            if not exists(f"{hit.term.key}.left") or (side := of(parsed, words, sentence, hit, hit)) is None:
                continue
            if sentence is not here and _same_part(hit.term.key, chosen.term.key):
                spoken.add(side)
            if governed.is_examined(parsed, sentence, hit):
                examined.add(side)
    if len(spoken) == 1 and not several and not here.of("side"):
        return spoken.pop()
    every = {hit.term.key for sentence in parsed.sentences for hit in sentence.of("side")}
    return examined.pop() if len(examined) == 1 and every == examined else None


def _same_part(one: str, other: str) -> bool:
    """Whether two places are one part of the body, as the joint and the tendons of a shoulder are."""
    return one == other or ("." in one and "." in other and one.rpartition(".")[2] == other.rpartition(".")[2])


def _owns(owner: Hit | None, target: Hit, chosen: Hit | None, needed: bool) -> bool:
    """Whether what a side stands before is the mention, its place, or nothing that would be another place."""
    if owner is None:
        return not needed
    if owner.overlaps(target) or owner.term.layer == "weak":
        return True
    if chosen is None:
        return False
    return owner.overlaps(chosen) or within(chosen.term.key, owner.term.key) or 0 <= chosen.start - owner.end <= 2
