"""Everything that leaves, under a pseudonym: the basic profile of DICOM PS3.15 annex E.

The objects take all that they say of a person from the headers of the source, so these are cleaned before anything is
written: an attribute stays only where an object needs it, with the action of table E.1-1 (Z emptied, D a dummy, U a UID
of its own, X left out). UIDs are made anew with a secret of the run, so that nobody who holds the source can tell which
study it was, and stay consistent among the objects of the run.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items
from pydicom.uid import UID

from calciscope.domain.assessment import Assessment
from calciscope.domain.origin import Origin
from calciscope.report.dicom.study import Imaged, Stamp, uid_of

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
# The profile keeps no date: what must have one has this.
_NO_DAY = datetime(1900, 1, 1)
_YEAR = re.compile(r"\b(?:19|20)\d\d(?:-\d\d(?:-\d\d)?)?\b")
_OLDEST = 90.0


@dataclass(frozen=True, slots=True)
class Pseudonym:
    """The name that everything carries, and the secret of the run, which is forgotten with it."""

    name: str
    secret: bytes

    def uid(self, given: str) -> UID:
        """A UID in place of one of the source, the same for the same."""
        return uid_of(hmac.new(self.secret, given.encode(), hashlib.sha256).hexdigest())


def header(source: Dataset, pseudonym: Pseudonym) -> Dataset:
    """A header without anything that says whose it is."""
    made = Dataset()
    for name in _KEPT:
        if name in source:
            made[name] = source[name]
    for name in _UIDS:
        if source.get(name):
            setattr(made, name, pseudonym.uid(str(source[name].value)))
    for name in _EMPTIED:
        setattr(made, name, "")
    for name in _NAMED:
        setattr(made, name, pseudonym.name)
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


def series(seen: Sequence[Imaged], pseudonym: Pseudonym) -> tuple[Imaged, ...]:
    """The series with cleaned headers and a label of their own."""
    return tuple(
        replace(
            one,
            origin=None if one.origin is None else _origin(one.origin, pseudonym),
            label=_label(number),
        )
        for number, one in enumerate(seen, 1)
    )


def _origin(origin: Origin, pseudonym: Pseudonym) -> Origin:
    return replace(origin, headers=tuple(header(one, pseudonym) for one in origin.headers))


def _label(number: int) -> str:
    return f"series {number}"


def stamp(assessment: Assessment, pseudonym: Pseudonym) -> Stamp:
    """Names of the objects that nobody without the secret can make from the source, and no date."""
    key = hmac.new(pseudonym.secret, Stamp.of(assessment).key.encode(), hashlib.sha256).hexdigest()
    return Stamp(key, _NO_DAY)


def assessment(given: Assessment, pseudonym: Pseudonym) -> Assessment:
    """The assessment without names of files and persons, labels, digests and dates.

    Ages of 90 and above become 90; years are taken out of what the history states.
    """
    labels = {one.label: _label(number) for number, one in enumerate(given.acquisition, 1)}
    inputs = {one.input for one in given.refused} - set(labels)
    names = {name: f"input {number}" for number, name in enumerate(sorted(inputs), 1)}
    # A longer text first: one name may be part of another.
    told = sorted({**labels, **names}.items(), key=lambda pair: -len(pair[0]))

    def cleaned(text: str) -> str:
        for name, other in told:
            text = text.replace(name, other)
        return text

    data = _each(given.model_dump(mode="json"), cleaned)
    for one in data["acquisition"]:
        one["date"] = None
        one["notes"] = []
    for finding in data["findings"]:
        for record in finding["deposits"]:
            _unsigned(record)
        for judged in (finding["kind"], finding["seriousness"]):
            for reason in judged["reasons"]:
                reason["inputs"] = {key: _dateless(key, value) for key, value in reason["inputs"].items()}
    for record in data["rejected"]:
        _unsigned(record)
    provenance = data["provenance"]
    provenance["inputs"] = {}
    provenance["created"] = f"{_NO_DAY.isoformat()}+00:00"
    provenance["corrections"] = [{**one, "by": "a person", "why": None} for one in provenance["corrections"]]
    return Assessment.model_validate(data)


def _unsigned(record: dict[str, Any]) -> None:
    if record["placed_by"] is not None:
        record["placed_by"] = "a person"


def _dateless(key: str, value: Any) -> Any:
    if isinstance(value, str):
        return _YEAR.sub("", value).strip()
    if isinstance(value, list):
        return [_YEAR.sub("", one).strip() for one in value]
    if key == "age" and isinstance(value, float):
        return min(value, _OLDEST)
    return value


def _each(node: Any, change: Callable[[str], str]) -> Any:
    """The same data with every text changed; keys stay."""
    if isinstance(node, str):
        return change(node)
    if isinstance(node, list):
        return [_each(one, change) for one in node]
    if isinstance(node, dict):
        return {key: _each(value, change) for key, value in node.items()}
    return node


def sealed(made: Dataset) -> Dataset:
    """An object without the moment of its making, which the library adds, and marked as one without dates."""
    for name in ("InstanceCreationDate", "InstanceCreationTime", "SeriesDate", "SeriesTime"):
        if name in made:
            delattr(made, name)
    made.LongitudinalTemporalInformationModified = "REMOVED"
    return made
