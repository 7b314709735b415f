"""Quantities with units, as ``labs.yaml`` defines them, turned into their canonical unit."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from calciscope.domain.knowledge import EMBEDDED
from calciscope.read.text_values import read_mapping

_LABS = EMBEDDED / "labs.yaml"
_NUMBER = re.compile(r"^([+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)(?![\d,])\s*(.*)$", re.DOTALL)
_BOUND = re.compile(r"^(?:[<>≤≥~]|about\b|ca\.)")
_ROMAN = {"i": 1.0, "ii": 2.0, "iii": 3.0, "iv": 4.0, "v": 5.0}
_SAME = str.maketrans({"µ": "u", "μ": "u", "²": "2", "³": "3", "^": None, " ": None, "[": None, "]": None, "*": None})


class QuantityError(ValueError):
    """Why a text is not the quantity that was asked for."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number of the patient file: canonical unit, other units as factor and offset, and what is possible."""

    name: str
    label: str
    group: str
    unit: str
    units: Mapping[str, tuple[float, float]]
    names: tuple[str, ...]
    plain: bool
    whole: bool
    roman: bool
    low: float
    high: float
    sites: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WordKey:
    """A key of a finding whose value is words; an empty ``allowed`` leaves it free."""

    name: str
    label: str
    allowed: tuple[str, ...]
    sites: tuple[str, ...]


def _normal(unit: str) -> str:
    """A unit without the differences of spelling that mean nothing: case, blanks, powers, micro signs."""
    return unit.translate(_SAME).casefold()


@lru_cache(maxsize=1)
def definitions() -> tuple[Mapping[str, Quantity], Mapping[str, WordKey]]:
    """The quantities and the word keys of the embedded ``labs.yaml`` by name."""
    data = read_mapping(_LABS)
    quantities = {name: _quantity(name, entry) for name, entry in data["quantities"].items()}
    words = {
        name: WordKey(name, entry["label"], tuple(entry.get("allowed", ())), tuple(entry.get("sites", ())))
        for name, entry in data["words"].items()
    }
    return quantities, words


def _quantity(name: str, entry: Mapping[str, Any]) -> Quantity:
    units = {_normal(entry["unit"]): (1.0, 0.0)}
    for unit, worth in entry.get("units", {}).items():
        pair = (worth["factor"], worth.get("offset", 0)) if isinstance(worth, dict) else (worth, 0)
        units[_normal(unit)] = (float(pair[0]), float(pair[1]))
    low, high = entry["plausible"]
    return Quantity(
        name=name,
        label=entry["label"],
        group=entry["group"],
        unit=entry["unit"],
        units=units,
        names=(entry["unit"], *entry.get("units", {})),
        plain=entry.get("plain") == "true",
        whole=entry.get("whole") == "true",
        roman=entry.get("roman") == "true",
        low=float(low),
        high=float(high),
        sites=tuple(entry.get("sites", ())),
    )


def parse(quantity: Quantity, text: str) -> float:
    """The value of a text such as ``2.9 mmol/L`` in the canonical unit.

    Raises:
        QuantityError: no number, no or an unknown unit, or a value that no patient can have; says what to write.
    """
    if quantity.roman and text.casefold() in _ROMAN:
        return _ROMAN[text.casefold()]
    match = _NUMBER.match(text)
    if match is None:
        raise QuantityError(_not_a_number(quantity, text))
    number, unit = float(match[1]), match[2].strip()
    if not unit and not quantity.plain:
        raise QuantityError(f"{match[1]} has no unit; write {match[1]} {_choices(quantity)}")
    worth = (1.0, 0.0) if not unit else quantity.units.get(_normal(unit))
    if worth is None:
        expected = f"write it in {_choices(quantity)}" if not quantity.plain else "write the number alone"
        raise QuantityError(f"'{unit[:20]}' is not a unit of {quantity.label}; {expected}")
    value = number * worth[0] + worth[1]
    # Rounding keeps 7.2 from becoming 7.199999 where a factor is the inverse of a unit.
    value = float(f"{value:.10g}")
    if not quantity.low <= value <= quantity.high:
        unit_word = quantity.unit if quantity.unit != "1" else ""
        limits = f"{quantity.low:g} to {quantity.high:.10g} {unit_word}".strip()
        raise QuantityError(f"{text[:30]} is not possible (it would be outside {limits}); check value and unit")
    if quantity.whole and value != int(value):
        raise QuantityError(f"{text[:30]} is not a whole number")
    return value


def _choices(quantity: Quantity) -> str:
    names = quantity.names[:2]
    return " or ".join(names)


def _not_a_number(quantity: Quantity, text: str) -> str:
    example = quantity.unit if not quantity.plain else ""
    if _BOUND.match(text):
        return f"{text[:30]} is a bound, not a value; write the value that was measured"
    if re.match(r"^[+-]?\d+,\d", text):
        return f"{text[:30]} has a comma; write the number with a point, such as 11.8{f' {example}' if example else ''}"
    return f"{text[:30]} is not a number{f'; write a number and {example}' if example else ''}"
