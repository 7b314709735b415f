"""What every command does at the terminal: progress, tables, an assessment, and a place that can be written."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from calciscope.errors import OutputError

if TYPE_CHECKING:
    from calciscope.domain.assessment import Assessment

# Wider than any table.
_WIDEST = 10_000
# The report has all; so many next steps and unknowns are printed.
_MOST_SHOWN = 5


@contextmanager
def progress() -> Iterator[Callable[[str, float], None]]:
    """A bar on standard error where that is a terminal, and nothing on a pipe."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda text, fraction: None
        return
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("starting", total=1.0)
        yield lambda text, fraction: bar.update(task, description=text, completed=fraction)


def check_writable(out: Path, option: str = "--out") -> None:
    """Say that nothing can be written there before the work and not after it; nothing is made yet."""
    above = next(path for path in (out, *out.absolute().parents) if os.path.lexists(path))
    if not above.is_dir() or not os.access(above, os.W_OK | os.X_OK):
        raise OutputError(f"{option} {out}: cannot be written; give a folder that can be made or written")


@contextmanager
def writing(out: Path, option: str = "--out") -> Iterator[None]:
    """Where files are written: what the system refuses becomes an ``OutputError`` that names the place."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise OutputError(f"{option} {out}: cannot be written ({reason}); give another place or make room") from error


def print_table(table: Table, wide: bool = False) -> None:
    """Print a table, on a pipe 120 columns wide; a ``wide`` one as wide as it is, so that no number is cut."""
    width = None if sys.stdout.isatty() else 120

    def console(width: int | None) -> Console:
        return Console(width=width, highlight=False, markup=False, emoji=False)

    if wide:
        width = max(console(width).width, console(_WIDEST).measure(table).maximum)
    console(width).print(table, soft_wrap=wide)


def show(assessment: Assessment) -> None:
    """The answer, the findings as a table, what is unknown, what was refused."""
    from calciscope.domain.assessment import Seriousness
    from calciscope.report import text

    typer.echo(assessment.answer)
    if assessment.findings:
        table = Table("site", "seriousness", "kind", "deposits", "diameter", "Agatston", box=None, pad_edge=False)
        for finding in sorted(assessment.findings, key=lambda one: -Seriousness(one.seriousness.value or "none").rank):
            shown = ("diameter", "agatston") if text.scored(finding.site) else ("diameter",)
            cells = [text.value(finding.measures[key], key) if key in finding.measures else "-" for key in shown]
            table.add_row(
                finding.site,
                (finding.seriousness.value or "none") + text.mark([r.status for r in finding.seriousness.reasons[:1]]),
                finding.kind.value or "-",
                str(len(finding.deposits) or "-"),
                *cells,
            )
        print_table(table)
    if assessment.patient_facts:
        from calciscope.report import facts

        for line in facts.lines(assessment):
            typer.echo(line)
    for differing in assessment.disagreements:
        typer.echo(f"disagreement: {differing.site}: report: {differing.report}; image: {differing.image}")
    for step in assessment.advice[:_MOST_SHOWN]:
        where = f" ({step.site})" if step.site else ""
        typer.echo(f"next: {step.text}{where}{text.mark([step.status, *(one.status for one in step.also)])}")
    for unknown in assessment.unknowns[:_MOST_SHOWN]:
        typer.echo(f"unknown: {unknown.input}: {unknown.would_change}{text.mark([unknown.status])}")
    for refused in assessment.refused:
        typer.echo(f"{'note' if refused.used else 'not used'}: {refused.input}: {refused.why}", err=True)
    typer.echo(assessment.disclaimer)
