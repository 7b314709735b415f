"""Calibration phantoms that are known, from ``knowledge/phantoms.yaml``."""

from __future__ import annotations

from functools import cache

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from calciscope.domain.knowledge import table
from calciscope.errors import KnowledgeError
from calciscope.measure.presets import Status


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Limits(_Model):
    """From, to."""

    low: float
    high: float

    def hold(self, value: float) -> bool:
        """Whether the value lies within."""
        return self.low <= value <= self.high


class Contrast(Limits):
    """Limits at one tube voltage."""

    kvp: float = Field(gt=0)


class Phantom(_Model):
    """A calibration phantom; lengths in mm, ``density`` in mg/cm3, attenuation in HU.

    ``imitates`` is the organ that it stands for: where it is seen, no patient is.
    """

    name: str
    title: str
    diameter: float = Field(gt=0)
    diameter_tolerance: float = Field(gt=0)
    density: float = Field(gt=0)
    centres: float = Field(gt=0)
    centres_tolerance: float = Field(gt=0)
    contrast: tuple[Contrast, ...] = Field(min_length=1)
    water: Limits
    body: Limits
    slices: int = Field(ge=2)
    length: float = Field(gt=0)
    imitates: str | None = None
    source: str
    status: Status

    @model_validator(mode="after")
    def _ascending(self) -> Phantom:
        voltages = [one.kvp for one in self.contrast]
        if voltages != sorted(set(voltages)):
            raise ValueError(f"the voltages of {self.name} do not ascend")
        return self

    @property
    def radius(self) -> float:
        """Radius of a rod, mm."""
        return self.diameter / 2

    def expected(self, kvp: float | None) -> Limits:
        """Limits of the contrast of the rods (HU) at ``kvp`` (kV); beyond the table those of its nearest end."""
        if kvp is None:
            return Limits(low=min(c.low for c in self.contrast), high=max(c.high for c in self.contrast))
        at = [one.kvp for one in self.contrast]
        low = float(np.interp(kvp, at, [one.low for one in self.contrast]))
        return Limits(low=low, high=float(np.interp(kvp, at, [one.high for one in self.contrast])))


class _File(_Model):
    version: str
    phantoms: tuple[Phantom, ...]


@cache
def phantoms() -> tuple[Phantom, ...]:
    """Every phantom of ``knowledge/phantoms.yaml``.

    Raises:
        KnowledgeError: the file is missing, not YAML, or breaks the form.
    """
    try:
        return tuple(_File.model_validate(table("phantoms.yaml")).phantoms)
    except ValidationError as error:
        raise KnowledgeError(f"knowledge/phantoms.yaml cannot be used: {error}") from error


def named(name: str) -> Phantom:
    """The phantom of this name; raises :class:`KeyError` where there is none."""
    return {one.name: one for one in phantoms()}[name]
