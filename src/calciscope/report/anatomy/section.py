"""One plane of a volume as a picture of fixed size, on which structures, curves and points are drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy import ndimage

from calciscope.domain.image import Index, Volume
from calciscope.report.pictures import LUNG, SOFT_TISSUE, WIDE

Colour = tuple[int, int, int]
Bool = NDArray[np.bool_]

PLANES = (("axial", 0), ("coronal", 1), ("sagittal", 2))
# The usual windows of a CT console (level, width), HU.
BRAIN = (40.0, 100.0)
WINDOWS = {"soft tissue": SOFT_TISSUE, "lung": LUNG, "wide": WIDE, "brain": BRAIN}
_OUTSIDE_HU = -2000.0
# Points of a curve further apart than this, mm, are not neighbours.
_JOINED_MM = 40.0


@dataclass(frozen=True, slots=True)
class View:
    """Where to cut: through ``centre`` (canonical index) across ``axis``, ``field_mm`` to a side, ``pixels`` square."""

    axis: int
    centre: tuple[float, float, float]
    field_mm: float
    pixels: int
    window: str = "soft tissue"


class Section:
    """A picture of one plane; the head is at the top of coronal and sagittal ones, the patient's left on the right."""

    def __init__(self, volume: Volume, view: View) -> None:
        self.view = view
        self._rows_axis, self._columns_axis = (axis for axis in range(3) if axis != view.axis)
        self.at = int(np.clip(round(view.centre[view.axis]), 0, volume.geometry.shape[view.axis] - 1))
        spacing = volume.geometry.spacing
        mm = view.field_mm / view.pixels
        # Canonical slices ascend to the head, pictures start at the top.
        self._row_step = mm / spacing[self._rows_axis] * (-1.0 if view.axis != 0 else 1.0)
        self._column_step = mm / spacing[self._columns_axis]
        self._middle = (view.pixels - 1) / 2
        from_middle = np.arange(view.pixels) - self._middle
        self._rows = view.centre[self._rows_axis] + from_middle * self._row_step
        self._columns = view.centre[self._columns_axis] + from_middle * self._column_step
        plane = volume.hu[self._index()].astype(np.float32)
        grid = np.meshgrid(self._rows, self._columns, indexing="ij")
        hu = ndimage.map_coordinates(plane, np.stack(grid), order=1, cval=_OUTSIDE_HU)
        level, width = WINDOWS[view.window]
        grey = np.clip((hu - (level - width / 2)) * (255.0 / width), 0, 255).astype(np.uint8)
        self._picture = np.repeat(grey[..., None], 3, axis=2)

    def _index(self) -> tuple[int | slice, ...]:
        return tuple(self.at if axis == self.view.axis else slice(None) for axis in range(3))

    def plane_of(self, array: NDArray[np.generic]) -> NDArray[np.generic]:
        """The values of an array of the volume's shape at the picture's pixels, 0 outside of it."""
        plane = array[self._index()]
        rows, columns = (np.rint(one).astype(np.intp) for one in (self._rows, self._columns))
        inside = [(one >= 0) & (one < size) for one, size in zip((rows, columns), plane.shape, strict=True)]
        taken = np.zeros((len(rows), len(columns)), dtype=array.dtype)
        taken[np.ix_(*inside)] = plane[np.ix_(rows[inside[0]], columns[inside[1]])]
        return taken

    def outline(self, inside: Bool, colour: Colour) -> None:
        """Draw the edge of a mask of the picture's size."""
        edge = inside & ~ndimage.binary_erosion(inside, border_value=1)
        self._picture[edge] = colour

    def voxels(self, voxels: NDArray[np.integer], colour: Colour) -> None:
        """Draw the outline of those voxels ``(n, 3)`` that lie in the plane."""
        here = voxels[voxels[:, self.view.axis] == self.at]
        if not len(here):
            return
        keys = [here[:, axis] for axis in (self._rows_axis, self._columns_axis)]
        low = [int(key.min()) for key in keys]
        block = np.zeros([int(key.max()) - first + 1 for key, first in zip(keys, low, strict=True)], dtype=np.bool_)
        block[keys[0] - low[0], keys[1] - low[1]] = True
        rows = np.rint(self._rows).astype(np.intp) - low[0]
        columns = np.rint(self._columns).astype(np.intp) - low[1]
        inside = [(one >= 0) & (one < size) for one, size in zip((rows, columns), block.shape, strict=True)]
        mask = np.zeros((len(rows), len(columns)), dtype=np.bool_)
        mask[np.ix_(*inside)] = block[np.ix_(rows[inside[0]], columns[inside[1]])]
        # Around the voxels, so that they stay to be seen.
        self._picture[ndimage.binary_dilation(mask) & ~mask] = colour

    def pixel(self, index: Sequence[float]) -> tuple[float, float]:
        """Column and row of a canonical index in the picture."""
        row = self._middle + (index[self._rows_axis] - self.view.centre[self._rows_axis]) / self._row_step
        column = self._middle + (index[self._columns_axis] - self.view.centre[self._columns_axis]) / self._column_step
        return column, row

    def curve(self, indices: NDArray[np.float64], colour: Colour) -> None:
        """Draw a curve ``(n, 3)`` as it is seen along the cut axis, whatever its depth; far points are not joined."""
        image = Image.fromarray(self._picture)
        draw = ImageDraw.Draw(image)
        points = [self.pixel(index) for index in indices.tolist()]
        for start, end in pairwise(points):
            if np.hypot(end[0] - start[0], end[1] - start[1]) * self.view.field_mm / self.view.pixels < _JOINED_MM:
                draw.line((start, end), fill=colour)
        self._picture = np.array(image)

    def circle(self, index: Sequence[float], radius_mm: float, colour: Colour) -> None:
        """Draw a circle around a point, at least 2 pixels wide."""
        image = Image.fromarray(self._picture)
        column, row = self.pixel(index)
        reach = max(2.0, radius_mm * self.view.pixels / self.view.field_mm)
        ImageDraw.Draw(image).ellipse((column - reach, row - reach, column + reach, row + reach), outline=colour)
        self._picture = np.array(image)

    def cross(self, index: Index | Sequence[float], colour: Colour) -> None:
        """Draw a cross with an open middle at a point."""
        image = Image.fromarray(self._picture)
        draw = ImageDraw.Draw(image)
        column, row = self.pixel(index)
        for near, far in ((-9, -3), (3, 9)):
            draw.line((column + near, row, column + far, row), fill=colour)
            draw.line((column, row + near, column, row + far), fill=colour)
        self._picture = np.array(image)

    def image(self) -> Image.Image:
        """The picture."""
        return Image.fromarray(self._picture)
