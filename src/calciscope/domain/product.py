"""How what Calciscope writes as DICOM is signed, and is known again."""

from __future__ import annotations

MANUFACTURER = "Calciscope contributors"
MODEL = "Calciscope"
OWN_RESULT = "a result that Calciscope wrote; results are made anew from the images"


def is_own(model: object, modality: object) -> bool:
    """Whether an object of this ``ManufacturerModelName`` and ``Modality`` is a result; a simulated CT is none."""
    return str(model or "") == MODEL and str(modality or "") != "CT"
