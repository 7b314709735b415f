"""The scanner: from a body and its deposits to a CT series in whole Hounsfield units.

The scanner is linear before noise: every voxel is the mean of the true attenuation weighted with a point spread
function (a Gaussian of the kernel's width, an edge-enhancing difference of two for the sharp kernel, times the pixel)
and a slice sensitivity profile (a box as wide as the slice, softened by the table feed). Weights are exact integrals
over the source voxels, so that partial volume is right and the mass of a deposit survives: the sum of what a deposit
adds, times the voxel volume, over the HU of 1 mg/cm3, is its mass. Noise has the ramp-times-kernel spectrum of filtered
back-projection and grows with the patient's water-equivalent diameter, as far as tube current modulation lets it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft, ndimage, sparse
from scipy.special import ndtr

from calciscope.domain.image import Geometry
from calciscope.errors import CalciscopeError
from calciscope.simulate.shapes import Array
from calciscope.simulate.tissue import mineral_hu


@dataclass(frozen=True, slots=True)
class Kernel:
    """A reconstruction kernel: Gaussian width ``sigma`` (mm), overshoot ``edge`` taken from a Gaussian ``wide`` (mm).

    ``noise`` is its noise relative to the standard kernel; ``name`` is what the header says.
    """

    name: str
    sigma: float
    edge: float = 0.0
    wide: float = 1.0
    noise: float = 1.0


KERNELS: dict[str, Kernel] = {
    "soft": Kernel("SOFT", 0.68, noise=0.75),
    "standard": Kernel("STANDARD", 0.52),
    "sharp": Kernel("BONE", 0.34, edge=0.45, wide=0.95, noise=3.2),
}
# Share of the slice thickness by which the edges of the slice profile are softened (helical interpolation).
_SOFT_EDGE = 0.08
# Water-equivalent diameter (mm) at which the noise is as asked for, and its growth per mm with tube current modulation,
# which evens out about half of what attenuation (0.019 per mm of water at 120 kV) would do.
_DIAMETER = 290.0
_GROWTH = 0.25 * 0.019
_LOWEST, _HIGHEST = -1024, 3071
# So many of the largest pieces of metal in a slice throw streaks.
_MOST_METAL = 8


@dataclass(frozen=True, slots=True)
class Protocol:
    """How the study is acquired: kV, kernel, slice ``thickness`` and ``increment``, ``pixel`` (mm), rows and columns.

    ``noise`` is the standard deviation in HU in a 3 mm slice of an average abdomen with the standard kernel. ``centre``
    is the middle of the field of view (x and y, mm), by default that of the body.
    """

    kvp: float = 120.0
    kernel: str = "standard"
    thickness: float = 3.0
    increment: float = 3.0
    pixel: float = 0.8
    matrix: int = 512
    noise: float = 12.0
    centre: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        if self.kernel not in KERNELS:
            raise CalciscopeError(f"no kernel '{self.kernel}'; there are {', '.join(KERNELS)}")
        if min(self.thickness, self.increment, self.pixel) <= 0 or self.matrix < 8 or self.noise < 0:
            raise CalciscopeError("thickness, increment, pixel and matrix must be positive, and noise not negative")


@dataclass(frozen=True, slots=True, eq=False)
class Mineral:
    """Hydroxyapatite on a fine grid: ``density`` ``(z, y, x)`` mg/cm3, voxels of ``spacing`` mm from ``origin``."""

    density: NDArray[np.float32]
    spacing: float
    origin: tuple[float, float, float]

    @property
    def mass_mg(self) -> float:
        """Total mass in mg."""
        return float(self.density.sum(dtype=np.float64)) * self.spacing**3 / 1000.0

    def axis(self, k: int) -> NDArray[np.float64]:
        """Centres along array axis ``k`` in mm."""
        return np.asarray(self.origin[2 - k] + self.spacing * np.arange(self.density.shape[k]), dtype=np.float64)


def weights(
    source: NDArray[np.float64], width: float, target: NDArray[np.float64], aperture: float, sigma: float
) -> sparse.csr_array:
    """Sparse ``(targets, sources)``: the share of each source cell in each target value.

    A target value is the mean over a box of ``aperture`` mm blurred with a Gaussian of ``sigma`` mm; rows sum to 1
    where the sources cover the target, columns to ``width`` over the target's pitch where pitch and aperture agree.
    """
    sigma = max(sigma, 1e-3)

    def integral(v: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(v * ndtr(v / sigma) + sigma / np.sqrt(2 * np.pi) * np.exp(-0.5 * (v / sigma) ** 2))

    def cumulative(u: NDArray[np.float64]) -> NDArray[np.float64]:
        return (integral(u + aperture / 2) - integral(u - aperture / 2)) / aperture

    offset = source[None, :] - target[:, None]
    dense = cumulative(offset + width / 2) - cumulative(offset - width / 2)
    dense[dense < 1e-6] = 0.0
    return sparse.csr_array(dense.astype(np.float32))


def grid(body: Geometry, protocol: Protocol) -> Geometry:
    """The grid of the series that covers a body: slices from its bottom to its top, centred in the plane."""
    depth, height = body.extent_mm[0], body.extent_mm[1]
    count = max(1, int((depth - protocol.thickness) // protocol.increment) + 1)
    half = (protocol.matrix - 1) / 2 * protocol.pixel
    aside, middle = protocol.centre or (0.0, body.origin[1] + (height - body.spacing[1]) / 2)
    bottom = body.origin[2] - body.spacing[0] / 2 + protocol.thickness / 2
    return Geometry(
        (count, protocol.matrix, protocol.matrix),
        (protocol.increment, protocol.pixel, protocol.pixel),
        # Whole micrometres survive the decimal strings of DICOM.
        (round(aside - half, 3), round(middle - half, 3), round(bottom, 3)),
    )


def scan(
    hu: NDArray[np.float32],
    body: Geometry,
    minerals: Sequence[Mineral],
    protocol: Protocol,
    seed: Sequence[int],
) -> tuple[NDArray[np.int16], Geometry]:
    """Image a body ``(z, y, x)`` in HU with deposits of mineral; int16 HU and their grid.

    The noise of each slice comes from ``seed`` and the slice's number alone.
    """
    target = grid(body, protocol)
    kernel = KERNELS[protocol.kernel]
    profile = _profile(body, target, protocol)
    planes = [(1.0 + kernel.edge, _plane(body, target, kernel.sigma))]
    if kernel.edge:
        planes.append((-kernel.edge, _plane(body, target, kernel.wide)))
    patches = _patches(minerals, target, protocol, kernel)
    noise = _Noise(target, protocol, kernel, seed)
    out = np.empty(target.shape, dtype=np.int16)
    for k in range(target.shape[0]):
        first, last = profile.indptr[k], profile.indptr[k + 1]
        layer = np.zeros(hu.shape[1:], dtype=np.float32)
        for plane, share in zip(profile.indices[first:last], profile.data[first:last], strict=True):
            layer += share * (hu[plane] + np.float32(1000))
        image = np.zeros(target.shape[1:], dtype=np.float32)
        for sign, (rows, columns) in planes:
            image += np.float32(sign) * (columns @ (rows @ layer).T).T
        for row, column, patch in patches.get(k, ()):
            image[row, column] += patch
        metal = image > 4500
        if metal.any():
            image += _streaks(metal, np.random.default_rng([*seed, 31, k]))
        image += noise.slice(k, _water_diameter(layer, body))
        np.clip(np.rint(image - np.float32(1000), out=image), _LOWEST, _HIGHEST, out=image)
        out[k] = image
    return out, target


def _centres(geometry: Geometry, axis: int) -> NDArray[np.float64]:
    steps = np.arange(geometry.shape[axis])
    return np.asarray(geometry.origin[2 - axis] + geometry.spacing[axis] * steps, dtype=np.float64)


def _profile(body: Geometry, target: Geometry, protocol: Protocol) -> sparse.csr_array:
    """Slice sensitivity: weights of the body's planes in every slice; beyond its ends the body goes on."""
    made = weights(
        _centres(body, 0), body.spacing[0], _centres(target, 0), protocol.thickness, _SOFT_EDGE * protocol.thickness
    )
    return sparse.csr_array(made / made.sum(axis=1)[:, None])


def _plane(body: Geometry, target: Geometry, sigma: float) -> tuple[sparse.csr_array, sparse.csr_array]:
    made = [weights(_centres(body, k), body.spacing[k], _centres(target, k), target.spacing[k], sigma) for k in (1, 2)]
    return made[0], made[1]


Patch = tuple[slice, slice, Array]


def _patches(
    minerals: Sequence[Mineral], target: Geometry, protocol: Protocol, kernel: Kernel
) -> dict[int, list[Patch]]:
    """What the deposits add to each slice: attenuation on small parts of it."""
    made: dict[int, list[Patch]] = {}
    strength = mineral_hu(protocol.kvp)
    for mineral in minerals:
        reach = max(kernel.wide if kernel.edge else kernel.sigma, kernel.sigma) * 5 + protocol.pixel
        spans = [_span(mineral.axis(k), _centres(target, k), reach if k else protocol.thickness) for k in range(3)]
        if any(s.stop <= s.start for s in spans):
            continue
        along = weights(
            mineral.axis(0), mineral.spacing, _centres(target, 0)[spans[0]], protocol.thickness,
            _SOFT_EDGE * protocol.thickness,
        ).toarray()  # fmt: skip
        stack = np.tensordot(along, mineral.density * np.float32(strength), axes=(1, 0))
        total = np.zeros((stack.shape[0], spans[1].stop - spans[1].start, spans[2].stop - spans[2].start), np.float32)
        for sign, sigma in ((1.0 + kernel.edge, kernel.sigma), (-kernel.edge, kernel.wide)):
            if not sign:
                continue
            rows, columns = (
                weights(
                    mineral.axis(k), mineral.spacing, _centres(target, k)[spans[k]], protocol.pixel, sigma
                ).toarray()
                for k in (1, 2)
            )
            total += np.float32(sign) * np.einsum("ry,kyx,cx->krc", rows, stack, columns, optimize=True)
        for index in range(total.shape[0]):
            made.setdefault(spans[0].start + index, []).append((spans[1], spans[2], total[index]))
    return made


def _span(source: NDArray[np.float64], target: NDArray[np.float64], reach: float) -> slice:
    first, last = np.searchsorted(target, [source[0] - reach, source[-1] + reach])
    return slice(int(first), int(last))


class _Noise:
    """Correlated noise, slice by slice."""

    def __init__(self, target: Geometry, protocol: Protocol, kernel: Kernel, seed: Sequence[int]) -> None:
        rows, columns = target.shape[1:]
        across = np.hypot(fft.fftfreq(rows, protocol.pixel)[:, None], fft.rfftfreq(columns, protocol.pixel)[None, :])
        spread = np.exp(-2 * (np.pi * kernel.sigma * across) ** 2)
        response = (1 + kernel.edge) * spread - kernel.edge * np.exp(-2 * (np.pi * kernel.wide * across) ** 2)
        # The noise power of filtered back-projection is the ramp times the square of the kernel's response.
        amplitude = np.sqrt(across) * np.abs(response)
        double = np.full(amplitude.shape, 2.0)
        double[:, 0] = 1.0
        if columns % 2 == 0:
            double[:, -1] = 1.0
        amplitude /= np.sqrt(float((double * amplitude**2).sum()) / (rows * columns))
        self._amplitude = amplitude.astype(np.float32)
        self._level = protocol.noise * kernel.noise * np.sqrt(3.0 / protocol.thickness)
        self._seed = tuple(seed)
        self._shape = (rows, columns)
        self._overlap = max(1, round(protocol.thickness / protocol.increment))

    def slice(self, k: int, diameter: float) -> Array:
        """Noise for slice ``k`` of a body with a water-equivalent diameter in mm."""
        if self._level == 0:
            return np.zeros(self._shape, dtype=np.float32)
        level = self._level * float(np.exp(_GROWTH * (diameter - _DIAMETER)))
        # Slices that overlap share part of their data, and so of their noise.
        white = np.zeros(self._shape, dtype=np.float32)
        for j in range(self._overlap):
            white += np.random.default_rng([*self._seed, 17, k + j]).standard_normal(self._shape, dtype=np.float32)
        made = fft.irfft2(fft.rfft2(white) * self._amplitude, s=self._shape)
        return np.asarray(made * np.float32(level / np.sqrt(self._overlap)), dtype=np.float32)


def _water_diameter(layer: Array, body: Geometry) -> float:
    """Diameter in mm of the round water bath that attenuates as much as a layer in HU + 1000."""
    water = float(np.clip(layer, 0, 3000).sum(dtype=np.float64)) * body.spacing[1] * body.spacing[2] / 1000.0
    return float(2 * np.sqrt(water / np.pi))


def _streaks(metal: NDArray[np.bool_], rng: np.random.Generator) -> Array:
    """Dark and bright rays from metal, as beam hardening and photon starvation draw them."""
    pieces, count = ndimage.label(metal, np.ones((3, 3)))
    sizes = np.bincount(pieces.ravel(), minlength=count + 1)
    total = np.zeros(metal.shape, dtype=np.float32)
    for number in np.argsort(sizes[1:])[::-1][:_MOST_METAL] + 1:
        total += _star(pieces == number, rng)
    return np.asarray(total * ~metal, dtype=np.float32)


def _star(metal: NDArray[np.bool_], rng: np.random.Generator) -> Array:
    """Rays around one piece of metal."""
    rows, columns = np.nonzero(metal)
    y, x = np.indices(metal.shape, dtype=np.float32)
    dy, dx = y - np.float32(rows.mean()), x - np.float32(columns.mean())
    angle = np.arctan2(dy, dx) + np.float32(np.pi)
    knots = rng.standard_normal(45)
    rays = np.interp(np.linspace(0, 1, 721), np.linspace(0, 1, 46), np.append(knots, knots[0]))
    strength = 22 * np.sqrt(float(metal.sum()))
    field = rays[np.clip(angle * (360 / np.pi), 0, 720).astype(np.int32)].astype(np.float32)
    return np.asarray(strength * field / (1 + (np.hypot(dx, dy) / 16) ** 1.5), dtype=np.float32)
