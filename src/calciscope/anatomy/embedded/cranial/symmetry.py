"""The plane in which a head is symmetrical, found from the whole head: skull, face, sinuses and brain."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, optimize

from calciscope.anatomy.embedded.frame import Frame, Mask

Floats = NDArray[np.float64]

# Bone and air, then what of brain and fluid is seen, HU; each scaled to 1.
_WIDE, _NARROW = (-300.0, 400.0), (0.0, 60.0)
_NARROW_SHARE = 0.5
# Smoothing that lets a coarse search find the way, mm, and points compared.
_SMOOTH_MM, _POINTS = 2.5, 5000
# What lies this far below the cavity belongs to the head too, mm.
_FACE_MM = 25.0
# Turns tried, degrees: a head that lies further over is not a head scan.
_TURNS = tuple(range(-32, 33, 8))
# Share of mirrored points that must lie in view.
_IN_VIEW = 0.6


@dataclass(frozen=True, slots=True, eq=False)
class Plane:
    """``point`` (LPS mm) on the plane and its unit ``normal`` to the patient's left.

    ``unlike`` is the mean difference between the sides (0 is perfect), ``gain`` by how much smaller it is than before
    the plane was fitted.
    """

    point: Floats
    normal: Floats
    unlike: float


def find_plane(frame: Frame, cavity: Mask) -> Plane | None:
    """The plane of symmetry of the head around a cavity, or ``None`` where too little can be compared."""
    slices = np.flatnonzero(cavity.any(axis=(1, 2)))
    low = max(0, int(slices[0] - _FACE_MM / frame.spacing[0]))
    spacing = np.array(frame.spacing)
    image = np.clip((frame.hu - _WIDE[0]) / (_WIDE[1] - _WIDE[0]), 0, 1)
    image += _NARROW_SHARE * np.clip((frame.hu - _NARROW[0]) / (_NARROW[1] - _NARROW[0]), 0, 1)
    image = ndimage.gaussian_filter(image[low:], [_SMOOTH_MM / s for s in spacing])
    # All in mm along the grid, which is the patient's up to a turn that scanners do not make here.
    where = np.argwhere(frame.body[low:])
    where = where[:: max(1, len(where) // _POINTS)] * spacing
    centre = np.array(ndimage.center_of_mass(cavity[low:])) * spacing
    here = _sample(image, where, spacing)[0]

    def cost(v: Floats) -> float:
        normal = _normal(v[0], v[1])
        away = (where - centre) @ normal - v[2]
        there, inside = _sample(image, where - 2 * away[:, None] * normal, spacing)
        if inside.mean() < _IN_VIEW:
            return 1.0
        return float(np.abs(there - here)[inside].mean())

    starts = [np.array([a, b, 0.0]) for a in _TURNS for b in _TURNS]
    values = [cost(v) for v in starts]
    best = sorted(range(len(starts)), key=lambda k: values[k])[:3]
    found = [
        optimize.minimize(cost, starts[k], method="Nelder-Mead", options={
            "initial_simplex": starts[k] + np.array([[0, 0, 0], [6, 0, 0], [0, 6, 0], [0, 0, 6]], dtype=float),
            "xatol": 0.1, "fatol": 1e-5, "maxfev": 120,
        })
        for k in best
    ]  # fmt: skip
    winner = min(found, key=lambda one: float(one.fun))
    if float(winner.fun) >= 1.0:
        return None
    yaw, roll, offset = (float(v) for v in winner.x)
    normal = _normal(yaw, roll)
    on_plane = centre + offset * normal + np.array([low, 0, 0]) * spacing
    # From mm along the grid to LPS.
    zero = frame.to_mm((0.0, 0.0, 0.0))
    axes = np.stack([frame.to_mm(tuple(row)) - zero for row in np.eye(3)]) / spacing[:, None]
    return Plane(zero + on_plane @ axes, normal @ axes, float(winner.fun))


def _normal(yaw: float, roll: float) -> Floats:
    """Unit vector ``(z, y, x)`` of the left-right axis after turning, degrees."""
    a, b = np.radians([yaw, roll])
    return np.array([np.sin(b), np.sin(a) * np.cos(b), np.cos(a) * np.cos(b)])


def _sample(image: NDArray[np.float32], mm: Floats, spacing: Floats) -> tuple[Floats, NDArray[np.bool_]]:
    """Values at points in mm along the grid, and which of them lie in view."""
    index = (mm / spacing).T
    inside = np.all((index >= 0) & (index <= np.array(image.shape)[:, None] - 1), axis=0)
    return ndimage.map_coordinates(image, index, order=1, mode="nearest"), inside
