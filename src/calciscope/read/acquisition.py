"""Header -> :class:`~calciscope.domain.image.Acquisition`: only what a measurement depends on."""

from __future__ import annotations

import re
from datetime import date

from pydicom.dataset import Dataset

from calciscope.domain.image import Acquisition, Contrast
from calciscope.read.identifiers import identifiers_of, without_names
from calciscope.read.kernels import kernel_is_sharp
from calciscope.read.tags import first_item, number, numbers, positive, text

LOSSY_SYNTAXES = frozenset(
    {
        "1.2.840.10008.1.2.4.50",  # JPEG baseline
        "1.2.840.10008.1.2.4.51",  # JPEG extended
        "1.2.840.10008.1.2.4.81",  # JPEG-LS near-lossless
    }
)
# When a scan was made, the most exact first.
DATES = ("AcquisitionDate", "SeriesDate", "StudyDate")
_TIN = re.compile(r"\b(?:tin|sn)\b|(?<=\d)\s?sn\b|\bsn(?=\d)", re.IGNORECASE)
# What protocols and descriptions call a scan without or with intravenous contrast.
_WITHOUT = re.compile(
    r"non[- _]?con|w/o|\bwo\b|\bwithout\b|un-?enhanced|non[- _]?enhanced|\bplain\b|\bnative?\b|\bohne\b"
    r"|\bsans\b|\bsin c"
    r"|ca(?:lcium)?[- _]?scor|\bcacs?\b|\bc-(?![a-z])|\bsmartscore",
    re.IGNORECASE,
)
_WITH = re.compile(
    r"(?<![a-z])ce(?![a-z])|with c|\bw/\s?(?:iv|c)|\bc\+|post[- _]?con|(?<!non)[-_ ]enhanced|^enhanced"
    r"|arterial|portal|venous|angio"
    r"|\bcta\b|\bmit km\b|\biv\b(?! ?-)|\burogra|delayed|\bcontrast\b",
    re.IGNORECASE,
)
_NO_AGENT = re.compile(r"^(?:no(?:ne)?|n|nein|without|w/o|0|non[- ]contrast|no (?:iv )?contrast)\b.*$", re.IGNORECASE)
_NOT_IN_VEIN = re.compile(r"oral|rectal|intrathecal|intra-?articular|\bpo\b", re.IGNORECASE)


def contrast_of(agent: str, route: str, words: str) -> tuple[Contrast, str | None]:
    """What the header says of intravenous contrast, and a note where it contradicts itself.

    ``agent`` and ``route`` are ContrastBolusAgent and ContrastBolusRoute, ``words`` the descriptions. An absent agent
    means nothing: many scanners never fill it in.
    """
    without, given = bool(_WITHOUT.search(words)), False
    if not without:
        given = bool(_WITH.search(words))
    if agent and _NO_AGENT.match(agent):
        without, agent = True, ""
    if agent and _NOT_IN_VEIN.search(f"{agent} {route}"):
        return (
            Contrast.NONE if without else Contrast.UNKNOWN
        ), "the header names contrast that was not given into a vein"
    if agent and without:
        return Contrast.UNKNOWN, "the header names a contrast agent but its description says without contrast"
    if agent or given:
        return Contrast.GIVEN, None
    return (Contrast.NONE if without else Contrast.UNKNOWN), None


def _agent(header: Dataset) -> str:
    agent = text(header, "ContrastBolusAgent")
    item = first_item(header, "ContrastBolusAgentSequence")
    if not agent and item is not None:
        agent = text(item, "CodeMeaning")
    return agent


def acquisition_of(header: Dataset, groups: dict[str, Dataset], syntax: str) -> Acquisition:
    """The acquisition of one slice; ``groups`` are the functional groups of an enhanced image by their keyword."""
    recon = groups.get("CTReconstructionSequence", header)
    xray = groups.get("CTXRayDetailsSequence", header)
    measures = groups.get("PixelMeasuresSequence", header)
    description = text(header, "SeriesDescription")
    protocol = text(header, "ProtocolName")
    contrast, remark = contrast_of(_agent(header), text(header, "ContrastBolusRoute"), f"{description} {protocol}")
    kernel = text(recon, "ConvolutionKernel")
    filters = f"{text(xray, 'FilterType')} {text(xray, 'FilterMaterial')}"
    thickness = positive(measures, "SliceThickness")
    ratios = numbers(header, "LossyImageCompressionRatio")
    field = positive(recon, "ReconstructionDiameter")
    body = groups.get("FrameAnatomySequence")
    region = first_item(body, "AnatomicRegionSequence") if body is not None else None
    return Acquisition(
        day=day_of(header),
        kvp=positive(xray, "KVP"),
        tin_filter=bool(
            _TIN.search(filters) or re.search(r"\bsn\s?\d|\dsn\b|\btin\b", f"{kernel} {description}", re.IGNORECASE)
        ),
        kernel=kernel or None,
        sharp_kernel=kernel_is_sharp(text(header, "Manufacturer"), kernel),
        slice_thickness=thickness,
        contrast=contrast,
        lossy=text(header, "LossyImageCompression") == "01" or syntax in LOSSY_SYNTAXES,
        lossy_ratio=max(ratios) if ratios else None,
        manufacturer=text(header, "Manufacturer") or None,
        model=text(header, "ManufacturerModelName") or None,
        body_part=text(header, "BodyPartExamined")
        or (text(region, "CodeMeaning") if region is not None else "")
        or None,
        description=without_names(description, *identifiers_of(header)) or None,
        field_of_view=field,
        gated=gated_of(header, groups),
        mass_factors=_mass_factors(xray, header),
        notes=(remark,) if remark else (),
    )


def day_of(header: Dataset) -> date | None:
    """The day of an image, or ``None`` where its header gives no date."""
    for keyword in DATES:
        digits = re.sub(r"\D", "", text(header, keyword))[:8]
        try:
            return date(int(digits[:4]), int(digits[4:6]), int(digits[6:8]))
        except ValueError:
            continue
    return None


def gated_of(header: Dataset, groups: dict[str, Dataset]) -> bool | None:
    """Whether the ECG triggered the scan or chose its phase, ``None`` where no element tells.

    CardiacSynchronizationTechnique speaks for itself; without it a phase, a trigger time or a heart rate do.
    """
    cardiac = groups.get("CardiacSynchronizationSequence", header)
    technique = text(header, "CardiacSynchronizationTechnique").upper()
    if technique:
        return technique != "NONE"
    # A phase of 0 % is one; a time or rate of 0 is what scanners write where there was none.
    phase = any(number(where, "NominalPercentageOfCardiacPhase") is not None for where in (cardiac, header))
    return True if phase or positive(header, "TriggerTime") or positive(header, "HeartRate") else None


def _mass_factors(xray: Dataset, header: Dataset) -> tuple[float, ...]:
    """Calcium scoring mass factors, mg/cm3/HU: the patient's, else the device's for small, middle and large patients.

    An enhanced image holds them among the X-ray details of its frames, any other among its own elements.
    """
    names = ("CalciumScoringMassFactorPatient", "CalciumScoringMassFactorDevice")
    return next((found for name in names for where in (xray, header) if (found := numbers(where, name))), ())


def rescale_of(header: Dataset, groups: dict[str, Dataset]) -> tuple[float, float, str, bool]:
    """Slope, intercept, the unit as stated, and whether both were there."""
    values = groups.get("PixelValueTransformationSequence", header)
    slope, intercept = number(values, "RescaleSlope"), number(values, "RescaleIntercept")
    unit = text(values, "RescaleType").upper()
    return slope or 1.0, intercept or 0.0, unit, slope is not None and intercept is not None
