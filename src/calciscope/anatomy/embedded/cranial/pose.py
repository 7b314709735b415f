"""How a head lies and how large it is: the average head fitted to its cavity and its ventricles."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, optimize

from calciscope.anatomy.embedded.cranial import outline
from calciscope.anatomy.embedded.cranial.symmetry import Plane
from calciscope.anatomy.embedded.frame import Frame, Mask

Floats = NDArray[np.float64]

# Fluid in the ventricles, HU after averaging: darker than brain. It lies at least this deep in the cavity, mm.
_FLUID_HU, _DEEP_MM = (-8.0, 21.0), 22.0
# Grid of the side view, and how far it reaches from the cavity's middle, mm.
_GRID_MM, _REACH_MM = 4.0, 130.0
# The outline is known to about this, mm.
_BLUR_MM = 4.0
# Nods tried, degrees: gantry tilt and the patient's neck together.
_NODS = tuple(range(-36, 37, 6))
# What the ventricles weigh against the outline, and what it costs to be out of proportion.
_VENTRICLES = 0.35
# Heads are broad or long, low or high, but their height follows their length; and nobody is scanned with a nod of more
# than about this, degrees.
_BROAD, _HIGH, _NOD, _NODDING = 0.8, 2.5, 25.0, 0.02
# Heads from the newborn's to the largest, in parts of the average.
_SIZES = (0.58, 1.2)
# A fit of the outline with this error, and less, is taken; from here on it is doubted.
_GOOD, _BAD = 0.15, 0.27
# Of an ellipsoid all but one part in a hundred lies within this share of its width.
_TAIL = 0.92
# From so much of the head in view to so much a fit is trusted more and more.
_LITTLE, _ENOUGH = 0.62, 0.85
# Another nod that is this far off, degrees, must fit worse by this much.
_OTHER_NOD, _WORSE = 12.0, 0.05


@dataclass(frozen=True, slots=True, eq=False)
class Pose:
    """The frame of a head. :meth:`to_atlas` gives mm to the left, to the front and up in the average head.

    ``origin`` is LPS mm, ``axes`` rows are unit vectors to the left, front and top, ``size`` parts of the average along
    them. ``trust`` (0 to 1) says how well the average fits, ``nod`` is the pitch in degrees, ``seen`` (0 to 1) whether
    enough of the head is in view, ``error`` which part of the outline is missed.
    """

    origin: Floats
    axes: Floats
    size: Floats
    trust: float
    nod: float
    seen: float
    error: float

    def to_atlas(self, points: Floats) -> Floats:
        """Atlas mm of LPS mm ``(..., 3)``."""
        return np.asarray((points - self.origin) @ self.axes.T / self.size)

    def to_patient(self, points: Floats) -> Floats:
        """LPS mm of atlas mm ``(..., 3)``."""
        return np.asarray(points * self.size @ self.axes + self.origin)


def fluid(frame: Frame, cavity: Mask) -> Mask:
    """Cerebrospinal fluid in a cavity, by its attenuation after smoothing away the noise."""
    smooth = ndimage.gaussian_filter(np.clip(frame.hu, -20, 80), [1.2 / s for s in frame.spacing])
    return np.asarray(cavity & (smooth > _FLUID_HU[0]) & (smooth < _FLUID_HU[1]))


def find_pose(frame: Frame, cavity: Mask, plane: Plane) -> Pose | None:
    """The pose of a head, or ``None`` where the average head cannot be fitted."""
    left = plane.normal
    up = np.array([0.0, 0.0, 1.0]) - left[2] * left
    up /= np.linalg.norm(up)
    front = np.cross(up, left)
    front *= -np.sign(front[1])
    inside = np.argwhere(cavity).astype(np.float64)
    points = frame.to_mm(inside[:: max(1, len(inside) // 20000)])
    aside = (points - plane.point) @ left
    half = 0.5 * float(np.percentile(aside, 99.5) - np.percentile(aside, 0.5)) / _TAIL
    wide = half / outline.HALF_WIDTH
    if not _SIZES[0] <= wide <= _SIZES[1]:
        return None
    middle = points.mean(axis=0) - aside.mean() * left
    view = _View(frame, cavity, middle, np.stack([left, front, up]), wide)
    start = _coarse(view, wide)
    fitted = [view.refined(one) for one in start]
    best = min(fitted, key=lambda one: one[1])
    nod, y, z, long, tall = best[0]
    error = view.error(best[0])
    others = [value for v, value in fitted if abs(v[0] - nod) > _OTHER_NOD]
    margin = min(1.0, (min(others, default=1.0) - best[1]) / _WORSE)
    seen = float(np.clip((view.covered(best[0]) - _LITTLE) / (_ENOUGH - _LITTLE), 0, 1))
    trust = float(np.clip((_BAD - error) / (_BAD - _GOOD), 0, 1)) * max(0.0, margin) * seen
    c, s = np.cos(np.radians(nod)), np.sin(np.radians(nod))
    ahead, above = c * front + s * up, c * up - s * front
    return Pose(
        middle + y * front + z * up,
        np.stack([left, ahead, above]),
        np.array([wide, long, tall]),
        trust,
        nod,
        seen,
        error,
    )


class _View:
    """The cavity in side view: how much of it there is in the middle and at the sides, and where fluid is."""

    def __init__(self, frame: Frame, cavity: Mask, middle: Floats, axes: Floats, wide: float) -> None:
        steps = np.arange(-_REACH_MM, _REACH_MM + 1, _GRID_MM)
        self.lattice = np.stack(np.meshgrid(steps, steps, indexing="ij"), axis=-1).reshape(-1, 2)
        soft = cavity.astype(np.float32)
        self.wide = wide
        self.slabs = []
        for image, offsets in ((0, (-7.0, 7.0)), (1, (-outline.ASIDE * wide, outline.ASIDE * wide))):
            seen, known = [], []
            for offset in offsets:
                at = middle + offset * axes[0] + self.lattice @ axes[1:]
                index = frame.to_coarse(at).T
                known.append(np.all((index >= 0) & (index <= np.array(cavity.shape)[:, None] - 1), axis=0))
                seen.append(ndimage.map_coordinates(soft, index, order=1, mode="constant"))
            # A flap that is missing or a bleeding harms one side only.
            both = np.maximum(seen[0], seen[1])
            view = known[0] & known[1]
            self.slabs.append((image, self.lattice[view], both[view]))
        deep = ndimage.distance_transform_edt(cavity, sampling=frame.spacing) > _DEEP_MM * wide
        wet = np.argwhere(fluid(frame, cavity) & deep).astype(np.float64)
        off = frame.to_mm(wet[:: max(1, len(wet) // 1500)]) - middle if len(wet) else np.zeros((0, 3))
        # Ventricles lie between 4 and 40 mm of the middle.
        near = np.abs(np.abs(off @ axes[0]) - 20.0 * wide) < 18.0 * wide
        self.wet = (off @ axes[1:].T)[near]

    def _local(self, points: Floats, v: Floats) -> Floats:
        c, s = np.cos(np.radians(v[0])), np.sin(np.radians(v[0]))
        away = points - v[1:3]
        return np.stack([(c * away[:, 0] + s * away[:, 1]) / v[3], (c * away[:, 1] - s * away[:, 0]) / v[4]], axis=1)

    def error(self, v: Floats) -> float:
        """The part of the cavity in view by which the outlines of the average head miss it."""
        missed = total = 0.0
        shapes = outline.outlines()
        for image, points, there in self.slabs:
            away = outline.at(shapes[image], self._local(points, v)) * min(v[3], v[4])
            missed += float(np.abs(np.clip(0.5 - away / _BLUR_MM, 0, 1) - there).sum())
            total += float(there.sum())
        return missed / max(total, 1.0)

    def cost(self, v: Floats) -> float:
        """What :meth:`error`, ventricles off their place and odd proportions cost together."""
        if not (_SIZES[0] <= min(v[3], v[4]) and max(v[3], v[4]) <= _SIZES[1]):
            return 10.0
        value = self.error(v)
        if len(self.wet) > 30:
            value += _VENTRICLES * float(outline.at(outline.outlines()[2], self._local(self.wet, v)).mean())
        broad = np.log(v[3] / self.wide) ** 2 + np.log(v[4] / self.wide) ** 2
        odd = _BROAD * broad + _HIGH * np.log(v[3] / v[4]) ** 2 + _NODDING * (v[0] / _NOD) ** 2
        return value + float(odd)

    def covered(self, v: Floats) -> float:
        """The part of the average head's outlines that lies in view."""
        inside = in_view = 0.0
        for image, points, _ in self.slabs:
            inside += float((outline.outlines()[image] < 0).sum()) * outline.STEP**2
            here = outline.at(outline.outlines()[image], self._local(points, v)) < 0
            in_view += float(here.sum()) * _GRID_MM**2 / (v[3] * v[4])
        return min(1.0, in_view / inside)

    def refined(self, start: Floats) -> tuple[Floats, float]:
        """The best fit near a start and what it costs."""
        simplex = start + np.vstack([np.zeros(5), np.diag([5.0, 6.0, 6.0, 0.05, 0.05])])
        made = optimize.minimize(
            self.cost, start, method="Nelder-Mead",
            options={"initial_simplex": simplex, "xatol": 0.05, "fatol": 1e-4, "maxfev": 220},
        )  # fmt: skip
        return np.asarray(made.x), float(made.fun)


def _coarse(view: _View, wide: float) -> list[Floats]:
    """Nods and places from which a fit is worth trying: the best of each of three ranges of nods."""
    found: list[tuple[float, Floats]] = []
    for nod in _NODS:
        tried = [
            np.array([nod, y, z, wide, wide]) for y, z in product((0.0, 12.0, 24.0), (-36.0, -24.0, -12.0, 0.0, 12.0))
        ]
        values = [view.cost(v) for v in tried]
        k = int(np.argmin(values))
        found.append((values[k], tried[k]))
    best = min(range(len(found)), key=lambda k: found[k][0])
    apart = [k for k in range(len(found)) if abs(found[k][1][0] - found[best][1][0]) > _OTHER_NOD]
    other = sorted(apart, key=lambda k: found[k][0])[:2]
    return [found[k][1] for k in (best, *other)]
