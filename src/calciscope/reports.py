"""Report texts beside images and a patient file: read, joined with what the images show, compared with it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType

from calciscope import interpret, reported
from calciscope.domain.assessment import Alternative, Finding
from calciscope.domain.measured import MeasuredSite
from calciscope.domain.mention import Assertion, Disagreement, Mention, PatientFact
from calciscope.domain.patient import Patient, StatedFinding
from calciscope.domain.study import Refusal
from calciscope.errors import InputError
from calciscope.interpret.merge import as_measured
from calciscope.interpret.rules import Knowledge
from calciscope.read.files import inside, is_there
from calciscope.read.text import Report, is_archive, is_report, read_report, unpacked
from calciscope.text import ReportText, Told, join, reader, sentences, times, told

# How sure a place is of which the report itself is not.
_DOUBT = 0.5
_ANOTHER = "is the report of another patient than the images show; give the report of this one"
_SEVERAL = "the reports are of several patients; give those of one"


@dataclass(frozen=True, slots=True)
class Stated:
    """The patient with what the reports state, and what the reports are not sure of, as sites to review.

    ``facts`` are what they say of the patient besides, and whether the patient file left room for it.
    """

    patient: Patient
    doubts: tuple[MeasuredSite, ...] = ()
    facts: tuple[PatientFact, ...] = ()

    @property
    def unsure(self) -> frozenset[str]:
        """The places of the doubts."""
        return frozenset(one.site for one in self.doubts)

    def marked(self, findings: Sequence[Finding]) -> tuple[Finding, ...]:
        """The findings; those of doubts were stated, not seen."""
        return tuple(one.model_copy(update={"stated": True}) if one.site in self.unsure else one for one in findings)


@dataclass(frozen=True, slots=True)
class Reports:
    """The reports of one patient: their mentions, what they say of the patient, and what was refused.

    ``imaged_on`` is the day of the images beside them, where it is known.
    """

    texts: tuple[Report, ...] = ()
    mentions: tuple[Mention, ...] = ()
    facts: tuple[PatientFact, ...] = ()
    refused: tuple[Refusal, ...] = ()
    paths: frozenset[Path] = frozenset()
    imaged_on: date | None = None

    @property
    def inputs(self) -> tuple[tuple[str, str], ...]:
        """Name and digest of each."""
        return tuple((one.name, one.digest) for one in self.texts)

    @property
    def told(self) -> Told:
        """What they tell of the time of the images; without images, what they tell."""
        older = {one.name for one in self._older}
        return told([one for one in self.mentions if one.report not in older])

    @property
    def _older(self) -> tuple[Report, ...]:
        return tuple(one for one in self.texts if times.is_older(one.header.on, self.imaged_on))

    def on(self, days: Iterable[date | None]) -> Reports:
        """The reports beside images of some days: those of another day are told, and a change is that until theirs."""
        known = [day for day in days if day is not None]
        if not known:
            return self
        beside = replace(self, imaged_on=min(known))
        notes = [(one.name, times.note(one.header.on, min(known))) for one in self.texts if one.header.on is not None]
        older = {one.name: one.header.on for one in beside._older}
        return replace(
            beside,
            refused=(*self.refused, *(Refusal(name, why, used=True) for name, why in notes if why is not None)),
            mentions=tuple(
                one if (on := older.get(one.report or "")) is None else times.dated(one, on) for one in self.mentions
            ),
        )

    def beside(
        self,
        patient: Patient,
        seen: Sequence[MeasuredSite],
        knowledge: Knowledge,
        searched: frozenset[str] = frozenset(),
    ) -> Stated:
        """What the reports state, at the places of the images; what is possible only where nothing else is known.

        ``searched`` are the places that the images show: what an older report says of them the images answer.
        """
        said = self.told
        places = {one.site for one in seen}
        then = [
            finding
            for report in self._older
            for finding in times.earlier(self._said_by(report), report.header.on or date.min, places, searched)
        ]
        patient = replace(patient, findings=(*patient.findings, *then))
        findings, otherwise = reported.joined(patient, join.joined(said, seen), said.absent, self.mentions)
        known = {one.site for one in findings} | {one.site for one in seen}
        doubts = [one for one in join.unseen(said, seen) if one.site not in known]
        person, facts = reported.beside(
            replace(patient, findings=findings),
            self.facts,
            [one.site for one in seen if one.placed],
            knowledge,
            {one.name for one in self._older},
        )
        return Stated(person, tuple(self._doubt(one, knowledge) for one in doubts), (*facts, *otherwise))

    def _said_by(self, report: Report) -> tuple[StatedFinding, ...]:
        return told([one for one in self.mentions if one.report == report.name]).stated

    def of_patient(self, owners: frozenset[str]) -> Reports:
        """The reports without those that carry the id of another patient than the images, or of several patients."""
        whose = {one.owner for one in self.texts if one.owner}
        if not whose or (whose <= owners if owners else len(whose) == 1):
            return self
        other = [one for one in self.texts if one.owner and one.owner not in owners]
        why = _ANOTHER if owners else _SEVERAL
        names = {one.name for one in other}
        return replace(
            self,
            texts=tuple(one for one in self.texts if one not in other),
            mentions=tuple(one for one in self.mentions if one.report not in names),
            facts=tuple(one for one in self.facts if one.report not in names),
            refused=(*self.refused, *(Refusal(one.name, why) for one in other)),
        )

    def disagreements(
        self, seen: Sequence[MeasuredSite], findings: Sequence[Finding], searched: frozenset[str], knowledge: Knowledge
    ) -> tuple[Disagreement, ...]:
        """Where reports and images say different things; ``searched`` are the places that the images show."""
        if not searched:
            return ()

        def class_of(site: str, name: str, value: float) -> str | None:
            alone = Patient(findings=(StatedFinding(site, MappingProxyType({name: value})),))
            meant = interpret.interpret((), alone, knowledge).findings
            return next((one.measures[name].category for one in meant if name in one.measures), None)

        found = join.disagreements(self.told, self.mentions, seen, findings, searched)
        told = {one.site for one in found}
        classes = join.classes(self.mentions, findings, class_of)
        return (*found, *(one for one in classes if one.site not in told))

    def answer(
        self,
        meant: str,
        findings: Sequence[Finding],
        stated: Stated,
        differing: Sequence[Disagreement] = (),
        *,
        imaged: bool,
    ) -> str:
        """The answer of the interpretation with what the reports add to it."""
        if not self.texts:
            return meant
        lead = meant
        if findings or not imaged:
            lead = sentences.answer(meant, findings, stated.unsure, self.told, self.mentions)
        return " ".join(part for part in (lead, join.sentence(differing), reported.sentence(stated.facts)) if part)

    def _doubt(self, finding: StatedFinding, knowledge: Knowledge) -> MeasuredSite:
        possible = [one for one in self.mentions if one.assertion is Assertion.POSSIBLE]
        quotes = [one.quote for one in possible if finding.site in one.paths()]
        why = sentences.words()["doubtful"].format(quotes="; ".join(quotes[:1]))
        return replace(
            as_measured(finding, knowledge),
            confidence=_DOUBT,
            review=True,
            alternatives=(Alternative(value="none", why=why),),
        )


def among(inputs: Sequence[Path]) -> tuple[Path, ...]:
    """The reports among the inputs of one patient: those named, and those found in folders.

    A text file that was only found is a report where it has the headings of one; a licence or a note is none.
    """
    there = [path for path in inputs if is_there(path)]
    found = [path for path in there if is_report(path)]
    for folder in (path for path in there if path.is_dir()):
        found += [path for path in inside(folder) if is_report(path) and _has_headings(path)]
    return tuple(dict.fromkeys(found))


def gathered(inputs: Sequence[Path]) -> Reports:
    """The reports among the inputs of one patient, read: named, in folders, and in ZIPs of these."""
    plain = among(inputs)
    with TemporaryDirectory(prefix="calciscope-") as temporary:
        packed = dict(_packed(inputs, Path(temporary)))
        found = read((*plain, *packed))
    return replace(found, paths=frozenset((*plain, *packed.values())))


def _packed(inputs: Sequence[Path], temporary: Path) -> Iterator[tuple[Path, Path]]:
    """Reports out of ZIPs, each with the path that it has for a person; a bad ZIP is told where images are read."""
    given = [path for path in inputs if is_there(path)]
    found = [inner for path in given if path.is_dir() for inner in inside(path)]
    for path in (*given, *found):
        if not is_archive(path):
            continue
        with suppress(InputError):
            yield from ((one, packed) for one, packed in unpacked(path, temporary).items() if _has_headings(one))


def _has_headings(path: Path) -> bool:
    if path.suffix.lower() not in (".txt", ".text"):
        return True
    try:
        return reader().has_headings(read_report(path).text)
    except InputError:
        return False


def read(paths: Sequence[Path]) -> Reports:
    """The reports among the inputs of one patient; one that cannot be read is refused, the others are used."""
    texts: list[Report] = []
    mentions: list[Mention] = []
    facts: list[PatientFact] = []
    refused: list[Refusal] = []
    for path in paths:
        try:
            report = read_report(path)
            same = sum(one.name.partition(" (")[0] == report.name for one in texts)
            report = replace(report, name=f"{report.name} ({same + 1})") if same else report
            found = understood(report)
            mentions += found.mentions
            facts += found.facts
            texts.append(report)
        except InputError as error:
            name, _, why = str(error).partition(": ")
            refused.append(Refusal(name, why) if why else Refusal(path.name, name))
    return Reports(tuple(texts), tuple(mentions), tuple(facts), tuple(refused), frozenset(paths))


def of(report: Report) -> Reports:
    """One report; raises :class:`InputError` where it is not English."""
    found = understood(report)
    return Reports((report,), found.mentions, found.facts)


def understood(report: Report) -> ReportText:
    """What a report says; raises :class:`InputError` where it is not English."""
    if not report.text.strip():
        raise InputError(f"{report.name}: is empty; give a report text")
    found = reader().read(report.text, report.name)
    if found.language is not None:
        raise InputError(f"{report.name}: is in {found.language}, not in English; give an English text")
    return replace(found, facts=_with_header(found.facts, report))


def _with_header(facts: Sequence[PatientFact], report: Report) -> tuple[PatientFact, ...]:
    """What the text says of the patient with age and sex of the header, which stand for the same in the text."""
    given: dict[str, float | str] = {}
    if report.header.age is not None:
        given["age"] = report.header.age
    if report.header.sex != "unknown":
        given["sex"] = report.header.sex
    first = [
        PatientFact(key=key, value=value, start=0, end=0, text="DICOM header", report=report.name)
        for key, value in given.items()
    ]
    return (*first, *(one for one in facts if one.key not in given or not reported.same(one, given[one.key])))
