"""Whose scan it is and of which day: what the headers say, compared here and never shown."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

from pydicom import dcmread
from pydicom.dataset import Dataset

from calciscope.read.acquisition import DATES, day_of
from calciscope.read.dicom_scan import DAMAGE, looks_like_dicom
from calciscope.read.files import walk
from calciscope.read.tags import text

_TAGS = [*DATES, "PatientID", "PatientName", "PatientBirthDate", "SOPInstanceUID", "SpecificCharacterSet"]
_NO_WORD = re.compile(r"[\W_]+")


@dataclass(frozen=True, slots=True)
class Headers:
    """What the DICOM headers of an input say; empty where it has none."""

    dates: frozenset[date] = frozenset()
    ids: frozenset[str] = field(default=frozenset(), repr=False)
    names: frozenset[str] = field(default=frozenset(), repr=False)
    births: frozenset[str] = field(default=frozenset(), repr=False)
    instances: frozenset[str] = field(default=frozenset(), repr=False)

    def same_images(self, other: Headers) -> bool:
        """Whether both are the same images by their identifiers."""
        return bool(self.instances) and self.instances == other.instances


def headers_of(path: Path) -> Headers:
    """The headers of a folder, file or ZIP; what cannot be read says nothing here and is refused by the reader."""
    with TemporaryDirectory(prefix="calciscope-") as temporary:
        files, _ = walk([path], Path(temporary))
        found = [one for file in files if not file.is_volume for one in _read(file.path)]
    days = {day for one in found if (day := day_of(one)) is not None}
    return Headers(
        frozenset(days),
        frozenset(value for one in found if (value := text(one, "PatientID"))),
        frozenset(value.lower() for one in found if (value := text(one, "PatientName", "^"))),
        frozenset(value for one in found if (value := text(one, "PatientBirthDate"))),
        frozenset(value for one in found if (value := text(one, "SOPInstanceUID"))),
    )


def different_people(one: Headers, two: Headers) -> bool:
    """Whether the headers say that the two scans are of different patients.

    A birth date decides where both have one; then a common id; then a common part of the name. Where neither an id
    nor a name stands on both sides nothing is said.
    """
    if one.births and two.births and one.births.isdisjoint(two.births):
        return True
    first, second = (_parts(side.names) for side in (one, two))
    same_name = None if not (first and second) else not first.isdisjoint(second)
    if one.ids and two.ids:
        # Another hospital gives another number: the same name and birth date are the same person.
        return one.ids.isdisjoint(two.ids) and not (same_name and bool(one.births & two.births))
    return same_name is False


def _parts(names: frozenset[str]) -> set[str]:
    return {part for name in names for part in _NO_WORD.split(name)} - {""}


def _read(path: Path) -> Iterator[Dataset]:
    try:
        if looks_like_dicom(path):
            yield dcmread(path, stop_before_pixels=True, force=True, specific_tags=list(_TAGS))
    except DAMAGE:
        return
