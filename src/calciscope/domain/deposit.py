"""Deposits: connected pieces of calcium in one image."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from calciscope.domain.image import Index, Point


class Calcium(Protocol):
    """What measuring needs of a piece of calcium, however it was found: a :class:`Deposit` has it, so has a label."""

    @property
    def voxels(self) -> NDArray[np.integer]:
        """Canonical indices ``(n, 3)`` ``(z, y, x)``."""

    @property
    def hu(self) -> NDArray[np.float32]:
        """Attenuation of each voxel ``(n,)``."""

    @property
    def threshold_hu(self) -> float:
        """Attenuation from which a voxel was counted, HU."""

    @property
    def background_hu(self) -> float:
        """Attenuation of the tissue around, HU."""

    @property
    def peak_hu(self) -> float:
        """Highest attenuation, HU."""


@dataclass(frozen=True, slots=True)
class Shape:
    """Shape of a deposit; lengths in mm, ratios from 0 to 1.

    ``length`` and ``width`` are the largest and smallest principal diameters, ``sphericity`` the surface of the ball
    of equal volume over its own surface, ``hollow`` the share of its filled outline that is not calcium (a rim).
    """

    length: float
    width: float
    sphericity: float
    hollow: float


@dataclass(frozen=True, slots=True, eq=False)
class Deposit:
    """One connected piece of calcium.

    ``voxels`` is ``(n, 3)`` int32 canonical indices ``(z, y, x)``; ``hu`` their attenuation ``(n,)``;
    ``threshold_hu`` is the attenuation from which a voxel was counted, ``background_hu`` that of the tissue around.
    ``context`` holds numbers that the finder saw and the placer may use (share of fat, lung, contrast around it).
    """

    id: str
    series: str
    voxels: NDArray[np.int32]
    hu: NDArray[np.float32]
    threshold_hu: float
    background_hu: float
    center_index: Index
    center_mm: Point
    extent_mm: Point
    volume_mm3: float
    shape: Shape
    context: dict[str, float] = field(default_factory=dict)
    rejected_as: str | None = None

    @property
    def peak_hu(self) -> float:
        """Highest attenuation, HU."""
        return float(self.hu.max())

    @property
    def mean_hu(self) -> float:
        """Mean attenuation, HU."""
        return float(self.hu.mean())


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a deposit lies: a site path, how sure (0 to 1), and which structure of which provider says so.

    ``alternatives`` are other sites with their confidence, best first. ``by`` names a person who moved the deposit.
    ``attributes`` are facts of the place under the keys of a stated finding (``location: distal``, ``pattern: rim``).
    """

    site: str
    confidence: float
    provider: str
    structure: str
    alternatives: tuple[tuple[str, float], ...] = ()
    by: str | None = None
    attributes: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True, eq=False)
class PlacedDeposit:
    """A deposit and its place."""

    deposit: Deposit
    placement: Placement
