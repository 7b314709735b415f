"""Errors with a message that says what is wrong with which input and what would help.

A message never holds a patient identifier: files are named by their own name, people not at all.
"""

from __future__ import annotations


class CalciscopeError(Exception):
    """Anything that Calciscope refuses on purpose; the command line shows its text as one line."""


class InputError(CalciscopeError):
    """An input cannot be read or is not supported."""


class PatientFileError(CalciscopeError):
    """The patient file cannot be used at all."""


class KnowledgeError(CalciscopeError):
    """A knowledge file is wrong: a rule that does not compile, a missing source."""


class AnatomyError(CalciscopeError):
    """An anatomy provider is unknown or does not fit the volume."""


class CorrectionError(CalciscopeError):
    """The corrections file names a deposit or a site that does not exist."""


class OutputError(CalciscopeError):
    """The files cannot be written where they were asked for."""


class NothingToAssessError(CalciscopeError):
    """No input could be assessed; exit code 3. ``lines`` say why, one line an input."""

    def __init__(self, message: str, lines: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.lines = lines or (message,)
