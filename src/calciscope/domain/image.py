"""Images in the canonical frame, and how they were acquired.

Every array is indexed ``(z, y, x)`` and lies in patient LPS orientation: ``z`` grows towards the head,
``y`` towards the back, ``x`` towards the patient's left (DICOM PS3.3 C.7.6.2.1.1). Readers reorient on the way in
and remember along which axis the slices were acquired, because the Agatston score is defined on acquired slices.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

Index = tuple[int, int, int]
Point = tuple[float, float, float]

# Spacings that differ by less than this share are equal: no axis of acquisition can be told from them.
_ISOTROPIC = 0.05


@dataclass(frozen=True, slots=True)
class Geometry:
    """Where a voxel grid lies in the patient.

    ``shape`` and ``spacing`` are ``(z, y, x)`` (mm); ``origin`` is the centre of voxel ``[0, 0, 0]`` as LPS
    ``(x, y, z)`` in mm; ``direction`` is the 3 x 3 row-major matrix whose columns are the unit vectors of the
    x, y and z index axes, the identity for an untilted axial scan.
    """

    shape: tuple[int, int, int]
    spacing: tuple[float, float, float]
    origin: Point = (0.0, 0.0, 0.0)
    direction: tuple[float, ...] = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)

    @property
    def voxel_mm3(self) -> float:
        """Volume of one voxel in mm3."""
        return self.spacing[0] * self.spacing[1] * self.spacing[2]

    @property
    def extent_mm(self) -> tuple[float, float, float]:
        """Size of the whole grid in mm as ``(z, y, x)``."""
        return (
            self.shape[0] * self.spacing[0],
            self.shape[1] * self.spacing[1],
            self.shape[2] * self.spacing[2],
        )

    def to_mm(self, index: NDArray[np.floating] | NDArray[np.integer] | tuple[float, ...]) -> NDArray[np.float64]:
        """LPS ``(x, y, z)`` in mm of index ``(z, y, x)``; arrays of shape ``(..., 3)`` are mapped row by row."""
        zyx = np.asarray(index, dtype=np.float64)
        scaled = zyx[..., ::-1] * np.array(self.spacing[::-1])
        matrix = np.array(self.direction, dtype=np.float64).reshape(3, 3)
        return np.asarray(scaled @ matrix.T + np.array(self.origin), dtype=np.float64)

    def to_index(self, point: NDArray[np.floating] | tuple[float, ...]) -> NDArray[np.float64]:
        """Fractional index ``(z, y, x)`` of LPS ``(x, y, z)`` in mm; the inverse of :meth:`to_mm`."""
        matrix = np.array(self.direction, dtype=np.float64).reshape(3, 3)
        local = (np.asarray(point, dtype=np.float64) - np.array(self.origin)) @ np.linalg.inv(matrix).T
        return np.asarray((local / np.array(self.spacing[::-1]))[..., ::-1], dtype=np.float64)


def slice_axis(spacing: tuple[float, float, float]) -> int:
    """The canonical axis with the largest spacing, along head to feet where none stands out."""
    axis = int(np.argmax(spacing))
    return axis if spacing[axis] > (1 + _ISOTROPIC) * sorted(spacing)[1] else 0


class Contrast(StrEnum):
    """What is known of intravenous contrast from the header."""

    NONE = "none"
    GIVEN = "given"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Acquisition:
    """How a series was acquired: only what a measurement depends on, never an identifier.

    Lengths in mm, voltage in kV. ``None`` means that the file does not say. ``missing_slices`` are indices along
    ``slice_axis`` of the canonical array that were absent and are filled by interpolation; ``resampled`` says in
    words why the voxels are not the acquired ones (gantry tilt, unequal spacing), or is ``None``. ``sharp_kernel`` says
    whether the reconstruction kernel is one of the sharp ones, ``gated`` whether header elements say that the ECG
    triggered the scan or chose its phase. ``day`` is the date of the acquisition, which only the change between two
    scans depends on.
    """

    modality: str = "CT"
    day: date | None = None
    kvp: float | None = None
    tin_filter: bool = False
    kernel: str | None = None
    sharp_kernel: bool | None = None
    slice_thickness: float | None = None
    increment: float | None = None
    slice_axis: int = 0
    contrast: Contrast = Contrast.UNKNOWN
    gated: bool | None = None
    lossy: bool = False
    lossy_ratio: float | None = None
    manufacturer: str | None = None
    model: str | None = None
    body_part: str | None = None
    description: str | None = None
    field_of_view: float | None = None
    mass_factors: tuple[float, ...] = ()
    missing_slices: tuple[int, ...] = ()
    resampled: str | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Volume:
    """A CT volume in Hounsfield units, ``(z, y, x)``, ``int16`` where the file held integers, else ``float32``."""

    hu: NDArray[np.int16] | NDArray[np.float32]
    geometry: Geometry
    acquisition: Acquisition = field(default_factory=Acquisition)

    def __post_init__(self) -> None:
        if self.hu.shape != self.geometry.shape:
            raise ValueError(f"the array is {self.hu.shape}, its geometry {self.geometry.shape}")
        self.hu.setflags(write=False)
