"""Stored pixels -> Hounsfield units, one slice at a time."""

from __future__ import annotations

import struct
import zlib
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK
from numpy.typing import NDArray
from pydicom import dcmread
from pydicom.dataset import FileDataset
from pydicom.pixels.utils import pixel_array

from calciscope.read.frames import Frame, StoredPixels
from calciscope.read.refusals import CUT_OFF

# SimpleITK has no type annotations.
_ITK: Any = SimpleITK

AIR_HU = -1024
# Syntaxes for which pydicom has no decoder under a permissive licence; GDCM inside SimpleITK reads them.
_BY_GDCM = frozenset(
    {
        "1.2.840.10008.1.2.4.50",  # JPEG baseline, 8 bits
        "1.2.840.10008.1.2.4.51",  # JPEG extended, 12 bits
        "1.2.840.10008.1.2.4.57",  # JPEG lossless
        "1.2.840.10008.1.2.4.70",  # JPEG lossless, first-order prediction
    }
)
_DAMAGE = (
    ValueError, RuntimeError, OSError, EOFError, AttributeError, LookupError, TypeError, NotImplementedError,
    struct.error, zlib.error,
)  # fmt: skip
# A padding value between these (HU) is also that of tissue: to honour it would punch holes into the patient.
_TISSUE_HU = (-500.0, 3000.0)

Raw = NDArray[np.signedinteger] | NDArray[np.unsignedinteger]
Hu = NDArray[np.int16] | NDArray[np.float32]


class UndecodableError(Exception):
    """The pixels of one slice cannot be read; the text says why in one line."""


def is_compressed(frame: Frame) -> bool:
    """Whether the pixels have to be decoded rather than copied."""
    return frame.pixels.offset is None


def hounsfield(frame: Frame, whole: bool) -> Hu:
    """The slice ``(rows, columns)`` in Hounsfield units: ``int16`` if ``whole``, else ``float32``.

    Padding becomes air; values beyond 16 bits are clipped. Raises :class:`UndecodableError`.
    """
    if frame.pixels.syntax in _BY_GDCM:
        return _by_gdcm(frame, whole)
    raw = stored(frame)
    padded = _padding(frame, raw)
    if whole:
        hu = raw.astype(np.int32)
        if frame.slope != 1:
            hu *= int(frame.slope)
        hu += int(frame.intercept)
        result: Hu = np.clip(hu, -32768, 32767).astype(np.int16)
    else:
        result = (raw * frame.slope + frame.intercept).astype(np.float32)
    if padded is not None:
        result[padded] = AIR_HU
    return result


def padding_is_tissue(frame: Frame) -> bool:
    """Whether the padding value has to be ignored, because tissue can have it too."""
    if frame.pixels.padding is None:
        return False
    low, high = (value * frame.slope + frame.intercept for value in frame.pixels.padding)
    return bool(high > _TISSUE_HU[0] and low < _TISSUE_HU[1])


def _padding(frame: Frame, raw: Raw) -> NDArray[np.bool_] | None:
    if frame.pixels.padding is None or padding_is_tissue(frame):
        return None
    low, high = frame.pixels.padding
    return np.asarray((raw >= low) & (raw <= high))


def stored(frame: Frame) -> Raw:
    """The slice as stored, before rescaling. Raises :class:`UndecodableError`."""
    pixels = frame.pixels
    if pixels.offset is not None:
        return _native(pixels, pixels.offset, frame.number)
    try:
        if pixels.frames > 1:
            raw = pixel_array(_opened(pixels.path), index=frame.number, raw=True)
        else:
            raw = dcmread(pixels.path, force=True).pixel_array
    except _DAMAGE as error:
        raise UndecodableError("its pixels cannot be decoded; the file is damaged or cut off") from error
    return _shaped(raw, pixels)


@lru_cache(maxsize=1)
def _opened(path: Path) -> FileDataset:
    """A multi-frame file, parsed once for all its frames."""
    return dcmread(path, force=True)


def forget() -> None:
    """Let go of the multi-frame file that was read last."""
    _opened.cache_clear()


def _shaped(raw: NDArray[np.generic], pixels: StoredPixels) -> Raw:
    if raw.shape != (pixels.rows, pixels.columns) or not np.issubdtype(raw.dtype, np.integer):
        raise UndecodableError("its pixels do not fit the size in its header; the file is damaged")
    return raw  # type: ignore[return-value]


def _native(pixels: StoredPixels, offset: int, number: int) -> Raw:
    count, size = pixels.rows * pixels.columns, pixels.bits_allocated // 8
    kind = f"{'>' if pixels.big_endian else '<'}{'i' if pixels.signed else 'u'}{size}"
    raw = np.fromfile(pixels.path, dtype=kind, count=count, offset=offset + number * count * size)
    if raw.size != count:
        raise UndecodableError(CUT_OFF)
    unused = pixels.bits_allocated - pixels.bits_stored
    if unused:
        # Bits above those stored may hold overlays; shifting there and back clears them and carries the sign down.
        native = raw.astype(raw.dtype.newbyteorder("="))
        raw = (native << unused) >> unused
    return raw.reshape(pixels.rows, pixels.columns)


def _by_gdcm(frame: Frame, whole: bool) -> Hu:
    """Decode with GDCM, which applies the rescale of the header itself."""
    pixels = frame.pixels
    reader = _ITK.ImageFileReader()
    reader.SetImageIO("GDCMImageIO")
    reader.SetFileName(str(pixels.path))
    try:
        reader.ReadImageInformation()
        size = reader.GetSize()
        if len(size) > 2 and size[2] > 1:
            reader.SetExtractIndex([0, 0, frame.number])
            reader.SetExtractSize([size[0], size[1], 0])
        image: NDArray[Any] = _ITK.GetArrayFromImage(reader.Execute())
    except RuntimeError as error:
        raise UndecodableError("its pixels cannot be decoded; the file is damaged or cut off") from error
    if image.shape[-2:] != (pixels.rows, pixels.columns):
        raise UndecodableError("its pixels do not fit the size in its header; the file is damaged")
    hu = np.asarray(image).reshape(pixels.rows, pixels.columns)
    result: Hu = np.clip(np.rint(hu), -32768, 32767).astype(np.int16) if whole else hu.astype(np.float32)
    if pixels.padding is not None and not padding_is_tissue(frame):
        low, high = sorted(value * frame.slope + frame.intercept for value in pixels.padding)
        result[(result >= low) & (result <= high)] = AIR_HU
    return result
