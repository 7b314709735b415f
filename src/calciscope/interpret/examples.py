"""Runs the examples that stand beside each rule."""

from __future__ import annotations

from typing import Any

from calciscope.errors import KnowledgeError
from calciscope.interpret.context import Inputs, complete, evaluator, value_of
from calciscope.interpret.rules import CompiledRule, Knowledge
from calciscope.interpret.schema import Example, Fact

# What every finding knows, so that an example need not repeat it.
_USUAL: dict[str, Fact] = {"context": [], "imaged": False, "confidence": 1.0}


def failure(rule: CompiledRule, example: Example, knowledge: Knowledge) -> str | None:
    """What is wrong with an example of a rule, in words, or ``None`` where it holds.

    Derived quantities and states are computed from what the example gives; a site that is not given is the rule's own.
    """
    inputs = facts_of(rule, example, knowledge)
    at_place = rule.holds_at(str(inputs.facts["site"]))
    missing = sorted(rule.names - inputs.facts.keys())
    if missing and example.gives is not None:
        return f"it does not give {', '.join(missing)}"
    fires = at_place and not missing and value_of(rule.condition, evaluator(inputs), f"rule {rule.id}") is True
    if fires != (example.gives is not None):
        return "the rule fires" if fires else "the rule does not fire"
    return _differs(rule, example.gives or {})


def facts_of(rule: CompiledRule, example: Example, knowledge: Knowledge) -> Inputs:
    """What an example gives, with what every finding knows and what can be computed; the site without its side."""
    given: dict[str, Fact] = {**_USUAL, **example.given}
    site = given.setdefault("site", rule.sites[0] if rule.sites else "unplaced")
    given.setdefault("sites", [str(site)])
    given.setdefault("organs", 1.0)
    inputs = complete(Inputs(given), knowledge)
    return inputs.with_facts({"site": str(site).removesuffix(".left").removesuffix(".right")})


def _differs(rule: CompiledRule, gives: dict[str, Any]) -> str | None:
    said = rule.rule.then.model_dump(mode="json", exclude_none=True)
    for key, value in gives.items():
        if key not in said:
            return f"the rule says nothing of {key}"
        same = said[key].items() >= value.items() if isinstance(value, dict) else said[key] == value
        if not same:
            return f"the rule gives {key} {said[key]}, the example {value}"
    return None


def check(knowledge: Knowledge) -> list[str]:
    """One line for each example that does not hold."""
    found = []
    for rule in knowledge.rules:
        for number, example in enumerate(rule.rule.examples, 1):
            try:
                wrong = failure(rule, example, knowledge)
            except KnowledgeError as error:
                wrong = str(error)
            if wrong:
                found.append(f"rule {rule.id}, example {number}: {wrong}")
    return found
