"""``report.pdf``: the page of ``report.html`` on A4, by WeasyPrint."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path

from calciscope.domain.assessment import Assessment
from calciscope.errors import OutputError
from calciscope.report import html
from calciscope.report.html import Pictures

_NO_PACKAGE = "a PDF needs WeasyPrint, which is not installed: pip install 'calciscope[pdf]'"
_NO_LIBRARY = (
    "a PDF needs the library Pango, which is not installed: install libpango-1.0-0, libpangoft2-1.0-0 and "
    "libharfbuzz-subset0 (Debian, Ubuntu) or pango (Fedora, Homebrew)"
)

_PICTURE = re.compile(r"<svg\b[^>]*>")
# Rules of the style sheet about what is drawn in a picture.
_DRAWN = re.compile(r"(?:\.outline|\.other|\.ruler|\.overview circle)[^{}]*\{[^{}]*\}")

# WeasyPrint lets a flexible box grow beyond the page: tables take its whole width, pictures stand below.
_SHEET = (
    ".columns { display: block !important } .columns table { width: 100% !important }"
    " .overview { width: 60mm !important; margin-top: 4mm !important }"
)


def ready() -> None:
    """Raise :class:`~calciscope.errors.OutputError` where WeasyPrint or its system libraries are missing."""
    try:
        import weasyprint  # noqa: F401 - whether it loads with its system libraries is the question
    except ImportError as error:
        raise OutputError(_NO_PACKAGE) from error
    except OSError as error:  # cffi finds the library or raises this
        raise OutputError(_NO_LIBRARY) from error


def render(assessment: Assessment, pictures: Pictures | None) -> bytes:
    """The report as a PDF document.

    Nothing is fetched: the page holds its pictures, and every other address is refused. Raises as :func:`ready`.
    """
    ready()
    from weasyprint import CSS, HTML
    from weasyprint.urls import URLFetcher

    page = styled(html.render(assessment, pictures))
    document = HTML(string=page, url_fetcher=URLFetcher(allowed_protocols=["data"]))
    made: bytes = document.write_pdf(stylesheets=[CSS(string=_SHEET)])
    return made


def styled(page: str) -> str:
    """The page with the rules for outlines and markers inside every picture, for WeasyPrint heeds no others there."""
    sheet = files("calciscope.report").joinpath("templates", "report.css").read_text("utf-8")
    rules = "".join(_DRAWN.findall(sheet)).replace(".overview circle", "circle")
    return _PICTURE.sub(lambda found: f"{found[0]}<style>{rules}</style>", page)


def write(assessment: Assessment, pictures: Pictures | None, path: Path) -> Path:
    """Write the PDF and return its path; raises as :func:`render`."""
    path.write_bytes(render(assessment, pictures))
    return path
