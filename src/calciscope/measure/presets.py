"""Named rule sets for calcium scoring, read from ``knowledge/presets.yaml``.

A preset says everything that two programs could do differently with the same voxels; the scorer in
:mod:`calciscope.measure.agatston` has no rule of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from calciscope.errors import InputError, KnowledgeError

DEFAULT = "standard"
MM3_PER_CM3 = 1000.0

Status = Literal["current", "superseded", "unverified"]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Voltage(_Model):
    """Threshold and density bins (HU, ascending, the first is the threshold) and mass factor at one tube voltage."""

    kvp: float = Field(gt=0)
    bins: tuple[float, ...] = Field(min_length=1)
    mass_factor: float = Field(gt=0)
    source: str
    status: Status

    @model_validator(mode="after")
    def _ascending(self) -> Voltage:
        if list(self.bins) != sorted(set(self.bins)):
            raise ValueError(f"the bins at {self.kvp:g} kV do not ascend")
        return self


class IslandRule(_Model):
    """What is one island: 2-D (one slice) or 3-D, how voxels touch, and the smallest that counts."""

    dimension: Literal[2, 3]
    neighbours: Literal[4, 6, 8, 18, 26]
    smallest: float = Field(ge=0)
    unit: Literal["mm2", "pixels", "voxels"]

    @model_validator(mode="after")
    def _neighbours_fit(self) -> IslandRule:
        if self.neighbours not in ((4, 8) if self.dimension == 2 else (6, 18, 26)):
            raise ValueError(f"{self.neighbours} neighbours do not exist in {self.dimension}-D")
        return self


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


class Preset(_Model):
    """One rule set. ``reference_mm`` is the slice spacing (mm) that scaled scores refer to.

    ``equivalent`` is the hydroxyapatite (mg/cm3) that the reference threshold stands for: at a voltage without a
    published threshold its attenuation, if a phantom or the file tells it, takes the place of the one that is kept.
    """

    name: str
    title: str
    version: str = ""
    reference_kvp: float
    voltages: tuple[Voltage, ...] = Field(min_length=1)
    other_voltages: Literal["hold", "refuse"]
    factors: tuple[int, ...]
    strict: bool
    below_threshold: Literal["drop", "keep"]
    islands: IslandRule
    maximum: Literal["island", "slice", "lesion"]
    scaling: Literal["increment", "thickness", "none"]
    reference_mm: float = Field(gt=0)
    equivalent: float | None = Field(default=None, gt=0)
    rounding: Literal["none", "island", "total"]
    sources: tuple[str, ...]
    note: str | None = None

    @model_validator(mode="after")
    def _complete(self) -> Preset:
        if self._at(self.reference_kvp) is None:
            raise ValueError(f"preset {self.name} has no voltage {self.reference_kvp:g} kV, its reference")
        for voltage in self.voltages:
            if len(voltage.bins) != len(self.factors):
                raise ValueError(f"preset {self.name} has {len(self.factors)} factors, its bins differ in number")
        return self

    def _at(self, kvp: float) -> Voltage | None:
        return next((voltage for voltage in self.voltages if round(kvp) == round(voltage.kvp)), None)

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
            return Threshold(reference.bins[0], reference.bins, reference.mass_factor, why=why)
        found = self._at(kvp)
        if found is not None:
            adapted = found is not reference
            told = f"the threshold is {found.bins[0]:g} HU, as published for {kvp:g} kV ({found.source})"
            note = told if adapted else None
            return Threshold(found.bins[0], found.bins, found.mass_factor, adapted=adapted, why=note)
        if self.other_voltages == "refuse":
            known = ", ".join(f"{voltage.kvp:g}" for voltage in sorted(self.voltages, key=lambda one: one.kvp))
            why = f"preset {self.name} is defined at {known} kV only, not at {kvp:g} kV"
            return Threshold(reference.bins[0], reference.bins, reference.mass_factor, refused=True, why=why)
        # Calcium attenuates less at a higher voltage (photoelectric effect): a fixed threshold then counts less.
        errs = "low" if kvp > self.reference_kvp else "high"
        why = f"{reference.bins[0]:g} HU is kept at {kvp:g} kV, so the number reads {errs}"
        return Threshold(reference.bins[0], reference.bins, reference.mass_factor, why=why, equivalent=self.equivalent)


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
        text = files("calciscope").joinpath("knowledge", "presets.yaml").read_text(encoding="utf-8")
        read = _File.model_validate(yaml.safe_load(text))
    except (OSError, yaml.YAMLError, ValidationError) as error:
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
