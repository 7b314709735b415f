"""From the frame and the organ finders' parts to one label map on the volume's grid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib.metadata import version
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from calciscope.anatomy.embedded.frame import Frame, Mask, Part
from calciscope.anatomy.embedded.orientation import trusted
from calciscope.domain.anatomy import Anatomy, BloodPool, Landmark, Manifest, Structure, Tube
from calciscope.domain.structures import dictionary

_LIMITS = (
    "derived from attenuation and shape, without trained weights",
    "parts of organs (segments of coronary arteries, lobes, heart chambers) are not told apart",
    "heads, necks, shoulders and breasts were checked on simulated bodies only",
)
# How sure the frame's own structures are: they follow from attenuation.
_FRAME_CONFIDENCE: Mapping[str, float] = MappingProxyType(
    {
        "body": 0.98,
        "fat": 0.95,
        "lung_left": 0.95,
        "lung_right": 0.95,
        "airway": 0.9,
        "bone": 0.9,
        "metal": 0.95,
        "table": 0.9,
    }
)
# Painted where the dictionary does not know a structure: over fat, under every organ.
_UNKNOWN_RANK = 3


def assemble(frame: Frame, parts: Sequence[Part]) -> Anatomy:
    """One anatomy: masks painted by the ``rank`` of ``knowledge/structures.yaml`` (a higher one wins), then enlarged.

    The label map is uint8 ``(z, y, x)`` on the volume's grid; voxels past the last whole block repeat it.
    """
    masks: dict[str, tuple[Mask, float]] = dict(_frame_masks(frame))
    tubes: dict[str, Tube] = dict(_spine(frame))
    landmarks: dict[str, Landmark] = {}
    pool: BloodPool | None = None
    notes = list(frame.notes)
    for part in parts:
        masks.update(part.masks)
        tubes.update(part.tubes)
        landmarks.update(part.landmarks)
        pool = pool or part.blood_pool
        notes += part.notes
    known = dictionary().meanings
    order = sorted(masks, key=lambda name: known[name].rank if name in known else _UNKNOWN_RANK)
    coarse = np.zeros(frame.hu.shape, dtype=np.uint8)
    structures: dict[str, Structure] = {}
    for label, name in enumerate(order, start=1):
        mask, confidence = masks[name]
        coarse[mask] = label
        structures[name] = Structure(name, label, round(trusted(tuple(notes), name, confidence), 2))
    shown = np.bincount(coarse.ravel(), minlength=len(order) + 1)
    return Anatomy(
        labels=enlarged(coarse, frame.factor, frame.volume.hu.shape),
        structures=MappingProxyType({n: s for n, s in structures.items() if shown[s.label]}),
        geometry=frame.volume.geometry,
        manifest=Manifest("embedded", version("calciscope"), "Apache-2.0", _LIMITS),
        regions=frame.regions,
        tubes=MappingProxyType({n: _judged(t, tuple(notes)) for n, t in tubes.items()}),
        landmarks=MappingProxyType(landmarks),
        blood_pool=pool,
        notes=tuple(notes),
    )


def _judged(tube: Tube, notes: tuple[str, ...]) -> Tube:
    sure = trusted(notes, tube.name, tube.confidence)
    return tube if sure == tube.confidence else replace(tube, confidence=round(sure, 2))


def enlarged(coarse: NDArray[np.uint8], factor: tuple[int, int, int], shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """A coarse map on the full grid: each voxel repeated over its block, the last one to the end."""
    picks = [np.minimum(np.arange(n) // f, m - 1) for n, f, m in zip(shape, factor, coarse.shape, strict=True)]
    out = np.empty(shape, dtype=np.uint8)
    # Slice by slice, so that what is written stays in the cache.
    for z, low in enumerate(picks[0].tolist()):
        if z and low == picks[0][z - 1]:
            out[z] = out[z - 1]
        else:
            np.take(np.take(coarse[low], picks[2], axis=1), picks[1], axis=0, out=out[z])
    return out


def _spine(frame: Frame) -> Mapping[str, Tube]:
    """The vertebral bodies as the tube ``spine`` from head to feet, or nothing where there is no spine."""
    known = np.flatnonzero(np.isfinite(frame.spine[:, 0]))[::-1]
    if known.size < 2:
        return {}
    points = np.column_stack([known, frame.spine[known, :2]])
    return {"spine": Tube("spine", frame.to_mm(points), frame.spine[known, 2].copy(), 0.9)}


def _frame_masks(frame: Frame) -> Mapping[str, tuple[Mask, float]]:
    """The frame's own structures; empty ones are left out."""
    masks = {
        "body": frame.body,
        "table": np.asarray((frame.hu > -500.0) & ~frame.body),
        "fat": frame.fat,
        "lung_left": frame.lung_left,
        "lung_right": frame.lung_right,
        "airway": frame.airway,
        "bone": frame.bone,
        "metal": frame.metal,
    }
    return {name: (mask, _FRAME_CONFIDENCE[name]) for name, mask in masks.items() if mask.any()}
