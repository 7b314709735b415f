"""What the objects are made of: the series that was assessed, the headers it came from, and what those must hold."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from pydicom.dataset import Dataset
from pydicom.uid import UID

from calciscope.domain.assessment import Assessment
from calciscope.domain.deposit import PlacedDeposit
from calciscope.domain.image import Volume
from calciscope.domain.origin import Origin

# A program has no serial number, which Enhanced General Equipment (PS3.3 C.7.5.2) requires of it.
SERIAL = "software"
_UTF8, _LATIN1 = "ISO_IR 192", "ISO_IR 100"

# Type 1 attributes that cannot be made up: of every object, and beyond that of a segmentation.
_WHOSE = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "SOPClassUID")
_WHERE = ("FrameOfReferenceUID", "Rows", "Columns")
# Type 2 attributes: required, but empty where nothing is known.
_EMPTY = (
    "PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyDate", "StudyTime", "StudyID",
    "AccessionNumber", "ReferringPhysicianName",
)  # fmt: skip
_SEXES = ("M", "F", "O", "")
# PS3.5 6.2: how a date and a time are written; what is written otherwise is left empty.
_WRITTEN = {
    "PatientBirthDate": re.compile(r"\d{8}"),
    "StudyDate": re.compile(r"\d{8}"),
    "StudyTime": re.compile(r"\d\d(?:\d\d(?:\d\d(?:\.\d{1,6})?)?)?"),
}
# Series numbers of what is written, above those of scanners and apart from each other.
SERIES_NUMBERS = {"seg": 9101, "sr": 9102, "pdf": 9103, "key": 9104}


@dataclass(frozen=True, slots=True, eq=False)
class Imaged:
    """One assessed series: its id and label in the assessment, voxels, placed deposits, where it came from.

    ``origin`` is ``None`` where the files are not DICOM. ``threshold_hu`` is the attenuation from which it was scored.
    """

    series: str
    volume: Volume
    placed: tuple[PlacedDeposit, ...]
    origin: Origin | None
    label: str = ""
    threshold_hu: float | None = None


@dataclass(frozen=True, slots=True)
class Stamp:
    """Names and times of the objects of one assessment.

    The same inputs assessed the same way by the same version give the same UIDs: whoever stores the objects twice
    stores them once.
    """

    key: str
    created: datetime

    @classmethod
    def of(cls, assessment: Assessment) -> Stamp:
        """The stamp of an assessment; when it was made and what is installed beside it are no part of its key."""
        text = assessment.model_dump_json(exclude={"provenance": {"created", "versions"}})
        created = datetime.fromisoformat(assessment.provenance.created).astimezone(UTC)
        return cls(hashlib.sha256(text.encode()).hexdigest(), created.replace(tzinfo=None))

    def uid(self, *parts: object) -> UID:
        """A UID under the root for UUIDs (PS3.5 B.2)."""
        return uid_of(self.key, *parts)


def uid_of(*parts: object) -> UID:
    """A UID under the root for UUIDs (PS3.5 B.2) that depends on ``parts`` alone."""
    digest = hashlib.sha256("/".join(str(part) for part in parts).encode()).digest()
    return UID(f"2.25.{int.from_bytes(digest[:16], 'big')}")


def characters(text: str, headers: Sequence[Dataset]) -> str:
    """The narrowest character set that holds a text and the names in headers: old readers know Latin 1 at most."""
    names = [str(header.get(name, "")) for header in headers[:1] for name in (*_EMPTY, "StudyDescription")]
    try:
        "".join((text, *names)).encode("latin-1")
    except UnicodeEncodeError:
        return _UTF8
    return _LATIN1


def missing(headers: Sequence[Dataset], where: bool) -> tuple[str, ...]:
    """The attributes without which nothing can refer to these slices; ``where`` adds those of a segmentation."""
    needed = (*_WHOSE, *_WHERE) if where else _WHOSE
    return tuple(name for name in needed if any(header.get(name) in (None, "") for header in headers))


def completed(headers: Sequence[Dataset]) -> tuple[Dataset, ...]:
    """The headers with every type 2 attribute, empty where it is absent or what it holds is none."""
    return tuple(_completed(header) for header in headers)


def _completed(header: Dataset) -> Dataset:
    made = Dataset()
    made.update(header)
    for name in _EMPTY:
        if name not in made:
            setattr(made, name, "")
    if str(made.PatientSex) not in _SEXES:
        made.PatientSex = ""
    for name, form in _WRITTEN.items():
        if not form.fullmatch(str(made[name].value or "")):
            setattr(made, name, "")
    made.SpecificCharacterSet = header.get("SpecificCharacterSet") or _UTF8
    return made
