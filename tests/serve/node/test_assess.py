"""The worker that assesses: what a child leaves that had to be stopped."""

import sys
import threading

from calciscope.serve.node import assess
from calciscope.serve.node.metrics import Metrics
from calciscope.serve.node.queue import Queue, State, digest
from calciscope.serve.node.settings import Settings

CHILD = """#!{python}
import json, pathlib, sys, time
draft = pathlib.Path(json.loads(sys.stdin.readline())["draft"])
draft.mkdir(parents=True)
(draft / "half").write_bytes(b"x")
time.sleep(60)
"""


def test_a_child_that_was_stopped_while_it_wrote_leaves_nothing(tmp_path, monkeypatch):
    (tmp_path / "child").write_text(CHILD.format(python=sys.executable))
    (tmp_path / "child").chmod(0o700)
    wanted = Settings(
        folder=tmp_path / "kept", receive={"allow": ("PACS",), "quiet_seconds": 0.01, "interrupted_seconds": 0.01},
        send={"ae_title": "PACS", "host": "127.0.0.1", "port": 1}, assess={"seconds": 2, "attempts": 1},
    )  # fmt: skip
    queue = Queue(f"sqlite:///{tmp_path / 'queue.sqlite'}", "one")
    queue.received(digest("1"), digest("2"), 1, None)
    monkeypatch.setattr(assess.sys, "executable", str(tmp_path / "child"))
    worker = assess.Assessor(wanted, queue, Metrics(queue), threading.Event())
    threading.Event().wait(0.1)
    assert worker.step()
    assert queue.counts()[State.FAILED] == 1
    assert list(wanted.coming.glob("*")) == []
    queue.close()
