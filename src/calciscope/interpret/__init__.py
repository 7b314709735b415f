"""Findings and a patient to an interpretation: kind, seriousness, advice, and what is still unknown.

The clinical content is data (``calciscope/knowledge``); this package only runs it.
"""

from calciscope.interpret.interpretation import Interpretation, interpret
from calciscope.interpret.rules import Knowledge, load
from calciscope.interpret.unread import unread

__all__ = ["Interpretation", "Knowledge", "interpret", "load", "unread"]
