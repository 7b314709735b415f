"""How bright a voxel must be to be calcium: the preset's threshold, raised where contrast or noise reaches it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from calciscope.find.scene import Bool, Hu, Scene

# Blood without contrast is below this, HU (haematocrit and voltage vary it between 30 and 65).
UNENHANCED_HU = 80.0
# Blood varies this many of its own SD around its mean.
_SPREAD = 3.0
# Calcium must exceed enhanced tissue around it by at least this, HU.
_MARGIN_HU = 60.0
# Pools at least this wide are background, mm: lumina of large vessels, renal cortex, heart chambers.
_POOL_MM = 6.0
# Grid of the background, mm.
_GRID_MM = 2.6
# Range of soft tissue whose voxel-to-voxel differences are noise, HU.
_SOFT = (-200.0, 220.0)
# Side of the squares in which noise is measured, voxels.
NOISE_SIDE = 16


@dataclass(frozen=True, slots=True, eq=False)
class Levels:
    """``enhanced`` says that contrast was given; ``floor`` is the threshold everywhere, HU.

    ``background`` is a coarse map of pools (HU) with its block size ``factor``, ``None`` without contrast; ``blood`` is
    the attenuation that blood may reach (HU), 0 without contrast. ``noise`` is the SD in squares of
    :data:`NOISE_SIDE` voxels, ``(z, y, x)``.
    """

    enhanced: bool
    floor: float
    blood: float
    background: NDArray[np.float32] | None
    factor: tuple[int, int, int]
    noise: NDArray[np.float32]

    def noise_at(self, z: NDArray[np.int64], y: NDArray[np.int64], x: NDArray[np.int64]) -> NDArray[np.float32]:
        """Noise SD at voxels, HU."""
        last = np.array(self.noise.shape) - 1
        return self.noise[z, np.minimum(y // NOISE_SIDE, last[1]), np.minimum(x // NOISE_SIDE, last[2])]

    def background_at(
        self, z: NDArray[np.int64], y: NDArray[np.int64], x: NDArray[np.int64]
    ) -> NDArray[np.float32] | None:
        """Attenuation of the pool at voxels, HU, or ``None`` without contrast."""
        if self.background is None:
            return None
        last = np.array(self.background.shape) - 1
        index = [np.minimum(v // f, n) for v, f, n in zip((z, y, x), self.factor, last, strict=True)]
        return self.background[tuple(index)]


def levels(scene: Scene, threshold_hu: float) -> Levels:
    """The levels of a scan. Contrast is judged by the blood pool alone: what is visible, not what the header says."""
    pool = scene.anatomy.blood_pool
    noise = noise_map(scene.hu)
    if pool is None or pool.mean_hu < UNENHANCED_HU:
        return Levels(False, threshold_hu, 0.0, None, (1, 1, 1), noise)
    factor = tuple(max(1, round(_GRID_MM / s)) for s in scene.spacing)
    coarse = block_mean(scene.hu, (factor[0], factor[1], factor[2]))
    size = tuple(max(1, 2 * round(_POOL_MM / 2 / (s * f)) + 1) for s, f in zip(scene.spacing, factor, strict=True))
    opened = ndimage.grey_opening(coarse, size=(1, size[1], size[2]))
    # Half a block of blur is given to each pool, so that its rim is not taken for its wall's calcium.
    opened = ndimage.maximum_filter(opened, size=(1, 3, 3))
    # The blur of bone reaches a few mm beyond it.
    bone = ndimage.binary_dilation(_coarse_any(scene.prior, factor, opened.shape), iterations=2)
    soft = opened[(opened > UNENHANCED_HU) & (opened < 1000.0) & ~bone]
    spread = min(pool.sd_hu, _MARGIN_HU)
    brightest = float(np.percentile(soft, 99.0)) if soft.size > 200 else pool.mean_hu
    floor = max(threshold_hu, pool.mean_hu + _SPREAD * spread)
    blood = max(brightest, pool.mean_hu + _SPREAD * spread)
    return Levels(True, floor, blood, opened, (factor[0], factor[1], factor[2]), noise)


def hot_voxels(scene: Scene, level: Levels) -> Bool:
    """Voxels of the body that may be calcium or bone: above the floor and above the pool they lie in."""
    hot = np.asarray(scene.hu >= level.floor) & scene.inside
    if level.background is None:
        return hot
    z, y, x = np.nonzero(hot)
    pool = level.background_at(z, y, x)
    assert pool is not None  # there is a background  # noqa: S101
    # Inside bone the opened background is marrow; bone is not to be raised by itself.
    below = (scene.hu[z, y, x] < pool + _MARGIN_HU) & ~scene.prior[z, y, x] & (pool > UNENHANCED_HU)
    hot[z[below], y[below], x[below]] = False
    return hot


def block_mean(hu: Hu, factor: tuple[int, int, int]) -> NDArray[np.float32]:
    """Mean over blocks in-plane on every ``factor[0]``-th slice, float32; what is left over joins no block."""
    fz, fy, fx = factor
    nz, ny, nx = (max(1, n // f) for n, f in zip(hu.shape, factor, strict=True))
    out = np.zeros((nz, ny, nx), dtype=np.float32)
    for dy in range(fy):
        for dx in range(fx):
            out += hu[: nz * fz : fz, dy : ny * fy : fy, dx : nx * fx : fx]
    return np.asarray(out / np.float32(fy * fx))


def _coarse_any(mask: Bool, factor: tuple[int, ...], shape: tuple[int, ...]) -> Bool:
    """A mask on the coarse grid by sampling each block's first voxel."""
    fz, fy, fx = factor
    return np.asarray(mask[::fz, ::fy, ::fx][: shape[0], : shape[1], : shape[2]])


def noise_map(hu: Hu) -> NDArray[np.float32]:
    """Noise SD in squares of :data:`NOISE_SIDE` voxels of each slice, HU, ``(z, y / side, x / side)``.

    From differences of voxels two columns apart that are both soft tissue: their median absolute value over 0.954 is
    the SD, whatever tissue it is; edges are few. Squares with little soft tissue take their slice's median.
    """
    side = NOISE_SIDE
    nz, ny, nx = hu.shape
    by, bx = max(1, -(-ny // side)), max(1, -(-nx // side))
    out = np.zeros((nz, by, bx), dtype=np.float32)
    for z in range(nz):
        plane = hu[z].astype(np.float32)
        # Every second row is enough, and independent of its neighbour.
        rows = plane[::2]
        difference = np.full((by * side // 2, bx * side), np.nan, dtype=np.float32)
        if nx > 2:
            a, b = rows[:, :-2], rows[:, 2:]
            soft = (a > _SOFT[0]) & (a < _SOFT[1]) & (b > _SOFT[0]) & (b < _SOFT[1])
            difference[: rows.shape[0], : nx - 2] = np.where(soft, np.abs(a - b), np.nan)
        squares = difference.reshape(by, side // 2, bx, side).swapaxes(1, 2).reshape(by * bx, -1)
        squares = np.sort(squares, axis=1)  # NaN last
        count = np.isfinite(squares).sum(axis=1)
        middle = squares[np.arange(by * bx), np.maximum(count // 2 - (count > 0), 0)]
        enough = count > squares.shape[1] // 5
        typical = float(np.median(middle[enough])) if enough.any() else 20.0
        out[z] = (np.where(enough, middle, typical) / 0.954).reshape(by, bx)
    return out
