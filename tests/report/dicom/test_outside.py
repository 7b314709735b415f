"""What was written is read, checked and stored by software that other people wrote."""

import io
import json

import numpy as np
import pytest
import SimpleITK
from pydicom import dcmread
from pydicom.dataset import Dataset

from calciscope.report import pdf
from calciscope.report.dicom import write as dicom
from tests import outside
from tests.report.dicom import make
from tests.report.dicom.test_seg import ACQUIRED


def objects(folder, **changes):
    """Every kind of object of a small study, and the study."""
    made = make.made(folder / "ct", **changes)
    kinds = dicom.KINDS

    def document():
        pytest.importorskip("weasyprint", reason="WeasyPrint is not installed")
        return pdf.render(made.assessment, None)

    done = dicom.write(made.assessment, [made.seen], kinds, folder / "dicom", made.stamp, pdf=document)
    assert done.refused == []
    return made, done.paths


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return objects(tmp_path_factory.mktemp("study"))


def test_dciodvfy_finds_no_error_that_the_source_does_not_have(study, tmp_path):
    _, paths = study
    source = outside.errors(next((paths[0].parent.parent / "ct").iterdir()))
    assert {path.name: outside.errors(path) - source for path in paths} == {path.name: set() for path in paths}
    broken = dcmread(paths[0])
    del broken.SegmentSequence
    broken.save_as(tmp_path / "broken.dcm")
    assert outside.errors(tmp_path / "broken.dcm"), "the check must see what is missing"


def test_dsrdump_prints_the_report_without_a_warning(study):
    _, paths = study
    done = outside.ran("dsrdump", *(path for path in paths if path.name == "sr.dcm"))
    assert done.returncode == 0
    assert done.stderr == ""
    assert "Coronary artery calcium score" in done.stdout


@pytest.mark.parametrize("way", ACQUIRED)
def test_dcmqi_reads_the_voxels_of_every_segment(tmp_path, way):
    made, paths = objects(tmp_path, **ACQUIRED[way])
    (path,) = (one for one in paths if one.name.startswith("seg"))
    (tmp_path / "read").mkdir()
    done = outside.ran(
        "segimage2itkimage", "--inputDICOM", path, "--outputDirectory", tmp_path / "read", "--outputType", "nrrd"
    )
    assert done.returncode == 0, done.stderr
    geometry = made.seen.volume.geometry
    for number, site in ((1, "artery.coronary.lad"), (2, "kidney.left")):
        image = SimpleITK.ReadImage(str(next((tmp_path / "read").glob(f"*{number}.nrrd"))))
        there = np.argwhere(SimpleITK.GetArrayFromImage(image) > 0)
        points = {
            tuple(
                int(v) for v in np.rint(np.array(image.TransformIndexToPhysicalPoint([int(v) for v in at[::-1]])) * 100)
            )
            for at in there
        }
        true = {
            tuple(int(v) for v in np.rint(geometry.to_mm(voxel) * 100))
            for item in made.seen.placed if item.placement.site == site
            for voxel in item.deposit.voxels
        }  # fmt: skip
        assert points == true


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with outside.orthanc(tmp_path_factory.mktemp("orthanc")) as one:
        yield one


def same(one: Dataset, other: Dataset) -> bool:
    """Whether two instances hold the same elements."""
    return one == other


def test_orthanc_keeps_what_is_sent_through_c_store(study, server):
    ae = pytest.importorskip("pynetdicom", reason="pynetdicom is not installed")
    _, paths = study
    sender = ae.AE(ae_title="CALCISCOPE")
    sent = {path.name: dcmread(path) for path in paths}
    for one in sent.values():
        sender.add_requested_context(one.SOPClassUID, one.file_meta.TransferSyntaxUID)
    association = sender.associate("127.0.0.1", server.dicom, ae_title="ORTHANC")
    assert association.is_established
    try:
        assert {association.send_c_store(one).Status for one in sent.values()} == {0}
    finally:
        association.release()
    uid = next(iter(sent.values())).StudyInstanceUID
    found = json.loads(
        server.post("/tools/find", json.dumps({"Level": "Instance", "Query": {"StudyInstanceUID": uid}}).encode(),
                    "application/json")
    )  # fmt: skip
    fetched = [dcmread(io.BytesIO(server.get(f"/instances/{one}/file"))) for one in found]
    assert {one.SOPInstanceUID for one in fetched} == {one.SOPInstanceUID for one in sent.values()}
    for one in sent.values():
        (back,) = [other for other in fetched if other.SOPInstanceUID == one.SOPInstanceUID]
        assert same(one, back)


def test_orthanc_keeps_what_is_sent_through_stow(tmp_path, server):
    if not server.web:
        pytest.skip("the DICOMweb plug-in is not installed: orthanc-dicomweb (Debian)")
    _, paths = objects(tmp_path, study="1.2.3.44", uid="1.2.3.45")
    edge = b"edge-of-a-part"
    parts = b"".join(
        b"--" + edge + b"\r\nContent-Type: application/dicom\r\n\r\n" + path.read_bytes() + b"\r\n" for path in paths
    )
    kind = f'multipart/related; type="application/dicom"; boundary={edge.decode()}'
    answer = json.loads(server.post("/dicom-web/studies", parts + b"--" + edge + b"--\r\n", kind))
    assert len(answer["00081199"]["Value"]) == len(paths)
    listed = json.loads(server.get("/dicom-web/instances?StudyInstanceUID=1.2.3.44", "application/dicom+json"))
    uids = {one["00080018"]["Value"][0] for one in listed}
    sent = {one.SOPInstanceUID: one for one in map(dcmread, paths)}
    assert uids == set(sent)
    for uid, one in sent.items():
        where = f"/dicom-web/studies/1.2.3.44/series/{one.SeriesInstanceUID}/instances/{uid}"
        body = server.get(where, 'multipart/related; type="application/dicom"')
        start = body.index(b"\r\n\r\n") + 4
        assert same(one, dcmread(io.BytesIO(body[start : body.rindex(b"\r\n--")])))
