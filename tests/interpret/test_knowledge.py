"""The embedded knowledge: rules compile, their examples hold, their sources and words exist."""

import re
from pathlib import Path

import pytest

import calciscope.interpret.rules as rules_module
from calciscope.domain.site import exists
from calciscope.errors import KnowledgeError
from calciscope.interpret.examples import failure
from calciscope.interpret.folders import LISTS, vocabulary_of
from calciscope.interpret.rules import load

try:
    KNOWLEDGE = load()
    PROBLEM = None
except KnowledgeError as error:  # shown by test_loads, so that the other tests can still be collected
    KNOWLEDGE, PROBLEM = None, error

RULES = KNOWLEDGE.rules if KNOWLEDGE else ()
EXAMPLES = [(rule, number) for rule in RULES for number in range(len(rule.rule.examples))]
QUOTED_IN_LIST = re.compile(r"""['"]([^'"]*)['"]\s+in\s+(?:context|conditions|medications|history|symptoms)\b""")


def test_loads():
    assert PROBLEM is None, str(PROBLEM)
    assert len(RULES) > 40


@pytest.mark.parametrize(("rule", "number"), EXAMPLES, ids=[f"{r.rule.id}-{n + 1}" for r, n in EXAMPLES])
def test_example_holds(rule, number):
    assert failure(rule, rule.rule.examples[number], KNOWLEDGE) is None


@pytest.mark.parametrize("rule", RULES, ids=[rule.rule.id for rule in RULES])
def test_rule_is_well_formed(rule):
    assert any(example.gives is not None for example in rule.rule.examples), "no example in which it fires"
    assert rule.rule.then.model_dump(exclude_defaults=True), "it says nothing"
    for site in (*rule.sites, *rule.rule.sites):
        assert exists(site), f"{site} is no site"
    for concept in QUOTED_IN_LIST.findall(rule.condition.text):
        assert concept in KNOWLEDGE.words.lists, f"'{concept}' is no concept of vocabulary.yaml"
    for group in re.findall(
        r"\[([^\]]*)\]\.exists\(\w+, \w+ in (?:context|conditions|history|symptoms)", rule.condition.text
    ):
        for concept in re.findall(r"""['"]([^'"]*)['"]""", group):
            assert concept in KNOWLEDGE.words.lists, f"'{concept}' is no concept of vocabulary.yaml"
    text = f"{rule.rule.statement} {rule.rule.then.advice or ''}"
    assert not re.search(r"\b(?:TODO|FIXME|XXX)\b", text)
    assert rule.rule.statement.rstrip().endswith((".", "?"))


def test_every_source_has_a_citation_and_a_sensible_year():
    for source in KNOWLEDGE.sources.values():
        assert source.citation
        assert source.year is None or 1850 < source.year < 2030


def test_status_is_a_known_word_and_ids_are_unique():
    assert {rule.rule.status for rule in RULES} <= {"current", "superseded", "unverified"}
    ids = [rule.rule.id for rule in RULES]
    assert len(ids) == len(set(ids))


def test_ranges_and_derived_quantities_have_sources():
    for entry in (*KNOWLEDGE.labs.ranges, *KNOWLEDGE.labs.derived):
        assert entry.source in KNOWLEDGE.sources


def test_implied_concepts_exist_and_no_synonym_means_two_things():
    words = KNOWLEDGE.words
    for concept, implied in words.implies.items():
        assert concept in words.lists
        assert set(implied) <= set(words.lists)
    vocabulary = vocabulary_of([rules_module.EMBEDDED])
    seen: dict[str, str] = {}
    for name in LISTS:
        for concept, synonyms in getattr(vocabulary, name).items():
            for synonym in (concept.replace("_", " "), *synonyms):
                assert seen.setdefault(synonym.lower(), concept) == concept, f"'{synonym}' is in two concepts"


def test_python_of_the_room_holds_no_clinical_number():
    folder = Path(rules_module.__file__).parent
    for file in folder.glob("*.py"):
        assert not re.search(r"(calcium|phosphate|agatston|diameter|age)\w*\s*[<>]=?\s*\d", file.read_text())
