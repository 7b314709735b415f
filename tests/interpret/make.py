"""Small rules, findings and patients for tests."""

from pathlib import Path

from calciscope.domain.measured import MeasuredSite
from calciscope.domain.patient import Patient, StatedFinding
from calciscope.interpret.rules import CompiledRule, Condition, Knowledge, load
from calciscope.interpret.schema import Rule

# A place of no embedded chapter, so that only the rules of a test speak of it.
PLACE = "ganglion"
_EXAMPLE = {"given": {"site": PLACE}, "gives": {}}


def rule(rule_id="a.rule", when="true", then=None, **more):
    """A rule as it stands in a file."""
    return {
        "id": rule_id,
        "when": when,
        "then": then or {},
        "statement": f"The statement of {rule_id}, long enough to be one.",
        "source": "convention",
        "status": "current",
        "examples": [_EXAMPLE],
        **more,
    }


def compiled(then=None, *, chapter="Ganglion", general=False, names=(), question="q", **more):
    """A compiled rule whose condition is not run."""
    return CompiledRule(
        rule=Rule.model_validate(rule(then=then, **more)),
        condition=Condition("true", None, frozenset(names)),
        chapter=chapter,
        sites=(),
        general=general,
        question=question,
        by_kind=False,
        id=more.get("rule_id", "a.rule"),
        names=frozenset(names),
    )


def hospital(folder: Path, rules, *, sites=(PLACE,), **files) -> Knowledge:
    """The embedded knowledge with one more chapter, and other files of a hospital folder given as text."""
    import yaml

    (folder / "sites").mkdir(parents=True, exist_ok=True)
    chapter = {"chapter": "Ganglion of the hospital", "sites": list(sites), "rules": list(rules)}
    (folder / "sites" / "ganglion.yaml").write_text(yaml.safe_dump(chapter))
    for name, text in files.items():
        (folder / f"{name}.yaml").write_text(text)
    return load((folder,))


def patient(*findings, **known) -> Patient:
    """A patient with stated findings, each ``(site, {key: value})``."""
    stated = tuple(
        finding if isinstance(finding, StatedFinding) else StatedFinding(finding[0], finding[1]) for finding in findings
    )
    return Patient(findings=stated, **known)


def measured(site, **more) -> MeasuredSite:
    """A measured site."""
    return MeasuredSite(site=site, **more)
