"""Numbers and words as a person reads them."""

from __future__ import annotations

from calciscope.domain.assessment import Measure
from calciscope.domain.site import within

_UNITS = {"1": "", "mm3": "mm³", "mm2": "mm²", "[hnsf'U]": "HU"}
_NAMES = {
    "agatston": "Agatston score",
    "volume": "Volume",
    "mass": "Calcium mass (hydroxyapatite)",
    "diameter": "Largest diameter",
    "attenuation": "Core attenuation",
    "mean_hu": "Mean attenuation",
    "agatston_lm_lad": "Agatston score of left main and LAD",
    "peak": "Peak attenuation",
    "count": "Number of deposits",
}


def scored(site: str) -> bool:
    """Whether the Agatston score is defined at a site: in an overview it is shown for the heart and arteries only."""
    return within(site, "heart") or within(site, "artery")


def name(measure: str) -> str:
    """The name of a measure for a person, such as ``Agatston score``."""
    return _NAMES.get(measure, measure.replace("_", " ").capitalize())


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
