"""The configuration of a node: one TOML file, checked before anything is opened."""

from __future__ import annotations

import os
import re
import shutil
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, model_validator

from calciscope.errors import InputError
from calciscope.interpret import load
from calciscope.measure.presets import presets
from calciscope.report.formats import GROUPS

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

_MB = 1024 * 1024


def _title(text: str) -> str:
    """An application entity title: PS3.5 6.2, at most 16 characters of the default repertoire, no backslash."""
    if not 0 < len(text.strip()) <= 16 or not text.isascii() or not text.isprintable() or "\\" in text:
        raise ValueError("an AE title has 1 to 16 printable ASCII characters and no backslash")
    return text.strip()


def _fits(pattern: str, said: str) -> AfterValidator:
    """Text has this form; where it has not, what is told."""

    def check(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise ValueError(said)
        return text

    return AfterValidator(check)


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

    url: Annotated[str, _fits(r"https?://.+", "starts with http:// or https://")]
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
    guidelines: Annotated[str, _fits("esc|us", "is esc or us")] = "esc"
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
            raise ValueError(f"preset: there is no {self.preset}; there are {', '.join(presets())}")
        return self


class Queue(_Section):
    """Where the queue is kept, how often a step that failed is tried, and how long images and results are.

    ``url`` is that of a database as SQLAlchemy has it; absent, an SQLite file in the folder. A step is tried again
    after ``wait_seconds``, each time twice as long, at most an hour. Nodes that share a queue share the folder and
    differ in ``name``.
    """

    url: str | None = Field(default=None, repr=False)
    name: Annotated[str, _fits("[A-Za-z0-9_-]{1,32}", "has 1 to 32 letters, digits, _ or -")] = "node"
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
        wrong = error.errors(include_input=False, include_url=False)
        raise InputError(f"{path.name}: {'; '.join(map(_plainly, wrong))}") from error


_SECTIONS: dict[tuple[str, ...], type[_Section]] = {
    (): Settings, ("receive",): Receive, ("receive", "tls"): Tls, ("send",): Send, ("send", "tls"): Tls, ("web",): Web,
    ("assess",): Assess, ("queue",): Queue, ("http",): Http,
}  # fmt: skip
_PLAINLY = {
    "missing": "is missing", "too_short": "is empty", "tuple_type": 'is a list, such as ["PACS"]',
    "int_parsing": "is a whole number", "int_type": "is a whole number", "int_from_float": "is a whole number",
    "float_parsing": "is a number", "float_type": "is a number", "string_type": 'is text, such as "PACS"',
    "greater_than": "is more than {gt}", "greater_than_equal": "is at least {ge}", "less_than_equal": "is at most {le}",
    "model_type": "is a section", "model_attributes_type": "is a section",
}  # fmt: skip


def _plainly(error: ErrorDetails) -> str:
    """The key and what is wrong with it, in words for who wrote the file."""
    where = tuple(str(part) for part in error["loc"])
    if error["type"] == "extra_forbidden":
        known = sorted(_SECTIONS[where[:-1]].model_fields)
        said = f"there is no such key; there are {', '.join(known)}"
    elif error["type"] in _PLAINLY:
        said = _PLAINLY[error["type"]].format(**error.get("ctx", {}))
    else:
        said = error["msg"].removeprefix("Value error, ")
    return f"{'.'.join(where)}: {said}" if where else said


def usable(settings: Settings) -> None:
    """Whether a node can run with these settings on this computer; nothing is made or opened.

    For ``--check`` only: a node that starts again on a full disk must send what it has and make room.

    Raises:
        InputError: the folder cannot be made or written, its disk is too full, two ports are one: one line that names
            the key.
        KnowledgeError: the rules of one's own cannot be used.
    """
    there = next(one for one in (settings.folder, *settings.folder.parents) if one.exists())
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        raise InputError(f"folder: {settings.folder} cannot be written")
    free = shutil.disk_usage(there).free // _MB
    if free <= settings.keep_free_mb:
        raise InputError(f"keep_free_mb: {settings.keep_free_mb} MB are to stay free and {free} MB are: none is left")
    if settings.receive is not None and settings.receive.port == settings.http.port != 0:
        raise InputError(f"http.port: {settings.http.port} is the port of [receive] too; give another")
    if settings.assess.knowledge:
        load(settings.assess.knowledge)
