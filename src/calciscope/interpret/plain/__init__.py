"""An assessment in the words of a patient: the same facts, from phrases that are data (``knowledge/plain``).

:func:`for_patient` is the one way in. It reads an assessment, whatever evidence that came from.
"""

from calciscope.interpret.plain.write import for_patient

__all__ = ["for_patient"]
