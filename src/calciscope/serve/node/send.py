"""The sender: results go to a storage provider (C-STORE) or a DICOMweb server (STOW-RS), each until it is taken."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Protocol

from pydicom import dcmread
from pydicom.errors import InvalidDicomError
from pynetdicom import AE

from calciscope.serve.node.assess import Assessor
from calciscope.serve.node.metrics import Metrics
from calciscope.serve.node.queue import Job, Queue, State
from calciscope.serve.node.receive import client_context
from calciscope.serve.node.settings import Send, Settings

_log = logging.getLogger("calciscope.serve.node")
# What a receiver answered to one result: taken, or why it never will be (None and text), or to be tried again.
Answer = tuple[str, str | None]
# PS3.7 C.5: duplicate SOP instance; and what another time may end otherwise: processing failure, resource limitation.
_THERE, _LATER = 0x0111, (0x0110, 0x0213)


class UnreachableError(Exception):
    """The receiver is not there, refuses, or does not answer; the text says which, without names."""


class Way(Protocol):
    """A way out. Raises :class:`UnreachableError` where what is left is to be tried again."""

    def send(self, paths: Iterable[Path]) -> Iterator[Answer]:
        """Send files; for each its name, and why it was refused for good or ``None``."""


class Storage:
    """C-STORE to one application entity."""

    def __init__(self, settings: Send, title: str) -> None:
        self.settings, self.title = settings, title
        self.context = None if settings.tls is None else client_context(settings.tls)

    def send(self, paths: Iterable[Path]) -> Iterator[Answer]:
        """One association for all."""
        files = {path.name: dcmread(path) for path in paths}
        node = AE(ae_title=self.title)
        node.acse_timeout = node.dimse_timeout = node.network_timeout = self.settings.timeout_seconds
        node.connection_timeout = self.settings.timeout_seconds
        for one in files.values():
            node.add_requested_context(one.SOPClassUID, one.file_meta.TransferSyntaxUID)
        peer = self.settings
        # Without a context of TLS the library takes none.
        tls = {} if self.context is None else {"tls_args": (self.context, peer.host)}
        association = node.associate(peer.host, peer.port, ae_title=peer.ae_title, **tls)  # type: ignore[arg-type]
        if not association.is_established:
            raise UnreachableError(
                "the receiver rejected the association" if association.is_rejected else "the receiver does not answer"
            )
        try:
            later = None
            taken = {context.abstract_syntax for context in association.accepted_contexts}
            for name, one in files.items():
                if one.SOPClassUID not in taken:
                    yield name, "the receiver does not take this SOP class"
                    continue
                try:
                    status = association.send_c_store(one)
                except (RuntimeError, ValueError) as error:  # what the library raises where the peer has aborted
                    raise UnreachableError("the receiver broke off") from error
                if "Status" not in status:
                    raise UnreachableError("the receiver did not answer in time")
                code = int(status.Status)
                # Success, stored with a warning, or there already: it was sent before a crash.
                if code in (0, _THERE) or code & 0xF000 == 0xB000:
                    yield name, None
                elif code in _LATER:  # the others are sent all the same
                    later = UnreachableError(f"the receiver answered {code:#06x}")
                elif code & 0xFF00 == 0xA700:
                    raise UnreachableError("the receiver has no room")
                else:
                    yield name, f"the receiver answered {code:#06x}"
            if later is not None:
                raise later
        finally:
            if association.is_established:
                association.release()


class Sender:
    """Sends what was assessed."""

    def __init__(self, settings: Settings, queue: Queue, metrics: Metrics, assessor: Assessor, way: Way) -> None:
        self.settings, self.queue, self.metrics, self.assessor, self.way = settings, queue, metrics, assessor, way

    def step(self) -> bool:
        """Send the results of one study; false where none wait."""
        job = self.queue.claim_sending()
        if job is None:
            return False
        names = self.queue.waiting(job)
        folder = self.assessor.folder(job)
        lost = [name for name in names if not (folder / name).is_file()]
        if lost:
            self.queue.end(job, State.FAILED, "results were removed from the disk")
            return True
        try:
            self._send(job, [folder / name for name in names])
        except UnreachableError as error:
            self.metrics.sent("later")
            _log.warning("study %d: %s; it is tried again", job.id, error)
            self.queue.again(job, str(error), self.settings.queue.wait_seconds, self.settings.queue.attempts)
        except (InvalidDicomError, OSError, AttributeError, KeyError, ValueError) as error:
            # A result that was damaged on the disk is as bad the next time; the attempts end that.
            self.metrics.sent("later")
            _log.error("study %d: a result cannot be sent (%s); it is tried again", job.id, type(error).__name__)
            self.queue.again(
                job, "a result cannot be read", self.settings.queue.wait_seconds, self.settings.queue.attempts
            )
        return True

    def _send(self, job: Job, paths: list[Path]) -> None:
        refused = None
        if paths:
            for name, why in self.way.send(paths):
                self.queue.sent(job, name, why)
                self.metrics.sent("taken" if why is None else "refused")
                refused = why or refused
                if why is not None:
                    _log.warning("study %d: %s was not taken: %s", job.id, Path(name).stem.partition("-")[0], why)
                if not self.queue.renew(job):
                    return
        self.queue.end(job, State.DONE, refused)
        _log.info("study %d: %d results sent", job.id, len(paths))
