"""The knowledge files of several folders put together and validated, before anything is compiled."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from calciscope.domain.assessment import Source
from calciscope.domain.knowledge import load_yaml
from calciscope.errors import KnowledgeError
from calciscope.interpret.schema import Labs, Vocabulary

LISTS = ("conditions", "medications", "history", "symptoms")
_M = TypeVar("_M", bound=BaseModel)


def sources_of(places: Sequence[Path]) -> dict[str, Source]:
    """Every source of the folders by id; a later folder replaces one of the same id."""
    found: dict[str, Source] = {}
    for place in places:
        if not (path := place / "sources.yaml").is_file():
            continue
        for key, entry in load_yaml(path).items():
            if not isinstance(entry, dict) or "citation" not in entry:
                raise KnowledgeError(f"{path.name}: source {key} has no citation")
            doi = entry.get("doi")
            found[key] = Source(
                id=key, citation=str(entry["citation"]), year=entry.get("year"), doi=str(doi) if doi else None
            )
    return found


def labs_of(places: Sequence[Path]) -> Labs:
    """Laboratory data of the folders; ranges and formulas of a later folder are asked first."""
    whole = Labs()
    for place in places:
        if not (path := place / "labs.yaml").is_file():
            continue
        own = validated(Labs, load_yaml(path), path.name)
        whole = Labs(
            quantities={**whole.quantities, **own.quantities},
            words={**whole.words, **own.words},
            ranges=own.ranges + whole.ranges,
            derived=own.derived + whole.derived,
            states=own.states + tuple(s for s in whole.states if s.name not in {o.name for o in own.states}),
            combined=own.combined + tuple(c for c in whole.combined if c.name not in {o.name for o in own.combined}),
        )
    return whole


def vocabulary_of(places: Sequence[Path]) -> Vocabulary:
    """The words of all folders together."""
    whole = Vocabulary()
    for place in places:
        if not (path := place / "vocabulary.yaml").is_file():
            continue
        own = validated(Vocabulary, load_yaml(path), path.name)
        lists = {
            name: {
                concept: getattr(whole, name).get(concept, ()) + getattr(own, name).get(concept, ())
                for concept in {**getattr(whole, name), **getattr(own, name)}
            }
            for name in LISTS
        }
        own_negations = own.negations
        whole = Vocabulary(
            **lists,
            ignored=whole.ignored + own.ignored,
            implies={**whole.implies, **own.implies},
            negations=own_negations if own_negations.before else whole.negations,
            values={**whole.values, **own.values},
            idle=whole.idle + own.idle,
            describing={
                key: whole.describing.get(key, ()) + own.describing.get(key, ())
                for key in {**whole.describing, **own.describing}
            },
            said_none={**whole.said_none, **own.said_none},
        )
    return whole


def validated(model: type[_M], data: Any, file: str) -> _M:
    """The validated content of a file.

    Raises:
        KnowledgeError: something in it is wrong; the first mistake as one line that names the rule.
    """
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise KnowledgeError(mistakes(error, data, file)[0]) from error


def mistakes(error: ValidationError, data: Any, file: str) -> list[str]:
    """Everything that is wrong with the content of a file: one line each, with the rule named."""
    found = [f"{file}: {' '.join(_steps(one['loc'], data))}: {one['msg']}" for one in error.errors()]
    return list(dict.fromkeys(found))


def _steps(loc: tuple[int | str, ...], data: Any) -> list[str]:
    """The way to a mistake, with a rule named by its id instead of its number."""
    steps: list[str] = []
    for step in loc:
        if isinstance(data, list) and isinstance(step, int) and step < len(data):
            data = data[step]
            if isinstance(data, dict) and "id" in data:
                steps = [f"rule {data['id']}"]
                continue
        else:
            data = data.get(step) if isinstance(data, dict) else None
        steps.append(str(step))
    return steps
