"""Heads of long bones as balls: every piece of bone surface votes for the centre that it would have.

A humeral or femoral head is two thirds of a ball of 18 to 29 mm radius at the end of a shaft; no other bone of an adult
has so much surface at one distance from one point (knee condyles are less than half a ball, vertebrae are smaller).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from calciscope.anatomy.embedded.frame import Frame, Mask

# Radii of adult humeral and femoral heads, mm, and the step between them.
_RADII = np.arange(18.0, 30.1, 1.5)
# Share of the ball's surface that must be bone surface facing outwards.
_LEAST = 0.32
# Bone surface this near to a ball belongs to it, mm.
_NEAR = 2.5
# Directions in which a ball is looked at.
_DIRECTIONS = 400
# Two heads are further apart than this, mm.
_APART = 45.0
# Attenuation above which brighter bone adds nothing to the direction of its surface, HU.
_CAP = 350.0


@dataclass(frozen=True, slots=True)
class Ball:
    """A head: ``centre`` (coarse ``z, y, x``), ``radius`` mm, ``share`` of its surface that is bone surface."""

    centre: tuple[float, float, float]
    radius: float
    share: float


@dataclass(frozen=True, slots=True)
class Head:
    """A ball that is the head of a bone: ``kind`` ``shoulder`` or ``hip``, ``side`` (or nothing), to the midline.

    ``medial`` is +1 where the midline lies at higher columns, -1 at lower ones, 0 where it is not known.
    """

    ball: Ball
    kind: str
    side: str
    medial: float


def midline(frame: Frame) -> float | None:
    """Coarse column of the body's middle by spine or lungs."""
    known = frame.spine[:, 1][np.isfinite(frame.spine[:, 1])]
    if known.size:
        return float(np.median(known))
    if frame.lung_left.any() and frame.lung_right.any():
        left, right = (np.flatnonzero(lung.any(axis=(0, 1))) for lung in (frame.lung_left, frame.lung_right))
        return 0.5 * float(left[0] + right[-1])
    return None


def directions(count: int = _DIRECTIONS) -> NDArray[np.float64]:
    """Unit vectors ``(count, 3)`` ``(z, y, x)`` spread evenly over the ball."""
    k = np.arange(count) + 0.5
    polar, turn = np.arccos(1 - 2 * k / count), np.pi * (1 + 5**0.5) * k
    return np.stack([np.cos(polar), np.sin(polar) * np.sin(turn), np.sin(polar) * np.cos(turn)], axis=1)


def find(frame: Frame, low: tuple[int, int, int], high: tuple[int, int, int], most: int) -> list[Ball]:
    """At most ``most`` balls in a box of the coarse grid, best first."""
    box = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    bone = frame.bone[box]
    if not bone.any() or min(bone.shape) < 6:
        return []
    points, inward = _surface(bone, frame.hu[box], frame.spacing)
    if len(points) < 50:
        return []
    spacing = np.asarray(frame.spacing)
    best = np.zeros(bone.shape, dtype=np.float32)
    best_radius = np.zeros(bone.shape, dtype=np.float32)
    for radius in _RADII:
        centres = np.rint((points + radius * inward) / spacing).astype(int)
        inside = ((centres >= 0) & (centres < bone.shape)).all(axis=1)
        flat = np.ravel_multi_index(tuple(centres[inside].T), bone.shape)
        votes = np.bincount(flat, minlength=bone.size).reshape(bone.shape).astype(np.float32)
        # A vote is off by about a voxel; a whole ball gives as many votes as its surface has voxels.
        votes = ndimage.gaussian_filter(votes, 1.2)
        votes *= np.float32(float(np.cbrt(np.prod(spacing))) ** 2 / (4 * np.pi * radius**2))
        better = votes > best
        best[better], best_radius[better] = votes[better], radius
    best[~bone] = 0.0
    found: list[Ball] = []
    reach = np.ceil(_APART / spacing).astype(int)
    for _ in range(most * 3):
        peak = np.unravel_index(int(best.argmax()), best.shape)
        if best[peak] <= 0 or len(found) >= most:
            break
        ball = _refined(points, inward, np.asarray(peak) * spacing)
        hole = tuple(slice(max(0, int(p) - r), int(p) + r + 1) for p, r in zip(peak, reach, strict=True))
        best[hole] = 0.0
        if ball is not None and ball[2] >= _LEAST:
            z, y, x = ball[0] / spacing + np.asarray(low)
            found.append(Ball((float(z), float(y), float(x)), ball[1], ball[2]))
    return sorted(found, key=lambda item: -item.share)


def _surface(
    bone: Mask, hu: NDArray[np.float32], spacing: tuple[float, float, float]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Points on the outside of bone (mm from the box's corner) and unit vectors into the bone, ``(n, 3)`` each."""
    shell = bone & ~ndimage.binary_erosion(bone, border_value=1)
    # Marrow is filled, so that only the outer surface has a direction.
    filled = np.where(bone, np.float32(_CAP), np.clip(hu, -100.0, _CAP))
    smooth = ndimage.gaussian_filter(filled, 0.8)
    slope = np.stack([np.gradient(smooth, s, axis=k)[shell] for k, s in enumerate(spacing)], axis=1)
    size = np.linalg.norm(slope, axis=1)
    steep = size > 15.0
    points = np.argwhere(shell)[steep] * np.asarray(spacing)
    return points.astype(np.float64), (slope[steep] / size[steep, None]).astype(np.float64)


def _refined(
    points: NDArray[np.float64], inward: NDArray[np.float64], start: NDArray[np.float64]
) -> tuple[NDArray[np.float64], float, float] | None:
    """Centre (mm), radius and share of the ball that fits the surface round a first guess."""
    centre = start.astype(np.float64)
    near = np.linalg.norm(points - centre, axis=1) < _RADII[-1] + 8.0
    points, inward = points[near], inward[near]
    radius = 0.0
    for _ in range(5):
        out = points - centre
        away = np.linalg.norm(out, axis=1)
        faces = -np.einsum("ij,ij->i", out, inward) / np.maximum(away, 1e-6)
        facing = (faces > 0.8) & (away > _RADII[0] - 3.0) & (away < _RADII[-1] + 3.0)
        if facing.sum() < 30:
            return None
        usual = float(np.median(away[facing]))
        fits = facing & (np.abs(away - usual) < 2 * _NEAR)
        if fits.sum() < 30:
            return None
        # Least squares for a ball: |p|^2 = 2 c.p + (r^2 - |c|^2).
        system = np.column_stack([2 * points[fits], np.ones(int(fits.sum()))])
        solution = np.linalg.lstsq(system, (points[fits] ** 2).sum(axis=1), rcond=None)[0]
        moved = solution[:3]
        if np.linalg.norm(moved - start) > 15.0:
            return None
        centre = moved
        radius = float(np.sqrt(max(solution[3] + float(moved @ moved), 1.0)))
    if not _RADII[0] - 1.0 <= radius <= _RADII[-1] + 1.0:
        return None
    out = points - centre
    away = np.linalg.norm(out, axis=1)
    faces = -np.einsum("ij,ij->i", out, inward) / np.maximum(away, 1e-6)
    good = (faces > 0.75) & (np.abs(away - radius) < _NEAR)
    if not good.any():
        return None
    covered = (directions() @ (out[good] / away[good, None]).T).max(axis=1) > np.cos(4.0 / radius)
    return centre, radius, float(covered.mean())
