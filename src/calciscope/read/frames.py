"""One slice of a DICOM file: what the header says about it and where its pixels lie."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from calciscope.domain.image import Acquisition

Vector = tuple[float, float, float]
Orientation = tuple[float, float, float, float, float, float]


@dataclass(frozen=True, slots=True)
class StoredPixels:
    """How the pixels of one file are stored. ``offset`` is where native pixel data begin, ``None`` if encapsulated.

    ``padding`` is the range of stored values that mean "no pixel" (DICOM PS3.3 C.7.5.1.1.2).
    """

    path: Path
    name: str
    sha256: str
    syntax: str
    rows: int
    columns: int
    frames: int
    bits_allocated: int
    bits_stored: int
    signed: bool
    big_endian: bool
    offset: int | None
    padding: tuple[int, int] | None


@dataclass(frozen=True, slots=True)
class Split:
    """What can tell two images of one series at one position apart, most telling first."""

    stack: str = ""
    acquisition: str = ""
    temporal: str = ""
    phase: str = ""
    series_number: str = ""
    echo: str = ""
    time: str = ""
    folder: str = ""


@dataclass(frozen=True, slots=True)
class Identity:
    """Whose image it is. Used to keep patients and examinations apart, never shown, logged or stored."""

    patient: str = field(repr=False)
    patient_id: str = field(repr=False)
    study: str = field(repr=False)
    date: str = field(repr=False)
    name: str = field(default="", repr=False)
    birth: str = field(default="", repr=False)
    identifiers: frozenset[str] = field(default=frozenset(), repr=False)


@dataclass(frozen=True, slots=True)
class Frame:
    """One slice. ``position`` is the LPS centre of its first pixel (mm), ``spacing`` between rows and between columns.

    ``slope`` and ``intercept`` turn stored values into Hounsfield units.
    """

    pixels: StoredPixels
    number: int
    position: Vector
    orientation: Orientation
    spacing: tuple[float, float]
    slope: float
    intercept: float
    series: str
    instance_uid: str
    instance: int
    frame_of_reference: str
    image_type: tuple[str, ...]
    acquisition: Acquisition
    split: Split
    identity: Identity

    @property
    def integral(self) -> bool:
        """Whether the Hounsfield units of the slice are whole numbers."""
        return self.slope.is_integer() and self.intercept.is_integer()
