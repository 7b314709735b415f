"""A comparison of two dates in the words of a patient: the same facts, from the same phrases as an assessment."""

from __future__ import annotations

from collections.abc import Iterator

from calciscope.compare.model import Change, Comparison, SiteChange, State
from calciscope.domain.plain import PlainSection, PlainSentence, PlainText
from calciscope.domain.site import within
from calciscope.interpret import Knowledge
from calciscope.interpret.plain.book import book
from calciscope.interpret.plain.cite import Citations
from calciscope.interpret.plain.finding import shown

# The measures that are told, the first two that a place has.
_TOLD = ("agatston", "diameter", "volume", "mass")
_MOST = 2
_UNCHANGED = (State.STABLE, State.UNCLEAR)


def for_patient(found: Comparison, knowledge: Knowledge) -> PlainText:
    """The same comparison in plain words, each sentence with the rules and sources that it rests on."""
    return _Writer(found, knowledge).text()


class _Writer:
    def __init__(self, found: Comparison, knowledge: Knowledge) -> None:
        self._found = found
        self._knowledge = knowledge
        self._book = book()
        self._say = self._book.words.sentences
        self._titles = self._book.words.titles

    def text(self) -> PlainText:
        meanings = [one for site in self._found.sites for one in site.meaning]
        rules = {one.rule: (one.source, one.status) for one in meanings}
        cited = Citations(self._found.sources, rules, self._knowledge)
        return cited.text(self._sections(), self._book.words, None)

    def _sections(self) -> Iterator[PlainSection]:
        yield self._section("short", self._short())
        for site in self._found.sites:
            title = self._titles["changed"].format(place=self._book.place(site.site))
            yield self._section("changed", self._of_site(site), title=title, site=site.site)
        yield self._section("next", self._next(), listed=True)
        yield self._section("limits", self._limits(), listed=True)
        yield self._section("ask", self._ask(), listed=True)

    def _section(
        self,
        name: str,
        sentences: Iterator[PlainSentence],
        *,
        title: str | None = None,
        site: str | None = None,
        listed: bool = False,
    ) -> PlainSection:
        return PlainSection(
            id=name, title=title or self._titles[name], sentences=tuple(sentences), site=site, listed=listed
        )

    def _short(self) -> Iterator[PlainSentence]:
        if self._found.years is None:
            yield PlainSentence(text=self._say["compared_undated"])
        else:
            yield PlainSentence(text=self._say["compared"].format(years=f"{self._found.years:.1f}"))
        changed = [self._book.place(one.site) for one in self._found.sites if one.state not in _UNCHANGED]
        unclear = [self._book.place(one.site) for one in self._found.sites if one.state is State.UNCLEAR]
        if changed:
            yield PlainSentence(text=self._say["some_changed"].format(places=", ".join(changed)))
        if unclear:
            yield PlainSentence(text=self._say["some_unclear"].format(places=", ".join(unclear)))
        if not changed and not unclear:
            yield PlainSentence(text=self._say["all_stable"])

    def _of_site(self, site: SiteChange) -> Iterator[PlainSentence]:
        changes = self._book.words.changes
        yield PlainSentence(text=changes[site.state].says, topic="what")
        if site.counts:
            counts = ", ".join(f"{count} {changes[state].spot}" for state, count in site.counts.items() if count)
            yield PlainSentence(text=self._say["spots"].format(counts=counts), topic="what")
        told = [name for name in _TOLD if name in site.measures and self._both(site, name)][:_MOST]
        for name in told:
            yield from self._went(name, site.measures[name])
        for progression, text in ((True, self._say["grows"]), (False, self._say["grows_not"])):
            sources = tuple(one.source for one in site.progression if one.progression is progression)
            if sources:
                yield PlainSentence(text=text, topic="meaning", sources=sources)
        reasons: dict[str, list[str]] = {}
        for meaning in site.meaning:
            said = self._book.of_rule(meaning.rule, self._knowledge)
            if said is not None and said.because:
                reasons.setdefault(said.because, []).append(meaning.rule)
        for text, rules in reasons.items():
            yield PlainSentence(text=text, topic="meaning", rules=tuple(rules))

    def _both(self, site: SiteChange, name: str) -> bool:
        """Whether a measure is told of a place, and both dates have it."""
        only = self._book.words.measures[name].only
        if only and not any(within(site.site, place) for place in only):
            return False
        change = site.measures[name]
        return all(one is not None and one.value is not None for one in (change.old, change.new))

    def _went(self, name: str, change: Change) -> Iterator[PlainSentence]:
        words = self._book.words.measures[name]
        old, new = (
            shown(name, one.value, one.unit, self._book)
            for one in (change.old, change.new)
            if one is not None and one.value is not None
        )
        text = self._say["still" if old == new else "went"].format(measure=words.name, old=old, new=new)
        yield PlainSentence(text=text, topic="amount", sources=(words.source,))
        if change.change is None:
            yield PlainSentence(text=self._say["not_comparable"], topic="amount")
        elif change.per_year:
            value = shown(name, abs(change.per_year), change.unit, self._book)
            sign = "more" if change.per_year > 0 else "less"
            yield PlainSentence(text=self._say["went_a_year"].format(value=f"{value} {sign}"), topic="amount")

    def _next(self) -> Iterator[PlainSentence]:
        steps: dict[str, list[str]] = {}
        for site in self._found.sites:
            for meaning in site.meaning:
                said = self._book.of_rule(meaning.rule, self._knowledge)
                if meaning.advice is not None and said is not None and said.next:
                    steps.setdefault(said.next, []).append(meaning.rule)
        for text, rules in steps.items():
            yield PlainSentence(text=text, rules=tuple(dict.fromkeys(rules)))

    def _limits(self) -> Iterator[PlainSentence]:
        if self._found.differences:
            sources = tuple(dict.fromkeys(one.source for one in self._found.differences))
            yield PlainSentence(text=self._say["differ"], sources=sources)
        if self._found.refused:
            yield PlainSentence(text=self._say["refused_inputs"])

    def _ask(self) -> Iterator[PlainSentence]:
        yield from (PlainSentence(text=text) for text in self._book.words.ask_changes)
