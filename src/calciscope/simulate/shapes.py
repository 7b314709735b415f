"""Solids as signed distances: what the simulated body is made of.

A :class:`Shape` gives the distance in mm to its surface, negative inside, for coordinates ``x``, ``y``, ``z`` (LPS mm)
that broadcast: an open grid ``(1, 1, nx)``, ``(1, ny, 1)``, ``(nz, 1, 1)`` or equal arrays of points. Distances are
exact near the surface of round shapes and only correct in sign and order far away, which is all that painting needs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline

Array = NDArray[np.float32]
Distance = Callable[[Array, Array, Array], Array]
Vector = tuple[float, float, float]

FAR = np.float32(1e3)
"""Distance given to points that lie beyond the reach of a tube, mm."""


@dataclass(frozen=True, slots=True, eq=False)
class Shape:
    """A solid: ``low`` and ``high`` bound it (mm), ``distance(x, y, z)`` is negative inside."""

    low: Vector
    high: Vector
    distance: Distance

    def __or__(self, other: Shape) -> Shape:
        """Union."""
        low, high = _hull(self, other)
        return Shape(low, high, lambda x, y, z: np.minimum(self.distance(x, y, z), other.distance(x, y, z)))

    def __and__(self, other: Shape) -> Shape:
        """Intersection."""
        low = tuple(max(a, b) for a, b in zip(self.low, other.low, strict=True))
        high = tuple(min(a, b) for a, b in zip(self.high, other.high, strict=True))
        return Shape(
            (low[0], low[1], low[2]),
            (high[0], high[1], high[2]),
            lambda x, y, z: np.maximum(self.distance(x, y, z), other.distance(x, y, z)),
        )

    def __sub__(self, other: Shape) -> Shape:
        """What is in this shape and not in the other."""
        return Shape(self.low, self.high, lambda x, y, z: np.maximum(self.distance(x, y, z), -other.distance(x, y, z)))

    def grow(self, mm: float) -> Shape:
        """The shape with its surface moved out by ``mm`` (inwards where negative)."""
        low = (self.low[0] - mm, self.low[1] - mm, self.low[2] - mm)
        high = (self.high[0] + mm, self.high[1] + mm, self.high[2] + mm)
        return Shape(low, high, lambda x, y, z: self.distance(x, y, z) - np.float32(mm))


def _hull(a: Shape, b: Shape) -> tuple[Vector, Vector]:
    low = tuple(min(p, q) for p, q in zip(a.low, b.low, strict=True))
    high = tuple(max(p, q) for p, q in zip(a.high, b.high, strict=True))
    return (low[0], low[1], low[2]), (high[0], high[1], high[2])


def blend(shapes: Sequence[Shape], radius: float) -> Shape:
    """Union whose creases are filled with fillets of about ``radius`` mm."""
    low, high = shapes[0].low, shapes[0].high
    for shape in shapes[1:]:
        low, high = _hull(Shape(low, high, shape.distance), shape)

    def distance(x: Array, y: Array, z: Array) -> Array:
        result = shapes[0].distance(x, y, z)
        for shape in shapes[1:]:
            other = shape.distance(x, y, z)
            overlap = np.clip(np.float32(1) - np.abs(result - other) / np.float32(radius), 0, None)
            result = np.minimum(result, other) - overlap * overlap * np.float32(radius / 4)
        return result

    return Shape(low, high, distance)


def half_space(normal: Vector, through: Vector) -> Shape:
    """Everything on the far side of a plane from its ``normal``."""
    unit = np.asarray(normal, dtype=np.float64) / np.linalg.norm(normal)
    a, b, c = (np.float32(v) for v in unit)
    offset = np.float32(unit @ np.asarray(through, dtype=np.float64))
    reach = 1e4
    return Shape((-reach, -reach, -reach), (reach, reach, reach), lambda x, y, z: a * x + b * y + c * z - offset)


def ellipsoid(centre: Vector, radii: Vector, axis: Vector | None = None) -> Shape:
    """An ellipsoid; with ``axis``, ``radii[2]`` lies along it and the other two across it."""
    frame = np.eye(3) if axis is None else frame_of(axis)
    matrix = frame.astype(np.float32)
    spread = np.sqrt(((frame.T * np.asarray(radii)) ** 2).sum(axis=1))
    low = tuple(float(c - s) for c, s in zip(centre, spread, strict=True))
    high = tuple(float(c + s) for c, s in zip(centre, spread, strict=True))
    inverse = (np.float32(1 / radii[0]), np.float32(1 / radii[1]), np.float32(1 / radii[2]))

    def distance(x: Array, y: Array, z: Array) -> Array:
        dx, dy, dz = x - np.float32(centre[0]), y - np.float32(centre[1]), z - np.float32(centre[2])
        first: Array | None = None
        second: Array | None = None
        for row, scale in zip(matrix, inverse, strict=True):
            part = (row[0] * dx + row[1] * dy + row[2] * dz) if axis is not None else (dx, dy, dz)[int(row.argmax())]
            scaled = (part * scale) ** 2
            steep = scaled * (scale * scale)
            first = scaled if first is None else first + scaled
            second = steep if second is None else second + steep
        assert first is not None
        assert second is not None
        norm = np.sqrt(first)
        # The small terms give the centre itself a depth of about the mean radius.
        steepness = np.sqrt(second) + np.float32(1e-6 * sum(inverse) / 3)
        return np.asarray((norm - 1) * (norm + np.float32(1e-6)) / steepness, dtype=np.float32)

    return Shape((low[0], low[1], low[2]), (high[0], high[1], high[2]), distance)


def frame_of(axis: Vector) -> NDArray[np.float64]:
    """Rows are three orthogonal unit vectors, the last along ``axis``, the first as near to x as can be."""
    w = np.asarray(axis, dtype=np.float64) / np.linalg.norm(axis)
    u = np.array([1.0, 0.0, 0.0]) if abs(w[0]) < 0.95 else np.array([0.0, 1.0, 0.0])
    u = u - (u @ w) * w
    u /= np.linalg.norm(u)
    return np.stack([u, np.cross(w, u), w])


def curve(points: Sequence[Vector], step: float = 5.0) -> NDArray[np.float64]:
    """A smooth curve through ``points`` sampled about every ``step`` mm, ``(n, 3)``."""
    given = np.asarray(points, dtype=np.float64)
    if len(given) < 3:
        count = max(2, int(np.linalg.norm(given[-1] - given[0]) / step) + 1)
        return np.asarray(given[0] + np.linspace(0, 1, count)[:, None] * (given[-1] - given[0]))
    chord = np.concatenate([[0.0], np.cumsum(np.sqrt(np.linalg.norm(np.diff(given, axis=0), axis=1)))])
    length = float(np.linalg.norm(np.diff(given, axis=0), axis=1).sum())
    return np.asarray(CubicSpline(chord, given)(np.linspace(0, chord[-1], max(3, int(length / step) + 1))))


def radii_along(points: NDArray[np.float64], knots: Sequence[float]) -> NDArray[np.float64]:
    """Radii for every sample of a curve from equally spaced ``knots``."""
    along = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])
    return np.asarray(np.interp(along / along[-1], np.linspace(0, 1, len(knots)), knots), dtype=np.float64)


def tube(
    points: NDArray[np.float64],
    radii: NDArray[np.float64] | float,
    *,
    squash: Vector = (1.0, 1.0, 1.0),
    reach: float = 3.0,
) -> Shape:
    """Everything within ``radii`` of a polyline ``(n, 3)``.

    ``squash`` multiplies distances along x, y and z, so that 0.5 makes the tube twice as wide along that axis. Beyond
    ``reach`` mm from the surface the distance is :data:`FAR`.
    """
    size = np.broadcast_to(np.asarray(radii, dtype=np.float64), (len(points),))
    wide = np.asarray([1 / s for s in squash])
    widest = float(size.max())
    low = points.min(axis=0) - widest * wide
    high = points.max(axis=0) + widest * wide
    starts, ends = points[:-1], points[1:]

    margin = np.maximum(size[:-1], size[1:])[:, None] * wide + reach * wide
    lows, highs = np.minimum(starts, ends) - margin, np.maximum(starts, ends) + margin

    def distance(x: Array, y: Array, z: Array) -> Array:
        result = np.full(np.broadcast_shapes(x.shape, y.shape, z.shape), FAR, dtype=np.float32)
        if x.ndim != 3 or x.shape[:2] != (1, 1) or y.shape[::2] != (1, 1) or z.shape[1:] != (1, 1):
            for a, b, ra, rb in zip(starts, ends, size[:-1], size[1:], strict=True):
                np.minimum(result, _segment(x, y, z, a, b, float(ra), float(rb), squash), out=result)
            return result
        # On an open grid each segment is drawn into its own small box.
        first = np.stack([np.searchsorted(c.ravel(), lows[:, k]) for k, c in ((2, z), (1, y), (0, x))], axis=1)
        last = np.stack([np.searchsorted(c.ravel(), highs[:, k]) for k, c in ((2, z), (1, y), (0, x))], axis=1)
        for k in np.flatnonzero((last > first).all(axis=1)):
            (i, m, u), (j, n, v) = first[k], last[k]
            part = (x[:, :, u:v], y[:, m:n], z[i:j])
            near = _segment(*part, starts[k], ends[k], float(size[k]), float(size[k + 1]), squash)
            view = result[i:j, m:n, u:v]
            np.minimum(view, near, out=view)
        return result

    return Shape((low[0], low[1], low[2]), (high[0], high[1], high[2]), distance)


def _segment(
    x: Array,
    y: Array,
    z: Array,
    a: NDArray[np.float64],
    b: NDArray[np.float64],
    ra: float,
    rb: float,
    squash: Vector,
) -> Array:
    """Distance to a rounded cone from ``a`` (radius ``ra``) to ``b`` (radius ``rb``)."""
    sx, sy, sz = (np.float32(s) for s in squash)
    dx, dy, dz = (x - np.float32(a[0])) * sx, (y - np.float32(a[1])) * sy, (z - np.float32(a[2])) * sz
    ex, ey, ez = (np.float32(v) for v in (b - a) * np.asarray(squash))
    square = np.float32(max(float(ex * ex + ey * ey + ez * ez), 1e-6))
    t = np.clip((dx * ex + dy * ey + dz * ez) / square, 0, 1)
    away = np.sqrt((dx - t * ex) ** 2 + (dy - t * ey) ** 2 + (dz - t * ez) ** 2)
    return np.asarray(away - (np.float32(ra) + t * np.float32(rb - ra)), dtype=np.float32)


def plate(corners: tuple[Vector, Vector, Vector], half_thickness: float) -> Shape:
    """A flat triangle with rounded edges, such as the blade of a scapula."""
    a, b, c = (np.asarray(p, dtype=np.float64) for p in corners)
    normal = np.cross(b - a, c - a)
    normal /= np.linalg.norm(normal)
    edges = []
    for p, q, opposite in ((a, b, c), (b, c, a), (c, a, b)):
        out = np.cross(q - p, normal)
        out /= np.linalg.norm(out)
        edges.append((p, out if out @ (opposite - p) < 0 else -out))
    points = np.stack([a, b, c])
    low, high = points.min(axis=0) - half_thickness, points.max(axis=0) + half_thickness

    def distance(x: Array, y: Array, z: Array) -> Array:
        def along(origin: NDArray[np.float64], direction: NDArray[np.float64]) -> Array:
            u, v, w = (np.float32(k) for k in direction)
            return np.asarray(u * x + v * y + w * z - np.float32(direction @ origin), dtype=np.float32)

        beyond = np.maximum.reduce([along(p, out) for p, out in edges])
        return np.asarray(np.hypot(along(a, normal), np.maximum(beyond, 0)) - np.float32(half_thickness))

    return Shape((low[0], low[1], low[2]), (high[0], high[1], high[2]), distance)


def sheet(levels: NDArray[np.float64], lines: NDArray[np.float64], half: NDArray[np.float64]) -> Shape:
    """A curved plate that is a line in every axial slice, such as the iliac wing.

    ``levels`` ``(k,)`` are ascending z, ``lines`` ``(k, m, 2)`` the line ``(x, y)`` at each, ``half`` ``(k, m)`` half
    the thickness at its points.
    """
    pad = float(half.max())
    low = (float(lines[..., 0].min()) - pad, float(lines[..., 1].min()) - pad, float(levels[0]) - pad)
    high = (float(lines[..., 0].max()) + pad, float(lines[..., 1].max()) + pad, float(levels[-1]) + pad)

    def distance(x: Array, y: Array, z: Array) -> Array:
        def at(values: NDArray[np.float64]) -> Array:
            return np.interp(z, levels, values).astype(np.float32)

        result: Array | None = None
        for k in range(lines.shape[1] - 1):
            ax, ay, bx, by = (at(lines[:, k + i, j]) for i in (0, 1) for j in (0, 1))
            ra, rb = at(half[:, k]), at(half[:, k + 1])
            ex, ey = bx - ax, by - ay
            dx, dy = x - ax, y - ay
            t = np.clip((dx * ex + dy * ey) / np.maximum(ex * ex + ey * ey, np.float32(1e-6)), 0, 1)
            near = np.hypot(dx - t * ex, dy - t * ey) - (ra + t * (rb - ra))
            result = near if result is None else np.minimum(result, near)
        assert result is not None
        outside = np.maximum(np.float32(levels[0]) - z, z - np.float32(levels[-1]))
        return np.asarray(np.maximum(result, outside - np.float32(pad / 2)), dtype=np.float32)

    return Shape(low, high, distance)
