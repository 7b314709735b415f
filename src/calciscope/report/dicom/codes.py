"""Codes of sites, measures, kinds and levels: ``knowledge/codes/dicom.yaml``, read once."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from highdicom.coding_schemes import CodingSchemeIdentificationItem
from highdicom.sr import CodedConcept

from calciscope.domain import site as sites
from calciscope.domain.knowledge import table

# PS3.5 6.2: a code value of VR SH holds so many characters, its meaning of VR LO so many.
_LONGEST_VALUE, _LONGEST_MEANING = 16, 64
_UCUM = "UCUM"
Colour = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class MeasureCodes:
    """A measure: its concept, and where DICOM has them the method, the statistic and a place of its own."""

    name: CodedConcept
    method: CodedConcept | None = None
    derivation: CodedConcept | None = None
    site: CodedConcept | None = None


@lru_cache(maxsize=1)
def _book() -> Mapping[str, Any]:
    return table("codes/dicom.yaml")


def coded(text: str) -> CodedConcept:
    """The concept of a line ``SCHEME VALUE MEANING``."""
    scheme, value, meaning = text.split(maxsplit=2)
    return CodedConcept(value=value, scheme_designator=scheme, meaning=meaning)


def own(name: str, meaning: str) -> CodedConcept:
    """A concept of our own for a name that the file does not list; names that are too long are cut and numbered."""
    value = name.upper().replace("_", "-")
    if len(value) > _LONGEST_VALUE:
        value = f"{value[:11]}-{hashlib.sha256(name.encode()).hexdigest()[:4].upper()}"
    designator = _book()["scheme"]["designator"]
    return CodedConcept(value=value, scheme_designator=designator, meaning=meaning[:_LONGEST_MEANING])


def scheme() -> CodingSchemeIdentificationItem:
    """Who is responsible for the codes of our own (PS3.3 C.12.1.1 Coding Scheme Identification Sequence)."""
    entry = _book()["scheme"]
    return CodingSchemeIdentificationItem(
        designator=entry["designator"], name=entry["name"], responsible_organization=entry["responsible"]
    )


def place(path: str) -> tuple[CodedConcept, CodedConcept | None]:
    """The code of a site and of its side; a site without a code has that of the nearest place above it."""
    base, side = sites.split(path)
    line = _nearest("sites", base) or _book()["sites"][sites.UNPLACED]
    return coded(line), coded(_book()["laterality"][side]) if side else None


def category() -> CodedConcept:
    """What every segment is: a morphologically abnormal structure."""
    return coded(_book()["category"])


def type_of(path: str) -> CodedConcept:
    """What calcification a segment at a site is."""
    return coded(_nearest("types", path) or _book()["types"][""])


def colour(path: str) -> Colour:
    """Red, green and blue (0 to 255) of the segment of a site."""
    red, green, blue = _nearest("colours", path) or _book()["colours"][""]
    return red, green, blue


def measure(name: str, site: str, label: str) -> MeasureCodes:
    """The codes of a measure at a site; one that the file does not list has a code of our own and ``label``."""
    entry = _book()["measures"].get(name)
    if entry is None:
        return MeasureCodes(own(name, label))
    renamed = [line for where, line in entry.get("at", {}).items() if sites.within(site, where)]

    def optional(key: str) -> CodedConcept | None:
        return coded(entry[key]) if key in entry else None

    return MeasureCodes(
        coded(renamed[0] if renamed else entry["name"]), optional("method"), optional("derivation"), optional("site")
    )


def unit(ucum: str) -> CodedConcept:
    """A UCUM unit."""
    return CodedConcept(value=ucum, scheme_designator=_UCUM, meaning=_book()["units"].get(ucum, ucum))


def value(kind: str, word: str) -> CodedConcept | None:
    """The code of a word of a group such as ``kinds``, ``levels`` or ``morphology``, where it has one."""
    line = _book()[kind].get(word)
    return coded(line) if line else None


def evaluation(name: str) -> CodedConcept:
    """The concept that a qualitative evaluation answers."""
    return coded(_book()["evaluations"][name])


def item(name: str) -> CodedConcept:
    """The concept of an item of the report."""
    return coded(_book()["items"][name])


def _nearest(group: str, path: str) -> Any:
    """The entry of a path or of the nearest place above it, ``None`` where there is neither."""
    entries = _book()[group]
    base = sites.split(path)[0]
    return next((entries[at] for at in (base, *sites.ancestors(base)) if at in entries), None)
