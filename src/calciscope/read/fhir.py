"""A patient's record as a FHIR bundle (R4 or R5), put into the words of the patient file.

What the record says goes through the same reader as a patient file, so that units, limits and refusals are the same.
Codes that ``knowledge/fhir.yaml`` does not know are listed; the words beside them are still used.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from typing import Any

from calciscope.domain.knowledge import table
from calciscope.domain.study import Refusal
from calciscope.read.fhir_own import BESIDE, findings_of, is_own
from calciscope.read.text_values import shown

# Resources of these states never were, or are no more.
_VOID = frozenset({"entered-in-error", "cancelled", "not-taken", "refuted", "draft", "not-done"})
_PAST = frozenset({"inactive", "resolved", "remission", "completed", "stopped", "on-hold", "ended"})
_READ = frozenset({"Patient", "Observation", "Condition", "MedicationStatement", "MedicationRequest", "MedicationUsage",
                   "Medication", "Procedure"})  # fmt: skip
_RACE = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-race"
_ETHNICITY = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-ethnicity"
_DAYS_A_YEAR = 365.2425
# Ages below this many years are told to the month.
_SMALL = 3.0
# More lines of unknown codes than this are counted, not shown.
_MOST_LISTED = 40


@dataclass(frozen=True, slots=True)
class _Table:
    """``knowledge/fhir.yaml``."""

    systems: Mapping[str, str]
    units: Mapping[str, str]
    observations: Mapping[str, str]
    pressure: frozenset[str]
    smoking: str
    answers: Mapping[str, str]
    icd: Mapping[str, str]
    snomed: Mapping[str, str]
    findings: Mapping[str, Mapping[str, str]]
    body_sites: Mapping[str, str]


@lru_cache(maxsize=1)
def _table() -> _Table:
    data = table("fhir.yaml")
    return _Table(
        systems=data["systems"],
        units=data["units"],
        observations=data["observations"],
        pressure=frozenset(data["pressure"]),
        smoking=data["smoking"]["code"],
        answers=data["smoking"]["answers"],
        icd=data["conditions"],
        snomed=data["snomed"],
        findings=data["findings"],
        body_sites=data["body_sites"],
    )


def is_fhir(data: Mapping[str, Any]) -> bool:
    """Whether a mapping is a FHIR resource: a bundle, or a patient alone."""
    return data.get("resourceType") in ("Bundle", "Patient")


def as_patient_file(data: Mapping[str, Any], today: date | None = None) -> tuple[dict[str, Any], tuple[Refusal, ...]]:
    """The bundle as the mapping that a patient file would be, and what of it is not used, by kind of resource.

    Ages are counted up to ``today``. The latest of several values of one quantity is taken. No name, number or date of
    the patient is in what is refused.
    """
    reader = _Reader(today or date.today())
    reader.read(data)
    return reader.result()


@dataclass(slots=True)
class _Reader:
    today: date
    found: dict[str, Any] = field(default_factory=dict)
    groups: dict[str, dict[str, tuple[str, str]]] = field(default_factory=dict)
    lists: dict[str, list[str]] = field(default_factory=dict)
    findings: list[dict[str, Any]] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)
    unknown: dict[str, int] = field(default_factory=dict)
    table: _Table = field(default_factory=_table)

    def read(self, data: Mapping[str, Any]) -> None:
        """Every resource of the bundle that says something of the patient."""
        resources = list(_resources(data))
        people = [one for one in resources if one.get("resourceType") == "Patient"]
        if len(people) > 1:
            self.refused.append(
                Refusal("Patient", f"the bundle holds {len(people)} patients; give one of them at a time")
            )
            return
        drugs = {f"Medication/{one.get('id')}": one.get("code") for one in resources
                 if one.get("resourceType") == "Medication"}  # fmt: skip
        others: dict[str, int] = {}
        ours = [one for one in resources if str(one.get("status")) not in _VOID and is_own(one)]
        self.findings += findings_of(ours)
        for one in resources:
            sort = str(one.get("resourceType"))
            if is_own(one) or (ours and sort in BESIDE):
                continue
            if sort not in _READ:
                others[sort] = others.get(sort, 0) + 1
            elif str(one.get("status")) in _VOID or _coded(one.get("verificationStatus")) in _VOID:
                continue
            elif sort == "Patient":
                self._patient(one)
            elif sort == "Observation":
                self._observation(one)
            elif sort in ("Condition", "Procedure"):
                self._condition(one, sort)
            elif sort != "Medication":
                self._medication(one, drugs)
        for sort, count in sorted(others.items()):
            self.refused.append(Refusal(shown(sort), f"{count} in the bundle; resources of this sort are not read"))

    def result(self) -> tuple[dict[str, Any], tuple[Refusal, ...]]:
        """The mapping, and the refusals with unknown codes counted."""
        whole = dict(self.found)
        for group, values in self.groups.items():
            numbers = {name: text for name, (_, text) in values.items()}
            if group == "":
                whole |= numbers
            else:
                whole[group] = numbers
        if {"systolic", "diastolic"} <= whole.keys():
            high, low = str(whole["systolic"]).split()[0], str(whole["diastolic"])
            whole["blood_pressure"] = f"{high}/{low}"
        for name in ("systolic", "diastolic"):
            whole.pop(name, None)
        whole |= {name: list(dict.fromkeys(words)) for name, words in self.lists.items()}
        if self.findings:
            whole["findings"] = self.findings
        lines = [
            Refusal(what, f"its code is not known{f' ({count} times)' if count > 1 else ''}")
            for what, count in self.unknown.items()
        ]
        if len(lines) > _MOST_LISTED:
            more = len(lines) - _MOST_LISTED
            lines = [*lines[:_MOST_LISTED], Refusal("codes", f"{more} more are not known")]
        return whole, (*self.refused, *lines)

    def _patient(self, one: Mapping[str, Any]) -> None:
        if isinstance(one.get("gender"), str):
            self.found["sex"] = {"other": "unknown"}.get(one["gender"], one["gender"])
        born = str(one.get("birthDate") or "")
        if born:
            age = _age(born, self.today)
            if age is None:
                self.refused.append(Refusal("Patient.birthDate", "is no date; write 1958-04-30, 1958-04 or 1958"))
            else:
                self.found["age"] = f"{age:.2f}".removesuffix(".00")
        for address, names in ((_RACE, {"2106-3": "white", "2054-5": "black"}), (_ETHNICITY, {"2135-2": "hispanic"})):
            for code in _extension_codes(one, address):
                if code in names:
                    self.found["ancestry"] = names[code]

    def _observation(self, one: Mapping[str, Any]) -> None:
        codes = list(self._codes(one.get("code")))
        loinc = [code for system, code, _ in codes if system == "LOINC"]
        if self.table.smoking in loinc:
            self._smoking(one)
            return
        parts = _list(one.get("component"))
        if any(code in self.table.pressure for code in loinc) or (parts and not _has_value(one)):
            for part in parts:
                self._observation({**part, "effectiveDateTime": _when(one)})
            return
        for system, code, _ in codes:
            if system == "SNOMED" and code in self.table.findings:
                self._finding(one, self.table.findings[code])
                return
        name = next((self.table.observations[code] for code in loinc if code in self.table.observations), None)
        if name is None:
            self._not_known("Observation", codes, one.get("code"))
            return
        value = one.get("valueQuantity")
        if not isinstance(value, dict) or "value" not in value:
            self.refused.append(Refusal(f"Observation {name}", "has no valueQuantity with a number and a unit"))
            return
        if value.get("comparator"):
            self.refused.append(
                Refusal(
                    f"Observation {name}", f"says {value['comparator']} {shown(value['value'])}, which is no number"
                )
            )
            return
        text = f"{value['value']} {self._unit(value)}".strip()
        when = _when(one)
        group = _group(name)
        older = self.groups.setdefault(group, {}).get(name)
        if older is None or older[0] <= when:
            self.groups[group][name] = (when, text)

    def _unit(self, value: Mapping[str, Any]) -> str:
        code = str(value.get("code") or value.get("unit") or "")
        return self.table.units.get(code, code)

    def _smoking(self, one: Mapping[str, Any]) -> None:
        for system, code, words in self._codes(one.get("valueCodeableConcept")):
            known = self.table.answers.get(code) if system == "SNOMED" else None
            if known or (known is None and words):
                self.lists.setdefault("conditions", []).append(known or words)
                return

    def _finding(self, one: Mapping[str, Any], meaning: Mapping[str, str]) -> None:
        """A score that the record states, with those of its parts."""
        on = _when(one)[:10]
        for part in (one, *_list(one.get("component"))):
            value = part.get("valueQuantity")
            number = value.get("value") if isinstance(value, dict) else part.get("valueInteger")
            if number is None:
                continue
            said = [part.get("bodySite"), part.get("code") if part is not one else None]
            places = [code for concept in said for system, code, _ in self._codes(concept) if system == "SNOMED"]
            known = [self.table.body_sites[code] for code in places if code in self.table.body_sites]
            site = known[0] if known else meaning["site"] if part is one else None
            if site is None:
                self._not_known("Observation.component", list(self._codes(part.get("code"))), part.get("code"))
                continue
            self.findings.append({"site": site, meaning["key"]: str(number), **({"date": on} if on else {})})

    def _condition(self, one: Mapping[str, Any], sort: str) -> None:
        """A condition by its code, else by its words; what is over belongs to the history."""
        past = _coded(one.get("clinicalStatus")) in _PAST or (sort == "Procedure")
        codes = list(self._codes(one.get("code")))
        words = next((known for system, code, _ in codes if (known := self._meaning(system, code))), None)
        if words is None:
            if codes and not any(self._meaning(system, code) is not None for system, code, _ in codes):
                self._not_known(sort, codes, one.get("code"))
            words = _words(one.get("code"))
        if words:
            self.lists.setdefault("history" if past else "conditions", []).append(words)

    def _meaning(self, system: str, code: str) -> str | None:
        if system == "SNOMED":
            return self.table.snomed.get(code)
        if system != "ICD-10":
            return None
        code = code.upper()
        return next((self.table.icd[code[:n]] for n in range(len(code), 0, -1) if code[:n] in self.table.icd), None)

    def _medication(self, one: Mapping[str, Any], drugs: Mapping[str, Any]) -> None:
        concept = one.get("medicationCodeableConcept")
        reference = one.get("medicationReference")
        if isinstance(one.get("medication"), dict):
            # R5 puts both into one element.
            concept, reference = one["medication"].get("concept"), one["medication"].get("reference")
        if concept is None and isinstance(reference, dict):
            concept = drugs.get(str(reference.get("reference"))) or {"text": reference.get("display")}
        words = _words(concept)
        if not words:
            self._not_known(str(one["resourceType"]), list(self._codes(concept)), concept)
            return
        past = str(one.get("status")) in _PAST
        self.lists.setdefault("history" if past else "medications", []).append(words)

    def _codes(self, concept: Any) -> Iterator[tuple[str, str, str]]:
        """System, code and words of each coding of a concept."""
        for one in _list(concept):
            for coding in _list(one.get("coding")):
                system = str(coding.get("system") or "")
                yield (
                    self.table.systems.get(system, system),
                    str(coding.get("code") or ""),
                    str(coding.get("display") or ""),
                )

    def _not_known(self, sort: str, codes: list[tuple[str, str, str]], concept: Any) -> None:
        if codes:
            system, code, words = codes[0]
            what = f"{sort} {system or 'code'} {code}".strip()
        else:
            what, words = sort, ""
        words = words or _words(concept) or ""
        what = f"{what} ({shown(words)})" if words else what
        self.unknown[what] = self.unknown.get(what, 0) + 1


def _resources(data: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The resources of a bundle and of bundles in it, or the one resource that it is."""
    if data.get("resourceType") != "Bundle":
        yield data
        return
    for entry in _list(data.get("entry")):
        resource = entry.get("resource")
        if isinstance(resource, dict):
            yield from _resources(resource)


def _list(value: Any) -> list[Mapping[str, Any]]:
    """Mappings, whether one or several are given."""
    items: Iterable[Any] = value if isinstance(value, list) else [value]
    return [item for item in items if isinstance(item, dict)]


def _words(concept: Any) -> str | None:
    for one in _list(concept):
        for text in (one.get("text"), *(coding.get("display") for coding in _list(one.get("coding")))):
            if isinstance(text, str) and text.strip():
                return text.strip()
    return None


def _coded(concept: Any) -> str:
    for one in _list(concept):
        for coding in _list(one.get("coding")):
            return str(coding.get("code") or "")
    return str(concept or "") if isinstance(concept, str) else ""


def _has_value(one: Mapping[str, Any]) -> bool:
    return any(key.startswith("value") for key in one)


def _when(one: Mapping[str, Any]) -> str:
    """When it was measured, as text that sorts by time; empty where nothing says it."""
    period = one.get("effectivePeriod")
    last = period.get("end") or period.get("start") if isinstance(period, dict) else None
    return str(one.get("effectiveDateTime") or last or one.get("effectiveInstant") or one.get("issued") or "")


def _age(born: str, today: date) -> float | None:
    """Age in years of a date that may lack its day or month."""
    # The middle of the year or of the month stands for what is not said.
    middle = {4: "-07-02", 7: "-15"}
    try:
        day = date.fromisoformat(born[:10] + middle.get(len(born), ""))
    except ValueError:
        return None
    whole = today.year - day.year - ((today.month, today.day) < (day.month, day.day))
    # As people say it: whole years, except of small children.
    return float(whole) if whole >= _SMALL else (today - day).days / _DAYS_A_YEAR


def _extension_codes(one: Mapping[str, Any], address: str) -> Iterator[str]:
    for extension in _list(one.get("extension")):
        if extension.get("url") == address:
            for part in _list(extension.get("extension")):
                coding = part.get("valueCoding")
                if part.get("url") == "ombCategory" and isinstance(coding, dict):
                    yield str(coding.get("code"))


def _group(name: str) -> str:
    """Where the patient file has a quantity: its group, or the top."""
    from calciscope.read.quantities import definitions

    group = definitions()[0][name].group
    return group if group in ("labs", "function") else ""
