"""Fill the tables of ``docs/measures.md`` from the knowledge files; the text between them is written by hand.

python docs/make_measures.py

A table stands between the comments ``begin NAME`` and ``end NAME``. The list of literature holds every source
that the text cites as ``[id](#literature)`` and every one that a table names.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from importlib.resources import files
from pathlib import Path
from string import Formatter

import yaml

from calciscope.measure.gate import NUMBERS, Condition, Rule, acquisition_rules
from calciscope.measure.phantom.models import phantoms
from calciscope.measure.presets import DEFAULT, preset
from calciscope.measure.uncertainty.detect import detection

PAGE = Path(__file__).resolve().parent / "measures.md"
CITED = re.compile(r"\[([a-z0-9-]+)\]\(#literature\)")
# Facts of `calciscope.measure.gate` in words, with their unit.
FACTS = {
    "blood_pool_hu": ("blood in the image", " HU"),
    "noise": ("noise of the blood", " HU"),
    "contrast": ("contrast in the header", ""),
    "kernel": ("kernel", ""),
    "kernel_sharp": ("sharp kernel", ""),
    "kvp": ("tube voltage", " kV"),
    "kvp_off": ("voltage other than the preset's", ""),
    "tin_filter": ("tin filter", ""),
    "thickness": ("slice thickness", " mm"),
    "thickness_told": ("slice thickness in the file", ""),
    "increment": ("increment", " mm"),
    "step_ratio": ("increment / thickness", ""),
    "pixel": ("pixel", " mm"),
    "field_of_view": ("field of view", " mm"),
    "gated": ("ECG-gated", ""),
    "lossy": ("lossy compression", ""),
    "resampled": ("resampled voxels", ""),
    "missing": ("missing slice in or next to it", ""),
    "at_edge": ("at the edge of the image", ""),
    "threshold": ("threshold", " HU"),
    "threshold_raised": ("raised threshold", ""),
    "peak": ("peak", " HU"),
    "stent": ("stent in a coronary artery", ""),
    "stent_like": ("what may be a stent", ""),
    "metal": ("metal in the heart", ""),
}


def page(text: str) -> str:
    """The page with its tables as they are now."""
    for name, made in TABLES.items():
        text = replaced(text, name, made())
    return replaced(text, "literature", literature(text))


def replaced(text: str, name: str, lines: Iterable[str]) -> str:
    """The text with the lines of one table between its comments."""
    first, last = f"<!-- begin {name} -->\n", f"<!-- end {name} -->"
    before, rest = text.split(first)
    return before + first + "\n".join(lines) + "\n" + last + rest.split(last)[1]


def table(head: list[str], rows: Iterable[list[str]]) -> list[str]:
    """A table as Markdown has it."""
    return ["| " + " | ".join(row) + " |" for row in (head, ["---"] * len(head), *rows)]


def thresholds() -> list[str]:
    """What the default preset takes at each tube voltage."""
    rule = preset(DEFAULT)
    rows = [
        [
            f"{one.kvp:g} kV",
            f"{one.bins[0]:g} HU",
            " / ".join(f"{edge:g}" for edge in one.bins),
            f"{one.mass_factor:.6f} mg/mm3/HU",
            cite(one.source),
            one.status,
        ]
        for one in rule.voltages
    ]
    head = ["voltage", "threshold", "factors 1 / 2 / 3 / 4 from, HU", "mass factor where nothing better is known"]
    return table([*head, "source", "status"], rows)


def rules() -> list[str]:
    """Every rule of the acquisition and what it does to which number."""
    head = ["rule", "when", "where", *NUMBERS, "what the number says", "source", "status"]
    return table(head, (rule_row(one) for one in acquisition_rules().rules))


def rule_row(rule: Rule) -> list[str]:
    """One rule as cells."""
    when = "; ".join(condition(name, one) for name, one in rule.when.items()) or "always"
    where = ", ".join(rule.sites) or (f"not {', '.join(rule.except_sites)}" if rule.except_sites else "everywhere")
    effect = [str(rule.effect[number]) if number in rule.effect else "" for number in NUMBERS]
    told = "".join(said + (f"*{field}*" if field else "") for said, field, _, _ in Formatter().parse(rule.why.strip()))
    return [f"`{rule.id}`", when, where, *effect, told, cite(rule.source), rule.status]


def condition(name: str, one: Condition) -> str:
    """A condition in words: ``slice thickness > 3.1 mm``."""
    fact, unit = FACTS[name]
    if one.known is not None:
        return f"{fact} {'known' if one.known else 'not known'}"
    if isinstance(one.is_, bool):
        return f"{fact}: {'yes' if one.is_ else 'no'}"
    if one.is_ is not None:
        return f"{fact}: {one.is_}"
    limits = ((">", one.above), (">=", one.from_), ("<", one.below), ("<=", one.upto))
    return f"{fact} {' and '.join(f'{sign} {limit:g}{unit}' for sign, limit in limits if limit is not None)}"


def known_phantoms() -> list[str]:
    """Phantoms that are looked for."""
    lines: list[str] = []
    for one in phantoms():
        contrast = ", ".join(f"{each.low:g} to {each.high:g} HU at {each.kvp:g} kV" for each in one.contrast)
        lines += [
            f"{one.title} (`{one.name}`), {cite(one.source)}, {one.status}:",
            "",
            f"- two round rods of {one.diameter:g} mm (within {one.diameter_tolerance:g} mm), axes {one.centres:g} mm "
            f"apart (within {one.centres_tolerance:g} mm), both along the table;",
            f"- one holds {one.density:g} mg/cm3 hydroxyapatite, the other none, of {one.water.low:g} to "
            f"{one.water.high:g} HU;",
            f"- the first is brighter than the second by {contrast};",
            f"- around both a body of one material that is {one.body.low:g} to {one.body.high:g} HU brighter than the "
            "rod without calcium;",
            f"- seen alike in at least {one.slices} neighbouring slices and over at least {one.length:g} mm.",
        ]
    return lines


def looked_for() -> list[str]:
    """What the smallest lesion is asked for."""
    one = detection()
    densities = ", ".join(f"{each:g}" for each in one.densities)
    return [
        f"Balls of {densities} mg/cm3 in tissue of {one.tissue_hu:g} HU, blur of {one.blur_sd_mm:g} mm (SD) within the "
        f"slice, missed at {100 * one.missed:g} % of positions or more, up to {one.largest_mm:g} mm "
        f"({cite(one.source)}, {one.status})."
    ]


def sources() -> dict[str, dict[str, object]]:
    """Every known source by its id."""
    text = files("calciscope").joinpath("knowledge", "sources.yaml").read_text(encoding="utf-8")
    found: dict[str, dict[str, object]] = yaml.safe_load(text)
    return found


def literature(text: str) -> list[str]:
    """The sources that the page cites. Raises :class:`KeyError` where one is not known."""
    known = sources()
    lines = []
    for key in sorted(set(CITED.findall(text))):
        one = known[key]
        marks = [f"{name} {one[field]}" for name, field in (("doi", "doi"), ("PMID", "pmid")) if field in one]
        lines.append(f"- `{key}`: {'; '.join([str(one['citation']), *marks])}.")
    return lines


def cite(key: str) -> str:
    """A link to a source in the list of literature."""
    return f"[{key}](#literature)"


TABLES: dict[str, Callable[[], list[str]]] = {
    "thresholds": thresholds,
    "phantoms": known_phantoms,
    "lesion": looked_for,
    "rules": rules,
}

if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
