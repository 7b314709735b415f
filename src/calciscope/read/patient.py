"""A patient file or FHIR bundle in, a :class:`~calciscope.domain.patient.Patient` and what was refused out.

Nothing is guessed: a value without its unit, a key that is not known or a value that no patient can have is refused
with one line that says what to write, and everything else is used.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from difflib import get_close_matches
from pathlib import Path
from types import MappingProxyType
from typing import Any

from calciscope.domain import body_parts
from calciscope.domain import site as sites
from calciscope.domain.patient import Patient, StatedFinding, Value
from calciscope.domain.study import Refusal
from calciscope.errors import PatientFileError
from calciscope.read import fhir
from calciscope.read.quantities import Quantity, QuantityError, WordKey, definitions, parse
from calciscope.read.text_values import Twice, as_text, is_empty, read_mapping, shown

_SEX = {
    "female": "female", "f": "female", "woman": "female", "girl": "female", "w": "female",
    "male": "male", "m": "male", "man": "male", "boy": "male",
    "unknown": "unknown", "other": "unknown",
}  # fmt: skip
_ANCESTRY = ("white", "black", "chinese", "hispanic")
_LISTS = ("conditions", "medications", "history", "symptoms")
_NOTHING = ("none", "nil", "no", "-")
_PRESSURE = re.compile(r"^(\d+(?:\.\d+)?)\s*/\s*(\d+(?:\.\d+)?)\s*(\S.*)?$")
# So many words that a key may have are told where another one was written.
_MOST_WORDS = 12
_TOP = ("age", "sex", "ancestry", "height", "weight", "labs", "blood_pressure", *_LISTS, "function", "findings")
# What people call a key that is spelt quite differently here; only for the hint.
_MEANT = {
    "ethnicity": "ancestry", "race": "ancestry", "gender": "sex", "hu": "attenuation", "size": "diameter",
    "avc": "agatston", "cac": "agatston", "cacs": "agatston", "calcium score": "agatston", "ef": "lvef",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class PatientFile:
    """What a patient file says, and what in it could not be used."""

    patient: Patient
    refused: tuple[Refusal, ...] = ()


def read_patient(path: Path | None, records: Sequence[Path] = ()) -> PatientFile:
    """Reads a patient file; quantities are converted to the canonical units of ``labs.yaml``.

    It may be a FHIR bundle. ``records`` are further bundles of the same patient: what the file says counts before
    what they say, labs and function value by value; lists and findings are added up.

    Raises:
        PatientFileError: a file as a whole cannot be used; one line with its name.
    """
    whole: dict[str, Any] = {}
    refused: list[Refusal] = []
    for one in (*records, *((path,) if path is not None else ())):
        data: Mapping[str, Any] = read_mapping(Path(one))
        if fhir.is_fhir(data):
            data, unused = fhir.as_patient_file(data)
            refused += unused
        whole = _joined(whole, data)
    read = _Reader().read(whole)
    return PatientFile(read.patient, (*read.refused, *refused))


def patient_of(data: Mapping[str, Any]) -> PatientFile:
    """The patient of a mapping as a patient file holds it, or of a FHIR bundle."""
    unused: tuple[Refusal, ...] = ()
    if fhir.is_fhir(data):
        data, unused = fhir.as_patient_file(data)
    read = _Reader().read(data)
    return PatientFile(read.patient, (*read.refused, *unused))


def is_record(path: Path) -> bool:
    """Whether a file is a FHIR bundle."""
    if path.suffix.lower() != ".json" or not path.is_file():
        return False
    try:
        return fhir.is_fhir(read_mapping(path))
    except PatientFileError:
        return False


def _joined(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, Any]:
    """What both say; where both say it, ``second`` counts, but their lists and findings add up."""
    whole = {**first, **second}
    for key in set(first) & set(second):
        one, two = first[key], second[key]
        if isinstance(one, Mapping) and isinstance(two, Mapping):
            whole[key] = {**one, **two}
        elif isinstance(one, list):
            whole[key] = [*one, *(two if isinstance(two, list) else [] if is_empty(two) else [two])]
    return whole


@dataclass(slots=True)
class _Reader:
    """Walks through one file and collects what it refuses."""

    refused: list[Refusal] = field(default_factory=list)
    quantities: Mapping[str, Quantity] = field(default_factory=lambda: definitions()[0])
    words: Mapping[str, WordKey] = field(default_factory=lambda: definitions()[1])

    def refuse(self, where: str, why: str) -> None:
        """Notes an input that is not used."""
        self.refused.append(Refusal(where, why))

    def read(self, data: Mapping[str, Any]) -> PatientFile:
        """The whole file."""
        data = self._known("", data, _TOP)
        systolic, diastolic = self._pressure(data.get("blood_pressure"))
        lists = {name: self._phrases(name, data.get(name)) for name in _LISTS}
        patient = Patient(
            age=self._quantity("age", "age", data.get("age")),
            sex=self._sex(data.get("sex")),
            ancestry=self._ancestry(data.get("ancestry")),
            height=self._quantity("height", "height", data.get("height")),
            weight=self._quantity("weight", "weight", data.get("weight")),
            systolic=systolic,
            diastolic=diastolic,
            labs=self._group("labs", data.get("labs")),
            function=self._group("function", data.get("function")),
            findings=tuple(self._findings(data.get("findings"))),
            conditions=lists["conditions"],
            medications=lists["medications"],
            history=lists["history"],
            symptoms=lists["symptoms"],
        )
        return PatientFile(patient, tuple(self.refused))

    def _known(self, prefix: str, data: Mapping[str, Any], keys: Iterable[str]) -> dict[str, Any]:
        """The entries whose key is known and stands once."""
        known, found = list(keys), {}
        for key, value in data.items():
            where = f"{prefix}{key}"
            if isinstance(value, Twice):
                same = len({as_text(one) for one in value.values}) == 1 and as_text(value.values[0]) is not None
                given = " and ".join(shown(one) for one in value.values[:3])
                self.refuse(where, f"is given {len(value.values)} times ({given}); write it once")
                if same and key in known:
                    found[key] = value.values[0]
            elif key not in known:
                self.refuse(shown(where), f"is not a known key{self._nearest(prefix, key, known)}")
            else:
                found[key] = value
        return found

    def _nearest(self, prefix: str, key: str, known: list[str]) -> str:
        """A hint which key was meant, here or in another part of the file."""
        elsewhere = {
            name: f"{quantity.group}.{name}"
            for name, quantity in self.quantities.items()
            if quantity.group in ("labs", "function") and f"{quantity.group}." != prefix
        }
        if key in elsewhere:
            return f" here; write it as {elsewhere[key]}"
        if prefix and key in _TOP:
            return f" here; write {key} at the top of the file"
        words = key.casefold().replace("_", " ")
        by_label = (
            name for name in known if name in self.quantities and words in self.quantities[name].label.casefold()
        )
        meant = _MEANT.get(words) or (next(by_label, None) if len(words) > 3 else None)
        close = [meant] if meant in known else get_close_matches(key.casefold(), [*known, *elsewhere], n=1, cutoff=0.6)
        if not close:
            return ""
        return f"; did you mean {prefix + close[0] if close[0] in known else elsewhere[close[0]]}?"

    def _quantity(self, where: str, name: str, value: Any) -> float | None:
        if value is None:
            return None
        if isinstance(value, dict) and set(value) == {"value", "unit"}:
            value = f"{as_text(value['value']) or ''} {as_text(value['unit']) or ''}"
        text = as_text(value)
        if text is None:
            self.refuse(where, "has no value" if is_empty(value) else f"is {shown(value)}, not one value")
            return None
        try:
            return parse(self.quantities[name], text)
        except QuantityError as error:
            self.refuse(where, str(error))
            return None

    def _group(self, group: str, value: Any) -> Mapping[str, float]:
        """Labs or function."""
        known = [name for name, quantity in self.quantities.items() if quantity.group == group]
        entries = self._mapping(group, value)
        found = {
            name: self._quantity(f"{group}.{name}", name, entry if entry is not None else "")
            for name, entry in self._known(f"{group}.", entries, known).items()
        }
        return MappingProxyType({name: number for name, number in found.items() if number is not None})

    def _mapping(self, where: str, value: Any) -> Mapping[str, Any]:
        if isinstance(value, dict):
            return value
        if not is_empty(value):
            self.refuse(where, f"is {shown(value)}; write keys and values")
        return {}

    def _sex(self, value: Any) -> str:
        if is_empty(value):
            return "unknown"
        sex = _SEX.get((as_text(value) or "").casefold())
        if sex is None:
            self.refuse("sex", f"{shown(value)} is not female, male or unknown")
        return sex or "unknown"

    def _ancestry(self, value: Any) -> str | None:
        if is_empty(value):
            return None
        text = (as_text(value) or "").casefold()
        if text not in _ANCESTRY:
            self.refuse("ancestry", f"{shown(value)} has no published reference here; write {', '.join(_ANCESTRY)}")
            return None
        return text

    def _pressure(self, value: Any) -> tuple[float | None, float | None]:
        if is_empty(value):
            return None, None
        match = _PRESSURE.match(as_text(value) or "")
        if match is None:
            self.refuse("blood_pressure", f"{shown(value)} is not a blood pressure; write 132/80 mmHg")
            return None, None
        try:
            high, low = (
                parse(self.quantities[name], f"{match[group]} {match[3] or ''}".strip())
                for name, group in (("systolic", 1), ("diastolic", 2))
            )
        except QuantityError as error:
            self.refuse("blood_pressure", str(error))
            return None, None
        if low >= high:
            self.refuse("blood_pressure", f"{shown(value)} has a diastolic value that is not below the systolic one")
            return None, None
        return high, low

    def _phrases(self, where: str, value: Any) -> tuple[str, ...] | None:
        """Words in lower case; ``None`` where nothing was written, empty where it was said that there is nothing."""
        if is_empty(value):
            return None
        items = value if isinstance(value, list) else re.split(r"[,;]", as_text(value) or "")
        if isinstance(value, dict):
            self.refuse(where, "is a mapping; write a list of words")
            return None
        found = []
        for number, item in enumerate(items, 1):
            text = as_text(item)
            if text is not None and text.casefold() not in _NOTHING:
                found.append(" ".join(text.casefold().split()))
            elif text is None and not is_empty(item):
                self.refuse(f"{where}[{number}]", f"is {shown(item)}; write words, in quotes where they hold a colon")
        return tuple(found)

    def _findings(self, value: Any) -> Iterable[StatedFinding]:
        if is_empty(value):
            return
        if isinstance(value, dict) and "site" in value:
            value = [value]
        if not isinstance(value, list):
            self.refuse("findings", f"is {shown(value)}; write a list such as - {{site: kidney.left, diameter: 4 mm}}")
            return
        for number, item in enumerate(value, 1):
            where = f"findings[{number}]"
            if not isinstance(item, dict):
                self.refuse(where, f"is {shown(item)}; write {{site: ..., diameter: ...}}")
            elif (finding := self._finding(where, item)) is not None:
                yield finding

    def _finding(self, where: str, item: Mapping[str, Any]) -> StatedFinding | None:
        numbers = [name for name, quantity in self.quantities.items() if quantity.group == "finding"]
        entries = self._known(f"{where}.", item, ["site", "date", *numbers, *self.words])
        stated = entries.pop("site", None)
        place = self._site(where, stated)
        if place is None:
            return None
        on = self._date(f"{where}.date", entries.pop("date", None))
        values: dict[str, Value] = {}
        for name, entry in entries.items():
            here = f"{where}.{name}"
            read: Callable[[str, str, Any], Value | None] = self._quantity if name in numbers else self._word
            limits = (self.quantities[name] if name in numbers else self.words[name]).sites
            if is_empty(entry):
                self.refuse(here, "has no value")
            elif limits and not any(sites.within(place, limit) for limit in limits):
                self.refuse(here, f"is not a measure of {sites.label(place)}; it belongs to {', '.join(limits)}")
            elif (value := read(here, name, entry)) is not None:
                values[name] = value
        part = body_parts.part(as_text(stated) or "")
        if part is not None and part.site == place and part.location:
            values.setdefault("location", part.location)
        return StatedFinding(place, MappingProxyType(values), on, where)

    def _site(self, where: str, value: Any) -> str | None:
        text = (as_text(value) or "").casefold()
        if not text:
            self.refuse(where, "has no site; write one such as site: kidney.left")
            return None
        if sites.exists(text):
            return text
        if (part := body_parts.part(text)) is not None:
            if part.usual:
                self.refused.append(Refusal(f"{where}.site", body_parts.how(shown(text).strip("'"), part), used=True))
            return part.site
        if (meant := sites.named(text)) is not None:
            return meant
        close = sites.nearest(text.replace(" ", "_").replace("/", "."))
        hint = f"; did you mean {close}?" if close else ""
        self.refuse(f"{where}.site", f"{shown(text)} does not exist{hint}")
        return None

    def _word(self, where: str, name: str, value: Any) -> str | None:
        text = as_text(value)
        if text is None:
            self.refuse(where, f"is {shown(value)}; write words")
            return None
        text = " ".join(text.casefold().split())
        allowed = self.words[name].allowed
        if allowed and text not in allowed:
            choice = ", ".join((*allowed[:_MOST_WORDS], *(["..."] if len(allowed) > _MOST_WORDS else [])))
            self.refuse(where, f"{shown(text)} is no {self.words[name].label}; write {choice}")
            return None
        return text

    def _date(self, where: str, value: Any) -> date | None:
        if is_empty(value):
            return None
        try:
            found = date.fromisoformat((as_text(value) or "")[:10])
        except ValueError:
            self.refuse(where, f"{shown(value)} is not a date; write 2021-03-02")
            return None
        if not date(1900, 1, 1) <= found <= date.today():
            self.refuse(where, f"{found.isoformat()} is {'in the future' if found.year > 1900 else 'too long ago'}")
            return None
        return found
