"""Report text -> assessment: reads the words, and interprets what they state as any other finding."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from calciscope import interpret, provenance
from calciscope.domain.assessment import Alternative, Assessment, Finding, Refused
from calciscope.domain.measured import MeasuredSite
from calciscope.domain.mention import Assertion, Mention
from calciscope.domain.patient import Patient, StatedFinding
from calciscope.domain.site import UNPLACED, label
from calciscope.domain.study import Refusal, Study
from calciscope.errors import InputError
from calciscope.interpret import rules
from calciscope.interpret.answer import order
from calciscope.interpret.merge import as_measured
from calciscope.interpret.rules import Knowledge
from calciscope.read.text import Report
from calciscope.text import lexicon, reader
from calciscope.text.findings import Told, site_of, told

# How sure a place is of which the report itself is not.
_DOUBT = 0.5
_MOST_QUOTES = 3


@dataclass(frozen=True)
class Options:
    """How to explain: which guidelines speak first, and folders of own rules."""

    guidelines: str = "esc"
    knowledge: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class Explained:
    """A report with its assessment; ``patient`` is what was known besides."""

    report: Report
    assessment: Assessment


class Explainer:
    """Explains reports one after another; words and rules are compiled once."""

    def __init__(self, options: Options | None = None) -> None:
        self.options = options or Options()
        self.knowledge = rules.load(self.options.knowledge)
        self._reader = reader()

    def explain(self, report: Report, patient: Patient | None = None, refused: Sequence[Refusal] = ()) -> Explained:
        """The assessment of what a report says.

        Raises:
            InputError: the text is not English; one line that names the report.
        """
        mentions = mentions_of(report)
        person, said = patient or Patient(), told(mentions)
        stated = replace(person, findings=(*person.findings, *said.stated))
        doubts = doubtful(said, mentions, self.knowledge, {one.site for one in stated.findings})
        meaning = interpret.interpret(doubts, stated, self.knowledge, guidelines=self.options.guidelines)
        unsure = frozenset(one.site for one in doubts)
        findings = tuple(
            one.model_copy(update={"stated": True}) if one.site in unsure else one for one in meaning.findings
        )
        inputs = Study(patient=person, inputs=((report.name, report.digest),))
        assessment = Assessment(
            answer=answer(meaning.answer, findings, unsure, said, mentions),
            seriousness=meaning.seriousness,
            findings=findings,
            unknowns=meaning.unknowns,
            advice=meaning.advice,
            refused=tuple(Refused(input=one.input, why=one.why) for one in refused),
            sources=meaning.sources,
            mentions=mentions,
            provenance=provenance.of(
                inputs,
                (),
                knowledge_folders=self.options.knowledge,
                anatomy="none",
                preset="none",
                guidelines=self.options.guidelines,
                corrections=(),
            ),
        )
        return Explained(report, assessment)


def mentions_of(report: Report) -> tuple[Mention, ...]:
    """What a report says of calcium; raises :class:`InputError` where it is not English."""
    read = reader().read(report.text, report.name)
    if read.language is not None:
        raise InputError(f"{report.name}: is in {read.language}, not in English; give an English text")
    return read.mentions


def doubtful(
    said: Told, mentions: Sequence[Mention], knowledge: Knowledge, known: set[str]
) -> tuple[MeasuredSite, ...]:
    """What the report only calls possible, as sites to review; none at a place that is known otherwise."""
    return tuple(_doubt(one, mentions, knowledge) for one in said.possible if one.site not in known)


def _doubt(finding: StatedFinding, mentions: Sequence[Mention], knowledge: Knowledge) -> MeasuredSite:
    quotes = [quote(one) for one in mentions if one.assertion is Assertion.POSSIBLE and site_of(one) == finding.site]
    why = words()["doubtful"].format(quotes="; ".join(quotes[:1]))
    return replace(
        as_measured(finding, knowledge),
        confidence=_DOUBT,
        review=True,
        alternatives=(Alternative(value="none", why=why),),
    )


def answer(
    meant: str, findings: Sequence[Finding], unsure: frozenset[str], said: Told, mentions: Sequence[Mention]
) -> str:
    """The answer of the interpretation, with what a report leaves open, denies or tells of other times and people."""
    texts = words()["answer"]
    if findings:
        doubts = [label(one.site) for one in findings if one.site in unsure]
        first = min(findings, key=order)
        lead = f"{texts['if_so']}{meant[:1].lower()}{meant[1:]}" if first.site in unsure else meant
        return f"{lead} {texts['doubt'].format(places=', '.join(doubts))}" if doubts else lead
    if said.absent:
        places = [label(site) for site in said.absent if site != UNPLACED]
        return str(texts["absent"].format(places=", ".join(places)) if places else texts["unplaced_negated"])
    for assertion, key in ((Assertion.HISTORICAL, "past"), (Assertion.OTHER, "other")):
        if quotes := [f"“{quote(one)}”" for one in mentions if one.assertion is assertion]:
            return str(texts[key].format(quotes=", ".join(quotes[:_MOST_QUOTES])))
    return str(texts["silent"])


def quote(mention: Mention) -> str:
    """The words of the report that hold a mention: the word with those that decided on place and assertion."""
    parts = [mention.because.get("assertion", ""), mention.text, mention.because.get("site", "")]
    return " ".join(dict.fromkeys(" ".join(part.split()) for part in parts if part))


@lru_cache(maxsize=1)
def words() -> dict[str, Any]:
    """The sentences of ``knowledge/text/words.yaml``."""
    return lexicon.read("words")
