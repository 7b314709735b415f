"""The assessment as a FHIR transaction bundle, R4 or R5."""

from calciscope.export.fhir.bundle import bundle, write
from calciscope.export.fhir.parts import Release
from calciscope.export.fhir.people import Person, Pseudonyms, person_of

__all__ = ["Person", "Pseudonyms", "Release", "bundle", "person_of", "write"]
