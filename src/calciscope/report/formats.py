"""``--format``: what is written beside ``assessment.json``, ``deposits.csv`` and ``report.html``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from calciscope.errors import OutputError
from calciscope.report import pdf, tables

if TYPE_CHECKING:
    from calciscope.pipeline import Run
    from calciscope.report.fhir import Person
    from calciscope.report.pseudonyms import Pseudonyms

# Each with what it is, for the help text.
FORMATS = {
    "seg": "DICOM segmentation",
    "sr": "DICOM structured report",
    "pdf-dicom": "the PDF as a DICOM object",
    "key-images": "DICOM key images",
    "pdf": "the report as PDF",
    "csv": "a row a measure",
    "parquet": "deposits and findings as Parquet",
    "fhir-r4": "a FHIR R4 transaction bundle",
    "fhir-r5": "a FHIR R5 transaction bundle",
}
GROUPS = {
    "dicom": ("seg", "sr", "pdf-dicom", "key-images"),
    "fhir": ("fhir-r4", "fhir-r5"),
    "all": tuple(FORMATS),
}


@dataclass(frozen=True)
class Result:
    """Files that were written, and a line for each that could not be."""

    paths: tuple[Path, ...]
    refused: tuple[str, ...]


def chosen(words: Sequence[str]) -> tuple[str, ...]:
    """The formats of ``sr,seg`` or ``dicom``, each once. Raises ``ValueError`` with one line for an unknown one."""
    found: dict[str, None] = {}
    for word in (part.strip() for given in words for part in given.split(",")):
        if word and word not in FORMATS and word not in GROUPS:
            raise ValueError(f"there is no format {word}; there are {', '.join((*FORMATS, *GROUPS))}")
        found.update(dict.fromkeys(GROUPS.get(word, (word,) if word else ())))
    return tuple(found)


def needs_origins(formats: Sequence[str]) -> bool:
    """Whether a format needs the headers of the source."""
    return any(one in GROUPS["dicom"] for one in formats)


def write(
    run: Run,
    formats: Sequence[str],
    folder: Path,
    *,
    each_deposit: bool = False,
    under: Pseudonyms | None = None,
    person: Person | None = None,
) -> Result:
    """Write the formats into a folder that is there; one that cannot be written stops none of the others.

    ``under`` are the pseudonyms of a run that was de-identified (:func:`calciscope.report.deidentify.run`); ``person``
    is the patient of the FHIR bundles.
    """
    paths: list[Path] = []
    refused: list[str] = []
    document = cache(lambda: pdf.render(run.assessment, run.pictures))
    kinds = [one for one in formats if one in GROUPS["dicom"]]
    if {"pdf", "pdf-dicom"} & set(formats):
        try:
            document()
        except OutputError as error:
            refused.append(f"{', '.join(one for one in formats if one.startswith('pdf'))}: {error}")
            kinds = [one for one in kinds if one != "pdf-dicom"]
        else:
            if "pdf" in formats:
                (folder / "report.pdf").write_bytes(document())
                paths.append(folder / "report.pdf")
    if "csv" in formats:
        paths.append(tables.write_csv(run.assessment, folder / "findings.csv"))
    if "parquet" in formats:
        try:
            paths.extend(tables.write_parquet(run.assessment, folder))
        except OutputError as error:
            refused.append(f"parquet: {error}")
    for one in (name for name in formats if name in GROUPS["fhir"]):
        try:
            paths.append(_fhir(run, one, folder, person))
        except OutputError as error:
            refused.append(f"{one}: {error}")
    if kinds:
        done = _dicom(run, kinds, folder / "dicom", document, each_deposit, under)
        paths.extend(done.paths)
        refused.extend(done.refused)
    return Result(tuple(paths), tuple(refused))


def _fhir(run: Run, name: str, folder: Path, person: Person | None) -> Path:
    from calciscope.report import fhir

    release = fhir.Release(name.removeprefix("fhir-"))
    return fhir.write(fhir.bundle(run.assessment, release, person), folder / f"{name}.json", release)


def _dicom(
    run: Run,
    kinds: Sequence[str],
    folder: Path,
    document: Callable[[], bytes],
    each_deposit: bool,
    under: Pseudonyms | None,
) -> Result:
    try:
        from calciscope.report.dicom import deidentify
        from calciscope.report.dicom import write as dicom
        from calciscope.report.dicom.study import Stamp
    except ImportError:
        return Result((), (f"{', '.join(kinds)}: need highdicom: pip install highdicom",))
    done = dicom.write(
        run.assessment,
        run.imaged,
        kinds,
        folder,
        deidentify.stamp(run.assessment, under) if under else Stamp.of(run.assessment),
        pdf=document,
        each_deposit=each_deposit,
        finish=deidentify.sealed if under else lambda made: made,
    )
    return Result(tuple(done.paths), tuple(done.refused))
