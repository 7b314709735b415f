"""The whole way in one page: read, anatomy, find, place, measure, interpret; the doors write the reports.

Each stage is a plain function from values to values. This module alone knows all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import perf_counter

from calciscope import anatomy, interpret, place, provenance, reports
from calciscope.domain.anatomy import Anatomy
from calciscope.domain.assessment import Assessment, Correction, Refused
from calciscope.domain.deposit import Deposit, PlacedDeposit
from calciscope.domain.measured import MeasuredSite
from calciscope.domain.patient import Patient
from calciscope.domain.record import record
from calciscope.domain.structures import dictionary
from calciscope.domain.study import Refusal, Series, SeriesInfo, Study
from calciscope.errors import AnatomyError, NothingToAssessError, PatientFileError
from calciscope.find import ct, implants
from calciscope.interpret import rules
from calciscope.measure import measure, merge, presets
from calciscope.measure.phantom import models
from calciscope.measure.phantom.calibration import Calibration, calibrate
from calciscope.measure.voltage import threshold_of
from calciscope.measure.voxels import slabs
from calciscope.place import corrections
from calciscope.read.files import is_there, printable
from calciscope.read.mask import read_label_map
from calciscope.read.patient import is_record, read_patient
from calciscope.read.study import open_study
from calciscope.report.anatomy import Scan
from calciscope.report.dicom.study import Imaged
from calciscope.report.html import Pictures
from calciscope.report.pictures import crops, overview

Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class Options:
    """How to assess. ``anatomy`` is what :func:`calciscope.anatomy.provider` understands.

    ``rejected`` keeps the candidates that are no deposits, in the assessment and, with the anatomy, in ``Run.scans``;
    ``origins`` keeps the headers of the slices, in ``Run.imaged``, for what is written about them as DICOM.
    """

    anatomy: str | Sequence[str] = "embedded"
    preset: str = "standard"
    guidelines: str = "esc"
    corrections: Path | None = None
    knowledge: tuple[Path, ...] = ()
    patient_id: str | None = None
    rejected: bool = False
    origins: bool = False


@dataclass(frozen=True)
class Run:
    """An assessment with its pictures and the seconds that each stage took.

    ``scans`` are the series with their anatomy, deposits and rejected candidates, where those were asked for,
    ``imaged`` those with the headers that they came from, where the origins were; ``series`` are all series of the
    study, with the examination that they belong to.
    """

    assessment: Assessment
    pictures: Pictures
    seconds: dict[str, float]
    scans: tuple[Scan, ...] = ()
    imaged: tuple[Imaged, ...] = ()
    series: tuple[SeriesInfo, ...] = ()


@dataclass(frozen=True)
class _Seen:
    """One series on its way through the image stages."""

    series: Series
    anatomy: Anatomy
    placed: tuple[PlacedDeposit, ...]
    rejected: tuple[Deposit, ...]
    phantom: Calibration | None
    threshold_hu: float


@dataclass
class _Clock:
    """Tells the progress bar where the run is and adds up the seconds of each stage."""

    progress: Progress
    steps: int
    seconds: dict[str, float] = field(default_factory=dict)
    done: int = 0
    stage: str = ""
    since: float = field(default_factory=perf_counter)

    def start(self, stage: str, text: str) -> None:
        self.stop()
        self.stage = stage
        self.progress(text, min(0.99, self.done / self.steps))

    def within(self, text: str, fraction: float) -> None:
        self.progress(text, min(0.99, (self.done + fraction) / self.steps))

    def stop(self) -> None:
        now = perf_counter()
        if self.stage:
            self.seconds[self.stage] = self.seconds.get(self.stage, 0.0) + now - self.since
            self.done += 1
        self.stage, self.since = "", now


def assess(
    inputs: Sequence[Path],
    patient: Path | Patient | None = None,
    options: Options | None = None,
    progress: Progress | None = None,
) -> Run:
    """Assess images, report texts and what is known of the patient.

    ``inputs`` are folders, files or ZIPs of one patient's images, and reports and FHIR bundles of the same patient;
    ``patient`` is a patient file (or a bundle) or a :class:`Patient`. Raises :class:`NothingToAssessError` where
    neither an image, a report nor a patient could be used; everything else that could not be read is in
    ``assessment.refused``.
    """
    chosen = options or Options()
    clock = _Clock(progress or (lambda text, fraction: None), steps=8)
    preset = presets.preset(chosen.preset)
    knowledge = rules.load(chosen.knowledge)
    segment = _segmenter(chosen.anatomy)
    changes = corrections.read(chosen.corrections) if chosen.corrections else ()

    clock.start("read", "reading")
    told = reports.gathered(inputs)
    records = tuple(path for path in inputs if is_record(path))
    person = _person(patient, records)
    others = {*records, *told.paths}
    here = [path for path in inputs if is_there(path) and path not in others]
    absent = tuple(
        Refusal(printable(path), "does not exist; check the path")
        for path in inputs
        if path not in here and path not in others
    )
    study = open_study(
        here,
        person.patient,
        patient_id=chosen.patient_id,
        progress=clock.within,
        besides=told.paths,
        origins=chosen.origins,
    )
    told = told.of_patient(study.owners).on(one.info.acquisition.day for one in study.series)
    refused = (*person.refused, *absent, *told.refused, *study.refused)
    if not study.series and not person.known and not told.texts:
        raise _nothing(inputs, refused, study)

    clock.steps = 3 + 5 * max(1, len(study.series))
    seen: list[_Seen] = []
    misfits: list[Refusal] = []
    unseen: list[str] = []
    notes: list[str] = []
    for read in study.series:
        # Slices are averaged, where the preset asks for it, before anything is found in them.
        series = replace(read, volume=slabs.prepared(read.volume, preset))
        clock.start("anatomy", f"anatomy of {series.info.label}")
        try:
            body = segment(series.volume)
        except AnatomyError as error:
            # A label map of one part of the body does not fit the series of another; one that fits none is a mistake.
            misfits.append(Refusal(series.info.label, f"{error}; the embedded anatomy was used for this series"))
            if len(misfits) == len(study.series):
                raise
            body = anatomy.provider("embedded")(series.volume)
        clock.start("find", f"finding calcium in {series.info.label}")
        phantom = calibrate(series.volume)
        threshold = threshold_of(preset, series.volume.acquisition, phantom).hu
        found = ct.find(series.volume, body, series=series.info.id, threshold_hu=threshold)
        if found.floor_hu > threshold:
            unseen.append(
                f"calcium fainter than {found.floor_hu:.0f} HU, hidden by contrast or noise in {series.info.label}"
            )
        clock.start("place", f"placing {len(found.deposits)} deposits")
        body = replace(body, notes=(*body.notes, *found.notes))
        if phantom is not None and (model := models.named(phantom.phantom)).imitates:
            # What lies in the shell of a phantom has a known place, which is none of a patient's.
            notes.append(f"{series.info.label} shows a phantom, no patient ({model.title}).")
            body = body.without_places(f"{notes[-1][:-1]}: nothing is placed")
        placed = place.place(found.deposits, series.volume, body)
        seen.append(_Seen(series, implants.marked(body, found.implants), placed, found.rejected, phantom, threshold))
    refused = (*refused, *misfits)
    seen = _corrected(seen, changes)

    sites: tuple[MeasuredSite, ...] = ()
    # A series that is only scored replaces scores of what the others found, so those come first.
    seen.sort(key=lambda view: "find" not in view.series.info.uses)
    for view in seen:
        clock.start("measure", f"measuring {view.series.info.label}")
        sites = merge.merge(
            sites,
            measure(view.placed, view.series.volume, view.anatomy, preset, view.phantom),
            score="find" not in view.series.info.uses,
        )
    clock.start("interpret", "interpreting")
    searched = _searched(seen)
    stated = told.beside(person.patient, sites, knowledge, searched)
    meaning = interpret.interpret(
        (*sites, *stated.doubts),
        stated.patient,
        knowledge,
        guidelines=chosen.guidelines,
        imaged=bool(seen),
        not_judged=unseen,
    )
    findings = stated.marked(meaning.findings)
    differing = told.disagreements(sites, findings, searched, knowledge)
    refused = (*refused, *interpret.unread(person.patient, knowledge), *meaning.contradictions)

    clock.start("pictures", "drawing")
    shown = [view for view in seen if "find" in view.series.info.uses]
    pictures = Pictures(
        {key: picture for view in shown for key, picture in crops(view.series.volume, view.placed).items()},
        tuple(overview(view.series.volume, view.placed, view.series.info.id) for view in shown),
    )
    assessment = Assessment(
        answer=" ".join((*notes, told.answer(meaning.answer, findings, stated, differing, imaged=bool(seen)))),
        seriousness=meaning.seriousness,
        findings=findings,
        unknowns=meaning.unknowns,
        advice=meaning.advice,
        acquisition=provenance.acquisition(study, {view.series.info.id: view.anatomy for view in seen}),
        refused=tuple(Refused(input=item.input, why=item.why, used=item.used) for item in refused),
        sources=meaning.sources,
        rejected=tuple(record(one) for view in seen for one in view.rejected) if chosen.rejected else (),
        mentions=told.mentions,
        patient_facts=stated.facts,
        disagreements=differing,
        provenance=provenance.of(
            replace(study, inputs=(*study.inputs, *told.inputs)),
            tuple(view.anatomy for view in seen),
            knowledge_folders=chosen.knowledge,
            anatomy=_named(chosen.anatomy),
            preset=preset.name,
            guidelines=chosen.guidelines,
            corrections=changes,
        ),
    )
    clock.stop()
    scans = tuple(Scan(v.series.info.id, v.series.volume, v.anatomy, v.placed, v.rejected) for v in seen)
    imaged = tuple(
        Imaged(v.series.info.id, v.series.volume, v.placed, v.series.origin, v.series.info.label, v.threshold_hu)
        for v in seen
    )
    return Run(
        assessment,
        pictures,
        clock.seconds,
        scans if chosen.rejected else (),
        imaged if chosen.origins else (),
        (*(one.info for one in study.series), *study.unused),
    )


@dataclass(frozen=True)
class _Person:
    """The patient, whether anything is known of them, and what of the patient file was refused."""

    patient: Patient
    known: bool
    refused: tuple[Refusal, ...] = ()


def _segmenter(spec: str | Sequence[str]) -> anatomy.Segment:
    """The anatomy that was asked for. The embedded one is always there, so that it is loaded when a volume needs it."""
    if spec == anatomy.EMBEDDED:
        return lambda volume: anatomy.provider(spec)(volume)
    return anatomy.provider(spec, read_label_map)


def _person(patient: Path | Patient | None, records: tuple[Path, ...]) -> _Person:
    """A patient file that cannot be used at all is refused like any other input: the images are still assessed.

    ``records`` are FHIR bundles among the inputs; they are the patient's where no :class:`Patient` is given.
    """
    if isinstance(patient, Patient) or (patient is None and not records):
        unused = tuple(Refusal(printable(path), "is not read: a patient was given already") for path in records)
        return _Person(patient or Patient(), patient is not None, unused)
    try:
        read = read_patient(patient, records)
    except PatientFileError as error:
        name, why = patient or records[0], str(error)
        if patient is not None and records and why.startswith(f"{patient.name}: "):
            rest = _person(None, records)
            return _Person(
                rest.patient, rest.known, (Refusal(printable(name), why.removeprefix(f"{name.name}: ")), *rest.refused)
            )
        return _Person(Patient(), False, (Refusal(printable(name), why.removeprefix(f"{name.name}: ")),))
    return _Person(read.patient, True, read.refused)


def _searched(seen: Sequence[_Seen]) -> frozenset[str]:
    """The places that the images show: those of the structures that were found in them."""
    meanings = dictionary().meanings
    names = {name for view in seen for name in (*view.anatomy.structures, *view.anatomy.tubes) if name in meanings}
    return frozenset(site for name in names if (site := meanings[name].site) is not None)


def _named(anatomy: str | Sequence[str]) -> str:
    """What was asked for, files by their own name."""
    given = [anatomy] if isinstance(anatomy, str) else anatomy
    return "+".join(Path(one.partition(",")[0]).name for one in given)


def _corrected(seen: list[_Seen], changes: tuple[Correction, ...]) -> list[_Seen]:
    """Apply what a person said about deposits of any series; everything downstream is computed from the result."""
    if not changes:
        return seen
    placed, rejected = corrections.apply(
        tuple(item for view in seen for item in view.placed),
        tuple(item for view in seen for item in view.rejected),
        changes,
    )
    return [
        _Seen(
            view.series,
            view.anatomy,
            tuple(item for item in placed if item.deposit.series == view.series.info.id),
            tuple(item for item in rejected if item.series == view.series.info.id),
            view.phantom,
            view.threshold_hu,
        )
        for view in seen
    ]


def _nothing(inputs: Sequence[Path], refused: Sequence[Refusal], study: Study) -> NothingToAssessError:
    """Why nothing could be assessed and what would help, one line an input."""
    lines = [f"{item.input}: {item.why}" for item in refused]
    lines += [f"{info.label}: {info.why}" for info in study.unused]
    if not lines:
        names = ", ".join(map(printable, inputs))
        lines = [f"{names}: no CT found; give a folder, file or ZIP with a CT series, or a patient file with --patient"]
    return NothingToAssessError("nothing could be assessed: " + "; ".join(lines), tuple(lines))
