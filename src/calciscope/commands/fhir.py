"""``--fhir``: the answer as a transaction bundle for a FHIR server, on request under a pseudonym."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from calciscope.commands import terminal

if TYPE_CHECKING:
    from calciscope.export.fhir import Pseudonyms, Release
    from calciscope.pipeline import Run

# Options are seen in lists of processes, so that the key is none.
KEY = "CALCISCOPE_PSEUDONYM_KEY"

FhirOption = Annotated[
    list[str] | None, typer.Option("--fhir", metavar="r4|r5", help="Also write a FHIR transaction bundle; may repeat.")
]
PatientOption = Annotated[
    str | None, typer.Option("--fhir-patient", metavar="REF", help="The FHIR patient, such as Patient/7.")
]
DeidentifyOption = Annotated[
    bool, typer.Option("--deidentify", help=f"FHIR under a pseudonym; {KEY} (16 characters or more) keeps it the same.")
]


@dataclass(frozen=True)
class Wanted:
    """What is to be written."""

    releases: tuple[Release, ...] = ()
    patient: str | None = field(default=None, repr=False)
    pseudonyms: Pseudonyms | None = None


def wanted(releases: Sequence[str] | None, patient: str | None, deidentify: bool) -> Wanted:
    """The options, looked at before the work begins."""
    if not releases:
        if patient is not None or deidentify:
            raise typer.BadParameter("--fhir-patient and --deidentify belong to --fhir r4 or --fhir r5")
        return Wanted()
    from calciscope.export.fhir import Pseudonyms, Release
    from calciscope.export.fhir.people import is_reference
    from calciscope.export.fhir.validate import ready

    for one in releases:
        if one.lower() not in tuple(Release):
            raise typer.BadParameter(f"--fhir is r4 or r5, not {one!r}")
    if patient is not None and not is_reference(patient):
        raise typer.BadParameter("--fhir-patient is Patient/ and an id, such as Patient/7")
    if patient is not None and deidentify:
        raise typer.BadParameter("--fhir-patient names the patient, which --deidentify forbids")
    ready()
    pseudonyms = None
    if deidentify:
        key = os.environ.get(KEY, "").encode()
        if not key:
            typer.echo(f"{KEY} is not set: the pseudonyms are new and will not be given again", err=True)
        pseudonyms = Pseudonyms(key or os.urandom(32))
    return Wanted(tuple(dict.fromkeys(Release(one.lower()) for one in releases)), patient, pseudonyms)


def write(bundles: Wanted, run: Run, inputs: Sequence[Path], out: Path) -> tuple[Path, ...]:
    """Write a bundle a release, ``fhir-r4.json`` or ``fhir-r5.json``, and return their paths."""
    if not bundles.releases:
        return ()
    from calciscope.export import fhir

    person = fhir.person_of(inputs, run.series, bundles.patient)
    with terminal.writing(out):
        out.mkdir(parents=True, exist_ok=True)
        return tuple(
            fhir.write(
                fhir.bundle(run.assessment, release, person, pseudonyms=bundles.pseudonyms),
                out / f"fhir-{release.value}.json",
                release,
            )
            for release in bundles.releases
        )
