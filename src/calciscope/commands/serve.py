"""``calciscope serve``: services that other programs call."""

from __future__ import annotations

import logging
import socket
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from calciscope.errors import OutputError

app = typer.Typer(help="Services that other programs call.", no_args_is_help=True)


@app.callback()
def _root() -> None:
    """Services that other programs call."""


@app.command()
def cds(
    host: Annotated[str, typer.Option(metavar="ADDRESS", help="Where it listens; this computer only by default.")] = (
        "127.0.0.1"
    ),
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port.")] = 8020,
    guidelines: Annotated[str, typer.Option(metavar="esc|us", help="Which guidelines speak first.")] = "esc",
    knowledge: Annotated[
        list[Path] | None, typer.Option(metavar="DIR", help="A folder of your own rules, added to the built-in ones.")
    ] = None,
    origin: Annotated[
        list[str] | None, typer.Option(metavar="URL", help="A web page that may call it (CORS); may repeat.")
    ] = None,
    certificate: Annotated[Path | None, typer.Option(metavar="FILE", help="TLS certificate (PEM).")] = None,
    certificate_key: Annotated[Path | None, typer.Option(metavar="FILE", help="Its key (PEM).")] = None,
) -> None:
    """Decision support in the EHR (CDS Hooks 2.0): cards at patient-view and order-sign."""
    if guidelines not in ("esc", "us"):
        raise typer.BadParameter(f"--guidelines is esc or us, not {guidelines!r}")
    if (certificate is None) != (certificate_key is None):
        raise typer.BadParameter("--certificate and --certificate-key belong together")
    for file in (certificate, certificate_key):
        if file is not None and not file.is_file():
            raise typer.BadParameter(f"{file.name} is no file")
    if any(find_spec(name) is None for name in ("starlette", "uvicorn")):
        raise OutputError("the service needs extra libraries: pip install 'calciscope[serve]'")
    import uvicorn

    from calciscope.serve.cds import Settings
    from calciscope.serve.cds import app as service

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    settings = Settings(tuple(knowledge or ()), guidelines, tuple(origin or ()))
    try:
        socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET).close()
    except OSError as error:
        raise OutputError(f"{host}, port {port} cannot be opened: {error.strerror}") from error
    typer.echo(f"CDS Hooks: {'https' if certificate else 'http'}, port {port}; the services are at /cds-services")
    # The access log of the server would show addresses as they were sent; the service has one of its own.
    uvicorn.run(
        service(settings), host=host, port=port, access_log=False, log_level="warning",
        ssl_certfile=certificate, ssl_keyfile=certificate_key,
    )  # fmt: skip
