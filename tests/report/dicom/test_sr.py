"""The report says every number and word of the assessment, under codes, and points to the segments."""

import highdicom as hd
import pytest
from pydicom import dcmread

from calciscope.domain.assessment import DISCLAIMER, Finding, Judgement, Measure, Reason
from calciscope.report.dicom import seg, sr
from tests.report.dicom import make

UNITS = {"agatston": "1", "agatston_lm_lad": "1", "volume": "mm3", "diameter": "mm", "mean_hu": "[hnsf'U]"}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return make.made(tmp_path_factory.mktemp("study") / "ct")


@pytest.fixture(scope="module")
def segments(made):
    return seg.write(made.seen, made.seen.origin, made.assessment, made.stamp)


@pytest.fixture(scope="module")
def report(made, segments, tmp_path_factory):
    path = tmp_path_factory.mktemp("sr") / "sr.dcm"
    sr.write(made.assessment, made.seen.origin.headers, [segments], made.stamp, 130.0).save_as(path)
    return hd.sr.srread(path)


def groups(report):
    volumes = report.content.get_volumetric_roi_measurement_groups()
    return [*volumes, *report.content.get_image_measurement_groups()]


def group(report, site):
    (one,) = [one for one in groups(report) if one.tracking_identifier == f"Calciscope {site}"]
    return one


def texts(items):
    found = []
    for item in items:
        if item.ValueType == "TEXT":
            found.append(item.TextValue)
        found += texts(item.get("ContentSequence", []))
    return found


def test_a_group_a_finding(report, made):
    assert {one.tracking_identifier for one in groups(report)} == {
        f"Calciscope {finding.site}" for finding in made.assessment.findings
    }
    assert len({one.tracking_uid for one in groups(report)}) == len(made.assessment.findings)


def test_every_number_is_there_unrounded_with_its_unit(report, made):
    for finding in made.assessment.findings:
        measured = group(report, finding.site).get_measurements()
        true = [(one.value, one.unit) for one in finding.measures.values() if one.value is not None]
        assert [(one.value, one.unit.value) for one in measured] == true
        assert all(one.unit.scheme_designator == "UCUM" for one in measured)


def test_the_scores_have_the_concepts_of_calcium_scoring(report):
    score, volume, left = group(report, "artery.coronary").get_measurements()
    assert (score.name.value, score.method.value) == ("450360000", "112055")
    assert (volume.name.value, volume.method.value) == ("122660", "112056")
    assert left.finding_sites[0].value.value == "LM-LAD"
    valve = group(report, "heart.aortic_valve").get_measurements()[0]
    assert (valve.name.value, valve.method.value) == ("112058", "112055")
    mean = group(report, "kidney.left").get_measurements()[1]
    assert (mean.name.value, mean.derivation.value) == ("112031", "373098007")


def test_the_scoring_analysis_has_threshold_scores_and_places(report):
    (analysis,) = [one for one in report.ContentSequence if one.ConceptNameCodeSequence[0].CodeValue == "122603"]
    rows = [item for item in analysis.ContentSequence if item.ValueType == "NUM"]
    assert rows[0].ConceptNameCodeSequence[0].CodeValue == "122657"
    assert rows[0].MeasuredValueSequence[0].NumericValue == 130
    places = [
        item.ConceptCodeSequence[0].CodeValue
        for row in rows[1:]
        for item in row.ContentSequence
        if item.ConceptNameCodeSequence[0].CodeValue == "363698007"
    ]
    assert places == ["41801008", "41801008", "59438005", "34202007"]


def test_no_score_is_no_scoring_analysis(made, segments):
    kidney = tuple(one for one in made.assessment.findings if one.site == "kidney.left")
    only = made.assessment.model_copy(update={"findings": kidney})
    written = sr.write(only, made.seen.origin.headers, [segments], made.stamp, 130.0)
    assert all(one.ConceptNameCodeSequence[0].CodeValue != "122603" for one in written.ContentSequence)


def test_the_interval_is_the_uncertainty(report):
    score = group(report, "heart.aortic_valve").get_measurements()[0]
    around = [one.MeasuredValueSequence[0] for one in score[0].ContentSequence if one.ValueType == "NUM"]
    assert {one.FloatingPointValue for one in around} == {5.5, 7.25}


def test_the_uncertainty_has_the_unit_of_its_measure(made, segments, tmp_path):
    length = Measure(value=6.0, unit="mm", interval=(5.0, 7.5), method="largest")
    kidney = next(one for one in made.assessment.findings if one.site == "kidney.left")
    only = made.assessment.model_copy(update={"findings": (kidney.model_copy(update={"measures": {"d": length}}),)})
    sr.write(only, made.seen.origin.headers, [segments], made.stamp).save_as(tmp_path / "sr.dcm")
    units = [
        one.MeasuredValueSequence[0].MeasurementUnitsCodeSequence[0].CodeValue
        for measurement in group(hd.sr.srread(tmp_path / "sr.dcm"), "kidney.left").get_measurements()
        for one in (measurement[0], *measurement[0].ContentSequence)
        if one.ValueType == "NUM"
    ]
    assert units == ["mm", "mm", "mm"]


def test_a_finding_points_to_its_segment_and_to_the_slices(report, segments, made):
    one = group(report, "kidney.left")
    segment = one.reference_type
    assert segment.value == "121191"
    referenced = one.referenced_segment
    assert referenced.referenced_sop_instance_uid == segments.image.SOPInstanceUID
    assert referenced.referenced_segment_numbers == 2 or list(referenced.referenced_segment_numbers) == [2]
    stated = group(report, "heart.aortic_valve")
    assert isinstance(stated, hd.sr.MeasurementsAndQualitativeEvaluations)
    assert one.finding_sites[0].laterality.meaning == "Left"


@pytest.mark.parametrize("skip", [(), (9,)])
def test_a_segmentation_of_one_segment_is_referred_to_as_well(tmp_path, skip):
    alone = make.made(tmp_path / "ct", skip=skip)
    kidney = make.Imaged(alone.seen.series, alone.seen.volume, alone.seen.placed[2:], alone.seen.origin)
    image = seg.write(kidney, kidney.origin, alone.assessment, alone.stamp)
    assert image.numbers == {"kidney.left": 1}
    sr.write(alone.assessment, kidney.origin.headers, [image], alone.stamp).save_as(tmp_path / "sr.dcm")
    (one,) = hd.sr.srread(tmp_path / "sr.dcm").content.get_volumetric_roi_measurement_groups()
    assert one.tracking_identifier == "Calciscope kidney.left"


def test_kind_and_seriousness_are_coded(report):
    values = {one.name.value: one.value.value for one in group(report, "kidney.left").get_qualitative_evaluations()}
    assert values["KIND"] == "K-DYSTROPHIC"
    assert values["SERIOUSNESS"] == "S-INCIDENTAL"
    assert "P-STANDARD" not in values.values()
    assert "P-STANDARD" in {one.value.value for one in group(report, "artery.coronary").get_qualitative_evaluations()}


def test_what_was_refused_or_adjusted_says_why(report):
    said = texts(report.ContentSequence)
    assert "Calcium mass (hydroxyapatite) refused: no phantom" in said
    assert "Largest diameter adjusted: thick slices" in said
    (diameter, *_) = group(report, "kidney.left").get_measurements()
    assert diameter.qualifier.value == "V-ADJUSTED"


def test_answer_advice_unknowns_and_disclaimer_are_in_it(report, made):
    said = texts(report.ContentSequence)
    assert made.assessment.answer in said
    assert DISCLAIMER in said
    assert "left kidney: Repeat imaging in a year. [eau-2025]" in said
    assert "Not known: symptoms: fever would make it urgent" in said
    assert any(line.startswith("Seriousness: A silent stone") and line.endswith("[coll-2002]") for line in said)
    assert "Stated by a person or another system, not measured here" in said


def test_a_rule_that_is_not_verified_says_so(made, segments):
    finding = made.assessment.findings[2]
    doubtful = finding.model_copy(
        update={"kind": Judgement(value="dystrophic", reasons=(make.make.reason("unverified"),))}
    )
    report = sr.write(
        made.assessment.model_copy(update={"findings": (doubtful,)}), made.seen.origin.headers, [segments], made.stamp
    )
    assert any(line.endswith("(unverified)") for line in texts(report.ContentSequence))


def test_breast_calcification_has_the_codes_of_mammography(made, tmp_path):
    seen = Reason(
        rule="r", statement="s", source="x", inputs={"morphology": "fine pleomorphic", "distribution": ["segmental"]}
    )
    breast = Finding(
        site="breast.left", label="left breast", stated=True,
        kind=Judgement(value="indeterminate", reasons=(seen,)), seriousness=Judgement(value="significant"),
    )  # fmt: skip
    only = made.assessment.model_copy(update={"findings": (breast,)})
    sr.write(only, made.seen.origin.headers, [], made.stamp).save_as(tmp_path / "sr.dcm")
    (one,) = hd.sr.srread(tmp_path / "sr.dcm").content.get_image_measurement_groups()
    values = {item.name.value: item.value.value for item in one.get_qualitative_evaluations()}
    assert values["111009"] == "111344"
    assert values["111008"] == "129768003"
    assert values["KIND"] == "82334004"


def test_it_is_a_new_series_of_the_same_study(report, made, tmp_path):
    source = made.seen.origin.headers[0]
    assert report.StudyInstanceUID == source.StudyInstanceUID
    assert report.SeriesInstanceUID != source.SeriesInstanceUID
    assert report.PatientID == source.PatientID
    assert report.PreliminaryFlag == "PRELIMINARY"
    assert report.VerificationFlag == "UNVERIFIED"


def test_a_name_in_another_script_stays_what_it_is(tmp_path):
    header = {**make.HEADER, "PatientName": "Ямада^Тарō", "SpecificCharacterSet": "ISO_IR 192"}
    other = make.made(tmp_path / "ct", header=header)
    path = tmp_path / "sr.dcm"
    sr.write(other.assessment, other.seen.origin.headers, [], other.stamp).save_as(path)
    assert str(dcmread(path).PatientName) == "Ямада^Тарō"
    assert dcmread(path).SpecificCharacterSet == "ISO_IR 192"
