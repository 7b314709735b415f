"""Small rules, findings and patients for tests."""

from pathlib import Path

import numpy as np

from calciscope.domain.assessment import Measure
from calciscope.domain.deposit import Deposit, PlacedDeposit, Placement, Shape
from calciscope.domain.measured import MeasuredSite
from calciscope.domain.patient import Patient, StatedFinding
from calciscope.domain.site import split
from calciscope.interpret.context import Inputs, complete, evaluator, value_of
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


def fired(knowledge: Knowledge, site: str, **given) -> set[str]:
    """The ids of the rules whose condition holds at a site on these inputs, whatever is made of them afterwards."""
    base, _ = split(site)
    usual = {"context": [], "imaged": False, "confidence": 1.0, "sites": [base], "organs": 1.0, "site": base}
    facts = complete(Inputs({**usual, **given}), knowledge).facts
    context = evaluator(Inputs(facts))
    return {
        rule.id
        for rule in knowledge.at(base)
        if rule.names <= facts.keys() and value_of(rule.condition, context, rule.id) is True
    }


def seen(site: str, *, at=((0.0, 0.0, 0.0),), hu: float = 500.0, confidence: float = 0.8, **values) -> MeasuredSite:
    """A site as the images show it, with one deposit at each point (LPS, mm)."""
    deposits = tuple(
        PlacedDeposit(
            Deposit(
                id=f"d{number}",
                series="s1",
                voxels=np.zeros((8, 3), np.int32),
                hu=np.full(8, hu, np.float32),
                threshold_hu=130.0,
                background_hu=40.0,
                center_index=(0, 0, 0),
                center_mm=point,
                extent_mm=(4.0, 4.0, 4.0),
                volume_mm3=30.0,
                shape=Shape(**dict.fromkeys(Shape.__dataclass_fields__, 0.5)),
            ),
            Placement(site, confidence, "embedded", "a structure"),
        )
        for number, point in enumerate(at)
    )
    typical = {"diameter": 4.0, "attenuation": hu, "volume": 30.0, "count": float(len(at)), "agatston": 40.0}
    known = {**typical, **values}
    measures = {
        key: Measure(value=value, unit="mm", method="measured")
        for key, value in known.items()
        if isinstance(value, float)
    }
    return MeasuredSite(site, placed=deposits, measures=measures, values=known, confidence=confidence)
