"""One finding in the words of a patient: what, where, how much, what it means, and how serious it is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from calciscope.domain.assessment import Finding, Kind, Reason, Seriousness, Validity
from calciscope.domain.plain import PlainSentence
from calciscope.domain.site import within
from calciscope.interpret.plain.book import Book, Said
from calciscope.interpret.rules import Knowledge


def level_of(finding: Finding) -> Seriousness:
    """How serious a finding is."""
    return Seriousness(finding.seriousness.value or Seriousness.NONE)


def shown(name: str, value: float, unit: str, words: Book) -> str:
    """A measure with its unit as a patient reads it; a score between 0 and 1 is never shown as 0."""
    if name == "agatston" and 0 < value < 1:
        return "more than 0 and less than 1"
    return f"{_number(value, 0 if name == 'agatston' else 1)} {words.words.units.get(unit, unit)}".strip()


class FindingWriter:
    """Writes the findings of one text; what was said of one is not said again of the next."""

    def __init__(self, shown: Sequence[Finding], hidden: Sequence[Finding], knowledge: Knowledge, words: Book) -> None:
        """``hidden`` are findings that are told with their total, one of those ``shown``, and not by themselves."""
        self._shown = [one.site for one in shown]
        self._hidden = hidden
        self._knowledge = knowledge
        self._book = words
        self._say = words.words.sentences
        self._said: set[str] = set()

    def full(self, finding: Finding) -> list[PlainSentence]:
        """Everything about a finding, each sentence once."""
        topics = {
            "what": self._what,
            "amount": self._numbers,
            "meaning": self._meaning,
            "level": self._level,
            "results": self._results,
        }
        found: dict[str, PlainSentence] = {}
        for topic, write in topics.items():
            for one in write(finding):
                found.setdefault(one.text, one.model_copy(update={"topic": topic}))
        return list(found.values())

    def brief(self, finding: Finding) -> PlainSentence:
        """A finding in one line: where, what, how much, how serious."""
        kind = self._book.kinds[Kind(finding.kind.value)].name if finding.kind.value else "no calcium"
        number = self._first_number(finding)
        text = self._say["other"].format(
            place=self._book.place(finding.site),
            kind=kind,
            number=f" ({number})" if number else "",
            name=self._book.words.grades[level_of(finding)].name,
        )
        return PlainSentence(text=text, rules=_rules(finding.seriousness.reasons))

    def input_name(self, name: str) -> str:
        """What an input is called in everyday words."""
        named = self._book.words.inputs.get(name)
        if named is not None:
            return named.name
        quantity = self._knowledge.quantity(name)
        return quantity.label if quantity else name.replace("_", " ")

    def _once(self, text: str, rules: tuple[str, ...] = (), sources: tuple[str, ...] = ()) -> Iterator[PlainSentence]:
        if text not in self._said:
            self._said.add(text)
            yield PlainSentence(text=text, rules=rules, sources=sources)

    def _what(self, finding: Finding) -> Iterator[PlainSentence]:
        place = self._book.place(finding.site)
        if finding.kind.value is None:
            yield PlainSentence(text=self._say["none_at"].format(place=place))
        else:
            found = self._book.kinds[Kind(finding.kind.value)].found.format(place=place)
            yield PlainSentence(text=found, rules=_rules(finding.kind.reasons))
        if about := self._book.about(finding.site):
            yield from self._once(about)
        if parts := self._parts(finding):
            yield PlainSentence(text=self._say["parts"].format(places="; ".join(parts)))
        if finding.stated:
            yield from self._once(self._say["stated"])
        if finding.review:
            yield PlainSentence(text=self._say["unclear"])
        elif finding.confidence < self._book.words.unsure_below:
            yield PlainSentence(text=self._say["unsure"])

    def _parts(self, finding: Finding) -> list[str]:
        """The parts of a total that are told with it, each with its first number."""
        parts = []
        for one in self._hidden:
            above = [site for site in self._shown if one.site.startswith(f"{site}.")]
            if max(above, key=len, default="") == finding.site and one.kind.value is not None and not one.rollup:
                number = self._first_number(one)
                parts.append(self._book.place(one.site) + (f" ({number})" if number else ""))
        return parts

    def _first_number(self, finding: Finding) -> str:
        """The number that names a finding, to stand within a sentence; empty where it has none."""
        text = next((sentence.text for _, sentence in self._values(finding)), "").rstrip(".")
        return text[:1].lower() + text[1:]

    def _numbers(self, finding: Finding) -> Iterator[PlainSentence]:
        score = finding.measures.get("agatston")
        for name, sentence in self._values(finding):
            yield sentence
            if means := self._book.words.measures[name].means:
                yield from self._once(means, sources=sentence.sources)
            if name == "agatston" and score is not None and score.validity is Validity.ADJUSTED:
                yield from self._once(self._say["adjusted"])
        if score is not None and score.value is None and self._tells("agatston", finding):
            yield PlainSentence(text=self._say["refused"].format(measure=self._book.words.measures["agatston"].name))

    def _values(self, finding: Finding) -> Iterator[tuple[str, PlainSentence]]:
        """The numbers that are told of a finding, each with its sentence."""
        sized = False
        several = len(finding.deposits) > 1 or self._count(finding) > 1
        for name, words in self._book.words.measures.items():
            measure = finding.measures.get(name)
            if measure is None or measure.value is None or not self._tells(name, finding):
                continue
            if sized and words.size == "fallback":
                continue
            sized = sized or words.size is not None
            says = words.several if several and words.several else words.says
            text = says.format(value=shown(name, measure.value, measure.unit, self._book))
            yield name, PlainSentence(text=text, sources=(words.source,))

    def _tells(self, name: str, finding: Finding) -> bool:
        words = self._book.words.measures[name]
        if words.only and not any(within(finding.site, place) for place in words.only):
            return False
        if words.kinds and finding.kind.value not in words.kinds:
            return False
        return name != "count" or self._count(finding) > 1

    def _count(self, finding: Finding) -> float:
        count = finding.measures.get("count")
        return count.value if count is not None and count.value is not None else 0.0

    def _meaning(self, finding: Finding) -> Iterator[PlainSentence]:
        if finding.kind.value is None:
            return
        words = self._book.kinds[Kind(finding.kind.value)]
        said: Said = words.at.get(self._book.group(finding.site), words.says)
        rules = _rules(finding.kind.reasons)
        if said.text in self._said:
            yield PlainSentence(text=self._say["same"].format(kind=words.name), rules=rules)
        yield from self._once(said.text, rules=rules, sources=(said.source,))
        if len(finding.kind.between) > 1:
            kinds = " or ".join(self._book.kinds[Kind(one)].name for one in finding.kind.between)
            yield PlainSentence(text=self._say["between"].format(kinds=kinds))
        yield from self.because(finding.kind.reasons)

    def _level(self, finding: Finding) -> Iterator[PlainSentence]:
        level = level_of(finding)
        grade = self._book.words.grades[level]
        text = self._say["level"].format(name=grade.name, step=level.rank + 1, grade=level)
        yield PlainSentence(text=text, rules=_rules(finding.seriousness.reasons))
        yield from self._once(grade.says)
        yield from self.because(finding.seriousness.reasons)

    def because(self, reasons: Sequence[Reason]) -> Iterator[PlainSentence]:
        """What the rules mean for a patient; what several say alike stands once."""
        found: dict[str, list[str]] = {}
        for reason in reasons:
            said = self._book.of_rule(reason.rule, self._knowledge)
            if said is not None and said.because:
                found.setdefault(said.because, []).append(reason.rule)
        for text, rules in found.items():
            yield PlainSentence(text=text, rules=tuple(rules))

    def _results(self, finding: Finding) -> Iterator[PlainSentence]:
        """The results that the rules saw, each once a text."""
        told: list[PlainSentence] = []
        for reason in (*finding.seriousness.reasons, *finding.kind.reasons):
            for name, value in reason.inputs.items():
                words = self._book.words.inputs.get(name)
                if words is None or words.hide or name in self._book.words.measures or not self._is_result(name):
                    continue
                told += self._once(f"{words.name}: {self._result(name, value)}", rules=(reason.rule,))
        if told:
            text = f"{self._say['results']} {'; '.join(one.text for one in told)}."
            yield PlainSentence(text=text, rules=tuple(dict.fromkeys(rule for one in told for rule in one.rules)))

    def _result(self, name: str, value: float | str | bool | list[str]) -> str:
        if not isinstance(value, float):
            # A grade such as 4a is written 4A; a word stays.
            return str(value).upper() if len(str(value)) <= 2 else str(value)
        quantity = self._knowledge.quantity(name)
        unit = quantity.unit if quantity else self._derived_unit(name) or ""
        return f"{_number(value, 2)} {self._book.words.units.get(unit, unit)}".strip()

    def _derived_unit(self, name: str) -> str | None:
        return next((entry.unit for entry, _, _ in self._knowledge.derived if entry.name == name), None)

    def _is_result(self, name: str) -> bool:
        """Whether a patient has it as a result: a test, or a grade that somebody gave."""
        if name in self._book.words.results:
            return True
        quantity = self._knowledge.quantity(name)
        if quantity is not None:
            return quantity.group in ("labs", "function")
        states = (state.name for state in self._knowledge.labs.states)
        return self._derived_unit(name) is not None or name in states


def _number(value: float, digits: int) -> str:
    """A number without idle zeros, and never 0 where it is more."""
    text = f"{value:.{digits}f}"
    text = text.rstrip("0").rstrip(".") if digits else text
    return text if float(text) or not value else f"{value:.1g}"


def _rules(reasons: Sequence[Reason]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(reason.rule for reason in reasons))
