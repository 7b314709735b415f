"""Segments hold the voxels of the deposits, pixel for pixel, however the series was acquired."""

import highdicom as hd
import numpy as np
import pytest
from pydicom import dcmread

from calciscope.measure import presets
from calciscope.measure.voxels import slabs
from calciscope.report.dicom import codes, seg
from tests.report.dicom import make

SAGITTAL, CORONAL = (2, 0, 1), (1, 0, 2)
ACQUIRED = {
    "axial": {},
    "feet last": {"flips": (0,)},
    "flipped in plane": {"flips": (1, 2)},
    "sagittal": {"order": SAGITTAL, "flips": (0,)},
    "coronal": {"order": CORONAL, "flips": (0, 2)},
    "gaps beside calcium": {"skip": (6,)},
    "gaps within calcium": {"skip": (3, 9)},
}


def written(made, path, **options):
    found = seg.write(made.seen, made.seen.origin, made.assessment, made.stamp, **options)
    found.image.save_as(path)
    return found, hd.seg.segread(path)


def placed_pixels(image, number):
    """The points (LPS mm, rounded) of every pixel that a segment holds."""
    points = set()
    shared = image.SharedFunctionalGroupsSequence[0]
    spacing = [float(v) for v in shared.PixelMeasuresSequence[0].PixelSpacing]
    cosines = np.array(shared.PlaneOrientationSequence[0].ImageOrientationPatient, float)
    for frame, plane in zip(image.PerFrameFunctionalGroupsSequence, np.atleast_3d(image.pixel_array), strict=True):
        if frame.SegmentIdentificationSequence[0].ReferencedSegmentNumber != number:
            continue
        start = np.array(frame.PlanePositionSequence[0].ImagePositionPatient, float)
        for row, column in np.argwhere(plane):
            at = start + cosines[:3] * column * spacing[1] + cosines[3:] * row * spacing[0]
            points.add(tuple(int(v) for v in np.rint(at * 100)))
    return points


def true_points(made, site):
    geometry = made.seen.volume.geometry
    return {
        tuple(int(v) for v in np.rint(geometry.to_mm(voxel) * 100))
        for item in made.seen.placed
        if item.placement.site == site
        for voxel in item.deposit.voxels
    }


@pytest.mark.parametrize("way", ACQUIRED)
def test_every_voxel_is_where_it_was(tmp_path, way):
    made = make.made(tmp_path / "ct", **ACQUIRED[way])
    found, image = written(made, tmp_path / "seg.dcm")
    assert found.numbers == {"artery.coronary.lad": 1, "kidney.left": 2}
    for site, number in found.numbers.items():
        assert placed_pixels(image, number) == true_points(made, site)


@pytest.mark.parametrize("way", ACQUIRED)
def test_each_frame_refers_to_the_slice_that_lies_there(tmp_path, way):
    made = make.made(tmp_path / "ct", **ACQUIRED[way])
    _, image = written(made, tmp_path / "seg.dcm")
    slices = {one.SOPInstanceUID: one for one in map(dcmread, (tmp_path / "ct").iterdir())}
    without = 0
    for frame in image.PerFrameFunctionalGroupsSequence:
        source = frame.get("DerivationImageSequence")
        if not source:
            without += 1
            continue
        header = slices[source[0].SourceImageSequence[0].ReferencedSOPInstanceUID]
        at = frame.PlanePositionSequence[0].ImagePositionPatient
        assert np.allclose(np.array(at, float), np.array(header.ImagePositionPatient, float), atol=1e-6)
    assert without == (2 if way == "gaps within calcium" else 0)
    listed = {one.ReferencedSOPInstanceUID for one in image.ReferencedSeriesSequence[0].ReferencedInstanceSequence}
    assert listed == set(slices)


def test_it_keeps_patient_and_study_and_is_a_new_series(tmp_path):
    made = make.made(tmp_path / "ct")
    _, image = written(made, tmp_path / "seg.dcm")
    source = dcmread(next((tmp_path / "ct").iterdir()))
    for name in ("PatientID", "PatientBirthDate", "StudyInstanceUID", "AccessionNumber", "FrameOfReferenceUID"):
        assert image[name].value == source[name].value
    assert str(dcmread(tmp_path / "seg.dcm").PatientName) == "Müller^Änne"
    assert image.SeriesInstanceUID != source.SeriesInstanceUID
    assert image.Modality == "SEG"


def test_a_segment_says_what_and_where_it_is(tmp_path):
    made = make.made(tmp_path / "ct")
    _, image = written(made, tmp_path / "seg.dcm")
    lad, kidney = image.SegmentSequence
    assert lad.AnatomicRegionSequence[0].CodeValue == "59438005"
    assert "AnatomicRegionModifierSequence" not in lad.AnatomicRegionSequence[0]
    assert lad.SegmentedPropertyTypeCodeSequence[0].CodeValue == "237897009"
    assert kidney.AnatomicRegionSequence[0].CodeValue == "64033007"
    assert kidney.AnatomicRegionSequence[0].AnatomicRegionModifierSequence[0].CodeMeaning == "Left"
    assert kidney.SegmentedPropertyTypeCodeSequence[0].CodeValue == "18115005"
    assert lad.RecommendedDisplayCIELabValue != kidney.RecommendedDisplayCIELabValue
    algorithm = lad.SegmentationAlgorithmIdentificationSequence[0]
    assert algorithm.AlgorithmVersion == made.assessment.provenance.calciscope
    assert "standard" in algorithm.AlgorithmParameters


def test_a_segment_a_deposit_on_request(tmp_path):
    made = make.made(tmp_path / "ct")
    found, image = written(made, tmp_path / "seg.dcm", each_deposit=True)
    assert list(found.numbers) == ["s-1", "s-2", "s-3"]
    assert [one.SegmentLabel for one in image.SegmentSequence][2] == "left kidney s-3"
    assert image.get_volume(combine_segments=True).array.astype(bool).sum() == sum(
        len(one.deposit.voxels) for one in made.seen.placed
    )


def test_the_same_assessment_gives_the_same_names_and_another_others(tmp_path):
    made = make.made(tmp_path / "ct")
    one, _ = written(made, tmp_path / "a.dcm")
    two, _ = written(made, tmp_path / "b.dcm")
    assert one.image.SOPInstanceUID == two.image.SOPInstanceUID
    other = make.Made(made.seen, made.assessment, make.Stamp.of(made.assessment.model_copy(update={"answer": "no"})))
    assert seg.write(made.seen, made.seen.origin, other.assessment, other.stamp).image.SOPInstanceUID not in (
        one.image.SOPInstanceUID,
    )


def test_a_source_that_does_not_say_how_thick_its_slices_are(tmp_path):
    made = make.made(tmp_path / "ct", header={**make.HEADER, "SliceThickness": None})
    _, image = written(made, tmp_path / "seg.dcm")
    measures = image.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
    assert float(measures.SliceThickness) == made.seen.volume.geometry.spacing[0]
    assert all("SliceThickness" not in header for header in made.seen.origin.headers)


def test_a_site_without_a_code_has_that_of_the_place_around_it():
    region, side = codes.place("brain.basal_ganglia.right")
    assert (region.value, side.meaning) == ("12738006", "Right")


def test_thin_slices_that_were_averaged_keep_their_place(tmp_path):
    """A preset that averages slices has a grid of its own; its planes lie between the slices of the source."""
    made = make.made(tmp_path / "ct", spacing=(1.0, 0.8, 0.7), header={**make.HEADER, "SliceThickness": "1"})
    rule = next(one for one in presets.presets().values() if one.average_mm)
    volume = slabs.prepared(made.seen.volume, rule)
    assert volume.geometry.shape[0] < made.seen.volume.geometry.shape[0]
    deposit = make.make.deposit((1, 3, 4), (3, 7, 9), "s-1")
    item = make.PlacedDeposit(deposit, make.Placement("kidney.left", 0.9, "embedded", "kidney_left"))
    averaged = make.Made(
        make.Imaged("s", volume, (item,), made.seen.origin), made.assessment, made.stamp
    )  # fmt: skip
    _, image = written(averaged, tmp_path / "seg.dcm")
    assert placed_pixels(image, 1) == true_points(averaged, "kidney.left")
    measures = image.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
    assert float(measures.SpacingBetweenSlices) == volume.geometry.spacing[0] > 2
    assert len(image.ReferencedSeriesSequence[0].ReferencedInstanceSequence) == len(made.seen.origin.headers)
