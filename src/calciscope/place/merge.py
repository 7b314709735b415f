"""Two deposits as one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from calciscope.domain.deposit import Deposit, Shape
from calciscope.domain.image import Point


def merged(into: Deposit, other: Deposit) -> Deposit:
    """One deposit of the voxels of both, with the id of ``into``; voxels that both hold count once, for ``into``.

    Sphericity and hollow are exact for pieces that do not touch: their surfaces and filled outlines add up, those of
    ``other`` by the share of it that is new. Length is that of the larger piece or of the line through both, whichever
    is longer.
    """
    voxels = np.concatenate([into.voxels, other.voxels])
    voxels, first = np.unique(voxels, axis=0, return_index=True)
    hu = np.concatenate([into.hu, other.hu])[first]
    new = (len(voxels) - len(into.voxels)) / max(len(other.voxels), 1)
    added = other.volume_mm3 * new
    total = into.volume_mm3 + added
    share = added / total if total > 0 else 0.5
    centre = np.array(into.center_mm) * (1 - share) + np.array(other.center_mm) * share
    low = np.minimum(*(np.array(d.center_mm) - np.array(d.extent_mm) / 2 for d in (into, other)))
    high = np.maximum(*(np.array(d.center_mm) + np.array(d.extent_mm) / 2 for d in (into, other)))
    index = np.array(into.center_index) * (1 - share) + np.array(other.center_index) * share
    apart = float(np.linalg.norm(np.array(into.center_mm) - np.array(other.center_mm)))
    length = max(into.shape.length, other.shape.length, apart + (into.shape.length + other.shape.length) / 2)
    z, y, x = (round(float(v)) for v in index)
    return replace(
        into,
        voxels=voxels,
        hu=hu,
        center_index=(z, y, x),
        center_mm=_point(centre),
        extent_mm=_point(high - low),
        volume_mm3=total,
        background_hu=into.background_hu * (1 - share) + other.background_hu * share,
        shape=Shape(
            length,
            max(into.shape.width, other.shape.width),
            _sphericity(into, other, new, total),
            _hollow(into, other, new, total),
        ),
    )


def _point(values: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> Point:
    x, y, z = (float(v) for v in values)
    return (x, y, z)


def _ball_surface(volume: float) -> float:
    """Surface of the ball of a volume, mm2."""
    return float(np.pi ** (1 / 3) * (6 * volume) ** (2 / 3))


def _sphericity(one: Deposit, other: Deposit, new: float, total: float) -> float:
    surface, more = (_ball_surface(d.volume_mm3) / max(d.shape.sphericity, 0.05) for d in (one, other))
    surface += new * more
    return _ball_surface(total) / surface if surface > 0 else one.shape.sphericity


def _hollow(one: Deposit, other: Deposit, new: float, total: float) -> float:
    filled, more = (d.volume_mm3 / max(1 - d.shape.hollow, 0.05) for d in (one, other))
    filled += new * more
    return max(0.0, 1 - total / filled) if filled > 0 else 0.0
