"""A run with nothing in it that says whose study it is: everything that leaves is written from what this returns.

Names of files and persons, labels, digests, dates and ages go; findings, measures and reasons stay. What DICOM objects
take from the headers of the source is cleaned by :mod:`calciscope.report.dicom.deidentify`, by the basic profile of
DICOM PS3.15 annex E. Faces in a head CT are not blurred.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from calciscope.domain.assessment import Assessment
from calciscope.domain.deposit import PlacedDeposit
from calciscope.domain.examination import Examination
from calciscope.domain.study import SeriesInfo
from calciscope.report.dicom import deidentify as dicom
from calciscope.report.dicom.study import Imaged
from calciscope.report.html import Pictures
from calciscope.report.pseudonyms import Pseudonyms

if TYPE_CHECKING:
    from calciscope.pipeline import Run

# The profile keeps no date: what must have one has this.
NO_DAY = datetime(1900, 1, 1)
# The history that a person stated may name a year alone.
_YEAR = re.compile(r"\b(?:19|20)\d\d(?:-\d\d(?:-\d\d)?)?\b")


@dataclass(frozen=True)
class _Names:
    """What series, deposits and inputs are called instead: their own names hold digests, labels and names of files."""

    pairs: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, series: Sequence[tuple[str, str]], inputs: Sequence[str]) -> _Names:
        """``series`` are ids and labels; a longer name comes first, for one may be part of another."""
        told = {label: f"series {number}" for number, (_, label) in enumerate(series, 1)}
        told |= {id_: f"series-{number}" for number, (id_, _) in enumerate(series, 1)}
        others = sorted({one for one in inputs if one not in told})
        told |= {name: f"input {number}" for number, name in enumerate(others, 1)}
        return cls(tuple(sorted(told.items(), key=lambda pair: -len(pair[0]))))

    def text(self, text: str) -> str:
        for name, other in self.pairs:
            if name:
                text = text.replace(name, other)
        return text


def run(given: Run, under: Pseudonyms) -> Run:
    """The run under a pseudonym: assessment, pictures, series and the headers that they came from."""
    names = _names(given.assessment)
    return replace(
        given,
        assessment=assessment(given.assessment, under),
        pictures=_pictures(given.pictures, names),
        scans=tuple(replace(one, series=names.text(one.series)) for one in given.scans),
        imaged=tuple(_imaged(one, names, under) for one in given.imaged),
        series=tuple(_series(one, names, under) for one in given.series),
    )


def assessment(given: Assessment, under: Pseudonyms) -> Assessment:
    """The assessment without names of files and persons, labels, digests, dates and ages.

    Of reports stays what was understood, not their sentences; years are taken out of what the history states.
    """
    names = _names(given)
    data = given.model_dump(mode="json")
    kept = {key: data.pop(key) for key in ("sources", "provenance")}
    data = _each(data, lambda text: under.text(names.text(text)))
    for one in data["acquisition"]:
        one |= {"date": None, "notes": []}
    for finding in data["findings"]:
        for record in finding["deposits"]:
            _unsigned(record)
        for judged in (finding["kind"], finding["seriousness"]):
            for reason in judged["reasons"]:
                told = reason["inputs"].items()
                reason["inputs"] = {key: _yearless(value) for key, value in told if key != "age"}
    for record in data["rejected"]:
        _unsigned(record)
    for mention in data["mentions"]:
        mention |= {"quote": "", "because": {}}
    data["patient_facts"] = [one for one in data["patient_facts"] if one["key"] != "age"]
    for fact in data["patient_facts"]:
        fact |= {"text": "", "value": _yearless(fact["value"])}
    provenance = kept["provenance"]
    provenance["inputs"] = {f"input {n}": under.token(one) for n, one in enumerate(provenance["inputs"].values(), 1)}
    provenance["created"] = f"{NO_DAY.isoformat()}+00:00"
    provenance["corrections"] = [
        {**one, "deposit": names.text(one["deposit"]), "by": "a person", "why": None}
        for one in provenance["corrections"]
    ]
    # These two have fields that its JSON leaves out.
    return Assessment.model_validate({**data, **kept}).model_copy(
        update={
            "unknowns": tuple(
                one.model_copy(update={"would_change": under.text(names.text(one.would_change))})
                for one in given.unknowns
            ),
            "refused": tuple(
                one.model_copy(update={"input": names.text(one.input), "why": under.text(names.text(one.why))})
                for one in given.refused
            ),
        }
    )


def _names(given: Assessment) -> _Names:
    inputs = [*(one.input for one in given.refused), *given.provenance.inputs]
    inputs += [one.report for one in given.mentions if one.report]
    inputs += [one.report for one in given.patient_facts if one.report]
    return _Names.of([(one.id, one.label) for one in given.acquisition], inputs)


def _pictures(given: Pictures, names: _Names) -> Pictures:
    return Pictures(
        {names.text(key): one for key, one in given.crops.items()},
        tuple(
            replace(
                one,
                series=names.text(one.series),
                markers=tuple(replace(mark, deposit=names.text(mark.deposit)) for mark in one.markers),
            )
            for one in given.overviews
        ),
    )


def _imaged(given: Imaged, names: _Names, under: Pseudonyms) -> Imaged:
    return replace(
        given,
        series=names.text(given.series),
        label=names.text(given.label),
        placed=tuple(_placed(item, names) for item in given.placed),
        origin=None if given.origin is None else dicom.origin(given.origin, under),
    )


def _placed(item: PlacedDeposit, names: _Names) -> PlacedDeposit:
    return replace(
        item,
        deposit=replace(item.deposit, id=names.text(item.deposit.id), series=names.text(item.deposit.series)),
        placement=replace(item.placement, by="a person" if item.placement.by else None),
    )


def _series(given: SeriesInfo, names: _Names, under: Pseudonyms) -> SeriesInfo:
    return replace(
        given,
        id=names.text(given.id),
        label=names.text(given.label),
        digest=under.token(given.digest),
        examination=None if given.examination is None else _examination(given.examination, under),
    )


def _examination(given: Examination, under: Pseudonyms) -> Examination:
    return replace(
        given,
        study_uid=under.uid(given.study_uid),
        series_uid=under.uid(given.series_uid),
        number=under.name(given.number or given.study_uid),
        started=None,
    )


def _unsigned(record: dict[str, Any]) -> None:
    if record["placed_by"] is not None:
        record["placed_by"] = "a person"


def _yearless(value: Any) -> Any:
    if isinstance(value, str):
        return _YEAR.sub("", value).strip()
    if isinstance(value, list):
        return [_YEAR.sub("", one).strip() for one in value]
    return value


def _each(node: Any, change: Callable[[str], str]) -> Any:
    """The same data with every text changed; keys stay."""
    if isinstance(node, str):
        return change(node)
    if isinstance(node, list):
        return [_each(one, change) for one in node]
    if isinstance(node, dict):
        return {key: _each(value, change) for key, value in node.items()}
    return node
