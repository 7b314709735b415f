"""``calciscope compare``: two dates, what is new, grown, stable or gone."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from calciscope.commands import patient as reader
from calciscope.commands import terminal

if TYPE_CHECKING:
    from calciscope.compare import Comparison

PatientOption = Annotated[
    Path | None,
    typer.Option("--patient", metavar="FILE", help="What is known of the patient; alone: its dated values."),
]
_DAY = ["%Y-%m-%d"]


def compare(
    old: Annotated[Path | None, typer.Argument(metavar="[OLD]", help="Images or assessment.json, earlier.")] = None,
    new: Annotated[Path | None, typer.Argument(metavar="[NEW]", help="The same of the later date.")] = None,
    patient: PatientOption = None,
    preset: Annotated[str, typer.Option(metavar="NAME", help="Rules of the calcium score.")] = "standard",
    anatomy: Annotated[list[str] | None, typer.Option(metavar="NAME|FILE[,NAMES.csv]", help="As in assess.")] = None,
    old_date: Annotated[
        datetime | None, typer.Option(formats=_DAY, help="Day of OLD, where its headers do not say it.")
    ] = None,
    new_date: Annotated[
        datetime | None, typer.Option(formats=_DAY, help="Day of NEW, where its headers do not say it.")
    ] = None,
    same_patient: Annotated[
        bool, typer.Option("--same-patient", help="Compare although the headers name different patients.")
    ] = False,
    audience: reader.ReaderOption = reader.CLINICIAN,
    out: Annotated[Path | None, typer.Option("--out", metavar="DIR", help="Where the files are written.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")] = False,
) -> None:
    """Compare two dates: which calcium is new, grown, stable or gone."""
    reader.check(audience)
    if (old is None) != (new is None) or (old is None and patient is None):
        raise typer.BadParameter("give OLD and NEW, or --patient FILE that states findings of two dates")
    today = datetime.now(UTC).date()
    for name, day in (("--old-date", old_date), ("--new-date", new_date)):
        if day is not None and day.date() > today:
            raise typer.BadParameter(f"{name} {day:%Y-%m-%d} is in the future")
    # The way to the images takes seconds to import, which --help need not wait for.
    from calciscope.compare import Options
    from calciscope.compare import compare as compared
    from calciscope.report import compare as report
    from calciscope.report import plain as page

    if out is not None:
        terminal.check_writable(out)
    options = Options(
        preset=preset,
        anatomy=tuple(anatomy or ("embedded",)),
        old_date=old_date.date() if old_date else None,
        new_date=new_date.date() if new_date else None,
        same_patient=same_patient,
    )
    with terminal.progress() as tell:
        found = compared(old, new, patient, options, tell)
    plain = reader.compared(found) if audience == reader.PATIENT else None
    written: tuple[Path, ...] = ()
    if out is not None:
        with terminal.writing(out):
            out.mkdir(parents=True, exist_ok=True)
            written = report.write(found, out)
            if plain is not None:
                written = (*written, page.write(plain, out / "patient.html"))
    if as_json:
        typer.echo(found.model_dump_json(indent=2))
        return
    if plain is not None:
        reader.show(plain)
    else:
        _show(found)
    for path in written:
        typer.echo(path)


def _show(found: Comparison) -> None:
    """The answer, what became of each place, and what limits the comparison."""
    from calciscope.report import compare as report

    typer.echo(found.answer)
    for table in report.tables(found):
        if table.row_count:
            terminal.print_table(table)
    for line in report.lines(found):
        typer.echo(line)
    for refused in found.refused:
        typer.echo(f"not used: {refused}", err=True)
    typer.echo(found.disclaimer)
