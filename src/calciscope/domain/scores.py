"""The numbers of a mask: what ``calciscope score`` and :func:`calciscope.score` return."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict

from calciscope.domain.assessment import DISCLAIMER, Measure, Validity

# The three calcium scores, which contrast or an unfit acquisition takes away.
SCORES = ("agatston", "volume", "mass")


class LabelScores(BaseModel):
    """Every measure of every label of a mask, and of all labels together, under one preset.

    ``labels`` and ``total`` map the name of a measure to a :class:`~calciscope.domain.assessment.Measure`. ``notes``
    say which image was scored and what was done to the mask.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    preset: str
    version: str
    labels: dict[str, dict[str, Measure]]
    total: dict[str, Measure]
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

    @property
    def refused(self) -> str | None:
        """Why no calcium score of any label could be given, ``None`` where one of them could."""
        asked = [one[name] for one in self.labels.values() for name in SCORES if name in one]
        if not asked or any(one.validity is not Validity.REFUSED for one in asked):
            return None
        return asked[0].why

    def to_dict(self) -> dict[str, Any]:
        """The result as plain values, as :meth:`to_json` has it."""
        return self.model_dump(mode="json")

    def to_json(self) -> str:
        """The result as ``calciscope score --json`` prints it."""
        return self.model_dump_json(indent=2)

    def _value(self, name: str) -> float | None:
        return self.total[name].value if name in self.total else None
