"""A vessel traced slice by slice: from a path to a curve in millimetres, a mask and a sample of its blood."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.morphology import convex_hull_image

from calciscope.anatomy.embedded.circles import Floats, Ints, Window
from calciscope.anatomy.embedded.frame import Frame, Mask
from calciscope.domain.anatomy import BloodPool, Tube

# Half-way between soft tissue and fat, HU.
_TO_FAT = -25.0
# A vessel narrower than this part of its wide stretches may be one of two lumens.
_PART_OF_IT = 0.85
# Support of a rim that is clear, and of one that says nothing of the size; how much wider the vessel may be there.
_CLEAR, _VAGUE, _SWELLS = 0.35, 0.3, 1.2
# Rays round a centre.
_RAYS = 24
# A vessel of two lumens: how many times as wide as the one that was found, how much of its rim must show, how alike the
# rays to it must be (part of the radius), and how often its middle is corrected.
_WIDEST, _ALL_ROUND, _ALIKE, _ROUNDS = 2.4, 0.4, 0.4, 3


@dataclass(frozen=True, slots=True, eq=False)
class Track:
    """Centres of a vessel: ``points`` ``(n, 3)`` coarse ``(z, y, x)``, ``radius`` ``(n,)`` mm, ``support`` ``(n,)``.

    ``support`` is how disc-like the cross-section is (0 to 1). Slices ascend for tracks found slice by slice.
    """

    points: NDArray[np.float64]
    radius: NDArray[np.float64]
    support: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.radius)

    def part(self, keep: NDArray[np.bool_] | slice) -> Track:
        """The points that are kept."""
        return Track(self.points[keep], self.radius[keep], self.support[keep])


def joined(*tracks: Track) -> Track:
    """Tracks one after the other."""
    return Track(
        np.concatenate([t.points for t in tracks]),
        np.concatenate([t.radius for t in tracks]),
        np.concatenate([t.support for t in tracks]),
    )


def from_path(frame: Frame, box: Window, path: Ints, score: Floats, radii: NDArray[np.float64]) -> Track:
    """A track from a path ``(n, 4)`` of (slice, radius index, row, column); the radius is refined between steps."""
    slices, index, row, column = path.T
    support = score[index, slices, row, column]
    inner = np.clip(index, 1, len(radii) - 2)
    below, here, above = (score[inner + d, slices, row, column] for d in (-1, 0, 1))
    curve = below - 2 * here + above
    shift = np.where(curve < -1e-3, 0.5 * (below - above) / np.where(curve < -1e-3, curve, 1), 0.0)
    shift = np.where(inner == index, np.clip(shift, -0.5, 0.5), 0.0)
    radius = radii[index] + shift * (radii[1] - radii[0] if len(radii) > 1 else 0.0)
    factor = np.array(frame.factor, dtype=np.float64)
    volume = box.to_volume(np.stack([slices, row, column], axis=1).astype(np.float64))
    return Track((volume - (factor - 1) / 2) / factor, radius.astype(np.float64), support.astype(np.float64))


def resized(frame: Frame, track: Track, blood_hu: float, whole: NDArray[np.bool_] | None = None) -> Track:
    """The track with radii measured along rays to where blood ends, in the full-resolution volume.

    The votes place a centre well but underrate the radius of a bright vessel, whose blurred rim is wide. Where fewer
    than a third of the rays end in something darker, the radius is kept. At the points of ``whole`` a part of the
    vessel is not enhanced, and it ends in fat or lung only; a vessel with such points that is narrow elsewhere may be
    one lumen of two there, and is looked for up to where fat or lung begins all round.
    """
    # Without contrast halfway to fat; with it, halfway to the soft tissue around. Rays that leak into a neighbour end
    # late, so the shorter ones decide.
    edge = 0.5 * (blood_hu - 100.0) if blood_hu < 100.0 else 0.5 * (min(blood_hu, 300.0) + 50.0)
    radii = track.radius.copy()
    points = track.points.copy()
    # Where the vessel is plainly whole it is wide.
    wide = float(np.percentile(radii, 90)) if len(radii) else 0.0
    for k in range(len(track)):
        least = _TO_FAT if whole is not None and whole[k] else edge
        ends = _ends(frame, points[k], float(radii[k]), least)
        share = float(np.isfinite(ends).mean())
        if share >= 1 / 3:
            # A much wider vessel than voted must show most of its rim; else the rays have run into a neighbour.
            most = 1.2 if share < 2 / 3 else 1.4
            radii[k] = float(np.clip(np.nanpercentile(ends, 35), 0.7 * radii[k], most * radii[k]))
            usual = max(float(radii[k]), float(np.nanmedian(ends)))
            points[k] = _moved(frame, points[k], ends, usual, 0.6)
        if whole is not None and radii[k] < _PART_OF_IT * wide:
            points[k], radii[k] = _widened(frame, points[k], float(radii[k]), 1.1 * wide)
    return Track(points, radii, track.support)


def _ends(
    frame: Frame, point: NDArray[np.float64], radius: float, edge: float, reach: float = 1.5
) -> NDArray[np.float64]:
    """How far each of 24 rays runs before it is darker than ``edge``, mm; NaN beyond ``reach`` radii."""
    hu, spacing = frame.volume.hu, frame.volume.geometry.spacing
    factor = np.array(frame.factor, dtype=np.float64)
    z, y, x = (float(v) for v in point * factor + (factor - 1) / 2)
    angles = np.linspace(0.0, 2 * np.pi, _RAYS, endpoint=False)
    away = np.arange(0.4 * radius, reach * radius + 2.0, 0.5 * min(spacing[1:]))
    rows = y + np.sin(angles)[:, None] * away[None] / spacing[1]
    columns = x + np.cos(angles)[:, None] * away[None] / spacing[2]
    plane = hu[int(np.clip(round(z), 0, hu.shape[0] - 1))]
    ray = ndimage.map_coordinates(plane, [rows, columns], order=1, mode="nearest", output=np.float32)
    # Noise may not end a ray early; neighbouring rays end alike.
    dark = ndimage.gaussian_filter(ray, (1.0, 1.5), mode=("wrap", "nearest")) < edge
    return np.where(dark.any(axis=1), away[np.argmax(dark, axis=1)], np.nan)


def _moved(
    frame: Frame, point: NDArray[np.float64], ends: NDArray[np.float64], radius: float, slack: float
) -> NDArray[np.float64]:
    """The point moved to the middle of the rim."""
    angles = np.linspace(0.0, 2 * np.pi, len(ends), endpoint=False)
    down, right = _recentred(ends, angles, radius, slack)
    return np.asarray(point + np.array([0.0, down / frame.spacing[1], right / frame.spacing[2]]), dtype=np.float64)


def _widened(frame: Frame, point: NDArray[np.float64], radius: float, most: float) -> tuple[NDArray[np.float64], float]:
    """The point and radius grown to where fat or lung begins, if that is all round and makes a disc; else unchanged."""
    middle, size = point, radius
    for _ in range(_ROUNDS):
        ends = _ends(frame, middle, max(size, 4.0), _TO_FAT, _WIDEST)
        if not np.isfinite(ends).any():
            return point, radius
        size = float(np.nanmedian(ends))
        middle = _moved(frame, middle, ends, size, 1.0)
    # Rays into the vertebra or a neighbour do not end there; enough of the others must agree.
    agree = float((np.abs(ends - size) < _ALIKE * size).mean())
    return (middle, size) if agree >= _ALL_ROUND and radius < size < most else (point, radius)


def _recentred(
    ends: NDArray[np.float64], angles: NDArray[np.float64], radius: float, slack: float
) -> tuple[float, float]:
    """Shift (row, column; mm) to the middle of the rim, from the lengths of opposite rays; at most half a radius.

    Rays whose length differs by more than ``slack`` radii do not count.
    """
    half = len(angles) // 2
    fair = np.where(np.abs(ends - radius) <= slack * radius, ends, np.nan)
    uneven = (fair[:half] - fair[half:]) / 2
    known = np.isfinite(uneven)
    if known.sum() < 0.75 * half:
        return 0.0, 0.0
    # Along each direction the middle of a chord lies off by the shift's component in that direction.
    matrix = np.column_stack([np.sin(angles[:half][known]), np.cos(angles[:half][known])])
    shift, *_ = np.linalg.lstsq(matrix, uneven[known], rcond=None)
    length = float(np.hypot(*shift))
    scale = min(1.0, 0.5 * radius / length) if length > 0 else 0.0
    return float(shift[0]) * scale, float(shift[1]) * scale


def smoothed(track: Track, sigma: float) -> Track:
    """The track with centres and radii smoothed along its length (``sigma`` in points)."""
    if len(track) < 3:
        return track
    points = ndimage.gaussian_filter1d(track.points, sigma, axis=0, mode="nearest")
    points[:, 0] = track.points[:, 0]
    median = ndimage.median_filter(track.radius, size=5, mode="nearest")
    radius = ndimage.gaussian_filter1d(median, sigma, mode="nearest")
    return Track(points, radius, track.support)


def steadied(track: Track, reach: float, step: float) -> Track:
    """The track without swellings that no rim shows: there it is hardly wider than where it is clear nearby.

    ``reach`` is how far along the track clear stretches count, ``step`` the distance of its points, mm.
    """
    clear = track.support >= _CLEAR
    if not clear.any():
        return track
    radius = track.radius.copy()
    span = max(1, round(reach / step))
    for k in np.flatnonzero(track.support < _VAGUE).tolist():
        near = slice(max(0, k - span), k + span + 1)
        if clear[near].any():
            radius[k] = min(radius[k], _SWELLS * float(np.median(track.radius[near][clear[near]])))
    return Track(track.points, ndimage.gaussian_filter1d(radius, 1.0, mode="nearest"), track.support)


def longest_run(good: NDArray[np.bool_]) -> slice:
    """The longest stretch of true values (empty at 0 if there is none)."""
    labels, count = ndimage.label(good)
    if not count:
        return slice(0, 0)
    sizes = np.bincount(labels)
    sizes[0] = 0
    where = np.flatnonzero(labels == int(sizes.argmax()))
    return slice(int(where[0]), int(where[-1]) + 1)


def paint(frame: Frame, track: Track, margin: float = 0.0, *, ball: bool = False) -> Mask:
    """Coarse mask of a track: a disc on each slice, or a ball at each point, ``margin`` mm wider than the vessel."""
    mask = np.zeros(frame.hu.shape, dtype=np.bool_)
    spacing = np.array(frame.spacing)
    for point, radius in zip(track.points, track.radius + margin, strict=True):
        # A vessel narrower than a coarse voxel still marks the voxel it runs through.
        reach = max(float(radius), 0.6 * float(spacing[1:].max()))
        half = np.array([reach if ball else 0.5 * spacing[0], reach, reach])
        low = np.maximum(np.ceil(point - half / spacing - 1e-6), 0).astype(int)
        high = np.minimum(np.floor(point + half / spacing + 1e-6) + 1, mask.shape).astype(int)
        if np.any(low >= high):
            continue
        z, y, x = np.ogrid[low[0] : high[0], low[1] : high[1], low[2] : high[2]]
        distance = ((y - point[1]) * spacing[1]) ** 2 + ((x - point[2]) * spacing[2]) ** 2
        if ball:
            distance = distance + ((z - point[0]) * spacing[0]) ** 2
        mask[low[0] : high[0], low[1] : high[1], low[2] : high[2]] |= distance <= reach**2
    return mask


def tube(frame: Frame, name: str, track: Track, confidence: float) -> Tube:
    """The track as a tube in LPS mm, in its own order."""
    return Tube(name, frame.to_mm(track.points), track.radius.copy(), confidence)


def blood(frame: Frame, track: Track, source: str) -> BloodPool | None:
    """Attenuation of the blood in the middle of the vessel, wall and calcium left out, or ``None`` if it is too small.

    The middle half of the lumen is sampled in the full-resolution volume; voxels far from the median (plaque, flap,
    streaks) are left out.
    """
    hu = frame.volume.hu
    spacing = frame.volume.geometry.spacing
    factor = np.array(frame.factor)
    sample: list[NDArray[np.float64]] = []
    for point, radius in zip(track.points, track.radius, strict=True):
        z, y, x = (float(v) for v in point * factor + (factor - 1) / 2)
        reach = max(0.5 * float(radius), 2.0)
        rows = np.arange(max(0, round(y - reach / spacing[1])), min(hu.shape[1], round(y + reach / spacing[1]) + 1))
        columns = np.arange(max(0, round(x - reach / spacing[2])), min(hu.shape[2], round(x + reach / spacing[2]) + 1))
        if not rows.size or not columns.size:
            continue
        disc = np.hypot(*np.meshgrid((rows - y) * spacing[1], (columns - x) * spacing[2], indexing="ij")) <= reach
        piece = hu[min(round(z), hu.shape[0] - 1), rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        sample.append(piece[disc].astype(np.float64))
    values = np.concatenate(sample) if sample else np.zeros(0)
    if values.size < 20:  # fewer say nothing about noise
        return None
    middle = float(np.median(values))
    spread = 1.4826 * float(np.median(np.abs(values - middle)))
    kept = values[np.abs(values - middle) <= 3 * max(spread, 5.0)]
    return BloodPool(float(kept.mean()), float(kept.std()), int(kept.size), source)


def hull(mask: Mask) -> Mask:
    """The convex hull of a slice ``(y, x)``."""
    return np.asarray(convex_hull_image(mask), dtype=np.bool_)  # type: ignore[no-untyped-call]


def largest(mask: Mask) -> Mask:
    """The largest connected piece."""
    labels, count = ndimage.label(mask)
    if not count:
        return mask
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    return np.asarray(labels == int(sizes.argmax()))
