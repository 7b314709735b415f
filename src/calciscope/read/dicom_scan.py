"""The header pass: one DICOM file -> its slices, without decoding a pixel."""

from __future__ import annotations

import hashlib
import struct
import zlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from pydicom import dcmread
from pydicom.config import disable_value_validation
from pydicom.dataset import Dataset, FileDataset
from pydicom.errors import InvalidDicomError
from pydicom.uid import UID

from calciscope.domain.image import Acquisition
from calciscope.read.acquisition import acquisition_of, rescale_of
from calciscope.read.frames import Frame, Identity, Orientation, Split, StoredPixels, Vector
from calciscope.read.modality import modality_of, why_not
from calciscope.read.tags import TAGS, number, numbers, text, uid, whole

_PIXEL_DATA = 0x7FE00010
_DEFLATED = "1.2.840.10008.1.2.1.99"
_BIG_ENDIAN = "1.2.840.10008.1.2.2"
_IMPLICIT = "1.2.840.10008.1.2"
_UNDEFINED_LENGTH = 0xFFFFFFFF
# What closes encapsulated pixels (Sequence Delimitation Item, length 0), mostly the last bytes of a file.
_DELIMITER = b"\xfe\xff\xdd\xe0\x00\x00\x00\x00"
_TAIL = 64 * 1024
# Units of stored values that are not attenuation: dual-energy maps and the like (DICOM PS3.3 C.11.1.1.2).
_OTHER_UNITS = frozenset({"OD", "MGML", "Z_EFF", "ED", "EDW", "HU_MOD", "PCT"})
# How far from unit length and right angles a direction may be and still be a rounding error.
_SKEW = 0.02

# Parsing errors that pydicom lets through for a damaged file.
_DAMAGE = (
    InvalidDicomError, EOFError, OSError, ValueError, TypeError, LookupError, AttributeError, NotImplementedError,
    struct.error, zlib.error, RecursionError, OverflowError, MemoryError,
)  # fmt: skip

CUT_OFF = "the file is cut off: it ends before its pixels do; copy it again from where it came"


class NotDicomError(Exception):
    """The file is not DICOM at all; it is for the caller to say whether that matters."""


class Unusable(Exception):  # noqa: N818 - it is an answer about a file, not a failure
    """Why a DICOM file gives no CT slice; ``quiet`` where nobody needs to hear of it (a DICOMDIR)."""

    def __init__(self, why: str, quiet: bool = False) -> None:
        super().__init__(why)
        self.why = why
        self.quiet = quiet


@dataclass(frozen=True, slots=True)
class _Location:
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
    try:
        with path.open("rb") as file, disable_value_validation():
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            file.seek(0)
            header = dcmread(file, stop_before_pixels=True, force=True, specific_tags=TAGS)
            location = _locate(file, header)
            return _frames(header, location, path, name, digest)
    except Unusable:
        raise
    except _DAMAGE as error:
        raise Unusable("the DICOM header is damaged; export the image again") from error


def _locate(file: BinaryIO, header: FileDataset) -> _Location:
    """The transfer syntax and where the pixels begin; native pixels that end early are a cut-off file."""
    meta = header.file_meta
    stated = text(meta, "TransferSyntaxUID")
    syntax = stated or (_IMPLICIT if header.original_encoding[0] else "1.2.840.10008.1.2.1")
    if text(meta, "MediaStorageSOPClassUID") == "1.2.840.10008.1.3.10":
        raise Unusable("a DICOMDIR", quiet=True)
    if not stated and not text(header, "SOPClassUID") and not text(header, "Modality"):
        raise NotDicomError
    if syntax == _DEFLATED:
        return _Location(syntax, None)
    if UID(syntax).is_encapsulated:
        if "Rows" in header and not _ends(file):
            raise Unusable(CUT_OFF)
        return _Location(syntax, None)
    start = file.read(12)
    order = ">" if syntax == _BIG_ENDIAN else "<"
    modality = modality_of(text(header, "Modality"), text(header, "SOPClassUID"))
    if why := why_not(modality):
        raise Unusable(why)
    if len(start) < 8:
        raise Unusable(CUT_OFF if "Rows" in header else "the file holds no image")
    group, element = struct.unpack(order + "HH", start[:4])
    if (group << 16) + element != _PIXEL_DATA:
        return _Location(syntax, None)
    explicit = not header.original_encoding[0]
    length = struct.unpack(order + "I", start[8:12] if explicit else start[4:8])[0]
    if length == _UNDEFINED_LENGTH:
        return _Location(syntax, None)
    return _Location(syntax, file.tell() - len(start) + (12 if explicit else 8))


def _ends(file: BinaryIO) -> bool:
    """Whether encapsulated pixels are closed by their delimiter; decoders make something up for those that are not."""
    start = file.tell()
    end = file.seek(0, 2)
    for begin in (max(start, end - _TAIL), start):
        file.seek(begin)
        if _DELIMITER in file.read():
            return True
    return False


def _frames(header: FileDataset, location: _Location, path: Path, name: str, digest: str) -> list[Frame]:
    modality = modality_of(text(header, "Modality"), text(header, "SOPClassUID"))
    if why := why_not(modality):
        raise Unusable(why)
    stored = _stored(header, location, path, name, digest)
    shared, per_frame = _functional_groups(header, "Shared"), _functional_groups(header, "PerFrame")
    if stored.frames > 1 and len(per_frame) != stored.frames:
        raise Unusable("a multi-frame image without a position for each frame; export it as single slices")
    common = shared[0] if shared else {}
    identity = _identity(header)
    if not per_frame:
        return [_frame(header, common, stored, 0, identity, path)]
    return [_frame(header, {**common, **groups}, stored, i, identity, path) for i, groups in enumerate(per_frame)]


def _functional_groups(header: Dataset, which: str) -> list[dict[str, Dataset]]:
    """For each item of a functional groups sequence (DICOM PS3.3 C.7.6.16): the first item of each macro."""
    items = header.get(f"{which}FunctionalGroupsSequence") or ()
    return [{e.keyword: e.value[0] for e in item if e.VR == "SQ" and e.value} for item in items]


def _stored(header: Dataset, location: _Location, path: Path, name: str, digest: str) -> StoredPixels:
    rows, columns = whole(header, "Rows"), whole(header, "Columns")
    if rows < 1 or columns < 1:
        raise Unusable("the file holds no image")
    if whole(header, "SamplesPerPixel", 1) != 1:
        raise Unusable("a colour picture, not a CT slice; give the CT series itself")
    allocated = whole(header, "BitsAllocated", 16)
    if allocated not in (8, 16, 32):
        raise Unusable(f"pixels of {allocated} bits are not supported; export the image with 16 bits")
    bits = whole(header, "BitsStored", allocated)
    signed = whole(header, "PixelRepresentation") == 1
    frames = max(1, whole(header, "NumberOfFrames", 1))
    if location.offset is not None and path.stat().st_size < location.offset + rows * columns * frames * allocated // 8:
        raise Unusable(CUT_OFF)
    return StoredPixels(
        path=path,
        name=name,
        sha256=digest,
        syntax=location.syntax,
        rows=rows,
        columns=columns,
        frames=frames,
        bits_allocated=allocated,
        bits_stored=bits if 0 < bits <= allocated else allocated,
        signed=signed,
        big_endian=location.syntax == _BIG_ENDIAN,
        offset=location.offset,
        padding=_padding(header, allocated, signed),
    )


def _padding(header: Dataset, allocated: int, signed: bool) -> tuple[int, int] | None:
    value = number(header, "PixelPaddingValue")
    if value is None:
        return None
    limit = number(header, "PixelPaddingRangeLimit")

    def as_stored(raw: float) -> int:
        # Writers confuse the signed and unsigned form of the same bits (63536 for -2000).
        whole_value = int(raw)
        if signed and whole_value >= 1 << (allocated - 1):
            return whole_value - (1 << allocated)
        return whole_value + (1 << allocated) if not signed and whole_value < 0 else whole_value

    low, high = sorted((as_stored(value), as_stored(value if limit is None else limit)))
    return low, high


def _identity(header: Dataset) -> Identity:
    patient_id, study = text(header, "PatientID"), uid(header, "StudyInstanceUID")
    person = "|".join(text(header, k).lower() for k in ("PatientName", "PatientBirthDate"))
    # Without an id the name and birth date tell patients apart, and without these the examination.
    patient = patient_id or (person if person.strip("|") else "") or study
    date = text(header, "StudyDate") or text(header, "SeriesDate") or text(header, "AcquisitionDate")
    return Identity(patient=patient, patient_id=patient_id, study=study, date=date)


def _frame(
    header: Dataset, groups: dict[str, Dataset], stored: StoredPixels, number_: int, identity: Identity, path: Path
) -> Frame:
    place = groups.get("PlanePositionSequence", header)
    plane = groups.get("PlaneOrientationSequence", header)
    measures = groups.get("PixelMeasuresSequence", header)
    content = groups.get("FrameContentSequence", header)
    cardiac = groups.get("CardiacSynchronizationSequence", header)
    kind = groups.get("CTImageFrameTypeSequence", header)
    slope, intercept, unit, stated = rescale_of(header, groups)
    if unit in _OTHER_UNITS:
        raise Unusable(f"its values are not Hounsfield units but {unit}; give the CT series itself")
    acquisition = acquisition_of(header, groups, stored.syntax)
    if not stated:
        acquisition = _noted(acquisition, "rescale slope or intercept is missing: stored values were taken as HU")
    image_type = text(kind, "FrameType", "\\") or text(header, "ImageType", "\\")
    return Frame(
        pixels=stored,
        number=number_,
        position=_position(place),
        orientation=_orientation(plane),
        spacing=_spacing(measures),
        slope=slope,
        intercept=intercept,
        series=uid(header, "SeriesInstanceUID"),
        instance_uid=uid(header, "SOPInstanceUID"),
        instance=whole(header, "InstanceNumber") if stored.frames == 1 else number_,
        frame_of_reference=uid(header, "FrameOfReferenceUID"),
        image_type=tuple(part for part in image_type.upper().split("\\") if part),
        acquisition=acquisition,
        split=Split(
            stack=text(content, "StackID"),
            acquisition=text(content, "FrameAcquisitionNumber") or text(header, "AcquisitionNumber"),
            temporal=text(content, "TemporalPositionIndex") or text(header, "TemporalPositionIdentifier"),
            phase=text(cardiac, "NominalPercentageOfCardiacPhase") or text(header, "TriggerTime"),
            series_number=text(header, "SeriesNumber"),
            echo=text(header, "EchoNumbers"),
            time=text(header, "AcquisitionTime") or text(header, "ContentTime"),
            folder=str(path.parent),
        ),
        identity=identity,
    )


def _noted(acquisition: Acquisition, note: str) -> Acquisition:
    return replace(acquisition, notes=(*acquisition.notes, note))


def _position(place: Dataset) -> Vector:
    found = numbers(place, "ImagePositionPatient")
    if len(found) != 3:
        raise Unusable("the header does not say where the slice lies (Image Position); export the series again")
    return found[0], found[1], found[2]


def _orientation(plane: Dataset) -> Orientation:
    found = numbers(plane, "ImageOrientationPatient")
    if len(found) != 6:
        raise Unusable("the header does not say how the slice lies (Image Orientation); export the series again")
    row, column = found[:3], found[3:]
    lengths = [sum(v * v for v in vector) ** 0.5 for vector in (row, column)]
    cosine = sum(a * b for a, b in zip(row, column, strict=True))
    if any(abs(length - 1) > _SKEW for length in lengths) or abs(cosine) > _SKEW:
        raise Unusable(
            "the orientation in the header is not a pair of directions at right angles; export the series again"
        )
    r, c = ([v / length for v in vector] for vector, length in zip((row, column), lengths, strict=True))
    return r[0], r[1], r[2], c[0], c[1], c[2]


def _spacing(measures: Dataset) -> tuple[float, float]:
    found = numbers(measures, "PixelSpacing")
    if len(found) != 2 or min(found) <= 0:
        raise Unusable(
            "the pixel spacing is missing or not positive, so nothing can be measured; export the series again"
        )
    return found[0], found[1]
