"""Where the wall of the trunk is: what lies outside of the lungs' hull is ribs, cartilage and muscle."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.morphology import convex_hull_image

from calciscope.find.scene import Bool, Scene

# Grid on which the hull is computed, mm.
_GRID_MM = 3.0
# The chest wall is this thick at most outside of the lungs' hull; the hull may miss a recess by the second, mm.
_THICK_MM = 30.0
_RECESS_MM = 3.0
# The costal margin reaches this far below the lungs, mm.
_BELOW_MM = 90.0


@dataclass(frozen=True, slots=True, eq=False)
class Wall:
    """Distance outside the lungs' hull on a coarse grid (``outside`` mm, negative inside, large where unknown)."""

    outside: NDArray[np.float32]
    step: tuple[int, int, int]
    middle: NDArray[np.float64]
    spine: NDArray[np.float64]
    spacing: tuple[float, float, float]

    def in_chest_wall(self, z: int, y: int, x: int) -> bool:
        """Whether a voxel of the scene lies in the wall of the chest."""
        index = [min(v // s, n - 1) for v, s, n in zip((z, y, x), self.step, self.outside.shape, strict=True)]
        return -_RECESS_MM < float(self.outside[tuple(index)]) < _THICK_MM

    def in_front(self, z: int, y: int, x: int) -> bool:
        """Whether a voxel lies in front of the middle of the body."""
        return bool(y < self.middle[min(z, len(self.middle) - 1)])

    def spine_distance(self, voxels: NDArray[np.int32]) -> float:
        """Least distance of voxels to the surface of the vertebral bodies, mm (negative inside)."""
        if not len(self.spine):
            return 1000.0
        few = voxels[:: max(1, len(voxels) // 50)] * np.array(self.spacing)
        away = np.linalg.norm(few[:, None] - self.spine[None, :, :3], axis=2) - self.spine[None, :, 3]
        return float(away.min())


def wall(scene: Scene) -> Wall:
    """The wall of the trunk of a scene, from its lungs."""
    lungs = scene.names_mask(("lung_left", "lung_right", "lung_upper_", "lung_middle_", "lung_lower_"))
    step = tuple(max(1, round(_GRID_MM / s)) for s in scene.spacing)
    step = (1, step[1], step[2])
    grid = lungs[:, :: step[1], :: step[2]]
    spacing = tuple(s * n for s, n in zip(scene.spacing, step, strict=True))
    outside = np.full(grid.shape, 1000.0, dtype=np.float32)
    with_lung = np.flatnonzero(grid.sum(axis=(1, 2)) > 20)
    for z in with_lung.tolist():
        hull = _hull(grid[z])
        outside[z] = ndimage.distance_transform_edt(~hull, sampling=spacing[1:])
        outside[z] -= ndimage.distance_transform_edt(hull, sampling=spacing[1:])
    if with_lung.size:
        # Below the lungs the ribs and their cartilages go on around where the lungs were widest.
        first = int(with_lung[0])
        low = max(0, first - int(_BELOW_MM / scene.spacing[0]))
        near = int(min(first + 40 / scene.spacing[0], with_lung[-1]))
        outside[low:first] = outside[near]
    body = scene.inside[:, :: step[1], :: step[2]]
    rows = np.arange(body.shape[1])[None, :, None]
    count = np.maximum(body.sum(axis=(1, 2)), 1)
    middle = (body * rows).sum(axis=(1, 2)) / count * step[1]
    return Wall(outside, step, middle, _spine(scene), scene.spacing)


def _hull(mask: Bool) -> Bool:
    """Convex hull of a slice."""
    return np.asarray(convex_hull_image(mask), dtype=np.bool_)  # type: ignore[no-untyped-call]


def _spine(scene: Scene) -> NDArray[np.float64]:
    """The vertebral bodies as ``(n, 4)``: centre in mm along the scene's axes ``(z, y, x)`` and radius."""
    tube = scene.anatomy.tubes.get("spine")
    if tube is None:
        return np.zeros((0, 4))
    index = scene.volume.geometry.to_index(tube.points) - np.array(scene.start)
    return np.column_stack([index * np.array(scene.spacing), tube.radius])
