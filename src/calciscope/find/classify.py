"""What a candidate is if it is not a deposit: rules in physical and anatomical terms, the first that holds decides."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from calciscope.find.context import Context


@dataclass(frozen=True, slots=True)
class Facts:
    """What the rules see of a candidate; lengths in mm, attenuation in HU, shares from 0 to 1.

    ``region`` is the part of the body, ``wall_depth`` how deep it lies in the wall of the trunk (0 at the surface of its
    muscle, negative in the fat outside, ``None`` where this is not known), ``front`` whether it lies in front of the
    body's middle.
    """

    context: Context
    voxels: int
    volume: float
    peak: float
    mean: float
    length: float
    width: float
    hollow: float
    floor: float
    enhanced: bool
    blood: float
    region: str | None
    at_end: bool
    slices: int
    in_metal: float
    spine_mm: float
    spine_radius: float
    chest_wall: bool
    front: bool


# --- noise -----------------------------------------------------------------------------------------------------
# A peak must stand out of its background by this many SD of the noise around it: among the ten million voxels of a
# body, 5.5 SD is where chance ends; several connected voxels need less.
_ALONE_SD, _GROUP_SD = 6.0, 5.0
# A group is more than this many voxels.
_GROUP = 4
# Smaller than this is below what a scanner resolves, mm3 (a ball of 1 mm), unless it is several voxels.
_LEAST_MM3 = 0.5


def _noise(f: Facts) -> bool:
    contrast = f.peak - f.context.background
    # Averaging over the candidate tells real specks from noise peaks whose neighbours are ordinary.
    return contrast < (_GROUP_SD if f.voxels > _GROUP else _ALONE_SD) * max(f.context.noise, 8.0)


# --- metal -----------------------------------------------------------------------------------------------------
_METAL_HU = 2500.0


def _metal(f: Facts) -> bool:
    return f.peak > _METAL_HU or f.in_metal > 0.2


def _streak(f: Facts) -> bool:
    return f.context.metal_mm < 12.0 or (f.context.noise > 45.0 and f.peak < f.context.background + 8 * f.context.noise)


# --- bone ------------------------------------------------------------------------------------------------------
def _bone(f: Facts) -> bool:
    c = f.context
    if c.touching > 0.1:
        return True
    if c.touching > 0.0 and c.saddle > 0.6 * f.peak:
        return True
    return c.bony > 0.5 and c.wall_mm > 4.0


def _contrast(f: Facts) -> bool:
    return f.enhanced and f.peak < f.blood * 1.15 + 3 * f.context.noise


def _bowel(f: Facts) -> bool:
    return f.context.gas > 0.05 and f.region in ("abdomen", "pelvis") and f.mean < 400.0


def _costal(f: Facts) -> bool:
    return f.chest_wall and f.front


def _chest_wall_bone(f: Facts) -> bool:
    return f.chest_wall and f.context.bone_mm < 10.0


Rule = tuple[str, Callable[[Facts], bool]]

# The order matters: what is decided by attenuation alone comes first.
RULES: tuple[Rule, ...] = (
    ("metal", _metal),
    ("streak", _streak),
    ("noise", _noise),
    ("bone", _bone),
    ("contrast", _contrast),
    ("bowel_content", _bowel),
    ("costal_cartilage", _costal),
    ("bone", _chest_wall_bone),
)


def rejected_as(facts: Facts) -> str | None:
    """The class of a candidate that is not a deposit, or ``None`` for a deposit."""
    for name, holds in RULES:
        if holds(facts):
            return name
    return None
