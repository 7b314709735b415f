"""Report text -> mentions of calcium -> stated findings: the way from a radiologist's words."""

from calciscope.text.findings import Told, told
from calciscope.text.reader import Reader, ReportText, reader

__all__ = ["Reader", "ReportText", "Told", "reader", "told"]
