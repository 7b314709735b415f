"""Nodes as processes of their own, beside an Orthanc that routes what it receives to them."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread

from tests import outside
from tests.studies import series
from tests.test_privacy import IDENTITY

# A study that has stayed the same for a while is sent on to the node, with the results in it when they have come back.
ROUTE = """
function OnStableStudy(id, tags, metadata)
  RestApiPost('/modalities/node/store', DumpJson({Resources = {id}, Asynchronous = true}))
end
"""


def study(folder: Path, number: int, slices: int | None = None) -> Path:
    """A study of a person of its own, as files."""
    header = {**IDENTITY, "StudyTime": "101500", "PatientSex": "F"}
    made = series(study=f"1.2.826.99.{number}", uid=f"1.2.826.99.{number}.1", frame=f"1.2.826.99.{number}.2",
                  patient=f"PID-42424{number}", header=header)  # fmt: skip
    made.write(folder / f"study-{number}", skip=() if slices is None else tuple(range(slices, made.hu.shape[0])))
    return folder / f"study-{number}"


def toml(**sections: Any) -> str:
    """A configuration."""
    lines = [f"{key} = {json.dumps(value)}" for key, value in sections.items() if not isinstance(value, dict)]
    for name, section in sections.items():
        if isinstance(section, dict):
            lines += [f"[{name}]", *(f"{key} = {json.dumps(value)}" for key, value in section.items())]
    return "\n".join(lines) + "\n"


@dataclass
class Running:
    """A node that runs as a process."""

    folder: Path
    configuration: Path
    dicom: int
    http: int
    process: subprocess.Popen[bytes] | None = None
    starts: int = field(default=0)

    def start(self) -> None:
        """Start it and wait until it listens."""
        self.starts += 1
        with (self.folder / "node.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "calciscope", "node", str(self.configuration)], stdout=log, stderr=log
            )
        wait(lambda: self.get("/health/live") is not None, 60, self.log)

    def kill(self) -> None:
        """End it as a loss of power would."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """End it in order."""
        assert self.process is not None
        self.process.terminate()
        return self.process.wait(60)

    def get(self, path: str) -> str | None:
        """The body of an answer; ``None`` where nobody answers."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.http}{path}", timeout=10) as answer:
                return str(answer.read().decode())
        except urllib.error.HTTPError as error:
            return error.read().decode()
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return None

    def counts(self) -> dict[str, int]:
        """Studies by state."""
        told = self.get("/health/ready")
        return json.loads(told).get("studies", {}) if told else {}

    def log(self) -> str:
        """What it has logged."""
        return (self.folder / "node.log").read_text("utf-8", errors="replace")


@contextmanager
def node(folder: Path, dicom: int, **sections: Any) -> Iterator[Running]:
    """A node whose configuration is at ``folder / node.toml``; it is started by the test."""
    folder.mkdir(parents=True, exist_ok=True)
    http = outside.free_port()
    path = folder / "node.toml"
    path.write_text(toml(folder="kept", keep_free_mb=1, http={"port": http}, **sections))
    running = Running(folder, path, dicom, http)
    try:
        yield running
    finally:
        if running.process is not None and running.process.poll() is None:
            running.kill()


def wait(happened: Callable[[], object], seconds: float, said: Callable[[], str] = lambda: "") -> None:
    """Wait until something is true."""
    until = time.monotonic() + seconds
    while not happened():
        if time.monotonic() > until:
            pytest.fail(f"it did not happen within {seconds} seconds\n{said()[-3000:]}")
        time.sleep(0.1)


def send(paths: list[Path], port: int, title: str, calling: str = "PACS", **more: Any) -> list[int]:
    """Store files; the status of each (-1 without one). Raises ``ConnectionError`` where there is no association."""
    from pynetdicom import AE

    files = [dcmread(path) for path in paths]
    sender = AE(ae_title=calling)
    for kind in {(one.SOPClassUID, one.file_meta.TransferSyntaxUID) for one in files}:
        sender.add_requested_context(*kind)
    association = sender.associate("127.0.0.1", port, ae_title=title, **more)
    if not association.is_established:
        raise ConnectionError("rejected" if association.is_rejected else "no association")
    try:
        return [int(association.send_c_store(one).get("Status", -1)) for one in files]
    finally:
        association.release()


def routing(folder: Path, dicom: int) -> dict[str, Any]:
    """What makes an Orthanc route to a node."""
    (folder / "route.lua").write_text(ROUTE)
    return {
        "DicomModalities": {"node": ["CALCISCOPE", "127.0.0.1", dicom]}, "LuaScripts": [str(folder / "route.lua")],
        "DicomScuTimeout": 20, "StableAge": 1,
    }  # fmt: skip


def resubmit(server: outside.Server) -> int:
    """Have Orthanc try the transfers again that failed, as those who run it would; how many."""
    failed = [one for one in json.loads(server.get("/jobs?expand")) if one["State"] == "Failure"]
    for one in failed:
        server.post(f"/jobs/{one['ID']}/resubmit", b"{}", "application/json")
    return len(failed)


def stored(server: outside.Server, study_uid: str) -> dict[str, list[str]]:
    """What a server has of a study: modality -> SOP Instance UIDs."""
    query = {"Level": "Instance", "Expand": True, "Query": {"StudyInstanceUID": study_uid}}
    found: dict[str, list[str]] = {}
    for one in json.loads(server.post("/tools/find", json.dumps(query).encode(), "application/json")):
        tags = json.loads(server.get(f"/instances/{one['ID']}/simplified-tags"))
        found.setdefault(tags["Modality"], []).append(tags["SOPInstanceUID"])
    return found


RECEIVE = {"allow": ["ORTHANC", "PACS"], "quiet_seconds": 1, "interrupted_seconds": 60, "timeout_seconds": 20}


@dataclass
class Killed:
    """What a node that was killed again and again left: for each study the results by modality."""

    kills: int
    starts: int
    states: dict[str, int]
    results: dict[str, dict[str, int]]
    log: str


def killed(folder: Path, kills: int, studies: int, seed: int, longest: float = 8.0) -> Killed:
    """Send studies to an Orthanc that routes them to a node, and kill the node at random moments meanwhile.

    Each time it is started again after a moment, and Orthanc is told to try again what failed, as those who run a PACS
    or its own retries would. Ends when the node has been killed so often and is done.
    """
    moments = random.Random(seed)
    dicom = outside.free_port()
    with (
        outside.orthanc(folder, **routing(folder, dicom)) as server,
        node(
            folder / "node", dicom, receive={**RECEIVE, "port": dicom}, queue={"wait_seconds": 1, "lease_seconds": 6},
            send={"ae_title": "ORTHANC", "host": "127.0.0.1", "port": server.dicom, "timeout_seconds": 20},
        ) as running,
    ):  # fmt: skip
        running.start()
        sent = 0
        for number in range(kills):
            # Studies arrive all along: some kills fall into a transfer, some into an assessment, some into a return.
            while sent * kills <= number * studies and sent < studies:
                sent += 1
                paths = sorted(study(folder, sent).iterdir())
                assert set(send(paths, server.dicom, "ORTHANC")) == {0}
            time.sleep(moments.uniform(0.0, longest))
            running.kill()
            running.start()
            resubmit(server)

        def done() -> bool:
            resubmit(server)
            counts = running.counts()
            return counts.get("done") == studies and sum(counts.values()) == studies

        wait(done, 60 + 20 * studies, running.log)
        # Results that come back are routed once more; nothing may follow from that.
        time.sleep(4)
        results = {
            str(one): {kind: len(uids) for kind, uids in stored(server, f"1.2.826.99.{one}").items() if kind != "CT"}
            for one in range(1, studies + 1)
        }
        return Killed(kills, running.starts, running.counts(), results, running.log())
