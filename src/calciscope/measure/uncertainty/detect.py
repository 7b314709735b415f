"""How small a lesion an acquisition could have missed: what a score of 0 leaves open.

Balls of hydroxyapatite are imaged with the scan's pixels, slices, blur and noise at many positions of the grid and
scored by the same rules. The larger the ball, the fewer positions at which it scores 0. Small lesions fall under the
threshold because pixels and slices average them with what lies around (Groen JM et al. Invest Radiol 2009;44:113-9).

For users: see docs/measures.md#score-of-0.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from scipy.special import ndtr

from calciscope.domain.knowledge import table
from calciscope.errors import KnowledgeError
from calciscope.measure.agatston import Stack
from calciscope.measure.presets import MM3_PER_CM3, Preset, Threshold
from calciscope.measure.uncertainty.noise import Noise
from calciscope.measure.uncertainty.redraw import evenly, phases, scores_apart, unit_noise

# Positions of the grid, and points that stand for a ball: its mean attenuation is then right within a few per cent.
POSITIONS, POINTS = 80, 120
# Diameters are told apart by this much, mm.
STEP_MM = 0.1
# Blur ends after so many SD.
BLUR_SD = 2.5
# Helical interpolation softens the edges of a slice by about this share of its thickness.
SOFT_EDGE = 0.08


class Detection(BaseModel):
    """All of ``detection.yaml``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: str
    densities: tuple[float, ...] = Field(min_length=1)
    missed: float = Field(gt=0, lt=1)
    tissue_hu: float
    blur_sd_mm: float = Field(gt=0)
    largest_mm: float = Field(gt=0)
    source: str
    status: Literal["current", "superseded", "unverified"]


@cache
def detection() -> Detection:
    """The data of ``knowledge/detection.yaml``.

    Raises:
        KnowledgeError: the file is missing, not YAML, or breaks its form.
    """
    try:
        return Detection.model_validate(table("detection.yaml"))
    except ValidationError as error:
        raise KnowledgeError(f"knowledge/detection.yaml cannot be used: {error}") from error


@dataclass(frozen=True, slots=True)
class Missed:
    """The largest ball of a ``density`` (mg/cm3) that could have been missed: ``diameter`` mm, ``mass`` mg.

    The diameter is ``inf`` where even the largest that is asked about could have been.
    """

    density: float
    diameter: float

    @property
    def mass(self) -> float:
        """Hydroxyapatite in the ball, mg."""
        return self.density / MM3_PER_CM3 * math.pi / 6 * self.diameter**3


@lru_cache(maxsize=64)
def smallest_lesion(
    noise: Noise,
    stack: Stack,
    threshold: Threshold,
    preset: Preset,
    blur: float | None = None,
    tissue: float | None = None,
) -> tuple[Missed, ...]:
    """The largest ball of each density that scores 0 at 5 % or more of its positions on this scan.

    ``noise`` is that of the image, ``stack`` its slices. A density adds its share of ``threshold.mass_factor`` to the
    attenuation of the ``tissue`` around (HU). ``blur`` is the SD of the point spread function within the slice (mm).
    Both are those of ``detection.yaml`` where they are not given, and so are the densities and the 5 %.

    Raises:
        KnowledgeError: ``detection.yaml`` cannot be used.
    """
    known = detection()
    around = known.tissue_hu if tissue is None else tissue
    spread = known.blur_sd_mm if blur is None else blur
    count = round(known.largest_mm / STEP_MM)

    def chance(density: float, step: int) -> float:
        contrast = density / MM3_PER_CM3 / threshold.mass_factor
        return _zero(step * STEP_MM, contrast, around, spread, noise, stack, threshold, preset)

    found: dict[float, Missed] = {}
    low = count
    for density in sorted(known.densities):
        # What is denser shows when it is smaller.
        low, high = 0, min(count, low) + 1
        # The chance falls with the diameter, so halving the range finds where it passes the limit.
        while high - low > 1:
            middle = (low + high) // 2
            missed = chance(density, middle) >= known.missed
            low, high = (middle, high) if missed else (low, middle)
        found[density] = Missed(density, math.inf if low == count else round(low * STEP_MM, 3))
    return tuple(found[density] for density in known.densities)


@lru_cache(maxsize=64)
def upper_bounds(
    missed: tuple[Missed, ...], stack: Stack, threshold: Threshold, preset: Preset
) -> tuple[float, float, float] | None:
    """Upper ends of the intervals of an Agatston score, a volume (mm3) and a mass (mg) of 0.

    The mean score, free of noise and over the positions of the grid, of the largest lesion that ``missed`` says could
    have been missed, and of its densities the one with the largest: a lesion with a larger score would have scored 0
    by chance in less than the share of positions of ``detection.yaml`` (5 %), so this is the 95 % bound. ``None``
    where a lesion of any size could have been missed, and for a preset that counts voxels below the threshold: how many
    of them a mask would have held nobody can say. What is ``missed`` is that of :func:`smallest_lesion`.
    """
    if preset.every_voxel or not all(math.isfinite(one.diameter) for one in missed):
        return None
    bounds = np.zeros(3)
    for one in missed:
        if one.diameter > 0:
            known = detection()
            contrast = one.density / MM3_PER_CM3 / threshold.mass_factor
            voxels, values, levels = _imaged(one.diameter, contrast, known.blur_sd_mm, stack)
            found = scores_apart(voxels, known.tissue_hu + values, levels, threshold, preset)
            bounds = np.maximum(bounds, found.mean(axis=1))
    agatston, volume, mass = bounds.tolist()
    return agatston, volume, mass


def sentence(missed: tuple[Missed, ...]) -> str:
    """What could have been missed, in words for a ``why``."""
    known = detection()
    parts = [
        f"{one.density:g} mg/cm3 up to {one.diameter:.1f} mm ({one.mass:.2g} mg)"
        if math.isfinite(one.diameter)
        else f"{one.density:g} mg/cm3 of any size up to {known.largest_mm:g} mm"
        for one in missed
        if one.diameter > 0
    ]
    if not parts:
        return f"no lesion scores 0 on this scan in {100 * known.missed:g} % of its possible positions"
    joined = parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} or {parts[-1]}"
    return (
        f"a score of 0 does not rule out a small lesion: with the noise, pixels and slices of this scan, calcium of "
        f"{joined} in diameter scores 0 in at least {100 * known.missed:g} % of its possible positions"
    )


def _zero(
    diameter: float,
    contrast: float,
    tissue: float,
    blur: float,
    noise: Noise,
    stack: Stack,
    threshold: Threshold,
    preset: Preset,
) -> float:
    """Share of positions at which a ball scores 0."""
    voxels, values, levels = _imaged(diameter, contrast, blur, stack)
    hu = tissue + values + noise.sd * unit_noise(voxels, POSITIONS, noise, levels.spacing)
    agatston = scores_apart(voxels, hu, levels, threshold, preset)[0]
    return float((agatston == 0).mean())


def _imaged(
    diameter: float, contrast: float, blur: float, stack: Stack
) -> tuple[NDArray[np.int64], NDArray[np.float32], Stack]:
    """Voxels ``(n, 3)`` that a ball reaches, what it adds to them at every position ``(n, POSITIONS)`` HU, the grid."""
    axes = (stack.slice_axis, *(axis for axis in range(3) if axis != stack.slice_axis))
    steps = (stack.spacing[axes[0]], stack.spacing[axes[1]], stack.spacing[axes[2]])
    thickness = stack.thickness or steps[0]
    widths, soft = (thickness, steps[1], steps[2]), (SOFT_EDGE * thickness, blur, blur)
    reach = [
        int(np.ceil((diameter / 2 + width / 2 + BLUR_SD * sd) / step + 0.5))
        for width, sd, step in zip(widths, soft, steps, strict=True)
    ]
    points = _ball(diameter)
    profiles = []
    for axis, (step, width, sd, far) in enumerate(zip(steps, widths, soft, reach, strict=True)):
        centres = np.arange(-far, far + 1) * step
        away = centres - points[:, axis, None] - phases(POSITIONS)[:, axis, None, None] * step
        seen = (ndtr((away + width / 2) / sd) - ndtr((away - width / 2) / sd)) / width
        profiles.append(seen.astype(np.float32))
    # Each point holds an equal part of the ball's volume; a voxel sees it with the profile of every axis.
    plane = profiles[1][:, :, :, None] * profiles[2][:, :, None, :]
    images = profiles[0].transpose(0, 2, 1) @ plane.reshape(POSITIONS, POINTS, -1)
    images *= math.pi / 6 * diameter**3 / POINTS
    values = images.reshape(POSITIONS, -1).T
    hit = values.max(axis=1) > 0.05 * values.max()
    voxels = np.argwhere(hit.reshape([2 * far + 1 for far in reach])).astype(np.int64)
    return voxels, contrast * values[hit], Stack(steps, 0, stack.thickness)


@lru_cache(maxsize=256)
def _ball(diameter: float) -> NDArray[np.float64]:
    """Points ``(POINTS, 3)`` spread evenly over a ball about the origin, mm."""
    radius = diameter / 2 * np.cbrt(evenly(POINTS, 2))
    height, turn = 2 * evenly(POINTS, 3) - 1, 2 * np.pi * evenly(POINTS, 5)
    across = np.sqrt(1 - height**2)
    return np.stack([radius * height, radius * across * np.cos(turn), radius * across * np.sin(turn)], axis=1)
