"""How bright a voxel must be to be calcium: the preset's threshold, raised where contrast or noise reaches it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from calciscope.find.scene import BRAIN, Bool, Hu, Scene

# Blood without contrast is below this, HU (haematocrit and voltage vary it between 30 and 65).
UNENHANCED_HU = 80.0
# Blood varies this many of its own SD around its mean.
_SPREAD = 3.0
# Calcium must exceed enhanced tissue around it by at least this, HU.
_MARGIN_HU = 60.0
# Organs that show contrast where no vessel could be sampled.
_ORGANS = ("heart_region", "heart", "spleen", "liver", "kidney_")
# Where one of these is in view there are pools that may be brighter than the blood that was sampled.
_TRUNK = ("aorta", "heart", "kidney", "liver", "spleen", "iliac")
# Pools at least this wide are background, mm: lumina of large vessels, renal cortex, heart chambers.
_POOL_MM = 6.0
# Grid of the background, mm.
_GRID_MM = 2.6
# Range of soft tissue whose voxel-to-voxel differences are noise, HU.
_SOFT = (-200.0, 220.0)
# In a brain without contrast nothing but calcium is this bright, HU: clotted blood ends where its red cells are packed
# (New and Aronow, Radiology 1976;121:635-640). Where more than this share of it is, contrast or a large bleeding is
# there.
BRAIN_HU, _BRIGHT_SHARE = 100.0, 0.004
# Brain this near to bone has its blur, mm.
_BLUR_MM = 4.0
# Voxels join at random throughout a volume where about a tenth of them pass; so many SD above tissue one in 160 does.
_LINKING_SD = 2.5
# Side of the squares in which noise is measured, mm, and in voxels at least; how far apart voxels are whose noise is
# taken for independent, mm: a kernel and fine pixels leave neighbours alike.
_SQUARE_MM, _SQUARE, _APART_MM = 14.0, 16, 1.2


@dataclass(frozen=True, slots=True, eq=False)
class Levels:
    """``enhanced`` says that contrast was given; ``floor`` is the threshold everywhere, HU.

    ``background`` is a coarse map of pools (HU) with its block size ``factor``, ``None`` without contrast; ``blood`` is
    the attenuation that blood may reach (HU), 0 without contrast. ``noise`` and ``tissue`` are the SD and the level of
    soft tissue in squares of ``side`` voxels.
    """

    enhanced: bool
    threshold: float
    floor: float
    blood: float
    background: NDArray[np.float32] | None
    factor: tuple[int, int, int]
    noise: NDArray[np.float32]
    tissue: NDArray[np.float32]
    side: int = _SQUARE

    def noise_at(self, voxels: NDArray[np.int32]) -> NDArray[np.float32]:
        """Noise SD at voxels ``(n, 3)``, HU."""
        return np.asarray(self.noise[voxels[:, 0], voxels[:, 1] // self.side, voxels[:, 2] // self.side])

    def tissue_at(self, voxels: NDArray[np.int32]) -> NDArray[np.float32]:
        """Level of soft tissue around voxels ``(n, 3)``, HU."""
        return np.asarray(self.tissue[voxels[:, 0], voxels[:, 1] // self.side, voxels[:, 2] // self.side])

    def background_at(self, z: NDArray[np.int64], y: NDArray[np.int64], x: NDArray[np.int64]) -> NDArray[np.float32]:
        """Attenuation of the pool at voxels, HU; 0 without contrast."""
        if self.background is None:
            return np.zeros(z.shape, dtype=np.float32)
        last = np.array(self.background.shape) - 1
        index = [np.minimum(v // f, n) for v, f, n in zip((z, y, x), self.factor, last, strict=True)]
        return np.asarray(self.background[tuple(index)])


def levels(scene: Scene, threshold_hu: float) -> Levels:
    """The levels of a scan. Contrast is judged by the blood pool alone: what is visible, not what the header says."""
    noise, tissue, side = noise_map(scene.hu, min(scene.spacing[1:]))
    pool = _pool(scene)
    if pool is None or pool[0] < UNENHANCED_HU:
        return Levels(False, threshold_hu, threshold_hu, 0.0, None, (1, 1, 1), noise, tissue, side)
    factor = (
        max(1, round(_GRID_MM / scene.spacing[0])),
        max(1, round(_GRID_MM / scene.spacing[1])),
        max(1, round(_GRID_MM / scene.spacing[2])),
    )
    coarse = block_mean(scene.hu, factor)
    size = tuple(max(1, 2 * round(_POOL_MM / 2 / (s * f)) + 1) for s, f in zip(scene.spacing, factor, strict=True))
    opened = ndimage.grey_opening(coarse, size=(1, size[1], size[2]))
    # Half a block of blur is given to each pool, so that its rim is not taken for its wall's calcium.
    opened = ndimage.maximum_filter(opened, size=(1, 3, 3))
    # The blur of bone reaches a few mm beyond it.
    bone = ndimage.binary_dilation(_coarse_any(scene.prior, factor, opened.shape), iterations=2)
    soft = opened[(opened > UNENHANCED_HU) & (opened < 1000.0) & ~bone]
    mean, spread = pool[0], _SPREAD * min(pool[1], _MARGIN_HU)
    # Beyond the trunk nothing soft is wider than the vessel that was sampled; what seems to be is the blur of bone.
    trunk = any(name.startswith(_TRUNK) for name in scene.anatomy.structures)
    brightest = float(np.percentile(soft, 99.0)) if soft.size > 200 and trunk else mean
    floor, blood = max(threshold_hu, mean + spread), max(brightest, mean + spread)
    return Levels(True, threshold_hu, floor, blood, opened, factor, noise, tissue, side)


def above_noise(level: Levels) -> Levels:
    """The levels of a scan whose noise links voxels across the body: what noise rarely reaches counts from there.

    The same levels where the noise is too little for that.
    """
    seen = level.noise > 0
    if not seen.any():
        return level
    limit = float(np.median(level.tissue[seen])) + _LINKING_SD * float(np.median(level.noise[seen]))
    if limit <= level.threshold:
        return level
    return replace(level, threshold=limit, floor=max(limit, level.floor))


def _pool(scene: Scene) -> tuple[float, float] | None:
    """Mean and SD of enhanced blood: of the blood pool, or else of the first organ in view that takes up contrast."""
    pool = scene.anatomy.blood_pool
    if pool is not None:
        return pool.mean_hu, pool.sd_hu
    for name in _ORGANS:
        mask = scene.names_mask((name,))
        if not mask.any():
            continue
        values = scene.hu[mask][:: max(1, int(mask.sum()) // 20_000)]
        middle = float(np.median(values))
        return middle, 1.4826 * float(np.median(np.abs(values - middle)))
    return None


def hot_voxels(scene: Scene, level: Levels, walls: Bool) -> Bool:
    """Voxels of the body that may be calcium or bone.

    Without contrast all that reach the threshold. With contrast the floor counts in and around enhanced pools, where
    blood and organs reach the threshold by themselves, and a voxel must stand out of its pool; elsewhere (fat, bile,
    cysts) the threshold counts. ``walls`` is the course of large arteries.
    """
    hot = np.asarray(scene.hu >= level.threshold) & scene.inside
    if level.background is None:
        if level.threshold > BRAIN_HU:
            hot |= _faint_in_brain(scene)
        return hot
    z, y, x = np.nonzero(hot)
    pool = level.background_at(z, y, x)
    hu = scene.hu[z, y, x]
    # Inside bone the background is marrow; bone is not to be raised by itself.
    raised = (pool > UNENHANCED_HU) & (~scene.prior[z, y, x] | walls[z, y, x])
    below = raised & (hu < np.maximum(pool + _MARGIN_HU, level.floor))
    hot[z[below], y[below], x[below]] = False
    return hot


def _faint_in_brain(scene: Scene) -> Bool:
    """Voxels of an unenhanced brain, away from bone, that only calcium reaches."""
    faint = np.zeros(scene.hu.shape, dtype=np.bool_)
    brain = scene.names_mask(BRAIN)
    slices = np.flatnonzero(brain.any(axis=(1, 2)))
    if not slices.size:
        return faint
    part = slice(int(slices[0]), int(slices[-1]) + 1)
    steps = max(1, round(_BLUR_MM / scene.spacing[1]))
    hot = np.asarray(brain[part] & (scene.hu[part] >= BRAIN_HU))
    if float(hot.sum()) > _BRIGHT_SHARE * float(brain.sum()):
        return faint
    for z in np.flatnonzero(hot.any(axis=(1, 2))).tolist():
        deep = ndimage.binary_erosion(ndimage.binary_fill_holes(brain[part][z]), iterations=steps)
        faint[part][z] = hot[z] & deep
    return faint


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


def noise_map(hu: Hu, pixel_mm: float = 1.0) -> tuple[NDArray[np.float32], NDArray[np.float32], int]:
    """Noise SD and level of soft tissue, HU, in squares of each slice, and the side of the squares in voxels.

    The SD is from differences of soft voxels 1.2 mm apart (two voxels at least): their median absolute value over
    0.954, whatever the tissue; edges are few. Streaks are even along themselves, so rows and columns are both tried and
    the larger counts. The level is the upper quartile of soft voxels. Squares with little soft tissue take their
    slice's median. ``pixel_mm`` is the side of a pixel.
    """
    side = max(_SQUARE, 2 * round(_SQUARE_MM / pixel_mm / 2))
    apart = max(2, round(_APART_MM / pixel_mm))
    nz, ny, nx = hu.shape
    shape = (nz, max(1, -(-ny // side)), max(1, -(-nx // side)))
    noise, tissue = np.zeros(shape, dtype=np.float32), np.zeros(shape, dtype=np.float32)
    rows, columns = shape[1] * side, shape[2] * side
    padded = np.full((rows + apart, columns + apart), np.nan, dtype=np.float32)
    for z in range(nz):
        plane = hu[z]
        soft = (plane > _SOFT[0]) & (plane < _SOFT[1])
        padded[:] = np.nan
        padded[:ny, :nx] = np.where(soft, plane, np.nan)
        # A quarter of the voxels is enough.
        here = padded[:rows:2, :columns:2]
        across = _quantile(np.abs(here - padded[:rows:2, apart : columns + apart : 2]), side // 2, 0.5)
        along = _quantile(np.abs(here - padded[apart : rows + apart : 2, :columns:2]), side // 2, 0.5)
        noise[z] = _filled(np.fmax(across, along), 20.0 * 0.954) / 0.954
        tissue[z] = _filled(_quantile(here, side // 2, 0.75), 50.0)
    # Structure in one square is no noise; streaks and thick parts of the body fill several.
    return np.asarray(ndimage.median_filter(noise, size=(1, 3, 3), mode="nearest")), tissue, side


def _quantile(plane: NDArray[np.float32], side: int, share: float) -> NDArray[np.float32]:
    """Quantile of each square of a plane, NaN left out; NaN where a square is mostly empty."""
    by, bx = plane.shape[0] // side, plane.shape[1] // side
    squares = plane.reshape(by, side, bx, side).swapaxes(1, 2).reshape(by * bx, side * side)
    squares = np.sort(squares, axis=1)  # NaN last
    count = np.isfinite(squares).sum(axis=1)
    value = squares[np.arange(by * bx), np.maximum((count * share).astype(int) - 1, 0)]
    return np.where(count > side * side // 5, value, np.nan).reshape(by, bx).astype(np.float32)


def _filled(squares: NDArray[np.float32], otherwise: float) -> NDArray[np.float32]:
    """Squares with NaN replaced by their median, or by a value where there is none."""
    known = squares[np.isfinite(squares)]
    typical = float(np.median(known)) if known.size else otherwise
    return np.where(np.isfinite(squares), squares, np.float32(typical))
