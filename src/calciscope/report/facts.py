"""What reports say of the patient besides calcium, in lines for a person."""

from __future__ import annotations

from calciscope.domain.assessment import Assessment
from calciscope.domain.mention import PatientFact


def lines(assessment: Assessment) -> list[str]:
    """What was taken from the reports in one line, and a line for each thing that was not used and why."""
    facts = assessment.patient_facts
    used = list(dict.fromkeys(said(one) for one in facts if one.used))
    first = [f"from the report: {', '.join(used)}"] if used else []
    return [*first, *(f"report, not used: {said(one)}: {one.why}" for one in facts if not one.used and one.why)]


def said(fact: PatientFact) -> str:
    """One fact in words: "62 years", "no fever", "hydronephrosis (left)"."""
    if fact.key == "age":
        return f"{fact.value:g} years"
    words = f"no {fact.value}" if fact.denied else str(fact.value)
    return f"{words} ({fact.laterality})" if fact.laterality else words
