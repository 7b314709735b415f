"""Simulated bodies with their true labels on the grid of the series, and what the embedded provider sees in them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from calciscope.anatomy.embedded import segment
from calciscope.domain.anatomy import Anatomy
from calciscope.domain.image import Geometry, Volume
from calciscope.simulate.body import Body
from calciscope.simulate.patient import simulate


@dataclass(frozen=True)
class Case:
    """A series, the body in it, the true label of each voxel of the series, and the anatomy that was found."""

    volume: Volume
    body: Body
    labels: np.ndarray
    anatomy: Anatomy

    def true(self, *names: str) -> np.ndarray:
        """Voxels of the series that are any of the named structures of the body."""
        return np.isin(self.labels, [self.body.names[name] for name in names if name in self.body.names])

    def found(self, *names: str) -> np.ndarray:
        return self.anatomy.mask(*names)

    def dice(self, found: str, true: str) -> float:
        one, other = self.found(found), self.true(true)
        return float(2 * (one & other).sum() / max(1, one.sum() + other.sum()))

    def share(self, found: str, *true: str) -> float:
        """How much of what was found is really one of these."""
        one = self.found(found)
        return float((one & self.true(*true)).sum() / max(1, one.sum()))

    def covered(self, true: str, *found: str) -> float:
        """How much of what is there was found as one of these."""
        one = self.true(true)
        return float((one & self.found(*found)).sum() / max(1, one.sum()))

    def level(self, z: float) -> float:
        """Canonical slice of a height of the reference body (mm)."""
        return float(self.volume.geometry.to_index((0.0, 0.0, z * self.body.scale[2]))[0])

    def off_course(self, tube: str, *courses: str) -> np.ndarray:
        """Distance in mm of each point of the true courses that is in view from the tube that was found."""
        geometry = self.volume.geometry
        low, high = (float(geometry.to_mm((k, 0.0, 0.0))[2]) for k in (0, geometry.shape[0] - 1))
        points = np.concatenate([self.body.courses[name].points for name in courses])
        points = points[(points[:, 2] > low) & (points[:, 2] < high)]
        line = self.anatomy.tubes[tube].points
        return np.linalg.norm(points[:, None] - line[None], axis=2).min(axis=1)


def case(seed: int = 3, **options: object) -> Case:
    """Simulate and segment; coarse, and without deposits unless they are asked for."""
    made = simulate(seed, **{"quick": True, "deposits": (), **options})  # type: ignore[arg-type]
    return Case(made.volume, made.body, sampled(made.body, made.volume.geometry), segment(made.volume))


def sampled(body: Body, geometry: Geometry) -> np.ndarray:
    """The body's label at the centre of each voxel of a series; 0 outside."""
    picks, inside = [], []
    for axis in range(3):
        mm = geometry.origin[2 - axis] + geometry.spacing[axis] * np.arange(geometry.shape[axis])
        index = np.rint((mm - body.geometry.origin[2 - axis]) / body.geometry.spacing[axis]).astype(int)
        inside.append((index >= 0) & (index < body.geometry.shape[axis]))
        picks.append(np.clip(index, 0, body.geometry.shape[axis] - 1))
    labels = body.labels[np.ix_(*picks)].copy()
    labels[~inside[0]] = 0
    labels[:, ~inside[1]] = 0
    labels[:, :, ~inside[2]] = 0
    return labels


def mirrored(made: Case) -> Case:
    """The same person with left and right exchanged: the voxels are turned over, the grid stays."""
    hu = np.ascontiguousarray(made.volume.hu[:, :, ::-1])
    volume = Volume(hu, made.volume.geometry, made.volume.acquisition)
    return Case(volume, made.body, np.ascontiguousarray(made.labels[:, :, ::-1]), segment(volume))


def moved(made: Case, rows: int, columns: int) -> Case:
    """The same person elsewhere in the field of view (in voxels); air comes in at the other side."""
    hu = np.full_like(made.volume.hu, -1000)
    labels = np.zeros_like(made.labels)
    to = tuple(slice(max(0, s), n + min(0, s)) for s, n in zip((rows, columns), hu.shape[1:], strict=True))
    of = tuple(slice(max(0, -s), n - max(0, s)) for s, n in zip((rows, columns), hu.shape[1:], strict=True))
    hu[:, to[0], to[1]] = made.volume.hu[:, of[0], of[1]]
    labels[:, to[0], to[1]] = made.labels[:, of[0], of[1]]
    volume = Volume(hu, made.volume.geometry, made.volume.acquisition)
    return Case(volume, made.body, labels, segment(volume))
