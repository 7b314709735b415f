"""Deposits in a room that several structures share: one of them holds it, or none does, so that beliefs add up."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from calciscope.domain.anatomy import Anatomy, is_bone
from calciscope.domain.deposit import Deposit
from calciscope.domain.image import Volume
from calciscope.domain.structures import Group
from calciscope.place.features import crop

# The room's outline is looked at this far around a deposit, mm, on a grid of this size, mm.
_REACH_MM, _GRID_MM = 16.0, 2.0

# Weights are soft on purpose; how much clearer a lead is than they say was measured on simulated hearts.
_SHARPNESS = 1.25


@dataclass(frozen=True, slots=True)
class Depth:
    """How deep each voxel of a deposit lies in the room, mm (negative outside), and how sure the room is (0 to 1)."""

    mm: NDArray[np.float64]
    certain: float


def depth(deposit: Deposit, voxels: NDArray[np.int32], volume: Volume, anatomy: Anatomy, group: Group) -> Depth | None:
    """Depth of ``voxels`` ``(n, 3)`` below the room's outline; ``None`` where the anatomy has no such room.

    Calcium passes for bone and other vessels adjoin the room: both count as inside, so that they draw no outline.
    """
    rooms = [anatomy.structures[name] for name in group.room if name in anatomy.structures]
    if not rooms:
        return None
    box = crop(deposit, volume, _REACH_MM, _GRID_MM)
    labels = anatomy.labels[box.slices]
    inside = np.isin(labels, [structure.label for structure in rooms])
    if not inside.any():
        return Depth(np.full(len(voxels), -_REACH_MM), max(r.confidence for r in rooms))
    neutral = [s.label for s in anatomy.structures.values() if s.name.startswith(("aorta", "metal")) or is_bone(s.name)]
    blind = np.isin(labels, neutral) & ~inside
    spacing = np.array(volume.geometry.spacing) * np.array(box.step)
    inner = ndimage.distance_transform_edt(np.pad(inside | blind, 1, mode="edge"), sampling=spacing)[1:-1, 1:-1, 1:-1]
    outer = ndimage.distance_transform_edt(~inside, sampling=spacing)
    signed = np.where(inside, inner, np.where(blind, np.minimum(inner, -outer + 3.0), -outer))
    where = (voxels - np.array(box.start)) / np.array(box.step)
    values = ndimage.map_coordinates(signed.astype(np.float32), where.T, order=1, mode="nearest")
    return Depth(np.minimum(values.astype(np.float64), _REACH_MM), max(r.confidence for r in rooms))


def shares(weights: NDArray[np.float64], none: float) -> NDArray[np.float64]:
    """Beliefs of exclusive readings from their weights: they and that of none of them add up to 1.

    ``weights`` are ``(readings,)`` or ``(readings, voxels)``: a large deposit is weighed voxel by voxel.
    """
    sharp = np.asarray(weights, dtype=np.float64) ** _SHARPNESS
    return np.asarray(sharp / (sharp.sum(axis=0) + none**_SHARPNESS))
