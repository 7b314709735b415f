"""What reports say of the patient, beside what is known: the patient file goes first, and a difference is told."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from calciscope.domain.mention import Assertion, Mention, PatientFact
from calciscope.domain.patient import Patient, StatedFinding, Value
from calciscope.domain.site import split, within
from calciscope.interpret.context import SAID
from calciscope.interpret.merge import DISAGREE
from calciscope.interpret.rules import Knowledge
from calciscope.interpret.vocabulary import tokens
from calciscope.text import lexicon, sentences

_BY = "the report"
# An age in whole years may be one year off where two dates are meant.
_YEAR = 1.0
_LASTING = ("sex", "conditions", "history")


def beside(
    patient: Patient,
    facts: Sequence[PatientFact],
    known: Sequence[str],
    knowledge: Knowledge,
    earlier: Collection[str] = (),
) -> tuple[Patient, tuple[PatientFact, ...]]:
    """The patient with what the reports add, and the facts, each with its list and whether it was used.

    ``known`` are the places of calcium, ``earlier`` the names of reports that are older than the images: of these only
    what lasts is used. What an examination shows on one side (hydronephrosis) is said of the findings
    there and of no other.
    """
    told: list[PatientFact] = []
    for one in _once([_of_then(_listed(one, knowledge), earlier) for one in facts]):
        fact, patient = _added(one, patient, known, knowledge)
        told.append(fact)
    return patient, tuple(told)


def joined(
    patient: Patient, stated: Sequence[StatedFinding], absent: Sequence[str], mentions: Sequence[Mention]
) -> tuple[tuple[StatedFinding, ...], tuple[PatientFact, ...]]:
    """The findings of patient file and reports, one a place, and what the patient file says otherwise.

    Of one place the numbers and words of the patient file go first; those of the reports are added where it has none.
    """
    known = {one.site: one for one in patient.findings if one.on is None}
    facts: list[PatientFact] = []
    more: list[StatedFinding] = []
    for one in stated:
        own = known.get(one.site)
        if own is None:
            more.append(one)
            continue
        known[one.site] = replace(own, values=MappingProxyType({**one.values, **own.values}))
        for key in one.values.keys() & own.values.keys() - {SAID}:
            if _differ(one.values[key], own.values[key]):
                said = f"{one.site} {key} {shown(one.values[key])}"
                facts += _told(one.site, said, shown(own.values[key]), mentions, Assertion.AFFIRMED)
    for site in absent:
        if any(within(place, site) for place in known):
            facts += _told(site, site, site, mentions, Assertion.NEGATED)
    return (*(known.get(one.site, one) if one.on is None else one for one in patient.findings), *more), tuple(facts)


def _differ(one: Value, other: Value) -> bool:
    if isinstance(one, str) or isinstance(other, str):
        return one != other
    return abs(one - other) > DISAGREE * max(abs(one), abs(other))


def shown(value: Value) -> str:
    """A stated value in a sentence."""
    return value if isinstance(value, str) else f"{value:g}"


def _told(site: str, value: str, own: str, mentions: Sequence[Mention], said: Assertion) -> list[PatientFact]:
    """A finding of which the patient file says otherwise, at the first mention that speaks of it."""
    one = next((one for one in mentions if one.assertion is said and site in one.paths()), None)
    if one is None:
        return []
    return [
        PatientFact(
            key="findings",
            value=value,
            denied=said is Assertion.NEGATED,
            start=one.start,
            end=one.end,
            text=one.text,
            report=one.report,
            used=False,
            why=sentences.words()["facts"]["says"].format(value=own),
        )
    ]


def _once(facts: Sequence[PatientFact]) -> list[PatientFact]:
    """The facts of several reports; ages and sexes that differ between them are used of none."""
    texts = sentences.words()["facts"]
    found: dict[tuple[str, float | str, bool, str | None], PatientFact] = {}
    for one in sorted(facts, key=lambda fact: not fact.used):
        found.setdefault((one.key, one.value, one.denied, one.laterality), one)
    said = [one for one in found.values() if one.used]
    differ = {key for key in ("age", "sex") if len({one.value for one in said if one.key == key}) > 1}
    affirmed = {one.value for one in found.values() if one.used and not one.denied}
    return [
        one.model_copy(update={"used": False, "why": texts["several"]}) if one.key in differ and one.used else one
        for one in found.values()
        if not (one.denied and one.value in affirmed)
    ]


def _of_then(fact: PatientFact, earlier: Collection[str]) -> PatientFact:
    """A fact of a report from before the images is used where it lasts, as an illness does and an age does not."""
    if fact.report not in earlier or (fact.key in _LASTING and fact.laterality is None and not fact.denied):
        return fact
    return fact.model_copy(update={"used": False, "why": sentences.words()["facts"]["earlier"]})


def _listed(fact: PatientFact, knowledge: Knowledge) -> PatientFact:
    """A phrase with the list of the patient file that it belongs to."""
    if fact.key:
        return fact
    concepts = knowledge.words.concepts_of(str(fact.value))
    lists = {knowledge.words.lists[one] for one in concepts if one in knowledge.words.lists}
    return fact.model_copy(update={"key": min(lists, default="conditions")})


def _added(
    fact: PatientFact, patient: Patient, known: Sequence[str], knowledge: Knowledge
) -> tuple[PatientFact, Patient]:
    if not fact.used:
        return fact, patient
    if fact.key in ("age", "sex"):
        return _person(fact, patient)
    phrase = str(fact.value)
    if (why := _against(fact, phrase, patient, knowledge)) is not None:
        return fact.model_copy(update={"used": False, "why": why}), patient
    if fact.denied:
        return fact, replace(patient, denied=(*patient.denied, phrase))
    if fact.laterality is not None:
        return _on_side(fact, phrase, patient, known)
    before = getattr(patient, fact.key)
    partial = patient.partial if before is not None else patient.partial | {fact.key}
    more: dict[str, Any] = {"partial": partial, fact.key: (*(before or ()), phrase)}
    return fact, replace(patient, **more)


def _person(fact: PatientFact, patient: Patient) -> tuple[PatientFact, Patient]:
    texts = sentences.words()["facts"]
    if fact.key == "age" and patient.age is not None:
        why = None if same(fact, patient.age) else texts["age"].format(value=patient.age)
        return fact.model_copy(update={"used": False, "why": why}), patient
    if fact.key == "sex" and patient.sex != "unknown":
        why = None if patient.sex == fact.value else texts["sex"].format(value=patient.sex)
        return fact.model_copy(update={"used": False, "why": why}), patient
    more: dict[str, Any] = {fact.key: fact.value}
    return fact, replace(patient, **more)


def same(fact: PatientFact, value: float | str) -> bool:
    """Whether an age or a sex is the one that stands elsewhere."""
    if isinstance(value, str) or isinstance(fact.value, str):
        return fact.value == value
    return abs(fact.value - value) <= _YEAR


def _against(fact: PatientFact, phrase: str, patient: Patient, knowledge: Knowledge) -> str | None:
    """Why the patient file does not let a fact be used, or ``None``."""
    texts = sentences.words()["facts"]
    given = getattr(patient, fact.key)
    concepts = knowledge.words.concepts_of(phrase)
    if fact.denied:
        lists = (patient.conditions, patient.medications, patient.history, patient.symptoms)
        said = [one for each in lists for one in each or () if concepts & knowledge.words.concepts_of(one)]
        return texts["says"].format(value=said[0]) if said else None
    if given == () and fact.key not in patient.partial:
        return str(texts["none"].format(list=fact.key))
    for one in given or ():
        if _names(one, phrase) and not concepts & knowledge.words.concepts_of(one):
            return str(texts["says"].format(value=one))
    return None


def _names(text: str, phrase: str) -> bool:
    words, part = tokens(text), tokens(phrase)
    return any(words[at : at + len(part)] == part for at in range(len(words) - len(part) + 1))


def _on_side(fact: PatientFact, phrase: str, patient: Patient, known: Sequence[str]) -> tuple[PatientFact, Patient]:
    """The patient with a fact of one side at the findings there."""
    limits = lexicon.lexicon().at.get(phrase, ())

    def is_there(site: str) -> bool:
        base, side = split(site)
        return side in (None, fact.laterality) and any(within(base, one) for one in limits)

    stated = tuple(_with(one, phrase) if is_there(one.site) else one for one in patient.findings)
    here = {one.site for one in patient.findings}
    seen = [site for site in dict.fromkeys(known) if is_there(site) and site not in here]
    more = tuple(StatedFinding(site, MappingProxyType({SAID: phrase}), by=_BY) for site in seen)
    if stated == patient.findings and not more:
        why = sentences.words()["facts"]["side"]
        return fact.model_copy(update={"used": False, "why": why}), patient
    return fact, replace(patient, findings=(*stated, *more))


def _with(finding: StatedFinding, phrase: str) -> StatedFinding:
    values: Mapping[str, float | str] = finding.values
    said = "; ".join(str(one) for one in (values.get(SAID), phrase) if one)
    return replace(finding, values=MappingProxyType({**values, SAID: said}))


def differing(facts: Sequence[PatientFact]) -> list[PatientFact]:
    """The facts that the patient file says otherwise."""
    return [one for one in facts if not one.used and one.why and one.why.startswith("the patient file")]


def sentence(facts: Sequence[PatientFact]) -> str:
    """One sentence for the answer, or nothing."""
    differ = dict.fromkeys(one.key if one.key in ("age", "sex") else str(one.value) for one in differing(facts))
    return str(sentences.words()["facts"]["sentence"].format(facts=", ".join(differ))) if differ else ""
