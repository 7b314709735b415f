"""What a stone or a clot does to what is around it: the ureter widens above a stone, a vein leads to a phlebolith."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from calciscope.simulate.body import Body
from calciscope.simulate.shapes import Vector
from calciscope.simulate.sites import Damage, Field, Local


def dilated(course: str, at: float, radius: float, tissue: str = "urine", spacing: float = 0.8) -> Local:
    """A duct that is ``radius`` mm wide from its start to its relative position ``at``: hydroureter above a stone."""

    def make(body: Body, rng: np.random.Generator) -> Damage:
        points, radii = body.courses[course].points, body.courses[course].radii
        last = max(2, round(at * (len(points) - 1)) + 1)
        size = np.maximum(radii[:last], radius)
        return _band(points[:last], size, tissue, spacing)

    return make


def vein(centre: Vector, direction: Vector, length: float, radius: float, spacing: float = 0.4) -> Local:
    """The vein of a thrombus: a band of blood of ``radius`` mm that leaves it in a ``direction`` and tapers."""

    def make(body: Body, rng: np.random.Generator) -> Damage:
        start = np.asarray(centre) * body.scale
        unit = np.asarray(direction) / np.linalg.norm(direction)
        steps = np.linspace(0.0, length, max(2, round(length / 2.0)))
        points = start + steps[:, None] * unit
        return _band(points, radius * (1.0 - 0.75 * steps / length), "blood", spacing)

    return make


def _band(points: NDArray[np.float64], radii: NDArray[np.float64], tissue: str, spacing: float) -> Damage:
    """Soft tissue within ``radii`` of a line; nothing in it is damaged."""
    pad = float(radii.max()) + 2 * spacing
    low, high = points.min(axis=0) - pad, points.max(axis=0) + pad
    count = np.maximum(np.ceil((high - low) / spacing).astype(int), 3)
    shape = (int(count[2]), int(count[1]), int(count[0]))
    x, y, z = (low[k] + spacing * np.arange(shape[2 - k]) for k in range(3))
    share: Field = np.zeros(shape, dtype=np.float32)
    for a, b, size in zip(points[:-1], points[1:], (radii[:-1] + radii[1:]) / 2, strict=True):
        near = [
            slice(*np.searchsorted(axis, [min(a[k], b[k]) - size - spacing, max(a[k], b[k]) + size + spacing]))
            for k, axis in enumerate((x, y, z))
        ]
        d = [axis[part] - a[k] for k, (axis, part) in enumerate(zip((x, y, z), near, strict=True))]
        step = b - a
        t = d[0][None, None] * step[0] + d[1][None, :, None] * step[1] + d[2][:, None, None] * step[2]
        t = np.clip(t / max(float(step @ step), 1e-9), 0.0, 1.0)
        away = np.sqrt(
            (d[0][None, None] - t * step[0]) ** 2
            + (d[1][None, :, None] - t * step[1]) ** 2
            + (d[2][:, None, None] - t * step[2]) ** 2
        )
        view = share[near[2], near[1], near[0]]
        np.maximum(view, np.clip((size - away) / spacing + 0.5, 0, 1).astype(np.float32), out=view)
    origin = (float(low[0]), float(low[1]), float(low[2]))
    return Damage(np.zeros(shape, dtype=np.float32), spacing, origin, share, tissue)
