"""``--format`` and ``--deidentify``: what an assessment is written as, and under which name."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from calciscope.commands import terminal

if TYPE_CHECKING:
    from calciscope.pipeline import Run
    from calciscope.report.formats import Result
    from calciscope.report.pseudonyms import Pseudonyms

# Options are seen in lists of processes, so that the key is none.
KEY = "CALCISCOPE_PSEUDONYM_KEY"

FormatOption = Annotated[
    list[str] | None,
    typer.Option(
        "--format",
        metavar="NAME",
        help="Also write seg, sr, pdf-dicom, key-images (together: dicom), fhir-r4, fhir-r5 (fhir), pdf, csv, parquet, "
        "or all; separated by commas.",
    ),
]
EachDepositOption = Annotated[
    bool, typer.Option("--segment-each-deposit", help="A segment a deposit instead of a segment a site.")
]
FhirPatientOption = Annotated[
    str | None, typer.Option("--fhir-patient", metavar="REF", help="The FHIR patient, such as Patient/7.")
]
DeidentifyOption = Annotated[
    bool,
    typer.Option(
        "--deidentify",
        help=f"Write everything under a pseudonym (DICOM PS3.15 basic profile); {KEY} (16 characters or more) keeps it "
        "the same.",
    ),
]
PseudonymOption = Annotated[
    str | None, typer.Option("--pseudonym", metavar="NAME", help="The pseudonym; without it one made with the key.")
]
# PS3.5 6.2: a patient id holds 64 characters; a backslash would divide it, and = and ^ a name.
_NAME = re.compile(r"[A-Za-z0-9._ -]{1,64}")


@dataclass(frozen=True)
class Wanted:
    """What was asked for: formats, the pseudonyms that everything is written under, if any, and the FHIR patient."""

    formats: tuple[str, ...]
    under: Pseudonyms | None = None
    each_deposit: bool = False
    patient: str | None = field(default=None, repr=False)

    @property
    def needs_origins(self) -> bool:
        """Whether the headers of the source are needed."""
        from calciscope.report import formats

        return formats.needs_origins(self.formats)

    def cleaned(self, run: Run) -> Run:
        """The run, under its pseudonym where that was asked for."""
        if self.under is None:
            return run
        from calciscope.report import deidentify

        return deidentify.run(run, self.under)

    def write(self, run: Run, inputs: Sequence[Path], out: Path) -> Result:
        """Write the formats of a run that is :meth:`cleaned`; the folder is made. ``inputs`` may name the patient."""
        from calciscope.report import fhir, formats

        person = fhir.person_of(() if self.under else inputs, run.series, self.patient)
        with terminal.writing(out):
            out.mkdir(parents=True, exist_ok=True)
            return formats.write(
                run, self.formats, out, each_deposit=self.each_deposit, under=self.under, person=person
            )


def check(
    given: list[str] | None, deidentify: bool, pseudonym: str | None, each_deposit: bool, patient: str | None
) -> Wanted:
    """What was asked for, looked at before the work begins.

    Refuses a format that there is none of or whose libraries are missing, a pseudonym that DICOM cannot hold, and a
    patient beside a pseudonym.
    """
    from calciscope.report import formats

    if pseudonym is not None and not deidentify:
        raise typer.BadParameter("--pseudonym is the name for --deidentify; give both")
    if pseudonym is not None and not _NAME.fullmatch(pseudonym):
        raise typer.BadParameter("--pseudonym is 1 to 64 letters, digits, dots, dashes, underscores or spaces")
    try:
        chosen = formats.chosen(given or ())
    except ValueError as error:
        raise typer.BadParameter(f"--format: {error}") from error
    _check_patient(chosen, patient, deidentify)
    return Wanted(chosen, _pseudonyms(pseudonym) if deidentify else None, each_deposit, patient)


def _check_patient(formats: Sequence[str], patient: str | None, deidentify: bool) -> None:
    if patient is None:
        return
    from calciscope.report.fhir.people import is_reference

    if not any(one.startswith("fhir") for one in formats):
        raise typer.BadParameter("--fhir-patient belongs to --format fhir")
    if not is_reference(patient):
        raise typer.BadParameter("--fhir-patient is Patient/ and an id, such as Patient/7")
    if deidentify:
        raise typer.BadParameter("--fhir-patient names the patient, which --deidentify forbids")


def _pseudonyms(given: str | None) -> Pseudonyms:
    """Pseudonyms with the key of the environment, else with one that nobody has again."""
    from calciscope.report.pseudonyms import Pseudonyms

    key = os.environ.get(KEY, "").encode()
    if not key:
        typer.echo(f"{KEY} is not set: the pseudonyms are new and will not be given again", err=True)
    return Pseudonyms(key or os.urandom(32), given)
