"""The grid that the body is painted on: attenuation and names, with soft edges so that thin things keep their mass."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from calciscope.domain.image import Geometry
from calciscope.simulate.shapes import Array, Shape
from calciscope.simulate.tissue import TISSUES

# Edge of the periodic block of texture, in voxels; large enough that its repetition is not seen.
_BLOCK = 96


@dataclass(slots=True, eq=False)
class Canvas:
    """Attenuation ``hu`` (float32) and ``labels`` (uint8) ``(z, y, x)`` on ``geometry``.

    Shapes are painted in the coordinates of the reference body: patient mm divided by ``scale`` ``(x, y, z)``. Later
    paint covers earlier paint. ``values`` holds the attenuation of every tissue at the tube voltage.
    """

    geometry: Geometry
    scale: tuple[float, float, float]
    kvp: float
    contrast: float
    hu: NDArray[np.float32] = field(init=False)
    labels: NDArray[np.uint8] = field(init=False)
    names: dict[str, int] = field(init=False)
    x: Array = field(init=False)
    y: Array = field(init=False)
    z: Array = field(init=False)
    values: dict[str, np.float32] = field(init=False)
    _texture: dict[int, float] = field(init=False)

    def __post_init__(self) -> None:
        shape, spacing, origin = self.geometry.shape, self.geometry.spacing, self.geometry.origin
        self.hu = np.full(shape, -1000.0, dtype=np.float32)
        self.labels = np.zeros(shape, dtype=np.uint8)
        self.names = {}
        self._texture = {0: 0.0}
        self.x = ((origin[0] + spacing[2] * np.arange(shape[2])) / self.scale[0]).astype(np.float32)[None, None, :]
        self.y = ((origin[1] + spacing[1] * np.arange(shape[1])) / self.scale[1]).astype(np.float32)[None, :, None]
        self.z = ((origin[2] + spacing[0] * np.arange(shape[0])) / self.scale[2]).astype(np.float32)[:, None, None]
        self.values = {
            name: np.float32(tissue.attenuation(self.kvp, self.contrast)) for name, tissue in TISSUES.items()
        }

    def label(self, name: str, tissue: str) -> int:
        """The value of a name in the label map; a new one is added with the texture of ``tissue``."""
        if name not in self.names:
            self.names[name] = len(self.names) + 1
            self._texture[self.names[name]] = TISSUES[tissue].texture
        return self.names[name]

    def box(self, shape: Shape) -> tuple[slice, slice, slice]:
        """The part of the grid that a shape can touch."""
        edge = max(self.geometry.spacing)
        limits = []
        for axis, coordinates in ((2, self.z), (1, self.y), (0, self.x)):
            low, high = shape.low[axis] - edge, shape.high[axis] + edge
            first, last = np.searchsorted(coordinates.ravel(), [low, high])
            limits.append(slice(int(first), int(last)))
        return limits[0], limits[1], limits[2]

    def distance(self, shape: Shape, box: tuple[slice, slice, slice]) -> Array:
        """Signed distance to a shape on a part of the grid."""
        return shape.distance(self.x[:, :, box[2]], self.y[:, box[1]], self.z[box[0]])

    def paint(self, shape: Shape, tissue: str, name: str | None = None) -> None:
        """Fill a shape with a tissue and name it (by default after the tissue); edges are shared by volume."""
        box = self.box(shape)
        if any(s.stop <= s.start for s in box):
            return
        self.fill(box, self.distance(shape, box), tissue, name)

    def fill(self, box: tuple[slice, slice, slice], distance: Array, tissue: str, name: str | None = None) -> None:
        """Fill the part of a box where ``distance`` is negative."""
        # Half a voxel's diagonal spread on each side approximates the exact share of a voxel cut by a plane.
        width = np.float32(np.cbrt(self.geometry.voxel_mm3))
        touched = np.flatnonzero(distance < width / 2)
        if not touched.size:
            return
        value, label = self.values[tissue], self.label(name or tissue, tissue)
        if touched.size * 8 < distance.size:
            # Thin things touch little of their box: only those voxels are looked at again.
            where = np.unravel_index(touched, distance.shape)
            place = tuple(s.start + w for s, w in zip(_full(box, self.hu.shape), where, strict=True))
            part = np.minimum(np.float32(0.5) - distance.ravel()[touched] / width, 1)
            self.hu[place] += part * (value - self.hu[place])
            inside = part > np.float32(0.5)
            self.labels[tuple(p[inside] for p in place)] = label
            return
        share = np.clip(np.float32(0.5) - distance / width, 0, 1)
        view = self.hu[box]
        view += share * (value - view)
        self.labels[box][share > np.float32(0.5)] = label

    def hollow(self, shape: Shape, wall: str, thickness: float, content: str, name: str) -> None:
        """A viscus: a wall of ``thickness`` mm round a content, both under one name."""
        box = self.box(shape)
        if any(s.stop <= s.start for s in box):
            return
        distance = self.distance(shape, box)
        self.fill(box, distance, wall, name)
        self.fill(box, distance + np.float32(thickness), content, name)

    def bone(
        self,
        shape: Shape,
        name: str,
        cortex: float = 1.4,
        outer: str = "cortical_thin",
        inner: str = "trabecular",
    ) -> None:
        """A bone: a cortical shell of ``cortex`` mm round spongy bone or marrow."""
        self.hollow(shape, outer, cortex, inner, name)

    def roughen(self, rng: np.random.Generator) -> None:
        """Add every tissue's own unevenness as a smooth random field, in place."""
        block = texture(rng, self.geometry.spacing)
        amplitude = np.zeros(256, dtype=np.float32)
        for value, spread in self._texture.items():
            amplitude[value] = spread
        rows = np.resize(np.arange(_BLOCK), self.geometry.shape[1])
        columns = np.resize(np.arange(_BLOCK), self.geometry.shape[2])
        for k in range(self.geometry.shape[0]):
            layer = block[k % _BLOCK][np.ix_(rows, columns)]
            # A second pass with another period keeps the block from showing as a pattern.
            layer = layer + block[(7 * k) % _BLOCK][np.ix_(rows[::-1], columns)]
            self.hu[k] += amplitude[self.labels[k]] * layer * np.float32(0.7071)


def _full(box: tuple[slice, slice, slice], shape: tuple[int, ...]) -> list[slice]:
    return [slice(*s.indices(n)) for s, n in zip(box, shape, strict=True)]


def texture(rng: np.random.Generator, spacing: tuple[float, float, float], scale: float = 1.6) -> Array:
    """A periodic block ``(96, 96, 96)`` of unit-variance noise smoothed over ``scale`` mm."""
    white = rng.standard_normal((_BLOCK, _BLOCK, _BLOCK), dtype=np.float32)
    spectrum = fft.rfftn(white)
    decay = np.zeros(spectrum.shape, dtype=np.float32)
    for axis, size in enumerate(spacing):
        frequency = fft.rfftfreq(_BLOCK, size) if axis == 2 else fft.fftfreq(_BLOCK, size)
        form = [1, 1, 1]
        form[axis] = len(frequency)
        decay = decay + (2 * np.pi**2 * scale**2 * frequency**2).astype(np.float32).reshape(form)
    smooth = fft.irfftn(spectrum * np.exp(-decay), s=white.shape)
    return np.asarray(smooth / smooth.std(), dtype=np.float32)
