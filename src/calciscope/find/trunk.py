"""Where a candidate lies in the trunk: how deep under its surface, in front or behind, and how far from the spine."""

from __future__ import annotations

from dataclasses import dataclass

import edt
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.morphology import convex_hull_image

from calciscope.find.scene import Bool, Scene

# Grid of the depths, mm.
_GRID_MM = 3.0
# Strands in subcutaneous fat narrower than this do not count as the trunk's surface, mm.
_STRAND_MM = 5.0
# Less lung than this in a slice, mm2, does not show where the wall of the chest is.
_LUNG_MM2 = 1500.0
# Air around the patient reaches this far into the body mask (its voxels are coarse), mm.
_SKIN_MM = 4.0


@dataclass(frozen=True, slots=True, eq=False)
class Trunk:
    """Depth under the surface of muscle (``lean``) on a coarse grid of ``step`` voxels, mm; the body's middle rows.

    ``hull`` is the distance outside of the convex hull of the lungs in each slice (0 inside of it, and where a slice
    has no lung). ``spine`` holds the vertebral bodies as ``(n, 4)``: centre in mm along the scene's axes
    ``(z, y, x)``, radius.
    ``chest`` are the slices with ribs: those with lung, and below them as far as the costal margin reaches; ``metal``
    says of each slice whether it holds metal. ``front`` ``(z, x)`` is the coarse row of the heart's front where no air
    is seen before the patient (that of the nearest column beside the heart), NaN elsewhere.
    """

    lean: NDArray[np.float32]
    hull: NDArray[np.float32]
    step: tuple[int, int, int]
    middle: NDArray[np.float64]
    spine: NDArray[np.float64]
    spacing: tuple[float, float, float]
    chest: tuple[int, int]
    metal: Bool
    front: NDArray[np.float32]

    def ahead(self, voxels: NDArray[np.int32]) -> float:
        """Median distance of voxels in front of the heart where the view cuts the wall there, mm; else 0 or less."""
        z, y, x = self._few(voxels)
        rows = self.front[z, x]
        known = np.isfinite(rows)
        if not known.any():
            return 0.0
        return float(np.median((rows - y)[known])) * self.spacing[1] * self.step[1]

    def depth(self, voxels: NDArray[np.int32]) -> float:
        """Median depth of voxels under the surface of muscle, mm; 0 outside of it."""
        return float(np.median(self.lean[self._few(voxels)]))

    def beyond_lungs(self, voxels: NDArray[np.int32]) -> float:
        """Median distance of voxels outside of the hull of the lungs, mm: the wall of the chest lies there."""
        return float(np.median(self.hull[self._few(voxels)]))

    def _few(self, voxels: NDArray[np.int32]) -> tuple[NDArray[np.int32], ...]:
        few = voxels[:: max(1, len(voxels) // 200)] // np.array(self.step)
        return tuple(np.minimum(few, np.array(self.lean.shape) - 1).T)

    def in_front(self, z: int, y: int) -> bool:
        """Whether a voxel lies in front of the middle of the body."""
        return bool(y < self.middle[min(z, len(self.middle) - 1)])

    def spine_distance(self, voxels: NDArray[np.int32]) -> float:
        """Least distance of voxels to the surface of the vertebral bodies, mm (negative inside)."""
        if not len(self.spine):
            return 1000.0
        few = voxels[:: max(1, len(voxels) // 50)] * np.array(self.spacing)
        low, high = few[:, 0].min() - 30.0, few[:, 0].max() + 30.0
        near = self.spine[(self.spine[:, 0] > low) & (self.spine[:, 0] < high)]
        if not len(near):
            return 1000.0
        return float((np.linalg.norm(few[:, None] - near[None, :, :3], axis=2) - near[None, :, 3]).min())


# The costal margin reaches this far below the lungs, mm.
_BELOW_MM = 110.0


def trunk(scene: Scene, lung: Bool, metal: Bool) -> Trunk:
    """The trunk of a scene."""
    step = (1, max(1, round(_GRID_MM / scene.spacing[1])), max(1, round(_GRID_MM / scene.spacing[2])))
    spacing = tuple(s * n for s, n in zip(scene.spacing, step, strict=True))
    body = scene.inside[:, :: step[1], :: step[2]]
    air = lung[:, :: step[1], :: step[2]]
    outer = scene.names_mask(("subcutaneous_fat", "skin", "breast_"))[:, :: step[1], :: step[2]]
    lean = np.zeros(body.shape, dtype=np.float32)
    steps = max(1, round(_STRAND_MM / 2 / spacing[1]))
    cross = ndimage.generate_binary_structure(2, 1)
    for z in range(body.shape[0]):
        plane = np.pad(body[z] & ~outer[z], steps, mode="edge")
        # Strands in subcutaneous fat are no muscle; what the wall encloses is inside.
        plane = ndimage.binary_opening(plane, cross, iterations=steps)[steps:-steps, steps:-steps]
        plane = ndimage.binary_fill_holes(plane | air[z])
        # The border of the image is no surface: a cropped view is deep inside the body there.
        lean[z] = edt.edt(np.ascontiguousarray(plane), anisotropy=spacing[1:], black_border=False)
    rows = np.arange(body.shape[1])[None, :, None]
    middle = (body * rows).sum(axis=(1, 2)) / np.maximum(body.sum(axis=(1, 2)), 1) * step[1]
    with_lung = np.flatnonzero(air.any(axis=(1, 2)))
    chest = (0, 0)
    if with_lung.size:
        chest = (int(with_lung[0] - _BELOW_MM / scene.spacing[0]), int(with_lung[-1]) + 1)
    return Trunk(
        lean,
        _beyond(air, spacing),
        step,
        middle,
        _spine(scene),
        scene.spacing,
        chest,
        np.asarray(metal.any(axis=(1, 2))),
        _front(body, scene.names_mask(("heart_region", "heart"))[:, :: step[1], :: step[2]]),
    )


def _front(body: Bool, heart: Bool) -> NDArray[np.float32]:
    """Row of the heart's front ``(z, x)`` on slices whose first row is patient throughout; NaN elsewhere."""
    front = np.full((body.shape[0], body.shape[2]), np.nan, dtype=np.float32)
    columns = np.arange(body.shape[2])
    for z in np.flatnonzero(body[:, 0].all(axis=1) & heart.any(axis=(1, 2))).tolist():
        held = np.flatnonzero(heart[z].any(axis=0))
        front[z] = np.interp(columns, held, heart[z].argmax(axis=0)[held])
    return front


def _beyond(air: Bool, spacing: tuple[float, ...]) -> NDArray[np.float32]:
    """Distance outside of the convex hull of the lungs, slice by slice, mm."""
    away = np.zeros(air.shape, dtype=np.float32)
    for z in range(air.shape[0]):
        # The hull of a few voxels says nothing of where the wall is.
        if air[z].sum() * spacing[1] * spacing[2] > _LUNG_MM2:
            outside = ~convex_hull_image(air[z])  # type: ignore[no-untyped-call]
            away[z] = edt.edt(outside, anisotropy=spacing[1:], black_border=False)
    return away


def near_skin(scene: Scene) -> Bool:
    """Voxels outside of the body or within a few mm of its surface."""
    step = (1, max(1, round(_GRID_MM / scene.spacing[1])), max(1, round(_GRID_MM / scene.spacing[2])))
    body = scene.inside[:, :: step[1], :: step[2]]
    out = np.zeros(body.shape, dtype=np.bool_)
    steps = max(1, round(_SKIN_MM / (scene.spacing[1] * step[1])))
    for z in range(body.shape[0]):
        inner = ndimage.binary_erosion(np.pad(body[z], 1, mode="edge"), iterations=steps)[1:-1, 1:-1]
        out[z] = ~inner
    rows, columns = (np.minimum(np.arange(scene.hu.shape[i]) // step[i], out.shape[i] - 1) for i in (1, 2))
    return np.asarray(out[:, rows][:, :, columns])


def _spine(scene: Scene) -> NDArray[np.float64]:
    """The vertebral bodies along the scene's axes."""
    tube = scene.anatomy.tubes.get("spine")
    if tube is None:
        return np.zeros((0, 4))
    index = scene.volume.geometry.to_index(tube.points) - np.array(scene.start)
    return np.column_stack([index * np.array(scene.spacing), tube.radius])
