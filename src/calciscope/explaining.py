"""Report text -> assessment: reads the words, and interprets what they state as any other finding."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from calciscope import interpret, provenance, reports
from calciscope.domain.assessment import Assessment, Refused
from calciscope.domain.patient import Patient
from calciscope.domain.study import Refusal, Study
from calciscope.interpret import rules
from calciscope.read.text import Report


@dataclass(frozen=True)
class Options:
    """How to explain: which guidelines speak first, and folders of own rules."""

    guidelines: str = "esc"
    knowledge: tuple[Path, ...] = ()


class Explainer:
    """Explains reports one after another; words and rules are compiled once."""

    def __init__(self, options: Options | None = None) -> None:
        self.options = options or Options()
        self.knowledge = rules.load(self.options.knowledge)

    def explain(self, report: Report, patient: Patient | None = None, refused: Sequence[Refusal] = ()) -> Assessment:
        """The assessment of what a report says of a patient; ``refused`` is what of the patient file was not used.

        Raises:
            InputError: the text is not English, or spaCy is not installed; one line.
        """
        told = reports.of(report)
        stated = told.beside(patient or Patient(), (), self.knowledge)
        meaning = interpret.interpret(stated.doubts, stated.patient, self.knowledge, guidelines=self.options.guidelines)
        findings = stated.marked(meaning.findings)
        unread = interpret.unread(patient, self.knowledge) if patient is not None else ()
        refused = (*refused, *unread, *meaning.contradictions)
        return Assessment(
            answer=told.answer(meaning.answer, findings, stated, imaged=False),
            seriousness=meaning.seriousness,
            findings=findings,
            unknowns=meaning.unknowns,
            advice=meaning.advice,
            refused=tuple(Refused(input=one.input, why=one.why) for one in refused),
            sources=meaning.sources,
            mentions=told.mentions,
            patient_facts=stated.facts,
            provenance=provenance.of(
                Study(patient=stated.patient, inputs=told.inputs),
                (),
                knowledge_folders=self.options.knowledge,
                anatomy="none",
                preset="none",
                guidelines=self.options.guidelines,
                corrections=(),
            ),
        )
