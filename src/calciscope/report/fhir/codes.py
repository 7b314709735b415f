"""What a site, a measure, a unit or a word is called in the code systems of FHIR: ``knowledge/codes``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from calciscope.domain import site as sites
from calciscope.domain.knowledge import table

Json = dict[str, Any]
# Keys of a finding whose words have codes: CID 6010 and 6012 of PS3.16.
_CODED_WORDS = ("morphology", "distribution")


@dataclass(frozen=True, slots=True)
class Codes:
    """The tables, and FHIR codings made from them; ``shared`` is what DICOM and FHIR call alike."""

    data: Mapping[str, Any]
    shared: Mapping[str, Any]

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
        system, code, *_ = text.split(maxsplit=2)
        return {"system": self.data["systems"][system], "code": code}

    def place(self, site: str) -> Json:
        """A site as ``bodySite``: SNOMED CT of it or of the nearest place above it, our own path, and its name."""
        base, _ = sites.split(site)
        known = next((one for one in (base, *sites.ancestors(base)) if one in self.shared["sites"]), None)
        codings = [self.coding(self.shared["sites"][known])] if known else []
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
        known = None if text == "stated" else self.shared["measures"].get(name, {}).get("method")
        return {**self._coded(known), "text": text}

    def quantity(self, value: float, unit: str) -> Json:
        """A quantity in UCUM; a unit that UCUM is not known for here has its words only."""
        code = self.data["units"].get(unit)
        coded = {"system": self.data["systems"]["UCUM"], "code": code} if code else {}
        return {"value": value, **({"unit": unit} if unit != "1" else {}), **coded}

    def word(self, key: str, value: str) -> Json:
        """The value of a key of a finding that is a word."""
        known = self.shared[key].get(value) if key in _CODED_WORDS else None
        return {**self._coded(known), "text": value}

    def _coded(self, line: str | None) -> Json:
        """The coding of a line, where it is one of a code system that is not DICOM's way to name ours."""
        known = line is not None and line.split(maxsplit=1)[0] in self.data["systems"]
        return {"coding": [self.coding(line)]} if known and line else {}

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
    return Codes(table("codes/fhir.yaml"), table("codes/dicom.yaml"))


@lru_cache(maxsize=1)
def labels() -> Mapping[str, str]:
    """What a measure is called, by its name, from ``labs.yaml``."""
    return {name: entry["label"] for name, entry in table("labs.yaml")["quantities"].items()}


def label(name: str) -> str:
    """What a measure is called; one that has no entry is its name in words."""
    return labels().get(name, name.replace("_", " "))
