"""What every command does at the terminal: progress, tables, and a place to write that can be written."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from calciscope.errors import OutputError

# Wider than any table.
_WIDEST = 10_000


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
