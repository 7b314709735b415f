"""The whole way from files to numbers: what must not depend on how a scan was written, and what the gate does to it."""

import zipfile

import numpy as np
import pytest
import SimpleITK as sitk
from pydicom import dcmread
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)

import calciscope
from calciscope import pipeline
from calciscope.domain.patient import Patient
from calciscope.errors import AnatomyError, CalciscopeError, NothingToAssessError, OutputError
from calciscope.measure.phantom.calibration import Calibration, Rod
from calciscope.measure.phantom.models import phantoms
from calciscope.read.study import open_study
from calciscope.simulate import dicom
from calciscope.simulate.patient import simulate
from tests.read.make_dicom import enhanced, save, save_jpeg_lossless
from tests.studies import FOCI, SPACING, body, moved, run, series

VOXEL_MM3 = float(np.prod(SPACING))
# What a deposit is, whatever the file: nothing of series names, which follow the content of the files.
FACTS = ("site", "center_index", "center_mm", "extent_mm", "volume_mm3", "voxels", "peak_hu", "mean_hu")


def facts(ran):
    return [{key: deposit[key] for key in FACTS} for deposit in ran.deposits]


@pytest.fixture(scope="module")
def axial(tmp_path_factory):
    """The body as axial slices, assessed."""
    folder = tmp_path_factory.mktemp("axial")
    series().write(folder / "study")
    return run("assess", folder / "study", out=folder / "out")


@pytest.fixture
def in_artery(tmp_path):
    """Assess a series with every deposit moved to the aorta, where the Agatston score is defined; its measures."""

    def measures(written, *options, **how):
        written.write(tmp_path / "study", **how)
        first = run("assess", tmp_path / "study", out=tmp_path / "first")
        moves = moved(tmp_path, first)
        ran = run("assess", tmp_path / "study", "--corrections", moves, *options, out=tmp_path / "out")
        assert ran.code == 0, ran.err
        return ran.finding("artery.aorta.abdominal")["measures"]

    return measures


def test_every_focus_is_found_where_it_is(axial):
    assert axial.code == 0
    assert axial.err == ""
    for deposit, (low, high) in zip(axial.deposits, FOCI, strict=True):
        size = np.subtract(high, low)
        assert deposit["voxels"] == size.prod()
        assert deposit["volume_mm3"] == pytest.approx(size.prod() * VOXEL_MM3)
        assert np.allclose(deposit["extent_mm"], (size * SPACING)[::-1])
        middle = (np.array(low) + np.array(high) - 1) / 2
        assert np.allclose(deposit["center_index"], middle, atol=0.51)
        origin = np.array(series().origin)
        assert np.allclose(deposit["center_mm"], origin + (middle * SPACING)[::-1], atol=SPACING[0] / 2)


@pytest.mark.parametrize(
    "changes",
    [
        {"order": (1, 0, 2)},
        {"order": (2, 0, 1)},
        {"flips": (0, 2)},
        {"order": (1, 2, 0), "flips": (0, 1, 2)},
    ],
    ids=["coronal", "sagittal", "flipped", "coronal turned and flipped"],
)
def test_axis_order_and_flips_change_nothing(axial, tmp_path, changes):
    series(**changes).write(tmp_path / "study")
    ran = run("assess", tmp_path / "study", out=tmp_path / "out")
    for turned, straight in zip(facts(ran), facts(axial), strict=True):
        assert turned.pop("site") == straight.pop("site")
        for key, value in straight.items():
            assert np.allclose(turned[key], value, atol=1e-6), key
    assert ran.data["acquisition"][0]["slices"] == body().shape[changes.get("order", (0,))[0]]


SYNTAXES = {
    "implicit": ImplicitVRLittleEndian,
    "big endian": ExplicitVRBigEndian,
    "deflated": DeflatedExplicitVRLittleEndian,
    "JPEG 2000": JPEG2000Lossless,
    "JPEG-LS": JPEGLSLossless,
    "RLE": RLELossless,
}


@pytest.mark.parametrize("syntax", SYNTAXES.values(), ids=SYNTAXES)
def test_the_transfer_syntax_changes_nothing(axial, tmp_path, syntax):
    series().write(tmp_path / "study", syntax)
    ran = run("assess", tmp_path / "study", out=tmp_path / "out")
    assert ran.err == ""
    assert facts(ran) == facts(axial)
    assert ran.data["acquisition"][0]["lossy"] is False


def test_jpeg_lossless_and_enhanced_multi_frame_change_nothing(axial, tmp_path):
    (tmp_path / "lossless").mkdir()
    for number, header in enumerate(series().datasets()):
        save_jpeg_lossless(header, tmp_path / "lossless" / f"{number}.dcm")
    save(enhanced(series()), tmp_path / "enhanced")
    for name in ("lossless", "enhanced"):
        ran = run("assess", tmp_path / name, out=tmp_path / "out")
        assert ran.err == ""
        assert facts(ran) == facts(axial)


def test_a_zip_gives_what_its_folder_gives(axial, tmp_path):
    with zipfile.ZipFile(tmp_path / "study.zip", "w") as archive:
        for path in series().write(tmp_path / "study"):
            archive.write(path, f"a/b/{path.stem}")
    assert facts(run("assess", tmp_path / "study.zip", out=tmp_path / "out")) == facts(axial)


def test_the_same_input_gives_the_same_answer(axial, tmp_path):
    series().write(tmp_path / "study")
    again = run("assess", tmp_path / "study", out=tmp_path / "out").data
    before = axial.data
    again["provenance"].pop("created")
    before["provenance"].pop("created")
    assert again == before


def test_gantry_tilt_is_said_and_the_deposits_stay(axial, tmp_path):
    tilted = series(each=lambda k: {"ImagePositionPatient": [-30.0, -40.0 + 0.6 * k, 100.0 + 3.0 * k]})
    tilted.write(tmp_path / "study")
    ran = run("assess", tmp_path / "study", out=tmp_path / "out")
    assert "gantry tilt of 11.3 degrees" in " ".join(ran.data["acquisition"][0]["notes"])
    assert [d["voxels"] for d in ran.deposits] == pytest.approx([d["voxels"] for d in axial.deposits], rel=0.4)
    shift = [t["center_mm"][1] - s["center_mm"][1] for t, s in zip(ran.deposits, axial.deposits, strict=True)]
    assert shift == pytest.approx([0.6 * low[0] + 0.4 for low, _ in FOCI], abs=0.8)
    for finding in ran.data["findings"]:
        assert all(measure["validity"] != "valid" for key, measure in finding["measures"].items() if key == "volume")


def test_under_reference_conditions_numbers_are_valid(in_artery):
    measures = in_artery(series())
    assert {
        key: measures[key]["validity"] for key in ("agatston", "volume", "diameter", "attenuation")
    } == dict.fromkeys(("agatston", "volume", "diameter", "attenuation"), "valid")
    assert measures["volume"]["value"] == pytest.approx(146 * VOXEL_MM3)
    # Weight 4 from 400 HU, on slices of 3 mm: four times the area of all islands above threshold.
    assert measures["agatston"]["value"] == pytest.approx(4 * 146 * SPACING[1] * SPACING[2])


GATES = {
    "contrast": ({"ContrastBolusAgent": "Iodine", "SeriesDescription": "Abd"}, "refused", "contrast"),
    "sharp kernel": ({"ConvolutionKernel": "B70f"}, "refused", "B70f is sharp"),
    "5 mm slices": ({"SliceThickness": "5"}, "adjusted", "5 mm"),
    "140 kV": ({"KVP": "140"}, "adjusted", "140 kV"),
    "no voltage": ({"KVP": None}, "adjusted", "120 kV"),
    "lossy": ({"LossyImageCompression": "01", "LossyImageCompressionRatio": "12"}, "adjusted", "lossy"),
}


@pytest.mark.parametrize(("header", "validity", "words"), GATES.values(), ids=GATES)
def test_the_gate_judges_agatston_by_the_acquisition(in_artery, header, validity, words):
    agatston = in_artery(series(header=header))["agatston"]
    assert agatston["validity"] == validity
    assert words in agatston["why"]
    assert (agatston["value"] is None) is (validity == "refused")


def test_thin_slices_are_averaged_first_where_the_preset_says_so(axial, in_artery, tmp_path):
    """Every slice twice at half the spacing: the mean of each pair is the slice, and so are deposits and scores."""
    thin = {"hu": np.repeat(body(), 2, axis=0), "spacing": (SPACING[0] / 2, *SPACING[1:])}
    # A slice of 1.5 mm lies 0.75 mm from the middle of the slab that it is half of.
    thin["origin"] = tuple(np.add(series().origin, (0, 0, -SPACING[0] / 4)))
    written = series(**thin, header={"SliceThickness": "1.5"})
    as_thick = in_artery(written, "--preset", "standard-3mm")
    assert as_thick["agatston"]["value"] == pytest.approx(4 * 146 * SPACING[1] * SPACING[2])
    assert as_thick["agatston"]["validity"] == "adjusted"
    assert "2 slices each of 1.5 mm were averaged to 3 mm" in as_thick["agatston"]["why"]
    ran = run("assess", tmp_path / "study", "--preset", "standard-3mm", out=tmp_path / "thick")
    assert [one["voxels"] for one in ran.deposits] == [one["voxels"] for one in axial.deposits]
    for one, other in zip(ran.deposits, axial.deposits, strict=True):
        assert one["center_mm"] == pytest.approx(other["center_mm"], abs=1e-6)


def test_what_a_missing_slice_touches_is_refused_and_the_rest_is_not(tmp_path):
    series().write(tmp_path / "study", skip=(FOCI[0][0][0],))
    first = run("assess", tmp_path / "study", out=tmp_path / "first")
    ids = [deposit["id"] for deposit in first.deposits]
    (tmp_path / "m.csv").write_text(
        f"deposit,action,to,by\n{ids[0]},move,artery.aorta.abdominal,A\n{ids[1]},move,artery.iliac.left,A\n"
    )
    ran = run("assess", tmp_path / "study", "--corrections", tmp_path / "m.csv", out=tmp_path / "out")
    assert any("1 of 28 slices are missing" in note for note in ran.data["acquisition"][0]["notes"])
    touched, sound = (ran.finding(site)["measures"] for site in ("artery.aorta.abdominal", "artery.iliac.left"))
    for key in ("agatston", "volume", "mass", "diameter"):
        assert (touched[key]["validity"], touched[key]["value"]) == ("refused", None)
        assert "missing" in touched[key]["why"]
    assert sound["agatston"]["validity"] == sound["volume"]["validity"] == "valid"


def test_where_the_score_is_refused_no_deposit_carries_one_and_no_rule_sees_it(in_artery, tmp_path):
    in_artery(series(header=GATES["contrast"][0]))
    ran = run("assess", tmp_path / "study", "--corrections", tmp_path / "moves.csv", out=tmp_path / "again")
    assert {row["agatston"] for row in ran.rows} == {""}
    finding = ran.finding("artery.aorta.abdominal")
    reasons = [reason for key in ("kind", "seriousness") for reason in finding[key]["reasons"]]
    assert reasons
    assert all("agatston" not in reason["inputs"] for reason in reasons)


def test_contrast_is_seen_in_the_blood_where_the_header_hides_it(tmp_path):
    seen = simulate(seed=1, quick=True, span=(150, 290), contrast=True, noise=8.0)
    for path in dicom.write(seen, tmp_path / "study").iterdir():
        header = dcmread(path)
        del header.ContrastBolusAgent
        header.SeriesDescription = "CaSc non-contrast"
        header.save_as(path)
    ran = run("assess", tmp_path / "study", out=tmp_path / "out")
    assert ran.data["acquisition"][0]["contrast"] == "none"
    scores = [finding["measures"]["agatston"] for finding in ran.data["findings"]]
    assert scores
    for score in scores:
        assert (score["validity"], score["value"]) == ("refused", None)
        assert "blood in the image measures" in score["why"]
    assert any(finding["measures"]["volume"]["value"] for finding in ran.data["findings"])


def test_two_parts_of_one_patient_are_one_answer(axial, tmp_path):
    series().write(tmp_path / "study", prefix="a")
    above = series(origin=(-30.0, -40.0, 900.0), uid="1.2.3.7", hu=np.roll(body(), 1, axis=2))
    above.write(tmp_path / "study", prefix="b")
    ran = run("assess", tmp_path / "study", out=tmp_path / "out")
    assert len(ran.deposits) == 2 * len(axial.deposits)
    assert len({deposit["id"] for deposit in ran.deposits}) == len(ran.deposits)
    assert [use["used"] for use in ran.data["acquisition"]] == [True, True]


def test_the_lesser_of_two_series_is_listed_with_why_not(axial, tmp_path):
    series().write(tmp_path / "study", prefix="a")
    series(uid="1.2.3.8", header={"ConvolutionKernel": "B70f"}).write(tmp_path / "study", prefix="b")
    ran = run("assess", tmp_path / "study", out=tmp_path / "out")
    used, unused = ran.data["acquisition"]
    assert (used["used"], unused["used"]) == (True, False)
    assert "sharp" in unused["why"]
    assert unused["why"] in ran.page.replace("&#39;", "'")
    assert facts(ran) == facts(axial)


def test_a_correction_that_rejects_is_followed_by_everything(axial, tmp_path):
    series().write(tmp_path / "study")
    name = axial.deposits[0]["id"]
    (tmp_path / "m.csv").write_text(f"deposit,action,to,by,why\n{name},reject,,Dr Example,a vessel\n")
    ran = run("assess", tmp_path / "study", "--corrections", tmp_path / "m.csv", out=tmp_path / "out")
    assert [d["id"] for d in ran.deposits] == [d["id"] for d in axial.deposits[1:]]
    assert name not in {row["id"] for row in ran.rows}
    before, after = (sum(f["measures"]["volume"]["value"] for f in one.data["findings"]) for one in (axial, ran))
    assert after < before
    assert ran.data["provenance"]["corrections"][0]["by"] == "Dr Example"


def test_a_label_map_that_lies_elsewhere_is_one_line(tmp_path):
    labels = sitk.GetImageFromArray(np.ones((4, 4, 4), np.uint8))
    labels.SetOrigin((5000, 5000, 5000))
    sitk.WriteImage(labels, str(tmp_path / "labels.nii.gz"))
    (tmp_path / "names.csv").write_text("label,structure\n1,liver\n")
    series().write(tmp_path / "study")
    ran = run("assess", tmp_path / "study", "--anatomy", f"{tmp_path}/labels.nii.gz,{tmp_path}/names.csv")
    assert ran.code == 2
    assert len(ran.lines) == 1
    assert "does not overlap" in ran.err


def test_a_label_map_of_one_part_leaves_the_other_to_the_embedded_anatomy(tmp_path):
    labels = sitk.GetImageFromArray((body() > -500).astype(np.uint8))
    labels.SetSpacing(SPACING[::-1])
    labels.SetOrigin(series().origin)
    sitk.WriteImage(labels, str(tmp_path / "labels.nii.gz"))
    (tmp_path / "names.csv").write_text("label,structure\n1,liver\n")
    series().write(tmp_path / "study", prefix="a")
    series(origin=(-30.0, -40.0, 900.0), uid="1.2.3.7").write(tmp_path / "study", prefix="b")
    spec = f"{tmp_path}/labels.nii.gz,{tmp_path}/names.csv"
    ran = run("assess", tmp_path / "study", "--anatomy", spec, out=tmp_path / "out")
    assert ran.code == 0
    assert len(ran.lines) == 1
    assert "the embedded anatomy was used" in ran.err
    below = [deposit for deposit in ran.deposits if deposit["center_mm"][2] < 500]
    above = [deposit for deposit in ran.deposits if deposit["center_mm"][2] > 500]
    assert {deposit["site"] for deposit in below} == {"liver"}
    assert len(above) == 3
    assert "liver" not in {deposit["site"] for deposit in above}


def test_stages_are_timed_and_progress_rises(tmp_path):
    series().write(tmp_path / "study")
    told = []
    done = pipeline.assess([tmp_path / "study"], progress=lambda text, share: told.append(share))
    assert list(done.seconds) == ["read", "anatomy", "find", "place", "measure", "interpret", "pictures"]
    assert told == sorted(told)
    assert 0 <= told[0] <= told[-1] <= 1


def test_the_public_function_gives_what_the_command_writes(axial, tmp_path):
    series().write(tmp_path / "study")
    answer = calciscope.assess(tmp_path / "study").model_dump(mode="json")
    written = axial.data
    for one in (answer, written):
        one["provenance"].pop("created")
    assert answer == written


def test_typed_errors_reach_the_caller(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(NothingToAssessError, match="no images"):
        calciscope.assess(tmp_path / "empty")
    with pytest.raises(AnatomyError, match="embedded"):
        calciscope.assess(tmp_path / "empty", anatomy="nothing")
    assert issubclass(OutputError, CalciscopeError)


def test_opening_a_study_leaves_the_input_as_it_was(tmp_path):
    paths = series().write(tmp_path / "study")
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in paths}
    open_study([tmp_path / "study"], Patient())
    assert {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in (tmp_path / "study").iterdir()} == before


def test_where_nothing_is_found_the_answer_says_what_contrast_hides(tmp_path):
    patient = simulate(seed=3, contrast=True, span=(150.0, 330.0), deposits=(), matrix=256, pixel=1.6)
    study = dicom.write(patient, tmp_path / "study")
    found = [one.id for f in pipeline.assess([study]).assessment.findings for one in f.deposits]
    rejections = tmp_path / "rejected.csv"
    rejections.write_text("deposit,action,to,by,why\n" + "".join(f"{name},reject,,Dr Example,\n" for name in found))
    options = pipeline.Options(corrections=rejections)
    answer = pipeline.assess([study], options=options).assessment.answer
    assert answer.startswith("No calcium deposit was found in what was imaged; not judged: calcium fainter than ")
    assert "hidden by contrast or noise" in answer


def test_a_phantom_in_place_of_a_patient_is_told_and_nothing_in_it_is_placed(monkeypatch, tmp_path):
    # The body of these tests is alike throughout; here the rods of the calibration are to tell.
    monkeypatch.setattr("calciscope.anatomy.embedded.phantom.is_phantom", lambda frame: False)
    body = series()
    body.write(tmp_path / "study")
    placed = pipeline.assess([tmp_path / "study"]).assessment
    rods = Rod(200.0, (), (310.0,), 20.0)
    seen = Calibration(phantoms()[0].name, 0.0007, 1e-6, rods, rods, (2, 3), 10.0)
    monkeypatch.setattr(pipeline, "calibrate", lambda volume: seen)
    got = pipeline.assess([tmp_path / "study"]).assessment
    assert {one.site for one in placed.findings} != {"unplaced"}
    assert {one.site for one in got.findings} == {"unplaced"}
    assert "shows a phantom, no patient (QRM" in got.answer
    assert any("nothing is placed" in note for one in got.acquisition for note in one.notes)


def test_noise_that_joins_across_the_body_does_not_hide_what_stands_out_of_it(tmp_path):
    noise = np.random.default_rng(3).normal(0, 90, body().shape).astype(np.int16)
    series(hu=np.clip(body() + noise, -1024, 3000)).write(tmp_path / "ct")
    run = pipeline.assess([tmp_path / "ct"])
    found = [deposit for finding in run.assessment.findings for deposit in finding.deposits]
    # The faintest of the three is not twice as bright as what noise reaches.
    assert {min(FOCI, key=lambda focus: abs(focus[0][0] - one.center_index[0])) for one in found} >= set(FOCI[1:])
    assert all(one.threshold_hu > 200 for one in found)
    assert any("faint calcium cannot be told" in note for one in run.assessment.acquisition for note in one.notes)
