"""The course of a vessel or duct, of which each point can be asked how near it lies."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from calciscope.domain.anatomy import Tube

# Curves are looked at in steps of this many mm.
_STEP_MM = 1.5
# How much a distance from the wall counts inside of a hollow tube.
_IN_LUMEN = 0.6
# Which percentile of a deposit's voxels, from the farthest on, says whether it leaves a wall.
_OUTERMOST = 15


def closeness(distance: NDArray[np.float64], tolerance: float) -> float:
    """Mean over points of a bell around the structure: 1 where they touch it, 0.6 at the tolerance."""
    return float(bell(distance, tolerance).mean())


def bell(distance: NDArray[np.float64], tolerance: float) -> NDArray[np.float64]:
    """For each distance from a structure how near it is: 1 within, 0.6 at the tolerance."""
    return np.asarray(np.exp(-0.5 * (np.maximum(distance, 0.0) / max(tolerance, 1e-3)) ** 2))


def in_wall(near: NDArray[np.float64]) -> NDArray[np.float64]:
    """Fits of the voxels of one deposit to a wall: its calcium follows it, so what reaches far out of it is not its."""
    return near * float(np.sqrt(np.percentile(near, _OUTERMOST) / max(float(near.mean()), 1e-6)).clip(0.0, 1.0))


class Course:
    """A tube as close-set points that can be asked for the nearest."""

    def __init__(self, tube: Tube) -> None:
        self.confidence = tube.confidence
        points, radius = tube.points, tube.radius
        if len(points) > 1:
            gaps = np.linalg.norm(np.diff(points, axis=0), axis=1)
            along = np.concatenate([[0.0], np.cumsum(gaps)])
            fine = np.linspace(0.0, along[-1], max(2, int(along[-1] / _STEP_MM) + 1))
            points = np.stack([np.interp(fine, along, points[:, k]) for k in range(3)], axis=1)
            radius = np.interp(fine, along, radius)
        self.radius = radius
        self.points = points
        self.tree = cKDTree(points)
        along_axis = np.gradient(points, axis=0) if len(points) > 1 else np.zeros_like(points)
        self.direction = along_axis / np.maximum(np.linalg.norm(along_axis, axis=1, keepdims=True), 1e-6)

    def distance(self, points: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Distance of each point from the axis, and the radius there, mm."""
        distance, index = self.tree.query(points)
        return np.asarray(distance, dtype=np.float64), np.asarray(self.radius[index], dtype=np.float64)

    def beside(self, points: NDArray[np.float64], *, hollow: bool) -> NDArray[np.float64]:
        """Distance of each point from the tube, cut off straight at its ends, or from its wall alone, mm."""
        _, index = self.tree.query(points)
        off = points - self.points[index]
        beyond = np.abs(np.einsum("ij,ij->i", off, self.direction[index]))
        aside = np.sqrt(np.maximum((off**2).sum(axis=1) - beyond**2, 0.0)) - self.radius[index]
        # What seems to lie in the lumen of a wall is likelier the wall, of which the axis was missed.
        aside = np.where(aside < 0, _IN_LUMEN * aside, aside) if hollow else np.maximum(aside, 0.0)
        return np.asarray(np.hypot(aside, beyond), dtype=np.float64)

    def below_end(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """How far below the upper end of the tube each point lies, beyond one radius, mm."""
        top = int(np.argmax(self.points[:, 2]))
        below = np.linalg.norm(points - self.points[top], axis=1) * (points[:, 2] < self.points[top, 2])
        return np.asarray(np.maximum(below - self.radius[top], 0.0), dtype=np.float64)
