"""``calciscope explain``: what a radiology report says of calcium, and what that means."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from calciscope.commands import patient as reader
from calciscope.commands import terminal
from calciscope.errors import CalciscopeError, InputError, NothingToAssessError

if TYPE_CHECKING:
    from calciscope.domain.assessment import Assessment
    from calciscope.domain.patient import Patient
    from calciscope.domain.study import Refusal
    from calciscope.explaining import Explainer
    from calciscope.read.text import Report

_STREAM = "-"


def explain(
    inputs: Annotated[
        list[str],
        typer.Argument(metavar="REPORT...", help="Texts, DICOM SR, FHIR DiagnosticReport, folders, ZIPs, a CSV, or -."),
    ],
    text_column: Annotated[
        str | None, typer.Option(metavar="NAME", help="Column of a CSV that holds the report texts.")
    ] = None,
    id_column: Annotated[str | None, typer.Option(metavar="NAME", help="Column of a CSV that names them.")] = None,
    patient: Annotated[
        Path | None, typer.Option("--patient", metavar="FILE", help="What is known of the patient (one report only).")
    ] = None,
    guidelines: Annotated[str, typer.Option(metavar="esc|us", help="Which guidelines speak first.")] = "esc",
    knowledge: Annotated[
        list[Path] | None, typer.Option(metavar="DIR", help="A folder of your own rules, added to the built-in ones.")
    ] = None,
    audience: reader.ReaderOption = reader.CLINICIAN,
    out: Annotated[Path | None, typer.Option("--out", metavar="DIR", help="Where the files are written.")] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON and nothing else; of several reports one line each.")
    ] = False,
) -> None:
    """Explain a radiology report: what it says of calcium and stones, and what that means."""
    reader.check(audience)
    _check(inputs, text_column, id_column, guidelines)
    from calciscope.explaining import Explainer, Options

    options = Options(guidelines=guidelines, knowledge=tuple(knowledge or ()))
    many = len(inputs) > 1 or text_column is not None or _holds_several(Path(inputs[0]))
    if many and patient is not None:
        raise typer.BadParameter("--patient belongs to one report; give that report alone")
    if many and out is not None:
        raise typer.BadParameter("--out is for one report; of several print lines with --json")
    if out is not None:
        terminal.check_writable(out)
    person, refused = _patient(patient)
    explainer = Explainer(options)
    if many or as_json:
        _lines(explainer, _read(inputs, text_column, id_column), person, refused, many=many)
        return
    report = next(_read(inputs, text_column, id_column))
    if isinstance(report, Exception):
        raise NothingToAssessError(str(report))
    _one(report, _explained(explainer, report, person, refused), audience, options.knowledge, out)


def _holds_several(path: Path) -> bool:
    from calciscope.read import text

    return path.is_dir() or text.is_archive(path)


def _check(inputs: Sequence[str], text_column: str | None, id_column: str | None, guidelines: str) -> None:
    if guidelines not in ("esc", "us"):
        raise typer.BadParameter(f"--guidelines is esc or us, not {guidelines!r}")
    if id_column is not None and text_column is None:
        raise typer.BadParameter("--id-column needs --text-column, the column of the report texts")
    if inputs.count(_STREAM) > 1:
        raise typer.BadParameter("- is standard input, which can be read once")
    if text_column is None and any(one.lower().endswith((".csv", ".tsv")) for one in inputs):
        raise typer.BadParameter("a CSV needs --text-column NAME, the column of the report texts")
    if text_column is not None and _STREAM in inputs:
        raise typer.BadParameter("a CSV is read from a file, not from -")


def _patient(path: Path | None) -> tuple[Patient | None, tuple[Refusal, ...]]:
    if path is None:
        return None, ()
    from calciscope.read.patient import read_patient

    read = read_patient(path)
    return read.patient, read.refused


def _read(inputs: Sequence[str], text_column: str | None, id_column: str | None) -> Iterator[Report | InputError]:
    """Every report, or why it cannot be read; one bad file does not stop the others."""
    from calciscope.read import text

    for given in inputs:
        try:
            if text_column is not None:
                yield from text.read_table(Path(given), text_column, id_column)
            elif given == _STREAM:
                yield text.read_stream(text.standard_input())
            elif Path(given).is_dir():
                yield from _folder(Path(given))
            elif text.is_archive(Path(given)):
                yield from _zip(Path(given))
            else:
                yield text.read_report(Path(given))
        except InputError as error:
            yield error


def _folder(folder: Path) -> Iterator[Report | InputError]:
    """Every text, DICOM SR and FHIR DiagnosticReport below a folder, also in ZIPs there."""
    from calciscope.read import text
    from calciscope.read.files import inside

    yield from _each(folder, (path for path in inside(folder) if text.is_report(path) or text.is_archive(path)))


def _zip(archive: Path) -> Iterator[Report | InputError]:
    """The same in a ZIP."""
    from tempfile import TemporaryDirectory

    from calciscope.read import text

    with TemporaryDirectory(prefix="calciscope-") as temporary:
        yield from _each(archive, text.unpacked(archive, Path(temporary)))


def _each(whole: Path, paths: Iterable[Path]) -> Iterator[Report | InputError]:
    """The reports at some paths of a folder or ZIP, or that there is none."""
    from calciscope.read import text
    from calciscope.read.files import printable

    found = False
    for path in paths:
        found = True
        try:
            if text.is_archive(path):
                yield from _zip(path)
            else:
                yield text.read_report(path)
        except InputError as error:
            yield error
    if not found:
        yield InputError(f"{printable(whole)}: holds no report; give text files, DICOM SR or FHIR DiagnosticReport")


def _explained(
    explainer: Explainer, report: Report, person: Patient | None, refused: tuple[Refusal, ...]
) -> Assessment:
    try:
        return explainer.explain(report, person, refused)
    except InputError as error:
        raise NothingToAssessError(str(error)) from error


def _lines(
    explainer: Explainer,
    reports: Iterator[Report | InputError],
    person: Patient | None,
    refused: tuple[Refusal, ...],
    *,
    many: bool,
) -> None:
    """JSON: the assessment of one report, or a line each of several with its name; refused ones say why."""
    why: list[str] = []
    done = 0
    for report in reports:
        if isinstance(report, InputError):
            why.append(str(report))
            typer.echo(f"calciscope: {report}", err=True)
            continue
        try:
            found = explainer.explain(report, person, refused)
        except CalciscopeError as error:
            why.append(str(error))
            if many:
                typer.echo(json.dumps({"report": report.name, "refused": str(error)}, ensure_ascii=False))
                typer.echo(f"calciscope: {error}", err=True)
            continue
        done += 1
        line: dict[str, Any] = {"report": report.name, **found.model_dump(mode="json")}
        typer.echo(json.dumps(line, ensure_ascii=False) if many else found.model_dump_json(indent=2))
    if not done:
        raise NothingToAssessError("no report could be read", () if many and why else tuple(why))


def _one(given: Report, found: Assessment, audience: str, knowledge: tuple[Path, ...], out: Path | None) -> None:
    from calciscope.report import explain as report
    from calciscope.report import plain as page

    plain = None
    if audience == reader.PATIENT:
        plain = report.for_patient(found, reader.plain(report.certain(found), knowledge))
    written: tuple[Path, ...] = ()
    if out is not None:
        with terminal.writing(out):
            out.mkdir(parents=True, exist_ok=True)
            written = report.write(given.text, found, out)
            if plain is not None:
                written = (*written, page.write(plain, out / "patient.html"))
    if plain is not None:
        reader.show(plain)
    else:
        _show(given, found)
    for path in written:
        typer.echo(path)


def _show(given: Report, found: Assessment) -> None:
    """The text with its mentions marked, what was understood of each, and the answer."""
    import sys

    from calciscope.report import explain as report

    colours = sys.stdout.isatty()
    typer.echo(report.marked(given.text.rstrip(), found.mentions, colours=colours))
    if found.mentions:
        typer.echo("")
        terminal.print_table(report.table(found.mentions))
        typer.echo("")
    terminal.show(found)
