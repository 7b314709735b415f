"""How a deposit grows: crystals nucleate in damaged tissue and spread with the local calcium and phosphate.

Body fluid is supersaturated for hydroxyapatite; healthy tissue keeps it in solution, damaged tissue does not. Here the
ion product (calcium x phosphate, mg2/dL2, times a local factor such as the alkalinity of tissue that secretes acid) is
compared with a solubility product that falls from its metastable level in sound tissue to that of bare mineral where
the damage is complete. A voxel without supersaturation never mineralises. Elsewhere the front passes after a random
(exponential) waiting time whose mean falls with supersaturation and damage: an Eden growth in continuous time, computed
exactly as the shortest passage time from the nuclei (Richardson 1973; first-passage percolation, Hammersley and Welsh
1965). What the front has passed is connected to a nucleus and fills with mineral as it ages, so that the core is denser
than the edge. Faster growth passes every voxel earlier: with the same random numbers, more calcium never means less.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from skimage.graph import MCP_Geometric

# Solubility products in mg2/dL2: sound tissue holds calcium and phosphate up to its level, bare mineral only up to the
# other. The first makes alkaline tissue (factor 1.25) calcify from the classic product of 70, the second lies well
# below the normal product.
METASTABLE = 87.5
MINERAL = 16.0
# Speed of the front at a supersaturation of 1 in wholly damaged tissue, mm a year.
SPEED = 0.38
# Full density of apatite laid down in tissue is never reached in these places; mg/cm3 of pure hydroxyapatite.
PURE = 3160.0


@dataclass(frozen=True, slots=True)
class Milieu:
    """What drives growth: ``product`` is calcium x phosphate in mg2/dL2, ``years`` how long it has gone on.

    ``density`` in mg/cm3 is where the mineral ends up, ``filling`` the years it takes to get most of the way.
    ``rhythm`` is the relative swing of the density from layer to layer (concentric rings), ``roughness`` spreads the
    waiting times: 0 grows smooth surfaces, 1 is Eden growth, more is dendritic.
    """

    product: float
    years: float = 12.0
    density: float = 700.0
    filling: float = 3.0
    rhythm: float = 0.0
    roughness: float = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class Grown:
    """``density`` float32 ``(z, y, x)`` mg/cm3 of hydroxyapatite; ``age`` in years since mineralisation (-1 never)."""

    density: NDArray[np.float32]
    age: NDArray[np.float32]


def supersaturation(product: float, damage: NDArray[np.float32], factor: float = 1.0) -> NDArray[np.float32]:
    """Excess of the ion product over the local solubility product, relative to it; negative where mineral dissolves.

    ``damage`` is 0 (sound) to 1 (dead tissue); ``factor`` is the local factor of the ion product.
    """
    local = METASTABLE + (MINERAL - METASTABLE) * np.clip(damage, 0, 1)
    return np.asarray(product * factor / local - 1.0, dtype=np.float32)


def grow(
    damage: NDArray[np.float32],
    spacing: float,
    milieu: Milieu,
    rng: np.random.Generator,
    *,
    nuclei: int = 1,
    factor: float = 1.0,
    habit: NDArray[np.float32] | None = None,
) -> Grown:
    """Grow a deposit in a field of ``damage`` ``(z, y, x)`` with voxels of ``spacing`` mm.

    ``nuclei`` crystals form first, at random where supersaturation is highest. ``habit`` multiplies the speed of the
    front (facets of a crystal, a wall that resists). Nothing grows where nothing is supersaturated.
    """
    excess = supersaturation(milieu.product, damage, factor)
    speed = SPEED * excess * (0.5 + 0.5 * damage)
    if habit is not None:
        speed = speed * habit
    # All random numbers are drawn before anything depends on the milieu, so that equal seeds give comparable growth.
    waiting = rng.standard_exponential(damage.shape, dtype=np.float32)
    chance = rng.random(damage.shape, dtype=np.float32)
    density = np.zeros(damage.shape, dtype=np.float32)
    age = np.full(damage.shape, -1.0, dtype=np.float32)
    possible = speed > 0
    if not possible.any():
        return Grown(density, age)
    # Gumbel trick: the largest keys are a sample without replacement whose odds rise steeply with the damage.
    ease = 0.0 if habit is None else 4 * np.log(np.maximum(habit, 1e-3))
    odds = ease + np.log(np.maximum(damage, 1e-3)) * 40 - np.log(-np.log(np.clip(chance, 1e-7, 1 - 1e-7)))
    count = min(nuclei, damage.size)
    chosen = np.sort(np.argpartition(odds.ravel(), -count)[-count:])
    starts = [tuple(int(v) for v in np.unravel_index(i, damage.shape)) for i in chosen if possible.flat[i]]
    if not starts:
        return Grown(density, age)
    mean = 1.0 - milieu.roughness + milieu.roughness * waiting if milieu.roughness <= 1 else waiting**milieu.roughness
    cost = np.full(damage.shape, -1.0)
    cost[possible] = np.maximum(mean[possible], 0.02) / speed[possible]
    # Negative costs are walls to the solver; sampling makes the path length in mm.
    times, _ = MCP_Geometric(cost, sampling=(spacing,) * 3).find_costs(starts)
    reached = times <= milieu.years
    age[reached] = (milieu.years - times[reached]).astype(np.float32)
    fill = 1.0 - 0.75 * np.exp(-age[reached] / milieu.filling)
    if milieu.rhythm:
        fill = fill * (1.0 - milieu.rhythm * 0.5 * (1 + np.cos(age[reached] * (2 * np.pi / (milieu.years / 3.2)))))
    density[reached] = np.clip(milieu.density * fill, 0, PURE)
    return Grown(density, age)
