"""Which files the inputs hold, and what they are by their name and first bytes."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from calciscope.domain.study import Refusal
from calciscope.errors import InputError
from calciscope.read.archive import ArchiveError, extract, is_zip
from calciscope.read.refusals import UNREADABLE

VOLUME_SUFFIXES = (".nii", ".nii.gz", ".nrrd", ".nhdr", ".mha", ".mhd")
DICOM_SUFFIXES = (".dcm", ".dicom", ".ima")
_NOT_YET = {
    ".png": "pictures",
    ".jpg": "pictures",
    ".jpeg": "pictures",
    ".tif": "pictures",
    ".tiff": "pictures",
    ".bmp": "pictures",
    ".svs": "stained sections",
    ".ndpi": "stained sections",
    ".docx": "Word documents",
    ".pdf": "PDF documents",
    ".json": "FHIR bundles",
    ".xml": "XML documents",
}


@dataclass(frozen=True, slots=True)
class File:
    """A file of an input. ``given`` says that it was named itself and not merely found in a folder.

    ``packed`` is the path within its ZIP, behind that of the ZIP, where it was extracted.
    """

    path: Path
    name: str
    top: int
    given: bool
    packed: Path | None = None

    @property
    def is_volume(self) -> bool:
        """Whether the name is that of NIfTI, NRRD or MetaImage."""
        return self.path.name.lower().endswith(VOLUME_SUFFIXES)

    @property
    def claims_dicom(self) -> bool:
        """Whether the name says that it is DICOM."""
        return self.path.name.lower().endswith(DICOM_SUFFIXES)


def printable(path: Path) -> str:
    """The name of a file as it may be printed: without control characters, invalid text or changes of direction."""
    return "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in path.name or str(path))


def is_there(path: Path) -> bool:
    """Whether a path leads to something; unlike ``Path.exists`` it answers for a name too long or a closed folder."""
    return os.path.exists(path)  # noqa: PTH110


def walk(inputs: Sequence[Path], temporary: Path) -> tuple[list[File], list[Refusal]]:
    """All files of the inputs in a stable order; ZIPs are extracted below ``temporary``.

    Raises :class:`~calciscope.errors.InputError` where an input does not exist.
    """
    found: list[File] = []
    refused: list[Refusal] = []
    for top, path in enumerate(inputs):
        if not is_there(path):
            raise InputError(f"{printable(path)}: no such file or folder; check the path")
        closed: list[Path] = []
        for file in _below(path, top, closed):
            try:
                if file.is_volume or not is_zip(file.path):
                    found.append(file)
                    continue
                folder = extract(file.path, temporary)
            except ArchiveError as error:
                refused.append(Refusal(file.name, str(error)))
                continue
            except OSError:
                closed.append(file.path)
                continue
            for inner in _files(folder, closed):
                if is_zip(inner):
                    refused.append(Refusal(printable(inner), "a ZIP inside a ZIP is not opened; extract it first"))
                else:
                    found.append(File(inner, printable(inner), top, False, file.path / inner.relative_to(folder)))
        if closed:
            refused.append(Refusal(several([printable(one) for one in closed], len(closed)), UNREADABLE))
    return found, refused


def inside(folder: Path) -> Iterator[Path]:
    """Every file below a folder that can be opened, as :func:`walk` meets them; ZIPs are not looked into."""
    yield from _files(folder, [])


def several(names: Sequence[str], count: int) -> str:
    """The first name and how many more."""
    more = count - 1
    return names[0] if not more else f"{names[0]} and {more} more file{'s' if more > 1 else ''}"


def _below(path: Path, top: int, closed: list[Path]) -> Iterator[File]:
    if path.is_file():
        yield File(path, printable(path), top, True)
        return
    for inner in _files(path, closed):
        yield File(inner, printable(inner), top, False)


def _files(folder: Path, closed: list[Path]) -> Iterator[Path]:
    """Every file below a folder; folders that cannot be opened and links that lead nowhere are added to ``closed``."""

    def note(error: OSError) -> None:
        closed.append(Path(error.filename))

    for base, folders, names in os.walk(folder, onerror=note):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name != "__MACOSX")
        for name in sorted(names):
            path = Path(base) / name
            if name.startswith("."):
                continue
            # Path.is_file raises where the folder may be listed and not entered.
            if os.path.isfile(path):  # noqa: PTH113
                yield path
            elif not is_there(path):
                closed.append(path)


def why_not_read(file: File) -> str | None:
    """Why a file that is no CT image was not read, or ``None`` where nobody needs to hear of it (a licence, a PDF)."""
    if file.path.stat().st_size == 0:
        return "the file is empty; copy it again from where it came" if file.given or file.claims_dicom else None
    if file.claims_dicom:
        return "it is named like DICOM but is not a DICOM file; export the image again"
    if not file.given:
        return None
    kind = _NOT_YET.get(file.path.suffix.lower())
    if kind:
        return f"{kind} are not supported yet; give a CT (DICOM, NIfTI, NRRD or MetaImage)"
    return "not a file that can be read; give a CT as DICOM, NIfTI, NRRD or MetaImage, or a ZIP of these"
