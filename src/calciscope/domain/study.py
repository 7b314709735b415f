"""A study: the images that are used, what was not used, and the patient."""

from __future__ import annotations

from dataclasses import dataclass, field

from calciscope.domain.examination import Examination
from calciscope.domain.image import Acquisition, Geometry, Volume
from calciscope.domain.origin import Origin
from calciscope.domain.patient import Patient


@dataclass(frozen=True, slots=True)
class Refusal:
    """An input that was not read: its name (never an identifier of a patient) and why, with what would help.

    One that is ``used`` was read in a way that a person should know of.
    """

    input: str
    why: str
    used: bool = False


@dataclass(frozen=True, slots=True)
class SeriesInfo:
    """What a series is and whether it is used. ``uses`` holds ``find`` (deposits) and ``score`` (Agatston, mass)."""

    id: str
    label: str
    acquisition: Acquisition
    geometry: Geometry
    files: int
    uses: frozenset[str]
    why: str
    digest: str
    examination: Examination | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """A series that is used, with its voxels; ``origin`` only where it was asked for and the files are DICOM."""

    info: SeriesInfo
    volume: Volume
    origin: Origin | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, eq=False)
class Study:
    """Everything known about one patient: ``series`` are used, ``unused`` are not and say why.

    ``owners`` are digests of the patient ids in the images, by which other files are told to be of the same patient.
    """

    patient: Patient
    series: tuple[Series, ...] = ()
    unused: tuple[SeriesInfo, ...] = ()
    refused: tuple[Refusal, ...] = ()
    inputs: tuple[tuple[str, str], ...] = ()
    owners: frozenset[str] = field(default=frozenset(), repr=False)
