"""Numbers and words as a person reads them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from string import ascii_lowercase

from calciscope.domain.assessment import Kind, Measure
from calciscope.domain.site import within

Measures = tuple[tuple[str, Measure], ...]

_UNITS = {"1": "", "mm3": "mm³", "mm2": "mm²", "[hnsf'U]": "HU"}
# In the order in which they are shown.
_NAMES = {
    "agatston": "Agatston score",
    "agatston_lm_lad": "Agatston score of left main and LAD",
    "volume": "Volume",
    "mass": "Calcium mass (hydroxyapatite)",
    "integrated_mass": "Integrated calcium mass",
    "volume_fraction_mass": "Volume-fraction calcium mass",
    "spatially_weighted": "Spatially weighted score",
    "diameter": "Largest diameter",
    "diameter_perpendicular": "Diameter at right angles",
    "diameter_craniocaudal": "Craniocaudal diameter",
    "calcified_length": "Calcified length",
    "circumference": "Share of the circumference",
    "circumference_largest": "Largest share of the circumference",
    "attenuation": "Core attenuation",
    "mean_hu": "Mean attenuation",
    "sd_hu": "Standard deviation of attenuation",
    "median_hu": "Median attenuation",
    "peak": "Peak attenuation",
    "count": "Number of deposits",
}
# Shown on request.
_MORE = frozenset(
    {
        *("volume_fraction_mass", "spatially_weighted", "diameter_perpendicular", "diameter_craniocaudal"),
        *("circumference_largest", "mean_hu", "sd_hu", "median_hu", "peak"),
    }
)
# Of a stone all three diameters are asked for, and its attenuation tells what it is made of.
_OF_STONES = frozenset({"diameter_perpendicular", "diameter_craniocaudal", "mean_hu"})


def scored(site: str) -> bool:
    """Whether the Agatston score is defined at a site: in an overview it is shown for the heart and arteries only."""
    return within(site, "heart") or within(site, "artery")


def name(measure: str) -> str:
    """The name of a measure for a person, such as ``Agatston score``."""
    return _NAMES.get(measure, measure.replace("_", " ").capitalize())


def rows(measures: Mapping[str, Measure], kind: str | None = None) -> tuple[Measures, Measures]:
    """The measures of a finding in the order in which they are shown: those at once, and those on request.

    ``kind`` is that of the finding, for of a stone more is shown at once. A measure without a place in the order is
    shown at once, after those that have one.
    """
    place = {name: number for number, name in enumerate(_NAMES)}
    ordered = sorted(measures.items(), key=lambda item: place.get(item[0], len(place)))
    later = _MORE - (_OF_STONES if kind == Kind.LITHIASIS else frozenset())
    return (
        tuple(item for item in ordered if item[0] not in later),
        tuple(item for item in ordered if item[0] in later),
    )


def reasons(measures: Mapping[str, Measure]) -> dict[str, str]:
    """What limits the measures, each sentence once with the letter that marks it."""
    parts = [part for shown in rows(measures) for _, one in shown if one.why for part in one.why.split("; ")]
    return {part: _letter(number) for number, part in enumerate(dict.fromkeys(parts))}


def marks(measure: Measure, letters: Mapping[str, str]) -> str:
    """The letters of what limits a measure: ``a, c``."""
    return ", ".join(letters[part] for part in measure.why.split("; ")) if measure.why else ""


def _letter(number: int) -> str:
    return ascii_lowercase[number] if number < len(ascii_lowercase) else str(number + 1)


def number(value: float) -> str:
    """A number at the precision a report needs; a score between 0 and 1 is never shown as 0."""
    if 0 < value < 1:
        return f"{value:.2f}" if value >= 0.01 else "<0.01"
    if abs(value) >= 100 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.1f}"


def unit(code: str) -> str:
    """A UCUM unit as it is printed; the Agatston score has none."""
    return _UNITS.get(code, code)


def value(measure: Measure, key: str) -> str:
    """The value of a measure with its unit, or ``not given`` where it is refused."""
    if measure.value is None:
        return "refused"
    if key == "agatston" and 0 < measure.value < 1:
        return "more than 0, less than 1"
    return f"{number(measure.value)} {unit(measure.unit)}".strip()


def estimate(measure: Measure, key: str) -> str:
    """The value of a measure with its 95 % interval and its unit: ``47 (41 to 55) mm³``."""
    if measure.value is None or measure.interval is None:
        return value(measure, key)
    low, high = (number(end) for end in measure.interval)
    middle = value(measure, key).removesuffix(unit(measure.unit)).strip()
    return f"{middle} ({low} to {high}) {unit(measure.unit)}".strip()


def mark(statuses: Sequence[str]) -> str:
    """`` (unverified)`` where everything that a sentence rests on is, so that it is printed with its mark."""
    return " (unverified)" if statuses and all(status == "unverified" for status in statuses) else ""
