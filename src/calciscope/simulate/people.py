"""Scans of many different people's hearts: heart, chest, build, calcium, devices and acquisition drawn from a seed."""

from __future__ import annotations

import numpy as np

from calciscope.errors import CalciscopeError
from calciscope.simulate import calcium, devices, variety
from calciscope.simulate.chambers import Heart, muscle
from calciscope.simulate.patient import Simulated, simulate

KINDS = ("gated", "chest", "angiography")

# From the aortic valve down and up, mm: what a scan of the heart covers, and how much that varies.
_DOWN, _UP = (-92.0, -68.0), (38.0, 62.0)
# Fields of view, mm, and what they leave beside the heart at least.
_FIELDS, _SPARE = (160.0, 180.0, 200.0, 220.0, 250.0), 12.0
# What a scan of the chest covers, mm of the reference body.
_CHEST = (330.0, 605.0)
# The body's own grid, mm: a wide scan needs less detail.
_FINE, _COARSE = (1.8, 1.4, 1.4), (2.4, 1.8, 1.8)


def _view(
    pump: Heart, scale: tuple[float, float, float], rng: np.random.Generator
) -> tuple[float, tuple[float, float]]:
    """A field of view (mm) that holds the heart, centred on it as well as a technician does."""
    low, high = np.asarray(muscle(pump).low[:2]), np.asarray(muscle(pump).high[:2])
    widest = float(((high - low) * scale[:2]).max())
    fields = [field for field in _FIELDS if field > widest + _SPARE] or [_FIELDS[-1]]
    middle = (low + high) / 2 + rng.normal(0, 6, 2) + (0.0, float(rng.uniform(0, 12)))
    return float(rng.choice(fields)), (float(middle[0]), float(middle[1]))


def person(seed: int, kind: str = "gated", *, kit: str | None = None, matrix: int | None = None) -> Simulated:
    """A scan of one of many different people; the same seed and options give the same voxels.

    ``kind`` is ``gated`` (the heart alone, 2.5 or 3 mm, 160 to 250 mm wide), ``chest`` (the whole chest, 1 to 8 mm, the
    heart beating freely) or ``angiography`` (a gated scan with contrast in the blood). ``kit`` is one of
    ``devices.KINDS``. ``matrix`` is the number of rows and columns, smaller than a scanner's by default to save time.

    Raises:
        CalciscopeError: a kind that does not exist.
        KeyError: a kit that does not exist.

    """
    if kind not in KINDS:
        raise CalciscopeError(f"no kind of scan '{kind}'; there are {', '.join(KINDS)}")
    rng = np.random.default_rng([seed, 13])
    pump, around, build = variety.heart(rng), variety.chest(rng), variety.habitus(rng)
    wide = kind == "chest"
    motion = float(rng.uniform(2.0, 9.0) if wide else max(0.0, rng.normal(1.0, 2.0)))
    lesions = (*calcium.coronary(pump, rng, motion), *calcium.elsewhere(pump, rng, wide))
    z = pump.valve[2]
    if wide:
        thickness = float(rng.choice([1.0, 1.5, 2.0, 3.0, 5.0, 8.0], p=[0.05, 0.1, 0.2, 0.3, 0.25, 0.1]))
        field, span, centre = float(rng.uniform(330, 420)), _CHEST, None
        level = float(rng.uniform(10, 30))
    else:
        thickness = float(rng.choice([2.5, 3.0]))
        span = (z + float(rng.uniform(*_DOWN)), z + float(rng.uniform(*_UP)))
        field, centre = _view(pump, build.scale, rng)
        level = float(rng.uniform(10, 40))
    size = matrix or (400 if wide else 320)
    return simulate(
        seed,
        kvp=float(rng.choice([100.0, 120.0, 130.0, 140.0], p=[0.15, 0.7, 0.08, 0.07])),
        kernel=str(rng.choice(["soft", "standard", "sharp"], p=[0.3, 0.65, 0.05] if wide else [0.4, 0.6, 0.0])),
        thickness=thickness,
        increment=thickness,
        pixel=field / size,
        matrix=size,
        noise=level,
        contrast=3.0 if kind == "angiography" else 0.0,
        deposits=lesions,
        habitus=build,
        span=span,
        centre=centre,
        heart=pump,
        chest=around,
        devices=() if kit is None else (devices.device(kit, pump, rng),),
        grid=_COARSE if wide else _FINE,
    )
