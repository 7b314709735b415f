"""From an assessment to the text for a patient: which sections there are and what each says."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from calciscope.domain.assessment import Advice, Assessment, Finding, Kind, Seriousness
from calciscope.domain.plain import PlainSection, PlainSentence, PlainText
from calciscope.interpret.answer import order, principal
from calciscope.interpret.plain.book import Book, book
from calciscope.interpret.plain.cite import Citations
from calciscope.interpret.plain.finding import FindingWriter, level_of
from calciscope.interpret.rules import Knowledge

# With so few findings each has a section, however harmless; else the harmless ones stand in one list.
_FEW = 3
_MOST_QUESTIONS = 7


def for_patient(assessment: Assessment, knowledge: Knowledge) -> PlainText:
    """The same assessment in plain words, each sentence with the rules and sources that it rests on.

    ``knowledge`` is what the assessment was made with; a rule that it does not know speaks through the kind, the place
    and the seriousness of its finding.
    """
    return _Writer(assessment, knowledge, book()).text()


class _Writer:
    """Writes one text; a sentence that explains something general is said once."""

    def __init__(self, assessment: Assessment, knowledge: Knowledge, words: Book) -> None:
        self._a = assessment
        self._knowledge = knowledge
        self._book = words
        self._fixed = words.words
        self._shown = sorted(principal(assessment.findings), key=order)
        hidden = [one for one in assessment.findings if one not in self._shown]
        self._findings = FindingWriter(self._shown, hidden, knowledge, words)
        self._present = [one for one in self._shown if one.kind.value is not None]

    def text(self) -> PlainText:
        cited = Citations(self._a.sources, _rules_of(self._a), self._knowledge)
        return cited.text(self._sections(), self._fixed, self._a.seriousness)

    def _sections(self) -> Iterator[PlainSection]:
        yield self._section("short", self._short())
        full, brief = self._split()
        for finding in full:
            yield self._section(
                "found",
                self._findings.full(finding),
                title=self._fixed.titles["found"].format(place=self._book.place(finding.site)),
                site=finding.site,
                seriousness=level_of(finding),
            )
        yield self._section("others", [self._findings.brief(one) for one in brief], listed=True)
        yield self._section("next", self._next(), listed=True)
        yield self._section("help", self._help(), listed=True)
        yield self._section("unknown", self._unknown(), listed=True)
        yield self._section("ask", self._ask(), listed=True)

    def _section(
        self,
        name: str,
        sentences: Sequence[PlainSentence] | Iterator[PlainSentence],
        *,
        title: str | None = None,
        site: str | None = None,
        seriousness: Seriousness | None = None,
        listed: bool = False,
    ) -> PlainSection:
        return PlainSection(
            id=name,
            title=title or self._fixed.titles[name],
            sentences=tuple(sentences),
            site=site,
            seriousness=seriousness,
            listed=listed,
        )

    def _split(self) -> tuple[list[Finding], list[Finding]]:
        """The findings with a section of their own, and those that are only listed."""
        if len(self._shown) <= _FEW:
            return self._shown, []
        grave = [one for one in self._shown if level_of(one).rank >= Seriousness.MONITOR.rank]
        full = [one for one in grave if not any(self._covers(other, one) for other in grave)]
        return full, [one for one in self._shown if one not in full]

    def _covers(self, whole: Finding, part: Finding) -> bool:
        """Whether the section of a whole says all that there is to say of a part but its number."""
        alike = whole.kind.value == part.kind.value and level_of(whole) is level_of(part)
        return alike and part.site.startswith(f"{whole.site}.") and self._reasons(part) <= self._reasons(whole)

    def _reasons(self, finding: Finding) -> set[str]:
        reasons = (*finding.kind.reasons, *finding.seriousness.reasons)
        return {one.text for one in self._findings.because(reasons)}

    def _short(self) -> Iterator[PlainSentence]:
        say, level = self._fixed.sentences, self._a.seriousness
        if not self._a.findings:
            yield from self._nothing()
            return
        if level is Seriousness.URGENT:
            yield PlainSentence(text=say["now"], topic="now")
        if not self._present:
            places = ", ".join(self._book.place(one.site) for one in self._shown)
            yield PlainSentence(text=say["none_there"].format(places=places))
        elif len(self._present) == 1:
            yield PlainSentence(text=say["one"].format(place=self._book.place(self._present[0].site)))
        else:
            first = self._book.place(self._present[0].site)
            yield PlainSentence(text=say["many"].format(count=len(self._present), place=first))
            top = level_of(self._present[0])
            equal = [self._book.place(one.site) for one in self._present[1:] if level_of(one) is top]
            if equal:
                yield PlainSentence(text=say["equal"].format(places=", ".join(equal)))
        grade = self._fixed.grades[level]
        rules = tuple(reason.rule for one in self._shown[:1] for reason in one.seriousness.reasons)
        yield PlainSentence(
            text=say["grade"].format(name=grade.name, step=level.rank + 1, grade=level) + f" {grade.says}", rules=rules
        )
        if self._present and level_of(self._present[0]) is level:
            yield from list(self._findings.because(self._present[0].seriousness.reasons))[:1]
        if level.rank > max(level_of(one).rank for one in self._a.findings):
            yield PlainSentence(text=say["whole"])
            for advice in self._a.advice:
                rule = self._knowledge.get(advice.rule)
                said = self._book.of_rule(advice.rule, self._knowledge)
                if rule is not None and rule.rule.then.at_least is level and said is not None and said.because:
                    yield PlainSentence(text=said.because, rules=(advice.rule,))
        if self._a.refused:
            yield PlainSentence(text=say["refused_inputs"])

    def _nothing(self) -> Iterator[PlainSentence]:
        say = self._fixed.sentences
        used = [series for series in self._a.acquisition if series.used]
        yield PlainSentence(text=say["nothing_found" if used else "nothing_given"])
        if any(series.contrast == "given" for series in used):
            yield PlainSentence(text=say["contrast"])

    def _next(self) -> Iterator[PlainSentence]:
        """The steps of the advice, each once, with the place where it matters which."""
        steps: dict[str, list[Advice]] = {}
        for advice in self._a.advice:
            said = self._book.of_rule(advice.rule, self._knowledge)
            text = said.next if said is not None and said.next else self._usual(advice.site)
            steps.setdefault(text, []).append(advice)
        if not steps and self._a.findings:
            yield PlainSentence(text=self._fixed.grades[self._a.seriousness].next)
        for text, behind in steps.items():
            places = {advice.site for advice in behind}
            site = places.pop() if len(places) == 1 else None
            if site is not None and len(self._shown) > 1:
                text = self._fixed.sentences["next_here"].format(place=self._book.place(site), step=text)
            yield PlainSentence(text=text, rules=tuple(dict.fromkeys(advice.rule for advice in behind)))

    def _usual(self, site: str | None) -> str:
        """The step that a seriousness stands for, where a rule has no words for patients."""
        level = next((level_of(one) for one in self._a.findings if one.site == site), self._a.seriousness)
        return self._fixed.grades[level].next

    def _help(self) -> Iterator[PlainSentence]:
        for signs in self._fixed.help:
            if any(signs.hold(one.site, *self._known(one)) for one in self._present):
                text = self._fixed.sentences["help"].format(signs=signs.signs)
                yield PlainSentence(text=text, rules=signs.rules)

    def _unknown(self) -> Iterator[PlainSentence]:
        if self._a.unknowns:
            yield PlainSentence(text=self._fixed.sentences["unknown"], topic="intro")
        for unknown in self._a.unknowns:
            yield PlainSentence(text=f"{self._findings.input_name(unknown.input)}.")

    def _ask(self) -> Iterator[PlainSentence]:
        asked = 0
        for question in self._fixed.ask:
            fits = self._a.seriousness in question.grades and bool(self._a.findings)
            if question.groups or question.kinds:
                fits = any(question.fits(*self._known(one)) for one in self._present)
            if fits and asked < _MOST_QUESTIONS:
                asked += 1
                yield PlainSentence(text=question.text)

    def _known(self, finding: Finding) -> tuple[str, Kind | None, Seriousness]:
        kind = Kind(finding.kind.value) if finding.kind.value else None
        return self._book.group(finding.site), kind, level_of(finding)


def _rules_of(assessment: Assessment) -> dict[str, tuple[str, str]]:
    """The source and the status of each rule that an assessment names."""
    reasons = (reason for one in assessment.findings for reason in (*one.kind.reasons, *one.seriousness.reasons))
    return {
        **{reason.rule: (reason.source, reason.status) for reason in reasons},
        **{advice.rule: (advice.source, advice.status) for advice in assessment.advice},
    }
