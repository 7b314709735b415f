"""NIfTI, NRRD and MetaImage: a volume and its geometry, and nothing about how it was acquired."""

from __future__ import annotations

import hashlib
import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path, PureWindowsPath
from typing import Any

import nibabel
import numpy as np
import SimpleITK
from nibabel.filebasedimages import ImageFileError
from nibabel.spatialimages import HeaderDataError
from numpy.typing import NDArray

from calciscope.domain.image import Acquisition, Volume, slice_axis
from calciscope.errors import InputError
from calciscope.read.dicom_pixels import AIR_HU
from calciscope.read.files import File
from calciscope.read.geometry import canonical, canonical_geometry
from calciscope.read.refusals import IMPLAUSIBLE, MOST_VOXELS, ONE_SLICE, PLAUSIBLE_MM, TOO_LARGE

# Neither has type annotations throughout.
_ITK: Any = SimpleITK
_NIBABEL: Any = nibabel

_DAMAGED = "it cannot be read: damaged, cut off, or not of the kind its name says; export it again"
_NO_SPACING = "its voxel spacing is not positive, so nothing can be measured; export it again"
_EIGHT_BITS = "its values fit in 8 bits: a label map or a picture, not Hounsfield units; give the CT itself"
_COLOURS = "it holds colours or vectors, not one value a voxel; give the CT itself"
_UNITS_MM = {"meter": 1000.0, "micron": 0.001}
# Directions further from right angles than this are a sheared grid; below it, rounding.
_SKEW = 0.01

# NRRD and MetaImage headers are a page of text; what names the files of the voxels is the last of it.
_HEADER_BYTES = 64 * 1024
_PARTS = re.compile(r"^(?:ElementDataFile\s*=|data ?file:)[ \t]*(.*)$", re.MULTILINE | re.IGNORECASE)
_SPACING = re.compile(r"^(?:ElementSpacing\s*=|spacings:)[ \t]*(.*)$", re.MULTILINE | re.IGNORECASE)

# A CT shows air around the patient or in lungs and bowel; a volume without anything near it is not in Hounsfield units.
_AIR_BELOW_HU = -500.0
_ONE_BYTE = 255.0
# More than this share of values that are no numbers and the volume is not worth repairing.
_MOST_NAN = 0.5


def digest_of(file: File) -> str:
    """SHA-256 of the content."""
    with file.path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """Values as in the file, ``(k, j, i)``, and what each array axis means: ``directions`` are rows of LPS vectors.

    ``placed`` says whether the file tells how the patient lies.
    """

    values: NDArray[Any]
    spacing: NDArray[np.float64]
    origin: NDArray[np.float64]
    directions: NDArray[np.float64]
    placed: bool = True


def read_grid(file: File, *, labels: bool = False) -> Grid:
    """The voxels of a NIfTI, NRRD or MetaImage file and where they lie, whatever they stand for.

    Raises :class:`~calciscope.errors.InputError` where it is no volume on a regular grid; unless ``labels`` are
    expected, also where the values have 8 bits, which hold no Hounsfield units.
    """
    nifti = file.path.name.lower().endswith((".nii", ".nii.gz"))
    return checked(_nifti(file, labels) if nifti else _by_itk(file))


def checked(grid: Grid) -> Grid:
    """The grid; raises :class:`~calciscope.errors.InputError` where it is none that can be measured on."""
    if not np.isfinite(grid.spacing).all() or grid.spacing.min() <= 0:
        raise InputError(_NO_SPACING)
    if grid.spacing.min() < PLAUSIBLE_MM[0] or grid.spacing.max() > PLAUSIBLE_MM[1]:
        raise InputError(IMPLAUSIBLE)
    if np.abs(grid.directions @ grid.directions.T - np.eye(3)).max() > _SKEW:
        raise InputError("its axes are not at right angles; resample it to a regular grid first")
    return grid


def read_volume(file: File) -> Volume:
    """Read a volume file into the canonical frame.

    Raises :class:`~calciscope.errors.InputError` where it is no CT volume: a series over time, colours, label maps,
    intensities of 8 bits, a single slice, or no numbers in it.
    """
    grid = read_grid(file)
    if min(grid.values.shape) < 2:
        raise InputError(ONE_SLICE)
    way = canonical(grid.directions)
    geometry = canonical_geometry(way, grid.values.shape, grid.spacing.tolist(), grid.origin, grid.directions)
    axis = slice_axis(geometry.spacing)
    hu, empty, notes = _hounsfield(grid.values, way.axes[axis])
    if not grid.placed:
        notes = (*notes, "the file does not say how the patient lies: left and right may be swapped")
    last = geometry.shape[axis] - 1
    acquisition = Acquisition(
        increment=geometry.spacing[axis],
        slice_axis=axis,
        missing_slices=tuple(sorted(last - k if axis in way.flips else k for k in empty)),
        notes=("the file says nothing of how the scan was acquired (voltage, kernel, thickness, contrast)", *notes),
    )
    return Volume(way.apply(hu), geometry, acquisition)


def _nifti(file: File, labels: bool) -> Grid:
    """NIfTI by nibabel, which, unlike ITK, notices a file that is cut off and keeps values that are no numbers."""
    try:
        _check_pixdim(file.path)
        image = _NIBABEL.load(file.path)
        if not labels and image.get_data_dtype().itemsize == 1 and image.dataobj.slope == 1:
            # Eight bits hold no Hounsfield units: not worth unpacking, and a folder may hold a hundred label maps.
            raise InputError(_EIGHT_BITS)
        _check_size(image.shape)
        raw = np.asanyarray(image.dataobj.get_unscaled())
        slope, intercept = image.dataobj.slope, image.dataobj.inter
        affine = np.asarray(image.affine, dtype=np.float64)
        affine[:3] *= _UNITS_MM.get(image.header.get_xyzt_units()[0], 1.0)
        placed = bool(image.header["qform_code"] or image.header["sform_code"])
    except (ImageFileError, HeaderDataError, OSError, EOFError, ValueError, zlib.error) as error:
        raise InputError(_DAMAGED) from error
    if raw.ndim > 3 and raw.shape[3:] == (1,) * (raw.ndim - 3):
        raw = raw.reshape(raw.shape[:3])
    if raw.ndim != 3:
        raise InputError(ONE_SLICE if raw.ndim < 3 else f"it has {raw.ndim} dimensions; give one volume at one time")
    if raw.dtype.names or raw.dtype.kind not in "iuf":
        raise InputError(_COLOURS)
    if (slope, intercept) != (1, 0):
        whole = float(slope).is_integer() and float(intercept).is_integer() and raw.dtype.kind in "iu"
        raw = (
            raw.astype(np.int32) * int(slope) + int(intercept)
            if whole
            else raw * np.float32(slope) + np.float32(intercept)
        )
    # NIfTI counts to the right and to the front, DICOM to the left and to the back.
    columns = np.diag([-1.0, -1.0, 1.0]) @ affine[:3, :3]
    lengths = np.linalg.norm(columns, axis=0)
    directions = (columns / np.where(lengths > 0, lengths, 1)).T[::-1]
    # The file has room for 32 bits: what was written as 0.7 is read as 0.7, not as 0.699999988.
    spacing = np.array([float(str(np.float32(length))) for length in lengths])
    origin = affine[:3, 3] * (-1, -1, 1)
    return Grid(raw.T, spacing[::-1], origin, directions, placed)


def _check_pixdim(path: Path) -> None:
    """Refuse a spacing of 0 or less; nibabel takes it as 1 or as positive, and says so in a log only."""
    with _NIBABEL.openers.ImageOpener(path) as content:
        start = content.read(_NIBABEL.Nifti2Header.template_dtype.itemsize)
    kind = next((one for one in (_NIBABEL.Nifti1Header, _NIBABEL.Nifti2Header) if one.may_contain_header(start)), None)
    if kind is None:
        return
    header = kind(start[: kind.template_dtype.itemsize], check=False)
    spacing = header["pixdim"][1 : 1 + min(3, int(header["dim"][0]))]
    if not np.isfinite(spacing).all() or (spacing <= 0).any():
        raise InputError(_NO_SPACING)


def _check_size(shape: Sequence[int]) -> None:
    if prod(shape) > MOST_VOXELS:
        raise InputError(TOO_LARGE)


def _check_header(path: Path) -> None:
    """Refuse a header with a spacing of 0 or less, and one whose voxels lie in files outside its folder.

    The latter would show any file of this machine as image; ITK takes a negative spacing for a flipped axis.
    """
    with path.open("rb") as file:
        start = file.read(_HEADER_BYTES).decode("latin-1")
    if (spacing := _SPACING.search(start)) and any(_not_positive(word) for word in spacing[1].split()):
        raise InputError(_NO_SPACING)
    named = _PARTS.search(start)
    if named is None:
        return
    several = named[1].startswith("LIST")
    listed = start[named.end() :].splitlines() if several else [named[1]]
    for part in listed:
        inner = PureWindowsPath(part.strip())
        if inner.drive or inner.root or ".." in inner.parts or path.parent.joinpath(inner.name).is_symlink():
            raise InputError("its header names voxels outside its own folder; put both into one folder")


def _not_positive(word: str) -> bool:
    try:
        # NRRD writes nan for a spacing that is not known, which ITK takes as 1.
        return not 0 < float(word) < float("inf")
    except ValueError:
        return False


def open_itk(file: File) -> Any:
    """The ``SimpleITK.Image`` of a NRRD or MetaImage file, of any number of values a voxel.

    Raises :class:`~calciscope.errors.InputError` where it cannot be read or its header is not to be trusted.
    """
    _check_header(file.path)
    reader = _ITK.ImageFileReader()
    reader.SetFileName(str(file.path))
    try:
        reader.ReadImageInformation()
        _check_size((*reader.GetSize(), reader.GetNumberOfComponents()))
        return reader.Execute()
    except RuntimeError as error:
        # ITK refuses a spacing of 0 and a negative one itself.
        raise InputError(_NO_SPACING if "spacing" in str(error).lower() else _DAMAGED) from error


def _by_itk(file: File) -> Grid:
    image = open_itk(file)
    if image.GetNumberOfComponentsPerPixel() != 1:
        raise InputError(_COLOURS)
    if image.GetDimension() == 4 and image.GetSize()[3] == 1:
        image = image[:, :, :, 0]
    dimensions = image.GetDimension()
    if dimensions != 3:
        raise InputError(
            ONE_SLICE if dimensions < 3 else f"it has {dimensions} dimensions; give one volume at one time"
        )
    return itk_grid(image)


def itk_grid(image: Any) -> Grid:
    """Values of a ``SimpleITK.Image`` of three axes and where they lie; several values a voxel are a fourth axis."""
    columns = np.array(image.GetDirection()).reshape(3, 3)
    return Grid(
        _ITK.GetArrayFromImage(image), np.array(image.GetSpacing()[::-1]), np.array(image.GetOrigin()), columns.T[::-1]
    )


def _hounsfield(
    array: NDArray[Any], axis: int
) -> tuple[NDArray[np.int16] | NDArray[np.float32], tuple[int, ...], tuple[str, ...]]:
    """Hounsfield units, the slices along ``axis`` that hold no number and were filled, and notes."""
    notes: list[str] = []
    empty: tuple[int, ...] = ()
    if array.dtype.kind == "f":
        finite = np.isfinite(array)
        bad = array.size - int(np.count_nonzero(finite))
        if bad > _MOST_NAN * array.size:
            raise InputError(f"{bad / array.size:.0%} of its values are not numbers (NaN); export it again")
        if bad:
            planes = tuple(other for other in range(3) if other != axis)
            empty = tuple(np.flatnonzero(~finite.any(axis=planes)).tolist())
            bad -= len(empty) * array.size // array.shape[axis]
            array = _filled(np.where(finite, array, array.dtype.type(AIR_HU)), axis, empty)
        if empty:
            told = f"{len(empty)} of {array.shape[axis]} slices hold no numbers (NaN) and were filled by interpolation"
            notes.append(told)
        if bad:
            notes.append(f"{bad} voxels were not numbers (NaN) and were taken as air")
    low, high = float(array.min()), float(array.max())
    if low == high:
        raise InputError("all its values are equal; there is nothing in it to see")
    if low >= 0 and high <= _ONE_BYTE:
        raise InputError(_EIGHT_BITS)
    if low >= 0:
        raise InputError(
            "it has no value below 0, so it is not in Hounsfield units; export it with the rescale applied"
        )
    if low > _AIR_BELOW_HU:
        notes.append("no value is near that of air: the values may not be Hounsfield units")
    if array.dtype.kind == "f" and not np.array_equal(array, np.rint(array)):
        return np.ascontiguousarray(array, dtype=np.float32), empty, tuple(notes)
    if low < -32768 or high > 32767:
        notes.append("values beyond 16 bits were clipped")
    return np.clip(array, -32768, 32767).astype(np.int16), empty, tuple(notes)


def _filled(array: NDArray[np.floating], axis: int, empty: Sequence[int]) -> NDArray[np.floating]:
    """Empty slices between those on either side of them, to the nearest HU; at an end they stay as they are."""
    along = np.moveaxis(array, axis, 0)
    full = np.setdiff1d(np.arange(len(along)), empty)
    for k in empty:
        above = int(np.searchsorted(full, k))
        if 0 < above < len(full):
            low, high = int(full[above - 1]), int(full[above])
            along[k] = np.rint(along[low] + (along[high] - along[low]) * ((k - low) / (high - low)))
    return array
