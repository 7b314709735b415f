"""Next steps: of one finding, and of all of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from calciscope.domain.assessment import Advice, Finding, Origin, Seriousness
from calciscope.interpret.rules import CompiledRule, Knowledge


def of_rules(rules: Iterable[CompiledRule], site: str | None, knowledge: Knowledge) -> tuple[Advice, ...]:
    """What the rules that fired advise, each thing once, in their order."""
    return _merged(
        (
            Advice(text=text, site=site, rule=rule.id, source=rule.rule.source, status=rule.rule.status)
            for rule in rules
            if (text := rule.rule.then.advice) is not None
        ),
        knowledge,
    )


def of_all(
    findings: Sequence[Finding],
    about_patient: Sequence[Advice],
    knowledge: Knowledge,
    alarm: Seriousness = Seriousness.NONE,
) -> tuple[Advice, ...]:
    """The advice about the patient, then that of every finding from the most serious down, each thing once.

    What holds for several sites names none. What an emergency at a site asks for comes before what the patient needs
    besides, unless ``alarm``, how serious the patient's own values are, is an emergency as well.
    """
    ordered = sorted(findings, key=lambda finding: -_level(finding).rank)
    first = [finding for finding in ordered if _level(finding) is Seriousness.URGENT]
    every = [*about_patient, *(advice for finding in ordered for advice in finding.advice)]
    if alarm is not Seriousness.URGENT:
        every = [*(advice for finding in first for advice in finding.advice), *every]
    return _merged(every, knowledge)


def _merged(every: Iterable[Advice], knowledge: Knowledge) -> tuple[Advice, ...]:
    """Each thing once, where it is first said: the same words, or words about the same.

    Of several about the same the advice of the rule that uses most inputs speaks; the others are named with it.
    """
    found: dict[str, Advice] = {}
    for advice in every:
        rule = knowledge.get(advice.rule)
        thing = f"about {rule.rule.then.about}" if rule and rule.rule.then.about else advice.text
        found[thing] = _joined(found[thing], advice, knowledge) if thing in found else advice
    return tuple(found.values())


def _joined(one: Advice, two: Advice, knowledge: Knowledge) -> Advice:
    """Two that advise the same as one, with the sources of both."""
    speaks, other = (two, one) if _detail(two, knowledge) > _detail(one, knowledge) else (one, two)
    origins = (*speaks.also, Origin(rule=other.rule, source=other.source, status=other.status), *other.also)
    also = {origin.rule: origin for origin in origins if origin.rule != speaks.rule}
    return speaks.model_copy(
        update={"site": speaks.site if one.site == two.site else None, "also": tuple(also.values())}
    )


def _detail(advice: Advice, knowledge: Knowledge) -> tuple[int, int]:
    """How many inputs the rule behind an advice rests on, and how much it says."""
    rule = knowledge.get(advice.rule)
    return len(rule.names) if rule else 0, len(advice.text)


def _level(finding: Finding) -> Seriousness:
    return Seriousness(finding.seriousness.value or "none")
