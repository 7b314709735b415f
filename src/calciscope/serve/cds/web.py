"""The web application: discovery, the services, and feedback (CDS Hooks 2.0, cds-hooks.hl7.org)."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from traceback import extract_tb
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from calciscope.domain.knowledge import table
from calciscope.errors import CalciscopeError
from calciscope.interpret import Interpretation, Knowledge, interpret, load
from calciscope.read.patient import patient_of
from calciscope.serve.cds import cards
from calciscope.serve.cds.request import FeedbackRequest, Request, RequestError, Told, parsed, told

_log = logging.getLogger("calciscope.serve.cds")
Json = dict[str, Any]


@dataclass(frozen=True)
class Settings:
    """How the service runs.

    ``origins`` are web pages that may call it; ``most_bytes`` and ``most_seconds`` bound a request and its arrival.
    """

    knowledge: tuple[Path, ...] = ()
    guidelines: str = "esc"
    origins: Sequence[str] = ()
    most_bytes: int = 5 * 1024 * 1024
    most_seconds: float = 30.0


@dataclass
class _Service:
    """The state of a running service: its rules, and how often cards were accepted or overridden."""

    settings: Settings
    knowledge: Knowledge
    services: dict[str, Json]
    prefetch: dict[str, str]
    outcomes: Counter[tuple[str, str]] = field(default_factory=Counter)
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def discovery(self, request: HttpRequest) -> Response:
        """What services there are."""
        return JSONResponse({"services": [{**one, "prefetch": self.prefetch} for one in self.services.values()]})

    async def call(self, request: HttpRequest) -> Response:
        """Answer a hook with cards."""
        service = self._service(request)
        body = parsed(Request, await self._body(request))
        known = told(body, service["hook"])
        # Rules are evaluated one request at a time: a record takes milliseconds, and answers stay in order.
        async with self.turn:
            found = await run_in_threadpool(self._cards, known, body)
        request.state.cards = len(found)
        return JSONResponse({"cards": found})

    async def feedback(self, request: HttpRequest) -> Response:
        """Count what became of cards; nothing of what was sent is kept."""
        service = self._service(request)
        body = parsed(FeedbackRequest, await self._body(request))
        for one in body.feedback:
            self.outcomes[service["id"], one.outcome] += 1
        return JSONResponse({})

    async def health(self, request: HttpRequest) -> Response:
        """Whether it runs, and how often cards were accepted or overridden."""
        counts = {f"{service} {outcome}": count for (service, outcome), count in sorted(self.outcomes.items())}
        return JSONResponse({"status": "ok", "rules": len(self.knowledge.rules), "feedback": counts})

    def _service(self, request: HttpRequest) -> Json:
        service = self.services.get(request.path_params["service"])
        if service is None:
            raise RequestError(404, f"there is no such service; there are {', '.join(self.services)}")
        return service

    async def _body(self, request: HttpRequest) -> bytes:
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            raise RequestError(415, "send application/json")
        try:
            async with asyncio.timeout(self.settings.most_seconds):
                return await self._arrived(request)
        except TimeoutError as error:
            raise RequestError(408, f"the request did not arrive in {self.settings.most_seconds:g} seconds") from error

    async def _arrived(self, request: HttpRequest) -> bytes:
        most = self.settings.most_bytes
        content = bytearray()
        async for chunk in request.stream():
            content += chunk
            if len(content) > most:
                raise RequestError(413, f"the request is larger than {most} bytes; send fewer resources")
        return bytes(content)

    def _cards(self, known: Told, body: Request) -> list[Json]:
        before = self._meaning(known.record)
        if known.signed is None:
            return cards.of_record(before, body.hookInstance)
        return cards.of_orders(before, self._meaning(known.signed), body.hookInstance)

    def _meaning(self, record: Json) -> Interpretation:
        person = patient_of(record).patient
        return interpret((), person, self.knowledge, guidelines=self.settings.guidelines)


def app(settings: Settings | None = None) -> Starlette:
    """The application for any ASGI server.

    Raises:
        KnowledgeError: a folder of rules cannot be used.
    """
    chosen = settings or Settings()
    data = table("codes/cds.yaml")
    service = _Service(chosen, load(chosen.knowledge), {one["id"]: one for one in data["services"]}, data["prefetch"])

    def logged(handler: Any) -> Any:
        async def run(request: HttpRequest) -> Response:
            start, status = perf_counter(), 500
            try:
                response: Response = await handler(request)
                status = response.status_code
            except RequestError as error:
                status = error.status
                response = JSONResponse({"error": str(error)}, status)
            except CalciscopeError as error:
                # A rule or a record that cannot be computed: its text may quote the record.
                _log.error("cannot be computed: %s", type(error).__name__)
                response = JSONResponse({"error": "the record cannot be assessed"}, status)
            except Exception as error:  # noqa: BLE001 - the last door: what the server logs of an error may quote the record
                last = extract_tb(error.__traceback__)[-1]
                _log.error("internal error: %s at %s:%s", type(error).__name__, Path(last.filename).name, last.lineno)
                response = JSONResponse({"error": "internal error; please report it"}, status)
            finally:
                # The service as it is known here, never the path as it was sent.
                name = request.path_params.get("service", "")
                _log.info(
                    "%s %s %d, %d cards, %.0f ms", handler.__name__, name if name in service.services else "-", status,
                    getattr(request.state, "cards", 0), 1000 * (perf_counter() - start),
                )  # fmt: skip
            return response

        return run

    async def refused(request: HttpRequest, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        return JSONResponse({"error": "there is no such address or method"}, status)

    middleware = []
    if chosen.origins:
        middleware = [
            Middleware(
                CORSMiddleware, allow_origins=list(chosen.origins), allow_methods=["GET", "POST"],
                allow_headers=["Authorization", "Content-Type"],
            )
        ]  # fmt: skip
    return Starlette(
        routes=[
            Route("/cds-services", logged(service.discovery), methods=["GET"]),
            Route("/cds-services/{service}", logged(service.call), methods=["POST"]),
            Route("/cds-services/{service}/feedback", logged(service.feedback), methods=["POST"]),
            Route("/health", logged(service.health), methods=["GET"]),
        ],
        middleware=middleware,
        exception_handlers={HTTPException: refused},
    )
