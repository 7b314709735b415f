"""The configuration of a node: one TOML file, checked before anything is opened."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, model_validator

from calciscope.errors import InputError
from calciscope.measure.presets import presets
from calciscope.report.formats import GROUPS

_MB = 1024 * 1024


def _title(text: str) -> str:
    """An application entity title: PS3.5 6.2, at most 16 characters of the default repertoire, no backslash."""
    if not 0 < len(text.strip()) <= 16 or not text.isascii() or not text.isprintable() or "\\" in text:
        raise ValueError("an AE title has 1 to 16 printable ASCII characters and no backslash")
    return text.strip()


def _from_here(path: Path, info: ValidationInfo) -> Path:
    """A path of the file, relative to the folder that the file is in."""
    here: Path = (info.context or {}).get("here", Path.cwd())
    return here / path


def _there(path: Path, info: ValidationInfo) -> Path:
    found = _from_here(path, info)
    if not found.is_file():
        raise ValueError("there is no such file")
    return found


def _there_folder(path: Path, info: ValidationInfo) -> Path:
    found = _from_here(path, info)
    if not found.is_dir():
        raise ValueError("there is no such folder")
    return found


Title = Annotated[str, AfterValidator(_title)]
File = Annotated[Path, AfterValidator(_there)]
Folder = Annotated[Path, AfterValidator(_from_here)]
Port = Annotated[int, Field(ge=0, le=65535)]
Seconds = Annotated[float, Field(gt=0)]
Megabytes = Annotated[int, Field(gt=0)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Tls(_Section):
    """Certificates (PEM). ``authorities`` are those that the other side must be signed by.

    As a receiver ``certificate`` and ``key`` are needed, and with ``authorities`` the sender must show one of its own.
    """

    certificate: File | None = None
    key: File | None = None
    authorities: File | None = None

    @model_validator(mode="after")
    def _pair(self) -> Tls:
        if (self.certificate is None) != (self.key is None):
            raise ValueError("certificate and key belong together")
        return self


class Receive(_Section):
    """Who may send what, and when a study is complete.

    A study is complete when the transfer that brought its last image has ended and nothing came for ``quiet_seconds``.
    After a transfer that broke off it waits ``interrupted_seconds`` for the sender to try again.
    """

    ae_title: Title = "CALCISCOPE"
    host: str = "127.0.0.1"
    port: Port = 11112
    allow: Annotated[tuple[Title, ...], Field(min_length=1)]
    quiet_seconds: Seconds = 60
    interrupted_seconds: Seconds = 900
    largest_object_mb: Megabytes = 1024
    associations: Annotated[int, Field(ge=1, le=100)] = 10
    timeout_seconds: Seconds = 60
    tls: Tls | None = None

    @model_validator(mode="after")
    def _certified(self) -> Receive:
        if self.tls is not None and self.tls.certificate is None:
            raise ValueError("tls: a receiver needs certificate and key")
        return self


class Send(_Section):
    """Where results go by C-STORE."""

    ae_title: Title
    host: str
    port: Port
    timeout_seconds: Seconds = 60
    tls: Tls | None = None


class Web(_Section):
    """A DICOMweb server: a query (QIDO-RS) that lists studies to assess, and whether results go there (STOW-RS).

    ``token_variable`` names the environment variable that holds a bearer token.
    """

    url: Annotated[str, Field(pattern=r"^https?://")]
    query: dict[str, str] | None = None
    modality: str = "CT"
    poll_seconds: Seconds = 60
    store: bool = False
    timeout_seconds: Seconds = 120
    token_variable: str | None = None
    authorities: File | None = None


class Assess(_Section):
    """How a study is assessed, and how long and how large that may be."""

    formats: Annotated[tuple[str, ...], Field(min_length=1)] = ("seg", "sr", "pdf-dicom")
    preset: str = "standard"
    guidelines: Annotated[str, Field(pattern="^(esc|us)$")] = "esc"
    knowledge: tuple[Annotated[Path, AfterValidator(_there_folder)], ...] = ()
    workers: Annotated[int, Field(ge=1, le=32)] = 1
    seconds: Seconds = 1800
    memory_mb: Megabytes = 8192
    attempts: Annotated[int, Field(ge=1, le=100)] = 3

    @model_validator(mode="after")
    def _known(self) -> Assess:
        if unknown := [one for one in self.formats if one not in GROUPS["dicom"]]:
            raise ValueError(f"formats: there is no {unknown[0]}; there are {', '.join(GROUPS['dicom'])}")
        if self.preset not in presets():
            raise ValueError(f"preset: there is no {self.preset}")
        return self


class Queue(_Section):
    """Where the queue is kept, how often a step that failed is tried, and how long images and results are.

    ``url`` is that of a database as SQLAlchemy has it; absent, an SQLite file in the folder. A step is tried again
    after ``wait_seconds``, each time twice as long, at most an hour. Nodes that share a queue share the folder and
    differ in ``name``.
    """

    url: str | None = Field(default=None, repr=False)
    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,32}$")] = "node"
    attempts: Annotated[int, Field(ge=1)] = 100
    wait_seconds: Seconds = 15
    keep_hours: Annotated[float, Field(ge=0)] = 24
    lease_seconds: Seconds = 60


class Http(_Section):
    """Where health and metrics are told."""

    host: str = "127.0.0.1"
    port: Port = 8021


class Settings(_Section):
    """A node. ``folder`` holds images, results and the queue; ``keep_free_mb`` of its disk are never used."""

    folder: Folder
    keep_free_mb: Megabytes = 2048
    largest_study_mb: Megabytes = 8192
    receive: Receive | None = None
    send: Send | None = None
    web: Web | None = None
    assess: Assess = Assess()
    queue: Queue = Queue()
    http: Http = Http()

    @model_validator(mode="after")
    def _ends(self) -> Settings:
        polls = self.web is not None and self.web.query is not None
        stores = self.web is not None and self.web.store
        if self.receive is None and not polls:
            raise ValueError("nothing arrives: give [receive] or a query in [web]")
        if (self.send is None) == (not stores):
            raise ValueError("results need one way out: [send], or store = true in [web]")
        return self

    @property
    def least_free(self) -> int:
        """Bytes of the disk that stay free."""
        return self.keep_free_mb * _MB

    @property
    def images(self) -> Path:
        """A folder a study."""
        return self.folder / "images"

    @property
    def results(self) -> Path:
        """A folder a study, in it one a version."""
        return self.folder / "results"

    @property
    def coming(self) -> Path:
        """What is being written by this node."""
        return self.folder / "coming" / self.queue.name

    @property
    def database(self) -> str:
        """The address of the queue."""
        return self.queue.url or f"sqlite:///{self.folder / 'queue.sqlite'}"


def read(path: Path) -> Settings:
    """The settings of a file; paths in it are relative to it.

    Raises:
        InputError: it cannot be read, is no TOML, or a key is unknown or wrong: one line that names the key.
    """
    try:
        data = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise InputError(f"{path.name}: cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path.name}: is not TOML: {error}") from error
    try:
        return Settings.model_validate(data, context={"here": path.absolute().parent})
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        said = first["msg"].removeprefix("Value error, ")
        raise InputError(f"{path.name}: {f'{where}: ' if where else ''}{said}") from error
