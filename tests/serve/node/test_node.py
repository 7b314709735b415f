"""The whole way beside a real Orthanc: routed to the node, assessed, results back; killed and still one set of them."""

import json

import pytest
from pydicom import dcmread
from pydicom.config import disable_value_validation

from tests import outside
from tests.serve.node import make
from tests.test_privacy import WORDS

ONE_SET = {"SEG": 1, "SR": 1, "DOC": 1}


@pytest.fixture(scope="module")
def routed(tmp_path_factory):
    """A node beside an Orthanc that has sent it one study and has the results."""
    folder = tmp_path_factory.mktemp("routed")
    dicom = outside.free_port()
    with (
        outside.orthanc(folder, **make.routing(folder, dicom)) as server,
        make.node(
            folder / "node", dicom, receive={**make.RECEIVE, "port": dicom},
            send={"ae_title": "ORTHANC", "host": "127.0.0.1", "port": server.dicom},
        ) as running,
    ):  # fmt: skip
        running.start()
        assert set(make.send(sorted(make.study(folder, 1).iterdir()), server.dicom, "ORTHANC")) == {0}
        make.wait(lambda: running.counts().get("done") == 1, 90, running.log)
        yield server, running


def test_a_study_that_orthanc_routes_comes_back_with_its_results(routed):
    server, running = routed
    found = make.stored(server, "1.2.826.99.1")
    assert {kind: len(uids) for kind, uids in found.items()} == {"CT": 28, **ONE_SET}
    told = running.get("/metrics")
    assert "calciscope_instances_received_total 28.0" in told
    assert 'calciscope_studies{state="done"} 1.0' in told
    assert json.loads(running.get("/health/live")) == {"status": "ok", "stopped": []}


def test_nothing_that_the_node_keeps_or_says_names_the_patient(routed):
    _, running = routed
    said = running.log() + running.get("/metrics") + running.get("/health/ready")
    names = [str(path.relative_to(running.folder)) for path in running.folder.rglob("*")]
    assert any(name.endswith(".dcm") for name in names)
    # SQLite keeps what is new in a file of its own beside the database.
    kept = b"".join(path.read_bytes() for path in (running.folder / "kept").glob("queue.sqlite*"))
    assert b"receiving" in kept or b"done" in kept
    for word in (*WORDS, "1.2.826.99.1"):
        assert word not in (said + " ".join(names)).lower()
        assert word.encode() not in kept.lower()


def test_a_name_where_no_name_belongs_is_not_said_either(routed, tmp_path):
    _, running = routed
    one = dcmread(sorted(make.study(tmp_path, 1, slices=1).iterdir())[0])
    with disable_value_validation():
        one.StudyInstanceUID = "Planted^Petra"
        one.save_as(tmp_path / "one.dcm")
    assert make.send([tmp_path / "one.dcm"], running.dicom, "CALCISCOPE")[0] != 0
    assert "no UID" in running.log()
    assert "Petra" not in running.log()


def test_a_node_that_is_killed_again_and_again_ends_with_one_set_of_results(tmp_path):
    left = make.killed(tmp_path, kills=4, studies=2, seed=5)
    assert left.starts == 5
    assert left.results == {"1": ONE_SET, "2": ONE_SET}, left.log
    assert left.states["done"] == 2
