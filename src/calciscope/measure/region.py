"""The region that a deposit's attenuation is integrated over, the tissue around it, and the noise of that integral."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from calciscope.errors import InputError
from calciscope.measure.shell import (
    LEAST_SHELL,
    STEP_HU,
    Spread,
    background_of,
    grain,
    noise_of,
    spread_of_sums,
    unevenness,
)

Spacing = tuple[float, float, float]

# Reach of the blur within a slice, mm: 2.5 standard deviations of a point spread 1.65 mm wide at half maximum, as the
# soft kernels for scoring have; half a pixel is added, because distances are between pixels' centres.
BLUR_MM = 1.75
# How far around the region the background is taken, mm: wide enough for its error to stay below the region's own noise.
SHELL_MM = 6.0
# A voxel stands out at four standard deviations: less than one voxel of noise in ten thousand does.
STANDS_OUT = 4.0
# A plateau begins at this share of the blur's reach inside the edge: 97 % of the contrast is there.
PLATEAU_SHARE = 0.75
# First term of Student's 97.5 % quantile over the normal one by degrees of freedom.
STUDENT = 1.2
# Share of the shell that may be of another tissue by chance (voxels that noise carries far, small vessels).
OTHER_SHARE = 0.05
# Tissue that lies against the deposit is looked for this far from the region, mm.
RIM_MM = 1.0
# Below this attenuation (HU) a tissue is fat: every other soft tissue and fluid lies above it.
FAT_HU = -30.0
# Soft tissue attenuates so much more than fat, HU.
FAT_TO_SOFT_HU = 150.0
# Whatever is darker than fat (lung, air) does not make the deposit's own tissue less certain than fat does, HU.
DARKEST_HU = -100.0
# What is stated as a bound that holds as a rule is taken as 95 % of a normal distribution.
BOUND_SD = 1.96


@dataclass(frozen=True, slots=True, eq=False)
class Region:
    """What is integrated, and how well.

    ``excess`` is the sum of attenuation above the background over the ``voxels`` of the region, HU times voxels;
    ``plateau`` ``(n,)`` are voxels of the core that no edge reaches; ``background``, its error and ``noise`` are in HU.
    ``sum_error`` is the standard error of the sum of excess attenuation,
    HU times voxels; ``widening`` corrects the normal quantile for the few places that the noise was measured at.
    """

    excess: float
    voxels: int
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
    if int(shell.sum()) < LEAST_SHELL:
        raise InputError("there is too little image around the deposit to take its background from")
    noise = noise_of(patch.hu, shell, patch.pixel)
    background = background_of(patch.hu[shell], noise)
    # What stands out of the shell is something else, and so is its blur.
    bright = shell & (patch.hu - background > STANDS_OUT * noise)
    if bright.any():
        cleaned = shell & (_distance(_thicker(bright), patch.pixel, patch.blur) > patch.blur)
        if int(cleaned.sum()) >= LEAST_SHELL:
            shell = cleaned
            background = background_of(patch.hu[shell], noise)
    core, inside = _core(patch, background, noise)
    nearer = _rim(patch, inside, background, noise)
    if nearer is not None:
        background = nearer
        core, inside = _core(patch, background, noise)
        shell |= (inside > patch.blur) & (inside <= patch.blur + RIM_MM) & ~patch.others
    return _measured(patch, shell, core, inside, background, noise)


def _measured(
    patch: _Patch,
    shell: NDArray[np.bool_],
    core: NDArray[np.bool_],
    inside: NDArray[np.float32],
    background: float,
    noise: float,
) -> Region:
    """The region round a core, ``inside`` (mm) from it, and what is known of its sum."""
    excess = patch.hu - np.float32(background)
    tissue = shell & (np.abs(excess) <= STANDS_OUT * noise)
    whole = inside <= patch.blur
    dropped = _foreign(patch, whole & ~core, excess, inside, noise)
    region = whole & ~dropped
    spread = spread_of_sums(excess, tissue, region, patch.pixel)
    error, notes = _uncertainty(patch, excess, shell, tissue, core, region, dropped, spread)
    total = float(excess[region].sum(dtype=np.float64))
    bound = 0.0
    if background < FAT_HU:
        # A wall or an organ too thin to be seen may lie between: all that is no fat is then as much soft tissue.
        thick = excess[region & (excess > FAT_TO_SOFT_HU / 2)]
        other = float((thick - FAT_TO_SOFT_HU).sum(dtype=np.float64))
        bound = abs(total - other) / 2
        total = (total + other) / 2
        notes.append("fat is all around, and whether the deposit lies in it or in a thin wall is not seen")
    plateau = core & _between(excess > STANDS_OUT * noise)
    if plateau.any():
        # Nearly everything lies outside the core, so the whole of every slice is looked at anyway.
        plateau &= _distance(~core, patch.pixel, PLATEAU_SHARE * patch.blur) > PLATEAU_SHARE * patch.blur
    return Region(
        excess=total,
        voxels=int(region.sum()),
        plateau=patch.hu[plateau].astype(np.float64),
        background=background,
        background_error=error.background,
        noise=noise,
        sum_error=math.hypot(error.total, bound / BOUND_SD),
        widening=1.0 + STUDENT / max(spread.places, 2.0),
        note="; ".join(notes) or None,
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
    blur = BLUR_MM + max(rows, columns) / 2
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


def _distance(mask: NDArray[np.bool_], pixel: tuple[float, float], reach: float) -> NDArray[np.float32]:
    """Distance in mm within the slice to the nearest voxel of the mask; infinite beyond ``reach`` (mm)."""
    away = np.full(mask.shape, np.inf, dtype=np.float32)
    margin = [math.ceil(reach / step) + 1 for step in pixel]
    for level in np.flatnonzero(mask.any(axis=(1, 2))):
        rows = np.flatnonzero(mask[level].any(axis=1))
        columns = np.flatnonzero(mask[level].any(axis=0))
        box = (
            slice(max(0, int(rows[0]) - margin[0]), int(rows[-1]) + margin[0] + 1),
            slice(max(0, int(columns[0]) - margin[1]), int(columns[-1]) + margin[1] + 1),
        )
        away[level][box] = ndimage.distance_transform_edt(~mask[level][box], sampling=pixel)
    return away


def _thicker(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The mask and the slices beside it: a slice's profile reaches into its neighbours."""
    grown = mask.copy()
    grown[1:] |= mask[:-1]
    grown[:-1] |= mask[1:]
    return grown


def _between(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Where both slices beside hold the mask too: what reaches into them fills the slice between."""
    both = np.zeros_like(mask)
    both[1:-1] = mask[:-2] & mask[2:]
    return both


def _spread(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The mask and the pixels beside it in the slice, which hold a part of it."""
    grown = mask.copy()
    grown[:, 1:] |= mask[:, :-1]
    grown[:, :-1] |= mask[:, 1:]
    grown[:, :, 1:] |= mask[:, :, :-1]
    grown[:, :, :-1] |= mask[:, :, 1:]
    return grown


def _shell(patch: _Patch) -> NDArray[np.bool_]:
    away = _distance(_thicker(patch.given), patch.pixel, patch.blur + SHELL_MM)
    shell = (away > patch.blur) & (away <= patch.blur + SHELL_MM)
    if patch.others.any():
        shell &= _distance(_thicker(patch.others), patch.pixel, patch.blur) > patch.blur
    return np.asarray(shell)


def _core(patch: _Patch, background: float, noise: float) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
    """Given voxels that stand out and reach half of the highest excess near them; all of them where none stands out.

    With it, the distance (mm, within the slice) of every voxel to the core and to the slices beside it.
    """
    excess = patch.hu - np.float32(background)
    core = patch.given & (excess > STANDS_OUT * noise)
    if core.any():
        reach = [2 * round(patch.blur / step) + 1 for step in patch.pixel]
        highest = ndimage.maximum_filter(np.where(core, excess, 0.0), size=(3, *reach), mode="constant")
        core &= excess >= highest / 2
    else:
        core = patch.given
    return core, _distance(_thicker(core), patch.pixel, patch.blur + RIM_MM)


def _rim(patch: _Patch, inside: NDArray[np.float32], background: float, noise: float) -> float | None:
    """Attenuation of the tissue right against the deposit, where it is plainly brighter than that of the shell.

    A plaque lies in an artery, and the artery in fat: further out there is nothing but fat.
    """
    rim = (inside > patch.blur) & (inside <= patch.blur + RIM_MM) & ~patch.others
    count = int(rim.sum())
    if count < LEAST_SHELL:
        return None
    nearer = background_of(patch.hu[rim], noise)
    scatter = noise * math.sqrt(grain(patch.pixel) / count)
    return nearer if nearer - background > STANDS_OUT * scatter + STEP_HU else None


def _foreign(
    patch: _Patch,
    margin: NDArray[np.bool_],
    excess: NDArray[np.float32],
    inside: NDArray[np.float32],
    noise: float,
) -> NDArray[np.bool_]:
    """What of the margin belongs to something else: nearer to it, or of a tissue too dark to be the background."""
    dropped = np.zeros_like(margin)
    if patch.others.any():
        dropped |= margin & (_distance(patch.others, patch.pixel, patch.blur) < inside)
    dark = margin & (excess < -STANDS_OUT * noise)
    if dark.any():
        dropped |= margin & _spread(dark)
    return dropped


def _uncertainty(
    patch: _Patch,
    excess: NDArray[np.float32],
    shell: NDArray[np.bool_],
    tissue: NDArray[np.bool_],
    core: NDArray[np.bool_],
    region: NDArray[np.bool_],
    dropped: NDArray[np.bool_],
    spread: Spread,
) -> tuple[_Error, list[str]]:
    """Noise of the sum, error of the background, other tissues in the shell, and what had to be left out."""
    notes: list[str] = []
    count = float(region.sum())
    used = max(float(tissue.sum()), 1.0)
    background = math.sqrt(spread.per_voxel / used + unevenness(excess, tissue, core, spread.per_voxel))
    other = shell & ~tissue
    share = float(other.sum()) / max(float(shell.sum()), 1.0)
    displaced = 0.0
    if share > OTHER_SHARE:
        level = float(np.median(patch.hu[other]))
        own = level - float(np.median(excess[other]))
        displaced = share * abs(max(level, DARKEST_HU) - own) * float(core.sum()) / BOUND_SD
        notes.append(f"{share:.0%} of the surroundings are of another tissue than the background")
    lost = 0.0
    if dropped.any():
        margin = region & ~core
        lost = float(dropped.sum()) * abs(float(excess[margin].mean())) if margin.any() else 0.0
        notes.append(f"{int(dropped.sum())} voxels beside it belong to something else and were left out")
    noise = math.sqrt(spread.per_voxel * count)
    total = math.sqrt(noise**2 + (count * background) ** 2 + displaced**2 + lost**2)
    return _Error(background, total), notes
