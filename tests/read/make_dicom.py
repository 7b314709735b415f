"""Small synthetic CT series as DICOM: any orientation, any transfer syntax, any damage."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK
from numpy.typing import NDArray
from openjpeg.utils import encode_array
from pydicom import dcmread, dcmwrite
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence
from pydicom.uid import (
    CTImageStorage,
    DeflatedExplicitVRLittleEndian,
    EnhancedCTImageStorage,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    generate_uid,
)

NATIVE = (ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian)
AXIAL = (0, 1, 2)


def phantom(shape: tuple[int, int, int] = (6, 8, 10), seed: int = 7) -> NDArray[np.int16]:
    """Canonical Hounsfield units in which no two slices of any direction are alike."""
    return np.random.default_rng(seed).integers(-1024, 3000, shape).astype(np.int16)


@dataclass(frozen=True)
class Series:
    """A canonical volume ``(z, y, x)`` and how it is cut into slices and written.

    ``order`` names the canonical axes that slice, row and column index run along; ``flips`` are canonical axes along
    which the index runs backwards. ``matrix`` turns the whole grid in the patient. ``header`` sets, and with ``None``
    removes, any element; ``each`` does so for the k-th slice.
    """

    hu: NDArray[Any]
    spacing: tuple[float, float, float] = (3.0, 0.8, 0.7)
    origin: tuple[float, float, float] = (-30.0, -40.0, 100.0)
    matrix: NDArray[Any] = field(default_factory=lambda: np.eye(3))
    order: tuple[int, int, int] = AXIAL
    flips: tuple[int, ...] = ()
    slope: float = 1
    intercept: float = -1024
    signed: bool = False
    bits: int = 16
    uid: str = field(default_factory=generate_uid)
    study: str = "1.2.3.4"
    frame: str = "1.2.3.5"
    patient: str = "P1"
    header: dict[str, Any] = field(default_factory=dict)
    each: Any = None

    def slices(self) -> list[tuple[NDArray[Any], list[float], list[float], list[float]]]:
        """Pixels, position, orientation and pixel spacing of every slice, in the order of the slice index."""
        steps = [self.matrix[:, 2 - axis] * self.spacing[axis] for axis in range(3)]
        corner = np.array(self.origin, dtype=float)
        array = self.hu
        for axis in self.flips:
            corner = corner + steps[axis] * (array.shape[axis] - 1)
            steps[axis] = -steps[axis]
            array = np.flip(array, axis)
        array = array.transpose(self.order)
        s, r, c = self.order
        row, column = (steps[a] / np.linalg.norm(steps[a]) for a in (c, r))
        return [
            (plane, list(corner + k * steps[s]), [*row, *column], [self.spacing[r], self.spacing[c]])
            for k, plane in enumerate(array)
        ]

    def datasets(self) -> list[FileDataset]:
        """One data set for every slice, not yet compressed."""
        return [self._dataset(k, *slice_) for k, slice_ in enumerate(self.slices())]

    def stored(self, hu: NDArray[Any]) -> NDArray[Any]:
        """Hounsfield units as stored values."""
        kind = f"{'i' if self.signed else 'u'}2"
        return np.rint((hu - self.intercept) / self.slope).astype(kind)

    def _dataset(
        self, k: int, hu: NDArray[Any], position: list[float], orientation: list[float], pixel: list[float]
    ) -> FileDataset:
        ds = blank(CTImageStorage)
        ds.Modality = "CT"
        ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = f"{self.uid[:58]}.{k + 1}"
        ds.SeriesInstanceUID, ds.StudyInstanceUID, ds.FrameOfReferenceUID = self.uid, self.study, self.frame
        ds.PatientID, ds.PatientName, ds.StudyDate = self.patient, f"Doe^{self.patient}", "20240102"
        ds.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
        ds.Manufacturer, ds.ConvolutionKernel, ds.KVP = "SIEMENS", "B35f", "120"
        ds.SliceThickness, ds.InstanceNumber, ds.SeriesNumber, ds.AcquisitionNumber = "3", k + 1, 2, 1
        ds.ImagePositionPatient = [f"{v:.8f}" for v in position]
        ds.ImageOrientationPatient = [f"{v:.12f}" for v in orientation]
        ds.PixelSpacing = [f"{v:.8f}" for v in pixel]
        ds.RescaleSlope, ds.RescaleIntercept = f"{self.slope:g}", f"{self.intercept:g}"
        put_pixels(ds, self.stored(hu), self.bits)
        for key, value in {**self.header, **(self.each(k) if self.each else {})}.items():
            if value is None:
                if key in ds:
                    delattr(ds, key)
            else:
                setattr(ds, key, value)
        return ds

    def write(
        self, folder: Path, syntax: str = ExplicitVRLittleEndian, skip: tuple[int, ...] = (), prefix: str = "slice"
    ) -> list[Path]:
        """Write the series into a folder and return the files by slice index, without those skipped."""
        folder.mkdir(parents=True, exist_ok=True)
        paths = []
        for k, ds in enumerate(self.datasets()):
            if k not in skip:
                paths.append(save(ds, folder / f"{prefix}-{k:03d}.dcm", syntax))
        return paths

    def but(self, **changes: Any) -> Series:
        """The same series with some things different."""
        return replace(self, **changes)


def blank(storage: str) -> FileDataset:
    """A data set without image."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = storage
    meta.MediaStorageSOPInstanceUID = generate_uid()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds = FileDataset("", Dataset(), file_meta=meta, preamble=b"\0" * 128)
    ds.SOPClassUID, ds.SOPInstanceUID = storage, meta.MediaStorageSOPInstanceUID
    return ds


def put_pixels(ds: Dataset, stored: NDArray[Any], bits: int = 16) -> None:
    """Set the pixel module for 16-bit allocated pixels."""
    ds.Rows, ds.Columns = stored.shape[-2:]
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.BitsAllocated, ds.BitsStored, ds.HighBit = 16, bits, bits - 1
    ds.PixelRepresentation = int(stored.dtype.kind == "i")
    ds.PixelData = stored.astype(stored.dtype.newbyteorder("<")).tobytes()
    ds["PixelData"].VR = "OW"


def save(ds: FileDataset, path: Path, syntax: str = ExplicitVRLittleEndian) -> Path:
    """Write a data set in a transfer syntax; compressed ones as far as pydicom can encode them."""
    if syntax in NATIVE:
        ds.file_meta.TransferSyntaxUID = syntax
        big = syntax == ExplicitVRBigEndian
        if big:
            ds.PixelData = np.frombuffer(ds.PixelData, "<u2").byteswap().tobytes()
        dcmwrite(path, ds, implicit_vr=syntax == ImplicitVRLittleEndian, little_endian=not big, force_encoding=True)
    elif syntax == JPEG2000Lossless:
        kind = "<i2" if ds.PixelRepresentation else "<u2"
        planes = np.frombuffer(ds.PixelData, kind).reshape(-1, ds.Rows, ds.Columns)
        ds.PixelData = encapsulate([encode_array(plane, bits_stored=ds.BitsStored) for plane in planes])
        ds["PixelData"].VR, ds["PixelData"].is_undefined_length = "OB", True
        ds.file_meta.TransferSyntaxUID = syntax
        ds.save_as(path, enforce_file_format=True)
    else:
        ds.compress(syntax)
        ds.save_as(path, enforce_file_format=True)
    return path


def save_jpeg_lossless(ds: FileDataset, path: Path) -> Path:
    """Write one slice as JPEG lossless, which only GDCM encodes; elements that it does not know are copied back."""
    stored = np.frombuffer(ds.PixelData, "<i2" if ds.PixelRepresentation else "<u2").reshape(1, ds.Rows, ds.Columns)
    image = SimpleITK.GetImageFromArray(stored)
    writer = SimpleITK.ImageFileWriter()
    writer.SetImageIO("GDCMImageIO")
    writer.SetFileName(str(path))
    writer.UseCompressionOn()
    writer.SetCompressor("JPEG")
    writer.Execute(image)
    encoded = dcmread(path)
    for element in ds:
        if element.keyword not in ("PixelData", "SOPClassUID"):
            encoded[element.tag] = element
    encoded.SOPClassUID = encoded.file_meta.MediaStorageSOPClassUID = CTImageStorage
    encoded.save_as(path)
    return path


def enhanced(series: Series) -> FileDataset:
    """The series as one enhanced multi-frame CT image."""
    slices = series.slices()
    ds = blank(EnhancedCTImageStorage)
    ds.Modality = "CT"
    ds.PatientID, ds.StudyInstanceUID, ds.SeriesInstanceUID = series.patient, series.study, series.uid
    ds.FrameOfReferenceUID = series.frame
    ds.ImageType = ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"]
    ds.NumberOfFrames = len(slices)
    put_pixels(ds, np.stack([series.stored(plane) for plane, *_ in slices]))
    shared, measures, values, recon, xray, plane_of = (Dataset() for _ in range(6))
    measures.PixelSpacing, measures.SliceThickness = slices[0][3], "3"
    values.RescaleSlope, values.RescaleIntercept, values.RescaleType = str(series.slope), str(series.intercept), "HU"
    recon.ConvolutionKernel, xray.KVP = "B35f", 120.0
    plane_of.ImageOrientationPatient = [float(f"{v:.10g}") for v in slices[0][2]]
    shared.PixelMeasuresSequence = Sequence([measures])
    shared.PixelValueTransformationSequence = Sequence([values])
    shared.CTReconstructionSequence = Sequence([recon])
    shared.CTXRayDetailsSequence = Sequence([xray])
    shared.PlaneOrientationSequence = Sequence([plane_of])
    ds.SharedFunctionalGroupsSequence = Sequence([shared])
    frames = []
    for _, position, _, _ in slices:
        frame, place = Dataset(), Dataset()
        place.ImagePositionPatient = [float(f"{v:.10g}") for v in position]
        frame.PlanePositionSequence = Sequence([place])
        frames.append(frame)
    ds.PerFrameFunctionalGroupsSequence = Sequence(frames)
    return ds
