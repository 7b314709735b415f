"""The sender: what a receiver refuses, does not know, or never answers ends in a clear, bounded way."""

import socket
import threading
import time
from dataclasses import dataclass

import pytest
from pynetdicom import AE, AllStoragePresentationContexts, evt
from pynetdicom.sop_class import CTImageStorage

from calciscope.serve.node.metrics import Metrics
from calciscope.serve.node.queue import Queue, State, digest
from calciscope.serve.node.send import Sender, Storage, UnreachableError
from calciscope.serve.node.settings import Receive, Send, Settings, Tls
from tests.serve.node import certificates, make


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return sorted(make.study(tmp_path_factory.mktemp("study"), 1, slices=3).iterdir())


@pytest.fixture
def peer():
    """A receiver of somebody else, that answers as told."""
    running = []

    def build(answer=lambda event: 0, contexts=AllStoragePresentationContexts, called=False, ssl_context=None):
        node = AE(ae_title="PACS")
        node.supported_contexts = list(contexts)
        node.require_called_aet = called
        running.append(
            node.start_server(
                ("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_C_STORE, answer)], ssl_context=ssl_context
            )
        )
        return running[-1].socket.getsockname()[1]

    yield build
    for one in running:
        one.shutdown()


def way(port, title="PACS", **more):
    return Storage(Send(ae_title=title, host="127.0.0.1", port=port, timeout_seconds=1, **more), "CALCISCOPE")


def test_every_file_is_sent_in_one_association(peer, files):
    taken = []
    port = peer(lambda event: taken.append(event.request.AffectedSOPInstanceUID) or 0)
    assert list(way(port).send(files)) == [(path.name, None) for path in files]
    assert len(set(taken)) == 3


def test_a_class_that_is_not_taken_is_said_so_and_the_others_are_sent(peer, files, tmp_path):
    from pydicom import dcmread

    other = dcmread(files[0])
    other.SOPClassUID = other.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.66.4"
    other.save_as(tmp_path / "seg.dcm")
    port = peer(contexts=[one for one in AllStoragePresentationContexts if one.abstract_syntax == CTImageStorage])
    answers = dict(way(port).send([files[0], tmp_path / "seg.dcm"]))
    assert answers == {files[0].name: None, "seg.dcm": "the receiver does not take this SOP class"}


@pytest.mark.parametrize(
    ("status", "answer"), [(0xB007, None), (0x0111, None), (0x0122, "the receiver answered 0x0122")]
)
def test_a_warning_is_a_yes_and_an_error_a_no(peer, files, status, answer):
    assert list(way(peer(lambda event: status)).send(files[:1])) == [(files[0].name, answer)]


@pytest.mark.parametrize("status", [0x0110, 0x0213])
def test_what_may_end_otherwise_another_time_is_tried_again(peer, files, status):
    answers, taken = iter([status, 0]), []
    with pytest.raises(UnreachableError, match=f"{status:#06x}"):
        taken.extend(way(peer(lambda event: next(answers))).send(files[:2]))
    assert taken == [(files[1].name, None)], "the other is sent all the same"


def test_a_receiver_without_room_is_asked_again_later(peer, files):
    with pytest.raises(UnreachableError, match="no room"):
        list(way(peer(lambda event: 0xA700)).send(files))


def test_a_receiver_that_rejects_or_is_not_there_is_told_apart(peer, files):
    with pytest.raises(UnreachableError, match="rejected"):
        list(way(peer(called=True), title="OTHER").send(files))
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        with pytest.raises(UnreachableError, match="does not answer"):
            list(way(nobody.getsockname()[1]).send(files))


def test_a_receiver_that_hangs_is_left_after_the_time_that_was_set(peer, files):
    stop = threading.Event()
    port = peer(lambda event: int(stop.wait(20)))
    start = time.monotonic()
    with pytest.raises(UnreachableError, match="in time"):
        list(way(port).send(files))
    assert time.monotonic() - start < 15
    stop.set()


def test_a_receiver_that_breaks_off_is_asked_again_later(peer, files):
    def once(event):
        event.assoc.abort()
        return 0

    with pytest.raises(UnreachableError):
        list(way(peer(once)).send(files))


def test_over_tls_the_receiver_must_be_certified(peer, files, tmp_path):
    from calciscope.serve.node.receive import server_context

    made = certificates.make(tmp_path)
    port = peer(ssl_context=server_context(Tls(certificate=made.certificate, key=made.key)))
    assert list(way(port, tls=Tls(authorities=made.authority)).send(files[:1])) == [(files[0].name, None)]
    with pytest.raises(UnreachableError):
        list(way(port, tls=Tls()).send(files[:1]))


@dataclass
class Folders:
    """Where results are, in place of an assessor."""

    path: object

    def folder(self, job):
        return self.path


class Told:
    """A way out that does as it is told."""

    def __init__(self, *answers):
        self.answers, self.sent = list(answers), []

    def send(self, paths):
        for path in paths:
            answer = self.answers.pop(0)
            if isinstance(answer, Exception):
                raise answer
            self.sent.append(path.name)
            yield path.name, answer


@pytest.fixture
def kit(tmp_path):
    """A queue with one study whose two results wait, and what makes a sender of it."""
    results = tmp_path / "results"
    results.mkdir()
    for name in ("a.dcm", "b.dcm"):
        (results / name).write_bytes(b"x")
    queue = Queue(f"sqlite:///{tmp_path / 'queue.sqlite'}", "one")
    queue.received(digest("1"), digest("2"), 1, None)
    queue.assessed(queue.claim_complete(0, 0), [("a.dcm", "k1"), ("b.dcm", "k2")])
    send = Send(ae_title="PACS", host="127.0.0.1", port=1)
    settings = Settings(
        folder=tmp_path, receive=Receive(allow=("PACS",)), send=send, queue={"wait_seconds": 0.01, "attempts": 3}
    )

    def build(told):
        return Sender(settings, queue, Metrics(queue), Folders(results), told)

    yield queue, build, results
    queue.close()


def test_what_was_taken_before_a_fault_is_not_sent_again(kit):
    queue, build, _ = kit
    told = Told(None, UnreachableError("the receiver has no room"), None)
    sender = build(told)
    assert sender.step()
    assert queue.counts()[State.SENDING] == 1
    make.wait(sender.step, 5)
    assert told.sent == ["a.dcm", "b.dcm"]
    assert queue.counts()[State.DONE] == 1
    assert not sender.step()


def test_a_result_that_is_refused_for_good_does_not_hold_up_the_other(kit):
    queue, build, _ = kit
    build(Told("the receiver does not take this SOP class", None)).step()
    assert queue.counts()[State.DONE] == 1


def test_a_receiver_that_never_comes_back_ends_in_a_failed_study(kit):
    queue, build, _ = kit
    sender = build(Told(*[UnreachableError("the receiver does not answer")] * 3))
    for _ in range(3):
        make.wait(sender.step, 5)
    assert queue.counts()[State.FAILED] == 1


def test_results_that_are_gone_are_told(kit):
    queue, build, results = kit
    (results / "a.dcm").unlink()
    build(Told()).step()
    assert queue.counts()[State.FAILED] == 1


def test_a_result_that_is_damaged_is_given_up_after_its_attempts(kit, peer):
    queue, build, _ = kit
    sender = build(way(peer()))
    for _ in range(3):
        make.wait(sender.step, 5)
    assert queue.counts()[State.FAILED] == 1
