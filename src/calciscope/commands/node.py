"""``calciscope node``: studies arrive from a PACS, are assessed, and the results go back."""

from __future__ import annotations

import logging
import signal
import threading
import warnings
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from calciscope.errors import OutputError

_NEEDED = ("pynetdicom", "sqlalchemy", "prometheus_client", "dicomweb_client", "starlette", "uvicorn")


def node(
    configuration: Annotated[Path, typer.Argument(metavar="FILE", help="The configuration, a TOML file.")],
    check: Annotated[bool, typer.Option("--check", help="Only say whether the configuration can be used.")] = False,
    retry: Annotated[bool, typer.Option("--retry", help="Take up again what has failed, and end.")] = False,
) -> None:
    """Receive studies from a PACS, assess them, and send structured report, segmentation and PDF back."""
    if any(find_spec(name) is None for name in _NEEDED):
        raise OutputError("the node needs extra libraries: pip install 'calciscope[node]'")
    from calciscope.serve.node import settings

    wanted = settings.read(configuration)
    if "pdf-dicom" in wanted.assess.formats:
        from calciscope.report import pdf

        # Said before any study comes: a child that cannot make a PDF sends the rest.
        pdf.ready()
    if check:
        settings.usable(wanted)
        typer.echo(f"{configuration.name}: can be used")
        return
    if retry:
        from calciscope.serve.node.queue import Queue

        queue = Queue(wanted.database, wanted.queue.name)
        again = queue.retry()
        typer.echo(f"{again} {'study is' if again == 1 else 'studies are'} taken up again")
        queue.close()
        return
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    # What libraries say of a study may name the patient; some set the level of their loggers when they are loaded.
    warnings.simplefilter("ignore")
    for handler in logging.getLogger().handlers:
        handler.addFilter(logging.Filter("calciscope"))
    from calciscope.serve.node.node import Node

    running = Node(wanted)
    end = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: end.set())
    ports = running.start()
    if ports.dicom is not None:
        typer.echo(f"DICOM: port {ports.dicom}")
    typer.echo(f"health and metrics: port {ports.http}")
    end.wait()
    running.close()
