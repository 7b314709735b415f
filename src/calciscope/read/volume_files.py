"""NIfTI, NRRD and MetaImage: a volume and its geometry, and nothing about how it was acquired."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import SimpleITK
from numpy.typing import NDArray

from calciscope.domain.image import Acquisition, Geometry, Volume
from calciscope.errors import InputError
from calciscope.read.dicom_pixels import AIR_HU
from calciscope.read.files import File

# SimpleITK has no type annotations.
_ITK: Any = SimpleITK

# Spacings that differ by less than this share are equal: no axis of acquisition can be told from them.
_ISOTROPIC = 0.05
# A CT shows air around the patient or in lungs and bowel; a volume without anything near it is not in Hounsfield units.
_AIR_BELOW_HU = -500.0
_ONE_BYTE = 255.0
# More than this share of values that are no numbers and the volume is not worth repairing.
_MOST_NAN = 0.5


def digest_of(file: File) -> str:
    """SHA-256 of the content."""
    with file.path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def read_volume(file: File) -> Volume:
    """Read a volume file into the canonical frame.

    Raises :class:`~calciscope.errors.InputError` where it is no CT volume: a series over time, colours, label maps,
    intensities of 8 bits, a single slice, or no numbers in it.
    """
    image = _opened(file)
    if image.GetNumberOfComponentsPerPixel() != 1:
        raise InputError("it holds colours or vectors, not one value a voxel; give the CT itself")
    if image.GetDimension() == 4 and image.GetSize()[3] == 1:
        image = image[:, :, :, 0]
    if image.GetDimension() != 3:
        dimensions = image.GetDimension()
        raise InputError(
            "one slice is not a volume; give the whole series" if dimensions == 2
            else f"it has {dimensions} dimensions; give one volume at one time"
        )  # fmt: skip
    if min(image.GetSize()) < 2:
        raise InputError("one slice is not a volume; give the whole series")
    if not all(np.isfinite(image.GetSpacing())) or min(image.GetSpacing()) <= 0:
        raise InputError("its voxel spacing is not positive, so nothing can be measured")
    turned = _ITK.DICOMOrient(image, "LPS")
    z, y, x = (float(v) for v in turned.GetSpacing()[::-1])
    geometry = Geometry(
        shape=_three(turned.GetSize()[::-1]),
        spacing=(z, y, x),
        origin=tuple(float(v) for v in turned.GetOrigin()),  # type: ignore[arg-type]
        direction=tuple(float(v) + 0.0 for v in turned.GetDirection()),
    )
    hu, notes = _hounsfield(_ITK.GetArrayFromImage(turned))
    axis = slice_axis((z, y, x))
    acquisition = Acquisition(
        increment=geometry.spacing[axis],
        slice_axis=axis,
        notes=("the file says nothing of how the scan was acquired (voltage, kernel, thickness, contrast)", *notes),
    )
    return Volume(hu, geometry, acquisition)


def slice_axis(spacing: tuple[float, float, float]) -> int:
    """The canonical axis with the largest spacing, along head to feet where none stands out."""
    axis = int(np.argmax(spacing))
    return axis if spacing[axis] > (1 + _ISOTROPIC) * sorted(spacing)[1] else 0


def _three(size: tuple[int, ...]) -> tuple[int, int, int]:
    return int(size[0]), int(size[1]), int(size[2])


def _opened(file: File) -> Any:
    try:
        return _ITK.ReadImage(str(file.path))
    except RuntimeError as error:
        raise InputError("it cannot be read: damaged, cut off, or not of the kind its name says") from error


def _hounsfield(array: NDArray[Any]) -> tuple[NDArray[np.int16] | NDArray[np.float32], tuple[str, ...]]:
    notes: list[str] = []
    if array.dtype.kind == "f":
        finite = np.isfinite(array)
        bad = array.size - int(np.count_nonzero(finite))
        if bad > _MOST_NAN * array.size:
            raise InputError(f"{bad / array.size:.0%} of its values are not numbers (NaN); export it again")
        if bad:
            array = np.where(finite, array, array.dtype.type(AIR_HU))
            notes.append(f"{bad} voxels were not numbers (NaN) and were taken as air")
    low, high = float(array.min()), float(array.max())
    if low == high:
        raise InputError("all its values are equal; there is nothing in it to see")
    if low >= 0 and high <= _ONE_BYTE:
        raise InputError(
            "its values lie between 0 and 255: a label map or a picture, not Hounsfield units; give the CT itself"
        )
    if low >= 0:
        raise InputError(
            "it has no value below 0, so it is not in Hounsfield units; export it with the rescale applied"
        )
    if low > _AIR_BELOW_HU:
        notes.append("no value is near that of air: the values may not be Hounsfield units")
    if array.dtype.kind == "f" and not np.array_equal(array, np.rint(array)):
        return np.ascontiguousarray(array, dtype=np.float32), tuple(notes)
    if low < -32768 or high > 32767:
        notes.append("values beyond 16 bits were clipped")
    return np.clip(array, -32768, 32767).astype(np.int16), tuple(notes)
