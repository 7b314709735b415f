"""YAML and JSON read as text: every value stays what was written, and a key that is given twice is seen.

YAML reads ``no`` as false, ``062`` as 50 and ``12:30`` as 750; a patient file means none of these, so nothing is
interpreted here.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from calciscope.errors import PatientFileError

# A patient file is a page of text; a record as JSON may hold years. More than this is something else.
_MOST_BYTES, _MOST_RECORD_BYTES = 1_000_000, 100_000_000
_EMPTY = ("", "~", "null", "Null", "NULL")
_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class Twice:
    """The values of a key that stands more than once in the same mapping."""

    values: tuple[Any, ...]


class _TextLoader(_Base):  # type: ignore[misc]  # the base is chosen at run time
    """A safe loader whose plain scalars are all text."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012  # PyYAML's own protocol


def _mapping(loader: Any, node: yaml.MappingNode) -> dict[str, Any]:
    pairs = [(loader.construct_object(key), loader.construct_object(value, deep=True)) for key, value in node.value]
    return _unique([(str(key), value) for key, value in pairs])


_TextLoader.add_constructor("tag:yaml.org,2002:map", _mapping)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key not in found:
            found[key] = value
        else:
            first = found[key]
            found[key] = Twice((*(first.values if isinstance(first, Twice) else (first,)), value))
    return found


def read_mapping(path: Path) -> dict[str, Any]:
    """The mapping in a YAML or JSON file: texts, lists, mappings, ``None`` for empty values, :class:`Twice`.

    Raises:
        PatientFileError: the file is missing, too large, not UTF-8 text, not YAML or JSON, empty or not a mapping.
    """
    text = _text(path)
    try:
        data = _json(text) if path.suffix.lower() == ".json" else yaml.load(text, Loader=_TextLoader)
    except json.JSONDecodeError as error:
        raise PatientFileError(f"{path.name}: not JSON in line {error.lineno}: {error.msg}") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f" in line {mark.line + 1}" if mark else ""
        said = str(getattr(error, "problem", None) or "it cannot be read").splitlines()[0]
        raise PatientFileError(f"{path.name}: not YAML{line}: {said}") from error
    except (RecursionError, ValueError) as error:
        raise PatientFileError(f"{path.name}: not a patient file: {type(error).__name__} while reading it") from error
    if data is None or (isinstance(data, str) and data.strip() in _EMPTY):
        raise PatientFileError(f"{path.name}: is empty; write at least age, sex or findings")
    if not isinstance(data, dict):
        raise PatientFileError(f"{path.name}: is not a patient file; write keys and values such as 'age: 62'")
    return data


def _text(path: Path) -> str:
    try:
        most = _MOST_RECORD_BYTES if path.suffix.lower() == ".json" else _MOST_BYTES
        if path.stat().st_size > most:
            raise PatientFileError(f"{path.name}: is larger than {most // 1_000_000} MB, which no patient file is")
        raw = path.read_bytes()
    except OSError as error:
        reason = "there is no such file" if isinstance(error, FileNotFoundError) else "cannot be opened"
        raise PatientFileError(f"{path.name}: {reason}") from error
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise PatientFileError(f"{path.name}: is not text in UTF-8; a patient file is YAML or JSON") from error
    if "\0" in text:
        raise PatientFileError(f"{path.name}: is not text; a patient file is YAML or JSON")
    return text


def _json(text: str) -> Any:
    if not text.strip():
        return None
    return json.loads(text, parse_float=str, parse_int=str, parse_constant=str, object_pairs_hook=_unique)


def as_text(value: Any) -> str | None:
    """A scalar as text without outer blanks, or ``None`` for lists, mappings and nothing."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        text = str(value).strip()
        return None if text in _EMPTY else text
    return None


def is_empty(value: Any) -> bool:
    """Whether nothing was written."""
    return value is None or (isinstance(value, str) and value.strip() in _EMPTY)


def shown(value: Any) -> str:
    """A value for a message: short, and never the content of lists or mappings."""
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list | tuple | set):
        return "a list"
    text = " ".join(str(value).split())
    return text if len(text) <= 30 else f"{text[:27]}..."
