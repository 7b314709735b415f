"""Why files are refused, where several places say the same."""

from __future__ import annotations

# A thousand slices of 1024 x 1024, twice: a damaged or hostile header may claim more than fits into any memory.
MOST_VOXELS = 2**31

# Pixels and slices of a CT are a quarter of a millimetre to a few centimetres apart; beyond this the unit is wrong.
PLAUSIBLE_MM = (0.01, 100.0)

CUT_OFF = "the file is cut off: it ends before its pixels do; copy it again from where it came"
UNREADABLE = "it cannot be opened; check its permissions and, for a link, where it leads"
TOO_LARGE = "it does not fit into the memory of this machine; give a part of it, or use a larger machine"
IMPLAUSIBLE = "its voxel spacing is that of no CT: the unit may be wrong; export it again"
ONE_SLICE = "one slice is not a volume; give the whole series"


class NotDicomError(Exception):
    """The file is not DICOM at all; it is for the caller to say whether that matters."""


class Unusable(Exception):  # noqa: N818 - it is an answer about a file, not a failure
    """Why a DICOM file gives no CT slice; ``quiet`` where nobody needs to hear of it (a DICOMDIR).

    ``identifiers`` are what its header calls the patient, so that its name can be cleaned of them.
    """

    identifiers: frozenset[str] = frozenset()

    def __init__(self, why: str, quiet: bool = False) -> None:
        super().__init__(why)
        self.why = why
        self.quiet = quiet
