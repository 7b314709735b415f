"""Size, count, words and scores beside a mention."""

from __future__ import annotations

import re
from collections.abc import Sequence

from calciscope.domain.site import within
from calciscope.text.lexicon import Lexicon
from calciscope.text.tokens import Hit, Parsed, Sentence

_NUMBER = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+"
_UNIT = r"(?P<unit>mm|cm|millimet(?:er|re)s?|centimet(?:er|re)s?)\b"
_SIZE = re.compile(
    rf"(?<![\w.])(?P<first>{_NUMBER})\s*(?:mm|cm)?"
    rf"(?:\s*(?:-|–|to|x|×|X|\*|by)\s*(?P<second>{_NUMBER})\s*(?:mm|cm)?){{0,2}}\s*-?\s*{_UNIT}",
    re.IGNORECASE,
)
_RANGE = re.compile(r"\d\s*(?:mm|cm)?\s*(?:-|–|to)\s*\d")
_HU = re.compile(r"(?<![\w.])(\d{2,4}(?:\.\d+)?)\s*(?:HU\b|Hounsfield)", re.IGNORECASE)
_YEARS = re.compile(
    r"\b(?:for|over|in)\s+(?:(?:at\s+least|more\s+than|over|the|past|last|about)\s+)*(\d{1,2}|[a-z]+)\+?[\s-]+years?\b",
    re.IGNORECASE,
)
_MM_OF_CM = 10.0
# How many words away an attribute may stand, and how far the thing that a size belongs to.
_REACH, _OWNER_AFTER, _OWNER_BEFORE = 7, 5, 9
# After these a size speaks of what stood before it; after `_IN` an organ is where something is, not what is measured.
_LEADS_AWAY = frozenset({"in", "from", "at", "within", "of", "with", "and", "containing", "having", "which"})
_IN = frozenset({"in", "within", "of", "inside", "at"})
# Words of degree stand right beside what they speak of.
_REACHES = {"extent": 2, "size_word": 3, "pattern": 4}
_UNITS = frozenset({"mm", "cm", "millimeter", "millimetre", "centimeter", "centimetre", "x", "×", "hu"})
Values = dict[str, float | str]


def words(parsed: Parsed, sentence: Sentence, target: Hit, site: str, lexicon: Lexicon) -> Values:
    """The words of count, extent, morphology, distribution, pattern, change and place within the organ."""
    rivals = [one for one in sentence.of("target") if one is not target]
    names = sentence.of("place", "not_place")
    found: dict[str, list[str]] = {}
    for layer, hits in sentence.hits.items():
        if not layer.startswith("attribute."):
            continue
        for hit in hits:
            key = hit.term.key
            if any(one.overlaps(hit) and one.end - one.start > hit.end - hit.start for one in names):
                continue
            limits = lexicon.only_at.get(key)
            if limits and not any(within(site, limit) for limit in limits):
                continue
            gap = hit.gap(target)
            nearer = any(one.gap(hit) < gap or (one.gap(hit) == gap and one.start > hit.start) for one in rivals)
            reach = _REACHES.get(key, _REACH)
            if gap <= reach and not nearer and not _parted(parsed, hit, target, names, lexicon):
                found.setdefault(key, [])
                if hit.term.value not in found[key]:
                    found[key].append(hit.term.value)
    return {key: ", ".join(values) for key, values in found.items()}


def _parted(parsed: Parsed, hit: Hit, target: Hit, names: Sequence[Hit], lexicon: Lexicon) -> bool:
    """Whether a word belongs to something else: "a large mass with calcification" has no large calcification.

    The organ right before a mention is part of its name: "multiple gallbladder stones".
    """
    before = hit.start < target.start
    first, second = (hit, target) if before else (target, hit)
    organ = next((one for one in names if before and one.end == target.start and one.start >= hit.end), None)
    between = parsed.tokens[first.end : second.start if organ is None else organ.start]
    return any(token.text in ";:" or (before and token.norm in lexicon.owners) for token in between)


def size(parsed: Parsed, sentence: Sentence, target: Hit, lexicon: Lexicon) -> Values:
    """``size_mm``, the largest that is said of the mention, with ``size_text`` where several numbers are."""
    begin, end = parsed.span(sentence.start, sentence.end)
    best: Values = {}
    for match in _sizes(parsed, sentence, begin, end, lexicon):
        start, stop, value, text = match
        if _owner(parsed, sentence, start, stop, lexicon) is target and value > float(best.get("size_mm", 0.0)):
            best = {"size_mm": value, "size_text": text}
    return best


def _sizes(
    parsed: Parsed, sentence: Sentence, begin: int, end: int, lexicon: Lexicon
) -> list[tuple[int, int, float, str]]:
    """Sizes of a sentence: tokens from and to, millimetres, text."""
    text = parsed.text[begin:end]
    found = []
    for match in _SIZE.finditer(text):
        factor = _MM_OF_CM if match["unit"].lower().startswith("c") else 1.0
        numbers = [float(one.replace(",", "")) for one in re.findall(_NUMBER, match[0])]
        inside = _inside(parsed, sentence, begin + match.start(), begin + match.end())
        value = max(numbers) * factor
        found.append((*inside, float(f"{value:.6g}"), " ".join(match[0].split())))
    tokens = parsed.tokens
    for at in range(sentence.start, sentence.end - 1):
        number, unit = lexicon.numbers.get(tokens[at].norm), tokens[at + 1].norm
        if number is not None and unit in ("mm", "millimeter", "millimetre", "cm", "centimeter", "centimetre"):
            factor = _MM_OF_CM if unit.startswith("c") else 1.0
            found.append((at, at + 2, number * factor, f"{tokens[at].text} {tokens[at + 1].text}"))
    return found


def _inside(parsed: Parsed, sentence: Sentence, start: int, end: int) -> tuple[int, int]:
    tokens = parsed.tokens
    inside = [n for n in range(sentence.start, sentence.end) if start < tokens[n].end and tokens[n].start < end]
    return inside[0], inside[-1] + 1


def _owner(parsed: Parsed, sentence: Sentence, start: int, stop: int, lexicon: Lexicon) -> Hit | None:
    """The mention that a size belongs to; ``None`` where it is that of something else."""
    targets = {at: hit for hit in sentence.of("target") for at in range(hit.start, hit.end)}
    organs = {at for hit in sentence.of("place") for at in range(hit.start, hit.end)}
    for at in range(stop, min(stop + _OWNER_AFTER, sentence.end)):
        if parsed.tokens[at].text in ",;.)":
            break
        if at in targets:
            return targets[at]
        if parsed.tokens[at].norm in lexicon.owners:
            return None
        if parsed.tokens[at].norm in _LEADS_AWAY:
            break
    for at in range(start - 1, max(sentence.start, start - _OWNER_BEFORE) - 1, -1):
        if parsed.tokens[at].text == ";":
            break
        if at in targets:
            return targets[at]
        if parsed.tokens[at].norm in lexicon.owners:
            if at in organs and _IN & set(parsed.words(max(sentence.start, at - 4), at)):
                continue
            named = next((targets[back] for back in range(at - 1, max(at - 4, -1), -1) if back in targets), None)
            return named if named is not None and named.term.first else None
    return None


def count(parsed: Parsed, target: Hit, lexicon: Lexicon) -> Values:
    """``count``: a number right before the mention, as in "three small stones"."""
    for at in range(target.start - 1, max(target.start - 4, -1), -1):
        token = parsed.tokens[at]
        digits = int(token.norm) if token.norm.isdecimal() and len(token.norm) < 3 else 0
        if (number := lexicon.numbers.get(token.norm, digits)) and parsed.tokens[at + 1].norm not in _UNITS:
            return {"count": float(number)}
        if token.text in ",.;:)":
            break
    return {}


def attenuation(parsed: Parsed, sentence: Sentence, target: Hit) -> Values:
    """``hu``: the attenuation that the sentence states, of its nearest mention."""
    begin, end = parsed.span(sentence.start, sentence.end)
    for match in _HU.finditer(parsed.text[begin:end]):
        start, stop = _inside(parsed, sentence, begin + match.start(), begin + match.end())
        here = Hit(target.term, start, stop)
        if min(sentence.of("target"), key=here.gap) is target:
            return {"hu": float(match[1])}
    return {}


def years(parsed: Parsed, sentence: Sentence, lexicon: Lexicon) -> Values:
    """``change_years``: for how many years the sentence says that something was so."""
    begin, end = parsed.span(sentence.start, sentence.end)
    if (match := _YEARS.search(parsed.text[begin:end])) is None:
        return {}
    number = match[1].lower()
    return {"change_years": float(number) if number.isdecimal() else float(lexicon.numbers.get(number, 0))}


def largest(values: Sequence[Values]) -> Values:
    """Several mentions of one thing put together: the first word of each key, the largest size."""
    found: Values = {}
    for one in values:
        for key, value in one.items():
            if key not in found or (key == "size_mm" and float(value) > float(found[key])):
                found[key] = value
    return found
