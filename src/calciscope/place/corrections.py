"""What a person changed: deposits moved, rejected, merged or restored by id, from a CSV, YAML or JSON file."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path
from typing import TypeVar

import yaml

from calciscope.domain import site as sites
from calciscope.domain.assessment import Correction
from calciscope.domain.deposit import Deposit, PlacedDeposit, Placement
from calciscope.errors import CorrectionError
from calciscope.place.merge import merged

_Item = TypeVar("_Item")

ACTIONS = ("move", "reject", "merge", "restore")
_KEYS = ("deposit", "action", "to", "by", "why")
# Actions that need a target: a site or the id of another deposit.
_TARGET = {"move": "a site", "merge": "the id of another deposit"}


def read(path: Path) -> tuple[Correction, ...]:
    """The corrections of a file: CSV with the columns ``deposit,action,to,by,why``, or a YAML or JSON list of them.

    ``to`` is a site for ``move`` (and, if wanted, ``restore``), the id of another deposit for ``merge``. Raises
    :class:`CorrectionError` with one line on the first entry that is wrong.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise CorrectionError(f"the corrections file {path.name} does not exist") from None
    except (OSError, UnicodeDecodeError):
        raise CorrectionError(f"the corrections file {path.name} cannot be read as text") from None
    entries = _rows(text, path.name) if path.suffix.lower() == ".csv" else _listed(text, path.name)
    return tuple(_correction(entry, f"{path.name}, entry {n}") for n, entry in enumerate(entries, start=1))


def _rows(text: str, name: str) -> list[Mapping[str, object]]:
    try:
        return _table(text, name)
    except csv.Error as error:
        raise CorrectionError(f"{name} cannot be read as a table: {error}") from None


def _table(text: str, name: str) -> list[Mapping[str, object]]:
    table = csv.DictReader(io.StringIO(text), skipinitialspace=True)
    header = [column.strip() for column in table.fieldnames or ()]
    missing = [key for key in ("deposit", "action", "by") if key not in header]
    if missing:
        raise CorrectionError(f"{name} has no column {', '.join(missing)}; its first line is {','.join(_KEYS)}")
    table.fieldnames = header
    rows: list[Mapping[str, object]] = []
    for row in table:
        if None in row:
            raise CorrectionError(f"{name}, entry {len(rows) + 1}: more values than columns; quote a text with a comma")
        rows.append(dict(row))
    return rows


def _listed(text: str, name: str) -> list[Mapping[str, object]]:
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError:
        raise CorrectionError(f"{name} is neither valid YAML nor JSON") from None
    except RecursionError:
        raise CorrectionError(f"{name} is nested too deeply to be a list of corrections") from None
    except ValueError:
        # Dates such as 2024-13-45 and numbers of thousands of digits.
        raise CorrectionError(f"{name} holds a date or number that is none; put it in quotes") from None
    if isinstance(content, dict) and set(content) == {"corrections"}:
        content = content["corrections"]
    if content is None:
        return []
    if not isinstance(content, list) or not all(isinstance(entry, dict) for entry in content):
        raise CorrectionError(f"{name} is not a list of corrections with the keys {', '.join(_KEYS)}")
    return content


def _correction(entry: Mapping[str, object], where: str) -> Correction:
    unknown = [str(key) for key in entry if key not in _KEYS]
    if unknown:
        close = get_close_matches(unknown[0], _KEYS, n=1, cutoff=0.4)
        hint = f"; did you mean {close[0]}?" if close else f"; known are {', '.join(_KEYS)}"
        raise CorrectionError(f"{where}: unknown key {unknown[0]}{hint}")
    values = {key: str(value).strip() for key, value in entry.items() if value is not None and str(value).strip()}
    for key in ("deposit", "action", "by"):
        if key not in values:
            raise CorrectionError(f"{where}: {key} is missing")
    action = values["action"].lower()
    if action not in ACTIONS:
        raise CorrectionError(f"{where}: unknown action {values['action']}; known are {', '.join(ACTIONS)}")
    target = values.get("to")
    if action in _TARGET and target is None:
        raise CorrectionError(f"{where}: {action} needs {_TARGET[action]} in `to`")
    if action in ("move", "restore") and target is not None and not sites.exists(target):
        close_site = sites.nearest(target)
        hint = f"; did you mean {close_site}?" if close_site else ""
        raise CorrectionError(f"{where}: unknown site {target}{hint}")
    if action == "reject" and target is not None:
        raise CorrectionError(f"{where}: reject takes no `to`; say what it is in `why`")
    return Correction(deposit=values["deposit"], action=action, to=target, by=values["by"], why=values.get("why"))


def apply(
    placed: Sequence[PlacedDeposit], rejected: Sequence[Deposit], corrections: Sequence[Correction]
) -> tuple[tuple[PlacedDeposit, ...], tuple[Deposit, ...]]:
    """The deposits and the rejected candidates after the corrections, applied in their order.

    A deposit that a person placed has confidence 1 and ``placement.by``. A restored one without a site is
    ``unplaced``. Raises :class:`CorrectionError` where an id is unknown.
    """
    kept = {item.deposit.id: item for item in placed}
    out = {item.id: item for item in rejected}
    for change in corrections:
        if change.action == "restore":
            deposit = _known(out, change.deposit, "rejected candidate")
            del out[change.deposit]
            kept[change.deposit] = _moved(replace(deposit, rejected_as=None), change, change.to or sites.UNPLACED)
            continue
        item = _known(kept, change.deposit, "deposit")
        if change.action == "move":
            old = item.placement
            moved = _moved(item.deposit, change, change.to or sites.UNPLACED)
            before = ((old.site, old.confidence), *old.alternatives)
            kept[change.deposit] = replace(moved, placement=replace(moved.placement, alternatives=before))
        elif change.action == "reject":
            del kept[change.deposit]
            why = f"{change.why}, " if change.why else ""
            out[change.deposit] = replace(item.deposit, rejected_as=f"{why}by {change.by}")
        else:
            other = _known(kept, change.to or "", "deposit")
            if other.deposit.id == item.deposit.id:
                raise CorrectionError(f"deposit {item.deposit.id} cannot be merged with itself")
            if other.deposit.series != item.deposit.series:
                raise CorrectionError(f"deposits {item.deposit.id} and {other.deposit.id} are of different series")
            del kept[change.deposit]
            joined = merged(other.deposit, item.deposit)
            kept[other.deposit.id] = PlacedDeposit(joined, replace(other.placement, by=change.by))
    return tuple(kept.values()), tuple(out.values())


def _moved(deposit: Deposit, change: Correction, to: str) -> PlacedDeposit:
    return PlacedDeposit(deposit, Placement(to, 1.0, "correction", "", by=change.by))


def _known(items: Mapping[str, _Item], name: str, what: str) -> _Item:
    if name in items:
        return items[name]
    close = get_close_matches(name, list(items), n=1, cutoff=0.4)
    hint = f"; the nearest is {close[0]}" if close else f"; there is no {what} at all" if not items else ""
    raise CorrectionError(f"there is no {what} with the id {name}{hint}")
