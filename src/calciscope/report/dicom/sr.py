"""DICOM structured report: TID 1500 Measurement Report with a measurement group a finding (PS3.16 annex A).

Numbers leave unrounded (the floating point value of PS3.3 C.18.1 stands beside the decimal string of 16 characters). A
measure that was refused has no number: a comment says why.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from highdicom.sr import (
    AlgorithmIdentification,
    CodeContentItem,
    CodedConcept,
    Comprehensive3DSR,
    ContainerContentItem,
    ContentSequence,
    DeviceObserverIdentifyingAttributes,
    FindingSite,
    Measurement,
    MeasurementProperties,
    MeasurementReport,
    MeasurementsAndQualitativeEvaluations,
    NumContentItem,
    ObservationContext,
    ObserverContext,
    QualitativeEvaluation,
    ReferencedSegment,
    RelationshipTypeValues,
    TextContentItem,
    TrackingIdentifier,
    VolumetricROIMeasurementsAndQualitativeEvaluations,
)
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items
from pydicom.sr.codedict import codes as dictionary

from calciscope.domain import product
from calciscope.domain import site as sites
from calciscope.domain.assessment import Assessment, Finding, Measure, Validity
from calciscope.report import text
from calciscope.report.dicom import codes, study
from calciscope.report.dicom.seg import Segments
from calciscope.report.dicom.study import Stamp

Group = MeasurementsAndQualitativeEvaluations | VolumetricROIMeasurementsAndQualitativeEvaluations
# Findings whose score DICOM has a template for (PS3.16 TID 3905 Calcium Scoring).
_SCORED = ("artery.coronary", "heart.aortic_valve", "heart.mitral_annulus", "heart.mitral_valve")
# Keys of a reason's inputs that DICOM has codes for.
_DESCRIBED = ("morphology", "distribution")
_CONTAINS = RelationshipTypeValues.CONTAINS


def write(
    assessment: Assessment,
    headers: Sequence[Dataset],
    segments: Sequence[Segments],
    stamp: Stamp,
    threshold_hu: float | None = None,
) -> Comprehensive3DSR:
    """The report of an assessment.

    ``headers`` are those of the slices that were assessed, with what :func:`study.missing` asks for; ``segments`` the
    segmentations made of them. ``threshold_hu`` is the attenuation from which the Agatston score counted, where all
    scores share one.
    """
    evidence = [*study.completed(headers), *(one.image for one in segments)]
    algorithm = _algorithm(assessment)
    version = assessment.provenance.calciscope
    groups = [
        group for finding in assessment.findings for group in _groups(finding, segments, algorithm, version, stamp)
    ]
    observer = ObserverContext(
        observer_type=dictionary.DCM.Device,
        observer_identifying_attributes=DeviceObserverIdentifyingAttributes(
            uid=study.uid_of("device", assessment.provenance.calciscope),
            name="Calciscope",
            manufacturer_name=product.MANUFACTURER,
            model_name=product.MODEL,
            serial_number=study.SERIAL,
        ),
    )
    report = MeasurementReport(
        observation_context=ObservationContext(observer_device_context=observer),
        procedure_reported=codes.item("procedure"),
        imaging_measurements=groups,
        title=dictionary.DCM.ImagingMeasurementReport,
    )
    root = report[0].ContentSequence
    scoring = _scoring(assessment, threshold_hu)
    if scoring is not None:
        root.append(scoring)
    root.append(_text("answer", assessment.answer))
    for advice in assessment.advice:
        where = f"{sites.label(advice.site)}: " if advice.site else ""
        root.append(_text("advice", f"{where}{advice.text} [{advice.source}]"))
    for unknown in assessment.unknowns:
        root.append(_text("comment", f"Not known: {unknown.input}: {unknown.would_change}"))
    root.append(_text("comment", assessment.disclaimer))
    return Comprehensive3DSR(
        evidence=evidence,
        content=report[0],
        series_instance_uid=stamp.uid("sr", "series"),
        series_number=study.SERIES_NUMBERS["sr"],
        sop_instance_uid=stamp.uid("sr"),
        instance_number=1,
        manufacturer=product.MANUFACTURER,
        manufacturer_model_name=product.MODEL,
        software_versions=assessment.provenance.calciscope,
        device_serial_number=study.SERIAL,
        is_complete=True,
        is_final=False,
        is_verified=False,
        series_description="Calciscope report",
        specific_character_set=study.characters(assessment.model_dump_json(), headers),
        content_date=stamp.created.date(),
        content_time=stamp.created.time(),
        coding_schemes=[codes.scheme()],
    )


def _algorithm(assessment: Assessment, *parameters: str) -> AlgorithmIdentification:
    provenance = assessment.provenance
    return AlgorithmIdentification(
        name="Calciscope",
        version=provenance.calciscope,
        parameters=[f"anatomy: {provenance.anatomy}", f"guidelines: {provenance.guidelines}", *parameters],
    )


def _groups(
    finding: Finding,
    segments: Sequence[Segments],
    algorithm: AlgorithmIdentification,
    version: str,
    stamp: Stamp,
) -> Iterator[Group]:
    """The group of a finding; one more for every further series that it has a segment in, without numbers."""
    place, side = codes.place(finding.site)
    shared: dict[str, Any] = {
        "tracking_identifier": TrackingIdentifier(
            uid=stamp.uid("track", finding.site), identifier=f"Calciscope {finding.site}"
        ),
        "finding_type": codes.type_of(finding.site),
        "finding_category": codes.category(),
        "finding_sites": [FindingSite(anatomic_location=place, laterality=side)],
        "algorithm_id": algorithm,
    }
    numbers = [
        one for name, measure in finding.measures.items() for one in _measurement(name, measure, finding, version)
    ]
    said: dict[str, Any] = {"measurements": numbers, "qualitative_evaluations": list(_evaluations(finding))}
    holding = [one for one in segments if finding.site in one.numbers]
    if not holding:
        yield _commented(MeasurementsAndQualitativeEvaluations(**shared, **said), finding)
    for first, one in enumerate(holding):
        referenced = ReferencedSegment.from_segmentation(one.image, segment_number=one.numbers[finding.site])
        more: dict[str, Any] = {} if first else said
        yield _commented(
            VolumetricROIMeasurementsAndQualitativeEvaluations(referenced_segment=referenced, **shared, **more),
            finding if not first else None,
        )


def _measurement(name: str, measure: Measure, finding: Finding, version: str) -> Iterator[Measurement]:
    if measure.value is None:
        return
    concept = codes.measure(name, finding.site, text.name(name))
    properties = None if measure.interval is None else _uncertainty(measure.value, measure.interval, measure.unit)
    parameters = [f"method: {measure.method}"]
    if measure.preset:
        parameters.append(f"preset: {measure.preset}")
    yield Measurement(
        name=concept.name,
        value=float(measure.value),
        unit=codes.unit(measure.unit),
        qualifier=codes.value("validity", measure.validity.value),
        algorithm_id=AlgorithmIdentification(name="Calciscope", version=version, parameters=parameters),
        derivation=concept.derivation,
        finding_sites=[FindingSite(anatomic_location=concept.site)] if concept.site is not None else None,
        method=concept.method,
        properties=properties,
    )


def _uncertainty(value: float, interval: tuple[float, float], unit: str) -> MeasurementProperties:
    """How far the 95 % interval reaches to either side of a value (PS3.16 TID 310)."""
    low, high = interval
    made = MeasurementProperties(lower_measurement_uncertainty=value - low, upper_measurement_uncertainty=high - value)
    for item in made:
        # The library gives these no unit; TID 310 has that of the measurement.
        item.MeasuredValueSequence[0].MeasurementUnitsCodeSequence = Items([codes.unit(unit)])
    return made


def _evaluations(finding: Finding) -> Iterator[QualitativeEvaluation]:
    """Kind and seriousness, and of breast calcification its type and distribution (CID 6010 and 6012)."""
    for name, group, judged in (
        ("kind", "kinds", finding.kind.value),
        ("seriousness", "levels", finding.seriousness.value),
    ):
        found = codes.value(group, judged) if judged else None
        if found is not None:
            yield QualitativeEvaluation(name=codes.evaluation(name), value=found)
    if sites.within(finding.site, "breast"):
        for name in _DESCRIBED:
            words = _seen(finding, name)
            for found in filter(None, (codes.value(name, word) for word in words)):
                yield QualitativeEvaluation(name=codes.evaluation(name), value=found)
    presets = dict.fromkeys(one.preset for one in finding.measures.values() if one.preset and one.value is not None)
    for preset in presets:
        yield QualitativeEvaluation(name=codes.item("preset"), value=codes.own(f"P-{preset}", f"Preset {preset}"))


def _seen(finding: Finding, key: str) -> tuple[str, ...]:
    """The words under a key that the rules about a finding saw."""
    found: dict[str, None] = {}
    for reason in (*finding.kind.reasons, *finding.seriousness.reasons):
        value = reason.inputs.get(key)
        for word in [value] if isinstance(value, str) else value if isinstance(value, list) else []:
            found[word] = None
    return tuple(found)


def _commented(group: Group, finding: Finding | None) -> Group:
    """The group with what no number says: why it is judged so, what was refused or adjusted, and the next step."""
    if finding is None:
        return group
    items = group[0].ContentSequence
    if finding.stated:
        items.append(_text("comment", "Stated by a person or another system, not measured here"))
    if finding.review:
        items.append(_text("comment", "Two readings stand close: to be reviewed"))
    for name, measure in finding.measures.items():
        if measure.validity is not Validity.VALID:
            why = f": {measure.why}" if measure.why else ""
            items.append(_text("comment", f"{text.name(name)} {measure.validity.value}{why}"))
        if measure.category:
            items.append(_text("comment", f"{text.name(name)}: category {measure.category}"))
    for judged, of in (("kind", finding.kind), ("seriousness", finding.seriousness)):
        for reason in of.reasons:
            mark = "" if reason.status == "current" else f" ({reason.status})"
            items.append(_text("comment", f"{judged.capitalize()}: {reason.statement} [{reason.source}]{mark}"))
    for advice in finding.advice:
        items.append(_text("advice", f"{advice.text} [{advice.source}]"))
    return group


def _scoring(assessment: Assessment, threshold_hu: float | None) -> ContainerContentItem | None:
    """The calcium scoring analysis of coronary arteries and valves (TID 3905), ``None`` where none was scored."""
    rows = [
        (finding, name, measure)
        for finding in assessment.findings
        if any(sites.within(finding.site, one) for one in _SCORED)
        for name, measure in finding.measures.items()
        if name in ("agatston", "volume", "mass") and measure.value is not None
    ]
    if not rows:
        return None
    container = ContainerContentItem(name=codes.item("scoring"), relationship_type=_CONTAINS)
    content = ContentSequence()
    if threshold_hu is not None:
        content.append(
            NumContentItem(codes.item("threshold"), float(threshold_hu), codes.unit("[hnsf'U]"), None, _CONTAINS)
        )
    calibrations = dict.fromkeys(measure.method for _, name, measure in rows if name == "mass")
    for method in calibrations:
        content.append(_text("calibration", method))
    for finding, name, measure in rows:
        content.append(_score(finding, name, measure))
    container.ContentSequence = content
    return container


def _score(finding: Finding, name: str, measure: Measure) -> NumContentItem:
    concept = codes.measure(name, finding.site, text.name(name))
    place, side = codes.place(finding.site)
    qualifier = codes.value("validity", measure.validity.value)
    score = NumContentItem(concept.name, float(measure.value or 0.0), codes.unit(measure.unit), qualifier, _CONTAINS)
    modifiers: Mapping[CodedConcept, CodedConcept | None] = {
        dictionary.SCT.MeasurementMethod: concept.method,
        dictionary.SCT.FindingSite: place,
    }
    items = ContentSequence()
    for concept_name, value in modifiers.items():
        if value is not None:
            items.append(CodeContentItem(concept_name, value, RelationshipTypeValues.HAS_CONCEPT_MOD))
    if side is not None:
        items[-1].ContentSequence = ContentSequence(
            [CodeContentItem(dictionary.SCT.Laterality, side, RelationshipTypeValues.HAS_CONCEPT_MOD)]
        )
    score.ContentSequence = items
    return score


def _text(item: str, value: str) -> TextContentItem:
    return TextContentItem(name=codes.item(item), value=value, relationship_type=_CONTAINS)
