"""Health and metrics, for those who watch the node: whether it lives, whether it can work, and what it counted."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from calciscope.errors import OutputError
from calciscope.serve.node.metrics import Metrics
from calciscope.serve.node.queue import State
from calciscope.serve.node.settings import Settings


def app(settings: Settings, metrics: Metrics, lives: Callable[[], list[str]]) -> Starlette:
    """The application. ``lives`` names what has stopped and should run."""

    async def live(request: Request) -> Response:
        """Whether every part runs; one that does not is a reason to start the node anew."""
        stopped = lives()
        return JSONResponse({"status": "stopped" if stopped else "ok", "stopped": stopped}, 503 if stopped else 200)

    async def ready(request: Request) -> Response:
        """Whether it can take studies: the queue answers and the disk has room."""
        try:
            counts = await run_in_threadpool(metrics.queue.counts)
        except Exception:  # noqa: BLE001 - whatever a database raises, it is not ready
            return JSONResponse({"status": "the queue does not answer"}, 503)
        if shutil.disk_usage(settings.folder).free <= settings.least_free:
            return JSONResponse({"status": "the disk is full", "studies": counts}, 503)
        return JSONResponse({"status": "failed studies" if counts[State.FAILED] else "ok", "studies": counts})

    async def told(request: Request) -> Response:
        return Response(await run_in_threadpool(metrics.text), media_type="text/plain; version=0.0.4")

    return Starlette(routes=[Route("/health/live", live), Route("/health/ready", ready), Route("/metrics", told)])


class Http:
    """The application, listening in a thread of its own."""

    def __init__(self, settings: Settings, metrics: Metrics, lives: Callable[[], list[str]]) -> None:
        config = uvicorn.Config(
            app(settings, metrics, lives), host=settings.http.host, port=settings.http.port, access_log=False,
            log_level="critical", lifespan="off",
        )  # fmt: skip
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=self._run, name="http", daemon=True)
        self.port = settings.http.port

    def _run(self) -> None:
        try:
            self.server.run()
        except SystemExit:  # how uvicorn says that the port is taken
            return

    def start(self) -> int:
        """Listen; returns the port. Raises ``OutputError`` where nobody can listen there."""
        self.thread.start()
        while not self.server.started:
            self.thread.join(0.02)
            if not self.thread.is_alive():
                raise OutputError(f"http: port {self.port} cannot be opened")
        return int(self.server.servers[0].sockets[0].getsockname()[1])

    def stop(self) -> None:
        """Listen no more."""
        self.server.should_exit = True
        self.thread.join(10)
