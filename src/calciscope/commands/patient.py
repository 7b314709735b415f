"""``--for patient``: the same answer in the words of a patient, shown and written."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from calciscope.compare import Comparison
    from calciscope.domain.assessment import Assessment
    from calciscope.domain.plain import PlainText

CLINICIAN, PATIENT = "clinician", "patient"
ReaderOption = Annotated[
    str, typer.Option("--for", metavar="clinician|patient", help="Who reads it: patient gives the same in plain words.")
]


def check(reader: str) -> None:
    """Refuse a reader that there is no text for."""
    if reader not in (CLINICIAN, PATIENT):
        raise typer.BadParameter(f"--for is clinician or patient, not {reader!r}")


def plain(assessment: Assessment, knowledge: Sequence[Path]) -> PlainText:
    """The assessment in plain words, by the knowledge that it was made with."""
    from calciscope.interpret import rules
    from calciscope.interpret.plain import for_patient

    return for_patient(assessment, rules.load(knowledge))


def compared(found: Comparison) -> PlainText:
    """A comparison in plain words."""
    from calciscope.compare.plain import for_patient
    from calciscope.interpret import rules

    return for_patient(found, rules.load())


def show(text: PlainText) -> None:
    """Print the text."""
    from calciscope.report import plain as report

    for line in report.lines(text):
        typer.echo(line)
