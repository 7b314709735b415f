"""Where a candidate lies in the trunk: how deep under its surface, in front or behind, and how far from the spine."""

from __future__ import annotations

from dataclasses import dataclass

import edt
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from calciscope.find.scene import Bool, Scene

# Grid of the depths, mm.
_GRID_MM = 3.0
# Strands in subcutaneous fat narrower than this do not count as the trunk's surface, mm.
_STRAND_MM = 5.0
# Air around the patient reaches this far into the body mask (its voxels are coarse), mm.
_SKIN_MM = 4.0


@dataclass(frozen=True, slots=True, eq=False)
class Trunk:
    """Depth under the surface of muscle (``lean``) on a coarse grid of ``step`` voxels, mm; the body's middle rows.

    ``spine`` holds the vertebral bodies as ``(n, 4)``: centre in mm along the scene's axes ``(z, y, x)``, radius.
    ``chest`` are the slices with ribs: those with lung, and below them as far as the costal margin reaches; ``metal``
    says of each slice whether it holds metal. ``wall`` is, on the same grid, the wall of the chest in front of the
    lungs where the border of the image cuts it off, so that its surface is not in view.
    """

    lean: NDArray[np.float32]
    step: tuple[int, int, int]
    middle: NDArray[np.float64]
    spine: NDArray[np.float64]
    spacing: tuple[float, float, float]
    chest: tuple[int, int]
    metal: Bool
    wall: Bool

    def depth(self, voxels: NDArray[np.int32]) -> float:
        """Median depth of voxels under the surface of muscle, mm; 0 outside of it."""
        few = voxels[:: max(1, len(voxels) // 200)] // np.array(self.step)
        few = np.minimum(few, np.array(self.lean.shape) - 1)
        return float(np.median(self.lean[tuple(few.T)]))

    def in_cut_wall(self, voxels: NDArray[np.int32]) -> bool:
        """Whether most voxels lie in the wall of the chest where its surface is not in view."""
        few = voxels[:: max(1, len(voxels) // 200)] // np.array(self.step)
        few = np.minimum(few, np.array(self.wall.shape) - 1)
        return bool(self.wall[tuple(few.T)].mean() > 0.5)

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


# The wall of the chest is this thick in front, mm; the front of a lung curves back this far to its side; the outline
# of the heart may be off by so much.
_WALL_MM, _LUNG_FRONT_MM, _SAC_MM = 35.0, 45.0, 8.0
_HEART = ("heart_region", "heart", "heart_", "pericardium", "mediastinum")
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
    any_metal = np.asarray(metal.any(axis=(1, 2)))
    wall = _cut_wall(scene, body, air, step, spacing[1])
    return Trunk(lean, step, middle, _spine(scene), scene.spacing, chest, any_metal, wall)


def _cut_wall(scene: Scene, body: Bool, lung: Bool, step: tuple[int, int, int], row_mm: float) -> Bool:
    """What lies directly in front of the front of a lung where the image's border cuts the body off.

    Columns with any of the heart before the lung are left out: nothing of the heart may be taken for wall.
    """
    wall = np.zeros(body.shape, dtype=np.bool_)
    heart = scene.names_mask(_HEART)
    if scene.start[1] > 0 or not heart.any():
        return wall
    rows = np.arange(body.shape[1])[None, :, None]
    found = lung.any(axis=1)
    first = np.where(found, lung.argmax(axis=1), body.shape[1])
    # Behind the heart lung begins far behind the front of the lungs.
    foremost = first.min(axis=1, keepdims=True)
    near = (first - foremost) * row_mm <= _LUNG_FRONT_MM
    sac = heart[:, :: step[1], :: step[2]]
    sac = ndimage.binary_dilation(sac, iterations=max(1, round(_SAC_MM / row_mm)))
    free = ~(sac & (rows < first[:, None, :])).any(axis=1)
    before = first[:, None, :] - rows
    wall |= (body[:, 0, :] & found & near & free)[:, None, :] & (before > 0) & (before * row_mm <= _WALL_MM)
    return wall


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
