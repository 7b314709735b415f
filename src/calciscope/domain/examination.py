"""The examination that a series belongs to, as the hospital numbers it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date


@dataclass(frozen=True, slots=True)
class Examination:
    """UIDs of a DICOM series and its study, and the patient's id there. Never shown or logged.

    ``instances`` counts the images of the series that were read; ``number`` is that of the patient in the hospital,
    empty where the file has none.
    """

    study_uid: str = field(repr=False)
    series_uid: str = field(repr=False)
    number: str = field(default="", repr=False)
    started: date | None = field(default=None, repr=False)
    modality: str = "CT"
    instances: int = 0
