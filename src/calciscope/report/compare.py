"""A comparison of two dates as tables for a terminal, as ``comparison.json`` and as ``comparison.html``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from rich.table import Table

from calciscope.compare.model import Change, Comparison, SiteChange, State
from calciscope.domain.assessment import Measure
from calciscope.report import text
from calciscope.report.html import Footnotes
from calciscope.report.page import environment

_COLUMNS = ("agatston", "volume", "mass", "diameter")
# In the order in which they matter to a reader.
_ORDER = {state: place for place, state in enumerate((State.NEW, State.GROWN, State.SMALLER, State.GONE))}


def tables(found: Comparison) -> tuple[Table, ...]:
    """The sites as a table, and the deposits where they were matched."""
    sites = Table("site", "state", *_COLUMNS, "a year", box=None, pad_edge=False)
    for one in ranked(found):
        cells = [both(one.measures.get(name), name) if shown(one.site, name) else "-" for name in _COLUMNS]
        sites.add_row(one.site, str(one.state), *cells, rate(one))
    deposits = Table("deposit", "state", "old", "new", "volume", "why", box=None, pad_edge=False)
    for piece in sorted(found.deposits, key=lambda one: (_ORDER.get(one.state, len(_ORDER)), one.site)):
        deposits.add_row(
            piece.site,
            str(piece.state),
            " + ".join(piece.old) or "-",
            " + ".join(piece.new) or "-",
            both(piece.measures.get("volume"), "volume"),
            piece.why or "",
        )
    return sites, deposits


def _mark(status: str) -> str:
    """What stands beside a sentence whose source was not seen."""
    return " [unverified]" if status == "unverified" else ""


def lines(found: Comparison) -> Iterator[str]:
    """What else a reader must know: progression, meaning, differences of the scans, notes."""
    for site in found.sites:
        for verdict in site.progression:
            why = f" ({verdict.why})" if verdict.why else ""
            mark = _mark(verdict.status)
            yield f"{site.site}: {said(verdict.progression)} by {verdict.label}{mark}: {verdict.text}{why}"
        for meaning in site.meaning:
            yield f"{site.site}: {meaning.statement}{_mark(meaning.status)}"
    for one in found.differences:
        yield f"scans differ: {', '.join(one.measures)} {one.validity}: {one.why}; {one.errs}"
    for note in found.notes:
        yield f"note: {note}"


def ranked(found: Comparison) -> list[SiteChange]:
    """Sites with what changed first, parents before the places they sum."""
    return sorted(found.sites, key=lambda one: (_ORDER.get(one.state, len(_ORDER)), one.site))


def shown(site: str, measure: str) -> bool:
    """Whether a measure is shown at a site in an overview."""
    return measure != "agatston" or text.scored(site)


def said(progression: bool | None) -> str:
    """What a definition says, in words."""
    return "cannot be told" if progression is None else "progression" if progression else "no progression"


def both(change: Change | None, name: str) -> str:
    """``120 to 180 mm³``, or what is known of it."""
    if change is None:
        return "-"
    ends = [_value(one, name) for one in (change.old, change.new)]
    mark = "" if change.change is not None else " (not comparable)"
    if ends == ["-", "-"]:
        return "-"
    return f"{ends[0]} to {ends[1]} {text.unit(change.unit)}".strip() + mark


def rate(site: SiteChange) -> str:
    """The yearly change of the first measure that has one, with its sign."""
    for name in _COLUMNS:
        one = site.measures.get(name)
        if one is not None and one.per_year is not None and shown(site.site, name):
            return signed(one.per_year, name if name == "agatston" else text.unit(one.unit))
    return "-"


def signed(value: float, unit: str) -> str:
    """``+12 mm³``: a change with its sign."""
    number = text.number(abs(value))
    return f"{'-' if value < 0 else '+'}{number} {unit}".strip() if value else f"0 {unit}".strip()


def render(found: Comparison) -> str:
    """The page as a string: self-contained, without script or network access."""
    templates = environment()
    templates.globals.update(
        both=both, said=said, shown=shown, signed=signed, measure_name=text.name, unit=text.unit, columns=_COLUMNS
    )
    return templates.get_template("compare.html").render(
        c=found,
        ranked=ranked(found),
        footnotes=Footnotes(),
        citations={source.id: source for source in found.sources},
    )


def write(found: Comparison, folder: Path) -> tuple[Path, ...]:
    """Write ``comparison.json`` and ``comparison.html`` into a folder that is there, and return their paths."""
    data, page = folder / "comparison.json", folder / "comparison.html"
    data.write_text(found.model_dump_json(indent=2) + "\n", encoding="utf-8")
    page.write_text(render(found), encoding="utf-8")
    return data, page


def _value(measure: Measure | None, name: str) -> str:
    if measure is None or measure.value is None:
        return "-"
    return text.value(measure, name).removesuffix(text.unit(measure.unit)).strip()
