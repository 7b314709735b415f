"""The headers of the slices that a volume was made of, for what is written back to a PACS about them."""

from __future__ import annotations

import numpy as np
from pydicom import dcmread

from calciscope.domain.origin import Origin
from calciscope.errors import InputError
from calciscope.read.dicom_scan import DAMAGE
from calciscope.read.geometry import Plan

# All that an object that refers to these slices may hold of them: whose they are (PS3.3 C.7.1 and C.7.2), where they
# lie, and which instance is meant. What else a header says stays behind.
_KEPT = (
    "SpecificCharacterSet", "SOPClassUID", "SOPInstanceUID", "Modality", "ImageType",
    "PatientName", "PatientID", "IssuerOfPatientID", "PatientBirthDate", "PatientSex", "PatientAge", "PatientSize",
    "PatientWeight", "OtherPatientIDs", "PatientIdentityRemoved", "DeidentificationMethod",
    "StudyInstanceUID", "StudyDate", "StudyTime", "StudyID", "StudyDescription", "AccessionNumber",
    "ReferringPhysicianName", "SeriesInstanceUID", "SeriesNumber", "InstanceNumber",
    "FrameOfReferenceUID", "PositionReferenceIndicator", "ImagePositionPatient", "ImageOrientationPatient",
    "PixelSpacing", "SliceThickness", "SpacingBetweenSlices", "Rows", "Columns", "NumberOfFrames",
    "SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence", "DimensionOrganizationSequence",
    "LossyImageCompression", "LossyImageCompressionRatio", "LossyImageCompressionMethod",
)  # fmt: skip


def origin_of(plan: Plan) -> Origin:
    """The headers of every slice of a stack, without pixels.

    Raises :class:`~calciscope.errors.InputError` where a file that was read a moment ago cannot be read again.
    """
    paths = list(dict.fromkeys(frame.pixels.path for frame in plan.frames))
    number = {path: place for place, path in enumerate(paths)}
    try:
        headers = tuple(dcmread(path, stop_before_pixels=True, force=True, specific_tags=list(_KEPT)) for path in paths)
    except (*DAMAGE, OSError) as error:
        raise InputError("the header of a slice could not be read again") from error
    many = tuple("PerFrameFunctionalGroupsSequence" in header for header in headers)
    return Origin(
        headers=headers,
        positions=np.array([frame.position for frame in plan.frames], dtype=np.float64),
        items=tuple((number[f.pixels.path], f.number + 1 if many[number[f.pixels.path]] else 0) for f in plan.frames),
        axes=plan.way.axes,
        flips=plan.way.flips,
    )
