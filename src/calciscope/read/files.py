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
    ".txt": "report texts",
    ".docx": "report texts",
    ".pdf": "report texts",
    ".json": "FHIR bundles",
    ".xml": "XML documents",
}


@dataclass(frozen=True, slots=True)
class File:
    """A file of an input. ``given`` says that it was named itself and not merely found in a folder."""

    path: Path
    name: str
    top: int
    given: bool

    @property
    def is_volume(self) -> bool:
        """Whether the name is that of NIfTI, NRRD or MetaImage."""
        return self.path.name.lower().endswith(VOLUME_SUFFIXES)

    @property
    def claims_dicom(self) -> bool:
        """Whether the name says that it is DICOM."""
        return self.path.name.lower().endswith(DICOM_SUFFIXES)


def walk(inputs: Sequence[Path], temporary: Path) -> tuple[list[File], list[Refusal]]:
    """All files of the inputs in a stable order; ZIPs are extracted below ``temporary``.

    Raises :class:`~calciscope.errors.InputError` where an input does not exist or cannot be opened.
    """
    found: list[File] = []
    refused: list[Refusal] = []
    for top, path in enumerate(inputs):
        if not path.exists():
            raise InputError(f"{path.name or path}: no such file or folder; check the path")
        if not os.access(path, os.R_OK | (os.X_OK if path.is_dir() else 0)):
            raise InputError(f"{path.name or path}: no permission to read it")
        for file in _below(path, top):
            try:
                if file.is_volume or not is_zip(file.path):
                    found.append(file)
                    continue
                folder = extract(file.path, temporary)
            except ArchiveError as error:
                refused.append(Refusal(file.name, str(error)))
                continue
            except OSError:
                refused.append(Refusal(file.name, UNREADABLE))
                continue
            found.extend(File(inner, inner.name, top, False) for inner in _files(folder) if not is_zip(inner))
            refused.extend(
                Refusal(inner.name, "a ZIP inside a ZIP is not opened; extract it first")
                for inner in _files(folder)
                if is_zip(inner)
            )
    return found, refused


def _below(path: Path, top: int) -> Iterator[File]:
    if path.is_file():
        yield File(path, path.name, top, True)
        return
    for inner in _files(path):
        yield File(inner, inner.name, top, False)


def _files(folder: Path) -> Iterator[Path]:
    for base, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name != "__MACOSX")
        for name in sorted(names):
            path = Path(base) / name
            if not name.startswith(".") and path.is_file():
                yield path


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
