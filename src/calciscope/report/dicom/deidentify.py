"""Everything that leaves, under a pseudonym: the basic profile of DICOM PS3.15 annex E.

The objects take all that they say of a person from the headers of the source, so these are cleaned before anything is
written: an attribute stays only where an object needs it, with the action of table E.1-1 (Z emptied, D a dummy, U a UID
of its own, X left out). UIDs are made anew with a secret key, so that nobody without it can tell which study it was,
and stay consistent among the objects.
"""

from __future__ import annotations

from dataclasses import replace

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items

from calciscope.domain.assessment import Assessment
from calciscope.domain.origin import Origin
from calciscope.report.dicom.study import Stamp
from calciscope.report.pseudonyms import Pseudonyms

_UIDS = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "FrameOfReferenceUID")
_EMPTIED = (
    "PatientBirthDate", "PatientSex", "StudyDate", "StudyTime", "StudyID", "AccessionNumber", "ReferringPhysicianName",
)  # fmt: skip
_NAMED = ("PatientName", "PatientID")
# What says nothing of a person: kind and place of the image.
_KEPT = (
    "SOPClassUID", "Modality", "ImageType", "SeriesNumber", "InstanceNumber", "PositionReferenceIndicator",
    "ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "SliceThickness", "SpacingBetweenSlices", "Rows",
    "Columns", "NumberOfFrames", "LossyImageCompression", "LossyImageCompressionRatio", "LossyImageCompressionMethod",
)  # fmt: skip
_GROUPS = ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence")
_KEPT_GROUPS = ("PixelMeasuresSequence", "PlanePositionSequence", "PlaneOrientationSequence")


def header(source: Dataset, under: Pseudonyms) -> Dataset:
    """A header without anything that says whose it is."""
    made = Dataset()
    for name in _KEPT:
        if name in source:
            made[name] = source[name]
    for name in _UIDS:
        if source.get(name):
            setattr(made, name, under.uid(str(source[name].value)))
    for name in _EMPTIED:
        setattr(made, name, "")
    # Without a number two people would be one.
    known = under.name(str(source.get("PatientID") or source.StudyInstanceUID))
    for name in _NAMED:
        setattr(made, name, known)
    for name in _GROUPS:
        if name in source:
            setattr(made, name, Items([_placed(one) for one in source[name].value]))
    made.SpecificCharacterSet = "ISO_IR 192"
    made.PatientIdentityRemoved = "YES"
    made.DeidentificationMethod = "Calciscope: DICOM PS3.15 basic profile"
    method = Dataset()
    method.CodeValue, method.CodingSchemeDesignator = "113100", "DCM"
    method.CodeMeaning = "Basic Application Confidentiality Profile"
    made.DeidentificationMethodCodeSequence = Items([method])
    return made


def _placed(group: Dataset) -> Dataset:
    """A functional group with what says where a frame lies and no more."""
    made = Dataset()
    for name in _KEPT_GROUPS:
        if name in group:
            made[name] = group[name]
    return made


def origin(given: Origin, under: Pseudonyms) -> Origin:
    """Where a series came from, with cleaned headers."""
    return replace(given, headers=tuple(header(one, under) for one in given.headers))


def stamp(assessment: Assessment, under: Pseudonyms) -> Stamp:
    """The stamp of a cleaned assessment: names of objects that nobody without the key can make from the source."""
    plain = Stamp.of(assessment)
    return replace(plain, key=under.token(plain.key))


def sealed(made: Dataset) -> Dataset:
    """An object without the moment of its making, which the library adds, and marked as one without dates."""
    for name in ("InstanceCreationDate", "InstanceCreationTime", "SeriesDate", "SeriesTime"):
        if name in made:
            delattr(made, name)
    made.LongitudinalTemporalInformationModified = "REMOVED"
    return made
