"""The receiver: a DICOM storage provider (PS3.4 annex B) that keeps what it is sent and says so only then."""

from __future__ import annotations

import logging
import ssl
import threading
from collections import defaultdict
from io import BytesIO
from time import monotonic
from typing import Any
from uuid import uuid4

from pydicom import dcmread
from pydicom.uid import UID
from pynetdicom import AE, ALL_TRANSFER_SYNTAXES, AllStoragePresentationContexts, evt
from pynetdicom.sop_class import Verification  # type: ignore[attr-defined]
from pynetdicom.transport import ThreadedAssociationServer

from calciscope.domain import product
from calciscope.errors import OutputError
from calciscope.serve.node.metrics import Metrics
from calciscope.serve.node.queue import Queue, digest
from calciscope.serve.node.settings import Receive, Tls
from calciscope.serve.node.store import NoRoomError, Store

_log = logging.getLogger("calciscope.serve.node")
_MB = 1024 * 1024
# PS3.4 table B.2-1.
_TAKEN, _NO_ROOM, _NOT_UNDERSTOOD, _MISMATCH = 0x0000, 0xA700, 0xC000, 0xA900
_SEEN = ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID")
_KIND = ("ManufacturerModelName", "Modality")
# A node must not wait for the whole of a limit: the sender is cut off where an object grows beyond it.
_SLACK = _MB
# The largest message asks for 128 contexts with every transfer syntax; pieces of objects are smaller, as agreed.
_LARGEST_PDU = _MB


class Receiver:
    """Accepts associations of those on the list and keeps every instance that they store."""

    def __init__(self, settings: Receive, store: Store, queue: Queue, metrics: Metrics) -> None:
        self.settings, self.store, self.queue, self.metrics = settings, store, queue, metrics
        self.server: ThreadedAssociationServer | None = None
        self._transfers: dict[int, str] = {}
        self._bytes: dict[int, int] = defaultdict(int)

    def start(self) -> int:
        """Listen; returns the port.

        Raises:
            OutputError: nobody can listen there, or the certificate cannot be used.
        """
        wanted = self.settings
        node = AE(ae_title=wanted.ae_title)
        for context in AllStoragePresentationContexts:
            node.add_supported_context(str(context.abstract_syntax), ALL_TRANSFER_SYNTAXES)
        node.add_supported_context(Verification)
        node.require_calling_aet = list(wanted.allow)
        node.require_called_aet = True
        node.maximum_associations = wanted.associations
        node.acse_timeout = node.dimse_timeout = node.network_timeout = wanted.timeout_seconds
        handlers: list[evt.EventHandlerType] = [
            (evt.EVT_CONN_OPEN, self._opened), (evt.EVT_ACCEPTED, self._accepted), (evt.EVT_REJECTED, self._rejected),
            (evt.EVT_RELEASED, self._released), (evt.EVT_CONN_CLOSE, self._closed), (evt.EVT_DATA_RECV, self._data),
            (evt.EVT_C_STORE, self._store),
        ]  # fmt: skip
        try:
            server = node.start_server(
                (wanted.host, wanted.port), block=False, evt_handlers=handlers,
                ssl_context=None if wanted.tls is None else server_context(wanted.tls),
            )  # fmt: skip
        except OSError as error:
            raise OutputError(f"receive: port {wanted.port} cannot be opened: {error.strerror}") from error
        assert server is not None  # it does not block
        self.server, listening = server, server.socket
        return int(listening.getsockname()[1]) if listening is not None else 0

    def stop(self) -> None:
        """Listen no more."""
        if self.server is not None:
            self.server.shutdown()

    def _opened(self, event: evt.Event) -> None:
        """Bound every message: the library waits for ever for the rest of one, and takes one of 4 GB from anybody."""
        link = event.assoc.dul.socket
        plain = None if link is None else link.socket
        if link is None or plain is None:
            return
        seconds = self.settings.timeout_seconds
        plain.settimeout(seconds)

        def recv(nr_bytes: int) -> bytearray:
            if nr_bytes > _LARGEST_PDU:
                self.metrics.refused("too large")
                raise OSError("a message is too large")
            got, until = bytearray(), monotonic() + seconds
            while len(got) < nr_bytes:
                left = until - monotonic()
                if left <= 0:
                    raise TimeoutError
                plain.settimeout(left)
                part = plain.recv(min(65536, nr_bytes - len(got)))
                if not part:
                    break
                got += part
            plain.settimeout(seconds)
            return got

        link.recv = recv  # type: ignore[method-assign]

    def _accepted(self, event: evt.Event) -> None:
        transfer = self._transfers[id(event.assoc)] = str(uuid4())
        self.queue.begin_transfer(transfer)

    def _rejected(self, event: evt.Event) -> None:
        self.metrics.refused("association")
        _log.warning("an association was rejected: its title is not on the list, or there are too many")

    def _released(self, event: evt.Event) -> None:
        transfer = self._transfers.pop(id(event.assoc), None)
        if transfer is not None:
            self.queue.end_transfer(transfer)

    def _closed(self, event: evt.Event) -> None:
        self._bytes.pop(id(event.assoc), None)
        if self._transfers.pop(id(event.assoc), None) is not None:
            self.metrics.refused("broken off")
            _log.warning("a transfer broke off; its study waits for the sender to try again")

    def _data(self, event: evt.Event) -> None:
        """Count what arrives between two answers: one object."""
        self._bytes[id(event.assoc)] += len(event.data)
        if self._bytes[id(event.assoc)] > self.settings.largest_object_mb * _MB + _SLACK:
            self.metrics.refused("too large")
            _log.warning("an object is larger than receive.largest_object_mb; the association was aborted")
            self._bytes[id(event.assoc)] = 0
            # This is the thread that an abort waits for.
            threading.Thread(target=event.assoc.abort, daemon=True).start()

    def _store(self, event: evt.Event) -> int:
        """Keep the instance; success is answered when it is on the disk and in the queue."""
        self._bytes[id(event.assoc)] = 0
        content = event.encoded_dataset()
        try:
            header = dcmread(BytesIO(content), stop_before_pixels=True, specific_tags=[*_SEEN, *_KIND])
            uids = [UID(str(header.get(name) or "")) for name in _SEEN]
        except Exception as error:  # noqa: BLE001 - whatever a parser raises for bytes from outside, the answer is the same
            self.metrics.refused("not understood")
            _log.warning("an object cannot be read: %s", type(error).__name__)
            return _NOT_UNDERSTOOD
        if not all(one.is_valid for one in uids):
            self.metrics.refused("not understood")
            _log.warning("an object has no UID of itself or its study")
            return _MISMATCH
        _, instance, study = uids
        # Results come back with the study that they belong to, also those of another node or of long ago.
        if self.queue.is_result(digest(instance)) or product.is_own(*(header.get(name) for name in _KIND)):
            return _TAKEN
        try:
            new = self.store.put(content, study, instance, self._transfers.get(id(event.assoc)))
        except NoRoomError as error:
            self.metrics.refused("no room")
            _log.error("an object was refused: %s", error)
            return _NO_ROOM
        except Exception as error:  # noqa: BLE001 - a queue that is away: the sender keeps what it has and tries again
            self.metrics.refused("no queue")
            _log.error("an object was refused: the queue did not take it (%s)", type(error).__name__)
            return _NO_ROOM
        if new:
            self.metrics.received()
        return _TAKEN


class _Unhurried(ssl.SSLContext):
    """Shakes hands when the first bytes are read, in the thread of the connection.

    In the thread that listens, one who connects and says nothing would keep out everybody else.
    """

    def wrap_socket(self, *words: Any, **more: Any) -> ssl.SSLSocket:
        return super().wrap_socket(*words, **{**more, "do_handshake_on_connect": False})


def server_context(tls: Tls) -> ssl.SSLContext:
    """TLS as a receiver. Raises ``OutputError`` where the certificate cannot be used."""
    context = _Unhurried(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(str(tls.certificate), str(tls.key))
        if tls.authorities is not None:
            context.load_verify_locations(str(tls.authorities))
            context.verify_mode = ssl.CERT_REQUIRED
    except (ssl.SSLError, OSError) as error:
        raise OutputError("receive.tls: certificate, key or authorities cannot be used") from error
    return context


def client_context(tls: Tls) -> ssl.SSLContext:
    """TLS as a sender: the other side must be signed by ``authorities``, else by those of the system."""
    try:
        context = ssl.create_default_context(cafile=None if tls.authorities is None else str(tls.authorities))
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if tls.certificate is not None:
            context.load_cert_chain(str(tls.certificate), str(tls.key))
    except (ssl.SSLError, OSError) as error:
        raise OutputError("send.tls: certificate, key or authorities cannot be used") from error
    return context
