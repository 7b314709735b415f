"""What holds for the text of every patient, whatever was found."""

import re

from calciscope import pipeline
from calciscope.domain.assessment import Assessment, Seriousness
from calciscope.domain.patient import Patient, StatedFinding
from calciscope.domain.plain import PlainText
from calciscope.interpret.answer import principal
from calciscope.interpret.plain import for_patient
from calciscope.interpret.plain.book import book
from calciscope.interpret.plain.reading import grade
from calciscope.interpret.rules import load

BOOK = book()
HARDEST = 10.0
ORDERS = re.compile(
    r"\b(prescribe|administer|take \d|\d+ ?(mg|mcg|g) (daily|a day)|start (a |an )?(statin|aspirin))", re.I
)


def assessed(*findings: tuple[str, dict], **known) -> Assessment:
    """The assessment of a patient with stated findings, each ``(site, {key: value})``."""
    return pipeline.assess([], Patient(findings=tuple(StatedFinding(*one) for one in findings), **known)).assessment


def plain(*findings: tuple[str, dict], **known) -> PlainText:
    """The text for a patient with stated findings."""
    return for_patient(assessed(*findings, **known), load())


def said(text: PlainText, section: str | None = None) -> str:
    """The sentences of a text, or of its sections of one kind."""
    return " ".join(one.text for part in text.sections if section in (None, part.id) for one in part.sentences)


def broken(assessment: Assessment, text: PlainText) -> list[str]:
    """Every law that the text of an assessment breaks, in words."""
    return [*_facts(assessment, text), *_words(text), *_traces(assessment, text)]


def _facts(assessment: Assessment, text: PlainText):
    everything = said(text)
    for finding in assessment.findings:
        there = finding.kind.value is not None and not finding.rollup
        if there and BOOK.place(finding.site) not in everything:
            yield f"{finding.site} is not named"
    if assessment.findings and f'"{assessment.seriousness}"' not in said(text, "short"):
        yield "the overall seriousness is not said"
    shown = {part.site: part for part in text.sections if part.id == "found"}
    listed = "\n".join(one.text for part in text.sections if part.id == "others" for one in part.sentences)
    for finding in principal(assessment.findings):
        level = Seriousness(finding.seriousness.value or "none")
        part = shown.get(finding.site)
        line = f"In {BOOK.place(finding.site)}: "
        if part is None and not any(
            one.startswith(line) and BOOK.words.grades[level].name in one for one in listed.splitlines()
        ):
            yield f"{finding.site} has neither a section nor a line"
        if part is not None:
            own = " ".join(one.text for one in part.sentences)
            if part.seriousness is not level or f'"{level}"' not in own:
                yield f"{finding.site}: another seriousness"
            yield from (f"{finding.site}: {key} is not told" for key in _untold(finding, own))
    if (assessment.seriousness is Seriousness.URGENT) != (BOOK.words.sentences["now"] in everything):
        yield "urgent and not said so, or said so and not urgent"
    unknown = next((part.sentences[1:] for part in text.sections if part.id == "unknown"), ())
    if len(unknown) != len(assessment.unknowns):
        yield "an unknown is missing"


def _untold(finding, own: str):
    """The score and the size of a finding, as whole numbers, that its section does not hold."""
    scored = finding.site.startswith(("heart", "artery"))
    for key in ("agatston", "diameter"):
        measure = finding.measures.get(key)
        if measure is None or measure.value is None or (key == "agatston" and not scored):
            continue
        number = f"{measure.value:.0f}" if key == "agatston" else f"{measure.value:.1f}".removesuffix(".0")
        if not re.search(rf"(?<![\d.]){re.escape(number)}(?![\d])", own) and not 0 < measure.value < 1:
            yield key


def _words(text: PlainText):
    prose = text.prose()
    if grade(prose) > HARDEST:
        yield f"grade {grade(prose):.1f}"
    if ORDERS.search(prose):
        yield f"orders a drug: {ORDERS.search(prose).group()}"
    for pattern in BOOK.words.limits.forbidden:
        if pattern != "diagnos\\w+" and (found := re.search(rf"\b(?:{pattern})\b", said(text), re.I)):
            yield f"says {found.group()}"
    explained = {one.word for one in text.words} | set(BOOK.words.limits.known)
    for found in set(re.findall(r"(?<![\w-])[A-Z]{2,}(?:-[A-Z]{2,})?(?![\w-])", said(text))):
        if found not in explained:
            yield f"{found} is not explained"
    for one in text.sentences():
        if re.search(r"[{}]|\bNone\b|  |_|\bnan\b", one.text) or not one.text.endswith((".", "?", ":")):
            yield f"not a sentence: {one.text}"
    if "not diagnose" not in text.disclaimer or "not a medical device" not in text.disclaimer:
        yield "no disclaimer"


def _traces(assessment: Assessment, text: PlainText):
    listed = {one.id for one in text.sources}
    rules = {rule for one in text.sentences() for rule in one.rules}
    yield from (f"{one} is not in the list" for part in text.sentences() for one in part.sources if one not in listed)
    yield from (f"the advice of {one.rule} is missing" for one in assessment.advice if one.rule not in rules)
    for part in text.sections:
        for one in part.sentences:
            if part.id in ("next", "help") and assessment.advice and not one.sources:
                yield f"no source: {one.text}"
            bare = one.text.startswith(("It may be", "The calcium score could not"))
            bare = bare or one.text in BOOK.words.sentences.values()
            if one.topic in ("meaning", "amount") and not one.sources and not bare:
                yield f"no source: {one.text}"
