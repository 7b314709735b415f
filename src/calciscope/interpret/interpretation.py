"""Everything known of a patient, judged: the one way into this room."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from calciscope.domain.assessment import Advice, Alternative, Finding, Judgement, Measure, Seriousness, Source, Unknown
from calciscope.domain.measured import MeasuredSite
from calciscope.domain.patient import Patient
from calciscope.domain.site import label, split, within
from calciscope.domain.study import Refusal
from calciscope.interpret import advice as advise
from calciscope.interpret import risk
from calciscope.interpret.answer import answer
from calciscope.interpret.context import Inputs, evaluator, of_finding, of_patient, places, value_of
from calciscope.interpret.judge import Case, Verdict, case, judge
from calciscope.interpret.merge import Place, merge
from calciscope.interpret.records import categorised, deposit_records, reason
from calciscope.interpret.rules import CompiledRule, Knowledge
from calciscope.interpret.seriousness import advising
from calciscope.interpret.unknowns import unknowns

# Numbers that a parent sums over its children: a rule about the sum is not asked again of each part.
_ADDITIVE = frozenset({"agatston", "volume", "mass", "count"})


@dataclass(frozen=True, slots=True, eq=False)
class Interpretation:
    """What the knowledge says of a patient's findings; becomes part of the assessment.

    ``contradictions`` are inputs of the patient file that cannot all be right, with what was done about it.
    """

    findings: tuple[Finding, ...]
    answer: str
    seriousness: Seriousness
    unknowns: tuple[Unknown, ...]
    advice: tuple[Advice, ...]
    sources: tuple[Source, ...]
    contradictions: tuple[Refusal, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class _Judged:
    """A place with the member that speaks for it."""

    place: Place
    member: MeasuredSite
    case: Case
    verdict: Verdict
    others: tuple[tuple[MeasuredSite, Verdict], ...]
    risks: Mapping[str, Measure]


def interpret(
    sites: Sequence[MeasuredSite],
    patient: Patient,
    knowledge: Knowledge,
    *,
    guidelines: str = "esc",
    imaged: bool = False,
    not_judged: Sequence[str] = (),
) -> Interpretation:
    """Judges measured sites together with what the patient file states.

    Args:
        sites: what the images show, one entry a site, roll-ups included.
        patient: what is known besides; its stated findings are joined with the measured ones at the same site.
        knowledge: the loaded rules.
        guidelines: ``esc`` or ``us``: which decides where both speak; the other is shown beside it.
        imaged: whether an image was searched, which makes an empty result a result.
        not_judged: what the images could not show, in words, for the answer where nothing was found.

    Raises:
        KnowledgeError: a rule cannot be computed on these inputs.
    """
    known = of_patient(patient, knowledge)
    merged = merge(sites, patient, knowledge)
    there = {place.site: _there(place, knowledge) for place in merged}
    for place in merged:
        if place.rollup:
            there[place.site] = there[place.site] or any(
                there[other.site] for other in merged if not other.rollup and _below(other.site, place.site)
            )
    shared = places((site for site, present in there.items() if present), knowledge)
    totals = {split(place.site)[0] for place in merged if there[place.site] and _may_be_total(place)}
    judged = [_judge_place(place, known, shared, knowledge, guidelines, there[place.site], totals) for place in merged]
    findings = _inherit(judged, [_finding(one, known, knowledge) for one in judged])
    fired = [rule for one in judged for rule in (*one.verdict.fired, *_shown_kind(one.verdict))]
    patient_rules = _about_patient(known, knowledge) if findings else ()
    alarms = [rule.rule.then.at_least for rule in patient_rules if rule.rule.then.at_least]
    alarm = max(alarms, key=_rank, default=Seriousness.NONE)
    overall = advise.of_all(findings, advise.of_rules(patient_rules, None, knowledge), knowledge, alarm)
    levels = [Seriousness(one.seriousness.value or "none") for one in findings]
    seriousness = max([*alarms, *levels], key=_rank, default=Seriousness.NONE)
    return Interpretation(
        findings=findings,
        answer=answer(findings, patient_rules, seriousness, imaged=imaged, not_judged=not_judged),
        seriousness=seriousness,
        unknowns=unknowns(
            [
                (finding.site, one.case, one.verdict, Seriousness(finding.seriousness.value or "none"))
                for one, finding in zip(judged, findings, strict=True)
            ],
            knowledge,
        ),
        advice=overall,
        sources=_sources([*fired, *patient_rules], knowledge),
        contradictions=_contradictions(known, knowledge),
    )


def _rank(level: Seriousness) -> int:
    return level.rank


def _may_be_total(place: Place) -> bool:
    """Whether a finding may speak for what lies below it: a deposit placed no further than a parent does not."""
    return place.rollup or not any(member.placed for member in place.members)


def _below(site: str, above: str) -> bool:
    """Whether a site lies in another, or is one side of it."""
    return site != above and within(site, above)


def _there(place: Place, knowledge: Knowledge) -> bool:
    """Whether calcium is there: deposits are, or nothing that was stated says that there is none."""
    return any(member.placed or not _says_nothing(member.values, knowledge) for member in place.members)


def _says_nothing(values: Mapping[str, float | str], knowledge: Knowledge) -> bool:
    facts = Inputs(
        {key: knowledge.words.value(key, item) if isinstance(item, str) else item for key, item in values.items()}
    )
    context = evaluator(facts)
    return any(
        condition.names <= facts.facts.keys() and value_of(condition, context, "kinds.yaml") is True
        for condition in knowledge.nothing
    )


def _judge_place(
    place: Place,
    known: Inputs,
    shared: Mapping[str, str | float | bool | list[str]],
    knowledge: Knowledge,
    guidelines: str,
    there: bool,
    totals: set[str],
) -> _Judged:
    base = split(place.site)[0]
    above = {total for total in totals if total != base and within(base, total)}
    muted = _carried_above(base, above, knowledge)
    tried = []
    for member in place.members:
        inputs = of_finding(member, known, shared, knowledge)
        inputs = inputs.with_facts({name: one.value for name, one in place.change.items() if one.value is not None})
        risks = risk.of_finding(base, inputs, knowledge)
        inputs = inputs.with_facts({name: one.value for name, one in risks.items() if one.value is not None})
        one = case(base, inputs, knowledge, there=there, guidelines=guidelines, muted=muted)
        tried.append((member, one, judge(one), risks))
    member, one, verdict, risks = max(tried, key=lambda item: item[2].level.rank)
    return _Judged(place, member, one, verdict, tuple((m, v) for m, _, v, _ in tried if m is not member), risks)


def _carried_above(base: str, above: set[str], knowledge: Knowledge) -> frozenset[str]:
    """The rules about a total that a finding further up carries, with the defaults of their chapters."""
    rules = knowledge.at(base)
    total = [rule for rule in rules if above & set(rule.sites) and rule.names & _ADDITIVE and not _denies(rule)]
    chapters = {rule.chapter for rule in total}
    idle = [rule for rule in rules if rule.rule.default and rule.chapter in chapters]
    return frozenset(rule.id for rule in (*total, *idle))


def _denies(rule: CompiledRule) -> bool:
    """Whether a rule only says that nothing is there, which is no judgement of a total."""
    return rule.rule.then.seriousness is Seriousness.NONE and not rule.rule.then.category


def _finding(one: _Judged, known: Inputs, knowledge: Knowledge) -> Finding:
    verdict, member = one.verdict, one.member
    facts = one.case.inputs.facts
    kind = Judgement(value=None)
    if verdict.kind is not None:
        notes = [rule for rule in verdict.fired if rule.general and rule.rule.then.note and not rule.rule.then.kind]
        kind = Judgement(
            value=verdict.kind.value,
            reasons=tuple(reason(rule, facts) for rule in (*verdict.kind.rules, *notes)),
            alternatives=verdict.kind.alternatives,
            between=tuple(map(str, verdict.kind.between)),
        )
    others = tuple(
        Alternative(value=f"{other.kind_value or 'nothing'}, {other.level}", why=_another(thing))
        for thing, other in one.others
    )
    return Finding(
        site=one.place.site,
        label=label(one.place.site),
        rollup=one.place.rollup,
        deposits=deposit_records(member),
        measures={
            **categorised({**member.measures, **one.risks}, verdict.fired, knowledge.labs.words),
            **one.place.change,
            **one.place.earlier,
        },
        kind=kind,
        seriousness=Judgement(
            value=verdict.level,
            reasons=tuple(reason(rule, facts) for rule in verdict.seriousness.rules),
            alternatives=verdict.seriousness.alternatives,
        ),
        advice=advise.of_rules(advising(verdict.seriousness), one.place.site, knowledge),
        confidence=member.confidence,
        review=member.review,
        alternatives=(*member.alternatives, *others),
        stated=one.place.stated,
    )


def _another(member: MeasuredSite) -> str:
    said = ", ".join(f"{key} {value:g}" if isinstance(value, float) else value for key, value in member.values.items())
    return f"another finding stated at this site: {said or 'no more is known of it'}"


def _inherit(judged: Sequence[_Judged], findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """A parent is as serious as its parts, and a part whose total the parent carries is as serious as the total."""
    result = list(findings)
    for index, (one, finding) in enumerate(zip(judged, findings, strict=True)):
        if one.case.muted:
            above = [f for f in findings if _below(finding.site, f.site)]
            result[index] = _raised(finding, above)
    for index, finding in enumerate(result):
        if finding.rollup:
            result[index] = _raised(finding, [f for f in result if not f.rollup and _below(f.site, finding.site)])
    return tuple(result)


def _raised(finding: Finding, others: Sequence[Finding]) -> Finding:
    """The finding, as serious as the most serious of the others, with its reasons."""
    highest = max(others, key=lambda f: Seriousness(f.seriousness.value or "none").rank, default=None)
    if highest is None:
        return finding
    own, other = (Seriousness(f.seriousness.value or "none") for f in (finding, highest))
    update: dict[str, object] = {}
    if other.rank > own.rank:
        update["seriousness"] = highest.seriousness
    kinds = {f.kind.value for f in others if f.kind.value}
    if finding.rollup and finding.kind.value == "indeterminate" and len(kinds) == 1:
        update["kind"] = highest.kind
    return finding.model_copy(update=update) if update else finding


def _about_patient(known: Inputs, knowledge: Knowledge) -> tuple[CompiledRule, ...]:
    context = evaluator(known)
    return tuple(
        rule
        for rule in knowledge.about_patient()
        if rule.rule.status != "superseded"
        and rule.names <= known.facts.keys()
        and value_of(rule.condition, context, f"rule {rule.id}") is True
    )


def _contradictions(known: Inputs, knowledge: Knowledge) -> tuple[Refusal, ...]:
    """The inputs that the rules about the patient find to contradict each other."""
    return tuple(
        Refusal(" and ".join(rule.rule.then.contradicts), f"contradict each other: {rule.rule.statement}", used=True)
        for rule in _about_patient(known, knowledge)
        if rule.rule.then.contradicts
    )


def _shown_kind(verdict: Verdict) -> tuple[CompiledRule, ...]:
    return verdict.kind.rules if verdict.kind else ()


def _sources(rules: Sequence[CompiledRule], knowledge: Knowledge) -> tuple[Source, ...]:
    """The sources of the rules, each once, in the order in which they speak."""
    return tuple(knowledge.sources[key] for key in dict.fromkeys(rule.rule.source for rule in rules))
