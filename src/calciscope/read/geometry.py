"""Where the slices of one stack lie: their order, increment and gaps, and the way into the canonical frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from calciscope.domain.image import Geometry
from calciscope.errors import InputError
from calciscope.read.frames import Frame

Array = NDArray[np.float64]

# Two slices closer than this (mm) along the normal lie at one place: headers are rounded to this or finer.
SAME_PLACE_MM = 0.05
# A slice may lie this share of the increment off its place and the spacing still counts as equal.
TOLERANCE = 0.1
# A longer run of absent slices (mm) is not a gap to fill but the space between two stacks.
LARGEST_GAP_MM = 30.0
# More absent than this share and the series is unequally spaced rather than incomplete.
_MOST_MISSING = 0.25
# Differences of direction below this are rounding: less than 0.001 mm over the largest scan.
_ROUNDING = 1e-6
# Resampling that would make a stack larger than this many times itself means that the slices are no stack.
_MOST_GROWN = 3
# In-plane shifts below this share of a pixel over the whole stack are rounding.
SHIFT_PIXELS = 0.25


@dataclass(frozen=True, slots=True)
class ToCanonical:
    """The way from an array ``(slice, row, column)`` to the canonical ``(z, y, x)``.

    ``axes[i]`` is the array axis that becomes canonical axis ``i``; ``flips`` are the canonical axes to reverse.
    """

    axes: tuple[int, int, int]
    flips: tuple[int, ...]

    def apply(self, array: NDArray[np.int16] | NDArray[np.float32]) -> NDArray[np.int16] | NDArray[np.float32]:
        """The array in canonical order, contiguous; the array itself where nothing has to move."""
        return np.ascontiguousarray(np.flip(np.transpose(array, self.axes), self.flips))


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """How the slices of a stack become a volume.

    ``frames`` are in order along the normal; ``where`` is the place of each in the array ``(slice, row, column)`` of
    ``shape`` (whole numbers unless the stack is resampled); ``shifts`` is ``(n, 2)``, by how many rows and columns each
    slice moves within its plane, or ``None``. ``missing`` are canonical slice indices that are filled.
    """

    frames: tuple[Frame, ...]
    where: Array
    shape: tuple[int, int, int]
    shifts: Array | None
    way: ToCanonical
    geometry: Geometry
    slice_axis: int
    increment: float
    missing: tuple[int, ...]
    resampled: str | None
    notes: tuple[str, ...]


def normal_of(frame: Frame) -> Array:
    """The unit vector across the slice: row direction x column direction."""
    return np.cross(frame.orientation[:3], frame.orientation[3:])


def place_of(frame: Frame, normal: Array) -> float:
    """Where a slice lies along the normal, in mm."""
    return float(np.dot(frame.position, normal))


def canonical(directions: Array) -> ToCanonical:
    """The permutation and flips that bring array axes nearest to head, back and left.

    ``directions`` is ``(3, 3)``: row ``i`` is the LPS unit vector of array axis ``i``.
    """
    towards = directions[:, ::-1]  # columns z, y, x: how far array axis i points along canonical axis j
    axes = max(permutations(range(3)), key=lambda p: sum(abs(float(towards[p[j], j])) for j in range(3)))
    flips = tuple(j for j in range(3) if towards[axes[j], j] < 0)
    return ToCanonical((axes[0], axes[1], axes[2]), flips)


def canonical_geometry(
    way: ToCanonical, shape: Sequence[int], spacing: Sequence[float], origin: Array, directions: Array
) -> Geometry:
    """The geometry after ``way``; shape, spacing and directions are those of the array axes, origin its first voxel."""
    signs = [-1.0 if j in way.flips else 1.0 for j in range(3)]
    turned = [directions[way.axes[j]] * signs[j] for j in range(3)]
    for j in way.flips:
        a = way.axes[j]
        origin = origin + directions[a] * spacing[a] * (shape[a] - 1)
    columns = np.stack(turned[::-1], axis=1)
    near = np.rint(columns)
    # Headers carry directions such as 1.2e-16; what is that close to an axis is the axis.
    columns = np.where(np.abs(columns - near) < _ROUNDING, near, columns) + 0.0
    z, y, x = way.axes
    return Geometry(
        shape=(shape[z], shape[y], shape[x]),
        spacing=(float(spacing[z]), float(spacing[y]), float(spacing[x])),
        origin=(float(origin[0]), float(origin[1]), float(origin[2])),
        direction=tuple(float(v) for v in columns.ravel()),
    )


def split_at_gaps(frames: Sequence[Frame]) -> list[list[Frame]]:
    """Cut a stack where more is absent than could be filled; frames are ordered along the normal."""
    if len(frames) < 3:
        return [list(frames)]
    normal = normal_of(frames[0])
    steps = np.diff([place_of(frame, normal) for frame in frames])
    typical = float(np.median(steps))
    cuts = np.flatnonzero(steps - typical > max(LARGEST_GAP_MM, 2 * typical)) + 1
    return [list(part) for part in np.split(np.array(frames, dtype=object), cuts)]


def plan(frames: Sequence[Frame]) -> Plan:
    """Lay a stack out; ``frames`` are parallel slices, ordered along the normal, no two at one place.

    Raises :class:`~calciscope.errors.InputError` where they form no stack.
    """
    first = frames[0]
    row, column, normal = np.array(first.orientation[:3]), np.array(first.orientation[3:]), normal_of(first)
    along = np.array([place_of(frame, normal) for frame in frames])
    if len(frames) > 1:
        where, increment, unequal = _places(along)
    else:
        where, increment, unequal = np.zeros(1), first.acquisition.slice_thickness or 1.0, None
    slices = round(float(where[-1])) + 1
    shifts, low, size, tilt = _in_plane(frames, row, column, along)
    shape = (slices, size[0], size[1])
    # Array axes: slice along the normal, row index along the column direction, column index along the row direction.
    directions = np.stack([normal, column, row])
    spacing = (increment, first.spacing[0], first.spacing[1])
    corner = np.array(first.position) + column * low[0] * first.spacing[0] + row * low[1] * first.spacing[1]
    way = canonical(directions)
    axis = way.axes.index(0)
    present = set(np.rint(where).astype(int).tolist())
    absent = [] if unequal else [k for k in range(slices) if k not in present]
    missing = tuple(sorted(slices - 1 - k if axis in way.flips else k for k in absent))
    notes = (f"{len(missing)} of {slices} slices are missing and were filled by interpolation",) if missing else ()
    resampled = "; ".join(said for said in (unequal, tilt) if said) or None
    return Plan(
        frames=tuple(frames),
        where=where,
        shape=shape,
        shifts=shifts,
        way=way,
        geometry=canonical_geometry(way, shape, spacing, corner, directions),
        slice_axis=axis,
        increment=increment,
        missing=missing,
        resampled=resampled,
        notes=notes,
    )


def _places(along: Array) -> tuple[Array, float, str | None]:
    """Index of each slice, the increment in mm, and what to say where the spacing is unequal."""
    steps = np.diff(along)
    typical = float(np.median(steps))
    whole = np.rint(steps / typical)
    places = np.concatenate([[0.0], np.cumsum(whole)])
    if whole.min() >= 1 and 1 - len(along) / (places[-1] + 1) <= _MOST_MISSING:
        increment = float(np.polyfit(places, along - along[0], 1)[0])
        off = np.abs(along - along[0] - places * increment)
        if float((off - off.min()).max()) <= TOLERANCE * increment:
            return places, round(increment, 6), None
    slices = min(int(np.floor((along[-1] - along[0]) / typical + 1e-6)) + 1, _MOST_GROWN * len(along))
    increment = (along[-1] - along[0]) / max(slices - 1, 1)
    said = f"slices lie {steps.min():.2f} to {steps.max():.2f} mm apart: resampled to {increment:.2f} mm"
    return (along - along[0]) / increment, float(increment), said


def _in_plane(
    frames: Sequence[Frame], row: Array, column: Array, along: Array
) -> tuple[Array | None, tuple[int, int], tuple[int, int], str | None]:
    """How slices are shifted within their plane: shifts, first row and column of the common grid, its size, words."""
    first = frames[0]
    size = (first.pixels.rows, first.pixels.columns)
    away = np.array([frame.position for frame in frames]) - np.array(first.position)
    rows, columns = away @ column, away @ row
    pixels = np.stack([rows / first.spacing[0], columns / first.spacing[1]], axis=1)
    if float(np.ptp(pixels, axis=0).max()) < SHIFT_PIXELS:
        return None, (0, 0), size, None
    low = np.floor(pixels.min(axis=0) + 1e-6).astype(int)
    high = np.ceil(pixels.max(axis=0) - 1e-6).astype(int)
    grown = (size[0] + int(high[0] - low[0]), size[1] + int(high[1] - low[1]))
    if grown[0] > _MOST_GROWN * size[0] or grown[1] > _MOST_GROWN * size[1]:
        raise InputError("its slices lie beside each other instead of one above the other; export the series again")
    # Two or more slices lie apart along the normal here, or they could not be shifted against each other.
    drift = np.polyfit(along, np.stack([rows, columns], axis=1), 1)[0]
    angle = float(np.degrees(np.arctan(np.hypot(*drift))))
    said = f"gantry tilt of {angle:.1f} degrees" if angle >= 0.1 else "slices are shifted within their plane"
    return pixels - low, (int(low[0]), int(low[1])), grown, f"{said}: moved onto one grid by interpolation"
