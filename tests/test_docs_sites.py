"""The pages of sites are what the knowledge files give now."""

import importlib.util
from pathlib import Path

from calciscope.interpret import load

DOCS = Path(__file__).resolve().parent.parent / "docs"
SPEC = importlib.util.spec_from_file_location("make_sites", DOCS / "make_sites.py")
MAKE = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(MAKE)
PAGES = MAKE.pages(load())


def test_every_page_is_that_of_the_knowledge_files():
    written = {path.name: path.read_text(encoding="utf-8") for path in (DOCS / "sites").glob("*.md")}
    assert written.keys() == PAGES.keys()
    stale = [name for name, text in PAGES.items() if written[name] != text]
    assert not stale, f"run python docs/make_sites.py: {stale}"


def test_every_rule_stands_on_a_page_with_its_status():
    whole = "\n".join(PAGES.values())
    for rule in load().rules:
        mark = {"unverified": " **unverified**", "superseded": " *superseded*"}.get(rule.rule.status, "")
        assert f"## `{rule.id}`{mark}\n" in whole
