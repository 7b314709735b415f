"""The node: receiver, poller, assessors and sender around one queue, each in a thread."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass

from calciscope.errors import OutputError
from calciscope.serve.node.assess import Assessor
from calciscope.serve.node.http import Http
from calciscope.serve.node.metrics import Metrics
from calciscope.serve.node.queue import Queue
from calciscope.serve.node.receive import Receiver
from calciscope.serve.node.send import Sender, Storage
from calciscope.serve.node.settings import Settings
from calciscope.serve.node.store import Store
from calciscope.serve.node.web import Poller, Stow

_log = logging.getLogger("calciscope.serve.node")
# How long an idle part rests, and one whose step broke.
_REST, _AFTER_FAULT = 0.3, 5.0
_TIDY_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Ports:
    """Where the node listens; ``None`` where it does not."""

    dicom: int | None
    http: int


class Node:
    """A node that runs from :meth:`start` to :meth:`close`.

    It may end at any moment and in any way: what was received is on the disk and in the queue, and what was under way
    is done again.
    """

    def __init__(self, settings: Settings) -> None:
        try:
            settings.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise OutputError(f"folder: {settings.folder} cannot be made: {error.strerror}") from error
        self.settings, self._stop = settings, threading.Event()
        self.queue = Queue(settings.database, settings.queue.name, settings.queue.lease_seconds)
        self.queue.recover()
        self.metrics = Metrics(self.queue)
        self.store = Store(settings, self.queue)
        title = settings.receive.ae_title if settings.receive else "CALCISCOPE"
        way = Storage(settings.send, title) if settings.send else Stow(settings.web)  # type: ignore[arg-type]
        assessor = Assessor(settings, self.queue, self.metrics, self._stop)
        sender = Sender(settings, self.queue, self.metrics, assessor, way)
        self._threads = [self._thread(f"assess {n}", assessor.step) for n in range(1, settings.assess.workers + 1)]
        self._threads += [self._thread("send", sender.step), self._thread("tidy", self._tidy)]
        if settings.web is not None and settings.web.query is not None:
            poller = Poller(settings, self.store, self.queue, self.metrics)
            self._threads += [self._thread("fetch", poller.step), self._thread("poll", self._polling(poller))]
        self.receiver = Receiver(settings.receive, self.store, self.queue, self.metrics) if settings.receive else None
        self.http = Http(settings, self.metrics, self._stopped)

    def start(self) -> Ports:
        """Begin. Raises ``OutputError`` where a port cannot be opened."""
        ports = Ports(self.receiver.start() if self.receiver else None, self.http.start())
        for thread in self._threads:
            thread.start()
        return ports

    def close(self) -> None:
        """End in order: nothing more is taken, and what is under way is given up and done again next time."""
        if self.receiver is not None:
            self.receiver.stop()
        self._stop.set()
        for thread in self._threads:
            if thread.is_alive():
                thread.join(30)
        self.http.stop()
        self.queue.recover()
        self.queue.close()

    def _stopped(self) -> list[str]:
        return [thread.name for thread in self._threads if not thread.is_alive()]

    def _thread(self, name: str, step: Callable[[], bool]) -> threading.Thread:
        return threading.Thread(target=self._loop, args=(name, step), name=name, daemon=True)

    def _loop(self, name: str, step: Callable[[], bool]) -> None:
        """Step after step until the end; a step that breaks is told by its type, never by its text."""
        while not self._stop.is_set():
            try:
                worked = step()
            except Exception as error:  # noqa: BLE001 - a part must outlive its steps; the lease brings the study back
                _log.error("%s: %s", name, type(error).__name__)
                self._stop.wait(_AFTER_FAULT)
                continue
            if not worked:
                self._stop.wait(_REST)

    def _tidy(self) -> bool:
        self.store.tidy(self.queue.forget(self.settings.queue.keep_hours * 3600))
        self._stop.wait(_TIDY_SECONDS)
        return True

    def _polling(self, poller: Poller) -> Callable[[], bool]:
        def step() -> bool:
            poller.poll()
            self._stop.wait(poller.web.poll_seconds)
            return True

        return step
