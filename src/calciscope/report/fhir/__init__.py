"""The assessment as a FHIR transaction bundle, R4 or R5."""

from calciscope.report.fhir.bundle import bundle, write
from calciscope.report.fhir.parts import Release
from calciscope.report.fhir.people import Person, person_of

__all__ = ["Person", "Release", "bundle", "person_of", "write"]
