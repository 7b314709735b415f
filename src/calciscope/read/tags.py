"""Reading single header values so that a malformed one is absent instead of an error."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable

from pydicom.datadict import tag_for_keyword
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

# The one transfer syntax whose numbers are stored most significant byte first.
BIG_ENDIAN = "1.2.840.10008.1.2.2"

# Everything that the header pass looks at; whatever else a file holds is not parsed.
# fmt: off
KEYWORDS = (
    "SpecificCharacterSet", "ImageType", "SOPClassUID", "SOPInstanceUID", "StudyDate", "SeriesDate",
    "AcquisitionDate", "AcquisitionTime", "ContentTime", "Modality", "Manufacturer", "ManufacturerModelName",
    "StudyDescription", "SeriesDescription", "ProtocolName", "PatientName", "PatientID", "PatientBirthDate",
    "OtherPatientNames", "OtherPatientIDs", "PatientBirthName", "PatientMotherBirthName", "AccessionNumber",
    "BodyPartExamined", "ContrastBolusAgent", "ContrastBolusRoute", "ContrastBolusVolume",
    "ContrastBolusAgentSequence", "SliceThickness", "KVP", "SpacingBetweenSlices", "TriggerTime", "HeartRate",
    "CardiacSynchronizationTechnique",
    "ReconstructionDiameter", "FilterType", "FilterMaterial", "ConvolutionKernel", "GantryDetectorTilt",
    "CalciumScoringMassFactorPatient", "CalciumScoringMassFactorDevice", "EchoNumbers", "StudyInstanceUID",
    "SeriesInstanceUID", "SeriesNumber", "AcquisitionNumber", "InstanceNumber", "ImagePositionPatient",
    "ImageOrientationPatient", "FrameOfReferenceUID", "TemporalPositionIdentifier", "NominalPercentageOfCardiacPhase",
    "SamplesPerPixel", "PhotometricInterpretation", "NumberOfFrames", "Rows", "Columns", "PixelSpacing",
    "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "PixelPaddingValue", "PixelPaddingRangeLimit",
    "RescaleIntercept", "RescaleSlope", "RescaleType", "LossyImageCompression", "LossyImageCompressionRatio",
    "SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence",
)
# fmt: on
TAGS: list[int] = [tag for keyword in KEYWORDS if (tag := tag_for_keyword(keyword)) is not None]

_CONTROL = re.compile(r"[\x00-\x1f\x7f]+")
# A header text is shown to people; longer than this it is not a label.
_LONGEST_TEXT = 80


def text(header: Dataset, keyword: str, joint: str = "/") -> str:
    """A value as text without control characters, its parts joined; empty where absent or unreadable."""
    try:
        value = header.get(keyword)
    except (ValueError, TypeError, LookupError, NotImplementedError):
        return ""
    if value is None or isinstance(value, bytes):
        return ""
    parts = value if isinstance(value, MultiValue | list | tuple) else [value]
    return _CONTROL.sub(" ", joint.join(str(part).strip() for part in parts)).strip()[:_LONGEST_TEXT]


def uid(header: Dataset, keyword: str) -> str:
    """A unique identifier; empty where absent."""
    return text(header, keyword)


def numbers(header: Dataset, keyword: str) -> tuple[float, ...]:
    """All values as finite floats; empty where any of them is not a number."""
    try:
        value = header.get(keyword)
        if value is None or value == "":
            return ()
        parts: Iterable[object] = value if isinstance(value, MultiValue | list | tuple) else [value]
        found = tuple(float(str(part)) for part in parts)
    except (ValueError, TypeError, LookupError, OverflowError, NotImplementedError):
        return ()
    return found if all(math.isfinite(number) for number in found) else ()


def number(header: Dataset, keyword: str) -> float | None:
    """The first value as a float, or ``None``."""
    found = numbers(header, keyword)
    return found[0] if found else None


def whole(header: Dataset, keyword: str, default: int = 0) -> int:
    """The first value as a whole number, or the default."""
    found = number(header, keyword)
    return default if found is None else int(found)


def positive(header: Dataset, keyword: str) -> float | None:
    """The first value if it is greater than zero, else ``None``: scanners write 0 for "not known"."""
    found = number(header, keyword)
    return found if found is not None and found > 0 else None


def first_item(header: Dataset, keyword: str) -> Dataset | None:
    """The first item of a sequence, or ``None``."""
    try:
        sequence = header.get(keyword)
    except (ValueError, TypeError, LookupError, NotImplementedError):
        return None
    if sequence and isinstance(sequence[0], Dataset):
        return sequence[0]
    return None
