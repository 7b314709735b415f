"""Coronary stents, which slices of 3 mm blur until their attenuation is that of calcium.

Struts of a third of a millimetre average out to 300 to 1,500 HU. What tells a stent is its form: an even tube of 10 to
40 mm, 3 to 5 mm wide to half of its height, whose middle is no brighter than its two walls. Plaque lies on one side of
an artery, so that a line across it has a single peak; where it goes all round, it is uneven along its way. What has
the form but not the two walls is counted, and told.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from calciscope.find.context import Context
from calciscope.find.scene import Bool, Hu, Scene
from calciscope.find.shape import shape

Spacing = tuple[float, float, float]

# Length and seeming width with blur, mm; peak, HU; how even it is from station to station of so many mm.
_LENGTH, _WIDTH, _HU = (11.0, 40.0), 8.0, 300.0
_STATION_MM, _EVEN = 3.0, 0.1
# Seeming cross-section, mm2: a lumen of 2.5 to 4 mm with its wall and blur.
_SECTION = (9.0, 32.0)
# Lines across: half their length and their step, mm; the wall lies this far from the middle, mm, the core within that.
_ACROSS, _STEP, _WALL, _CORE = 5.0, 0.5, (1.0, 2.0), 0.5
# Either wall is at least this bright beside the middle and beside the other wall, and the whole this wide to half of
# its height, mm.
_TWO_WALLS, _ALIKE, _HALF_HEIGHT = 0.8, 0.7, (3.0, 4.75)
# A course runs this near to the slice's normal where no line in the slice is the only one across it.
_UPRIGHT = 0.2
# So far from the heart's outline no coronary artery runs, mm.
_BESIDE_HEART = 10.0
# Coronary arteries lie in fat; the ring of the mitral valve, calcified all along, lies in muscle. What is this near to
# the traced course, mm, needs no fat; what only looks like a stent must lie nearer still.
_FAT, _NEAR_MM, _ON_COURSE_MM = 0.25, 9.0, 6.0


class Verdict(Enum):
    """What the form of a candidate says."""

    STENT = "a stent"
    MAYBE = "may be a stent"
    NONE = "no stent"


_NOTES = {
    Verdict.STENT: "a coronary stent is in view: it is not counted, and calcium in it or beside it is not seen",
    Verdict.MAYBE: ("a stent may be in view in a coronary artery: its attenuation counts as calcium, check the score"),
}


@dataclass(frozen=True, slots=True, eq=False)
class Coronaries:
    """Where stents may lie: ``heart`` ``(z, y, x)`` of a scene, ``courses`` ``(n, 3)`` in mm of its grid."""

    heart: Bool
    courses: NDArray[np.float64]
    spacing: Spacing

    @classmethod
    def of(cls, scene: Scene) -> Coronaries:
        """Those of a scene; without a heart or a traced artery nothing lies near."""
        lines = [tube.points for name, tube in scene.anatomy.tubes.items() if name.startswith("coronary_")]
        to_index = scene.volume.geometry.to_index
        traced = np.concatenate([to_index(line) for line in lines]) if lines else np.zeros((0, 3))
        courses = (traced - np.array(scene.start)) * np.array(scene.spacing) if lines else traced
        return cls(scene.names_mask(("heart", "heart_")), courses, scene.spacing)

    def beside_heart(self, voxels: NDArray[np.int32]) -> bool:
        """Whether the heart lies near."""
        reach = np.ceil(_BESIDE_HEART / np.array(self.spacing)).astype(int)
        low, high = np.maximum(voxels.min(axis=0) - reach, 0), voxels.max(axis=0) + reach + 1
        return bool(self.heart[tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True))].any())

    def away(self, voxels: NDArray[np.int32]) -> float:
        """Distance of the middle from the traced courses, mm; infinite where none is traced."""
        if not len(self.courses):
            return float("inf")
        middle = voxels.mean(axis=0) * np.array(self.spacing)
        return float(np.linalg.norm(self.courses - middle, axis=1).min())


def verdict(
    voxels: NDArray[np.int32], hu: NDArray[np.float32], image: Hu, around: Context, where: Coronaries
) -> Verdict:
    """Whether a candidate (``voxels`` ``(n, 3)``, ``hu`` ``(n,)``) of an image ``(z, y, x)`` is a coronary stent."""
    if not has_form(voxels, hu, where.spacing):
        return Verdict.NONE
    away = where.away(voxels)
    placed = away < _NEAR_MM or around.fat >= _FAT
    if placed and where.beside_heart(voxels) and has_two_walls(voxels, hu, image, where.spacing):
        return Verdict.STENT
    return Verdict.MAYBE if away < _ON_COURSE_MM else Verdict.NONE


def has_form(voxels: NDArray[np.int32], hu: NDArray[np.float32], spacing: Spacing) -> bool:
    """Whether a candidate is an even tube of a stent's size."""
    if float(hu.max()) < _HU:
        return False
    form = shape(voxels, spacing)
    volume = len(voxels) * float(np.prod(spacing))
    if not (_LENGTH[0] < form.length < _LENGTH[1] and form.width < _WIDTH):
        return False
    return _SECTION[0] < volume / form.length < _SECTION[1] and evenness(voxels, hu, spacing) < _EVEN


def evenness(voxels: NDArray[np.int32], hu: NDArray[np.float32], spacing: Spacing) -> float:
    """Relative SD of what lies in stations of 3 mm along the longest axis, without the ends; infinite for few."""
    points = (voxels - voxels.mean(axis=0)) * np.asarray(spacing)
    _, axes = np.linalg.eigh(points.T @ points)
    along = points @ axes[:, -1]
    station = ((along - along.min()) / _STATION_MM).astype(int)
    sums = np.bincount(station, weights=hu)[1:-1]
    if len(sums) < 3:
        return float("inf")
    # A slice's thickness makes stations beat against slices; neighbours together do not.
    pairs = sums[1:] + sums[:-1]
    return float(pairs.std() / max(float(pairs.mean()), 1e-6))


def has_two_walls(voxels: NDArray[np.int32], hu: NDArray[np.float32], image: Hu, spacing: Spacing) -> bool:
    """Whether the mean profile across a candidate's course shows two walls as bright as what is between them."""
    profile, steps = across(voxels, hu, image, spacing)
    core = float(profile[np.abs(steps) <= _CORE].mean())
    walls = [profile[(side * steps >= _WALL[0]) & (side * steps <= _WALL[1])].mean() for side in (-1, 1)]
    width = _STEP * int((profile > profile.max() / 2).sum())
    alike = min(walls) >= max(_TWO_WALLS * core, _ALIKE * max(walls))
    return alike and _HALF_HEIGHT[0] <= width <= _HALF_HEIGHT[1]


def across(
    voxels: NDArray[np.int32], hu: NDArray[np.float32], image: Hu, spacing: Spacing
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean attenuation along lines across a candidate's course, in its slices, and the distances from it (mm).

    The course is a cubic in two directions along the longest axis, weighted by attenuation.
    """
    step = np.asarray(spacing)
    weights = np.maximum(hu, 1.0).astype(np.float64)
    points = voxels * step
    centre = np.average(points, axis=0, weights=weights)
    _, axes = np.linalg.eigh((points - centre).T @ ((points - centre) * weights[:, None]))
    along, *beside = ((points - centre) @ axes[:, k] for k in (2, 1, 0))
    # The last millimetres at either end are blur.
    at = np.arange(along.min() + 2 * _STEP, along.max() - 2 * _STEP, 2 * _STEP)
    bends = [np.polyval(np.polyfit(along, part, 3, w=weights), at) for part in beside]
    line = centre + np.stack([at, *bends], axis=1) @ np.stack([axes[:, 2], axes[:, 1], axes[:, 0]])
    steps = np.arange(-_ACROSS, _ACROSS + _STEP / 2, _STEP)
    profiles = []
    for point, way in zip(line, np.gradient(line, axis=0), strict=True):
        for normal in _normals(way / np.linalg.norm(way)):
            places = (point + steps[:, None] * normal) / step
            profiles.append(ndimage.map_coordinates(image, places.T, output=np.float32, order=1, mode="nearest"))
    return np.mean(profiles, axis=0, dtype=np.float64), steps


def _normals(way: NDArray[np.float64]) -> Sequence[NDArray[np.float64]]:
    """Directions within the slice across a course: one, or both axes of the slice where the course is upright."""
    normal = np.array([0.0, way[2], -way[1]])
    size = float(np.linalg.norm(normal))
    return [normal / size] if size > _UPRIGHT else [np.array([0.0, 1.0, 0.0]), np.array([0.0, 0.0, 1.0])]


def notes(found: Collection[Verdict]) -> tuple[str, ...]:
    """What a reader is told of stents and possible stents."""
    return tuple(text for one, text in _NOTES.items() if one in found)
