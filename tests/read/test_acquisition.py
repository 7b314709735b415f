"""What the header says of how a scan was made."""

import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from calciscope.domain.image import Contrast
from calciscope.read.acquisition import acquisition_of, contrast_of, gated_of, rescale_of, without_names

EXPLICIT = "1.2.840.10008.1.2.1"


def header(**values):
    ds = Dataset()
    for key, value in values.items():
        setattr(ds, key, value)
    return ds


@pytest.mark.parametrize(
    ("agent", "words", "contrast"),
    [
        ("", "", Contrast.UNKNOWN),
        ("", "Chest 3.0 B40f", Contrast.UNKNOWN),
        ("OMNIPAQUE 350", "Chest", Contrast.GIVEN),
        ("CE", ",CE,Axial,3.0,,WITH CE,", Contrast.GIVEN),
        ("APPLIED", "CT Body 3.0", Contrast.GIVEN),
        ("", "ABD PORTAL VENOUS", Contrast.GIVEN),
        ("", "CTA heart", Contrast.GIVEN),
        ("", "Thorax mit KM", Contrast.GIVEN),
        ("", "CHEST C+", Contrast.GIVEN),
        ("", "post contrast 2 mm", Contrast.GIVEN),
        ("", "contrast-enhanced", Contrast.GIVEN),
        ("", "CaScore 3.0 Sa36f", Contrast.NONE),
        ("", "Calcium Scoring", Contrast.NONE),
        ("", "Thorax nativ", Contrast.NONE),
        ("", "ABD W/O", Contrast.NONE),
        ("", "KUB without contrast", Contrast.NONE),
        ("", "non-contrast head", Contrast.NONE),
        ("", "NON CON", Contrast.NONE),
        ("", "unenhanced", Contrast.NONE),
        ("NONE", "Chest", Contrast.NONE),
        ("No contrast", "", Contrast.NONE),
        ("", "service", Contrast.UNKNOWN),
        ("", "Face", Contrast.UNKNOWN),
    ],
)
def test_contrast(agent, words, contrast):
    assert contrast_of(agent, "", words) == (contrast, None)


def test_contrast_that_contradicts_itself_is_unknown():
    contrast, note = contrast_of("OMNIPAQUE", "", "Abd w/o")
    assert contrast is Contrast.UNKNOWN
    assert "without contrast" in note


@pytest.mark.parametrize(("agent", "route"), [("ORAL", ""), ("Gastrografin", "ORAL"), ("BARIUM ORAL", "")])
def test_oral_contrast_is_not_in_the_blood(agent, route):
    contrast, note = contrast_of(agent, route, "Abdomen")
    assert contrast is Contrast.UNKNOWN
    assert "not given into a vein" in note


def test_agent_of_an_enhanced_image():
    ds = header(ContrastBolusAgentSequence=Sequence([header(CodeMeaning="Iohexol")]))
    assert acquisition_of(ds, {}, EXPLICIT).contrast is Contrast.GIVEN


def test_plain_values():
    ds = header(
        KVP="120",
        ConvolutionKernel=["Br38f", "3"],
        SliceThickness="3.0",
        ReconstructionDiameter="250",
        Manufacturer="SIEMENS",
        ManufacturerModelName="Force",
        BodyPartExamined="HEART",
        SeriesDescription="CaSc 3.0",
        CalciumScoringMassFactorDevice=[0.71, 0.72, 0.73],
    )
    a = acquisition_of(ds, {}, EXPLICIT)
    assert (a.kvp, a.kernel, a.slice_thickness, a.field_of_view) == (120, "Br38f/3", 3, 250)
    assert (a.manufacturer, a.model, a.body_part, a.description) == ("SIEMENS", "Force", "HEART", "CaSc 3.0")
    assert a.mass_factors == pytest.approx((0.71, 0.72, 0.73))
    assert not a.lossy
    assert not a.tin_filter


def test_zero_and_nonsense_are_not_known():
    a = acquisition_of(header(KVP="0", SliceThickness="0"), {}, EXPLICIT)
    assert (a.kvp, a.slice_thickness, a.kernel, a.field_of_view, a.mass_factors) == (None, None, None, None, ())
    ds = header(KVP="120")
    ds["KVP"]._value = "about 120"
    assert acquisition_of(ds, {}, EXPLICIT).kvp is None


@pytest.mark.parametrize(
    ("values", "tin"),
    [
        ({"FilterMaterial": "TIN"}, True),
        ({"FilterType": "Sn"}, True),
        ({"SeriesDescription": "CaSc Sn100 3.0"}, True),
        ({"SeriesDescription": "Thorax 100Sn"}, True),
        ({"FilterType": "WEDGE_3"}, False),
        ({"SeriesDescription": "Routine"}, False),
    ],
)
def test_tin_filter(values, tin):
    assert acquisition_of(header(**values), {}, EXPLICIT).tin_filter is tin


@pytest.mark.parametrize(
    ("values", "syntax", "lossy"),
    [
        ({}, EXPLICIT, False),
        ({"LossyImageCompression": "00"}, EXPLICIT, False),
        ({"LossyImageCompression": "01"}, EXPLICIT, True),
        ({}, "1.2.840.10008.1.2.4.51", True),
        ({}, "1.2.840.10008.1.2.4.81", True),
        ({}, "1.2.840.10008.1.2.4.90", False),
        ({}, "1.2.840.10008.1.2.4.91", False),
    ],
)
def test_lossy_compression(values, syntax, lossy):
    assert acquisition_of(header(**values), {}, syntax).lossy is lossy


def test_the_highest_ratio_of_repeated_compression_counts():
    ds = header(LossyImageCompression="01", LossyImageCompressionRatio=[8.0, 15.0])
    assert acquisition_of(ds, {}, EXPLICIT).lossy_ratio == 15


@pytest.mark.parametrize(
    ("description", "identifiers", "left"),
    [
        ("Chest 3.0", ("Doe^Jane", "77"), "Chest 3.0"),
        ("Chest DOE 3.0", ("Doe^Jane", ""), "Chest  3.0"),
        ("STS_007_CT", ("", "STS_007"), ""),
        ("Chest", ("", ""), "Chest"),
    ],
)
def test_names_are_taken_out_of_descriptions(description, identifiers, left):
    assert without_names(description, *identifiers) == left


def test_rescale():
    assert rescale_of(header(RescaleSlope="0.5", RescaleIntercept="-1000", RescaleType="HU"), {}) == (
        0.5,
        -1000,
        "HU",
        True,
    )
    assert rescale_of(header(), {}) == (1.0, 0.0, "", False)
    values = header(RescaleSlope="2", RescaleIntercept="1")
    assert rescale_of(header(), {"PixelValueTransformationSequence": values})[:2] == (2, 1)


@pytest.mark.parametrize(
    ("elements", "gated"),
    [
        ({}, None),
        ({"TriggerTime": 0.0, "HeartRate": 0}, None),
        ({"TriggerTime": 512.0}, True),
        ({"HeartRate": 61}, True),
        ({"NominalPercentageOfCardiacPhase": 0.0}, True),
        ({"CardiacSynchronizationTechnique": "PROSPECTIVE"}, True),
        ({"CardiacSynchronizationTechnique": "NONE", "HeartRate": 61}, False),
    ],
)
def test_elements_that_tell_of_the_ecg(elements, gated):
    assert gated_of(header(**elements), {}) is gated
    assert acquisition_of(header(**elements), {}, EXPLICIT).gated is gated


def test_the_phase_of_an_enhanced_image_tells_of_the_ecg():
    assert gated_of(header(), {"CardiacSynchronizationSequence": header(NominalPercentageOfCardiacPhase=75.0)}) is True


@pytest.mark.parametrize("enhanced", [False, True])
def test_mass_factors_of_the_patient_come_before_those_of_the_device(enhanced):
    def read(**values):
        inner = header(**values)
        return acquisition_of(*((header(), {"CTXRayDetailsSequence": inner}) if enhanced else (inner, {})), EXPLICIT)

    device = [0.74, 0.78, 0.83]
    assert read().mass_factors == ()
    assert read(CalciumScoringMassFactorPatient=0.75).mass_factors == (0.75,)
    assert read(CalciumScoringMassFactorDevice=device).mass_factors == tuple(device)
    both = read(CalciumScoringMassFactorDevice=device, CalciumScoringMassFactorPatient=0.75)
    assert both.mass_factors == (0.75,)
