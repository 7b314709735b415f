"""Write ``docs/presets.md`` from ``knowledge/presets.yaml`` and the conformance cases: every rule, ours beside theirs.

python docs/make_presets.py
"""

from __future__ import annotations

import sys
from contextlib import suppress
from importlib.resources import files
from pathlib import Path

import yaml

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from tests.measure.conformance import Cell, cells, rows, said  # noqa: E402
from tests.measure.make import CASES  # noqa: E402

from calciscope.measure.presets import DEFAULT, IslandRule, Preset, presets  # noqa: E402

PAGE = HERE / "presets.md"
BELOW = {
    "drop": "do not count",
    "keep": "count",
    "maximum": "count in islands whose maximum reaches it",
}
MAXIMUM = {"island": "of the island", "slice": "of the 3-D lesion in the slice", "lesion": "of the whole 3-D lesion"}
UNIT = {
    "mm2": "mm2",
    "pixels": "pixels",
    "lesion_mm2": "mm2 over the slices of a lesion",
    "voxels": "voxels of a lesion",
}


def page() -> str:
    """The whole page."""
    known = presets()
    version = known[DEFAULT].version
    agree = sum(cell.agrees for cell in cells())
    parts = [
        "# Presets: the rules of a calcium score",
        "",
        f"Written by `python docs/make_presets.py` from `knowledge/presets.yaml`, version {version}, and the cases in "
        "`tests/measure/cases`; a test compares. A preset is named in every output that uses it. "
        f"`{DEFAULT}` is the default. Presets that count voxels of a mask below the threshold give no interval.",
        "",
        "For the rule of a vendor, as the open FQM program states it (van Praagh 2021): GE `fqm-literature`, Siemens "
        "`fqm-siemens`, Philips `fqm-philips`, Canon `fqm-canon`; of Horos `horos`. What a console of today does may "
        "differ.",
        "",
        "## Twenty cases, sixteen rule sets",
        "",
        f"{said()['source'].strip()} {said()['licence'].strip()}",
        "",
        f"One number: theirs and ours are the same ({agree} of {len(cells())} cells, to the three decimals given). "
        "Otherwise *theirs* / **ours**; the reasons follow the table. Of `standard` and `horos` only ours are shown, "
        "nobody else has computed them.",
        "",
        *matrix(),
        "",
        "### Cells that differ",
        "",
        *differing(),
        "",
        "## The rules side by side",
        "",
        *side_by_side(known),
        "",
        "## Each preset",
        "",
    ]
    sources = yaml.safe_load(files("calciscope").joinpath("knowledge", "sources.yaml").read_text(encoding="utf-8"))
    for one in known.values():
        parts += each(one, sources)
    return "\n".join(parts).rstrip() + "\n"


def number(value: float | str) -> str:
    """A score with up to three decimals, or the word."""
    return value if isinstance(value, str) else f"{value:.3f}".rstrip("0").rstrip(".")


def shown(cell: Cell) -> str:
    """What a cell of the matrix says."""
    if cell.agrees:
        return number(float(cell.theirs))
    with suppress(ValueError):
        return f"*{number(float(cell.theirs))}* / **{number(cell.ours)}**"
    theirs = cell.theirs.split("(")[0].strip()
    return f"*{theirs}* / **{number(cell.ours)}**"


def matrix() -> list[str]:
    """A row a case, a column a rule set."""
    columns = dict(said()["columns"])
    own = [DEFAULT, "horos"]
    by_place = {(cell.case, cell.column): cell for cell in cells()}
    head = ["case", *(f"`{name}`" for name in columns.values()), *(f"`{name}`" for name in own)]
    lines = [row_of(head), row_of(["---"] * len(head))]
    for row in rows():
        case = row["case"][:3]
        ours = [number(CASES[case].scored(name).agatston) for name in own]
        lines.append(row_of([row["case"], *(shown(by_place[case, column]) for column in columns), *ours]))
    return lines


def differing() -> list[str]:
    """Every cell that a preset does not reproduce, and why."""
    lines = [row_of(["case", "preset", "theirs", "ours", "why"]), row_of(["---"] * 5)]
    lines += [
        row_of([cell.case, f"`{cell.preset}`", cell.theirs, number(cell.ours), " ".join((cell.why or "").split())])
        for cell in cells()
        if not cell.agrees
    ]
    return lines


def side_by_side(known: dict[str, Preset]) -> list[str]:
    """The parameters that differ most, a row a preset."""
    head = [
        "preset",
        "threshold at 120 kV",
        "voxels below it",
        "islands",
        "smallest",
        "maximum",
        "scaled by",
        "rounded",
    ]
    lines = [row_of(head), row_of(["---"] * len(head))]
    lines += [
        row_of(
            [
                f"`{one.name}`",
                f"{sign(one)}{one.threshold(one.reference_kvp).hu:g} HU",
                BELOW[one.below_threshold],
                f"{one.islands.dimension}-D, {one.islands.neighbours} neighbours",
                smallest(one.islands),
                MAXIMUM[one.maximum],
                "nothing" if one.scaling == "none" else f"{one.scaling} / {one.reference_mm:g} mm",
                rounded(one),
            ]
        )
        for one in known.values()
    ]
    return lines


def each(one: Preset, sources: dict[str, dict[str, object]]) -> list[str]:
    """The section of one preset."""
    elsewhere = "the threshold is kept" if one.other_voltages == "hold" else "refused"
    lines = [
        f"### {one.name}",
        "",
        f"{one.title}. Status: {one.status}.",
        "",
        row_of(["tube voltage", "threshold", "density factors", "mass factor, mg/mm3/HU", "source", "status"]),
        row_of(["---"] * 6),
    ]
    for voltage in one.voltages:
        at = one.threshold(voltage.kvp)
        grades = ", ".join(
            f"{factor} {'from' if one.bin_starts == 'at' else 'above'} {start:g}{end}"
            for factor, start, end in zip(
                one.factors, at.bins, [*(f" to {end:g}" for end in at.ends), *[""] * len(at.bins)], strict=False
            )
        )
        lines.append(
            row_of(
                [
                    f"{voltage.kvp:g} kV",
                    f"{sign(one)}{at.hu:g} HU",
                    grades,
                    f"{voltage.mass_factor:g}",
                    voltage.source,
                    voltage.status,
                ]
            )
        )
    facts = [
        f"At other voltages: {elsewhere}.",
        f"Voxels of a mask below the threshold {BELOW[one.below_threshold]}.",
        f"Islands: {one.islands.dimension}-D, {one.islands.neighbours} neighbours; smallest: {smallest(one.islands)}.",
        f"Density factor by the maximum {MAXIMUM[one.maximum]}.",
        f"Scaling: {'none' if one.scaling == 'none' else f'{one.scaling} / {one.reference_mm:g} mm'}; "
        f"rounding: {rounded(one)}.",
    ]
    if one.formula is not None:
        facts.append(f"Threshold: {one.formula.scale:g} x exp({one.formula.per_kv:g} x kV), rounded.")
    if one.prefilter is not None:
        first = one.prefilter
        facts.append(f"3-D lesions ({first.neighbours} neighbours) below {first.smallest} voxels are dropped first.")
    if one.overlap == "skip":
        facts.append("Of overlapping slices only as many count as do not overlap, from the first slice on.")
    if one.average_mm is not None:
        facts.append(
            f"Slices below {one.thin_mm:g} mm are first averaged to the fewest that reach {one.average_mm:g} mm."
        )
    if one.equivalent is not None:
        facts.append(
            f"Where a voltage has no published threshold and a phantom or the file tells the attenuation of "
            f"{one.equivalent:g} mg/cm3 hydroxyapatite, that is the threshold."
        )
    lines += ["", *(f"- {fact}" for fact in facts), *(f"- Source: {sources[key]['citation']}." for key in one.sources)]
    if one.note:
        lines += ["", " ".join(one.note.split())]
    return [*lines, ""]


def sign(one: Preset) -> str:
    """How a voxel is compared with the threshold."""
    return ">" if one.strict else ">="


def smallest(rule: IslandRule) -> str:
    """The smallest island, in words."""
    if not rule.smallest:
        return "none"
    parts = [f"{'above' if rule.exceeds else 'at least'} {rule.smallest:g} {UNIT[rule.unit]}"]
    if rule.rounded:
        parts.append("rounded to whole pixels")
    if rule.least_pixels:
        parts.append(f"at least {rule.least_pixels} pixels")
    if rule.alone_below:
        parts.append(f"each pixel alone where that is below {rule.alone_below} pixels")
    return ", ".join(parts)


def rounded(one: Preset) -> str:
    """What is rounded, in words."""
    if one.rounding == "none":
        return "nothing"
    what = {"pixel": "what a pixel adds", "island": "each island", "total": "the total"}[one.rounding]
    return f"{what}, {one.decimals} decimals" if one.decimals else what


def row_of(values: list[str]) -> str:
    """A row of a table."""
    return "| " + " | ".join(value.replace("|", "/") for value in values) + " |"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
