"""Small bodies with known structures, and deposits in them."""

from __future__ import annotations

from types import MappingProxyType

import numpy as np

from calciscope.domain.anatomy import Anatomy, Landmark, Manifest, Region, Structure, Tube
from calciscope.domain.deposit import Deposit, Shape
from calciscope.domain.image import Geometry, Volume

SHAPE = (40, 60, 60)
GEOMETRY = Geometry(SHAPE, (3.0, 2.0, 2.0), (-60.0, -60.0, 0.0))


def volume(fill: int = 40, **boxes: tuple[tuple[slice, slice, slice], int]) -> Volume:
    """A volume of soft tissue with boxes of other attenuation."""
    hu = np.full(SHAPE, fill, dtype=np.int16)
    for where, value in boxes.values():
        hu[where] = value
    return Volume(hu, GEOMETRY)


def box(z, y, x, half=2):
    """A cube of voxels about an index."""
    return (slice(z - half, z + half + 1), slice(y - half, y + half + 1), slice(x - half, x + half + 1))


def deposit(where=(20, 30, 30), half=1, name="d1", series="s1", hu=400.0, shape: Shape | None = None, rejected_as=None):
    """A cube of calcium."""
    mask = np.zeros(SHAPE, dtype=bool)
    mask[box(*where, half)] = True
    voxels = np.argwhere(mask).astype(np.int32)
    edge = (2 * half + 1) * np.array(GEOMETRY.spacing[::-1])
    return Deposit(
        id=name,
        series=series,
        voxels=voxels,
        hu=np.full(len(voxels), hu, dtype=np.float32),
        threshold_hu=130.0,
        background_hu=40.0,
        center_index=where,
        center_mm=tuple(float(v) for v in GEOMETRY.to_mm(where)),
        extent_mm=tuple(float(v) for v in edge),
        volume_mm3=len(voxels) * GEOMETRY.voxel_mm3,
        shape=shape or Shape(float(edge.max()), float(edge.min()), 0.8, 0.0),
        rejected_as=rejected_as,
    )


def tube(name, points, radius=5.0, confidence=0.9):
    """A tube through canonical indices, head first."""
    at = GEOMETRY.to_mm(np.array(points, dtype=float))
    return Tube(name, at, np.full(len(at), radius), confidence)


def anatomy(masks=None, tubes=(), region="abdomen", certain=0.9, landmarks=()):
    """An anatomy of named boxes with a confidence each."""
    labels = np.zeros(SHAPE, dtype=np.uint8)
    structures = {}
    for label, (name, (where, confidence)) in enumerate((masks or {}).items(), start=1):
        labels[where] = label
        structures[name] = Structure(name, label, confidence)
    return Anatomy(
        labels=labels,
        structures=MappingProxyType(structures),
        geometry=GEOMETRY,
        manifest=Manifest("made", "1", "none"),
        regions=(Region(region, 0, SHAPE[0], certain),) if region else (),
        tubes=MappingProxyType({t.name: t for t in tubes}),
        landmarks=MappingProxyType({n: Landmark(n, (0.0, 0.0, z), 0.9) for n, z in landmarks}),
    )
