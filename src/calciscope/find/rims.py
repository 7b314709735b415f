"""Rim-calcified bodies: fragments of one rim become one candidate, and rims that touch become one each.

The rule: bright voxels whose gaps of a few mm are closed in each slice enclose a core that is not bright; every core of
a plausible size is one body, and the bright voxels near to it are its rim. Pieces that touch a rim and do not reach
beyond it sideways are its caps. The course of large arteries is left out: there the enclosed core is the lumen.
"""

from __future__ import annotations

from collections.abc import Sequence

import cc3d
import edt
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from calciscope.find.candidates import Candidate
from calciscope.find.scene import Bool, Hu, Scene
from calciscope.find.shape import outline

# Gaps of a rim that are closed, mm: thin rims fall under the threshold in places.
_GAP_MM = 5.0
# A rim's piece is at least this long, mm; a core has at least this volume and spans at most this much.
_LONG_MM = 5.0
_CORE_MM3 = 40.0
_CORE_MM = 45.0
# Bile, cholesterol and necrosis are not enhanced; the blood between streaks of contrast is, HU.
_CORE_HU = 110.0
# A core is this thick somewhere: gaps between flecks are thinner, mm.
_THICK_MM = 1.5
# Bright voxels this near to a core are its rim, mm; a piece's other voxels go with the nearest core up to the second.
_RIM_MM, _TAIL_MM = 6.5, 14.0
# The top and bottom of a rim may lie in slices of their own, this far from the rest, mm.
_CAP_MM = 5.0
# Larger boxes are no stone, voxels.
_LARGE = 3_000_000


def joined(scene: Scene, candidates: Sequence[Candidate], skeleton: Bool, walls: Bool) -> list[Candidate]:
    """The candidates with rims put together, one for each core; all others as they were."""
    spacing = np.array(scene.spacing)
    out: dict[int, Candidate | None] = dict(enumerate(candidates))
    owner: NDArray[np.int32] | None = None
    made: list[Candidate] = []
    for i, candidate in enumerate(candidates):
        extent = (np.ptp(candidate.voxels, axis=0) + 1) * spacing
        if out[i] is None or extent.max() < _LONG_MM or len(candidate.hu) < 8 or extent.max() > 2 * _CORE_MM:
            continue
        if walls[tuple(candidate.voxels.T)].mean() > 0.2:
            continue
        if owner is None:
            owner = _owners(candidates, scene.hu.shape)
        box = _box(candidate.voxels, spacing, scene.hu.shape)
        if np.prod([s.stop - s.start for s in box]) > _LARGE:
            continue
        for voxels, used in _bodies(owner[box], scene.hu[box], skeleton[box] | walls[box], scene.spacing, own=i + 1):
            voxels = voxels + np.array([s.start for s in box], dtype=np.int32)
            hu = scene.hu[tuple(voxels.T)].astype(np.float32)
            made.append(Candidate(voxels, hu, rim=True))
            for label in used:
                out[label - 1] = None
            owner[tuple(voxels.T)] = 0
        if out[i] is None:
            # What is left of the pieces that lost voxels to a rim goes on as their own candidates.
            made += _left(scene, owner, box, out)
    return [c for c in out.values() if c is not None] + made


def _owners(candidates: Sequence[Candidate], shape: tuple[int, ...]) -> NDArray[np.int32]:
    """For each voxel the number of its candidate, from 1, or 0."""
    owner = np.zeros(shape, dtype=np.int32)
    for number, candidate in enumerate(candidates, start=1):
        owner[tuple(candidate.voxels.T)] = number
    return owner


def _box(voxels: NDArray[np.int32], spacing: NDArray[np.float64], shape: tuple[int, ...]) -> tuple[slice, ...]:
    """The candidate's box with the margin that its rim may have."""
    margin = np.ceil(np.array([_TAIL_MM, 16.0, 16.0]) / spacing).astype(int)
    low = np.maximum(voxels.min(axis=0) - margin, 0)
    high = np.minimum(voxels.max(axis=0) + margin + 1, shape)
    return tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True))


def _bodies(
    owner: NDArray[np.int32], hu: Hu, barred: Bool, spacing: tuple[float, float, float], own: int
) -> list[tuple[NDArray[np.int32], set[int]]]:
    """Voxels of each rimmed body in a box that candidate ``own`` takes part in, and the candidates it is made of."""
    bright = (owner > 0) & ~barred
    holes = outline(bright, spacing, _GAP_MM) & (owner == 0) & ~barred
    if not holes.any():
        return []
    deep = edt.edt(np.ascontiguousarray(holes), anisotropy=(1e6, *spacing[1:]), black_border=True) > _THICK_MM
    cores = cc3d.connected_components(deep, connectivity=6)
    stats = cc3d.statistics(cores)
    wanted = [
        label
        for label in range(1, len(stats["voxel_counts"]))
        if _plausible(int(stats["voxel_counts"][label]), stats["bounding_boxes"][label], spacing)
    ]
    if not wanted:
        return []
    kept = np.where(np.isin(cores, wanted), cores, 0)
    distance, nearest = ndimage.distance_transform_edt(kept == 0, sampling=spacing, return_indices=True)
    core_of = kept[tuple(nearest)]
    rim = bright & (distance <= _RIM_MM)
    out: list[tuple[NDArray[np.int32], set[int]]] = []
    for label in wanted:
        mine = rim & (core_of == label)
        used = set(np.unique(owner[mine]).tolist()) - {0}
        dark = float(np.median(hu[kept == label])) < _CORE_HU
        if own not in used or not dark or not _enclosed(mine, kept == label):
            continue
        # The tail of a piece that is mostly this body's rim comes along.
        tail = bright & (core_of == label) & (distance <= _TAIL_MM) & np.isin(owner, list(used))
        whole = mine | tail
        for cap in _caps(owner, whole, used, spacing):
            whole |= owner == cap
            used.add(cap)
        out.append((np.argwhere(whole).astype(np.int32), used))
    return out


def _caps(owner: NDArray[np.int32], rim: Bool, used: set[int], spacing: tuple[float, float, float]) -> list[int]:
    """Candidates above and below a rim that are near it and lie within its outline seen from above."""
    where = np.argwhere(rim)
    low, high = where.min(axis=0)[1:], where.max(axis=0)[1:]
    away = edt.edt(np.ascontiguousarray(~rim), anisotropy=spacing, black_border=False)
    near = set(np.unique(owner[away <= _CAP_MM]).tolist()) - used - {0}
    out = []
    for label in near:
        points = np.argwhere(owner == label)[:, 1:]
        if np.all(points >= low) and np.all(points <= high):
            out.append(label)
    return out


def _plausible(count: int, box: tuple[slice, ...], spacing: tuple[float, float, float]) -> bool:
    """Whether a core has the size of a stone's."""
    size = max((s.stop - s.start) * d for s, d in zip(box, spacing, strict=True))
    # Thinning took about half of a small core away.
    return count * float(np.prod(spacing)) > 0.4 * _CORE_MM3 and size < _CORE_MM


def _enclosed(rim: Bool, core: Bool) -> bool:
    """Whether a rim runs around its core: it is seen from the core in at least six of eight directions of its slice."""
    z = int(core.sum(axis=(1, 2)).argmax())
    low, high = max(0, z - 1), z + 2
    centre = np.argwhere(core[z]).mean(axis=0)
    points = np.argwhere(rim[low:high].any(axis=0)) - centre
    if len(points) < 6:
        return False
    octants = np.floor((np.arctan2(points[:, 0], points[:, 1]) + np.pi) / (np.pi / 4)).astype(int) % 8
    return len(np.unique(octants)) >= 6


def _left(
    scene: Scene, owner: NDArray[np.int32], box: tuple[slice, ...], out: dict[int, Candidate | None]
) -> list[Candidate]:
    """What remains in a box of candidates that became rims, as connected pieces; their owners are cleared."""
    gone = np.array([False, *(out[i] is None for i in range(len(out)))])
    rest = gone[owner[box]]
    labels = cc3d.connected_components(rest, connectivity=26)
    pieces = []
    for label in range(1, int(labels.max(initial=0)) + 1):
        voxels = np.argwhere(labels == label).astype(np.int32) + np.array([s.start for s in box], dtype=np.int32)
        pieces.append(Candidate(voxels, scene.hu[tuple(voxels.T)].astype(np.float32)))
        owner[tuple(voxels.T)] = 0
    return pieces
