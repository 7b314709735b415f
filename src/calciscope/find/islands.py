"""Calcium that touches bone: lumps of their own on its smooth surface, in the space of a joint or a tendon's insertion.

Through blur such a lump hangs together with the bone and by its brightness alone it is part of it. What tells it is
its form: above the level of the bridge it is a compact body (bone of that brightness is a sheet that goes on), it is
clearly brighter than the bridge, and it stands out of the outline of the bone or lies where bone has no place. An
osteophyte is as bright as the cortex that it continues; a bone island lies within. Left and right bones are alike:
what stands out on both sides at the same place is a process of bone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import cc3d
import edt
import numpy as np
from numpy.typing import NDArray

from calciscope.find.scene import Bool, Hu, Scene

# Where calcium is known to lie on bone.
ROOMS = ("joint_", "tendon_")
# Levels at which the brightness of bone and calcium is cut, HU; the step from one to the next is about a sixth.
_LEVELS = (180.0, 220.0, 260.0, 300.0, 350.0, 400.0, 460.0, 530.0, 600.0, 700.0, 800.0, 950.0)
# The bridge to the bone is at most this share of the peak.
_BRIDGE = 0.7
# A lump is no longer than this, mm, fills this share of its box (half for a ball, a tenth for a curved sheet), and has
# at least this many voxels and mm3.
_LONGEST, _FILL, _VOXELS, _LEAST_MM3 = 13.0, 0.42, 6, 15.0
# The bone's outline is smooth at this scale, mm: what a ball of this radius does not reach from inside stands out.
_SMOOTH = 5.0
# Share of a lump that lies outside of that outline, or this near (mm) to the joint's space or the tendon.
_SHARE, _BESIDE = 0.6, 2.0
# How far from a room bone is looked at, mm: further than a lump is long, so that what goes on is seen to.
_AROUND = 18.0
# A lump's blurred border belongs to it this far, mm, down to this share of its peak.
_BORDER, _HALF = 2.0, 0.5
# Lumps of two sides that lie this near to each other's mirror image, mm, are bone.
_MIRRORED = 8.0
# Boxes of rooms are found on a grid of this many voxels.
_GRID = 4


def islands(scene: Scene, skeleton: Bool) -> list[NDArray[np.int32]]:
    """Voxels ``(n, 3)`` of each lump of the skeleton that is calcium of a joint or tendon; none overlap."""
    taken = np.zeros(skeleton.shape, dtype=np.bool_)
    found: list[tuple[str, NDArray[np.float64], NDArray[np.int32]]] = []
    for name, box, room in _rooms(scene):
        first = np.array([part.start for part in box])
        middle = np.argwhere(room).mean(axis=0) + first
        for own in _lumps(scene, box, room, skeleton[box] & ~taken[box]):
            voxels = (np.argwhere(own) + first).astype(np.int32)
            taken[tuple(voxels.T)] = True
            found.append((name, (voxels.mean(axis=0) - middle) * np.array(scene.spacing), voxels))
    return [voxels for name, off, voxels in found if not _mirrored(name, off, found)]


def compact(voxels: NDArray[np.int32], spacing: tuple[float, float, float]) -> bool:
    """Whether voxels ``(n, 3)`` have the size and the solidity of a lump."""
    sides = (np.ptp(voxels, axis=0) + 1).tolist()
    return _compact(len(voxels), sides, spacing)


def _mirrored(
    name: str, off: NDArray[np.float64], others: list[tuple[str, NDArray[np.float64], NDArray[np.int32]]]
) -> bool:
    """Whether the same place on the other side has a lump too; ``off`` is mm (z, y, x) from the middle of the joint."""
    part, _, side = name.rpartition("_")
    other = {"left": f"{part}_right", "right": f"{part}_left"}.get(side)
    turned = off * (1.0, 1.0, -1.0)
    return any(name == other and float(np.linalg.norm(away - turned)) < _MIRRORED for name, away, _ in others)


def _rooms(scene: Scene) -> Iterator[tuple[str, tuple[slice, ...], Bool]]:
    """Each joint with its tendons: its name, a box around it, and the mask in that box."""
    places: dict[str, list[int]] = {}
    for name, structure in scene.anatomy.structures.items():
        if name.startswith(ROOMS):
            places.setdefault(name.split("_", 1)[1], []).append(structure.label)
    thin = scene.labels[:, ::_GRID, ::_GRID]
    margin = np.ceil(_AROUND / np.array(scene.spacing)).astype(int) + np.array([0, _GRID, _GRID])
    for name, labels in places.items():
        where = np.argwhere(np.isin(thin, labels)) * np.array([1, _GRID, _GRID])
        if len(where):
            low, high = np.maximum(where.min(axis=0) - margin, 0), where.max(axis=0) + margin + 1
            box = tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
            yield name, box, np.isin(scene.labels[box], labels)


def _lumps(scene: Scene, box: tuple[slice, ...], room: Bool, skeleton: Bool) -> Iterator[Bool]:
    """Masks in the box of what is a lump, each at the lowest level at which it is one."""
    if not room.any() or not skeleton.any():
        return
    hu = scene.hu[box]
    beside = _away(room, scene.spacing)
    smooth = _smooth(scene.prior[box], scene.spacing)
    seen = np.zeros(room.shape, dtype=np.bool_)
    for level in _LEVELS:
        labels = cc3d.connected_components(skeleton & (hu >= level), connectivity=26, out_dtype=np.uint32)
        stats = cc3d.statistics(labels)
        for label in range(1, len(stats["voxel_counts"])):
            part = stats["bounding_boxes"][label]
            count = int(stats["voxel_counts"][label])
            sides = [side.stop - side.start for side in part]
            if not _compact(count, sides, scene.spacing) or _cut(part, box, scene):
                continue
            own = labels[part] == label
            values = hu[part][own]
            # One bright voxel may be noise.
            peak = float(np.partition(values, -2)[-2])
            if level > _BRIDGE * peak or seen[part][own].any():
                continue
            outside = float((~smooth[part][own]).mean())
            if max(outside, float((beside[part][own] <= _BESIDE).mean())) < _SHARE or beside[part][own].min() > _BESIDE:
                continue
            seen[part] |= own
            whole = np.zeros(room.shape, dtype=np.bool_)
            whole[part] = own
            yield _bordered(whole, part, hu, skeleton, scene.spacing, _HALF * peak)


def _compact(count: int, sides: Sequence[int], spacing: tuple[float, float, float]) -> bool:
    """Whether a piece of ``count`` voxels in a box with ``sides`` (voxels) has the size and solidity of a lump."""
    longest = max(n * mm for n, mm in zip(sides, spacing, strict=True))
    volume = count * float(np.prod(spacing))
    return count >= _VOXELS and volume >= _LEAST_MM3 and longest <= _LONGEST and count >= _FILL * float(np.prod(sides))


def _cut(part: tuple[slice, ...], box: tuple[slice, ...], scene: Scene) -> bool:
    """Whether the scan ends at a piece: what it is there cannot be seen."""
    ends = scene.volume.geometry.shape
    return any(
        side.start + whole.start + first == 0 or side.stop + whole.start + first == end
        for side, whole, first, end in zip(part, box, scene.start, ends, strict=True)
    )


def _smooth(bone: Bool, spacing: tuple[float, float, float]) -> Bool:
    """The outline of bone without what stands out of it: its opening with a ball."""
    deep: NDArray[np.float32] = edt.edt(np.ascontiguousarray(bone), anisotropy=spacing, black_border=False)
    core: Bool = deep > _SMOOTH
    if not core.any():
        return core
    return np.asarray(_away(core, spacing) <= _SMOOTH)


def _away(mask: Bool, spacing: tuple[float, float, float]) -> NDArray[np.float32]:
    away: NDArray[np.float32] = edt.edt(np.ascontiguousarray(~mask), anisotropy=spacing, black_border=False)
    return away


def _bordered(
    own: Bool, part: tuple[slice, ...], hu: Hu, skeleton: Bool, spacing: tuple[float, float, float],
    least: float,
) -> Bool:  # fmt: skip
    """A lump with its border: it was cut off where the bridge begins, its own half height may lie further out."""
    reach = [int(np.ceil(_BORDER / mm)) for mm in spacing]
    wide = tuple(slice(max(0, side.start - n), side.stop + n) for side, n in zip(part, reach, strict=True))
    out = own.copy()
    near = _away(own[wide], spacing) <= _BORDER
    out[wide] |= near & skeleton[wide] & np.asarray(hu[wide] >= least)
    return out
