"""Files -> report texts: plain text, a table with a column of texts, DICOM SR, FHIR DiagnosticReport."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import sys
import warnings
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

from pydicom import Dataset, dcmread
from pydicom.errors import InvalidDicomError

from calciscope.domain import product
from calciscope.errors import InputError
from calciscope.read import report_header
from calciscope.read.archive import LOOK as _LOOK_SR
from calciscope.read.archive import ArchiveError, extract, is_zip
from calciscope.read.files import inside, printable
from calciscope.read.identifiers import identifiers_of, masked
from calciscope.read.patients import owner
from calciscope.read.report_header import ReportHeader

# A report is a page or two; a text of more than this is many reports, or something else.
MOST_BYTES = 1_000_000
_MOST_TABLE_BYTES = 2_000_000_000
_PREAMBLE = slice(128, 132)
_DOCUMENTS = {".pdf": "a PDF", ".docx": "a Word document", ".doc": "a Word document", ".rtf": "an RTF document"}
# A text has fewer signs than this share that are none of writing, in its first so many.
_CONTROL, _LOOK = 0.02, 65536
_CELL = 10_000_000
# Classes of structured reports (PS3.4 B.5), and those of radiation dose.
_SR = b"1.2.840.10008.5.1.4.1.1.88."
_KIND = ("Modality", "SOPClassUID", "ManufacturerModelName")
_DOSE = frozenset(f"1.2.840.10008.5.1.4.1.1.88.{number}" for number in (67, 68, 73, 74, 75, 76))


@dataclass(frozen=True, slots=True)
class Report:
    """One report text with the name that it has for a person and the digest of what was read.

    ``owner`` is a digest of the patient's id where the file carries one, ``header`` what stands above the text.
    """

    name: str
    text: str
    digest: str
    owner: str = field(default="", repr=False)
    header: ReportHeader = field(default_factory=ReportHeader)


def is_report(path: Path) -> bool:
    """Whether a file is a report text among the inputs of ``assess``: by its name, SR and FHIR by what they hold."""
    if not path.is_file():
        return False
    if path.suffix.lower() in (".txt", ".text"):
        return True
    if path.suffix.lower() == ".json":
        try:
            return isinstance(data := json.loads(path.read_bytes()), dict) and any(_diagnostic_reports(data))
        except (OSError, ValueError, RecursionError):
            return False
    return _is_sr(path)


def is_archive(path: Path) -> bool:
    """Whether a file is a ZIP, which may hold reports; a Word document is one too and is none here."""
    try:
        return path.is_file() and path.suffix.lower() not in _DOCUMENTS and is_zip(path)
    except OSError:
        return False


def unpacked(path: Path, temporary: Path) -> dict[Path, Path]:
    """The reports in a ZIP, extracted below ``temporary``, each with its path in the ZIP; images stay where they are.

    Raises:
        InputError: the ZIP is damaged or not safe to extract; one line that names it.
    """
    try:
        folder = extract(path, temporary, _may_be_report)
    except ArchiveError as error:
        raise InputError(f"{printable(path)}: {error}") from error
    return {one: path / one.relative_to(folder) for one in inside(folder) if is_report(one)}


def _may_be_report(name: str, start: bytes) -> bool:
    suffix = PurePosixPath(name).suffix.lower()
    return suffix in (".txt", ".text", ".json") or (start[_PREAMBLE] == b"DICM" and b"SR" in start) or _SR in start


def read_report(path: Path) -> Report:
    """The text of one file.

    Raises:
        InputError: one line that names the file and says what is wrong and what to do.
    """
    name = printable(path)
    if (kind := _DOCUMENTS.get(path.suffix.lower())) is not None:
        raise InputError(f"{name}: is {kind}; save it as plain text (.txt)")
    try:
        with path.open("rb") as file:
            raw = file.read(_MOST_TABLE_BYTES if path.suffix.lower() == ".json" else MOST_BYTES + 1)
    except OSError as error:
        why = "there is no such file" if isinstance(error, FileNotFoundError) else "it cannot be opened as a file"
        raise InputError(f"{name}: {why}; check the path") from error
    if raw[_PREAMBLE] == b"DICM":
        text, data = _structured(path, name)
        shown, whose = masked(name, identifiers_of(data)), owner(str(data.get("PatientID") or ""))
        return Report(shown, text, _digest(raw), whose, report_header.of_dicom(data))
    return _as_report(raw, name)


def of_text(text: str) -> Report:
    """A report that is there as a string; raises :class:`InputError` as :func:`read_report`."""
    raw = text.encode()
    return _as_report(raw, "text")


def read_stream(stream: BinaryIO) -> Report:
    """The report on standard input; raises :class:`InputError` as :func:`read_report`."""
    raw = stream.read(MOST_BYTES + 1)
    return replace(_as_report(raw, "standard input"), name="-")


def read_table(path: Path, text_column: str, id_column: str | None) -> Iterator[Report]:
    """The reports of a CSV, a row each; without a column of names their row is their name.

    Raises:
        InputError: the file cannot be read or a column is not there; one line that names those that are.
    """
    name = printable(path)
    # The limit is one for the whole process: others read tables too.
    before = csv.field_size_limit(_CELL)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file)
            there = rows.fieldnames or ()
            for column in (text_column, id_column):
                if column is not None and column not in there:
                    columns = ", ".join(map(repr, there)) or "none"
                    raise InputError(f"{name}: has no column {column!r}; it has {columns}")
            for number, row in enumerate(rows, 1):
                text = row.get(text_column) or ""
                label = (row.get(id_column) or "").strip() if id_column else ""
                yield Report(label or f"row {number}", text, _digest(text.encode()))
    except OSError as error:
        raise InputError(f"{name}: it cannot be opened; check the path") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{name}: is not a CSV in UTF-8; save it as one") from error
    finally:
        csv.field_size_limit(before)


def _as_report(raw: bytes, name: str) -> Report:
    if not raw.strip():
        raise InputError(f"{name}: is empty; give a report text")
    text = _decoded(raw, name)
    start = text.lstrip()[:1]
    if start == "{":
        return _record(text, name, _digest(raw))
    if len(raw) > MOST_BYTES:
        raise InputError(
            f"{name}: is larger than {MOST_BYTES // 1_000_000} MB, which no report is; give one report a file, "
            "or a CSV with --text-column"
        )
    if not any(sign.isalpha() for sign in text):
        raise InputError(f"{name}: holds no words; give a report text")
    return Report(name, text, _digest(raw), header=report_header.of_text(text))


def _decoded(raw: bytes, name: str) -> str:
    encoding = "utf-16" if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        # The end of what was read may cut a sign in two.
        text = raw.decode(encoding)
    except UnicodeDecodeError as error:
        if len(raw) - error.start < 4 and len(raw) > MOST_BYTES:
            text = raw[: error.start].decode(encoding)
        else:
            text = raw.decode("cp1252", errors="replace")
    start = text[:_LOOK]
    odd = sum(sign == "\N{REPLACEMENT CHARACTER}" or not (sign.isprintable() or sign.isspace()) for sign in start)
    if "\0" in text or odd > _CONTROL * len(start):
        raise InputError(f"{name}: is not text; give a report as plain text, DICOM SR or FHIR")
    return text


def _record(text: str, name: str, digest: str) -> Report:
    """The words of a FHIR DiagnosticReport, alone or in a bundle."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{name}: is cut off or not JSON; export it again") from error
    records = list(_diagnostic_reports(data))
    parts = [part for one in records for part in _parts(one)]
    if not parts:
        raise InputError(f"{name}: holds no FHIR DiagnosticReport with a text; give the report itself")
    return Report(name, "\n\n".join(dict.fromkeys(parts)), digest, header=report_header.of_fhir(records[0]))


def _diagnostic_reports(data: Any) -> Iterator[Mapping[str, Any]]:
    if not isinstance(data, dict):
        return
    if data.get("resourceType") == "DiagnosticReport":
        yield data
    entries = data.get("entry") if data.get("resourceType") == "Bundle" else None
    for entry in entries if isinstance(entries, list) else ():
        if isinstance(entry, dict):
            yield from _diagnostic_reports(entry.get("resource"))


def _parts(report: Mapping[str, Any]) -> Iterator[str]:
    """The whole text where it is attached, else the narrative; the conclusion where it is not part of that."""
    whole = [text for form in _list(report.get("presentedForm")) if (text := _attached(form))]
    narrative = report.get("text")
    if not whole and isinstance(narrative, dict) and isinstance(narrative.get("div"), str):
        whole = [_without_tags(narrative["div"])]
    yield from whole
    conclusion = report.get("conclusion")
    if isinstance(conclusion, str) and conclusion.strip() and not any(conclusion.strip() in text for text in whole):
        yield f"Impression: {conclusion.strip()}"
    for note in _list(report.get("note")):
        if isinstance(note, dict) and isinstance(note.get("text"), str) and note["text"].strip():
            yield str(note["text"]).strip()


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _attached(form: Any) -> str:
    if not isinstance(form, dict) or not isinstance(form.get("data"), str):
        return ""
    kind = str(form.get("contentType", "text/plain"))
    if not kind.startswith("text/"):
        return ""
    try:
        text = b64decode(form["data"]).decode("utf-8")
    except (Base64Error, ValueError):
        return ""
    return _without_tags(text) if "html" in kind else text.strip()


class _Words(HTMLParser):
    """Collects the text of a page; block elements end a line."""

    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []

    def handle_data(self, data: str) -> None:
        """Text between tags."""
        self.parts.append(data)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """A block starts on a new line."""
        if tag in ("p", "div", "br", "li", "tr", "h1", "h2", "h3", "h4"):
            self.parts.append("\n")


def _without_tags(page: str) -> str:
    words = _Words()
    words.feed(page)
    return "".join(words.parts).strip()


def _is_sr(path: Path) -> bool:
    """Whether a file is a structured report that a person reads, by its class; a record of the dose is none."""
    try:
        with path.open("rb") as file:
            start = file.read(_LOOK_SR)
        if start[_PREAMBLE] != b"DICM" or (_SR not in start and b"SR" not in start):
            return False
        data = dcmread(path, specific_tags=list(_KIND), stop_before_pixels=True)
        ours = product.is_own(data.get("ManufacturerModelName"), data.get("Modality"))
        return str(data.get("Modality")) == "SR" and str(data.get("SOPClassUID")) not in _DOSE and not ours
    except (OSError, InvalidDicomError, ValueError, AttributeError, NotImplementedError, EOFError):
        return False


def _structured(path: Path, name: str) -> tuple[str, Dataset]:
    """The text items of a structured report below their headings, and its header, which says whose it is.

    Persons, dates and identifiers are left out of the text.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a warning of the reader would name the whole path
            data = dcmread(path, stop_before_pixels=True)
        lines = list(_items(data)) if str(data.get("Modality")) == "SR" else None
    except (InvalidDicomError, OSError, ValueError, AttributeError, NotImplementedError, EOFError) as error:
        raise InputError(f"{name}: is DICOM that cannot be read; export it again") from error
    if lines is None and "Modality" not in data:
        raise InputError(f"{name}: is DICOM that cannot be read; export it again")
    if lines is None:
        raise InputError(f"{name}: is a DICOM image and not a structured report; give it to calciscope assess")
    if product.is_own(data.get("ManufacturerModelName"), data.get("Modality")):
        raise InputError(f"{name}: is {product.OWN_RESULT}; give the images to calciscope assess")
    if not lines:
        raise InputError(f"{name}: the structured report holds no text; export it as plain text")
    return "\n".join(lines), data


def _items(data: Dataset) -> Iterator[str]:
    for item in data.get("ContentSequence", ()):
        kind = str(item.get("ValueType", ""))
        heading = _meaning(item.get("ConceptNameCodeSequence"))
        if kind == "TEXT":
            yield f"{heading}: {item.get('TextValue', '')}" if heading else str(item.get("TextValue", ""))
        elif kind == "CODE":
            yield f"{heading}: {_meaning(item.get('ConceptCodeSequence'))}"
        elif kind == "NUM":
            for value in item.get("MeasuredValueSequence", ()):
                unit = value.get("MeasurementUnitsCodeSequence")
                unit = unit[0].get("CodeValue", "") if unit else ""
                yield f"{heading}: {value.get('NumericValue', '')} {'' if unit in ('1', '{score}') else unit}".rstrip()
        elif kind == "CONTAINER" and heading:
            yield f"\n{heading}:"
        if kind not in ("PNAME", "UIDREF", "DATE", "DATETIME", "TIME"):
            yield from _items(item)


def _meaning(sequence: Any) -> str:
    return str(sequence[0].get("CodeMeaning", "")) if sequence else ""


def _digest(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()


def standard_input() -> BinaryIO:
    """Standard input as bytes, also where a test or an application replaced it by text."""
    return getattr(sys.stdin, "buffer", None) or io.BytesIO(sys.stdin.read().encode())
