"""Two dates of one patient: registration, matching and change. Like the pipeline, a door that knows the stages."""

from calciscope.compare.model import Comparison
from calciscope.compare.whole import Options, compare

__all__ = ["Comparison", "Options", "compare"]
