"""DICOMweb: studies that a query lists (QIDO-RS) are fetched (WADO-RS), and results may go back (STOW-RS)."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Iterator
from io import BytesIO
from pathlib import Path

import requests
from dicomweb_client import DICOMwebClient
from pydicom import dcmread, dcmwrite

from calciscope.errors import OutputError
from calciscope.serve.node.metrics import Metrics
from calciscope.serve.node.queue import Queue, digest
from calciscope.serve.node.send import Answer, UnreachableError
from calciscope.serve.node.settings import Settings, Web
from calciscope.serve.node.store import NoRoomError, Store

_log = logging.getLogger("calciscope.serve.node")
_STUDY, _SERIES, _INSTANCES = "0020000D", "0020000E", "00201209"
# What an answer that is not as the standard has it leads to.
_ODD = (AttributeError, IndexError, KeyError, TypeError, ValueError)
# Studies that one answer may list; more are asked for page by page.
_PAGE = 200


def client(settings: Web) -> DICOMwebClient:
    """A client of the server, with its token and time limit. Raises ``OutputError`` where the token is not there."""
    session = requests.Session()
    if settings.authorities is not None:
        session.verify = str(settings.authorities)
    if settings.token_variable is not None:
        token = os.environ.get(settings.token_variable)
        if not token:
            raise OutputError(f"web.token_variable: {settings.token_variable} is not set")
        session.headers["Authorization"] = f"Bearer {token}"
    made = DICOMwebClient(settings.url, session=session)
    made.set_http_retry_params(retry=False)
    session.request = _timed(session, settings.timeout_seconds)  # type: ignore[method-assign]
    return made


def _timed(session: requests.Session, seconds: float):  # type: ignore[no-untyped-def]  # noqa: ANN202
    """Every request of a session within so many seconds: a server that hangs must not hold the node."""
    plain = session.request

    def request(method: str, url: str, **more: object) -> requests.Response:
        return plain(method, url, **{"timeout": seconds, **more})  # type: ignore[arg-type]

    return request


class Poller:
    """Lists and fetches."""

    def __init__(self, settings: Settings, store: Store, queue: Queue, metrics: Metrics) -> None:
        assert settings.web is not None
        self.settings, self.web, self.store, self.queue, self.metrics = settings, settings.web, store, queue, metrics
        self.client = client(self.web)

    def poll(self) -> None:
        """Ask for the studies of the query, and put those that are new or have grown into the queue."""
        assert self.web.query is not None
        try:
            for study in self._studies():
                self._list(study)
        except (requests.RequestException, *_ODD) as error:
            _log.warning("the query was not answered (%s); it is asked again", type(error).__name__)

    def _list(self, study: dict) -> None:  # type: ignore[type-arg]
        """Put one study of an answer into the queue; one that cannot be understood does not hide the others."""
        try:
            uid = str(study[_STUDY]["Value"][0])
            count = sum(self._count(one) for one in self._series(uid))
        except _ODD as error:
            _log.warning("a study of the answer cannot be understood (%s)", type(error).__name__)
            return
        if count:
            self.queue.listed(digest(uid), uid, count)

    def _studies(self) -> Iterator[dict]:  # type: ignore[type-arg]
        offset = 0
        while True:
            page = self.client.search_for_studies(
                search_filters=dict(self.web.query or {}), limit=_PAGE, offset=offset, get_remaining=False
            )
            yield from page
            if len(page) < _PAGE:
                return
            offset += _PAGE

    def _series(self, uid: str) -> list[dict]:  # type: ignore[type-arg]
        """The series of a study that are images to assess: results that came back are not among them."""
        return list(
            self.client.search_for_series(
                study_instance_uid=uid, search_filters={"Modality": self.web.modality}, fields=[_INSTANCES]
            )
        )

    def _count(self, series: dict) -> int:  # type: ignore[type-arg]
        return int((series.get(_INSTANCES, {}).get("Value") or [1])[0])

    def step(self) -> bool:
        """Fetch one study; false where none waits."""
        job = self.queue.claim_listed()
        if job is None:
            return False
        wait, attempts = self.settings.queue.wait_seconds, self.settings.queue.attempts
        try:
            assert job.uid is not None
            for one in self._series(job.uid):
                for instance in self.client.iter_series(job.uid, str(one[_SERIES]["Value"][0])):
                    buffer = BytesIO()
                    dcmwrite(buffer, instance, enforce_file_format=True)
                    if self.store.put(buffer.getvalue(), job.uid, str(instance.SOPInstanceUID), None):
                        self.metrics.received()
                    self.queue.renew(job)
        except NoRoomError as error:
            self.queue.again(job, str(error), wait, attempts)
        except (requests.RequestException, *_ODD) as error:
            _log.warning("study %d: could not be fetched (%s); it is tried again", job.id, type(error).__name__)
            self.queue.again(job, "the server did not answer", wait, attempts)
        else:
            self.queue.fetched(job)
        return True


class Stow:
    """STOW-RS to the server."""

    def __init__(self, settings: Web) -> None:
        self.client = client(settings)

    def send(self, paths: Iterable[Path]) -> Iterator[Answer]:
        """One request a result, so that each has an answer of its own."""
        for path in paths:
            try:
                answer = self.client.store_instances([dcmread(path)])
            except requests.HTTPError as error:
                code = error.response.status_code if error.response is not None else 0
                if code in (400, 409, 415):
                    yield path.name, f"the server answered {code}"
                    continue
                raise UnreachableError(f"the server answered {code}") from error
            except requests.RequestException as error:
                raise UnreachableError("the server does not answer") from error
            except _ODD as error:
                raise UnreachableError("the server's answer cannot be understood") from error
            failed = answer.get("FailedSOPSequence") if answer is not None else None
            yield path.name, "the server did not take it" if failed else None
