"""Whatever is thrown at the command: one clear line, a sensible exit code, and the rest is still assessed."""

import gzip
import os
import struct
import zipfile

import nibabel
import numpy as np
import pytest
from pydicom import dcmread
from pydicom.uid import JPEG2000Lossless

from tests.read.make_dicom import phantom
from tests.studies import body, run, series

FINDING = "age: 60\nfindings: [{site: ureter.left, diameter: 6 mm}]\n"


@pytest.fixture
def patient(tmp_path):
    path = tmp_path / "patient.yaml"
    path.write_text(FINDING)
    return path


def refused(ran, code=3):
    """The one line that a run ended with."""
    assert ran.code == code, ran.err
    assert ran.out == ""
    assert len(ran.lines) == 1, ran.err
    assert "internal error" not in ran.err
    return ran.lines[0]


def nifti(path, hu, affine=(1.0, 1.0, 3.0, 1.0)):
    nibabel.save(nibabel.Nifti1Image(hu.transpose(2, 1, 0), np.diag(affine)), path)
    return path


# --- images ---------------------------------------------------------------------------------------------------------

MODALITIES = {
    "MR": "MR images",
    "MG": "mammograms",
    "CR": "radiographs",
    "DX": "radiographs",
    "US": "ultrasound images",
}


@pytest.mark.parametrize(("modality", "name"), MODALITIES.items())
def test_another_modality_is_refused_by_name(tmp_path, modality, name):
    series(hu=phantom(), header={"Modality": modality}).write(tmp_path / "study")
    line = refused(run("assess", tmp_path / "study", out=tmp_path / "out"))
    assert f"{name} ({modality}) are not supported yet" in line
    assert not (tmp_path / "out").exists()


def test_one_slice_is_no_volume(tmp_path):
    series(hu=phantom((1, 8, 10))).write(tmp_path / "study")
    assert "one slice is not a volume" in refused(run("assess", tmp_path / "study"))


def claims(path):
    header = bytearray(path.read_bytes())
    struct.pack_into("<8h", header, 40, 3, 30000, 30000, 30000, 1, 1, 1, 1)
    return bytes(header)


@pytest.mark.parametrize("kind", ["NIfTI", "packed NIfTI", "NRRD", "MetaImage", "JPEG 2000"])
def test_a_header_that_claims_more_than_any_memory_holds(tmp_path, kind):
    small = nifti(tmp_path / "small.nii", phantom((4, 4, 4)))
    path = tmp_path / "scan"
    if kind == "JPEG 2000":
        for file in series(hu=body()[:3]).write(path, JPEG2000Lossless):
            header = dcmread(file)
            header.Rows = header.Columns = 65000
            header.save_as(file)
    elif "NIfTI" in kind:
        path = tmp_path / ("scan.nii.gz" if "packed" in kind else "scan.nii")
        path.write_bytes(gzip.compress(claims(small)) if "packed" in kind else claims(small))
    elif kind == "NRRD":
        path = tmp_path / "scan.nrrd"
        path.write_text(
            "NRRD0004\ntype: short\ndimension: 3\nsizes: 30000 30000 30000\nspacings: 1 1 1\nendian: little\n"
            "encoding: raw\n\n"
        )
    else:
        path = tmp_path / "scan.mha"
        path.write_text(
            "ObjectType = Image\nNDims = 3\nDimSize = 30000 30000 30000\nElementType = MET_SHORT\n"
            "ElementDataFile = LOCAL\n"
        )
    line = refused(run("assess", path))
    assert "memory" in line or "which no CT has" in line


@pytest.mark.parametrize("spacing", [1e-9, 0.001, 1e5])
def test_a_spacing_that_no_scanner_has(tmp_path, spacing):
    path = nifti(tmp_path / "scan.nii", body(), (spacing, spacing, spacing, 1.0))
    assert "spacing" in refused(run("assess", path))
    series(hu=phantom(), spacing=(3.0, spacing, spacing)).write(tmp_path / "study")
    assert "spacing" in refused(run("assess", tmp_path / "study"))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("scan.mhd", "ObjectType = Image\nNDims = 3\nDimSize = 4 4 4\nElementType = MET_SHORT\nElementDataFile = {}\n"),
        (
            "scan.mhd",
            "ObjectType = Image\nNDims = 3\nDimSize = 4 4 4\nElementType = MET_SHORT\nElementDataFile = LIST\n{}\n",
        ),
        ("scan.nhdr", "NRRD0004\ntype: short\ndimension: 3\nsizes: 4 4 4\nencoding: raw\ndata file: {}\n"),
    ],
    ids=["MetaImage", "MetaImage list", "NRRD"],
)
@pytest.mark.parametrize("absolute", [True, False])
def test_a_header_does_not_reach_for_files_elsewhere(tmp_path, name, text, absolute):
    secret = tmp_path / "secret.raw"
    secret.write_bytes(phantom((4, 4, 4)).tobytes())
    (tmp_path / "inputs").mkdir()
    (tmp_path / "inputs" / name).write_text(text.format(secret if absolute else "../secret.raw"))
    assert "outside its own folder" in refused(run("assess", tmp_path / "inputs" / name))
    beside = tmp_path / "inputs" / "voxels.raw"
    beside.write_bytes(phantom((4, 4, 4)).tobytes())
    (tmp_path / "inputs" / name).write_text(text.format("voxels.raw"))
    assert "outside" not in run("assess", tmp_path / "inputs" / name, out=tmp_path / "out").err


def test_degenerate_volumes_are_assessed_or_refused_but_never_an_error(tmp_path):
    noise = np.random.default_rng(5).integers(-1024, 3000, (6, 8, 10)).astype(np.int16)
    inside = body() > -500
    volumes = {
        "noise": noise,
        "two slices": body()[:2],
        "a column": body()[:, :, 80:82],
        "all bone": np.where(inside, 1500, -1000).astype(np.int16),
        "all metal": np.where(inside, 32767, -1024).astype(np.int16),
        "no floor": np.where(inside, 40, -32768).astype(np.int16),
        "fractions": body().astype(np.float32) + np.float32(0.25),
        "only fat": np.where(inside, -100, -1000).astype(np.int16),
    }
    for name, hu in volumes.items():
        ran = run("assess", nifti(tmp_path / "scan.nii", hu), out=tmp_path / "out")
        assert ran.code in (0, 3), (name, ran.err)


# --- files ----------------------------------------------------------------------------------------------------------


def spoil(folder):
    """A study with one of everything that cannot be used; returns what the lines have to name."""
    paths = series().write(folder)
    paths[24].write_bytes(paths[24].read_bytes()[:900])
    (folder / "letter.dcm").write_text("dear colleague")
    (folder / "empty.dcm").touch()
    (folder / "lost.dcm").symlink_to("nowhere.dcm")
    (folder / "labels.nii").write_text("no image")
    with zipfile.ZipFile(folder / "climb.zip", "w") as archive:
        archive.writestr("../../climbed.dcm", b"x")
    with zipfile.ZipFile(folder / "locked.zip", "w") as archive:
        archive.writestr("a.dcm", b"x" * 100)
    content = bytearray((folder / "locked.zip").read_bytes())
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(mark) + place] |= 1
    (folder / "locked.zip").write_bytes(content)
    return ("slice-024.dcm", "letter.dcm", "empty.dcm", "lost.dcm", "labels.nii", "climb.zip", "locked.zip")


def test_everything_bad_beside_a_good_series_is_one_line_each(tmp_path):
    names = spoil(tmp_path / "study")
    ran = run("assess", tmp_path / "study", tmp_path / "absent", out=tmp_path / "out")
    assert ran.code == 0
    assert len(ran.deposits) == 3
    assert len(ran.lines) == len(names) + 1
    for name in (*names, "absent"):
        assert sum(name in line for line in ran.lines) == 1, name
    assert {item["input"] for item in ran.data["refused"]} == {*names, "absent"}
    assert all(item["why"].count(";") >= 1 or "copy it" in item["why"] for item in ran.data["refused"])
    assert not (tmp_path / "climbed.dcm").exists()
    assert not (tmp_path.parent / "climbed.dcm").exists()
    # The lost slice lies above every deposit: no number is spoiled by it.
    assert all(finding["measures"]["volume"]["value"] for finding in ran.data["findings"])


@pytest.mark.parametrize("name", ["a\nb\x1b[31m.dcm", "a\u202egnp.dcm", os.fsdecode(b"a\xff.dcm")])
def test_a_file_name_cannot_write_to_the_terminal(tmp_path, name):
    (tmp_path / name).write_text("no image")
    line = refused(run("assess", tmp_path / name))
    assert line.isprintable()
    series().write(tmp_path / "study")
    (tmp_path / "study" / name).write_text("no image")
    ran = run("assess", tmp_path / "study", out=tmp_path / "out")
    assert ran.code == 0
    assert ran.data["refused"][0]["input"].isprintable()
    assert "\N{REPLACEMENT CHARACTER}" in ran.page


def test_inputs_of_one_name_keep_their_own_digest(tmp_path):
    series().write(tmp_path / "a" / "study")
    series(origin=(-30.0, -40.0, 900.0), uid="1.2.3.9").write(tmp_path / "b" / "study")
    ran = run("assess", tmp_path / "a" / "study", tmp_path / "b" / "study", out=tmp_path / "out")
    inputs = ran.data["provenance"]["inputs"]
    assert list(inputs) == ["study", "study (2)"]
    assert len(set(inputs.values())) == 2


@pytest.mark.parametrize("name", ["x" * 300, "no/such/folder", "pipe"])
def test_what_is_no_file_is_one_line(tmp_path, name, monkeypatch):
    monkeypatch.chdir(tmp_path)
    os.mkfifo("pipe")
    refused(run("assess", name))


@pytest.mark.skipif(getattr(os, "geteuid", lambda: 0)() == 0, reason="nothing is closed to the superuser")
def test_a_closed_file_and_folder_are_lines_and_the_rest_is_assessed(tmp_path):
    series().write(tmp_path / "study")
    (tmp_path / "study" / "closed").mkdir(mode=0)
    (tmp_path / "study" / "closed.dcm").touch(mode=0)
    ran = run("assess", tmp_path / "study", out=tmp_path / "out")
    (tmp_path / "study" / "closed").chmod(0o700)
    assert ran.code == 0
    assert len(ran.lines) == 1
    assert "permissions" in ran.err


def test_a_folder_that_the_system_does_not_open_is_a_line(tmp_path, monkeypatch):
    series().write(tmp_path / "study")
    (tmp_path / "study" / "closed").mkdir()
    listed = os.scandir

    def scandir(path):
        if str(path).endswith("closed"):
            raise PermissionError(13, "Permission denied", str(path))
        return listed(path)

    monkeypatch.setattr(os, "scandir", scandir)
    ran = run("assess", tmp_path / "study", out=tmp_path / "out")
    assert (ran.code, len(ran.deposits)) == (0, 3)
    assert [line.split(": ")[1] for line in ran.lines] == ["closed"]


# --- what is beside the images ------------------------------------------------------------------------------------

PATIENTS = {
    "missing": None,
    "binary": bytes(range(256)),
    "empty": b"",
    "a list": b"- 1",
    "not YAML": b"a: [1,\n b: :",
    "deep": b"[" * 4000,
    "a word": b"hello",
}


@pytest.mark.parametrize("content", PATIENTS.values(), ids=PATIENTS)
def test_a_patient_file_that_is_none_is_one_line_and_the_images_are_assessed(tmp_path, content):
    path = tmp_path / "p.yaml"
    if content is not None:
        path.write_bytes(content)
    line = refused(run("assess", "--patient", path))
    assert line.count("p.yaml") == 1
    series().write(tmp_path / "study")
    ran = run("assess", tmp_path / "study", "--patient", path, out=tmp_path / "out")
    assert (ran.code, len(ran.deposits)) == (0, 3)
    assert [item["input"] for item in ran.data["refused"]] == ["p.yaml"]


WRONG = {
    "preset": (("--preset", "agaston"), "agatston-130"),
    "guidelines": (("--guidelines", "uk"), "esc or us"),
    "provider": (("--anatomy", "nobody"), "embedded"),
    "label map": (("--anatomy", "no.nii.gz,names.csv"), "no.nii.gz does not exist"),
    "knowledge": (("--knowledge", "nowhere"), "nowhere"),
    "corrections": (("--corrections", "moves.csv"), "moves.csv does not exist"),
    "option": (("--frobnicate",), "--frobnicate"),
}


@pytest.mark.parametrize(("options", "named"), WRONG.values(), ids=WRONG)
def test_a_wrong_option_is_usage_and_names_the_right_one(tmp_path, patient, options, named):
    ran = run("assess", "--patient", patient, *options, out=tmp_path / "out")
    assert ran.code == 2
    assert named in ran.err
    assert not (tmp_path / "out").exists()


def test_a_label_map_without_its_table_is_one_line(tmp_path):
    nibabel.save(nibabel.Nifti1Image(np.ones((4, 4, 4), np.uint8), np.eye(4)), tmp_path / "labels.nii.gz")
    series().write(tmp_path / "study")
    ran = run("assess", tmp_path / "study", "--anatomy", f"{tmp_path}/labels.nii.gz,{tmp_path}/names.csv")
    assert (ran.code, len(ran.lines)) == (2, 1)
    assert "names.csv" in ran.err


@pytest.mark.parametrize(
    "content", [b"\xff\xfe\x00", b"rules: 3", b"- a", b"a: [", b"chapter: X\nsites: [kidney]\nrules: [{}]"]
)
def test_a_broken_knowledge_file_is_one_line_that_names_it(tmp_path, patient, content):
    (tmp_path / "own" / "sites").mkdir(parents=True)
    (tmp_path / "own" / "sites" / "mine.yaml").write_bytes(content)
    line = refused(run("assess", "--patient", patient, "--knowledge", tmp_path / "own"), code=2)
    assert "mine.yaml" in line


@pytest.mark.parametrize(
    "content", ["a,b\n1,2\n", "deposit,action,to,by\nx,fly,,A\n", "deposit,action,to,by\nx,move,livre,A\n", "\udcff"]
)
def test_a_broken_corrections_file_is_one_line_that_names_it(tmp_path, patient, content):
    (tmp_path / "moves.csv").write_bytes(content.encode("utf-8", "surrogateescape"))
    line = refused(run("assess", "--patient", patient, "--corrections", tmp_path / "moves.csv"), code=2)
    assert "moves.csv" in line


# --- where the report goes ------------------------------------------------------------------------------------------


def occupied(folder):
    (folder / "out").write_text("a file")


def below_a_file(folder):
    (folder / "file").write_text("a file")
    (folder / "out").symlink_to("file/deep")


def taken(folder):
    (folder / "out" / "assessment.json").mkdir(parents=True)


@pytest.mark.parametrize("make", [occupied, below_a_file, taken])
@pytest.mark.parametrize("command", ["assess", "demo"])
def test_an_output_that_cannot_be_written_is_one_line(tmp_path, patient, make, command):
    if command == "demo" and make is taken:
        pytest.skip("the demo would simulate a whole patient first")
    make(tmp_path)
    words = ("assess", "--patient", patient) if command == "assess" else ("demo",)
    line = refused(run(*words, out=tmp_path / "out"), code=2)
    assert "--out" in line
    assert "cannot be written" in line


def test_an_output_that_cannot_be_written_is_said_before_the_work(tmp_path, monkeypatch):
    monkeypatch.setattr("calciscope.pipeline.assess", lambda *args, **kwargs: pytest.fail("worked in vain"))
    occupied(tmp_path)
    refused(run("assess", tmp_path, out=tmp_path / "out"), code=2)


def test_a_disk_that_fills_up_is_one_line(tmp_path, patient, monkeypatch):
    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("calciscope.report.html.write", full)
    assert "No space left" in refused(run("assess", "--patient", patient, out=tmp_path / "out"), code=2)
