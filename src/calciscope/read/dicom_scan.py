"""The header pass: one DICOM file -> its slices, without decoding a pixel."""

from __future__ import annotations

import hashlib
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from pydicom import dcmread
from pydicom.dataset import FileDataset
from pydicom.errors import InvalidDicomError
from pydicom.uid import UID

from calciscope.read.dicom_frame import frames_of
from calciscope.read.frames import Frame
from calciscope.read.identifiers import identifiers_of
from calciscope.read.modality import modality_of, why_not
from calciscope.read.refusals import CUT_OFF, NotDicomError, Unusable
from calciscope.read.tags import BIG_ENDIAN, TAGS, text

_PIXEL_DATA = 0x7FE00010
_DEFLATED = "1.2.840.10008.1.2.1.99"
_IMPLICIT = "1.2.840.10008.1.2"
_UNDEFINED_LENGTH = 0xFFFFFFFF
# What closes encapsulated pixels (Sequence Delimitation Item, length 0), mostly the last bytes of a file.
_DELIMITER = b"\xfe\xff\xdd\xe0\x00\x00\x00\x00"
_TAIL = 64 * 1024
# Parsing errors that pydicom lets through for a damaged file.
DAMAGE = (
    InvalidDicomError, EOFError, OSError, ValueError, TypeError, LookupError, AttributeError, NotImplementedError,
    struct.error, zlib.error, RecursionError, OverflowError,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Location:
    """The transfer syntax of a file and where its native pixels begin, ``None`` if they have to be decoded."""

    syntax: str
    offset: int | None


def looks_like_dicom(path: Path) -> bool:
    """Whether a file has the DICOM prefix, or begins as a data set without preamble does."""
    with path.open("rb") as file:
        start = file.read(132)
    if start[128:132] == b"DICM":
        return True
    if len(start) < 8:
        return False
    group, element = struct.unpack("<HH", start[:4])
    if group not in (0x0002, 0x0008) or element > 0x0100:
        return False
    # Explicit VR names two capital letters; implicit VR a length that a first header value can have.
    return (start[4:6].isalpha() and start[4:6].isupper()) or struct.unpack("<I", start[4:8])[0] < 1024


def scan(path: Path, name: str) -> list[Frame]:
    """The slices of a DICOM file.

    Raises :class:`NotDicomError` if it is none, :class:`Unusable` if it holds no CT slice that can be measured.
    """
    if not looks_like_dicom(path):
        raise NotDicomError
    header: FileDataset | None = None
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            file.seek(0)
            header = dcmread(file, stop_before_pixels=True, force=True, specific_tags=TAGS)
            location = _locate(file, header)
            return frames_of(header, location.syntax, location.offset, path, name, digest)
    except Unusable as error:
        if header is not None:
            error.identifiers = identifiers_of(header)
        raise
    except DAMAGE as error:
        raise Unusable("the DICOM header is damaged; export the image again") from error


def _locate(file: BinaryIO, header: FileDataset) -> Location:
    """The transfer syntax and where the pixels begin; native pixels that end early are a cut-off file."""
    meta = header.file_meta
    stated = text(meta, "TransferSyntaxUID")
    syntax = stated or (_IMPLICIT if header.original_encoding[0] else "1.2.840.10008.1.2.1")
    if text(meta, "MediaStorageSOPClassUID") == "1.2.840.10008.1.3.10":
        raise Unusable("a DICOMDIR", quiet=True)
    if not stated and not text(header, "SOPClassUID") and not text(header, "Modality"):
        raise NotDicomError
    if syntax == _DEFLATED:
        return Location(syntax, None)
    if UID(syntax).is_encapsulated:
        if "Rows" in header and not _ends(file):
            raise Unusable(CUT_OFF)
        return Location(syntax, None)
    start = file.read(12)
    order = ">" if syntax == BIG_ENDIAN else "<"
    modality = modality_of(text(header, "Modality"), text(header, "SOPClassUID"))
    if why := why_not(modality, text(header, "ManufacturerModelName")):
        raise Unusable(why)
    if len(start) < 8:
        raise Unusable(CUT_OFF if "Rows" in header else "the file holds no image")
    group, element = struct.unpack(order + "HH", start[:4])
    if (group << 16) + element != _PIXEL_DATA:
        return Location(syntax, None)
    explicit = not header.original_encoding[0]
    length = struct.unpack(order + "I", start[8:12] if explicit else start[4:8])[0]
    if length == _UNDEFINED_LENGTH:
        return Location(syntax, None)
    return Location(syntax, file.tell() - len(start) + (12 if explicit else 8))


def _ends(file: BinaryIO) -> bool:
    """Whether encapsulated pixels are closed by their delimiter; decoders make something up for those that are not."""
    start = file.tell()
    end = file.seek(0, 2)
    for begin in (max(start, end - _TAIL), start):
        file.seek(begin)
        if _DELIMITER in file.read():
            return True
    return False
