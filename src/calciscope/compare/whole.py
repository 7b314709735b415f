"""The whole way of a comparison in one page: two inputs or a patient file in, what changed out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
from pydantic import ValidationError

from calciscope import pipeline
from calciscope.compare.fitness import differences, series_of
from calciscope.compare.headers import Headers, different_people, headers_of
from calciscope.compare.model import Comparison, DepositChange, Difference, Registered, Side, SiteChange, State
from calciscope.compare.pair import lay, pair
from calciscope.compare.register import Registration
from calciscope.compare.sites import site_changes
from calciscope.compare.stated import stated
from calciscope.domain.assessment import Assessment, Measure, Source
from calciscope.domain.patient import Patient
from calciscope.domain.site import label
from calciscope.errors import InputError
from calciscope.interpret import Knowledge, load, progression
from calciscope.measure import preset as preset_of
from calciscope.read.files import printable
from calciscope.read.patient import is_record, read_patient
from calciscope.report.anatomy import Scan

Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class Options:
    """How to compare. Dates that are given count before those of the headers."""

    preset: str = "standard"
    anatomy: tuple[str, ...] = ("embedded",)
    old_date: date | None = None
    new_date: date | None = None
    same_patient: bool = False


@dataclass(frozen=True)
class _Date:
    """One input, read: ``scan`` is ``None`` where an earlier assessment was given instead of images."""

    assessment: Assessment
    scan: Scan | None
    headers: Headers
    on: date | None


def compare(
    old: Path | None = None,
    new: Path | None = None,
    patient: Path | Patient | None = None,
    options: Options | None = None,
    progress: Progress | None = None,
) -> Comparison:
    """Compare two scans, two assessments, or the dated values of a patient file.

    Raises :class:`~calciscope.errors.InputError` where the two cannot be compared (different patients, different parts
    of the body, dates the wrong way round) and :class:`~calciscope.errors.NothingToAssessError` where one of them
    cannot be used.
    """
    chosen, tell = options or Options(), progress or (lambda text, share: None)
    knowledge = load()
    read = None if patient is None or isinstance(patient, Patient) else read_patient(patient)
    person = patient if isinstance(patient, Patient) else read.patient if read else Patient()
    refused = tuple(f"{one.input}: {one.why}" for one in read.refused) if read else ()
    if old is None or new is None:
        return _cited(stated(person, knowledge, refused), knowledge)
    notes: list[str] = []
    first, second = _two(old, new, chosen, notes, tell)
    years = _years(first.on, second.on, notes)
    differ = differences(first.assessment, second.assessment)
    made = _Parts()
    if first.scan is None or second.scan is None:
        notes.append("an assessment holds no image, so nothing was registered; matched by the totals of sites only")
    else:
        tell("laying one scan on the other", 0.85)
        if _same_voxels(first.scan, second.scan) or first.headers.same_images(second.headers):
            notes.append("OLD and NEW are the same scan")
        laid = lay(first.scan, second.scan)
        made = _matched(first.scan, second.scan, laid, chosen, years, differ, notes)
    sites = site_changes(
        made.old_sites if made.old_sites is not None else _by_site(first.assessment),
        made.new_sites if made.new_sites is not None else _by_site(second.assessment),
        years,
        differ,
        knowledge,
        person,
        made.deposits,
        made.cut,
    )
    matched = made.deposits is not None
    result = Comparison(
        answer=_answer(sites, years, made.deposits),
        old=_side(first),
        new=_side(second),
        years=years,
        matched_by="registration" if matched else "site",
        registered=made.registered,
        deposits=made.deposits or (),
        sites=sites,
        differences=differ,
        notes=tuple(notes),
        refused=(*refused, *(f"{r.input}: {r.why}" for one in (first, second) for r in one.assessment.refused)),
    )
    return _cited(result, knowledge)


@dataclass(frozen=True)
class _Parts:
    """What the images add; nothing where they were not laid on each other."""

    registered: Registered | None = None
    deposits: tuple[DepositChange, ...] | None = None
    old_sites: dict[str, dict[str, Measure]] | None = None
    new_sites: dict[str, dict[str, Measure]] | None = None
    cut: frozenset[str] = frozenset()


def _matched(
    old: Scan,
    new: Scan,
    laid: Registration,
    options: Options,
    years: float | None,
    differ: tuple[Difference, ...],
    notes: list[str],
) -> _Parts:
    shown = Registered(
        ok=laid.ok,
        why=laid.why,
        body_overlap=round(laid.body_overlap, 3),
        bone_overlap=None if laid.bone_overlap is None else round(laid.bone_overlap, 3),
        shared=round(laid.shared, 3),
        rotation_deg=round(laid.rotation_deg, 1),
        shift_mm=round(laid.shift_mm, 1),
    )
    if not laid.ok:
        here, there = ({region.name for region in scan.anatomy.regions} for scan in (old, new))
        if here and there and here.isdisjoint(there):
            raise InputError(
                f"OLD shows {' and '.join(sorted(here))}, NEW shows {' and '.join(sorted(there))}: "
                "different parts of the body cannot be compared; give two scans of one part"
            )
        notes.append(f"the scans could not be laid on each other ({laid.why}); matched by the totals of sites only")
        return _Parts(registered=shown)
    found = pair(old, new, laid, preset_of(options.preset), years, differ)
    if found.cut:
        notes.append("only a part of the calcium is in view of both scans; totals of sites that are cut are refused")
    return _Parts(
        shown,
        found.deposits,
        {one.site: dict(one.measures) for one in found.old_sites},
        {one.site: dict(one.measures) for one in found.new_sites},
        found.cut,
    )


def _two(old: Path, new: Path, options: Options, notes: list[str], tell: Progress) -> tuple[_Date, _Date]:
    """Both inputs assessed, the earlier one first."""
    for path in (old, new):
        if not path.exists():
            raise InputError(f"{printable(path)}: no such file or folder; check the path")
    known = [_assessment(path) for path in (old, new)]
    tell("reading headers", 0.0)
    heads = [Headers() if one else headers_of(path) for one, path in zip(known, (old, new), strict=True)]
    if different_people(*heads) and not options.same_patient:
        raise InputError(
            "OLD and NEW are of different patients by their headers; give two scans of one patient, "
            "or --same-patient where you know that they are"
        )
    given = (options.old_date, options.new_date)
    days = [
        day or (_day(head, name, notes) if done is None else _day_of(done))
        for day, head, done, name in zip(given, heads, known, ("OLD", "NEW"), strict=True)
    ]
    if days[0] and days[1] and days[0] > days[1]:
        if any(given):
            raise InputError(f"OLD is of {days[0]}, later than NEW of {days[1]}; give the earlier scan first")
        notes.append(f"OLD is the later scan ({days[0]}) and NEW the earlier one ({days[1]}); they were exchanged")
        order = (1, 0)
    else:
        order = (0, 1)
    sides = []
    for place, number in enumerate(order):
        path = (old, new)[number]
        done, base = known[number], 0.42 * place
        if done is not None:
            sides.append(_Date(done, None, heads[number], days[number]))
            continue
        run = pipeline.assess(
            [path],
            None,
            pipeline.Options(anatomy=options.anatomy, preset=options.preset, rejected=True),
            lambda text, share, base=base: tell(text, base + 0.42 * share),  # type: ignore[misc]
        )
        sides.append(_Date(run.assessment, _largest(run, notes), heads[number], days[number]))
    return sides[0], sides[1]


def _largest(run: pipeline.Run, notes: list[str]) -> Scan | None:
    """The scan in which deposits were looked for; of several the largest."""
    search = {one.id for one in run.assessment.acquisition if "find" in one.uses}
    scans = sorted((one for one in run.scans if one.series in search), key=lambda one: -one.volume.hu.size)
    if len(scans) > 1:
        notes.append(f"an input has {len(scans)} series that were searched; the largest one was registered")
    return scans[0] if scans else None


def _assessment(path: Path) -> Assessment | None:
    """An ``assessment.json`` of an earlier run, or ``None`` where the input is something else."""
    if path.suffix.lower() != ".json" or not path.is_file() or is_record(path):
        return None
    try:
        return Assessment.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise InputError(
            f"{printable(path)}: is no assessment.json of this program; give images or an assessment"
        ) from error


def _day(head: Headers, name: str, notes: list[str]) -> date | None:
    if len(head.dates) > 1:
        notes.append(f"{name} holds images of {len(head.dates)} dates; the latest was taken")
    return max(head.dates, default=None)


def _day_of(earlier: Assessment) -> date | None:
    """The day of the scan that an assessment was made of: of several the latest that was searched."""
    series = [one for one in earlier.acquisition if one.used and one.date]
    searched = [one for one in series if "find" in one.uses] or series
    return max((date.fromisoformat(one.date) for one in searched if one.date), default=None)


def _years(old: date | None, new: date | None, notes: list[str]) -> float | None:
    if old is None or new is None:
        notes.append("the date of a scan is not known, so no yearly change is given; --old-date and --new-date give it")
        return None
    years = progression.years_between(old, new)
    if years <= 0:
        notes.append("both scans are of the same day, so no yearly change is given")
        return None
    if years < progression.data().shortest_years.value:
        notes.append("the scans are so close in time that yearly changes are mostly the difference of two measurements")
    return round(years, 3)


def _same_voxels(one: Scan, two: Scan) -> bool:
    first, second = one.volume, two.volume
    return first.geometry == second.geometry and bool(np.array_equal(first.hu, second.hu))


def _by_site(assessment: Assessment) -> dict[str, dict[str, Measure]]:
    return {one.site: dict(one.measures) for one in assessment.findings}


def _side(one: _Date) -> Side:
    series = series_of(one.assessment)
    made = None
    if series is not None:
        voltage = f"{series.kvp:g} kV" if series.kvp else "voltage not stated"
        thick = f"{series.slice_thickness_mm:g} mm" if series.slice_thickness_mm else "thickness not stated"
        made = f"{series.slices} slices, {thick}, {voltage}, kernel {series.kernel or 'not stated'}"
    return Side(
        name=next(iter(one.assessment.provenance.inputs), "assessment"),
        date=one.on.isoformat() if one.on else None,
        answer=one.assessment.answer,
        preset=one.assessment.provenance.preset,
        acquisition=made,
    )


def _answer(sites: tuple[SiteChange, ...], years: float | None, deposits: tuple[DepositChange, ...] | None) -> str:
    """One sentence: how many deposits (or, where these were not matched, sites) changed, and where."""
    span = f" over {years:.1f} years" if years else ""
    counted: list[tuple[State, str]] = [(one.state, one.label) for one in sites if not one.rollup]
    what = "site"
    if deposits is not None:
        counted, what = [(one.state, label(one.site)) for one in deposits], "deposit"
    if not counted:
        return "No calcification at either date."
    parts = []
    for state in (State.NEW, State.GROWN, State.SMALLER, State.GONE, State.UNCLEAR):
        places = [place for found, place in counted if found is state]
        if places:
            names = list(dict.fromkeys(places))
            more = f" and {len(names) - 3} more" if len(names) > 3 else ""
            parts.append(f"{len(places)} {state} ({', '.join(names[:3])}{more})")
    stable = sum(found is State.STABLE for found, _ in counted)
    if not parts:
        return f"Stable{span}: each {what} changed by no more than the two measurements are sure of."
    return f"Changed{span}: {', '.join(parts)}; {stable} of {len(counted)} {what}s stable."


def _cited(made: Comparison, knowledge: Knowledge) -> Comparison:
    """With the sources that it cites, in their order."""
    keys = [one.source for one in made.differences]
    for site in made.sites:
        keys += [one.source for one in site.progression] + [one.source for one in site.meaning]
    sources: tuple[Source, ...] = tuple(knowledge.sources[key] for key in dict.fromkeys(keys))
    return made.model_copy(update={"sources": sources})
