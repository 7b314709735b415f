"""Measures of a label that holds nothing to measure: present, without a value, and saying why."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from calciscope.domain.assessment import Measure, Validity
from calciscope.domain.scores import ALWAYS, NOTHING
from calciscope.measure.gate import Gate
from calciscope.measure.scan import Scan, number

_UNITS = {
    **dict.fromkeys(("mass", "integrated_mass", "volume_fraction_mass"), "mg"),
    **dict.fromkeys(("mean_hu", "sd_hu", "median_hu", "peak", "attenuation"), "HU"),
    **dict.fromkeys(("diameter", "diameter_perpendicular", "diameter_craniocaudal"), "mm"),
    "volume": "mm3",
}


def completed(found: Mapping[str, Measure], scan: Scan, wanted: Collection[str] | None) -> dict[str, Measure]:
    """The measures of a label with those that it always has; ``wanted`` are names, ``None`` stands for all."""
    missing = [name for name in ALWAYS if name not in found and (wanted is None or name in wanted)]
    if not missing:
        return dict(found)
    sign = ">" if scan.preset.strict else ">="
    why = f"nothing in it has {sign}{scan.threshold.hu:g} HU, so there is nothing to measure"
    gate = Gate(Validity.REFUSED, why)
    absent = {name: number(0.0, _UNITS.get(name, "1"), NOTHING, gate, scan) for name in missing}
    if "count" in absent:
        absent["count"] = Measure(value=0.0, unit="1", method="number of deposits")
    return {**found, **absent}
