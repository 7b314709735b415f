"""Is it valid FHIR? Checked with fhir.resources and with the official invariants that need no server."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from calciscope.domain.knowledge import table
from calciscope.errors import OutputError
from calciscope.report.fhir.parts import Json, Release

_NEEDED = "FHIR needs the extra libraries: pip install 'calciscope[fhir]'"
# fhir.resources has R5 at its top and R4B, which for the resources written here is R4, in a folder.
_MODELS = {Release.R5: "fhir.resources", Release.R4: "fhir.resources.R4B"}
_MOST_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Invariant:
    """A constraint: key, type of resource or ``ANY``, FHIRPath of the elements, and what must be true of each."""

    key: str
    of: str
    at: str | None
    human: str
    expression: str
    releases: tuple[Release, ...]


@lru_cache(maxsize=1)
def invariants() -> tuple[Invariant, ...]:
    """Those of ``knowledge/codes/fhir_invariants.yaml``, and its required bindings as constraints."""
    data = table("codes/fhir_invariants.yaml")
    written = [
        Invariant(key, one["of"], one.get("at"), one["human"], one["expression"], _releases(one))
        for key, one in data["invariants"].items()
    ]
    for path, one in data["bindings"].items():
        sort, _, element = path.partition(".")
        choice = " or ".join(f"$this = '{value}'" for value in one["values"])
        human = f"{element} is one of {', '.join(one['values'])}"
        written.append(Invariant(f"binding-{path}", sort, element, human, choice, _releases(one)))
    return tuple(written)


def _releases(entry: Json) -> tuple[Release, ...]:
    return tuple(Release(name) for name in entry.get("releases", tuple(Release)))


def ready() -> None:
    """Say before the work that the libraries are not there.

    Raises:
        OutputError: one is missing.
    """
    if any(find_spec(name) is None for name in ("fhir", "fhirpathpy")):
        raise OutputError(_NEEDED)


def check(data: Json, release: Release) -> None:
    """Pass a bundle that is valid.

    Raises:
        OutputError: with the first things that are wrong (types and elements, no values); or a library is missing.
    """
    wrong = [*_by_models(data, release), *broken(data, release)]
    if wrong:
        more = f" and {len(wrong) - _MOST_SHOWN} more" if len(wrong) > _MOST_SHOWN else ""
        raise OutputError(f"the FHIR bundle is not valid and is not written: {'; '.join(wrong[:_MOST_SHOWN])}{more}")


def _by_models(data: Json, release: Release) -> Iterator[str]:
    """What the models of fhir.resources refuse, resource by resource and then the bundle."""
    try:
        model = import_module(f"{_MODELS[release]}.bundle").Bundle
    except ImportError as error:
        raise OutputError(_NEEDED) from error
    from pydantic import ValidationError

    try:
        model.model_validate(data)
    except ValidationError as error:
        for one in error.errors(include_input=False, include_url=False):
            yield f"{'.'.join(map(str, one['loc']))}: {one['msg']}"


def broken(data: Json, release: Release) -> Iterator[str]:
    """The invariants that a bundle and its resources do not keep, by key and resource."""
    try:
        from fhirpathpy import evaluate
        from fhirpathpy.models import models
    except ImportError as error:
        raise OutputError(_NEEDED) from error
    model = models[release.value]
    for resource in (data, *(entry["resource"] for entry in data.get("entry", ()))):
        sort = resource["resourceType"]
        for one in invariants():
            if release not in one.releases or one.of not in ("ANY", sort) or (one.of == "ANY" and sort == "Bundle"):
                continue
            whole = f"({one.at}).all({one.expression})" if one.at else f"({one.expression})"
            result: list[Any] = evaluate(resource, whole, {"resource": resource}, model)
            if result != [True]:
                yield f"{one.key} {sort} {resource.get('id', '')}: {one.human}".replace("  ", " ")
