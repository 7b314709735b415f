"""The numbers of a mask: what ``calciscope score`` and :func:`calciscope.score` return."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict

from calciscope.domain.assessment import DISCLAIMER, Measure

# The three calcium scores, which contrast or an unfit acquisition takes away.
SCORES = ("agatston", "volume", "mass")
# Every label has these; the value is null where the label holds nothing to measure.
ALWAYS = (
    *SCORES,
    *("integrated_mass", "volume_fraction_mass"),
    *("mean_hu", "sd_hu", "median_hu", "peak", "attenuation"),
    *("diameter", "diameter_perpendicular", "diameter_craniocaudal"),
    "count",
)
# The method of a measure of a label that holds nothing to measure.
NOTHING = "none"
# All that there can be; the others need a phantom or noise in the image, or a traced course of an artery.
MEASURES = (*ALWAYS, "spatially_weighted", "calcified_length", "circumference", "circumference_largest")


class LabelScores(BaseModel):
    """Every measure of every label of a mask, and of all labels together, under one preset.

    ``labels`` and ``total`` map the name of a measure to a :class:`~calciscope.domain.assessment.Measure`. ``refused``
    says why no calcium score of any label could be given, and is ``None`` where one could; ``notes`` say which image
    was scored and what a reader should know of the mask.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    preset: str
    version: str
    labels: dict[str, dict[str, Measure]]
    total: dict[str, Measure]
    refused: str | None = None
    notes: tuple[str, ...] = ()
    disclaimer: str = DISCLAIMER

    @property
    def agatston(self) -> float | None:
        """Agatston score of all labels, ``None`` where it is refused or was not asked for."""
        return self._value("agatston")

    @property
    def volume(self) -> float | None:
        """Volume score of all labels in mm3, ``None`` where it is refused or was not asked for."""
        return self._value("volume")

    @property
    def mass(self) -> float | None:
        """Hydroxyapatite mass of all labels in mg, ``None`` where it is refused or was not asked for."""
        return self._value("mass")

    def to_dict(self) -> dict[str, Any]:
        """The result as plain values, as :meth:`to_json` has it."""
        return self.model_dump(mode="json")

    def to_json(self) -> str:
        """The result as ``calciscope score --json`` prints it."""
        return self.model_dump_json(indent=2)

    def _value(self, name: str) -> float | None:
        return self.total[name].value if name in self.total else None
