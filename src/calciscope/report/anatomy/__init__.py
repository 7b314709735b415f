"""``anatomy/``: pictures of what the anatomy found and of every candidate that was rejected, so that one sees why.

They hold no name, number or date of the patient: files are named by structure and by the number of the series.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image

from calciscope.report.anatomy import draw
from calciscope.report.anatomy.draw import Scan
from calciscope.report.anatomy.sheet import tiled
from calciscope.report.page import environment

__all__ = ["Scan", "write"]

# What is written at most for a series; the rest is counted, and the table of deposits has it all.
MOST_STRUCTURES = 150
MOST_TUBES = 60
MOST_OF_A_REASON = 60
_ROWS = 8


@dataclass
class _Part:
    """One heading of the page: its pictures (file name, text), and what was left out."""

    title: str
    pictures: list[tuple[str, str]] = field(default_factory=list)
    left_out: str = ""


def write(scans: Sequence[Scan], folder: Path) -> Path:
    """Write the pictures of every series and ``index.html`` into a folder, and return the path of the page.

    Pictures of an earlier run in the folder are removed: they would be another patient's.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for old in (*folder.glob("series-*.png"), *folder.glob("index.html")):
        old.unlink()
    series = []
    for scan in scans:
        parts = []
        for part, images in _parts(scan):
            for name, text, image in images:
                file = f"series-{_slug(scan.series)}-{_slug(name)}.png"
                image.save(folder / file)
                part.pictures.append((file, text))
            parts.append(part)
        series.append((scan.series, scan.anatomy, parts))
    page = folder / "index.html"
    page.write_text(environment().get_template("anatomy.html").render(series=series), encoding="utf-8")
    return page


_Pictures = Iterator[tuple[str, str, Image.Image]]


def _parts(scan: Scan) -> Iterator[tuple[_Part, _Pictures]]:
    yield _Part("Overviews"), ((f"overview-{name}", name, image) for name, image in draw.overviews(scan))
    boxes = draw.boxes(scan.anatomy)
    found = [one for one in scan.anatomy.structures.values() if one.name in boxes]
    tubes = [one for one in scan.anatomy.tubes.values() if len(one.points)]
    small = [draw.structure(scan, one, boxes[one.name], small=True) for one in found[:MOST_STRUCTURES]]
    yield _Part("All structures"), _pages("structures", "structures", small)
    courses = [draw.tube(scan, one) for one in tubes[:MOST_TUBES]]
    yield (
        _Part(f"Curves ({len(tubes)})", left_out=_more(len(tubes), MOST_TUBES)),
        _pages("curves", "curves", courses, columns=1),
    )
    part = _Part(f"Structures ({len(found)})", left_out=_more(len(found), MOST_STRUCTURES))
    yield (
        part,
        (
            (f"structure-{one.label}-{one.name}", one.name, draw.structure(scan, one, boxes[one.name]))
            for one in found[:MOST_STRUCTURES]
        ),
    )
    marks = scan.anatomy.landmarks
    yield _Part(f"Landmarks ({len(marks)})"), _pages("landmarks", "landmarks", draw.landmarks(scan))
    for reason, candidates in draw.by_reason(scan.rejected).items():
        part = _Part(f"Rejected as {reason} ({len(candidates)})", left_out=_more(len(candidates), MOST_OF_A_REASON))
        images = [draw.candidate(scan, one) for one in candidates[:MOST_OF_A_REASON]]
        yield part, _pages(f"rejected-{reason}", reason, images)


def _pages(name: str, text: str, images: Sequence[Image.Image], *, columns: int = 3) -> _Pictures:
    """Sheets of a few rows of pictures."""
    most = columns * _ROWS
    for n in range(0, len(images), most):
        yield f"{name}-{n // most + 1}", text, tiled(images[n : n + most], columns)


def _more(count: int, most: int) -> str:
    return f"{count - most} more are not shown" if count > most else ""


def _slug(text: str) -> str:
    """A file name that no system trips over, from a name that another program may have given."""
    return re.sub(r"[^A-Za-z0-9_]+", "-", text)[:60].strip("-") or "x"
