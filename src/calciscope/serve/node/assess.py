"""The worker that assesses: claims a complete study and has a child do the work, within bounds."""

from __future__ import annotations

import json
import logging
import shutil
import subprocess
import sys
import threading
from dataclasses import asdict
from pathlib import Path
from time import monotonic
from uuid import uuid4

from calciscope.serve.node import child
from calciscope.serve.node.metrics import Metrics
from calciscope.serve.node.queue import Job, Queue, State, digest
from calciscope.serve.node.settings import Settings

_log = logging.getLogger("calciscope.serve.node")
_MB = 1024 * 1024


class Assessor:
    """Assesses studies one after the other."""

    def __init__(self, settings: Settings, queue: Queue, metrics: Metrics, stop: threading.Event) -> None:
        self.settings, self.queue, self.metrics, self.stop = settings, queue, metrics, stop

    def step(self) -> bool:
        """Claim a study and assess it; false where none is waiting."""
        receive = self.settings.receive
        quiet, broken = (receive.quiet_seconds, receive.interrupted_seconds) if receive else (0.0, 0.0)
        job = self.queue.claim_complete(quiet, broken)
        if job is None:
            return False
        if job.missing:
            self.queue.end(job, State.FAILED, "images came after the others had been removed; send the whole study")
            _log.warning(
                "study %d: %d images that were here before are missing; send the whole study", job.id, job.missing
            )
            return True
        results = self.folder(job)
        start = monotonic()
        outcome = "found done" if (results / child.NAMES).is_file() else self._child(job, results)
        self._ended(job, results, outcome)
        self.metrics.assessed(outcome, monotonic() - start)
        _log.info("study %d: assessment %s, %.1f s", job.id, outcome, monotonic() - start)
        return True

    def folder(self, job: Job) -> Path:
        """Where the results of a version are."""
        return self.settings.results / job.key / str(job.version)

    def _ended(self, job: Job, results: Path, outcome: str) -> None:
        if outcome in ("done", "found done"):
            names: dict[str, str] = json.loads((results / child.NAMES).read_text("utf-8"))
            self.queue.assessed(job, [(name, digest(uid)) for name, uid in names.items()])
        elif outcome == "nothing":
            self.queue.end(job, State.NOTHING, "no image of it can be assessed")
        elif outcome not in ("grown", "stopped"):
            self.queue.again(
                job, f"assessment {outcome}", self.settings.queue.wait_seconds, self.settings.assess.attempts
            )

    def _child(self, job: Job, results: Path) -> str:
        """Let a child assess; one word says how that ended."""
        wanted = self.settings.assess
        task = child.Task(
            images=str(self.settings.images / job.key),
            draft=str(self.settings.coming / uuid4().hex),
            results=str(results),
            formats=wanted.formats,
            preset=wanted.preset,
            guidelines=wanted.guidelines,
            knowledge=tuple(str(one) for one in wanted.knowledge),
            memory=wanted.memory_mb * _MB,
        )
        # What a library says of a study may name the patient: it goes nowhere.
        process = subprocess.Popen(
            [sys.executable, "-m", "calciscope.serve.node.child"],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        assert process.stdin is not None
        try:
            process.stdin.write(json.dumps(asdict(task)).encode() + b"\n")
            process.stdin.flush()
            return self._watched(process, job)
        except BrokenPipeError:
            return "failed"
        finally:
            process.kill()
            process.wait()
            process.stdin.close()
            # A child that was stopped while it wrote cannot clear up.
            shutil.rmtree(task.draft, ignore_errors=True)

    def _watched(self, process: subprocess.Popen[bytes], job: Job) -> str:
        """Wait for the child; stop it where it takes too long, its study has grown, or the node ends."""
        until = monotonic() + self.settings.assess.seconds
        renew = monotonic()
        while monotonic() < until:
            try:
                code = process.wait(timeout=0.2)
            except subprocess.TimeoutExpired:
                if self.stop.is_set():
                    return "stopped"
                if monotonic() >= renew:
                    if not self.queue.renew(job):
                        return "grown"
                    renew = monotonic() + self.queue.lease_seconds / 3
                continue
            return {0: "done", child.NOTHING: "nothing", child.UNWRITTEN: "unwritten"}.get(code, "failed")
        return "took too long"
