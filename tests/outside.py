"""Other people's software: run where it is installed, else the test is skipped with the name of the package.

Where ``CALCISCOPE_TEST_ALL`` is set, as the check of a submission has it, a program that is missing is a failure.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import pytest

PACKAGES = {
    "dciodvfy": "dicom3tools (Debian)",
    "dsrdump": "dcmtk (Debian)",
    "dcmpschk": "dcmtk (Debian)",
    "segimage2itkimage": "dcmqi (wheel)",
    "Orthanc": "orthanc (Debian)",
}


def program(name: str) -> str:
    """The path of a program, beside this interpreter or on the path."""
    found = shutil.which(name) or shutil.which(name, path=str(Path(sys.executable).parent))
    if found is None:
        missing(name, PACKAGES[name])
    return found


def missing(name: str, package: str) -> NoReturn:
    """Skip, or fail where everything must be there."""
    why = f"{name} is not installed: {package}"
    if os.environ.get("CALCISCOPE_TEST_ALL"):
        pytest.fail(why)
    pytest.skip(why)


def ran(name: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run a program to its end."""
    words = [program(name), *map(str, arguments)]
    return subprocess.run(words, capture_output=True, text=True, check=False, timeout=120, errors="replace")


def errors(path: Path) -> set[str]:
    """What dciodvfy calls an error, without the place in a sequence."""
    done = ran("dciodvfy", "-new", path)
    return {line for line in (done.stderr + done.stdout).splitlines() if line.startswith("Error")}


def free_port() -> int:
    """A port of loopback that nobody listens at."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


class Server:
    """A running Orthanc on loopback, for as long as :func:`orthanc` is entered."""

    def __init__(self, http: int, dicom: int, web: bool) -> None:
        self.http, self.dicom, self.web = http, dicom, web

    def get(self, path: str, accept: str = "*/*") -> bytes:
        """The body of an answer."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.http}{path}", headers={"Accept": accept})
        with urllib.request.urlopen(request, timeout=30) as answer:
            return bytes(answer.read())

    def post(self, path: str, body: bytes, kind: str) -> bytes:
        """Send a body and return that of the answer."""
        url = f"http://127.0.0.1:{self.http}{path}"
        request = urllib.request.Request(
            url, data=body, headers={"Content-Type": kind, "Accept": "application/dicom+json"}
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return bytes(answer.read())


@contextmanager
def orthanc(folder: Path, **more: object) -> Iterator[Server]:
    """Start an Orthanc with its store in ``folder`` and stop it at the end; ``more`` goes into its configuration."""
    import json

    http, dicom = free_port(), free_port()
    plugins = next(
        (one for one in (Path("/usr/share/orthanc/plugins"), Path("/usr/lib/orthanc")) if one.is_dir()), None
    )
    web = plugins is not None and any("DicomWeb" in one.name for one in plugins.iterdir())
    (folder / "orthanc.json").write_text(
        json.dumps(
            {
                "Name": "test", "StorageDirectory": str(folder / "store"), "IndexDirectory": str(folder / "store"),
                "HttpPort": http, "DicomPort": dicom, "DicomAet": "ORTHANC", "DicomCheckCalledAet": False,
                "RemoteAccessAllowed": False, "AuthenticationEnabled": False, "DicomAlwaysAllowStore": True,
                "DicomAlwaysAllowFind": True, "DicomAlwaysAllowGet": True, "ConcurrentJobs": 1, "HttpThreadsCount": 4,
                "Plugins": [str(plugins)] if web else [], "DicomWeb": {"Enable": True, "Root": "/dicom-web/"}, **more,
            }
        )
    )  # fmt: skip
    with (folder / "log").open("w") as log:
        process = subprocess.Popen([program("Orthanc"), str(folder / "orthanc.json")], stdout=log, stderr=log)
        server = Server(http, dicom, web)
        try:
            for _ in range(300):
                try:
                    server.get("/system")
                    break
                except (urllib.error.URLError, ConnectionError):
                    if process.poll() is not None:
                        pytest.fail((folder / "log").read_text()[-2000:])
                    time.sleep(0.1)
            else:
                pytest.fail("Orthanc did not answer within half a minute")
            yield server
        finally:
            process.terminate()
            process.wait(timeout=30)


def is_dicom(path: Path) -> bool:
    """Whether a file begins as DICOM files do."""
    with path.open("rb") as file:
        return file.read(132)[128:] == b"DICM"
