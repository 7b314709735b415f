"""Write ``docs/sites/``: a page for each site of which rules speak, from the knowledge files alone.

python docs/make_sites.py
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from calciscope.domain import site as sites
from calciscope.interpret import load
from calciscope.interpret.rules import CompiledRule, Knowledge
from calciscope.report.rules import said

FOLDER = Path(__file__).resolve().parent / "sites"
_MARKS = {"unverified": " **unverified**", "superseded": " *superseded*", "current": ""}


def main() -> None:
    """Write every page and take away those of sites that have none any more."""
    FOLDER.mkdir(exist_ok=True)
    made = pages(load())
    for old in FOLDER.glob("*.md"):
        if old.name not in made:
            old.unlink()
    for name, text in made.items():
        (FOLDER / name).write_text(text, encoding="utf-8")


def pages(knowledge: Knowledge) -> dict[str, str]:
    """The pages by file name: one a site, one of the rules that hold anywhere, and their list."""
    places = sorted({place for rule in knowledge.rules for place in rule.sites})
    made = {f"{place}.md": "\n".join(_page(place, knowledge)) for place in places}
    made["anywhere.md"] = "\n".join(_anywhere(knowledge))
    made["README.md"] = "\n".join(_list(places, knowledge))
    return made


def _list(places: list[str], knowledge: Knowledge) -> Iterator[str]:
    yield "# Rules by site"
    yield ""
    yield "Written by `python docs/make_sites.py` from the knowledge files, which `calciscope rules` searches."
    yield ""
    yield "- [any site](anywhere.md)"
    for place in places:
        count = sum(place in rule.sites for rule in knowledge.rules)
        yield f"- [{place}]({place}.md), {sites.label(place)}: {count} {'rule' if count == 1 else 'rules'}"
    yield ""


def _page(place: str, knowledge: Knowledge) -> Iterator[str]:
    yield f"# {sites.label(place).capitalize()} (`{place}`)"
    yield ""
    above = [name for name in sites.ancestors(place) if any(name in rule.sites for rule in knowledge.rules)]
    more = ", ".join(f"[{name}]({name}.md)" for name in above)
    yield f"What is said of calcium here. {f'What holds for {more} holds here too. ' if more else ''}Rules marked unverified await a check of their source."  # noqa: E501
    yield ""
    yield from _rules([rule for rule in knowledge.rules if place in rule.sites], knowledge)


def _anywhere(knowledge: Knowledge) -> Iterator[str]:
    yield "# Any site"
    yield ""
    yield "What is said of calcium wherever it is: its kind, and the patient as a whole."
    yield ""
    yield from _rules([rule for rule in knowledge.rules if not rule.sites], knowledge)


def _rules(rules: list[CompiledRule], knowledge: Knowledge) -> Iterator[str]:
    for rule in rules:
        one = rule.rule
        yield f"## `{rule.id}`{_MARKS[one.status]}"
        yield ""
        yield one.statement
        yield ""
        yield f"- when `{one.when}`"
        for line in said(one.then):
            yield f"- {line}"
        source = knowledge.sources[one.source]
        doi = f" doi:[{source.doi}](https://doi.org/{source.doi})" if source.doi else ""
        yield f"- source: {source.citation}{doi}" + (f" (edition {one.edition})" if one.edition else "")
        yield f"- {len(one.examples)} {'example' if len(one.examples) == 1 else 'examples'} tested"
        yield ""


if __name__ == "__main__":
    main()
