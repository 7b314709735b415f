"""Named rule sets for calcium scoring, read from ``knowledge/presets.yaml``.

A preset says everything that two programs could do differently with the same voxels; the scorer in
:mod:`calciscope.measure.agatston` has no rule of its own.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import cache
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from calciscope.domain.knowledge import table
from calciscope.errors import InputError, KnowledgeError

DEFAULT = "standard"
MM3_PER_CM3 = 1000.0

Status = Literal["current", "superseded", "unverified"]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Voltage(_Model):
    """Density bins (HU, ascending) and mass factor at one tube voltage.

    The threshold is the first bin, where neither ``threshold`` nor the preset's formula gives another. ``ends``
    closes every bin but the last (inclusive): a value between an end and the next bin has no density factor.
    """

    kvp: float = Field(gt=0)
    bins: tuple[float, ...] = Field(min_length=1)
    ends: tuple[float, ...] = ()
    threshold: float | None = None
    mass_factor: float = Field(gt=0)
    source: str
    status: Status

    @model_validator(mode="after")
    def _ascending(self) -> Voltage:
        if list(self.bins) != sorted(set(self.bins)):
            raise ValueError(f"the bins at {self.kvp:g} kV do not ascend")
        if self.ends and len(self.ends) != len(self.bins) - 1:
            raise ValueError(f"the bins at {self.kvp:g} kV need {len(self.bins) - 1} ends, all but the last")
        return self


class Formula(_Model):
    """Threshold as a function of the tube voltage: ``round(scale * exp(per_kv * kV))`` HU."""

    scale: float = Field(gt=0)
    per_kv: float

    def threshold(self, kvp: float) -> float:
        """The threshold at ``kvp``, HU."""
        return float(round(self.scale * math.exp(self.per_kv * kvp)))


class IslandRule(_Model):
    """What is one island: 2-D (one slice) or 3-D, how voxels touch, and the smallest that counts.

    ``unit`` of ``smallest``: ``mm2`` and ``pixels`` of a lesion in one slice, ``lesion_mm2`` and ``voxels`` of a lesion
    over all its slices. ``exceeds``: an island of just that size does not count. ``rounded``: an area is first rounded
    to whole pixels. ``least_pixels`` is asked besides. ``alone_below``: pixels touch nothing where the smallest island,
    rounded to pixels, has fewer than this.
    """

    dimension: Literal[2, 3]
    neighbours: Literal[4, 6, 8, 18, 26]
    smallest: float = Field(ge=0)
    unit: Literal["mm2", "pixels", "lesion_mm2", "voxels"]
    exceeds: bool = False
    rounded: bool = False
    least_pixels: int = Field(default=0, ge=0)
    alone_below: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _neighbours_fit(self) -> IslandRule:
        if self.neighbours not in ((4, 8) if self.dimension == 2 else (6, 18, 26)):
            raise ValueError(f"{self.neighbours} neighbours do not exist in {self.dimension}-D")
        return self

    def least(self, pixel_mm2: float) -> float:
        """``smallest`` in pixels (or voxels) of this area, a fraction unless the rule rounds."""
        if self.unit in ("pixels", "voxels"):
            return self.smallest
        return float(round(self.smallest / pixel_mm2)) if self.rounded else self.smallest / pixel_mm2

    def touching(self, pixel_mm2: float) -> int:
        """How many neighbours a pixel of this area has; 0 where it touches nothing."""
        return 0 if self.least(pixel_mm2) < self.alone_below else self.neighbours


class Prefilter(_Model):
    """3-D lesions below ``smallest`` voxels are dropped before islands are formed."""

    neighbours: Literal[6, 18, 26]
    smallest: int = Field(ge=1)


@dataclass(frozen=True, slots=True)
class Threshold:
    """What counts as calcium at the voltage of a scan.

    ``hu`` is the threshold and ``bins`` where each density factor begins; ``mass_factor`` is in mg/mm3/HU.
    ``adapted`` says that a published value other than the reference one is used; ``why`` says what differs from
    the reference conditions and which way that errs, or is ``None``. ``refused``: the preset gives no number here.
    ``equivalent`` is the hydroxyapatite (mg/cm3) whose attenuation a calibration may put in the place of a threshold
    that is only kept; ``None`` where the threshold stays as it is.
    """

    hu: float
    bins: tuple[float, ...]
    mass_factor: float
    adapted: bool = False
    refused: bool = False
    why: str | None = None
    equivalent: float | None = None
    ends: tuple[float, ...] = ()


class Preset(_Model):
    """One rule set. ``reference_mm`` is the slice spacing (mm) that scaled scores refer to.

    ``below_threshold``: voxels of a mask below the threshold drop out (``drop``), stay (``keep``), or stay in islands
    whose maximum reaches it (``maximum``). ``bin_starts``: a bin begins ``at`` its value or ``above`` it.
    ``rounding``: nothing, what each pixel or island adds, or the total, to ``decimals``. ``overlap``: slices that
    overlap all count, or only as many as do not (``skip``, from the first slice on). ``average_mm``: slices below
    ``thin_mm`` are first averaged to this spacing (:mod:`.slabs`). ``equivalent`` is the hydroxyapatite (mg/cm3) that
    the reference threshold stands for: at a voltage without a published threshold its attenuation, if a phantom or the
    file tells it, takes the place of the one that is kept.
    """

    name: str
    title: str
    version: str = ""
    status: Status
    reference_kvp: float
    voltages: tuple[Voltage, ...] = Field(min_length=1)
    formula: Formula | None = None
    other_voltages: Literal["hold", "refuse"]
    factors: tuple[int, ...]
    strict: bool
    below_threshold: Literal["drop", "keep", "maximum"]
    prefilter: Prefilter | None = None
    islands: IslandRule
    maximum: Literal["island", "slice", "lesion"]
    bin_starts: Literal["at", "above"] = "at"
    scaling: Literal["increment", "thickness", "none"]
    reference_mm: float = Field(gt=0)
    overlap: Literal["count", "skip"] = "count"
    rounding: Literal["none", "pixel", "island", "total"]
    decimals: int = Field(default=0, ge=0)
    average_mm: float | None = Field(default=None, gt=0)
    thin_mm: float | None = Field(default=None, gt=0)
    equivalent: float | None = Field(default=None, gt=0)
    sources: tuple[str, ...] = Field(min_length=1)
    note: str | None = None

    @model_validator(mode="after")
    def _complete(self) -> Preset:
        if self._at(self.reference_kvp) is None:
            raise ValueError(f"preset {self.name} has no voltage {self.reference_kvp:g} kV, its reference")
        for voltage in self.voltages:
            if len(voltage.bins) != len(self.factors):
                raise ValueError(f"preset {self.name} has {len(self.factors)} factors, its bins differ in number")
        if (self.average_mm is None) != (self.thin_mm is None):
            raise ValueError(f"preset {self.name} needs both average_mm and thin_mm, or neither")
        return self

    def _at(self, kvp: float) -> Voltage | None:
        return next((voltage for voltage in self.voltages if round(kvp) == round(voltage.kvp)), None)

    def _threshold(
        self, voltage: Voltage, why: str | None = None, adapted: bool = False, refused: bool = False
    ) -> Threshold:
        return Threshold(
            hu=self._hu(voltage),
            bins=voltage.bins,
            mass_factor=voltage.mass_factor,
            adapted=adapted,
            refused=refused,
            why=why,
            ends=voltage.ends,
        )

    def _hu(self, voltage: Voltage) -> float:
        if voltage.threshold is not None:
            return voltage.threshold
        return voltage.bins[0] if self.formula is None else self.formula.threshold(voltage.kvp)

    @property
    def every_voxel(self) -> bool:
        """Whether a score needs every voxel of a mask, not only those above the threshold."""
        return self.below_threshold != "drop"

    @property
    def label(self) -> str:
        """Name and version, as shown in outputs: ``standard 1.0``."""
        return f"{self.name} {self.version}".strip()

    def threshold(self, kvp: float | None) -> Threshold:
        """Threshold, bins and mass factor at ``kvp`` (kV); ``None`` is taken as the reference voltage and says so."""
        reference = self._at(self.reference_kvp)
        if reference is None:
            raise KnowledgeError(f"preset {self.name} has no voltage {self.reference_kvp:g} kV, its reference")
        if kvp is None:
            why = f"the tube voltage is not known and was taken as {self.reference_kvp:g} kV"
            return self._threshold(reference, why)
        found = self._at(kvp)
        if found is not None:
            if found is reference:
                return self._threshold(found)
            why = f"the threshold is {self._hu(found):g} HU, as published for {kvp:g} kV ({found.source})"
            return self._threshold(found, why, adapted=True)
        if self.other_voltages == "refuse":
            known = ", ".join(f"{voltage.kvp:g}" for voltage in sorted(self.voltages, key=lambda one: one.kvp))
            why = f"preset {self.name} is defined at {known} kV only, not at {kvp:g} kV"
            return self._threshold(reference, why, refused=True)
        # Calcium attenuates less at a higher voltage (photoelectric effect): a fixed threshold then counts less.
        errs = "low" if kvp > self.reference_kvp else "high"
        why = f"{self._hu(reference):g} HU is kept at {kvp:g} kV, so the number reads {errs}"
        return replace(self._threshold(reference, why), equivalent=self.equivalent)


class _File(_Model):
    version: str
    presets: tuple[Preset, ...]


@cache
def presets() -> dict[str, Preset]:
    """Every preset by its name.

    Raises:
        KnowledgeError: ``presets.yaml`` is missing, not YAML, or breaks the form of a preset.
    """
    try:
        read = _File.model_validate(table("presets.yaml"))
    except ValidationError as error:
        raise KnowledgeError(f"knowledge/presets.yaml cannot be used: {error}") from error
    return {one.name: one.model_copy(update={"version": read.version}) for one in read.presets}


def preset(name: str = DEFAULT) -> Preset:
    """The preset of this name.

    Raises:
        InputError: there is none; the message names the nearest.
        KnowledgeError: the presets cannot be read.
    """
    known = presets()
    if name in known:
        return known[name]
    close = get_close_matches(name, known, n=1, cutoff=0.4)
    hint = f"did you mean {close[0]}?" if close else f"known are: {', '.join(known)}"
    raise InputError(f"there is no preset {name!r}; {hint}")
