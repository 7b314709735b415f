"""Calciscope answers one question about any calcification: is it serious?

``assess`` is the main job as a function; the types of its answer are in :mod:`calciscope.domain.assessment`.
"""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from calciscope.domain.assessment import Assessment
    from calciscope.domain.patient import Patient

__all__ = ["assess"]


def assess(
    inputs: str | PathLike[str] | Sequence[str | PathLike[str]] = (),
    patient: str | PathLike[str] | Patient | None = None,
    anatomy: str = "embedded",
    preset: str = "standard",
    *,
    guidelines: str = "esc",
    corrections: str | PathLike[str] | None = None,
    knowledge: Sequence[str | PathLike[str]] = (),
    patient_id: str | None = None,
) -> Assessment:
    """Assess images, a patient file, or both, and return the answer.

    ``inputs`` are paths of DICOM folders or files, ZIPs, NIfTI, NRRD or MHA of one patient; ``patient`` is the path of
    a patient file or a :class:`~calciscope.domain.patient.Patient`. The other arguments are the options of
    ``calciscope assess``. Raises :class:`~calciscope.errors.NothingToAssessError` where nothing could be used and
    another :class:`~calciscope.errors.CalciscopeError` where an option is wrong.
    """
    from calciscope import pipeline

    given = [inputs] if isinstance(inputs, (str, PathLike)) else list(inputs)
    person = Path(patient) if isinstance(patient, (str, PathLike)) else patient
    options = pipeline.Options(
        anatomy=anatomy,
        preset=preset,
        guidelines=guidelines,
        corrections=Path(corrections) if corrections is not None else None,
        knowledge=tuple(Path(folder) for folder in knowledge),
        patient_id=patient_id,
    )
    return pipeline.assess([Path(item) for item in given], person, options).assessment
