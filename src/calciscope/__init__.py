"""Calciscope answers one question about any calcification: is it serious?

``assess`` is the main job as a function, ``explain`` reads a report text, ``for_patient`` says an answer in plain
words, ``score`` gives the calcium scores of a mask; the types of their answers are in
:mod:`calciscope.domain.assessment`, :mod:`calciscope.domain.plain` and :mod:`calciscope.domain.scores`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from calciscope.domain.assessment import Assessment
    from calciscope.domain.patient import Patient
    from calciscope.domain.plain import PlainText
    from calciscope.domain.scores import LabelScores

__all__ = ["assess", "explain", "for_patient", "score"]


def assess(
    inputs: str | PathLike[str] | Sequence[str | PathLike[str]] = (),
    patient: str | PathLike[str] | Patient | None = None,
    anatomy: str | Sequence[str] = "embedded",
    preset: str = "standard",
    *,
    guidelines: str = "esc",
    corrections: str | PathLike[str] | None = None,
    knowledge: Sequence[str | PathLike[str]] = (),
    patient_id: str | None = None,
) -> Assessment:
    """Assess images, a patient file, or both, and return the answer.

    ``inputs`` are paths of DICOM folders or files, ZIPs, NIfTI, NRRD, MHA and reports of one patient; ``patient`` is
    the path of a patient file or a :class:`~calciscope.domain.patient.Patient`. The other arguments are the options of
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


def for_patient(assessment: Assessment, *, knowledge: Sequence[str | PathLike[str]] = ()) -> PlainText:
    """The same assessment in plain words, at a reading level of about US grade 8.

    ``knowledge`` are the folders that it was assessed with. The answer holds titled sections of sentences, each with
    the rules and sources that it rests on; ``report.plain`` writes it as text or as a page. Raises
    :class:`~calciscope.errors.KnowledgeError` where a folder cannot be used.
    """
    from calciscope.interpret import plain, rules

    return plain.for_patient(assessment, rules.load(tuple(Path(folder) for folder in knowledge)))


def explain(
    report: str | PathLike[str],
    patient: str | PathLike[str] | Patient | None = None,
    *,
    guidelines: str = "esc",
    knowledge: Sequence[str | PathLike[str]] = (),
) -> Assessment:
    """What a radiology report says of calcium, in ``mentions``, and what that means.

    ``report`` is the text itself as a string, or the path (a :class:`~pathlib.Path`) of a text file, a DICOM SR or a
    FHIR DiagnosticReport; ``patient`` is as in :func:`assess`. Raises :class:`~calciscope.errors.InputError` where the
    report cannot be read or is not English, or spaCy (``calciscope[text]``) is not installed.
    """
    from calciscope.explaining import Explainer, Options
    from calciscope.read.patient import read_patient
    from calciscope.read.text import of_text, read_report

    person = read_patient(Path(patient)) if isinstance(patient, (str, PathLike)) else None
    given = of_text(report) if isinstance(report, str) else read_report(Path(report))
    options = Options(guidelines=guidelines, knowledge=tuple(Path(folder) for folder in knowledge))
    if person is not None:
        return Explainer(options).explain(given, person.patient, person.refused)
    return Explainer(options).explain(given, None if isinstance(patient, (str, PathLike)) else patient)


@overload
def score(
    image: str | PathLike[str] | NDArray[Any],
    mask: str | PathLike[str] | NDArray[Any],
    spacing: Sequence[float] | NDArray[Any] | None = None,
    *,
    preset: str = "standard",
    names: Mapping[int, str] | str | PathLike[str] | None = None,
    kvp: float | None = None,
    contrast: str | None = None,
    slice_thickness: float | None = None,
    slice_axis: int | None = None,
    mass_factor: float | None = None,
    measures: str | Sequence[str] | None = None,
    intervals: bool | None = None,
) -> LabelScores: ...


@overload
def score(
    image: str | PathLike[str] | NDArray[Any],
    mask: str | PathLike[str] | NDArray[Any],
    spacing: Sequence[float] | NDArray[Any] | None = None,
    *,
    preset: list[str] | tuple[str, ...],
    names: Mapping[int, str] | str | PathLike[str] | None = None,
    kvp: float | None = None,
    contrast: str | None = None,
    slice_thickness: float | None = None,
    slice_axis: int | None = None,
    mass_factor: float | None = None,
    measures: str | Sequence[str] | None = None,
    intervals: bool | None = None,
) -> tuple[LabelScores, ...]: ...


def score(
    image: str | PathLike[str] | NDArray[Any],
    mask: str | PathLike[str] | NDArray[Any],
    spacing: Sequence[float] | NDArray[Any] | None = None,
    *,
    preset: str | list[str] | tuple[str, ...] = "standard",
    names: Mapping[int, str] | str | PathLike[str] | None = None,
    kvp: float | None = None,
    contrast: str | None = None,
    slice_thickness: float | None = None,
    slice_axis: int | None = None,
    mass_factor: float | None = None,
    measures: str | Sequence[str] | None = None,
    intervals: bool | None = None,
) -> LabelScores | tuple[LabelScores, ...]:
    """Calcium scores of every label of a mask and of all together: ``score(hu, mask, (3.0, 0.5, 0.5)).agatston``.

    Args:
        image: Hounsfield units ``(z, y, x)``, of any real type and layout; or the path of what :func:`assess` reads.
        mask: Labels of the same shape, whole numbers (0 is background) or flags; or the path of a NIfTI, NRRD,
            MetaImage or DICOM SEG on any grid.
        spacing: Distance of voxels ``(z, y, x)`` in mm, for arrays.
        preset: Name of the rules; of several names the result is a tuple with one entry each.
        names: Name of each label, as a mapping or the path of a CSV ``label,structure``; else its number is its name.
        kvp: Tube voltage in kV where the image does not say it; unknown it is taken as the preset's reference.
        contrast: ``none`` or ``given`` where the image does not say it.
        slice_thickness: Thickness of a slice in mm, for arrays; else it is that of the distance of slices.
        slice_axis: Array axis along which slices were acquired; else the one of the largest spacing, else the first.
        mass_factor: Hydroxyapatite mass of a HU, in mg/mm3/HU or mg/cm3/HU; else the file's, that of a phantom in the
            image, or the preset's.
        measures: Names of measures, or ``all``. By default agatston, volume and mass for arrays, all for paths.
        intervals: Whether measures carry their 95 % interval. By default for paths only.

    Agatston, volume and mass without intervals take one reading of the volume. Raises
    :class:`~calciscope.errors.InputError` where an array or option is wrong and
    :class:`~calciscope.errors.NothingToAssessError` where a file is.
    """
    import numpy as np

    from calciscope import scoring
    from calciscope.domain.image import Contrast
    from calciscope.domain.scores import SCORES
    from calciscope.errors import InputError

    paths = [Path(one) for one in (image, mask) if isinstance(one, (str, PathLike))]
    if len(paths) == 1:
        raise InputError("give image and mask both as paths or both as arrays")
    if contrast is not None and contrast not in tuple(Contrast):
        raise InputError(f"contrast is none, given or unknown, not {contrast!r}")
    chosen = measures if measures is not None else "all" if paths else SCORES
    options = scoring.Options(
        presets=(preset,) if isinstance(preset, str) else tuple(preset),
        names=Path(names) if isinstance(names, (str, PathLike)) else names,
        mass_factor=mass_factor,
        kvp=kvp,
        contrast=Contrast(contrast) if contrast is not None else None,
        measures=None if chosen == "all" else (chosen,) if isinstance(chosen, str) else tuple(chosen),
        intervals=bool(paths) if intervals is None else intervals,
    )
    if paths:
        if spacing is not None or slice_thickness is not None or slice_axis is not None:
            raise InputError("spacing, slice_thickness and slice_axis are for arrays; files say them themselves")
        found = scoring.score_files(paths[0], paths[1], options)
    elif spacing is None:
        raise InputError("give the spacing of the arrays, (z, y, x) in mm")
    else:
        hu, labels = np.asarray(image), np.asarray(mask)
        found = scoring.score_arrays(hu, labels, spacing, options, thickness=slice_thickness, axis=slice_axis)
    return found[0] if isinstance(preset, str) else found
