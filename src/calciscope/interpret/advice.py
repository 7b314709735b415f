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


def of_all(
    findings: Sequence[Finding], about_patient: Sequence[Advice], alarm: Seriousness = Seriousness.NONE
) -> tuple[Advice, ...]:
    """The advice about the patient, then that of every finding from the most serious down, each sentence once.

    A sentence that holds for several sites names none. What an emergency at a site asks for comes before what the
    patient needs besides, unless ``alarm``, how serious the patient's own values are, is an emergency as well.
    """
    ordered = sorted(findings, key=lambda finding: -_level(finding).rank)
    found: dict[str, Advice] = {}
    if alarm is not Seriousness.URGENT:
        found = {a.text: a for finding in ordered if _level(finding) is Seriousness.URGENT for a in finding.advice}
    for advice in about_patient:
        found.setdefault(advice.text, advice)
    for finding in ordered:
        for advice in finding.advice:
            first = found.setdefault(advice.text, advice)
            if first.site not in (None, advice.site):
                found[advice.text] = first.model_copy(update={"site": None})
    return tuple(found.values())


def _level(finding: Finding) -> Seriousness:
    return Seriousness(finding.seriousness.value or "none")
