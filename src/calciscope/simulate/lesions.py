"""Calcium by shape: lumps, streaks, plates and rings of mineral, for scenes in which the place is asked and not growth.

All lengths are mm, positions LPS mm, densities mg/cm3 of hydroxyapatite.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from calciscope.simulate.ct import Mineral
from calciscope.simulate.shapes import Shape, Vector, ellipsoid, tube

_SPACING = 0.4
# Edges wander by about this many mm over this many mm.
_ROUGH, _ROUGH_MM = 0.35, 1.4


def mineral(shape: Shape, density: float, rng: np.random.Generator) -> Mineral:
    """A shape filled with mineral, its surface a little rough and its density uneven."""
    low = np.asarray(shape.low) - 1.0
    high = np.asarray(shape.high) + 1.0
    count = np.maximum(np.ceil((high - low) / _SPACING).astype(int), 3)
    axes = [(low[k] + _SPACING * np.arange(count[k])).astype(np.float32) for k in range(3)]
    away = shape.distance(axes[0][None, None, :], axes[1][None, :, None], axes[2][:, None, None])
    noise = ndimage.gaussian_filter(rng.standard_normal(away.shape, dtype=np.float32), _ROUGH_MM / _SPACING)
    noise /= max(float(noise.std()), 1e-6)
    share = np.clip(0.5 - (away + np.float32(_ROUGH) * noise) / np.float32(_SPACING), 0.0, 1.0)
    filled = share * np.clip(1.0 + 0.15 * noise, 0.5, 1.4) * np.float32(density)
    return Mineral(np.asarray(filled, dtype=np.float32), _SPACING, (float(low[0]), float(low[1]), float(low[2])))


def lump(centre: Vector, radius: float, rng: np.random.Generator) -> Shape:
    """An irregular round piece."""
    radii = radius * rng.uniform(0.75, 1.25, 3)
    axis = rng.normal(0, 1, 3)
    return ellipsoid(centre, (float(radii[0]), float(radii[1]), float(radii[2])), (axis[0], axis[1], axis[2]))


def disc(centre: Vector, normal: Vector, radius: float, half: float) -> Shape:
    """A flat round plate of half thickness ``half`` across ``normal``."""
    return ellipsoid(centre, (radius, radius, half), normal)


def streak(points: NDArray[np.float64], radius: float) -> Shape:
    """A thin curved piece along a line ``(n, 3)``, such as plaque along one side of a small artery."""
    return tube(points, radius)
