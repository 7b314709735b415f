"""The PDF report as Encapsulated PDF (PS3.3 A.45.1), and how any object of ours begins."""

from __future__ import annotations

from collections.abc import Sequence

from highdicom.base import SOPClass
from pydicom.dataset import Dataset
from pydicom.uid import EncapsulatedPDFStorage, ExplicitVRLittleEndian

from calciscope.domain import product
from calciscope.domain.assessment import Assessment
from calciscope.report.dicom import study
from calciscope.report.dicom.study import Stamp


def write(pdf: bytes, assessment: Assessment, headers: Sequence[Dataset], stamp: Stamp) -> Dataset:
    """The PDF as an instance of a new series in the study of ``headers``."""
    source = study.completed(headers[:1])[0]
    made = SOPClass(
        study_instance_uid=source.StudyInstanceUID,
        series_instance_uid=stamp.uid("pdf", "series"),
        series_number=study.SERIES_NUMBERS["pdf"],
        sop_instance_uid=stamp.uid("pdf"),
        sop_class_uid=EncapsulatedPDFStorage,
        instance_number=1,
        modality="DOC",
        manufacturer=product.MANUFACTURER,
        manufacturer_model_name=product.MODEL,
        software_versions=assessment.provenance.calciscope,
        device_serial_number=study.SERIAL,
        transfer_syntax_uid=ExplicitVRLittleEndian,
        patient_id=source.PatientID,
        patient_name=source.PatientName,
        patient_birth_date=source.PatientBirthDate,
        patient_sex=source.PatientSex,
        accession_number=source.AccessionNumber,
        study_id=source.StudyID,
        study_date=source.StudyDate or None,
        study_time=source.StudyTime or None,
        referring_physician_name=source.ReferringPhysicianName,
        series_description="Calciscope report (PDF)",
        specific_character_set=study.characters("", headers),
        content_date=stamp.created.date(),
        content_time=stamp.created.time(),
    )
    made.copy_patient_and_study_information(source)
    made.ConversionType = "SYN"
    made.BurnedInAnnotation = "NO"
    made.AcquisitionDateTime = ""
    made.DocumentTitle = "Calciscope report"
    made.ConceptNameCodeSequence = []
    made.MIMETypeOfEncapsulatedDocument = "application/pdf"
    made.EncapsulatedDocumentLength = len(pdf)
    made.EncapsulatedDocument = pdf + b"\0" * (len(pdf) % 2)
    made["EncapsulatedDocument"].VR = "OB"
    return made
