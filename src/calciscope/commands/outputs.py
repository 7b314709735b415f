"""``--format`` and ``--deidentify``: what an assessment is written as, and under which name."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from calciscope.commands import terminal

if TYPE_CHECKING:
    from calciscope.pipeline import Run
    from calciscope.report.dicom.deidentify import Pseudonym
    from calciscope.report.formats import Result

FormatOption = Annotated[
    list[str] | None,
    typer.Option(
        "--format",
        metavar="NAME",
        help="Also write seg, sr, pdf-dicom, key-images (together: dicom), pdf, csv, parquet, or all.",
    ),
]
EachDepositOption = Annotated[
    bool, typer.Option("--segment-each-deposit", help="A segment a deposit instead of a segment a site.")
]
DeidentifyOption = Annotated[
    bool, typer.Option("--deidentify", help="Write everything under a pseudonym (DICOM PS3.15 basic profile).")
]
PseudonymOption = Annotated[
    str | None, typer.Option("--pseudonym", metavar="NAME", help="The pseudonym; without it a random one.")
]
# PS3.5 6.2: a patient id holds 64 characters; a backslash would divide it, and = and ^ a name.
_NAME = re.compile(r"[A-Za-z0-9._ -]{1,64}")


@dataclass(frozen=True)
class Wanted:
    """What was asked for: formats, and the pseudonym that everything is written under, if any."""

    formats: tuple[str, ...]
    under: Pseudonym | None

    @property
    def needs_origins(self) -> bool:
        """Whether the headers of the source are needed."""
        from calciscope.report import formats

        return formats.needs_origins(self.formats)

    def cleaned(self, run: Run) -> Run:
        """The run, under its pseudonym where that was asked for."""
        if self.under is None:
            return run
        from calciscope.report import formats

        return formats.deidentified(run, self.under)

    def write(self, run: Run, out: Path, each_deposit: bool) -> Result:
        """Write the formats; the folder is made."""
        from calciscope.report import formats

        with terminal.writing(out):
            out.mkdir(parents=True, exist_ok=True)
            return formats.write(run, self.formats, out, each_deposit=each_deposit, under=self.under)


def check(given: list[str] | None, deidentify: bool, pseudonym: str | None) -> Wanted:
    """What was asked for; refuses a format that there is none of, and a pseudonym that DICOM cannot hold."""
    from calciscope.report import formats

    if pseudonym is not None and not deidentify:
        raise typer.BadParameter("--pseudonym is the name for --deidentify; give both")
    if pseudonym is not None and not _NAME.fullmatch(pseudonym):
        raise typer.BadParameter("--pseudonym is 1 to 64 letters, digits, dots, dashes, underscores or spaces")
    try:
        chosen = formats.chosen(given or ())
    except ValueError as error:
        raise typer.BadParameter(f"--format: {error}") from error
    return Wanted(chosen, formats.pseudonym(pseudonym) if deidentify else None)
