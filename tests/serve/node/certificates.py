"""Certificates for loopback, made by openssl where it is there."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests import outside


@dataclass(frozen=True)
class Certificates:
    """An authority and one certificate that it has signed, for ``localhost``."""

    authority: Path
    certificate: Path
    key: Path


def make(folder: Path) -> Certificates:
    """Make them in a folder."""
    if shutil.which("openssl") is None:
        outside.missing("openssl", "openssl (Debian)")
    folder.mkdir(parents=True, exist_ok=True)

    def openssl(*words: object) -> None:
        subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True, cwd=folder)

    for name in ("ca", "node"):
        openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", f"{name}.key")
    openssl("req", "-x509", "-new", "-key", "ca.key", "-subj", "/CN=test authority", "-days", 2, "-out", "ca.pem")
    openssl("req", "-new", "-key", "node.key", "-subj", "/CN=localhost", "-out", "node.csr")
    (folder / "names").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
    openssl("x509", "-req", "-in", "node.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", 2,
            "-extfile", "names", "-out", "node.pem")  # fmt: skip
    return Certificates(folder / "ca.pem", folder / "node.pem", folder / "node.key")
