"""What in a header names a person, and how it is kept out of every text that is shown.

Descriptions and file names are typed or exported with the patient's name, number or birth date in them more often than
not, so both are cleaned before they leave the reader.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import permutations

from pydicom.dataset import Dataset

from calciscope.read.tags import text

NAMES = ("PatientName", "OtherPatientNames", "PatientBirthName", "PatientMotherBirthName")
NUMBERS = ("PatientID", "OtherPatientIDs", "AccessionNumber")
BIRTH = "PatientBirthDate"
MASK = "***"

_BETWEEN = re.compile(r"([\s^=,_./\\-]+)")
_NO_WORD = re.compile(r"[\W_]+")
# A part of a name or number that is shorter says too little to be taken out wherever it occurs.
_SHORTEST = 3
# Numbers that name a person are at least this long: `001` is a slice.
_SHORTEST_NUMBER = 4
# From this length on an identifier is recognised inside a longer word as well.
_WITHIN = 5


def identifiers_of(header: Dataset) -> frozenset[str]:
    """Every name and number of the patient in a header, and the birth date as people write it."""
    found = {value for keyword in (*NAMES, *NUMBERS) if (value := text(header, keyword, "^"))}
    born = re.sub(r"\D", "", text(header, BIRTH))
    if len(born) == 8:
        found.update("".join(order) for order in permutations((born[:4], born[4:6], born[6:])))
    return frozenset(found)


def without_names(description: str, *identifiers: str) -> str:
    """A description without words that hold a part of the patient's name or number."""
    tokens = _tokens(identifiers)
    kept = [word for word in re.split(r"(\s+)", description) if not _holds(word, tokens)]
    return "".join(kept).strip()


def masked(name: str, identifiers: Iterable[str]) -> str:
    """A file name in which every part of an identifier is :data:`MASK`: ``Doe_CT_01.dcm`` is ``***_CT_01.dcm``."""
    tokens = _tokens(identifiers)
    if not tokens:
        return name
    parts = "".join(MASK if _hidden(part, tokens) else part for part in _BETWEEN.split(name))
    # Whatever the separators hid: 4-7-1-1 is 4711.
    return MASK if _holds(parts, {token for token in tokens if len(token) >= _WITHIN}) else parts


def _compact(value: str) -> str:
    return _NO_WORD.sub("", value).lower()


def _tokens(identifiers: Iterable[str]) -> set[str]:
    tokens: set[str] = set()
    for given in identifiers:
        parts = [_compact(part) for part in _BETWEEN.split(given)]
        tokens.update(part for part in parts if len(part) >= (_SHORTEST_NUMBER if part.isdigit() else _SHORTEST))
        if len(whole := _compact(given)) >= _SHORTEST:
            tokens.add(whole)
    return tokens


def _hidden(part: str, tokens: set[str]) -> bool:
    compact = _compact(part)
    return compact in tokens or any(len(token) >= _WITHIN and token in compact for token in tokens)


def _holds(word: str, tokens: set[str]) -> bool:
    return _hidden(word, tokens) or any(_compact(part) in tokens for part in _BETWEEN.split(word))
