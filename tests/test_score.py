"""`calciscope score`: an image and a mask in, numbers out; one line for what cannot be scored."""

import csv
import json
import struct
import sys

import numpy as np
import pytest
import SimpleITK

import calciscope
from calciscope import cli
from calciscope.domain.assessment import DISCLAIMER
from calciscope.errors import InputError, NothingToAssessError
from tests.measure.make import CASES
from tests.read.make_dicom import Series
from tests.read.make_seg import save, segmentation

SPACING = (3.0, 0.5, 0.5)
SHAPE = (16, 40, 40)
ORIGIN = (-10.0, 20.0, -30.0)
HEADER = {"SeriesDescription": "CaScore gated", "CalciumScoringMassFactorPatient": 0.75, "ConvolutionKernel": "B35f"}


@pytest.fixture
def call(capsys, monkeypatch, tmp_path):
    """Run ``calciscope score`` in an empty folder: exit code, standard output, standard error."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["calciscope", "score", *map(str, arguments)])
        code = 0
        try:
            cli.main()
        except SystemExit as stop:
            code = int(stop.code or 0)
        out, err = capsys.readouterr()
        return code, out, err

    return run


@pytest.fixture
def numbers(call):
    """The JSON of a run that succeeds."""

    def run(*arguments):
        code, out, err = call(*arguments, "--json")
        assert (code, err) == (0, "")
        return json.loads(out)

    return run


def image():
    """Air above soft tissue with two blocks of calcium."""
    hu = np.full(SHAPE, 40, dtype=np.int16)
    hu[:, :2] = -1000
    hu[5, 5:9, 5:9], hu[6:9, 20:24, 20:24] = 150, 400
    return hu


def mask():
    drawn = np.zeros(SHAPE, dtype=np.uint8)
    drawn[4:7, 3:12, 3:12], drawn[6:9, 18:30, 18:30] = 1, 7
    return drawn


def written(path, array, spacing=SPACING, origin=ORIGIN, orientation="LPS"):
    made = SimpleITK.GetImageFromArray(array)
    made.SetSpacing(spacing[::-1])
    made.SetOrigin(origin)
    SimpleITK.WriteImage(SimpleITK.DICOMOrient(made, orientation), str(path))
    return path


@pytest.fixture
def files(tmp_path):
    """An image and its mask."""
    return written(tmp_path / "ct.nii.gz", image()), written(tmp_path / "mask.nii.gz", mask())


def series(**header):
    return Series(image(), SPACING, ORIGIN, uid="1.2.826.5", frame="1.2.826.6", header={**HEADER, **header})


def agatston(found, label=None):
    return (found["labels"][label] if label else found["total"])["agatston"]["value"]


@pytest.mark.parametrize("suffix", ["nii.gz", "nrrd", "mha"])
@pytest.mark.parametrize("orientation", ["LPS", "RAS", "PSR"])
def test_every_format_and_axis_order_gives_the_same_numbers(numbers, tmp_path, suffix, orientation):
    ct = written(tmp_path / f"ct.{suffix}", image(), orientation=orientation)
    found = numbers(ct, "--mask", written(tmp_path / f"mask.{suffix}", mask(), orientation="LPS"))
    assert found["preset"] == "standard"
    assert (agatston(found, "1"), agatston(found, "7"), agatston(found)) == (4.0, 48.0, 52.0)
    assert found["labels"]["7"]["agatston"]["validity"] == "adjusted"


@pytest.mark.parametrize("case", CASES)
def test_conformance_cases_as_files(numbers, tmp_path, case):
    one = CASES[case]
    hu = np.full(SHAPE, 40.0, dtype=np.float32)
    hu[:, -2:] = -1000
    for index, value in one.voxels.items():
        hu[index] = value
    spacing = (one.increment, one.pixel, one.pixel)
    ct = written(tmp_path / "ct.nii.gz", hu, spacing)
    drawn = written(tmp_path / "mask.nrrd", np.ones(SHAPE, dtype=np.uint8), spacing)
    kvp = ("--kvp", one.kvp)
    plain, standard = numbers(ct, "--mask", drawn, *kvp, "--preset", "agatston-130,standard")
    assert agatston(plain) == pytest.approx(one.reference, abs=5e-4)
    assert agatston(standard) == pytest.approx(one.standard, abs=5e-4)


def test_the_json_is_the_promised_one(numbers, files):
    found = numbers(files[0], "--mask", files[1])
    assert {"preset", "labels", "total"} <= set(found)
    assert list(found["labels"]) == ["1", "7"]
    for measures in (*found["labels"].values(), found["total"]):
        assert {"agatston", "volume", "mass", "integrated_mass", "mean_hu", "diameter", "count"} <= set(measures)
        for one in measures.values():
            assert {"value", "unit", "validity", "why", "interval"} <= set(one)
            assert one["validity"] in ("valid", "adjusted", "refused")
            assert (one["value"] is None) == (one["validity"] == "refused")
            assert one["validity"] == "valid" or one["why"]
        low, high = measures["agatston"]["interval"]
        assert low <= measures["agatston"]["value"] <= high


def test_several_presets_are_a_list_and_a_table(numbers, call, files):
    several = ("--preset", "standard,agatston-130", "--preset", "horos")
    found = numbers(files[0], "--mask", files[1], *several)
    assert [one["preset"] for one in found] == ["standard", "agatston-130", "horos"]
    assert {agatston(one) for one in found} == {52.0}
    code, out, _ = call(files[0], "--mask", files[1], *several)
    assert code == 0
    rows = [line.split()[:2] for line in out.splitlines()[1:4]]
    assert rows == [["1", "standard"], ["1", "agatston-130"], ["1", "horos"]]


def test_a_person_sees_numbers_reasons_and_the_disclaimer(call, files, tmp_path):
    (tmp_path / "names.csv").write_text("label,structure\n1,LAD\n7,RCA\n")
    code, out, err = call(files[0], "--mask", files[1], "--names", "names.csv", "--csv", "numbers.csv")
    assert (code, err) == (0, "")
    head, first, *_ = out.splitlines()
    assert head.split() == ["LAD", "RCA", "total"]
    assert first.startswith("Agatston score")
    assert "52" in first
    assert "[1] the tube voltage is not known" in out
    assert out.rstrip().endswith(DISCLAIMER)
    with (tmp_path / "numbers.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {(row["label"], row["value"]) for row in rows if row["measure"] == "agatston"} == {
        ("LAD", "4.0"),
        ("RCA", "48.0"),
        ("total", "52.0"),
    }


def test_a_label_without_calcium_has_a_dash_for_what_cannot_be_measured(call, files, tmp_path):
    drawn = mask()
    drawn[12, 30:34, 30:34] = 9
    _, out, _ = call(files[0], "--mask", written(tmp_path / "more.nii", drawn))
    (row,) = (line.split() for line in out.splitlines() if line.startswith("Largest diameter"))
    assert "-" in row
    assert "nothing to measure" not in out
    assert "refused" not in out


def test_a_dicom_header_speaks_for_the_numbers(numbers, tmp_path):
    series().write(tmp_path / "ct")
    drawn = written(tmp_path / "mask.nii", mask())
    found = numbers("ct", "--mask", drawn)
    assert found["total"]["agatston"]["why"] is None
    assert found["total"]["mass"]["value"] == pytest.approx((16 * 150 + 48 * 400) * 0.75 * 0.00075)
    given = numbers("ct", "--mask", drawn, "--mass-factor", 0.001)
    assert given["total"]["mass"]["value"] == pytest.approx((16 * 150 + 48 * 400) * 0.75 * 0.001)


@pytest.mark.parametrize("order", [(0, 1, 2), (1, 2, 0)])
@pytest.mark.parametrize("kind", ["BINARY", "FRACTIONAL", "LABELMAP"])
def test_a_seg_with_sparse_frames_in_any_order(numbers, tmp_path, order, kind):
    series().write(tmp_path / "ct")
    masks = {1: (mask() == 1).astype(float), 2: (mask() == 7).astype(float)}
    made = segmentation(series().but(order=order), masks, kind=kind, labels={1: "LAD", 2: "RCA"})
    found = numbers("ct", "--mask", save(made, tmp_path / "seg.dcm"))
    assert (agatston(found, "LAD"), agatston(found, "RCA"), agatston(found)) == (4.0, 48.0, 52.0)
    assert "resampled" not in str(found)


def test_overlapping_segments_are_each_scored(numbers, tmp_path):
    series().write(tmp_path / "ct")
    made = segmentation(series(), {1: mask() > 0, 2: mask() == 7}, labels={1: "coronaries", 2: "LAD"})
    found = numbers("ct", "--mask", save(made, tmp_path / "seg.dcm"))
    assert (agatston(found, "coronaries"), agatston(found, "LAD"), agatston(found)) == (52.0, 48.0, 52.0)


def test_of_two_series_the_one_that_was_segmented_is_scored_and_named(numbers, tmp_path):
    series().write(tmp_path / "study" / "a")
    other = series().but(hu=image() - 20, uid="1.2.826.7")
    other.write(tmp_path / "study" / "b")
    for made, score in ((series(), 52.0), (other, 40.0)):
        found = numbers("study", "--mask", save(segmentation(made, {7: mask() > 0}), tmp_path / "seg.dcm"))
        assert agatston(found) == score
        assert any(note.startswith("scored on ") for note in found["notes"])


def test_a_mask_on_another_grid_is_resampled_and_says_so(numbers, files, tmp_path):
    fine = mask().repeat(2, axis=1).repeat(2, axis=2)
    corner = (ORIGIN[0] - 0.125, ORIGIN[1] - 0.125, ORIGIN[2])
    found = numbers(files[0], "--mask", written(tmp_path / "fine.nii", fine, (3.0, 0.25, 0.25), corner))
    assert agatston(found) == 52.0
    assert found["total"]["volume"]["validity"] == "adjusted"
    assert "resampled" in found["total"]["volume"]["why"]
    assert "resampled" not in str(numbers(files[0], "--mask", files[1]))


def refused(call, *arguments):
    code, out, err = call(*arguments)
    assert code == 3
    (line,) = err.splitlines()
    assert "Traceback" not in line
    return out, line


def test_contrast_is_refused_with_one_line_and_no_number(call, tmp_path):
    series(ContrastBolusAgent="Iohexol", SeriesDescription="CT angio").write(tmp_path / "ct")
    drawn = written(tmp_path / "mask.nii", mask())
    out, line = refused(call, "ct", "--mask", drawn, "--json")
    assert "contrast" in line
    measures = json.loads(out)["total"]
    for name in ("agatston", "volume", "mass"):
        assert measures[name]["value"] is None
        assert measures[name]["validity"] == "refused"
    assert measures["peak"]["value"] == 400.0


def zero_spacing(path, ct):
    """The image with a pixdim of 0."""
    SimpleITK.WriteImage(SimpleITK.ReadImage(str(ct)), str(path))
    data = bytearray(path.read_bytes())
    data[80:84] = struct.pack("<f", 0.0)
    path.write_bytes(data)
    return path


def test_bad_input_is_one_clear_line(call, files, tmp_path):
    ct, drawn = files
    (tmp_path / "short.csv").write_text("label,structure\n1,LAD\n")
    (tmp_path / "odd.csv").write_text("id,name\n1,LAD\n")
    (tmp_path / "junk.nii").write_text("junk")
    far = written(tmp_path / "far.nii", mask(), origin=(900.0, 0.0, 0.0))
    empty = written(tmp_path / "empty.nii", mask() * 0)
    half = written(tmp_path / "half.nii", mask() * np.float32(0.5))
    flat = zero_spacing(tmp_path / "flat.nii", ct)
    series(PixelSpacing=[0, 0]).write(tmp_path / "zero")
    save(segmentation(series(), {1: mask() > 0}), tmp_path / "seg.dcm")
    series().but(uid="1.3.9", frame="1.3.8").write(tmp_path / "other")
    for arguments, says in {
        (ct, far): "far.nii does not overlap the image ct.nii.gz",
        (ct, empty): "only background",
        (ct, half): "not whole numbers",
        (drawn, ct): "swapped",
        (ct, ct): "swapped",
        (drawn, drawn): "not Hounsfield units",
        (ct, "none.nii"): "the mask none.nii does not exist",
        ("none.nii", drawn): "none.nii: no such file",
        (ct, "junk.nii"): "cannot be read",
        ("junk.nii", drawn): "cannot be read",
        (ct, "short.csv"): "none that can be read",
        (flat, drawn): "spacing is not positive",
        (ct, flat): "spacing is not positive",
        ("zero", drawn): "pixel spacing",
        ("other", "seg.dcm"): "made on another series",
    }.items():
        _, line = refused(call, arguments[0], "--mask", arguments[1])
        assert says in line, arguments
    tables = {"short.csv": "no name in the table: 7", "odd.csv": "label,structure", "no.csv": "no.csv"}
    for table, says in tables.items():
        assert says in refused(call, ct, "--mask", drawn, "--names", table)[1]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--preset", "agatson"), "agatston-130"),
        (("--mass-factor", "12"), "mass factor of 12"),
        (("--contrast", "some"), "none or given"),
        (("--kvp", "much"), "kvp"),
        (("--kvp", "nan"), "tube voltage"),
        (("--kvp", "-5"), "tube voltage"),
        (("--csv", "mask.nii.gz"), "read as input"),
        (("--csv", "."), "it is a folder"),
        (("--csv", "nowhere/numbers.csv"), "--csv nowhere"),
    ],
)
def test_a_wrong_option_is_a_usage_error(call, files, tmp_path, options, says):
    (tmp_path / "nowhere").touch()
    code, out, err = call(files[0], "--mask", files[1], *options)
    assert code == 2
    assert out == ""
    assert says in err


def test_without_a_mask_it_is_a_usage_error(call, files):
    code, _, err = call(files[0])
    assert code == 2
    assert "--mask" in err


def test_a_voltage_that_contradicts_the_header_is_refused(call, tmp_path):
    series().write(tmp_path / "ct")
    _, line = refused(call, "ct", "--mask", written(tmp_path / "mask.nii", mask()), "--kvp", "80")
    assert "120 kV" in line


def test_of_several_patients_one_is_chosen(call, numbers, tmp_path):
    for patient, uid in (("P1", "1.4.1"), ("P2", "1.4.2")):
        series().but(patient=patient, uid=uid).write(tmp_path / "both" / patient)
    drawn = written(tmp_path / "mask.nii", mask())
    code, _, err = call("both", "--mask", drawn)
    assert code == 3
    assert "--patient-id" in err
    assert agatston(numbers("both", "--mask", drawn, "--patient-id", "P2")) == 52.0


def test_no_line_names_the_patient(call, tmp_path):
    made = series().but(patient="Mustermann4711")
    made.write(tmp_path / "ct")
    made.but(uid="1.3.9", frame="1.3.8").write(tmp_path / "other")
    path = save(segmentation(made, {1: mask() > 0}, labels={1: "Mustermann4711"}), tmp_path / "Mustermann4711.dcm")
    for folder in ("ct", "other"):
        for option in ((), ("--json",)):
            _, out, err = call(folder, "--mask", path, *option)
            assert "ustermann" not in out + err


def test_the_same_by_a_call(files, tmp_path):
    by_path = calciscope.score(*files)
    assert by_path.agatston == 52.0
    assert {"integrated_mass", "count"} <= set(by_path.total)
    assert by_path.total["agatston"].interval is not None
    by_array = calciscope.score(image(), mask(), SPACING)
    for name, found in by_array.labels.items():
        for measure, one in found.items():
            assert one.value == pytest.approx(by_path.labels[name][measure].value)
    assert json.loads(by_array.to_json()) == by_array.to_dict()
    (tmp_path / "names.csv").write_text("label,structure\n1,LAD\n7,RCA\n")
    first, second = calciscope.score(*files, names=tmp_path / "names.csv", preset=("standard", "horos"))
    assert (first.preset, second.preset, list(first.labels)) == ("standard", "horos", ["LAD", "RCA"])
    with pytest.raises(NothingToAssessError, match="does not exist"):
        calciscope.score(files[0], tmp_path / "none.nii")
    with pytest.raises(InputError, match="for arrays"):
        calciscope.score(*files, SPACING)


def test_a_mask_that_mostly_lies_in_air_is_told(numbers, tmp_path):
    hu = image()
    hu[:, 12:] = -1000
    hu[6:9, 20:24, 20:24] = 400
    ct = written(tmp_path / "ct.nii.gz", hu)
    told = numbers(ct, "--mask", written(tmp_path / "mask.nii.gz", mask()))["total"]["agatston"]
    assert "more than half of the mask lies in air or lung" in told["why"]
    assert told["validity"] == "adjusted"
    on_tissue = numbers(
        written(tmp_path / "soft.nii.gz", image()), "--mask", written(tmp_path / "same.nii.gz", mask())
    )["total"]["agatston"]
    assert "air or lung" not in on_tissue["why"]
    assert on_tissue["value"] == told["value"]


def test_a_voltage_as_text_is_one_line():
    with pytest.raises(InputError, match="a tube voltage is a number in kV"):
        calciscope.score(image(), mask(), SPACING, kvp="120")
