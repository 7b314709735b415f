"""Words of places that another phrase governs: parts of another organ, words before the noun that is meant, origins."""

from __future__ import annotations

from collections.abc import Sequence

from calciscope.domain.site import within
from calciscope.text.lexicon import Lexicon
from calciscope.text.tokens import Hit, Parsed, Sentence

# "The lower pole of the left lobe of the thyroid" is of the thyroid: so many words lie between a part and its organ.
_OF_REACH = 7
_OF = frozenset({"of", "in"})
_LINKS = frozenset(
    {"of", "in", "the", "left", "right", "lobe", "its", "both", "upper", "lower", "mid", "middle", "and", "pole"}
)
# "Metastasis from a tumour of the uterus": so far an origin reaches.
_ORIGIN_REACH = 6
_PLACES = ("place", "weak", "lesion")


def named(sentence: Sentence, *layers: str) -> list[Hit]:
    """The places of a sentence, without those that are part of a longer name."""
    hits = sentence.of(*_PLACES, "not_place")
    return [
        hit
        for hit in hits
        if hit.term.layer in (layers or _PLACES)
        and not any(other.overlaps(hit) and other.end - other.start > hit.end - hit.start for other in hits)
    ]


def free(parsed: Parsed, sentence: Sentence, words: Lexicon, *layers: str) -> list[Hit]:
    """The places of a sentence that speak for themselves.

    The part of another organ stands for that ("lower pole of the thyroid", "splenic hilum"), and an organ that only
    describes the noun behind it is left out ("iliac lymph nodes", "pulmonary artery").
    """
    every = named(sentence)
    parts = {(one.start, one.end) for one in sentence.of("part")}
    found = []
    for hit in every:
        if hit.term.layer not in (layers or _PLACES) or _describes(parsed, hit, every, words):
            continue
        organ = _organ(parsed, hit, every, parts) if (hit.start, hit.end) in parts else None
        found.append(hit if organ is None else Hit(organ.term, hit.start, hit.end))
    return found


def _organ(parsed: Parsed, part: Hit, every: Sequence[Hit], parts: set[tuple[int, int]]) -> Hit | None:
    """The organ that a part belongs to, which stands right before it or, after "of", behind it."""
    for hit in every:
        if hit.term.layer == "lesion" or (hit.start, hit.end) in parts or _same(hit, part):
            continue
        if hit.end <= part.start and set(parsed.words(hit.end, part.start)) <= {"left", "right"}:
            return hit
        between = parsed.words(part.end, hit.start)
        if hit.start >= part.end and len(between) <= _OF_REACH and _OF & set(between) and set(between) <= _LINKS:
            return hit
    return None


def _describes(parsed: Parsed, hit: Hit, every: Sequence[Hit], words: Lexicon) -> bool:
    """Whether a place is the adjective of a general thing right behind it that is not narrower for it."""
    said = " ".join(parsed.words(hit.start, hit.end))
    return hit.term.layer != "lesion" and any(
        other.start == hit.end
        and other.term.layer == "place"
        and other.term.key in words.heads
        and not _same(hit, other)
        and (other.term.key, hit.term.key) not in words.joined
        and (other.term.key, said) not in words.beside_words
        for other in every
    )


def _same(one: Hit, other: Hit) -> bool:
    return within(one.term.key, other.term.key) or within(other.term.key, one.term.key)


def is_origin(parsed: Parsed, sentence: Sentence, target: Hit, hit: Hit, every: Sequence[Hit]) -> bool:
    """Whether a place is where something came from, or what somebody has or had, and not where the calcium is."""
    for origin in sentence.of("origin"):
        if not (origin.end <= hit.start and hit.start - origin.end <= _ORIGIN_REACH):
            continue
        if any(origin.end <= one.start < hit.start for one in every if one is not hit):
            continue
        if target.end <= origin.start or target.start - hit.end > 1:
            return "," not in parsed.words(origin.end, hit.start)
    return False


def is_examined(parsed: Parsed, sentence: Sentence, hit: Hit) -> bool:
    """Whether a place is that of an examination: "radiograph of the left ankle", "ankle radiograph"."""
    for one in sentence.of("examination"):
        if hit.end == one.start:
            return True
        between = parsed.words(one.end, hit.start)
        if between and between[0] == "of" and set(between) <= _LINKS - {"and"}:
            return True
    return False


def follows(parsed: Parsed, sentence: Sentence, hit: Hit, layer: str) -> bool:
    """Whether a place stands right behind a word of a layer, such as ``neighbour``: "displacing the left kidney"."""
    return any(
        0 <= hit.start - one.end <= _OF_REACH and set(parsed.words(one.end, hit.start)) <= _LINKS
        for one in sentence.of(layer)
    )


def is_lodged(parsed: Parsed, sentence: Sentence, target: Hit, hit: Hit, every: Sequence[Hit]) -> bool:
    """Whether the sentence says of a stone that it lies at a place behind it: "gallstone impacted in the duodenum"."""
    for one in sentence.of("lodged"):
        between = parsed.words(one.end, hit.start)
        if target.end <= one.start and one.end <= hit.start and len(between) <= _OF_REACH and "," not in between:
            return not any(one.end <= other.start < hit.start for other in every if other is not hit)
    return False


def directly(parsed: Parsed, thing: Hit, hit: Hit, words: Lexicon) -> bool:
    """Whether a place stands right before a thing or, behind words that tie, after it: "lipoma of the thigh"."""
    if hit.end <= thing.start:
        return thing.start - hit.end <= 1
    between = set(parsed.words(thing.end, hit.start))
    return hit.start >= thing.end and bool(between) and between <= words.ties
