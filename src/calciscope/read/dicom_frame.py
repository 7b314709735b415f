"""A DICOM header -> the slices it describes, single or enhanced multi-frame."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from pydicom.dataset import Dataset, FileDataset

from calciscope.domain.image import Acquisition
from calciscope.read.acquisition import acquisition_of, rescale_of
from calciscope.read.frames import Frame, Identity, Orientation, Split, StoredPixels, Vector
from calciscope.read.identifiers import identifiers_of
from calciscope.read.modality import modality_of, why_not
from calciscope.read.refusals import CUT_OFF, IMPLAUSIBLE, PLAUSIBLE_MM, Unusable
from calciscope.read.tags import BIG_ENDIAN, number, numbers, text, uid, whole

# Units of stored values that are not attenuation: dual-energy maps and the like (DICOM PS3.3 C.11.1.1.2).
_OTHER_UNITS = frozenset({"OD", "MGML", "Z_EFF", "ED", "EDW", "PCT"})
# CT images have 512 to 2048 rows; a damaged or hostile header may claim more than fits into any memory.
_LARGEST_MATRIX = 8192
# How far from unit length and right angles a direction may be and still be a rounding error.
_SKEW = 0.02


def frames_of(header: FileDataset, syntax: str, offset: int | None, path: Path, name: str, digest: str) -> list[Frame]:
    """The slices that a header describes. ``offset`` is where native pixels begin.

    Raises :class:`~calciscope.read.refusals.Unusable` where it describes no CT slice that can be measured.
    """
    modality = modality_of(text(header, "Modality"), text(header, "SOPClassUID"))
    if why := why_not(modality, text(header, "ManufacturerModelName")):
        raise Unusable(why)
    stored = _stored(header, syntax, offset, path, name, digest)
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


def _stored(header: Dataset, syntax: str, offset: int | None, path: Path, name: str, digest: str) -> StoredPixels:
    rows, columns = whole(header, "Rows"), whole(header, "Columns")
    if rows < 1 or columns < 1:
        raise Unusable("the file holds no image")
    if max(rows, columns) > _LARGEST_MATRIX:
        raise Unusable(f"an image of {rows} x {columns} pixels, which no CT has; export the series again")
    colours = text(header, "PhotometricInterpretation") or "MONOCHROME2"
    if whole(header, "SamplesPerPixel", 1) != 1 or not colours.startswith("MONOCHROME"):
        raise Unusable("a colour picture, not a CT slice; give the CT series itself")
    allocated = whole(header, "BitsAllocated", 16)
    if allocated not in (8, 16, 32):
        raise Unusable(f"pixels of {allocated} bits are not supported; export the image with 16 bits")
    bits = whole(header, "BitsStored", allocated)
    signed = whole(header, "PixelRepresentation") == 1
    frames = max(1, whole(header, "NumberOfFrames", 1))
    if offset is not None and path.stat().st_size < offset + rows * columns * frames * allocated // 8:
        raise Unusable(CUT_OFF)
    return StoredPixels(
        path=path,
        name=name,
        sha256=digest,
        syntax=syntax,
        rows=rows,
        columns=columns,
        frames=frames,
        bits_allocated=allocated,
        bits_stored=bits if 0 < bits <= allocated else allocated,
        signed=signed,
        big_endian=syntax == BIG_ENDIAN,
        offset=offset,
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
    return Identity(
        patient=patient,
        patient_id=patient_id,
        study=study,
        date=date,
        name=text(header, "PatientName"),
        birth=text(header, "PatientBirthDate"),
        identifiers=identifiers_of(header),
    )


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
    if min(found) < PLAUSIBLE_MM[0] or max(found) > PLAUSIBLE_MM[1]:
        raise Unusable(IMPLAUSIBLE)
    return found[0], found[1]
