"""A simulated study as a DICOM CT series (PS3.3 A.3, CT Image Storage), the same bytes for the same study."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import UID, CTImageStorage, ExplicitVRLittleEndian

from calciscope.domain.image import Contrast
from calciscope.simulate.patient import Simulated

# The date is fixed so that a study is the same on every day; it is the first day of the year of the first CT scan.
_DATE, _TIME = "19710101", "120000"
_INTERCEPT = -1024


def uid(*parts: object) -> UID:
    """A UID under the root for UUIDs (PS3.5 B.2) that depends on ``parts`` alone."""
    digest = hashlib.sha256("/".join(str(p) for p in parts).encode()).digest()
    return UID(f"2.25.{int.from_bytes(digest[:15], 'big')}")


def write(simulated: Simulated, folder: Path) -> Path:
    """Write one file a slice, ``0001.dcm`` from the feet up, and return the folder.

    Raises:
        OSError: the folder cannot be made or written.

    """
    folder.mkdir(parents=True, exist_ok=True)
    volume, geometry = simulated.volume, simulated.volume.geometry
    key = (simulated.seed, *(f"{k}={v}" for k, v in sorted(simulated.parameters.items())))
    for k in range(geometry.shape[0]):
        path = folder / f"{k + 1:04d}.dcm"
        meta = FileMetaDataset()
        meta.MediaStorageSOPClassUID = CTImageStorage
        meta.MediaStorageSOPInstanceUID = uid("instance", *key, k)
        meta.TransferSyntaxUID = ExplicitVRLittleEndian
        meta.ImplementationClassUID = uid("calciscope")
        meta.ImplementationVersionName = "CALCISCOPE"
        data = FileDataset(str(path), {}, file_meta=meta, preamble=b"\0" * 128)
        data.SOPClassUID = CTImageStorage
        data.SOPInstanceUID = meta.MediaStorageSOPInstanceUID
        _who(data, simulated, key)
        _how(data, simulated)
        _where(data, simulated, k)
        stored = (volume.hu[k].astype(np.int32) - _INTERCEPT).astype("<u2")
        data.PixelData = stored.tobytes()
        data.save_as(path, enforce_file_format=True)
    return folder


def _who(data: Dataset, simulated: Simulated, key: tuple[object, ...]) -> None:
    """Patient, study, series and frame of reference modules."""
    patient = simulated.patient
    data.SpecificCharacterSet = "ISO_IR 192"
    data.PatientName = "Simulated^Patient"
    data.PatientID = f"SIMULATED-{simulated.seed}"
    data.PatientBirthDate = ""
    data.PatientSex = {"male": "M", "female": "F"}.get(patient.sex, "O")
    if patient.age is not None:
        data.PatientAge = f"{round(patient.age):03d}Y"
    if patient.height is not None:
        data.PatientSize = f"{patient.height / 100:.2f}"
    if patient.weight is not None:
        data.PatientWeight = f"{patient.weight:.1f}"
    data.StudyInstanceUID = uid("study", *key)
    data.SeriesInstanceUID = uid("series", *key)
    data.FrameOfReferenceUID = uid("frame", *key)
    data.PositionReferenceIndicator = "SP"
    for prefix in ("Study", "Series", "Acquisition", "Content"):
        setattr(data, f"{prefix}Date", _DATE)
        setattr(data, f"{prefix}Time", _TIME)
    data.StudyID = "1"
    data.AccessionNumber = ""
    data.ReferringPhysicianName = ""
    data.StudyDescription = "Simulated patient"
    data.SeriesDescription = (
        f"Simulated trunk {simulated.volume.acquisition.slice_thickness:g} mm {simulated.parameters['kernel']}"
    )
    data.SeriesNumber = 1
    data.Modality = "CT"
    data.PatientPosition = "HFS"
    data.BodyPartExamined = "CHESTABDPELVIS"


def _how(data: Dataset, simulated: Simulated) -> None:
    """Equipment and acquisition: what a measurement depends on."""
    acquisition = simulated.volume.acquisition
    data.Manufacturer = acquisition.manufacturer or ""
    data.ManufacturerModelName = acquisition.model or ""
    data.SoftwareVersions = "1"
    data.KVP = f"{acquisition.kvp:g}"
    data.ConvolutionKernel = acquisition.kernel
    data.SliceThickness = f"{acquisition.slice_thickness:g}"
    data.SpacingBetweenSlices = f"{acquisition.increment:g}"
    data.ReconstructionDiameter = f"{acquisition.field_of_view:g}"
    data.GantryDetectorTilt = "0"
    data.TableHeight = "0"
    data.RotationDirection = "CW"
    data.AcquisitionNumber = 1
    data.ScanOptions = "HELICAL MODE"
    if acquisition.contrast is Contrast.GIVEN:
        data.ContrastBolusAgent = "Iodine, simulated"
        data.ContrastBolusRoute = "INTRAVENOUS"


def _where(data: Dataset, simulated: Simulated, k: int) -> None:
    """Image plane, pixels and rescale."""
    geometry = simulated.volume.geometry
    x, y, z = geometry.to_mm((float(k), 0.0, 0.0))
    data.ImageType = ["DERIVED", "PRIMARY", "AXIAL"]
    data.DerivationDescription = "Simulated, not acquired from a person"
    data.InstanceNumber = k + 1
    data.ImagePositionPatient = [f"{v:.6f}".rstrip("0").rstrip(".") for v in (x, y, z)]
    data.ImageOrientationPatient = ["1", "0", "0", "0", "1", "0"]
    data.SliceLocation = f"{z:.4f}"
    data.PixelSpacing = [f"{geometry.spacing[1]:g}", f"{geometry.spacing[2]:g}"]
    data.SamplesPerPixel = 1
    data.PhotometricInterpretation = "MONOCHROME2"
    data.Rows, data.Columns = geometry.shape[1:]
    data.BitsAllocated, data.BitsStored, data.HighBit, data.PixelRepresentation = 16, 12, 11, 0
    data.RescaleIntercept, data.RescaleSlope, data.RescaleType = str(_INTERCEPT), "1", "HU"
    data.WindowCenter, data.WindowWidth = "40", "400"
    data.BurnedInAnnotation = "NO"
    data.LossyImageCompression = "00"
