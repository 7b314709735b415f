"""What lies around a candidate: the tissue, the bone, the gas and the noise near it."""

from __future__ import annotations

from dataclasses import dataclass

import edt
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from calciscope.find.candidates import Candidate
from calciscope.find.levels import Levels
from calciscope.find.scene import Bool, Scene

# How far the surroundings are looked at, mm.
REACH_MM = 12.0
# Tissue from here to here around a candidate is its background, mm: beyond the blur, not yet the next organ.
_SHELL_MM = (1.5, 6.0)
FAT_HU = (-150.0, -30.0)
GAS_HU = -300.0
# Neighbours at which a room is looked for beside a voxel, voxels (z, y, x).
_BESIDE = ((0, 0, 0), (0, -2, 0), (0, 2, 0), (0, 0, -2), (0, 0, 2), (-1, 0, 0), (1, 0, 0))
# A candidate larger than this is measured on a thinned grid, voxels of its box.
_LARGE = 2_000_000


@dataclass(frozen=True, slots=True)
class Context:
    """Surroundings of a candidate: shares from 0 to 1, distances in mm (``REACH_MM`` where nothing is nearer), HU.

    ``touching`` is the share of the candidate's neighbours that are skeleton and ``saddle`` the highest attenuation
    where it touches it (0 where it does not); ``bright`` is the share of its surroundings above the threshold, ``gas``
    that of gas which is neither lung nor outside. ``bony`` and ``in_wall`` are the shares of its own voxels that the
    anatomy calls bone and that lie in the course of a large artery, ``in_room`` that in the space of a joint or in
    the insertion of a tendon; ``outside_mm`` is the distance to the air around
    the patient, ``gas_mm`` that to gas which is neither lung nor outside, ``artery_mm`` that to the course of a large
    artery, ``air_mm`` that to the airway.
    """

    background: float
    noise: float
    fat: float
    lung: float
    gas: float
    soft: float
    bright: float
    bone_mm: float
    lung_mm: float
    metal_mm: float
    air_mm: float
    artery_mm: float
    outside_mm: float
    touching: float
    saddle: float
    bony: float
    in_wall: float
    in_room: float = 0.0
    gas_mm: float = REACH_MM

    def as_numbers(self) -> dict[str, float]:
        """The numbers by name, as they travel with a deposit."""
        return {
            "fat": round(self.fat, 3),
            "lung": round(self.lung, 3),
            "gas": round(self.gas, 3),
            "soft": round(self.soft, 3),
            "contrast": round(self.bright, 3),
            "distance_to_bone_mm": round(self.bone_mm, 2),
            "distance_to_lung_mm": round(self.lung_mm, 2),
            "distance_to_airway_mm": round(self.air_mm, 2),
            "distance_to_artery_mm": round(self.artery_mm, 2),
            "distance_to_skin_mm": round(self.outside_mm, 2),
            "touching_bone": round(self.touching, 3),
            "noise_hu": round(self.noise, 1),
        }


@dataclass(frozen=True, slots=True, eq=False)
class Surroundings:
    """Masks of the whole scene that contexts are read from."""

    skeleton: Bool
    lung: Bool
    metal: Bool
    airway: Bool
    walls: Bool
    near_skin: Bool
    rooms: Bool
    brain: Bool
    thyroid: Bool
    heart: Bool
    larynx: Bool
    bowel: Bool


def context(scene: Scene, level: Levels, masks: Surroundings, candidate: Candidate) -> Context:
    """The context of a candidate, from the box around it."""
    margin = np.ceil(REACH_MM / np.array(scene.spacing)).astype(int)
    low = np.maximum(candidate.voxels.min(axis=0) - margin, 0)
    high = np.minimum(candidate.voxels.max(axis=0) + margin + 1, scene.hu.shape)
    step = np.ones(3, dtype=int)
    while np.prod((high - low) / step) > _LARGE:
        step += 1
    box = tuple(slice(int(a), int(b), int(s)) for a, b, s in zip(low, high, step, strict=True))
    own = np.zeros(tuple(-(-(high - low) // step)), dtype=np.bool_)
    own[tuple(((candidate.voxels - low) // step).T)] = True
    spacing = (scene.spacing[0] * step[0], scene.spacing[1] * step[1], scene.spacing[2] * step[2])
    hu = scene.hu[box]
    away = edt.edt(~own, anisotropy=spacing, black_border=False)
    shell = (away > _SHELL_MM[0]) & (away <= max(_SHELL_MM[1], 1.5 * min(spacing)))
    bone = masks.skeleton[box] & ~own
    near = ndimage.binary_dilation(own, ndimage.generate_binary_structure(3, 1)) & ~own
    touched = own & ndimage.binary_dilation(bone, np.ones((3, 3, 3), dtype=np.bool_))
    lung = masks.lung[box]
    around = hu[shell & ~bone]
    total = max(1, around.size)
    tissue = around[(around > GAS_HU) & (around < level.floor)]
    index = tuple(candidate.voxels.T)
    empty = (hu < GAS_HU) & ~lung
    skin = masks.near_skin[box]
    return Context(
        background=float(np.median(tissue)) if tissue.size else 0.0,
        noise=float(np.median(level.noise_at(candidate.voxels))),
        fat=float(((around > FAT_HU[0]) & (around < FAT_HU[1])).sum()) / total,
        lung=float(lung[shell].mean()) if shell.any() else 0.0,
        gas=float((empty & ~skin)[shell].mean()) if shell.any() else 0.0,
        soft=float(((around >= FAT_HU[1]) & (around < level.floor)).sum()) / total,
        bright=float((around >= level.floor).sum()) / total,
        bone_mm=_nearest(away, bone),
        lung_mm=_nearest(away, lung),
        metal_mm=_nearest(away, masks.metal[box]),
        air_mm=_nearest(away, masks.airway[box]),
        artery_mm=_nearest(away, masks.walls[box]),
        outside_mm=_nearest(away, empty & skin),
        touching=float(bone[near].mean()) if near.any() else 0.0,
        saddle=float(hu[touched].max()) if touched.any() else 0.0,
        bony=float(scene.prior[index].mean()),
        in_wall=float(masks.walls[index].mean()),
        in_room=_beside(masks.rooms, candidate.voxels),
        gas_mm=_nearest(away, empty & ~skin),
    )


def _beside(rooms: Bool, voxels: NDArray[np.int32]) -> float:
    """Share of voxels that lie in a room or next to one: calcium passes for bone, which is no room."""
    if not rooms.any():
        return 0.0
    few = voxels[:: max(1, len(voxels) // 60)]
    inside = np.zeros(len(few), dtype=np.bool_)
    last = np.array(rooms.shape) - 1
    for step in _BESIDE:
        moved = np.clip(few + np.array(step), 0, last)
        inside |= rooms[tuple(moved.T)]
    return float(inside.mean())


def _nearest(away: NDArray[np.float32], mask: Bool) -> float:
    """Least distance from the candidate to a mask within the box, mm."""
    return min(REACH_MM, float(away[mask].min())) if mask.any() else REACH_MM
