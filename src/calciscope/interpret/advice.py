"""Next steps: of one finding, and of all of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from calciscope.domain.assessment import Advice, Finding, Seriousness
from calciscope.interpret.rules import CompiledRule


def of_rules(rules: Iterable[CompiledRule], site: str | None) -> tuple[Advice, ...]:
    """What the rules that fired advise, each sentence once, in their order."""
    found: dict[str, Advice] = {}
    for rule in rules:
        text = rule.rule.then.advice
        if text is not None and text not in found:
            found[text] = Advice(text=text, site=site, rule=rule.id, source=rule.rule.source, status=rule.rule.status)
    return tuple(found.values())


def of_all(findings: Sequence[Finding], about_patient: Sequence[Advice]) -> tuple[Advice, ...]:
    """The advice about the patient, then that of every finding from the most serious down, each sentence once.

    A sentence that holds for several sites names none.
    """
    ordered = sorted(findings, key=lambda finding: -Seriousness(finding.seriousness.value or "none").rank)
    found: dict[str, Advice] = {advice.text: advice for advice in about_patient}
    for finding in ordered:
        for advice in finding.advice:
            first = found.setdefault(advice.text, advice)
            if first.site not in (None, advice.site):
                found[advice.text] = first.model_copy(update={"site": None})
    return tuple(found.values())
