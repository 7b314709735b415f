"""Small studies for tests of the whole way, and the command line run in this process."""

from __future__ import annotations

import csv
import io
import json
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray

from calciscope import cli
from tests.read.make_dicom import Series

SPACING = (3.0, 0.75, 0.75)
# First and last voxel (z, y, x) of the three foci of :func:`body`, far from each other.
FOCI = (((6, 78, 98), (8, 83, 103)), ((14, 50, 60), (17, 54, 66)), ((20, 100, 120), (21, 106, 124)))


@dataclass(frozen=True)
class Ran:
    """What one run of the command said and wrote."""

    code: int
    out: str
    err: str
    folder: Path

    @property
    def data(self) -> dict[str, Any]:
        """``assessment.json``."""
        return json.loads((self.folder / "assessment.json").read_text(encoding="utf-8"))

    @property
    def page(self) -> str:
        """``report.html``."""
        return (self.folder / "report.html").read_text(encoding="utf-8")

    @property
    def rows(self) -> list[dict[str, str]]:
        """``deposits.csv``."""
        with (self.folder / "deposits.csv").open(newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))

    @property
    def deposits(self) -> list[dict[str, Any]]:
        """Every deposit of every finding, from feet to head."""
        found = [deposit for finding in self.data["findings"] for deposit in finding["deposits"]]
        return sorted(found, key=lambda deposit: deposit["center_index"])

    def finding(self, site: str) -> dict[str, Any]:
        """The finding at a site."""
        return next(finding for finding in self.data["findings"] if finding["site"] == site)

    @property
    def lines(self) -> list[str]:
        """What standard error holds."""
        return self.err.strip().splitlines()


def run(*arguments: object, out: Path | None = None) -> Ran:
    """Run ``calciscope`` as a shell would, without a terminal."""
    said, complained = io.StringIO(), io.StringIO()
    words = [str(argument) for argument in arguments] + (["--out", str(out)] if out else [])
    code = 0
    with redirect_stdout(said), redirect_stderr(complained), patch.object(sys, "argv", ["calciscope", *words]):
        try:
            cli.main()
        except SystemExit as stop:
            code = int(stop.code or 0)
    return Ran(code, said.getvalue(), complained.getvalue(), out or Path())


@cache
def body() -> NDArray[np.int16]:
    """A cylinder of soft tissue in air with three dense foci; noise makes every slice its own."""
    _, y, x = np.mgrid[:28, :160, :160]
    hu = np.where(np.hypot(y - 80, x - 80) < 65, 40, -1000).astype(np.int16)
    hu += np.random.default_rng(1).normal(0, 6, hu.shape).astype(np.int16)
    for number, (low, high) in enumerate(FOCI):
        hu[tuple(slice(a, b) for a, b in zip(low, high, strict=True))] = 450 + 150 * number
    hu.setflags(write=False)
    return hu


def series(**changes: Any) -> Series:
    """The body as a CT series that is fit for every number; ``header`` is added to that of the series."""
    header = {"ConvolutionKernel": "Qr36d", "SeriesDescription": "CaSc non-contrast", **changes.pop("header", {})}
    return Series(**{"hu": body(), "spacing": SPACING, "uid": "1.2.3.6", "header": header, **changes})


def moved(folder: Path, ran: Ran, site: str = "artery.aorta.abdominal") -> Path:
    """A corrections file that moves every deposit of a run to one site."""
    path = folder / "moves.csv"
    lines = [f"{deposit['id']},move,{site},Dr Example,\n" for deposit in ran.deposits]
    path.write_text("deposit,action,to,by,why\n" + "".join(lines), encoding="utf-8")
    return path
