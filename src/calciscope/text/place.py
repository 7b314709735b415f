"""Which place a mention speaks of: the words of places around it, weighed by how near and how tied they are."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass

from calciscope.domain.mention import Assertion
from calciscope.domain.site import REGIONS, UNPLACED, split, within
from calciscope.text import governed, sides
from calciscope.text.lexicon import Lexicon
from calciscope.text.tokens import Hit, Parsed, Sentence

# Costs in words: what a sign, an ending or an unsure word between a place and a mention is worth as distance.
_COMMA, _BRACKET, _END, _AND, _AFTER, _WEAK, _MENTION = 3.0, 4.0, 5.0, 1.0, 1.5, 6.0, 2.0
_BEFORE = 0.5
_ORIGIN, _EXAMINED, _NEIGHBOUR, _SOURCE = 12.0, 6.0, 6.0, -10.0
# A place further than this is not that of the mention, where the word itself or the text names one.
_TIED, _FAR, _WEAK_FAR = 3.0, 30.0, 12.0
_BESIDE = 12
# A general word ("vascular calcification") is made narrower by a place so far away.
_GENERAL_BESIDE = 18
_BACK = 4
# What is there or may be there goes on with what was spoken of before, with its side.
_HERE = (Assertion.AFFIRMED, Assertion.POSSIBLE)


# What stands between two places of one list.
_JOINS = frozenset({",", "and", "&", "/", "well"})
_FILL = frozenset({"as", "both", "also", "bilateral"})
# Where a nodule lies of which nobody says where.
_CHEST = ("lung", "chest")
_NODULE = "lung.nodule"
_SEEN_WITH_LUNGS = (*_CHEST, "pleura", "heart", "airway", "node", "artery.aorta", "artery.coronary")
# What stands behind these is another reading.
_ELSE = frozenset({"or", "versus", "vs", "vs."})
# "No renal or ureteral stone" denies both.
_OR = frozenset({"or", "nor"})


@dataclass(frozen=True, slots=True)
class Where:
    """The place of a mention: path without side, further places, side, and the phrase that names it."""

    site: str
    also: tuple[str, ...] = ()
    side: str | None = None
    hit: Hit | None = None


@dataclass(frozen=True, slots=True)
class Places:
    """A text with the words that decide on places."""

    parsed: Parsed
    words: Lexicon

    def of(self, number: int, target: Hit, *, said: Assertion = Assertion.AFFIRMED) -> Where:
        """The place of a mention in the sentence ``number``, else of what was spoken of before, else of the text.

        ``said`` is what the sentence says of it: "No calcification." speaks of no side of what stands before.
        """
        denied = said is Assertion.NEGATED
        sentence = self.parsed.sentences[number]
        if target.term.first and (named := self._described(sentence, target)) is not None:
            return self.of(number, named, said=said)
        own = dict(target.term.inside).get("site")
        ranked = self._ranked(sentence, target)
        places = [hit for _, hit in ranked]
        lodged = {hit for hit in places if governed.is_lodged(self.parsed, sentence, target, hit, places)}
        chosen = self._choose(ranked, own, {hit for hit in lodged if self._fit(target, [hit])})
        if chosen is None and own is None:
            return self._elsewhere(number, target, ranked, said)
        if chosen is None:
            return self._of_word(number, target, own or UNPLACED, ranked)
        beside = [hit for _, hit in ranked if not governed.follows(self.parsed, sentence, hit, "neighbour")]
        site = self._narrowed(chosen, own, beside)
        # "Atherosclerotic calcification of the aorta and iliac arteries": the list starts at the narrower word.
        at = next((hit for _, hit in ranked if hit.term.key == site and hit.term.layer == "place"), chosen)
        side = sides.of(self.parsed, self.words, sentence, target, at) or sides.of(
            self.parsed, self.words, sentence, target, chosen
        )
        if side is None and said in _HERE:
            side = sides.before(self.parsed, self.words, number, chosen)
        if site in self.words.generals or (chosen.term.layer == "lesion" and chosen is at and site == _NODULE):
            site = self._examined(number, site, chosen)
        return Where(site, self._also(sentence, at, site, _OR if denied else frozenset()), side, chosen)

    def _described(self, sentence: Sentence, target: Hit) -> Hit | None:
        """The mention right behind a describing word that names its own place: "calcified gallstones"."""
        after = (one for one in sentence.of("target") if one.start == target.end)
        return next((one for one in after if dict(one.term.inside).get("site")), None)

    def _of_word(self, number: int, target: Hit, own: str, ranked: Sequence[tuple[float, Hit]]) -> Where:
        """The place that the word itself names, made narrower by a place of the sentence or of one before."""
        here = self.parsed.sentences[number]
        before = [self.parsed.sentences[number - step] for step in range(1, min(number, _BACK) + 1)]
        for sentence, hits in ((here, [hit for _, hit in ranked]), *((one, self._named(one)) for one in before)):
            for hit in hits:
                if (narrow := self.words.joined.get((own, hit.term.key))) is not None:
                    return Where(narrow, (), sides.of(self.parsed, self.words, sentence, hit, hit), hit)
        return Where(own, (), sides.of(self.parsed, self.words, here, target, None), None)

    def _examined(self, number: int, site: str, chosen: Hit) -> str:
        """A general word ("vascular", "nodule") without a place means that of what was examined or spoken of."""
        lesion = chosen.term.key == _NODULE
        for hit in (hit for one in self.parsed.sentences for hit in one.of("modality")):
            if lesion:
                return site if any(within(hit.term.key, one) for one in _CHEST) else hit.term.key
            if (narrow := self.words.joined.get((site, hit.term.key))) is not None:
                return narrow
        named = [hit for one in self.parsed.sentences for hit in self._named(one, "place", "weak")]
        if not lesion or any(within(hit.term.key, one) for hit in named for one in _SEEN_WITH_LUNGS):
            return site
        start = self.parsed.sentences[number].start
        before = [hit for hit in named if hit.end <= start and hit.term.layer == "place"]
        return before[-1].term.key if before else site

    def _ranked(self, sentence: Sentence, target: Hit) -> list[tuple[float, Hit]]:
        places = [hit for hit in self._named(sentence) if not self._holds(target, hit)]
        places = [hit for hit in places if not self._bound(sentence, target, hit)]
        costs = [self._cost(sentence, target, hit) for hit in places]
        for number, hit in enumerate(places):
            costs[number] += self._governed(sentence, target, hit, places)
        return sorted(zip(costs, places, strict=True), key=lambda one: one[0])

    def _governed(self, sentence: Sentence, target: Hit, hit: Hit, places: Sequence[Hit]) -> float:
        """What a phrase that governs a place adds to its distance."""
        if governed.is_origin(self.parsed, sentence, target, hit, places):
            return _ORIGIN
        if governed.is_examined(self.parsed, sentence, hit):
            return _EXAMINED
        if governed.follows(self.parsed, sentence, hit, "neighbour"):
            return _NEIGHBOUR
        return _SOURCE if governed.follows(self.parsed, sentence, hit, "source") else 0.0

    def _named(self, sentence: Sentence, *layers: str) -> list[Hit]:
        return governed.free(self.parsed, sentence, self.words, *layers)

    def _holds(self, target: Hit, hit: Hit) -> bool:
        """Whether a place is part of the mention itself, as in "gall stone"."""
        return target.start <= hit.start and hit.end <= target.end and target.end - target.start > 1

    def _bound(self, sentence: Sentence, target: Hit, hit: Hit) -> bool:
        """Whether a general word describes another mention: in "vascular and round calcifications" both are described,
        in "vascular calcifications and round calcifications" the first alone.
        """
        return hit.term.key in self.words.generals and any(
            one is not target and one.start == hit.end for one in sentence.of("target")
        )

    def _cost(self, sentence: Sentence, target: Hit, hit: Hit) -> float:
        first, second = (hit, target) if hit.start < target.start else (target, hit)
        cost = float(target.gap(hit))
        for token in self.parsed.tokens[first.end : second.start]:
            if token.text in ",:;":
                cost += _COMMA
            elif token.text in "()[]":
                cost += _BRACKET
            elif token.norm == "and":
                cost += _AND
        between = [one for one in sentence.of("context") if first.end <= one.start and one.end <= second.start]
        cost += _END * sum(one.term.key == "end" and one.end - one.start > 0 for one in between)
        cost += _MENTION * sum(first.end <= one.start and one.end <= second.start for one in sentence.of("target"))
        after = hit.start >= target.end
        if after and not target.term.first and not self._tied(target, hit):
            cost += _AFTER
        # What is "calcified" stands behind the word.
        if not after and target.term.first:
            cost += _BEFORE
        if hit.term.layer == "weak":
            cost += _WEAK
        return cost

    def _tied(self, target: Hit, hit: Hit) -> bool:
        return any(word in self.words.ties for word in self.parsed.words(target.end, hit.start))

    def _choose(self, ranked: Sequence[tuple[float, Hit]], own: str | None, lodged: Set[Hit]) -> Hit | None:
        for cost, hit in ranked:
            weak = hit.term.layer == "weak"
            if own is not None and (weak or cost > _TIED) and not within(hit.term.key, own) and hit not in lodged:
                continue
            if cost <= (_WEAK_FAR if weak else _FAR):
                return hit
        return None

    def _narrowed(self, chosen: Hit, own: str | None, hits: Sequence[Hit]) -> str:
        """The chosen place made narrower by the places beside it."""
        reach = _GENERAL_BESIDE if chosen.term.key in self.words.generals else _BESIDE
        beside = [hit for hit in hits if hit is not chosen and hit.gap(chosen) <= reach]
        if chosen.term.layer == "lesion":
            inside = dict(chosen.term.inside)
            for layer in ("place", "weak"):
                for hit in beside:
                    if hit.term.layer != layer or self._of_another(hit, chosen):
                        continue
                    if layer == "weak" and hit.term.key not in REGIONS:
                        continue
                    if chosen.term.key == _NODULE or governed.directly(self.parsed, chosen, hit, self.words):
                        base = split(hit.term.key)[0]
                        return inside.get(base, chosen.term.key if within(base, "node.hilar") else base)
            return chosen.term.key
        site = chosen.term.key
        if site == "lung" and any(
            hit.term.layer == "lesion" and hit.term.key == _NODULE and hit.gap(chosen) <= _BESIDE for hit in beside
        ):
            return _NODULE
        if own is not None and not within(site, own) and self.words.joined.get((own, site)):
            return self.words.joined[own, site]
        for hit in beside:
            other = hit.term.key
            word = " ".join(self.parsed.words(hit.start, hit.end))
            if (narrow := self.words.beside_words.get((site, word))) is not None:
                return narrow
            if (narrow := self.words.joined.get((site, other)) or self.words.joined.get((other, site))) is not None:
                return narrow
            if not within(other, site) or other == site or hit.term.layer != "place":
                continue
            near = hit.start == chosen.end or governed.directly(self.parsed, chosen, hit, self.words)
            if near or site in self.words.generals:
                return other
        return site

    def _of_another(self, hit: Hit, chosen: Hit) -> bool:
        """Whether a place describes another thing than the chosen one: "granuloma versus bony density"."""
        if not _ELSE.isdisjoint(self.parsed.words(chosen.end, hit.start)):
            return True
        after = self.parsed.words(hit.end, hit.end + 1)
        return hit.end != chosen.start and bool(after) and after[0] in self.words.owners and hit.start >= chosen.end

    def _also(self, sentence: Sentence, chosen: Hit, site: str, more: frozenset[str]) -> tuple[str, ...]:
        """Places that "and" or a comma, or one of ``more``, joins to the chosen one."""
        joins = _JOINS | more
        found: list[str] = []
        places = self._named(sentence, "place")
        for direction in (1, -1):
            at = chosen
            for hit in sorted(places, key=lambda one: direction * one.start):
                between = (at.end, hit.start) if direction > 0 else (hit.end, at.start)
                if between[0] > between[1] or hit is chosen:
                    continue
                words = set(self.parsed.words(*between))
                if not words & joins or not words <= {*joins, *_FILL, *self.words.ties}:
                    break
                if not within(site, hit.term.key) and not within(hit.term.key, site):
                    found.append(hit.term.key)
                at = hit
        return tuple(dict.fromkeys(found))

    def _elsewhere(self, number: int, target: Hit, ranked: Sequence[tuple[float, Hit]], said: Assertion) -> Where:
        """What was spoken of before, else what was examined, else the region, else any place the text knows."""
        denied = said is Assertion.NEGATED
        examined = [hit for one in self.parsed.sentences for hit in self._fit(target, one.of("modality"))]
        here = self.parsed.sentences[number]
        for step in range(1, min(number, _BACK) + 1):
            before = self.parsed.sentences[number - step]
            # What is denied after another finding was told is denied of all that was examined.
            fresh = denied and bool(before.of("target"))
            if before.section != here.section or (fresh and examined):
                break
            named = [hit for hit in self._named(before, "place") if not self._bound(before, target, hit)]
            if found := self._fit(target, named):
                hit = found[-1] if step > 1 else min(found, key=lambda one: one.start)
                side = None if fresh else sides.of(self.parsed, self.words, before, hit, hit)
                if side is None and said in _HERE:
                    side = sides.before(self.parsed, self.words, number - step, hit)
                return Where(hit.term.key, (), side, hit)
        for hit in examined[:1]:
            return Where(hit.term.key, (), sides.of(self.parsed, self.words, here, target, None), hit)
        if near := self._fit(target, [hit for _, hit in ranked]):
            return Where(near[0].term.key, (), sides.of(self.parsed, self.words, here, target, near[0]), near[0])
        for layer in ("place", "weak"):
            for one in self.parsed.sentences:
                for hit in self._fit(target, self._named(one, layer)):
                    return Where(
                        hit.term.key,
                        (),
                        sides.of(self.parsed, self.words, one, hit, hit) if one.section == here.section else None,
                        hit,
                    )
        return Where(UNPLACED)

    def _fit(self, target: Hit, hits: Sequence[Hit]) -> list[Hit]:
        """The places where such a thing can be: a stone is looked for in organs that have stones."""
        fits = self.words.stone_places if target.term.key == "stone" else ()
        return [hit for hit in hits if not fits or any(within(hit.term.key, one) for one in fits)]
