"""The skeleton on the coarse grid, told apart from contrast, and the track of the spine."""

from __future__ import annotations

import cc3d
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from calciscope.anatomy.embedded.frame import Mask

# Cancellous bone with its cortex on a coarse grid; muscle and unenhanced organs stay below.
BONE_HU = 150.0
# Cortex: what a piece must reach somewhere to be bone.
_CORTEX_HU = 240.0
# Pieces of bone that the scan cuts off are larger than stones and plaques, ml.
_LEAST_ML = 0.6
# Blood and organs are homogeneous: their brightest neighbour within this distance, mm, ...
_SHELL_MM = 7.0
# ... is at most this part and this many HU brighter than their mean. Marrow has a cortex around it.
_SHELL_PART = 0.22
_SHELL_HU = 45.0
# The vertebral canal in cross-section, mm2, its content, HU, and the size of a vertebral body, mm.
_CANAL_MM2 = (70.0, 1100.0)
_CANAL_HU = (-40.0, 110.0)
_BODY_MM = 14.0
# From the centre of the canal forward to the centre of the vertebral body, mm.
_FORWARD_MM = 22.0
# How far the spine is followed without a closed canal, mm.
_GAP_MM = 45.0


def find_contrast(hu: NDArray[np.float32], body: Mask, spacing: tuple[float, float, float]) -> Mask:
    """Enhanced blood and organs: bright, homogeneous, thick and without a brighter shell, coarse ``(z, y, x)``.

    Marrow is homogeneous too but lies within a few mm of its cortex. Cores are grown back through whatever is about
    as bright as they are, so that the blurred rim of a vessel belongs to it.
    """
    bright = (hu > 110.0) & body
    if not bright.any():
        return bright
    size = [max(3, 2 * round(_SHELL_MM / s) + 1) for s in spacing]
    top = ndimage.maximum_filter(hu, size=size)
    mean = ndimage.uniform_filter(hu, size=3)
    floor = ndimage.minimum_filter(mean, size=3)
    core = bright & (top < mean * (1.0 + _SHELL_PART) + _SHELL_HU) & (floor > 100.0)
    labels = cc3d.connected_components(core, connectivity=6)
    volumes = np.bincount(labels.ravel()) * float(np.prod(spacing)) / 1000.0
    volumes[0] = 0.0
    core = (volumes > 1.5)[labels]
    if not core.any():
        return core
    near = ndimage.distance_transform_edt(~core, sampling=spacing, return_distances=True, return_indices=True)
    distance, index = near
    level = mean[tuple(index)]
    rim = bright & (distance <= _SHELL_MM + max(spacing)) & (hu < level * (1.0 + _SHELL_PART) + _SHELL_HU)
    return np.asarray(core | rim)


def find_bone(hu: NDArray[np.float32], body: Mask, contrast: Mask, spacing: tuple[float, float, float]) -> Mask:
    """The skeleton, marrow included: bright pieces with a cortex and of some size that are not contrast.

    Small bright pieces (stones, plaques, phleboliths) are left out; ribs and spine hang together or are large.
    """
    bright = (hu > BONE_HU) & body & ~contrast
    labels = cc3d.connected_components(bright, connectivity=18)
    stats = cc3d.statistics(labels)
    volumes = stats["voxel_counts"] * float(np.prod(spacing)) / 1000.0
    peaks = ndimage.maximum(hu, labels, np.arange(len(volumes)))
    keep = (volumes >= _LEAST_ML) & (np.asarray(peaks) >= _CORTEX_HU)
    keep[0] = False
    bone = np.asarray(keep[labels])
    return fill_marrow(bone, hu, spacing)


def fill_marrow(bone: Mask, hu: NDArray[np.float32], spacing: tuple[float, float, float]) -> Mask:
    """Bone with its marrow: holes of each slice that hold marrow, closed over gaps of about 4 mm; canals stay open."""
    steps = max(1, round(2.5 / spacing[1]))
    cross = ndimage.generate_binary_structure(2, 1)
    out = bone.copy()
    for z in np.flatnonzero(bone.any(axis=(1, 2))).tolist():
        plane = np.pad(bone[z], steps, mode="edge")
        closed = ndimage.binary_closing(plane, cross, iterations=steps)[steps:-steps, steps:-steps] | bone[z]
        labels, count = ndimage.label(~closed)
        if count:
            index = np.arange(1, count + 1)
            area = np.bincount(labels.ravel(), minlength=count + 1)[1:] * spacing[1] * spacing[2]
            edge = np.unique(np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]]))
            mean = ndimage.mean(hu[z], labels, index)
            # The vertebral canal holds fluid and cord; marrow is either brighter or fatty.
            canal = (mean > _CANAL_HU[0]) & (mean < 60.0) & (area > _CANAL_MM2[0])
            hole = (area < 2500.0) & ~canal & ~np.isin(index, edge) & (mean > -200.0)
            closed |= np.concatenate([[False], hole])[labels]
        out[z] |= closed & (hu[z] > -150.0)
    return out


def spine_track(
    hu: NDArray[np.float32], bone: Mask, body: Mask, spacing: tuple[float, float, float]
) -> NDArray[np.float64]:
    """``(n_slices, 3)``: row, column of the vertebral body's centre and its radius in mm; NaN where there is none.

    In each slice the vertebral canal is sought as soft tissue enclosed by bone with a vertebral body in front of it.
    The canals that continue each other from slice to slice are the spine; it is followed past slices without a closed
    canal where the vertebral body goes on.
    """
    n = hu.shape[0]
    found: list[tuple[int, float, float, float]] = []
    for z in np.flatnonzero(bone.any(axis=(1, 2))).tolist():
        found += [(z, *c) for c in _canals(hu[z], bone[z], spacing)]
    track = np.full((n, 3), np.nan)
    chain = _chain(found, spacing)
    if len(chain) * spacing[0] < 12.0 or len(chain) < min(3, n):
        return track
    points = np.array(chain)
    zs = np.arange(int(points[0, 0]), int(points[-1, 0]) + 1)
    smooth = max(1, round(12.0 / spacing[0]))
    canal = np.stack([_smoothed(np.interp(zs, points[:, 0], points[:, i]), smooth) for i in (1, 2)], axis=1)
    forward = _FORWARD_MM / spacing[1]
    for k, z in enumerate(zs.tolist()):
        track[z] = _vertebra(bone[z], canal[k, 0] - forward, canal[k, 1], spacing)
    _extend(track, bone, spacing)
    known = np.flatnonzero(np.isfinite(track[:, 0]))
    for i in range(3):
        track[known, i] = _smoothed(track[known, i], smooth)
    return track


def _smoothed(values: NDArray[np.float64], size: int) -> NDArray[np.float64]:
    """Running median, then mean."""
    median = ndimage.median_filter(values, size=2 * size + 1, mode="nearest")
    return np.asarray(ndimage.uniform_filter1d(median, size, mode="nearest"), dtype=np.float64)


def _canals(
    hu: NDArray[np.float32], bone: Mask, spacing: tuple[float, float, float]
) -> list[tuple[float, float, float]]:
    """(row, column, quality) of possible vertebral canals of a slice."""
    steps = max(1, round(4.0 / spacing[1]))
    cross = ndimage.generate_binary_structure(2, 1)
    closed = np.pad(bone, steps)
    closed = ndimage.binary_closing(closed, cross, iterations=steps)[steps:-steps, steps:-steps]
    holes = ndimage.binary_fill_holes(closed) & ~bone & (hu > -120.0)
    # Closing by itself fills narrow canals: they count as holes of what it closed.
    labels, count = ndimage.label(holes)
    out: list[tuple[float, float, float]] = []
    area_mm2 = spacing[1] * spacing[2]
    for label, where in enumerate(ndimage.find_objects(labels, max_label=count), start=1):
        if where is None:
            continue
        part = labels[where] == label
        area = float(part.sum()) * area_mm2
        if not _CANAL_MM2[0] <= area <= _CANAL_MM2[1]:
            continue
        mean = float(hu[where][part].mean())
        if not _CANAL_HU[0] < mean < _CANAL_HU[1]:
            continue
        row, column = (float(c.mean() + s.start) for c, s in zip(np.nonzero(part), where, strict=True))
        front = _disc_share(bone, row - _FORWARD_MM / spacing[1], column, _BODY_MM, spacing)
        lateral = [_disc_share(bone, row, column + side * 16.0 / spacing[2], 8.0, spacing) for side in (-1, 1)]
        if front > 0.5:
            out.append((row, column, front + 0.3 * min(lateral)))
    return out


def _disc_share(bone: Mask, row: float, column: float, radius: float, spacing: tuple[float, float, float]) -> float:
    """Share of a disc that is bone; 0 where its centre is outside."""
    if not (0 <= row < bone.shape[0] and 0 <= column < bone.shape[1]):
        return 0.0
    reach = int(np.ceil(radius / spacing[1]))
    r0, c0 = max(0, round(row) - reach), max(0, round(column) - reach)
    piece = bone[r0 : round(row) + reach + 1, c0 : round(column) + reach + 1]
    y, x = np.ogrid[: piece.shape[0], : piece.shape[1]]
    disc = ((y + r0 - row) * spacing[1]) ** 2 + ((x + c0 - column) * spacing[2]) ** 2 <= radius**2
    return float(piece[disc].mean()) if disc.any() else 0.0


def _chain(
    found: list[tuple[int, float, float, float]], spacing: tuple[float, float, float]
) -> list[tuple[int, float, float]]:
    """The best chain of canals over ascending slices: dynamic programming over quality, gaps and sideways moves."""
    found = sorted(found)
    best = [f[3] for f in found]
    back = [-1] * len(found)
    for i, (z, y, x, quality) in enumerate(found):
        for j in range(i - 1, -1, -1):
            zj, yj, xj, _ = found[j]
            gap = (z - zj) * spacing[0]
            if gap > 2 * _GAP_MM:
                break
            if gap <= 0:
                continue
            move = float(np.hypot((y - yj) * spacing[1], (x - xj) * spacing[2]))
            if move > 6.0 + 0.8 * gap:
                continue
            score = best[j] + quality - 0.03 * move - 0.004 * gap
            if score > best[i]:
                best[i], back[i] = score, j
    if not found:
        return []
    i = int(np.argmax(best))
    chain: list[tuple[int, float, float]] = []
    while i >= 0:
        chain.append(found[i][:3])
        i = back[i]
    return chain[::-1]


def _vertebra(bone: Mask, row: float, column: float, spacing: tuple[float, float, float]) -> tuple[float, float, float]:
    """Centre (row, column) and radius in mm of the vertebral body near a first guess: centre of the bone around it."""
    radius = 18.0
    for _ in range(3):
        reach = int(np.ceil(radius / spacing[1]))
        r0, c0 = max(0, round(row) - reach), max(0, round(column) - reach)
        piece = bone[r0 : max(0, round(row) + reach + 1), c0 : max(0, round(column) + reach + 1)]
        if not piece.size:
            return row, column, radius
        y, x = np.nonzero(piece)
        inside = ((y + r0 - row) * spacing[1]) ** 2 + ((x + c0 - column) * spacing[2]) ** 2 <= radius**2
        if inside.sum() < 4:
            return row, column, radius
        shift = float(y[inside].mean() + r0) - row
        # The canal fixes the depth; the bone may correct it by a few mm.
        row += float(np.clip(shift, -3.0 / spacing[1], 3.0 / spacing[1]))
        column = float(x[inside].mean() + c0)
    area = float(inside.sum()) * spacing[1] * spacing[2]
    return row, column, float(np.clip(np.sqrt(area / np.pi), 8.0, 30.0))


def _extend(track: NDArray[np.float64], bone: Mask, spacing: tuple[float, float, float]) -> None:
    """Follow the vertebral bodies beyond the first and last canal, and over discs, while bone goes on (in place)."""
    known = np.flatnonzero(np.isfinite(track[:, 0]))
    for start, step in ((int(known[0]), -1), (int(known[-1]), 1)):
        row, column, radius = track[start]
        missed = 0.0
        z = start + step
        while 0 <= z < track.shape[0] and missed < 16.0:
            share = _disc_share(bone[z], row, column, 12.0, spacing)
            if share > 0.35:
                r, c, radius = _vertebra(bone[z], row, column, spacing)
                row, column = 0.5 * (row + r), 0.5 * (column + c)
                missed = 0.0
            else:
                missed += spacing[0]
            track[z] = row, column, radius
            z += step
        # Slices past the end that were only hoped for are taken back.
        back = z - step
        while missed > 0 and 0 <= back < track.shape[0] and back != start:
            track[back] = np.nan
            missed -= spacing[0]
            back -= step
