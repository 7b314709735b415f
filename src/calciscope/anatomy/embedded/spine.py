"""The track of the spine: a vertebral body with a canal and its arch behind it, followed from slice to slice."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from calciscope.anatomy.embedded.frame import Mask

Floats = NDArray[np.float32]

# From the attenuation of muscle to that of cancellous bone, HU: how bony a voxel is.
_SOFT_HU, _BONY_HU = 70.0, 200.0
# Shafts of long bones are denser than any vertebra on a coarse grid: from here to here it counts less and less, HU.
_SHAFT_HU = (500.0, 800.0)
# Half the sides of squares that stand for a vertebral body, its canal, and a piece of its arch, mm.
_BODY_MM, _CANAL_MM, _ARCH_MM = 11.0, 5.0, 4.5
# From the centre of the body back to that of the canal, mm: sacrum, cervical, thoracic and lumbar spine.
_BACK_MM = (13.0, 18.0, 23.0, 28.0)
# From the centre of the canal to pedicle, lamina or facet at either side, and to the spinous process, mm.
_BESIDE_MM, _BEHIND_MM = 13.0, 14.0
# Content of the canal, HU, and how far from it no canal can be.
_CANAL_HU, _CANAL_RANGE = 25.0, 110.0
# A spine this far from the body's midline is not believed, mm.
_OFF_MIDLINE_MM = 55.0
# How much the spine moves sideways or in depth over 10 mm of height at most, mm.
_LEAN_MM = 7.0
# Likeness that any bone reaches, and what a step aside costs.
_UNLIKE, _ASIDE = 0.3, 0.05
# Mean likeness over some 40 mm of height above which there is a spine (1 is a textbook vertebra).
_LIKE = 0.33
_WINDOW_MM = 40.0
# Cross-section of a trunk, mm2; knees and calves stay below, necks too but they have an airway.
_TRUNK_MM2 = 22000.0
# The spine goes on over a gap of this much, mm.
_GAP_MM = 30.0
# Where the view cuts the canal off: how far from its back edge a vertebral body then lies at most, mm, and how bony the
# place of one must be on average.
_AT_EDGE_MM, _CUT_BONY = 36.0, 0.2
# A spine is followed as long as this share of the place of its body is bone.
_GOES_ON = 0.35


def spine_track(
    hu: Floats, bone: Mask, body: Mask, airway: Mask, spacing: tuple[float, float, float]
) -> NDArray[np.float64]:
    """``(n_slices, 3)``: row, column of the vertebral body's centre and its radius in mm; NaN where there is none.

    The likeness of every place to a vertebra is computed (:func:`likeness`), the best path through the slices is the
    spine, and it holds where its likeness is high on average or where the bone of its bodies goes on. What is as thin
    as a limb and has no airway has no spine.
    """
    n = hu.shape[0]
    track = np.full((n, 3), np.nan)
    like = likeness(hu, body, spacing)
    # What is hardly like a vertebra must not add up to one over many slices.
    path = best_path(np.maximum(like - np.float32(_UNLIKE), 0), spacing)
    along = like[np.arange(n), path[:, 0], path[:, 1]]
    size = max(1, round(_WINDOW_MM / spacing[0]))
    good = ndimage.uniform_filter1d(along.astype(np.float64), size, mode="nearest") > _LIKE
    labels, count = ndimage.label(_bridged(good, spacing[0]))
    if not count:
        cut = _cut_off(hu, body, spacing)
        if cut is not None:
            for z, (row, column) in enumerate(cut.tolist()):
                track[z] = _vertebra(bone[z], row, column, spacing)
        return track
    longest = int(np.bincount(labels)[1:].argmax()) + 1
    stretch = np.flatnonzero(labels == longest)
    area = float(body[stretch].sum(axis=(1, 2)).max()) * spacing[1] * spacing[2]
    if area < _TRUNK_MM2 and not airway[stretch].any():
        return track
    smooth = max(1, round(15.0 / spacing[0]))
    rows, columns = (_smoothed(path[stretch, i].astype(np.float64), smooth) for i in (0, 1))
    for z, row, column in zip(stretch.tolist(), rows.tolist(), columns.tolist(), strict=True):
        track[z] = _vertebra(bone[z], row, column, spacing)
    _extend(track, bone, spacing)
    known = np.flatnonzero(np.isfinite(track[:, 0]))
    for i in range(3):
        track[known, i] = _smoothed(track[known, i], smooth)
    return track


def _bridged(good: NDArray[np.bool_], height: float) -> NDArray[np.bool_]:
    """Stretches of slices with short gaps between them filled: discs and noise hide a vertebra or two."""
    out = good.copy()
    known = np.flatnonzero(good)
    for before, after in pairwise(known.tolist()):
        if (after - before - 1) * height <= _GAP_MM:
            out[before:after] = True
    return out


def _cut_off(hu: Floats, body: Mask, spacing: tuple[float, float, float]) -> NDArray[np.float64] | None:
    """Row and column of vertebral bodies of which the view's back edge cuts off the canal, ``(n_slices, 2)``.

    Scans of the heart alone often end there. ``None`` where the back of the body is in view, or nothing is as bony.
    """
    if body[:, -1].any(axis=1).mean() < 0.5 or body.any(axis=1).mean() < 0.5:
        return None
    bony = np.clip((hu - _SOFT_HU) / (_BONY_HU - _SOFT_HU), 0.0, 1.0)
    size = (1, *(_odd(2 * _BODY_MM / s) for s in spacing[1:]))
    centre = ndimage.uniform_filter(bony, size=size, mode="constant")
    centre[:, : max(0, hu.shape[1] - round(_AT_EDGE_MM / spacing[1]))] = 0.0
    path = best_path(np.asarray(centre, dtype=np.float32), spacing)
    along = centre[np.arange(len(hu)), path[:, 0], path[:, 1]]
    if float(along.mean()) < _CUT_BONY:
        return None
    smooth = max(1, round(15.0 / spacing[0]))
    return np.stack([_smoothed(path[:, i].astype(np.float64), smooth) for i in (0, 1)], axis=1)


def likeness(hu: Floats, body: Mask, spacing: tuple[float, float, float]) -> Floats:
    """How much each place of each slice looks like the centre of a vertebral body (0 to 1), float32 ``(z, y, x)``.

    A bony square with a dark canal behind it that has bone at a side and behind: the product of both, so that neither a
    contrast-filled heart nor the shaft of a femur passes. Far from the midline it is lowered.
    """
    bony = np.clip((hu - _SOFT_HU) / (_BONY_HU - _SOFT_HU), 0.0, 1.0)
    bony *= np.clip((_SHAFT_HU[1] - hu) / (_SHAFT_HU[1] - _SHAFT_HU[0]), 0.0, 1.0)
    canal = np.clip(1.0 - np.abs(hu - _CANAL_HU) / _CANAL_RANGE, 0.0, 1.0)
    centre, arch, hole = (
        ndimage.uniform_filter(image, size=(1, *(_odd(2 * half / s) for s in spacing[1:])), mode="constant")
        for image, half in ((bony, _BODY_MM), (bony, _ARCH_MM), (canal, _CANAL_MM))
    )
    best = np.zeros_like(hu)
    beside = round(_BESIDE_MM / spacing[2])
    for back in _BACK_MM:
        down = round(back / spacing[1])
        sides = np.maximum(_shifted(arch, down, beside), _shifted(arch, down, -beside))
        behind = _shifted(arch, down + round(_BEHIND_MM / spacing[1]), 0)
        ring = _shifted(hole, down, 0) * np.sqrt(sides * behind)
        np.maximum(best, ring, out=best)
    out = np.sqrt(centre * best)
    for z in range(hu.shape[0]):
        middle = _middle(body[z])
        if middle is not None:
            off = np.abs(np.arange(hu.shape[2]) - middle) * spacing[2] / _OFF_MIDLINE_MM
            out[z] *= np.clip(1.3 - off, 0.0, 1.0)[None]
    return np.asarray(out, dtype=np.float32)


def _odd(size: float) -> int:
    """The nearest odd whole number."""
    return 2 * round((size - 1) / 2) + 1


def _shifted(image: Floats, down: int, right: int) -> Floats:
    """The image as seen from ``down`` rows and ``right`` columns away, 0 beyond the border."""
    out = np.zeros_like(image)
    rows, columns = image.shape[1:]
    if down >= rows or abs(right) >= columns:
        return out
    low, high = max(0, -right), min(columns, columns - right)
    out[:, : rows - down, low:high] = image[:, down:, low + right : high + right]
    return out


def _middle(body: Mask) -> float | None:
    """The column midway between the sides of the body, or ``None`` where the field of view cuts it."""
    columns = np.flatnonzero(body.any(axis=0))
    if not columns.size:
        return None
    deepest = body.sum(axis=0).max()
    # Skin that only touches the border is not cut off.
    if max(float(body[:, 0].sum()), float(body[:, -1].sum())) > 0.35 * float(deepest):
        return None
    return 0.5 * float(columns[0] + columns[-1])


def best_path(score: Floats, spacing: tuple[float, float, float]) -> NDArray[np.int64]:
    """Row and column of the path of highest total score through all slices, ``(n_slices, 2)``, of limited lean."""
    reach = [max(1, round(_LEAN_MM * spacing[0] / 10.0 / s)) for s in spacing[1:]]
    size = (2 * reach[0] + 1, 2 * reach[1] + 1)
    total = score.copy()
    for z in range(1, len(total)):
        # A step aside costs a little, so that the path is straight where nothing says otherwise.
        before = total[z - 1]
        total[z] += np.maximum(before, ndimage.maximum_filter(before, size=size) - np.float32(_ASIDE))
    path = np.zeros((len(score), 2), dtype=np.int64)
    path[-1] = np.unravel_index(int(total[-1].argmax()), total.shape[1:])
    for z in range(len(total) - 2, -1, -1):
        row, column = (int(v) for v in path[z + 1])
        top, left = max(0, row - reach[0]), max(0, column - reach[1])
        piece = total[z, top : row + reach[0] + 1, left : column + reach[1] + 1] - np.float32(_ASIDE)
        piece[row - top, column - left] += np.float32(_ASIDE)
        r, c = np.unravel_index(int(piece.argmax()), piece.shape)
        path[z] = r + top, c + left
    return path


def _smoothed(values: NDArray[np.float64], size: int) -> NDArray[np.float64]:
    """Running median, then mean."""
    median = ndimage.median_filter(values, size=2 * size + 1, mode="nearest")
    return np.asarray(ndimage.uniform_filter1d(median, size, mode="nearest"), dtype=np.float64)


def bone_share(bone: Mask, row: float, column: float, radius: float, spacing: tuple[float, float, float]) -> float:
    """Share of a disc (``radius`` mm) of a slice that is bone; 0 where its centre is outside."""
    if not (0 <= row < bone.shape[0] and 0 <= column < bone.shape[1]):
        return 0.0
    piece, inside = _disc(bone, row, column, radius, spacing)[:2]
    return float(piece[inside].mean()) if inside.any() else 0.0


def _disc(
    bone: Mask, row: float, column: float, radius: float, spacing: tuple[float, float, float]
) -> tuple[Mask, Mask, int, int]:
    """The part of a slice around a point, which voxels are within ``radius`` mm, and its first row and column."""
    reach = [int(np.ceil(radius / s)) for s in spacing[1:]]
    r0, c0 = max(0, round(row) - reach[0]), max(0, round(column) - reach[1])
    piece = bone[r0 : max(r0, round(row) + reach[0] + 1), c0 : max(c0, round(column) + reach[1] + 1)]
    y, x = np.ogrid[: piece.shape[0], : piece.shape[1]]
    inside = ((y + r0 - row) * spacing[1]) ** 2 + ((x + c0 - column) * spacing[2]) ** 2 <= radius**2
    return piece, np.asarray(inside), r0, c0


def _vertebra(bone: Mask, row: float, column: float, spacing: tuple[float, float, float]) -> tuple[float, float, float]:
    """Centre (row, column) and radius in mm of the vertebral body near a first guess: the bone around it, rounded."""
    share = 0.0
    for _ in range(2):
        piece, inside, r0, c0 = _disc(bone, row, column, 16.0, spacing)
        y, x = np.nonzero(piece & inside)
        if len(y) < 4:
            return row, column, 16.0
        # The canal fixes the place; the bone corrects it by a few mm.
        row += float(np.clip(y.mean() + r0 - row, -1.5 / spacing[1], 1.5 / spacing[1]))
        column += float(np.clip(x.mean() + c0 - column, -1.5 / spacing[2], 1.5 / spacing[2]))
    wide = [radius for radius in range(8, 30, 2) if bone_share(bone, row, column, float(radius), spacing) > 0.6]
    share = float(max(wide, default=12))
    return row, column, float(np.clip(share, 9.0, 26.0))


def _extend(track: NDArray[np.float64], bone: Mask, spacing: tuple[float, float, float]) -> None:
    """Follow the vertebral bodies beyond both ends of the track, and over discs, while bone goes on (in place)."""
    known = np.flatnonzero(np.isfinite(track[:, 0]))
    for start, step in ((int(known[0]), -1), (int(known[-1]), 1)):
        row, column, radius = track[start]
        hoped: list[int] = []
        z = start + step
        while 0 <= z < len(track) and len(hoped) * spacing[0] < 16.0:
            track[z] = row, column, radius
            if bone_share(bone[z], row, column, 10.0, spacing) > _GOES_ON:
                r, c, radius = _vertebra(bone[z], row, column, spacing)
                row, column = 0.5 * (row + r), 0.5 * (column + c)
                hoped = []
            else:
                hoped.append(z)
            z += step
        # Slices past the last bone were only hoped for.
        track[hoped] = np.nan
