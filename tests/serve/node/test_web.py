"""DICOMweb beside a real Orthanc: studies that a query lists are fetched, assessed, and the results stored."""

import json

import pytest
import requests

from calciscope.errors import OutputError
from calciscope.serve.node import web
from calciscope.serve.node.metrics import Metrics
from calciscope.serve.node.queue import Queue, State
from calciscope.serve.node.send import UnreachableError
from calciscope.serve.node.settings import Settings, Web
from calciscope.serve.node.store import Store
from tests import outside
from tests.serve.node import make


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("orthanc")
    with outside.orthanc(folder) as running:
        if not running.web:
            outside.missing("The DICOMweb plug-in", "orthanc-dicomweb (Debian)")
        paths = sorted(make.study(folder, 7).iterdir())
        assert set(make.send(paths, running.dicom, "ORTHANC")) == {0}
        yield running


def settings(folder, server, **more):
    url = f"http://127.0.0.1:{server.http}/dicom-web"
    return Settings(
        folder=folder, keep_free_mb=1, web={"url": url, "query": {"ModalitiesInStudy": "CT"}, "store": True, **more}
    )


@pytest.fixture
def parts(tmp_path, server):
    wanted = settings(tmp_path, server)
    queue = Queue(wanted.database, "one")
    yield web.Poller(wanted, Store(wanted, queue), queue, Metrics(queue)), queue
    queue.close()


def test_what_the_query_lists_is_fetched_whole_and_once(parts):
    poller, queue = parts
    poller.poll()
    poller.poll()
    assert queue.counts()[State.LISTED] == 1
    assert poller.step()
    assert not poller.step()
    assert queue.claim_complete(0, 0).version == 28
    assert len(list(poller.settings.images.rglob("*.dcm"))) == 28


def test_a_fetch_that_breaks_off_is_begun_again(parts, monkeypatch):
    poller, queue = parts
    poller.poll()
    poller.poll()
    whole = poller.client.iter_series

    def broken(*words):
        for number, one in enumerate(whole(*words)):
            if number == 5:
                raise requests.ConnectionError
            yield one

    monkeypatch.setattr(poller.client, "iter_series", broken)
    assert poller.step()
    assert queue.claim_complete(0, 0) is None, "five slices are no study"
    monkeypatch.undo()
    with queue.engine.begin() as work:
        work.exec_driver_sql("UPDATE studies SET next_at = 0")
    assert poller.step()
    assert queue.claim_complete(0, 0).version == 28


def test_a_server_that_is_not_there_is_asked_again(parts, caplog):
    poller, queue = parts
    poller.client = web.client(Web(url="http://127.0.0.1:9/dicom-web", timeout_seconds=2))
    poller.poll()
    assert "is asked again" in caplog.text
    assert sum(queue.counts().values()) == 0
    with pytest.raises(UnreachableError, match="does not answer"):
        list(web.Stow(Web(url="http://127.0.0.1:9/dicom-web", timeout_seconds=2)).send([_some(poller)]))


def test_an_answer_that_cannot_be_understood_is_tried_again(parts, monkeypatch):
    way = web.Stow(Web(url="http://127.0.0.1:9/dicom-web"))

    def odd(files):
        raise ValueError("Expecting value")

    monkeypatch.setattr(way.client, "store_instances", odd)
    with pytest.raises(UnreachableError, match="cannot be understood"):
        list(way.send([_some(parts[0])]))


def _some(poller):
    folder = poller.settings.folder / "one"
    return sorted(make.study(folder, 8, slices=1).iterdir())[0]


def test_a_token_that_is_not_set_is_one_line(monkeypatch):
    monkeypatch.delenv("NO_TOKEN", raising=False)
    with pytest.raises(OutputError, match=r"web\.token_variable: NO_TOKEN is not set"):
        web.client(Web(url="http://127.0.0.1:9/dicom-web", token_variable="NO_TOKEN"))


def test_the_whole_way_over_the_web(tmp_path, server):
    url = f"http://127.0.0.1:{server.http}/dicom-web"
    with make.node(
        tmp_path, 0, web={"url": url, "poll_seconds": 1, "store": True}, **{"web.query": {"ModalitiesInStudy": "CT"}}
    ) as running:
        running.start()
        make.wait(lambda: running.counts().get("done") == 1, 90, running.log)
        found = {kind: len(uids) for kind, uids in make.stored(server, "1.2.826.99.7").items()}
        assert found == {"CT": 28, "SEG": 1, "SR": 1, "DOC": 1}
        assert json.loads(running.get("/health/live"))["stopped"] == []
        assert running.stop() == 0
