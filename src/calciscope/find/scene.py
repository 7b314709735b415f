"""What finding starts from: the volume cropped to the body, with the masks and levels that every step needs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from calciscope.domain.anatomy import Anatomy
from calciscope.domain.image import Volume

Bool = NDArray[np.bool_]
Hu = NDArray[np.int16] | NDArray[np.float32]

# Structures of an anatomy that are not the patient.
_OUTSIDE = ("table", "clothes", "air")
# What fills the cranial cavity.
BRAIN = (
    "brain",
    "pineal",
    "habenula",
    "choroid_plexus_",
    "falx",
    "tentorium",
    "basal_ganglia_",
    "cerebellum",
    "brainstem",
    "caudate_nucleus",
    "lentiform_nucleus",
    "insular_cortex",
    "internal_capsule",
    "ventricle",
)


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """A volume cropped to the body.

    ``hu`` is a view ``(z, y, x)`` of the volume from ``start`` on; ``inside`` are the voxels of the body, ``prior``
    those that the anatomy calls bone, ``labels`` the anatomy's label map, all of the same shape.
    """

    volume: Volume
    anatomy: Anatomy
    hu: Hu
    labels: NDArray[np.uint8] | NDArray[np.uint16]
    start: tuple[int, int, int]
    spacing: tuple[float, float, float]
    inside: Bool
    prior: Bool

    @property
    def voxel_mm3(self) -> float:
        """Volume of a voxel, mm3."""
        return self.spacing[0] * self.spacing[1] * self.spacing[2]

    def names_mask(self, names: tuple[str, ...]) -> Bool:
        """Voxels of any of the structures whose name is one of ``names`` or starts with one that ends in ``_``."""
        return _table(self.anatomy, names)[self.labels]


def scene(volume: Volume, anatomy: Anatomy) -> Scene | None:
    """The scene of a volume, or ``None`` where there is no body in it."""
    labels = anatomy.labels
    outside = _table(anatomy, _OUTSIDE)
    if "body" in anatomy.structures:
        outside = outside.copy()
        outside[0] = True
        planes = (labels.max(axis=(1, 2)), labels.max(axis=(0, 2)), labels.max(axis=(0, 1)))
        if not planes[0].any():
            return None
        spans = [np.flatnonzero(p) for p in planes]
        box = tuple(slice(int(s[0]), int(s[-1]) + 1) for s in spans)
    else:
        # A label map without a body: everything that is no structure counts as the patient.
        box = tuple(slice(0, n) for n in labels.shape)
    cut = labels[box]
    return Scene(
        volume=volume,
        anatomy=anatomy,
        hu=volume.hu[box],
        labels=cut,
        start=(box[0].start, box[1].start, box[2].start),
        spacing=volume.geometry.spacing,
        inside=np.asarray(~outside[cut]),
        prior=_table(anatomy, anatomy.bones)[cut],
    )


def _table(anatomy: Anatomy, names: tuple[str, ...]) -> Bool:
    """Look-up table from label to whether its structure is one of the names (or starts with one ending in ``_``)."""
    table = np.zeros(int(np.iinfo(anatomy.labels.dtype).max) + 1, dtype=np.bool_)
    stems = tuple(n for n in names if n.endswith("_"))
    for name, structure in anatomy.structures.items():
        if name in names or (stems and name.startswith(stems)):
            table[structure.label] = True
    return table
