"""DICOM Segmentation objects for tests: binary, fractional or label map, frames in any order."""

from __future__ import annotations

from collections.abc import Sequence as Several
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileDataset
from pydicom.pixels.utils import pack_bits
from pydicom.sequence import Sequence

from tests.read.make_dicom import Series, blank

SEGMENTATION, LABEL_MAP = "1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7"
MOST = 200


def segmentation(
    series: Series,
    segments: dict[int, NDArray[np.bool_]],
    *,
    kind: str = "BINARY",
    labels: dict[int, str] | None = None,
    order: Several[int] | None = None,
    between: bool = True,
    thickness: bool = True,
    **header: Any,
) -> FileDataset:
    """A SEG of canonical masks ``(z, y, x)`` on a series, empty frames left out, in ``order`` of the frames that are.

    Fractional values are as given in the masks (0 to 1) times ``MOST``. In a label map every slice is a frame.
    """
    ds = blank(LABEL_MAP if kind == "LABELMAP" else SEGMENTATION)
    ds.Modality, ds.SegmentationType = "SEG", kind
    ds.PatientID, ds.PatientName = series.patient, f"Doe^{series.patient}"
    ds.StudyInstanceUID, ds.SeriesInstanceUID = series.study, f"{series.uid[:50]}.9"
    ds.FrameOfReferenceUID = series.frame
    reference = Dataset()
    reference.SeriesInstanceUID = series.uid
    ds.ReferencedSeriesSequence = Sequence([reference])
    frames = _frames(series, segments, kind)
    frames = [frames[place] for place in order or range(len(frames))]
    items = []
    for number in segments:
        item = Dataset()
        item.SegmentNumber, item.SegmentLabel = number, (labels or {}).get(number, f"segment {number}")
        items.append(item)
    ds.SegmentSequence = Sequence(items)
    _, _, orientation, pixel = series.slices()[0]
    shared, plane, measures = Dataset(), Dataset(), Dataset()
    plane.ImageOrientationPatient = [float(f"{v:.10g}") for v in orientation]
    measures.PixelSpacing = [float(v) for v in pixel]
    step = series.spacing[series.order[0]]
    if between:
        measures.SpacingBetweenSlices = step
    if thickness:
        measures.SliceThickness = step
    shared.PlaneOrientationSequence, shared.PixelMeasuresSequence = Sequence([plane]), Sequence([measures])
    ds.SharedFunctionalGroupsSequence = Sequence([shared])
    ds.PerFrameFunctionalGroupsSequence = Sequence([_groups(number, position) for number, position, _ in frames])
    _put_pixels(ds, np.stack([plane for _, _, plane in frames]), kind)
    for key, value in header.items():
        setattr(ds, key, value)
    return ds


def save(ds: FileDataset, path: Path) -> Path:
    """Write it."""
    ds.save_as(path, enforce_file_format=True)
    return path


def _frames(
    series: Series, segments: dict[int, NDArray[Any]], kind: str
) -> list[tuple[int, list[float], NDArray[Any]]]:
    if kind == "LABELMAP":
        whole = np.zeros(series.hu.shape, dtype=np.uint8)
        for number, mask in segments.items():
            whole[mask > 0] = number
        return [(0, position, plane) for plane, position, *_ in series.but(hu=whole).slices()]
    return [
        (number, position, plane)
        for number, mask in segments.items()
        for plane, position, *_ in series.but(hu=mask).slices()
        if plane.any()
    ]


def _groups(number: int, position: list[float]) -> Dataset:
    frame, place, identity = Dataset(), Dataset(), Dataset()
    place.ImagePositionPatient = [float(f"{v:.10g}") for v in position]
    frame.PlanePositionSequence = Sequence([place])
    if number:
        identity.ReferencedSegmentNumber = number
        frame.SegmentIdentificationSequence = Sequence([identity])
    return frame


def _put_pixels(ds: Dataset, pixels: NDArray[Any], kind: str) -> None:
    ds.NumberOfFrames, ds.Rows, ds.Columns = pixels.shape
    ds.SamplesPerPixel, ds.PhotometricInterpretation, ds.PixelRepresentation = 1, "MONOCHROME2", 0
    bits = 1 if kind == "BINARY" else 8
    ds.BitsAllocated, ds.BitsStored, ds.HighBit = bits, bits, bits - 1
    if kind == "FRACTIONAL":
        ds.MaximumFractionalValue = MOST
        pixels = np.rint(pixels * MOST)
    stored = pixels.astype(np.uint8)
    ds.PixelData = pack_bits(stored.ravel()) if kind == "BINARY" else stored.tobytes() + b"\0" * (stored.size % 2)
    ds["PixelData"].VR = "OB"
