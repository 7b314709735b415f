"""Follows a ureter slice by slice: from a guessed course to the round dots of soft tissue in fat beside it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from calciscope.anatomy.embedded.frame import Frame

# The ureter is sought within this distance of its guessed course, on a grid of this size, mm.
_REACH, _GRID = 19.5, 1.5
# Fat is fat and soft tissue is soft tissue: attenuation beyond these says nothing more of a dot, HU.
_LEVELS = (-110.0, 60.0)
# Calcium draws no course, else a phlebolith beside a ureter would pull it to itself, HU and mm around it.
_CALCIUM, _HALO = 130.0, 2.5
# Tissue within about this distance of a ureter, mm, is mostly fat: from the first mean on it is doubted, HU, and at the
# second no more than this share of it is believed.
_NEAR, _FULL, _LEAST = 6.0, (-25.0, 15.0), 0.25
# Ureters and their blur, as standard deviations of a dot, mm: slack, full and dilated ones.
_SCALES = (1.7, 2.6, 4.0)
# A dot that stands out by this many HU (curvature times scale squared) is as clear as it can be.
_CLEAR = 22.0
# How far the true course is from the guessed one, mm, and how much it swerves from it in 3 mm of height, mm.
_ASTRAY, _SWERVE = 9.0, 2.0
# How much a clear dot counts against a distance of one _ASTRAY.
_TRUST = 1.6
# Steps between slices are at most this many cells.
_STEP = 2
# A ureter whose radius lies between these (mm) over this much of its length (mm) is widened, a wider one is bowel or a
# vessel; the renal pelvis above it is always wide. Urine with its wall, HU, and how clear a dot it must be.
_WIDE, _LONG, _PELVIS = (3.4, 7.5), 18.0, 15.0
_URINE, _DOT = (-20.0, 45.0), 0.45
# Rays from the middle of a ureter that find its wall, and how far they look, mm; fat begins below this, HU.
_RAYS, _FAR, _FAT = 24, 12.0, -30.0


@dataclass(frozen=True, slots=True, eq=False)
class Path:
    """``points`` ``(n, 3)`` coarse ``(z, y, x)``; for each its ``clear`` (0 to 1), ``radius`` in mm and ``hu``."""

    points: NDArray[np.float64]
    clear: NDArray[np.float64]
    radius: NDArray[np.float64]
    hu: NDArray[np.float64]

    def upto(self, count: int) -> Path:
        """The first ``count`` points."""
        return Path(self.points[:count], self.clear[:count], self.radius[:count], self.hu[:count])


def follow(frame: Frame, course: NDArray[np.float64]) -> Path:
    """The likeliest path near a guessed ``course`` ``(n, 3)`` of coarse points, head first, one in each slice."""
    offsets = np.arange(-_REACH, _REACH + _GRID / 2, _GRID)
    patches = np.stack([_patch(frame, point, offsets) for point in course])
    dots = np.stack([_dots(patch) for patch in patches])
    away = (offsets[:, None] ** 2 + offsets[None, :] ** 2) / (2 * _ASTRAY**2)
    height = np.abs(np.diff(course[:, 0])) * frame.spacing[0]
    best = _best(_TRUST * dots - away, height)
    moved = offsets[best] / np.array(frame.spacing[1:])
    found = course.copy()
    found[:, 1:] += moved
    clear = dots[np.arange(len(best)), best[:, 0], best[:, 1]]
    radius, hu = _sizes(patches, best)
    return Path(found, clear, radius, hu)


def _patch(frame: Frame, point: NDArray[np.float64], offsets: NDArray[np.float64]) -> NDArray[np.float32]:
    """Attenuation around a point in its slice, on the grid of ``offsets`` (mm)."""
    factor, spacing = frame.factor, frame.volume.geometry.spacing
    hu = frame.volume.hu
    first = min(round(point[0]) * factor[0], hu.shape[0] - 1)
    rows, columns = (point[k] * factor[k] + (factor[k] - 1) / 2 + offsets / spacing[k] for k in (1, 2))
    low = [max(0, int(c[0]) - 2) for c in (rows, columns)]
    high = [int(c[-1]) + 3 for c in (rows, columns)]
    flat = hu[first : first + factor[0], low[0] : high[0], low[1] : high[1]].astype(np.float32).mean(axis=0)
    if flat.size == 0:
        return np.full((len(offsets), len(offsets)), _LEVELS[0], dtype=np.float32)
    # Fine pixels carry noise that the grid would pick up.
    flat = ndimage.gaussian_filter(flat, [0.4 * _GRID / spacing[k] for k in (1, 2)])
    where = np.meshgrid(rows - low[0], columns - low[1], indexing="ij")
    return np.asarray(ndimage.map_coordinates(flat, where, order=1, mode="nearest"), dtype=np.float32)


def _dots(patch: NDArray[np.float32]) -> NDArray[np.float64]:
    """How much each point of a patch is the middle of a round dot brighter than what is around it, 0 to 1."""
    hu = np.clip(patch, *_LEVELS)
    best = np.zeros(patch.shape)
    for scale in _SCALES:
        sigma = scale / _GRID
        yy, xx, xy = (ndimage.gaussian_filter(hu, sigma, order=order) for order in ((2, 0), (0, 2), (1, 1)))
        # The weaker of the two curvatures: edges and ridges have none.
        weaker = (yy + xx) / 2 + np.sqrt(((yy - xx) / 2) ** 2 + xy**2)
        best = np.maximum(best, -weaker * sigma**2)
    # Dots are soft tissue in their middle, not strands that fat outshines.
    best *= np.clip((ndimage.gaussian_filter(hu, 0.8) + 70.0) / 50.0, 0.0, 1.0)
    # What fills its surroundings is a vessel, a loop of bowel or muscle.
    full = ndimage.gaussian_filter(hu, _NEAR / _GRID)
    best *= np.clip((_FULL[1] - full) / (_FULL[1] - _FULL[0]), _LEAST, 1.0)
    calcium = patch > _CALCIUM
    if calcium.any():
        best[ndimage.distance_transform_edt(~calcium, sampling=_GRID) < _HALO] = 0.0
    return np.clip(best / _CLEAR, 0.0, 1.0)


def _best(gain: NDArray[np.float64], height: NDArray[np.float64]) -> NDArray[np.int64]:
    """Row and column of the best path through ``gain`` ``(n, rows, columns)``, where swerving costs."""
    total = gain[0]
    back = []
    steps = [(dy, dx) for dy in range(-_STEP, _STEP + 1) for dx in range(-_STEP, _STEP + 1)]
    for layer, rise in zip(gain[1:], height, strict=True):
        swerve = _SWERVE * max(float(rise), 1.0) / 3.0
        padded = np.pad(total, _STEP, constant_values=-np.inf)
        n, m = total.shape
        options = np.stack(
            [
                padded[_STEP + dy : _STEP + dy + n, _STEP + dx : _STEP + dx + m]
                - (dy * dy + dx * dx) * _GRID**2 / (2 * swerve**2)
                for dy, dx in steps
            ]
        )
        choice = options.argmax(axis=0)
        back.append(choice)
        total = np.take_along_axis(options, choice[None], axis=0)[0] + layer
    at = np.unravel_index(int(total.argmax()), total.shape)
    path = [(int(at[0]), int(at[1]))]
    for choice in reversed(back):
        dy, dx = steps[int(choice[path[-1]])]
        path.append((path[-1][0] + dy, path[-1][1] + dx))
    return np.array(path[::-1])


def _sizes(patches: NDArray[np.float32], at: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Radius (mm) to the first fat, the median over directions, and the attenuation in the middle, for each slice."""
    angles = np.linspace(0, 2 * np.pi, _RAYS, endpoint=False)
    reach = np.arange(0.0, _FAR, 0.5)
    radius, hu = [], []
    for patch, (row, column) in zip(patches, at, strict=True):
        y = row + np.sin(angles)[:, None] * reach / _GRID
        x = column + np.cos(angles)[:, None] * reach / _GRID
        line = ndimage.map_coordinates(patch, [y, x], order=1, mode="nearest")
        fat = line < _FAT
        first = np.where(fat.any(axis=1), fat.argmax(axis=1), len(reach) - 1)
        radius.append(float(reach[np.median(first).astype(int)]))
        near = patch[max(0, row - 1) : row + 2, max(0, column - 1) : column + 2]
        hu.append(float(np.median(near)))
    return np.array(radius), np.array(hu)


def widened(path: Path, rise: float) -> slice | None:
    """The part of a path (``rise`` mm between its points) that is a wide tube of fluid; ``None`` without one."""
    # A single slice says little.
    radius, clear = (ndimage.median_filter(v, size=3, mode="nearest") for v in (path.radius, path.clear))
    wide = (radius >= _WIDE[0]) & (radius <= _WIDE[1]) & (clear > _DOT)
    wide &= (path.hu > _URINE[0]) & (path.hu < _URINE[1])
    wide[: round(_PELVIS / rise)] = False
    labels, count = ndimage.label(wide)
    runs = [np.flatnonzero(labels == label) for label in range(1, count + 1)]
    longest = max(runs, key=len, default=np.zeros(0, dtype=np.int64))
    if len(longest) * rise < _LONG:
        return None
    return slice(int(longest[0]), int(longest[-1]) + 1)
