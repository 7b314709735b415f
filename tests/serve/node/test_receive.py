"""The receiver: who may send, what is kept, and what it says when it cannot."""

import logging
import shutil
import socket
import ssl
import struct
import time
from collections import namedtuple

import pytest
from pydicom import dcmread
from pynetdicom import AE

from calciscope.errors import OutputError
from calciscope.report.dicom import write
from calciscope.serve.node.metrics import Metrics
from calciscope.serve.node.queue import Queue, State
from calciscope.serve.node.receive import Receiver, client_context
from calciscope.serve.node.settings import Receive, Settings, Tls
from calciscope.serve.node.store import Store
from tests.report.dicom import make as dicom
from tests.serve.node import certificates, make
from tests.test_privacy import WORDS


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return sorted(make.study(tmp_path_factory.mktemp("study"), 1, slices=3).iterdir())


class Kit:
    """A receiver with its parts."""

    def __init__(self, folder, tls=None, **receive):
        wanted = Receive(**{"port": 0, "allow": ("PACS",), "timeout_seconds": 3, "tls": tls, **receive})
        send = {"ae_title": "PACS", "host": "127.0.0.1", "port": 1}
        self.settings = Settings(folder=folder, keep_free_mb=1, receive=wanted, send=send)
        self.queue = Queue(f"sqlite:///{folder / 'queue.sqlite'}", "one")
        self.metrics = Metrics(self.queue)
        self.store = Store(self.settings, self.queue)
        self.receiver = Receiver(wanted, self.store, self.queue, self.metrics)
        self.port = self.receiver.start()

    def files(self):
        return [path for path in self.settings.images.rglob("*") if path.is_file()]


@pytest.fixture
def kit(tmp_path):
    made = []

    def build(**changes):
        made.append(Kit(tmp_path, **changes))
        return made[-1]

    yield build
    for one in made:
        one.receiver.stop()
        one.queue.close()


def test_what_was_taken_is_on_the_disk_and_complete_when_the_sender_has_ended(kit, files):
    node = kit()
    assert make.send(files, node.port, "CALCISCOPE") == [0, 0, 0]
    kept = {dcmread(path).SOPInstanceUID: dcmread(path) for path in node.files()}
    sent = {dcmread(path).SOPInstanceUID: dcmread(path) for path in files}
    assert kept == sent
    make.wait(lambda: node.queue.claim_complete(0, 100), 5)


def test_a_sender_that_breaks_off_leaves_a_study_that_waits(kit, files):
    node = kit()
    sender = AE(ae_title="PACS")
    one = dcmread(files[0])
    sender.add_requested_context(one.SOPClassUID, one.file_meta.TransferSyntaxUID)
    association = sender.associate("127.0.0.1", node.port, ae_title="CALCISCOPE")
    assert association.send_c_store(one).Status == 0
    association.abort()
    make.wait(lambda: "broken off" in node.metrics.text().decode(), 5)
    assert node.queue.claim_complete(0, 100) is None
    assert make.send(files, node.port, "CALCISCOPE") == [0, 0, 0]
    make.wait(lambda: node.queue.claim_complete(0, 100), 5)


@pytest.mark.parametrize(("title", "calling"), [("CALCISCOPE", "STRANGER"), ("OTHER", "PACS")])
def test_who_is_not_on_the_list_is_rejected(kit, files, title, calling):
    node = kit()
    with pytest.raises(ConnectionError, match="rejected"):
        make.send(files[:1], node.port, title, calling)
    assert node.files() == []


def test_a_full_disk_is_said_so_and_nothing_is_lost(kit, files, monkeypatch):
    node = kit()
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10, 10, 0))
    assert make.send(files[:1], node.port, "CALCISCOPE") == [0xA700]
    assert node.files() == []
    monkeypatch.undo()
    assert make.send(files[:1], node.port, "CALCISCOPE") == [0]
    assert "no room" in node.metrics.text().decode()


def test_what_was_forgotten_is_removed_and_what_has_come_since_is_not(kit, files):
    node = kit()
    assert make.send(files, node.port, "CALCISCOPE") == [0, 0, 0]
    make.wait(lambda: node.queue.claim_complete(0, 100), 5)
    with node.queue.engine.begin() as work:
        work.exec_driver_sql("UPDATE studies SET state = 'done'")
    keys = node.queue.forget(-1)
    assert make.send(files[:1], node.port, "CALCISCOPE") == [0]
    node.store.tidy(keys)
    assert len(node.files()) == 1
    assert len(keys) == 1


def test_a_disk_that_cannot_be_written_is_said_so(kit, files, monkeypatch):
    node = kit()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("calciscope.serve.node.store.write", full)
    assert make.send(files[:1], node.port, "CALCISCOPE") == [0xA700]
    assert node.queue.counts()[State.RECEIVING] == 0


def test_a_study_beyond_its_limit_is_refused(kit, files, monkeypatch):
    node = kit()
    node.store.settings = node.settings.model_copy(update={"largest_study_mb": 0})
    assert make.send(files[:1], node.port, "CALCISCOPE") == [0xA700]


def test_an_object_beyond_its_limit_is_cut_off(kit, tmp_path, monkeypatch, files):
    # So that the limit is below an object and above what opens an association.
    monkeypatch.setattr("calciscope.serve.node.receive._SLACK", 30_000 - 1024 * 1024)
    node = kit(largest_object_mb=1)
    assert make.send(files[:1], node.port, "CALCISCOPE") == [-1]
    assert node.files() == []
    assert "too large" in node.metrics.text().decode()


def test_a_queue_that_is_away_takes_nothing(kit, files, monkeypatch):
    node = kit()

    def away(*_):
        raise ConnectionError("no database")

    monkeypatch.setattr(node.queue, "received", away)
    assert make.send(files[:1], node.port, "CALCISCOPE") == [0xA700]


def test_an_object_without_a_study_is_refused_and_not_named(kit, files, tmp_path, caplog):
    node = kit()
    one = dcmread(files[0])
    one.StudyInstanceUID = ""
    one.save_as(tmp_path / "one.dcm")
    with caplog.at_level(logging.DEBUG, "calciscope"):
        assert make.send([tmp_path / "one.dcm"], node.port, "CALCISCOPE") == [0xA900]
    assert "no UID" in caplog.text
    assert not [word for word in WORDS if word in caplog.text.lower()]


def test_results_that_come_back_are_taken_and_not_kept(kit, files, monkeypatch):
    node = kit()
    monkeypatch.setattr(node.queue, "is_result", lambda key: True)
    assert make.send(files[:1], node.port, "CALCISCOPE") == [0]
    assert node.files() == []


def test_results_of_another_node_are_known_by_who_wrote_them(kit, tmp_path):
    made = dicom.made(tmp_path / "ct")
    written = write.write(made.assessment, [made.seen], ("sr", "seg"), tmp_path / "dicom", made.stamp)
    node = kit()
    assert make.send(written.paths, node.port, "CALCISCOPE") == [0, 0]
    assert node.files() == []


def test_somebody_who_says_nothing_is_not_waited_for(kit, files):
    node = kit(timeout_seconds=1)
    with socket.create_connection(("127.0.0.1", node.port)) as silent:
        silent.settimeout(20)
        start = time.monotonic()
        silent.recv(100)
        assert time.monotonic() - start < 15
    assert make.send(files[:1], node.port, "CALCISCOPE") == [0]


def test_somebody_who_stops_in_the_middle_of_a_message_keeps_nobody_out(kit, files):
    node = kit(timeout_seconds=1, associations=1)
    with socket.create_connection(("127.0.0.1", node.port)) as stuck:
        stuck.sendall(b"\x01\0\0")
        stuck.settimeout(10)
        assert stuck.recv(100) == b""
    make.wait(lambda: not node.receiver.server.ae.active_associations, 10)
    assert make.send(files[:1], node.port, "CALCISCOPE") == [0]


def test_a_message_that_says_it_is_gigabytes_is_not_read(kit):
    node = kit(timeout_seconds=30)
    with socket.create_connection(("127.0.0.1", node.port)) as large:
        large.settimeout(10)
        large.sendall(struct.pack(">BBL", 1, 0, 0xFFFFFFFF))
        assert large.recv(100) == b""
    assert 'calciscope_refused_total{why="too large"} 1.0' in node.metrics.text().decode()


def test_over_tls_somebody_who_says_nothing_keeps_nobody_out(kit, files, tmp_path):
    made = certificates.make(tmp_path / "tls")
    tls = Tls(certificate=made.certificate, key=made.key, authorities=made.authority)
    node = kit(tls=tls, timeout_seconds=30)
    with socket.create_connection(("127.0.0.1", node.port)):
        time.sleep(0.3)
        sender = AE(ae_title="PACS")
        sender.connection_timeout = sender.acse_timeout = 5
        sender.add_requested_context("1.2.840.10008.1.1")
        context = client_context(tls)
        context.check_hostname = True
        held = sender.associate("127.0.0.1", node.port, ae_title="CALCISCOPE", tls_args=(context, "localhost"))
        assert held.is_established
        held.release()


def test_over_tls_only_a_sender_that_is_certified_is_heard(kit, files, tmp_path):
    made = certificates.make(tmp_path / "tls")
    tls = Tls(certificate=made.certificate, key=made.key, authorities=made.authority)
    node = kit(tls=tls)
    context = client_context(tls)
    assert make.send(files[:1], node.port, "CALCISCOPE", tls_args=(context, "localhost")) == [0]
    stranger = ssl.create_default_context(cafile=str(made.authority))
    for one in ({"tls_args": (stranger, "localhost")}, {}):
        with pytest.raises(ConnectionError):
            make.send(files[:1], node.port, "CALCISCOPE", **one)
    assert len(node.files()) == 1


def test_a_certificate_that_is_none_is_one_line(kit, tmp_path):
    (tmp_path / "no.pem").write_text("no certificate")
    none = tmp_path / "no.pem"
    with pytest.raises(OutputError, match=r"receive\.tls: "):
        kit(tls=Tls(certificate=none, key=none))


def test_a_port_that_is_taken_is_one_line(kit, tmp_path):
    node = kit()
    again = Receiver(replace_port(node.settings.receive, node.port), node.store, node.queue, node.metrics)
    with pytest.raises(OutputError, match=f"receive: port {node.port} cannot be opened"):
        again.start()


def replace_port(receive, port):
    return receive.model_copy(update={"port": port})
