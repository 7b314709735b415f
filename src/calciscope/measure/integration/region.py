"""The region that a deposit's attenuation is integrated over, the tissue around it, and the noise of that integral."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from calciscope.errors import InputError
from calciscope.measure.integration.shell import (
    FAT_HU,
    LEAST_SHELL,
    STEP_HU,
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
# Soft tissue attenuates so much more than fat, HU.
FAT_TO_SOFT_HU = 150.0
# Nothing darker than fat (lung, air) is the tissue that a deposit lies in, nor makes that less certain than fat, HU.
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
    """The region of one deposit; arguments as for :func:`calciscope.measure.integration.integrated.integrated_mass`."""
    patch = _patch(hu, voxels, spacing, others, slice_axis)
    shell = _shell(patch)
    if int(shell.sum()) < LEAST_SHELL:
        raise InputError("there is too little image around the deposit to take its background from")
    noise = noise_of(patch.hu, shell, patch.pixel)
    background = background_of(patch.hu[shell], noise)
    tissue = _tissue(patch, shell, background, noise)
    background = background_of(patch.hu[tissue], noise)
    core, inside = _core(patch, background, noise)
    nearer = max(_rim(patch, inside, background, noise), DARKEST_HU)
    between = abs(nearer - background) / 2
    if nearer > background:
        background = nearer
        core, inside = _core(patch, background, noise)
        shell |= (inside > patch.blur) & (inside <= patch.blur + RIM_MM) & ~patch.others
        tissue = _tissue(patch, shell, background, noise)
    return _measured(patch, shell, tissue, core, inside, _Level(background, between / BOUND_SD, noise))


def _measured(
    patch: _Patch,
    shell: NDArray[np.bool_],
    tissue: NDArray[np.bool_],
    core: NDArray[np.bool_],
    inside: NDArray[np.float32],
    level: _Level,
) -> Region:
    """The region round a core, ``inside`` (mm) from it, and what is known of its sum."""
    excess = patch.hu - np.float32(level.background)
    whole = inside <= patch.blur
    margin = whole & ~core
    foreign = margin & (_distance(patch.others, patch.pixel, patch.blur) < inside)
    dark = margin & (excess < -STANDS_OUT * level.noise)
    dark = margin & _spread(dark) & ~foreign
    region = whole & ~foreign & ~dark
    notes: list[str] = []
    spread = spread_of_sums(excess, tissue, region, patch.pixel)
    count = float(region.sum())
    total = float(excess[region].sum(dtype=np.float64))
    uneven = unevenness(excess, tissue, core, spread.per_voxel)
    background_error = math.sqrt(spread.per_voxel / max(float(tissue.sum()), 1.0) + uneven + level.error**2)
    bounds = [_displaced(patch, shell, core, level, notes)]
    left_out = int(foreign.sum() + dark.sum())
    if left_out:
        notes.append(f"{left_out} voxels beside it belong to something else and were left out")
    kept = margin & region
    if dark.any() and kept.any():
        # As much of the blur is taken to lie on what is left out as on as many of the others.
        lost = float(dark.sum()) * max(0.0, float(excess[kept].mean()))
        total += lost
        bounds.append(lost)
    if level.background < FAT_HU:
        # A wall or an organ too thin to be seen may lie between: all that is no fat is then as much soft tissue.
        thick = excess[region & (excess > FAT_TO_SOFT_HU / 2)]
        other = float((thick - FAT_TO_SOFT_HU).sum(dtype=np.float64))
        bounds.append(abs(total - other) / 2)
        total = (total + other) / 2
        notes.append("fat is all around, and whether the deposit lies in it or in a thin wall is not seen")
    plateau = core & _between(excess > STANDS_OUT * level.noise)
    if plateau.any():
        # Nearly everything lies outside the core, so the whole of every slice is looked at anyway.
        plateau &= _distance(~core, patch.pixel, PLATEAU_SHARE * patch.blur) > PLATEAU_SHARE * patch.blur
    noise_of_sum = math.sqrt(spread.per_voxel * count)
    return Region(
        excess=total,
        voxels=int(count),
        plateau=patch.hu[plateau].astype(np.float64),
        background=level.background,
        background_error=background_error,
        noise=level.noise,
        sum_error=math.hypot(noise_of_sum, count * background_error, *(bound / BOUND_SD for bound in bounds)),
        widening=1.0 + STUDENT / max(spread.places, 2.0),
        note="; ".join(notes) or None,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Patch:
    """The surroundings of a deposit with slices first: attenuation, the given voxels, what belongs to others.

    ``pixel`` (mm) is the size of a pixel; blur reaches ``blur`` mm within a slice and so many ``slices`` each way.
    """

    hu: NDArray[np.float32]
    given: NDArray[np.bool_]
    others: NDArray[np.bool_]
    pixel: tuple[float, float]
    blur: float
    slices: int


@dataclass(frozen=True, slots=True)
class _Level:
    """Attenuation of the background, its error where it was seen as a blur of two tissues, a voxel's noise; HU."""

    background: float
    error: float
    noise: float


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
    # A slice stands for a part of its neighbours at any thickness; thin ones are blurred over several.
    slices = max(1, round(BLUR_MM / spacing[slice_axis]))
    reach = blur + SHELL_MM
    pad = np.array([slices, math.ceil(reach / rows), math.ceil(reach / columns)])
    place = given[:, order]
    first = np.maximum(place.min(axis=0) - pad, 0)
    last = np.minimum(place.max(axis=0) + pad + 1, [hu.shape[axis] for axis in order])
    box = tuple(slice(int(a), int(b)) for a, b in zip(first, last, strict=True))
    cut = np.ascontiguousarray(np.transpose(hu, order)[box], dtype=np.float32)
    mine = np.zeros(cut.shape, dtype=bool)
    mine[tuple((place - first).T)] = True
    foreign = np.zeros(cut.shape, dtype=bool) if others is None else np.transpose(others, order)[box] & ~mine
    return _Patch(cut, mine, foreign, (rows, columns), blur, slices)


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


def _thicker(mask: NDArray[np.bool_], slices: int) -> NDArray[np.bool_]:
    """The mask and so many slices beside it: a slice's profile reaches into its neighbours."""
    grown = mask.copy()
    for step in range(1, slices + 1):
        grown[step:] |= mask[:-step]
        grown[:-step] |= mask[step:]
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
    away = _distance(_thicker(patch.given, patch.slices), patch.pixel, patch.blur + SHELL_MM)
    shell = (away > patch.blur) & (away <= patch.blur + SHELL_MM)
    if patch.others.any():
        shell &= _distance(_thicker(patch.others, patch.slices), patch.pixel, patch.blur) > patch.blur
    return np.asarray(shell)


def _tissue(patch: _Patch, shell: NDArray[np.bool_], background: float, noise: float) -> NDArray[np.bool_]:
    """The background's own voxels in the shell: what stands out of it either way is something else, and so is its blur.

    Where that leaves nothing, as between two other tissues, their blur is put up with.
    """
    other = shell & (np.abs(patch.hu - np.float32(background)) > STANDS_OUT * noise)
    if not other.any():
        return shell
    clear = shell & (_distance(_thicker(other, patch.slices), patch.pixel, patch.blur) > patch.blur)
    if int(clear.sum()) >= LEAST_SHELL:
        return np.asarray(clear)
    rest = shell & ~other
    return np.asarray(rest if rest.any() else shell)


def _core(patch: _Patch, background: float, noise: float) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
    """Given voxels that stand out and reach half of the highest excess near them; all of them where none stands out.

    With it, the distance (mm, within the slice) of every voxel to the core and to the slices beside it.
    """
    excess = patch.hu - np.float32(background)
    core = patch.given & (excess > STANDS_OUT * noise)
    if core.any():
        reach = [2 * round(patch.blur / step) + 1 for step in patch.pixel]
        highest = ndimage.maximum_filter(
            np.where(core, excess, 0.0), size=(2 * patch.slices + 1, *reach), mode="constant"
        )
        core &= excess >= highest / 2
    else:
        core = patch.given
    return core, _distance(_thicker(core, patch.slices), patch.pixel, patch.blur + RIM_MM)


def _rim(patch: _Patch, inside: NDArray[np.float32], background: float, noise: float) -> float:
    """Attenuation of the tissue right against the deposit, where it is plainly brighter than the background.

    A plaque lies in an artery, and the artery in fat: further out there is nothing but fat.
    """
    rim = (inside > patch.blur) & (inside <= patch.blur + RIM_MM) & ~patch.others
    count = int(rim.sum())
    if count < LEAST_SHELL:
        return background
    nearer = background_of(patch.hu[rim], noise)
    scatter = noise * math.sqrt(grain(patch.pixel) / count)
    return nearer if nearer - background > STANDS_OUT * scatter + STEP_HU else background


def _displaced(
    patch: _Patch, shell: NDArray[np.bool_], core: NDArray[np.bool_], level: _Level, notes: list[str]
) -> float:
    """How far the sum may be off (HU times voxels) because another tissue of the shell is what the core displaces."""
    other = shell & (np.abs(patch.hu - np.float32(level.background)) > STANDS_OUT * level.noise)
    share = float(other.sum()) / max(float(shell.sum()), 1.0)
    if share <= OTHER_SHARE:
        return 0.0
    notes.append(f"{share:.0%} of the surroundings are of another tissue than the background")
    attenuation = max(float(np.median(patch.hu[other])), DARKEST_HU)
    return share * abs(attenuation - level.background) * float(core.sum())
