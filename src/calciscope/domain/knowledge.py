"""Reads knowledge files as YAML 1.2 means them: ``no`` and ``on`` are words, dates are words, keys are given once."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from calciscope.errors import KnowledgeError

# libyaml parses ten times faster; the pure loader is the same without it.
_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

# The knowledge that comes with the package.
EMBEDDED = Path(__file__).parent.parent / "knowledge"


class _Loader(_Base):  # type: ignore[misc]  # the base is chosen at run time
    """A safe loader with only null, true, false and decimal numbers as special scalars."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012  # PyYAML's own protocol


def _mapping(loader: Any, node: yaml.MappingNode) -> dict[Any, Any]:
    found: dict[Any, Any] = {}
    for key_node, value_node in node.value:
        key = str(loader.construct_object(key_node, deep=True))
        if key in found:
            raise yaml.constructor.ConstructorError(None, None, f"{key} is there twice", key_node.start_mark)
        found[key] = loader.construct_object(value_node, deep=True)
    return found


_Loader.add_implicit_resolver("tag:yaml.org,2002:null", re.compile(r"^(?:~|null|)$"), ["~", "n", ""])
_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^(?:true|false)$"), ["t", "f"])
_Loader.add_implicit_resolver("tag:yaml.org,2002:int", re.compile(r"^[-+]?(?:0|[1-9][0-9]*)$"), list("-+0123456789"))
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?$"),
    list("-+.0123456789"),
)
_Loader.add_constructor("tag:yaml.org,2002:map", _mapping)


def load_yaml(path: Path) -> dict[str, Any]:
    """The mapping in a YAML file.

    Raises:
        KnowledgeError: the file cannot be read, is not YAML or is not a mapping; one line with its name and place.
    """
    try:
        data = yaml.load(path.read_text("utf-8-sig"), Loader=_Loader)  # a subclass of the safe loader
    except (OSError, UnicodeDecodeError) as error:
        raise KnowledgeError(f"{path.name}: cannot be read as text: {type(error).__name__}") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f" in line {mark.line + 1}" if mark else ""
        raise KnowledgeError(f"{path.name}: not YAML{line}: {getattr(error, 'problem', None) or error}") from error
    if not isinstance(data, dict):
        raise KnowledgeError(f"{path.name}: is not a mapping")
    return data


def table(name: str) -> dict[str, Any]:
    """The mapping of a file of the knowledge that comes with the package.

    Raises:
        KnowledgeError: as :func:`load_yaml`.
    """
    return load_yaml(EMBEDDED / name)
