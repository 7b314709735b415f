"""Structures of the body, on the grid of one volume."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from calciscope.domain.image import Geometry, Point

# Structures that are bone, and how the names of the rest begin.
_BONES = frozenset({"bone", "skull", "mandible", "sternum", "sacrum", "patella", "tibia", "fibula", "costal_bones"})
_BONE_STEMS = ("vertebra", "rib_", "ribs_", "hip_", "femur_", "humerus_", "scapula_", "clavicula_", "tarsal",
               "metatarsal")  # fmt: skip


def is_bone(name: str) -> bool:
    """Whether a structure of this name is bone: the skeleton as a whole or a part of it."""
    return name in _BONES or name.startswith(_BONE_STEMS)


@dataclass(frozen=True, slots=True)
class Landmark:
    """A named point (LPS mm) with a confidence from 0 to 1."""

    name: str
    point: Point
    confidence: float


@dataclass(frozen=True, slots=True, eq=False)
class Tube:
    """A vessel or duct as a curve: ``points`` ``(n, 3)`` LPS mm from head to feet, ``radius`` ``(n,)`` mm.

    ``provider`` is who says so, empty for the one of the anatomy's manifest.
    """

    name: str
    points: NDArray[np.float64]
    radius: NDArray[np.float64]
    confidence: float
    provider: str = ""


@dataclass(frozen=True, slots=True)
class Structure:
    """One label of the map: its name, the value in :attr:`Anatomy.labels`, and how sure the provider is (0 to 1).

    ``provider`` is who says so, empty for the one of the anatomy's manifest.
    """

    name: str
    label: int
    confidence: float
    provider: str = ""


@dataclass(frozen=True, slots=True)
class Region:
    """A part of the body (``head neck chest abdomen pelvis limb``) over canonical slices ``start`` to ``stop``."""

    name: str
    start: int
    stop: int
    confidence: float


@dataclass(frozen=True, slots=True)
class BloodPool:
    """Attenuation of blood in a large vessel or the heart: what says that contrast was given."""

    mean_hu: float
    sd_hu: float
    voxels: int
    source: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """Who made an anatomy: shown in provenance and with every placement."""

    provider: str
    version: str
    licence: str
    limits: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Anatomy:
    """What is where: a label map on the volume's grid, curves, landmarks, and a confidence for each.

    ``labels`` is ``uint8`` or ``uint16`` ``(z, y, x)``; 0 is outside every structure. ``laid_over`` are the manifests
    of further providers whose structures were laid over those of ``manifest``, in that order.
    """

    labels: NDArray[np.uint8] | NDArray[np.uint16]
    structures: Mapping[str, Structure]
    geometry: Geometry
    manifest: Manifest
    regions: tuple[Region, ...] = ()
    tubes: Mapping[str, Tube] = field(default_factory=lambda: MappingProxyType({}))
    landmarks: Mapping[str, Landmark] = field(default_factory=lambda: MappingProxyType({}))
    blood_pool: BloodPool | None = None
    notes: tuple[str, ...] = ()
    laid_over: tuple[Manifest, ...] = ()

    @property
    def manifests(self) -> tuple[Manifest, ...]:
        """Who made it, the undermost provider first."""
        return (self.manifest, *self.laid_over)

    def provider_of(self, name: str) -> str:
        """Who says where a structure or curve lies; the anatomy's first provider for what is none."""
        found = self.structures.get(name) or self.tubes.get(name)
        return (found.provider if found is not None else "") or self.manifest.provider

    def mask(self, *names: str) -> NDArray[np.bool_]:
        """Voxels of any of the named structures; names that are absent add nothing."""
        values = [self.structures[name].label for name in names if name in self.structures]
        if not values:
            return np.zeros(self.labels.shape, dtype=np.bool_)
        if len(values) == 1:
            return np.asarray(self.labels == values[0])
        table = np.zeros(int(np.iinfo(self.labels.dtype).max) + 1, dtype=np.bool_)
        table[values] = True
        return np.asarray(table[self.labels])

    @property
    def bones(self) -> tuple[str, ...]:
        """Names of the structures that are bone; together they are the skeleton."""
        return tuple(name for name in self.structures if is_bone(name))

    def without_places(self, why: str) -> Anatomy:
        """The same with nothing that a deposit could lie in: no structure, curve, landmark or region; ``why`` is noted.

        What hides calcium or is none (bone, metal, the table) stays.
        """
        kept = {name: one for name, one in self.structures.items() if is_bone(name) or name in ("metal", "table")}
        return replace(
            self,
            structures=MappingProxyType(kept),
            tubes=MappingProxyType({}),
            landmarks=MappingProxyType({}),
            regions=(),
            notes=(*self.notes, why),
        )

    def has(self, name: str) -> bool:
        """Whether a structure or tube of this name was found."""
        return name in self.structures or name in self.tubes

    def region_at(self, index: int) -> str | None:
        """The region of the body at a canonical slice, or ``None`` where it could not be told."""
        for region in self.regions:
            if region.start <= index < region.stop:
                return region.name
        return None
