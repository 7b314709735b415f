"""``knowledge/codes/fhir.yaml``: what a site, a measure, a unit or a word is called in the code systems of FHIR."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from calciscope.domain import site as sites
from calciscope.domain.knowledge import table

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Codes:
    """The table, and FHIR codings made from it."""

    data: Mapping[str, Any]

    @property
    def base(self) -> str:
        """The address below which our own code systems are."""
        return str(self.data["base"])

    def own(self, system: str, code: str, display: str | None = None) -> Json:
        """A coding of our own code system."""
        coding = {"system": f"{self.base}/CodeSystem/{system}", "code": code}
        return {**coding, "display": display} if display else coding

    def coding(self, text: str) -> Json:
        """``SCT 450360000`` as a coding; no display, which belongs to the owner of the code system."""
        system, _, code = text.partition(" ")
        return {"system": self.data["systems"][system], "code": code}

    def place(self, site: str) -> Json:
        """A site as ``bodySite``: SNOMED CT of it or of the nearest place above it, our own path, and its name."""
        base, _ = sites.split(site)
        known = next((self.data["sites"][one] for one in (base, *sites.ancestors(base)) if one in self.data["sites"]),
                     None)  # fmt: skip
        codings = [self.coding(f"SCT {known}")] if known else []
        return {"coding": [*codings, self.own("site", site, sites.label(site))], "text": sites.label(site)}

    def measure(self, name: str, site: str, label: str) -> Json:
        """The code of a measure at a site."""
        known = self.data["measures"].get(name)
        codings = [self.own("measure", name, label)]
        if known and site == known["at"]:
            codings.insert(0, self.coding(known["code"]))
        return {"coding": codings, "text": label}

    def method(self, name: str, text: str) -> Json:
        """How a measure was made: its words, and the code of its method where there is one and it was computed."""
        known = None if text == "stated" else self.data["methods"].get(name)
        return {**({"coding": [self.coding(known)]} if known else {}), "text": text}

    def quantity(self, value: float, unit: str) -> Json:
        """A quantity in UCUM; a unit that UCUM is not known for here has its words only."""
        code = self.data["units"].get(unit)
        coded = {"system": self.data["systems"]["UCUM"], "code": code} if code else {}
        return {"value": value, **({"unit": unit} if unit != "1" else {}), **coded}

    def word(self, key: str, value: str) -> Json:
        """The value of a key of a finding that is a word."""
        known = (self.data["words"].get(key) or {}).get(value)
        return {**({"coding": [self.coding(known)]} if known else {}), "text": value}

    def words(self) -> frozenset[str]:
        """Keys of a finding that are words."""
        return frozenset(self.data["words"])

    def risks(self) -> frozenset[str]:
        """Measures that are the probability of an event."""
        return frozenset(self.data["risks"])

    def level(self, seriousness: str) -> Json:
        """A seriousness as an interpretation: the code of FHIR that comes nearest, and our own word."""
        system = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation"
        return {
            "coding": [{"system": system, "code": self.data["levels"][seriousness]}, self.own("level", seriousness)],
            "text": seriousness,
        }


@lru_cache(maxsize=1)
def codes() -> Codes:
    """The table that comes with the package."""
    return Codes(table("codes/fhir.yaml"))


@lru_cache(maxsize=1)
def labels() -> Mapping[str, str]:
    """What a measure is called, by its name, from ``labs.yaml``."""
    return {name: entry["label"] for name, entry in table("labs.yaml")["quantities"].items()}


def label(name: str) -> str:
    """What a measure is called; one that has no entry is its name in words."""
    return labels().get(name, name.replace("_", " "))
