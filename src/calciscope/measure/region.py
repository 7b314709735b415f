"""The region that a deposit's attenuation is integrated over, the tissue around it, and the noise of that integral."""

from __future__ import annotations

import math
from dataclasses import dataclass

import edt
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from calciscope.errors import InputError

Spacing = tuple[float, float, float]

# Reach of the blur within a slice, mm: 2.5 standard deviations of a point spread of 1.9 mm full width at half maximum,
# the widest of the soft kernels used for scoring; a wider pixel blurs further.
BLUR_MM = 2.0
# How far around the region the background is taken, mm: wide enough for its error to stay below the region's own noise.
SHELL_MM = 6.0
# A voxel stands out at four standard deviations: less than one voxel of noise in ten thousand does.
STANDS_OUT = 4.0
# A tissue is what keeps within so many standard deviations of its mean.
TISSUE_SD = 2.5
# A tissue that makes up this share of the shell can be what the deposit lies in.
TISSUE_SHARE = 0.25
# Noise of neighbouring pixels is alike up to here, mm: reconstruction kernels for scoring reach no further.
CORRELATION_MM = 4.0
# A plateau begins at this share of the blur's reach inside the edge: 97 % of the contrast is there.
PLATEAU_SHARE = 0.75
# Fewer background voxels than this tell no background.
LEAST_SHELL = 12
MAD_TO_SD = 1.4826
# Differences of voxels this far apart (mm) hold the whole noise twice.
NOISE_LAG_MM = 1.5
# HU are whole numbers: an image without any noise still has steps.
STEP_HU = 0.5
# Area over which noise counts as one where it cannot be measured, mm2: that of soft kernels.
GRAIN_MM2 = 1.5
# Places needed to measure how sums scatter; below it smaller squares are used.
LEAST_PLACES = 8.0
# First term of Student's 97.5 % quantile over the normal one by degrees of freedom.
STUDENT = 1.2
# Slices whose sums are less alike than this count as independent.
ALIKE = 0.05
# Share of the shell that may be of another tissue by chance (voxels that noise carries far, small vessels).
OTHER_SHARE = 0.05
# Fat and muscle differ by so much; air or bone beside a deposit does not make its own tissue less certain than that.
TISSUE_SPAN_HU = 150.0


@dataclass(frozen=True, slots=True, eq=False)
class Region:
    """What is integrated, and how well.

    ``hu`` ``(n,)`` are the voxels of the region, ``plateau`` those of the core that no edge reaches; ``background``,
    ``background_error`` and ``noise`` are in HU. ``sum_error`` is the standard error of the sum of excess attenuation,
    HU times voxels; ``widening`` corrects the normal quantile for the few places that the noise was measured at.
    """

    hu: NDArray[np.float64]
    plateau: NDArray[np.float64]
    background: float
    background_error: float
    noise: float
    sum_error: float
    widening: float
    note: str | None


def region_of(
    hu: NDArray[np.number],
    voxels: NDArray[np.integer],
    spacing: Spacing,
    *,
    others: NDArray[np.bool_] | None = None,
    slice_axis: int = 0,
) -> Region:
    """The region of one deposit; arguments as for :func:`calciscope.measure.integrated.integrated_mass`."""
    patch = _patch(hu, voxels, spacing, others, slice_axis)
    shell = _shell(patch)
    values = patch.hu[shell]
    if values.size < LEAST_SHELL:
        raise InputError("there is too little image around the deposit to take its background from")
    noise = _noise(patch, shell)
    background = _background(values, noise)
    # What stands out of the shell is something else, and so is its blur.
    bright = shell & (patch.hu - background > STANDS_OUT * noise)
    if bright.any():
        cleaned = shell & (_distance(_thicker(bright), patch.pixel) > patch.blur)
        if int(cleaned.sum()) >= LEAST_SHELL:
            shell = cleaned
            background = _background(patch.hu[shell], noise)
    tissue = shell & (np.abs(patch.hu - background) <= STANDS_OUT * noise)
    excess = patch.hu - background
    core = _core(patch, excess, noise)
    inside = _distance(_thicker(core), patch.pixel)
    region = inside <= patch.blur
    dropped = np.zeros_like(region)
    if patch.others.any():
        dropped |= region & ~core & (_distance(patch.others, patch.pixel) < inside)
    dark = region & ~core & (excess < -STANDS_OUT * noise)
    if dark.any():
        dropped |= region & ~core & _spread(dark)
    region &= ~dropped
    spread = _spread_of_sums(patch, excess, tissue, region)
    error, note = _uncertainty(patch, excess, shell, tissue, core, region, dropped, spread)
    plateau = core & ~_thicker(~core) & (_distance(~core, patch.pixel) > PLATEAU_SHARE * patch.blur)
    return Region(
        hu=patch.hu[region].astype(np.float64),
        plateau=patch.hu[plateau].astype(np.float64),
        background=background,
        background_error=error.background,
        noise=noise,
        sum_error=error.total,
        widening=1.0 + STUDENT / max(spread.places, 2.0),
        note=note,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Patch:
    """The surroundings of a deposit with slices first: attenuation, the given voxels, what belongs to others."""

    hu: NDArray[np.float32]
    given: NDArray[np.bool_]
    others: NDArray[np.bool_]
    pixel: tuple[float, float]
    blur: float


@dataclass(frozen=True, slots=True)
class _Spread:
    """Variance of a sum of ``n`` voxels is ``per_voxel`` times ``n``; ``places`` it was measured at."""

    per_voxel: float
    places: float


@dataclass(frozen=True, slots=True)
class _Error:
    """Standard errors: of the background (HU) and of the sum of excess (HU times voxels)."""

    background: float
    total: float


def _patch(
    hu: NDArray[np.number],
    voxels: NDArray[np.integer],
    spacing: Spacing,
    others: NDArray[np.bool_] | None,
    slice_axis: int,
) -> _Patch:
    given = np.asarray(voxels)
    if given.ndim != 2 or given.shape[1] != 3 or not len(given):
        raise InputError("a mass needs the indices of one voxel or more, as an array of three columns")
    if not all(math.isfinite(step) and step > 0 for step in spacing):
        raise InputError(f"voxels of {' x '.join(f'{step:g}' for step in spacing)} mm have no volume")
    order = [slice_axis, *(axis for axis in range(3) if axis != slice_axis)]
    rows, columns = (spacing[axis] for axis in order[1:])
    blur = max(BLUR_MM, 1.5 * max(rows, columns))
    reach = blur + SHELL_MM
    pad = np.array([1, math.ceil(reach / rows), math.ceil(reach / columns)])
    place = given[:, order]
    first = np.maximum(place.min(axis=0) - pad, 0)
    last = np.minimum(place.max(axis=0) + pad + 1, [hu.shape[axis] for axis in order])
    box = tuple(slice(int(a), int(b)) for a, b in zip(first, last, strict=True))
    cut = np.ascontiguousarray(np.transpose(hu, order)[box], dtype=np.float32)
    mine = np.zeros(cut.shape, dtype=bool)
    mine[tuple((place - first).T)] = True
    foreign = np.zeros(cut.shape, dtype=bool) if others is None else np.transpose(others, order)[box] & ~mine
    return _Patch(cut, mine, foreign, (rows, columns), blur)


def _distance(mask: NDArray[np.bool_], pixel: tuple[float, float]) -> NDArray[np.float32]:
    """Distance in mm within the slice to the nearest voxel of the mask, far where the slice has none."""
    # Slices a kilometre apart: the nearest voxel is then always one of the same slice.
    return np.asarray(edt.edt(~mask, anisotropy=(1e6, *pixel), black_border=False), dtype=np.float32)


def _thicker(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The mask and the slices beside it: a slice's profile reaches into its neighbours."""
    grown = mask.copy()
    grown[1:] |= mask[:-1]
    grown[:-1] |= mask[1:]
    return grown


def _spread(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The mask and the pixels beside it in the slice, which hold a part of it."""
    grown = mask.copy()
    grown[:, 1:] |= mask[:, :-1]
    grown[:, :-1] |= mask[:, 1:]
    grown[:, :, 1:] |= mask[:, :, :-1]
    grown[:, :, :-1] |= mask[:, :, 1:]
    return grown


def _shell(patch: _Patch) -> NDArray[np.bool_]:
    away = _distance(_thicker(patch.given), patch.pixel)
    shell = (away > patch.blur) & (away <= patch.blur + SHELL_MM)
    if patch.others.any():
        shell &= _distance(_thicker(patch.others), patch.pixel) > patch.blur
    return np.asarray(shell)


def _noise(patch: _Patch, shell: NDArray[np.bool_]) -> float:
    """Standard deviation of a voxel from differences across a distance where noise is no longer alike."""
    lag = max(1, round(NOISE_LAG_MM / patch.pixel[1]))
    pairs = shell[:, :, lag:] & shell[:, :, :-lag]
    apart = (patch.hu[:, :, lag:] - patch.hu[:, :, :-lag])[pairs]
    if apart.size < LEAST_SHELL:
        apart = patch.hu[shell] - np.median(patch.hu[shell])
        return max(float(np.median(np.abs(apart))) * MAD_TO_SD, STEP_HU)
    return max(float(np.median(np.abs(apart))) * MAD_TO_SD / math.sqrt(2.0), STEP_HU)


def _background(values: NDArray[np.float32], noise: float) -> float:
    """Mean of the tissue of the shell; of several tissues the brightest that makes up a fair share of it.

    A deposit lies in a wall or an organ with fat or air beside it more often than in the fat beside an organ.
    """
    width = noise / 2
    low = float(values.min())
    counts = np.bincount(((values - low) / width).astype(np.intp))
    # Smoothed over two and a half standard deviations, a tissue has one summit.
    density = np.convolve(counts, np.ones(5), mode="same")
    density = np.convolve(density, np.ones(3), mode="same")
    padded = np.concatenate([[0.0], density, [0.0]])
    summits = np.flatnonzero((padded[1:-1] >= padded[:-2]) & (padded[1:-1] > padded[2:]))
    within = np.convolve(counts, np.ones(2 * round(2 * TISSUE_SD) + 1), mode="same")
    fair = summits[within[summits] >= TISSUE_SHARE * values.size]
    start = fair[-1] if len(fair) else int(np.argmax(density))
    mean = low + (start + 0.5) * width
    for _ in range(6):
        inside = values[np.abs(values - mean) <= TISSUE_SD * noise]
        moved = float(inside.mean(dtype=np.float64)) if inside.size else mean
        if abs(moved - mean) < 0.01 * noise:
            return moved
        mean = moved
    return mean


def _core(patch: _Patch, excess: NDArray[np.float32], noise: float) -> NDArray[np.bool_]:
    """Given voxels that stand out and reach half of the highest excess near them; all of them where none stands out."""
    out = patch.given & (excess > STANDS_OUT * noise)
    if not out.any():
        return patch.given
    reach = [2 * round(patch.blur / step) + 1 for step in patch.pixel]
    highest = ndimage.maximum_filter(np.where(out, excess, 0.0), size=(3, *reach), mode="constant")
    return np.asarray(out & (excess >= highest / 2))


def _spread_of_sums(
    patch: _Patch, excess: NDArray[np.float32], tissue: NDArray[np.bool_], region: NDArray[np.bool_]
) -> _Spread:
    """How much sums over places as large as the region scatter in the empty tissue around it.

    Neighbouring voxels are alike, so a sum scatters more than voxels on their own would: squares of the region's size,
    but no larger than the noise reaches, are summed all over the tissue of the shell.
    """
    slices = np.flatnonzero(region.any(axis=(1, 2)))
    deep = max(1, len(slices))
    rows, columns = patch.pixel
    side = min(math.sqrt(float(region.sum()) / deep * rows * columns), CORRELATION_MM)
    clean = np.where(tissue, excess, 0.0)
    while True:
        size = (max(1, round(side / rows)), max(1, round(side / columns)))
        full = _boxes(tissue.astype(np.float64), size) > size[0] * size[1] - 0.5
        sums = _boxes(clean, size)
        pixels = size[0] * size[1]
        places = float(full.sum()) / pixels
        if places >= LEAST_PLACES or pixels == 1:
            break
        side /= 1.5
    if not full.any():
        values = excess[tissue] if tissue.any() else excess
        return _Spread(float(np.mean(np.square(values))) * _grain(patch), 1.0)
    variance = float(np.mean(np.square(sums[full])))
    per_voxel = variance / pixels
    if pixels * rows * columns < GRAIN_MM2:
        per_voxel *= _grain(patch) / pixels
    factor = 1.0
    for lag in range(1, min(deep, len(sums))):
        both = full[lag:] & full[:-lag]
        alike = float(np.mean(sums[lag:][both] * sums[:-lag][both])) / variance if both.any() and variance > 0 else 0.0
        if alike < ALIKE:
            break
        factor += 2.0 * (1.0 - lag / deep) * min(alike, 1.0)
    return _Spread(per_voxel * factor, places)


def _grain(patch: _Patch) -> float:
    """Pixels whose noise is as if it were one."""
    return max(1.0, GRAIN_MM2 / (patch.pixel[0] * patch.pixel[1]))


def _boxes(values: NDArray[np.floating], size: tuple[int, int]) -> NDArray[np.float64]:
    """Sums over all rectangles of ``size`` within each slice."""
    total = np.zeros((values.shape[0], values.shape[1] + 1, values.shape[2] + 1))
    np.cumsum(np.cumsum(values, axis=1, dtype=np.float64), axis=2, out=total[:, 1:, 1:])
    a, b = min(size[0], values.shape[1]), min(size[1], values.shape[2])
    return np.asarray(total[:, a:, b:] - total[:, :-a, b:] - total[:, a:, :-b] + total[:, :-a, :-b])


def _uncertainty(
    patch: _Patch,
    excess: NDArray[np.float32],
    shell: NDArray[np.bool_],
    tissue: NDArray[np.bool_],
    core: NDArray[np.bool_],
    region: NDArray[np.bool_],
    dropped: NDArray[np.bool_],
    spread: _Spread,
) -> tuple[_Error, str | None]:
    """Noise of the sum, error of the background, other tissues in the shell, and what had to be left out."""
    notes: list[str] = []
    count = float(region.sum())
    used = max(float(tissue.sum()), 1.0)
    background = math.sqrt(spread.per_voxel / used + _unevenness(excess, tissue, core, spread.per_voxel))
    other = shell & ~tissue
    share = float(other.sum()) / max(float(shell.sum()), 1.0)
    displaced = 0.0
    if share > OTHER_SHARE:
        contrast = min(abs(float(np.median(excess[other]))), TISSUE_SPAN_HU)
        displaced = share * contrast * float(core.sum())
        notes.append(f"{share:.0%} of the surroundings are of another tissue than the background")
    lost = 0.0
    if dropped.any():
        margin = region & ~core
        lost = float(dropped.sum()) * abs(float(excess[margin].mean())) if margin.any() else 0.0
        notes.append(f"{int(dropped.sum())} voxels beside it belong to something else and were left out")
    noise = math.sqrt(spread.per_voxel * count)
    total = math.sqrt(noise**2 + (count * background) ** 2 + displaced**2 + lost**2)
    return _Error(background, total), "; ".join(notes) or None


def _unevenness(
    excess: NDArray[np.float32], tissue: NDArray[np.bool_], core: NDArray[np.bool_], per_voxel: float
) -> float:
    """Variance (HU squared) of the background from side to side, beyond what noise explains."""
    _, rows, columns = np.nonzero(tissue)
    if not len(rows):
        return 0.0
    _, y, x = np.nonzero(core)
    above, right = rows - y.mean(), columns - x.mean()
    side = (above > 0) * 4 + (right > 0) * 2 + (np.abs(above) > np.abs(right))
    values = excess[tissue]
    counts = np.bincount(side, minlength=8)
    means = np.bincount(side, weights=values, minlength=8) / np.maximum(counts, 1)
    enough = counts >= LEAST_SHELL
    if int(enough.sum()) < 2:
        return 0.0
    explained = float((per_voxel / counts[enough]).mean())
    return max(0.0, float(np.square(means[enough]).mean()) - explained)
