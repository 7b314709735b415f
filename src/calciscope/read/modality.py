"""What is not a CT image, by its name, so that a refusal says what was given."""

from __future__ import annotations

from calciscope.domain import product

_NAMES = {
    "MG": "mammograms",
    "CR": "radiographs",
    "DX": "radiographs",
    "RG": "radiographs",
    "PX": "dental panoramic radiographs",
    "IO": "dental radiographs",
    "MR": "MR images",
    "US": "ultrasound images",
    "IVUS": "intravascular ultrasound images",
    "PT": "PET images",
    "NM": "nuclear medicine images",
    "XA": "angiograms",
    "RF": "fluoroscopy images",
    "BMD": "bone densitometry images",
    "OCT": "optical coherence tomograms",
    "OPT": "optical coherence tomograms",
    "OP": "ophthalmic photographs",
    "ES": "endoscopy images",
    "GM": "microscopy images",
    "SM": "slide microscopy images",
    "XC": "photographs",
    "ECG": "electrocardiograms",
    "SC": "secondary captures",
    "OT": "images of another modality",
    "SR": "structured reports",
    "DOC": "encapsulated documents",
    "SEG": "segmentations",
    "RTSTRUCT": "radiotherapy structures",
    "RTDOSE": "radiotherapy doses",
    "RTPLAN": "radiotherapy plans",
    "RTRECORD": "radiotherapy records",
    "RTIMAGE": "radiotherapy images",
    "REG": "registrations",
    "PR": "presentation states",
    "KO": "key object selections",
    "FID": "fiducials",
    "RWV": "real world value maps",
    "M3D": "printing models",
    "SMR": "stereometric relationships",
}

# Storage classes (DICOM PS3.6) that speak for themselves where Modality is missing.
_CLASSES = {
    "1.2.840.10008.5.1.4.1.1.2": "CT",
    "1.2.840.10008.5.1.4.1.1.2.1": "CT",
    "1.2.840.10008.5.1.4.1.1.2.2": "CT",
    "1.2.840.10008.5.1.4.1.1.1": "CR",
    "1.2.840.10008.5.1.4.1.1.1.1": "DX",
    "1.2.840.10008.5.1.4.1.1.1.2": "MG",
    "1.2.840.10008.5.1.4.1.1.13.1.3": "MG",
    "1.2.840.10008.5.1.4.1.1.4": "MR",
    "1.2.840.10008.5.1.4.1.1.4.1": "MR",
    "1.2.840.10008.5.1.4.1.1.6.1": "US",
    "1.2.840.10008.5.1.4.1.1.3.1": "US",
    "1.2.840.10008.5.1.4.1.1.7": "SC",
    "1.2.840.10008.5.1.4.1.1.12.1": "XA",
    "1.2.840.10008.5.1.4.1.1.20": "NM",
    "1.2.840.10008.5.1.4.1.1.128": "PT",
    "1.2.840.10008.5.1.4.1.1.66.4": "SEG",
    "1.2.840.10008.5.1.4.1.1.66.7": "SEG",
    "1.2.840.10008.5.1.4.1.1.481.3": "RTSTRUCT",
}
_SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"


def modality_of(modality: str, storage_class: str) -> str:
    """The modality: as stated, else as the storage class says, else an empty string."""
    if storage_class.startswith(_SECONDARY_CAPTURE) and modality in ("", "CT"):
        return "SC"
    return modality or _CLASSES.get(storage_class, "")


def name_of(modality: str) -> str:
    """What a person calls images of a modality."""
    return "CT images" if modality == "CT" else _NAMES.get(modality, "something else")


def why_not(modality: str, model: str = "") -> str | None:
    """Why images of a modality and a maker's model are not read, in one line, or ``None`` for CT."""
    if modality == "CT":
        return None
    if product.is_own(model, modality):
        return product.OWN_RESULT
    if not modality:
        return "the file does not say of which modality it is; give the CT series as the scanner wrote it"
    name = _NAMES.get(modality)
    if name is None:
        return f"images of modality {modality[:16]} are not supported yet; give a CT series"
    return f"{name} ({modality}) are not supported yet; give a CT series"
